"""WebSockets over the library `websockets`, which no other module imports.

A handshake is a request like any other: `_flow.attempts` sends it over `SocketTransport` or `AsyncSocketTransport`,
so that keys, retries, redirects, timeouts, hooks and errors are those of every call. The reply of a server that accepts
is a `WebSocketWire`, a `Reply` with status 101 that sends and receives messages.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from oai._errors import OpenAIError
from oai._http.messages import Headers, Request, Timeout, TransportError
from oai._realtime.reconnect import ABNORMAL, SocketClosed
from oai._support.async_library import asyncio_loop
from oai._support.excerpt import excerpt

try:
    from websockets import exceptions
    from websockets.asyncio.client import ClientConnection as AsyncClientConnection
    from websockets.asyncio.client import connect as connect_async
    from websockets.protocol import State
    from websockets.sync.client import ClientConnection, connect
except ImportError as missing:
    raise OpenAIError(
        "WebSockets need the package `websockets`, which is not installed: pip install 'oai[realtime]'"
    ) from missing

TOO_BIG: Final = 1009

_silent = logging.Logger("oai.websocket", logging.CRITICAL + 1)  # noqa: LOG001 - no handler is to find it
"""The logger passed to the library, which would log the key at DEBUG. Handshakes are logged as every request is."""


class _HandshakeRejected(Exception):  # noqa: N818
    """The response to a handshake is not 101. The library would follow redirects by itself, and send the key along."""

    def __init__(self, response: Any) -> None:
        super().__init__(response)
        self.response = response


@contextmanager
def _rejections() -> Iterator[None]:
    """Raise `_HandshakeRejected` in place of the library's exception, which it handles itself."""
    try:
        yield
    except exceptions.InvalidStatus as error:
        raise _HandshakeRejected(error.response) from None


class _Handshake(ClientConnection):
    def handshake(self, *arguments: Any, **options: Any) -> None:
        with _rejections():
            super().handshake(*arguments, **options)


class _AsyncHandshake(AsyncClientConnection):
    async def handshake(self, *arguments: Any, **options: Any) -> None:
        with _rejections():
            await super().handshake(*arguments, **options)


class RejectedReply:
    """The reply of a server that did not open a WebSocket."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = Headers(response.headers.raw_items())
        self._body = bytes(response.body or b"")

    def read(self) -> bytes:
        """Return the body."""
        return self._body

    def __iter__(self) -> Iterator[bytes]:
        if self._body:
            yield self._body

    def close(self) -> None:
        """Do nothing: the connection is closed already."""


class _BaseWire:
    status = 101

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.headers = Headers(socket.response.headers.raw_items())

    @property
    def is_open(self) -> bool:
        """Whether the connection is open: neither side has begun to close it, and it is not known to be lost."""
        return bool(self._socket.state is State.OPEN)

    def read(self) -> bytes:
        """Return the body: a response with status 101 has none."""
        return b""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


class WebSocketWire(_BaseWire):
    """An open connection."""

    def send(self, data: str | bytes) -> None:
        """Send a message, text or binary."""
        with _closing():
            self._socket.send(data)

    def receive(self, timeout: float | None) -> bytes:
        """Wait for the next message; raise `TimeoutError` if none comes in time."""
        with _closing():
            data: bytes = self._socket.recv(timeout, decode=False)
            return data

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, and wait for the server to do the same."""
        self._socket.close(code, reason)


class AsyncWebSocketWire(_BaseWire):
    """An open connection of asyncio."""

    async def send(self, data: str | bytes) -> None:
        """Send a message, text or binary."""
        with _closing():
            await self._socket.send(data)

    async def receive(self, timeout: float | None) -> bytes:  # noqa: ASYNC109 - as `WebSocketWire` has it
        """Wait for the next message; raise `TimeoutError` if none comes in time."""
        from asyncio import timeout as limit

        with _closing():
            async with limit(timeout):
                data: bytes = await self._socket.recv(decode=False)
                return data

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, and wait for the server to do the same."""
        await self._socket.close(code, reason)


@contextmanager
def _closing() -> Iterator[None]:
    """Raise `SocketClosed` in place of the library's exception."""
    try:
        yield
    except exceptions.ConnectionClosed as closed:
        received, sent = closed.rcvd, closed.sent
        raise SocketClosed(
            received.code if received is not None else ABNORMAL,
            received.reason if received is not None else "",
            clean=isinstance(closed, exceptions.ConnectionClosedOK),
            too_big=sent is not None and sent.code == TOO_BIG and not closed.rcvd_then_sent,
            sent_reason=sent.reason if sent is not None and received is None else "",
        ) from closed


class _SocketTransport:
    """Opens WebSockets.

    Args:
        options: the caller's options for `websockets`.
        max_size: maximum size of a received message in bytes, `None` for no limit.
    """

    needs_key = True

    def __init__(self, options: Mapping[str, Any], max_size: int | None) -> None:
        self._options = {"max_size": max_size, "compression": None, **options}

    def _arguments(self, request: Request) -> dict[str, Any]:
        limit = _limit(request.timeout)
        if limit is not None and limit <= 0:
            raise TransportError("timeout", "no time was left to connect")
        return {
            "uri": request.url.replace("http", "ws", 1),
            "additional_headers": request.headers,
            "user_agent_header": None,
            "open_timeout": limit,
            "logger": _silent,
            **self._options,
        }


class SocketTransport(_SocketTransport):
    """Opens WebSockets for threads."""

    def send(self, request: Request) -> Any:
        """Return a `WebSocketWire`, or the reply of a server that rejects the handshake."""
        arguments = self._arguments(request)
        try:
            socket = connect(create_connection=_Handshake, **arguments)
            return WebSocketWire(socket.__enter__())  # the library's `connect` is a context manager; `close` exits it
        except Exception as error:  # noqa: BLE001 - `_rejected_reply` raises what the options caused again
            return _rejected_reply(error, arguments)

    def close(self) -> None:
        """Do nothing: connections are closed by their wires."""


class AsyncSocketTransport(_SocketTransport):
    """Opens WebSockets for asyncio."""

    async def send(self, request: Request) -> Any:
        """Return an `AsyncWebSocketWire`, or the reply of a server that rejects the handshake."""
        asyncio_loop("a WebSocket", "under trio use OpenAI in a thread")
        arguments = self._arguments(request)
        try:
            return AsyncWebSocketWire(await connect_async(create_connection=_AsyncHandshake, **arguments))
        except Exception as error:  # noqa: BLE001
            return _rejected_reply(error, arguments)

    async def close(self) -> None:
        """Do nothing: connections are closed by their wires."""


def _limit(timeout: Timeout) -> float | None:
    """Return the seconds that a handshake may take: it counts as connecting."""
    limits = [seconds for seconds in (timeout.connect, timeout.total) if seconds is not None]
    return min(limits, default=None)


def _rejected_reply(error: Exception, arguments: Mapping[str, Any]) -> RejectedReply:
    """Return the reply that a failed handshake carries, or raise a `TransportError`."""
    if isinstance(error, _HandshakeRejected):
        return RejectedReply(error.response)
    if isinstance(error, TimeoutError):
        limit = arguments["open_timeout"]
        raise TransportError("timeout", f"the WebSocket was not open after {limit} s (connect)") from None
    if isinstance(error, OSError):
        raise TransportError("connect", excerpt(str(error))) from error
    if isinstance(error, (exceptions.WebSocketException, EOFError)):
        raise TransportError("receive", f"the handshake failed: {excerpt(str(error))}") from None
    raise error
