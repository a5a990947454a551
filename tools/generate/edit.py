"""Edit rows of the table in its text: everything that does not change stays as it is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from oai._table.rows import HELPER_KEYS, ROW_KEYS
from oai._table.websocket_row import WebSocketRow
from oai._table.write import to_toml, value_to_toml

HEADER = re.compile(r"^\[([^\[\]]+)\]\s*(#.*)?$")
KINDS = ("method", "helper", "websocket")
"""A row has one of these."""

KEY = re.compile(r'^("(?:[^"\\]|\\.)*"|[\w-]+)\s*=')


class TableText:
    """The text of a table by rows.

    Args:
        text: the table.
    """

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(self.lines).rstrip() + "\n"

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the keys of all rows by call path."""
        return dict(_rows(tomllib.loads(self.text)))

    def replace(self, name: str, keys: Mapping[str, Any]) -> None:
        """Write the keys of a row: anew where it is laid out as generated, else line by line."""
        start, end = self._span(name)
        before = self._row(name)
        anew = to_toml({name: keys}).rstrip().splitlines()
        if "\n".join(self.lines[start:end]) == to_toml({name: before}).rstrip():
            self.lines[start:end] = anew
            return
        lines = _edited(self.lines[start:end], name, before, keys)
        matches = dict(_rows(tomllib.loads("\n".join(lines)))).get(name) == dict(keys)
        self.lines[start:end] = lines if matches else anew

    def _row(self, name: str) -> dict[str, Any]:
        start, end = self._span(name)
        return dict(_rows(tomllib.loads("\n".join(self.lines[start:end]))))[name]

    def add(self, name: str, keys: Mapping[str, Any]) -> None:
        """Write a new row after its neighbour: the last one, in the order of names, of the nearest namespace."""
        names = list(self.rows())
        before = _neighbour(name, names)
        lines = ["", *to_toml({name: keys}).rstrip().splitlines()]
        if before:
            _, end = self._span(before)
            self.lines[end:end] = lines
        else:
            self.lines += lines

    def remove(self, name: str) -> None:
        """Remove a row and the blank line after it."""
        start, end = self._span(name)
        while end < len(self.lines) and not self.lines[end].strip():
            end += 1
        del self.lines[start:end]

    def _span(self, name: str) -> tuple[int, int]:
        """Return the lines of a row, without blank lines and comments that precede the next one."""
        start = next(n for n, line in enumerate(self.lines) if _header(line) == name)
        end = start + 1
        while end < len(self.lines):
            header = _header(self.lines[end])
            if header is not None and not self._is_part(header, name):
                break
            end += 1
        while not self.lines[end - 1].strip() or self.lines[end - 1].startswith("#"):
            end -= 1
        return start, end

    @staticmethod
    def _is_part(header: str, name: str) -> bool:
        return header.startswith(f"{name}.") and header.removeprefix(f"{name}.").partition(".")[0] in PARTS


PARTS = frozenset({*ROW_KEYS, *HELPER_KEYS, *(each.name for each in msgspec.structs.fields(WebSocketRow))})
"""The keys of rows, some of which are tables."""


def _header(line: str) -> str | None:
    found = HEADER.match(line)
    return found[1] if found else None


def _rows(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in document.items():
        if isinstance(value, dict):
            is_row = any(isinstance(value.get(kind), str) for kind in KINDS)
            if is_row:
                yield prefix + key, value
            inner = {name: each for name, each in value.items() if not (is_row and name in PARTS)}
            yield from _rows(inner, f"{prefix}{key}.")


def _neighbour(name: str, names: Sequence[str]) -> str:
    """Return the row after which a new one is written, an empty string for the end of the table."""
    path = name
    while path := path.rpartition(".")[0]:
        siblings = [each for each in names if each.startswith(f"{path}.")]
        if siblings:
            earlier = [each for each in siblings if each < name]
            return earlier[-1] if earlier else siblings[-1]
    return ""


def _edited(lines: list[str], name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the lines of a row that people have laid out, with only the changed keys written anew."""
    result = list(lines)
    for header, old, new in _levels(name, before, after):
        for key in [*old, *(each for each in new if each not in old)]:
            if old.get(key) != new.get(key):
                _set(result, header, key, new.get(key), list(new))
    return result


def _levels(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    old, new = ({key: value for key, value in keys.items() if key != "params"} for keys in (before, after))
    yield f"[{name}]", old, new
    yield f"[{name}.params]", before.get("params", {}), after.get("params", {})


def _set(lines: list[str], header: str, key: str, value: Any, order: Sequence[str]) -> None:
    if header not in lines:  # inline: the caller writes the row anew
        return
    spans = dict(_key_spans(lines, lines.index(header) + 1))
    column = max((lines[start].index("=") - 1 for start, _ in spans.values()), default=0)
    written = [] if value is None else f"{key:{column}} = {value_to_toml(value, column)}".splitlines()
    if key in spans:
        start, end = spans[key]
        if written:
            written[0] = lines[start].partition("=")[0] + "= " + written[0].partition("= ")[2]
        lines[start:end] = written
    else:
        before = next((each for each in reversed(order[: order.index(key)]) if each in spans), None)
        place = spans[before][1] if before else lines.index(header) + 1
        lines[place:place] = written


def _key_spans(lines: list[str], start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    while start < len(lines) and not HEADER.match(lines[start]):
        found = KEY.match(lines[start])
        end = start + 1
        if found:
            while end < len(lines) and not _parses("\n".join(lines[start:end])):
                end += 1
            yield found[1].strip('"'), (start, end)
        start = end


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
