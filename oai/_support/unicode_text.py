"""Recognize Unicode text by its first bytes: a byte order mark, or the zeros of UTF-16 and UTF-32."""

from __future__ import annotations

MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),  # before UTF-16's, with which it begins
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""Byte order marks, and the codecs that read and write them."""

ZEROS: dict[tuple[bool, ...], str] = {
    (True, True, True, False): "utf-32-be",
    (False, True, True, True): "utf-32-le",
    (True, False, True, False): "utf-16-be",
    (False, True, False, True): "utf-16-le",
}
"""Where the first four bytes are zero if a text begins with two ASCII characters (RFC 4627, section 3)."""


def unicode_encoding(content: bytes) -> str | None:
    """Return the codec of content that begins with a byte order mark, or like UTF-16 or UTF-32; else `None`."""
    for mark, codec in MARKS:
        if content.startswith(mark):
            return codec
    return ZEROS.get(tuple(byte == 0 for byte in content[:4]))


def decode_unicode(content: bytes) -> tuple[str | None, str]:
    """Return content as text and the codec that gives the bytes back; `None` if it is no Unicode text."""
    codec = unicode_encoding(content) or "utf-8"
    try:
        return content.decode(codec), codec
    except UnicodeDecodeError:
        return None, codec
