"""The default transport of `OpenAI`: HTTP/1.1 over sockets, and over urllib3 through a proxy.

urllib3 is a large import, which only a proxy needs. Bodies are read piece by piece as they arrive, and `Timeout.total`
bounds the whole response while they are.
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

    from oai._http.messages import Reply, Request
    from oai.transports.urllib3 import Urllib3Transport


class HTTPTransport:
    """Send over sockets; over urllib3 where the environment names a proxy for a URL.

    Args:
        ssl_context: verifies servers; by default with the system's certificates.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply. Through a proxy,
            `Timeout.total` is checked between reads, and an interim response (1xx) is an error.
        connections: how many idle connections to keep to one host.

    It pickles: the copy has the same options and no connections. With an `ssl_context` it does not, and pickling it
    raises `TypeError`.
    """

    needs_key = True

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
        connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._connections = connections
        self._over_urllib3: Urllib3Transport | None = None
        self._origins: dict[str, Origin] = {}
        self._process = os.getpid()
        self._closed = False

    def send(self, request: Request) -> Reply:
        """Send a request; return at the headers of the response."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        timeout = request.timeout
        if timeout.is_over:
            raise TransportError("timeout", "there is no time left")
        deadline = None if timeout.total is None else time.monotonic() + timeout.total
        self._forget_after_fork()
        origin, target = self._origin(request.url)
        # Reading the environment is slow. An idle connection shows that this host needs no proxy.
        if self._proxies and not origin.waits and proxy_for(request.url) is not None:
            return self._through_proxy().send(request)
        try:
            return DirectReply(origin, *origin.send(request, target, deadline), deadline)
        except FAILURES as error:
            raise translated(error) from error

    def close(self) -> None:
        """Close the idle connections."""
        self._closed = True
        origins, self._origins = self._origins, {}
        for origin in list(origins.values()):  # another thread may be adding one
            origin.close()
        if self._over_urllib3 is not None:
            self._over_urllib3.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._ssl_context is not None:
            raise TypeError(f"a {type(self).__name__} with an ssl_context does not pickle: make one in each process")
        return partial(type(self), proxies=self._proxies, connections=self._connections), ()

    def _forget_after_fork(self) -> None:
        """Drop the parent's connections without writing to them."""
        if self._process != os.getpid():
            self._origins, self._process = {}, os.getpid()

    def _through_proxy(self) -> Urllib3Transport:
        if self._over_urllib3 is None:
            from oai.transports.urllib3 import Urllib3Transport

            self._over_urllib3 = Urllib3Transport(
                ssl_context=self._ssl_context or shared_tls_context(), connections=self._connections
            )
        return self._over_urllib3

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
