"""Map a method over the rows of a file, and write the results to another: streamed, in order, resumable.

Rows are read as they are needed and results are written as they arrive, so that memory holds a few of each, whatever
the size of the files. `row_formats` knows how files are read and written, and `answer_journal` what has been received.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, Literal, NamedTuple

from oai._errors import OpenAIError
from oai._support.named_tuples import readable
from oai.helpers.bulk.answer_journal import AnswerJournal
from oai.helpers.bulk.map import CONCURRENCY, call
from oai.helpers.bulk.progress import ProgressOption, progress_of
from oai.helpers.bulk.row_formats import Cells, Path, open_results, open_rows

WINDOW = 4
"""Results that may wait for an earlier one to be written, as a multiple of the calls in flight."""


@readable
class MapOutcome(NamedTuple):
    """The number of rows of a file, and of those whose result is an error."""

    rows: int
    failed: int


def map_file(
    function: Callable[..., Any],
    source: Path,
    target: Path,
    *,
    defaults: Mapping[str, Any] | None = None,
    cells: Cells = dict,
    concurrency: int = CONCURRENCY,
    errors: Literal["raise", "return"] = "raise",
    stops: tuple[type[Exception], ...] = (),
    journal: Path | None = None,
    id_field: str | None = None,
    progress: ProgressOption = None,
) -> MapOutcome:
    """Call a method with every row of a file, and write the results, in the order of the rows, to another.

        rows, failed = oai.map_file(client.responses.create, "questions.jsonl", "answers.jsonl", errors="return")

    Files are JSON lines, CSV or, with pyarrow, Parquet, as their suffix tells. Memory holds a few rows, whatever the
    size of the files. A result that is an error has its type, message and status.

    Args:
        function: a client's method, or any function whose results can be encoded as JSON.
        source: the file of the rows, each an object of keyword arguments; `-` for JSON lines of the standard input.
        target: the file of the results; `-` for JSON lines on the standard output.
        defaults: arguments of every call, which a row overrides.
        cells: converts the cells of a CSV file, which are text, by their column; empty cells are left out.
        concurrency: maximum number of calls in flight.
        errors: `"raise"` stops at the first error and raises it, `"return"` writes an `OpenAIError` in place of the
            result.
        stops: errors that are raised even so.
        journal: a file that keeps the responses, so that repeating the call after a crash resumes.
        id_field: the field of each row that is its id, which is not sent, but written with the result; by default
            `custom_id`, if the first row has it.
        progress: called with the number of finished rows and the total, which is `None` for files that do not have it;
            `True` draws a bar, on a terminal or in a notebook.

    Raises:
        TypeError: the function is a coroutine function; use the method of an `OpenAI`.
        ValueError: a file has an unknown suffix, or a row is not an object, or has no id although others have.
        OpenAIError: pyarrow is not installed.
        OSError: a file cannot be read or written.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError("oai.map_file() cannot call a coroutine function; use a method of OpenAI, not AsyncOpenAI")
    if source != "-" and os.path.exists(target) and os.path.samefile(source, target):
        raise ValueError(f"{os.fspath(target)} is the file of the rows; write the results to another")
    failed = number = 0
    with ExitStack() as stack:
        rows, field, total = open_rows(source, stack, cells=cells, id_field=id_field)
        write, report = open_results(target, stack, id_field=field), progress_of(progress, stack)
        ids: deque[Any] = deque()  # of the rows whose results are not written yet

        def arguments() -> Iterator[dict[str, Any]]:
            for row in rows:
                ids.append(row.id)
                yield {**(defaults or {}), **row.arguments}

        results = results_in_order(function, arguments(), concurrency=concurrency, journal=journal)
        for number, outcome in enumerate(stack.enter_context(closing(results)), 1):
            if isinstance(outcome, Exception):
                if errors == "raise" or not isinstance(outcome, OpenAIError) or isinstance(outcome, stops):
                    outcome.add_note(f"This is row {number - 1} of {os.fspath(source)}.")
                    raise outcome
                failed += 1
            write(number - 1, ids.popleft(), outcome)
            if report is not None:
                report(number, total)
    return MapOutcome(number, failed)


def results_in_order(
    function: Callable[..., Any], rows: Iterator[Any], *, concurrency: int, journal: Path | None = None
) -> Generator[Any]:
    """Yield the result, or the exception, of each row in the order of the rows, with a bounded number in memory."""
    if concurrency < 1:
        raise ValueError(f"concurrency must be a positive integer, not {concurrency!r}")
    with ExitStack() as stack:
        record = None if journal is None else stack.enter_context(AnswerJournal(function, journal))
        lock = threading.Lock()
        pool = ThreadPoolExecutor(concurrency)

        def work(number: int, row: Any) -> Any:
            if record is None:
                return call(function, row)
            with lock:
                replay = record.replay(number, row)
            if replay is not None:
                return call(replay, row)
            result = call(function, row)
            with lock:  # here, and not in the order of the rows: what has come must survive a crash
                record.keep(number, row, result)
            return result

        waiting: deque[Future[Any]] = deque()
        interrupted = True
        try:
            for number, row in enumerate(rows):
                waiting.append(pool.submit(work, number, row))
                if len(waiting) >= WINDOW * concurrency:
                    yield _outcome(waiting.popleft())
            while waiting:
                yield _outcome(waiting.popleft())
            interrupted = False
        except (Exception, GeneratorExit):
            interrupted = False
            raise
        finally:
            # Calls in flight are paid for and end, unless the user has no patience.
            pool.shutdown(wait=not interrupted, cancel_futures=True)


def _outcome(future: Future[Any]) -> Any:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - whoever reads the results decides
        return error
