"""Many calls at once: `oai.map` over threads or any executor, `oai.amap` over an event loop.

A bounded number of calls is under way, results come in the order of the rows, and rows are read as they are needed, so
that they may be a generator. With a journal, the answers of a client's methods are kept as they come, and a call that
is made again, after a crash too, takes from it what is there: only what is missing is sent.
"""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from oai.helpers.bulk.answer_journal import AnswerJournal

if TYPE_CHECKING:
    import os

Progress = Callable[[int, int | None], object]
"""Is told how many calls of how many are done; `None` where nobody knows how many there will be."""

CONCURRENCY = 8


def map(
    function: Callable[..., Any],
    rows: Iterable[Any],
    *,
    executor: Executor | None = None,
    concurrency: int = CONCURRENCY,
    progress: Progress | None = None,
    errors: Literal["raise", "return"] = "raise",
    journal: str | os.PathLike[str] | None = None,
) -> list[Any]:
    """Call a function for every row, several at a time, and return the results in the order of the rows.

        oai.map(client.embeddings.create, [{"model": "text-embedding-3-small", "input": text} for text in texts])

    Args:
        function: a client's method, or any function.
        rows: for each call its arguments: a mapping holds keywords, anything else is the one positional argument.
        executor: where calls run, such as a Dask client's `get_executor()`; threads unless given. Clients can be
            pickled, without their keys, which are then looked up in the worker's environment.
        concurrency: how many calls are under way at a time.
        progress: called with how many are done, and of how many, after each.
        errors: `"raise"` stops at the first error and raises it, `"return"` puts it in its result's place.
        journal: a file that keeps the answers of a client's method, for the same call to go on with after a crash.

    Raises:
        TypeError: the function is a coroutine function, which `oai.amap` takes, or one that no journal can keep.
        ValueError: the journal is of another method.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError("oai.map() got a coroutine function; `await oai.amap(...)` calls those")
    with ExitStack() as stack:
        work = _Work(function, rows, concurrency, progress, errors, journal, stack)
        pool = executor or stack.enter_context(ThreadPoolExecutor(concurrency))
        target = _portable(function, pool)
        under_way: dict[Future[Any], _Row] = {}
        try:
            for row in work:
                under_way[pool.submit(target, row.value)] = row
                while len(under_way) >= concurrency:
                    _collect(work, under_way)
            while under_way:
                _collect(work, under_way)
        finally:
            for future in under_way:
                future.cancel()
            work.keep_rest(under_way)
    return work.results


def _collect(work: _Work, under_way: dict[Future[Any], _Row]) -> None:
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        error = CancelledError() if future.cancelled() else future.exception()  # by its executor
        row = under_way.pop(future)
        work.done(row, None if error is not None else future.result(), error)


async def amap(
    function: Callable[..., Any],
    rows: Iterable[Any],
    *,
    concurrency: int = CONCURRENCY,
    progress: Progress | None = None,
    errors: Literal["raise", "return"] = "raise",
    journal: str | os.PathLike[str] | None = None,
) -> list[Any]:
    """Do what `map` does with the methods of `AsyncOpenAI`, or any coroutine function, in tasks of the event loop."""
    import asyncio

    with ExitStack() as stack:
        work = _Work(function, rows, concurrency, progress, errors, journal, stack)
        under_way: dict[asyncio.Future[Any], _Row] = {}

        async def collect() -> None:
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                work.done(under_way.pop(task), None if error is not None else task.result(), error)

        try:
            for row in work:
                under_way[asyncio.ensure_future(call(function, row.value))] = row
                while len(under_way) >= concurrency:
                    await collect()
            while under_way:
                await collect()
        except Exception:
            await asyncio.gather(*under_way, return_exceptions=True)  # as threads go on
            raise
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            work.keep_rest(under_way)
        for row in work.replayed:
            answer = work.results[row.number]
            work.results[row.number] = await answer if inspect.isawaitable(answer) else answer
    return work.results


def call(function: Callable[..., Any], row: Any) -> Any:
    """Call a function with a row. It is a function of a module, so that executors can pickle it."""
    return function(**row) if isinstance(row, Mapping) else function(row)


_here: dict[bytes, Callable[..., Any]] = {}
"""The functions that this process was sent, so that a client's connections serve more than one call."""


def _portable(function: Callable[..., Any], pool: Executor) -> Callable[[Any], Any]:
    """Return what an executor is given to call with a row."""
    if not isinstance(pool, ThreadPoolExecutor):
        try:
            return partial(call_pickled, pickle.dumps(function))
        except (AttributeError, TypeError, pickle.PicklingError):
            pass  # executors such as Dask's pickle more than Python does
    return partial(call, function)


def call_pickled(data: bytes, row: Any) -> Any:
    """Call a function that was sent here with a row."""
    if data not in _here:
        _here.clear()
        _here[data] = pickle.loads(data)  # noqa: S301 - the executor has unpickled it already
    return call(_here[data], row)


class _Row:
    """One row, with its place among the results."""

    __slots__ = ("number", "value")

    def __init__(self, number: int, value: Any) -> None:
        self.number = number
        self.value = value


class _Work:
    """The rows that are to be called, and what came of them.

    Iterating gives those that no journal has an answer for.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        rows: Iterable[Any],
        concurrency: int,
        progress: Progress | None,
        errors: str,
        journal: str | os.PathLike[str] | None,
        stack: ExitStack,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; it takes a number from 1 up")
        if errors not in ("raise", "return"):
            raise ValueError(f"errors is {errors!r}; it takes 'raise' or 'return'")
        self.results: list[Any] = []
        self.replayed: list[_Row] = []
        self._rows = rows
        self._total = len(rows) if isinstance(rows, Sized) else None
        self._progress = progress
        self._raises = errors == "raise"
        self._finished = 0
        self._journal = stack.enter_context(AnswerJournal(function, journal)) if journal is not None else None

    def __iter__(self) -> Iterator[_Row]:
        for number, value in enumerate(self._rows):
            row = _Row(number, value)
            self.results.append(None)
            replay = self._journal.replay(number, value) if self._journal is not None else None
            if replay is None:
                yield row
            else:
                self.results[number] = call(replay, value)
                self.replayed.append(row)
                self._tell()

    def done(self, row: _Row, result: Any, error: BaseException | None) -> None:
        """Take the outcome of a row, or raise its error."""
        if error is not None and (self._raises or not isinstance(error, Exception)):
            raise error
        if error is None:
            self.keep(row, result)
        self.results[row.number] = result if error is None else error
        self._tell()

    def keep(self, row: _Row, result: Any) -> None:
        """Put a result into the journal, where there is one."""
        if self._journal is not None:
            self._journal.keep(row.number, row.value, result)

    def keep_rest(self, under_way: Mapping[Any, _Row]) -> None:
        """Keep the results of calls that were under way when another failed: they are done, and paid for."""
        for future, row in under_way.items():
            if not future.cancelled() and future.exception() is None:
                self.keep(row, future.result())

    def _tell(self) -> None:
        self._finished += 1
        if self._progress is not None:
            self._progress(self._finished, self._total)
