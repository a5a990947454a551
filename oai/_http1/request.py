"""A request as bytes (RFC 9112, sections 3 and 6; RFC 9110, sections 5 to 8).

The arguments are checked before anything is written: a line break in a value would begin another field, or another
request.

- The method is a token (RFC 9110, section 9.1), the target printable ASCII without spaces (RFC 9112, section 3.2).
- Names are tokens; values are ISO-8859-1 without control characters except HTAB (RFC 9110, section 5.5). An error names
  the field but does not quote its value, which may be a key.
- `Host` comes first (RFC 9110, section 7.2): the caller's if there is one, and no more than one (RFC 9112, section
  3.2).
- The framing is the machine's. A caller's `Content-Length` or `Transfer-Encoding` is left out: two lengths that
  disagree are request smuggling (RFC 9112, section 11.2). A known length is sent as `Content-Length`, also a length of
  zero where the method usually has content (RFC 9110, section 8.6); an unknown one as chunks (RFC 9112, section 7.1).
- The body is as long as announced (RFC 9110, section 8.6): fewer or more bytes are an error.

Everything else in the field list is sent as it is, in its order and case.
"""

from __future__ import annotations

from collections.abc import Iterable

from oai._http1.errors import RequestError, quoted
from oai._http1.head import TEXT, is_token, lower_name, tokens_of

METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "CONNECT", "OPTIONS"})
"""Methods that need no check."""

WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say `Content-Length: 0` if they have no body (RFC 9110, section 8.6)."""

MOST_HEADS = 32
"""Heads that `SentHeads` keeps."""

FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Fields that the machine alone writes."""


class SentHeads:
    """Encoded heads of earlier requests to a server, each up to the field that frames the body.

    Most requests of a program differ from an earlier one in their body alone, so that their heads need not be checked
    and encoded again. Heads contain keys: a driver keeps them with its connections to the server, no longer than these.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[list[tuple[str, str]], bytes, bool]] = {}

    def find(self, method: str, target: str, fields: Iterable[tuple[str, str]], host: str) -> tuple[bytes, bool]:
        """Return a head up to the field that frames the body, and whether it says `Connection: close`."""
        last = self._last.get((method, target))
        if last is not None and last[0] == fields:
            return last[1], last[2]
        fields = list(fields)  # a copy, since the caller may change its list
        start, closes = _start_of(method, target, fields, host)
        if len(self._last) >= MOST_HEADS:
            self._last.clear()
        self._last[method, target] = fields, start, closes
        return start, closes


class Request:
    """A request: its head as bytes, and the framing of its body.

    Args:
        method: the method.
        target: the request target: path and query, or `host:port` for `CONNECT` (RFC 9112, section 3.2).
        fields: the header fields.
        host: the value of `Host`, unless the fields have one.
        length: bytes of the body; `None` if that is not known, so that the body is chunked.
        sent: the heads of earlier requests to the same host.

    Attributes:
        head: the request up to the empty line.
        closes: whether the request says `Connection: close`.
        complete: whether the whole body was passed to `frame`. Until then the connection cannot be reused.

    Raises:
        RequestError: HTTP forbids part of the request.
    """

    __slots__ = ("_left", "_length", "closes", "complete", "head", "method")

    def __init__(
        self,
        method: str,
        target: str,
        fields: Iterable[tuple[str, str]],
        *,
        host: str,
        length: int | None = 0,
        sent: SentHeads | None = None,
    ) -> None:
        self.method = method
        self.complete = length == 0
        self._length = self._left = length
        find = _start_of if sent is None else sent.find
        start, self.closes = find(method, target, fields, host)
        if length is None:
            self.head = start + b"Transfer-Encoding: chunked\r\n\r\n"
        elif length or method in WITH_CONTENT:
            self.head = b"%bContent-Length: %d\r\n\r\n" % (start, length)
        else:
            self.head = start + b"\r\n"

    def frame(self, piece: bytes | memoryview) -> bytes | memoryview:
        """Return the bytes to write for a piece of the body: the piece itself, or a chunk.

        Raises:
            RequestError: the body is longer than announced.
        """
        if self._left is None:
            # An empty chunk would be the last one.
            return b"".join((b"%x\r\n" % len(piece), piece, b"\r\n")) if piece else b""
        self._left -= len(piece)
        if self._left < 0:
            raise RequestError(f"the body is longer than its length of {self._length} bytes")
        return piece

    def whole(self, body: bytes) -> bytes:
        """Return the bytes of the whole request, and mark its body as complete. The length must be known.

        Raises:
            RequestError: the body is not as long as announced.
        """
        if len(body) != self._left:
            self.frame(body)
            self.finish()
        self.complete = True
        return self.head + body

    def finish(self) -> bytes:
        """Return the bytes to write after the last piece, and mark the body as complete.

        Raises:
            RequestError: the body is shorter than announced.
        """
        if self._left:
            raise RequestError(f"the body is {self._left} bytes shorter than its length of {self._length}")
        self.complete = True
        return b"0\r\n\r\n" if self._left is None else b""


def _start_of(method: str, target: str, fields: Iterable[tuple[str, str]], host: str) -> tuple[bytes, bool]:
    """Return a head up to the field that frames the body, and whether it says `Connection: close`."""
    if method not in METHODS and not is_token(method):
        raise RequestError(f"invalid method: {quoted(method)}")
    if " " in target or not (target and target.isascii() and target.isprintable()):
        raise RequestError(f"invalid request target: {quoted(target)}")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    own_host = closes = False
    for name, value in fields:
        lower = lower_name(name)
        if lower is None:
            raise RequestError(f"invalid header name: {quoted(name)}")
        if lower == "host":
            if own_host:
                raise RequestError("the request has more than one Host header")
            lines[1], own_host = f"Host: {value}", True
        elif lower not in FRAMING:
            lines.append(f"{name}: {value}")
            closes = closes or (lower == "connection" and "close" in tokens_of(value))
    lines.append("")
    return _encoded(lines), closes


def _encoded(lines: list[str]) -> bytes:
    """Encode lines, or raise for a line with a forbidden character."""
    try:
        head = "\r\n".join(lines).encode("latin-1")
    except UnicodeEncodeError:
        head = b""
    # One pass over all of them: without the octets that a line may contain, the line ends must be all that remains.
    if head.translate(None, TEXT) != b"\r\n" * (len(lines) - 1):
        for line in lines:
            if not _is_text(line):
                name = line.partition(":")[0]
                raise RequestError(f"the header {name!r} has a character in its value that HTTP forbids")
    return head


def _is_text(line: str) -> bool:
    try:
        return not line.encode("latin-1").translate(None, TEXT)
    except UnicodeEncodeError:
        return False
