"""Server-sent events, by the WHATWG rules (HTML standard, section 9.2.6).

`EventParser` takes the bytes of a stream, cut anywhere, and returns the events that they complete. It does no I/O
and knows nothing of JSON.
"""

from __future__ import annotations

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
        if not self._begun:
            piece = self._begin(piece)
        if self._skip_line_feed and piece:
            piece = piece.removeprefix(b"\n")
            self._skip_line_feed = False
        if b"\r" in piece:
            # A line feed at the start of the next piece belongs to this line end; it must not count as a blank line.
            self._skip_line_feed = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in piece:
            if piece:
                self._tail.append(piece)
                self.held += len(piece)
            return []
        *blocks, rest = b"".join((*self._tail, piece)).split(b"\n\n")
        events: list[ServerSentEvent] = []
        if blocks and (self._data or self._event):
            self._interpret(
                [*blocks.pop(0).split(b"\n"), b""], events
            )  # the end of an event that began in an earlier piece
        last_id = self._id
        for block in blocks:
            # Nearly all events have one of these two forms. Parsing them line by line would cost more than decoding.
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(ServerSentEvent(block[6:], "", last_id))
                continue
            name, _, data = block.partition(b"\ndata: ")
            if data and name.startswith(b"event: ") and b"\n" not in data and b"\n" not in name:
                events.append(ServerSentEvent(data, name[7:].decode(errors="replace"), last_id))
                continue
            self._interpret([*block.split(b"\n"), b""], events)
            last_id = self._id
        lines = rest.split(b"\n")
        rest = lines.pop()
        self._interpret(lines, events)
        self._tail = [rest] if rest else []
        self.held = self.held + len(piece) if self._data and not events else len(rest) + sum(map(len, self._data))
        return events

    def _begin(self, piece: bytes) -> bytes:
        """Drop a byte order mark, which may itself be split between pieces."""
        piece = b"".join((*self._tail, piece))
        self._tail = []
        if len(piece) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(piece):
            self._tail = [piece] if piece else []
            return b""
        self._begun = True
        return piece.removeprefix(BYTE_ORDER_MARK)

    def _interpret(self, lines: list[bytes], events: list[ServerSentEvent]) -> None:
        """Process complete lines by the standard's algorithm, and append the events that they complete."""
        for line in lines:
            if line.startswith(b"data: "):
                self._data.append(line[6:])
            elif line:
                self._field(line)
            else:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    events.append(ServerSentEvent(data, self._event, self._id))
                    self._data = []
                self._event = ""

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
