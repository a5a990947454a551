"""Act step by step on choices of `client.decisions`: observe, decide among candidates, execute, verify.

A choice is not a permission: the program decides which candidates there are. Nothing is executed twice, and an error
lists which candidates were executed before it.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable
from copy import deepcopy
from typing import Any, Literal, Required, TypedDict

from oai._flow.steps import Steps, run, run_async
from oai.lib._decision_run import MESSAGES, Candidate, DecisionRun, FailureReason, RunFailure
from oai.lib._tool_runs import CloseStatus, OneRun, call_with_cancelled, next_idempotency_headers
from oai.lib.tool_diagnostics import Reason, Stage, ToolDiagnosticObserver, emit_tool_diagnostic
from oai.types import Decision, DecisionInputImageParam, DecisionInputTextParam

__all__ = [
    "AsyncDecisionActionCandidate",
    "AsyncDecisionCandidate",
    "AsyncDecisionsToolRunner",
    "DecisionActionCandidate",
    "DecisionCandidate",
    "DecisionDoneCandidate",
    "DecisionObservation",
    "DecisionsRunResult",
    "DecisionsRunnerParams",
    "DecisionsToolRunner",
    "DecisionsToolRunnerCancelledError",
    "DecisionsToolRunnerError",
]

DecisionObservation = str | Iterable[DecisionInputTextParam | DecisionInputImageParam]


class DecisionActionCandidate(TypedDict, total=False):
    """An action: its unique id, what it does, and the function that does it."""

    id: Required[str]
    description: Required[str]
    execute: Required[Callable[[], object]]
    done: Literal[False]


class AsyncDecisionActionCandidate(TypedDict, total=False):
    """An action of an `AsyncDecisionsToolRunner`, whose function is a coroutine function."""

    id: Required[str]
    description: Required[str]
    execute: Required[Callable[[], Awaitable[object]]]
    done: Literal[False]


class DecisionDoneCandidate(TypedDict):
    """The candidate that ends the run; there is exactly one."""

    id: str
    description: str
    done: Literal[True]


DecisionCandidate = DecisionActionCandidate | DecisionDoneCandidate
AsyncDecisionCandidate = AsyncDecisionActionCandidate | DecisionDoneCandidate


class DecisionsRunnerParams(TypedDict, total=False):
    """What each request contains: the model, the task, and the id of the end user."""

    model: Required[str]
    input: Required[str]
    safety_identifier: str | None


class DecisionsRunResult(TypedDict):
    """How a run ended, the decisions, and the ids of the candidates whose functions were called and returned."""

    status: Literal["verified", "unverified", "refused"]
    decisions: list[Decision]
    attempted_candidate_ids: list[str]
    completed_candidate_ids: list[str]


class DecisionsToolRunnerError(RuntimeError):
    """A run failed: `reason` says why, the ids say what was executed before."""

    def __init__(self, reason: FailureReason, attempted: Iterable[str], completed: Iterable[str]) -> None:
        super().__init__(MESSAGES[reason])
        self.reason = reason
        self.attempted_candidate_ids = tuple(attempted)
        self.completed_candidate_ids = tuple(completed)


class DecisionsToolRunnerCancelledError(asyncio.CancelledError):
    """The task of a run was cancelled; the ids say what was executed before."""

    def __init__(self, attempted: Iterable[str], completed: Iterable[str]) -> None:
        super().__init__(MESSAGES["cancelled"])
        self.reason: Literal["cancelled"] = "cancelled"
        self.attempted_candidate_ids = tuple(attempted)
        self.completed_candidate_ids = tuple(completed)


class _Runner:
    """Base class of both runners."""

    def __init__(
        self,
        *,
        observe: Callable[[], Any],
        candidates: Callable[[Any], Any],
        verify: Callable[[Any], Any] | None = None,
    ) -> None:
        self.observe = observe
        self.candidates = candidates
        self.verify = verify
        self._runs = OneRun("the decisions runner")

    def close(self) -> CloseStatus:
        """Refuse further runs; the active one continues."""
        return self._runs.close()

    def _run(
        self,
        client: Any,
        params: DecisionsRunnerParams,
        max_steps: int,
        cancelled: Callable[[], bool] | None,
        observer: ToolDiagnosticObserver | None,
    ) -> Steps[DecisionsRunResult]:
        with self._runs.running():
            state = DecisionRun(cancelled)
            try:
                state.admit(params, max_steps)
                status = yield from _Steps(self, client, state, observer).all(max_steps)
            except RunFailure as failure:
                if failure.reason == "step_limit":
                    emit_tool_diagnostic(observer, "decisions", "run", "step_limit", time.monotonic())
                raise DecisionsToolRunnerError(failure.reason, state.attempted, state.completed) from None
            except asyncio.CancelledError:
                raise DecisionsToolRunnerCancelledError(state.attempted, state.completed) from None
            except Exception:  # noqa: BLE001 - whose text may have content of the task
                raise DecisionsToolRunnerError("failed", state.attempted, state.completed) from None
        return {
            "status": status,
            "decisions": state.decisions,
            "attempted_candidate_ids": state.attempted,
            "completed_candidate_ids": state.completed,
        }


class DecisionsToolRunner(_Runner):
    """Runs a task by decisions.

    Args:
        observe: returns an observation: a text, or a list of texts and images.
        candidates: returns the list of candidates for an observation.
        verify: called with another observation once the model chose the candidate that is done; returns whether the
            task is complete.
    """

    def run(
        self,
        client: Any,
        params: DecisionsRunnerParams,
        *,
        max_steps: int = 20,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
    ) -> DecisionsRunResult:
        """Run until the task is complete.

        Args:
            client: the client for the decisions.
            params: the model, the task as `input`, and a `safety_identifier`.
            max_steps: maximum number of observations.
            cancelled: called between steps; a true value ends the run. Functions of candidates may take it, too.
            on_diagnostic: called with a `ToolDiagnostic` after each stage.

        Raises:
            DecisionsToolRunnerError: the run failed.
            RuntimeError: another run is active, or the runner is closed.
        """
        return run(self._run(client, params, max_steps, cancelled, on_diagnostic))


class AsyncDecisionsToolRunner(_Runner):
    """`DecisionsToolRunner` for asyncio: all functions are coroutine functions."""

    async def run(
        self,
        client: Any,
        params: DecisionsRunnerParams,
        *,
        max_steps: int = 20,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
    ) -> DecisionsRunResult:
        """Run until the task is complete, see `DecisionsToolRunner.run`.

        Raises:
            DecisionsToolRunnerCancelledError: the task was cancelled.
        """
        return await run_async(self._run(client, params, max_steps, cancelled, on_diagnostic))


class _Steps:
    """The steps of a run, for both runners."""

    def __init__(
        self, runner: _Runner, client: Any, state: DecisionRun, observer: ToolDiagnosticObserver | None
    ) -> None:
        self._observe, self._candidates, self._verify = runner.observe, runner.candidates, runner.verify
        self._client = client
        self._state = state
        self._observer = observer
        self._is_async = isinstance(runner, AsyncDecisionsToolRunner)

    def all(self, max_steps: int) -> Steps[Literal["verified", "unverified", "refused"]]:
        state = self._state
        for left in reversed(range(max_steps)):
            state.check()
            observation = state.observed((yield self._observe()))
            candidates = state.candidates((yield self._candidates(deepcopy(observation))))
            only_done = len(candidates) == 1
            chosen = candidates[0]
            if not only_done:
                headers = next_idempotency_headers(self._client) if left < max_steps - 1 else None
                selected = yield from self._decide(observation, candidates, headers)
                if selected is None:
                    self._report("selection", "refused")
                    state.check()  # the observer may have stopped the run
                    return "refused"
                chosen = selected
            self._report("selection", "completed", chosen)
            if not chosen.done:
                if not left:
                    raise RunFailure("step_limit")
                yield from self._execute(chosen)
            elif self._verify is None:
                state.check()
                return "unverified"
            elif (yield from self._is_verified(chosen)):
                return "verified"
            elif only_done or not left:
                raise RunFailure("verification_failed" if only_done else "step_limit")
        raise RunFailure("step_limit")

    def _decide(self, observation: Any, candidates: list[Candidate], headers: Any) -> Steps[Candidate | None]:
        started = time.monotonic()
        try:
            request = self._state.request(observation, candidates)
            decision = yield self._client.decisions.create(**request, extra_headers=headers)
        except Exception:
            self._report("request", "api_failed", started=started)
            raise
        chosen = self._state.selected(decision, candidates)
        self._report("request", "completed", started=started, usage=decision.usage)
        self._state.check()
        return chosen

    def _is_verified(self, chosen: Candidate) -> Steps[bool]:
        self._state.check()
        fresh = self._state.observed((yield self._observe()))
        started = time.monotonic()
        verified = yield self._verify(deepcopy(fresh)) if self._verify else True
        self._report("verification", "completed" if verified is True else "refused", chosen, started=started)
        self._state.check()
        if not isinstance(verified, bool):
            raise RunFailure("invalid_verification")
        return verified

    def _execute(self, chosen: Candidate) -> Steps[None]:
        state = self._state
        state.check()
        state.attempted.append(chosen.id)
        started = time.monotonic()
        try:
            yield self._checked(call_with_cancelled(chosen.execute, state.cancelled))
        except (Exception, asyncio.CancelledError):
            self._report("action", "driver_failed", chosen, started=started)
            raise
        self._report("action", "completed", chosen, started=started)
        state.completed.append(chosen.id)
        state.check()

    def _checked(self, result: Any) -> Any:
        """Return the result of a candidate's function, which without asyncio cannot be awaited."""
        if self._is_async or not inspect.isawaitable(result):
            return result
        if inspect.iscoroutine(result):
            result.close()
        raise RunFailure("async_executor")

    def _report(
        self,
        stage: Stage,
        reason: Reason,
        chosen: Candidate | None = None,
        *,
        started: float | None = None,
        usage: object = None,
    ) -> None:
        began = time.monotonic() if started is None else started
        call_id = None if chosen is None else chosen.id
        emit_tool_diagnostic(self._observer, "decisions", stage, reason, began, call_id=call_id, usage=usage)
