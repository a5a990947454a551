"""The client of the module itself: `oai.api_key = ...`, then `oai.chat.completions.create(...)`.

It is created at first use, from the options set on the module, and again when they have changed.
"""

from __future__ import annotations

import os
import threading
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from oai._client.sync_client import OpenAI
from oai._client.table_classes import call_paths_of
from oai._errors import OpenAIError
from oai._request.config import OPTIONS
from oai._table.operation import warn_caller

if TYPE_CHECKING:
    from collections.abc import Mapping

AZURE: Final = ("azure_endpoint", "azure_deployment", "api_version", "azure_ad_token", "azure_ad_token_provider")

SETTINGS: Final = (
    *(name for name in OPTIONS if name != "dialect"),
    *AZURE,
    "bedrock_token_provider",
    "api_type",
    "transport",
    "http_client",
    "table",
)
"""The options that can be set on the module."""

_lock = threading.Lock()
_current: list[tuple[dict[str, Any], OpenAI]] = []


def attribute(name: str, module: Mapping[str, Any]) -> Any:
    """Return an attribute of the module's client.

    Raises:
        AttributeError: it has none of that name.
    """
    if not isinstance(vars(OpenAI).get(name), property) and name in call_paths():
        try:
            return getattr(_client(module), name)
        except OpenAIError:  # such as that of a missing key, which a call should raise, not `hasattr(oai, "chat")`
            return LazyPath(name, module)
    raise AttributeError(f"module 'oai' has no attribute {name!r}{_hint(name)}")


class LazyPath:
    """A call path of the module for which no client can be created yet; it is created when the path is called."""

    def __init__(self, path: str, module: Mapping[str, Any]) -> None:
        self._path = path
        self._module = module

    def __getattr__(self, name: str) -> Any:
        attrgetter(f"{self._path}.{name}")(OpenAI)  # raises AttributeError for a wrong name
        return LazyPath(f"{self._path}.{name}", self._module)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the path with a client of the module's current options.

        Raises:
            OpenAIError: there is still no key, or an option is invalid.
        """
        return attrgetter(self._path)(_client(self._module))(*args, **options)

    def __dir__(self) -> list[str]:
        return dir(attrgetter(self._path)(OpenAI))

    def __repr__(self) -> str:
        return f"<oai.{self._path}, without a client>"


def call_paths() -> frozenset[str]:
    """Return the names that the shipped table and those of the environment add to a client."""
    return call_paths_of(OpenAI)


def _client(module: Mapping[str, Any]) -> OpenAI:
    """Return the client for the options that are set on the module now."""
    options = {name: module[name] for name in SETTINGS if module.get(name) is not None}
    with _lock:
        if not _current or _current[0][0] != options:
            _warn_of_removed(module)
            # The old one stays open: other threads may use it, and closing it would close a shared http_client.
            _current[:] = [(options, _new_client(options))]
        return _current[0][1]


def _warn_of_removed(module: Mapping[str, Any]) -> None:
    """Warn of settings from before version 1 that have no effect, such as a base URL to which nothing is sent."""
    from oai._client.removed_names import SETTINGS as REMOVED
    from oai._client.removed_names import explanation

    for name, options in REMOVED.items():
        if module.get(name) is not None and all(module.get(option) is None for option in options):
            warn_caller(f"oai.{name} has no effect{explanation(name)}", UserWarning)


def _new_client(options: dict[str, Any]) -> OpenAI:
    kind = options.get("api_type") or os.environ.get("OPENAI_API_TYPE") or "openai"
    arguments = {name: value for name, value in options.items() if name != "api_type"}
    if kind not in ("openai", "azure", "amazon-bedrock"):
        raise OpenAIError(f"oai.api_type must be 'openai', 'azure' or 'amazon-bedrock', not {kind!r}")
    if kind == "amazon-bedrock":
        from oai._client.bedrock import BedrockOpenAI

        return BedrockOpenAI(**arguments)
    arguments.pop("bedrock_token_provider", None)
    if kind == "azure" or any(name in arguments for name in AZURE):
        from oai._client.azure import AzureOpenAI

        return AzureOpenAI(**arguments)
    return OpenAI(**arguments)


def _hint(name: str) -> str:
    from oai._client.removed_names import explanation
    from oai._support.suggest import nearest

    if text := explanation(name):
        return text
    suggestion = nearest(name, [*call_paths(), *SETTINGS])
    return f". Did you mean {suggestion!r}?" if suggestion else ""
