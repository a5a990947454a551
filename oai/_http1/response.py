"""A response from bytes (RFC 9112, sections 4, 6, 7, 8 and 9).

A response is read by one function at a time, the state: it consumes what belongs to its part, and sets the function
that reads the next part. The states and their order:

    head -> (interim responses -> head) -> length | chunks -> trailers | until close -> end

Interim responses (1xx) are skipped, up to a limit (RFC 9110, section 15.2). 101 and a 2xx response to `CONNECT` end
HTTP on the connection (RFC 9110, sections 7.8 and 9.3.6); the bytes after them belong to the next protocol.

Where the body ends is decided by the first rule that applies (RFC 9112, section 6.3):

1. After 101, a 2xx response to `CONNECT`, and to `HEAD`, and with 204 and 304, there is no body, whatever the fields
   say.
2. `Transfer-Encoding: chunked`: the body is chunked, also if there is a `Content-Length`. Any other coding is refused,
   since the request did not accept one with `TE`; `identity`, from RFC 2616, is the same as no field.
3. `Content-Length`: digits only; equal values count as one, different ones are refused (RFC 9110, section 8.6).
4. Neither: the body ends with the connection.

A chunk size is 1 to 20 hexadecimal digits and nothing else; `int` would also accept `0x3f`, `+3f` and `0_3f`. After a
chunk there must be CRLF. Extensions are skipped (section 7.1.1). Trailers are kept apart from the header fields (RFC
9110, section 6.5.1). Line ends within the chunked coding are CRLF, except those of trailers, which are read like a
head.

The connection can be used for another request (section 9.3) if all of this holds, and `Response.reusable` is the only
place that decides it:

- the version is 1.1 or later and neither side says `close`; or it is 1.0 and the server says `keep-alive`;
- the body has an end of its own, which was reached, and no byte followed it: a byte that was not requested would become
  the head of the next response;
- HTTP is still spoken (no 101, no tunnel);
- the message has not both `Transfer-Encoding: chunked` and `Content-Length`, and is not a chunked one of HTTP/1.0,
  since something on the way may have framed it differently (section 6.1);
- the body of the request was sent in full: a server may respond earlier (section 9.5);
- the connection is not closed.

If the connection closes within a head or a body that has an end of its own, the response is incomplete (section 8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from oai._http1.errors import IncompleteError, LimitError, NoResponseError, ResponseError, quoted
from oai._http1.head import read_fields, read_head, read_usual_head, tokens_of

if TYPE_CHECKING:
    from oai._http1.request import Request

MOST_HEAD = 64 * 1024
"""Bytes of a head, and of trailers, the empty line included."""

MOST_INTERIM = 100
"""Interim responses before the final one."""

MOST_SIZE_LINE = 4096
"""Bytes of the line before a chunk, which has the size and extensions."""

MOST_DIGITS = 20
"""Digits of a length or of a chunk size: more than any body has."""

KEEPS = frozenset({"keep-alive", "Keep-Alive"})
"""The usual values of `Connection`, which need no parsing."""

LONG_SIZE_LINE = f"the line before a chunk of the response has more than {MOST_SIZE_LINE} bytes"

SIZES: dict[bytes, int] = {}
"""Valid chunk sizes, with the CRLF after the chunk: a look-up instead of a check, as the events of a stream are of few
sizes. Bounded, since servers choose them."""

MOST_REMEMBERED = 1024
LONGEST_REMEMBERED = 4
"""Entries of `SIZES`, and digits of each."""

HEX = b"0123456789abcdefABCDEF"


class Response:
    """A response that is being received.

    Call `feed` with the bytes that arrive, and with `b""` when the connection closes. It does not raise: `error` holds
    the exception, so that the driver can return the part of the body before the fault first.

    Args:
        request: the request it responds to.
    """

    status: int = 0
    """The status of the final response; 0 until its head has arrived."""
    reason: str = ""
    fields: Sequence[tuple[str, str]] = ()
    """The header fields, in their order and case."""
    index: Mapping[str, str] = {}
    """Their values by lower-case name, those of one name joined by a comma."""
    trailers: Sequence[tuple[str, str]] = ()
    length: int | None = None
    """Bytes of the body, if the head declares them."""
    ended: bool = False
    """Whether the response is complete, or cannot be completed because of an `error`."""
    error: ResponseError | None = None
    """Why the response cannot be read to its end."""
    switched: bool = False
    """Whether the connection speaks another protocol from here on (101, or a tunnel)."""
    unread: bytes = b""
    """Bytes that arrived after the end: the beginning of another protocol, or a fault of the server."""

    _minor = 1
    _keeps = False  # whether the connection persists, according to the head
    _closed = False  # by the server
    _interim = 0  # interim responses received
    _left = 0  # missing bytes of the body, or of the chunk with its line end
    _partial = b""  # an incomplete line of the chunked coding
    _section: bytearray | None = None  # an incomplete head or trailers
    _searched = 0  # where in it the search for the empty line continues

    def __init__(self, request: Request) -> None:
        self._request = request
        self._read: Callable[[Response, bytes], bytes] = Response._read_head

    def feed(self, data: bytes) -> bytes:
        """Take the bytes that arrived, `b""` for the end of the connection; return the part of the body in them."""
        try:
            return self._read(self, data) if data else self._close()
        except ResponseError as error:
            self._fail(error)
            return b""

    @property
    def reusable(self) -> bool:
        """Whether the connection can be used for another request, as of now."""
        return (
            self._keeps
            and self.ended
            and self._request.complete
            and not (self.unread or self._closed or self.error or self.switched)
        )

    def _end(self, unread: bytes = b"") -> None:
        self.ended = True
        self.unread = unread
        self._read = Response._read_after_end

    def _fail(self, error: ResponseError) -> None:
        self.error = error
        self._end()

    def _read_head(self, data: bytes) -> bytes:
        while True:
            end = data.find(b"\r\n\r\n") if self._section is None else -1
            head = read_usual_head(data[:end]) if 0 <= end <= MOST_HEAD - 4 else None
            if head is not None:
                data = data[end + 4 :]
            else:
                lines, data = self._read_section(data)
                if lines is None:
                    _check_start(self._section or b"\n")
                    return b""
                head = read_head(lines)
            minor, status, reason = head[0]
            if status >= 200 or status == 101:
                break
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise LimitError(f"the server sent more than {MOST_INTERIM} interim responses")
            if not data:
                return b""
        _, self.fields, self.index = head
        self._minor, self.reason = minor, reason
        self._delimit(status)
        self.status = status
        return self._read(self, data) if data else b""

    def _read_section(self, data: bytes) -> tuple[list[str] | None, bytes]:
        """Return the lines before the next empty line, `None` if that is still missing, and the bytes after it.

        The buffer begins with an extra LF, so that an empty first line is found like any other.
        """
        section = bytearray(b"\n") if self._section is None else self._section
        section += data
        end, after = _empty_line(section, self._searched)
        if (after if end >= 0 else len(section)) - 1 > MOST_HEAD:
            raise LimitError(f"the head or the trailers of the response have more than {MOST_HEAD} bytes")
        if end < 0:
            self._section, self._searched = section, max(len(section) - 2, 0)
            return None, b""
        self._section, self._searched = None, 0
        lines = section[1:end].decode("latin-1").split("\n") if end else []
        return [line.removesuffix("\r") for line in lines], bytes(section[after:])

    def _delimit(self, status: int) -> None:
        """Decide where the body ends and whether the connection persists (rules in the module's docstring)."""
        method, index = self._request.method, self.index
        codings, length = index.get("transfer-encoding"), index.get("content-length")
        self._keeps = not self._request.closes and self._persists()
        if status == 101 or (method == "CONNECT" and status < 300):
            self.switched = True
            self._end()
        elif method == "HEAD" or status in (204, 304):
            self._end()
        elif codings is not None and _is_chunked(codings):
            self._keeps = self._keeps and length is None and self._minor > 0
            self._read = Response._read_chunks
        elif length is None:
            self._keeps, self._read = False, Response._read_until_close
        else:
            self.length = self._left = _length(length)
            self._read = Response._read_length
            if not self._left:
                self._end()

    def _persists(self) -> bool:
        connection = self.index.get("connection")
        if connection is None or connection in KEEPS:
            return self._minor > 0 or connection is not None
        options = tokens_of(connection)
        return "close" not in options and (self._minor > 0 or "keep-alive" in options)

    def _read_length(self, data: bytes) -> bytes:
        self._left = left = self._left - len(data)
        if left > 0:
            return data
        if left == 0:
            self._end()
            return data
        self._end(data[left:])
        return data[:left]

    def _read_chunks(self, data: bytes) -> bytes:
        """Return the data of all chunks as one piece."""
        pieces: list[bytes] = []
        if self._partial:
            data = self._partial + data
            self._partial = b""
        left, at, available = self._left, 0, len(data)
        try:
            while at < available:
                if not left:
                    end = data.find(b"\r\n", at)
                    if end < 0:
                        _check_size_line(data, at)
                        break
                    line = data[at:end]
                    left = SIZES.get(line) or _chunk_size(line)
                    at = end + 2
                    if left == 2:
                        self._read = Response._read_trailers
                        self._read_trailers(data[at:])
                        return b"".join(pieces)
                end = at + left
                stop = end - 2
                pieces.append(data[at:stop])
                if data[stop:end] == b"\r\n":
                    left, at = 0, end
                elif end <= available:
                    _refuse_chunk_end(data[stop:end])
                else:
                    at = min(stop, available)
                    left = end - at
                    break
        except ResponseError as error:
            self._fail(error)
        self._left, self._partial = left, data[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_trailers(self, data: bytes) -> bytes:
        if self._section is None and data[:2] == b"\r\n":  # the usual case: none
            self._end(data[2:])
            return b""
        lines, rest = self._read_section(data)
        if lines is not None:
            self.trailers = read_fields(lines)[0]
            self._end(rest)
        return b""

    def _read_until_close(self, data: bytes) -> bytes:
        return data

    def _read_after_end(self, data: bytes) -> bytes:
        if self.error is None:
            self.unread = self.unread or data
        return b""

    def _close(self) -> bytes:
        self._closed = True
        if self._read is Response._read_until_close:
            self._end()
        elif not self.ended:
            if not (self.status or self._interim or self._section):
                raise NoResponseError("the server closed the connection without a response")
            part = "body" if self.status else "head"
            raise IncompleteError(f"the server closed the connection within the {part} of the response")
        return b""


def _check_start(section: bytes | bytearray) -> None:
    """Raise at once for another protocol, which may never send an empty line."""
    if not b"HTTP/1.".startswith(section[1:8]):
        raise ResponseError(f"the response is not HTTP/1: it begins with {quoted(section[1:])}")


def _empty_line(section: bytearray, start: int) -> tuple[int, int]:
    """Return the offsets of the first empty line's start and end, or -1."""
    crlf = section.find(b"\n\r\n", start)
    lf = section.find(b"\n\n", start, None if crlf < 0 else crlf + 1)
    return (lf, lf + 2) if lf >= 0 else (crlf, crlf + 3 if crlf >= 0 else -1)


def _is_chunked(codings: str) -> bool:
    named = [name for coding in codings.lower().split(",") if (name := coding.strip(" \t")) != "identity"]
    if named not in ([], ["chunked"]):
        raise ResponseError(f"unsupported Transfer-Encoding in the response: {quoted(codings)}")
    return bool(named)


def _length(text: str) -> int:
    """Parse a Content-Length, or several joined by commas."""
    if len(text) <= MOST_DIGITS and text.isdecimal():  # the usual case
        return int(text)
    values = {part.strip(" \t") for part in text.split(",")}
    value = values.pop()
    if values or not value.isdecimal() or len(value) > MOST_DIGITS:
        raise ResponseError(f"invalid Content-Length in the response: {quoted(text)}")
    return int(value)


def _check_size_line(data: bytes, at: int) -> None:
    """Raise if a line is too long before its end has arrived."""
    if len(data) - at - data.endswith(b"\r") > MOST_SIZE_LINE:
        raise LimitError(LONG_SIZE_LINE)


def _refuse_chunk_end(end: bytes) -> NoReturn:
    raise ResponseError(f"a chunk of the response ends with {quoted(end)} instead of CRLF")


def _chunk_size(line: bytes) -> int:
    """Parse the line before a chunk: its size, and extensions, which are skipped. Count the CRLF after the chunk."""
    if 0 < len(line) <= MOST_DIGITS and not line.strip(HEX):  # the usual case
        size = int(line, 16) + 2
        if len(line) <= LONGEST_REMEMBERED and len(SIZES) < MOST_REMEMBERED:
            SIZES[line] = size
        return size
    if len(line) > MOST_SIZE_LINE:
        raise LimitError(LONG_SIZE_LINE)
    digits, _, extension = line.partition(b";")
    digits = digits.rstrip(b" \t")
    if not 0 < len(digits) <= MOST_DIGITS or digits.strip(HEX) or b"\r" in extension or b"\n" in extension:
        raise ResponseError(f"invalid chunk size in the response: {quoted(line)}")
    return int(digits, 16) + 2
