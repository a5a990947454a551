"""Decode base64 embeddings into lists of numbers, or straight into arrays of 32-bit floats.

In a row, `defaults = { encoding_format = "base64" }` is sent if the caller passes no format, and
`vectors = "data.embedding"` names the place of the vectors. The base64 is a matter of transport, like a content
encoding, so the result has numbers; a caller who requests base64 gets the text that the server sent, and a server that
sends floats all the same gets lists of floats.

A list is what the type declares. An array (the client option `embeddings_as_arrays`) is faster and ten times as small:
a sequence of floats with the buffer protocol, of which `numpy.asarray(item.embedding)` copies nothing.

The fast path decodes into twins of the structs in which the vector is `bytes`, so that msgspec decodes the base64. A
response that does not fit is decoded as usual, and base64 in it is unpacked afterwards. Text that is not base64 of
whole numbers stays as the server sent it, like other data that does not match its type; strict validation rejects it.
"""

from __future__ import annotations

import binascii
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, TypeAlias, get_args

import msgspec

from oai._json.decode import decode
from oai._json.strict import decoder

SIZE = 4
"""Bytes of a number; the API sends them little-endian."""


MIME: Final = str.maketrans("-_", "+/", " \t\r\n")
"""Translates the alphabet for URLs (RFC 4648, section 5), and drops the line breaks of MIME (RFC 2045, section 6.8)."""

Vector: TypeAlias = "list[float] | array[float]"


def decode_unpacked(
    kind: Any,
    content: bytes,
    place: str,
    fallback: Callable[[Any, bytes], Any] = decode,
    *,
    arrays: bool = False,
) -> Any:
    """Decode a response whose vectors, at `list.field`, may be packed.

    Args:
        kind: the type of the response.
        content: its text.
        place: the names of the list and of the field of its items.
        fallback: decodes a response that does not fit the type.
        arrays: whether to make arrays instead of lists.

    Raises:
        msgspec.DecodeError: the text is not JSON.
    """
    items, _, field = place.partition(".")
    try:
        packed = _twin_decoder(kind, items, field).decode(content)
        vectors = [_vector(getattr(item, field), arrays=arrays) for item in getattr(packed, items)]
    except (msgspec.ValidationError, ValueError):
        return _unpack(fallback(kind, content), items, field, arrays=arrays)
    return _as(kind, packed, {items: _items(kind, packed, items, field, vectors)})


def _items(kind: Any, packed: Any, items: str, field: str, vectors: list[Vector]) -> list[Any]:
    item = _item_type(kind, items)
    return [_as(item, twin, {field: vector}) for twin, vector in zip(getattr(packed, items), vectors, strict=True)]


def _as(kind: Any, twin: Any, values: dict[str, Any]) -> Any:
    """Make the struct of a twin, with some of its values replaced."""
    return kind(**{name: values[name] if name in values else getattr(twin, name) for name in kind.__struct_fields__})


def _item_type(kind: Any, items: str) -> Any:
    return next(get_args(member.type)[0] for member in msgspec.structs.fields(kind) if member.name == items)


@lru_cache(64)
def _twin_decoder(kind: Any, items: str, field: str) -> msgspec.json.Decoder[Any]:
    return decoder(_twin(kind, items, list[_twin(_item_type(kind, items), field, bytes)]))  # type: ignore[misc]


def _twin(kind: Any, field: str, changed: Any) -> Any:
    """Return a struct with the same fields, one of them of another type."""
    field_of: Any = msgspec.field  # whose stubs forbid two defaults, although it accepts the marker for none
    fields = [
        (
            member.name,
            changed if member.name == field else member.type,
            field_of(default=member.default, default_factory=member.default_factory, name=member.encode_name),
        )
        for member in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(kind.__name__, fields, forbid_unknown_fields=True, kw_only=True)


def _unpack(result: Any, items: str, field: str, *, arrays: bool) -> Any:
    """Unpack base64 vectors in a response that was decoded as usual."""
    listed = getattr(result, items, None)
    for item in listed if isinstance(listed, list) else ():
        text = getattr(item, field, None)
        if isinstance(text, str):
            try:
                setattr(item, field, _vector(_from_base64(text), arrays=arrays))
            except ValueError:  # which binascii.Error is
                continue
    return result


def without_packed(value: Any, place: str) -> Any:
    """Return plain data with an empty list for each packed vector; text that is not one stays."""
    items, _, field = place.partition(".")
    for item in value.get(items, ()) if isinstance(value, dict) else ():
        if isinstance(item, dict) and isinstance(text := item.get(field), str):
            with suppress(ValueError):
                _vector(_from_base64(text), arrays=True)
                item[field] = []
    return value


def _from_base64(text: str) -> bytes:
    """Decode base64 as servers write it: with line breaks, in either alphabet, with or without padding.

    Raises:
        ValueError: it is not base64.
    """
    plain = text.translate(MIME).rstrip("=")
    return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True) if plain else b""


def _vector(data: bytes, *, arrays: bool) -> Vector:
    """Return packed numbers as a list or an array.

    Raises:
        ValueError: they are truncated.
    """
    if len(data) % SIZE:
        raise ValueError(f"{len(data)} bytes are not a whole number of 32-bit floats")
    vector = array("f", data)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector if arrays else vector.tolist()
