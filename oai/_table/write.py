"""Write rows as TOML, in the layout of the shipped table. It knows the layout, not the meaning of the keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

WIDEST = 120
"""Maximum line length before parameters get a table of their own."""

TABLES = ("params", "sends")
"""Keys that are written last, each as a table of its own if it is long."""


def to_toml(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return rows by call path as TOML."""
    return "\n".join(_one(name, row) for name, row in rows.items())


def _one(name: str, row: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in row.items() if key not in TABLES and not _is_wide(key, value)}
    width = max(len(key) for key in [*plain, "params"])
    lines = [f"[{name}]", *(f"{key:{width}} = {value_to_toml(value, width)}" for key, value in plain.items())]
    if (params := row.get("params")) is not None:
        inline = f"{'params':{width}} = {_value(params)}"
        lines += [inline] if len(inline) <= WIDEST else ["", *_table(f"{name}.params", params)]
    for key, value in row.items():
        if key not in TABLES and key not in plain:
            lines += ["", *_table(f"{name}.{key}", value)]
    if sends := row.get("sends"):
        column = max(len(_key(event)) for event in sends) + len(" = ")
        wide = {event: params for event, params in sends.items() if column + len(_value(params)) > WIDEST}
        lines += ["", *_table(f"{name}.sends", {event: sends[event] for event in sends if event not in wide})]
        for event, params in wide.items():
            lines += ["", *_table(f"{name}.sends.{_key(event)}", params)]
    return "\n".join([*lines, ""])


def _is_wide(key: str, value: object) -> bool:
    """Return whether a value is a table that is too long for one line."""
    return isinstance(value, dict) and len(key) + len(" = ") + len(_value(value)) > WIDEST


def _table(header: str, values: Mapping[str, Any]) -> list[str]:
    width = max((len(_key(key)) for key in values), default=0)
    return [f"[{header}]", *(f"{_key(key):{width}} = {value_to_toml(value, width)}" for key, value in values.items())]


def value_to_toml(value: object, width: int = 0) -> str:
    """Return a value as TOML, over several lines if it is long.

    Args:
        value: plain data.
        width: how wide the key before it is.
    """
    text = _value(value)
    if width + len(" = ") + len(text) <= WIDEST:
        return text
    if isinstance(value, list):
        items = "".join(f"    {_value(item)},\n" for item in cast("list[object]", value))
        return f"[\n{items}]"
    if isinstance(value, str) and any(end in value for end in " /"):
        return f'"""\\\n{_broken(text[1:-1])}"""'
    return text


def _broken(text: str) -> str:
    """Break a long text, a type expression after each of its parts; TOML joins the lines after a backslash again."""
    if "[" in text or " | " in text:
        parts = text.replace(", ", ", \0").replace(" | ", " | \0").split("\0")
        return "\\\n".join(f"    {part}" for part in parts)
    end = " " if " " in text else "/"
    lines, line = [], "    "
    for word in text.replace(end, f"{end}\0").split("\0"):
        if len(line) + len(word) + 4 > WIDEST:
            lines.append(f"{line}\\")
            line = "    "
        line += word
    return "\n".join([*lines, line])


def _value(value: object) -> str:
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in items)
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML has no raw DEL, JSON does


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
