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
    plain = {key: value for key, value in row.items() if key not in TABLES}
    width = max(len(key) for key in [*plain, "params"])
    lines = [f"[{name}]", *(f"{key:{width}} = {_value(value)}" for key, value in plain.items())]
    if (params := row.get("params")) is not None:
        inline = f"{'params':{width}} = {_value(params)}"
        lines += [inline] if len(inline) <= WIDEST else ["", *_table(f"{name}.params", params)]
    if sends := row.get("sends"):
        wide = {event: params for event, params in sends.items() if len(f"{_key(event)} = {_value(params)}") > WIDEST}
        lines += ["", *_table(f"{name}.sends", {event: sends[event] for event in sends if event not in wide})]
        for event, params in wide.items():
            lines += ["", *_table(f"{name}.sends.{_key(event)}", params)]
    return "\n".join([*lines, ""])


def _table(header: str, values: Mapping[str, Any]) -> list[str]:
    width = max((len(_key(key)) for key in values), default=0)
    return [f"[{header}]", *(f"{_key(key):{width}} = {_value(value)}" for key, value in values.items())]


def _value(value: object) -> str:
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in items)
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML has no raw DEL, JSON does


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
