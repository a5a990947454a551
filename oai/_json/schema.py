"""Descriptions of the structs: `model_fields` and `model_json_schema`."""

from __future__ import annotations

from typing import Any

import msgspec

from oai._json.fields import KEPT, REQUIRED, TAG, fields_of
from oai._json.strict import TYPE_LOCK
from oai._json.unions import untagged_variants


class FieldInfo(msgspec.Struct, frozen=True):
    """A declared field, as an entry of `model_fields` describes it."""

    annotation: Any
    default: Any = None
    alias: str | None = None
    required: bool = False

    def is_required(self) -> bool:
        """Return whether the field has no default."""
        return self.required


def model_fields(cls: Any) -> dict[str, FieldInfo]:
    """Return the declared fields by name."""
    types = {field.name: field.type for field in msgspec.structs.fields(cls)}
    fields = {}
    for name, wire, default in fields_of(cls):
        required = default is REQUIRED or default is TAG
        kind = cls.__annotations__.get(name, str) if default is TAG else types[name]
        value = None if required or default is KEPT else default
        fields[name] = FieldInfo(kind, value, None if wire == name else wire, required)
    return fields


def json_schema(cls: Any) -> dict[str, Any]:
    """Return the JSON schema of a struct in pydantic's form: the struct itself on top, all others in `$defs`."""
    with TYPE_LOCK:
        (top,), definitions = msgspec.json.schema_components([cls], schema_hook=_union, ref_template="#/$defs/{name}")
    name = str(top.get("$ref", "")).removeprefix("#/$defs/")
    for definition in definitions.values():
        _open(definition)
    own = definitions.get(name, top)
    used = {key: value for key, value in definitions.items() if key != name or _refers(definitions, name)}
    return {**own, **({"$defs": used} if used else {})}


def _union(kind: Any) -> dict[str, Any]:
    """Describe an `untagged` union, which msgspec does not know, by the names of its variants alone."""
    if not untagged_variants(kind):
        raise NotImplementedError
    names = (getattr(variant, "__name__", str(variant)) for variant in untagged_variants(kind))
    return {"description": f"One of: {', '.join(names)}."}


def _open(definition: dict[str, Any]) -> None:
    if text := definition.pop("description", "").partition("Attributes:\n")[0].strip():
        definition["description"] = text
    if definition.get("additionalProperties") is False:
        definition["additionalProperties"] = True  # undeclared fields are kept


def _refers(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return value.get("$ref") == f"#/$defs/{name}" or any(_refers(item, name) for item in value.values())
    return isinstance(value, list) and any(_refers(item, name) for item in value)
