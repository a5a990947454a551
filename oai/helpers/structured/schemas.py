"""Types to strict JSON schemas and back: what structured outputs and function tools are made of.

The API's strict mode takes a part of JSON schema: every object closed, every property required, no tuples, no
free-form dicts, few constraints. `strict` brings a schema into that form: what only narrows is left out (it still
holds when the answer is decoded), what cannot be said is an error that names the field.
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
    "prefixItems": "a tuple of fixed places; use a class, or a list",
    "patternProperties": "names by a pattern; use a list of pairs",
    "not": "an exclusion",
    "if": "a condition",
}
"""Keywords that shape a value and that strict mode has no word for."""

JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class Format:
    """A type that the model answers in: its name, its schema, and how text becomes a value of it."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.name = clean_name(getattr(kind, "__name__", None) or str(kind))
        self._decoder: Any = None

    def schema(self, *, strictly: bool = True) -> dict[str, Any]:
        """Return the JSON schema, an object at its root.

        Raises:
            TypeError: the type has no schema, or none that strict mode can express; the message names the field.
        """
        found = _schema(self.kind)
        return strict(found, self.name) if strictly else _open_root(found)

    def decode(self, text: str) -> Any:
        """Return the value that the model's text means.

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
    """Return the format of a type, made once."""
    return Format(kind)


def clean_name(name: str) -> str:
    """Return the nearest name that the API takes for a schema or a function."""
    return NAME.sub("_", name)[:LONGEST_NAME]


def is_pydantic_model(kind: Any) -> bool:
    """Tell whether a type is a model of pydantic, which only then is imported."""
    return isinstance(kind, type) and callable(getattr(kind, "model_json_schema", None))


def _is_of_pydantic(kind: Any) -> bool:
    return is_pydantic_model(kind) or hasattr(kind, "__pydantic_validator__")


def _decoder(kind: Any) -> Any:
    if _is_of_pydantic(kind):
        return _adapter(kind).validate_json
    with TYPE_LOCK:
        return msgspec.json.Decoder(kind, dec_hook=_decode_other).decode


def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # the type is one of pydantic's, so that it is loaded

    return TypeAdapter(kind)


def _decode_other(kind: Any, value: Any) -> Any:
    """Decode a model of pydantic that is a field of another type."""
    if _is_of_pydantic(kind):
        return _adapter(kind).validate_python(value)
    raise NotImplementedError(f"{kind} cannot be decoded")


def _schema_of_other(kind: Any) -> dict[str, Any]:
    if _is_of_pydantic(kind):
        schema: dict[str, Any] = _adapter(kind).json_schema()
        return schema
    raise NotImplementedError(f"{kind} has no JSON schema")


def _schema(kind: Any) -> dict[str, Any]:
    if _is_of_pydantic(kind):
        return _schema_of_other(kind)
    try:
        schema = msgspec.json.schema(kind, schema_hook=_schema_of_other)
    except (TypeError, NotImplementedError, NameError) as error:
        raise TypeError(f"{_culprit(kind)} has no JSON schema: {error}") from error
    for each in _typed_dicts(kind, set()):
        found = schema.get("$defs", {}).get(each.__name__, {})
        if found.get("properties", {}).keys() == each.__annotations__.keys():
            # msgspec sorts the keys of a TypedDict, but the model writes them in the schema's order
            found["properties"] = {name: found["properties"][name] for name in each.__annotations__}
    return schema


def _typed_dicts(kind: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield the TypedDicts within a type."""
    if not isinstance(kind, type) or typing.get_args(kind):
        for each in typing.get_args(kind):
            yield from _typed_dicts(each, seen)
    elif kind not in seen and kind.__module__ != "builtins":
        seen.add(kind)
        if typing.is_typeddict(kind):
            yield kind
        for each in _hints(kind).values():
            yield from _typed_dicts(each, seen)


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind)
    except (NameError, TypeError):
        return {}


def _culprit(kind: Any) -> str:
    """Return the name of the field of a type that has no schema, or of the type itself."""
    name = getattr(kind, "__name__", str(kind))
    for field, hint in _hints(kind).items():
        try:
            msgspec.json.schema(hint, schema_hook=_schema_of_other)
        except (TypeError, NotImplementedError, NameError):
            return f"{name}.{field}"
    return name


def strict(schema: dict[str, Any], name: str = "the schema") -> dict[str, Any]:
    """Return a schema in the form of the API's strict mode; the given one stays as it is.

    Raises:
        TypeError: strict mode has no word for something in it; the message says for what, and where it is.
    """
    return _Strict(_open_root(deepcopy(schema)), name).result()


def _open_root(schema: dict[str, Any]) -> dict[str, Any]:
    """Put the definition that is the root in the root's place."""
    schema = _lift_definitions(schema)
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref.startswith("#/$defs/"):
        defs = schema["$defs"]
        root = {**defs[ref.removeprefix("#/$defs/")], **{k: v for k, v in schema.items() if k not in ("$ref", "$defs")}}
        return {**deepcopy(root), "$defs": defs}
    return schema


def _lift_definitions(schema: dict[str, Any]) -> dict[str, Any]:
    """Move the definitions that stand within (of pydantic's models in other types) to the root.

    Where two of a name differ, those that come later get names of their own.
    """
    given: dict[str, Any] = {}
    lifted: dict[str, Any] = {}

    def walk(node: Any, refs: dict[str, str]) -> Any:
        if isinstance(node, list):
            return [walk(each, refs) for each in node]
        if not isinstance(node, dict):
            return refs.get(node, node) if isinstance(node, str) else node
        if isinstance(node.get("$defs"), dict):
            names = _free_names(node["$defs"], given)
            given.update({names[name]: each for name, each in node["$defs"].items()})
            refs = {f"#/$defs/{name}": f"#/$defs/{new}" for name, new in names.items()}
            lifted.update({names[name]: walk(each, refs) for name, each in node["$defs"].items()})
            node = {key: value for key, value in node.items() if key != "$defs"}
        return {key: walk(value, refs) for key, value in node.items()}

    root = walk(schema, {})
    return {**root, "$defs": lifted} if lifted else root


def _free_names(definitions: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    """Return for each definition its name, or another where any of the names is taken by something else."""
    if all(given.get(name, each) == each for name, each in definitions.items()):
        return {name: name for name in definitions}
    free: dict[str, str] = {}
    for name in definitions:
        numbers = (f"{name}_{number}" for number in count(2))
        free[name] = next(each for each in numbers if each not in given and each not in definitions)
    return free


class _Strict:
    """One schema on its way into strict form."""

    def __init__(self, schema: dict[str, Any], name: str) -> None:
        self.defs: dict[str, Any] = schema.pop("$defs", {})
        self.schema = schema
        self.name = name
        self.within: list[str] = []
        """The definitions whose content stands in their place, and is being looked at."""

    def result(self) -> dict[str, Any]:
        root = self.node(self.schema, self.name)
        if root.get("type") != "object":
            raise TypeError(f"{self.name} is no object, which the root of a strict schema must be; put it in a class")
        defs = {name: self.node(each, name) for name, each in self.defs.items()}
        needed = _referenced(root, defs)
        if needed:
            root["$defs"] = {name: each for name, each in defs.items() if name in needed}
        return root

    def node(self, schema: Any, where: str) -> dict[str, Any]:
        depth = len(self.within)
        try:
            return self._node(self.flattened(dict(schema) if isinstance(schema, dict) else {}), where)
        finally:
            del self.within[depth:]

    def _node(self, schema: dict[str, Any], where: str) -> dict[str, Any]:
        for key, what in IMPOSSIBLE.items():
            if schema.get(key):
                raise self.wrong(where, what)
        kept = {key: value for key, value in schema.items() if key in KEPT}
        if kept.get("format") not in FORMATS:
            kept.pop("format", None)
        if not kept.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
            raise self.wrong(where, "any value at all; say which type it has")
        if "enum" in kept or "const" in kept:
            kept.setdefault("type", _type_of(kept.get("enum", [kept.get("const")])))
        if "anyOf" in kept:
            kept["anyOf"] = [self.node(each, where) for each in kept["anyOf"]]
        if kept.get("type") == "array":
            kept["items"] = self.node(kept.get("items"), f"{where}[]")
        if kept.get("type") == "object":
            self.close(kept, where)
        return kept

    def flattened(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Say `oneOf` as `anyOf`, and put what stands beside siblings that it may not have in their place."""
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
        if isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
            schema = {**schema.pop("allOf")[0], **schema}
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref not in self.within and schema.keys() & KEPT - {"$ref", "title"}:
            self.within.append(ref)  # within itself it is referred to: what is said beside that is left out
            target = self.defs.get(ref.removeprefix("#/$defs/"), {})
            schema = {**deepcopy(target), **{key: value for key, value in schema.items() if key != "$ref"}}
        elif isinstance(ref, str):
            schema = {"$ref": ref}
        return schema

    def close(self, schema: dict[str, Any], where: str) -> None:
        properties = schema.get("properties", {})
        if not properties and schema.get("additionalProperties", False) is not False:
            raise self.wrong(where, "a dict of any keys; list the keys in a class, or use a list of pairs")
        schema["properties"] = {name: self.node(each, f"{where}.{name}") for name, each in properties.items()}
        schema["required"] = list(properties)
        schema["additionalProperties"] = False

    def wrong(self, where: str, what: str) -> TypeError:
        return TypeError(f"{where}: strict mode has no word for {what}. A schema of your own is sent as it is.")


def _type_of(values: list[Any]) -> Any:
    names = list(dict.fromkeys(JSON_TYPES.get(type(value), "string") for value in values))
    return names[0] if len(names) == 1 else names


def _referenced(root: Any, defs: dict[str, Any]) -> set[str]:
    """Return the definitions that can be reached from a node."""
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            if name in defs and name not in found:
                found.add(name)
                walk(defs[name])
            for each in node.values():
                walk(each)

    walk(root)
    return found
