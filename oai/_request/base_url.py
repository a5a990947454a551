"""Validate and encode base URLs other than the default, and return whether one is on this machine."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

from oai._errors import OpenAIError
from oai._http.idna import ascii_host
from oai._request.options import DEFAULT_BASE_URL, OptionValueError
from oai._request.query import group
from oai._support.loopback import is_loopback

SAFE = "/%!$&'()*+,;=:@"
"""Characters of a path that are not encoded; `%` is one, so that percent-encoded text stays as it is."""

REGIONS = ("ae", "au", "eu", "in", "jp", "us")
"""Regions with a host of their own, as in the official SDK; `global` is the default."""


class SchemeError(OpenAIError):
    """A base URL that does not begin with `http://` or `https://`.

    Attributes:
        shown: the text without its secrets.
    """

    def __init__(self, text: str, option: str) -> None:
        super().__init__(_not_a_url(text, option))
        self.shown = _redacted(text).rstrip("/")


@lru_cache(64)  # a program that creates a client for each request does so with few URLs
def split_base_url(text: str, option: str) -> tuple[str, str, Mapping[str, Any], str | None]:
    """Return the normalized base URL, the same with userinfo and query, that query, and the `Authorization`.

    The first URL is without its userinfo, so that no transport, proxy or log sees a password; it is sent as
    `Authorization` and takes precedence over the key, as in httpx. A host that is not ASCII is encoded here, so that
    all transports connect to the same one.

    Raises:
        SchemeError: it does not begin with `http://` or `https://`; the message names the option.
        OpenAIError: it is not a URL either.
    """
    parts = _parts(text)
    if parts is not None and parts.scheme not in ("http", "https"):
        raise SchemeError(text, option)
    host = None if parts is None else _ascii_host(parts)
    if parts is None or not host:
        raise OpenAIError(_not_a_url(text, option))
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    base = urlunsplit((parts.scheme, netloc, quote(parts.path.rstrip("/"), safe=SAFE), "", ""))
    query = MappingProxyType(group(parse_qsl(parts.query, keep_blank_values=True)))
    full = f"{base}?{parts.query}" if parts.query else base
    userinfo = parts.netloc.rpartition("@")[0]
    if not userinfo:
        return base, full, query, None
    return base, full.replace("://", f"://{userinfo}@", 1), query, _basic_authorization(userinfo)


def _not_a_url(text: str, option: str) -> str:
    return f"{option} must be a URL such as 'https://api.openai.com/v1', not {_redacted(text)!r}"


def _basic_authorization(userinfo: str) -> str:
    """Return the `Authorization` of a URL's userinfo (RFC 7617)."""
    user, _, password = userinfo.partition(":")
    return "Basic " + b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # parsed on access; raises ValueError
    except ValueError:
        return None
    return parts


def _ascii_host(parts: SplitResult) -> str | None:
    host = parts.netloc.rpartition("@")[2]
    return ascii_host(host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0])


def _redacted(text: str) -> str:
    """Return an invalid base URL without its query and its userinfo, which may hold secrets."""
    before, at, after = text.partition("?")[0].rpartition("@")
    scheme, mark, _ = before.partition("://")
    return f"{scheme}{mark}{after}" if at and mark else after


def residency_url(region: str, base_url: str | None) -> str:
    """Return the base URL of a region.

    Raises:
        OptionValueError: there is no such region, or a base URL as well.
    """
    if base_url is not None:
        raise OptionValueError("data_residency and base_url exclude each other: pass one")
    if region == "global":
        return DEFAULT_BASE_URL
    if region not in REGIONS:
        raise OptionValueError(f"data_residency must be global or one of {', '.join(REGIONS)}, not {region!r}")
    return DEFAULT_BASE_URL.replace("://", f"://{region}.")


def as_http(url: str) -> str:
    """Return the URL of a WebSocket with the scheme of its handshake: `https` for `wss`."""
    scheme, colon, rest = url.partition(":")
    return {"ws": "http", "wss": "https"}.get(scheme, scheme) + colon + rest


@lru_cache(64)
def stays_here(url: str) -> bool:
    """Return whether the host of a URL is this machine."""
    return is_loopback(urlsplit(url).hostname or "")
