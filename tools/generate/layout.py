"""The layout of generated text files: no line is longer than people read, so that a change is a line in a diff."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

WIDEST = 120

CONTINUED = "    "
"""What a line begins with that continues the one before (`oai._support.official_modules` joins them again)."""


def wrapped(text: str) -> str:
    """Return lines of declarations, those that are too long over several lines."""
    lines = [_line(line) if line[:1] != "#" else [line] for line in text.splitlines()]
    return "\n".join(each for line in lines for each in line) + "\n"


def _line(line: str) -> list[str]:
    return wrap(line, WIDEST, subsequent_indent=CONTINUED, break_long_words=False, break_on_hyphens=False)


def joined(text: str) -> list[str]:
    """Return the declarations, each on one line, without comments."""
    lines = text.replace(f"\n{CONTINUED}", " ").splitlines()
    return [line for line in lines if not line.startswith("#")]


def pairs_of(homes: str) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and the other name there, or an empty text, of each pair in what a module's line declares."""
    for home in filter(None, homes.strip().split("; ")):
        source, *pairs = home.split()
        for pair in pairs:
            here, _, there = pair.partition("=")
            yield source, here, there


def strings(names: str, indent: str) -> str:
    """Return a Python expression for a text of names: over several lines if it is too long for one."""
    if len(indent) + len(names) <= WIDEST - 60:
        return repr(names)
    lines = wrap(names, WIDEST - len(indent) - 8, break_long_words=False, break_on_hyphens=False)
    pieces = [f"{line} " for line in lines[:-1]] + lines[-1:]
    return "(\n" + "".join(f"{indent}{piece!r}\n" for piece in pieces) + ")"
