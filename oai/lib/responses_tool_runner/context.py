"""Limits on the input of a request: the program chooses completed calls to drop, and the run sends receipts for them.

The history of the run keeps everything; only the request is shortened.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple, Required, TypedDict

from oai._support.named_tuples import readable
from oai.lib._shapes import LARGEST
from oai.lib.responses_tool_runner.errors import RunFailure
from oai.types.responses import ResponseInputParam

CALLS: Final = ("function_call", "computer_call")
OUTPUTS: Final = ("function_call_output", "computer_call_output")
PICTURES: Final = ("browser_screenshot", "browser_zoom")
"""Functions of a browser whose output is a picture of the page."""

SUMMARY: Final = "Caller summary of omitted completed tool results: "
RECEIPTS: Final = "Omitted completed tool receipts: "
UNVERIFIED: Final = ". The full history of the runner has their output; external success is unverified."


class ContextBudgetSnapshot(TypedDict):
    """The input that exceeds the limits.

    Attributes:
        history: a copy of all items.
        eligible_call_ids: ids of the calls that may be dropped from this request.
        input_bytes: the length of the items as compact JSON, in bytes of UTF-8.
        input_images: the number of images.
    """

    history: ResponseInputParam
    eligible_call_ids: list[str]
    input_bytes: int
    input_images: int


class ContextBudgetDecision(TypedDict, total=False):
    """The calls to drop, and a text in their place."""

    drop_call_ids: Required[list[str]]
    summary: str


class _Limits(TypedDict, total=False):
    max_input_bytes: Required[int]
    max_input_images: Required[int]
    keep_recent_screenshots: int


class ContextBudget(_Limits, total=False):
    """The limits on the input of each request of a run.

    Attributes:
        max_input_bytes: maximum length of the items as compact JSON, in bytes of UTF-8.
        max_input_images: maximum number of images.
        keep_recent_screenshots: the number of screenshots that are never dropped; 1 by default.
        compact: called with a `ContextBudgetSnapshot` if a limit is exceeded. Without it, the run ends.
    """

    compact: Callable[[ContextBudgetSnapshot], ContextBudgetDecision]


class AsyncContextBudget(_Limits, total=False):
    """`ContextBudget` for asyncio: `compact` may be a coroutine function."""

    compact: Callable[[ContextBudgetSnapshot], ContextBudgetDecision | Awaitable[ContextBudgetDecision]]


LIMITS: Final = {"max_input_bytes": (None, 1), "max_input_images": (None, 0), "keep_recent_screenshots": (1, 1)}
"""Default and minimum of each limit."""


def copy_budget(budget: Any) -> dict[str, Any]:
    """Return a copy of a budget with its defaults.

    Raises:
        ValueError: a member is unknown, missing or out of range.
    """
    if type(budget) is not dict or budget.keys() - {*LIMITS, "compact"}:
        raise ValueError(f"context_budget takes {', '.join(LIMITS)} and compact")
    for name, (default, minimum) in LIMITS.items():
        number = budget.get(name, default)
        if type(number) is not int or not minimum <= number <= LARGEST:
            raise ValueError(f"{name} of context_budget must be an integer from {minimum} up")
    if "compact" in budget and not callable(budget["compact"]):
        raise ValueError("compact of context_budget must be a function")
    return {"keep_recent_screenshots": 1, **budget}


@readable
class Size(NamedTuple):
    """The size of an input."""

    bytes: int
    images: int

    def fits(self, budget: dict[str, Any]) -> bool:
        """Return whether it is within the limits."""
        return bool(self.bytes <= budget["max_input_bytes"] and self.images <= budget["max_input_images"])


def size_of(items: Iterable[dict[str, Any]]) -> Size:
    """Return the length of items as compact JSON, and the number of images in them."""
    owned = list(items)
    text = json.dumps(owned, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Size(len(text.encode()), sum(map(_images_in, owned)))


def _images_in(item: dict[str, Any]) -> int:
    kind = item.get("type", "message")
    if kind == "computer_call_output":
        return 1
    blocks = item.get({"message": "content", "function_call_output": "output"}.get(kind, ""))
    return sum(_is_image(block) for block in blocks) if type(blocks) is list else 0


def _is_image(block: Any) -> bool:
    return type(block) is dict and block.get("type") == "input_image"


def eligible_calls(
    history: Iterable[dict[str, Any]], browser_names: frozenset[str], keep_screenshots: int
) -> list[str]:
    """Return the ids of the calls that may be dropped.

    These are not recent screenshots, nor calls with safety checks, nor the latest calls of the browser and of the
    computer, whose state the model must know.
    """
    calls: dict[str, dict[str, Any]] = {}
    protected: set[str] = set()
    latest: dict[str, str] = {}
    screenshots: list[str] = []
    for item in history:
        kind, call_id = item.get("type"), item.get("call_id", "")
        if kind in CALLS:
            calls[call_id] = item
            if kind == "computer_call" or item["name"] in browser_names:
                latest[kind] = call_id
        elif kind in OUTPUTS and _is_screenshot(calls[call_id], item, browser_names):
            screenshots.append(call_id)
        if item.get("pending_safety_checks") or item.get("acknowledged_safety_checks"):
            protected.add(call_id)
    protected.update(screenshots[-keep_screenshots:], latest.values())
    return [call_id for call_id in calls if call_id not in protected]


def _is_screenshot(call: dict[str, Any], output: dict[str, Any], browser_names: frozenset[str]) -> bool:
    if output["type"] == "computer_call_output":
        return True
    is_picture = call["name"] in PICTURES and call["name"] in browser_names
    return is_picture and isinstance(output["output"], list) and any(map(_is_image, output["output"]))


def check_decision(decision: Any, eligible: Iterable[str]) -> tuple[frozenset[str], str | None]:
    """Return the calls to drop, and the summary.

    Raises:
        RunFailure: the decision is invalid.
    """
    if type(decision) is dict and not decision.keys() - {"drop_call_ids", "summary"}:
        dropped, summary = decision.get("drop_call_ids"), decision.get("summary")
        is_text = "summary" not in decision or type(summary) is str
        if type(dropped) is list and all(type(name) is str for name in dropped) and is_text:
            unique = frozenset(dropped)
            if len(unique) == len(dropped) and unique <= {*eligible}:
                return unique, summary
    raise RunFailure("the decision of context_budget is invalid")


def without_calls(
    history: Iterable[dict[str, Any]], dropped: frozenset[str], summary: str | None
) -> list[dict[str, Any]]:
    """Return the items without some calls and their outputs, after messages that name them."""
    kept: list[dict[str, Any]] = []
    receipts: list[dict[str, str]] = []
    for item in history:
        kind = item.get("type")
        if kind not in (*CALLS, *OUTPUTS) or item["call_id"] not in dropped:
            kept.append(item)
        elif kind in CALLS:
            name = {"name": item["name"]} if kind == "function_call" else {}
            receipts.append({"call_id": item["call_id"], "kind": kind, **name})
    texts = [] if summary is None else [SUMMARY + summary]
    if receipts:
        texts.append(RECEIPTS + json.dumps(receipts, ensure_ascii=False, separators=(",", ":")) + UNVERIFIED)
    return [*({"role": "user", "content": text} for text in texts), *kept]
