"""Text that grows piece by piece, and a parser for incomplete JSON documents.

A stream appends to a `GrowingText` at constant cost and hands out views of it; the text at the time of a view is only
joined when the view is read.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec


class GrowingText:
    """A text that grows by appending pieces."""

    __slots__ = ("_joined", "_upto", "pieces")

    def __init__(self, text: str = "") -> None:
        self.pieces = [text] if text else []
        self._upto, self._joined = 0, ""

    def append(self, piece: str) -> None:
        """Append a piece."""
        self.pieces.append(piece)

    def set(self, text: str) -> None:
        """Replace the text. Views of the old text keep it."""
        self.pieces = [text]
        self._upto, self._joined = 0, ""

    def text(self) -> str:
        """Return the whole text."""
        return self.upto(self.pieces, len(self.pieces))

    def view(self) -> View:
        """Return a view of the text as of now."""
        return View(self, self.pieces, len(self.pieces))

    def upto(self, pieces: list[str], count: int) -> str:
        """Join the first `count` pieces, reusing the previous join if possible."""
        if pieces is not self.pieces or count < self._upto:
            return "".join(pieces[:count])
        if count > self._upto:
            self._joined = "".join([self._joined, *pieces[self._upto : count]])
            self._upto = count
        return self._joined


class View:
    """A growing text as of one moment."""

    __slots__ = ("_count", "_pieces", "_text")

    def __init__(self, text: GrowingText, pieces: list[str], count: int) -> None:
        self._text = text
        self._pieces = pieces
        self._count = count

    def __str__(self) -> str:
        return self._text.upto(self._pieces, self._count)

    def __reduce__(self) -> tuple[Any, ...]:
        return _view_of, (str(self),)


def _view_of(text: str) -> View:
    return GrowingText(text).view()


HEX = "[0-9a-fA-F]"
ESCAPE = rf"\\[^u]|\\u[dD][89abAB]{HEX}{{2}}\\u{HEX}{{4}}|\\u(?![dD][89abAB]){HEX}{{4}}"
TOKEN = re.compile(rf'"(?:[^"\\]|{ESCAPE})*("?)|[\[\]{{}}:,]|[^\s\[\]{{}}:,"]+', re.DOTALL)
"""One token of a JSON document. An incomplete string ends before an incomplete escape sequence."""

CLOSING = {"{": "}", "[": "]"}


def partial_json(text: str) -> Any:
    """Parse the beginning of a JSON document; return `None` while there is no value yet.

    An incomplete string is included as far as it goes. A key without its value is left out, and so is a number or
    literal at the very end, which may continue.
    """
    try:
        return msgspec.json.decode(_completed(text))
    except (msgspec.DecodeError, UnicodeError):
        return None


def _completed(text: str) -> str:
    """Return the longest prefix of the text that can be closed to a complete document, closed."""
    stack: list[str] = []
    whole = ""
    expects_key = False
    for token in TOKEN.finditer(text):
        word, end = token[0], token.end()
        if word in CLOSING:
            stack.append(CLOSING[word])
            expects_key = word == "{"
        elif word in CLOSING.values():
            del stack[-1:]
        elif word in (":", ","):
            expects_key = word == "," and stack[-1:] == ["}"]
            continue
        elif expects_key or (end == len(text) and word[0] != '"'):
            continue
        elif word[0] == '"' and not token[1]:
            return f'{text[:end]}"' + "".join(reversed(stack))
        whole = text[:end] + "".join(reversed(stack))
    return whole
