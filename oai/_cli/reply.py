"""Print a reply as it arrives: wrapped at words on a terminal, as it is elsewhere."""

from __future__ import annotations

import sys

from oai._cli.output import printable, without_controls
from oai._cli.terminal import NARROWEST, width
from oai._cli.wrapping import Wrapper


class PlainReply:
    """A reply to a file or another program: its text, and a line feed at its end."""

    def __init__(self) -> None:
        self._last = "\n"

    def show(self, piece: str) -> None:
        """Print the next piece."""
        self._last = piece or self._last
        sys.stdout.buffer.write(printable(piece, terminal=False))
        sys.stdout.buffer.flush()

    def pause(self) -> None:
        """Let a notice follow, on the standard error."""

    def end(self) -> None:
        """End the last line."""
        if not self._last.endswith("\n"):
            self.show("\n")


class WrappedReply(PlainReply):
    """A reply on a terminal: wrapped to its width, with control characters escaped."""

    def __init__(self) -> None:
        super().__init__()
        self._wrapper = _wrapper()

    def show(self, piece: str) -> None:
        """Print the next piece, except a word whose end has not arrived."""
        super().show(self._wrapper.add(without_controls(piece)))

    def pause(self) -> None:
        """End the line, so that a notice stands on one of its own."""
        self.end()

    def end(self) -> None:
        """Print the last word, and end its line."""
        super().show(self._wrapper.finish())
        self._wrapper = _wrapper()
        super().end()


def _wrapper() -> Wrapper:
    return Wrapper(lambda: max(width(), NARROWEST))
