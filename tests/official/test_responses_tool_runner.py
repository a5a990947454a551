"""The runner of responses does what the official SDK's does: the same requests, effects, checkpoints, errors, reports."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.official.runner_items import ITEMS, PARTS, SERVER_TOOLS
from tests.official.runner_programs import MCP, MODES, REFUSED, RUNS, TOOL, answer, fn, program, with_tools
from tests.official.sides import SIDES, Exchange, Reply, client, quick, quiet

PICTURE = {"type": "computer_screenshot", "image_url": "data:image/png;base64,AAAA"}
OPTIONS = ("max_steps", "max_concurrent_calls", "eager")
"""Options of a program that are passed to `iterate`."""


def events_of(answer: Any) -> list[Any]:
    """Return the events of the stream of a response."""
    events = [{"type": "response.created", "response": {**answer, "status": "in_progress", "output": []}}]
    for index, item in enumerate(answer["output"]):
        place = {"output_index": index, "item": item}
        events += [{"type": f"response.output_item.{step}", **place} for step in ("added", "done")]
    events.append({"type": "response.completed", "response": answer})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


class Driver:
    """A computer that records its actions."""

    def __init__(self, effects: list[Any]) -> None:
        self._effects = effects

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def act(action: Any = None) -> Any:
            self._effects.append(name)
            return PICTURE if name == "screenshot" else None

        return act


class Side:
    """One run of a program, and everything that can be seen of it."""

    def __init__(self, module: Any, script: dict[str, Any], *, is_async: bool, mode: Any, cancel_at: int) -> None:
        self.script, self.mode, self.is_async = script, mode, is_async
        self.module = importlib.import_module(f"{module.__name__}.lib.responses_tool_runner")
        self.computers = importlib.import_module(f"{module.__name__}.lib.computer")
        answers, checks = iter(script["answers"]), itertools.count()
        self.effects: list[Any] = []
        self.saves: list[Any] = []
        self.diagnostics: list[Any] = []
        self.events: list[str] = []
        self.turns: list[Any] = []
        self.refusals: list[str] = []
        self.cancelled = lambda: next(checks) >= cancel_at
        self.exchange = Exchange(lambda _: self.reply(next(answers)))
        self.client = client(module, self.exchange, is_async=is_async, default_headers=script.get("headers", {}))

    def reply(self, answer: Any) -> Reply:
        if answer is None:
            return Reply(status=400)
        return Reply.of_events(events_of(answer)) if self.mode else Reply.of_json(answer)

    def either(self, function: Any) -> Any:
        """Return a function of the program, as a coroutine function for the async side."""
        if not self.is_async:
            return function

        async def call(*arguments: Any) -> Any:
            return function(*arguments)

        return call

    def record(self, arguments: Any) -> Any:
        self.effects.append(arguments["text"])
        if self.script.get("fails"):
            raise KeyError("private")
        return deepcopy(self.script.get("results", [arguments["text"]])[0])

    def runner(self) -> Any:
        prefix = "Async" if self.is_async else ""
        names = {"allow_output_override": "overridable", "independent": "independent"}
        flags = {name: self.script.get(option, False) for name, option in names.items()}
        function = getattr(self.module, f"{prefix}RegisteredFunction")
        functions = [function(self.script.get("tool", TOOL), self.either(self.record), **flags)]
        toolset = None
        if self.script.get("computer"):
            driver = Driver(self.effects)
            methods = {name: self.either(getattr(driver, name)) for name in MEMBERS}
            toolset = getattr(self.computers, f"{prefix}ComputerToolset")(type("D", (), methods_of(methods))())
        kind = getattr(self.module, f"{prefix}ResponsesToolRunner")
        return kind(functions=functions, computer=toolset, early_execution=self.script.get("early"))

    def options(self) -> dict[str, Any]:
        script, prefix = self.script, "Async" if self.is_async else ""
        options = {name: script[name] for name in OPTIONS if name in script}
        if self.mode:
            options |= {"stream": True, "eager": self.mode == "eager"}
            options["on_event"] = self.either(lambda event: self.events.append(event.type))
        if "approve_mcp" in script:
            options["approve_mcp"] = self.either(lambda _: script["approve_mcp"])
        if "before_early_call" in script:
            decisions = iter(script["before_early_call"])
            options["before_early_call"] = self.either(lambda _: next(decisions))
        if "budget" in script:
            compact = {"compact": self.either(self.compact)} if "drops" in script else {}
            options["context_budget"] = {**script["budget"], **compact}
        if script.get("ledger"):
            kind = getattr(self.module, f"{prefix}ResponsesToolLedger")
            save = self.either(self.saves.append)
            options["ledger"] = kind(script.get("run_id", "run_1"), save, script.get("resume_from"))
        return {**options, "cancelled": self.cancelled, "on_diagnostic": self.diagnostics.append}

    def compact(self, snapshot: Any) -> Any:
        self.effects.append(["compact", snapshot])
        drops = self.script["drops"]
        chosen = snapshot["eligible_call_ids"][:drops] if isinstance(drops, int) else drops
        return {"drop_call_ids": chosen, **{name: self.script[name] for name in ("summary",) if name in self.script}}

    def act(self, turn: Any) -> None:
        """Do what the program does in a turn, and keep what can be seen of it."""
        names = ("step", "final", "tools_executed", "attempted_call_ids", "completed_call_ids")
        self.turns.append([*(getattr(turn, name) for name in names), turn.response.id])
        for method, option in (("supply_outputs", "supplied"), ("append_user_text", "appended")):
            for value in self.script.get(option, ()) if turn.step == 1 else ():
                try:
                    getattr(turn, method)(deepcopy(value))
                except ValueError:
                    self.refusals.append(option)

    async def drive_async(self, turns: Any) -> None:
        async for turn in turns:
            self.act(turn)
            if "throws" in self.script:
                await turns.athrow(self.script["throws"])

    def drive(self, turns: Any) -> None:
        for turn in turns:
            self.act(turn)
            if "throws" in self.script:
                turns.throw(self.script["throws"])

    def seen(self) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        try:
            turns = self.runner().iterate(self.client, deepcopy(self.script["params"]), **self.options())
            asyncio.run(self.drive_async(turns)) if self.is_async else self.drive(turns)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - which it is, is compared
            ids = [getattr(error, name, None) for name in ("attempted_call_ids", "completed_call_ids")]
            seen["error"] = type(error).__name__, ids
        names = ("effects", "saves", "events", "turns", "refusals")
        seen |= {name: getattr(self, name) for name in names}
        seen["diagnostics"] = [{**each, "duration_ms": each["duration_ms"] >= 0} for each in self.diagnostics]
        seen["requests"] = [comparable(request) for request in self.exchange.requests]
        return seen


MEMBERS = ("click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait")


def methods_of(functions: dict[str, Any]) -> dict[str, Any]:
    """Return functions as methods of a class, which get no instance."""
    return {name: staticmethod(function) for name, function in functions.items()}


def comparable(request: Any) -> Any:
    """Return a request without the words of our own about dropped calls, and without the value of a new key."""
    for item in request.body["input"]:
        if str(item.get("content")).startswith("Omitted completed tool receipts"):
            item["content"] = item["content"].rpartition("]")[0]
    key = request.headers.get("idempotency-key")
    return request.path, request.body, key if key == "mine" else key is not None


def seen(module: Any, script: dict[str, Any], *, is_async: bool, mode: Any, cancel_at: int = 10**6) -> dict[str, Any]:
    """Run a program on one side; one that resumes runs first what it resumes."""
    if "resumes" in script:
        first = Side(module, script["resumes"], is_async=is_async, mode=False, cancel_at=10**6)
        first.seen()
        boundary = [save for save in first.saves if save["phase"] == "boundary"][-1]
        script = {**script, "resume_from": boundary}
    with quiet():
        return Side(module, script, is_async=is_async, mode=mode, cancel_at=cancel_at).seen()


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("name", "mode"), [(name, mode) for name in RUNS for mode in RUNS[name]["modes"]])
def test_runs_are_those_of_the_official_sdk(name: str, mode: Any, is_async: bool) -> None:
    ours, theirs = (seen(module, RUNS[name], is_async=is_async, mode=mode) for module in SIDES)
    assert ours == theirs
    assert ours["requests"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", REFUSED)
def test_runs_that_the_official_sdk_refuses_do_not_start(name: str, is_async: bool) -> None:
    ours, theirs = (seen(module, REFUSED[name], is_async=is_async, mode=False) for module in SIDES)
    assert ours == theirs
    assert ours["error"][0] == "ValueError"
    assert ours["requests"] == []


@pytest.mark.parametrize("mode", [False, "eager"], ids=["whole", "eager"])
@pytest.mark.parametrize("name", ["two turns", "mcp approved", "ledger with a computer", "independent functions"])
def test_runs_are_cancelled_at_the_same_points(name: str, mode: Any) -> None:
    for cancel_at in range(40):
        script = {**RUNS[name], "independent": False}
        ours, theirs = (seen(module, script, is_async=False, mode=mode, cancel_at=cancel_at) for module in SIDES)
        assert ours == theirs


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("mode", MODES, ids=["whole", "streamed", "eager"])
def test_valid_items_of_every_kind_are_sent_back(mode: Any, is_async: bool) -> None:
    items = list({item["id"]: item for item in ITEMS}.values())
    script = program(answer(*items), params=with_tools(*SERVER_TOOLS), computer=True, ledger=True)
    ours, theirs = (seen(module, script, is_async=is_async, mode=mode) for module in SIDES)
    assert ours == theirs
    history = ours["requests"][1][1]["input"]
    assert [item for item in items if item not in history] == []


WRONG = (None, 0, 1.5, "", "other", [], [None], {}, {"type": "other"})
"""Values for a member; not `True`, which pydantic converts to 1 in responses."""


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all members of plain data."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, member in members for path in [(*place, key), *places(member, (*place, key))]]


def changed(items: list[Any], data: st.DataObject) -> list[Any]:
    """Return items with a member that is missing, or has another value."""
    items = deepcopy(items)
    *parents, last = data.draw(st.sampled_from([path for path in places(items) if len(path) > 1]))
    parent: Any = items
    for key in parents:
        parent = parent[key]
    if isinstance(parent, dict) and data.draw(st.booleans()):
        del parent[last]
    else:
        parent[last] = data.draw(st.sampled_from(WRONG))
    return items


@quick(150)
@given(st.data())
def test_response_with_a_wrong_item_is_judged_as_by_the_official_sdk(data: st.DataObject) -> None:
    items = changed([data.draw(st.sampled_from(ITEMS))], data)
    script = program(answer(fn("first"), *items), params=with_tools(*SERVER_TOOLS), computer=True)
    ours, theirs = (seen(module, script, is_async=False, mode=False) for module in SIDES)
    assert ours == theirs


@quick(150)
@given(st.data())
def test_history_with_a_wrong_item_is_judged_as_by_the_official_sdk(data: st.DataObject) -> None:
    params = with_tools(MCP, input=changed(PARTS, data))
    script = program(answer(fn("first")), params=params, computer=True, ledger=True)
    ours, theirs = (seen(module, script, is_async=False, mode=False) for module in SIDES)
    assert ours.get("error") == theirs.get("error")
    assert ours["requests"] == theirs["requests"]


def test_checkpoint_of_the_official_sdk_can_be_resumed() -> None:
    sides = [Side(module, RUNS["ledger"], is_async=False, mode=False, cancel_at=10**6) for module in SIDES]
    for side in sides:
        side.seen()
    ours, theirs = sides
    boundary = json.loads(json.dumps([save for save in theirs.saves if save["phase"] == "boundary"][-1]))
    script = {**RUNS["final at once"], "ledger": True, "resume_from": boundary}
    resumed = seen(SIDES[0], script, is_async=False, mode=False)
    assert resumed["turns"][-1][3] == ("a", "b", "c")
    assert ours.saves == theirs.saves


@pytest.mark.parametrize("method", ["run", "iterate"])
@pytest.mark.parametrize("name", ["ResponsesToolRunner", "AsyncResponsesToolRunner"])
def test_signatures_list_the_options_of_the_official_sdk(name: str, method: str) -> None:
    runners = [getattr(importlib.import_module(f"{side.__name__}.lib.responses_tool_runner"), name) for side in SIDES]
    ours, theirs = (inspect.signature(getattr(runner, method)).parameters for runner in runners)
    assert {name: (each.default, each.kind) for name, each in ours.items()} == {
        name: (each.default, each.kind) for name, each in theirs.items()
    }
