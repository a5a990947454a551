"""One exchange over an asyncio connection: the request is written, the head awaited, the body read.

Request bodies from files are read in a thread, so that no event loop waits for a disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from oai._http.messages import Headers, TransportError
from oai.transports._async_bodies import pieces_of
from oai.transports._limits import FAILURES, LINGER, BodyError, as_transport_error

if TYPE_CHECKING:
    from oai._http.messages import Body, Timeout
    from oai._http1 import Request as HTTPRequest
    from oai.transports._protocols import Connection, Exchange

PIECE = 64 * 1024
"""Bytes that are written of a body at a time."""

WAIT_FAILURES = (TransportError, *FAILURES)
"""The exceptions of a wait for bytes: the limit is reached, or another task waits."""


async def exchange_over(
    exchange: Exchange,
    connection: Connection,
    head: HTTPRequest,
    body: bytes | Body | None,
    limits: Timeout,
    deadline: float | None,
) -> None:
    """Send a request and wait for the head of its response."""
    response = exchange.response
    try:
        if body is None or (isinstance(body, bytes) and len(body) <= PIECE):
            connection.write(head.whole(body or b""))
        else:
            await _send_body(exchange, connection, head, body, (limits.write, deadline))
        while not (response.status or response.ended or exchange.error):
            await connection.wait(exchange, limits.read, deadline)
    except BaseException:
        exchange.abort()  # which does nothing if the connection belongs to another exchange by now
        raise
    if not response.status and (error := response.error or exchange.error):
        exchange.abort()
        raise error


async def _send_body(
    exchange: Exchange,
    connection: Connection,
    head: HTTPRequest,
    body: bytes | Body,
    limits: tuple[float | None, float | None],
) -> None:
    """Write a head and a long body, until a response arrives that makes the rest useless.

    A server that rejects a request may respond before it has read the body, and read no further (RFC 9112, section
    9.3).
    """
    connection.write(head.head)
    async for piece in _pieces(body):
        connection.write(head.frame(piece))
        while connection.is_full and not exchange.is_over:
            await connection.wait(exchange, *limits)
        if exchange.is_over:
            return
    if end := head.finish():
        connection.write(end)


async def _pieces(body: bytes | Body) -> AsyncIterator[memoryview]:
    """Yield a body in pieces that are written at once."""
    source = None if isinstance(body, bytes) else pieces_of(body)
    part = body if isinstance(body, bytes) else b""
    while True:
        view = memoryview(part)
        for start in range(0, len(part), PIECE):
            yield view[start : start + PIECE]
        if source is None:
            return
        try:
            part = await anext(source)
        except StopAsyncIteration:
            return
        except Exception as error:
            raise BodyError(error) from error


class AsyncHTTPReply:
    """A response whose body is arriving over a connection of a pool."""

    __slots__ = ("_closed", "_deadline", "_exchange", "_limit", "_owner", "body_length", "headers", "status")

    def __init__(self, exchange: Exchange, owner: object, limit: float | None, deadline: float | None) -> None:
        response = exchange.response
        self.status, self.body_length = response.status, response.length
        self.headers = Headers(response.fields, index=response.index)
        self._exchange = exchange
        self._owner = owner  # which closes its connections when nothing refers to it
        self._limit, self._deadline = limit, deadline
        self._closed = False

    async def read(self) -> bytes:
        """Return the whole body."""
        exchange = self._exchange
        content = exchange.take()
        if exchange.connection is not None:
            pieces = [content]
            while exchange.connection is not None:
                await self._wait(exchange.connection)
                pieces.append(exchange.take())
            content = b"".join(pieces)
        self._check_end()
        return content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        exchange = self._exchange
        while True:
            self._check_open()
            if piece := exchange.take():
                yield piece
            elif exchange.connection is not None:
                await self._wait(exchange.connection)
            else:
                self._check_end()
                return

    async def close(self) -> None:
        """Keep the connection if the body has ended or is about to; otherwise close it."""
        if self._closed:
            return
        self._closed = True
        exchange = self._exchange
        try:
            if (connection := exchange.connection) is not None and not exchange.is_awaited:
                end = connection.loop.time() + LINGER
                while exchange.connection is not None:
                    exchange.take()
                    await connection.wait(exchange, None, end)
        except WAIT_FAILURES:
            pass
        finally:
            exchange.abort()
            exchange.wake()

    def __del__(self) -> None:
        self._exchange.abandon()

    async def _wait(self, connection: Connection) -> None:
        try:
            await connection.wait(self._exchange, self._limit, self._deadline)
        except BaseException as error:
            self._exchange.abort()
            if not isinstance(error, WAIT_FAILURES):
                raise
            self._check_open()
            raise as_transport_error(error) from error

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")

    def _check_end(self) -> None:
        self._check_open()
        if error := self._exchange.response.error or self._exchange.error:
            raise as_transport_error(error) from error
