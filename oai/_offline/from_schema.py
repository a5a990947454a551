"""Invent data that fits a JSON schema, as a model would return for structured outputs or the arguments of a function.

It covers the subset of JSON schema used for those, and returns the same data for the same schema. Other constraints
(`pattern`, `not`) are ignored.
"""

from __future__ import annotations

from typing import Any

from oai._offline.words import WORDS
from oai._support.plain_data import as_dict, as_list

DEEPEST = 6
"""The nesting depth from which optional parts are left out, so that a recursive schema ends."""

FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "PT1S",
    "email": WORDS["email"],
    "hostname": "example.invalid",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "00:00:00Z",
    "uri": WORDS["url"],
    "uuid": "00000000-0000-4000-8000-000000000000",
}
"""Texts by `format`."""


def from_schema(schema: Any, root: Any = None, name: str = "", depth: int = 0) -> Any:
    """Make data that a JSON schema allows.

    Args:
        schema: the schema.
        root: the schema that `$ref`s refer to; the schema itself by default.
        name: the name of the property that holds the data.
        depth: the number of enclosing objects and lists.
    """
    root = schema if root is None else root
    schema = _resolved(schema, root)
    if words := [schema["const"]] if "const" in schema else schema.get("enum"):
        return words[0]
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        return from_schema(_choose(variants, root, depth), root, name, depth)
    kind = schema.get("type") or next((kind for word, kind in _TELLING.items() if word in schema), "string")
    if isinstance(kind, list):
        kind = "null" if depth > DEEPEST and "null" in kind else next((each for each in kind if each != "null"), "null")
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        return _array(schema, root, name, depth)
    if kind in ("integer", "number"):
        return _number(schema)
    return None if kind == "null" else kind != "boolean" and _text(schema, name)


_TELLING = {"properties": "object", "additionalProperties": "object", "items": "array", "minimum": "number"}
"""The type of a schema without a `type`, by the first of these keywords that it has."""


def _resolved(schema: Any, root: Any) -> dict[str, Any]:
    """Return a schema with its `$ref` and `allOf` merged into one object."""
    resolved = dict(as_dict(schema))
    for _ in range(DEEPEST):
        if "$ref" in resolved:
            resolved = {**_referred(str(resolved.pop("$ref")), root), **resolved}
    for each in as_list(resolved.pop("allOf", None)):
        inner = _resolved(each, root)
        merged = {**as_dict(resolved.get("properties")), **as_dict(inner.get("properties"))}
        required = [*as_list(resolved.get("required")), *as_list(inner.get("required"))]
        resolved = {**resolved, **inner, **({"properties": merged, "required": required} if merged else {})}
    return resolved


def _referred(reference: str, root: Any) -> dict[str, Any]:
    """Follow a JSON pointer (RFC 6901) in the form of a fragment."""
    target = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        target = as_dict(target).get(step.replace("~1", "/").replace("~0", "~")) if step else target
    return as_dict(target)


def _choose(variants: list[Any], root: Any, depth: int) -> Any:
    """Take the first variant that is not null; beyond `DEEPEST` one that ends the recursion."""
    nulls = [each for each in variants if _resolved(each, root).get("type") == "null"]
    others = [each for each in variants if each not in nulls] or variants
    leaves = [each for each in others if _resolved(each, root).get("type") not in ("object", "array")]
    return [*nulls, *leaves, *others][0] if depth > DEEPEST else others[0]


def _object(schema: dict[str, Any], root: Any, depth: int) -> dict[str, Any]:
    properties = as_dict(schema.get("properties"))
    required = set(as_list(schema.get("required")))
    return {
        name: from_schema(each, root, name, depth + 1)
        for name, each in properties.items()
        if name in required or depth < DEEPEST
    }


def _array(schema: dict[str, Any], root: Any, name: str, depth: int) -> list[Any]:
    fixed = [from_schema(each, root, name, depth + 1) for each in as_list(schema.get("prefixItems"))]
    least = schema.get("minItems", 0 if depth > DEEPEST or fixed else 1)
    count = min(max(least, 0), schema.get("maxItems", least)) - len(fixed)
    return fixed + [from_schema(schema.get("items", {}), root, name, depth + 1) for _ in range(count)]


def _number(schema: dict[str, Any]) -> float:
    step = schema.get("multipleOf") or 1
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is None and above is not None:
        low = above + step
    if high is None and below is not None:
        high = below - step
    number = 0 if low is None else -(-low // step) * step
    number = number if high is None else min(number, high // step * step)
    if schema.get("type") == "number" and low is not None and high is not None and not low <= number <= high:
        number = (low + high) / 2
    return int(number) if number == int(number) else number


def _text(schema: dict[str, Any], name: str) -> str:
    text = FORMATS.get(str(schema.get("format")), WORDS.get(name, "offline"))
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]
