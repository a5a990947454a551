"""Decode content encodings (RFC 9110, section 8.4): transports return bodies as they came over the wire.

The client requests gzip and deflate, which the standard library decodes. A body in another coding raises, unless it is
plain text in spite of its label, as some proxies and servers send it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from oai._http.messages import TransportError

if TYPE_CHECKING:
    import zlib

    from oai._http.messages import Headers

Feed = Callable[[bytes], bytes]
"""A function from encoded pieces to decoded ones; an empty piece means the end."""

MAX_CODINGS: Final = 5
"""Codings in one Content-Encoding; each may multiply the size (curl has the same limit)."""

INFLATED: Final = frozenset({"gzip", "x-gzip", "deflate"})

NO_CODINGS: Final = frozenset({"", "identity", "none", "binary", "utf-8", "utf8"})
"""Values that are not codings: servers send charsets and other words in this field."""

HEAD: Final = 16
"""Bytes that are looked at to recognize plain text."""

GZIP_MAGIC: Final = b"\x1f\x8b"


class ContentError(TransportError):
    """A body cannot be decoded. Its request is not retried: the server would send the same again, and bill it again."""

    def __init__(self, message: str) -> None:
        super().__init__("receive", message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,)


class TooLarge(Exception):  # noqa: N818 - internal; callers raise a named error instead
    """A body, or a piece of one, decodes to more bytes than the limit."""


def decoded(headers: Headers, content: bytes, limit: int | None = None) -> bytes:
    """Return a whole body without its content encoding.

    Raises:
        ContentError: it cannot be decoded.
        TooLarge: it decodes to more than `limit` bytes.
    """
    if "content-encoding" not in headers:
        return content
    feed = decoder(headers, limit)
    return content if feed is None else feed(content) + feed(b"")


def decoder(headers: Headers, limit: int | None = None) -> Feed | None:
    """Return a function from encoded pieces to decoded ones, or `None` for a body without an encoding.

    The function raises `ContentError` for data that is broken, truncated or in an unsupported coding, and `TooLarge` if
    one piece decodes to more than `limit` bytes, before it has decoded more.
    """
    field = headers.get("content-encoding")
    if field is None:
        return None
    names = (name.strip() for name in field.lower().split(","))
    codings = [name for name in names if name not in NO_CODINGS]
    if not codings:
        return None
    if len(codings) > MAX_CODINGS:
        return _unsupported(field)
    feeds = [_Inflater(coding, limit) if coding in INFLATED else _unsupported(coding) for coding in reversed(codings)]
    return feeds[0] if len(feeds) == 1 else _chain(feeds)


def _chain(feeds: list[Feed]) -> Feed:
    """Return a feed through all of `feeds`, the coding that was applied last coming first."""

    def feed(piece: bytes) -> bytes:
        ends = not piece
        for each in feeds:
            decoded_piece = each(piece) if piece else b""
            piece = decoded_piece + each(b"") if ends else decoded_piece
        return piece

    return feed


def _is_plain(head: bytes) -> bool:
    """Return whether data begins as JSON or an event stream does. Compressed data does not, but by rare chance."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        return text[1:2] in (b" ", b"\t", b"\r", b"\n", b'"', b"{", b"}", b"[", b"]")
    return text.startswith((b"data:", b"event:", b"id:", b"retry:", b":"))


def _unsupported(coding: str) -> Feed:
    """Return a feed for a coding that was not requested: it passes plain text on, and raises for anything else."""
    head = b""
    plain = False

    def feed(piece: bytes) -> bytes:
        nonlocal head, plain
        if plain:
            return piece
        head += piece
        if piece and len(head) < HEAD:
            return b""
        plain = not head.strip() or _is_plain(head)
        if not plain:
            raise ContentError(f"the response has the unsupported content encoding {coding[:80]!r}")
        whole, head = head, b""
        return whole

    return feed


class _Inflater:
    """Decode gzip, of one or several members (RFC 1952, section 2.2), zlib, and the raw deflate of some servers."""

    def __init__(self, coding: str, limit: int | None) -> None:
        self._coding = coding
        self._limit = limit
        self._head = b""
        self._plain = False
        self._engine: zlib._Decompress | None = None

    def __call__(self, piece: bytes) -> bytes:
        """Decode a piece; an empty one is the end."""
        if self._plain:
            return piece
        if self._engine is not None:
            return self._decode(piece) if piece else self._end()
        self._head += piece
        if not self._head or (piece and len(self._head) < HEAD):
            return b""
        head, self._head = self._head, b""
        start = self._start(head)
        return start if piece else start + self._end()

    def _start(self, head: bytes) -> bytes:
        """Find out which format it is, and return what its first bytes decode to."""
        import zlib

        if _is_plain(head):
            self._plain = True
            return head
        self._engine = zlib.decompressobj(47)  # 32 + 15: gzip or zlib, told apart by their header
        try:
            return self._decode(head)
        except ContentError:
            if self._coding != "deflate":
                raise
        self._engine = zlib.decompressobj(-15)
        return self._decode(head)

    def _decode(self, piece: bytes) -> bytes:
        import zlib

        engine, size, pieces = self._engine, 0, []
        while engine is not None and piece:
            if engine.eof:  # of a member: another one, padding or garbage may follow
                piece = (self._head + piece).lstrip(b"\0")
                self._head = piece if len(piece) < len(GZIP_MAGIC) else b""
                if not piece.startswith(GZIP_MAGIC):
                    break
                engine = self._engine = zlib.decompressobj(47)
            try:
                pieces.append(engine.decompress(piece, 0 if self._limit is None else self._limit + 1 - size))
            except zlib.error as error:
                raise ContentError(f"the {self._coding} content is broken: {error}") from None
            size += len(pieces[-1])
            if self._limit is not None and size > self._limit:
                raise TooLarge
            piece = engine.unused_data
        return b"".join(pieces)

    def _end(self) -> bytes:
        if self._engine is not None and not self._engine.eof:
            raise ContentError(f"the {self._coding} content is truncated")
        return b""
