"""Generate arguments for any operation from the type expressions of its row and the TypedDicts that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import IO, Any, Literal, Required, Union, get_args, get_origin, get_type_hints

import msgspec

from oai._support.file_types import File
from oai._support.typed_dict import is_typed_dict
from oai._table.rows import Row
from oai._table.type_expressions import resolve

DEEPEST = 4
"""Depth down to which optional keys are filled; below it, only required ones."""

FLOOR = 9
"""Depth down to which lists have items; recursive types end here."""

KNOWN: dict[str, Any] = {
    "chunk_overlap_tokens": 400,
    "compact_threshold": 2000,
    "idle_timeout_ms": 6000,
    "item": {"a key": "a value"},
    "max_chunk_size_tokens": 800,
    "max_completion_tokens": 1000,
    "max_output_tokens": 1000,
    "max_prompt_tokens": 1000,
    "metadata": {"a key": "a value"},
    "parameters": {"type": "object"},
    "include": "item.input_audio_transcription.logprobs",
    "seconds": 3600,
    "tunnel_id": "tunnel_" + 32 * "0",
}
"""Values by parameter name for numbers, texts and `Any`: the API has rules that types do not express."""

ONLY_ONE = ("vector_store_ids", "vector_stores")
"""Lists that may have only one item; all others get two."""

LISTS = (Iterable, Sequence, list)


@dataclass(frozen=True)
class Mode:
    """Which parameters to fill: all or only required ones, and with which variant of each union."""

    name: str
    everything: bool
    variant: int


MODES = (
    Mode("what is required", everything=False, variant=0),
    Mode("everything", everything=True, variant=0),
    Mode("everything, second variants", everything=True, variant=1),
    Mode("everything, last variants", everything=True, variant=-1),
)


def arguments(row: Row, mode: Mode) -> dict[str, Any]:
    """Return keyword arguments for a call of a row's operation."""
    arguments: dict[str, Any] = {name: f"{name} of 1/2" for name in row.path_params}
    for name, expression in (row.params or {}).items():
        if mode.everything or not expression.endswith("?"):
            arguments[name] = build(expression.removesuffix("?"), mode, name)
    return arguments


def build(expression: str, mode: Mode, name: str = "") -> Any:
    """Return a value of a row's type expression."""
    # The table's `File` means anything where types are looked up; here it is the type that parameters have.
    return _Maker(mode).of(resolve(re.sub(r"(?<![\w.])File\b", "oai._support.file_types.File", expression)), name, 0)


@cache
def hints(kind: Any) -> dict[str, Any]:
    """Return the keys of a TypedDict with their types, and the required ones."""
    return get_type_hints(kind, include_extras=True)


@dataclass
class _Maker:
    mode: Mode

    def of(self, kind: Any, name: str, depth: int) -> Any:
        """Return a value of a type."""
        origin, inner = get_origin(kind), get_args(kind)
        if origin is Required:
            return self.of(inner[0], name, depth)
        if origin is Literal:
            return self._one(inner)
        if origin in (Union, UnionType):
            return self._union(inner, name, depth)
        if origin in LISTS:
            items = [] if depth > FLOOR else [self.of(inner[0], name, depth + 1)]
            return items if name in ONLY_ONE else items * 2
        if origin is dict:
            return {"a key": self.of(inner[1], name, depth + 1)}
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._struct(kind, depth)
        return self._typed_dict(kind, depth) if is_typed_dict(kind) else self._plain(kind, name)

    def _one(self, values: Sequence[Any]) -> Any:
        return values[self.mode.variant % len(values)]

    def _union(self, variants: Sequence[Any], name: str, depth: int) -> Any:
        if set(get_args(File)) <= set(variants):
            variants = [IO, *(each for each in variants if each not in get_args(File))]
        if depth > FLOOR:  # what does not hold itself
            variants = [each for each in variants if each is NoneType] or variants
        return self.of(self._one(variants), name, depth)

    def _plain(self, kind: Any, name: str) -> Any:
        plain: dict[Any, Any] = {
            Any: "anything",
            IO: ("a file.txt", b"content", "text/plain"),
            NoneType: None,
            bool: True,
            bytes: b"bytes",
            dict: {"a key": "a value"},
            float: 0.5,
            int: 3,
            str: f"some {name or 'text'}",
        }
        known = KNOWN.get(name)
        return known if known is not None and kind in (Any, type(known)) else plain[kind]

    def _typed_dict(self, kind: Any, depth: int) -> dict[str, Any]:
        return {
            key: self.of(hint, key, depth + 1)
            for key, hint in hints(kind).items()
            if key in kind.__required_keys__ or (self.mode.everything and depth < DEEPEST)
        }

    def _struct(self, kind: type[msgspec.Struct], depth: int) -> dict[str, Any]:
        config = kind.__struct_config__
        arguments = {config.tag_field: config.tag} if config.tag_field else {}
        for each in msgspec.structs.fields(kind):
            if each.required or (self.mode.everything and depth < DEEPEST):
                arguments[each.encode_name] = self.of(each.type, each.name, depth + 1)
        return arguments
