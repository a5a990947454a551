"""Sessions of agents compared with the official SDK's helpers."""

from __future__ import annotations

import asyncio
import importlib
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pydantic
import pytest
from agent_service import WAIT, Agents, about, call, event, message, turn, turn_events

import oai
from oai.testing import Answer, Loopback

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")


class Step(pydantic.BaseModel):
    why: str
    result: float


class Weather(pydantic.BaseModel):
    """Look up the weather."""

    city: str


def agents_turns() -> dict[str, list[Any]]:
    """Return turns of agents by their name in the test."""
    subagent = [turn("created", "turn_2", subagent="s"), message("not mine", turn_id="turn_2", id="x")]
    failing = event("error", session_id="sess_1", error={"message": "boom", "type": "server_error"})
    action = {"type": "function_call", "name": "other", "call_id": "c", "turn_id": "turn_1", "arguments": {}}
    looks = [call("look", {"n": 1}), WAIT, call("look", "{", "call_2"), WAIT]
    return {
        "text": turn_events(
            message("B", index=1), message("thinking", "commentary", 2), message("A", "final_answer", 0)
        ),
        "a subagent": turn_events(*subagent, turn("completed", "turn_2", "s"), message("mine")),
        "calls": turn_events(*looks, message('{"why": "x", "result": 1.5}')),
        "no type": turn_events(message("no JSON")),
        "failed": turn_events(message("half"), status="failed"),
        "cancelled": turn_events(message("half"), status="cancelled"),
        "a session that failed": [turn("created"), failing, about("failed", error="boom")],
        "an action": [turn("created"), about("requires_action", required_actions=[action])],
        "a budget": turn_events(message("A"), end="budget_reached"),
        "a budget before": [about("budget_reached")],
        "an early end": turn_events(message("A"))[:-1],
    }


AGENTS = agents_turns()


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("begins", ["create", "stream"])
def test_turns_are_equal(name: str, begins: str) -> None:
    typed = {"output_type": Step} if name in ("calls", "no type") else {}
    arguments = {"agent": {"model": "m"}, "environment": {"type": "none"}, "stream": True} if begins == "create" else {}

    def read(module: Any, errors: Any) -> Any:
        with Loopback() as server:
            agents = Agents(server, AGENTS[name], before=(about("idle"),))
            client = module.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
            open_ = getattr(client.beta.agents.sessions, begins)
            handlers = {"look": lambda arguments: {"seen": arguments}}
            place = () if begins == "create" else ("sess_1",)
            with client, open_(*place, input="Hi", tool_handlers=handlers, **typed, **arguments) as stream:
                stream.with_result_collection()
                events = []
                try:
                    events += [event.type for event in stream]
                except RuntimeError:
                    events.append("ended early")
                try:
                    outcome = summary(stream.get_final_result())
                except errors.AgentOutputParseError as error:
                    outcome = ("not parsed", *summary(error.result))
                except errors.AgentTurnResultError as error:
                    ids = (error.reason, error.session_id, error.turn_id, len(error.required_actions))
                    outcome = (*ids, [message.output_text for message in error.messages])
            requests = [(seen.method, seen.target) for seen in server.requests]
            return events, outcome, agents.results, agents.created, requests

    def summary(result: Any) -> tuple[Any, ...]:
        phases = [(message.id, message.phase, message.output_text) for message in result.messages]
        return result.output_text, result.turn.status, result.session_id, result.turn_id, result.output_parsed, phases

    assert read(oai, importlib.import_module("oai.lib.beta.agents")) == read(
        openai, importlib.import_module("openai.lib.beta.agents")
    )


def test_prepared_files_are_equal(tmp_path: Path) -> None:
    for name in ("a.md", "sub/b c.md", "sub/other.txt", ".hidden/d.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.md")

    def read(module: Any) -> Any:
        with Loopback(default=Answer(json={"id": "file-1", "object": "file"})) as server:
            client = module.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
            files = client.beta.agents.environments.files
            outcomes: list[Any] = []
            for include in (["**/*.md"], ["sub/*", "a.md"], ["*.txt"], ["*"], ["../*"], ["none"]):
                try:
                    outcomes.append(
                        files.prepare_directory(tmp_path, destination="/workspace/d", include=include).files
                    )
                except ValueError:
                    outcomes.append("refused")
            for path in ("/workspace/x", "/workspace/outputs", "/workspace/outputs/x", "/workspace/.codex/x", "/tmp/x"):
                try:
                    outcomes.append(files.prepare({path: tmp_path / "a.md"}).uploaded_file_ids)
                except ValueError:
                    outcomes.append("refused")
            staged = files.upload("env", file=tmp_path / "a.md", path="/workspace/a.md")
            forms = [
                [(part.name, part.filename, part.content) for part in seen.form()] for seen in server.requests[:-1]
            ]
            client.close()
            order = [sorted(form, key=str) for form in forms]
            return outcomes, staged.uploaded_file_id, order, server.requests[-1].json()

    assert read(oai) == read(openai)


def test_tool_definitions_and_results_are_equal() -> None:
    def look(item: str, count: int = 1, *, place: Weather | None = None) -> dict[str, Any]:
        """Look up an item."""
        return {"item": item, "count": count, "place": place and place.city}

    look.__annotations__ = {"item": str, "count": int, "place": Weather | None}

    def results(module: Any) -> Any:
        tools = importlib.import_module(f"{module.__name__}.lib.beta.agents")
        tool = tools.function_tool(look, defer_loading=True)
        definition = tool.definition
        schema = definition.pop("parameters")
        shape = [schema["required"], list(schema["properties"]), schema["additionalProperties"]]
        bound = tools.pydantic_function_tool(Weather, handler=lambda weather: weather.city)
        return definition, shape, bound.name, bound.definition["description"], bound({"city": "Bonn"})

    assert results(oai) == results(openai)


IMAGE = {"type": "input_image", "image_url": "https://example.com/a.png"}

OUTPUTS: dict[str, Any] = {
    "text": "found",
    "nothing": None,
    "a number": 3,
    "a truth value": True,
    "a list": [1, "two", None],
    "an empty list": [],
    "an object": {"type": "input_text", "content": "paid"},
    "content": [{"type": "input_text", "text": "found"}, IMAGE],
    "a tuple of content": ({"type": "input_text", "text": "found"},),
    "records like content": [{**IMAGE, "receipt_id": "r"}],
    "a model": Step(why="x", result=1.5),
    "a model of text": pydantic.RootModel[str]("found"),
    "a model of a list": pydantic.RootModel[list[int]]([1]),
    "a set": {1},
    "no number": {"nested": [float("nan")]},
    "an infinity": Step(why="x", result=float("inf")),
    "an object of Python": object(),
    "bytes": b"x",
}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_called_tools_return_equal_outputs(output: Any, is_async: bool) -> None:
    def look() -> Any:
        return output

    async def look_later() -> Any:
        return output

    async def awaited(tool: Any) -> Any:
        return await tool({})

    def outcome(module: Any) -> Any:
        tools = importlib.import_module(f"{module.__name__}.lib.beta.agents")
        tool = tools.function_tool(look_later if is_async else look)
        try:
            result = asyncio.run(awaited(tool)) if is_async else tool({})
        except (TypeError, ValueError) as error:
            return type(error)
        return list(result) if isinstance(result, tuple) else result

    if output == b"x":
        assert outcome(openai) is TypeError  # we send base64
        assert outcome(oai) == '"eA=="'
    else:
        assert outcome(oai) == outcome(openai)


VALUES = [3, "3", 3.0, 3.5, "3.5", "true", 1, None, [1], ["1"], [1.0], {"a": 1}, {"a": "1"}, "red", "a", "2024-01-02"]
KINDS = [int, float, bool, str, int | None, list[int], Literal["a", "b"], date, int | str, Step, dict[str, int]]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_tools_accept_and_reject_the_same_arguments(kind: Any) -> None:
    def look(value: Any) -> str:
        return repr(value)

    look.__annotations__["value"] = kind

    def outcomes(module: Any) -> Any:
        tools = importlib.import_module(f"{module.__name__}.lib.beta.agents")
        tool = tools.function_tool(look)
        calls: list[Any] = [{"value": value} for value in VALUES]
        return [_outcome(tool, call) for call in [*calls, '{"value": 3}', [3], None, {"other": 3}, {}]]

    assert outcomes(oai) == outcomes(openai)


def _outcome(tool: Any, arguments: Any) -> Any:
    try:
        return tool(arguments)
    except pydantic.ValidationError:
        return "rejected"
