"""Load tables: the shipped one, those of the environment, and those of the caller, merged in this order.

The shipped table is used in its compiled form (`_table.compiled`) where that is up to date.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from oai import _version
from oai._table.compiled import State, encode_table, find_compiled, read_file, store_compiled
from oai._table.table import Table

SHIPPED = os.path.join(os.path.dirname(_version.__file__), "endpoints.toml")

TABLE_VARIABLE = "OAI_TABLE"


def environment_tables() -> list[str]:
    """Return the paths in `OAI_TABLE`, separated as in `PATH`: tables to merge over the shipped one."""
    return [path for path in os.environ.get(TABLE_VARIABLE, "").split(os.pathsep) if path]


def table_sources(tables: Any) -> tuple[Any, ...]:
    """Return the tables to merge over the shipped one: the environment's, then the argument, one table or a list."""
    own = [] if tables is None else tables if isinstance(tables, list) else [tables]
    return (*environment_tables(), *own)


def load_table(*sources: str | os.PathLike[str]) -> Table:
    """Read tables of endpoints and merge them, the last on top.

    Raises:
        TableError: a file does not exist, is not TOML, or has an invalid row.
    """
    from oai._table.check import check_together
    from oai._table.read import read_table

    table = Table({})
    for source in sources:
        read = shipped_table() if source == SHIPPED else read_table(source)
        table = read.over(table)
        check_together(table, os.fspath(source), partial=SHIPPED not in sources, own=read.helpers)
    return table


def merged_table(sources: Iterable[str | os.PathLike[str] | Table]) -> Table:
    """Return the shipped table with tables merged over it: first the files, then the `Table` objects.

    Raises:
        TableError: a file does not exist, is not TOML, or has an invalid row.
    """
    sources = tuple(sources)
    files = [source for source in sources if not isinstance(source, Table)]
    table = load_table(SHIPPED, *files) if files else shipped_table()
    for source in sources:
        if isinstance(source, Table):
            table = source.over(table)
    return table


_shipped: dict[str, tuple[object, Table]] = {}
"""The shipped table as this process read it, with the state of its file."""


def shipped_table(path: str = SHIPPED) -> Table:
    """Return the shipped table, read again if its file has changed."""
    try:
        file = os.stat(path)
        state: State = (file.st_mtime_ns, file.st_size)
    except OSError:
        state = None  # within a zip
    if path not in _shipped or _shipped[path][0] != state:
        _shipped[path] = state, _read_shipped(path, state)
    return _shipped[path][1]


def _read_shipped(path: str, state: State) -> Table:
    read = read_file
    if state is None:
        from oai._support.resources import read_resource as read
    table = find_compiled(path, state, read)
    if table is None:
        source = read(path)
        table = compile_table(path, source)
        store_compiled(path, encode_table(table, source, state))
    return table


def compile_table(path: str, source: bytes) -> Table:
    """Parse and validate the shipped table.

    Raises:
        TableError: it is not TOML, or has an invalid row.
    """
    from oai._table.check import check_together
    from oai._table.read import parse_table

    table = parse_table(path, source)
    check_together(table, path)
    return table
