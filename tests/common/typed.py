"""Plain data drawn from the package's types, for properties that hold for all of them."""

from __future__ import annotations

import importlib
import pkgutil
import types
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

import oai.types
from oai._json.objects import Object
from oai._json.unions import untagged_variants

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@cache
def all_structs() -> list[type[Object]]:
    """Return every struct of `oai.types`."""
    structs: dict[type[Object], None] = {}
    for info in pkgutil.walk_packages(oai.types.__path__, "oai.types."):
        if info.name.endswith("structs") or info.name == "oai.types.legacy":
            for value in vars(importlib.import_module(info.name)).values():
                if isinstance(value, type) and issubclass(value, Object) and value is not Object:
                    structs[value] = None
    return list(structs)


def draw_value(draw: Any, kind: Any, depth: int = 0) -> Any:
    """Draw plain data that fits a type exactly; optional fields become rarer with depth."""
    origin = get_origin(kind)
    if origin is Annotated:
        return draw_value(draw, get_args(kind)[0], depth)
    variants = get_args(kind) if origin in (Union, types.UnionType) else untagged_variants(kind)
    if variants:
        simple = [variant for variant in variants if depth > 4 and not _is_struct(variant)] or list(variants)
        return draw_value(draw, draw(st.sampled_from(simple)), depth)
    if origin is Literal:
        return draw(st.sampled_from(get_args(kind)))
    if origin is list:
        count = draw(st.integers(0, 2 if depth < 4 else 0))
        return [draw_value(draw, get_args(kind)[0], depth + 1) for _ in range(count)]
    if origin is dict:
        keys = draw(st.lists(st.text(max_size=5), max_size=2 if depth < 4 else 0, unique=True))
        return {key: draw_value(draw, get_args(kind)[1], depth + 1) for key in keys}
    if _is_struct(origin or kind):
        return _draw_struct(draw, kind, depth)
    return draw(SCALARS.get(kind, JSON))


def _draw_struct(draw: Any, kind: Any, depth: int) -> dict[str, Any]:
    config = (get_origin(kind) or kind).__struct_config__
    value = {} if config.tag_field is None else {config.tag_field: config.tag}
    for field in msgspec.structs.fields(kind):
        if field.required or (depth < 4 and draw(st.integers(0, depth + 1)) == 0):
            value[field.encode_name] = draw_value(draw, field.type, depth + 1)
    return value


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    type(None): st.none(),
    Any: JSON,
}

NAMES = st.sampled_from(["own", "to_dict", "_request_id", "__class__", "type", "items", "a-b", "data", ""]) | st.text(
    max_size=6
)


def spoil(draw: Any, value: Any) -> Any:
    """Change plain data as servers do: new and missing fields, other tags, constants and types."""
    if isinstance(value, dict):
        changed = {name: spoil(draw, item) for name, item in value.items()}
        for name in list(changed):
            match draw(st.integers(0, 12)):
                case 0:
                    del changed[name]
                case 1:
                    changed[name] = draw(JSON)
                case 2 if isinstance(changed[name], str):
                    changed[name] += "_new"
        if draw(st.integers(0, 3)) == 0:
            changed[draw(NAMES)] = draw(JSON)
        return changed
    if isinstance(value, list):
        return [spoil(draw, item) for item in value]
    return draw(JSON) if draw(st.integers(0, 12)) == 0 else value


def without_none(value: Any) -> Any:
    """Return plain data without its null fields."""
    if isinstance(value, dict):
        return {name: without_none(item) for name, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def is_kept(sent: Any, back: Any, tags: frozenset[tuple[str, str]]) -> bool:
    """Tell whether all sent data is back, and nothing else except implied tags."""
    if isinstance(sent, dict) and isinstance(back, dict):
        more = {(name, back[name]) for name in back.keys() - sent.keys()}
        return (
            sent.keys() <= back.keys()
            and more <= tags
            and all(is_kept(item, back[name], tags) for name, item in sent.items())
        )
    if isinstance(sent, list) and isinstance(back, list):
        return len(sent) == len(back) and all(is_kept(one, other, tags) for one, other in zip(sent, back, strict=True))
    return (type(sent) in (int, float) and type(back) in (int, float) and sent == back) or (
        type(sent) is type(back) and sent == back
    )


@cache
def all_tags() -> frozenset[tuple[str, str]]:
    configs = [struct.__struct_config__ for struct in all_structs()]
    return frozenset((config.tag_field, str(config.tag)) for config in configs if config.tag_field)
