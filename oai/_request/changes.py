"""What `with_options` and attributes change of the options of a client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oai._http.messages import time_left
from oai._request.dialect import residency_base_url
from oai._request.options import ARGUMENTS, unknown_option

OF_PROVIDER: Final = ("api_key", "admin_api_key", "organization", "project", "base_url", "dialect", "workload_identity")
"""The options that belong to a provider, and do not stay when a client gets another one."""


def _kept(current: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a client that stay with changes: credentials of another kind take the place of the old."""
    gone: tuple[str, ...] = ()
    if changes.get("provider") is not None:
        gone = OF_PROVIDER
    elif changes.get("workload_identity") is not None:
        gone = ("api_key", "dialect", "provider")
    elif changes.get("api_key") is not None and current["workload_identity"] is not None:
        gone = ("dialect", "workload_identity")
    return {name: value for name, value in current.items() if name not in gone}


def merged(current: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a client with changes.

    Raises:
        TypeError: there is no such option.
        OpenAIError: two changes exclude each other.
    """
    options = dict(changes)
    if options.get("data_residency") is not None:
        options["base_url"] = residency_base_url({"provider": current["provider"], **options})
    is_moved = options.pop("data_residency", None) is not None
    added = [name for name, declared in ARGUMENTS.items() if declared.adds]
    whole = {name: options.pop(f"set_{name}", None) for name in added}
    for name in options:
        if name not in current:
            raise unknown_option("with_options", name)
    for name, value in whole.items():
        if value is not None and name in options:
            raise TypeError(f"{name} and set_{name} exclude each other: pass one")
        if value is not None:
            options[name] = value
        elif name in options:
            options[name] = {**current[name], **(options[name] or {})}
    options = {name: value for name, value in options.items() if value is not None or not ARGUMENTS[name].keeps}
    options |= {name: time_left(options[name]) for name in ("timeout", "deadline") if name in options}
    kept = _kept(current, options)
    if is_moved:
        kept["websocket_base_url"] = None  # which leads to the region before
    return {**kept, **options}
