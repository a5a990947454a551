"""Turn objects of the API into plain data, with pydantic's options and pydantic's notion of what was set.

`to_dict` returns what the server sent. Only the null of an optional field counts as missing, in a part of a result that
was decoded strictly: the text of the response is known to the whole result alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from oai._json.fields import KEPT, REQUIRED, TAG, is_set, members_of

LEAVES = frozenset({str, int, float, bool, type(None)})

EVERYTHING: Any = (None, None)
"""The selections for a value of which everything is dumped."""

Selection = Any
"""An `include` or `exclude`: names in a set, or a mapping of names to `True` or to a selection for the value."""


class Style(msgspec.Struct, frozen=True):
    """Which fields to dump and under which names."""

    api_names: bool = True
    exclude_unset: bool = True
    exclude_defaults: bool = False
    exclude_none: bool = False
    computed: bool = False
    """Whether to dump values that were derived from the data, such as `parsed`."""
    mode: str = "python"


SENT = Style()
"""What the server sent, under its names."""


def source_of(value: Any) -> Any:
    """Return the JSON object that a whole response was decoded from, `None` if its text is no longer there."""
    content = getattr(getattr(value, "_response", None), "content", b"")
    if content.lstrip()[:1] != b"{":
        return None
    from oai._json.decode import parse_json  # few programs do

    try:
        source = parse_json(content)
    except msgspec.DecodeError:  # of another charset
        return None
    return source if isinstance(source, dict) else None


def dump(
    value: Any, style: Style = SENT, source: Any = None, include: Selection = None, exclude: Selection = None
) -> Any:
    """Turn objects into dicts and arrays into lists, all the way down, leaving everything else as it is.

    Args:
        value: an object of the API, or anything that contains some.
        style: which fields to dump.
        source: the plain data that the value was decoded from, if it is known.
        include: the only fields to return.
        exclude: fields to leave out.

    Raises:
        TypeError: `include` or `exclude` is not a selection.
    """
    if type(value) in LEAVES:
        return value
    if hasattr(type(value), "_untyped"):
        return _dump_object(value, style, source, include, exclude)
    if isinstance(value, list):
        same = isinstance(source, list) and len(source) == len(value)
        if include is None and exclude is None and not same:
            return [dump(item, style) for item in value]
        keys = range(len(value))
        chosen = _chosen(((index, index - len(value), "__all__") for index in keys), include, exclude)
        pairs = zip(keys, chosen, strict=True)
        return [dump(value[index], style, source[index] if same else None, *inner) for index, inner in pairs if inner]
    if isinstance(value, dict):
        origin = source if isinstance(source, dict) else {}
        chosen = _chosen(((key, "__all__") for key in value), include, exclude)
        members = zip(value.items(), chosen, strict=True)
        return {key: dump(item, style, origin.get(key), *inner) for (key, item), inner in members if inner}
    return _dump_other(value, style)


def _dump_object(value: Any, style: Style, source: Any, include: Selection, exclude: Selection) -> dict[str, Any]:
    origin = source if isinstance(source, dict) else None
    selects = include is not None or exclude is not None
    data: dict[str, Any] = {}
    aliases: dict[str, Any] = {}
    for name, wire, default, member in members_of(value):
        item = member
        if default is TAG and not is_set(value, wire, item, default, origin):
            item = None  # the tag that the type implies is not invented in data that lacks it
        # Most fields have a value, and none by default: they are dumped in any style.
        if (item is None or (default is not None and default is not REQUIRED)) and (
            _is_left_out(style, item, default)
            or (style.exclude_unset and not is_set(value, wire, item, default, origin))
        ):
            continue
        inner = next(_chosen([(name, wire)], include, exclude)) if selects else EVERYTHING
        if not inner:
            continue
        if item.__class__ not in LEAVES:
            item = dump(item, style, origin and origin.get(wire), *inner)
        if style.api_names:
            data[wire] = item
            continue
        data[name] = item
        if name not in (wire, f"{wire}_") and is_set(value, wire, item, default, origin):
            aliases[wire] = item  # as the official SDK: programs read `self_harm` or `self-harm`
    if style.computed:
        data |= _computed(value, style, include, exclude)
    return {**data, **aliases} if aliases else data


def _computed(value: Any, style: Style, include: Selection, exclude: Selection) -> dict[str, Any]:
    """Dump the properties that a class names in `_computed`."""
    data: dict[str, Any] = {}
    for name in type(value)._computed:  # noqa: SLF001 - see `Object`
        item = getattr(value, name)
        inner = next(_chosen([(name,)], include, exclude))
        if inner and not (item is None and style.exclude_none):
            data[name] = dump(item, style, None, *inner)
    return data


def _is_left_out(style: Style, item: Any, default: Any) -> bool:
    if item is None and style.exclude_none:
        return True
    return style.exclude_defaults and (item is None if default is KEPT else item == default)


def _dump_other(value: Any, style: Style) -> Any:
    """Dump a value that is not JSON: an array, or a value that a program parsed from a text (`parsed`)."""
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return to_list()
    model_dump = None if isinstance(value, type) else getattr(value, "model_dump", None)
    if callable(model_dump):
        return model_dump(
            mode=style.mode,
            exclude_unset=style.exclude_unset,
            exclude_defaults=style.exclude_defaults,
            exclude_none=style.exclude_none,
        )
    if hasattr(type(value), "__struct_fields__") or hasattr(type(value), "__dataclass_fields__"):
        from oai._json.encode import encode  # few programs do

        return msgspec.json.decode(encode(value))
    return value


def plain_parsed(value: Any, **options: Any) -> Any:
    """Return a parsed value, which may be of a caller's type, as plain data.

    Args:
        value: the value.
        options: fields of `Style`, which `model_dump` has as options.
    """
    return dump(value, Style(api_names=False, computed=True, **{"exclude_unset": False, **options}))


def _chosen(keys: Iterable[tuple[Any, ...]], include: Selection, exclude: Selection) -> Iterator[Any]:
    """Yield for each member, known by several keys, the selections for its value, or nothing to leave it out."""
    for names in keys:
        inside: Any = True if include is None else _part(include, names)
        outside = None if exclude is None else _part(exclude, names)
        yield () if inside is None or outside is True else (None if inside is True else inside, outside)


def _part(selection: Selection, names: tuple[Any, ...]) -> Any:
    """Return the part of a selection for a member: `None`, `True` for all of it, or a selection."""
    if isinstance(selection, (str, bytes)) or not isinstance(selection, Iterable):
        raise TypeError(f"include and exclude must be a set or a mapping of names, not {selection!r}")
    if not isinstance(selection, Mapping):
        return True if any(name in selection for name in names) else None
    parts = [selection[name] for name in names if selection.get(name, False) is not False]
    if any(part is True or part is ... for part in parts):
        return True
    merged: dict[Any, Any] = {}
    for part in parts:
        merged.update(part if isinstance(part, Mapping) else dict.fromkeys(part, True))
    return merged if parts else None
