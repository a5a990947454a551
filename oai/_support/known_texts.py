"""Find which of many known texts occur in another text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LENGTH = 8
"""Minimum length of a known text, in characters; the first ones are the key by which it is looked up."""

FEW = 32
"""Up to this number of known texts, searching for each is faster than splitting the text."""


class KnownTexts:
    """A growing set of texts, none of them shorter than `LENGTH`.

    One regular expression of all would be compiled again for each text that is added, and tries each of them at each
    place. Adding needs a lock, searching does not.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._by_start: dict[str, tuple[str, ...]] = {}

    def add(self, texts: Iterable[str]) -> None:
        """Add texts."""
        for text in texts:
            start = text[:LENGTH]
            same_start = self._by_start.get(start, ())
            if text not in same_start:
                self._by_start[start] = (*same_start, text)
                self._texts.append(text)

    def within(self, text: str) -> frozenset[str]:
        """Return the known texts that occur in a text."""
        if len(self._texts) <= FEW:
            return frozenset(known for known in self._texts if known in text)
        return frozenset(self._found(text))

    def _found(self, text: str) -> Iterator[str]:
        by_start = self._by_start
        for place in range(len(text) - LENGTH + 1):
            if (start := text[place : place + LENGTH]) in by_start:
                yield from (known for known in by_start[start] if text.startswith(known, place))
