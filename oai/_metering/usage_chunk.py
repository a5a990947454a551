"""Let a server count the tokens of a stream, without a caller noticing: request its last chunk, and hide that."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._http.encodings import Feed, decoder
from oai._http.messages import Headers, Request
from oai._json import strict

if TYPE_CHECKING:
    from oai._metering.request_facts import RequestFacts

OPERATIONS: Final = frozenset({"chat.completions.create", "completions.create"})
"""The operations with `stream_options.include_usage`; streams of others have their usage in their last event."""

BLANK_LINES: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")


def with_usage(request: Request, facts: RequestFacts) -> Request | None:
    """Return the request of a stream with `include_usage` added, `None` if the operation or the caller forbids it."""
    body = request.body
    if request.operation is None or request.operation.name not in OPERATIONS or facts.stream is not True:
        return None
    if facts.stream_options is not None or not isinstance(body, bytes):
        return None
    changed = copy.copy(request)
    changed.body = body.rstrip()[:-1] + b',"stream_options":{"include_usage":true}}'
    return changed


class _Chunk(msgspec.Struct):
    choices: Any = None
    usage: Any = None


_chunks = strict.decoder(_Chunk)


class HiddenChunk:
    """Pass a stream of chat chunks on without the one that only counts tokens.

    Events are passed on when they are complete. The content encoding is undone; `headers` say so.
    """

    def __init__(self, headers: Headers) -> None:
        self._plain: Feed | None = decoder(headers)
        fields = headers.multi_items()
        self.headers = headers
        if self._plain is not None:
            self.headers = Headers([field for field in fields if field[0].lower() != "content-encoding"])
        self._rest = b""

    def __call__(self, piece: bytes | None) -> bytes:
        """Return what to pass on; `None` is the end of the stream."""
        if self._plain is not None:
            piece, end = self._plain(piece or b""), piece is None
        else:
            piece, end = piece or b"", piece is None
        self._rest += piece
        passed = []
        while (cut := self._cut()) > 0:
            block, self._rest = self._rest[:cut], self._rest[cut:]
            if not _is_usage(block):
                passed.append(block)
        if end:
            passed.append(self._rest)
            self._rest = b""
        return b"".join(passed)

    def _cut(self) -> int:
        """Return the end of the first complete event, or 0."""
        ends = [at + len(line) for line in BLANK_LINES if (at := self._rest.find(line)) >= 0]
        return min(ends, default=0)


def _is_usage(block: bytes) -> bool:
    if b'"usage"' not in block:
        return False
    lines = [line[5:].strip() for line in block.splitlines() if line.startswith(b"data:")]
    try:
        chunk = _chunks.decode(b"\n".join(lines))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return chunk.choices == [] and isinstance(chunk.usage, dict)
