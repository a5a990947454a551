"""Find secrets in the options of a pickled client, other than the keys, which a pickle leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from oai._support.redact import is_secret_header, redact_url


def option_with_secret(options: Mapping[str, Any]) -> str | None:
    """Return the first option that holds a secret, which the environment could not restore."""
    query = "&".join(f"{quote(name)}={quote(str(value))}" for name, value in options["default_query"].items())
    urls = {
        "base_url": options.get("base_url", ""),
        "websocket_base_url": options["websocket_base_url"] or "",
        "default_query": f"http://x/{query and '?'}{query}",
    }
    headers = [f"default_headers[{name!r}]" for name in options["default_headers"] if is_secret_header(name)]
    return next(iter([*headers, *(name for name, url in urls.items() if redact_url(url) != url)]), None)
