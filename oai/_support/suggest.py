"""Spelling suggestions for error messages ("did you mean ...?")."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the most similar of the words, or an empty string if none is similar."""
    from difflib import get_close_matches  # only a message needs it

    return next(iter(get_close_matches(word, list(words), n=1, cutoff=0.6)), "")
