"""Convert types to JSON schemas, and JSON text to values of those types.

msgspec does both for structs, dataclasses, TypedDicts and functions, pydantic for its models, and for dataclasses and
functions that msgspec cannot describe because of models in them. `strict_mode` has the rules of the API's strict mode.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from oai._http.foreign_types import is_pydantic_model
from oai._json.encode import encode
from oai._json.strict import TYPE_LOCK
from oai._support.typed_dict import is_typed_dict
from oai.helpers.structured.strict_mode import inline_root, strict

NAME = re.compile(r"[^a-zA-Z0-9_-]")
LONGEST_NAME = 64

TIMES = {dt.datetime: "date-time", dt.time: "time"}
"""Formats that msgspec leaves out, since it takes values without a time zone, which the formats of RFC 3339 exclude."""

MOST_FORMATS = 256
"""How many formats are kept. Programs that make a class for each call (`pydantic.create_model`) must not grow."""


class Format:
    """A type of a model's output: its name, its schema and its decoder."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.name = clean_name(getattr(kind, "__name__", None) or str(kind))
        self._decoder: Any = None
        self._schemas: dict[bool, bytes] = {}

    def schema(self, *, strictly: bool = True) -> dict[str, Any]:
        """Return the JSON schema, an object at its root. It belongs to the caller, who may change it.

        Raises:
            TypeError: the type has no (strict) schema; the message names the field.
        """
        text = self._schemas.get(strictly)
        if text is None:
            schema = _schema(self.kind)
            text = encode(strict(schema, self.name) if strictly else inline_root(schema))
            self._schemas[strictly] = text  # as text, since decoding is a hundred times as fast as making it again
        copy: dict[str, Any] = msgspec.json.decode(text)
        return copy

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

    def decode_lax(self, text: str) -> Any:
        """Parse the text of a model that writes "3" or 3.0 for a 3, or "true" for true, as pydantic does.

        Raises:
            ValueError: the text is not JSON, or does not fit the type.
        """
        try:
            return self.decode(text)
        except msgspec.ValidationError:
            with TYPE_LOCK:
                return msgspec.json.decode(text, type=self.kind, strict=False, dec_hook=_decode_other)


def format_of(kind: Any) -> Format:
    """Return the format of a type, the same object for recent types."""
    try:
        return _format_of(kind)
    except TypeError:  # unhashable, such as `Annotated` with a list
        return Format(kind)


@lru_cache(MOST_FORMATS)
def _format_of(kind: Any) -> Format:
    return Format(kind)


def clean_name(name: str) -> str:
    """Replace characters that the API rejects in the name of a schema or function, and limit its length."""
    return NAME.sub("_", name)[:LONGEST_NAME]


def _is_pydantic_type(kind: Any) -> bool:
    return is_pydantic_model(kind) or hasattr(kind, "__pydantic_validator__")


def _decoder(kind: Any) -> Any:
    if _is_pydantic_type(kind):
        return _adapter(kind).validate_json
    with TYPE_LOCK:
        try:
            return msgspec.json.Decoder(kind, dec_hook=_decode_other).decode
        except TypeError:
            adapter = _adapter_instead(kind)
            if adapter is None:
                raise
            return adapter.validate_json


def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # already loaded, since the type is one of pydantic's

    return TypeAdapter(kind)


def _adapter_instead(kind: Any) -> Any:
    """Return pydantic's adapter of a type that msgspec does not support, `None` if pydantic does not either.

    msgspec takes one custom type in a union, so that a union of models, with a discriminator or without, is pydantic's.
    """
    if "pydantic" not in sys.modules or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return None
    if is_typed_dict(kind):
        from typing_extensions import TypedDict  # the one that pydantic takes before Python 3.12

        fields = {name: _requirement(kind, name) for name in kind.__annotations__}
        kind = TypedDict(kind.__name__, fields)  # type: ignore[misc, no-redef]  # made at run time
    try:
        return _adapter(kind)
    except Exception:  # noqa: BLE001 - msgspec's error is raised then, which names the field
        return None


def _requirement(kind: Any, name: str) -> Any:
    from pydantic import Field

    hint = typing.get_type_hints(kind, include_extras=True)[name]
    descriptions = [meta.description for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    if descriptions:
        hint = typing.Annotated[hint, Field(description=descriptions[-1])]
    return hint if name in kind.__required_keys__ else typing.NotRequired[hint]


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
        adapter = _adapter_instead(kind)
        if adapter is not None:
            return dict(adapter.json_schema())
        raise TypeError(f"{_culprit(kind)} has no JSON schema: {error}") from error
    for cls in _classes(kind, set()):
        definition = schema.get("$defs", {}).get(cls.__name__, {})
        properties = definition.get("properties", {})
        if is_typed_dict(cls) and properties.keys() == cls.__annotations__.keys():
            # msgspec sorts the keys of a TypedDict, but the model writes them in the schema's order
            definition["properties"] = {name: properties[name] for name in cls.__annotations__}
        names = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)) if _is_struct(cls) else {}
        for name, hint in _hints(cls).items():
            _add_formats(properties.get(names.get(name, name)), hint)
    return schema


def _is_struct(cls: Any) -> bool:
    return issubclass(cls, msgspec.Struct)


def _add_formats(node: Any, hint: Any) -> None:
    """Add the formats of times to the schema of a field."""
    if not isinstance(node, dict):
        return
    hint = getattr(hint, "__value__", hint)  # of a `type` statement
    if isinstance(hint, type) and hint in TIMES:
        node.setdefault("format", TIMES[hint])
    arguments = typing.get_args(hint)
    for time, name in TIMES.items():
        if time in arguments:
            for variant in node.get("anyOf", ()):
                if variant.get("type") == "string":
                    variant.setdefault("format", name)
    for inner in ("items", "additionalProperties"):
        if arguments and inner in node:
            _add_formats(node[inner], arguments[0 if inner == "items" else -1])


def _classes(kind: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield the structs, dataclasses and TypedDicts in a type."""
    kind = getattr(kind, "__value__", kind)  # of a `type` statement
    if not isinstance(kind, type) or typing.get_args(kind):
        for argument in typing.get_args(kind):
            yield from _classes(argument, seen)
    elif kind not in seen and kind.__module__ != "builtins":
        seen.add(kind)
        yield kind
        for hint in _hints(kind).values():
            yield from _classes(hint, seen)


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
