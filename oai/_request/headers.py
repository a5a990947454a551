"""Merge and validate the headers of a request."""

from __future__ import annotations

from collections.abc import Mapping

from oai._errors import OpenAIError
from oai._support.omit import Omit

HeaderMap = dict[str, tuple[str, str]]
"""Headers by lower-case name, since names are case-insensitive (RFC 9110, section 5.1)."""


def override(base: HeaderMap, *layers: Mapping[str, str | Omit | None]) -> HeaderMap:
    """Merge headers over others; `None` and `omit` remove one.

    Raises:
        OpenAIError: a name or a value is not allowed in HTTP.
    """
    merged = base.copy()
    for layer in layers:
        for name, value in layer.items():
            if value is None or isinstance(value, Omit):
                merged.pop(name.lower(), None)
            else:
                merged[name.lower()] = (name, check_header(name, value))
    return merged


def check_header(name: str, value: object) -> str:
    """Return the value of a header as text.

    Raises:
        OpenAIError: the name or the value is not allowed in HTTP; the message does not show the value.
    """
    text = value if isinstance(value, str) else str(value)
    if not name or not name.isascii() or any(char in name for char in ' \t\r\n:"'):
        raise OpenAIError(f"{name!r} is not a valid header name")
    if "\n" in text or "\r" in text or "\0" in text:
        raise OpenAIError(f"the value of the header {name!r} has a line break or a null, which HTTP forbids")
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise OpenAIError(f"the value of the header {name!r} has a character outside Latin-1") from None
    return text


def custom_headers(text: str) -> list[tuple[str, str]]:
    """Parse `OPENAI_CUSTOM_HEADERS`: a `Name: value` on each line."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]
