"""Rows as TOML text, in the form in which the shipped table is kept. It knows layout, not what the keys mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

WIDEST = 120
"""Characters of a line before parameters get a table of their own."""


def to_toml(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return rows by call path as TOML."""
    return "\n".join(_one(name, row) for name, row in rows.items())


def _one(name: str, row: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in row.items() if key != "params"}
    width = max(len(key) for key in [*plain, "params"])
    lines = [f"[{name}]", *(f"{key:{width}} = {_value(value)}" for key, value in plain.items())]
    params = row.get("params")
    if params is None:
        return "\n".join([*lines, ""])
    inline = f"{'params':{width}} = {_value(params)}"
    if len(inline) <= WIDEST:
        return "\n".join([*lines, inline, ""])
    width = max(map(len, params))
    lines += ["", f"[{name}.params]", *(f"{key:{width}} = {_value(value)}" for key, value in params.items())]
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in items)
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML has no raw DEL, JSON does


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
