"""Use an async transport from a sync client, as in `BlockingTransport(AsgiTransport(app))`."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from oai._http.messages import Headers, Request, TransportError
from oai.transports._wrapper import OverTransport

if TYPE_CHECKING:
    from typing import Self


class BlockingTransport(OverTransport):
    """A sync transport that sends over an async one, in an event loop of its own in a thread.

    As a context manager it enters and leaves the `async with` of the transport, if that has one.

    Args:
        transport: the async transport, which is closed with this one.
    """

    is_async = False

    def __init__(self, transport: Any) -> None:
        self._original = transport
        self._transport = getattr(transport, "for_async", lambda: transport)()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._closed = False

    def __reduce__(self) -> Any:
        return type(self), (self._original,)

    @property
    def needs_key(self) -> bool:
        """Whether a client over this transport must have a key."""
        return bool(getattr(self._transport, "needs_key", True))

    def send(self, request: Request) -> BlockingReply:
        """Send a request; return at the headers of the response."""
        return BlockingReply(self, self.wait_for(self._transport.send, request))

    def close(self) -> None:
        """Close the transport and end the thread."""
        if self._closed:
            return
        self.wait_for(self._transport.close)
        self._closed = True
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def wait_for(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in the loop and return its outcome; cancel it if this thread is interrupted."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        future = asyncio.run_coroutine_threadsafe(_outcome(function, arguments), self._running_loop())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def __enter__(self) -> Self:
        if hasattr(self._transport, "__aenter__"):
            self.wait_for(self._transport.__aenter__)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._process != os.getpid():  # no thread survives a fork
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="oai-blocking", daemon=True)
                self._thread.start()
            return self._loop


class BlockingReply:
    """A response that is arriving in the thread of a `BlockingTransport`."""

    def __init__(self, transport: BlockingTransport, reply: Any) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers
        self._transport = transport
        self._reply = reply

    def read(self) -> bytes:
        """Return the whole body."""
        content: bytes = self._transport.wait_for(self._reply.read)
        return content

    def __iter__(self) -> Iterator[bytes]:
        pieces = aiter(self._reply)
        while (piece := self._transport.wait_for(anext, pieces, None)) is not None:
            yield piece

    def close(self) -> None:
        """Close the reply."""
        if not self._transport._closed:  # noqa: SLF001 - the two are one
            self._transport.wait_for(self._reply.close)


async def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    outcome = function(*arguments)
    return await outcome if isinstance(outcome, Awaitable) else outcome


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, then shut it down."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
