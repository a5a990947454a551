"""Send over urllib3: by a pool manager of the caller's, or by ones of the transport's own, one for each proxy.

Only documented names of urllib3 are used, so that any pool manager will do. urllib3 has no limit of its own for writing
(the limit of connecting applies) or for the whole response, which is checked between reads; it groups header fields of
one name; and it takes an interim response other than 100 for the final one.
"""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.exceptions import HTTPError, IncompleteRead, NewConnectionError, ProxyError, SSLError
from urllib3.exceptions import TimeoutError as LimitReached
from urllib3.util import SKIP_HEADER

from oai._http.messages import Body, Headers, Pairs, Request, TransportError
from oai._support.lazy import LazyModule
from oai.transports._limits import remaining
from oai.transports._origins import ascii_url
from oai.transports._proxies import login_apart, proxy_for
from oai.transports._tls import shared_tls_context

if TYPE_CHECKING:
    import ssl
else:
    ssl = LazyModule("ssl")

MOST_CONNECTIONS = 100
"""Idle connections kept to one host."""

MOST_HOSTS = 1000
"""Hosts whose connections are kept."""

PIECE = 64 * 1024
"""The most bytes that one read of a streamed body returns."""

FRAMING = ("content-length", "transfer-encoding")
"""Header fields that delimit a request; a caller's are left out."""

ADDED = ("accept-encoding", "user-agent")
"""Header fields that urllib3 would add by itself."""

FAILURES = (HTTPError, OSError, ValueError, OverflowError, http.client.HTTPException)
"""The exceptions of urllib3 for a failed request."""


class Urllib3Transport:
    """A transport over urllib3.

    Args:
        pool: a `urllib3.PoolManager` that the caller keeps and closes, with its own TLS and proxies. A forked child
            empties it.
        ssl_context: verifies servers; by default with the system's certificates. Not for a `pool`.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply. Not for a `pool`.
        connections: how many idle connections to keep to one host. Not for a `pool`.

    A pickle keeps the options, not the connections. Pickling a transport with a `pool` or an `ssl_context` raises
    `TypeError`.
    """

    needs_key = True

    def __init__(
        self,
        pool: urllib3.PoolManager | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
        connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._pool = pool
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._connections = connections
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._process = os.getpid()
        self._closed = False

    def send(self, request: Request) -> Urllib3Reply:
        """Send a request; return at the headers of the response."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        timeout = request.timeout
        if timeout.is_over:
            raise TransportError("timeout", "there is no time left")
        deadline = None if timeout.total is None else time.monotonic() + timeout.total
        self._forget_after_fork()
        pool = self._pool or self._manager(proxy_for(request.url) if self._proxies else None)
        return _send_over(pool, request, deadline)

    def close(self) -> None:
        """Close the idle connections of this transport's own pools."""
        self._closed = True
        managers, self._managers = self._managers, {}
        for manager in list(managers.values()):  # another thread may be adding one
            _close_pools(manager)

    def __reduce__(self) -> tuple[Any, ...]:
        for argument, value in (("a pool", self._pool), ("an ssl_context", self._ssl_context)):
            if value is not None:
                name = type(self).__name__
                raise TypeError(f"{name} with {argument} cannot be pickled; create one in each process")
        return partial(type(self), proxies=self._proxies, connections=self._connections), ()

    def _forget_after_fork(self) -> None:
        """Drop the parent's connections without writing to them."""
        if self._process != os.getpid():
            self._managers, self._process = {}, os.getpid()
            if self._pool is not None:
                self._pool.clear()

    def _manager(self, proxy: str | None) -> urllib3.PoolManager:
        """Return the pools of a proxy, or those without one."""
        manager = self._managers.get(proxy)
        if manager is None:
            options: dict[str, Any] = {
                "num_pools": MOST_HOSTS,
                "maxsize": self._connections,
                "ssl_context": self._ssl_context or shared_tls_context(),
            }
            manager = self._managers.setdefault(proxy, _make_manager(proxy, options))
        return manager


def _make_manager(proxy: str | None, options: dict[str, Any]) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(**options)
    url, login = login_apart(proxy)
    return urllib3.ProxyManager(url, proxy_headers=login, **options)


def _close_pools(manager: urllib3.PoolManager) -> None:
    for origin in manager.pools.keys():  # noqa: SIM118 - urllib3's container does not iterate
        if (pool := manager.pools.get(origin)) is not None:
            pool.close()  # `clear` leaves that to the garbage collector
    manager.clear()


def _send_over(pool: Any, request: Request, deadline: float | None) -> Urllib3Reply:
    timeout = request.timeout
    try:
        response = pool.urlopen(
            request.method,
            ascii_url(request.url),
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
        raise _as_transport_error(error) from error
    if response.status < 200 and response.status != http.client.SWITCHING_PROTOCOLS:
        _discard(response)
        raise TransportError("receive", f"urllib3 takes the interim response {response.status} for the final one")
    return Urllib3Reply(response, deadline)


class Urllib3Reply:
    """A response whose body urllib3 is receiving."""

    def __init__(self, response: urllib3.BaseHTTPResponse, deadline: float | None) -> None:
        self.status = response.status
        self.headers = Headers(response.headers.items())
        self._response = response
        self._deadline = deadline
        self._closed = False

    def read(self) -> bytes:
        """Return the whole body."""
        if self._deadline is not None:
            return b"".join(self)
        self._check_open()
        try:
            return self._response.read(decode_content=False)
        except FAILURES as error:
            raise self._fail(error) from error

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._check_open()
            try:
                remaining(self._deadline, None)
                piece = self._response.read1(PIECE, decode_content=False)
            except FAILURES as error:
                raise self._fail(error) from error
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """Close the connection, unless the body was read to its end."""
        if not self._closed:
            self._closed = True
            self._response.close()

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")

    def _fail(self, error: Exception) -> TransportError:
        self._response.close()
        return TransportError("closed", "the reply is closed") if self._closed else _as_transport_error(error)


def _headers(request: Request) -> Any:
    """Return the header fields as urllib3 takes them: a dict, or its own class if a name is repeated."""
    fields: Pairs = [(name, value) for name, value in request.headers if name.lower() not in FRAMING]
    if request.body is not None and not isinstance(request.body, bytes):
        fields = [*fields, ("Content-Length", str(request.body.length))]
    names = {name.lower() for name, _ in fields}
    fields = [*fields, *((name, SKIP_HEADER) for name in ADDED if name not in names)]
    plain = dict(fields)
    if len(plain) == len(fields):
        return plain
    repeated = urllib3.HTTPHeaderDict()
    for name, value in fields:
        repeated.add(name, value)
    return repeated


def _discard(response: urllib3.BaseHTTPResponse) -> None:
    """Close the connection of an interim response: the final one would become the response to the next request."""
    connection = response.connection
    response.close()
    if connection is not None:
        connection.close()


def _body(body: bytes | Body | None, deadline: float | None) -> Any:
    if body is None or isinstance(body, bytes) or deadline is None:
        return body
    return _until(body, deadline)


def _until(body: Body, deadline: float) -> Iterator[bytes]:
    for piece in body:
        remaining(deadline, None)
        yield piece


def _as_transport_error(error: Exception) -> TransportError:
    """Return the error of the seam for one of urllib3's."""
    cause = error.args[-1] if isinstance(error, HTTPError) and error.args else None
    if isinstance(error, ProxyError):
        return TransportError("connect", f"no connection through the proxy: {_error_message(error.original_error)}")
    if isinstance(error, (NewConnectionError, SSLError)):  # the first is also a timeout, by its class
        return TransportError("connect", _error_message(error))
    if isinstance(error, (LimitReached, TimeoutError)) or isinstance(cause, TimeoutError):
        return TransportError("timeout", _error_message(error))
    if isinstance(error, IncompleteRead) or isinstance(cause, (IncompleteRead, http.client.IncompleteRead)):
        return TransportError("receive", "the response was cut short")
    return TransportError("receive", _error_message(cause if isinstance(cause, Exception) else error))


def _error_message(error: BaseException) -> str:
    """Return the message of an exception, without the representation of a urllib3 object that it begins with."""
    text = str(error) or type(error).__name__
    return text.partition(">: " if text.startswith("<") else "): ")[2] or text
