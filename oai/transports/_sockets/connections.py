"""Connections straight to a server, kept for the next request: the common way of the default transport.

The standard library opens a socket and sets TLS up; the answer is read by `_http1`. urllib3's pool, its building of a
request line by line and its response object take more than half the time of a small call, and its import a third of
the time from a program's start to its first answer: it sends what goes through a proxy or a pool of the caller's
(`_pooled`).
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import finalize

from oai._http.messages import Headers, TransportError
from oai.transports._sockets.request_head import written
from oai.transports._sockets.response import FAILURES, Response, left_of, translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from oai._http.messages import Body, Request, Timeout

PIECE = 64 * 1024
"""The most bytes that one read of a streamed body returns, and that are written of a body at once."""

AT_ONCE = 64 * 1024
"""The most bytes of a body that are copied behind the head, so that both are one write."""

LINGER = 0.01
"""Seconds that closing a reply waits for a body's end that is already on its way, to keep the connection."""

MOST_HOSTS = 1000
"""Servers, and hosts behind a proxy, whose connections are kept."""

MOST_CONNECTIONS = 100
"""Idle connections kept to one host, as the official SDK has it."""

PORTS = {"http": 80, "https": 443}


@cache
def shared_tls_context() -> ssl.SSLContext:
    """Return the context of the system's trusted certificates, loaded once for all transports."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Origin:
    """A server and the idle connections to it.

    Args:
        url: scheme, host and port.
        ssl_context: how to trust it.
        keep: how many idle connections to keep.

    Raises:
        TransportError: the URL is not one of a server.
    """

    def __init__(self, url: str, ssl_context: Callable[[], ssl.SSLContext], keep: int) -> None:
        scheme, self._host, self._port = _taken_apart(url)
        self._trust = ssl_context if scheme == "https" else None
        name = f"[{self._host.partition('%')[0]}]" if ":" in self._host else self._host
        self._field = name if self._port == PORTS[scheme] else f"{name}:{self._port}"
        self._idle: deque[socket.socket] = deque()
        self._keep = keep
        finalize(self, _close_all, self._idle)  # of a client that nobody closes, at the exit at the latest

    def send(self, request: Request, target: str, deadline: float | None) -> tuple[socket.socket, Response]:
        """Send a request and return at the head of the answer, with the connection that it comes over."""
        timeout = request.timeout
        head = written(request, target, self._field)
        connection = self._connected(timeout, deadline)
        try:
            # A server that had enough before it read everything has closed, and may have answered.
            with suppress(BrokenPipeError, ConnectionResetError):
                for piece in _pieces(head, request.body):
                    # Of a piece, since a socket's time-out bounds the whole of a `sendall`.
                    connection.settimeout(left_of(deadline, timeout.write))
                    connection.sendall(piece)
            connection.settimeout(left_of(deadline, timeout.read))
            response = Response(connection, request.method, timeout.read, deadline)
            try:
                response.begin()
            except BaseException:
                response.close()
                raise
        except BaseException:
            connection.close()
            raise
        return connection, response

    @property
    def waits(self) -> bool:
        """Whether there is an idle connection."""
        return bool(self._idle)

    def _connected(self, timeout: Timeout, deadline: float | None) -> socket.socket:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread has taken the last one
                break
            if not _readable(connection):
                return connection
            connection.close()
        return self._opened(left_of(deadline, timeout.connect))

    def _opened(self, limit: float | None) -> socket.socket:
        """Open a connection, each step of which may take up to the limit."""
        try:
            connection = socket.create_connection((self._host, self._port), limit)
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._trust is None:
                    return connection
                name = self._host.partition("%")[0].rstrip(".")
                return self._trust().wrap_socket(connection, server_hostname=name)
            except BaseException:
                connection.close()
                raise
        except TimeoutError as error:
            raise TransportError("timeout", f"no connection to {self._host}:{self._port}: {error}") from error
        except socket.gaierror as error:
            raise TransportError("connect", f"no address was found for {self._host!r}: {error}") from error
        except (OSError, ValueError, OverflowError) as error:
            raise TransportError("connect", str(error) or type(error).__name__) from error

    def give(self, connection: socket.socket) -> None:
        """Take a connection back whose answer was read to its end."""
        if len(self._idle) >= self._keep:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the idle connections, and those that will be given back."""
        self._keep = 0
        _close_all(self._idle)


def _taken_apart(url: str) -> tuple[str, str, int]:
    """Return the scheme, the host and the port of a URL, the host as names and addresses are looked up."""
    shown = repr(url.rpartition("@")[2])  # without a password
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        if ":" in host:
            host = host.replace("%25", "%", 1)  # before the zone of an address (RFC 6874)
        elif not host.isascii():
            host = host.encode("idna").decode()
    except ValueError as error:
        raise TransportError("connect", f"{shown} is not the URL of a server: {error}") from error
    if scheme not in PORTS or not host:
        raise TransportError("connect", f"{shown} is not the URL of a server")
    return scheme, host, PORTS[scheme] if port is None else port


def _readable(connection: socket.socket) -> bool:
    """Return whether an idle connection has something to read: its end, or what nobody asked for."""
    if not hasattr(select, "poll"):
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(connections: deque[socket.socket]) -> None:
    with suppress(IndexError):
        while True:
            connections.pop().close()


def _pieces(head: bytes, body: bytes | Body | None) -> Iterator[bytes | memoryview]:
    """Yield a request as it is written, each piece as much as one wait for the socket may take."""
    if isinstance(body, bytes) and len(body) <= AT_ONCE:
        yield head + body
        return
    yield head
    for part in (body,) if isinstance(body, bytes) else body or ():
        view = memoryview(part)
        yield from (view[start : start + PIECE] for start in range(0, len(part), PIECE))


class DirectReply:
    """An answer under way over a connection of an origin."""

    __slots__ = (
        "_closed",
        "_connection",
        "_deadline",
        "_done",
        "_origin",
        "_reading",
        "_response",
        "headers",
        "status",
    )

    def __init__(
        self,
        origin: Origin,
        connection: socket.socket,
        response: Response,
        deadline: float | None,
    ) -> None:
        self.status = response.status
        self.headers = Headers(response.getheaders())
        self._origin, self._connection, self._response = origin, connection, response
        self._deadline = deadline
        self._closed = self._done = self._reading = False

    def read(self) -> bytes:
        """Return the whole body."""
        self._check_open()
        self._reading = True
        try:
            content = self._response.read()
            if self._closed:
                raise http.client.IncompleteRead(content)
        except FAILURES as error:
            raise self._failed(error) from error
        finally:
            self._reading = False
        self._finish()
        return content

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._check_open()
            self._reading = True
            try:
                left_of(self._deadline, None)
                piece = self._response.read1(PIECE)
                if self._closed or (not piece and self._response.length):
                    raise http.client.IncompleteRead(b"", self._response.length)
            except FAILURES as error:
                raise self._failed(error) from error
            finally:
                self._reading = False
            if not piece:
                self._finish()
                return
            yield piece

    def close(self) -> None:
        """Give the connection back if the body is at its end, or just about to be; else close it."""
        if self._closed:
            return
        self._closed = True
        if self._done:
            return
        if self._reading:  # in another thread, which this wakes, and which then closes the connection
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            return
        try:
            if self._ends_soon():
                self._finish()
                return
        except FAILURES:
            pass
        self._response.close()
        self._connection.close()

    def __del__(self) -> None:
        # Who forgets a reply gives its connection up; the socket would warn of that in words that say nothing of it.
        if not getattr(self, "_done", True):
            self._response.close()
            self._connection.close()

    def _ends_soon(self) -> bool:
        """Read what is left, should that be here already."""
        response = self._response
        if not response.will_close:
            response.hurry(LINGER)
            for _ in range(2):  # the last piece, and the mark of the end behind it
                if response.isclosed() or response.length == 0 or not response.read1(PIECE):
                    break
        return response.isclosed() or response.length == 0

    def _finish(self) -> None:
        if not self._done:
            self._done = True
            self._response.close()
            if self._response.will_close:
                self._connection.close()
            else:
                self._origin.give(self._connection)

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")

    def _failed(self, error: Exception) -> TransportError:
        closed = self._closed
        self._closed = True
        self._response.close()
        self._connection.close()
        return TransportError("closed", "the reply is closed") if closed else translated(error)
