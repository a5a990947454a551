"""The decisions runner: one run at a time, cancellation, and observers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import oai
from oai.lib.decisions_tool_runner import (
    AsyncDecisionsToolRunner,
    DecisionsToolRunner,
    DecisionsToolRunnerCancelledError,
    DecisionsToolRunnerError,
)
from oai.lib.tool_diagnostics import emit_tool_diagnostic

DONE = {"id": "done", "description": "It is open.", "done": True}
PARAMS: Any = {"model": "m", "input": "Open the door."}
PUSHED = {
    "model": "m",
    "answers": [{"type": "choice", "name": "next_action", "choice": "push", "confidence": 1, "probabilities": []}],
    "usage": {
        "input_tokens": 1,
        "output_tokens": 1,
        "total_tokens": 2,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}


def fake() -> Any:
    server = oai.FakeTransport()
    server.decisions.create.returns(PUSHED)
    return server


def test_runner_allows_one_run_at_a_time_and_none_after_close() -> None:
    client = oai.OpenAI(transport=fake())
    statuses: list[str] = []

    def observe() -> str:
        with pytest.raises(RuntimeError, match="busy with another run"):
            runner.run(client, PARAMS)
        statuses.append(runner.close()["status"])
        return "A door."

    runner = DecisionsToolRunner(observe=observe, candidates=lambda _: [DONE])  # type: ignore[list-item, return-value]
    assert runner.run(client, PARAMS)["status"] == "unverified"
    assert [*statuses, runner.close()["status"]] == ["draining", "closed"]
    with pytest.raises(RuntimeError, match="closed"):
        runner.run(client, PARAMS)


def test_coroutine_function_needs_the_async_runner() -> None:
    async def push() -> None: ...

    action: Any = {"id": "push", "description": "Push.", "execute": push}
    runner = DecisionsToolRunner(observe=lambda: "A door.", candidates=lambda _: [action, DONE])
    with pytest.raises(DecisionsToolRunnerError, match="use AsyncDecisionsToolRunner") as caught:
        runner.run(oai.OpenAI(transport=fake()), PARAMS)
    assert (caught.value.reason, caught.value.attempted_candidate_ids) == ("async_executor", ("push",))


def test_observer_of_a_refusal_can_stop_the_run() -> None:
    server, stops = oai.FakeTransport(), list[bool]()
    server.decisions.create.returns({**PUSHED, "answers": [{"type": "refusal", "name": "next_action"}]})
    client = oai.OpenAI(transport=server)
    push: Any = {"id": "push", "description": "Push.", "execute": lambda: None}
    runner = DecisionsToolRunner(observe=lambda: "A door.", candidates=lambda _: [push, DONE])
    assert runner.run(client, PARAMS)["status"] == "refused"

    def stop(event: Any) -> None:
        if (event["stage"], event["reason"]) == ("selection", "refused"):
            stops.append(True)

    with pytest.raises(DecisionsToolRunnerError) as caught:
        runner.run(client, PARAMS, cancelled=lambda: bool(stops), on_diagnostic=stop)
    assert (caught.value.reason, caught.value.attempted_candidate_ids) == ("cancelled", ())


def test_cancellation_error_lists_the_executed_calls() -> None:
    async def run() -> DecisionsToolRunnerCancelledError:
        started = asyncio.Event()

        async def push() -> None:
            started.set()
            await asyncio.Event().wait()

        async def observe() -> str:
            return "A door."

        async def candidates(_: Any) -> Any:
            return [{"id": "push", "description": "Push.", "execute": push}, DONE]

        runner = AsyncDecisionsToolRunner(observe=observe, candidates=candidates)
        task = asyncio.create_task(runner.run(oai.AsyncOpenAI(transport=fake()), PARAMS))
        await started.wait()
        task.cancel()
        with pytest.raises(DecisionsToolRunnerCancelledError) as caught:
            await task
        return caught.value

    error = asyncio.run(run())
    assert (error.attempted_candidate_ids, error.completed_candidate_ids) == (("push",), ())


def test_errors_and_coroutines_of_observers_change_nothing() -> None:
    async def late(_: object) -> None: ...

    def fail(_: object) -> None:
        raise KeyError("mine")

    async def future() -> None:
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failed.set_exception(KeyError("mine"))
        emit_tool_diagnostic(lambda _: failed, "browser", "run", "busy", 0)  # type: ignore[arg-type, return-value]

    for observer in (late, fail, None):
        emit_tool_diagnostic(observer, "browser", "run", "busy", 0)  # type: ignore[arg-type]
    asyncio.run(future())
