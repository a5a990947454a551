"""Connections straight to a server, kept for the next request: the common way of the urllib3 transport.

urllib3 makes a connection (addresses, TLS, socket options); the answer is read by the response class of `_connections`.
urllib3's pool, its building of a request line by line and its response object do nothing here that is not done above or
below, and take more than half the time of a small call, so that idle connections are kept in a list of our own, and a
request is written as bytes at once. Only public names are used.
"""

from __future__ import annotations

import http.client
import re
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import finalize

from urllib3.util import parse_url

from oai._http import Headers, TransportError
from oai.transports._connections import CONNECTIONS, Response, left_of
from oai.transports._written import written

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from urllib3.connection import HTTPConnection
    from urllib3.util import Url

    from oai._http import Body, Request, Timeout

PIECE = 64 * 1024
"""The most bytes that one read of a streamed body returns."""

AT_ONCE = 64 * 1024
"""The most bytes of a body that are copied behind the head, so that both are one write."""

LINGER = 0.01
"""Seconds that closing a reply waits for a body's end that is already on its way, to keep the connection."""


class Origin:
    """A server and the idle connections to it.

    Args:
        url: scheme, host and port.
        ssl_context: how to trust it.
        keep: how many idle connections to keep.
    """

    def __init__(self, url: str, ssl_context: Callable[[], ssl.SSLContext], keep: int) -> None:
        parts = parse_url(url)
        if parts.scheme not in CONNECTIONS or not parts.host:
            raise ValueError(f"{url!r} is not the URL of a server")
        self._make = CONNECTIONS[parts.scheme]
        self._options: dict[str, Any] = {"host": parts.host.strip("[]"), "port": parts.port}
        self._host = _host_field(parts)
        if parts.scheme == "https":
            self._options["ssl_context"] = ssl_context()
        self._idle: deque[HTTPConnection] = deque()
        self._keep = keep
        finalize(self, _close_all, self._idle)  # of a client that nobody closes, at the exit at the latest

    def send(self, request: Request, target: str, deadline: float | None) -> tuple[HTTPConnection, Response]:
        """Send a request and return at the head of the answer, with the connection that it comes over."""
        timeout = request.timeout
        head = written(request, target, self._host)
        connection = self._connected(timeout, deadline)
        try:
            connection.sock.settimeout(left_of(deadline, timeout.write))
            # A server that had enough before it read everything has closed, and may have answered.
            with suppress(BrokenPipeError, ConnectionResetError):
                _write(connection, head, request.body, deadline)
            connection.sock.settimeout(left_of(deadline, timeout.read))
            response = Response(connection.sock, method=request.method)
            try:
                response.begin()
            except BaseException:
                response.close()
                raise
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        return connection, response

    @property
    def waits(self) -> bool:
        """Whether there is an idle connection."""
        return bool(self._idle)

    def _connected(self, timeout: Timeout, deadline: float | None) -> HTTPConnection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread has taken the last one
                break
            if connection.is_connected:
                return connection
            connection.close()
        connection = self._make(**self._options, timeout=left_of(deadline, timeout.connect))
        try:
            connection.connect()
        except TimeoutError:
            connection.close()
            raise
        except (OSError, ValueError) as error:  # TLS; what urllib3 has words for is none of these
            connection.close()
            raise TransportError("connect", str(error) or type(error).__name__) from error
        return connection

    def give(self, connection: HTTPConnection) -> None:
        """Take a connection back whose answer was read to its end."""
        if connection.sock is None or len(self._idle) >= self._keep:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the idle connections, and those that will be given back."""
        self._keep = 0
        _close_all(self._idle)


def _host_field(server: Url) -> str:
    """Return what `Host` says of a server: without the zone of an address, and without the scheme's own port."""
    host = re.sub("%.*]", "]", server.host or "")
    own = server.port is None or server.port == {"http": 80, "https": 443}[server.scheme or ""]
    return host if own else f"{host}:{server.port}"


def _close_all(connections: deque[HTTPConnection]) -> None:
    with suppress(IndexError):
        while True:
            connections.pop().close()


def _write(connection: HTTPConnection, head: bytes, body: bytes | Body | None, deadline: float | None) -> None:
    if body is None:
        connection.send(head)
    elif isinstance(body, bytes) and len(body) <= AT_ONCE:
        connection.send(head + body)
    elif isinstance(body, bytes):
        connection.send(head)
        connection.send(body)
    else:
        connection.send(head)
        for piece in body:
            left_of(deadline, None)
            connection.send(piece)


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
        "_translate",
        "headers",
        "status",
    )

    def __init__(
        self,
        origin: Origin,
        connection: HTTPConnection,
        response: Response,
        deadline: float | None,
        translate: Callable[[Exception], TransportError],
    ) -> None:
        self.status = response.status
        self.headers = Headers(response.getheaders())
        self._origin, self._connection, self._response = origin, connection, response
        self._deadline = deadline
        self._translate = translate
        self._closed = self._done = self._reading = False

    def read(self) -> bytes:
        """Return the whole body."""
        self._check_open()
        try:
            content = self._response.read()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._failed(error) from error
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
            except (OSError, ValueError, http.client.HTTPException) as error:
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
                self._response.sock.shutdown(socket.SHUT_RDWR)
            return
        try:
            if self._ends_soon():
                self._finish()
                return
        except (OSError, ValueError, http.client.HTTPException):
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
        if self._deadline is None and not response.will_close:
            response.sock.settimeout(LINGER)
            for _ in range(2):  # the last piece, and the mark of the end behind it
                if response.isclosed() or response.length == 0 or not response.read1(PIECE):
                    break
        return response.isclosed() or response.length == 0

    def _finish(self) -> None:
        if not self._done:
            self._done = True
            self._response.close()
            self._origin.give(self._connection)

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")

    def _failed(self, error: Exception) -> TransportError:
        closed = self._closed
        self._closed = True
        self._response.close()
        self._connection.close()
        return TransportError("closed", "the reply is closed") if closed else self._translate(error)
