"""Base URLs that are not the usual one: checked, encoded, and whether they leave this machine."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, quote, urlsplit, urlunsplit

from oai._errors import OpenAIError
from oai._support.loopback import is_loopback

KEPT = "/%!$&'()*+,;=:@"
"""Characters of a path that stay as they are; what is percent-encoded already is."""


def split_base_url(text: str, option: str) -> tuple[str, dict[str, str]]:
    """Return a base URL as requests begin with it, and the query that goes with each.

    Raises:
        OpenAIError: it is no such URL; the message names the option.
    """
    parts = _parts(str(text))
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise OpenAIError(f"{option} is {_shown(str(text))!r}; it must be a URL such as 'https://api.openai.com/v1'")
    base = urlunsplit((parts.scheme, parts.netloc, quote(parts.path.rstrip("/"), safe=KEPT), "", ""))
    return base, dict(parse_qsl(parts.query, keep_blank_values=True))


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # it is read where it is first looked at
    except ValueError:
        return None
    return parts


def _shown(text: str) -> str:
    """Return what is no base URL without its query and its user information, as far as it has them."""
    before, at, after = text.partition("?")[0].rpartition("@")
    scheme, mark, _ = before.partition("://")
    return f"{scheme}{mark}{after}" if at and mark else after


def as_http(url: str) -> str:
    """Return the URL of a WebSocket as that of the request which opens it."""
    scheme, colon, rest = url.partition(":")
    return {"ws": "http", "wss": "https"}.get(scheme, scheme) + colon + rest


def stays_here(url: str) -> bool:
    """Tell whether what is sent to a URL does not leave this machine."""
    return is_loopback(urlsplit(url).hostname or "")
