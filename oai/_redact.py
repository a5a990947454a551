"""What counts as a secret, said once, for reprs, logs, errors and cassettes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

REDACTED = "[redacted]"

SECRET_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "openai-organization",
        "openai-project",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
    }
)
"""Header names, in lower case, whose values are never shown. `SECRET_NAME` catches those it does not list."""

SECRET_NAME = re.compile(r"(?i)(^|[-_.])(api[-_]?key|key|secret|token|password|signature|sig|credential)$")
"""Names of headers, query parameters and JSON fields that hold a secret by what they are called."""

SECRET_TEXT = re.compile(r"\b(?:sk|ek|rk|sess)[-_][A-Za-z0-9_-]{12,}|(?i:\bBearer\s+)[^\s\"',;]{8,}")
"""Text that is a key by its own form, wherever it stands."""


def is_secret_header(name: str) -> bool:
    """Tell whether the values of a header of this name are never shown."""
    return name.lower() in SECRET_HEADERS or SECRET_NAME.search(name) is not None


def redact_headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the header fields with the secret values replaced."""
    return [(name, REDACTED if is_secret_header(name) else redact_text(value)) for name, value in pairs]


def redact_text(text: str) -> str:
    """Return the text with everything that looks like a key replaced."""
    return SECRET_TEXT.sub(REDACTED, text)


def redact_url(url: str) -> str:
    """Return the URL without user information and with the values of secret query parameters replaced."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(_redact_parameter(piece) for piece in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, host, redact_text(parts.path), query, ""))


def _redact_parameter(piece: str) -> str:
    name, equals, value = piece.partition("=")
    return f"{name}{equals}{REDACTED if equals and SECRET_NAME.search(name) else redact_text(value)}"
