"""A response that is followed over a WebSocket has the same state as the official SDK's, after any events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import oai
from oai.lib.responses_websocket import ResponsesWebSocketAccumulator
from oai.types.responses import ResponsesServerEvent
from tests.official.sides import long, quick, quiet

official = pytest.importorskip("openai.lib.responses_websocket", reason="the official SDK is not installed")
models = pytest.importorskip("openai._models")
official_types = pytest.importorskip("openai.types.responses.responses_server_event")

small = st.integers(0, 2)
words = st.sampled_from(["", "a", "b ", "é", "{}"])
ids = st.sampled_from(["one", "two", "three"])
annotations = st.fixed_dictionaries({"type": st.just("file_path"), "file_id": ids, "index": small})
logprobs = st.lists(
    st.fixed_dictionaries({"token": words, "logprob": st.just(-0.5), "top_logprobs": st.just([])}), max_size=2
)


def mangled(fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw the fields, now and then without one of them, or with a value of another type for it."""
    whole = st.fixed_dictionaries(fields)

    def spoil(data: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
        kept = {key: item for key, item in data.items() if key != name}
        return kept if value is ... else {**kept, name: value}

    if not fields:
        return whole
    spoiled = st.builds(spoil, whole, st.sampled_from(sorted(fields)), st.sampled_from([..., "x", -1, 7, [1]]))
    return st.one_of(*[whole] * 9, spoiled)


text_parts = st.fixed_dictionaries(
    {"type": st.just("output_text"), "text": words, "annotations": st.lists(annotations, max_size=2)},
    optional={"logprobs": logprobs},
)
refusal_parts = st.fixed_dictionaries({"type": st.just("refusal"), "refusal": words})
reasoning_parts = st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": words})
summary_parts = st.fixed_dictionaries({"type": st.just("summary_text"), "text": words})
unknown_parts = st.fixed_dictionaries({"type": st.just("later"), "field": words})
message_parts = st.one_of(text_parts, text_parts, refusal_parts, unknown_parts)

shell_contents = st.fixed_dictionaries(
    {"stdout": words, "stderr": words, "outcome": st.just({"type": "exit", "exit_code": 0})}
)


def item(kind: str, fields: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields}, optional=optional or {})


def call(kind: str, field: str) -> st.SearchStrategy[Any]:
    return item(kind, {"name": words, "call_id": ids, field: words}, {"id": ids, "status": st.just("in_progress")})


def shell_call(item_id: str, commands: list[str]) -> dict[str, Any]:
    """Return a call with an id of its own, since two calls of one id cannot be told apart."""
    action = {"commands": commands, "max_output_length": 1, "timeout_ms": 1}
    return {"type": "shell_call", "id": item_id, "call_id": item_id, "action": action, "status": "in_progress"}


items = st.one_of(
    item(
        "message",
        {"id": ids, "content": st.lists(message_parts, max_size=2)},
        {"role": st.just("assistant"), "status": st.just("in_progress")},
    ),
    call("function_call", "arguments"),
    call("custom_tool_call", "input"),
    item("mcp_call", {"id": ids, "name": words, "arguments": words, "server_label": words}),
    item(
        "reasoning",
        {"id": ids, "summary": st.lists(summary_parts, max_size=2)},
        {"content": st.lists(reasoning_parts, max_size=2)},
    ),
    item(
        "code_interpreter_call",
        {"id": ids, "container_id": words, "status": st.just("in_progress")},
        {"code": words},
    ),
    item("web_search_call", {"id": ids, "status": st.just("in_progress")}),
    st.builds(shell_call, ids, st.lists(words, max_size=3)),
    item("shell_call_output", {"id": ids, "call_id": ids, "output": st.lists(shell_contents, max_size=1)}),
    item("later", {"id": ids, "field": words}),
)
responses = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["resp"] * 9 + ["other"]),
        "object": st.just("response"),
        "created_at": st.just(1),
        "model": st.just("m"),
        "parallel_tool_calls": st.just(True),
        "tool_choice": st.just("auto"),
        "tools": st.just([]),
    },
    optional={"output": st.lists(items, max_size=3), "status": st.just("in_progress"), "later": words},
)

PART = {"output_index": small, "content_index": small, "item_id": ids}
OF_ITEM = {"output_index": small, "item_id": ids}
COMMAND = {"output_index": small, "command_index": small}

FIELDS: dict[str, dict[str, Any]] = {
    **{f"response.{kind}": {"response": responses} for kind in ("created", "queued", "in_progress")},
    "response.output_item.added": {"output_index": small, "item": items},
    "response.output_item.done": {"output_index": small, "item": items},
    "response.content_part.added": {**PART, "part": st.one_of(message_parts, reasoning_parts)},
    "response.content_part.done": {**PART, "part": st.one_of(message_parts, reasoning_parts)},
    "response.output_text.delta": {**PART, "delta": words, "logprobs": logprobs},
    "response.output_text.done": {**PART, "text": words, "logprobs": logprobs},
    "response.refusal.delta": {**PART, "delta": words},
    "response.refusal.done": {**PART, "refusal": words},
    "response.output_text.annotation.added": {**PART, "annotation_index": small, "annotation": annotations},
    "response.function_call_arguments.delta": {**OF_ITEM, "delta": words},
    "response.function_call_arguments.done": {**OF_ITEM, "arguments": words, "name": words},
    "response.mcp_call_arguments.delta": {**OF_ITEM, "delta": words},
    "response.mcp_call_arguments.done": {**OF_ITEM, "arguments": words},
    "response.custom_tool_call_input.delta": {**OF_ITEM, "delta": words},
    "response.custom_tool_call_input.done": {**OF_ITEM, "input": words},
    "response.reasoning_text.delta": {**PART, "delta": words},
    "response.reasoning_text.done": {**PART, "text": words},
    "response.reasoning_summary_text.delta": {**OF_ITEM, "summary_index": small, "delta": words},
    "response.reasoning_summary_text.done": {**OF_ITEM, "summary_index": small, "text": words},
    "response.reasoning_summary_part.added": {**OF_ITEM, "summary_index": small, "part": summary_parts},
    "response.reasoning_summary_part.done": {**OF_ITEM, "summary_index": small, "part": summary_parts},
    "response.code_interpreter_call_code.delta": {**OF_ITEM, "delta": words},
    "response.code_interpreter_call_code.done": {**OF_ITEM, "code": words},
    "response.code_interpreter_call.interpreting": OF_ITEM,
    "response.web_search_call.searching": OF_ITEM,
    "response.mcp_call.failed": OF_ITEM,
    "response.shell_call_command.added": {**COMMAND, "command": words},
    "response.shell_call_command.delta": {**COMMAND, "delta": words},
    "response.shell_call_command.done": {**COMMAND, "command": words},
    "response.shell_call_output_content.delta": {
        **COMMAND,
        "item_id": ids,
        "delta": st.fixed_dictionaries({}, optional={"stdout": words, "stderr": words}),
    },
    "response.shell_call_output_content.done": {
        **COMMAND,
        "item_id": ids,
        "output": st.lists(shell_contents, max_size=2),
    },
    "response.later": {"field": words},
}
"""The fields of the events by their type, but for the events that end a response."""

LAST = {
    **{f"response.{kind}": {"response": responses} for kind in ("completed", "failed", "incomplete")},
    "error": {"code": words, "message": words},
}


def events(types: dict[str, dict[str, Any]]) -> st.SearchStrategy[Any]:
    def event(kind: str) -> st.SearchStrategy[Any]:
        lane = st.sampled_from([{}] * 30 + [{"stream_id": "lane"}])
        fields = st.tuples(mangled(types[kind]), lane)
        return fields.map(lambda pair: {"type": kind, "sequence_number": 1, **pair[0], **pair[1]})

    return st.sampled_from(sorted(types)).flatmap(event)


streams = st.tuples(st.lists(events(FIELDS), max_size=14), st.lists(events({**FIELDS, **LAST}), max_size=2))


def ours(data: dict[str, Any]) -> Any:
    return oai.decode(ResponsesServerEvent, json.dumps(data).encode())


def theirs(data: dict[str, Any]) -> Any:
    return models.construct_type_unchecked(value=data, type_=official_types.ResponsesServerEvent)


def outcome(function: Any, *arguments: Any) -> Any:
    """Return the result, or the name of the exception."""
    try:
        return function(*arguments)
    except (ValueError, RuntimeError) as error:
        return type(error).__name__


def final(accumulator: Any) -> Any:
    response = outcome(accumulator.get_final_response)
    return response if isinstance(response, str) else response.to_dict()


def without_nulls(data: Any) -> Any:
    """Return plain data without null fields: a part of a result does not remember those of optional fields."""
    if isinstance(data, dict):
        return {key: without_nulls(value) for key, value in data.items() if value is not None}
    return [without_nulls(value) for value in data] if isinstance(data, list) else data


def states(accumulator: Any) -> list[Any]:
    snapshot = accumulator.snapshot()
    facts = (snapshot.stream_id, snapshot.response_id, snapshot.terminal_type, snapshot.output_text)
    output = [vars(item) for item in snapshot.output]
    return [facts, output, without_nulls(accumulator.detailed_snapshot()), without_nulls(final(accumulator))]


def compare(script: list[dict[str, Any]]) -> None:
    sides = [(ResponsesWebSocketAccumulator(), ours), (official.ResponsesWebSocketAccumulator(), theirs)]
    for number, data in enumerate(script):
        note(f"{number}: {data}")
        results = [outcome(accumulator.add_event, parse(data)) for accumulator, parse in sides]
        assert results[0] == results[1]
        with quiet():
            first, second = (states(accumulator) for accumulator, _ in sides)
        assert first == second


@quick(100)
@given(streams)
def test_state_is_that_of_the_official_sdk(script: tuple[list[Any], list[Any]]) -> None:
    compare([*script[0], *script[1]])


@pytest.mark.thorough
@long(500)
@given(streams)
def test_state_is_that_of_the_official_sdk_after_many_streams(script: tuple[list[Any], list[Any]]) -> None:
    compare([*script[0], *script[1]])
