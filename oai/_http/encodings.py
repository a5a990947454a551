"""Undo content encodings (RFC 9110, section 8.4), which transports leave in place.

Requests accept gzip and deflate, which the standard library can decode; any other encoding is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from oai._http.messages import TransportError

if TYPE_CHECKING:
    from oai._http.messages import Headers

Feed = Callable[[bytes], bytes]


class TooLarge(Exception):  # noqa: N818 - internal: the code that set the limit raises a public error
    """Decoded content exceeds the caller's limit."""


def decoded(headers: Headers, content: bytes, limit: int | None = None) -> bytes:
    """Return whole content without its encoding; raise `TooLarge` if that is more than `limit` bytes."""
    feed = decoder(headers, limit)
    return content if feed is None else feed(content) + feed(b"")


def decoder(headers: Headers, limit: int | None = None) -> Feed | None:
    """Return a function from encoded pieces to plain ones, `None` if there is no encoding.

    An empty piece marks the end. The function raises `TransportError` for broken or truncated content, and `TooLarge`
    for a piece of more than `limit` decoded bytes, of which it decodes no more than that.
    """
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise TransportError(
            "receive", f"the response has the content encoding {encoding!r}, which the request did not accept"
        )
    return _inflate(encoding, limit)


def _inflate(encoding: str, limit: int | None) -> Feed:
    import zlib

    # 32 + 15: gzip or zlib, by the header. Some servers send raw deflate data, which the first byte shows.
    engine = zlib.decompressobj(47)
    started = False

    def feed(piece: bytes) -> bytes:
        nonlocal engine, started
        if piece and not started:
            started = True
            if encoding == "deflate" and piece[0] & 0x0F != 8:
                engine = zlib.decompressobj(-15)
        try:
            if piece:
                plain = engine.decompress(piece, 0 if limit is None else limit + 1)
                if limit is not None and len(plain) > limit:
                    raise TooLarge
                return plain
            rest = engine.flush()
        except zlib.error as error:
            raise TransportError("receive", f"the {encoding} content is broken: {error}") from None
        if started and not engine.eof:
            raise TransportError("receive", f"the {encoding} content is truncated")
        return rest

    return feed
