"""The proxies that the environment names."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from oai._http.messages import TransportError

VARIABLES = {
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "http": ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"),
}
"""By scheme the variables that may name a proxy; the environment is slow to ask, so no others are looked at."""


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL."""
    environment = os.environ
    for name in VARIABLES["https" if url.startswith("https") else "http"]:
        if name in environment:
            break
    else:
        return None
    import urllib.request  # a large module, which only a proxy needs

    parts = urlsplit(url)
    proxies = urllib.request.getproxies_environment()
    found = proxies.get(parts.scheme) or proxies.get("all")
    bypass: Any = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
    host = parts.hostname or ""
    port = parts.port or {"https": 443}.get(parts.scheme, 80)
    if not found or bypass(host, proxies) or bypass(f"{host}:{port}", proxies):
        return None
    return found if "://" in found else f"http://{found}"


def login_apart(proxy: str) -> tuple[str, dict[str, str]]:
    """Return the URL of a proxy as errors may show it, and the header fields that it asks for.

    Raises:
        TransportError: it is not the URL of a proxy that HTTP goes through.
    """
    try:
        parts = urlsplit(proxy)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise TransportError("connect", "what the environment names as a proxy is not the URL of one")
    if parts.scheme not in ("http", "https"):
        raise TransportError("connect", f"a proxy of kind {parts.scheme!r} needs a pool or a session of your own")
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not parts.username:
        return url, {}
    from base64 import b64encode  # few proxies ask for a login

    login = unquote(f"{parts.username}:{parts.password or ''}").encode()
    return url, {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"}
