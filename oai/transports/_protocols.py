"""A connection over an asyncio transport, with TLS of its own.

TLS is a layer of bytes to bytes (`_tls_layer`); a connection has none, one, or two: in a tunnel through a proxy with
TLS.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from oai._http.messages import TransportError
from oai._http1 import IncompleteError, Request, Response
from oai.transports._limits import LONGEST_WAIT
from oai.transports._tls import Resumption
from oai.transports._tls_layer import Layer

if TYPE_CHECKING:
    from oai.transports._pool import Pool

CLOSED = "the connection was closed"

MOST_BUFFERED = 256 * 1024
"""Bytes of a body that wait for their reader before the connection is read no further."""


NO_RESPONSE = Response(Request("GET", "/", (), host=""))
"""Stands for the response while a connection is being opened."""


class Exchange:
    """One request and its response, as its connection and its reply share them.

    It ends with the response. Then the connection is free again, while the reply may still have bytes to return.
    """

    __slots__ = ("buffered", "connection", "error", "pieces", "response", "waiter")

    def __init__(self, connection: Connection, response: Response) -> None:
        self.connection: Connection | None = connection
        self.response = response
        self.pieces: list[bytes] = []
        self.buffered = 0
        self.error: Exception | None = None
        self.waiter: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is no use in sending more of the request: it has failed, or was rejected."""
        return self.connection is None or self.error is not None or self.response.status >= 300

    def take(self) -> bytes:
        """Return what has arrived of the body since the last time."""
        pieces = self.pieces
        if not pieces:
            return b""
        self.pieces, self.buffered = [], 0
        if self.connection is not None:
            self.connection.resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @property
    def is_awaited(self) -> bool:
        """Whether a task is waiting for the exchange."""
        return self.waiter is not None and not self.waiter.done()

    def wake(self) -> None:
        """Let the task that waits look again."""
        if (waiter := self.waiter) is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def abort(self) -> None:
        """Close the connection, unless it is no longer the exchange's."""
        if self.connection is not None:
            self.connection.abort()

    def abandon(self) -> None:
        """Close the connection, from a finalizer in any thread."""
        if self.connection is not None:
            with suppress(RuntimeError):  # the loop is closed
                self.connection.loop.call_soon_threadsafe(self.abort)


class Connection(asyncio.Protocol):
    """A connection to a server, which reads by itself: what arrives goes to the exchange.

    Args:
        loop: the running event loop.
        pool: takes it back at the end of each exchange.
        all_open: the connections that have not been lost, to which this one adds itself.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pool: Pool[Connection],
        all_open: WeakSet[Connection],
    ) -> None:
        self.loop = loop
        self._pool = pool
        self._all_open = all_open
        self._layers: list[Layer] = []
        self._resumption: Resumption | None = None
        self._take: Callable[[bytes], object] | None = None
        self._exchange: Exchange | None = None
        self._user: object = None
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._expires = 0.0
        self._poll: Callable[[int], object] | None = None
        self.transport: Any = None
        self.is_open = True
        self.is_full = False
        """Whether what was written waits to be sent, so that no more should be."""

    # What the pool uses

    def is_quiet(self) -> bool:
        """Tell whether the connection is open and nothing has arrived, also if the loop has not run since then."""
        return self.is_open and not (self._poll is not None and self._poll(0))

    def close(self) -> None:
        """Close the connection."""
        self.abort()

    # What asyncio calls

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport
        self._all_open.add(self)
        sock = transport.get_extra_info("socket")
        if sock is not None and hasattr(select, "poll"):
            poll = select.poll()
            poll.register(sock.fileno(), select.POLLIN)
            self._poll = poll.poll

    def data_received(self, data: bytes) -> None:
        """Pass on what has arrived."""
        exchange = self._exchange
        ended = False
        if self._layers:
            try:
                for layer in self._layers:
                    data = layer.decrypt(data)
                    ended = layer.ended
            except ssl.SSLError as error:
                self._break(error)
                return
        if self._take is not None:
            self._take(data)
            self._wake()
        elif exchange is None:
            if data or ended:
                self.abort()  # no request was sent, so that this would become the response to the next one
        elif data:
            self._feed(exchange, data)
        if ended:
            self._finish()

    def _feed(self, exchange: Exchange, data: bytes) -> None:
        response = exchange.response
        if piece := response.feed(data):
            exchange.pieces.append(piece)
            exchange.buffered += len(piece)
            if exchange.buffered > MOST_BUFFERED:
                self._pause()
        if response.ended:
            self._end(exchange)
        else:
            exchange.wake()

    def eof_received(self) -> None:
        """Handle the end of the server's data."""
        if self._layers:
            self._break(IncompleteError("the connection was closed without the alert that ends TLS"))
        else:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        """Handle the loss of the connection."""
        self._break(error or IncompleteError(CLOSED))
        self._all_open.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self) -> None:
        """Pause the writing task: the server reads more slowly than it writes."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Let the writing task continue."""
        self.is_full = False
        self._wake()

    # What the transport uses

    def start(self, response: Response, user: object) -> Exchange:
        """Begin an exchange of a transport."""
        self._exchange = exchange = Exchange(self, response)
        self._user = user
        return exchange

    async def open_by(self, take: Callable[[bytes], object], is_done: Callable[[], bool]) -> None:
        """Pass what arrives to `take` until what the connection needs before its first exchange is done."""
        self._take = take
        self._exchange = exchange = Exchange(self, NO_RESPONSE)
        try:
            while not is_done():
                if exchange.error is not None:
                    raise exchange.error
                await self.wait(exchange, None, None)
        finally:
            self._take = self._exchange = None

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes."""
        for layer in reversed(self._layers):
            data = layer.encrypt(data)
        self.transport.write(data)

    def wait(self, exchange: Exchange, limit: float | None, deadline: float | None) -> asyncio.Future[None]:
        """Return a future that ends when anything happens in an exchange, or with `TimeoutError` at a limit."""
        if exchange.is_awaited:
            raise TransportError("receive", "another task is reading this reply")
        waiter = exchange.waiter = self.loop.create_future()
        self._set_timer(limit, deadline)  # even without limits: those of an earlier wait must not end this one
        return waiter

    async def start_tls(self, context: ssl.SSLContext, server_name: str, resumption: Resumption | None = None) -> None:
        """Begin TLS within the connection; its session is left to a later connection."""
        self._resumption = resumption
        layer = Layer(context, server_name, None if resumption is None else resumption.take(context))

        def shake_hands() -> bool:
            try:
                return layer.shake_hands()
            finally:
                self.write(layer.unsent())  # of the handshake, or the alert that says why it failed

        await self.open_by(layer.put, shake_hands)
        self._layers.append(layer)
        self.data_received(b"")  # what has arrived after the handshake

    def fail(self, error: Exception, user: object = None) -> None:
        """Close the connection, and have its exchange end by an error; for a user, only if it has the connection."""
        if user is not None and self._user is not user:
            return
        if self._exchange is not None:
            self._exchange.error = self._exchange.error or error
        self.abort()

    def resume(self) -> None:
        """Resume reading."""
        if self._paused and self.is_open:
            self._paused = False
            self.transport.resume_reading()

    def abort(self) -> None:
        """Close the connection at once, without sending what is left."""
        if self.is_open:
            self.is_open = False
            self.transport.abort()

    # How an exchange ends

    def _end(self, exchange: Exchange) -> None:
        """End an exchange whose response has ended; its connection can be taken by another one before this returns."""
        response = exchange.response
        if self._paused:
            self.resume()
        if self._resumption is not None:  # after the first response
            self._resumption.keep(self._layers[-1].tls)
            self._resumption = None
        self._exchange = exchange.connection = self._user = None
        exchange.wake()
        if response.reusable and self.is_open:
            self._pool.put_back(self)
        else:
            self.abort()
            self._pool.release()

    def _finish(self) -> None:
        """Take note of the proper end of the connection."""
        exchange = self._exchange
        if exchange is None or self._take is not None:
            self._break(IncompleteError(CLOSED))
        else:
            exchange.response.feed(b"")
            self._end(exchange)
            self.abort()

    def _break(self, error: Exception) -> None:
        """Take note of an end of the connection that nothing has announced."""
        exchange = self._exchange
        self.abort()
        if exchange is not None:
            exchange.error = exchange.error or error
            if self._take is not None:
                exchange.wake()
            else:
                self._end(exchange)

    def _pause(self) -> None:
        if not self._paused and self.is_open:
            self._paused = True
            self.transport.pause_reading()

    def _wake(self) -> None:
        if self._exchange is not None:
            self._exchange.wake()

    def _set_timer(self, limit: float | None, deadline: float | None) -> None:
        """Set when the wait that begins ends; one timer serves all, since most waits end long before."""
        expires = self.loop.time() + (LONGEST_WAIT if limit is None or limit > LONGEST_WAIT else limit)
        self._expires = expires = expires if deadline is None else min(expires, deadline)
        timer = self._timer
        if timer is None or timer.when() > expires:
            if timer is not None:
                timer.cancel()
            self._timer = self.loop.call_at(expires, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        waiter = None if self._exchange is None else self._exchange.waiter
        if waiter is None or waiter.done():
            return
        if self.loop.time() < self._expires:
            self._timer = self.loop.call_at(self._expires, self._on_timer)
        else:
            waiter.set_exception(TimeoutError("timed out"))
