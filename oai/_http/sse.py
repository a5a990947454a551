"""Server-sent events, by the WHATWG rules (HTML standard, section 9.2.6).

`EventParser` takes the bytes of a stream, cut anywhere, and returns the events that they complete. It does no I/O
and knows nothing of JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

LONGEST_NUMBER = 18
"""Maximum number of digits of a reconnection time; Python refuses to parse thousands."""


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One event: its data, its name, and the last id of the stream; empty if the stream has none."""

    data: bytes
    event: str = ""
    id: str = ""


class EventParser:
    """Parses bytes into events.

    A carriage return, a line feed or both end a line. An event is complete at its blank line; the end of the stream
    discards an incomplete one, whose data is in `pending`. `held` is the number of buffered bytes.
    """

    def __init__(self) -> None:
        self.held = 0
        self.retry: int | None = None
        """The reconnection time that the stream sent last, in milliseconds."""
        self._tail: list[bytes] = []
        self._skip_line_feed = False
        self._begun = False
        self._data: list[bytes] = []
        self._event = ""
        self._id = ""

    @property
    def pending(self) -> bytes:
        """The data of the incomplete event, including its last line, whether that is complete or not."""
        tail = b"".join(self._tail)
        rest = [tail[5:].removeprefix(b" ")] if tail.startswith(b"data:") else []
        return b"\n".join(self._data + rest)

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        """Process the next bytes and return the events that they complete."""
        return [ServerSentEvent(data, name, self._id) for data, name in self.parse(piece)]

    def parse(self, piece: bytes) -> Iterator[tuple[bytes, str]]:
        """Process the next bytes and yield data and name of the events that they complete, each when it is requested.

        So the events of a large piece are not in memory at once.
        """
        text = self._lines(piece)
        at, completes, within = 0, False, bool(self._data or self._event)
        while (end := text.find(b"\n", at)) >= 0:
            # Nearly all events have one of these two forms. Parsing them line by line would cost more than decoding.
            if not within and text.startswith(b"\n\n", end) and text.startswith(b"data: ", at):
                data, name, at = text[at + 6 : end], "", end + 2
            elif not within and text.startswith(b"data: ", end + 1) and (last := _named_end(text, at, end)):
                data, name, at = text[end + 7 : last], text[at + 7 : end].decode(errors="replace"), last + 2
            else:
                line, at = text[at:end], end + 1
                if line:
                    self._field(line)
                event = None if line else self._complete()
                within = bool(self._data or self._event)
                if event is None:
                    continue
                data, name = event
            completes = True
            yield data, name
        if text:
            rest = text[at:]
            self._tail = [rest] if rest else []
            if self._data and not completes:
                self.held += len(piece)
            else:
                self.held = len(rest) + sum(map(len, self._data))

    def _lines(self, piece: bytes) -> bytes:
        """Return what is buffered and the piece, with LF as line ends; nothing, and buffer it, if it ends no line."""
        if not self._begun:
            piece = self._begin(piece)
        if self._skip_line_feed and piece:
            piece = piece.removeprefix(b"\n")
            self._skip_line_feed = False
        if b"\r" in piece:
            # A line feed at the start of the next piece belongs to this line end; it must not count as a blank line.
            self._skip_line_feed = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" in piece:
            return b"".join((*self._tail, piece)) if self._tail else piece
        if piece:
            self._tail.append(piece)
            self.held += len(piece)
        return b""

    def _begin(self, piece: bytes) -> bytes:
        """Drop a byte order mark, which may itself be split between pieces."""
        piece = b"".join((*self._tail, piece))
        self._tail = []
        if len(piece) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(piece):
            self._tail = [piece] if piece else []
            return b""
        self._begun = True
        return piece.removeprefix(BYTE_ORDER_MARK)

    def _complete(self) -> tuple[bytes, str] | None:
        """Return the event that a blank line completes, if it has data."""
        lines, name = self._data, self._event
        self._data, self._event = [], ""
        return (lines[0] if len(lines) == 1 else b"\n".join(lines), name) if lines else None

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit() and len(value) <= LONGEST_NUMBER:
            self.retry = int(value)


def _named_end(text: bytes, start: int, end: int) -> int:
    """Return the end of the second line if the first one is a name, and a blank line follows; otherwise 0."""
    last = text.find(b"\n", end + 1) if text.startswith(b"event: ", start) else 0
    return last if last > 0 and text.startswith(b"\n\n", last) else 0
