"""Flatten nested values to the pairs of a query string or a form, as the official SDK does.

Lists repeat `key[]`, objects nest as `key[sub]`, booleans are `true` and `false`, and `None` is left out, since a
query has no null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from oai._support.omit import Omit


def flatten(values: Mapping[str, Any], list_suffix: str = "[]") -> Iterator[tuple[str, str]]:
    """Yield the flat pairs of nested values; items of a list have `list_suffix` after their name.

    Raises:
        TypeError: a value has a type that cannot be encoded, such as `bytes`.
    """
    for key, value in values.items():
        yield from _pairs(key, value, list_suffix)


def query_string(values: Mapping[str, Any], list_suffix: str = "[]") -> str:
    """Return nested values as a query string, percent-encoded, without the question mark."""
    from urllib.parse import urlencode  # a large module, which `_request.config` avoids too

    return urlencode(list(flatten(values, list_suffix)))


class Querystring:
    """`client.qs` of the official SDK: `stringify` encodes a query as requests do."""

    def stringify(self, params: Mapping[str, Any]) -> str:
        """Return nested values as a query string."""
        return query_string(params)

    def stringify_items(self, params: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return nested values as flat pairs."""
        return list(flatten(params))


def _pairs(key: str, value: Any, list_suffix: str) -> Iterator[tuple[str, str]]:
    if value is None or isinstance(value, Omit):
        return
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        yield key, "true" if value else "false"
    elif isinstance(value, (str, int, float)):
        yield key, str(value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _pairs(f"{key}[{name}]", item, list_suffix)
    elif (plain := _plain(value)) is not value:
        yield from _pairs(key, plain, list_suffix)
    elif isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, memoryview)):
        for item in value:
            yield from _pairs(f"{key}{list_suffix}", item, list_suffix)
    else:
        raise TypeError(f"`{key}` is of type {type(value).__name__}, which cannot be sent in a query or a form")


def _plain(value: Any) -> Any:
    """Return models as mappings, and dates, UUIDs and other single values as the text that the official SDK sends."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True, exclude_unset=True)
    if hasattr(value, "__struct_fields__") or (hasattr(value, "__dataclass_fields__") and not isinstance(value, type)):
        import msgspec

        return msgspec.to_builtins(value)
    return str(value) if isinstance(value, _text_types()) else value


@cache
def _text_types() -> tuple[type, ...]:
    """Return the types of single values; their modules are imported only when a value of another type is sent."""
    from datetime import date, time, timedelta
    from decimal import Decimal
    from pathlib import PurePath
    from uuid import UUID

    return date, time, timedelta, Decimal, PurePath, UUID
