"""What a generated function passes on, by name.

Most calls pass it on as it came, so that only what looks into it, such as a page that asks for the next, loads this:
a named tuple takes as long to define as three small modules to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from oai._support.omit import omit

if TYPE_CHECKING:
    from oai._table.operation import Operation


class Arguments(NamedTuple):
    """What a generated function passes on: its parameters sorted into places, and the options of the call."""

    operation: Operation
    path: tuple[object, ...] = ()
    query: Mapping[str, Any] | None = None
    body: Any = None
    stream: object = None
    extra_headers: Mapping[str, Any] | None = None
    extra_query: Mapping[str, Any] | None = None
    extra_body: Any = None
    timeout: Any = omit

    @property
    def defaulted(self) -> bool:
        """Whether the caller left what the row has `defaults` for to them."""
        said = {name for each in (self.body, self.extra_body) if isinstance(each, Mapping) for name in each}
        return said.isdisjoint(self.operation.row.defaults)
