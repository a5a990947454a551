"""Names for what an OpenAPI document describes: call paths for operations, Python names for everything.

An operation that the table has already keeps its call path. Any other is called by its path: `GET /items` is
`items.list`, `POST /items/{id}/archive` is `items.archive`, `POST /tokenize` is `tokenize`. This module knows
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

IN_FRONT = re.compile(r"api|openai|v\d+(\.\d+)*((alpha|beta)\d*)?", re.IGNORECASE)
"""Segments at the beginning of a path that say where or in which version, not what."""

ANY_PLACEHOLDER = re.compile(r"\{[^}]*\}")

OF_ONE = {"GET": "retrieve", "DELETE": "delete", "POST": "update", "PATCH": "update", "PUT": "replace", "HEAD": "head"}
OF_ALL = {"GET": "list", "DELETE": "clear", "POST": "create", "PATCH": "update", "PUT": "replace", "HEAD": "head"}
"""What a method does with one thing, and with a collection of them."""


def python_name(text: str, taken: Collection[str] = ()) -> str:
    """Turn any text into a public Python name, with an underscore behind it where that is taken."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text) if not text.isupper() else text
    name = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_") or "x"
    return free_name(f"n{name}" if name[0].isdigit() else name, taken)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name with underscores behind it until it is no keyword and not taken."""
    while keyword.iskeyword(name) or name in taken:
        name += "_"
    return name


def bare(path: str) -> str:
    """Return a path without the segments in front that say where or in which version."""
    segments = path.strip("/").split("/")
    while segments and IN_FRONT.fullmatch(segments[0]):
        segments = segments[1:]
    return "/" + "/".join(segments)


def known_rows(operations: Sequence[Described], table: Mapping[str, Row]) -> dict[int, str]:
    """Return, by the number of the operation, the call path that the table has it under."""
    names: dict[tuple[str, str], str] = {}
    for name in sorted(table, key=lambda each: (table[each].deprecated is not None, each.startswith("beta."), each)):
        row = table[name]
        names.setdefault((row.method, PLACEHOLDER.sub("{}", row.path)), name)
    found: dict[int, str] = {}
    for number, each in enumerate(operations):
        path = ANY_PLACEHOLDER.sub("{}", each.path)
        call_path = names.get((each.method, path)) or names.get((each.method, bare(path)))
        if call_path is not None and call_path not in found.values():
            found[number] = call_path
    return found


def call_paths(
    operations: Sequence[Described], table: Mapping[str, Row], own: Collection[str], flat: Collection[str]
) -> list[str]:
    """Return the call path of each operation, all different and none below another.

    Args:
        operations: what there is to name.
        table: the rows that they will be laid over.
        own: the client's own attributes, which no call path may hide.
        flat: the table's flat names, which no operation may have; a namespace may.
    """
    known = known_rows(operations, table)
    things = (ANY_PLACEHOLDER.sub("{}", each.path) for each in operations if each.path.endswith("}"))
    collections = {each.removesuffix("/{}") for each in things}
    methods = Counter(each.path for each in operations)
    names = [
        known.get(number) or _name(each, is_collection=each.path.rstrip("/") in collections or methods[each.path] > 1)
        for number, each in enumerate(operations)
    ]
    flat = {each for each in flat if not any(name.startswith(f"{each}.") for name in table)}
    names = [_clear(name, own, flat) if number not in known else name for number, name in enumerate(names)]
    return _apart(names, operations, known, table)


def _name(operation: Described, *, is_collection: bool) -> str:
    path = bare(operation.path)
    segments = [python_name(each) for each in path.split("/") if each and "{" not in each] or ["root"]
    if path.endswith("}"):
        return ".".join([*segments, OF_ONE[operation.method]])
    return ".".join([*segments, OF_ALL[operation.method]] if is_collection else segments)


def _clear(name: str, own: Collection[str], flat: Collection[str]) -> str:
    """Return a call path that hides no attribute of the client."""
    first, dot, rest = name.partition(".")
    return f"{free_name(first, own if dot else {*own, *flat})}{dot}{rest}"


def _apart(
    names: list[str], operations: Sequence[Described], known: Mapping[int, str], table: Mapping[str, Row]
) -> list[str]:
    """Move a call path that others lie below into their namespace, and number those that are still the same."""
    namespaces = {name[:dot] for name in [*names, *table] for dot in (m.start() for m in re.finditer(r"\.", name))}
    done: list[str] = []
    for number, wanted in enumerate(names):
        name = wanted
        while name in namespaces:
            name = f"{name}.{OF_ALL[operations[number].method]}"
        if number not in known:
            name = _free_path(name, {*done, *known.values(), *table})
        done.append(name)
    return done


def _free_path(name: str, others: Collection[str]) -> str:
    """Return a call path that is none of the others and lies below none of them."""
    first, *rest = name.split(".")
    while any(".".join([first, *rest][:length]) in others for length in range(1, len(rest) + 1)):
        first += "_"
    base = ".".join([first, *rest])
    numbers = itertools.count(2)
    path = base
    while path in others:
        path = f"{base}_{next(numbers)}"
    return path
