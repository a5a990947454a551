"""Decode the text of a body in the charset that its Content-Type declares."""

from __future__ import annotations

from sys import byteorder
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from codecs import IncrementalDecoder

BYTE_ORDERS: Final[dict[str, tuple[int, tuple[bytes, ...]]]] = {
    "utf-16": (2, (b"\xff\xfe", b"\xfe\xff")),
    "utf-32": (4, (b"\xff\xfe\0\0", b"\0\0\xfe\xff")),
}
"""Codecs that begin with a byte order mark: its length and its forms."""

NO_BYTE_ORDER: Final[tuple[int, tuple[bytes, ...]]] = (0, ())

DEFAULT: Final = "utf-8"

NO_CHARSETS: Final = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
"""Python's text encodings that are not charsets."""


LONGEST_MARK: Final = 4
"""Bytes of the longest byte order mark, after which there is text."""


def declared_charset(content_type: str) -> str | None:
    """Return the charset of a Content-Type as the header spells it, or `None`; Python may not know it."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("'\"").strip() or None
    return None


def text_encoding(content_type: str) -> str:
    """Return the name of Python's codec for a body: that of its charset, else UTF-8."""
    name = declared_charset(content_type)
    if name is None:
        return DEFAULT
    from codecs import lookup

    try:
        codec = lookup(name)
    except (LookupError, ValueError):  # a NUL character is a ValueError
        return DEFAULT
    is_charset = getattr(codec, "_is_text_encoding", True) and codec.name.replace("-", "_") not in NO_CHARSETS
    return codec.name if is_charset else DEFAULT


def to_utf8(content: bytes, content_type: str) -> bytes:
    """Return the text of a body in UTF-8.

    Valid UTF-8 stays as it is, whatever charset is declared: servers declare ISO-8859-1 by default and send UTF-8, as
    JSON has to be (RFC 8259, section 8.1). Else a byte order mark, the zeros of UTF-16 and UTF-32, or the declared
    charset decide.
    """
    from oai._support.unicode_text import unicode_encoding

    encoding = unicode_encoding(content) if len(content) > LONGEST_MARK else None
    if encoding is None:
        try:
            content.decode()
        except UnicodeDecodeError:
            encoding = text_encoding(content_type)
        else:
            return content
    try:
        return content.decode(encoding).encode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        return content


def parse_text(text: str) -> Any:
    """Parse JSON text as Python's `json` does.

    Raises:
        json.JSONDecodeError: the text is not JSON, or nested too deeply.
    """
    import json

    try:
        return json.loads(text)
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, 0) from None


class TextDecoder:
    """Decodes text that arrives in pieces cut anywhere; what is not valid in its encoding is replaced."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._length, self._marks = BYTE_ORDERS.get(encoding, NO_BYTE_ORDER)
        self._start = b""
        self._decoder: IncrementalDecoder | None = None

    def __call__(self, piece: bytes) -> str:
        """Decode a piece; an empty one is the end."""
        if self._decoder is None:
            self._start += piece
            if piece and len(self._start) < self._length:
                return ""
            piece, ends = self._start, not piece
            return self._make().decode(piece, final=ends)
        return self._decoder.decode(piece, final=not piece)

    def _make(self) -> IncrementalDecoder:
        from codecs import getincrementaldecoder

        # Python's incremental decoders refuse text without a mark, which `bytes.decode` reads in the machine's order.
        marked = not self._marks or self._start.startswith(self._marks)
        name = self._encoding if marked else f"{self._encoding}-{'le' if byteorder == 'little' else 'be'}"
        self._decoder = getincrementaldecoder(name)(errors="replace")
        return self._decoder
