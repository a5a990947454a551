"""The table of endpoints: rows by call path, laid over each other, the shipped ones compiled.

Reading hundreds of rows from TOML takes tens of milliseconds, so that the shipped table is kept in a compact
form beside it, as Python keeps compiled modules: validated against the table's time and size, rebuilt when the
table was edited, left alone where it cannot be written. A row is decoded from it when it is first asked for.

Annotations are evaluated here: where they are text, msgspec compiles each anew before it decodes the first row.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import cache_from_source
from typing import Any, Literal, TypeVar

import msgspec

from oai._errors import TableError
from oai._socket import Socket
from oai._strict import TYPE_LOCK
from oai._version import __version__

SHIPPED = os.path.join(os.path.dirname(__file__), "endpoints.toml")

TABLE_VARIABLE = "OAI_TABLE"

PLACEHOLDER = re.compile(r"\{(\w*)\}")

CALL_OPTIONS = ("extra_headers", "extra_query", "extra_body", "timeout")
"""Parameters that every call takes beside its row's."""

Forms = list[tuple[str, list[str]]]
"""The call paths that have a flat name, each with its positional parameters."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation, as its row declares it. DESIGN of the keys: README, "The table"."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
    path: str
    body: Literal["json", "multipart", "query"]
    response: str
    doc: str = ""
    params: dict[str, str] | None = None
    response_by: dict[str, dict[str, str]] = {}
    stream: str | None = None
    end: list[str] = []
    stream_only: bool = False
    error_events: bool = False
    bind: str | None = None
    local: dict[str, str] = {}
    stream_result: str | None = None
    async_stream_result: str | None = None
    alias: list[str] = []
    args: list[str] | None = None
    query: list[str] = []
    files: list[str] = []
    json_without_files: bool = False
    rename: dict[str, str] = {}
    headers: dict[str, str] = {}
    header_params: dict[str, str] = {}
    parts: dict[str, str] = {}
    raw: str | None = None
    arrays: Literal["brackets", "repeat"] = "brackets"
    defaults: dict[str, Any] = {}
    vectors: str | None = None
    auth: Literal["key", "admin", "none"] = "key"
    deprecated: str | None = None

    @property
    def path_params(self) -> list[str]:
        """The names in the path template, in their order."""
        return PLACEHOLDER.findall(self.path)

    @property
    def positional(self) -> list[str]:
        """The parameters that may be given without their name: by the official SDK's rule the path's last."""
        return self.path_params[-1:] if self.args is None else self.args

    @property
    def list_suffix(self) -> str:
        """What stands behind the name of a list's items in a query or a form."""
        return "[]" if self.arrays == "brackets" else ""

    def aliases(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each flat name with its positional parameters: those it lists, else all of the path's."""
        for alias in self.alias:
            name, parenthesis, listed = alias.rstrip(")").partition("(")
            yield name, listed.replace(",", " ").split() if parenthesis else self.path_params


ROW_KEYS = Row.__struct_encode_fields__

_rows = msgspec.msgpack.Decoder(Row)  # made here, so that no two threads make it (`_strict`)


class Helper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A method that is no operation of its own but a Python function over some: it polls, puts together, or checks.

    `helper` names the function, below `oai.helpers` or as a path that can be imported. A generator function is run by
    `_steps`, so that one source serves both clients; what any other function returns is the result in both.
    `constants` are arguments that it always gets, so that one function may serve several rows.
    """

    helper: str
    response: str = "Any"
    async_response: str | None = None
    doc: str = ""
    extends: str | None = None
    without: list[str] = []
    params: dict[str, str] = {}
    args: list[str] | None = None
    constants: dict[str, Any] = {}

    @property
    def target(self) -> Callable[..., Any]:
        """The function.

        Raises:
            LookupError: it is nowhere; the message says where its path ends.
        """
        from oai._typexpr import find

        found: Callable[..., Any] = find(self.helper, "oai.helpers")
        return found

    @property
    def waits(self) -> bool:
        """Whether the function makes calls, so that the async client's method has to be awaited."""
        from inspect import isgeneratorfunction  # a large module, which who calls a helper has loaded

        return isgeneratorfunction(self.target)

    def merged(self, table: "Table") -> dict[str, str]:
        """Return all parameters: those of the operation that it extends, then its own."""
        if self.extends is None:
            return dict(self.params)
        row = self._extended(table)
        theirs = {**dict.fromkeys(row.path_params, "str"), **(row.params or {})}
        return {name: kind for name, kind in theirs.items() if name not in self.without} | self.params

    def as_row(self, table: "Table") -> Row:
        """Return a row with the same parameters and result, for who only looks at those."""
        doc, args = self.doc, self.positional(table)
        return Row("POST", "/", "json", self.response, doc=doc, params=self.merged(table), args=args)

    def positional(self, table: "Table") -> list[str]:
        """The parameters that may be given without their name."""
        if self.args is not None or self.extends is None:
            return self.args or []
        return [name for name in self._extended(table).positional if name not in self.without]

    def _extended(self, table: "Table") -> Row:
        try:
            return table[self.extends or ""]
        except KeyError:
            raise TableError(f"the helper {self.helper} extends [{self.extends}], which is no operation") from None


HELPER_KEYS = Helper.__struct_encode_fields__


def _unpack_row(packed: msgspec.Raw) -> Row:
    return _rows.decode(packed)


def _unpack_helper(packed: msgspec.Raw) -> Helper | Socket:
    is_socket, row = msgspec.msgpack.decode(packed, type=tuple[bool, msgspec.Raw])
    with TYPE_LOCK:
        return msgspec.msgpack.decode(row, type=Socket) if is_socket else msgspec.msgpack.decode(row, type=Helper)


def _unpack_alias(packed: msgspec.Raw) -> Forms:
    return msgspec.msgpack.decode(packed, type=Forms)


V = TypeVar("V")


class Packed(Mapping[str, V]):
    """Values by name; those that are given packed are decoded when they are asked for."""

    def __init__(self, values: Mapping[str, V | msgspec.Raw], unpack: Callable[[msgspec.Raw], V]) -> None:
        self._values = dict(values)
        self._unpack = unpack

    def __getitem__(self, name: str) -> V:
        value = self._values[name]
        if isinstance(value, msgspec.Raw):
            value = self._values[name] = self._unpack(value)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _without(self, names: Mapping[str, Any]) -> dict[str, V | msgspec.Raw]:
        return {name: value for name, value in self._values.items() if name not in names}


class Table(Packed[Row]):
    """Rows by call path.

    The mapping holds the operations. What is no operation of its own stands in `helpers`, by call path as well.
    """

    def __init__(
        self,
        rows: Mapping[str, Row | msgspec.Raw],
        aliases: Mapping[str, Forms | msgspec.Raw] | None = None,
        helpers: Mapping[str, Helper | Socket | msgspec.Raw] | None = None,
    ) -> None:
        super().__init__(rows, _unpack_row)
        self._aliases = None if aliases is None else Packed(aliases, _unpack_alias)
        self.helpers: Packed[Helper | Socket] = Packed(helpers or {}, _unpack_helper)

    __eq__ = object.__eq__  # tables are told apart by identity, so that one can be a key
    __hash__ = object.__hash__

    @property
    def aliases(self) -> Mapping[str, Forms]:
        """The flat names: for each the call paths that have it, each with its positional parameters."""
        if self._aliases is None:
            found: dict[str, Forms] = {}
            for name, row in self.items():
                for alias, positional in row.aliases():
                    found.setdefault(alias, []).append((name, positional))
            self._aliases = Packed(found, _unpack_alias)
        return self._aliases

    def over(self, below: "Table") -> "Table":
        """Return a table with these rows laid over those below; a name keeps its place."""
        rows = below._without(self.helpers) | self._values  # noqa: SLF001 - its own kind
        helpers = below.helpers._without(self) | self.helpers._values  # noqa: SLF001
        return Table(rows, helpers=helpers)


def environment_tables() -> list[str]:
    """Return the tables that the environment lays over the shipped one: those of `OAI_TABLE`, separated like `PATH`."""
    return [path for path in os.environ.get(TABLE_VARIABLE, "").split(os.pathsep) if path]


def table_sources(given: Any) -> tuple[Any, ...]:
    """Return what lies over the shipped table: the tables of the environment, then one that is given, or several."""
    several = [] if given is None else given if isinstance(given, list) else [given]
    return (*environment_tables(), *several)


def load_table(*sources: str | os.PathLike[str]) -> Table:
    """Read tables of endpoints and lay them over each other, the last on top.

    Raises:
        TableError: a file is not there, is not TOML, or holds a row that cannot be.
    """
    from oai._rows import check_together, read_table

    table = Table({})
    for source in sources:
        read = shipped_table() if source == SHIPPED else read_table(source)
        table = read.over(table)
        check_together(table, os.fspath(source), partial=SHIPPED not in sources, own=read.helpers)
    return table


def merged_table(sources: Iterable[str | os.PathLike[str] | Table]) -> Table:
    """Return the shipped table with files of rows over it, and over those the tables that are read already.

    Raises:
        TableError: a file is not there, is not TOML, or holds a row that cannot be.
    """
    sources = tuple(sources)
    files = [source for source in sources if not isinstance(source, Table)]
    table = load_table(SHIPPED, *files) if files else shipped_table()
    for source in sources:
        if isinstance(source, Table):
            table = source.over(table)
    return table


_shipped: dict[str, tuple[tuple[str, int, int], Table]] = {}
"""The shipped table as this process has read it, with what it was read from."""


class _Compiled(msgspec.Struct, array_like=True):
    """The compact form: what it was made from, then what was made."""

    stamp: tuple[str, int, int]
    aliases: dict[str, msgspec.Raw]
    rows: dict[str, msgspec.Raw]
    helpers: dict[str, msgspec.Raw]
    """Each with whether it is a WebSocket before it."""


def shipped_table(path: str = SHIPPED) -> Table:
    """Return the shipped table, from its compact form where that is up to date."""
    found = os.stat(path)
    shapes = " ".join(str(kind.__struct_fields__) for kind in (Row, Helper, Socket, _Compiled))
    stamp = (f"{__version__} {shapes}", found.st_mtime_ns, found.st_size)
    if _shipped.get(path, (None,))[0] != stamp:
        _shipped[path] = stamp, _read_shipped(path, stamp)
    return _shipped[path][1]


def _read_shipped(path: str, stamp: tuple[str, int, int]) -> Table:
    cache = cache_from_source(path).removesuffix(".pyc") + ".msgpack"
    try:
        with open(cache, "rb") as file:
            compiled = msgspec.msgpack.decode(file.read(), type=_Compiled)
        if compiled.stamp == stamp:
            return Table(compiled.rows, compiled.aliases, compiled.helpers)
    except (OSError, msgspec.DecodeError):
        pass  # not there, not readable, or not whole: it is made again
    from oai._rows import check_together, read_table

    table = read_table(path)
    check_together(table, path)
    _write(cache, _pack(table, stamp))
    return table


def _pack(table: Table, stamp: tuple[str, int, int]) -> bytes:
    def raw(values: Iterable[tuple[str, Any]]) -> dict[str, msgspec.Raw]:
        return {name: msgspec.Raw(msgspec.msgpack.encode(value)) for name, value in values}

    helpers = ((name, (isinstance(helper, Socket), helper)) for name, helper in table.helpers.items())
    return msgspec.msgpack.encode(_Compiled(stamp, raw(table.aliases.items()), raw(table.items()), raw(helpers)))


def _write(cache: str, data: bytes) -> None:
    """Put the compact form in place whole, or not at all where that is not possible or not wanted."""
    if sys.dont_write_bytecode:
        return
    scratch = f"{cache}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(cache), exist_ok=True)
        with open(scratch, "wb") as file:
            file.write(data)
        os.replace(scratch, cache)
    except OSError:
        pass  # a read-only installation reads the TOML each time
