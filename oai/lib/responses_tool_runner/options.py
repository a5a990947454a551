"""The options of a run, which `run` and `iterate` of both runners take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypedDict

from oai.lib.responses_tool_runner.context import AsyncContextBudget, ContextBudget
from oai.lib.responses_tool_runner.ledger import AsyncResponsesToolLedger, ResponsesToolLedger
from oai.lib.tool_diagnostics import ToolDiagnosticObserver
from oai.types.responses import ResponseComputerToolCall, ResponseFunctionToolCall
from oai.types.responses.structs import ResponseInputItemMcpApprovalRequest as McpApprovalRequest

EarlyCall = ResponseFunctionToolCall | ResponseComputerToolCall
EarlyDecision = Literal["execute", "defer"]


class CommonOptions(TypedDict, total=False):
    """The options that are the same for both runners."""

    max_steps: int | None
    stream: bool
    eager: bool
    max_concurrent_calls: int
    cancelled: Callable[[], bool] | None
    on_diagnostic: ToolDiagnosticObserver | None


class RunOptions(CommonOptions, total=False):
    """The options of `ResponsesToolRunner`."""

    on_event: Callable[[Any], None] | None
    approve_safety_checks: Callable[[ResponseComputerToolCall], bool] | None
    before_action: Callable[[Any], bool] | None
    ledger: ResponsesToolLedger | None
    context_budget: ContextBudget | None
    approve_mcp: Callable[[McpApprovalRequest], bool] | None
    before_early_call: Callable[[EarlyCall], EarlyDecision] | None


class AsyncRunOptions(CommonOptions, total=False):
    """The options of `AsyncResponsesToolRunner`."""

    on_event: Callable[[Any], Awaitable[None]] | None
    approve_safety_checks: Callable[[ResponseComputerToolCall], Awaitable[bool]] | None
    before_action: Callable[[Any], Awaitable[bool]] | None
    ledger: AsyncResponsesToolLedger | None
    context_budget: AsyncContextBudget | None
    approve_mcp: Callable[[McpApprovalRequest], Awaitable[bool]] | None
    before_early_call: Callable[[EarlyCall], Awaitable[EarlyDecision]] | None
