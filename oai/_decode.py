"""JSON to structs: strictly first, leniently where that fails, never losing what came.

The strict way is one msgspec decode into exact structs. A mismatch of any kind sends the document the lenient
way (`_lenient`), which types what fits and keeps the rest as it is. Only text that is not JSON fails.
This module knows types and bytes, not HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from oai._object import untagged, untagged_variants

MOST_LOGGED = 1000
"""Shapes that are told apart in the log; a server that varies without end does not fill the memory."""

_logged: set[tuple[str, str]] = set()


def decode(kind: Any, data: bytes) -> Any:
    """Decode JSON text as `kind`, a struct or any other type expression.

    Raises:
        msgspec.DecodeError: the text is not JSON. The shape of what it says never raises.
    """
    try:
        return _strictly[kind](data)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, msgspec.json.decode(data), mismatch)
    except UnicodeDecodeError:
        return lenient(kind, msgspec.json.decode(data.decode(errors="replace")))


def convert(kind: Any, value: Any) -> Any:
    """Do for plain data what `decode` does for JSON text."""
    try:
        return msgspec.convert(value, decodable(kind), dec_hook=untagged_hook)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, value, mismatch)


@cache
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the strict decoder of a type, made once."""
    return msgspec.json.Decoder(decodable(kind), dec_hook=untagged_hook)


class _Strictly(dict[Any, Callable[[bytes], Any]]):
    """What decodes each type strictly. A small answer takes half a microsecond, of which each step more is a tenth."""

    def __missing__(self, kind: Any) -> Callable[[bytes], Any]:
        found = self[kind] = decoder(kind).decode
        return found


_strictly = _Strictly()


@cache
def decodable(kind: Any) -> Any:
    """Return the type itself, or a union that msgspec refuses as one that is tried variant by variant."""
    if get_origin(kind) in (Union, UnionType):
        try:
            msgspec.json.Decoder(kind, dec_hook=untagged_hook)
        except TypeError:
            return untagged(*get_args(kind))
    return kind


def untagged_hook(kind: Any, value: Any) -> Any:
    """Decode an `untagged` union: the first variant that fits exactly, else a mismatch for the lenient way."""
    for variant in untagged_variants(kind):
        try:
            return msgspec.convert(value, variant, dec_hook=untagged_hook)
        except msgspec.ValidationError:
            continue
    raise msgspec.ValidationError("no variant of the union fits")


def lenient(kind: Any, value: Any, mismatch: Exception | None = None) -> Any:
    """Build a value from plain data that does not fit its type, and log once per shape that it does not."""
    import logging

    from oai._lenient import build

    log = logging.getLogger("oai")
    seen = (str(kind), str(mismatch))
    if seen not in _logged and log.isEnabledFor(logging.DEBUG) and len(_logged) < MOST_LOGGED:
        _logged.add(seen)
        name = kind.__name__ if isinstance(kind, type) else kind
        log.debug("an answer differs from %s and was decoded leniently: %s", name, mismatch)
    return build(kind, value)
