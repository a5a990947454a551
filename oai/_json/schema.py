"""JSON schemas of the structs, for `model_json_schema`."""

from __future__ import annotations

from typing import Any

import msgspec

from oai._json.strict import TYPE_LOCK
from oai._json.unions import untagged_variants


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
    if definition.get("additionalProperties") is False:
        definition["additionalProperties"] = True  # undeclared fields are kept


def _refers(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return value.get("$ref") == f"#/$defs/{name}" or any(_refers(item, name) for item in value.values())
    return isinstance(value, list) and any(_refers(item, name) for item in value)
