"""The decisions runner does what the official SDK's does: the same requests, results, errors and diagnostics."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.official.sides import SIDES, Exchange, Reply, client

USAGE = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}

PARAMS = {"model": "m", "input": "Open the door."}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def choose(choice: Any, **more: Any) -> dict[str, Any]:
    """Return the server's decision for a candidate."""
    chances = [{"value": choice, "probability": 0.9}]
    answer = {"type": "choice", "name": "next_action", "choice": choice, "confidence": 0.9, "probabilities": chances}
    return {"model": "m-1", "answers": [{**answer, **more}], "usage": USAGE}


REFUSAL = {"model": "m-1", "answers": [{"type": "refusal", "name": "next_action"}], "usage": USAGE}
DONE = {"id": "done", "description": "It is open.", "done": True}


def act(name: str, result: Any = None) -> dict[str, Any]:
    def execute() -> None:
        if isinstance(result, BaseException):
            raise result

    return {"id": name, "description": f"Do {name}.", "execute": execute}


def program(
    *decisions: Any,
    candidates: list[Any] | None = None,
    verified: list[Any] | None = None,
    observation: Any = "A door.",
    params: Any = None,
    cancel_at: int = 1000,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Return what the server decides, and what the functions of the program return."""
    return {
        "decisions": decisions,
        "candidates": [act("push"), act("pull"), DONE] if candidates is None else candidates,
        "verified": verified,
        "observation": observation,
        "params": params or PARAMS,
        "cancel_at": cancel_at,
        "headers": headers or {},
        "options": options,
    }


def with_cancelled() -> dict[str, Any]:
    def execute(*, cancelled: Callable[[], bool]) -> None:
        assert not cancelled()

    return {**act("push"), "execute": execute}


PROGRAMS = {
    "unverified": program(choose("push"), choose("pull"), choose("done")),
    "verified": program(choose("done"), verified=[True]),
    "verified later": program(choose("done"), choose("push"), choose("done"), verified=[False, True]),
    "refused": program(choose("push"), REFUSAL),
    "observation of parts": program(choose("done"), observation=iter([{"type": "input_text", "text": "x"}, IMAGE])),
    "safety": program(choose("done"), params={**PARAMS, "safety_identifier": "u"}),
    "only done": program(candidates=[DONE], verified=[True]),
    "only done is wrong": program(candidates=[DONE], verified=[False]),
    "takes cancelled": program(choose("push"), choose("done"), candidates=[with_cancelled(), DONE]),
    "own idempotency key": program(choose("push"), choose("done"), headers={"Idempotency-Key": "mine"}),
    "limit": program(choose("push"), choose("push"), max_steps=2),
    "limit at verification": program(choose("done"), verified=[False], max_steps=1),
    "cancelled at once": program(cancel_at=0),
    "cancelled later": program(choose("push"), choose("push"), cancel_at=9),
    "function fails": program(choose("push"), candidates=[act("push", KeyError("mine")), DONE]),
    "function is cancelled": program(choose("push"), candidates=[act("push", asyncio.CancelledError()), DONE]),
    "verification is no bool": program(choose("done"), verified=["yes"]),
    "unknown choice": program(choose("kick")),
    "choice is a bool": program(choose(True)),
    "confidence is none": program(choose("push", confidence=None)),
    "probability is a text": program(choose("push", probabilities=[{"value": "push", "probability": "likely"}])),
    "another question": program(choose("push", name="other")),
    "no answers": program({**choose("push"), "answers": []}),
    "two answers": program({**choose("push"), "answers": choose("push")["answers"] * 2}),
    "no usage": program({**choose("push"), "usage": None}),
    "usage is partial": program({**choose("push"), "usage": {**USAGE, "total_tokens": "5"}}),
    "request fails": program(None),
    "no candidates": program(candidates=[]),
    "no done": program(candidates=[act("push")]),
    "two done": program(candidates=[DONE, {**DONE, "id": "other"}]),
    "same id": program(candidates=[act("push"), act("push"), DONE]),
    "blank description": program(candidates=[{**act("push"), "description": " "}, DONE]),
    "no function": program(candidates=[{"id": "a", "description": "b"}, DONE]),
    "done with a function": program(candidates=[{**DONE, "execute": print}]),
    "unknown key": program(candidates=[{**act("push"), "when": 1}, DONE]),
    "candidate is no dict": program(candidates=["push", DONE]),
    "part without a type": program(observation=[{"text": "x"}]),
    "image with a wrong detail": program(observation=[{**IMAGE, "detail": "tiny"}]),
    "no model": program(params={"input": "x"}),
    "unknown parameter": program(params={**PARAMS, "temperature": 1}),
    "no steps": program(max_steps=0),
    "steps are a bool": program(max_steps=True),
}


def run(module: Any, script: dict[str, Any], *, is_async: bool) -> dict[str, Any]:
    """Run a program on one side; return everything that can be seen of it."""
    runner = importlib.import_module(f"{module.__name__}.lib.decisions_tool_runner")
    decisions, verified, checks = iter(script["decisions"]), iter(script["verified"] or []), iter(range(10**6))
    observation = script["observation"]
    owned = observation if isinstance(observation, str) else list(observation)
    script["observation"] = owned  # an iterator can be read once, and there are two sides
    diagnostics: list[Any] = []

    def answer(_: Any) -> Reply:
        decision = next(decisions)
        return Reply(status=400) if decision is None else Reply.of_json(decision)

    def coroutine_of(function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            return function(*arguments)

        async def cancellable(*, cancelled: Callable[[], bool]) -> Any:
            return function(cancelled=cancelled)

        return cancellable if getattr(function, "__kwdefaults__", 0) is None and _takes_cancelled(function) else call

    def candidates(_: Any) -> Any:
        if not is_async:
            return list(script["candidates"])
        return [
            {**each, "execute": coroutine_of(each["execute"])} if isinstance(each, dict) and "execute" in each else each
            for each in script["candidates"]
        ]

    functions: dict[str, Any] = {
        "observe": lambda: iter(owned) if isinstance(owned, list) else owned,
        "candidates": candidates,
        **({} if script["verified"] is None else {"verify": lambda _: next(verified)}),
    }
    if is_async:
        functions = {name: coroutine_of(function) for name, function in functions.items()}
    exchange = Exchange(answer)
    made = client(module, exchange, is_async=is_async, default_headers=script["headers"])
    options = {
        **script["options"],
        "cancelled": lambda: next(checks) >= script["cancel_at"],
        "on_diagnostic": diagnostics.append,
    }
    kind = runner.AsyncDecisionsToolRunner if is_async else runner.DecisionsToolRunner
    seen: dict[str, Any] = {}
    try:
        result = kind(**functions).run(made, script["params"], **options)
        result = asyncio.run(result) if is_async else result
        seen["result"] = {**result, "decisions": [json.loads(each.to_json()) for each in result["decisions"]]}
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - which it is, is compared
        names = ("reason", "attempted_candidate_ids", "completed_candidate_ids")
        seen["error"] = type(error).__name__, [getattr(error, name, None) for name in names]
    seen["diagnostics"] = [{**each, "duration_ms": each["duration_ms"] >= 0} for each in diagnostics]
    seen["requests"] = [_comparable(request) for request in exchange.requests]
    return seen


def _takes_cancelled(function: Any) -> bool:
    return "cancelled" in function.__code__.co_varnames[: function.__code__.co_kwonlyargcount]


def _comparable(request: Any) -> Any:
    """Return a request without the instructions, which are our own, and without the value of a new key."""
    for question in request.body["questions"]:
        assert question.pop("instructions")
    key = request.headers.get("idempotency-key")
    return request.path, request.body, key if key == "mine" else key is not None


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_are_those_of_the_official_sdk(name: str, is_async: bool) -> None:
    ours, theirs = (run(module, PROGRAMS[name], is_async=is_async) for module in SIDES)
    assert ours == theirs
    assert ("error" in ours) != ("result" in ours)
