"""The default transport of `AsyncOpenAI`: HTTP/1.1 over asyncio, directly or through a proxy.

`oai._http1` turns requests into bytes and bytes into responses, `_pool` keeps connections, `_protocols` opens and reads
them. What is here decides when to write, and for how long to wait.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

from oai._http.messages import Request, TransportError
from oai._http1 import Request as HTTPRequest
from oai._http1 import Response as HTTPResponse
from oai._support.async_library import asyncio_loop
from oai.transports._async_exchanges import AsyncHTTPReply, exchange_over
from oai.transports._async_sockets import open_socket
from oai.transports._event_loops import Loop, Loops, Server
from oai.transports._limits import FAILURES, BodyError, as_transport_error, check
from oai.transports._origins import Origin, connect_error, split_target
from oai.transports._pool import KEEPALIVE_EXPIRY, MOST_CONNECTIONS, MOST_ORIGINS, NUMBERS, Pool
from oai.transports._protocols import Connection
from oai.transports._tls import load_all_certificates, shared_tls_context

if TYPE_CHECKING:
    from oai._http.messages import Timeout


class AsyncHTTPTransport:
    """The default transport of async clients: over asyncio, through a proxy if the environment names one for a URL.

    It may be used from several event loops, with connections of its own in each.

    Args:
        ssl_context: verifies servers; by default with the system's certificates.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply.
        connections: how many connections to one host there may be; further calls wait for up to `Timeout.pool`.
        keepalive_expiry: seconds after which an idle connection is not used again.

    A pickle keeps the options, not the connections. Pickling a transport with an `ssl_context` raises `TypeError`.
    """

    needs_key = True
    is_async = True

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
        self._loops = Loops()

    @classmethod
    def shared(cls) -> AsyncHTTPTransport:
        """Return a transport that shares its connections with all others that this method returns in the process.

        Closing it ends its own exchanges, and closes the connections to servers that no other one has used.
        """
        if not _shared:
            _shared.append(cls())
        transport = object.__new__(cls)
        vars(transport).update(vars(_shared[0]), _number=next(NUMBERS))
        return transport

    async def send(self, request: Request) -> AsyncHTTPReply:
        """Send a request; return at the headers of the response."""
        if self._closed:
            self._check_open()
        timeout, body, headers = request.timeout, request.body, request.headers
        check(timeout)
        loop = asyncio_loop(type(self).__name__)
        deadline = None if timeout.total is None else loop.time() + timeout.total
        ours = self._loops.of(loop)
        name, target = split_target(request.url)
        server = ours.servers.get(name) or self._add_server(ours, name)
        if server.last_user != self._number:
            server.add_user(self, self._number)
        length = 0 if body is None else len(body) if isinstance(body, bytes) else body.length
        try:
            if self._proxies and (proxy := server.environment_proxy.find(request.url)) is not None:
                server = self._behind_proxy(ours, name, proxy)
            connection = server.pool.take()
            if connection is None:
                connection = await self._acquire(ours, server, timeout, deadline)
                self._check_acquired(server, connection)
            if server.login is not None:  # to a proxy that is sent the whole URL (RFC 9112, section 3.2.2)
                target, headers = f"http://{server.origin.field}{target}", [*headers, *server.login.items()]
            try:
                host, sent = server.origin.field, server.sent_heads
                head = HTTPRequest(request.method, target, headers, host=host, length=length, sent=sent)
            except BaseException:
                server.pool.put_back(connection)
                raise
            exchange = connection.start(HTTPResponse(head), self)
            await exchange_over(exchange, connection, head, body, timeout, deadline)
        except BodyError as error:
            raise error.error from None
        except FAILURES as error:
            raise as_transport_error(error) from error
        return AsyncHTTPReply(exchange, ours, timeout.read, deadline)

    async def close(self) -> None:
        """Close all connections, those of responses that are being read as well."""
        self._closed = True
        loops = self._loops.items()
        here = asyncio_loop(type(self).__name__) if loops else None
        for loop, ours in loops:
            ending = ours.end(self)
            if loop is here or not loop.is_running():
                await ending
            else:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ending, loop))

    def __reduce__(self) -> tuple[Any, ...]:
        if self._ssl_context is not None:
            raise TypeError(f"{type(self).__name__} with an ssl_context cannot be pickled; create one in each process")
        return partial(type(self), **self._options), ()

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the transport is closed")

    def _check_acquired(self, server: Server, connection: Connection) -> None:
        """Give a connection back that became free for a transport that was closed meanwhile."""
        if self._closed:
            server.pool.put_back(connection)
            self._check_open()

    def _behind_proxy(self, ours: Loop, name: str, proxy: str) -> Server:
        """Return a server that is reached through a proxy, whose connections are its own."""
        key = f"{name} {proxy}"
        server = ours.servers.get(key) or self._add_server(ours, name, proxy, key)
        if server.last_user != self._number:
            server.add_user(self, self._number)
        return server

    def _add_server(self, ours: Loop, name: str, proxy: str | None = None, key: str = "") -> Server:
        while len(ours.servers) >= MOST_ORIGINS:
            ours.servers.pop(next(iter(ours.servers))).pool.close()
        pool: Pool[Connection] = Pool(self._options["connections"], self._options["keepalive_expiry"])
        server = ours.servers[key or name] = Server(Origin(name), pool, proxy)
        return server

    async def _acquire(self, ours: Loop, server: Server, limits: Timeout, deadline: float | None) -> Connection:
        """Return a connection that has become free, or a new one."""
        while True:
            free = server.pool.acquire(_Waiter)
            if isinstance(free, _Waiter):
                free = await free.wait(server, limits.pool, deadline)
            if free is None:
                return await self._open(ours, server, limits.connect, deadline)
            if free.is_quiet():
                return free
            free.close()
            server.pool.release()

    async def _open(self, ours: Loop, server: Server, seconds: float | None, deadline: float | None) -> Connection:
        try:
            self._check_open()
            limit = None if seconds is None else asyncio.get_running_loop().time() + seconds
            until = deadline if limit is None else limit if deadline is None else min(limit, deadline)
            async with asyncio.timeout_at(until):
                try:
                    return await self._connect(ours, server)
                except ssl.SSLCertVerificationError as error:
                    if not load_all_certificates(error, None if self._ssl_context else shared_tls_context()):
                        raise
                return await self._connect(ours, server)
        except (OSError, ValueError, OverflowError) as error:
            server.pool.release()
            raise connect_error(server.origin, error) from error
        except BaseException:
            server.pool.release()
            raise

    async def _connect(self, ours: Loop, server: Server) -> Connection:
        loop = asyncio.get_running_loop()
        origin, hop = server.origin, server.proxy or server.origin
        try:
            sock = await open_socket(hop.host, hop.port)
            _, connection = await loop.create_connection(
                lambda: Connection(loop, server.pool, ours.connections), sock=sock
            )
        except OSError as error:
            if server.proxy is None:
                raise
            raise TransportError("connect", f"no connection through the proxy {hop}: {error}") from error
        try:
            context = self._ssl_context or (shared_tls_context() if hop.server_name or origin.server_name else None)
            if context is not None and hop.server_name:
                await connection.start_tls(context, hop.server_name, None if server.proxy else server.resumption)
            if context is not None and server.proxy is not None and origin.server_name:
                await _tunnel(connection, server)
                await connection.start_tls(context, origin.server_name, server.resumption)
        except BaseException:
            connection.abort()
            raise
        return connection


_shared: list[AsyncHTTPTransport] = []
"""The transport whose connections `AsyncHTTPTransport.shared` shares, once there is one. It is never used or closed."""


class _Waiter:
    """A task that waits for a connection."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()

    def wake(self, connection: Connection | None) -> bool:
        if self._future.done():
            return False
        self._future.set_result(connection)
        return True

    async def wait(self, server: Server, limit: float | None, deadline: float | None) -> Connection | None:
        """Return a connection, or `None` for the right to open one."""
        try:
            async with asyncio.timeout_at(deadline), asyncio.timeout(limit):
                return await self._future
        except BaseException as error:
            if not server.pool.give_up(self) and self._future.done() and not self._future.cancelled():
                connection = self._future.result()
                server.pool.release() if connection is None else server.pool.put_back(connection)
            if isinstance(error, TimeoutError):
                message = f"all connections to {server.origin} are in use, and none became free"
                raise TransportError("timeout", message) from None
            raise


async def _tunnel(connection: Connection, server: Server) -> None:
    """Have the proxy connect to the server (RFC 9110, section 9.3.6)."""
    origin = server.origin
    authority = f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"
    head = HTTPRequest("CONNECT", authority, server.tunnel_fields.items(), host=authority)
    response = HTTPResponse(head)
    connection.write(head.head)
    await connection.open_by(response.feed, lambda: bool(response.status or response.ended))
    if not response.switched:
        reason = f"{response.status} {response.reason}".strip() if response.status else response.error
        raise TransportError("connect", f"no connection through the proxy {server.proxy}: {reason}")
