"""Vectors that came as base64 because we asked for it: to arrays of 32-bit floats, with no Python float in between.

A row says with `defaults = { encoding_format = "base64" }` what is sent where the caller says nothing, and with
`vectors = "data.embedding"` where the vectors are then to be found. Decided so: the base64 is a matter of transport,
like a content encoding, so `to_dict()` gives the numbers; a caller who asks for base64 gets text, as the server sent
it; a server that sends floats though base64 was asked for gives lists of floats. The array is a sequence of floats
and has the buffer protocol: `numpy.asarray(item.embedding)` copies nothing.

The quick way decodes the answer into twins of its structs in which the vector is `bytes`: msgspec then decodes the
base64 itself. What does not fit goes the usual way, and what is base64 in it is unpacked afterwards.
"""

from __future__ import annotations

import binascii
import sys
from array import array
from functools import cache
from typing import Any, get_args

import msgspec

from oai._json.decode import decode
from oai._json.strict import decoder

SIZE = 4
"""Bytes of a number, little-endian as the API has them."""


def decode_unpacked(kind: Any, content: bytes, place: str) -> Any:
    """Decode an answer whose vectors, at `list.field`, may be packed.

    Raises:
        msgspec.DecodeError: the text is not JSON.
    """
    items, _, field = place.partition(".")
    try:
        packed = _twin_decoder(kind, items, field).decode(content)
        vectors = [_array(getattr(item, field)) for item in getattr(packed, items)]
    except (msgspec.ValidationError, ValueError):
        return _unpack(decode(kind, content), items, field)
    return _as(kind, packed, {items: _items(kind, packed, items, field, vectors)})


def _items(kind: Any, packed: Any, items: str, field: str, vectors: list[array[float]]) -> list[Any]:
    item = _item_type(kind, items)
    return [_as(item, each, {field: vector}) for each, vector in zip(getattr(packed, items), vectors, strict=True)]


def _as(kind: Any, twin: Any, values: dict[str, Any]) -> Any:
    """Make the struct that a twin stands for, with some of its values replaced."""
    return kind(**{name: values[name] if name in values else getattr(twin, name) for name in kind.__struct_fields__})


def _item_type(kind: Any, items: str) -> Any:
    return next(get_args(each.type)[0] for each in msgspec.structs.fields(kind) if each.name == items)


@cache
def _twin_decoder(kind: Any, items: str, field: str) -> msgspec.json.Decoder[Any]:
    return decoder(_twin(kind, items, list[_twin(_item_type(kind, items), field, bytes)]))  # type: ignore[misc]


def _twin(kind: Any, field: str, changed: Any) -> Any:
    """Return a struct with the fields of another, one of them of another type."""
    field_of: Any = msgspec.field  # which its types let have one default only, though it takes what says "none"
    fields = [
        (
            each.name,
            changed if each.name == field else each.type,
            field_of(default=each.default, default_factory=each.default_factory, name=each.encode_name),
        )
        for each in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(kind.__name__, fields, forbid_unknown_fields=True, kw_only=True)


def _unpack(answer: Any, items: str, field: str) -> Any:
    """Unpack what is base64 in an answer that came another way."""
    found = getattr(answer, items, None)
    for item in found if isinstance(found, list) else ():
        text = getattr(item, field, None)
        if isinstance(text, str):
            try:
                setattr(item, field, _array(binascii.a2b_base64(text, strict_mode=True)))
            except ValueError:  # binascii's own error is one
                continue
    return answer


def _array(data: bytes) -> array[float]:
    """Return packed numbers as an array.

    Raises:
        ValueError: they are cut short.
    """
    if not data or len(data) % SIZE:
        raise ValueError(f"{len(data)} bytes are no whole number of 32-bit floats")
    vector = array("f", data)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
