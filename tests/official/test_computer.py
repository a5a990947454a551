"""The computer toolset does what the official SDK's does: the same requests, actions, results, errors and reports."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.official.sides import SIDES, Exchange, Reply, client

CLICK = {"type": "click", "button": "left", "x": 1, "y": 2}
SHOT = {"type": "screenshot"}
PICTURE = {"type": "computer_screenshot", "image_url": "data:image/png;base64,AAAA"}
CHECK = {"id": "check_1", "code": "risky", "message": "Sure?"}
MEMBERS = ("click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait")


def call(*actions: Any, name: str = "call_1", **fields: Any) -> dict[str, Any]:
    item = {"type": "computer_call", "id": f"cu_{name}", "call_id": name, "status": "completed"}
    return {**item, "pending_safety_checks": [], "actions": list(actions), **fields}


def message(text: str = "Done.", **fields: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": f"msg_{text}", "role": "assistant", "status": "completed", "content": [part]}
    return {**item, **fields}


def answer(*output: Any, status: str = "completed") -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "status": status,
    }


def legacy(action: Any, **fields: Any) -> dict[str, Any]:
    item = call(action=action, **fields)
    del item["actions"]
    return item


WITH_EXTRA = message(
    "Wait.",
    phase="commentary",
    content=[{"type": "output_text", "text": "Wait.", "annotations": [], "extra": {"a": [None]}}],
)
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
PARAMS = {"model": "m", "input": "Open the door."}


def program(*answers: Any, **options: Any) -> dict[str, Any]:
    return {"answers": answers, "params": PARAMS, "screenshot": PICTURE, "cancel_at": 10**6, "options": {}, **options}


PROGRAMS = {
    "no call": program(answer(message())),
    "one call": program(answer(REASONING, call(CLICK)), answer(message())),
    "unknown members": program(answer(call({**CLICK, "extra": 1}), WITH_EXTRA), answer(message())),
    "action is null": program(answer(call(CLICK, action=None))),
    "checks are null": program(answer(call(CLICK, pending_safety_checks=None))),
    "content of reasoning is null": program(answer({**REASONING, "content": None}, call(CLICK))),
    "all actions": program(
        answer(
            call(
                {"type": "double_click", "x": 1, "y": 2, "keys": ["CTRL"]},
                {"type": "drag", "path": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
                {"type": "keypress", "keys": ["a"]},
                {"type": "move", "x": 1, "y": 2},
                SHOT,
                {"type": "scroll", "x": 1, "y": 2, "scroll_x": 0, "scroll_y": 5},
                {"type": "type", "text": "é"},
                {"type": "wait"},
                SHOT,
            )
        ),
        answer(message()),
    ),
    "two calls": program(answer(call(CLICK), call(SHOT, name="call_2")), answer(message())),
    "legacy": program(
        answer(legacy(CLICK)),
        answer(message()),
        params={
            **PARAMS,
            "tools": [
                {"type": "computer_use_preview", "display_width": 1, "display_height": 1, "environment": "linux"}
            ],
        },
    ),
    "commentary first": program(answer(message("Well.", phase="commentary"), call(CLICK)), answer(message())),
    "commentary alone": program(answer(message("Well.", phase="commentary"))),
    "limit": program(answer(call(CLICK)), options={"max_steps": 1}),
    "incomplete": program(answer(message(), status="incomplete")),
    "call in progress": program(answer(call(CLICK, status="in_progress"))),
    "another tool": program(
        answer({"type": "function_call", "id": "f", "call_id": "c", "name": "n", "arguments": "{}"})
    ),
    "same call twice": program(answer(call(CLICK)), answer(call(CLICK))),
    "call of the input again": program(
        answer(call(CLICK)), params={"model": "m", "input": [call(SHOT), {"role": "user", "content": "x"}]}
    ),
    "action and actions": program(answer(call(CLICK, action=CLICK))),
    "no actions": program(answer(call())),
    "unknown button": program(answer(call({**CLICK, "button": "middle"}))),
    "coordinate is a float": program(answer(call({**CLICK, "x": 1.5}))),
    "unknown action": program(answer(call({"type": "shake"}))),
    "invalid message": program(answer(message(content=[{"type": "output_text", "text": 5, "annotations": []}]))),
    "check without approval": program(answer(call(CLICK, pending_safety_checks=[CHECK]))),
    "check refused": program(answer(call(CLICK, pending_safety_checks=[CHECK])), approve=False),
    "check approved": program(answer(call(CLICK, pending_safety_checks=[CHECK])), answer(message()), approve=True),
    "check approved by a text": program(answer(call(CLICK, pending_safety_checks=[CHECK])), approve="yes"),
    "action refused": program(answer(call(CLICK)), before=False),
    "action approved": program(answer(call(CLICK, SHOT)), answer(message()), before=True),
    "driver fails": program(answer(call(CLICK)), screenshot=KeyError("mine")),
    "no picture": program(answer(call(CLICK)), screenshot={"type": "computer_screenshot"}),
    "picture of another type": program(answer(call(CLICK)), screenshot={**PICTURE, "type": "image"}),
    "picture is a text": program(answer(call(CLICK)), screenshot="x"),
    "picture by id": program(
        answer(call(CLICK)), answer(message()), screenshot={"type": "computer_screenshot", "file_id": "file-1", "x": 1}
    ),
    "cancelled at once": program(cancel_at=0),
    "cancelled during": program(answer(call(CLICK)), cancel_at=6),
    "forced": program(answer(call(CLICK)), answer(message()), params={**PARAMS, "tool_choice": "required"}),
    "forced computer": program(
        answer(call(CLICK)), answer(message()), params={**PARAMS, "tool_choice": {"type": "computer"}}
    ),
    "included": program(answer(message()), params={**PARAMS, "include": ["message.output_text.logprobs"]}),
    "stream": program(params={**PARAMS, "stream": True}),
    "conversation": program(params={**PARAMS, "conversation": "conv"}),
    "other tools": program(params={**PARAMS, "tools": [{"type": "web_search"}]}),
    "no tools": program(params={**PARAMS, "tools": None}),
    "extra body": program(params={**PARAMS, "extra_body": {"tools": []}}),
    "no steps": program(options={"max_steps": 0}),
    "idempotency": program(
        answer(call(CLICK)), answer(message()), params={**PARAMS, "extra_headers": {"idempotency-key": "mine"}}
    ),
}


def coroutine_of(function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*arguments: Any) -> Any:
        return function(*arguments)

    return call


def run(module: Any, script: dict[str, Any], *, is_async: bool) -> dict[str, Any]:
    computer = importlib.import_module(f"{module.__name__}.lib.computer")
    answers, checks = iter(script["answers"]), iter(range(10**9))
    done: list[Any] = []
    reports: list[Any] = []

    def act(action: Any) -> None:
        done.append(json.loads(action.to_json()))

    def screenshot() -> Any:
        done.append("screenshot")
        if isinstance(script["screenshot"], BaseException):
            raise script["screenshot"]
        return script["screenshot"]

    functions: dict[str, Any] = dict.fromkeys(MEMBERS, act) | {"screenshot": screenshot}
    if "approve" in script:
        functions["approve_safety_checks"] = lambda _: script["approve"]
    if "before" in script:
        functions["before_action"] = lambda _: script["before"]
    if is_async:
        functions = {name: coroutine_of(function) for name, function in functions.items()}
    driver = type("Driver", (), {name: staticmethod(functions[name]) for name in MEMBERS})()
    options = {
        **script["options"],
        **{name: function for name, function in functions.items() if name not in MEMBERS},
        "cancelled": lambda: next(checks) >= script["cancel_at"],
        "on_diagnostic": reports.append,
    }
    exchange = Exchange(lambda _: Reply.of_json(next(answers)))
    made = client(module, exchange, is_async=is_async)
    seen: dict[str, Any] = {}
    try:
        result = (computer.AsyncComputerToolset if is_async else computer.ComputerToolset)(driver).run(
            made, script["params"], **options
        )
        seen["result"] = (asyncio.run(result) if is_async else result).output_text
    except Exception as error:  # noqa: BLE001 - which it is, is compared
        seen["error"] = type(error).__name__, getattr(error, "response", None) is not None
    seen["done"] = done
    seen["reports"] = [{**report, "duration_ms": report["duration_ms"] >= 0} for report in reports]
    keys = [request.headers.get("idempotency-key") for request in exchange.requests]
    seen["requests"] = [(request.path, request.body) for request in exchange.requests]
    seen["keys"] = [key if key == "mine" else key is not None for key in keys]
    return seen


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_are_those_of_the_official_sdk(name: str, is_async: bool) -> None:
    ours, theirs = (run(module, PROGRAMS[name], is_async=is_async) for module in SIDES)
    assert ours == theirs
    assert ("error" in ours) != ("result" in ours)


@pytest.mark.parametrize("method", ["run", "execute"])
@pytest.mark.parametrize("name", ["ComputerToolset", "AsyncComputerToolset"])
def test_signatures_list_the_options_of_the_official_sdk(name: str, method: str) -> None:
    toolsets = [getattr(importlib.import_module(f"{side.__name__}.lib.computer"), name) for side in SIDES]
    ours, theirs = (inspect.signature(getattr(toolset, method)).parameters for toolset in toolsets)
    assert {name: (each.default, each.kind) for name, each in ours.items()} == {
        name: (each.default, each.kind) for name, each in theirs.items()
    }
