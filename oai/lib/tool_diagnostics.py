"""Reports of tool runners: stages, outcomes and durations, never content."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TypedDict

__all__ = ["ToolDiagnostic", "ToolDiagnosticObserver", "ToolDiagnosticUsage"]

Api = Literal["responses", "decisions", "browser", "computer"]
Stage = Literal["run", "request", "arguments", "approval", "action", "output", "selection", "verification"]
Reason = Literal[
    "started",
    "completed",
    "refused",
    "cancelled",
    "invalid_input",
    "invalid_output",
    "api_failed",
    "driver_failed",
    "policy_failed",
    "step_limit",
    "busy",
    "closed",
]

COUNTS = ("input_tokens", "output_tokens", "total_tokens")


class ToolDiagnosticUsage(TypedDict):
    """The tokens of a request."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class ToolDiagnostic(TypedDict):
    """One report: `duration_ms` is how long the stage took, `call_id` the tool call or candidate, if there is one."""

    api: Api
    stage: Stage
    reason: Reason
    call_id: str | None
    member: str | None
    duration_ms: float
    usage: ToolDiagnosticUsage | None


ToolDiagnosticObserver = Callable[[ToolDiagnostic], None]


def emit_tool_diagnostic(
    observer: ToolDiagnosticObserver | None,
    api: Api,
    stage: Stage,
    reason: Reason,
    started: float,
    *,
    call_id: str | None = None,
    member: str | None = None,
    usage: object = None,
) -> None:
    """Report to an observer, whose errors change nothing; a coroutine that it returns is not awaited.

    Args:
        observer: the function to call, if any.
        api: which runner reports.
        stage: what was done.
        reason: how it ended.
        started: when it began, by `time.monotonic`.
        call_id: the id of the tool call or candidate.
        member: the member of a set of tools.
        usage: an object with the tokens of a request.
    """
    if observer is None:
        return
    report: ToolDiagnostic = {
        "api": api,
        "stage": stage,
        "reason": reason,
        "call_id": call_id,
        "member": member,
        "duration_ms": max(0.0, (time.monotonic() - started) * 1000),
        "usage": _tokens(usage),
    }
    with suppress(Exception, asyncio.CancelledError):  # a failing observer must not fail the call
        function: Callable[[Any], Any] = observer  # its type says `None`, but people pass coroutine functions
        _discard(function(report))


def _tokens(usage: object) -> ToolDiagnosticUsage | None:
    counts: Any = {name: getattr(usage, name, None) for name in COUNTS}
    valid = all(type(count) is int and count >= 0 for count in counts.values())
    tokens: ToolDiagnosticUsage | None = counts if valid else None
    return tokens


def _discard(result: object) -> None:
    """Drop what an observer returned, without a warning about an unawaited coroutine or an unread exception."""
    if inspect.iscoroutine(result):
        result.close()
    elif isinstance(result, asyncio.Future):
        result.add_done_callback(lambda future: future.cancelled() or future.exception())
