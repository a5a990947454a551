"""Many calls at once: `oai.map` over threads or any executor, `oai.amap` over an event loop.

A bounded number of calls is in flight, results are in the order of the rows, and rows are read as they are needed, so
that they may be a generator. With a journal, the responses to a client's methods are kept as they arrive, and repeating
the call, after a crash for example, sends only the rows that have none.
"""

from __future__ import annotations

import inspect
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal

from oai._support.async_library import run_all
from oai.helpers.bulk.answer_journal import AnswerJournal
from oai.helpers.bulk.progress import Progress, ProgressOption, progress_of

CONCURRENCY = 8


def map(
    function: Callable[..., Any],
    rows: Iterable[Any],
    *,
    executor: Executor | None = None,
    concurrency: int = CONCURRENCY,
    progress: ProgressOption = None,
    errors: Literal["raise", "return"] = "raise",
    journal: str | os.PathLike[str] | None = None,
) -> list[Any]:
    """Call a function for every row, several at a time, and return the results in the order of the rows.

        oai.map(client.embeddings.create, [{"model": "text-embedding-3-small", "input": text} for text in texts])

    Args:
        function: a client's method, or any function.
        rows: the arguments of each call: a mapping holds keywords, anything else is the one positional argument.
        executor: where calls run, such as a Dask client's `get_executor()`; threads by default. Clients are pickled
            without their keys, which are looked up in the worker's environment.
        concurrency: maximum number of calls in flight.
        progress: called with the number of finished calls and the total after each; `True` draws a bar, on a terminal
            or in a notebook.
        errors: `"raise"` stops at the first error and raises it, `"return"` returns it in place of the result.
        journal: a file that keeps the responses to a client's method, so that repeating the call after a crash resumes.

    Raises:
        TypeError: the function is a coroutine function, which `oai.amap` takes, or its results cannot be journaled.
        ValueError: the file is not the journal of this method.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError("oai.map() cannot call a coroutine function; use `await oai.amap(...)`")
    with ExitStack() as stack:
        work = _Work(function, rows, concurrency, progress_of(progress, stack), errors, journal, stack)
        pool = executor or stack.enter_context(ThreadPoolExecutor(concurrency))
        target = _portable(function, pool)
        in_flight: dict[Future[Any], _Row] = {}
        try:
            for row in work:
                in_flight[pool.submit(target, row.value)] = row
                while len(in_flight) >= concurrency:
                    _collect(work, in_flight)
            while in_flight:
                _collect(work, in_flight)
        finally:
            for future in in_flight:
                future.cancel()
            work.keep_rest(in_flight)
    return work.results


def _collect(work: _Work, in_flight: dict[Future[Any], _Row]) -> None:
    done, _ = wait(in_flight, return_when=FIRST_COMPLETED)
    for future in done:
        error = CancelledError() if future.cancelled() else future.exception()  # an executor that shuts down cancels
        row = in_flight.pop(future)
        work.done(row, None if error is not None else future.result(), error)


async def amap(
    function: Callable[..., Any],
    rows: Iterable[Any],
    *,
    concurrency: int = CONCURRENCY,
    progress: ProgressOption = None,
    errors: Literal["raise", "return"] = "raise",
    journal: str | os.PathLike[str] | None = None,
) -> list[Any]:
    """Call a method of `AsyncOpenAI`, or any coroutine function, for every row, as tasks; see `map`."""
    with ExitStack() as stack:
        work = _Work(function, rows, concurrency, progress_of(progress, stack), errors, journal, stack)
        rows_left = iter(work)
        failed = False

        async def call_rows() -> None:
            nonlocal failed
            try:
                for row in rows_left:
                    result, error = await _outcome(function, row)
                    if failed:
                        if error is None:  # the call was in flight when another one failed: it is paid for
                            work.keep(row, result)
                        return
                    work.done(row, result, error)
            except BaseException:
                failed = True
                raise

        await run_all([call_rows] * concurrency, concurrency)
        for row in work.replayed:
            result = work.results[row.number]
            work.results[row.number] = await result if inspect.isawaitable(result) else result
    return work.results


async def _outcome(function: Callable[..., Any], row: _Row) -> tuple[Any, Exception | None]:
    try:
        return await call(function, row.value), None
    except Exception as error:  # noqa: BLE001 - the map decides
        return None, error


def call(function: Callable[..., Any], row: Any) -> Any:
    """Call a function with a row. At module level, so that executors can pickle it."""
    return function(**row) if isinstance(row, Mapping) else function(row)


_unpickled: dict[bytes, Callable[..., Any]] = {}
"""The function last sent to this process, cached so that its client's connections serve more than one call."""


def _portable(function: Callable[..., Any], pool: Executor) -> Callable[[Any], Any]:
    """Return the function to submit to an executor together with a row."""
    if not isinstance(pool, ThreadPoolExecutor):
        try:
            return partial(call_pickled, pickle.dumps(function))
        except (AttributeError, TypeError, pickle.PicklingError):
            pass  # Dask's executor, for one, pickles more than Python does
    return partial(call, function)


def call_pickled(data: bytes, row: Any) -> Any:
    """Unpickle a function, and call it with a row."""
    if data not in _unpickled:
        _unpickled.clear()
        _unpickled[data] = pickle.loads(data)  # noqa: S301 - the executor has unpickled it already
    return call(_unpickled[data], row)


class _Row:
    """A row and its number, the index of its result."""

    __slots__ = ("number", "value")

    def __init__(self, number: int, value: Any) -> None:
        self.number = number
        self.value = value


class _Work:
    """The rows of a map, and their results. Iterating yields the rows that are not in the journal."""

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
            raise ValueError(f"concurrency must be a positive integer, not {concurrency!r}")
        if errors not in ("raise", "return"):
            raise ValueError(f"errors must be 'raise' or 'return', not {errors!r}")
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
                self._report()

    def done(self, row: _Row, result: Any, error: BaseException | None) -> None:
        """Record the outcome of a row, or raise its error."""
        if error is not None and (self._raises or not isinstance(error, Exception)):
            raise error
        if error is None:
            self.keep(row, result)
        self.results[row.number] = result if error is None else error
        self._report()

    def keep(self, row: _Row, result: Any) -> None:
        """Journal a result, if there is a journal."""
        if self._journal is not None:
            self._journal.keep(row.number, row.value, result)

    def keep_rest(self, in_flight: Mapping[Any, _Row]) -> None:
        """Journal the calls that were in flight when another failed: they are paid for."""
        for future, row in in_flight.items():
            if not future.cancelled() and future.exception() is None:
                self.keep(row, future.result())

    def _report(self) -> None:
        self._finished += 1
        if self._progress is not None:
            self._progress(self._finished, self._total)
