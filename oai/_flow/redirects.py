"""Build the request that follows a redirect (RFC 9110, section 15.4). What is meant for one origin never leaves it."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from oai._http.messages import Request, TransportError

SAFE: Final = "".join(map(chr, range(0x21, 0x7F))).translate(dict.fromkeys(map(ord, '"<>\\^`')))
"""Characters of a Location that are not percent-encoded: visible ASCII, less some that no URL has (RFC 3986)."""

SENT_TO_ANY_ORIGIN: Final = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "user-agent", "range"),
        *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"),
    }
)
"""Header fields that select a representation. All others, such as `Host`, may be meant for the first origin alone."""


def redirected(request: Request, status: int, location: str) -> Request | None:
    """Return the request that a redirect leads to, or `None` if it would take a body to another origin.

    Raises:
        TransportError: `location` is no http or https URL.
    """
    try:
        url = _target(request.url, location)
        same_origin = _origin(url) == _origin(request.url)
    except ValueError:
        message = "the server redirected to something that is not an http or https URL"
        raise TransportError("receive", message) from None
    method, body, headers = request.method, request.body, request.headers
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = [(name, value) for name, value in headers if not name.lower().startswith("content-")]
    if not same_origin:
        if body:
            return None
        headers = [(name, value) for name, value in headers if name.lower() in SENT_TO_ANY_ORIGIN]
    return Request(
        method,
        url,
        headers,
        body,
        timeout=request.timeout,
        operation=request.operation,
        stream=request.stream,
        events=request.events,
        foreign=request.foreign or not same_origin,
    )


def _target(url: str, location: str) -> str:
    """Return the absolute URL of a Location, percent-encoded, without its fragment and its credentials."""
    encoded = quote(location, safe=SAFE, encoding="latin-1", errors="replace")  # header fields are read as Latin-1
    target: str = urldefrag(urljoin(url, encoded)).url
    parts = urlsplit(target)
    # Parsers disagree about the host of an authority with a backslash, and host names have no percent signs.
    if parts.scheme not in ("http", "https") or not parts.hostname or "%" in parts.netloc:
        raise ValueError(target)
    # RFC 9110, section 4.2.4. A transport would make an `Authorization` field of them.
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
