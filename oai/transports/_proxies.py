"""The proxies that the environment names."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

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
    if not found or bypass(parts.hostname or "", proxies):
        return None
    return found if "://" in found else f"http://{found}"
