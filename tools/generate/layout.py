"""The layout of generated text files: no line is longer than people read, so that a change is a line in a diff."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

WIDEST = 120

RUFF = (sys.executable, "-m", "ruff")
STYLE = (
    "--isolated",
    "--target-version",
    "py311",
    "--config",
    "line-length = 120",
    "--config",
    "lint.isort.combine-as-imports = true",
)
"""The project's own settings leave generated files alone."""

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


def sort_imports(*paths: Path) -> None:
    """Sort the imports of generated files, or of those in a directory."""
    subprocess.run([*RUFF, "check", "-q", *STYLE, "--select", "I", "--fix", *map(str, paths)], check=False)


def format_files(*paths: Path) -> None:
    """Format generated files, or those in a directory."""
    subprocess.run([*RUFF, "format", "-q", *STYLE, *map(str, paths)], check=True)


def path_of(module: str) -> str:
    """Return the call path of a module: `responses` for `responses.responses`, as the SDK's packages are."""
    *outer, name = module.split(".")
    return ".".join(outer if outer and outer[-1] == name else [*outer, name])
