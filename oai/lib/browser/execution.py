"""Execute one call of a browser tool: check it, get it approved, act, and read the resulting state of the browser.

The driver is not used before the call is known to be one of the toolset's and, if reads need approval, is approved.
`Execution` is one source for both toolsets: it yields what the functions of the program returned.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from oai._flow.steps import Steps
from oai._json.encode import encode
from oai._json.objects import plain
from oai.lib._tool_runs import call_with_cancelled
from oai.lib.browser.arguments import parse_arguments
from oai.lib.browser.errors import BrowserCancelledError, BrowserError
from oai.lib.browser.members import MEMBERS, OPENING_URLS, PREFIX
from oai.lib.browser.outputs import (
    ACTION_FAILED,
    ACTION_REFUSED,
    READ_REFUSED,
    SKIPPED,
    UNAVAILABLE,
    URL_REFUSED,
    Outcome,
    failure,
    success,
)
from oai.lib.browser.selection import Selection
from oai.lib.browser.state import project_state
from oai.lib.tool_diagnostics import Reason, Stage, ToolDiagnosticObserver, emit_tool_diagnostic
from oai.types.responses import ResponseFunctionToolCall

if TYPE_CHECKING:
    from oai.lib.browser.members import Member
    from oai.lib.browser.reports import BrowserObservationV1, BrowserState

STATE_FAILED: Final = "Browser state report failed."
"""The official SDK's words, with which its example of a browser compares the error."""

REFUSALS: Final[Mapping[Stage, Reason]] = {
    "arguments": "invalid_input",
    "approval": "refused",
    "action": "driver_failed",
}
FAILURES: Final[Mapping[Stage, Reason]] = {**REFUSALS, "approval": "policy_failed"}


class Toolset(Protocol):
    """The part of a toolset that a call needs. The program may replace driver and policies between calls."""

    driver: Any
    confirm: Any
    url_policy: Any
    is_async: bool
    selection: Selection


class Execution:
    """The execution of one call."""

    def __init__(
        self,
        toolset: Toolset,
        call: ResponseFunctionToolCall,
        *,
        cancelled: Callable[[], bool] | None,
        observer: ToolDiagnosticObserver | None,
    ) -> None:
        self._toolset = toolset
        self._call = deepcopy(call)
        self._name = call.name.removeprefix(PREFIX) if call.name.startswith(PREFIX) else ""
        self._cancelled = cancelled
        self._observer = observer
        self._begin("arguments")

    def steps(self, *, skip: bool = False) -> Steps[Outcome]:
        """Execute the call, or with `skip` only read the state.

        Raises:
            BrowserError: the program did not select this member.
            BrowserCancelledError: the call was cancelled.
            RuntimeError: the driver returned something invalid, or a policy could not be read.
            TypeError, ValueError: the call cannot be sent back to the model.
        """
        self._check_cancelled()
        self._check_call()
        if not self._is_available():
            self._report("invalid_input", member=None)
            return self._refusal(UNAVAILABLE)
        if self._name in self._toolset.selection.confirmed_reads and (skip or not (yield from self._read_approved())):
            return self._refusal(READ_REFUSED)
        confirm, url_policy = (None, None) if skip else self._policies()
        read_state = self._state_method()
        state = yield from self._state(read_state)
        if skip:
            return self._refusal(SKIPPED, state)
        result, error = yield from self._attempt(state, confirm, url_policy)
        self._check_cancelled()
        state = yield from self._state(read_state, state.get("observation"))
        if error is not None:
            return self._refusal(error, state)
        return success(self._call.call_id, self._name, result, state)

    @property
    def _member(self) -> Member:
        return MEMBERS[self._name]

    def _check_call(self) -> None:
        name, selection = self._name, self._toolset.selection
        if name in MEMBERS and name not in selection.names and (selection.is_explicit or not MEMBERS[name].is_default):
            raise BrowserError(f"the member {name} is not enabled; pass it in members or additional_members")
        if not isinstance(self._call.call_id, str):
            raise RuntimeError(f"the call_id must be a string, not {self._call.call_id!r}")  # noqa: TRY004 - as official
        item = plain(self._call)
        for local in ("created_by", "parsed_arguments"):  # which items of input do not have
            item.pop(local, None)
        encode(item)  # the next request has it: whether it can be sent must be known before anything is done

    def _is_available(self) -> bool:
        is_complete = self._call.type == "function_call" and self._call.status in (None, "completed")
        return is_complete and self._name in self._toolset.selection.names

    def _read_approved(self) -> Steps[bool]:
        self._begin("approval")
        try:
            arguments = parse_arguments(self._member.fields, self._call.arguments)
            context = self._context(arguments, None) | {"phase": "before_read"}
            approved = yield from self._approved(self._toolset.confirm, context)
        except Exception:  # noqa: BLE001 - without an answer, the call is refused
            self._report_cancelled()
            self._report("policy_failed")
            return False
        self._report_cancelled()
        self._report("completed" if approved else "refused")
        return approved

    def _policies(self) -> tuple[Any, Any]:
        """Return `confirm` and `url_policy`, each only if the call needs it: they may be properties."""
        try:
            confirm = self._toolset.confirm if self._member.needs_approval else None
            url_policy = self._toolset.url_policy if self._name in OPENING_URLS else None
        except Exception:  # noqa: BLE001 - a property of the program's
            raise RuntimeError("a policy of the browser toolset cannot be read") from None
        return confirm, url_policy

    def _state_method(self) -> Callable[..., Any]:
        try:
            method: Callable[..., Any] = self._toolset.driver.state
        except Exception:  # noqa: BLE001 - a property of the program's
            raise RuntimeError(STATE_FAILED) from None
        return method

    def _state(
        self, read_state: Callable[..., Any], previous: BrowserObservationV1 | None = None
    ) -> Steps[BrowserState]:
        try:
            report = yield self._called(read_state)
            self._check_cancelled()
            state = project_state(report, previous)
        except Exception:  # noqa: BLE001 - its text may have private data
            self._check_cancelled()
            raise RuntimeError(STATE_FAILED) from None
        self._check_cancelled()
        return state

    def _attempt(self, state: BrowserState, confirm: Any, url_policy: Any) -> Steps[tuple[Any, str | None]]:
        """Return the result of the action, or the text of an error for the model."""
        try:
            result = yield from self._act(state, confirm, url_policy)
        except BrowserCancelledError:
            self._report("cancelled")
            raise
        except BrowserError as error:
            self._report(REFUSALS[self._stage])
            return None, str(error)
        except Exception:  # noqa: BLE001 - the model learns that it failed, and may try another way
            self._report(FAILURES[self._stage])
            return None, ACTION_FAILED
        return self._converted(result), None

    def _act(self, state: BrowserState, confirm: Any, url_policy: Any) -> Steps[Any]:
        self._begin("arguments")
        arguments = parse_arguments(self._member.fields, self._call.arguments)
        self._begin("approval")
        yield from self._approve(self._context(arguments, state), confirm, url_policy)
        self._begin("action")
        handler = self._toolset.selection.handlers.get(self._name)
        if handler is None:
            return None  # of `list_tabs`, whose result is the state
        result = yield self._called(handler, arguments)
        if not self._toolset.is_async and inspect.isawaitable(result):
            raise TypeError("the driver returned an awaitable; use AsyncBrowserToolset")
        return result

    def _approve(self, context: dict[str, Any], confirm: Any, url_policy: Any) -> Steps[None]:
        url = context["arguments"].get("url")
        if self._name in OPENING_URLS and isinstance(url, str):
            if not (yield from self._approved(url_policy, context, url)):
                raise BrowserError(URL_REFUSED)
            self._check_cancelled()
        needs_approval = self._member.needs_approval
        if needs_approval and not (yield from self._approved(confirm, context)):
            raise BrowserError(ACTION_REFUSED)
        self._check_cancelled()
        if needs_approval:
            self._report("completed")

    def _approved(self, policy: Callable[..., Any] | None, context: dict[str, Any], *arguments: str) -> Steps[bool]:
        """Return whether a policy returned `True` itself: any other value refuses the call."""
        if policy is None:
            return False
        answer = yield self._called(policy, deepcopy(context), *arguments)
        return answer is True

    def _converted(self, result: Any) -> Any:
        try:
            converted = self._member.convert(result)
        finally:
            self._report_cancelled()  # also if the result is invalid: the cancellation may be why
        self._report("completed")
        return converted

    def _called(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the program's; yield the result to get what it returned."""
        result = call_with_cancelled(partial(function, *arguments), self._cancelled)
        if self._toolset.is_async and not inspect.isawaitable(result):
            raise TypeError("the function must return an awaitable; use BrowserToolset")
        if not self._toolset.is_async and inspect.iscoroutine(result):
            result.close()  # or Python warns that it was never awaited
        return result

    def _context(self, arguments: dict[str, Any], state: BrowserState | None) -> dict[str, Any]:
        return {"member": self._name, "arguments": arguments, "state": state, "call_id": self._call.call_id}

    def _refusal(self, error: str, state: BrowserState | None = None) -> Outcome:
        return failure(self._call.call_id, error, state)

    def _begin(self, stage: Stage) -> None:
        self._stage: Stage = stage
        self._started = time.monotonic()

    def _report(self, reason: Reason, **changes: Any) -> None:
        details = {"call_id": self._call.call_id, "member": self._name, **changes}
        emit_tool_diagnostic(self._observer, "browser", self._stage, reason, self._started, **details)

    def _check_cancelled(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise BrowserCancelledError("the browser call was cancelled")

    def _report_cancelled(self) -> None:
        """Fail if the call is cancelled, and report that."""
        try:
            self._check_cancelled()
        except BrowserCancelledError:
            self._report("cancelled")
            raise
