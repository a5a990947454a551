"""Send over a client of httpx or httpx2 (`oai[httpx]`), for programs that have configured one.

The client's connections are used: its transports and mounts with their TLS, proxies and pools, and its hooks. A request
is complete when it comes here, so that the client's base URL and redirects are not applied; its headers, cookies,
parameters and authentication are applied only if it was passed as `http_client`, as in the official SDK.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from oai._http.messages import Request, Timeout, TransportError
from oai._support.async_library import run_in, running_loop
from oai._support.lazy import LazyModule
from oai.transports._async_bodies import pieces_of
from oai.transports._cancellation import cancel_once
from oai.transports._httpx_replies import AsyncHttpxReply, Errors, HttpxReply, as_transport_error, until
from oai.transports._limits import remaining
from oai.transports._origins import ascii_url
from oai.transports._tls import shared_tls_context

if TYPE_CHECKING:
    import httpx
else:
    httpx = LazyModule("httpx")

MOST_CONNECTIONS = 100
"""Idle connections that a client created here keeps, as in the official SDK."""

LIBRARIES = ("httpx", "httpx2")

OF_HTTPX = ("HTTPError", "InvalidURL", "StreamError")
OF_PYTHON = (OSError, ValueError, OverflowError, ExceptionGroup)
"""Exceptions that sending may raise; the last two are caused by an invalid port, which no layer below checks."""


class _Httpx:
    """Base class of both transports: builds the requests of httpx."""

    needs_key = True
    is_async = False
    adds = False
    """Whether the client's headers, cookies, parameters and authentication go with a request, within its origin."""

    def __init__(self, client: Any = None, *, ssl_context: ssl.SSLContext | None = None, proxies: bool = True) -> None:
        self._caller_client = client
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._library = _library(client)
        self._process = os.getpid()
        self._errors: Errors = (*(getattr(self._library, name) for name in OF_HTTPX), *OF_PYTHON)
        self._closed = False
        kind = "AsyncClient" if self.is_async else "Client"
        self._client_type = getattr(self._library, kind)
        if not isinstance(client, (self._client_type, type(None))):
            raise TypeError(f"{type(self).__name__} needs an httpx.{kind}, not {type(client).__name__}")

    def __reduce__(self) -> Any:
        if self._caller_client is not None or self._ssl_context is not None:
            what = "a client" if self._caller_client is not None else "an ssl_context"
            raise TypeError(f"{type(self).__name__} with {what} cannot be pickled; create one in each process")
        return partial(type(self), proxies=self._proxies), ()

    def _new_client(self) -> Any:
        return self._client_type(
            verify=self._ssl_context or shared_tls_context(),
            trust_env=self._proxies,
            limits=self._library.Limits(max_connections=None, max_keepalive_connections=MOST_CONNECTIONS),
        )

    def _request(self, request: Request, limits: dict[str, float | None]) -> Any:
        if self._closed or (self._caller_client is not None and self._caller_client.is_closed):
            raise TransportError("closed", "the transport is closed")
        if self._caller_client is not None and self._process != os.getpid():
            raise TransportError("closed", "the client belongs to the process that this one was forked from")
        headers, body, url = request.headers, request.body, ascii_url(request.url)
        content: Any = body
        if body is not None and not isinstance(body, bytes):
            headers = [*headers, ("Content-Length", str(body.length))]
            content = pieces_of(body) if self.is_async else iter(body)
        options: dict[str, Any] = {"headers": headers, "content": content, "extensions": {"timeout": limits}}
        if not self._adds_to(request):
            return self._library.Request(request.method, url, **options)
        if self._caller_client.params:  # which would otherwise replace those of the URL
            options["params"] = self._library.URL(url).params
        return self._caller_client.build_request(request.method, url, **options)

    def _adds_to(self, request: Request) -> bool:
        return self.adds and not request.foreign

    def _options(self, request: Request) -> dict[str, Any]:
        """Return the options of sending; without `auth`, the client's applies."""
        return {"stream": True, "follow_redirects": False, **({} if self._adds_to(request) else {"auth": None})}


class HttpxTransport(_Httpx):
    """A transport over a client of httpx or httpx2. `Timeout.total` limits each wait, and is checked between them.

    Args:
        client: the client, which the caller keeps and closes; by default the transport creates one.
        ssl_context: verifies servers; by default with the system's certificates. Not for a `client`.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply. Not for a `client`.

    Raises:
        TypeError: the client is of another library, or an async client.
        ImportError: httpx is not installed.
    """

    def __init__(
        self,
        client: httpx.Client | Any = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
    ) -> None:
        super().__init__(client, ssl_context=ssl_context, proxies=proxies)
        self._own: Any = None
        self._lock = threading.Lock()

    def send(self, request: Request) -> HttpxReply:
        """Send a request; return at the headers of the response."""
        deadline = _deadline(request.timeout)
        try:
            limits = _limits(request.timeout, deadline)
            httpx_request = self._request(request, limits)
            response = self._client().send(httpx_request, **self._options(request))
        except self._errors as error:
            raise as_transport_error(error) from error
        return HttpxReply(response, limits, deadline, self._errors)

    def close(self) -> None:
        """Close the client, unless it is the caller's."""
        self._closed = True
        own, self._own = self._own, None
        if own is not None:
            own.close()

    def _client(self) -> Any:
        if self._caller_client is not None:
            return self._caller_client
        with self._lock:
            if self._process != os.getpid():  # after a fork the sockets belong to the parent
                self._own, self._process, forgotten = None, os.getpid(), self._own
                if forgotten is not None:
                    forgotten.close()
            if self._own is None:
                self._own = self._new_client()
            return self._own


class AsyncHttpxTransport(_Httpx):
    """An async transport over an async client of httpx or httpx2, on asyncio or trio.

    A `client` can be used in one event loop; without one, the transport creates a client for each loop.

    Args:
        client: the client, which the caller keeps and closes; by default the transport creates one.
        ssl_context: verifies servers; by default with the system's certificates. Not for a `client`.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply. Not for a `client`.

    Raises:
        TypeError: the client is of another library, or a sync client.
        ImportError: httpx is not installed.
    """

    is_async = True

    def __init__(
        self,
        client: httpx.AsyncClient | Any = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
    ) -> None:
        super().__init__(client, ssl_context=ssl_context, proxies=proxies)
        self._clients: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._lock = threading.Lock()

    async def send(self, request: Request) -> AsyncHttpxReply:
        """Send a request; return at the headers of the response."""
        deadline = _deadline(request.timeout)
        try:
            httpx_request = self._request(request, _limits(request.timeout, deadline))
            async with until(deadline):
                response = await cancel_once(self._client().send(httpx_request, **self._options(request)))
        except self._errors as error:
            raise as_transport_error(error) from error
        return AsyncHttpxReply(response, deadline, self._errors)

    async def close(self) -> None:
        """Close the clients of all running loops, unless the client is the caller's."""
        self._closed = True
        clients, self._clients = list(self._clients.items()), WeakKeyDictionary()
        here = running_loop()
        for loop, client in [] if self._caller_client is not None else clients:
            if loop is here:
                await client.aclose()
            else:
                await run_in(loop, client.aclose)

    def _client(self) -> Any:
        loop = running_loop()
        with self._lock:  # of loops in several threads
            client = self._clients.get(loop)
            if client is not None:
                return client
            if self._caller_client is not None and self._clients:
                raise TransportError("closed", "the client belongs to another event loop than the running one")
            client = self._clients[loop] = self._caller_client or self._new_client()
            return client


def _library(client: Any) -> Any:
    """Return the library of a client: httpx, or its successor with the same interface."""
    for base in type(client).__mro__ if client is not None else ():
        name = base.__module__.partition(".")[0]
        if name in LIBRARIES:
            return import_module(name)
    try:
        return import_module(LIBRARIES[0])
    except ImportError as missing:
        raise ImportError("HttpxTransport needs httpx, which is not installed: pip install 'oai[httpx]'") from missing


def _deadline(timeout: Timeout) -> float | None:
    return None if timeout.total is None else time.monotonic() + timeout.total


def _limits(timeout: Timeout, deadline: float | None) -> dict[str, float | None]:
    """Return the limits in the form of httpx's transports, none of them past the deadline."""
    if timeout.is_over:
        raise TimeoutError("there is no time left")
    return {name: remaining(deadline, getattr(timeout, name)) for name in ("connect", "read", "write", "pool")}
