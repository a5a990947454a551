"""Write the stubs of a client's views: `with_raw_response` and `with_streaming_response`.

A view has the methods of its namespace. Their parameters are not written out again, to keep the stubs small: type
checkers see the names of the methods and their results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from oai._table.websocket_row import WebSocketRow

if TYPE_CHECKING:
    from oai._stubs.writer import StubWriter

VIEWS: Final = {"with_raw_response": "Raw", "with_streaming_response": "Streaming"}
"""The properties, and the suffixes of their class names."""


def view_names(name: str) -> list[str]:
    """Return the names of the classes of the views of a class."""
    return [name + suffix for suffix in VIEWS.values()]


def properties(writer: StubWriter, name: str) -> Iterator[str]:
    """Write the properties of a class that return its views."""
    for view, suffix in VIEWS.items():
        yield f"\n    @{writer.spell.builtin('property')}"
        yield f"    def {view}(self) -> {name}{suffix}:"
        yield from writer.body(f"The same methods, see `{'RawResponse' if suffix == 'Raw' else 'StreamedResponse'}`.")


def classes(writer: StubWriter, name: str, prefix: str) -> Iterator[str]:
    """Write the view classes of a class whose members are below `prefix`."""
    for suffix in VIEWS.values():
        yield f"\n\nclass {name}{suffix}:"
        yield from list(_members(writer, prefix, suffix)) or ["    ..."]


def _members(writer: StubWriter, prefix: str, suffix: str) -> Iterator[str]:
    """Write the members of a view; a WebSocket is not in it, since it returns a connection."""
    for member, is_namespace in writer.members(prefix).items():
        path = prefix + member
        if is_namespace and path in writer.namespaces:
            yield f"    @{writer.spell.builtin('property')}"
            yield f"    def {member}(self) -> {writer.class_name(path)}{suffix}: ..."
        elif path in writer.own and not (is_namespace or isinstance(writer.table.helpers.get(path), WebSocketRow)):
            yield f"    {member}: {_call(writer, path, suffix)}"


def _call(writer: StubWriter, path: str, suffix: str) -> str:
    kind = f"{'Async' if writer.is_async else ''}{suffix}Call"
    writer.spell.names.add(("oai._typing", kind))
    if suffix != "Raw":
        return kind
    # A type variable depends on the parameters, which a view does not declare.
    return writer.spell.use(re.sub(r"\bT\b", "Any", f"{kind}[{writer.whole(path)}]"))
