"""Validate and encode base URLs other than the default, and tell whether one is on this machine."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, quote, urlsplit, urlunsplit

from oai._errors import OpenAIError
from oai._support.loopback import is_loopback

SAFE = "/%!$&'()*+,;=:@"
"""Characters of a path that are not encoded; `%` is one, so that percent-encoded text stays as it is."""


def split_base_url(text: str, option: str) -> tuple[str, dict[str, str]]:
    """Return the normalized base URL, and the query that is sent with every request.

    Raises:
        OpenAIError: it is not an HTTP URL; the message names the option.
    """
    parts = _parts(str(text))
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise OpenAIError(f"{option} must be a URL such as 'https://api.openai.com/v1', not {_redacted(str(text))!r}")
    base = urlunsplit((parts.scheme, parts.netloc, quote(parts.path.rstrip("/"), safe=SAFE), "", ""))
    return base, dict(parse_qsl(parts.query, keep_blank_values=True))


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # parsed on access; raises ValueError
    except ValueError:
        return None
    return parts


def _redacted(text: str) -> str:
    """Return an invalid base URL without its query and its userinfo, which may hold secrets."""
    before, at, after = text.partition("?")[0].rpartition("@")
    scheme, mark, _ = before.partition("://")
    return f"{scheme}{mark}{after}" if at and mark else after


def as_http(url: str) -> str:
    """Return the URL of a WebSocket with the scheme of its handshake: `https` for `wss`."""
    scheme, colon, rest = url.partition(":")
    return {"ws": "http", "wss": "https"}.get(scheme, scheme) + colon + rest


def stays_here(url: str) -> bool:
    """Tell whether the host of a URL is this machine."""
    return is_loopback(urlsplit(url).hostname or "")
