"""Names for the positional arguments that a generated function passes to the core.

Most calls pass the tuple through. Only code that needs single arguments, such as a page that requests the next one,
imports this module: defining a named tuple takes as long as importing three small modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from oai._support.omit import omit

if TYPE_CHECKING:
    from oai._table.operation import Operation


class Arguments(NamedTuple):
    """The arguments that a generated function passes to the core: its parameters by place, and the call's options."""

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
    def fields(self) -> dict[str, Any]:
        """The fields of the body, those of `extra_body` included."""
        sources = (self.body, self.extra_body)
        return {name: value for source in sources if isinstance(source, Mapping) for name, value in source.items()}

    @property
    def defaulted(self) -> bool:
        """Whether the caller relied on the row's `defaults`, that is, passed none of those fields."""
        return self.fields.keys().isdisjoint(self.operation.row.defaults)
