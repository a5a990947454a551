"""Read requests of the local server within bounds, and check which host they are for.

The server is for tests on one's own machine, but web pages in a browser there can reach it, too. So a `Host` must be a
name of this machine: otherwise a page could let its own name resolve to 127.0.0.1 and read responses (DNS rebinding).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from http.client import LineTooLong
from typing import TYPE_CHECKING

from oai._support.loopback import is_loopback
from oai._support.redact import redact_text

if TYPE_CHECKING:
    from email.message import Message
    from io import BufferedIOBase

HOST = re.compile(r"(?P<name>[\w.-]+|\[[\da-fA-F:.]+\])(?::\d*)?", re.ASCII)
"""A `Host`: a name or an IP address, and optionally a port."""

ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|\[.*\]", re.ASCII)
"""A host that is an IP address."""

ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
"""The origin in a request line with an absolute URL."""

LENGTH = re.compile(r"\d{1,18}", re.ASCII)
"""A `Content-Length`; longer numbers exceed any storage."""

HEX = re.compile(rb"[\da-fA-F]{1,16}")
"""The size of a chunk; `int(..., 16)` alone would also accept signs and underscores."""

MOST_HEAD = 64 * 1024
"""The maximum size of the header fields of a request, in bytes."""

MOST_BODY = 640 * 1024 * 1024
"""The maximum size of a body, in bytes: the API's largest upload has 512 MB."""

MOST_LINE = 16 * 1024
"""The maximum size of the line before a chunk, and of a trailer field, in bytes."""

MOST_TRAILERS = 100

PIECE = 1024 * 1024
"""The maximum number of bytes read at once."""


class ErrorResponse(Exception):  # noqa: N818 - a response to the client, not an error of the server
    """The error response to a request that does not reach the transport, or that the transport cannot answer.

    Attributes:
        body: the error in the API's shape.
        closes: whether the connection cannot be used any more, since the end of the request is unknown.
    """

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "invalid_request_error",
        code: str | None = None,
        *,
        closes: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.closes = closes
        self.body = {"error": {"message": message, "type": kind, "param": None, "code": code}}


class HeadReader:
    """The lines of a head, up to `MOST_HEAD` bytes."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._left = MOST_HEAD

    def readline(self, limit: int) -> bytes:
        """Return the next line.

        Raises:
            LineTooLong: the head is too large; http.server reports it with status 431.
        """
        line = self._file.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("header fields")
        return line


def read_host(headers: Message[str, str], target: str) -> str:
    """Return the host that a request is for: that of an absolute target (RFC 9112, section 3.2.2), else of `Host`.

    Raises:
        ErrorResponse: it is invalid.
    """
    absolute = ABSOLUTE.match(target)
    fields = [absolute[1]] if absolute else headers.get_all("Host", ["localhost"])
    if len(fields) != 1 or not HOST.fullmatch(fields[0]):
        hosts = ", ".join(fields)
        raise ErrorResponse(400, f"invalid Host: {redact_text(hosts[:200])!r}", closes=True)
    return fields[0]


def check_host(host: str, allowed: Collection[str], *, addresses: bool) -> None:
    """Check that a request is for this machine.

    Args:
        host: the host of the request, with or without a port.
        allowed: further names.
        addresses: whether any IP address is allowed, since the server listens beyond loopback. (DNS rebinding needs a
            name.)

    Raises:
        ErrorResponse: it is not.
    """
    match = HOST.fullmatch(host)
    name = match["name"].lower().rstrip(".") if match else ""
    if is_loopback(name.strip("[]")) or name in allowed or (addresses and ADDRESS.fullmatch(name)):
        return
    message = f"Host {name!r} is not this machine; to allow it, start the server with --allow-host {name}"
    raise ErrorResponse(403, message, code="host_not_allowed", closes=True)


def read_body(headers: Message[str, str], file: BufferedIOBase, version: str) -> bytes:
    """Read the body of a request.

    Raises:
        ErrorResponse: its framing is invalid or ambiguous, or it is too large.
        ConnectionResetError: the client disconnected.
    """
    codings = [field.strip().lower() for field in headers.get_all("Transfer-Encoding", [])]
    lengths = sorted(set(headers.get_all("Content-Length", [])))
    if codings:
        # Anything but one `chunked` is read differently by different servers: request smuggling (RFC 9112, 6.1).
        if codings != ["chunked"] or lengths or version != "HTTP/1.1":
            fields = ", ".join(codings)[:200]
            raise ErrorResponse(400, f"unsupported Transfer-Encoding: {fields!r}", closes=True)
        body = bytearray()
        for piece in _chunks(file):
            body += piece
            _check_size(len(body))
        return bytes(body)
    if len(lengths) > 1 or not LENGTH.fullmatch(lengths[0] if lengths else "0"):
        raise ErrorResponse(400, f"invalid Content-Length: {', '.join(lengths)[:200]!r}", closes=True)
    size = int(lengths[0] if lengths else 0)
    _check_size(size)
    return b"".join(_exactly(file, size))


def _check_size(size: int) -> None:
    if size > MOST_BODY:
        raise ErrorResponse(413, f"the body is larger than {MOST_BODY} bytes", closes=True)


def _exactly(file: BufferedIOBase, size: int) -> Iterator[bytes]:
    """Yield `size` bytes in pieces, without allocating memory before they arrive."""
    while size and (piece := file.read(min(size, PIECE))):
        size -= len(piece)
        yield piece
    if size:
        raise ConnectionResetError("the client disconnected within its request")


def _chunks(file: BufferedIOBase) -> Iterator[bytes]:
    while size := _chunk_size(file):
        _check_size(size)
        yield from _exactly(file, size)
        if file.readline(3) != b"\r\n":
            raise ErrorResponse(400, "a chunk of the body is longer than its size", closes=True)
    for _ in range(MOST_TRAILERS):
        if not file.readline(MOST_LINE).strip():
            return
    raise ErrorResponse(400, "the body has too many trailers", closes=True)


def _chunk_size(file: BufferedIOBase) -> int:
    size = file.readline(MOST_LINE).partition(b";")[0].strip()
    if not HEX.fullmatch(size):
        raise ErrorResponse(400, "a chunk of the body has an invalid size", closes=True)
    return int(size, 16)
