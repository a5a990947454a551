"""A connection over a blocking socket, which is checked before it is used again."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from oai.transports._limits import BodyError, remaining

if TYPE_CHECKING:
    from oai._http1 import Request, Response
    from oai.transports._tls import Resumption

PIECE = 64 * 1024
"""Bytes that are read at a time, and written of a body at a time."""


class Connection:
    """A connection to a server.

    Args:
        sock: a connected socket.
        resumption: takes the session of a connection within TLS after its first response.
    """

    __slots__ = ("_limit", "_poll", "_sock", "resumption")

    def __init__(self, sock: socket.socket, resumption: Resumption | None = None) -> None:
        self._sock = sock
        self.resumption = resumption
        self._limit = sock.gettimeout()
        self._poll: Callable[[int], object] | None = None

    def is_quiet(self) -> bool:
        """Return whether nothing has arrived: neither the end of the connection nor bytes."""
        return not self._is_readable()

    def send(self, data: bytes, limit: float | None, deadline: float | None) -> None:
        """Write bytes, each part of them within the limit."""
        limit = limit if deadline is None else remaining(deadline, limit)
        if limit != self._limit:
            self._wait_up_to(limit)
        self._sock.sendall(data)

    def receive(self, limit: float | None, deadline: float | None) -> bytes:
        """Return what arrives next, `b""` at the end of the connection."""
        limit = limit if deadline is None else remaining(deadline, limit)
        if limit != self._limit:
            self._wait_up_to(limit)
        return self._sock.recv(PIECE)

    def send_body(
        self,
        request: Request,
        response: Response,
        pieces: Iterable[bytes | memoryview],
        limit: float | None,
        deadline: float | None,
    ) -> bytes:
        """Write a head and a long body, until a response arrives that makes the rest useless.

        A server that rejects a request may respond before it has read the body, and read no further (RFC 9112, section
        9.3). Returns the part of the response's body that has arrived.
        """
        received = b""
        for data in _frames(request, pieces):
            view = memoryview(data)
            while view:
                readable, writable = self._wait(remaining(deadline, limit))
                if readable and (arrived := self._receive_now()) is not None:
                    received += response.feed(arrived)
                    if response.status >= 300 or response.ended:
                        return received
                if writable and (sent := self._send_now(view[:PIECE])) < 0:
                    return received
                if writable:
                    view = view[sent:]
        return received

    def keep_session(self) -> None:
        """Leave the TLS session to a later connection."""
        resumption, self.resumption = self.resumption, None
        if resumption is not None:
            resumption.keep(self._sock)

    def shut_down(self) -> None:
        """Wake a thread that reads."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _wait_up_to(self, limit: float | None) -> None:
        self._sock.settimeout(remaining(None, limit))
        self._limit = limit

    def _is_readable(self) -> bool:
        if self._poll is None:
            self._poll = _poll_of(self._sock)
        return bool(self._poll(0))

    def _wait(self, limit: float | None) -> tuple[bool, bool]:
        """Wait until the socket can be read or written; return which."""
        import selectors  # few requests have a long body

        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
            ready = selector.select(limit)
        if not ready:
            raise TimeoutError("timed out: the server does not read the request")
        events = ready[0][1]
        return bool(events & selectors.EVENT_READ) or self._is_readable(), bool(events & selectors.EVENT_WRITE)

    def _receive_now(self) -> bytes | None:
        """Return what has arrived, `None` if that is nothing."""
        self._wait_up_to(0.0)
        try:
            return self._sock.recv(PIECE)
        except BlockingIOError:
            return None

    def _send_now(self, view: memoryview) -> int:
        self._wait_up_to(0.0)
        try:
            return self._sock.send(view)
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):  # the server may have responded before it closed
            return -1


def _poll_of(sock: socket.socket) -> Callable[[int], object]:
    """Return a function that tells whether a socket is readable, called with the milliseconds to wait: 0."""
    if not hasattr(select, "poll"):  # on Windows
        return lambda _: select.select([sock], [], [], 0)[0]
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll


def _frames(request: Request, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    yield request.head
    iterator = iter(pieces)
    while True:
        try:
            piece = next(iterator, None)
        except Exception as error:
            raise BodyError(error) from error
        if piece is None:
            break
        if data := request.frame(piece):
            yield data
    if end := request.finish():
        yield end
