"""Accumulate fields that the API does not declare, and content that is a list of parts.

Compatible servers stream both in pieces. The rules are those of declared fields: strings grow, objects are merged,
list items are merged if they have the same `index`, any other value replaces the previous one.
"""

from __future__ import annotations

from typing import Any

from oai._json.objects import plain
from oai._json.unions import RESERVED
from oai.helpers.streaming.partial_text import GrowingText
from oai.helpers.structured.content import TEXTS

NOT_OF_ANSWER = frozenset({*RESERVED, "obfuscation"})

APART = frozenset({*NOT_OF_ANSWER, "custom"})
"""Undeclared fields that `gather` skips: they are accumulated elsewhere, or not at all."""

JUDGED = "content_filter_results"
"""Azure's verdict on the text so far. Each chunk has the complete object, so that the last one replaces the others."""

WHOLE = frozenset({"id", "type", "format", "role"})
"""String fields of nested objects that are repeated, not continued. OpenRouter repeats `format` in each piece."""


def gather(into: dict[str, Any], delta: Any) -> None:
    """Accumulate the undeclared fields of a delta: append strings, merge lists and objects, replace anything else."""
    extra = getattr(delta, "__dict__", None)
    if extra:
        _merge(into, {name: value for name, value in extra.items() if name not in APART})


def finished(extra: dict[str, Any]) -> dict[str, Any]:
    """Return what `gather` accumulated as plain data."""
    return {name: _finished(value) for name, value in extra.items()}


class Parts:
    """Content sent as a list of parts. Adjacent parts of one type are merged, as in a response that is not streamed."""

    def __init__(self) -> None:
        self._items: list[Any] = []

    def add(self, pieces: list[Any]) -> None:
        """Append parts; a part of the same type as the last one continues it."""
        parts = [{"type": "text", "text": piece} if isinstance(piece, str) else piece for piece in pieces]
        _append_parts(self._items, parts)

    @property
    def is_text(self) -> bool:
        """Whether all parts are plain text, so that the text alone is the content."""
        return all(_is_text(item) for item in self._items)

    def to_list(self) -> list[Any]:
        """Return the parts as plain data."""
        return [_finished(item) for item in self._items]


def _is_text(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() <= {"type", "text"} and item.get("type") in TEXTS


def _merge(
    into: dict[str, Any], extra: dict[str, Any], whole: frozenset[str] = frozenset(), *, parts: bool = False
) -> None:
    for name, value in extra.items():
        current = into.get(name)
        if isinstance(value, str) and name not in whole and (current is None or isinstance(current, GrowingText)):
            into.setdefault(name, GrowingText()).append(value)
        elif isinstance(value, list):
            into[name] = current = current if isinstance(current, list) else []
            (_append_parts if parts else _merge_items)(current, value)
        elif isinstance(value, dict) and name != JUDGED:
            into[name] = current = current if isinstance(current, dict) else {}
            _merge(current, value, WHOLE, parts=parts)
        elif value is not None:
            into[name] = value


def _merge_items(items: list[Any], new: list[Any]) -> None:
    """Merge items into those of the same index, unless the types differ, and append the others."""
    for value in new:
        if not isinstance(value, dict) or not isinstance(value.get("index"), int):
            items.append(value)
            continue
        item = next((other for other in items if isinstance(other, dict) and _continues(other, value)), None)
        if item is None:
            items.append(item := {})
        _merge(item, value, WHOLE)


def _append_parts(items: list[Any], new: list[Any]) -> None:
    for value in new:
        if not isinstance(value, dict):
            items.append(value)
            continue
        if not items or not isinstance(items[-1], dict) or not _continues(items[-1], value):
            items.append({})
        _merge(items[-1], value, WHOLE, parts=True)


def _continues(item: dict[str, Any], value: dict[str, Any]) -> bool:
    kind = item.get("type")
    return item.get("index") == value.get("index") and value.get("type", kind) == kind


def _finished(value: Any) -> Any:
    if isinstance(value, dict):
        return finished(value)
    if isinstance(value, list):
        return [_finished(item) for item in value]
    return value.text() if isinstance(value, GrowingText) else plain(value)
