"""msgspec's decoders and conversions, each type made known to it by one thread at a time.

msgspec (0.22) shows its description of a struct to other threads before that is whole, and a thread that decodes by
it then crashes the process. So whatever has msgspec look at a type for the first time does so below `TYPE_LOCK`; who
goes through `decoder`, `DECODE` or `convert_strict` has that done.
"""

from __future__ import annotations

from _thread import RLock  # as in `_client.base`
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from oai._json.unions import untagged, untagged_variants

T = TypeVar("T")

TYPE_LOCK = RLock()
"""Held while msgspec looks at a type."""


class _Decoders(dict[Any, msgspec.json.Decoder[Any]]):
    def __missing__(self, kind: Any) -> msgspec.json.Decoder[Any]:
        with TYPE_LOCK:
            found = self.get(kind)
            if found is None:
                found = self[kind] = msgspec.json.Decoder(_decodable(kind), dec_hook=_untagged_hook)
        return found


class _Decode(dict[Any, Callable[[bytes], Any]]):
    def __missing__(self, kind: Any) -> Callable[[bytes], Any]:
        found = self[kind] = _decoders[kind].decode
        return found


_decoders = _Decoders()

DECODE = _Decode()
"""What decodes JSON text as each type. A small answer takes half a microsecond, of which a step more is a tenth."""


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a type, made once.

    Raises:
        TypeError: msgspec cannot decode it.
    """
    return _decoders[kind]


def convert_strict(kind: type[T], value: Any) -> T:
    """Do for plain data what a type's decoder does for JSON text.

    Raises:
        msgspec.ValidationError: it does not fit.
        TypeError: msgspec cannot decode the type.
    """
    _decoders[kind]
    exact: Any = kind
    found: T = msgspec.convert(value, _decodable(exact), dec_hook=_untagged_hook)
    return found


@cache
def _decodable(kind: Any) -> Any:
    """Return the type itself, or a union that msgspec refuses as one that is tried variant by variant."""
    if get_origin(kind) in (Union, UnionType):
        try:
            msgspec.json.Decoder(kind, dec_hook=_untagged_hook)
        except TypeError:
            return untagged(*get_args(kind))
    return kind


def _untagged_hook(kind: Any, value: Any) -> Any:
    """Decode an `untagged` union: the first variant that fits exactly, else a mismatch for the lenient way."""
    for variant in untagged_variants(kind):
        try:
            return convert_strict(variant, value)
        except msgspec.ValidationError:
            continue
    raise msgspec.ValidationError("no variant of the union fits")
