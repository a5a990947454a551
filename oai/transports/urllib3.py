"""The default transport: straight to a server over sockets; over urllib3 through a proxy or a pool of the caller's.

The two ways are `_direct` and `_pooled`; the latter, and urllib3 with it, is imported where it is needed. Bodies are
read piece by piece as they arrive, and a limit on the whole answer (`Timeout.total`) is kept while they are (`_http1`).
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from oai._http.messages import TransportError
from oai.transports._proxies import proxy_for
from oai.transports._sockets.connections import MOST_CONNECTIONS, MOST_HOSTS, DirectReply, Origin, shared_tls_context
from oai.transports._sockets.response import FAILURES, translated

if TYPE_CHECKING:
    import ssl

    import urllib3

    from oai._http.messages import Request
    from oai.transports._urllib3_pools import PooledReply


class Urllib3Transport:
    """Send straight to a server; over urllib3 through a proxy or a pool of the caller's.

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

    def send(self, request: Request) -> DirectReply | PooledReply:
        """Send and return at the headers."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        timeout = request.timeout
        if timeout.is_over:
            raise TransportError("timeout", "there is no time left")
        deadline = None if timeout.total is None else time.monotonic() + timeout.total
        self._heed_fork()
        if (pool := self._given) is None:
            origin, target = self._origin(request.url)
            # The environment is slow to ask for a proxy: where a connection waits, it has been asked.
            pool = None if origin.waits or not self._proxies else self._proxied(request.url)
        if pool is not None:
            from oai.transports._urllib3_pools import send_over

            return send_over(pool, request, deadline)
        try:
            return DirectReply(origin, *origin.send(request, target, deadline), deadline)
        except FAILURES as error:
            raise translated(error) from error

    def close(self) -> None:
        """Close the idle connections of this transport's own pools."""
        self._closed = True
        managers, origins = self._managers, self._origins
        self._managers, self._origins = {}, {}
        for kept in list(origins.values()):  # to which a call of another thread may add
            kept.close()
        if managers:
            from oai.transports._urllib3_pools import close_pools

            for manager in list(managers.values()):
                close_pools(manager)

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

    def _proxied(self, url: str) -> urllib3.PoolManager | None:
        """Return the pools of the proxy that the environment names for a URL, if any."""
        proxy = proxy_for(url)
        if proxy is None:
            return None
        manager = self._managers.get(proxy)
        if manager is None:
            from oai.transports._urllib3_pools import pools_of

            made = pools_of(proxy, self._ssl_context or shared_tls_context(), self._connections)
            manager = self._managers.setdefault(proxy, made)
        return manager

    def _origin(self, url: str) -> tuple[Origin, str]:
        """Return the server that a URL is of, and the target to ask it for."""
        slash = url.find("/", url.find("://") + 3)
        name, target = (url[:slash], url[slash:]) if slash > 0 else (url, "/")
        if "?" in name:  # a query without a path
            name, _, query = url.partition("?")
            target = f"/?{query}"
        origin = self._origins.get(name)
        if origin is None:
            if len(self._origins) >= MOST_HOSTS:
                self._origins.clear()
            made = Origin(name, lambda: self._ssl_context or shared_tls_context(), self._connections)
            origin = self._origins.setdefault(name, made)
        return origin, target
