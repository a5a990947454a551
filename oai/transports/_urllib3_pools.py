"""What is sent over urllib3's pools: those of a proxy, and the caller's.

urllib3 makes the connections of a proxy's pools by itself and tells them nothing of the request beyond its time-outs,
so that the request under way is known by thread. Answers are read by `_http1`, and a new connection waits for a write
as long as the request allows. Only public names of urllib3 are used.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, IncompleteRead, NewConnectionError, ProxyError, SSLError
from urllib3.exceptions import TimeoutError as LimitReached
from urllib3.util import SKIP_HEADER

from oai._http.messages import Body, Headers, Pairs, Request, Timeout, TransportError
from oai.transports._proxies import login_apart
from oai.transports._sockets import response as _http1
from oai.transports._sockets.connections import LINGER, MOST_HOSTS, PIECE
from oai.transports._sockets.request_head import FRAMING
from oai.transports._sockets.response import Response, left_of, translated

ADDED = ("accept-encoding", "user-agent")
"""Header fields that urllib3 would add by itself."""

FAILURES = (HTTPError, *_http1.FAILURES)
"""What urllib3 raises where a request fails."""


class Attempt(threading.local):
    """What the connection classes, which urllib3 makes and calls, need to know of the request under way."""

    timeout: Timeout = Timeout()
    deadline: float | None = None
    response: PooledResponse | None = None


attempt = Attempt()


class PooledResponse(Response):
    """An answer over a connection of a proxy's pool, as urllib3 makes it."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        del debuglevel, url  # urllib3 sets neither
        super().__init__(sock, method, attempt.timeout.read, attempt.deadline)
        attempt.response = self


class _PlainConnection(HTTPConnection):
    response_class = PooledResponse

    def connect(self) -> None:
        super().connect()
        _limit_writes(self.sock)


class _SecureConnection(HTTPSConnection):
    response_class = PooledResponse

    def connect(self) -> None:
        super().connect()
        _limit_writes(self.sock)


def _limit_writes(sock: socket.socket | None) -> None:
    """Let a new connection wait for a write as long as the request allows, not as long as for connecting."""
    if sock is not None:
        sock.settimeout(left_of(attempt.deadline, attempt.timeout.write))


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def pools_of(proxy: str, ssl_context: ssl.SSLContext, connections: int) -> urllib3.PoolManager:
    """Make the pools of a proxy.

    Args:
        proxy: its URL, with the name and the password that it asks for, if any.
        ssl_context: how to trust servers.
        connections: how many idle ones to keep to a host.
    """
    url, login = login_apart(proxy)
    manager = urllib3.ProxyManager(
        url,
        proxy_headers=login,
        num_pools=MOST_HOSTS,
        maxsize=connections,
        ssl_context=ssl_context,
    )
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return manager


def close_pools(manager: urllib3.PoolManager) -> None:
    """Close the idle connections of pools."""
    for origin in manager.pools.keys():  # noqa: SIM118 - urllib3's container does not iterate
        if (pool := manager.pools.get(origin)) is not None:
            pool.close()  # `clear` leaves that to the garbage collector
    manager.clear()


def send_over(pool: Any, request: Request, deadline: float | None) -> PooledReply:
    """Send over a pool manager, and return at the headers."""
    timeout = request.timeout
    attempt.timeout, attempt.deadline, attempt.response = timeout, deadline, None
    try:
        answer = pool.urlopen(
            request.method,
            request.url,
            body=_body(request.body, deadline),
            headers=_headers(request),
            timeout=urllib3.Timeout(timeout.total, connect=timeout.connect, read=timeout.read),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
    except FAILURES as error:
        raise _translated(error) from error
    raw, attempt.response = attempt.response, None
    if answer.status < 200 and answer.status != http.client.SWITCHING_PROTOCOLS:  # from a pool of the caller's
        _discard(answer)
        raise TransportError("receive", "the server sent an interim answer, which the given pool takes for the last")
    return PooledReply(answer, raw, deadline)


class PooledReply:
    """An answer under way over a pool of urllib3."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, raw: PooledResponse | None, deadline: float | None) -> None:
        self.status = answer.status
        # What urllib3 itself shows has the fields of one name side by side, wherever they stood.
        head = getattr(answer, "_original_response", None) if raw is None else raw
        self.headers = Headers(answer.headers.items() if head is None else head.getheaders())
        self._answer = answer
        self._raw = raw
        self._deadline = deadline
        self._closed = False

    def read(self) -> bytes:
        """Return the whole body."""
        if self._raw is None and self._deadline is not None:
            return b"".join(self)  # the caller's connection knows nothing of the deadline
        self._check_open()
        try:
            return self._answer.read(decode_content=False)
        except FAILURES as error:
            raise self._failed(error) from error

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._check_open()
            try:
                left_of(self._deadline, None)
                piece = self._answer.read1(PIECE, decode_content=False)
            except FAILURES as error:
                raise self._failed(error) from error
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """Give the connection back if the body is at its end, or just about to be; else close it."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._raw is not None and not self._raw.isclosed():
                self._raw.hurry(LINGER)
                self._answer.read1(PIECE, decode_content=False)
        except FAILURES:
            pass
        finally:
            self._answer.close()

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")

    def _failed(self, error: Exception) -> TransportError:
        self._answer.close()
        return TransportError("closed", "the reply is closed") if self._closed else _translated(error)


def _headers(request: Request) -> Any:
    """Return the header fields as urllib3 takes them: a dict, or its own class where a name comes twice."""
    fields: Pairs = [(name, value) for name, value in request.headers if name.lower() not in FRAMING]
    if request.body is not None and not isinstance(request.body, bytes):
        fields = [*fields, ("Content-Length", str(request.body.length))]
    named = {name.lower() for name, _ in fields}
    fields = [*fields, *((name, SKIP_HEADER) for name in ADDED if name not in named)]
    plain = dict(fields)
    if len(plain) == len(fields):
        return plain
    several = urllib3.HTTPHeaderDict()
    for name, value in fields:
        several.add(name, value)
    return several


def _discard(answer: urllib3.BaseHTTPResponse) -> None:
    """Close the connection of an answer after which there is more to come that nobody will read."""
    connection = answer.connection
    answer.close()
    if connection is not None:
        connection.close()


def _body(body: bytes | Body | None, deadline: float | None) -> Any:
    if body is None or isinstance(body, bytes) or deadline is None:
        return body
    return _until(body, deadline)


def _until(body: Body, deadline: float) -> Iterator[bytes]:
    for piece in body:
        left_of(deadline, None)
        yield piece


def _translated(error: Exception) -> TransportError:
    """Say what failed in the words of the seam, less the object that urllib3's words begin with."""
    cause = error.args[-1] if isinstance(error, HTTPError) and error.args else None
    if isinstance(error, ProxyError):
        return TransportError("connect", f"no connection through the proxy: {_words(error.original_error)}")
    if isinstance(error, (NewConnectionError, SSLError)):  # the first of them counts as a time-out, too
        return TransportError("connect", _words(error))
    if isinstance(error, LimitReached) or isinstance(cause, TimeoutError):
        return TransportError("timeout", _words(error))
    if isinstance(error, IncompleteRead) or isinstance(cause, (IncompleteRead, http.client.IncompleteRead)):
        return TransportError("receive", "the answer was cut short")
    if isinstance(cause, Exception):
        return TransportError("receive", _words(cause))
    return TransportError("receive", _words(error)) if isinstance(error, HTTPError) else translated(error)


def _words(error: BaseException) -> str:
    """Return what an exception of urllib3 says, without the object that it begins with."""
    text = str(error) or type(error).__name__
    return text.partition(">: " if text.startswith("<") else "): ")[2] or text
