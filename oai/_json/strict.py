"""msgspec's decoders and conversions, with a lock around the first use of each type.

msgspec (0.22) publishes its description of a struct to other threads before it is complete, and a thread that decodes
with it crashes the process. So the first use of a type happens under `TYPE_LOCK`; `decoder`, `DECODE` and
`convert_strict` take care of it.
"""

from __future__ import annotations

from _thread import RLock  # as in `_client.base`
from collections.abc import Callable
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from oai._json.unions import untagged, untagged_variants

T = TypeVar("T")

TYPE_LOCK = RLock()
"""Held while msgspec inspects a type."""


MOST_TYPES = 2048
"""Types whose decoders are kept: programs can make types without end, such as one for each call of `parse`."""


class _Decoders(dict[Any, msgspec.json.Decoder[Any]]):
    def __missing__(self, kind: Any) -> msgspec.json.Decoder[Any]:
        with TYPE_LOCK:
            type_decoder = self.get(kind)
            if type_decoder is None:
                if len(self) >= MOST_TYPES:
                    self.clear()
                type_decoder = self[kind] = msgspec.json.Decoder(_decodable(kind), dec_hook=_untagged_hook)
        return type_decoder


class _Decode(dict[Any, Callable[[bytes], Any]]):
    def __missing__(self, kind: Any) -> Callable[[bytes], Any]:
        if len(self) >= MOST_TYPES:
            self.clear()
        decode = self[kind] = _decoders[kind].decode
        return decode


_decoders = _Decoders()

DECODE = _Decode()
"""The decode function of each type. It spares a call, a tenth of the time of a small response."""


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a type, which is made once.

    Raises:
        TypeError: msgspec cannot decode it.
    """
    return _decoders[kind]


def convert_strict(kind: type[T], value: Any) -> T:
    """Convert plain data as the type's decoder decodes JSON text.

    Raises:
        msgspec.ValidationError: the data does not fit.
        TypeError: msgspec cannot decode the type.
    """
    _decoders[kind]
    exact: Any = kind
    result: T = msgspec.convert(value, _decodable(exact), dec_hook=_untagged_hook)
    return result


@lru_cache(MOST_TYPES)
def _decodable(kind: Any) -> Any:
    """Return the type, or an `untagged` union for a union that msgspec refuses."""
    if get_origin(kind) in (Union, UnionType):
        try:
            msgspec.json.Decoder(kind, dec_hook=_untagged_hook)
        except TypeError:
            return untagged(*get_args(kind))
    return kind


def _untagged_hook(kind: Any, value: Any) -> Any:
    """Decode an `untagged` union as the first variant that fits exactly; else raise, for the lenient pass."""
    for variant in untagged_variants(kind):
        try:
            return convert_strict(variant, value)
        except msgspec.ValidationError:
            continue
    raise msgspec.ValidationError("no variant of the union fits")
