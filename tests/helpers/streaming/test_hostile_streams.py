"""Streams whose events have fields removed, null, mistyped or absurd: nothing but `OpenAIError`s leaves a helper."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from agent_service import call as agent_call
from agent_service import delta as agent_delta
from agent_service import message as agent_message
from agent_service import turn_events
from chunks import chunk, response_events, texts, tool, usage
from hypothesis import given, settings
from hypothesis import strategies as st
from structured import Plan
from tools_of_tests import Search, weather

import oai
from oai.helpers.agents.results import Collector
from oai.helpers.assistants.state import Runs
from oai.helpers.streaming.chat import ChatCompletionStreamState
from oai.helpers.streaming.responses import ResponseStreamState
from oai.types.beta import AgentSessionEvent, AssistantStreamEvent
from oai.types.chat import ChatCompletionChunk
from oai.types.responses import ResponseStreamEvent

PLAN = '{"steps": [], "mood": "good"}'
LOGPROB = {"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}

CHAT = [
    *texts(PLAN[:9], PLAN[9:]),
    {**chunk({"refusal": "no"}), "service_tier": "default"},
    tool(0, '{"ci', id="a", type="function", name="weather"),
    tool(0, 'ty": "P"}'),
    tool(1, '{"text": "x"}', id="b", type="function", name="Search"),
    chunk({"tool_calls": [{"index": 2, "id": "c", "type": "custom", "custom": {"name": "n", "input": "x"}}]}),
    chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "x"}]}]}),
    chunk({"reasoning_details": [{"index": 0, "text": "x"}], "audio": {"id": "a", "data": "x", "expires_at": 1}}),
    chunk({"function_call": {"name": "f", "arguments": "{}"}}),
    {**chunk(), "choices": [{"index": 0, "delta": {}, "logprobs": {"content": [LOGPROB], "refusal": None}}]},
    chunk(finish="stop"),
    usage(),
]

RESPONSE = response_events(PLAN, PLAN[:9], PLAN[9:])

MESSAGE = {"id": "msg", "object": "thread.message", "role": "assistant", "content": [], "status": "in_progress"}
STEP = {"id": "step", "object": "thread.run.step", "status": "in_progress", "run_id": "run"}
CALLED = {"index": 0, "id": "f", "type": "function", "function": {"name": "g", "arguments": "{"}}
ASSISTANT = [
    {"event": "thread.run.created", "data": {"id": "run", "object": "thread.run", "status": "queued"}},
    {"event": "thread.run.step.created", "data": STEP},
    {
        "event": "thread.run.step.delta",
        "data": {"id": "step", "delta": {"step_details": {"type": "tool_calls", "tool_calls": [CALLED]}}},
    },
    {"event": "thread.run.step.completed", "data": STEP},
    {"event": "thread.message.created", "data": MESSAGE},
    {
        "event": "thread.message.delta",
        "data": {"id": "msg", "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "a"}}]}},
    },
    {"event": "thread.message.completed", "data": MESSAGE},
    {"event": "thread.run.completed", "data": {"id": "run", "object": "thread.run", "status": "completed"}},
]

AGENT = turn_events(agent_delta("Hel"), agent_call("look", {"id": 1}), agent_message("Hello"))

WRONG: Any = st.sampled_from([None, True, -1, 5, 2**70, 1.5, "", "x", "{", [], [None], [5], ["x"], {}, {"a": 1}, [[]]])


@st.composite
def mutated(draw: Any, events: list[Any]) -> list[Any]:
    """Draw events of which some nodes are removed, replaced or doubled."""
    events = deepcopy(events)
    for _ in range(draw(st.integers(1, 4))):
        node: Any = events
        while isinstance(node, (dict, list)) and node:
            keys = sorted(node) if isinstance(node, dict) else range(len(node))
            key = draw(st.sampled_from(keys))
            if not isinstance(node[key], (dict, list)) or not node[key] or draw(st.integers(0, 4)) == 0:
                break
            node = node[key]
        action = draw(st.sampled_from(["replace", "replace", "replace", "remove", "double"]))
        if action == "replace" or (action == "double" and isinstance(node, dict)):
            node[key] = deepcopy(draw(WRONG))
        elif action == "remove":
            del node[key]
        else:
            node.insert(key, deepcopy(node[key]))
    return events


def decoded(kind: Any, events: list[Any]) -> Iterable[Any]:
    for event in events:
        if isinstance(event, dict):  # the raw stream rejects any other
            yield oai.decode(kind, json.dumps(event).encode())


def read_chat(events: list[Any]) -> None:
    state = ChatCompletionStreamState[Any](response_format=Plan, input_tools=[weather, Search])
    for item in decoded(ChatCompletionChunk, events):
        for event in state.handle(item):
            event.model_dump()
            event.to_dict()
    assert all(event.type for event in state.end())
    state.get_final_completion().to_dict()


def read_response(events: list[Any]) -> None:
    state = ResponseStreamState[Any](text_format=Plan, input_tools=[weather])
    for item in decoded(ResponseStreamEvent, events):
        for event in state.handle(item):
            event.model_dump()
        state.current_response_snapshot.to_dict()
    assert not list(state.end())
    assert state.get_final_response().output_parsed in (None, Plan([], "good"))


def read_assistant(events: list[Any]) -> None:
    state = Runs()
    for item in decoded(AssistantStreamEvent, events):
        for _, arguments in state.handle(item):
            arguments()
        state.text_of(item)


def read_agent(events: list[Any]) -> None:
    collector = Collector("sess_1")
    for item in decoded(AgentSessionEvent, events):
        collector.accept(item)
        collector.check(["look"])
    assert isinstance(collector.result().output_text, str)


READERS: list[tuple[Callable[[list[Any]], None], list[Any]]] = [
    (read_chat, CHAT),
    (read_response, RESPONSE),
    (read_assistant, ASSISTANT),
    (read_agent, AGENT),
]


@pytest.mark.parametrize(("read", "events"), READERS)
def test_intact_streams_are_read(read: Callable[[list[Any]], None], events: list[Any]) -> None:
    read(events)


@pytest.mark.parametrize(("read", "events"), READERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated_streams_raise_nothing_but_openai_errors(
    read: Callable[[list[Any]], None], events: list[Any], data: st.DataObject
) -> None:
    with suppress(oai.OpenAIError):
        read(data.draw(mutated(events)))
