"""Send over aiohttp (`oai[aiohttp]`): by a session of the caller's, or by the transport's own.

Only documented names of aiohttp are used, so that its own rules hold: it has no limit for writing, it sends a request
of an idempotent method again if the connection breaks before the response, and it does not report a reset within a
body that ends with the connection. A session belongs to one event loop: the transport keeps one for each loop, and
closes it when the loop shuts down.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from oai._http.messages import Headers, Request, Timeout, TransportError
from oai._support.async_library import asyncio_loop
from oai.transports._async_bodies import pieces_of
from oai.transports._limits import check
from oai.transports._origins import ascii_url
from oai.transports._proxies import login_apart, proxy_for
from oai.transports._tls import shared_tls_context

try:
    import aiohttp
    from multidict import CIMultiDict
    from yarl import URL
except ImportError as missing:
    raise ImportError("AiohttpTransport needs aiohttp, which is not installed: pip install 'oai[aiohttp]'") from missing

MOST_CONNECTIONS = 1000
"""Connections to one host at a time; further calls wait."""

LARGE = 256 * 1024
"""Bytes of a body that are handed to aiohttp at once; of much more it warns that the loop would be blocked."""

LINGER = 0.01
"""Seconds that closing a reply waits for the end of a body that is arriving, to keep the connection."""

SENT_AS_GIVEN = ("User-Agent", "Content-Type", "Accept", "Accept-Encoding")
"""Header fields that aiohttp would add by itself."""

FAILURES = (aiohttp.ClientError, OSError, ValueError)
"""The exceptions of aiohttp for a failed request."""

_Session = tuple[aiohttp.ClientSession, "WeakSet[AiohttpReply]"]


class AiohttpTransport:
    """An async transport over aiohttp.

    Args:
        session: an `aiohttp.ClientSession` that the caller keeps and closes, with its own TLS and limits; it must not
            decompress (`auto_decompress=False`), and can be used in one event loop.
        ssl_context: verifies servers; by default with the system's certificates. Not for a `session`.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply. Not for a `session`.
        connections: how many connections to one host there may be. Not for a `session`.

    A pickle keeps the options, not the connections. Pickling a transport with a `session` or an `ssl_context` raises
    `TypeError`.
    """

    needs_key = True

    def __init__(
        self,
        session: aiohttp.ClientSession | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: bool = True,
        connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._session = session
        self._session_loop: asyncio.AbstractEventLoop | None = None
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._connections = connections
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Session] = WeakKeyDictionary()
        self._endings: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None]] = WeakKeyDictionary()
        self._closed = False

    async def send(self, request: Request) -> AiohttpReply:
        """Send a request; return at the headers of the response."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        check(request.timeout)
        session, replies = self._find_session()
        url, limits = _url(request.url), _limits(request.timeout)
        proxy = proxy_for(request.url) if self._proxies and self._session is None else None
        headers, body = _content(request)
        proxy, login = (None, {}) if proxy is None else login_apart(proxy)  # errors of aiohttp show the URL
        if url.scheme == "http":  # such a request goes to the proxy itself, any other through a tunnel
            headers.update(login)
        try:
            response = await session.request(
                request.method,
                url,
                headers=headers,
                data=body,
                proxy=proxy,
                proxy_headers=login or None,
                allow_redirects=False,
                skip_auto_headers=SENT_AS_GIVEN,
                timeout=limits,
            )
        except FAILURES as error:
            raise _as_transport_error(error) from error
        reply = AiohttpReply(response)
        replies.add(reply)
        return reply

    async def close(self) -> None:
        """Close this transport's own sessions."""
        self._closed = True
        endings, self._endings, self._sessions = list(self._endings.items()), WeakKeyDictionary(), WeakKeyDictionary()
        here = asyncio_loop(type(self).__name__) if endings else None
        for loop, ending in endings:
            if loop is here or not loop.is_running():
                await ending.aclose()
            else:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ending.aclose(), loop))

    def __reduce__(self) -> tuple[Any, ...]:
        for argument, value in (("a session", self._session), ("an ssl_context", self._ssl_context)):
            if value is not None:
                name = type(self).__name__
                raise TypeError(f"{name} with {argument} cannot be pickled; create one in each process")
        return partial(type(self), proxies=self._proxies, connections=self._connections), ()

    def _find_session(self) -> _Session:
        """Return the session of the running loop, and the replies that use it."""
        loop = asyncio_loop(type(self).__name__)
        if self._session is not None:
            self._session_loop = self._session_loop or loop
            if self._session_loop is not loop:
                raise TransportError("closed", "the session belongs to another event loop than the running one")
            return self._session, WeakSet()
        entry = self._sessions.get(loop)
        if entry is None:
            connector = aiohttp.TCPConnector(
                limit=0, limit_per_host=self._connections, ssl=self._ssl_context or shared_tls_context()
            )
            session = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
            entry = self._sessions[loop] = session, WeakSet()
            self._endings[loop] = _close_at_end(*entry)
        return entry


def _close_at_end(session: aiohttp.ClientSession, replies: WeakSet[AiohttpReply]) -> AsyncGenerator[None]:
    """Return a generator that closes a session when it is closed itself.

    An event loop closes its async generators when it shuts down, so that a program that leaves its client to
    `asyncio.run` leaves no connection open.
    """

    async def wait() -> AsyncGenerator[None]:
        try:
            yield
        finally:
            for reply in list(replies):
                reply.cut()
            await session.close()

    ending = wait()
    with contextlib.suppress(StopIteration):
        ending.__anext__().__await__().__next__()  # to its `yield`, without waiting: so the loop knows of it
    return ending


class AiohttpReply:
    """A response whose body aiohttp is receiving."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers = Headers([(name.decode(), value.decode("latin-1")) for name, value in response.raw_headers])
        self._response = response
        self._reader: asyncio.Task[Any] | None = None
        self._closed = False

    async def read(self) -> bytes:
        """Return the whole body."""
        with self._reading():
            return await self._response.content.read()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            with self._reading():
                piece = await self._response.content.readany()
            if not piece:
                return
            yield piece

    async def close(self) -> None:
        """Keep the connection if the body has ended or is about to; otherwise close it."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._reader is None and not self._response.content.is_eof():
                async with asyncio.timeout(LINGER):
                    await self._response.content.wait_eof()
        except FAILURES:
            pass
        finally:
            self.cut()

    def cut(self) -> None:
        """Close the connection unless the body has ended, and end a task that reads: aiohttp would not wake it."""
        self._closed = True
        self._response.close()
        if self._reader is not None:
            self._reader.cancel()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        if self._closed:
            raise TransportError("closed", "the reply is closed")
        self._reader = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError as error:
            task, self._reader = self._reader, None
            if self._closed and task is not None and not task.uncancel():
                raise TransportError("closed", "the reply is closed") from error
            self._response.close()
            raise
        except FAILURES as error:
            self._response.close()
            raise _as_transport_error(error) from error
        finally:
            self._reader = None


@lru_cache(maxsize=256)
def _url(text: str) -> URL:
    """Return a URL without user information, of which aiohttp would make an `Authorization` of its own."""
    url = URL(ascii_url(text), encoded=True)
    return url if url.raw_user is None and url.raw_password is None else url.with_user(None)


def _content(request: Request) -> tuple[CIMultiDict[str], Any]:
    """Return the header fields and the body as aiohttp takes them."""
    headers = CIMultiDict(request.headers)
    body = request.body
    if isinstance(body, bytes) and len(body) > LARGE:
        headers["Content-Length"] = str(len(body))
        return headers, _slices(body)
    if body is None or isinstance(body, bytes):
        return headers, body
    headers["Content-Length"] = str(body.length)
    return headers, pieces_of(body)


async def _slices(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), LARGE):
        yield view[start : start + LARGE]


@lru_cache(maxsize=64)
def _limits(timeout: Timeout) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=timeout.total, connect=timeout.pool, sock_connect=timeout.connect, sock_read=timeout.read
    )


def _as_transport_error(error: Exception) -> TransportError:
    """Return the error of the seam for one of aiohttp's."""
    if isinstance(error, TimeoutError):
        return TransportError("timeout", str(error) or "timed out")
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)):
        return TransportError("connect", str(error))
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError("receive", "the response was cut short")
    return TransportError("receive", str(error) or type(error).__name__)
