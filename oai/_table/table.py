"""The table of endpoints: rows by call path, decoded when they are first used, laid over each other.

Where tables come from is the business of `_table.load`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from oai._json.strict import TYPE_LOCK
from oai._table.rows import Forms, HelperRow, Row
from oai._table.websocket_row import WebSocketRow

_rows = msgspec.msgpack.Decoder(Row)  # made here, so that no two threads make it (`_json.strict`)


def _unpack_row(packed: msgspec.Raw) -> Row:
    return _rows.decode(packed)


def _unpack_helper(packed: msgspec.Raw) -> HelperRow | WebSocketRow:
    is_socket, row = msgspec.msgpack.decode(packed, type=tuple[bool, msgspec.Raw])
    with TYPE_LOCK:
        return (
            msgspec.msgpack.decode(row, type=WebSocketRow) if is_socket else msgspec.msgpack.decode(row, type=HelperRow)
        )


def _unpack_alias(packed: msgspec.Raw) -> Forms:
    return msgspec.msgpack.decode(packed, type=Forms)


V = TypeVar("V")


class LazyMapping(Mapping[str, V]):
    """Values by name; an encoded value is decoded at its first use."""

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


class Table(LazyMapping[Row]):
    """Rows by call path.

    The mapping holds the operations. What is no operation of its own stands in `helpers`, by call path as well.
    """

    def __init__(
        self,
        rows: Mapping[str, Row | msgspec.Raw],
        aliases: Mapping[str, Forms | msgspec.Raw] | None = None,
        helpers: Mapping[str, HelperRow | WebSocketRow | msgspec.Raw] | None = None,
    ) -> None:
        super().__init__(rows, _unpack_row)
        self._aliases = None if aliases is None else LazyMapping(aliases, _unpack_alias)
        self.helpers: LazyMapping[HelperRow | WebSocketRow] = LazyMapping(helpers or {}, _unpack_helper)

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
            self._aliases = LazyMapping(found, _unpack_alias)
        return self._aliases

    def over(self, below: "Table") -> "Table":
        """Return a table with these rows laid over those below; a name keeps its place."""
        rows = below._without(self.helpers) | self._values  # noqa: SLF001 - its own kind
        helpers = below.helpers._without(self) | self.helpers._values  # noqa: SLF001
        return Table(rows, helpers=helpers)
