"""How servers are verified if the caller has no `ssl_context`."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def shared_tls_context() -> ssl.SSLContext:
    """Return a context with the system's trusted certificates, which all transports share."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
