"""The transport of `AsyncOpenAI`, on aiohttp, which the extra `oai[async]` installs.

A session belongs to the event loop that it was made in, so that this transport keeps one for each loop, and closes
it when the loop shuts down. What is small goes straight over a connection of the session (`_aiohttp_straight`); what
needs a proxy, is large, or is to go over a session of the caller's, goes through the session itself. Bodies of files
are read in a thread, so that no loop waits for a disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from oai._http.messages import Request, Timeout, TransportError
from oai.transports._async_bodies import pieces_of
from oai.transports._proxies import login_apart, proxy_for

try:
    import aiohttp
    from multidict import CIMultiDict
    from yarl import URL
except ImportError as missing:
    raise ImportError(
        "AsyncOpenAI sends over aiohttp, which is not installed: pip install 'oai[async]', or pass a transport"
    ) from missing

from oai.transports._aiohttp_direct import Straight
from oai.transports._aiohttp_reply import FAILURES, AiohttpReply, translated

MOST_CONNECTIONS = 100
"""Connections to one host at a time, more than which wait for a free one."""

LARGE = 256 * 1024
"""Bytes of a body that are handed to aiohttp at once; of much more it warns that the loop would stand still."""

SENT_AS_GIVEN = ("User-Agent", "Content-Type", "Accept", "Accept-Encoding")
"""Header fields that aiohttp would add by itself."""


_Session = tuple[aiohttp.ClientSession, Straight | None, WeakSet[AiohttpReply]]


class AiohttpTransport:
    """Send over aiohttp.

    Args:
        session: an `aiohttp.ClientSession` of the caller's, who keeps it and closes it; it must not decompress
            (`auto_decompress=False`), belongs to the loop that it was made in, and is made to send nothing twice.
        ssl_context: how to trust servers; the system's certificates unless given.
        proxies: whether `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are heeded.
        connections: how many connections to one host there may be.

    It pickles, and comes back with the same options and no connections. With a session or an `ssl_context` of the
    caller's it does not: pickling it raises `TypeError`.
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
        self._given = session
        self._ssl_context = ssl_context
        self._proxies = proxies
        self._connections = connections
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Session] = WeakKeyDictionary()
        self._endings: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None]] = WeakKeyDictionary()
        self._closed = False

    async def send(self, request: Request) -> AiohttpReply:
        """Send and return at the headers."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        if request.timeout.is_over:
            raise TransportError("timeout", "there is no time left")
        url, limits = _url(request.url), _limits(request.timeout)
        session, straight, replies = self._session()
        # The environment is slow to ask for a proxy: of a server that was reached straight it has been asked.
        asks = self._proxies and straight is not None and not straight.knows(url)
        proxy = proxy_for(request.url) if asks else None
        try:
            if straight is not None and proxy is None and _is_small(request.body):
                reply = await straight.send(request, url, limits)
                replies.add(reply)
                return reply
            headers, body = _content(request)
            proxy, login = (None, {}) if proxy is None else login_apart(proxy)  # errors of aiohttp show the URL
            if url.scheme == "http":  # such a request goes to the proxy itself, any other through a tunnel
                headers.update(login)
            answer = await session.request(
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
            raise translated(error) from error
        protocol = answer.connection.protocol if answer.connection else None
        reply = AiohttpReply(answer.status, answer.raw_headers, answer.content, protocol, answer.close)
        replies.add(reply)
        return reply

    async def close(self) -> None:
        """Close this transport's own sessions."""
        self._closed = True
        endings, self._endings, self._sessions = list(self._endings.items()), WeakKeyDictionary(), WeakKeyDictionary()
        here = asyncio.get_running_loop()
        for loop, ending in endings:
            if loop is here or not loop.is_running():
                await ending.aclose()
            else:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ending.aclose(), loop))

    def __reduce__(self) -> tuple[Any, ...]:
        for name, value in (("session", self._given), ("ssl_context", self._ssl_context)):
            if value is not None:
                raise TypeError(
                    f"a {type(self).__name__} with a {name} of the caller's does not pickle: make one in each process"
                )
        return partial(type(self), proxies=self._proxies, connections=self._connections), ()

    def _session(self) -> _Session:
        """Return the session of the running loop, the short way over its connections if it is ours, and its replies."""
        loop = asyncio.get_running_loop()
        if self._given is not None:
            if self._given._loop is not loop:  # noqa: SLF001 - its public name warns
                raise TransportError("closed", "the given session belongs to another event loop than the running one")
            self._given._retry_connection = False  # noqa: SLF001 - as below
            return self._given, None, WeakSet()
        found = self._sessions.get(loop)
        if found is None:
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=self._connections, ssl=self._ssl_context or True)
            session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            # By itself aiohttp sends some requests a second time, which is the flow's to decide; its own test client
            # switches that off by the same name, for which there is no public one.
            session._retry_connection = False  # noqa: SLF001 - see above
            found = self._sessions[loop] = session, Straight(connector, loop), WeakSet()
            self._endings[loop] = _ending(session, found[2])
        return found


@lru_cache(maxsize=256)
def _url(text: str) -> URL:
    """Return a URL as it is, but for user information: aiohttp would make an `Authorization` of its own of that."""
    url = URL(text, encoded=True)
    return url if url.raw_user is None and url.raw_password is None else url.with_user(None)


def _ending(session: aiohttp.ClientSession, replies: WeakSet[AiohttpReply]) -> AsyncGenerator[None]:
    """Return what closes a session when it is closed itself, as an event loop does to its async generators at its end.

    So a program that leaves its client to `asyncio.run` leaves no connection open. Who still reads a reply is told.
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


def _is_small(body: object) -> bool:
    return body is None or (isinstance(body, bytes) and len(body) <= LARGE)


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
