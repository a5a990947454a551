"""Recognize Unicode text by its first bytes: a byte order mark, or the zeros of UTF-16 and UTF-32."""

from __future__ import annotations

MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32", "utf-32-le"),  # before UTF-16's, with which it begins
    (b"\x00\x00\xfe\xff", "utf-32", "utf-32-be"),
    (b"\xff\xfe", "utf-16", "utf-16-le"),
    (b"\xfe\xff", "utf-16", "utf-16-be"),
)
"""Byte order marks, the codecs that read them, and the codecs of what follows."""

ZEROS: dict[tuple[bool, ...], str] = {
    (True, True, True, False): "utf-32-be",
    (False, True, True, True): "utf-32-le",
    (True, False, True, False): "utf-16-be",
    (False, True, False, True): "utf-16-le",
}
"""Where the first four bytes are zero if a text begins with two ASCII characters (RFC 4627, section 3)."""


def unicode_encoding(content: bytes) -> str | None:
    """Return the codec of content that begins with a byte order mark, or like UTF-16 or UTF-32; else `None`."""
    for mark, codec, _ in MARKS:
        if content.startswith(mark):
            return codec
    return ZEROS.get(tuple(byte == 0 for byte in content[:4]))


def decode_unicode(content: bytes) -> tuple[str | None, bytes, str]:
    """Return content as text, its byte order mark, and the codec of the rest; `None` if it is not Unicode text.

    `mark + text.encode(codec)` gives the bytes back: `utf-16` and `utf-32` alone would write this machine's order.
    """
    mark, codec = next(((mark, codec) for mark, _, codec in MARKS if content.startswith(mark)), (b"", None))
    codec = codec or unicode_encoding(content) or "utf-8"
    try:
        return content[len(mark) :].decode(codec), mark, codec
    except UnicodeDecodeError:
        return None, mark, codec
