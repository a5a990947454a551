"""Build structs from plain data that the strict decode refuses: type whatever fits, keep the rest as it is.

`build` never raises for the shape of its input. Each type has a builder, a function from plain data to the typed
value, which is made once. The rules, by type:

- a struct takes an object: declared fields are built, missing ones are `None`, undeclared ones go into the
  instance's `__dict__`;
- a union takes the variant that the tag names; without a known tag, the variant that shares most fields;
- an object with an unknown tag becomes a bare `Object` with every field readable;
- anything that does not fit its type stays plain data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from oai._json.fields import KEPT, REQUIRED, TAG, fields_of
from oai._json.strict import MOST_TYPES, convert_strict
from oai._json.unions import ABSENT, NULLS, RESERVED, SHADOWED, untagged_variants

Builder = Callable[[Any], Any]

UNCHANGED = frozenset({str, bool, type(None)})
"""Types of plain data that no builder converts."""

EXACT = 2**53
"""Integers up to here are exact as a float (IEEE 754 double)."""


def build(kind: Any, value: Any) -> Any:
    """Build a value of type `kind` from plain data, as far as it fits and the interpreter's stack goes."""
    try:
        return builder(kind)(value)
    except RecursionError:
        return value


@lru_cache(MOST_TYPES)
def builder(kind: Any) -> Builder:
    """Return the function that builds values of a type."""
    origin = get_origin(kind)
    if _is_struct(origin or kind):
        return _struct(kind, origin or kind)
    if variants := untagged_variants(kind):
        return _union(variants)
    make_builder = _MAKERS.get(origin)
    if make_builder is not None:
        return make_builder(get_args(kind))
    return _float if kind is float else _keep


def _keep(value: Any) -> Any:
    return value


def _float(value: Any) -> Any:
    return float(value) if type(value) is int and -EXACT <= value <= EXACT else value


def _list(arguments: tuple[Any, ...]) -> Builder:
    item = arguments[0]

    def build_list(value: Any) -> Any:
        return [build(item, element) for element in value] if isinstance(value, list) else value

    return build_list


def _dict(arguments: tuple[Any, ...]) -> Builder:
    item = arguments[1]

    def build_dict(value: Any) -> Any:
        return {key: build(item, member) for key, member in value.items()} if isinstance(value, dict) else value

    return build_dict


def _struct(kind: Any, cls: type[msgspec.Struct]) -> Builder:
    """Make the builder of a struct: strictly for this part of the document, else field by field."""
    config = cls.__struct_config__
    keeps_unknown = hasattr(cls, "_untyped")

    @cache
    def fields() -> tuple[dict[str, tuple[str, Builder]], frozenset[str | None]]:
        declared = {field.encode_name: (field.name, builder(field.type)) for field in msgspec.structs.fields(kind)}
        return declared, frozenset({*declared, config.tag_field})

    def build_struct(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        declared, allowed = fields()
        if not config.forbid_unknown_fields or value.keys() <= allowed:
            try:
                built = convert_strict(kind, value)
            except (msgspec.ValidationError, RecursionError):
                pass
            else:
                return _remember_nulls(built, value) if keeps_unknown else built
        values: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for wire, item in value.items():
            if wire in declared:
                name, build_field = declared[wire]
                values[name] = item if item.__class__ in UNCHANGED else build_field(item)
            else:
                unknown[wire] = item
        built = cls(**{**_wires(cls)[0], **values})
        if keeps_unknown:
            keep_unknown(built, unknown)
            _remember_nulls(built, value)
        return built

    return build_struct


@lru_cache(MOST_TYPES)
def _wires(cls: Any) -> tuple[dict[str, None], frozenset[str], frozenset[str]]:
    """Return names of the required fields, and names in JSON of the required fields, tag included, and the optional."""
    fields = fields_of(cls)
    required = frozenset(wire for _, wire, default in fields if default in (REQUIRED, KEPT, TAG))
    optional = frozenset(wire for _, wire, default in fields if default is None)
    return dict.fromkeys(name for name, _, default in fields if default is REQUIRED), required, optional


def _remember_nulls(built: Any, value: dict[str, Any]) -> Any:
    """Store what the values of an object do not show: which fields are missing, and which are null."""
    kind: Any = type(built)
    _, required, optional = _wires(kind)
    if not required <= value.keys():
        built.__dict__[ABSENT] = required - value.keys()
    if None in value.values() and (nulls := optional.intersection(k for k, item in value.items() if item is None)):
        built.__dict__[NULLS] = nulls
    return built


def keep_unknown(built: Any, unknown: dict[str, Any]) -> None:
    """Store undeclared fields: under `SHADOWED` those that would hide a method or look like private attributes."""
    cls = type(built)
    tag_field = cls.__struct_config__.tag_field
    for name, value in unknown.items():
        if name == tag_field:
            if value != cls.__struct_config__.tag:
                built.__dict__[name] = value
            continue
        hidden = hasattr(cls, name) or name in RESERVED
        if hidden or name[:1] == "_":
            built.__dict__.setdefault(SHADOWED, {})[name] = value
        if not hidden:
            built.__dict__[name] = value


def _union(variants: tuple[Any, ...]) -> Builder:
    """Make the builder of a union, which chooses by the JSON type first, then by tag and fields."""
    flat = list(_flatten(variants))
    build_object = _union_of_objects(flat)
    lists = [variant for variant in flat if get_origin(variant) is list or variant is list]
    number = float if float in flat and int not in flat else Any

    def build_union(value: Any) -> Any:
        if isinstance(value, dict):
            return build_object(value)
        if isinstance(value, list) and lists:
            return build(_first_fit(lists, value), value)
        return build(number, value)

    return build_union


def _union_of_objects(flat: list[Any]) -> Builder:
    structs = [variant for variant in flat if _is_struct(variant)]
    tags: dict[Any, list[Any]] = {}
    for struct in structs:
        if _tag(struct) is not None:
            tags.setdefault(_tag(struct), []).append(struct)
    tag_fields = {tag_field for tag_field, _ in tags}
    untagged = [struct for struct in structs if _tag(struct) is None]
    dicts = [variant for variant in flat if get_origin(variant) is dict or variant is dict]
    untyped = next((struct._untyped for struct in structs if hasattr(struct, "_untyped")), None)  # noqa: SLF001 - see `Object`

    def build_object(value: dict[str, Any]) -> Any:
        for tag_field in tag_fields:
            tag = value.get(tag_field)
            if isinstance(tag, str) and (tag_field, tag) in tags:
                declaring = [struct for struct in untagged if tag_field in struct.__struct_encode_fields__]
                return build(_best_match(tags[tag_field, tag] + declaring, value), value)
        candidates = untagged
        if not candidates:  # a missing tag is guessed only if all required fields are there
            candidates = [
                struct for struct in structs if _tag(struct)[0] not in value and _required(struct) <= value.keys()
            ]
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
    for variant in variants:
        inner = get_args(variant) if get_origin(variant) in (Union, UnionType) else untagged_variants(variant)
        if inner:
            yield from _flatten(inner)
        else:
            yield variant


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _tag(struct: Any) -> Any:
    config = struct.__struct_config__
    return None if config.tag_field is None else (config.tag_field, config.tag)


def _best_match(structs: list[Any], value: dict[str, Any]) -> Any:
    return structs[0] if len(structs) == 1 else max(structs, key=lambda struct: _likeness(struct, value))


@lru_cache(MOST_TYPES)
def _required(struct: Any) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(struct) if field.required)


def _likeness(struct: Any, value: dict[str, Any]) -> tuple[int, int]:
    """Score how well an object matches a struct: matching fields minus undeclared and missing ones."""
    declared = {field.encode_name: get_args(field.type) for field in msgspec.structs.fields(struct)}
    if _tag(struct) is not None:
        declared[_tag(struct)[0]] = (_tag(struct)[1],)
    shared = declared.keys() & value.keys()
    constant = sum(isinstance(value[name], str) and value[name] in declared[name] for name in shared)
    unknown = len(value.keys() - shared)
    return len(shared) + constant - unknown - len(_required(struct) - value.keys()), -len(declared)


def _first_fit(lists: list[Any], value: list[Any]) -> Any:
    for kind in lists:
        try:
            convert_strict(kind, value)
        except (msgspec.ValidationError, RecursionError):
            continue
        return kind
    return lists[0]


_MAKERS: dict[Any, Callable[[tuple[Any, ...]], Builder]] = {
    Annotated: lambda arguments: builder(arguments[0]),
    Union: _union,
    UnionType: _union,
    dict: _dict,
    list: _list,
}
