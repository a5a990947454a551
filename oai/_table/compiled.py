"""The compiled table: the rows of a TOML file, encoded so that each can be decoded at its first use.

Parsing hundreds of rows takes tens of milliseconds, so a table is kept in this form, as Python keeps compiled modules.
The wheel contains that of the shipped table; an edited table is compiled at the first start, and cached next to it or
else in the user's cache directory. A compiled table is used only if the digest of its source matches the TOML file and
its own digest its content, so that edits, damage and other versions are noticed. A cached one also holds the time and
size of the TOML file, as `.pyc` files do: while they match, the TOML is not read. The digests are those of hash-based
`.pyc` files, which need no further import.

Annotations are evaluated here, as in `_table.rows`.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import cache_from_source, source_hash
from typing import Any

import msgspec

from oai._table.rows import HelperRow, Row
from oai._table.table import Table
from oai._table.websocket_row import WebSocketRow
from oai._version import __version__

SUFFIX = ".msgpack"
DIGEST_BYTES = 8


class CompiledTable(msgspec.Struct, array_like=True):
    """The content of a compiled table: the version of the code, the stamp of the source, and the encoded rows."""

    code: str
    digest: bytes
    """The digest of the source."""
    state: tuple[int, int] | None
    """The time and size of the source's file; `None` in a wheel, whose files get other times when it is installed."""
    aliases: dict[str, msgspec.Raw]
    rows: dict[str, msgspec.Raw]
    helpers: dict[str, msgspec.Raw]
    """Each is a pair: whether it is a `WebSocketRow`, and the row."""


CODE = " ".join([__version__, *(str(kind.__struct_fields__) for kind in (Row, HelperRow, WebSocketRow, CompiledTable))])
"""The version of the code, and the fields of its rows."""

State = tuple[int, int] | None


def encode_table(table: Table, source: bytes, state: State = None) -> bytes:
    """Return the compiled form of a table that was read from a source, whose file has this time and size."""

    def raw(values: Iterable[tuple[str, Any]]) -> dict[str, msgspec.Raw]:
        return {name: msgspec.Raw(msgspec.msgpack.encode(value)) for name, value in values}

    helpers = ((name, (isinstance(helper, WebSocketRow), helper)) for name, helper in table.helpers.items())
    aliases, rows = raw(table.aliases.items()), raw(table.items())
    compiled = CompiledTable(CODE, source_hash(source), state, aliases, rows, raw(helpers))
    content = msgspec.msgpack.encode(compiled)
    return source_hash(content) + content


def decode_table(data: bytes, source: Callable[[], bytes], state: State = None) -> Table | None:
    """Return the table in compiled data, `None` if that is damaged or was compiled from something else.

    Args:
        data: the compiled table.
        source: reads the source; called unless its file has the time and size that the compiled table holds.
        state: the time and size of the source's file.
    """
    content: Any = memoryview(data)[DIGEST_BYTES:]  # without a copy
    if source_hash(content) != data[:DIGEST_BYTES]:
        return None
    try:
        compiled = msgspec.msgpack.decode(content, type=CompiledTable)
    except msgspec.DecodeError:
        return None
    if compiled.code != CODE:
        return None
    if (state is None or compiled.state != state) and compiled.digest != source_hash(source()):
        return None
    return Table(compiled.rows, compiled.aliases, compiled.helpers)


def read_file(path: str) -> bytes:
    """Return the content of a file."""
    with open(path, "rb") as file:
        return file.read()


def find_compiled(path: str, state: State, read: Callable[[str], bytes]) -> Table | None:
    """Return the compiled form of a table: that of the wheel, or a cached one.

    Args:
        path: the TOML file.
        state: its time and size, `None` within a zip.
        read: reads the TOML file and the compiled table of the wheel.
    """
    read_packaged = read
    for number, candidate in enumerate(_candidates(path)):
        try:
            data = read(candidate)
        except OSError:
            data = b""
        if (table := decode_table(data, lambda: read_packaged(path), state)) is not None:
            if number > 1 and not sys.dont_write_bytecode:  # left by a process that was not to write next to the table
                _write(_beside(path), data, directory_mode=0o777, mode=0o644)
            return table
        read = read_file
    return None


def _candidates(path: str) -> Iterator[str]:
    yield path.removesuffix(".toml") + SUFFIX
    if (cache := _beside(path)) is not None:
        yield cache
    from oai._support.cache_directory import cached_file  # needed only if there is none in the package

    if (cache := cached_file(path, SUFFIX)) is not None:
        yield cache


def _beside(path: str) -> str | None:
    """Return the path of the compiled form where Python keeps compiled modules; `None` if Python keeps none."""
    try:
        return cache_from_source(path).removesuffix(".pyc") + SUFFIX
    except NotImplementedError:
        return None


def store_compiled(path: str, data: bytes) -> None:
    """Cache the compiled form of a table: next to it if that is allowed, else in the user's cache directory, if any.

    Only the user can write either, and read the latter. With `PYTHONDONTWRITEBYTECODE` nothing is written next to it.
    """
    from oai._support.cache_directory import cached_file

    beside = None if sys.dont_write_bytecode else _beside(path)
    if not _write(beside, data, directory_mode=0o777, mode=0o644):
        _write(cached_file(path, SUFFIX), data, directory_mode=0o700, mode=0o600)


def _write(path: str | None, data: bytes, *, directory_mode: int, mode: int) -> bool:
    """Write a file atomically; return whether that was possible. If not, the TOML is parsed at each start."""
    from oai._support.atomic_files import atomic_write

    if path is None:
        return False
    try:
        os.makedirs(os.path.dirname(path), mode=directory_mode, exist_ok=True)
        with atomic_write(path, mode=mode) as file:
            file.write(data)
    except OSError:
        return False
    return True
