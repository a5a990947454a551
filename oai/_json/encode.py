"""Encode Python values as JSON, for request bodies.

msgspec writes the types that it knows: structs, dataclasses, dicts, dates, enums. `encode_other` converts the rest:
pydantic models to the fields that were set, arrays to lists, iterables to lists of their items. Undeclared fields of
an `Object` are written like declared ones, so that a result can be sent back complete.
"""

from __future__ import annotations

import marshal
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from oai._support.omit import Omit

REFUSED = (TypeError, UnicodeEncodeError, msgspec.EncodeError)


def encode(value: Any) -> bytes:
    """Return a value as JSON text in UTF-8.

    Raises:
        TypeError: a part of it cannot be encoded; the message contains its path.
        ValueError: it contains NaN, an infinity or a lone surrogate, which JSON does not have.
    """
    try:
        if _is_plain(value) and b"null" not in (content := _encoder.encode(value)):  # as which msgspec would write NaN
            return content
        return _encoder.encode(complete(value))
    except REFUSED as error:
        where = _culprit(value)
        kind = ValueError if isinstance(error, UnicodeEncodeError) else TypeError
        raise kind(f"{where} cannot be sent as JSON: {error}" if where else str(error)) from None


def _is_plain(value: Any) -> bool:
    """Tell whether a value consists of builtin types alone, which `complete` would not change.

    `marshal` refuses all other types, at any depth, and is some thirty times as fast as a loop in Python.
    """
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def complete(value: Any) -> Any:
    """Return the value with every `Object` that has undeclared fields as a plain dict; else the value itself."""
    complete_kind = _COMPLETE.get(type(value))
    if complete_kind is not None:
        return complete_kind(value)
    return _complete_object(value) if hasattr(type(value), "_untyped") else value


def _complete_dict(value: dict[Any, Any]) -> Any:
    for item in value.values():
        if item.__class__ is Omit or complete(item) is not item:
            return {name: complete(other) for name, other in value.items() if other.__class__ is not Omit}
    return value


def _complete_list(value: Any) -> Any:
    for item in value:
        if complete(item) is not item:
            return [complete(other) for other in value]
    return value


def _complete_float(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number; pass None or omit the parameter")
    return value


def _complete_object(value: Any) -> Any:
    if value.__dict__:
        return value.to_dict()
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if complete(item) is not item:
            return value.to_dict()
    return value


_COMPLETE: dict[type, Callable[[Any], Any]] = {
    str: lambda value: value,  # the most frequent type
    dict: _complete_dict,
    list: _complete_list,
    tuple: _complete_list,
    float: _complete_float,
}


def encode_other(value: Any) -> Any:
    """Convert a value that msgspec does not know into one that it does."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True, exclude_unset=True)
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return to_list()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (tuple, frozenset)):  # only as keys; msgspec encodes them elsewhere
        raise TypeError(f"JSON has no keys of type {type(value).__name__}")
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return complete(list(value))
    raise TypeError(f"JSON has no equivalent of {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=encode_other)


def _culprit(value: Any, path: str = "") -> str:
    """Return the path of the first value that cannot be encoded, such as `messages[0].content`."""
    items: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        items = ((f"{path}.{key}" if path else str(key), item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    for where, item in items:
        try:
            _encoder.encode(item)
        except REFUSED:
            return _culprit(item, where) or where
    return path
