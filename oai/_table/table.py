"""The table of endpoints: rows by call path, decoded at first use, and the merge of two tables.

`_table.load` decides where tables come from.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from oai._json.strict import TYPE_LOCK
from oai._table.rows import Forms, HelperRow, Row
from oai._table.websocket_row import WebSocketRow

_rows = msgspec.msgpack.Decoder(Row)  # created once at import: msgspec builds types without a lock (`_json.strict`)


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

    The mapping holds the operations; `helpers` holds helpers and WebSockets, also by call path.
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

    __eq__ = object.__eq__  # tables compare by identity, so that one can be a key
    __hash__ = object.__hash__

    @property
    def aliases(self) -> Mapping[str, Forms]:
        """The call paths that each alias stands for, with the positional parameters of each."""
        if self._aliases is None:
            forms: dict[str, Forms] = {}
            for name, row in self.items():
                for alias, positional in row.aliases():
                    forms.setdefault(alias, []).append((name, positional))
            self._aliases = LazyMapping(forms, _unpack_alias)
        return self._aliases

    def over(self, below: "Table") -> "Table":
        """Return a table with these rows merged over those of `below`; a replaced row keeps its position."""
        rows = below._without(self.helpers) | self._values  # noqa: SLF001 - the same class
        helpers = below.helpers._without(self) | self.helpers._values  # noqa: SLF001
        return Table(rows, helpers=helpers)
