"""Transports on httpx, for programs that have a client of it set up as they like: `oai[httpx]` installs it.

What is used of a client is how it connects: its transports and mounts with their TLS, proxies and pools, and its
hooks. A request is complete when it comes here, so that the client's base URL and redirects are not applied, and its
headers, cookies, parameters and authentication only where it was given as `http_client`, as programs of the official
SDK expect. Clients of httpx2, which the official SDK has, are taken as well.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from oai._http.messages import Headers, Request, Timeout, TransportError
from oai.transports._async_bodies import pieces_of
from oai.transports._limits import remaining
from oai.transports._tls import shared_tls_context

if TYPE_CHECKING:
    import httpx

MOST_CONNECTIONS = 100
"""Idle connections that a client made here keeps, as the official SDK has it."""

KINDS = {
    "TimeoutException": "timeout",
    "TimeoutError": "timeout",
    "ConnectError": "connect",
    "ProxyError": "connect",
    "UnsupportedProtocol": "connect",
    "InvalidURL": "connect",
    "OverflowError": "connect",
    "ExceptionGroup": "connect",
    "WriteError": "send",
    "LocalProtocolError": "send",
    "StreamError": "closed",
}
"""The kind of failure that an exception's class, or the nearest of its bases, stands for; else it is `receive`."""

LIBRARIES = ("httpx", "httpx2")

OF_HTTPX = ("HTTPError", "InvalidURL", "StreamError")
OF_PYTHON = (OSError, ValueError, OverflowError, ExceptionGroup)
"""What sending may raise; the last of them come of a port that cannot be, which nobody below looks at."""

Errors: TypeAlias = tuple[type[Exception], ...]


class _Httpx:
    """What both transports are: how a request becomes httpx's.

    Args:
        client: a client of httpx, which the caller keeps and closes. Without one, one is made.
        ssl_context: how a client made here trusts servers; by the system's certificates unless given.
        proxies: whether a client made here heeds the proxy variables of the environment.

    Raises:
        TypeError: the client is something else, or of the other kind.
        ImportError: httpx is not installed.
    """

    needs_key = True
    is_async = False
    adds = False
    """Whether the client's headers, cookies, parameters and authentication go with a request, within its origin."""

    def __init__(self, client: Any = None, *, ssl_context: ssl.SSLContext | None = None, proxies: bool = True) -> None:
        self._given = client
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._library = _library(client)
        self._process = os.getpid()
        self._errors: Errors = (*(getattr(self._library, name) for name in OF_HTTPX), *OF_PYTHON)
        self._closed = False
        kind = "AsyncClient" if self.is_async else "Client"
        self._client_type = getattr(self._library, kind)
        if client is not None and not isinstance(client, self._client_type):
            raise TypeError(f"{type(self).__name__} needs an httpx.{kind}, not {type(client).__name__}")

    def __reduce__(self) -> Any:
        if self._given is not None or self._ssl_context is not None:
            raise TypeError(f"a {type(self).__name__} with a client or an SSL context of your own cannot be pickled")
        return _remade, (type(self), self._proxies)

    def _new_client(self) -> Any:
        return self._client_type(
            verify=self._ssl_context or shared_tls_context(),
            trust_env=self._proxies,
            limits=self._library.Limits(max_connections=None, max_keepalive_connections=MOST_CONNECTIONS),
        )

    def _request(self, request: Request, limits: dict[str, float | None]) -> Any:
        if self._closed or (self._given is not None and self._given.is_closed):
            raise TransportError("closed", "the transport is closed")
        if self._given is not None and self._process != os.getpid():
            raise TransportError("closed", "the given client belongs to the process that this one was forked from")
        headers, body = request.headers, request.body
        content: Any = body
        if body is not None and not isinstance(body, bytes):
            headers = [*headers, ("Content-Length", str(body.length))]
            content = pieces_of(body) if self.is_async else iter(body)
        options: dict[str, Any] = {"headers": headers, "content": content, "extensions": {"timeout": limits}}
        if not self._adds_to(request):
            return self._library.Request(request.method, request.url, **options)
        if self._given.params:  # which else would take the place of the URL's own
            options["params"] = self._library.URL(request.url).params
        return self._given.build_request(request.method, request.url, **options)

    def _adds_to(self, request: Request) -> bool:
        return self.adds and not request.foreign

    def _options(self, request: Request) -> dict[str, Any]:
        """Return how a request is sent: `auth` left out is the client's."""
        return {"stream": True, "follow_redirects": False, **({} if self._adds_to(request) else {"auth": None})}


class HttpxTransport(_Httpx):
    """Send over an `httpx.Client`. `Timeout.total` bounds each wait, and is looked at between them."""

    def __init__(
        self,
        client: httpx.Client | Any = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
    ) -> None:
        super().__init__(client, ssl_context=ssl_context, proxies=proxies)
        self._own: Any = None
        self._making = threading.Lock()

    def send(self, request: Request) -> HttpxReply:
        """Send and return at the headers."""
        deadline = _deadline(request.timeout)
        try:
            limits = _limits(request.timeout, deadline)
            asked = self._request(request, limits)
            answer = self._client().send(asked, **self._options(request))
        except self._errors as error:
            raise _translated(error) from error
        return HttpxReply(answer, limits, deadline, self._errors)

    def close(self) -> None:
        """Close the client, unless it is the caller's."""
        self._closed = True
        own, self._own = self._own, None
        if own is not None:
            own.close()

    def _client(self) -> Any:
        if self._given is not None:
            return self._given
        with self._making:
            if self._process != os.getpid():  # after a fork the sockets belong to the parent
                self._own, self._process, forgotten = None, os.getpid(), self._own
                if forgotten is not None:
                    forgotten.close()
            if self._own is None:
                self._own = self._new_client()
            return self._own


class HttpxReply:
    """An answer under way over an `httpx.Client`."""

    def __init__(self, answer: Any, limits: dict[str, float | None], deadline: float | None, errors: Errors) -> None:
        self.status: int = answer.status_code
        self.headers, self._content = _received(answer)
        self._answer = answer
        self._limits = limits
        self._read_limit = limits["read"]
        self._deadline = deadline
        self._errors = errors
        self._closed = False

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        if self._closed:
            raise TransportError("closed", "the reply is closed")
        if self._content is not None:
            if self._content:
                yield self._content
            return
        try:
            self._limits["read"] = remaining(self._deadline, self._read_limit)  # which the body's first wait looks at
            for piece in self._answer.iter_raw():
                remaining(self._deadline, None)
                if piece:
                    yield piece
        except self._errors as error:
            self._answer.close()
            raise _translated(error, closed=self._closed) from error

    def close(self) -> None:
        """Give the connection back if the body is at its end, else close it."""
        self._closed = True
        self._answer.close()


class AsyncHttpxTransport(_Httpx):
    """Send over an `httpx.AsyncClient`: the caller's serves one event loop, one is made here for each."""

    is_async = True

    def __init__(
        self,
        client: httpx.AsyncClient | Any = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
    ) -> None:
        super().__init__(client, ssl_context=ssl_context, proxies=proxies)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self._lock = threading.Lock()

    async def send(self, request: Request) -> AsyncHttpxReply:
        """Send and return at the headers."""
        deadline = _deadline(request.timeout)
        try:
            asked = self._request(request, _limits(request.timeout, deadline))
            async with _until(deadline):
                answer = await _once(self._client().send(asked, **self._options(request)))
        except self._errors as error:
            raise _translated(error) from error
        return AsyncHttpxReply(answer, deadline, self._errors)

    async def close(self) -> None:
        """Close the clients of all loops that are running, unless there is one of the caller's."""
        self._closed = True
        clients, self._clients = list(self._clients.items()), WeakKeyDictionary()
        for loop, client in [] if self._given is not None else clients:
            if loop is asyncio.get_running_loop():
                await client.aclose()
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(client.aclose(), loop))

    def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        with self._lock:  # of loops in several threads
            client = self._clients.get(loop)
            if client is not None:
                return client
            if self._given is not None and self._clients:
                raise TransportError("closed", "the given client belongs to another event loop than the running one")
            client = self._clients[loop] = self._given or self._new_client()
            return client


class AsyncHttpxReply:
    """An answer under way over an `httpx.AsyncClient`."""

    def __init__(self, answer: Any, deadline: float | None, errors: Errors) -> None:
        self.status: int = answer.status_code
        self.headers, self._content = _received(answer)
        self._answer = answer
        self._deadline = deadline
        self._errors = errors
        self._closed = False

    async def read(self) -> bytes:
        """Return the whole body."""
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._closed:
            raise TransportError("closed", "the reply is closed")
        if self._content is not None:
            if self._content:
                yield self._content
            return
        pieces = self._answer.aiter_raw()
        try:
            while True:
                async with _until(self._deadline):
                    piece = await _once(anext(pieces, None))
                if piece is None:
                    return
                if piece:
                    yield piece
        except self._errors as error:
            await _once(self._answer.aclose())
            raise _translated(error, closed=self._closed) from error

    async def close(self) -> None:
        """Give the connection back if the body is at its end, else close it."""
        self._closed = True
        await _once(self._answer.aclose())


def _library(client: Any) -> Any:
    """Return the module that a client is of: httpx, or its successor of the same interface."""
    for base in type(client).__mro__ if client is not None else ():
        name = base.__module__.partition(".")[0]
        if name in LIBRARIES:
            return import_module(name)
    try:
        return import_module(LIBRARIES[0])
    except ImportError as missing:
        raise ImportError(
            "this transport sends over httpx, which is not installed: pip install 'oai[httpx]'"
        ) from missing


def _remade(kind: type[_Httpx], proxies: bool) -> _Httpx:
    return kind(proxies=proxies)


def _received(answer: Any) -> tuple[Headers, bytes | None]:
    """Return the headers, and the content if it was read already: by an event hook, or in a `MockTransport`.

    Such content is decoded, so that the headers about its encoding no longer apply.
    """
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]
    try:
        content: bytes = answer.content
    except RuntimeError:  # `ResponseNotRead`: the usual case
        return Headers(fields), None
    return Headers(field for field in fields if field[0].lower() not in ("content-encoding", "content-length")), content


def _deadline(timeout: Timeout) -> float | None:
    return None if timeout.total is None else time.monotonic() + timeout.total


def _limits(timeout: Timeout, deadline: float | None) -> dict[str, float | None]:
    """Return the limits as httpx hands them to its transports, none of them past the deadline."""
    if timeout.is_over:
        raise TimeoutError("there is no time left")
    return {name: remaining(deadline, getattr(timeout, name)) for name in ("connect", "read", "write", "pool")}


def _until(deadline: float | None) -> AbstractAsyncContextManager[Any]:
    left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
    return asyncio.timeout(left)


async def _once(action: Awaitable[Any]) -> Any:
    """Await something of httpx in a task of its own, which is cancelled once and no more.

    A second cancellation would interrupt what httpx does at the first one, and leave the connection open for ever.
    """
    task = asyncio.ensure_future(action)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.shield(asyncio.ensure_future(_ended(task)))
        raise


async def _ended(task: asyncio.Future[Any]) -> None:
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None and hasattr(task.result(), "aclose"):
        await task.result().aclose()  # the answer came just then, and nobody takes it


def _translated(error: Exception, *, closed: bool = False) -> TransportError:
    """Say what failed in the words of the seam."""
    if closed:
        return TransportError("closed", "the reply is closed")
    kind = next((KINDS[base.__name__] for base in type(error).__mro__ if base.__name__ in KINDS), "receive")
    text = str(error) or ("timed out" if kind == "timeout" else type(error).__name__)
    if "without sending complete message body" in text or "incomplete chunked read" in text:
        text = "the answer was cut short"
    return TransportError(kind, text)
