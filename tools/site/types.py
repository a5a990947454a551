"""Describe the structs that operations return: one Markdown page for each package of `oai.types`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec

from oai._json.objects import Object
from oai._support.docs import field_docs
from oai._table.load import shipped_table
from oai._table.type_expressions import resolve
from oai._table.websocket_row import WebSocketRow

MOST_LINKS = 6


def anchor(name: str) -> str:
    """Return the anchor of a name on a page."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def home_of(kind: type) -> str:
    """Return the page of a struct: the package below `oai.types` that it is in."""
    parts = kind.__module__.removeprefix("oai.types").strip(".").split(".")
    return parts[0] if parts[0] and parts[0] not in ("structs", "parsed") else "shared"


def types_in(hint: Any) -> set[tuple[str, str]]:
    """Return the page and the name of each struct that a type mentions."""
    return {(home_of(kind), kind.__name__) for kind in _structs(hint)}


def _structs(hint: Any) -> Iterator[type[Object]]:
    if isinstance(hint, type) and get_origin(hint) is None and issubclass(hint, Object):
        if hint.__module__.startswith("oai.types"):
            yield hint
        return
    for part in get_args(hint):
        if not isinstance(part, str):
            yield from _structs(part)


def type_code(expression: str) -> str:
    """Return a type expression as code, cut if it is long."""
    text = expression.replace("|", "\\|")
    return f"`{text}`" if len(text) <= 120 else f"`{text[:117]}...`"


def linked_code(expression: str) -> str:
    """Return a type expression, followed by links to the structs in it; of many, the first ones."""
    types = sorted(types_in(resolve(expression)))
    links = [f"[{name}](../types/{home}.md#{anchor(home + ' ' + name)})" for home, name in types]
    if len(types) == 1 and expression.endswith(types[0][1]):
        return links[0]
    more = ["..."] if len(links) > MOST_LINKS else []
    return f"`{expression}`" + (f" ({', '.join([*links[:MOST_LINKS], *more])})" if links else "")


def pages() -> dict[str, str]:
    """Return the Markdown pages by file name, without the suffix, for all structs that operations can return."""
    found: dict[tuple[str, str], type[Object]] = {}
    table = shipped_table()
    expressions = [text for row in table.values() for text in (row.response, row.stream) if text]
    expressions += [row.events if isinstance(row, WebSocketRow) else row.response for row in table.helpers.values()]
    waiting = [kind for text in expressions for kind in _structs(resolve(text))]
    while waiting:
        kind = waiting.pop()
        key = home_of(kind), kind.__name__
        if key not in found:
            found[key] = kind
            waiting += [inner for field in msgspec.structs.fields(kind) for inner in _structs(field.type)]
    homes: dict[str, list[type[Object]]] = {}
    for (home, _), kind in sorted(found.items()):
        homes.setdefault(home, []).append(kind)
    written = {home: _page(home, kinds) for home, kinds in homes.items()}
    index = [
        "# Types",
        "",
        "The structs that operations return, by package.",
        "",
        "```{toctree}",
        ":maxdepth: 1",
        "",
        *homes,
        "```",
    ]
    return {"index": "\n".join(index), **written}


def _page(home: str, kinds: list[type[Object]]) -> str:
    lines = [f"# oai.types: {home}", ""]
    for kind in kinds:
        lines += [f"({anchor(home + ' ' + kind.__name__)})=", f"## {kind.__name__}", ""]
        tag = kind.__struct_config__.tag
        if tag is not None:
            lines += [f"`{kind.__struct_config__.tag_field}` is `{tag!r}`.", ""]
        fields = msgspec.structs.fields(kind)
        if fields:
            docs = field_docs(kind.__module__, kind.__name__)
            lines += ["| field | type | |", "|---|---|---|"] if docs else ["| field | type |", "|---|---|"]
            ends = [f" {docs.get(field.name, '')} |" if docs else "" for field in fields]
            lines += [
                f"| `{field.name}` | {_shown(field.type)} |{end}" for field, end in zip(fields, ends, strict=True)
            ]
            lines.append("")
    return "\n".join(lines)


def _shown(hint: Any) -> str:
    text = spell(hint).replace("|", "\\|")
    text = f"`{text}`" if len(text) <= 120 else f"`{text[:117]}...`"
    links = [f"[{name}](../types/{home}.md#{anchor(name)})" for home, name in sorted(types_in(hint))][:MOST_LINKS]
    return f"{text} → {', '.join(links)}" if links else text


def spell(hint: Any) -> str:
    """Return a type as source, without the modules of its names."""
    text = hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)
    return re.sub(r"\b(?:oai|typing|collections)\.(?:\w+\.)*", "", text)
