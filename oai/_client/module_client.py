"""The client of the module itself: `oai.api_key = ...`, then `oai.chat.completions.create(...)`.

It is made when it is first needed, from the options that have been set on the module, and again when they have changed.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from oai._client.sync_client import OpenAI
from oai._client.table_classes import call_paths_of
from oai._request.config import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

AZURE: Final = ("azure_endpoint", "azure_deployment", "api_version", "azure_ad_token", "azure_ad_token_provider")

SETTINGS: Final = (
    *(name for name in OPTIONS if name != "dialect"),
    *AZURE,
    "api_type",
    "transport",
    "http_client",
    "table",
)
"""What may be set on the module."""

_lock = threading.Lock()
_made: list[tuple[dict[str, Any], OpenAI]] = []


def attribute(name: str, module: Mapping[str, Any]) -> Any:
    """Return an attribute of the module's client, or raise `AttributeError`."""
    if not isinstance(vars(OpenAI).get(name), property) and name in call_paths():
        return getattr(_client(module), name)
    raise AttributeError(f"module 'oai' has no attribute {name!r}{_hint(name)}")


def call_paths() -> frozenset[str]:
    """Return the names that the shipped table and the environment's give a client."""
    return call_paths_of(OpenAI)


def _client(module: Mapping[str, Any]) -> OpenAI:
    """Return the client of the options that the module has now."""
    options = {name: module[name] for name in SETTINGS if module.get(name) is not None}
    with _lock:
        if not _made or _made[0][0] != options:
            # The former one stays open: other threads may call it, and what is given to both would be closed with it.
            _made[:] = [(options, _make(options))]
        return _made[0][1]


def _make(options: dict[str, Any]) -> OpenAI:
    kind = options.get("api_type") or os.environ.get("OPENAI_API_TYPE") or "openai"
    given = {name: value for name, value in options.items() if name != "api_type"}
    if kind not in ("openai", "azure"):
        from oai._errors import OpenAIError

        raise OpenAIError(f"oai.api_type is {kind!r}; it takes 'openai' or 'azure'")
    if kind == "azure" or any(name in given for name in AZURE):
        from oai._client.azure import AzureOpenAI

        return AzureOpenAI(**given)
    return OpenAI(**given)


def _hint(name: str) -> str:
    from oai._support.suggest import nearest

    right = nearest(name, [*call_paths(), *SETTINGS])
    return f". Did you mean {right!r}?" if right else ""
