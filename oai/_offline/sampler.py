"""Invent plain data from a type, as a server might send it.

`SampleFactory.make` walks a type expression and returns data that decodes into it strictly; the same hints give the
same data. Fields are filled by their names, from the tables of `_offline.words`; a field with the name of a request
parameter repeats its value where it fits. This module knows types, not HTTP and not the table.
"""

from __future__ import annotations

import base64
import enum
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Union, cast, get_args, get_origin
from uuid import UUID

import msgspec

from oai._json.strict import convert_strict
from oai._json.unions import untagged_variants
from oai._offline.words import (
    CREATED,
    EMPTY_LISTS,
    OPTIONAL_FIELDS_TO_FILL,
    OWN_WORDS,
    PREFERRED,
    PREFIXES,
    TEXT_FIELDS,
    TRUE_FIELDS,
    WORDS,
)
from oai._support.typed_dict import is_typed_dict

DEEPEST = 8
"""The nesting depth from which lists stay empty, so that a recursive type ends."""

ECHO_DEPTH = 1
"""The depth down to which request parameters are repeated: in the response, and in objects directly in it."""

DIMENSIONS = 1536
"""The default length of an embedding."""

_LEAVES: dict[Any, Any] = {
    bytes: "",
    date: "2026-01-01",
    datetime: "2026-01-01T00:00:00Z",
    Decimal: "0",
    time: "00:00:00",
    UUID: "00000000-0000-4000-8000-000000000000",
    dict: {},
    Mapping: {},
    None: None,
    type(None): None,
}
"""Values by type, for types whose values do not depend on the field's name."""


@dataclass(frozen=True)
class SampleFactory:
    """A maker of plain data from types, configured by hints.

    Attributes:
        text: the content of text fields.
        known: values by field name, used where they fit, in the response and in objects directly in it.
        root: the same, for the response itself only.
        counts: the number of items by the name of the list.
        inputs: the texts to embed.
        tokens: the number of input tokens.
        filled: the optional fields to fill.
        preferred: the preferred tags and literals where there is a choice, the best first.
        base64: whether embeddings are base64 of 32-bit floats.
    """

    text: str = "This is an offline response."
    known: Mapping[str, Any] = field(default_factory=dict[str, Any])
    root: Mapping[str, Any] = field(default_factory=dict[str, Any])
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    inputs: Sequence[str] = ()
    tokens: int = 0
    filled: frozenset[str] = OPTIONAL_FIELDS_TO_FILL
    preferred: tuple[str, ...] = PREFERRED
    base64: bool = False

    def replace(self, **changes: Any) -> SampleFactory:
        """Return a copy with some hints replaced."""
        return replace(self, **changes)

    def make(self, kind: Any, name: str = "", *, within: str = "", depth: int = 0, place: int = 0) -> Any:
        """Make a value of a type.

        Args:
            kind: the type.
            name: the name of the field that holds it.
            within: the name of the object that has the field.
            depth: the number of enclosing objects.
            place: its index if it is an item of a list.
        """
        at = _Position(name, within, depth, place)
        if name == "embedding":
            return self._embedding(place)
        origin: Any = get_origin(kind) or kind
        variants = untagged_variants(kind) or (get_args(kind) if origin in (Union, types.UnionType) else ())
        if variants:
            return self._union(variants, at)
        if (fields := object_fields(kind)) is not None:
            return self._object(kind, fields, at)
        make: Callable[[SampleFactory, Any, _Position], Any] = self._makers.get(origin, SampleFactory._text)
        if isinstance(kind, enum.EnumType):
            return next(iter(cast("Any", kind))).value
        return make(self, kind, at)

    def _object(self, kind: Any, fields: _Fields, at: _Position) -> dict[str, Any]:
        data: dict[str, Any] = dict(tag_of(kind))
        within = next(iter(data.values()), None) or _object_name(kind, fields)
        known = {**self.known, **(self.root if at.depth == 0 else {})} if at.depth <= ECHO_DEPTH else {}
        for name, (field_kind, required) in fields.items():
            value = known.get(name)
            own = name in OWN_WORDS and name not in self.root
            if value is not None and not own and fits(field_kind, value):
                data[name] = value
            elif required or name in self.filled:
                value = self.make(field_kind, name, within=within, depth=at.depth + 1, place=at.place)
                if required or value not in ({}, []):
                    data[name] = value
        parts = [data.get(f"{word}_tokens", 0) for word in ("prompt", "completion", "input", "output")]
        if "total_tokens" in data:
            data["total_tokens"] = sum(parts)
        return data

    def _union(self, variants: tuple[Any, ...], at: _Position) -> Any:
        kind = self._choose([each for each in variants if each not in (None, type(None))], at)
        return self.make(kind, at.name, within=at.within, depth=at.depth, place=at.place)

    def _choose(self, variants: list[Any], at: _Position) -> Any:
        """Take the preferred variant, else a literal, else the first; never an error, and a leaf beyond `DEEPEST`."""
        variants = [each for each in variants if "error" not in dict(tag_of(each)).values()] or variants
        names = [{getattr(each, "__name__", ""), *(word for _, word in tag_of(each))} for each in variants]
        for word in self.preferred:
            for each, of_each in zip(variants, names, strict=True):
                if word in of_each:
                    return each
        simple = [each for each in variants if object_fields(each) is None] if at.depth > DEEPEST else []
        fixed = [each for each in variants if get_origin(each) is Literal]
        return [*fixed, *simple, *variants][0]

    def _list(self, kind: Any, at: _Position) -> list[Any]:
        arguments = get_args(kind) or (Any,)
        if get_origin(kind) is tuple and arguments[1:] != (...,):
            return [self.make(each, at.name, within=at.within, depth=at.depth) for each in arguments]
        count = 0 if at.name in EMPTY_LISTS or at.depth > DEEPEST else 1
        if at.depth <= ECHO_DEPTH + 1:
            count = self.counts.get(at.name, count)
        return [self.make(arguments[0], at.name, within=at.within, depth=at.depth, place=i) for i in range(count)]

    def _literal(self, kind: Any, at: _Position) -> Any:  # noqa: ARG002 - one of the makers
        choices = get_args(kind)
        return next((word for word in self.preferred if word in choices), choices[0])

    def _annotated(self, kind: Any, at: _Position) -> Any:
        inner, *notes = get_args(kind)
        value = self.make(inner, at.name, within=at.within, depth=at.depth, place=at.place)
        for note in notes:
            value = _bounded(value, note)
        return value

    def _number(self, kind: Any, at: _Position) -> float:  # noqa: ARG002
        name = at.name
        if name in ("created", "timestamp") or name.endswith("_at"):
            return CREATED + 86_400 * name.startswith("expires")
        if name in ("prompt_tokens", "input_tokens"):
            return self.tokens
        if name in ("completion_tokens", "output_tokens"):
            return len(self.text.split())
        return at.place if name == "index" else 1 if name in ("duration", "seconds", "end") else 0

    def _text(self, kind: Any, at: _Position) -> str:  # noqa: ARG002
        name = at.name
        if name == "id":
            return identifier(at.within, at.place)
        if name == "object":
            return at.within
        if name.endswith("_id"):
            return identifier(name.removesuffix("_id"))
        if name.endswith("_at"):
            return str(_LEAVES[datetime])
        return self.text if name in TEXT_FIELDS or not name else WORDS.get(name, "offline")

    def _embedding(self, place: int) -> Any:
        """Make a vector of norm 1 from a text; the same text gives the same vector."""
        from random import Random  # slow to import, and only embeddings need it

        seed = self.inputs[place] if place < len(self.inputs) else self.text
        random = Random(seed)  # noqa: S311 - not used for security
        vector = [random.gauss(0, 1) for _ in range(self.counts.get("embedding", DIMENSIONS))]
        length = sum(number * number for number in vector) ** 0.5 or 1.0
        vector = [round(number / length, 7) for number in vector]
        if not self.base64:
            return vector
        import struct

        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()

    def _leaf(self, kind: Any, at: _Position) -> Any:
        return at.name in TRUE_FIELDS if kind is bool else _LEAVES[get_origin(kind) or kind]

    _makers: ClassVar[dict[Any, Callable[[SampleFactory, Any, _Position], Any]]] = {
        **dict.fromkeys((bool, *_LEAVES), _leaf),
        **dict.fromkeys((list, set, frozenset, tuple, Iterable, Sequence), _list),
        **dict.fromkeys((int, float), _number),
        Annotated: _annotated,
        Literal: _literal,
    }


def identifier(object_name: str, place: int = 0) -> str:
    """Return an id for an object by the API's name for it: `chatcmpl-offline`, `resp_offline`."""
    last = object_name.removesuffix(".deleted").rpartition(".")[2]
    prefix = PREFIXES.get(object_name, PREFIXES.get(last, f"{last}_" if last else ""))
    return f"{prefix}offline{place + 1 if place else ''}"


def fits(kind: Any, value: Any) -> bool:
    """Return whether plain data decodes into a type strictly."""
    try:
        convert_strict(kind, value)
    except (msgspec.ValidationError, TypeError):
        return False
    return True


@dataclass(frozen=True)
class _Position:
    """The position of a value; see `SampleFactory.make`."""

    name: str
    within: str
    depth: int
    place: int


_Fields = dict[str, tuple[Any, bool]]


@cache
def object_fields(kind: Any) -> _Fields | None:
    """Return each field's type and whether it is required, by wire name; `None` if the type is not an object."""
    origin: Any = get_origin(kind) or kind
    if not isinstance(origin, type):
        return None
    origin = cast("Any", origin)
    if issubclass(origin, msgspec.Struct):
        return {each.encode_name: (each.type, each.required) for each in msgspec.structs.fields(kind)}
    if is_typed_dict(origin) or hasattr(origin, "__dataclass_fields__"):
        from typing import get_type_hints

        return {name: (each, True) for name, each in get_type_hints(origin).items()}
    return None


def tag_of(kind: Any) -> list[tuple[str, Any]]:
    """Return the tag field of a struct and its value, if it has one."""
    config = getattr(kind, "__struct_config__", None)
    return [] if config is None or config.tag_field is None else [(config.tag_field, config.tag)]


def _object_name(kind: Any, fields: _Fields) -> str:
    """Return the name of an object: the literal of its `object` field, else its class name."""
    words = get_args(fields["object"][0]) if "object" in fields else ()
    if words and isinstance(words[0], str):
        return words[0]
    return "list" if "data" in fields else (get_origin(kind) or kind).__name__.lower()


def _bounded(value: Any, note: Any) -> Any:
    """Clamp a value to the bounds of an annotation (lengths, minimum and maximum only)."""
    if not isinstance(note, msgspec.Meta):
        return value
    if isinstance(value, str):
        return value.ljust(note.min_length or 0, ".")[: note.max_length]
    if isinstance(value, (int, float)):
        lowest = note.ge if note.ge is not None else None if note.gt is None else note.gt + 1
        highest = note.le if note.le is not None else None if note.lt is None else note.lt - 1
        value = value if lowest is None else max(value, lowest)
        return value if highest is None else min(value, highest)
    return value
