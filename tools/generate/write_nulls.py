"""`oai/_json/kept_nulls.py`: fields of results that requests must repeat even if they are null.

The official SDK has a default for such a field, so that its types do not show that the specification requires it, and a
null that was decoded cannot be told from a missing field. The types of the responses are compared with their schemas,
step by step; an object counts if requests take one with its tag, or as a part of such an object.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from oai._json.fields import class_name
from oai._json.unions import untagged_variants
from oai._openapi.document import Document
from oai._support.plain_data import as_dict, as_list
from oai._table.load import shipped_table
from oai._table.operation import Operation
from tools.generate.pin import ROOT
from tools.generate.table import place

FILE = ROOT / "oai" / "_json" / "kept_nulls.py"

OTHERS = {"chat.structs.ChatCompletionMessage": {"content"}}
"""Fields of objects without a tag that requests take: without `content` some servers refuse a message."""

RECEIVED = ("beta.threads.runs.",)
"""Packages of objects that requests do not take, although one with the same tag and fields is in a request."""

HEAD = '''"""Optional fields of objects that programs send back whose null is kept, by the class.

The specification requires them in requests, although the official SDK has a default for them: a server refuses a
message without `content`, even if it is null.

Written by `python -m tools.generate nulls`.
"""

from __future__ import annotations

from typing import Final

KEPT_NULLS: Final[dict[str, set[str]]] = {
'''


def kept_nulls(document: Document) -> dict[str, set[str]]:
    """Return the fields by the name of their class."""
    walk = _Walk(document)
    table = shipped_table()
    described = {place(each.method, each.path): each for each in document.operations()}
    for name, row in table.items():
        operation = described.get(place(row.method, row.path))
        if operation is None:
            continue
        for kind, schema in operation.responses.items():
            stream = kind == "text/event-stream"
            of_row = Operation(name, row)
            walk.compare(of_row.stream_type if stream else of_row.response_type, schema)
    found = {name: fields for name, fields in walk.found.items() if not name.startswith(RECEIVED)}
    return {**found, **OTHERS}


def source(found: dict[str, set[str]]) -> str:
    """Return the text of the module."""
    lines = [f'    "{name}": {{{_quoted(found[name])}}},\n' for name in sorted(found)]
    return HEAD + "".join(lines) + "}\n"


def _quoted(names: set[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


def write_nulls(document: Document) -> int:
    """Write the module; return the number of classes."""
    found = kept_nulls(document)
    FILE.write_text(source(found))
    return len(found)


class _Walk:
    """Compare types with schemas, each pair once."""

    def __init__(self, document: Document) -> None:
        self.found: dict[str, set[str]] = {}
        self._document = document
        self._seen: set[tuple[Any, str, bool]] = set()
        bodies = [schema for operation in document.operations() for schema in operation.bodies.values()]
        self._sent_tags = set(_constants(document, bodies))

    def compare(self, kind: Any, schema: dict[str, Any], *, is_sent: bool = False) -> None:
        """Compare a type with its schema; `is_sent` for a part of an object that requests take."""
        step = kind, str(schema.get("$ref", "")), is_sent
        if step[1] and step in self._seen:
            return
        self._seen.add(step)
        node = self._document.resolve(schema)
        for variant in _variants(kind):
            if get_origin(variant) is list:
                self._compare_items(get_args(variant)[0], node, is_sent)
            elif hasattr(get_origin(variant) or variant, "__struct_fields__"):
                self._compare_struct(variant, schema, is_sent)

    def _compare_items(self, kind: Any, node: dict[str, Any], is_sent: bool) -> None:
        for variant in _flat(self._document, node):
            if "items" in variant:
                self.compare(kind, as_dict(variant["items"]), is_sent=is_sent)

    def _compare_struct(self, kind: Any, schema: dict[str, Any], is_sent: bool) -> None:
        cls = get_origin(kind) or kind
        is_sent = is_sent or cls.__struct_config__.tag in self._sent_tags
        for node in filter(partial(self._fits, kind), _objects(self._document, schema)):
            properties, required = self._document.properties(node)
            for field in msgspec.structs.fields(kind):
                name = field.encode_name
                if name not in properties:
                    continue
                self.compare(field.type, properties[name], is_sent=is_sent)
                if is_sent and field.default is None and name in required and self._is_nullable(properties[name]):
                    self.found.setdefault(class_name(cls), set()).add(name)

    def _fits(self, kind: Any, node: dict[str, Any]) -> bool:
        """Return whether a struct is that of a schema: by its tag, or by most of its fields."""
        config = (get_origin(kind) or kind).__struct_config__
        properties, _ = self._document.properties(node)
        if config.tag_field is not None:
            tag = self._document.resolve(properties.get(config.tag_field))
            return config.tag in (tag.get("const"), *as_list(tag.get("enum")))
        names = {field.encode_name for field in msgspec.structs.fields(kind)}
        return 2 * len(names & properties.keys()) > max(len(names), len(properties))

    def _is_nullable(self, schema: dict[str, Any]) -> bool:
        return any(
            node.get("nullable") or "null" in (node.get("type"), *as_list(node.get("type")))
            for node in _flat(self._document, schema)
        )


def _variants(kind: Any) -> Iterator[Any]:
    """Yield the types that a type consists of, as far as they are lists or structs."""
    variants = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else untagged_variants(kind)
    if get_origin(kind) is Annotated:
        variants = get_args(kind)[:1]
    if not variants:
        yield kind
    for variant in variants:
        yield from _variants(variant)


def _flat(document: Document, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and its variants."""
    node = document.resolve(schema)
    yield node
    for key in ("anyOf", "oneOf", "allOf"):
        for variant in as_list(node.get(key)):
            yield from _flat(document, as_dict(variant))


def _objects(document: Document, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the variants that are objects."""
    node = document.resolve(schema)
    variants = [*as_list(node.get("anyOf")), *as_list(node.get("oneOf"))]
    if not variants or "properties" in node:
        yield node
    for variant in variants:
        yield from _objects(document, as_dict(variant))


def _constants(document: Document, schemas: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the constants of `type` that can be reached from schemas."""
    seen: set[str] = set()
    queue: list[Any] = [*schemas]
    while queue:
        node = queue.pop()
        if isinstance(node, list):
            queue += node
        if not isinstance(node, dict):
            continue
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            seen.add(reference)
            queue.append(document.resolve(node))
        tag = document.resolve(as_dict(node.get("properties")).get("type"))
        yield from (value for value in (tag.get("const"), *as_list(tag.get("enum"))) if isinstance(value, str))
        queue += node.values()
