"""The cells that text takes on a terminal: two for wide characters and emoji, none for combining ones."""

from __future__ import annotations

import unicodedata
from typing import Final

JOINER: Final = "\u200d"
"""Joins emoji to one (Unicode TR 51), such as those of a family."""

EMOJI_STYLE: Final = "\ufe0f"
"""Shows the character before it as an emoji, which is wide."""

OPENING: Final = ("Ps", "Pi")
"""Categories of characters after which no line ends."""

CLOSING: Final = ("Pe", "Pf", "Po", "Lm")
"""Categories of characters with which no line begins."""


def cells(text: str) -> int:
    """Return the number of cells that a text without tabs and line feeds takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(character, previous) for previous, character in zip(f" {text}", text, strict=False))


def _cells(character: str, previous: str) -> int:
    if previous == JOINER or (_is_skin_tone(character) and is_wide(previous)):
        return 0
    if character == EMOJI_STYLE:
        return 0 if is_wide(previous) else 1
    return 0 if _has_no_width(character) else 1 + is_wide(character)


def is_wide(character: str) -> bool:
    """Tell whether a character takes two cells."""
    return unicodedata.east_asian_width(character) in ("W", "F")


def may_break(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters of a word: next to wide ones, as in Chinese and Japanese."""
    if not (is_wide(before) or is_wide(after)) or before == JOINER:
        return False
    if _has_no_width(after) or _is_skin_tone(after):
        return False
    return unicodedata.category(before) not in OPENING and unicodedata.category(after) not in CLOSING


def _has_no_width(character: str) -> bool:
    """Tell whether a character is shown on the one before it, or not at all."""
    is_part_of_syllable = "\u1160" <= character <= "\u11ff"  # the vowel or the end of a Korean one
    return is_part_of_syllable or unicodedata.category(character) in ("Mn", "Me", "Cf")


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"
