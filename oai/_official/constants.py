"""Constants of the official SDK, by their names in `openai._constants` and `openai._client`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

RAW_RESPONSE_HEADER: Final = "X-Stainless-Raw-Response"
OVERRIDE_CAST_TO_HEADER: Final = "____stainless_override_cast_to"
INITIAL_RETRY_DELAY: Final = 0.5
MAX_RETRY_DELAY: Final = 8.0
MAX_RETRY_AFTER_DELAY: Final = 120

API_KEY_SENTINEL: Final = "<missing API key>"
"""The key of an Azure client that a token authorizes; programs only compare keys with it."""

if TYPE_CHECKING:
    DEFAULT_CONNECTION_LIMITS: Any


def __getattr__(name: str) -> Any:
    """Return the limits of a client of httpx, which is only imported for them."""
    if name != "DEFAULT_CONNECTION_LIMITS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from httpx import Limits

    return Limits(max_connections=1000, max_keepalive_connections=100)
