"""Encode Python values as JSON, for request bodies.

msgspec writes the types that it knows: structs, dataclasses, dicts, dates, enums. `encode_other` converts the rest:
pydantic models to the fields that were set, arrays to lists, iterables to lists of their items. `complete` goes before:
undeclared fields of an `Object` are written like declared ones, so that a result can be sent back complete, and values
of subclasses (`numpy.float64`, `markupsafe.Markup`) like those of the builtin type.
"""

from __future__ import annotations

import datetime as dt
import marshal
import math
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

from oai._json.fields import KEPT, TAG, fields_of
from oai._support.omit import Omit

REFUSED = (TypeError, ValueError)  # of which msgspec.EncodeError and UnicodeEncodeError are subclasses


def encode(value: Any) -> bytes:
    """Return a value as JSON text in UTF-8.

    Raises:
        TypeError: a part of it cannot be encoded; the message contains its path.
        ValueError: it contains NaN, an infinity or a lone surrogate, which JSON does not have, or it is nested too
            deeply, perhaps because it contains itself.
    """
    try:
        if _is_plain(value) and b"null" not in (content := _encoder.encode(value)):  # msgspec would write NaN as null
            return content
        return _encoder.encode(complete(value))
    except REFUSED as error:
        where = _culprit(value)
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{where} cannot be sent as JSON: {error}" if where else str(error)) from None
    except RecursionError:
        where = _deepest(value)
        reason = "it is nested too deeply, or contains itself"
        raise ValueError(f"{where} cannot be sent as JSON: {reason}" if where else f"not JSON: {reason}") from None


def _is_plain(value: Any) -> bool:
    """Return whether a value consists of builtin types alone, which `complete` would not change.

    `marshal` refuses all other types, at any depth, and is some thirty times as fast as a loop in Python.
    """
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def complete(value: Any) -> Any:
    """Return the value with every part replaced that msgspec would encode wrongly or refuse; else the value itself.

    That is an `Object` with undeclared fields, a subclass of a builtin type, an omitted member, a time in UTC.

    Raises:
        ValueError: it contains NaN or an infinity, which msgspec would encode as null.
    """
    kind: Any = type(value)
    return (_COMPLETE.get(kind) or _kind_of(kind))(value)


@lru_cache(maxsize=512)  # bounded, since programs can create classes without limit
def _kind_of(kind: type) -> Callable[[Any], Any]:
    """Return the function that completes values of a class that is not a builtin type."""
    if hasattr(kind, "_untyped"):
        return _complete_object
    if hasattr(kind, "__struct_fields__") or hasattr(kind, "__dataclass_fields__"):
        return _complete_members
    if issubclass(kind, Enum):
        return _unchanged
    return next((function for base, function in _BASES.items() if issubclass(kind, base)), _unchanged)


def _unchanged(value: Any) -> Any:
    return value


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
        return complete(value.to_dict())
    for name, _, default in fields_of(type(value)):
        item = None if default is TAG else getattr(value, name)
        if (item is None and default is KEPT) or complete(item) is not item:
            return complete(value.to_dict())
    return value


def _complete_members(value: Any) -> Any:
    names = value.__struct_fields__ if hasattr(value, "__struct_fields__") else value.__dataclass_fields__
    members = [getattr(value, name, None) for name in names]
    changed = [complete(member) is not member for member in members]
    if not any(changed):
        return value
    kept = (dt.datetime, dt.time)  # to be completed, too
    return complete(msgspec.to_builtins(value, builtin_types=kept, enc_hook=encode_other))


def _utc_offset(value: Any) -> str:
    """Return a time as the official SDK sends it: UTC as `+00:00`, where msgspec writes `Z`."""
    text: str = value.isoformat()
    return text


_COMPLETE: dict[type, Callable[[Any], Any]] = {
    str: _unchanged,  # the most frequent type
    bool: _unchanged,  # a subclass of int, which must not become a number
    int: _unchanged,
    dict: _complete_dict,
    list: _complete_list,
    tuple: _complete_list,
    float: _complete_float,
}

_BASES: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,  # which converts a subclass to the plain type
    int: int.__int__,
    float: lambda value: _complete_float(float.__float__(value)),
    dict: _complete_dict,
    list: _complete_list,
    tuple: _complete_list,
    dt.datetime: _utc_offset,
    dt.time: _utc_offset,
}
"""How values of subclasses are completed, such as `numpy.float64` or the package's own `Text`."""


def encode_other(value: Any) -> Any:
    """Convert a value that msgspec does not know into one that it does."""
    if value is None or isinstance(value, bool):  # only as keys: as Python's own `json` has them
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, type):
        raise TypeError(f"{value.__name__} is a class; pass an instance")
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return complete(dump(mode="json", by_alias=True, exclude_unset=True))
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return complete(to_list())
    if isinstance(value, Mapping):
        return complete(dict(value))
    if isinstance(value, (tuple, frozenset)):  # only as keys; msgspec encodes them elsewhere
        raise TypeError(f"a key of type {type(value).__name__} has no JSON equivalent")
    if isinstance(value, (str, int, float)):  # of a subclass, within a value that another library dumped
        return complete(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, memoryview)):
        return complete(list(value))
    raise TypeError(f"{type(value).__name__} has no JSON equivalent")


_encoder = msgspec.json.Encoder(enc_hook=encode_other)


def _members(value: Any, path: str) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return ((f"{path}.{key}" if path else str(key), item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ((f"{path}[{index}]", item) for index, item in enumerate(value))
    return ()


def _culprit(value: Any, path: str = "") -> str:
    """Return the path of the first value that cannot be encoded, such as `messages[0].content`."""
    for where, item in _members(value, path):
        try:
            _encoder.encode(complete(item))
        except REFUSED:
            return _culprit(item, where) or where
    return path


def _deepest(value: Any) -> str:
    """Return the member that is nested too deeply."""
    for where, item in _members(value, ""):
        try:
            _encoder.encode(complete(item))
        except RecursionError:
            return where
        except REFUSED:
            continue
    return ""
