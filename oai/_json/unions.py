"""Unions that msgspec does not decode by itself, and the attribute names that `Object` reserves.

The decoders (`strict`, `lenient`) and the structs that they decode into (`objects`) both build on this module.
"""

from __future__ import annotations

from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

SHADOWED = "_shadowed"
"""The attribute for unknown fields whose names would hide a method or another attribute of the class."""

ABSENT = "_absent"
"""The attribute for the names in JSON of required fields, and of the tag, that the server did not send."""

NULLS = "_nulls"
"""The attribute for the names in JSON of optional fields that the server sent as null."""

RESERVED = frozenset({"_request_id", "_response", "_more", "_page_query", "_parsed", SHADOWED, ABSENT, NULLS})
"""Names in an object's `__dict__` that the package sets, not the server."""


class _Untagged(type):
    """The type of `untagged` unions. Anything counts as an instance, because decoding checks the variants."""

    __variants__: tuple[Any, ...]

    def __instancecheck__(cls, instance: object) -> bool:
        return True

    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Return the schema of the plain union, whose variants pydantic tries in turn."""
        del source
        return handler.generate_schema(Union[cls.__variants__])  # noqa: UP007 - of a tuple


def untagged(*variants: Any) -> Any:
    """Make a type for a union without a tag field, which msgspec refuses to decode.

    The decoders try the variants in order and take the first that fits, strictly, then leniently.
    For type checkers, declare the plain union under `if TYPE_CHECKING`.
    """
    return _Untagged("Untagged", (), {"__variants__": variants})


def untagged_variants(kind: Any) -> tuple[Any, ...]:
    """Return the variants of an `untagged` union, or an empty tuple for any other type."""
    return kind.__variants__ if isinstance(kind, _Untagged) else ()


@lru_cache(256)
def tag_fields(kind: Any) -> frozenset[str]:
    """Return the tag fields of a struct, or of the structs in a union."""
    variants = get_args(kind) if get_origin(kind) in (Union, UnionType) else untagged_variants(kind) or (kind,)
    configs = [variant.__struct_config__ for variant in variants if hasattr(variant, "__struct_config__")]
    return frozenset(config.tag_field for config in configs if config.tag_field is not None)
