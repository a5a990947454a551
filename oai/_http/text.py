"""Decode the text of a body in the charset that its Content-Type declares."""

from __future__ import annotations

from typing import Final

DEFAULT: Final = "utf-8"

NO_CHARSETS: Final = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
"""Python's text encodings that are no charsets."""


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
