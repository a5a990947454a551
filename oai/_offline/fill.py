"""Complete partial data: `{"choices": [{"message": {...}}]}` becomes a whole chat completion.

`fill` walks the data and its type in parallel. It invents missing required fields, and at the top level also the
optional ones that a sample has. Existing data is kept unchanged; validating it is the decoder's job.
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


def fill(sampler: SampleFactory, kind: Any, data: Any, name: str = "", *, depth: int = 0, place: int = 0) -> Any:
    """Return the data with its objects completed from their types.

    Args:
        sampler: makes the missing fields.
        kind: the type.
        data: plain data or structs; only objects are completed.
        name: the name of the field that holds it.
        depth: the number of enclosing objects.
        place: its index if it is an item of a list.
    """
    data = plain(data)
    if isinstance(data, list):
        item = next((get_args(each)[0] for each in _variants(kind) if get_origin(each) is list), Any)
        return [fill(sampler, item, each, name, depth=depth, place=i) for i, each in enumerate(data)]
    if not isinstance(data, dict):
        return data
    kind = _variant(kind, data)
    fields = object_fields(kind)
    if fields is None:
        return data
    completed = sampler.make(kind, name, depth=depth, place=place)
    if depth:  # nested objects get required fields only: an invented optional one could contradict the test's data
        completed = {each: value for each, value in completed.items() if each not in fields or fields[each][1]}
    for each, value in data.items():
        inner = fields[each][0] if each in fields else Any
        completed[each] = fill(sampler, inner, value, each, depth=depth + 1, place=place)
    return completed


def _variants(kind: Any) -> tuple[Any, ...]:
    """Return the alternatives of a type, with nested unions flattened and `None` left out."""
    is_union = get_origin(kind) in (Union, types.UnionType)
    within = untagged_variants(kind) or (get_args(kind) if is_union else ())
    if not within:
        return () if kind is type(None) else (kind,)
    return tuple(variant for each in within for variant in _variants(each))


def _variant(kind: Any, data: dict[str, Any]) -> Any:
    """Return the variant of a union that fits an object best: by its tag, else by the most known fields."""
    variants = _variants(kind)
    if len(variants) == 1:
        return variants[0]

    def likeness(each: Any) -> tuple[bool, int, int]:
        fields = as_dict(object_fields(each))
        tag = tag_of(each)
        tagged = bool(tag) and all(data.get(field) == word for field, word in tag)
        return tagged, len(data.keys() & fields.keys()), -len(fields)

    return max(variants, key=likeness)
