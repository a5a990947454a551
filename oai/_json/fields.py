"""The fields of objects of the API: their names, their defaults, and which of them were set.

A field counts as set if the server sent it, null included. An object remembers in `ABSENT` and `NULLS` what its values
do not show, if it was decoded leniently; a strict decode has every required field, and of a whole response the text is
still there (`source`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from oai._json.kept_nulls import KEPT_NULLS
from oai._json.unions import ABSENT, NULLS, SHADOWED

REQUIRED = msgspec.NODEFAULT
TAG: Any = object()
"""The default of a tag field, which is not a field of the struct."""

KEPT: Any = object()
"""The default of an optional field whose null is dumped like that of a required one; see `kept_nulls`."""


def class_name(cls: type) -> str:
    """Return the name of a class with its module below `oai.types`."""
    return f"{cls.__module__}.{cls.__qualname__}".removeprefix("oai.types.")


def fields_of(cls: Any) -> tuple[tuple[str, str, Any], ...]:
    """Return name, name in JSON and default of each field of a struct, first of its tag field; made once per class."""
    fields: tuple[tuple[str, str, Any], ...] | None = cls.__dict__.get("_fields")
    if fields is None:
        names, defaults = cls.__struct_fields__, cls.__struct_defaults__
        values = tuple(default.factory() if hasattr(default, "factory") else default for default in defaults)
        padded = (REQUIRED,) * (len(names) - len(values)) + values
        kept = {wire for base in cls.__mro__ for wire in KEPT_NULLS.get(class_name(base), ())}
        if kept:
            wires = cls.__struct_encode_fields__
            padded = tuple(KEPT if wire in kept else default for wire, default in zip(wires, padded, strict=True))
        tag = cls.__struct_config__.tag_field
        fields = (() if tag is None else ((tag, tag, TAG),)) + tuple(
            zip(names, cls.__struct_encode_fields__, padded, strict=True)
        )
        cls._fields = fields  # on the class rather than in a cache, which would keep classes alive
    return fields


def extra_of(value: Any) -> dict[str, Any]:
    """Return the undeclared fields of an object; of an object of another type than its tag says, the tag as well.

    Attributes with a leading underscore that a program or the package set are private, as pydantic has it: no fields.
    """
    extra = {name: item for name, item in value.__dict__.items() if name[:1] != "_"}
    return {**extra, **value.__dict__.get(SHADOWED, {})}


def members_of(value: Any) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield name, name in JSON, default and value of the tag, the declared fields and the undeclared fields."""
    cls = type(value)
    extra = extra_of(value) if value.__dict__ else {}
    for name, wire, default in fields_of(cls):
        if default is TAG:
            yield name, wire, default, extra.pop(name, cls.__struct_config__.tag)
        else:
            yield name, wire, default, getattr(value, name)
    for name, item in extra.items():
        yield name, name, REQUIRED, item


def shown_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield name in JSON and value of what is worth showing: fields that are not null, and `parsed` and the like."""
    for _, wire, _, item in members_of(value):
        if item is not None:
            yield wire, item
    for name in type(value)._computed:  # noqa: SLF001 - see `Object`
        if (item := getattr(value, name)) is not None:
            yield name, item


def is_set(value: Any, wire: str, item: Any, default: Any, source: Any = None) -> bool:
    """Return whether the server sent a field, or the program set it.

    Args:
        value: the object.
        wire: the name of the field in JSON.
        item: the value of the field.
        default: its default, `REQUIRED` or `TAG`.
        source: the JSON object that the value was decoded from, as plain data, if it is known.
    """
    if source is not None and wire in source:
        return True
    if default is TAG or (item is None and default in (REQUIRED, KEPT)):
        return source is None and wire not in value.__dict__.get(ABSENT, ())
    if item is not default:
        return source is None or default in (None, REQUIRED, KEPT) or item != default
    return wire in value.__dict__.get(NULLS, ())
