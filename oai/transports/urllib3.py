"""The default transport, on urllib3.

Bodies are read with `read1`, so that each piece of a stream is handed on when it arrives. How a limit on the whole
answer (`Timeout.total`) is kept is the business of `_connections`.
"""

from __future__ import annotations

import http.client
import os
import ssl
import time
from collections.abc import Iterator
from functools import cache, partial
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, IncompleteRead, NewConnectionError, ProxyError, SSLError
from urllib3.exceptions import TimeoutError as LimitReached
from urllib3.util import SKIP_HEADER

from oai._http import Body, Headers, Pairs, Request, TransportError
from oai.transports._connections import POOLS, Response, attempt, left_of
from oai.transports._direct import LINGER, PIECE, DirectReply, Origin
from oai.transports._proxies import proxy_for

MOST_HOSTS = 1000
"""Hosts whose pools are kept; as many as the pool manager keeps, which closes those that it forgets."""

ADDED = ("accept-encoding", "user-agent")
"""Header fields that urllib3 would add by itself."""

MOST_CONNECTIONS = 100
"""Idle connections kept to one host, as the official SDK has it."""


@cache
def shared_tls_context() -> ssl.SSLContext:
    """Return the context of the system's trusted certificates, loaded once for all transports."""
    return ssl.create_default_context()


class Urllib3Transport:
    """Send over urllib3.

    Args:
        pool: a `urllib3.PoolManager` of the caller's, who keeps it, closes it, and has set up TLS and proxies
            in it. With one, `Timeout.total` is looked at between reads only, and an interim answer (1xx) is an
            error. In a forked child it is emptied.
        ssl_context: how to trust servers; the system's certificates unless given.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are heeded.
        connections: how many idle connections to keep to one host.

    It pickles, and comes back with the same options and no connections. With a pool or an `ssl_context` of the
    caller's it does not: pickling it raises `TypeError`.
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
        self._given = pool
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._connections = connections
        self._managers: dict[str, urllib3.PoolManager] = {}
        self._origins: dict[str, Origin] = {}
        self._process = os.getpid()
        self._closed = False

    def send(self, request: Request) -> DirectReply | Urllib3Reply:
        """Send and return at the headers."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        timeout = request.timeout
        if timeout.is_over:
            raise TransportError("timeout", "there is no time left")
        deadline = None if timeout.total is None else time.monotonic() + timeout.total
        attempt.timeout, attempt.deadline, attempt.response = timeout, deadline, None
        try:
            self._heed_fork()
            origin, target = self._origin(request.url)
            # The environment is slow to ask for a proxy: where a connection waits, it has been asked.
            if not origin.waits and (pool := self._pool(request.url)) is not None:
                return self._over_pool(pool, request, deadline)
            return DirectReply(origin, *origin.send(request, target, deadline), deadline, _translated)
        except (HTTPError, OSError, ValueError, http.client.HTTPException) as error:
            raise _translated(error) from error

    @staticmethod
    def _over_pool(pool: Any, request: Request, deadline: float | None) -> Urllib3Reply:
        """Send over a pool manager: the caller's, or that of a proxy."""
        timeout = request.timeout
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
        raw, attempt.response = attempt.response, None
        if answer.status < 200 and answer.status != http.client.SWITCHING_PROTOCOLS:  # from a pool of the caller's
            _discard(answer)
            raise TransportError(
                "receive", "the server sent an interim answer, which the given pool takes for the last"
            )
        return Urllib3Reply(answer, raw, deadline)

    def close(self) -> None:
        """Close the idle connections of this transport's own pools."""
        self._closed = True
        for manager in self._managers.values():
            for origin in manager.pools.keys():  # noqa: SIM118 - urllib3's container does not iterate
                if (pool := manager.pools.get(origin)) is not None:
                    pool.close()  # `clear` leaves that to the garbage collector
            manager.clear()
        for kept in self._origins.values():
            kept.close()
        self._managers, self._origins = {}, {}

    def __reduce__(self) -> tuple[Any, ...]:
        for name, value in (("pool", self._given), ("ssl_context", self._ssl_context)):
            if value is not None:
                raise TypeError(
                    f"a {type(self).__name__} with a {name} of the caller's does not pickle: make one in each process"
                )
        return partial(type(self), proxies=self._proxies, connections=self._connections), ()

    def _heed_fork(self) -> None:
        """After a fork the sockets belong to the parent: forget them, without a word on the wire."""
        if self._process != os.getpid():
            self._managers, self._origins, self._process = {}, {}, os.getpid()
            if self._given is not None:
                self._given.clear()

    def _pool(self, url: str) -> urllib3.PoolManager | None:
        """Return the pools to send over: the caller's, or those of the proxy that a URL has; `None` for none."""
        if self._given is not None:
            return self._given
        proxy = proxy_for(url) if self._proxies else None
        if proxy is None:
            return None
        manager = self._managers.get(proxy)
        return self._managers.setdefault(proxy, self._new(proxy)) if manager is None else manager

    def _origin(self, url: str) -> tuple[Origin, str]:
        """Return the server that a URL is of, and the target to ask it for."""
        slash = url.find("/", url.index("://") + 3)
        name, target = (url[:slash], url[slash:]) if slash > 0 else (url, "/")
        origin = self._origins.get(name)
        if origin is None:
            if len(self._origins) >= MOST_HOSTS:
                self._origins.clear()
            made = Origin(name, lambda: self._ssl_context or shared_tls_context(), self._connections)
            origin = self._origins.setdefault(name, made)
        return origin, target

    def _new(self, proxy: str) -> urllib3.PoolManager:
        """Make the pools of a proxy."""
        parts = urlsplit(proxy)
        if parts.scheme not in ("http", "https"):
            raise TransportError("connect", f"a proxy of kind {parts.scheme!r} needs a pool of your own")
        login = unquote(f"{parts.username}:{parts.password or ''}") if parts.username else None
        manager = urllib3.ProxyManager(
            proxy,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=login) if login else None,
            num_pools=MOST_HOSTS,
            maxsize=self._connections,
            ssl_context=self._ssl_context or shared_tls_context(),
        )
        manager.pool_classes_by_scheme = POOLS
        return manager


class Urllib3Reply:
    """An answer under way over a pool of urllib3."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, raw: Response | None, deadline: float | None) -> None:
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
        except (HTTPError, OSError, ValueError, http.client.HTTPException) as error:
            raise self._failed(error) from error

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._check_open()
            try:
                left_of(self._deadline, None)
                piece = self._answer.read1(PIECE, decode_content=False)
            except (HTTPError, OSError, ValueError, http.client.HTTPException) as error:
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
                self._raw.sock.settimeout(LINGER)
                self._answer.read1(PIECE, decode_content=False)
        except (HTTPError, OSError, ValueError, http.client.HTTPException):
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
    fields: Pairs = request.headers
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
    """Say what failed in the words of the seam."""
    cause = error.args[-1] if isinstance(error, HTTPError) and error.args else None
    if isinstance(error, (NewConnectionError, ProxyError, SSLError)):  # the first of them counts as a time-out, too
        return TransportError("connect", _words(error))
    if isinstance(error, (LimitReached, TimeoutError)) or isinstance(cause, TimeoutError):
        return TransportError("timeout", _words(error))
    if isinstance(error, CUT_SHORT) or isinstance(cause, CUT_SHORT):
        return TransportError("receive", "the answer was cut short")
    return TransportError("receive", _words(cause if isinstance(cause, Exception) else error))


def _words(error: Exception) -> str:
    """Return what an exception of urllib3 says, without the object that it begins with."""
    text = str(error) or type(error).__name__
    return text.partition(">: " if text.startswith("<") else "): ")[2] or text


CUT_SHORT = (IncompleteRead, http.client.IncompleteRead)
