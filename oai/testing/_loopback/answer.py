"""The answers of the loopback server: content, framing, timing, and faults."""

from __future__ import annotations

import json as json_
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any, Literal, Self

from oai._support.omit import omit
from oai.testing._loopback.request import Seen

_BLOCK = bytes(range(256)) * 256


@dataclass
class Answer:
    """A response to send, and its faults. It may be sent several times, so `chunks` must be iterable repeatedly.

    Args:
        status: the HTTP status.
        reason: the reason phrase; by default the standard one.
        headers: sent unchanged; fields that other arguments imply are added unless they are present.
        content_type: the `Content-Type`.
        body: the body.
        json: a value to send as JSON, instead of `body`.
        chunks: the body in pieces, instead of `body`: each is a TCP send of its own.
        raw: bytes to send instead of head and body, before the connection ends.
        framing: how the end of the body is marked.
        length: the `Content-Length` to send, right or wrong.
        gzip: compress the body; every chunk is flushed, so that it can be decompressed at once.
        keep_alive: false sends `Connection: close` and closes.
        close: close without announcing it.
        informational: 1xx heads to send first: `Answer(103, headers=[("Link", "</x>")])`.
        delay: seconds before the head.
        head_pace: seconds between the lines of the head, or between its bytes with `one_byte`.
        pace: seconds between chunks; a sequence lists the gaps, 0 beyond its end.
        one_byte: send every byte by itself.
        hold: an event to wait for after `hold_after` chunks.
        hold_after: see `hold`.
        truncate: send only this many bytes of the body, then close the connection cleanly.
        reset: reset the connection before any byte, after the head, or after the chunks of the body.
        drain: false answers before the request's body is read, shuts down sending, and discards the rest.
        read_delay: seconds before every piece (64 KiB, or a chunk) of the request's body is read.
        read_hold: an event to wait for before the request's body is read.
        keep_body: false counts and hashes the request's body without keeping it.
        upstream: see `tunnel`.
    """

    status: int = 200
    _: KW_ONLY
    reason: str | None = None
    headers: Sequence[tuple[str, str]] = ()
    content_type: str | None = None
    body: bytes | str = b""
    json: Any = omit
    chunks: Iterable[bytes] | None = None
    raw: bytes | None = None
    framing: Literal["length", "chunked", "close"] = "length"
    length: int | None = None
    gzip: bool = False
    keep_alive: bool = True
    close: bool = False
    informational: Sequence[Answer] = ()
    delay: float = 0
    head_pace: float = 0
    pace: float | Sequence[float] = 0
    one_byte: bool = False
    hold: threading.Event | None = None
    hold_after: int = 1
    truncate: int | None = None
    reset: Literal["before", "head", "body"] | None = None
    drain: bool = True
    read_delay: float = 0
    read_hold: threading.Event | None = None
    keep_body: bool = True
    upstream: str | None = None

    @classmethod
    def of_json(cls, value: Any, status: int = 200, **fields: Any) -> Self:
        """Return an answer with a value as JSON."""
        return cls(status, json=value, **fields)

    @classmethod
    def html(cls, text: str, status: int = 200, **fields: Any) -> Self:
        """Return an answer with an HTML page, such as a proxy's."""
        return cls(status, body=text, **{"content_type": "text/html; charset=utf-8", **fields})

    @classmethod
    def error(cls, status: int, message: str, code: Any = None, retry_after: Any = None, **fields: Any) -> Self:
        """Return an error in the API's shape."""
        kind = "server_error" if status >= 500 else "invalid_request_error"
        if retry_after is not None:
            fields["headers"] = [*fields.get("headers", ()), ("Retry-After", str(retry_after))]
        return cls(status, json={"error": {"message": message, "type": kind, "param": None, "code": code}}, **fields)

    @classmethod
    def events(cls, items: Iterable[Any], *, done: bool = True, **fields: Any) -> Self:
        """Stream server-sent events, one per chunk: text as data, bytes unchanged, anything else as JSON data."""
        texts = (i if isinstance(i, (str, bytes)) else json_.dumps(i) for i in chain(items, ["[DONE]"] * done))
        chunks = [text if isinstance(text, bytes) else f"data: {text}\n\n".encode() for text in texts]
        return cls(**{"chunks": chunks, "framing": "chunked", "content_type": "text/event-stream", **fields})

    @classmethod
    def big(cls, size: int, **fields: Any) -> Self:
        """Stream `size` bytes of a pattern, in chunks that share their memory."""
        full, rest = divmod(size, len(_BLOCK))
        return cls(chunks=[_BLOCK] * full + [_BLOCK[:rest]], **fields)

    @classmethod
    def tunnel(cls, to: str | None = None) -> Self:
        """Accept a CONNECT and forward bytes to its target, or to `to` (host:port) instead; on this machine only."""
        return cls(reason="Connection established", upstream=to or "")

    @property
    def final(self) -> bool:
        """Whether the connection ends after it."""
        breaks = self.raw is not None or self.truncate is not None or self.upstream is not None or not self.drain
        return breaks or self.close or not self.keep_alive or self.framing == "close"

    def parts(self) -> Iterable[bytes]:
        """Return the body in the pieces in which it is sent."""
        whole = json_.dumps(self.json) if self.json is not omit else self.body
        parts = [whole.encode() if isinstance(whole, str) else whole] if self.chunks is None else self.chunks
        return _gzipped(parts) if self.gzip else parts

    def framed(self, method: str) -> bool:
        """Return whether an answer to a request of this method has framing headers."""
        return self.status >= 200 and self.status not in {204, 304} and (method != "CONNECT" or self.status >= 300)

    def head(self, method: str = "GET") -> bytes:
        """Return the status line and headers of the answer to a request of this method."""
        framing = self.framing if self.framed(method) else None
        size = sum(map(len, self.parts())) if framing == "length" and self.length is None else self.length
        implied = {
            "Content-Type": self.content_type or ("application/json" if self.json is not omit else None),
            "Content-Encoding": "gzip" if self.gzip else None,
            "Content-Length": size if framing == "length" else None,
            "Transfer-Encoding": "chunked" if framing == "chunked" else None,
            "Connection": "close" if not self.close and (not self.keep_alive or framing == "close") else None,
        }
        named = {name.lower() for name, _ in self.headers}
        pairs = [*self.headers, *((n, v) for n, v in implied.items() if v is not None and n.lower() not in named)]
        phrase = HTTPStatus(self.status).phrase if self.reason is None and self.status in set(HTTPStatus) else ""
        lines = [f"HTTP/1.1 {self.status} {self.reason or phrase}", *(f"{name}: {value}" for name, value in pairs)]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def _gzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for part in parts:
        yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


Plan = Answer | Callable[[Seen], Answer]  # a callable receives the request with its body
