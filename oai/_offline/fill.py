"""What somebody gave of an answer, with what it lacks made up: `{"choices": [{"message": {...}}]}` to a whole answer.

`fill` walks a type beside the given data. It makes up required fields, and what a sample would have in the answer
itself; what was given stands as it was given, and whether that is right is for a decoder to say.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from oai._json.objects import plain
from oai._json.unions import untagged_variants
from oai._offline.sampler import object_fields, tag_of
from oai._support.plain_data import as_dict

if TYPE_CHECKING:
    from oai._offline.sampler import SampleFactory


def fill(sampler: SampleFactory, kind: Any, given: Any, name: str = "", *, depth: int = 0, place: int = 0) -> Any:
    """Return the given data, objects in it completed from their type.

    Args:
        sampler: makes what is missing.
        kind: the type.
        given: plain data or structs; nothing but objects is completed.
        name: the field that it is for.
        depth: how many objects are around it.
        place: its index, where it is an item of a list.
    """
    given = plain(given)
    if isinstance(given, list):
        item = next((get_args(each)[0] for each in _variants(kind) if get_origin(each) is list), Any)
        return [fill(sampler, item, each, name, depth=depth, place=i) for i, each in enumerate(given)]
    if not isinstance(given, dict):
        return given
    kind = _variant(kind, given)
    fields = object_fields(kind)
    if fields is None:
        return given
    made = sampler.make(kind, name, depth=depth, place=place)
    if depth:  # deep down only what has to be there, so that nothing is said that was not given
        made = {each: value for each, value in made.items() if each not in fields or fields[each][1]}
    for each, value in given.items():
        inner = fields[each][0] if each in fields else Any
        made[each] = fill(sampler, inner, value, each, depth=depth + 1, place=place)
    return made


def _variants(kind: Any) -> tuple[Any, ...]:
    """Return the types that a value may be of, those of unions within unions too."""
    is_union = get_origin(kind) in (Union, types.UnionType)
    within = untagged_variants(kind) or (get_args(kind) if is_union else ())
    if not within:
        return () if kind is type(None) else (kind,)
    return tuple(variant for each in within for variant in _variants(each))


def _variant(kind: Any, given: dict[str, Any]) -> Any:
    """Return the variant of a union that the given fields are of: by its tag, else the one that knows most of them."""
    variants = _variants(kind)
    if len(variants) == 1:
        return variants[0]

    def likeness(each: Any) -> tuple[bool, int, int]:
        fields = as_dict(object_fields(each))
        tag = tag_of(each)
        tagged = bool(tag) and all(given.get(field) == word for field, word in tag)
        return tagged, len(given.keys() & fields.keys()), -len(fields)

    return max(variants, key=likeness)
