"""Placeholders for names of the official SDK that have no counterpart; using one raises an error with the reason.

A placeholder is a class, so that it can stand in annotations, in `isinstance` and, where it is an error's, in `except`.
"""

from __future__ import annotations

from typing import Any, Final

from oai._client.removed_names import replacement
from oai._errors import OpenAIError

REASONS: Final = {
    "internal": "it is a part of how the official SDK works inside, which oai does another way",
    "httpx": "it is a part of how the official SDK uses httpx; oai sends over its own transports (oai.transports)",
    "v0": "it was removed from the API's client in version 1",
    "pydantic": "it works on models of pydantic, which oai's results are not",
    "auth": "it is a part of how the official SDK exchanges tokens; oai does it another way, see oai.auth",
    "provider": "it is a part of how the official SDK signs requests; oai does it another way, see oai.providers",
}
"""The reasons for which there is no counterpart."""

_made: dict[str, Any] = {}


class UnavailableError(OpenAIError, NotImplementedError):
    """A name of the official SDK was used that has no counterpart."""


class _UnavailableAttributeError(UnavailableError, AttributeError):
    """The same, for an attribute, so that `hasattr` is false."""


class _Placeholder(type):
    """The type of placeholders."""

    reason: str

    def __getattr__(cls, name: str) -> Any:
        if name[:1] == "_":
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        raise _UnavailableAttributeError(cls.reason)

    def __call__(cls, *_: object, **__: object) -> Any:
        raise UnavailableError(cls.reason)


def __getattr__(name: str) -> Any:
    """Return the placeholder of `reason.name`."""
    key, _, short = name.partition(".")
    if key not in REASONS or not short:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _made:
        base = OpenAIError if short.endswith("Error") else object
        text = replacement(short) if key == "v0" else ""
        reason = f"openai's {short} is not available in oai: {REASONS[key]}{text and f'; {text}'}"
        _made[name] = _Placeholder(short, (base,), {"reason": reason, "__doc__": reason, "__module__": __name__})
    return _made[name]
