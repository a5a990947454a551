"""The state of a run over all of its turns: its history, its limits, and which calls were executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final

from oai.lib._shapes import LARGEST, copy_json
from oai.lib.responses_tool_runner.context import check_decision, copy_budget, eligible_calls, size_of, without_calls
from oai.lib.responses_tool_runner.errors import CANCELLED, RunFailure
from oai.lib.responses_tool_runner.history import check_history, has_observation, native_ids
from oai.lib.responses_tool_runner.ledger import Ledger, Phase, check_ledger, check_resumable, saved_tools
from oai.lib.responses_tool_runner.mcp import approvals_of, check_declared
from oai.lib.responses_tool_runner.registration import Registry
from oai.lib.responses_tool_runner.request import complete_request, copy_params
from oai.lib.responses_tool_runner.selection import Selection
from oai.lib.tool_diagnostics import ToolDiagnosticObserver

Item = dict[str, Any]

MOST_STEPS: Final = 20
MCP_ITEMS: Final = ("mcp_approval_request", "mcp_approval_response", "mcp_call")


class RunState:
    """The state of a run so far.

    Args:
        registry: the tools of the runner.
        params: the parameters of `responses.create`.
        max_steps: maximum number of requests; 20 by default, or that of the checkpoint.
        cancelled: returns whether to end the run.
        ledger: where checkpoints are saved.
        budget: the limits on the input of a request.
        observer: gets the diagnostics.

    Raises:
        ValueError: the parameters do not go with a run, or with the checkpoint to resume from.
    """

    def __init__(
        self,
        registry: Registry,
        params: Any,
        *,
        max_steps: int | None,
        cancelled: Callable[[], bool] | None,
        ledger: Ledger | None,
        budget: Any,
        observer: ToolDiagnosticObserver | None,
    ) -> None:
        saving = {"is_saved": ledger is not None, "has_budget": budget is not None}
        copied = copy_params(params, **saving)
        checkpoint = None if ledger is None else check_ledger(ledger)
        if max_steps is None:
            max_steps = MOST_STEPS if checkpoint is None else checkpoint.get("max_steps")
        if type(max_steps) is not int or max_steps < 1:
            raise ValueError(f"max_steps must be a positive integer, not {max_steps!r}")
        self.max_steps = max_steps
        self.registry, self.ledger, self.observer = registry, ledger, observer
        self.budget = None if budget is None else copy_budget(budget)
        self.request = complete_request(copied, registry.declarations(), **saving)
        self.history: list[Item] = self.request["input"]
        self.tools: list[Item] = self.request["tools"]
        self.selection = Selection.of(self.request.get("tool_choice"))
        self.attempted: list[str] = []
        self.completed: list[str] = []
        self.consumed_requests = self.revision = 0
        self.seen = _call_ids(self.history)
        self.cancelled = cancelled
        self._run_id = "" if ledger is None else ledger.run_id
        if checkpoint is not None:
            self._restore(checkpoint)
        if ledger is not None:
            self.check_boundary()

    def check(self) -> None:
        """Fail if the run is cancelled."""
        if self.cancelled is not None and self.cancelled():
            raise RunFailure(CANCELLED)

    def check_boundary(self) -> None:
        """Check the state between two turns, for a run that is saved or limited.

        Raises:
            ValueError: a number is out of range, or a call has no output.
        """
        counts = self.max_steps <= LARGEST and 0 <= self.consumed_requests <= self.max_steps
        if not counts or not 0 <= self.revision < LARGEST:
            raise ValueError("the revision or the number of requests of the run is out of range")
        self.seen = check_history(copy_json(self.history), self.tools, may_refer=self._may_refer)
        if self.attempted != self.completed or not self.seen.issuperset(self.completed):
            raise ValueError("the run has calls without an output")
        if len({*self.attempted}) != len(self.attempted):
            raise ValueError("the run has a call twice")

    @property
    def _may_refer(self) -> bool:
        return self.ledger is None and self.budget is not None

    def _restore(self, checkpoint: Item) -> None:
        observation = self.history
        if not has_observation(observation):
            raise ValueError("a resumed run needs a nonempty current observation as its input")
        check_resumable(
            checkpoint,
            run_id=self._run_id,
            max_steps=self.max_steps,
            tools=saved_tools(self.tools),
            output_override_names=sorted(self.registry.overridable),
        )
        self.revision, self.consumed_requests = checkpoint["revision"], checkpoint["consumed_requests"]
        self.attempted, self.completed = checkpoint["attempted_call_ids"], checkpoint["returned_call_ids"]
        self.history = checkpoint["history"]
        self.check_boundary()
        self.history = [*self.history, *observation]

    def checkpoint(self, phase: Phase, items: list[Item], outputs: list[Item], response: Item | None = None) -> Item:
        """Return the next checkpoint, which shares nothing with the run.

        Args:
            phase: where the run is.
            items: the items of the turn that is pending.
            outputs: the outputs of that turn.
            response: the last response, in the phase `final`.

        Raises:
            ValueError: the state is inconsistent, or cannot be saved.
        """
        if phase == "boundary":
            self.check_boundary()
        if self.revision >= LARGEST:
            raise ValueError("there is no further revision")
        self.revision += 1
        is_pending = phase == "pending"
        final = None if response is None else {**response}
        if final is not None and "tools" in final:
            final["tools"] = saved_tools(final["tools"])
        checkpoint: Item = copy_json(
            {
                "version": 1,
                "run_id": self._run_id,
                "revision": self.revision,
                "phase": phase,
                "max_steps": self.max_steps,
                "consumed_requests": self.consumed_requests,
                "tools": saved_tools(self.tools),
                "output_override_names": sorted(self.registry.overridable),
                "history": self.history,
                "attempted_call_ids": self.attempted,
                "returned_call_ids": self.completed,
                "pending_items": items if is_pending else [],
                "returned_outputs": outputs if is_pending else [],
                "final_response": final,
            }
        )
        return checkpoint

    def approvals_to_refresh(self) -> Iterator[tuple[Item, Item]]:
        """Yield the MCP approvals in the history that no call has used, each with its request.

        What was approved in another process is not approved in this one.

        Raises:
            ValueError: the approvals of the history are inconsistent.
        """
        if self.consumed_requests >= self.max_steps:
            return
        history = [item for item in self.history if item.get("type") in MCP_ITEMS]
        if history and self.ledger is None:
            if self.budget is None:
                check_history(history, self.tools)
            else:
                self.check_boundary()
        approved = approvals_of(history).approved
        for item in history:
            if item["type"] == "mcp_approval_response" and item["approve"] is True:
                request = approved.get(item["approval_request_id"])
                if request is not None:
                    self.check_mcp(request)
                    yield item, request

    def check_mcp(self, item: Item) -> None:
        """Check an MCP call, or a request to approve one.

        Raises:
            RunFailure: the declaration or `tool_choice` does not allow it.
        """
        check_declared(item, self.tools)
        self.selection.check_server(item)

    def excess(self) -> Item | None:
        """Return a snapshot of the history for `compact`, `None` if it is within the limits.

        Raises:
            RunFailure: it is not, and the program has no `compact`.
        """
        if self.budget is None:
            return None
        self.check_boundary()
        size = size_of(self.history)
        if size.fits(self.budget):
            return None
        if "compact" not in self.budget:
            raise RunFailure("the input of the request exceeds context_budget")
        names, keep = self.registry.browser_names, self.budget["keep_recent_screenshots"]
        return {
            "history": copy_json(self.history),
            "eligible_call_ids": eligible_calls(self.history, names, keep),
            "input_bytes": size.bytes,
            "input_images": size.images,
        }

    def reduced(self, decision: Any, eligible: list[str]) -> list[Item]:
        """Return the input of a request without the calls that the program dropped.

        Raises:
            RunFailure: the decision is invalid, or the input is still too large.
        """
        items = without_calls(self.history, *check_decision(decision, eligible))
        check_history(items, self.tools, may_refer=self._may_refer)
        if self.budget is None or not size_of(items).fits(self.budget):
            raise RunFailure("the input of the request still exceeds context_budget")
        return items

    def extend(self, items: list[Item], outputs: list[Item]) -> None:
        """Add a turn to the history. A trigger of compaction applies to one request."""
        if self._may_refer and self.history and self.history[-1].get("type") == "compaction_trigger":
            self.history.pop()
        self.history.extend(deepcopy(items))
        self.history.extend(outputs)

    def item_ids(self) -> set[str]:
        """Return the ids of the items of the history."""
        return native_ids(self.history)


def _call_ids(history: list[Item]) -> set[str]:
    names = [item["call_id"] for item in history if type(item.get("call_id")) is str]
    requests = (item for item in history if item.get("type") == "mcp_approval_request")
    return {*names, *(item["id"] for item in requests if type(item.get("id")) is str)}
