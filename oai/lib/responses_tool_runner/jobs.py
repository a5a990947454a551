"""Run calls of functions concurrently, in threads or tasks, while the stream continues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from oai._flow.steps import Steps, run, run_async

Item = dict[str, Any]


class Jobs:
    """The functions that are running.

    Args:
        most: maximum number of functions that run at the same time.
        is_async: whether functions run in tasks; otherwise, in threads.
    """

    def __init__(self, most: int, *, is_async: bool) -> None:
        self._most, self._is_async = most, is_async
        self._jobs: list[tuple[Item, Any]] = []
        self._pool: ThreadPoolExecutor | None = None

    @property
    def are_running(self) -> bool:
        """Whether there are functions to wait for."""
        return bool(self._jobs)

    @property
    def is_full(self) -> bool:
        """Whether another function must wait."""
        return len(self._jobs) >= self._most

    def start(self, call: Item, steps: Steps[Item]) -> None:
        """Start the function of a call.

        Args:
            call: the call.
            steps: runs the function and returns the output.
        """
        self._jobs.append((call, asyncio.ensure_future(run_async(steps)) if self._is_async else self._submit(steps)))

    def _submit(self, steps: Steps[Item]) -> Future[Item]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most)
        return self._pool.submit(copy_context().run, run, steps)

    def settle(self, add: Callable[[Item, Item], None]) -> Steps[None]:
        """Wait until all functions have ended, also if the caller is cancelled meanwhile, then raise the first error.

        A function that is abandoned could still have effects, and the error would not list its id.

        Args:
            add: called with each call and its output, in the order in which they were started.
        """
        first: BaseException | None = None
        while self._jobs:
            call, job = self._jobs[0]
            cancelled = (yield from self._wait(job)) if self._is_async else None
            first = first or cancelled
            try:
                add(call, job.result())
            except BaseException as error:  # noqa: BLE001 - raised below, after the other functions have ended
                first = first or error
            self._jobs.pop(0)
        if first is not None:
            raise first

    def _wait(self, task: Any) -> Steps[BaseException | None]:
        """Wait until a task is done, and return the first cancellation of the caller meanwhile."""
        cancelled: BaseException | None = None
        while not task.done():
            try:
                yield asyncio.shield(task)
            except asyncio.CancelledError as error:
                cancelled = cancelled or error
            except Exception:  # noqa: BLE001, S110 - its result has it
                pass
        return cancelled

    def close(self) -> None:
        """End the threads once their functions have returned."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
