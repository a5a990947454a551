"""The tokens of batches, which their output files report: a response in each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from oai._http.encodings import TooLarge, decoder
from oai._http.messages import TransportError
from oai._json import strict
from oai._metering.tokens import TokenUsage, read_usage

if TYPE_CHECKING:
    from oai._http.messages import Headers, Request

CONTENT: Final = "/files/{file_id}/content"
"""The path of a file's content in the table."""

LONGEST: Final = 1 << 24
"""Bytes of a line at most; a file with a longer one is not an output of a batch."""

BOM: Final = b"\xef\xbb\xbf"


class BatchResponse(NamedTuple):
    """The tokens of a response of a batch, and the model that it names."""

    model: str
    usage: TokenUsage


class _Body(msgspec.Struct):
    model: Any = None
    usage: Any = None


class _Response(msgspec.Struct):
    body: _Body | None = None


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None


_lines = strict.decoder(_Line)


def is_file_content(request: Request) -> bool:
    """Return whether a request is for the whole content of a file."""
    operation = request.operation
    if operation is None or request.method != "GET" or operation.row.path != CONTENT:
        return False
    return all(name.lower() != "range" for name, _ in request.headers)


class BatchOutputMeter:
    """Read the responses in the content of a file while it passes; any other file than an output has none.

    Args:
        headers: the header fields of the response that has the file.

    Attributes:
        responses: those read so far, `None` for a line without one.
    """

    def __init__(self, headers: Headers) -> None:
        self.responses: list[BatchResponse | None] = []
        self._rest = b""
        self._is_output = True
        try:
            self._plain = decoder(headers)
        except TransportError:
            self._is_output = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece as it was transferred."""
        if not self._is_output:
            return
        try:
            plain = piece if self._plain is None else self._plain(piece)
        except (TransportError, TooLarge):
            self._is_output = False
            return
        *lines, self._rest = (self._rest + plain).split(b"\n")
        for line in lines:
            self._take(line)
        self._is_output = self._is_output and len(self._rest) <= LONGEST

    def finish(self) -> list[BatchResponse | None]:
        """Return the responses; the body has ended, or nothing more of it is read."""
        rest, self._rest = self._rest, b""
        if self._is_output and (line := _decoded(rest)) is not None:  # not one that was cut off
            self.responses.append(_response_of(line))
        return self.responses

    def _take(self, content: bytes) -> None:
        """Take a line; a file whose first one is not a response of a batch is something else."""
        line = _decoded(content) if self._is_output else None
        self._is_output = self._is_output and (line is not None or bool(self.responses))
        if self._is_output:
            self.responses.append(None if line is None else _response_of(line))


def _decoded(content: bytes) -> _Line | None:
    try:
        line: _Line = _lines.decode(content.removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return line


def _response_of(line: _Line) -> BatchResponse | None:
    body = None if line.response is None else line.response.body
    usage = None if body is None else read_usage(body.usage)
    if body is None or usage is None:
        return None
    return BatchResponse(body.model if isinstance(body.model, str) else "", usage)
