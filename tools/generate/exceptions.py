"""The differences that are meant: each with its reason, and each still there.

`exceptions.toml` lists them. What is excused there but no longer differs is reported, too, so that the list holds
nothing that has passed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tools.generate.drift import Difference

SOURCES = ("official", "surface", "specification")

LIST = Path(__file__).with_name("exceptions.toml")


@dataclass(frozen=True)
class Excuse:
    """One entry: which differences it excuses, and why. Names and keys may hold `*`."""

    source: str
    operations: Sequence[str]
    kinds: Sequence[str]
    keys: Sequence[str]
    reason: str

    def covers(self, difference: Difference) -> bool:
        """Return whether a difference is one of these."""
        return (
            difference.source == self.source
            and difference.kind in self.kinds
            and any(fnmatchcase(difference.operation, each) for each in self.operations)
            and any(fnmatchcase(difference.key, each) for each in self.keys)
        )


@dataclass(frozen=True)
class Exceptions:
    """The whole list: excused differences, and helpers of the official SDK that are not operations."""

    entries: Sequence[Excuse]
    helpers: dict[str, str]

    @classmethod
    def load(cls, path: Path = LIST) -> Exceptions:
        """Read the list; an entry without a reason, or with a key that is none, is an error."""
        document = tomllib.loads(path.read_text())
        entries = [_entry(source, each) for source in SOURCES for each in document.get(source, [])]
        return cls(entries, dict(document["helpers"]))

    def sift(self, found: Iterable[Difference], sources: Iterable[str]) -> tuple[list[Difference], list[str]]:
        """Return what is not excused, and the complaints about entries that excuse nothing any more."""
        open_: list[Difference] = []
        used: set[int] = set()
        for difference in found:
            entry = next((n for n, each in enumerate(self.entries) if each.covers(difference)), None)
            if entry is None:
                open_.append(difference)
            else:
                used.add(entry)
        stale = [
            f"stale    {each.source:<13}  {each.operations} {each.keys}: excused, but not different"
            for n, each in enumerate(self.entries)
            if n not in used and each.source in set(sources)
        ]
        return open_, stale


def _entry(source: str, keys: dict[str, Any]) -> Excuse:
    if set(keys) - {"operations", "kinds", "keys", "reason"} or not keys.get("reason"):
        raise ValueError(f"{LIST.name}: [[{source}]] takes operations, kinds, keys and a reason, not {sorted(keys)}")
    kinds = keys.get("kinds", ["missing", "gone", "changed"])
    return Excuse(source, keys["operations"], kinds, keys.get("keys", [""]), keys["reason"])
