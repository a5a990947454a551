"""Colours and tables on a terminal, with rich where it is installed (`oai[rich]`); without it, plain text.

rich honours `NO_COLOR`, `TERM` and the width of the terminal itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST = 20
"""The characters that the last column of a table has at least."""

WIDE = 140
"""The width of a terminal that has space for all columns of a table; others show the first and the last ones."""

MOST_INDENT = 50
"""The largest indentation of the continuation of a line of help."""


def console() -> Console | None:
    """Return rich's console; `None` if the output is not a terminal, or rich is not installed."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_json(text: str) -> bool:
    """Print JSON in colours; return whether it was printed."""
    target = console()
    if target is None:
        return False
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    coloured = Text(text)
    JSONHighlighter().highlight(coloured)
    target.print(coloured, soft_wrap=True)
    return True


def print_line(line: str, indent: int = 0, name: str = "") -> None:
    """Print a line: wrapped to the width of a terminal, else whole.

    Args:
        line: the text.
        indent: the column at which its continuation begins, if the terminal has space to its right.
        name: the part of it that rich colours.
    """
    text = _wrapped(line, indent).rstrip()
    start = text.find(name) if name else -1  # a very narrow terminal breaks names, too
    target = console() if start >= 0 else None
    if target is None:
        print(text)  # noqa: T201
        return
    from rich.text import Text

    coloured = Text(text)
    coloured.stylize("cyan", start, start + len(name))
    target.print(coloured, soft_wrap=True)


def print_text(text: str) -> None:
    """Print help: lines that are too long for a terminal continue in their second column, if they have one."""
    for line in text.splitlines():
        start = len(line) - len(line.lstrip())
        before, gap, _ = line[start:].partition("  ")
        second = line.find(line[start:].removeprefix(before).lstrip(), start + len(before)) if gap else 0
        print_line(line, second if 0 < second <= MOST_INDENT else start and start + 4)


def print_table(rows: Sequence[Sequence[str]], styles: Sequence[str], widths: Sequence[int]) -> None:
    """Print rows in columns: within the width of a terminal, else one row on a line for other programs.

    Args:
        rows: the cells, as many in each row.
        styles: rich's style of each column.
        widths: the width of each column but the last; a longer cell shifts the rest of its line.
    """
    target = console()
    if target is None:
        _print_plain(rows, widths)
        return
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    for style in styles:
        table.add_column(style=style, overflow="fold")
    for row in rows:
        table.add_row(*row)
    target.print(table)


def _print_plain(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    for *first, last in rows:
        line = "".join(f"{cell:<{width}}  " for cell, width in zip(first, widths, strict=True)) + last
        print(_wrapped(line, sum(widths) + 2 * len(widths)).rstrip())  # noqa: T201


def _wrapped(line: str, indent: int) -> str:
    """Return a line as lines that a terminal has space for; for other outputs as it is."""
    if not sys.stdout.isatty():
        return line
    import textwrap  # as `shutil` below, not needed by a call

    columns = max(width(), NARROWEST)
    if columns - indent < NARROWEST:
        indent = 4
    return textwrap.fill(line, columns, subsequent_indent=" " * indent, break_on_hyphens=False)


def width() -> int:
    """Return the width of the terminal, in characters."""
    import shutil

    return shutil.get_terminal_size().columns
