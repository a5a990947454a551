"""How the cases, which are plain functions, use a transport: directly, or through an event loop of its own.

What `send` returns reads, iterates and closes as a sync reply does. The event loop runs in a thread, so that it goes
on while a case looks at the server.
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
"""Seconds that anything may take; more means that a transport hangs."""


def nothing(_: Any) -> None:
    """Do nothing: there is nothing to close."""


class Driver:
    """A sync transport, as it is. `leftover` names the tasks that it left behind, which are none.

    Args:
        make: what makes the transport.
        dispose: what closes what `make` made beside it.
    """

    loop: Any = None
    at_once = 16
    """How many requests `gather` sends at a time, at most."""

    def __init__(self, make: Callable[[], Any], dispose: Callable[[Any], Any] = nothing) -> None:
        self.leftover: list[str] = []
        self._dispose = dispose
        self.transport = make()

    def send(self, request: Request) -> Any:
        """Send and return the reply."""
        return self.transport.send(request)

    def gather(self, requests: Iterable[Request]) -> list[bytes]:
        """Send requests from several threads and return the bodies of the answers, in their order."""
        with ThreadPoolExecutor(self.at_once) as threads:
            return list(threads.map(lambda request: self.send(request).read(), requests))

    def over(self, transport: Any) -> Driver:
        """Return a driver of the same kind for another transport."""
        return type(self)(lambda: transport)

    def settle(self) -> None:
        """Let news of a closed connection arrive."""
        time.sleep(0.02)

    def close(self) -> None:
        """Close the transport."""
        self.transport.close()

    def end(self) -> None:
        """Close the transport, and what was made for it. Calling it again does nothing."""
        if self.transport is None:
            return
        dispose, self._dispose = self._dispose, nothing
        self.close()
        dispose(self.transport)
        self.transport = None


class AsyncDriver(Driver):
    """An async transport, in a loop that runs in a thread."""

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
        """Call a function in the loop, and await what it returns where that can be awaited."""
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
    """An async reply as a sync one."""

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
    # A reply that a recorder gives again can be awaited and need not be.
    if inspect.isawaitable(outcome) and not hasattr(outcome, "status"):
        return await _plainly(outcome)
    return outcome


async def _plainly(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


async def _tasks() -> list[str]:
    """Name the tasks that are there beside this one, after those that end by themselves have ended."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}]
