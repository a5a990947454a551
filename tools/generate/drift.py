"""Compare the table with a description of the API: the official SDK, or an OpenAPI document.

A difference names the operation, the key of its row, and both values. `missing` means that the table lacks it, `gone`
that only the table has it, `changed` that the values differ. This module neither prints (`check` does) nor excuses
differences (`exceptions` does).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from oai._openapi.document import Described, Document
from oai._table.check import check_row
from oai._table.check_websockets import check_socket
from oai._table.rows import Row
from oai._table.websocket_row import WebSocketRow
from tools.generate.table import by_place, place, wire_names

OFFICIAL, SPECIFICATION, FILES = "official", "specification", "files"

FREE_KEYS = (
    *("doc", "alias", "params", "end", "deprecated"),
    *("error_events", "bind", "local", "stream_result", "async_stream_result"),
)
"""Keys that are our own to say, or compared by what they mean."""

LIST = re.compile(r"\b(list|Sequence|Iterable)\b")
PLAIN = re.compile(r"(Literal\[.*?\]|[a-z]+|None|Any|File|Sequence|Iterable|[\[\],|? ])*")
"""Expressions that say by themselves whether they take a list; in others a name stands for what it may be."""

FORMS = {"multipart/form-data": "multipart", "application/sdp": "multipart"}
"""The `body` of a row by content type; anything else is JSON."""


@dataclass(frozen=True)
class Difference:
    """One difference between the table and a source."""

    source: str
    kind: str
    operation: str
    key: str = ""
    ours: str = ""
    theirs: str = ""

    def __str__(self) -> str:
        where = f"[{self.operation}]" + (f" {self.key}" if self.key else "")
        values = {"missing": self.theirs, "gone": self.ours, "changed": f"{self.ours}  ->  {self.theirs}"}[self.kind]
        return f"{self.kind:<7}  {self.source:<13}  {where}" + (f": {values}" if values else "")


def against_official(table: Mapping[str, Row], official: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    """Compare rows with those that the official SDK's operations would be written as."""
    for name, keys in official.items():
        if name not in table:
            yield Difference(OFFICIAL, "missing", name, theirs=f"{keys['method']} {keys['path']}")
        else:
            yield from _row_differences(name, table[name], check_row("the official SDK", name, dict(keys)))
    for name in table.keys() - official.keys():
        yield Difference(OFFICIAL, "gone", name, ours=f"{table[name].method} {table[name].path}")


def against_sockets(helpers: Mapping[str, object], official: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    """Compare the rows of WebSockets with those that the official SDK's would be written as."""
    known = {name: each for name, each in helpers.items() if isinstance(each, WebSocketRow)}
    for name, keys in official.items():
        if name not in known:
            yield Difference(OFFICIAL, "missing", name, theirs=f"WebSocket {keys['websocket']}")
            continue
        ours, theirs = known[name], check_socket("the official SDK", name, dict(keys))
        for key in ("websocket", "events", "args", "headers", "max_queue_size"):
            if (a := getattr(ours, key)) != (b := getattr(theirs, key)):
                yield Difference(OFFICIAL, "changed", name, key, _shown(a), _shown(b))
        yield from _param_differences(OFFICIAL, name, ours.params, theirs.params)
        for event in {**theirs.sends, **ours.sends}:
            key = f"sends.{event}"
            if event not in ours.sends or event not in theirs.sends:
                yield Difference(OFFICIAL, "missing" if event in theirs.sends else "gone", name, key)
            else:
                yield from _param_differences(OFFICIAL, name, ours.sends[event], theirs.sends[event], key)
    for name in known.keys() - official.keys():
        yield Difference(OFFICIAL, "gone", name, ours=f"WebSocket {known[name].websocket}")


def _row_differences(name: str, ours: Row, theirs: Row) -> Iterator[Difference]:
    for field in msgspec.structs.fields(Row):
        key = field.name
        a, b = getattr(ours, key), getattr(theirs, key)
        if key not in FREE_KEYS and (_sorted_union(a) if key in ("response", "stream") else a) != (
            _sorted_union(b) if key in ("response", "stream") else b
        ):
            yield Difference(OFFICIAL, "changed", name, key, _shown(a), _shown(b))
    if theirs.deprecated is not None and ours.deprecated is None:
        yield Difference(OFFICIAL, "missing", name, "deprecated", theirs=theirs.deprecated)
    yield from _param_differences(OFFICIAL, name, ours.params or {}, theirs.params or {})


def _param_differences(
    source: str, name: str, ours: Mapping[str, str], theirs: Mapping[str, str], where: str = "params"
) -> Iterator[Difference]:
    for param in [*theirs, *(each for each in ours if each not in theirs)]:
        key = f"{where}.{param}"
        if param not in ours:
            yield Difference(source, "missing", name, key, theirs=theirs[param])
        elif param not in theirs:
            yield Difference(source, "gone", name, key, ours=ours[param])
        elif _sorted_union(ours[param]) != _sorted_union(theirs[param]):
            yield Difference(source, "changed", name, key, ours[param], theirs[param])


def same_type(a: str | None, b: str | None) -> bool:
    """Return whether two type expressions mean the same."""
    return _sorted_union(a) == _sorted_union(b)


def _sorted_union(expression: str | None) -> tuple[Any, ...]:
    """Return what makes two type expressions equal: the variants of a union in any order, and the question mark."""
    if expression is None:
        return ()
    text = expression.removesuffix("?")
    pieces: list[str] = []
    nodes: list[ast.expr] = [ast.parse(text, mode="eval").body]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.BinOp):
            nodes += node.left, node.right
        else:
            pieces.append(ast.unparse(node))
    return text != expression, *sorted(pieces)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def against_document(table: Mapping[str, Row], document: Document) -> Iterator[Difference]:
    """Compare rows with the operations of an OpenAPI document, by method and path."""
    rows = by_place(table)
    described: set[tuple[str, str]] = set()
    for operation in document.operations():
        where = place(operation.method, operation.path)
        described.add(where)
        if where not in rows:
            line = f"{operation.method} {operation.path}  {operation.summary}"
            yield Difference(SPECIFICATION, "missing", operation.id or operation.path, theirs=line)
        for name in rows.get(where, ()):
            yield from _described_differences(name, table[name], operation, document)
    for where, names in rows.items():
        if where not in described:
            yield from (Difference(SPECIFICATION, "gone", name, ours=" ".join(where)) for name in names)


@dataclass(frozen=True)
class _Wanted:
    """A parameter as both sides can say it: where it goes, whether it must be there, whether it may be a list."""

    place: str
    required: bool
    many: bool | None
    """Nothing where a name stands for the type."""

    def fits(self, other: _Wanted) -> bool:
        """Return whether both say the same, as far as both say it."""
        same = (self.place, self.required) == (other.place, other.required)
        return same and (self.many is None or self.many == other.many)

    def __str__(self) -> str:
        need = "required" if self.required else "optional"
        return f"{self.place}, {need}{', a list' if self.many else ''}"


def _described_differences(name: str, row: Row, operation: Described, document: Document) -> Iterator[Difference]:
    theirs, ours = _wanted_by(operation, document, row.body), _wanted_of(row)
    streams = "text/event-stream" in operation.responses or theirs.pop("stream", None) is not None
    theirs.pop("stream", None)
    if row.params is not None:
        for wire in [*theirs, *(each for each in ours if each not in theirs)]:
            key = f"params.{wire}"
            if wire not in ours:
                yield Difference(SPECIFICATION, "missing", name, key, theirs=str(theirs[wire]))
            elif wire not in theirs:
                yield Difference(SPECIFICATION, "gone", name, key, ours=str(ours[wire]))
            elif not ours[wire].fits(theirs[wire]):
                yield Difference(SPECIFICATION, "changed", name, key, str(ours[wire]), str(theirs[wire]))
    bodies = {FORMS.get(kind, "json") for kind in operation.bodies}
    if bodies and row.body not in bodies:
        yield Difference(SPECIFICATION, "changed", name, "body", row.body, " or ".join(sorted(bodies)))
    for key, a, b in (
        ("stream", row.stream is not None, streams),
        ("deprecated", row.deprecated is not None, operation.deprecated or row.deprecated is not None),
        ("auth", row.auth, _auth(operation)),
    ):
        if a != b:
            yield Difference(SPECIFICATION, "changed", name, key, str(a), str(b))
    kinds = _answer_kinds(operation)
    if (kind := _answer_kind(row)) not in kinds:
        yield Difference(
            SPECIFICATION, "changed", name, "response", f"{row.response} ({kind})", " or ".join(sorted(kinds))
        )


def _wanted_by(operation: Described, document: Document, body: str) -> dict[str, _Wanted]:
    """Return a described operation's parameters but those of the path, by their names on the wire.

    Where it takes several kinds of body, the one that the row sends counts.
    """
    found = {
        each.name.removesuffix("[]"): _Wanted(each.place, each.required, document.is_list(each.schema))
        for each in operation.params
        if each.place != "path"
    }
    kinds = [kind for kind in operation.bodies if FORMS.get(kind, "json") == body] or list(operation.bodies)
    for kind in kinds:
        properties, required = document.properties(operation.bodies[kind])
        for name, each in properties.items():
            where = "file" if body == "multipart" and document.is_file(each) else "body"
            found[name] = _Wanted(where, name in required, document.is_list(each))
    return found


def _wanted_of(row: Row) -> dict[str, _Wanted]:
    params = row.params or {}
    return {
        (row.header_params[name].lower() if name in row.header_params else wire): _Wanted(
            _place_of(row, name), not params[name].endswith("?"), _takes_list(params[name])
        )
        for wire, name in wire_names(row, params).items()
    }


def _place_of(row: Row, name: str) -> str:
    if name in row.header_params:
        return "header"
    if name in row.files:
        return "file"
    return "query" if row.body == "query" or name in row.query else "body"


def _takes_list(expression: str) -> bool | None:
    if LIST.search(expression):
        return True
    return False if PLAIN.fullmatch(expression) else None


def _auth(operation: Described) -> str:
    return "admin" if any("admin" in name.lower() for name in operation.security or ()) else "key"


def _answer_kinds(operation: Described) -> set[str]:
    kinds: Iterable[str] = (kind for kind in operation.responses if kind != "text/event-stream")
    named = {"JSON" if "json" in kind else "text" if kind.startswith("text/") else "bytes" for kind in kinds}
    return named or {"None"}


def _answer_kind(row: Row) -> str:
    return {"bytes": "bytes", "None": "None", "str": "text"}.get(row.response, "JSON")
