"""The parameters of a run's requests: those that the run sets, and those that the caller may set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from oai._json.objects import plain
from oai._support.omit import Omit
from oai.lib._shapes import copy_json
from oai.lib.responses_tool_runner.selection import check_choice
from oai.lib.responses_tool_runner.server_tools import SERVER_TOOLS
from oai.types.responses import ResponseCreateParamsNonStreaming

OWNED: Final = frozenset(
    {
        "stream",
        "store",
        "background",
        "conversation",
        "previous_response_id",
        "tools",
        "input",
        "include",
        "tool_choice",
    }
)
"""Parameters that the run sets or checks, which `extra_body` must not contain."""

CONTEXT: Final = frozenset({"truncation", "context_management"})
"""Parameters that make the server shorten the input."""

COMPUTERS: Final = ("computer", "computer_use_preview")
REPLAYED: Final = "reasoning.encrypted_content"
"""Included in each response, so that the whole history can be sent again even if the server stores nothing."""


def copy_params(params: Any, *, is_saved: bool, has_budget: bool) -> dict[str, Any]:
    """Return a copy of the parameters of a run, omitted ones left out.

    Args:
        params: the parameters of `responses.create`.
        is_saved: whether a ledger saves the run; then only parameters of the body are allowed.
        has_budget: whether the input is limited.

    Raises:
        ValueError: they do not go with a run.
    """
    if is_saved or has_budget:
        if type(params) is not dict:
            raise ValueError("a run with a ledger or a context_budget takes its parameters as a dict")
        if is_saved and params.keys() - ResponseCreateParamsNonStreaming.__annotations__.keys():
            raise ValueError("a run with a ledger takes parameters of the body alone, without overrides of the request")
        request = copy_json(params, drop_omitted=True)
    else:
        request = {name: _copy(value) for name, value in params.items() if not isinstance(value, Omit)}
    _check(request, has_budget=has_budget)
    return dict(request)


def _copy(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [deepcopy(plain(item)) for item in value]  # an iterator can be read once
    return deepcopy(value)


def _check(request: Mapping[str, Any], *, has_budget: bool) -> None:
    extra = request.get("extra_body")
    owned = OWNED | CONTEXT if has_budget else OWNED
    if isinstance(extra, Mapping) and owned & extra.keys():
        raise ValueError(f"extra_body must not contain {', '.join(sorted(owned & extra.keys()))}: the run decides it")
    if request.get("stream") or request.get("background"):
        raise ValueError("a run takes neither stream nor background; pass stream=True to run()")
    if request.get("conversation") is not None or request.get("previous_response_id") is not None:
        raise ValueError("pass the whole input; a run takes neither conversation nor previous_response_id")
    if has_budget and (request.get("truncation") == "auto" or request.get("context_management")):
        raise ValueError("a run with a context_budget takes neither truncation nor context_management")


def complete_request(
    params: dict[str, Any], registered: list[dict[str, Any]], *, is_saved: bool, has_budget: bool
) -> dict[str, Any]:
    """Return the parameters of the first request of a run.

    Args:
        params: the parameters that the caller passed, which `copy_params` copied.
        registered: the declarations of the tools of the runner.
        is_saved: as in `copy_params`.
        has_budget: as in `copy_params`.

    Raises:
        ValueError: a tool does not go with a run.
    """
    tools = _merge_tools(registered, params.get("tools") or [])
    _check_tools(tools, params)
    check_choice(params.get("tool_choice"), tools)
    original = params.get("input", [])
    request = params | {
        "tools": tools,
        "input": [{"role": "user", "content": original}] if isinstance(original, str) else list(original),
        "include": list(dict.fromkeys([*(params.get("include") or []), REPLAYED])),
    }
    if has_budget and request.get("truncation") is None:
        request["truncation"] = "disabled"
    return copy_json(request, drop_omitted=True) if is_saved else request


def _merge_tools(registered: list[dict[str, Any]], declared: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return all tools. The caller's declaration of a computer, which may have options, replaces the registered one."""
    tools, has_computer = list(registered), any(tool["type"] == "computer" for tool in registered)
    for tool in declared:
        if tool["type"] in COMPUTERS:
            if not has_computer:
                raise ValueError("a declared computer needs one registered computer, and can be declared once")
            tools = [other for other in tools if other["type"] != "computer"]
            has_computer = False
        elif tool["type"] not in SERVER_TOOLS:
            raise ValueError("params takes supported declared server tools alone; register functions with the runner")
        tools.append(dict(tool))
    return tools


def _check_tools(tools: list[dict[str, Any]], params: Mapping[str, Any]) -> None:
    labels = [tool["server_label"] for tool in tools if tool["type"] == "mcp"]
    if not all(type(label) is str and label for label in labels) or len({*labels}) != len(labels):
        raise ValueError("the labels of MCP servers must be nonempty and unique")
    if params.get("store") is False and any(tool["type"] == "image_generation" for tool in tools):
        raise ValueError(
            "a run with image generation needs stored responses to continue; set store, or use responses.create"
        )
