"""The nearest right word, for messages that say what would have been right."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the most similar of the words, or nothing if none is similar."""
    from difflib import get_close_matches  # only a message needs it

    return next(iter(get_close_matches(word, list(words), n=1, cutoff=0.6)), "")
