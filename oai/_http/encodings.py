"""Content encodings undone (RFC 9110, section 8.4): what a transport hands over as it came, made plain.

We ask for gzip and deflate, which the standard library knows; anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from oai._http.messages import TransportError

if TYPE_CHECKING:
    from oai._http.messages import Headers

Feed = Callable[[bytes], bytes]


class TooLarge(Exception):  # noqa: N818 - it says no more than that; whoever set the limit makes an error of it
    """An answer, or a piece of one, is larger than somebody allowed."""


def decoded(headers: Headers, content: bytes, limit: int | None = None) -> bytes:
    """Return a whole content without its encoding, or raise `TooLarge` for more bytes than `limit`."""
    feed = decoder(headers, limit)
    return content if feed is None else feed(content) + feed(b"")


def decoder(headers: Headers, limit: int | None = None) -> Feed | None:
    """Return a function from encoded pieces to plain ones, `None` where there is no encoding.

    An empty piece means the end; the function raises `TransportError` for content that is broken or cut, and
    `TooLarge` for a piece that becomes more bytes than `limit`, of which it does not make more.
    """
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise TransportError("receive", f"the answer has the content encoding {encoding!r}, which was not asked for")
    return _inflate(encoding, limit)


def _inflate(encoding: str, limit: int | None) -> Feed:
    import zlib

    # 32 + 15: gzip or zlib by their header. Some servers send bare deflate data instead, told by the first byte.
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
            raise TransportError("receive", f"the {encoding} content was cut short")
        return rest

    return feed
