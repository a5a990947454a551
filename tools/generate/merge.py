"""Bring rows from one version of the official SDK to another, key by key.

What a row has as it was generated becomes what is generated now; what a person changed stays and is reported. So do
parameters that the SDK has dropped where `exceptions.toml` excuses them as `gone`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.generate.drift import same_type

Keys = Mapping[str, Any]

TYPES = ("response", "stream", "events")
"""Keys that are type expressions, in which the order of a union does not matter."""

OURS = ("doc", "alias", "deprecated")
"""Keys that people write; `deprecated` is added where the SDK has begun to say so."""

TABLES = ("params", "sends")


@dataclass
class Merged:
    """Rows after an update, and what a person wants to know of it."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The rows that change, by call path."""
    removed: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    """What came, changed and went, a line each."""
    kept: list[str] = field(default_factory=list)
    """What differs from the SDK since a person wrote it so."""


Excused = Callable[[str, str], bool]


def merge(ours: Mapping[str, Keys], old: Mapping[str, Keys], new: Mapping[str, Keys], excused: Excused) -> Merged:
    """Merge all rows.

    Args:
        ours: the rows of the table.
        old: what was generated for the version before.
        new: what is generated now.
        excused: tells of a row and a key that the SDK has dropped whether it stays.
    """
    merged = Merged()
    for name, keys in new.items():
        if name not in ours:
            merged.rows[name] = dict(keys)
            merged.changes.append(f"new: `{name}`")
            continue
        before = old.get(name, {})
        row = _Row(name, excused).merge(ours[name], before, keys, merged)
        if row != ours[name] or list(row) != list(ours[name]):
            merged.rows[name] = row
    for name in ours.keys() & (old.keys() - new.keys()):
        if excused(name, ""):
            merged.kept.append(f"`{name}`: the SDK has dropped it; it stays, excused by name")
        elif _is_as_generated(ours[name], old[name]):
            merged.removed.append(name)
            merged.changes.append(f"gone: `{name}`")
        else:
            merged.kept.append(f"`{name}`: the SDK has dropped it, and its row was edited; remove or excuse it")
    return merged


def _is_as_generated(ours: Keys, old: Keys) -> bool:
    keys = {key for key in ours.keys() | old.keys() if key not in (*OURS, *TABLES)}
    tables = [key for key in TABLES if key in ours or key in old]
    return all(_same(key in TYPES, ours.get(key), old.get(key)) for key in keys) and all(
        ours.get(table, {}).keys() == old.get(table, {}).keys()
        and all(_same(table == "params", each, old[table][key]) for key, each in ours.get(table, {}).items())
        for table in tables
    )


class _Row:
    def __init__(self, name: str, excused: Excused) -> None:
        self._name = name
        self._excused = excused

    def merge(self, ours: Keys, old: Keys, new: Keys, merged: Merged) -> dict[str, Any]:
        """Return the keys of the row."""
        tables = {key for key in TABLES if key in ours or key in new}
        plain = [{k: v for k, v in keys.items() if k not in TABLES and k not in OURS} for keys in (ours, old, new)]
        row = self._keys("", plain[0], plain[1], plain[2], merged)
        row = {**{key: ours[key] for key in OURS if key in ours}, **row}
        if "deprecated" in new and "deprecated" not in ours:
            row["deprecated"] = new["deprecated"]
            merged.changes.append(f"changed: `{self._name}` is deprecated")
        row = _in_order(row, ours, new)
        for key in [each for each in TABLES if each in tables]:
            theirs = [keys.get(key, {}) for keys in (ours, old, new)]
            if key == "params":
                row[key] = self._keys("params", theirs[0], theirs[1], theirs[2], merged)
            else:
                row[key] = self._sends(theirs[0], theirs[1], theirs[2], merged)
        return row

    def _sends(self, ours: Keys, old: Keys, new: Keys, merged: Merged) -> dict[str, Any]:
        sends: dict[str, Any] = {}
        for event in _ordered(ours, new):
            if event not in new and event in old and ours[event] == old[event]:
                merged.changes.append(f"gone: `{self._name}` sends `{event}`")
                continue
            if event not in ours and event in old:
                merged.kept.append(f"`{self._name}` sends no `{event}`, as edited")
                continue
            if event not in ours:
                merged.changes.append(f"new: `{self._name}` sends `{event}`")
            sides = [side.get(event, {}) for side in (ours, old, new)]
            sends[event] = self._keys(f"sends.{event}", sides[0], sides[1], sides[2], merged)
        return sends

    def _keys(self, where: str, ours: Keys, old: Keys, new: Keys, merged: Merged) -> dict[str, Any]:
        """Merge one level of keys: of the row itself, of its parameters, or of an event's."""
        result: dict[str, Any] = {}
        for key in _ordered(ours, new):
            place = f"{where}.{key}" if where else key
            a, b, c = ours.get(key), old.get(key), new.get(key)
            typed = bool(where) or key in TYPES
            value = c
            if _same(typed, a, c) or _same(typed, b, c):
                value = a
            elif not _same(typed, a, b):
                merged.kept.append(f"`{self._name}` {place}: {_shown(a)} as edited; the SDK has {_shown(c)}")
                value = a
            elif c is None and self._excused(self._name, place):
                merged.kept.append(f"`{self._name}` {place}: {_shown(a)}; the SDK has dropped it, it stays as excused")
                value = a
            else:
                kind = "new" if a is None else "gone" if c is None else "changed"
                values = {"new": _shown(c), "gone": _shown(a), "changed": f"{_shown(a)} -> {_shown(c)}"}[kind]
                merged.changes.append(f"{kind}: `{self._name}` {place}: {values}")
            if value is not None:
                result[key] = value
        return result


def _ordered(ours: Keys, new: Keys) -> list[str]:
    """Return the keys of both in our order, those that are new after the one that they follow."""
    order = list(ours)
    names = list(new)
    for index, name in enumerate(names):
        if name not in ours:
            after = next((order.index(each) + 1 for each in reversed(names[:index]) if each in order), 0)
            order.insert(after, name)
    return order


def _in_order(row: Keys, ours: Keys, new: Keys) -> dict[str, Any]:
    return {key: row[key] for key in _ordered(ours, new) if key in row}


def _same(typed: bool, a: Any, b: Any) -> bool:
    if typed and isinstance(a, str) and isinstance(b, str):
        return a == b or same_type(a, b)
    return bool(a == b)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"`{value}`"
