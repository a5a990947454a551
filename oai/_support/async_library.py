"""The async library that runs the caller: asyncio, or trio where a program has started it.

asyncio is large, so it is imported where it is used; trio is used only if the program itself has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from concurrent.futures import Future

R = TypeVar("R")


def running_trio() -> Any:
    """Return the module `trio` if the caller runs in one of its tasks, otherwise `None`."""
    trio = sys.modules.get("trio")
    lowlevel = getattr(trio, "lowlevel", None)  # missing while another thread imports trio
    return trio if lowlevel is not None and lowlevel.in_trio_task() else None


TRANSPORTS_OF_TRIO = "use AsyncHttpxTransport(), or AsyncOpenAI(http_client=httpx.AsyncClient())"


def asyncio_loop(name: str, instead: str = TRANSPORTS_OF_TRIO) -> AbstractEventLoop:
    """Return the running loop of asyncio, for code that works on asyncio alone.

    Raises:
        RuntimeError: there is none, and the message names trio if that is running.
    """
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        if running_trio() is None:
            raise
        raise RuntimeError(f"{name} works on asyncio, not on trio; {instead}") from None


def running_loop() -> Any:
    """Return the event loop that runs the caller: one of asyncio, or the token of a run of trio."""
    if (trio := running_trio()) is not None:
        return trio.lowlevel.current_trio_token()
    import asyncio

    return asyncio.get_running_loop()


async def run_in(loop: Any, function: Callable[[], Any]) -> None:
    """Run a coroutine function in a loop of another thread, if that loop is still running."""
    import asyncio

    if not isinstance(loop, asyncio.AbstractEventLoop):
        await to_thread(_run_in_trio, loop, function)
    elif loop.is_running():
        future = asyncio.run_coroutine_threadsafe(function(), loop)
        await (to_thread(future.result) if running_trio() is not None else asyncio.wrap_future(future))


def _run_in_trio(token: Any, function: Callable[[], Any]) -> None:
    trio = sys.modules["trio"]
    with suppress(trio.RunFinishedError):
        trio.from_thread.run(function, trio_token=token)


def sleep(seconds: float) -> Awaitable[None]:
    """Sleep without blocking the event loop."""
    if (trio := running_trio()) is not None:
        sleeping: Awaitable[None] = trio.sleep(max(seconds, 0.0))
        return sleeping
    import asyncio

    return asyncio.sleep(seconds)


def to_thread(function: Callable[..., R], *arguments: Any) -> Awaitable[R]:
    """Call a blocking function in a thread."""
    if (trio := running_trio()) is not None:
        result: Awaitable[R] = trio.to_thread.run_sync(function, *arguments)
        return result
    import asyncio

    return asyncio.to_thread(function, *arguments)


async def wait_for(future: Future[Any], seconds: float | None) -> None:
    """Wait for a future that another thread may complete, at most some seconds."""
    import asyncio

    trio = running_trio()
    if trio is None:
        await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)
        return
    done, token = trio.Event(), trio.lowlevel.current_trio_token()

    def notify(_: object) -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    future.add_done_callback(notify)
    with trio.move_on_after(inf if seconds is None else seconds):
        await done.wait()


def timeout(seconds: float | None) -> AbstractAsyncContextManager[Any]:
    """Return a context manager that raises `TimeoutError` after some seconds."""
    if (trio := running_trio()) is not None:
        return _trio_timeout(trio, seconds)
    import asyncio

    return asyncio.timeout(seconds)


@asynccontextmanager
async def _trio_timeout(trio: Any, seconds: float | None) -> AsyncGenerator[None]:
    with trio.move_on_after(inf if seconds is None else max(seconds, 0.0)) as scope:
        yield
    if scope.cancelled_caught:
        raise TimeoutError


async def run_all(functions: Sequence[Callable[[], Awaitable[Any]]], limit: int) -> list[Any]:
    """Call coroutine functions as tasks, at most `limit` at a time, and return their results.

    After the first failure no further function is called. Running ones finish, then the exception is raised. A
    cancellation cancels them.
    """
    trio = running_trio()
    if trio is not None:
        gate: Any = trio.Semaphore(max(1, limit))
    else:
        import asyncio

        gate = asyncio.Semaphore(max(1, limit))
    results: list[Any] = [None] * len(functions)
    errors: list[Exception | None] = [None] * len(functions)
    failed = False

    async def call(number: int) -> None:
        nonlocal failed
        async with gate:
            if failed:
                return
            try:
                results[number] = await functions[number]()
            except BaseException as error:
                failed = True
                if not isinstance(error, Exception):
                    raise
                errors[number] = error

    await (_run_tasks if trio is None else _run_nursery)(call, len(functions))
    for error in errors:
        if error is not None:
            raise error
    return results


async def _run_tasks(call: Callable[[int], Any], count: int) -> None:
    import asyncio

    tasks = [asyncio.ensure_future(call(number)) for number in range(count)]
    await asyncio.gather(*tasks, return_exceptions=True)  # gather passes a cancellation on to all of them
    for task in tasks:
        task.result()


async def _run_nursery(call: Callable[[int], Any], count: int) -> None:
    async with sys.modules["trio"].open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(call, number)
