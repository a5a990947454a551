"""Offline responses to requests with a JSON schema or functions: data that fits, and calls until there is a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oai
from oai._offline.from_schema import from_schema

MESSAGES = [{"role": "user", "content": "What is the weather in Oslo?"}]


class Place(msgspec.Struct):
    name: str
    inside: Place | None


class Weather(msgspec.Struct):
    place: Place
    sky: Literal["clear", "cloudy"]
    degrees: float
    hours: list[int]


def weather(city: str, days: int) -> str:
    """Return the weather forecast."""
    return f"Rain in {city} for {days} days."


@pytest.fixture
def client() -> oai.OpenAI:
    return oai.OpenAI(transport=oai.OfflineTransport())


def leaf() -> st.SearchStrategy[dict[str, Any]]:
    low = st.integers(-50, 50)
    return st.one_of(
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": 3}, {"enum": ["x", 1]}, {"type": "string"}]),
        st.builds(
            lambda n, m: {"type": "string", "minLength": n, "maxLength": n + m}, st.integers(0, 9), st.integers(0, 9)
        ),
        st.builds(lambda n, m: {"type": "integer", "minimum": n, "maximum": n + m}, low, st.integers(0, 9)),
        st.builds(lambda n, m: {"type": "integer", "minimum": n, "multipleOf": m}, low, st.integers(1, 9)),
        st.builds(lambda n: {"type": "number", "exclusiveMinimum": n, "exclusiveMaximum": n + 1}, low),
        st.builds(lambda n: {"type": ["null", "number"], "exclusiveMaximum": n}, low),
    )


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        names = st.sampled_from(["a", "city", "text", "$", "id"])
        return st.one_of(
            st.builds(
                lambda props, all_of: {
                    "type": "object",
                    "properties": props,
                    "required": list(props)[:all_of],
                    "additionalProperties": False,
                },
                st.dictionaries(names, inner, max_size=3),
                st.integers(0, 3),
            ),
            st.builds(lambda each, n: {"type": "array", "items": each, "minItems": n}, inner, st.integers(0, 3)),
            st.builds(lambda each: {"anyOf": each}, st.lists(inner, min_size=1, max_size=3)),
        )

    return st.recursive(leaf(), wider, max_leaves=8)


@given(schemas())
def test_data_from_schema_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.validate(from_schema(schema), schema)


@given(st.sampled_from(["anyOf", "type"]), st.booleans())
def test_recursive_schema_ends(how: str, listed: bool) -> None:
    reference: dict[str, Any] = {"$ref": "#/$defs/Node"}
    more = {"type": "array", "items": reference} if listed else {"anyOf": [reference, {"type": "null"}]}
    node = {"type": "object", "properties": {"value": {"type": "integer"}, "more": more}, "required": ["value", "more"]}
    schema = {"$ref": "#/$defs/Node", "$defs": {"Node": node}}
    if how == "type":
        schema = {"allOf": [schema, {"type": "object"}], "$defs": {"Node": node}}
    jsonschema.validate(from_schema(schema), schema)


def test_parse_returns_the_requested_type(client: oai.OpenAI) -> None:
    parsed = client.chat.completions.parse(model="m", messages=MESSAGES, response_format=Weather)
    assert isinstance(parsed.choices[0].message.parsed, Weather)
    assert client.responses.parse(model="m", input="Oslo?", text_format=Weather).output_parsed.sky == "clear"
    with client.responses.stream(model="m", input="Oslo?", text_format=Weather) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Weather)


def test_run_tools_calls_the_function_and_ends_with_text(client: oai.OpenAI) -> None:
    run = client.chat.completions.run_tools(model="m", messages=MESSAGES, tools=[weather])
    assert [each.choices[0].finish_reason for each in run.answers] == ["tool_calls", "stop"]
    assert run.messages[-2]["content"] == "Rain in offline for 0 days."
    run = client.responses.run_tools(model="m", input="Oslo?", tools=[weather])
    assert run.answers[0].output[0].type == "function_call"
    assert "Oslo?" in run.answer.output_text


@pytest.mark.parametrize("choice", ["none", "auto", "snow"])
def test_tool_choice_selects_the_function(client: oai.OpenAI, choice: str) -> None:
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {"properties": {"n": {"type": "integer"}}}}}
        for name in ("rain", "snow")
    ]
    named = {"type": "function", "function": {"name": choice}}
    answer = client.chat.completions.create(
        model="m", messages=MESSAGES, tools=tools, tool_choice=named if choice == "snow" else choice
    )
    calls = answer.choices[0].message.tool_calls or []
    expected = {"none": [], "auto": [("rain", '{"n":0}')], "snow": [("snow", '{"n":0}')]}
    assert [(call.function.name, call.function.arguments) for call in calls] == expected[choice]
    assert bool(answer.choices[0].message.content) is (choice == "none")


@pytest.mark.parametrize("usage", [True, False])
def test_tool_call_streams_in_pieces(client: oai.OpenAI, usage: bool) -> None:
    options = {"include_usage": usage}
    with client.chat.completions.stream(
        model="m", messages=MESSAGES, tools=[oai.function_tool(weather)], stream_options=options
    ) as stream:
        deltas = [event.arguments_delta for event in stream if event.type == "tool_calls.function.arguments.delta"]
        final = stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0].function
    assert "".join(deltas) == call.arguments
    assert json.loads(call.arguments) == call.parsed_arguments == {"city": "offline", "days": 0}
    assert (final.choices[0].finish_reason, final.usage is not None) == ("tool_calls", usage)
    with client.responses.stream(model="m", input="Oslo?", tools=[oai.function_tool(weather)]) as events:
        numbers = [event.sequence_number for event in events]
        assert events.get_final_response().output[0].parsed_arguments == {"city": "offline", "days": 0}
    assert numbers == list(range(len(numbers)))


def test_batch_has_a_response_to_each_request(client: oai.OpenAI, tmp_path: Path) -> None:
    with client.batch(journal=tmp_path / "journal") as batch:
        chats = [
            batch.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
            for text in ("One?", "Two?")
        ]
        vectors = batch.embeddings.create(model="m", input="One?", dimensions=3)
        answer = batch.responses.create(model="m", input="Three?")
    assert ['"One?"' in chat.result().choices[0].message.content for chat in chats] == [True, False]
    assert len(vectors.result().data[0].embedding) == 3
    assert '"Three?"' in answer.result().output_text
    counts = [each.request_counts for each in batch.batches]
    assert sorted((each.total, each.completed) for each in counts) == [(1, 1), (1, 1), (2, 2)]


def test_batch_files_are_remembered_and_others_are_invented(client: oai.OpenAI) -> None:
    uploaded = client.files.create(file=("a.jsonl", b'{"custom_id": "1"}\nno json\n'), purpose="batch")
    assert client.files.content(uploaded.id).content == b'{"custom_id": "1"}\nno json\n'
    batch = client.batches.create(input_file_id=uploaded.id, endpoint="/v1/responses", completion_window="24h")
    assert client.batches.retrieve(batch.id).output_file_id == batch.output_file_id
    lines = client.files.content(batch.output_file_id).text.splitlines()
    assert [json.loads(line)["custom_id"] for line in lines] == ["1"]
    assert client.files.create(file=b"x", purpose="user_data").id == "file-offline"
    assert b"invented" in client.files.content("file-offline").content
