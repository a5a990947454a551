"""Call an ASGI application directly, without a socket: for tests of a gateway, or against a fake server.

    client = oai.AsyncOpenAI(transport=AsgiTransport(app), base_url="http://gateway/v1")

The application runs as a task, at most one piece ahead of the reader. Closing a reply early is a disconnected client
for the application: it receives `http.disconnect`, and sending fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

from oai._http.messages import Body, Headers, Request, TransportError
from oai._support.async_library import asyncio_loop
from oai.transports._async_bodies import pieces_of

if TYPE_CHECKING:
    from typing import Self

Message: TypeAlias = MutableMapping[str, Any]
Application: TypeAlias = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

GRACE = 1.0
"""Seconds that an application has to end by itself after its client has disconnected, before it is cancelled."""

PORTS = {"http": 80, "https": 443}

logger = logging.getLogger("oai.transports")


class AsgiTransport:
    """An async transport to an ASGI 3 application in this process.

    `async with AsgiTransport(app)` also starts and stops the application by the lifespan protocol, if it supports
    that. For a sync client use `BlockingTransport(AsgiTransport(app))`.

    Args:
        app: the application.
        raise_app_exceptions: whether exceptions of the application are raised unchanged; otherwise they are the
            `__cause__` of a `TransportError`, as if the process of a server had died.
    """

    needs_key = False
    is_async = True

    def __init__(self, app: Application | Any, *, raise_app_exceptions: bool = False) -> None:
        self._app = app
        self._raise = raise_app_exceptions
        self._state: dict[str, Any] = {}
        self._lifespan: _Lifespan | None = None
        self._running: set[AsgiReply] = set()
        self._closed = False

    def __reduce__(self) -> Any:
        return _restore, (type(self), self._app, self._raise)

    async def send(self, request: Request) -> AsgiReply:
        """Call the application; return at the head of its response."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        asyncio_loop(type(self).__name__)
        reply = AsgiReply(request, raises=self._raise)
        self._running.add(reply)
        reply.start(self._app, _scope(request, dict(self._state)), self._running.discard)
        await reply.begin()
        return reply

    async def close(self) -> None:
        """End the calls in progress, and the application's lifespan."""
        self._closed = True
        for reply in list(self._running):
            await reply.end()
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.stop()

    async def __aenter__(self) -> Self:
        asyncio_loop(type(self).__name__)
        self._lifespan = _Lifespan(self._app, self._state)
        await self._lifespan.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsgiReply:
    """A response that an application is producing; its `receive` and `send` are the application's."""

    def __init__(self, request: Request, *, raises: bool) -> None:
        self.status = 0
        self.headers = Headers()
        self._raises = raises
        self._read_limit = request.timeout.read
        self._deadline = _deadline(request)
        self._has_body = request.method != "HEAD"
        self._incoming = _incoming(request.body)
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._begun = asyncio.Event()
        self._over = asyncio.Event()
        self._failure: Exception | None = None
        self._has_head = self._complete = self._gone = self._closed = False
        self._task: asyncio.Task[None]

    def start(self, app: Application, scope: Message, ended: Callable[[AsgiReply], None]) -> None:
        """Start the application."""
        self._task = asyncio.create_task(self._run(app, scope))
        self._task.add_done_callback(lambda _: self._ended(ended))

    def _ended(self, callback: Callable[[AsgiReply], None]) -> None:
        self._begun.set()
        self._mark_end()
        callback(self)

    async def _run(self, app: Application, scope: Message) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:
            self._failure = error
            if self._gone or (self._complete and not self._raises):
                level = logging.DEBUG if self._gone else logging.ERROR
                logger.log(level, "the application raised an exception after its response", exc_info=error)

    async def _receive(self) -> Message:
        if not self._over.is_set():
            message = await anext(self._incoming, None)
            if message is not None:
                return message
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone:
            raise OSError("the client has disconnected")
        if message["type"] == "http.response.start" and not self._begun.is_set():
            self.status = message["status"]
            self.headers = Headers(
                (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
                for name, value in message.get("headers", ())
            )
        elif message["type"] == "http.response.body" and self.status and not self._complete:
            self._has_head = True
            self._begun.set()
            piece = bytes(message.get("body", b""))
            if piece and self._has_body and self.status not in (204, 304):
                await self._outgoing.put(piece)
            if not message.get("more_body", False):
                self._complete = True
                self._over.set()
                self._mark_end()
        else:
            raise RuntimeError(f"the application sent {message['type']!r} out of order")

    def _mark_end(self) -> None:
        """Wake a reader that waits for a piece; any other finds that the task is done."""
        if self._outgoing.empty():
            self._outgoing.put_nowait(None)

    async def begin(self) -> None:
        """Wait for the head, which an application may replace until it sends the first piece of the body."""
        await self._within_limits(self._begun.wait())
        if not self._has_head:
            raise self._failed() from self._failure

    async def read(self) -> bytes:
        """Return the whole body."""
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            if self._closed:
                raise TransportError("closed", "the reply is closed")
            over = (self._complete or self._task.done()) and self._outgoing.empty()
            piece = None if over else await self._within_limits(self._outgoing.get())
            if piece is None:
                break
            yield piece
        await asyncio.wait({self._task}, timeout=GRACE)  # for its work after the response
        if not self._complete or (self._raises and self._failure is not None):
            raise self._failed() from self._failure

    async def close(self) -> None:
        """Disconnect from the application, unless the response is complete, and wait for its end."""
        if not self._closed:
            self._closed = True
            if not (self._complete and self._outgoing.empty()):
                await self.end()

    async def end(self) -> None:
        """Disconnect, and cancel the application if it does not end soon."""
        self._leave()
        await asyncio.wait({self._task}, timeout=GRACE)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    def _leave(self) -> None:
        self._gone = True
        self._over.set()
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        if not self._task.done():
            self._task.get_loop().call_later(GRACE, self._task.cancel)

    async def _within_limits(self, action: Awaitable[Any]) -> Any:
        """Wait for the application within the limits of the request; disconnect if that fails."""
        now = asyncio.get_running_loop().time()
        limits = [self._deadline, None if self._read_limit is None else now + self._read_limit]
        try:
            async with asyncio.timeout_at(min((limit for limit in limits if limit is not None), default=None)):
                return await action
        except TimeoutError as error:
            self._leave()
            raise TransportError("timeout", "the application did not respond in time") from error
        except BaseException:
            self._leave()
            raise

    def _failed(self) -> Exception:
        if self._failure is None:
            return TransportError("receive", "the response was cut short: the application did not send all of it")
        if self._raises:
            return self._failure
        return TransportError("receive", f"the application raised {type(self._failure).__name__}")


class _Lifespan:
    """The call of the application that lasts from its startup to its shutdown."""

    def __init__(self, app: Application, state: dict[str, Any]) -> None:
        self._app = app
        self._scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._replies: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        await self._notify("startup")

    async def stop(self) -> None:
        if self._task is not None and not self._task.done():
            await self._notify("shutdown")
            await asyncio.wait({self._task}, timeout=GRACE)
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._events.get, self._replies.put)
        except Exception as error:
            logger.debug("the application raised an exception in its lifespan", exc_info=error)
        finally:
            self._replies.put_nowait({"type": "ended"})

    async def _notify(self, event: str) -> None:
        await self._events.put({"type": f"lifespan.{event}"})
        reply = await self._replies.get()
        if reply["type"] == f"lifespan.{event}.failed":
            raise RuntimeError(f"the application failed at its {event}: {reply.get('message', '')}")


def _scope(request: Request, state: dict[str, Any]) -> Message:
    parts = urlsplit(request.url)
    headers = list(request.headers)
    if not any(name.lower() == "host" for name, _ in headers):
        headers.insert(0, ("host", parts.netloc.rpartition("@")[2]))
    if request.body is not None and not any(name.lower() == "content-length" for name, _ in headers):
        body = request.body
        headers.append(("content-length", str(len(body) if isinstance(body, bytes) else body.length)))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": (parts.path or "/").encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 0),
        "server": (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)),
        "state": state,
    }


async def _incoming(body: bytes | Body | None) -> AsyncIterator[Message]:
    if body is None or isinstance(body, bytes):
        yield {"type": "http.request", "body": body or b"", "more_body": False}
        return
    async for piece in pieces_of(body):
        yield {"type": "http.request", "body": piece, "more_body": True}
    yield {"type": "http.request", "body": b"", "more_body": False}


def _deadline(request: Request) -> float | None:
    total = request.timeout.total
    return None if total is None else asyncio.get_running_loop().time() + total


def _restore(kind: type[AsgiTransport], app: Any, raises: bool) -> AsgiTransport:
    return kind(app, raise_app_exceptions=raises)
