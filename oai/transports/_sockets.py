"""A connection over a blocking socket: opened within a deadline, checked before it is used again."""

from __future__ import annotations

import select
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from oai.transports._limits import BodyError, remaining
from oai.transports._origins import ATTEMPT_DELAY, Address, connect_error, interleave, look_up_within

if TYPE_CHECKING:
    from oai._http1 import Request, Response
    from oai.transports._origins import Origin
    from oai.transports._tls import Resumption

PIECE = 64 * 1024
"""Bytes that are read at a time, and written of a body at a time."""

KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Probes that notice a server that is gone while a response takes long: after 60 s, each 15 s, four times."""

OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in KEEPALIVE.items() if hasattr(socket, name)),
]
"""The options of a TCP connection, those that the system has."""


def new_socket(candidate: Address) -> socket.socket:
    """Return a socket to connect to an address, with the options of a connection."""
    family, kind, protocol, _, _ = candidate
    sock = socket.socket(family, kind, protocol)
    with suppress(OSError):  # not of every kind of socket
        for option in OPTIONS:
            sock.setsockopt(*option)
    return sock


class Connection:
    """A connection to a server.

    Args:
        sock: a connected socket.
        resumption: takes the TLS session of the connection after its first response.
    """

    __slots__ = ("_limit", "_poll", "_sock", "_within_tls", "resumption")

    def __init__(self, sock: socket.socket, resumption: Resumption | None = None) -> None:
        self._sock = sock
        self.resumption = resumption
        self._limit = sock.gettimeout()
        self._within_tls: Callable[[], int] | None = sock.pending if isinstance(sock, ssl.SSLSocket) else None
        self._poll: Callable[[int], object] | None = None

    def is_quiet(self) -> bool:
        """Tell whether nothing has arrived: neither the end of the connection nor bytes, also not within TLS."""
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
        if self._within_tls is not None and self._within_tls():
            return True
        if self._poll is None:
            self._poll = _poll_of(self._sock)
        return bool(self._poll(0))

    def _wait(self, limit: float | None) -> tuple[bool, bool]:
        """Wait until the socket can be read or written; return which."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
            ready = selector.select(limit)
        if not ready:
            raise TimeoutError("timed out: the server does not read the request")
        events = ready[0][1]
        return bool(events & selectors.EVENT_READ) or self._is_readable(), bool(events & selectors.EVENT_WRITE)

    def _receive_now(self) -> bytes | None:
        """Return what has arrived, `None` if that is nothing: TLS also receives records of its own."""
        self._wait_up_to(0.0)
        try:
            return self._sock.recv(PIECE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None

    def _send_now(self, view: memoryview) -> int:
        self._wait_up_to(0.0)
        try:
            return self._sock.send(view)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
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


def open_connection(
    origin: Origin, context: ssl.SSLContext | None, resumption: Resumption, deadline: float | None
) -> Connection:
    """Open a connection: look-up, TCP and TLS, all within one deadline.

    Raises:
        TransportError: that is not possible.
    """
    try:
        addresses = look_up_within(origin.host, origin.port, deadline)
        sock = _connect(addresses[0], deadline) if len(addresses) == 1 else _race(addresses, deadline)
        if context is None:
            return Connection(sock)
        return Connection(_start_tls(sock, origin, context, resumption, deadline), resumption)
    except (OSError, ValueError, OverflowError) as error:
        raise connect_error(origin, error) from error


def _start_tls(
    sock: socket.socket, origin: Origin, context: ssl.SSLContext, resumption: Resumption, deadline: float | None
) -> ssl.SSLSocket:
    try:
        sock.settimeout(remaining(deadline, None))
        session = resumption.take(context)
        options: dict[str, Any] = {} if session is None else {"session": session}
        # A connection that ends without the alert of TLS may have been cut by anyone (RFC 9112, section 9.8).
        return context.wrap_socket(sock, server_hostname=origin.server_name, suppress_ragged_eofs=False, **options)
    except BaseException:
        sock.close()
        raise


def _connect(candidate: Address, deadline: float | None) -> socket.socket:
    sock = new_socket(candidate)
    try:
        sock.settimeout(remaining(deadline, None))
        sock.connect(candidate[-1])
    except BaseException:
        sock.close()
        raise
    return sock


def _race(addresses: list[Address], deadline: float | None) -> socket.socket:
    """Connect to several addresses, each started a little later, and return the first connection (RFC 8305)."""
    waiting, failure = deque(interleave(addresses)), OSError("no address")
    next_start = 0.0
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                now = time.monotonic()
                if waiting and (now >= next_start or not selector.get_map()):
                    next_start = now + ATTEMPT_DELAY
                    try:
                        _start(selector, waiting.popleft())
                    except OSError as error:
                        failure = error
                    continue
                for key, _ in selector.select(remaining(deadline, next_start - now if waiting else None)):
                    sock: Any = key.fileobj
                    selector.unregister(sock)
                    if not (number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                        return sock  # type: ignore[no-any-return]
                    sock.close()
                    failure, next_start = OSError(number, os_message(number)), 0.0
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]  # they are sockets
    raise failure


def _start(selector: selectors.BaseSelector, candidate: Address) -> None:
    sock = new_socket(candidate)
    try:
        sock.setblocking(False)
        with suppress(BlockingIOError):
            sock.connect(candidate[-1])
        selector.register(sock, selectors.EVENT_WRITE)
    except BaseException:
        sock.close()
        raise


def os_message(number: int) -> str:
    """Return the message of the operating system for an error."""
    import os

    return os.strerror(number)
