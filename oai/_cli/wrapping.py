"""Wrap a reply at its words while it arrives.

A word is held back until its end is known. Code, in fences or indented, and the rows of tables keep their lines; an
item of a list continues below its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from oai._cli.cells import cells, may_break

BLANKS: Final = " \t"

TAB: Final = 8
"""The distance of a terminal's tab stops."""

CODE_INDENT: Final = 4
"""The columns that indented code begins with in Markdown."""

SPACE_OF_ITEM: Final = 10
"""The columns that an item of a list has at least; a narrower one continues at the margin."""

FENCE: Final = re.compile(r"`{3,}(?!.*`)|~{3,}")
ITEM: Final = re.compile(r"[-*+\u2022]|\d{1,9}[.)]")


class Wrapper:
    """Wraps one text.

    Args:
        columns: returns the width of the terminal, which may change meanwhile.
    """

    def __init__(self, columns: Callable[[], int]) -> None:
        self._columns = columns
        self._source = ""  # the line that is arriving, as it came
        self._gap = self._word = ""  # held back
        self._column = self._indent = 0
        self._begins = True  # the first word of the line is not complete
        self._keeps = False  # the line stays as it is
        self._fence = ""
        self._in_list = False
        self._after_blank = True
        self._output: list[str] = []

    def add(self, text: str) -> str:
        """Take the next piece of the text; return what can be printed."""
        for character in text:
            if character == "\n":
                self._end_line()
            else:
                self._source += character
                self._add(character)
        return self._taken()

    def finish(self) -> str:
        """Return what was held back, at the end of the text."""
        self._put_word()
        return self._taken()

    def _taken(self) -> str:
        text = "".join(self._output)
        self._output.clear()
        return text

    def _add(self, character: str) -> None:
        if character in BLANKS or (self._word and may_break(self._word[-1], character)):
            self._put_word()
        if self._keeps or self._fence:
            self._output.append(character)
        elif character in BLANKS:
            self._gap += character
        else:
            self._word += character

    def _put_word(self) -> None:
        """Print the word that was held back, on the next line if this one has no space for it."""
        if not self._word:
            return
        if self._begins:
            self._begin_line()
        columns, width = self._columns(), cells(self._word)
        gap = self._gap.expandtabs(TAB) if not self._column else self._gap.replace("\t", " ")
        if not self._keeps and self._column > self._indent and self._column + len(gap) + width > columns:
            gap = "\n" + " " * self._indent
            self._column = self._indent - len(gap)
        self._output += self._gap if self._keeps else gap, self._word
        self._column += len(gap) + width
        if self._column > columns:  # the terminal itself has broken a long word
            self._column = (self._column - 1) % columns + 1
        self._gap = self._word = ""

    def _begin_line(self) -> None:
        """Decide, by the first word of a line, how it is printed."""
        self._begins = False
        margin = cells(self._gap.expandtabs(TAB))
        fence = FENCE.match(self._word)
        self._indent = margin
        if fence and (margin < CODE_INDENT or self._in_list):
            self._fence = fence[0]
        elif ITEM.fullmatch(self._word):
            self._in_list = True
            self._indent = margin + cells(self._word) + 1
        elif self._after_blank and not margin:
            self._in_list = False
        is_code = margin >= CODE_INDENT and self._after_blank and not self._in_list
        self._keeps = bool(self._fence) or is_code or self._word.startswith("|")
        if self._columns() - self._indent < SPACE_OF_ITEM:
            self._indent = 0

    def _end_line(self) -> None:
        line = self._source.strip(BLANKS)
        was_fence = self._fence
        self._put_word()
        if was_fence and line.startswith(was_fence) and not line.strip(was_fence[0]):
            self._fence = ""
        is_code = self._keeps and not was_fence and self._source[0] in BLANKS
        self._output.append("\n")
        self._after_blank = not line or is_code
        self._source = self._gap = ""
        self._column = self._indent = 0
        self._begins, self._keeps = True, False
