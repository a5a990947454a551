"""The default transport of `OpenAI`: HTTP/1.1 over sockets, and over urllib3 through a proxy.

`oai._http1` turns requests into bytes and bytes into responses, `_pool` keeps connections, `_opening` opens them. What
is here decides when to write, to read, and to wait for how long. urllib3 is a large import, which only a proxy needs.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import finalize

from oai._http.messages import Reply, Request, TransportError
from oai._http1 import Request as HTTPRequest
from oai._http1 import SentHeads
from oai._support.lazy import LazyModule
from oai.transports._exchanges import exchange_over
from oai.transports._limits import FAILURES, as_transport_error, check, remaining
from oai.transports._opening import open_connection
from oai.transports._origins import Origin, split_target
from oai.transports._pool import KEEPALIVE_EXPIRY, MOST_CONNECTIONS, MOST_ORIGINS, NUMBERS, Pool, Used
from oai.transports._proxies import EnvironmentProxy
from oai.transports._tls import Resumption, load_all_certificates, shared_tls_context

if TYPE_CHECKING:
    import ssl

    from oai._http.messages import Timeout
    from oai.transports._sockets import Connection
    from oai.transports.urllib3 import Urllib3Transport
else:
    ssl = LazyModule("ssl")


class HTTPTransport:
    """The default transport of sync clients: over sockets, or over urllib3 if the environment names a proxy for a URL.

    Args:
        ssl_context: verifies servers; by default with the system's certificates.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply. Through a proxy,
            `Timeout.total` is checked between reads, and an interim response (1xx) is an error.
        connections: how many connections to one host there may be; further calls wait for up to `Timeout.pool`.
        keepalive_expiry: seconds after which an idle connection is not used again.

    A pickle keeps the options, not the connections. Pickling a transport with an `ssl_context` raises `TypeError`.
    """

    needs_key = True

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
        connections: int = MOST_CONNECTIONS,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
    ) -> None:
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._options: dict[str, Any] = {
            "proxies": proxies,
            "connections": connections,
            "keepalive_expiry": keepalive_expiry,
        }
        self._closed = False
        self._number = next(NUMBERS)
        self._connections = _Connections()

    @classmethod
    def shared(cls) -> HTTPTransport:
        """Return a transport that shares its connections with all others that this method returns in the process.

        Closing it closes the connections to servers that no other one has used.
        """
        with _sharing:
            if not _shared:
                _shared.append(cls())
        transport = object.__new__(cls)
        vars(transport).update(vars(_shared[0]), _number=next(NUMBERS))
        return transport

    def send(self, request: Request) -> Reply:
        """Send a request; return at the headers of the response."""
        if self._closed:
            self._check_open()
        timeout, body = request.timeout, request.body
        check(timeout)
        deadline = None if timeout.total is None else time.monotonic() + timeout.total
        connections = self._connections
        if connections.process != os.getpid():
            connections.start()  # after a fork: those there are belong to the parent
        name, target = split_target(request.url)
        server = connections.servers.get(name) or self._add_server(name)
        if server.last_user != self._number:
            server.add_user(self, self._number)
        if self._proxies and server.environment_proxy.find(request.url) is not None:
            return self._through_proxy().send(request)
        connection = server.pool.take()
        length = 0 if body is None else len(body) if isinstance(body, bytes) else body.length
        try:
            head = HTTPRequest(
                request.method,
                target,
                request.headers,
                host=server.origin.field,
                length=length,
                sent=server.sent_heads,
            )
            connection = connection or self._acquire(server, timeout, deadline)
        except FAILURES as error:
            if connection is not None:
                server.pool.put_back(connection)
            raise as_transport_error(error) from error
        return exchange_over(server.pool, connection, head, body, timeout, deadline)

    def close(self) -> None:
        """Close the idle connections."""
        self._closed = True
        self._connections.leave(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._ssl_context is not None:
            raise TypeError(f"{type(self).__name__} with an ssl_context cannot be pickled; create one in each process")
        return partial(type(self), **self._options), ()

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the transport is closed")

    def _add_server(self, name: str) -> _Server:
        servers = self._connections.servers
        server = _Server(Origin(name), Pool(self._options["connections"], self._options["keepalive_expiry"]))
        while len(servers) >= MOST_ORIGINS:
            servers.pop(next(iter(servers))).pool.close()
        return servers.setdefault(name, server)

    def _acquire(self, server: _Server, timeout: Timeout, deadline: float | None) -> Connection:
        """Return a connection that has become free, or a new one."""
        limit = None if timeout.pool is None else time.monotonic() + timeout.pool
        while True:
            free = server.pool.acquire(_Waiter)
            if isinstance(free, _Waiter):
                free = free.wait(server, _earlier(deadline, limit))
            if free is None:
                return self._open(server, timeout, deadline)
            if free.is_quiet():
                return free
            free.close()
            server.pool.release()

    def _open(self, server: _Server, timeout: Timeout, deadline: float | None) -> Connection:
        try:
            self._check_open()
            secure = server.origin.server_name is not None
            context = (self._ssl_context or shared_tls_context()) if secure else None
            limit = None if timeout.connect is None else time.monotonic() + timeout.connect
            until = _earlier(deadline, limit)
            try:
                return open_connection(server.origin, context, server.resumption, until)
            except TransportError as error:
                if not load_all_certificates(error.__cause__, context):
                    raise
            return open_connection(server.origin, context, server.resumption, until)
        except BaseException:
            server.pool.release()
            raise

    def _through_proxy(self) -> Urllib3Transport:
        connections = self._connections
        if connections.over_urllib3 is None:
            from oai.transports.urllib3 import Urllib3Transport

            context = self._ssl_context or shared_tls_context()
            connections.over_urllib3 = Urllib3Transport(ssl_context=context, connections=self._options["connections"])
        return connections.over_urllib3


_sharing = allocate_lock()
_shared: list[HTTPTransport] = []
"""The transport whose connections `HTTPTransport.shared` shares, once there is one. It is never used or closed."""


class _Connections:
    """The connections of one transport, or of those that share them, in one process."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin without any."""
        self.process = os.getpid()  # compared for each call: a fork by C code, such as uWSGI's, runs no hook of Python
        self.servers: dict[str, _Server] = {}
        self.over_urllib3: Urllib3Transport | None = None
        finalize(self, _close_all, self.servers)  # of a transport that is dropped without being closed

    def leave(self, user: HTTPTransport) -> None:
        """Take note that a transport is closed; close the connections to servers that no other one has used."""
        for name, server in list(self.servers.items()):
            if server.has_lost(user) and self.servers.pop(name, None) is not None:
                server.pool.close()
        over_urllib3 = self.over_urllib3
        if over_urllib3 is not None and not self.servers:
            self.over_urllib3 = None
            over_urllib3.close()


class _Server(Used):
    """An origin, the connections to it, and the proxy that the environment names for it."""

    __slots__ = ("environment_proxy", "origin", "pool", "resumption", "sent_heads")

    def __init__(self, origin: Origin, pool: Pool[Connection]) -> None:
        super().__init__()
        self.origin, self.pool, self.resumption = origin, pool, Resumption()
        self.environment_proxy = EnvironmentProxy()
        self.sent_heads = SentHeads()


class _Waiter:
    """A thread that waits for a connection."""

    __slots__ = ("_connection", "_woken")

    def __init__(self) -> None:
        self._woken = allocate_lock()
        self._woken.acquire()
        self._connection: Connection | None = None

    def wake(self, connection: Connection | None) -> bool:
        self._connection = connection
        self._woken.release()
        return True

    def wait(self, server: _Server, deadline: float | None) -> Connection | None:
        """Return a connection, or `None` for the right to open one."""
        try:
            limit = remaining(deadline, None)
            woken = self._woken.acquire(timeout=-1 if limit is None else limit)
        except BaseException:
            if not server.pool.give_up(self):
                server.pool.release() if self._connection is None else server.pool.put_back(self._connection)
            raise
        if not woken and server.pool.give_up(self):
            raise TransportError("timeout", f"all connections to {server.origin} are in use, and none became free")
        return self._connection


def _earlier(first: float | None, second: float | None) -> float | None:
    return first if second is None or (first is not None and first < second) else second


def _close_all(servers: dict[str, _Server]) -> None:
    while servers:
        try:
            _, server = servers.popitem()
        except KeyError:  # another thread has closed the last one
            return
        server.pool.close()
