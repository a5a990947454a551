"""The proxies that the environment names."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from oai._http.messages import TransportError

VARIABLES = {
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "http": ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"),
}
"""By scheme the variables that may name a proxy, the first that is set and not empty."""


NAMES = (
    *("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    "REQUEST_METHOD",
)
"""All variables that `proxy_for` reads."""


def proxy_settings() -> tuple[object, ...]:
    """Return a value that changes when a variable does that `proxy_for` reads.

    It is compared before each request, so it must be cheap: a look into the dictionary of `os.environ` takes a
    hundredth of what a lookup of the decoded value takes. A mapping that a test puts in the place of `os.environ` is
    copied.
    """
    encode, stored = getattr(os.environ, "encodekey", None), getattr(os.environ, "_data", None)
    if encode is None or stored is None:
        return tuple(os.environ.items())
    return tuple(map(stored.get, _encoded(encode)))


@lru_cache
def _encoded(encode: Callable[[str], Any]) -> tuple[Any, ...]:
    """Return the names of the variables as the dictionary of `os.environ` has them."""
    return tuple(map(encode, NAMES))


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL."""
    environment = os.environ
    for name in VARIABLES["https" if url.startswith("https") else "http"]:
        # A server that runs a CGI script sets HTTP_PROXY from the header field `Proxy` of its client.
        if (proxy := environment.get(name)) and not (name == "HTTP_PROXY" and "REQUEST_METHOD" in environment):
            break
    else:
        return None
    if excluded := environment.get("no_proxy") or environment.get("NO_PROXY"):
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        if is_excluded((parts.hostname or "").rstrip("."), port, excluded):
            return None
    return proxy if "://" in proxy else f"http://{proxy}"


class EnvironmentProxy:
    """The proxy that the environment names for an origin, read again when one of its variables has changed."""

    __slots__ = ("_settings", "_url")

    def __init__(self) -> None:
        self._settings: tuple[object, ...] | None = None
        self._url: str | None = None

    def find(self, url: str) -> str | None:
        """Return the proxy for a URL of the origin."""
        if (settings := proxy_settings()) != self._settings:
            self._url, self._settings = proxy_for(url), settings
        return self._url


def is_excluded(host: str, port: int, excluded: str) -> bool:
    """Return whether `NO_PROXY` excludes a host.

    Its entries are separated by commas or spaces. Each is `*`, a name (with all names below it, a leading dot or `*.`
    or not), an address, or a network such as `10.0.0.0/8`; any of them may have a port.
    """
    for entry in excluded.lower().replace(",", " ").split():
        name, colon, digits = entry.rpartition(":")
        if colon and digits.isdecimal() and ("]" in name or ":" not in name):
            if int(digits) != port:
                continue
            entry = name  # noqa: PLW2901 - the rest of the entry
        entry = entry.strip("[]")  # noqa: PLW2901
        if entry == "*" or ("/" in entry and _is_within(host, entry)):
            return True
        suffix = entry.removeprefix("*").lstrip(".")
        if suffix and (host == suffix or host.endswith(f".{suffix}")):
            return True
    return False


def _is_within(host: str, network: str) -> bool:
    from ipaddress import ip_address, ip_network  # a large module, which few environments need

    try:
        return ip_address(host.partition("%")[0]) in ip_network(network, strict=False)
    except ValueError:
        return False


def login_apart(proxy: str) -> tuple[str, dict[str, str]]:
    """Return the URL of a proxy as errors may show it, and the header fields with its login.

    Raises:
        TransportError: it is not the URL of a proxy.
    """
    try:
        parts = urlsplit(proxy)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise TransportError("connect", "the proxy in the environment is not a valid URL")
    if parts.scheme not in ("http", "https"):
        raise TransportError("connect", f"unsupported proxy {parts.scheme}://; supported are http:// and https://")
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not parts.username:
        return url, {}
    from base64 import b64encode  # few proxies require a login

    login = unquote(f"{parts.username}:{parts.password or ''}").encode()
    return url, {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"}
