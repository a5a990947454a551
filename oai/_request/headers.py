"""Merge and validate the headers of a request."""

from __future__ import annotations

from collections.abc import Mapping

from oai._errors import OpenAIError
from oai._request.options import is_field_value
from oai._support.omit import Omit

TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""The characters of a header name and of a method (RFC 9110, section 5.6.2)."""

JSON = "application/json"
"""The content type of most request bodies."""

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
                merged.pop(check_name(name).lower(), None)
            else:
                merged[name.lower()] = (name, check_header(name, value))
    return merged


def is_token(text: object) -> bool:
    """Return whether a text can be the name of a header or a method."""
    return isinstance(text, str) and bool(text) and TOKEN.issuperset(text)


def check_name(name: str) -> str:
    """Return the name of a header.

    Raises:
        OpenAIError: it is not allowed in HTTP.
    """
    if not is_token(name):
        raise OpenAIError(f"{name!r} is not a valid header name")
    return name


def check_header(name: str, value: object) -> str:
    """Return the value of a header as text.

    Raises:
        OpenAIError: the name or the value is not allowed in HTTP; the message does not show the value.
    """
    check_name(name)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    elif isinstance(value, (int, float)):
        value = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        kind = type(value).__name__
        raise OpenAIError(f"the value of the header {name!r} must be a string, bytes or a number, not {kind}")
    if not is_field_value(value):
        problem = (
            "has a character outside Latin-1" if max(value) > "\xff" else "has a line break or a control character"
        )
        raise OpenAIError(f"the value of the header {name!r} {problem}, which HTTP forbids")
    return value.strip(" \t")  # surrounding white space is not part of a value (RFC 9110, section 5.5)


def custom_headers(text: str) -> list[tuple[str, str]]:
    """Parse `OPENAI_CUSTOM_HEADERS`: a `Name: value` on each line."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]
