"""Flatten nested values to the pairs of a query string or a form, as the official SDK does.

Lists repeat `key[]`, objects nest as `key[sub]`, booleans are `true` and `false`, and `None` is left out, since a
query has no null.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from oai._support.omit import Omit, omit


class Repeated(tuple[str, ...]):
    """Values whose name is repeated as it is, whatever the suffix of lists: those of a URL, or already encoded ones."""

    __slots__ = ()


def group(pairs: Iterable[tuple[str, str]]) -> dict[str, str | Repeated]:
    """Return pairs as a mapping, in which `Repeated` holds the values of a name that occurs more than once."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: Repeated(several) if len(several) > 1 else several[0] for name, several in values.items()}


def by_name(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query as a dict, with every value of the `QueryParams` of httpx."""
    pairs = getattr(query, "multi_items", None)
    return dict(query) if pairs is None else {**group(pairs())}


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


def socket_query(
    defaults: Mapping[str, Any], url: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, str | Repeated | Omit]:
    """Return the query of a WebSocket as the official SDK composes it, encoded, with `omit` for names left out.

    The query of the URL overrides the client's defaults, and the parameters of the connection override both by name.
    Unlike those of a request, they send `None` as an empty value, and a list repeats its name without a suffix. The
    result has every name of the client's query, which `prepare` merges it over.
    """
    inherited = {**group(flatten(_without(defaults, params))), **url}
    own = group(flatten({name: _blank_for_none(value) for name, value in params.items()}, ""))
    return {**dict.fromkeys([*defaults, *url], omit), **_without(inherited, params), **own}


def _without(values: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _blank_for_none(value: Any) -> Any:
    """Return a value with empty texts in place of `None`, also in a list."""
    if isinstance(value, (list, tuple)):
        return ["" if item is None else item for item in value]
    return "" if value is None else value


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
        name = key if isinstance(value, Repeated) else f"{key}{list_suffix}"
        for item in value:
            yield from _pairs(name, item, list_suffix)
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
