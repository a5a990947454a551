"""Text that grows by pieces, and what half a JSON document says.

A stream appends to a `Pieces`, which costs the same for each piece, and hands out views of it: what the text was
at a moment is only put together when somebody asks.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec


class Pieces:
    """A text that pieces are appended to."""

    __slots__ = ("_joined", "_upto", "pieces")

    def __init__(self, text: str = "") -> None:
        self.pieces = [text] if text else []
        self._upto, self._joined = 0, ""

    def append(self, piece: str) -> None:
        """Add a piece at the end."""
        self.pieces.append(piece)

    def set(self, text: str) -> None:
        """Replace the text; views of the old one stay as they are."""
        self.pieces = [text]
        self._upto, self._joined = 0, ""

    def text(self) -> str:
        """Return all of it."""
        return self.upto(self.pieces, len(self.pieces))

    def view(self) -> View:
        """Return the text as it is now."""
        return View(self, self.pieces, len(self.pieces))

    def upto(self, pieces: list[str], count: int) -> str:
        """Join the first pieces, from where the last join ended where that is possible."""
        if pieces is not self.pieces or count < self._upto:
            return "".join(pieces[:count])
        if count > self._upto:
            self._joined = "".join([self._joined, *pieces[self._upto : count]])
            self._upto = count
        return self._joined


class View:
    """What a growing text was at a moment."""

    __slots__ = ("_count", "_pieces", "_text")

    def __init__(self, text: Pieces, pieces: list[str], count: int) -> None:
        self._text = text
        self._pieces = pieces
        self._count = count

    def __str__(self) -> str:
        return self._text.upto(self._pieces, self._count)

    def __reduce__(self) -> tuple[Any, ...]:
        return _view_of, (str(self),)


def _view_of(text: str) -> View:
    return Pieces(text).view()


HEX = "[0-9a-fA-F]"
ESCAPE = rf"\\[^u]|\\u[dD][89abAB]{HEX}{{2}}\\u{HEX}{{4}}|\\u(?![dD][89abAB]){HEX}{{4}}"
TOKEN = re.compile(rf'"(?:[^"\\]|{ESCAPE})*("?)|[\[\]{{}}:,]|[^\s\[\]{{}}:,"]+', re.DOTALL)
"""A part of a document. A string that is cut ends before an escape sequence that is not whole."""

CLOSING = {"{": "}", "[": "]"}


def partial_json(text: str) -> Any:
    """Return what the beginning of a JSON document says so far, `None` while it says nothing.

    A string that is cut is there as far as it goes; a key without its value, and a number or word that may go on,
    are not there yet.
    """
    try:
        return msgspec.json.decode(_completed(text))
    except (msgspec.DecodeError, UnicodeError):
        return None


def _completed(text: str) -> str:
    """Return the fullest whole document that the text may be the beginning of."""
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
