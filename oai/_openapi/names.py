"""Choose names for the content of an OpenAPI document: call paths for operations, Python names for everything else.

An operation that is already in the table keeps its call path. Any other is named after its path: `GET /items` becomes
`items.list`, `POST /items/{id}/archive` becomes `items.archive`, `POST /tokenize` becomes `tokenize`. This module knows
paths and names, not schemas.
"""

from __future__ import annotations

import itertools
import keyword
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from oai._table.rows import PLACEHOLDER

if TYPE_CHECKING:
    from oai._openapi.document import Described
    from oai._table.rows import Row

PREFIX_SEGMENT = re.compile(r"api|openai|v\d+(\.\d+)*((alpha|beta)\d*)?", re.IGNORECASE)
"""Leading segments of a path that say where or in which version, not what."""

ANY_PLACEHOLDER = re.compile(r"\{[^}]*\}")

ITEM_METHODS = {
    "GET": "retrieve",
    "DELETE": "delete",
    "POST": "update",
    "PATCH": "update",
    "PUT": "replace",
    "HEAD": "head",
}
COLLECTION_METHODS = {
    "GET": "list",
    "DELETE": "clear",
    "POST": "create",
    "PATCH": "update",
    "PUT": "replace",
    "HEAD": "head",
}
"""Method names by HTTP method, for a path that ends in a placeholder and for a collection."""


def python_name(text: str) -> str:
    """Convert any text to a public Python name."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text) if not text.isupper() else text
    name = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_") or "x"
    return free_name(f"n{name}" if name[0].isdigit() else name)


def free_name(name: str, taken: Collection[str] = ()) -> str:
    """Return a name with as many trailing underscores as it takes to be neither a keyword nor taken."""
    while keyword.iskeyword(name) or name in taken:
        name += "_"
    return name


def bare(path: str) -> str:
    """Return a path without its leading prefix and version segments."""
    segments = path.strip("/").split("/")
    while segments and PREFIX_SEGMENT.fullmatch(segments[0]):
        segments = segments[1:]
    return "/" + "/".join(segments)


def known_rows(operations: Sequence[Described], table: Mapping[str, Row]) -> dict[int, str]:
    """Return the call paths of the operations that the table already has, by the index of the operation."""
    names: dict[tuple[str, str], str] = {}
    for name in sorted(table, key=lambda name: (table[name].deprecated is not None, name.startswith("beta."), name)):
        row = table[name]
        names.setdefault((row.method, PLACEHOLDER.sub("{}", row.path)), name)
    paths: dict[int, str] = {}
    for index, operation in enumerate(operations):
        path = ANY_PLACEHOLDER.sub("{}", operation.path)
        call_path = names.get((operation.method, path)) or names.get((operation.method, bare(path)))
        if call_path is not None and call_path not in paths.values():
            paths[index] = call_path
    return paths


def call_paths(
    operations: Sequence[Described], table: Mapping[str, Row], own: Collection[str], flat: Collection[str]
) -> list[str]:
    """Return the call path of each operation; all are unique and none is below another.

    Args:
        operations: the operations to name.
        table: the rows that the new ones will be merged over.
        own: the client's own attributes, which no call path may hide.
        flat: the table's aliases, which no operation may have; a namespace may.
    """
    known = known_rows(operations, table)
    items = (ANY_PLACEHOLDER.sub("{}", operation.path) for operation in operations if operation.path.endswith("}"))
    collections = {path.removesuffix("/{}") for path in items}
    methods = Counter(operation.path for operation in operations)
    names = [
        known.get(index)
        or _name(operation, is_collection=operation.path.rstrip("/") in collections or methods[operation.path] > 1)
        for index, operation in enumerate(operations)
    ]
    flat = {alias for alias in flat if not any(name.startswith(f"{alias}.") for name in table)}
    names = [_clear(name, own, flat) if index not in known else name for index, name in enumerate(names)]
    return _unique(names, operations, known, table)


def _name(operation: Described, *, is_collection: bool) -> str:
    path = bare(operation.path)
    segments = [python_name(part) for part in path.split("/") if part and "{" not in part] or ["root"]
    if path.endswith("}"):
        return ".".join([*segments, ITEM_METHODS[operation.method]])
    return ".".join([*segments, COLLECTION_METHODS[operation.method]] if is_collection else segments)


def _clear(name: str, own: Collection[str], flat: Collection[str]) -> str:
    """Return a call path that hides no attribute of the client."""
    first, dot, rest = name.partition(".")
    return f"{free_name(first, own if dot else {*own, *flat})}{dot}{rest}"


def _unique(
    names: list[str], operations: Sequence[Described], known: Mapping[int, str], table: Mapping[str, Row]
) -> list[str]:
    """Move a call path that is also a namespace into that namespace, and number the remaining duplicates."""
    namespaces = {name[:dot] for name in [*names, *table] for dot in (m.start() for m in re.finditer(r"\.", name))}
    unique: list[str] = []
    for index, candidate in enumerate(names):
        name = candidate
        while name in namespaces:
            name = f"{name}.{COLLECTION_METHODS[operations[index].method]}"
        if index not in known:
            name = _free_path(name, {*unique, *known.values(), *table})
        unique.append(name)
    return unique


def _free_path(name: str, others: Collection[str]) -> str:
    """Return a call path that is none of the others and below none of them."""
    first, *rest = name.split(".")
    while any(".".join([first, *rest][:length]) in others for length in range(1, len(rest) + 1)):
        first += "_"
    base = ".".join([first, *rest])
    numbers = itertools.count(2)
    path = base
    while path in others:
        path = f"{base}_{next(numbers)}"
    return path
