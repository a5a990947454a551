"""Plain data to structs where the strict decode refuses: what fits is typed, the rest is kept as it came.

`build` never raises for the shape of its input. For each type it makes a builder once, a function from plain
data to the typed value, and keeps it. The rules, by type:

- a struct takes an object: declared fields are built, missing ones are `None`, unknown ones go into
  the instance's `__dict__`;
- a union takes the variant that the tag names; where no tag helps, the variant that has most of the fields;
- an object where a struct of unknown tag belongs becomes a bare `Object` with every field readable;
- anything that does not fit its type stays plain data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from oai._json.strict import convert_strict
from oai._json.unions import RESERVED, SHADOWED, untagged_variants

Builder = Callable[[Any], Any]

AS_THEY_ARE = frozenset({str, bool, type(None)})
"""Types of plain data of which no builder makes anything else."""

EXACT = 2**53
"""Integers up to here are exact as a float (IEEE 754 double)."""


def build(kind: Any, value: Any) -> Any:
    """Build a value of type `kind` from plain data as far as it fits."""
    return builder(kind)(value)


@cache
def builder(kind: Any) -> Builder:
    """Return the function that builds values of a type."""
    origin = get_origin(kind)
    if _is_struct(origin or kind):
        return _struct(kind, origin or kind)
    if variants := untagged_variants(kind):
        return _union(variants)
    make = _MAKERS.get(origin)
    if make is not None:
        return make(get_args(kind))
    return _float if kind is float else _keep


def _keep(value: Any) -> Any:
    return value


def _float(value: Any) -> Any:
    return float(value) if type(value) is int and -EXACT <= value <= EXACT else value


def _list(arguments: tuple[Any, ...]) -> Builder:
    item = arguments[0]

    def build_list(value: Any) -> Any:
        return [build(item, each) for each in value] if isinstance(value, list) else value

    return build_list


def _dict(arguments: tuple[Any, ...]) -> Builder:
    item = arguments[1]

    def build_dict(value: Any) -> Any:
        return {key: build(item, each) for key, each in value.items()} if isinstance(value, dict) else value

    return build_dict


def _struct(kind: Any, cls: type[msgspec.Struct]) -> Builder:
    """Make the builder of a struct: the strict way for this part of the document, then field by field."""
    config = cls.__struct_config__
    keeps_unknown = hasattr(cls, "_untyped")

    @cache
    def fields() -> dict[str, tuple[str, Builder]]:
        return {field.encode_name: (field.name, builder(field.type)) for field in msgspec.structs.fields(kind)}

    def build_struct(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        declared = fields()
        if not config.forbid_unknown_fields or value.keys() <= {*declared, config.tag_field}:
            try:
                return convert_strict(kind, value)
            except msgspec.ValidationError:
                pass
        known: dict[str, Any] = dict.fromkeys(cls.__struct_fields__)
        unknown: dict[str, Any] = {}
        for wire, item in value.items():
            if wire in declared:
                name, make = declared[wire]
                known[name] = item if item.__class__ in AS_THEY_ARE else make(item)
            else:
                unknown[wire] = item
        built = cls(**known)
        if keeps_unknown:
            keep_unknown(built, unknown)
        return built

    return build_struct


def keep_unknown(built: Any, unknown: dict[str, Any]) -> None:
    """Store fields that the struct does not declare; a name that would hide a method is kept out of its way."""
    cls = type(built)
    tag_field = cls.__struct_config__.tag_field
    for name, value in unknown.items():
        if name == tag_field:
            if value != cls.__struct_config__.tag:
                built.__dict__[name] = value
        elif hasattr(cls, name) or name in RESERVED:
            built.__dict__.setdefault(SHADOWED, {})[name] = value
        else:
            built.__dict__[name] = value


def _union(variants: tuple[Any, ...]) -> Builder:
    """Make the builder of a union, which looks at the JSON type first and at tag and fields second."""
    flat = list(_flatten(variants))
    build_object = _union_of_objects(flat)
    lists = [each for each in flat if get_origin(each) is list or each is list]
    number = float if float in flat and int not in flat else Any

    def build_union(value: Any) -> Any:
        if isinstance(value, dict):
            return build_object(value)
        if isinstance(value, list) and lists:
            return build(_first_fit(lists, value), value)
        return build(number, value)

    return build_union


def _union_of_objects(flat: list[Any]) -> Builder:
    structs = [each for each in flat if _is_struct(each)]
    tags: dict[Any, list[Any]] = {}
    for each in structs:
        if _tag(each) is not None:
            tags.setdefault(_tag(each), []).append(each)
    tag_fields = {tag_field for tag_field, _ in tags}
    untagged = [each for each in structs if _tag(each) is None]
    dicts = [each for each in flat if get_origin(each) is dict or each is dict]
    untyped = next((each._untyped for each in structs if hasattr(each, "_untyped")), None)  # noqa: SLF001 - see `Object`

    def build_object(value: dict[str, Any]) -> Any:
        for tag_field in tag_fields:
            tag = value.get(tag_field)
            if isinstance(tag, str) and (tag_field, tag) in tags:
                declaring = [each for each in untagged if tag_field in each.__struct_encode_fields__]
                return build(_best_match(tags[tag_field, tag] + declaring, value), value)
        candidates = untagged
        if not candidates:  # a tag that was left out is only guessed where all else is there
            candidates = [each for each in structs if _tag(each)[0] not in value and _required(each) <= value.keys()]
        if candidates:
            return build(_best_match(candidates, value), value)
        if dicts:
            return build(dicts[0], value)
        if untyped is not None:
            unknown = untyped()
            keep_unknown(unknown, value)
            return unknown
        return value

    return build_object


def _flatten(variants: tuple[Any, ...]) -> Any:
    for each in variants:
        inner = get_args(each) if get_origin(each) in (Union, UnionType) else untagged_variants(each)
        if inner:
            yield from _flatten(inner)
        else:
            yield each


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _tag(struct: Any) -> Any:
    config = struct.__struct_config__
    return None if config.tag_field is None else (config.tag_field, config.tag)


def _best_match(structs: list[Any], value: dict[str, Any]) -> Any:
    return structs[0] if len(structs) == 1 else max(structs, key=lambda each: _likeness(each, value))


@cache
def _required(struct: Any) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(struct) if field.required)


def _likeness(struct: Any, value: dict[str, Any]) -> tuple[int, int]:
    """Say how well an object fits a struct: by the fields that are declared and there, less those that are but one."""
    declared = {field.encode_name: get_args(field.type) for field in msgspec.structs.fields(struct)}
    if _tag(struct) is not None:
        declared[_tag(struct)[0]] = (_tag(struct)[1],)
    there = declared.keys() & value.keys()
    constant = sum(isinstance(value[name], str) and value[name] in declared[name] for name in there)
    unknown = len(value.keys() - there)
    return len(there) + constant - unknown - len(_required(struct) - value.keys()), -len(declared)


def _first_fit(lists: list[Any], value: list[Any]) -> Any:
    for each in lists:
        try:
            convert_strict(each, value)
        except msgspec.ValidationError:
            continue
        return each
    return lists[0]


_MAKERS: dict[Any, Callable[[tuple[Any, ...]], Builder]] = {
    Annotated: lambda arguments: builder(arguments[0]),
    Union: _union,
    UnionType: _union,
    dict: _dict,
    list: _list,
}
