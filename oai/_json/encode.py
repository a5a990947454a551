"""Python values to JSON bytes, for request bodies.

msgspec writes what it knows: structs, dataclasses, dicts, dates, enums. What it refuses goes through
`encode_other`: pydantic models by what was set in them, arrays by their lists, iterables by their items.
Unknown fields that an `Object` carries are written like declared ones, so that an answer can be sent back whole.
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
        TypeError: something in it has no form in JSON; the message says where it stands.
        ValueError: a number in it is NaN or infinite, or a text has a lone surrogate, which JSON does not have.
    """
    try:
        if _is_plain(value) and b"null" not in (content := _encoder.encode(value)):  # as msgspec would write NaN
            return content
        return _encoder.encode(complete(value))
    except REFUSED as error:
        where = _culprit(value)
        kind = ValueError if isinstance(error, UnicodeEncodeError) else TypeError
        raise kind(f"{where} cannot be sent as JSON: {error}" if where else str(error)) from None


def _is_plain(value: Any) -> bool:
    """Tell whether a value is made of the interpreter's own types alone, in which nothing is left to complete.

    `marshal` refuses all other types, at any depth, and looks at thousands of values in the time of a hundred here.
    """
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def complete(value: Any) -> Any:
    """Return the value with every `Object` that carries unknown fields as a plain dict; else the value itself."""
    complete_kind = _COMPLETE.get(type(value))
    if complete_kind is not None:
        return complete_kind(value)
    return _complete_object(value) if hasattr(type(value), "_untyped") else value


def _complete_dict(value: dict[Any, Any]) -> Any:
    for item in value.values():
        if item.__class__ is Omit or complete(item) is not item:
            return {name: complete(each) for name, each in value.items() if each.__class__ is not Omit}
    return value


def _complete_list(value: Any) -> Any:
    for item in value:
        if complete(item) is not item:
            return [complete(each) for each in value]
    return value


def _complete_float(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that JSON has; send None, or leave the parameter out")
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
    str: lambda value: value,  # most values are text and go through here quickest
    dict: _complete_dict,
    list: _complete_list,
    tuple: _complete_list,
    float: _complete_float,
}


def encode_other(value: Any) -> Any:
    """Turn a value that msgspec does not know into one that it does."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True, exclude_unset=True)
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return to_list()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (tuple, frozenset)):  # elsewhere msgspec knows them
        raise TypeError(f"a key of type {type(value).__name__} has no form in JSON")
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return complete(list(value))
    raise TypeError(f"{type(value).__name__} has no form in JSON")


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
