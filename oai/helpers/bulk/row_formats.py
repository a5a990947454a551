"""The file formats of rows and results: JSON lines, CSV, and Parquet (through pyarrow, where that is installed).

Files are streamed both ways. The suffix of a file is its format; `-` is JSON lines on the standard streams.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import IO, Any, NamedTuple

import msgspec

from oai._errors import OpenAIError
from oai._json.objects import plain
from oai._support.redact import redact_text

Path = str | os.PathLike[str]

Cells = Callable[[dict[str, str]], dict[str, Any]]
"""Converts the cells of a row of a CSV file to the arguments of a call."""

Write = Callable[[int, Any], None]
"""Writes the result, or the exception, of a row, whose number from 0 comes first."""

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet")

BOM = b"\xef\xbb\xbf"

ROW_GROUP = 1000
"""Rows that are read from and written to a Parquet file at a time."""


class Rows(NamedTuple):
    """The rows of a file, and their number if the file has it."""

    rows: Iterator[dict[str, Any]]
    total: int | None = None


def open_rows(path: Path, cells: Cells, stack: ExitStack) -> Rows:
    """Open a file of rows; the stack closes it.

    Raises:
        ValueError: the suffix is unknown; while iterating, a row is not an object of arguments.
        OpenAIError: pyarrow is not installed.
        OSError: the file cannot be opened.
    """
    suffix, name = _suffix(path), os.fspath(path)
    if suffix == ".parquet":
        file = stack.enter_context(_pyarrow(".parquet").ParquetFile(name))
        return Rows(_parquet_rows(file), file.metadata.num_rows)
    if suffix == ".csv":
        return Rows(_csv_rows(name, stack.enter_context(open(path, encoding="utf-8-sig", newline="")), cells))
    return Rows(_json_rows(name, sys.stdin.buffer if path == "-" else stack.enter_context(open(path, "rb"))))


def _json_rows(name: str, file: IO[bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        text = (line.removeprefix(BOM) if number == 1 else line).strip()
        if text:
            try:
                yield msgspec.json.decode(text, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}:{number}: a row must be a JSON object of arguments: {error}") from None


def _csv_rows(name: str, file: IO[str], cells: Cells) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(file, strict=True)
    try:
        for row in reader:
            if None in row:
                raise ValueError(f"{name}:{reader.line_num}: the row has more cells than the header")
            yield cells({column: cell for column, cell in row.items() if cell})
    except csv.Error as error:
        raise ValueError(f"{name}:{reader.line_num}: {error}") from None


def _parquet_rows(file: Any) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(ROW_GROUP):
        for row in batch.to_pylist():
            yield {column: value for column, value in row.items() if value is not None}


def open_results(path: Path, stack: ExitStack) -> Write:
    """Create a file of results; the stack closes it. What was written before an error stays.

    A JSON line is the result itself, or `{"error": {...}}`. CSV and Parquet files have the columns `row`, `result` and
    `error`, the last two as JSON.

    Raises:
        ValueError: the suffix is unknown.
        OpenAIError: pyarrow is not installed.
        OSError: the file cannot be created.
    """
    suffix = _suffix(path)
    if suffix == ".parquet":
        return _parquet_writer(path, stack)
    if suffix == ".csv":
        return _csv_writer(stack.enter_context(open(path, "w", encoding="utf-8", newline="")))
    return _json_writer(sys.stdout.buffer if path == "-" else stack.enter_context(open(path, "wb")))


def _json_writer(file: IO[bytes]) -> Write:
    def write(_: int, outcome: Any) -> None:
        error = _error_of(outcome)
        file.write(_json(outcome if error is None else {"error": error}) + b"\n")
        file.flush()

    return write


def _csv_writer(file: IO[str]) -> Write:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("row", "result", "error"))

    def write(number: int, outcome: Any) -> None:
        writer.writerow((number, *_columns(outcome)))
        file.flush()

    return write


def _parquet_writer(path: Path, stack: ExitStack) -> Write:
    arrow, parquet = _pyarrow(), _pyarrow(".parquet")
    schema = arrow.schema([("row", arrow.int64()), ("result", arrow.string()), ("error", arrow.string())])
    file = stack.enter_context(parquet.ParquetWriter(os.fspath(path), schema))
    rows: list[dict[str, Any]] = []

    def flush() -> None:
        if rows:
            file.write_table(arrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

    def write(number: int, outcome: Any) -> None:
        result, error = _columns(outcome)
        rows.append({"row": number, "result": result, "error": error})
        if len(rows) >= ROW_GROUP:
            flush()

    stack.callback(flush)  # before the file is closed
    return write


def _columns(outcome: Any) -> tuple[str | None, str | None]:
    error = _error_of(outcome)
    return (_json(outcome).decode(), None) if error is None else (None, _json(error).decode())


def _json(value: Any) -> bytes:
    return msgspec.json.encode(plain(value))


def _error_of(outcome: Any) -> dict[str, Any] | None:
    """Return an exception as data, without secrets; `None` for a result."""
    if not isinstance(outcome, Exception):
        return None
    fields = {name: getattr(outcome, name, None) for name in ("status_code", "code", "param", "request_id")}
    present = {name: value for name, value in fields.items() if value is not None}
    return {"type": type(outcome).__name__, "message": redact_text(str(outcome)), **present}


def _suffix(path: Path) -> str:
    suffix = ".jsonl" if path == "-" else os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{os.fspath(path)}: the suffix must be one of {', '.join(SUFFIXES)}, not {suffix!r}")
    return suffix


def _pyarrow(module: str = "") -> Any:
    try:
        return import_module(f"pyarrow{module}")
    except ImportError as missing:
        message = "Parquet files need the package `pyarrow`, which is not installed: pip install pyarrow"
        raise OpenAIError(message) from missing
