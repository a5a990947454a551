"""Header fields of a request before they are sent: laid over each other, and checked."""

from __future__ import annotations

from collections.abc import Mapping

from oai._errors import OpenAIError
from oai._support.omit import Omit

HeaderMap = dict[str, tuple[str, str]]
"""Header fields by their lower-case name, which is how they override each other."""


def override(base: HeaderMap, *layers: Mapping[str, str | Omit | None]) -> HeaderMap:
    """Lay header fields over others; `None` and `omit` take a field away.

    Raises:
        OpenAIError: a name or a value cannot stand in a header.
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
    """Return the value of a header as text, or say why it cannot be one, without showing it."""
    text = value if isinstance(value, str) else str(value)
    if not name or not name.isascii() or any(char in name for char in ' \t\r\n:"'):
        raise OpenAIError(f"{name!r} cannot be the name of a header")
    if "\n" in text or "\r" in text or "\0" in text:
        raise OpenAIError(f"the header {name!r} has a line break or a null in its value, which HTTP forbids")
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise OpenAIError(f"the header {name!r} has a character in its value that HTTP cannot carry") from None
    return text


def custom_headers(text: str) -> list[tuple[str, str]]:
    """Read `OPENAI_CUSTOM_HEADERS`: a `Name: value` on each line."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]
