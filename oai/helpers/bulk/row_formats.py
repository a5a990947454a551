"""The file formats of rows and results: JSON lines, CSV, and Parquet (through pyarrow, where that is installed).

Files are streamed both ways. The suffix of a file is its format; `-` is JSON lines on the standard streams.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib import import_module
from itertools import chain, islice
from typing import IO, Any, NamedTuple

import msgspec

from oai._errors import OpenAIError
from oai._json.objects import plain
from oai._support.named_tuples import readable
from oai._support.redact import redact_text

Path = str | os.PathLike[str]

Cells = Callable[[dict[str, str]], dict[str, Any]]
"""Converts the cells of a row of a CSV file to the arguments of a call."""

Write = Callable[[int, Any, Any], None]
"""Writes the result, or the exception, of a row, after the row's number from 0 and its id, if rows have one."""

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet")

BOM = b"\xef\xbb\xbf"

ROW_GROUP = 1000
"""Rows that are read from and written to a Parquet file at a time."""

CUSTOM_ID = "custom_id"
"""The field of a row's id if none is named, as in the files of the Batch API."""

COLUMNS = ("row", "result", "error")
"""The columns of a CSV or Parquet file of results, in addition to that of the ids."""


@readable
class Row(NamedTuple):
    """The id of a row, which is not sent, and the arguments of its call."""

    id: Any
    arguments: dict[str, Any]


@readable
class Rows(NamedTuple):
    """The rows of a file, the field of their ids if they have any, and their number if the file has it."""

    rows: Iterator[Row]
    id_field: str | None
    total: int | None


def open_rows(path: Path, stack: ExitStack, *, cells: Cells = dict, id_field: str | None = None) -> Rows:
    """Open a file of rows; the stack closes it.

    Args:
        path: the file; `-` for JSON lines of the standard input.
        stack: closes the file.
        cells: converts the cells of a CSV file.
        id_field: the field of the ids, which every row must have; by default `custom_id`, if the first row has it.

    Raises:
        ValueError: the suffix is unknown, or the field of the ids is named as a column of results; while iterating, a
            row is not an object of arguments, or has no id.
        OpenAIError: pyarrow is not installed.
        OSError: the file cannot be opened.
    """
    if id_field in COLUMNS:
        raise ValueError(f"the field of the ids must not be named {id_field!r}, as a column of the results is")
    name = os.fspath(path)
    rows, total = _open(path, stack)
    first = [*islice(rows, 1)]
    if id_field is None and first and CUSTOM_ID in first[0]:
        id_field = CUSTOM_ID
    convert = cells if _suffix(path) == ".csv" else dict[str, Any]
    return Rows(_identified(name, chain(first, rows), id_field, convert), id_field, total)


def _open(path: Path, stack: ExitStack) -> tuple[Iterator[dict[str, Any]], int | None]:
    """Return the rows of a file as it has them, and their number if the file has it."""
    suffix, name = _suffix(path), os.fspath(path)
    if suffix == ".parquet":
        file = stack.enter_context(_pyarrow(".parquet").ParquetFile(name))
        return _parquet_rows(file), file.metadata.num_rows
    if suffix == ".csv":
        return _csv_rows(name, stack.enter_context(open(path, encoding="utf-8-sig", newline=""))), None
    return _json_rows(name, sys.stdin.buffer if path == "-" else stack.enter_context(open(path, "rb"))), None


def _identified(name: str, rows: Iterable[dict[str, Any]], field: str | None, convert: Cells) -> Iterator[Row]:
    """Take the id out of each row, and convert the rest."""
    for number, row in enumerate(rows):
        if field is not None and field not in row:
            raise ValueError(f"{name}: row {number} has no id {field!r}; either every row must have one, or none")
        identifier = None if field is None else row.pop(field)
        yield Row(identifier, convert(row))


def _json_rows(name: str, file: IO[bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        text = (line.removeprefix(BOM) if number == 1 else line).strip()
        if text:
            try:
                yield msgspec.json.decode(text, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}:{number}: a row must be a JSON object of arguments: {error}") from None


def _csv_rows(name: str, file: IO[str]) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(file, strict=True)
    try:
        for row in reader:
            if None in row:
                raise ValueError(f"{name}:{reader.line_num}: the row has more cells than the header")
            yield {column: cell for column, cell in row.items() if cell}
    except csv.Error as error:
        raise ValueError(f"{name}:{reader.line_num}: {error}") from None


def _parquet_rows(file: Any) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(ROW_GROUP):
        for row in batch.to_pylist():
            yield {column: value for column, value in row.items() if value is not None}


def open_results(path: Path, stack: ExitStack, *, id_field: str | None = None) -> Write:
    """Create a file of results; the stack closes it. What was written before an error stays.

    A JSON line is the result itself, or `{"error": {...}}`; if rows have ids, it is an object of the id and of `result`
    or `error`. CSV and Parquet files have the columns `row`, that of the ids, `result` and `error`. The last two are
    JSON, and so are ids that are not text.

    Raises:
        ValueError: the suffix is unknown.
        OpenAIError: pyarrow is not installed.
        OSError: the file cannot be created.
    """
    suffix = _suffix(path)
    if suffix == ".parquet":
        return _parquet_writer(path, stack, id_field)
    if suffix == ".csv":
        return _csv_writer(stack.enter_context(open(path, "w", encoding="utf-8", newline="")), id_field)
    return _json_writer(sys.stdout.buffer if path == "-" else stack.enter_context(open(path, "wb")), id_field)


def _json_writer(file: IO[bytes], id_field: str | None) -> Write:
    def write(_: int, identifier: Any, outcome: Any) -> None:
        error = _error_of(outcome)
        line = outcome if error is None else {"error": error}
        if id_field is not None:
            line = {id_field: identifier, **({"result": outcome} if error is None else line)}
        file.write(_json(line) + b"\n")
        file.flush()

    return write


def _csv_writer(file: IO[str], id_field: str | None) -> Write:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_column_names(id_field))

    def write(number: int, identifier: Any, outcome: Any) -> None:
        writer.writerow(_columns(number, identifier, outcome, id_field).values())
        file.flush()

    return write


def _parquet_writer(path: Path, stack: ExitStack, id_field: str | None) -> Write:
    arrow, parquet = _pyarrow(), _pyarrow(".parquet")
    names = _column_names(id_field)
    schema = arrow.schema([(name, arrow.int64() if name == "row" else arrow.string()) for name in names])
    file = stack.enter_context(parquet.ParquetWriter(os.fspath(path), schema))
    rows: list[dict[str, Any]] = []

    def flush() -> None:
        if rows:
            file.write_table(arrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

    def write(number: int, identifier: Any, outcome: Any) -> None:
        rows.append(_columns(number, identifier, outcome, id_field))
        if len(rows) >= ROW_GROUP:
            flush()

    stack.callback(flush)  # before the file is closed
    return write


def _column_names(id_field: str | None) -> list[str]:
    number, *rest = COLUMNS
    return [number, *([] if id_field is None else [id_field]), *rest]


def _columns(number: int, identifier: Any, outcome: Any, id_field: str | None) -> dict[str, Any]:
    """Return the columns of a row of results, by their names and in their order."""
    error = _error_of(outcome)
    values = (None if error is not None else _text(outcome), None if error is None else _text(error))
    ids = [] if id_field is None else [identifier if isinstance(identifier, str) else _text(identifier)]
    return dict(zip(_column_names(id_field), [number, *ids, *values], strict=True))


def _text(value: Any) -> str:
    return _json(value).decode()


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
