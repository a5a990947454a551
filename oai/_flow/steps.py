"""Run helpers that make several calls, written once for both clients.

A helper is a generator function. It takes a client and yields what the client's methods return: results of a sync
client, awaitables of an async one. The `yield` evaluates to the result, or raises the exception:

    def retrieve_twice(client, file_id):
        first = yield client.files.retrieve(file_id)
        yield sleep(client, 1.0)
        second = yield client.files.retrieve(file_id)
        return first, second
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from functools import partial
from typing import Any, TypeVar

from oai._request.client_core import core_of
from oai._support import async_library

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
    """Run a helper of an async client, awaiting the awaitables that it yields."""
    try:
        outcome = next(steps)
        while True:
            try:
                if isinstance(outcome, Awaitable):
                    outcome = await outcome
            except BaseException as error:  # noqa: BLE001 - the helper decides, also about a cancellation
                outcome = steps.throw(error)
            else:
                outcome = steps.send(outcome)
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        steps.close()


def sleep(client: Any, seconds: float) -> Any:
    """Sleep without blocking an async client's event loop. Yield the result."""
    if not core_of(client).is_async:
        return time.sleep(seconds)
    return async_library.sleep(seconds)


def run_blocking(client: Any, work: Callable[[], Any]) -> Any:
    """Run blocking work, in a thread for async clients. Yield the result."""
    if not core_of(client).is_async:
        return work()
    return async_library.to_thread(work)


def run_concurrently(client: Any, tasks: Sequence[Callable[[], Any]], limit: int) -> Any:
    """Run tasks concurrently, at most `limit` at a time. Yield the result to get the list of results.

    A task is a function that returns what a client's method returns, or the generator of a helper. After the first
    failure no further task starts; running tasks finish, since their requests may have effects, then the exception is
    raised. A cancellation cancels running tasks; KeyboardInterrupt is raised at once, while running threads finish.
    """
    return _in_tasks(tasks, limit) if core_of(client).is_async else _in_threads(tasks, limit)


def _in_threads(tasks: Sequence[Callable[[], Any]], limit: int) -> list[Any]:
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    failed = False  # set before the worker that failed takes its next task

    def perform(task: Callable[[], Any]) -> Any:
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
    futures = [pool.submit(perform, task) for task in tasks]
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
    async def perform(task: Callable[[], Any]) -> Any:
        outcome = task()
        return await (run_async(outcome) if isinstance(outcome, Generator) else outcome)

    return await async_library.run_all([partial(perform, task) for task in tasks], limit)
