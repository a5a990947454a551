"""Helpers that take several calls, written once for both clients.

Such a helper is a generator function. It is given a client and yields what the client's methods return: results
where the client is sync, awaitables where it is async. Either way it is sent the result back, or has the
exception raised at the `yield`:

    def retrieve_twice(client, file_id):
        first = yield client.files.retrieve(file_id)
        yield sleep(client, 1.0)
        second = yield client.files.retrieve(file_id)
        return first, second
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

from oai._request.client_core import core_of

R = TypeVar("R")

Steps = Generator[Any, Any, R]


def run(steps: Steps[R]) -> R:
    """Run a helper of a sync client."""
    try:
        outcome = next(steps)
        while True:
            outcome = steps.send(outcome)
    except StopIteration as end:
        result: R = end.value
        return result


async def run_async(steps: Steps[R]) -> R:
    """Run a helper of an async client, awaiting what can be awaited."""
    try:
        outcome = next(steps)
        while True:
            try:
                if isinstance(outcome, Awaitable):
                    outcome = await outcome
            except BaseException as error:  # noqa: BLE001 - the helper decides, of a cancellation too
                outcome = steps.throw(error)
            else:
                outcome = steps.send(outcome)
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        steps.close()


def sleep(client: Any, seconds: float) -> Any:
    """Wait, in the way of the client; to be yielded."""
    if not core_of(client).is_async:
        return time.sleep(seconds)
    from asyncio import sleep as wait  # a large module, which only async programs have loaded

    return wait(seconds)


def run_blocking(client: Any, work: Callable[[], Any]) -> Any:
    """Do what takes its time, in a thread where the client has an event loop to keep free; to be yielded."""
    if not core_of(client).is_async:
        return work()
    from asyncio import to_thread  # a large module, which only async programs have loaded

    return to_thread(work)


def run_concurrently(client: Any, tasks: Sequence[Callable[[], Any]], limit: int) -> Any:
    """Do several things at a time, at most `limit`; to be yielded, and sent back as the list of results.

    A task is a function that returns what a client's method returns, or the generator of a helper. With the first
    that fails no further task begins; those under way end, since what they sent may count, then its exception is
    raised. A cancellation from outside cancels them; Ctrl-C is raised at once, while threads under way come to their
    end.
    """
    return _in_tasks(tasks, limit) if core_of(client).is_async else _in_threads(tasks, limit)


def _in_threads(tasks: Sequence[Callable[[], Any]], limit: int) -> list[Any]:
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    failed = False  # is set before the worker that failed takes its next task

    def do(task: Callable[[], Any]) -> Any:
        nonlocal failed
        if failed:
            return None
        try:
            outcome = task()
            return run(outcome) if isinstance(outcome, Generator) else outcome
        except BaseException:
            failed = True
            raise

    pool = ThreadPoolExecutor(max(1, min(limit, len(tasks))))
    futures = [pool.submit(do, task) for task in tasks]
    interrupted = True
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
        interrupted = False
    finally:
        pool.shutdown(wait=not interrupted, cancel_futures=True)
    for future in futures:
        if not future.cancelled() and (error := future.exception()) is not None:
            raise error
    return [future.result() for future in futures]


async def _in_tasks(tasks: Sequence[Callable[[], Any]], limit: int) -> list[Any]:
    import asyncio

    gate = asyncio.Semaphore(max(1, limit))
    failed = False

    async def do(task: Callable[[], Any]) -> Any:
        nonlocal failed
        async with gate:
            if failed:
                return None
            try:
                outcome = task()
                return await (run_async(outcome) if isinstance(outcome, Generator) else outcome)
            except BaseException:
                failed = True
                raise

    running = [asyncio.ensure_future(do(task)) for task in tasks]
    await asyncio.gather(*running, return_exceptions=True)  # which passes a cancellation on to all of them
    return [each.result() for each in running]
