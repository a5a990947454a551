"""Responses that a client of httpx is receiving, and its errors as those of the seam."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from oai._http.messages import Headers, TransportError
from oai._support.async_library import timeout
from oai.transports._cancellation import cancel_once
from oai.transports._limits import remaining

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

KINDS = {
    "TimeoutException": "timeout",
    "TimeoutError": "timeout",
    "ConnectError": "connect",
    "ProxyError": "connect",
    "UnsupportedProtocol": "connect",
    "InvalidURL": "connect",
    "OverflowError": "connect",
    "ExceptionGroup": "connect",
    "WriteError": "send",
    "LocalProtocolError": "send",
    "StreamError": "closed",
}
"""The kind of failure by the name of an exception's class or its nearest base; any other is `receive`."""

Errors: TypeAlias = tuple[type[Exception], ...]


class HttpxReply:
    """A response whose body an `httpx.Client` is receiving."""

    def __init__(self, response: Any, limits: dict[str, float | None], deadline: float | None, errors: Errors) -> None:
        self.status: int = response.status_code
        self.headers, self._content = _received(response)
        self._response = response
        self._limits, self._read_limit = limits, limits["read"]
        self._deadline, self._errors = deadline, errors
        self._closed = False

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        if self._closed:
            raise TransportError("closed", "the reply is closed")
        if self._content is not None:
            if self._content:
                yield self._content
            return
        try:
            self._limits["read"] = remaining(self._deadline, self._read_limit)  # for the first wait of the body
            for piece in self._response.iter_raw():
                remaining(self._deadline, None)
                if piece:
                    yield piece
        except self._errors as error:
            self._response.close()
            raise as_transport_error(error, closed=self._closed) from error

    def close(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._closed = True
        self._response.close()


class AsyncHttpxReply:
    """A response whose body an `httpx.AsyncClient` is receiving."""

    def __init__(self, response: Any, deadline: float | None, errors: Errors) -> None:
        self.status: int = response.status_code
        self.headers, self._content = _received(response)
        self._response = response
        self._deadline = deadline
        self._errors = errors
        self._closed = False

    async def read(self) -> bytes:
        """Return the whole body."""
        return b"".join([piece async for piece in self])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(self)

    def raw_pieces(self) -> AsyncIterator[bytes]:
        """Return the iterator of httpx."""
        if self._closed:
            raise TransportError("closed", "the reply is closed")
        read = self._response.aiter_raw if self._content is None else self._response.aiter_bytes
        pieces: AsyncIterator[bytes] = read()
        return pieces

    async def next_piece(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        """Return the next piece, or `None` at the end."""
        try:
            async with until(self._deadline):
                piece: bytes | None = await cancel_once(anext(pieces, None))
        except self._errors as error:
            await cancel_once(self._response.aclose())
            raise as_transport_error(error, closed=self._closed) from error
        return piece

    async def close(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._closed = True
        await cancel_once(self._response.aclose())


class _Pieces:
    """The pieces of a body. Not a generator: trio warns of one that is not read to its end."""

    def __init__(self, reply: AsyncHttpxReply) -> None:
        self._reply = reply
        self._pieces: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._pieces is None:
            self._pieces = self._reply.raw_pieces()
        while (piece := await self._reply.next_piece(self._pieces)) is not None:
            if piece:
                return piece
        raise StopAsyncIteration


def _received(response: Any) -> tuple[Headers, bytes | None]:
    """Return the headers, and the content if it was read already: by an event hook, or in a `MockTransport`.

    Such content is decoded, so that the headers about its encoding no longer apply.
    """
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
    try:
        content: bytes = response.content
    except RuntimeError:  # `ResponseNotRead`: the usual case
        return Headers(fields), None
    return Headers(field for field in fields if field[0].lower() not in ("content-encoding", "content-length")), content


def until(deadline: float | None) -> AbstractAsyncContextManager[Any]:
    """Return a context manager that raises `TimeoutError` at a time of the monotonic clock."""
    return timeout(None if deadline is None else max(deadline - time.monotonic(), 0.0))


def as_transport_error(error: Exception, *, closed: bool = False) -> TransportError:
    """Return the error of the seam for one of httpx's."""
    if closed:
        return TransportError("closed", "the reply is closed")
    kind = next((KINDS[base.__name__] for base in type(error).__mro__ if base.__name__ in KINDS), "receive")
    text = str(error) or ("timed out" if kind == "timeout" else type(error).__name__)
    if "without sending complete message body" in text or "incomplete chunked read" in text:
        text = "the response was cut short"
    return TransportError(kind, text)
