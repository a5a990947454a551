"""Convert types to strict JSON schemas, and JSON text to values of those types.

The API's strict mode accepts a subset of JSON Schema: closed objects whose properties are all required, no tuples, no
free-form dicts, few constraints. `strict` converts a schema to that subset. It drops constraints, which still hold
when the output is decoded; a part that strict mode cannot express is an error that names the field.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from itertools import count
from typing import Any

import msgspec

from oai._json.strict import TYPE_LOCK
from oai._support.typed_dict import is_typed_dict

NAME = re.compile(r"[^a-zA-Z0-9_-]")
LONGEST_NAME = 64

KEPT = frozenset({
    *("$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "format", "items", "pattern"),
    *("properties", "required", "title", "type", "multipleOf", "maximum", "exclusiveMaximum", "minimum"),
    *("exclusiveMinimum", "minItems", "maxItems"),
})  # fmt: skip
"""The keywords of strict mode."""

FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})

IMPOSSIBLE = {
    "prefixItems": "a tuple; use a class or a list",
    "patternProperties": "property names by pattern; use a list of pairs",
    "not": "an exclusion",
    "if": "a condition",
}
"""Keywords that strict mode lacks and that cannot be dropped, since they change which values are valid."""

JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class Format:
    """A type of a model's output: its name, its schema and its decoder."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.name = clean_name(getattr(kind, "__name__", None) or str(kind))
        self._decoder: Any = None

    def schema(self, *, strictly: bool = True) -> dict[str, Any]:
        """Return the JSON schema, an object at its root.

        Raises:
            TypeError: the type has no (strict) schema; the message names the field.
        """
        schema = _schema(self.kind)
        return strict(schema, self.name) if strictly else _inline_root(schema)

    def decode(self, text: str) -> Any:
        """Parse the model's text.

        Raises:
            ValueError: the text is not JSON, or does not fit the type.
        """
        if is_pydantic_model(self.kind):
            return self.kind.model_validate_json(text)
        if self._decoder is None:
            self._decoder = _decoder(self.kind)
        return self._decoder(text)


@cache
def format_of(kind: Any) -> Format:
    """Return the format of a type; the same object for each call."""
    return Format(kind)


def clean_name(name: str) -> str:
    """Replace characters that the API rejects in the name of a schema or function, and limit its length."""
    return NAME.sub("_", name)[:LONGEST_NAME]


def is_pydantic_model(kind: Any) -> bool:
    """Return whether a type is a pydantic model, without importing pydantic."""
    return isinstance(kind, type) and callable(getattr(kind, "model_json_schema", None))


def _is_pydantic_type(kind: Any) -> bool:
    return is_pydantic_model(kind) or hasattr(kind, "__pydantic_validator__")


def _decoder(kind: Any) -> Any:
    if _is_pydantic_type(kind):
        return _adapter(kind).validate_json
    with TYPE_LOCK:
        return msgspec.json.Decoder(kind, dec_hook=_decode_other).decode


def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # already loaded, since the type is one of pydantic's

    return TypeAdapter(kind)


def _decode_other(kind: Any, value: Any) -> Any:
    """Decode a pydantic model that is a field of another type."""
    if _is_pydantic_type(kind):
        return _adapter(kind).validate_python(value)
    raise NotImplementedError(f"{kind} cannot be decoded")


def _schema_of_other(kind: Any) -> dict[str, Any]:
    if _is_pydantic_type(kind):
        schema: dict[str, Any] = _adapter(kind).json_schema()
        return schema
    raise NotImplementedError(f"{kind} has no JSON schema")


def _schema(kind: Any) -> dict[str, Any]:
    if _is_pydantic_type(kind):
        return _schema_of_other(kind)
    try:
        schema = msgspec.json.schema(kind, schema_hook=_schema_of_other)
    except (TypeError, NotImplementedError, NameError) as error:
        raise TypeError(f"{_culprit(kind)} has no JSON schema: {error}") from error
    for typed_dict in _typed_dicts(kind, set()):
        definition = schema.get("$defs", {}).get(typed_dict.__name__, {})
        if definition.get("properties", {}).keys() == typed_dict.__annotations__.keys():
            # msgspec sorts the keys of a TypedDict, but the model writes them in the schema's order
            definition["properties"] = {name: definition["properties"][name] for name in typed_dict.__annotations__}
    return schema


def _typed_dicts(kind: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield the TypedDicts in a type."""
    if not isinstance(kind, type) or typing.get_args(kind):
        for argument in typing.get_args(kind):
            yield from _typed_dicts(argument, seen)
    elif kind not in seen and kind.__module__ != "builtins":
        seen.add(kind)
        if is_typed_dict(kind):
            yield kind
        for hint in _hints(kind).values():
            yield from _typed_dicts(hint, seen)


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind)
    except (NameError, TypeError):
        return {}


def _culprit(kind: Any) -> str:
    """Return the name of the first field without a schema, or of the type itself."""
    name = getattr(kind, "__name__", str(kind))
    for field, hint in _hints(kind).items():
        try:
            msgspec.json.schema(hint, schema_hook=_schema_of_other)
        except (TypeError, NotImplementedError, NameError):
            return f"{name}.{field}"
    return name


def strict(schema: dict[str, Any], name: str = "the schema") -> dict[str, Any]:
    """Return a copy of a schema in the form of the API's strict mode.

    Raises:
        TypeError: strict mode cannot express a part of the schema; the message names the part.
    """
    return _Strict(_inline_root(deepcopy(schema)), name).result()


def _inline_root(schema: dict[str, Any]) -> dict[str, Any]:
    """Replace a root that is a `$ref` by its definition."""
    schema = _lift_definitions(schema)
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref.startswith("#/$defs/"):
        defs = schema["$defs"]
        root = {**defs[ref.removeprefix("#/$defs/")], **{k: v for k, v in schema.items() if k not in ("$ref", "$defs")}}
        return {**deepcopy(root), "$defs": defs}
    return schema


def _lift_definitions(schema: dict[str, Any]) -> dict[str, Any]:
    """Move nested definitions (of pydantic models in other types) to the root.

    Definitions of the same name that differ from an earlier one are renamed.
    """
    originals: dict[str, Any] = {}
    lifted: dict[str, Any] = {}

    def walk(node: Any, refs: dict[str, str]) -> Any:
        if isinstance(node, list):
            return [walk(item, refs) for item in node]
        if not isinstance(node, dict):
            return refs.get(node, node) if isinstance(node, str) else node
        if isinstance(node.get("$defs"), dict):
            names = _free_names(node["$defs"], originals)
            originals.update({names[name]: definition for name, definition in node["$defs"].items()})
            refs = {f"#/$defs/{name}": f"#/$defs/{new}" for name, new in names.items()}
            lifted.update({names[name]: walk(definition, refs) for name, definition in node["$defs"].items()})
            node = {key: value for key, value in node.items() if key != "$defs"}
        return {key: walk(value, refs) for key, value in node.items()}

    root = walk(schema, {})
    return {**root, "$defs": lifted} if lifted else root


def _free_names(definitions: dict[str, Any], originals: dict[str, Any]) -> dict[str, str]:
    """Return a name for each definition: its own, or new ones for all if any name is taken by another definition."""
    if all(originals.get(name, definition) == definition for name, definition in definitions.items()):
        return {name: name for name in definitions}
    free: dict[str, str] = {}
    for name in definitions:
        candidates = (f"{name}_{number}" for number in count(2))
        free[name] = next(new for new in candidates if new not in originals and new not in definitions)
    return free


class _Strict:
    """The conversion of one schema to strict form."""

    def __init__(self, schema: dict[str, Any], name: str) -> None:
        self.defs: dict[str, Any] = schema.pop("$defs", {})
        self.schema = schema
        self.name = name
        self.within: list[str] = []
        """References that are being inlined; guards against recursion."""

    def result(self) -> dict[str, Any]:
        root = self.node(self.schema, self.name)
        if root.get("type") != "object":
            raise TypeError(f"{self.name} is not an object, as the root of a strict schema must be; make it a field")
        defs = {name: self.node(definition, name) for name, definition in self.defs.items()}
        needed = _referenced(root, defs)
        if needed:
            root["$defs"] = {name: definition for name, definition in defs.items() if name in needed}
        return root

    def node(self, schema: Any, where: str) -> dict[str, Any]:
        depth = len(self.within)
        try:
            return self._node(self.flattened(dict(schema) if isinstance(schema, dict) else {}), where)
        finally:
            del self.within[depth:]

    def _node(self, schema: dict[str, Any], where: str) -> dict[str, Any]:
        for key, problem in IMPOSSIBLE.items():
            if schema.get(key):
                raise self.error(where, problem)
        kept = {key: value for key, value in schema.items() if key in KEPT}
        if kept.get("format") not in FORMATS:
            kept.pop("format", None)
        if not kept.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
            raise self.error(where, "a value of any type; declare its type")
        if "enum" in kept or "const" in kept:
            kept.setdefault("type", _type_of(kept.get("enum", [kept.get("const")])))
        if "anyOf" in kept:
            kept["anyOf"] = [self.node(variant, where) for variant in kept["anyOf"]]
        if kept.get("type") == "array":
            kept["items"] = self.node(kept.get("items"), f"{where}[]")
        if kept.get("type") == "object":
            self.close(kept, where)
        return kept

    def flattened(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Convert `oneOf` to `anyOf`, and inline references that have siblings, which strict mode forbids."""
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
        if isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
            schema = {**schema.pop("allOf")[0], **schema}
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref not in self.within and schema.keys() & KEPT - {"$ref", "title"}:
            self.within.append(ref)  # a recursive reference stays a reference and loses its siblings
            target = self.defs.get(ref.removeprefix("#/$defs/"), {})
            schema = {**deepcopy(target), **{key: value for key, value in schema.items() if key != "$ref"}}
        elif isinstance(ref, str):
            schema = {"$ref": ref}
        return schema

    def close(self, schema: dict[str, Any], where: str) -> None:
        properties = schema.get("properties", {})
        if not properties and schema.get("additionalProperties", False) is not False:
            raise self.error(where, "a dict with arbitrary keys; declare the keys in a class, or use a list of pairs")
        schema["properties"] = {name: self.node(value, f"{where}.{name}") for name, value in properties.items()}
        schema["required"] = list(properties)
        schema["additionalProperties"] = False

    def error(self, where: str, problem: str) -> TypeError:
        return TypeError(f"{where}: strict mode does not support {problem}. A schema passed as a dict is sent as is.")


def _type_of(values: list[Any]) -> Any:
    names = list(dict.fromkeys(JSON_TYPES.get(type(value), "string") for value in values))
    return names[0] if len(names) == 1 else names


def _referenced(root: Any, defs: dict[str, Any]) -> set[str]:
    """Return the names of the definitions reachable from a node."""
    names: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            if name in defs and name not in names:
                names.add(name)
                walk(defs[name])
            for value in node.values():
                walk(value)

    walk(root)
    return names
