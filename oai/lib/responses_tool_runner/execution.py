"""Execute the calls of a turn, and report each: functions, the browser, the computer, approvals of MCP calls."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from oai._flow.steps import Steps
from oai._json.decode import convert
from oai.lib._tool_runs import call_with_cancelled
from oai.lib.responses_tool_runner.batch import Batch
from oai.lib.responses_tool_runner.errors import RunFailure
from oai.lib.responses_tool_runner.ledger import Phase
from oai.lib.responses_tool_runner.outputs import copy_output
from oai.lib.responses_tool_runner.state import RunState
from oai.lib.tool_diagnostics import Reason, Stage, emit_tool_diagnostic
from oai.types.responses import ResponseComputerToolCall, ResponseFunctionToolCall
from oai.types.responses.structs import ResponseInputItemMcpApprovalRequest as McpApprovalRequest

Item = dict[str, Any]

ASYNC_FUNCTION: Final = (
    "a function returned an awaitable; register an AsyncRegisteredFunction with AsyncResponsesToolRunner"
)
ASYNC_CALLBACK: Final = "a callback returned an awaitable; use AsyncResponsesToolRunner"


@dataclass(frozen=True)
class Callbacks:
    """The functions of the program that a run calls."""

    on_event: Callable[[Any], Any] | None = None
    approve_safety_checks: Callable[[Any], Any] | None = None
    before_action: Callable[[Any], Any] | None = None
    approve_mcp: Callable[[Any], Any] | None = None
    before_early_call: Callable[[Any], Any] | None = None


class Execution:
    """Executes calls.

    Args:
        state: the state of the run.
        browser: the toolset of browser functions.
        computer: the toolset for the computer.
        callbacks: the functions of the program.
        is_async: whether functions of the program may return awaitables.
    """

    def __init__(self, state: RunState, browser: Any, computer: Any, callbacks: Callbacks, *, is_async: bool) -> None:
        self._state, self._callbacks = state, callbacks
        self._browser, self._computer = browser, computer
        self._is_async = is_async

    def resolve(self, result: Any, message: str = ASYNC_CALLBACK) -> Any:
        """Check the result of a function of the program, and return it to be yielded.

        Raises:
            RunFailure: it is an awaitable, and the runner is sync.
        """
        if self._is_async or not inspect.isawaitable(result):
            return result
        if inspect.iscoroutine(result):
            result.close()
        raise RunFailure(message)

    def save(self, phase: Phase, batch: Batch, response: Item | None = None) -> Steps[None]:
        """Save a checkpoint, if the run has a ledger."""
        if self._state.ledger is not None:
            items = batch.items if batch.pending is None else batch.pending
            checkpoint: Any = self._state.checkpoint(phase, items, batch.outputs, response)
            yield self.resolve(self._state.ledger.save(checkpoint))

    def steps(self, batch: Batch, index: int, item: Item) -> Steps[None]:
        """Take an item of a turn, and execute it if it is a call.

        Raises:
            RunFailure: the item is invalid, or was not approved, or the run is cancelled.
        """
        if not batch.accept(index, item):
            return
        if self._state.ledger is not None:
            yield from self.save("pending", batch)
            self._state.check()
        batch.add(item, (yield from self._output(batch, item)))
        yield from self.save("pending", batch)
        if self._state.ledger is not None and batch.browser_failed:
            raise RunFailure("the result of the browser must be reconciled before another call")
        self._state.check()

    def _output(self, batch: Batch, item: Item) -> Steps[Item]:
        if item["type"] == "mcp_approval_request":
            approve = yield from self.approve(item)
            return {"type": "mcp_approval_response", "approval_request_id": item["id"], "approve": approve}
        if item["type"] == "computer_call":
            output: Item = yield self._run_computer(item)
            return output
        if item["name"] in self._state.registry.browser_names:
            return (yield from self._run_browser(batch, item))
        supplied = batch.supplied.get(item["call_id"])
        return supplied if supplied is not None else (yield from self.function(batch, item))

    def _run_computer(self, item: Item) -> Any:
        call: ResponseComputerToolCall = convert(ResponseComputerToolCall, item)
        return self._computer.execute(
            call,
            approve_safety_checks=self._callbacks.approve_safety_checks,
            before_action=self._callbacks.before_action,
            cancelled=self._state.cancelled,
            on_diagnostic=self._state.observer,
        )

    def _run_browser(self, batch: Batch, item: Item) -> Steps[Item]:
        run_call = self._browser._execute  # noqa: SLF001 - the official SDK's name of it
        call: ResponseFunctionToolCall = convert(ResponseFunctionToolCall, item)
        output, succeeded = yield run_call(
            call, skip=batch.browser_failed, cancelled=self._state.cancelled, on_diagnostic=self._state.observer
        )
        batch.browser_failed |= not succeeded
        result: Item = output
        return result

    def function(self, batch: Batch, item: Item) -> Steps[Item]:
        """Call a registered function, and return its output as an item of input."""
        function = self._state.registry.functions[item["name"]]
        report = partial(self._report, item=item)
        started = time.monotonic()
        try:
            call: Callable[..., Any] = partial(function.execute, batch.arguments[item["call_id"]])
            result = yield self.resolve(call_with_cancelled(call, self._state.cancelled), ASYNC_FUNCTION)
        except (Exception, asyncio.CancelledError):
            report("action", "driver_failed", started=started)
            raise
        returned = time.monotonic()
        try:
            output = copy_output(result)
        except ValueError:
            report("action", "completed", started=started)
            report("output", "invalid_output", started=returned)
            raise
        report("action", "completed", started=started)
        return {"type": "function_call_output", "call_id": item["call_id"], "output": output}

    def approve(self, item: Item) -> Steps[bool]:
        """Return whether the program approves an MCP call.

        Raises:
            RunFailure: the program has no function for it, or the function did not return a boolean.
        """
        self._state.check()
        if self._callbacks.approve_mcp is None:
            raise RunFailure("an MCP approval needs the callback approve_mcp")
        started = time.monotonic()
        request: McpApprovalRequest = convert(McpApprovalRequest, deepcopy(item))
        approved = yield self.resolve(self._callbacks.approve_mcp(request))
        if type(approved) is not bool:
            raise RunFailure("approve_mcp must return True or False")
        self._state.check()
        self._report("approval", "completed" if approved else "refused", item=item, started=started)
        self._state.check()
        return approved

    def _report(self, stage: Stage, reason: Reason, *, item: Item, started: float) -> None:
        call_id = item.get("call_id", item.get("id"))
        emit_tool_diagnostic(
            self._state.observer, "responses", stage, reason, started, call_id=call_id, member=item["name"]
        )
