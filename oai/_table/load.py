"""Load tables: the shipped one, those of the environment, and those of the caller, merged in this order.

Parsing hundreds of rows from TOML takes tens of milliseconds, so the shipped table is kept in a compact form next to
it, as Python keeps compiled modules: validated against the table's time and size, rebuilt when the table was edited,
not written where that is not possible. A row is decoded from it at its first use.

Annotations are evaluated here, as in `_table.rows`.
"""

import os
import sys
from collections.abc import Iterable
from importlib.util import cache_from_source
from typing import Any

import msgspec

from oai import _version
from oai._table.rows import HelperRow, Row
from oai._table.table import Table
from oai._table.websocket_row import WebSocketRow

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


_shipped: dict[str, tuple[tuple[str, int, int], Table]] = {}
"""The shipped table as this process read it, with the stamp of its file."""


class CompiledTable(msgspec.Struct, array_like=True):
    """The compact form: the stamp of its source, then the encoded rows."""

    stamp: tuple[str, int, int]
    aliases: dict[str, msgspec.Raw]
    rows: dict[str, msgspec.Raw]
    helpers: dict[str, msgspec.Raw]
    """Each is a pair: whether it is a `WebSocketRow`, and the row."""


def shipped_table(path: str = SHIPPED) -> Table:
    """Return the shipped table, from its compact form if that is up to date."""
    state = os.stat(path)
    shapes = " ".join(str(kind.__struct_fields__) for kind in (Row, HelperRow, WebSocketRow, CompiledTable))
    stamp = (f"{_version.__version__} {shapes}", state.st_mtime_ns, state.st_size)
    if _shipped.get(path, (None,))[0] != stamp:
        _shipped[path] = stamp, _read_shipped(path, stamp)
    return _shipped[path][1]


def _read_shipped(path: str, stamp: tuple[str, int, int]) -> Table:
    cache = cache_from_source(path).removesuffix(".pyc") + ".msgpack"
    try:
        with open(cache, "rb") as file:
            compiled = msgspec.msgpack.decode(file.read(), type=CompiledTable)
        if compiled.stamp == stamp:
            return Table(compiled.rows, compiled.aliases, compiled.helpers)
    except (OSError, msgspec.DecodeError):
        pass  # missing, unreadable or damaged: compile again
    from oai._table.check import check_together
    from oai._table.read import read_table

    table = read_table(path)
    check_together(table, path)
    _write(cache, _pack(table, stamp))
    return table


def _pack(table: Table, stamp: tuple[str, int, int]) -> bytes:
    def raw(values: Iterable[tuple[str, Any]]) -> dict[str, msgspec.Raw]:
        return {name: msgspec.Raw(msgspec.msgpack.encode(value)) for name, value in values}

    helpers = ((name, (isinstance(helper, WebSocketRow), helper)) for name, helper in table.helpers.items())
    return msgspec.msgpack.encode(CompiledTable(stamp, raw(table.aliases.items()), raw(table.items()), raw(helpers)))


def _write(cache: str, data: bytes) -> None:
    """Write the compact form atomically, unless bytecode is not to be written or the directory is read-only."""
    if sys.dont_write_bytecode:
        return
    scratch = f"{cache}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(cache), exist_ok=True)
        with open(scratch, "wb") as file:
            file.write(data)
        os.replace(scratch, cache)
    except OSError:
        pass  # a read-only installation parses the TOML at each start
