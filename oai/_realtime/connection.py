"""Open WebSocket connections: `Connection` for threads, `AsyncConnection` for asyncio.

Their behaviour is in `base_connection`; methods such as `connection.session.update(...)` are added by `senders`.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Generic, TypeVar

from oai._flow.steps import run, run_async
from oai._json.encode import encode
from oai._realtime.base_connection import END, BaseConnection

E = TypeVar("E")


class Connection(BaseConnection, Generic[E]):
    """A WebSocket: an iterable of the events that the server sends, with methods for those that the client sends.

    Iterating ends when the connection is closed normally, and raises `WebSocketConnectionClosedError` if it is lost.
    One thread may receive while others send.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._stopped = threading.Event()

    def _pause(self, seconds: float) -> Any:
        self._stopped.wait(seconds)

    def __iter__(self) -> Iterator[E]:
        while (event := run(self._next())) is not END:
            yield event

    def recv(self, *, timeout: float | None = None) -> E:
        """Wait for the next event.

        Args:
            timeout: seconds; no limit by default. An event that comes later is returned by the next call.

        Raises:
            WebSocketConnectionClosedError: the connection is closed.
            APITimeoutError: no event came in time.
            APIResponseValidationError: the message is not JSON.
            ResponseTooLargeError: the message is larger than `max_event`.
        """
        event: E = run(self._event(timeout))
        return event

    def recv_bytes(self, *, timeout: float | None = None) -> bytes:
        """Wait for the next message, unparsed (`parse_event` parses it). Raises what `recv` raises."""
        return run(self._receiving(timeout))

    def send(self, event: Mapping[str, Any] | Any) -> None:
        """Send an event: a dict, a struct, or anything else that can be encoded as JSON.

        Raises:
            WebSocketConnectionClosedError: the connection is closed.
            WebSocketQueueFullError: too many bytes wait for a connection that is being opened again.
        """
        run(self._sending(encode(event).decode()))

    def send_raw(self, data: str | bytes) -> None:
        """Send a message unchanged: text, or bytes as a binary message. Raises what `send` raises."""
        run(self._sending(data))

    def dispatch_events(self) -> None:
        """Receive events until the connection is closed, and call the functions registered by `on` and `once`.

        Raises:
            StreamError: an `error` event came, and no function is registered for it.
            WebSocketConnectionClosedError: the connection was lost.
        """
        run(self._dispatching())

    def close(self, *, code: int = 1000, reason: str = "") -> None:
        """Close the connection. Calling it again does nothing."""
        self._stop()
        self._stopped.set()
        self._wire.close(code, reason)


class AsyncConnection(BaseConnection, Generic[E]):
    """`Connection` for asyncio: `async for event in connection`, `await connection.response.create()`."""

    def __init__(self, *arguments: Any) -> None:
        from asyncio import Event

        super().__init__(*arguments)
        self._stopped = Event()

    async def _pause(self, seconds: float) -> None:
        from asyncio import timeout

        try:
            async with timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    async def __aiter__(self) -> AsyncIterator[E]:
        while (event := await run_async(self._next())) is not END:
            yield event

    async def recv(self, *, timeout: float | None = None) -> E:  # noqa: ASYNC109 - as the sync client has it
        """Wait for the next event, see `Connection.recv`. Cancelling it loses no event."""
        event: E = await run_async(self._event(timeout))
        return event

    async def recv_bytes(self, *, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Wait for the next message, unparsed (`parse_event` parses it)."""
        return await run_async(self._receiving(timeout))

    async def send(self, event: Mapping[str, Any] | Any) -> None:
        """Send an event, see `Connection.send`."""
        await run_async(self._sending(encode(event).decode()))

    async def send_raw(self, data: str | bytes) -> None:
        """Send a message unchanged: text, or bytes as a binary message."""
        await run_async(self._sending(data))

    async def dispatch_events(self) -> None:
        """Receive events until the connection is closed, and call the functions registered by `on` and `once`."""
        await run_async(self._dispatching())

    async def close(self, *, code: int = 1000, reason: str = "") -> None:
        """Close the connection. Calling it again does nothing."""
        self._stop()
        self._stopped.set()
        await self._wire.close(code, reason)
