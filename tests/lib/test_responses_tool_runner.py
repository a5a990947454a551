"""The runner of responses: one run at a time, secrets, functions that run at the same time, and typed tools.

What it has in common with the official SDK's is in `tests/official/test_responses_tool_runner.py`.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from contextvars import ContextVar
from typing import Any

import msgspec
import pytest

import oai
from oai.lib.responses_tool_runner import (
    AsyncRegisteredFunction,
    AsyncResponsesToolLedger,
    AsyncResponsesToolRunner,
    RegisteredFunction,
    ResponsesToolLedger,
    ResponsesToolRunner,
    ToolRunnerCancelledError,
    ToolRunnerError,
)

TOOL = {"type": "function", "name": "record", "parameters": {"type": "object", "properties": {}}}
PARAMS: Any = {"model": "m", "input": "Open the door."}
EAGER: Any = {"stream": True, "eager": True}


def fn(call_id: str, name: str = "record", arguments: str = "{}") -> dict[str, Any]:
    call = {"type": "function_call", "id": f"fc_{call_id}", "call_id": call_id, "name": name, "arguments": arguments}
    return {**call, "status": "completed"}


def events(*items: dict[str, Any], output: list[Any] | None = None) -> list[dict[str, Any]]:
    """Return the events of a stream of items; `output` is that of the completed response, if it is another."""
    response: dict[str, Any] = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
    response |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    places = [{"output_index": index, "item": item} for index, item in enumerate(items)]
    steps = [{"type": f"response.output_item.{step}", **place} for place in places for step in ("added", "done")]
    completed = {**response, "status": "completed", "output": list(items) if output is None else output}
    kinds = [
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        *steps,
        {"type": "response.completed", "response": completed},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(kinds)]


def fake(*items: dict[str, Any]) -> Any:
    """Return a server whose first response has the items, if there are any; all further ones are final."""
    server = oai.FakeTransport()
    create = server.responses.create
    if items:
        create = create.returns(status="completed", output=list(items), times=1).then
    create.returns("Done.")
    return server


def streaming(*items: dict[str, Any], output: list[Any] | None = None) -> Any:
    server = oai.FakeTransport()
    server.responses.create.streams(events(*items, output=output))
    return server


def test_runner_allows_one_run_at_a_time_and_none_after_close() -> None:
    client = oai.OpenAI(transport=fake(fn("a")))
    statuses: list[str] = []

    def record(_: object) -> str:
        with pytest.raises(RuntimeError, match="busy with another run"):
            runner.run(client, PARAMS)
        statuses.append(runner.close()["status"])
        return "done"

    runner = ResponsesToolRunner(functions=[RegisteredFunction(TOOL, record)])
    assert runner.run(client, PARAMS).output_text == "Done."
    assert [*statuses, runner.close()["status"]] == ["draining", "closed"]
    with pytest.raises(RuntimeError, match="closed"):
        runner.run(client, PARAMS)


def test_closed_iterator_admits_the_next_run() -> None:
    client = oai.OpenAI(transport=fake(fn("a")))
    runner = ResponsesToolRunner(functions=[RegisteredFunction(TOOL, lambda _: "done")])
    turns = runner.iterate(client, PARAMS)
    next(turns)
    turns.close()
    assert runner.run(client, PARAMS).output_text == "Done."


def test_coroutine_function_needs_the_async_runner() -> None:
    async def record(_: object) -> str:
        return "done"

    runner = ResponsesToolRunner(functions=[RegisteredFunction(TOOL, record)])  # type: ignore[arg-type]
    with pytest.raises(ToolRunnerError, match="AsyncRegisteredFunction with AsyncResponsesToolRunner") as caught:
        runner.run(oai.OpenAI(transport=fake(fn("a"))), PARAMS)
    assert (caught.value.attempted_call_ids, caught.value.completed_call_ids) == (("a",), ())


def test_ledger_must_be_one_for_the_runner() -> None:
    async def save(_: object) -> None: ...

    client = oai.OpenAI(transport=fake())
    with pytest.raises(ValueError, match="a sync ledger"):
        ResponsesToolRunner().run(client, PARAMS, ledger=AsyncResponsesToolLedger("r", save))  # type: ignore[arg-type]
    with pytest.raises(ToolRunnerError, match="use AsyncResponsesToolRunner"):
        ResponsesToolRunner().run(client, PARAMS, ledger=ResponsesToolLedger("r", save))  # type: ignore[arg-type]


def test_error_contains_nothing_of_a_function_exception() -> None:
    def record(_: object) -> str:
        raise KeyError("planted")

    runner = ResponsesToolRunner(functions=[RegisteredFunction(TOOL, record)])
    with pytest.raises(ToolRunnerError) as caught:
        runner.run(oai.OpenAI(transport=fake(fn("a"))), PARAMS)
    assert "planted" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.attempted_call_ids == ("a",)


def test_checkpoints_have_no_credential() -> None:
    saves: list[Any] = []
    policy = {"type": "allowlist", "allowed_domains": ["a.invalid"]}
    secrets = [{"domain": "a.invalid", "name": "token", "value": "planted"}]
    url = "https://user:planted@desk.invalid/mcp?team=a&access_token=planted#planted"
    tools = [
        {"type": "mcp", "server_label": "desk", "server_url": url, "authorization": "planted"},
        {
            "type": "code_interpreter",
            "container": {"type": "auto", "network_policy": policy | {"domain_secrets": secrets}},
        },
    ]
    server = fake()
    runner = ResponsesToolRunner()
    ledger = ResponsesToolLedger("r", saves.append)
    runner.run(oai.OpenAI(transport=server), {**PARAMS, "tools": tools}, ledger=ledger)
    assert "planted" not in json.dumps(saves)
    assert server.calls[0].body["tools"] == tools


def test_cancelled_task_waits_for_the_functions_that_run() -> None:
    async def run() -> tuple[ToolRunnerCancelledError, list[str]]:
        started, release = asyncio.Event(), asyncio.Event()
        effects: list[str] = []

        async def record(_: object) -> str:
            started.set()
            await release.wait()
            effects.append("done")
            return "done"

        function = AsyncRegisteredFunction(TOOL, record, independent=True)
        runner = AsyncResponsesToolRunner(functions=[function])
        client = oai.AsyncOpenAI(transport=streaming(fn("a")))
        task = asyncio.create_task(runner.run(client, PARAMS, **EAGER))
        await started.wait()
        task.cancel()
        await asyncio.sleep(0)
        release.set()
        with pytest.raises(ToolRunnerCancelledError) as caught:
            await task
        return caught.value, effects

    error, effects = asyncio.run(run())
    assert effects == ["done"]
    assert (error.attempted_call_ids, error.completed_call_ids) == (("a",), ("a",))


def test_functions_in_threads_see_the_context_of_the_caller() -> None:
    name: ContextVar[str] = ContextVar("name", default="none")
    name.set("mine")
    server = streaming(fn("a"), fn("b"))
    names: list[str] = []

    def record(_: object) -> str:
        names.append(name.get())
        return "done"

    function = RegisteredFunction(TOOL, record, independent=True)
    turns = ResponsesToolRunner(functions=[function]).iterate(oai.OpenAI(transport=server), PARAMS, **EAGER)
    assert next(turns).completed_call_ids == ("a", "b")
    turns.close()
    assert names == ["mine", "mine"]


def test_stream_whose_response_lacks_what_was_executed_ends_the_run() -> None:
    runner = ResponsesToolRunner(functions=[RegisteredFunction(TOOL, lambda _: "done")])
    with pytest.raises(ToolRunnerError, match="differs") as caught:
        runner.run(oai.OpenAI(transport=streaming(fn("a"), output=[])), PARAMS, **EAGER)
    assert caught.value.completed_call_ids == ("a",)


class Booking(msgspec.Struct):
    seats: int


@pytest.mark.parametrize(("arguments", "booked"), [('{"seats": 2}', [2]), ('{"seats": "two"}', []), ("{", [])])
def test_typed_function_gets_a_value_of_its_type(arguments: str, booked: list[int]) -> None:
    seats: list[int] = []

    def book(booking: Booking) -> str:
        seats.append(booking.seats)
        return "booked"

    tool = oai.function_tool(Booking, name="book")
    server = fake(fn("a", "book", arguments))
    runner = ResponsesToolRunner(functions=[RegisteredFunction.from_tool(tool, execute=book)])
    if booked:
        runner.run(oai.OpenAI(transport=server), PARAMS)
    else:
        with pytest.raises(ToolRunnerError):
            runner.run(oai.OpenAI(transport=server), PARAMS)
    assert seats == booked
    assert server.calls[0].body["tools"] == [tool.for_responses]


def test_tool_without_a_type_is_not_registered_as_typed() -> None:
    with pytest.raises(ValueError, match="such as a Pydantic model"):
        RegisteredFunction.from_tool(TOOL, execute=lambda _: "done")


@pytest.mark.parametrize("name", ["run", "iterate"])
def test_unknown_option_of_a_run_raises_with_the_name_of_the_method(name: str) -> None:
    def call(runner: Any) -> Any:
        outcome = getattr(runner, name)(None, {}, max_step=3)
        return asyncio.run(outcome)

    for runner in (ResponsesToolRunner(), AsyncResponsesToolRunner()):
        with pytest.raises(TypeError, match=rf"{name}\(\) got an unexpected keyword argument 'max_step'"):
            call(runner)
