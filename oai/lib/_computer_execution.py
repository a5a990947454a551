"""Execute the actions of computer calls, each approved first, and report them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from oai.lib._computer_calls import ComputerUseError, actions_of, output_of
from oai.lib._tool_runs import call_with_cancelled
from oai.lib.tool_diagnostics import Reason, Stage, ToolDiagnosticObserver, emit_tool_diagnostic
from oai.types.responses.common_structs import ComputerActionScreenshot

if TYPE_CHECKING:
    from oai._flow.steps import Steps
    from oai.types.responses import Response, ResponseComputerToolCall
    from oai.types.responses.params import ResponseInputItemParamComputerCallOutput as ComputerCallOutput


class Execution:
    """Executes calls, with the program's callbacks."""

    def __init__(
        self,
        handlers: Mapping[str, Callable[..., Any]],
        *,
        is_async: bool,
        approve_safety_checks: Callable[..., Any] | None = None,
        before_action: Callable[..., Any] | None = None,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
    ) -> None:
        self._handlers = handlers
        self._is_async = is_async
        self._approve, self._before_action = approve_safety_checks, before_action
        self._cancelled = cancelled
        self._observer = on_diagnostic

    def check(self, response: Response | None = None) -> None:
        """Fail if the run is cancelled."""
        if self._cancelled is not None and self._cancelled():
            raise ComputerUseError("the computer run was cancelled", response)

    def steps(self, call: ResponseComputerToolCall) -> Steps[ComputerCallOutput]:
        """Execute a call; return its result.

        Raises:
            ComputerUseError: the call is invalid, or was not approved, or the run is cancelled.
        """
        actions = actions_of(call)
        if actions[-1].type != "screenshot":
            actions.append(ComputerActionScreenshot())
        self.check()
        if call.pending_safety_checks:
            refused = "the safety checks of the computer call were not approved"
            yield from self._approved(self._approve or (lambda _: False), call, call, "", refused)
        for action in actions:
            self.check()
            if self._before_action is not None:
                refused = "the action was not approved"
                yield from self._approved(self._before_action, action, call, action.type, refused)
            self.check()
            if action.type != "screenshot":  # there is one of the result, after the last action
                handler = partial(self._handlers[action.type], deepcopy(action))
                yield from self._done(handler, call, action.type, lambda result: result)
        self.check()
        screenshot = self._handlers["screenshot"]
        output: ComputerCallOutput = yield from self._done(screenshot, call, "screenshot", partial(output_of, call))
        self.check()
        return output

    def _approved(self, approve: Callable[..., Any], subject: Any, call: Any, member: str, refused: str) -> Steps[None]:
        started = time.monotonic()
        report = partial(self._report, "approval", call=call, member=member, started=started)
        try:
            approved = yield self._checked(call_with_cancelled(partial(approve, deepcopy(subject)), self._cancelled))
            self.check()
        except Exception:
            self._raise_cancelled(report)
            raise
        report("completed" if approved is True else "refused")
        if approved is not True:
            raise ComputerUseError(refused)

    def _done(self, handler: Callable[..., Any], call: Any, member: str, convert: Callable[[Any], Any]) -> Steps[Any]:
        report = partial(self._report, "action", call=call, member=member, started=time.monotonic())
        try:
            converted = convert((yield self._checked(call_with_cancelled(handler, self._cancelled))))
            self.check()
        except Exception:
            self._raise_cancelled(report)
            report("driver_failed")
            raise
        report("completed")
        return converted

    def _checked(self, result: Any) -> Any:
        """Return the result of a method, which without asyncio cannot be awaited."""
        if self._is_async or not inspect.isawaitable(result):
            return result
        if inspect.iscoroutine(result):
            result.close()
        raise ComputerUseError("a driver or callback returned an awaitable; use AsyncComputerToolset")

    def _raise_cancelled(self, report: Callable[[Reason], None]) -> None:
        """Report a cancelled run as such, whatever error the cancellation led to."""
        if self._cancelled is not None and self._cancelled():
            report("cancelled")
            raise ComputerUseError("the computer run was cancelled") from None

    def _report(self, stage: Stage, reason: Reason, *, call: Any, member: str, started: float) -> None:
        emit_tool_diagnostic(
            self._observer, "computer", stage, reason, started, call_id=call.call_id, member=member or None
        )
