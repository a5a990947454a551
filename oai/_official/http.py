"""Classes of httpx2, or else of httpx, that the official SDK's private modules name."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

NAMES: Final = ("URL", "AsyncBaseTransport", "AsyncClient", "BaseTransport", "Client", "Limits", "Proxy", "Response")


def __getattr__(name: str) -> Any:
    """Return a class, or a placeholder where neither library is installed."""
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for library in ("httpx2", "httpx"):
        try:
            return getattr(import_module(library), name)
        except ImportError:
            continue
    return getattr(import_module("oai._official.missing"), f"httpx.{name}")
