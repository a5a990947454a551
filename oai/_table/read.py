"""Read tables from TOML: a header is a call path, and the keys below it are a row.

This module finds the rows in a document; `_table.check` and `_table.check_websockets` validate each.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from oai._errors import TableError
from oai._table.check import check_helper, check_row, wrong
from oai._table.table import Table

if TYPE_CHECKING:
    from oai._table.rows import HelperRow, Row
    from oai._table.websocket_row import WebSocketRow

TABLE_KEYS = ("constants", "defaults", "params", "local", "headers", "header_params", "parts", "rename")
"""The keys of a row whose values are tables; any other table below a header is a further call path."""


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read and validate one TOML file.

    Raises:
        TableError: it cannot be read, is not TOML, or has an invalid row.
    """
    try:
        with open(path, "rb") as file:
            return parse_table(str(path), file.read())
    except OSError as error:
        raise TableError(f"{path}: the table of endpoints cannot be read: {error.strerror}") from error


def parse_table(name: str, source: bytes) -> Table:
    """Parse and validate the TOML of a table; errors call it by its name.

    Raises:
        TableError: it is not TOML, or has an invalid row.
    """
    rows: dict[str, Row] = {}
    helpers: dict[str, HelperRow | WebSocketRow] = {}
    try:
        document = tomllib.loads(source.decode("utf-8-sig").replace("\r\n", "\n"))  # BOM and CRLF, as on Windows
        headers = list(find_rows(name, document))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{name}: not valid TOML: {error}") from error
    except RecursionError:
        raise TableError(f"{name}: not valid TOML: it is nested too deeply") from None
    for path, keys in headers:
        if "websocket" in keys:
            from oai._table.check_websockets import check_socket  # few tables have WebSockets

            helpers[path] = check_socket(name, path, keys)
        elif "helper" in keys:
            helpers[path] = check_helper(name, path, keys)
        else:
            rows[path] = check_row(name, path, keys)
    return Table(rows, helpers=helpers)


def find_rows(source: str, document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the call path and the keys of every row: a table is a row if it holds anything except tables."""
    for key, value in document.items():
        name = f"{prefix}{key}"
        if not isinstance(value, dict):
            raise wrong(source, prefix.rstrip(".") or "(top level)", key, "is outside any row")
        if not value or any(_is_row_key(key, item) for key, item in value.items()):
            yield name, value
        else:
            yield from find_rows(source, value, f"{name}.")


def _is_row_key(key: str, value: object) -> bool:
    """Distinguish a key of a row from a further segment of the call path, which may have the same name."""
    return not isinstance(value, dict) or (key in TABLE_KEYS and not any(isinstance(v, dict) for v in value.values()))
