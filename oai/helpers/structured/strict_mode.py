"""Convert JSON schemas to the form of the API's strict mode.

Strict mode demands closed objects whose properties are all required, and references without siblings. What can be
rewritten is rewritten; everything else in a schema (limits, formats, defaults, titles, custom keys) is sent unchanged,
as by the official SDK. A part that strict mode rejects is an error that names the field, since the API's own message
comes late and names no class.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import Any

REJECTED = {
    "prefixItems": "a tuple; use a class or a list",
    "patternProperties": "property names by pattern; use a list of pairs",
    "propertyNames": "a dict with arbitrary keys; declare the keys in a class, or use a list of pairs",
    "allOf": "an intersection (allOf)",
    "not": "an exclusion (not)",
    "if": "a condition (if)",
    "dependentRequired": "dependent fields",
    "dependentSchemas": "dependent fields",
}
"""Keywords that strict mode rejects. They cannot be dropped, since they change which values are valid."""

JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def strict(schema: dict[str, Any], name: str = "the schema") -> dict[str, Any]:
    """Return a copy of a schema in the form of the API's strict mode.

    Raises:
        TypeError: strict mode rejects a part of the schema; the message names the part.
    """
    return _Strict(inline_root(deepcopy(schema)), name).result()


def inline_root(schema: dict[str, Any]) -> dict[str, Any]:
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
            raise self.error(self.name, "a root that is not an object; make it a field of a class")
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
        for key, problem in REJECTED.items():
            if schema.get(key):
                raise self.error(where, problem)
        if not schema.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
            raise self.error(where, "a value of any type; declare its type")
        if "type" not in schema and ("enum" in schema or "const" in schema):
            kinds = {JSON_TYPES.get(type(value), "string") for value in schema.get("enum", [schema.get("const")])}
            if len(kinds) == 1:
                schema["type"] = kinds.pop()
        if schema.get("format") == "decimal":
            del schema["format"]  # msgspec's own, which JSON Schema does not have
        if "anyOf" in schema:
            schema["anyOf"] = [self.node(variant, where) for variant in schema["anyOf"]]
        if schema.get("type") == "array":
            schema["items"] = self.node(schema.get("items"), f"{where}[]")
        if schema.get("type") == "object":
            self.close(schema, where)
        return schema

    def flattened(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Convert `oneOf` to `anyOf`, drop null defaults, and inline references with siblings."""
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
        if "anyOf" in schema:
            schema.pop("discriminator", None)  # a keyword of OpenAPI, which repeats the `const` of each variant
        if isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
            schema = {**schema.pop("allOf")[0], **schema}
        if "default" in schema and schema["default"] is None:
            del schema["default"]
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref not in self.within and len(schema) > 1:
            self.within.append(ref)  # a recursive reference stays a reference and loses its siblings
            target = self.defs.get(ref.removeprefix("#/$defs/"), {})
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            return self.flattened({**deepcopy(target), **siblings})
        return {"$ref": ref} if isinstance(ref, str) else schema

    def close(self, schema: dict[str, Any], where: str) -> None:
        properties = schema.get("properties", {})
        if not properties and ("properties" not in schema or schema.get("additionalProperties", False) is not False):
            raise self.error(where, "a dict with arbitrary keys; declare the keys in a class, or use a list of pairs")
        schema["properties"] = {name: self.node(value, f"{where}.{name}") for name, value in properties.items()}
        schema["required"] = list(properties)
        schema["additionalProperties"] = False

    def error(self, where: str, problem: str) -> TypeError:
        return TypeError(
            f"{where}: strict mode does not support {problem}. Use strict=False to send the schema as it is."
        )


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
