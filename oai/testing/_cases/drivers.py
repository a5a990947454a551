"""Drivers, through which the cases (plain functions) use a transport: directly, or through an event loop of its own.

Their `send` returns a reply with the sync interface. The event loop runs in a thread, so that it continues while a
case inspects the server.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oai._http.messages import Headers, Request

PATIENCE = 20.0
"""The seconds after which a transport counts as hanging."""


def nothing(_: Any) -> None:
    """Do nothing; the default `dispose`."""


class Driver:
    """A driver of a sync transport.

    Args:
        make: creates the transport.
        dispose: closes the resources that `make` creates in addition to the transport.

    Attributes:
        leftover: the tasks left running after the end; none for a sync transport.
    """

    loop: Any = None
    at_once = 16
    """The maximum number of requests that `gather` sends concurrently."""

    def __init__(self, make: Callable[[], Any], dispose: Callable[[Any], Any] = nothing) -> None:
        self.leftover: list[str] = []
        self._dispose = dispose
        self.transport = make()

    def send(self, request: Request) -> Any:
        """Send and return the reply."""
        return self.transport.send(request)

    def gather(self, requests: Iterable[Request]) -> list[bytes]:
        """Send requests from several threads and return the bodies of the responses in order."""
        with ThreadPoolExecutor(self.at_once) as threads:
            return list(threads.map(lambda request: self.send(request).read(), requests))

    def over(self, transport: Any) -> Driver:
        """Return a driver of the same kind for another transport."""
        return type(self)(lambda: transport)

    def settle(self) -> None:
        """Wait until the transport can notice a closed connection."""
        time.sleep(0.02)

    def close(self) -> None:
        """Close the transport."""
        self.transport.close()

    def end(self) -> None:
        """Close the transport and its resources; idempotent."""
        if self.transport is None:
            return
        dispose, self._dispose = self._dispose, nothing
        self.close()
        dispose(self.transport)
        self.transport = None


class AsyncDriver(Driver):
    """A driver of an async transport, in an event loop that runs in a thread."""

    at_once = 200

    def __init__(self, make: Callable[[], Any], dispose: Callable[[Any], Any] = nothing) -> None:
        self.loop: Any = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True, name="conformance-loop")
        self._thread.start()
        super().__init__(lambda: self.call(make), dispose)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine in the loop and return at once."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop to its end."""
        return self.start(coroutine).result(PATIENCE)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in the loop, and await its result if it is awaitable."""
        return self.run(_outcome(function, *arguments))

    def send(self, request: Request) -> Any:
        return AsyncReply(self, self.call(self.transport.send, request))

    def gather(self, requests: Iterable[Request]) -> list[bytes]:
        async def one(request: Request) -> bytes:
            reply = await self.transport.send(request)
            return bytes(await reply.read())

        async def all_of() -> list[bytes]:
            return await asyncio.gather(*map(one, requests))

        return list(self.run(all_of()))

    def settle(self) -> None:
        self.run(asyncio.sleep(0.02))

    def close(self) -> None:
        self.call(self.transport.close)

    def end(self) -> None:
        if self.loop.is_closed():
            return
        dispose, self._dispose = self._dispose, nothing
        try:
            self.close()
            self.call(dispose, self.transport)
        finally:
            self.transport = None
            self.leftover += self.run(_tasks())
            self.run(self.loop.shutdown_asyncgens())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(PATIENCE)
            self.loop.close()


class AsyncReply:
    """An adapter from an async reply to the sync interface."""

    def __init__(self, driver: AsyncDriver, reply: Any) -> None:
        self._driver, self.reply = driver, reply
        self.status: int = reply.status
        self.headers: Headers = reply.headers

    def read(self) -> bytes:
        return bytes(self._driver.call(self.reply.read))

    def __iter__(self) -> Iterator[bytes]:
        pieces = self.reply.__aiter__()
        while (piece := self._driver.call(anext, pieces, None)) is not None:
            yield piece

    def close(self) -> None:
        self._driver.call(self.reply.close)


async def _outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    outcome = function(*arguments)
    # A reply replayed by a recorder can be awaited but need not be.
    if inspect.isawaitable(outcome) and not hasattr(outcome, "status"):
        return await _plainly(outcome)
    return outcome


async def _plainly(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


async def _tasks() -> list[str]:
    """Name the other tasks of the loop, after those that are about to end have ended."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}]
