"""Helper streams of both APIs: their events, the accumulated result, and the snapshot of a stream that is cut."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import pickle
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args, get_origin

import msgspec
import pydantic
import pytest
from both import Read, Way
from chunks import CHAT, USAGE, chunk, numbered, pieces, response_events, texts, tool, usage
from hypothesis import given
from hypothesis import strategies as st
from structured import Plan, response
from tools_of_tests import Search, weather

import oai
from oai.helpers.streaming import response_events as event_types
from oai.helpers.streaming.chat import ChatCompletionStreamState
from oai.helpers.streaming.chat_events import ContentDeltaEvent
from oai.helpers.streaming.partial_text import GrowingText, partial_json
from oai.helpers.streaming.responses import ResponseStreamState
from oai.testing import Answer, Loopback
from oai.types.chat import ChatCompletionChunk, ChatCompletionMessageCustomToolCall, ParsedChatCompletion
from oai.types.responses import ParsedResponse, ResponseStreamEvent

FINAL = "get_final_completion"


def chat(way: Way, server: Loopback, chunks: list[Any], look: Any = None, *, done: bool = True, **params: Any) -> Read:
    server.reply(Answer.events(chunks, done=done))
    return way.read(CHAT, FINAL, look, model="m", messages=[], **params)


def test_text_stream_yields_the_official_events(way: Way, server: Loopback) -> None:
    read = chat(
        way, server, [*texts("Hel", "lo"), chunk(finish="stop"), usage()], stream_options={"include_usage": True}
    )
    assert read.error is None
    assert read.types() == [*["chunk", "content.delta"] * 3, "chunk", "content.done", "chunk"]
    deltas = [event for event in read.events if event.type == "content.delta"]
    assert [(event.delta, event.snapshot, event.parsed) for event in deltas] == [
        ("", "", None),
        ("Hel", "Hel", None),
        ("lo", "Hello", None),
    ]
    assert (read.events[7].content, read.events[7].parsed) == ("Hello", None)
    assert isinstance(read.final, ParsedChatCompletion)
    assert read.final.to_dict() == {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "usage": USAGE,
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}},
        ],
    }
    body = server.requests[0].json()
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_content_is_parsed_partially_and_at_the_end(way: Way, server: Loopback) -> None:
    whole = '{"steps": [{"why": "be\\u00e9", "result": 1.5}], "mood": "good"}'
    chunks = [*texts(whole[:14], whole[14:24], whole[24:]), chunk(finish="stop")]
    read = chat(way, server, chunks, response_format=Plan)
    wanted = msgspec.json.decode(whole, type=Plan)
    assert [event.parsed for event in read.events if event.type == "content.delta"] == [
        *(None, {"steps": [{}]}, {"steps": [{"why": "be"}]}),
        json.loads(whole),
    ]
    assert next(event for event in read.events if event.type == "content.done").parsed == wanted
    assert read.final.choices[0].message.parsed == wanted
    assert server.requests[0].json()["response_format"]["json_schema"]["name"] == "Plan"


def test_tool_calls_are_accumulated_from_pieces(way: Way, server: Loopback) -> None:
    chunks = [
        *texts("Let me see."),
        tool(0, "", id="a", type="function", name="weather"),
        *[tool(0, piece) for piece in ('{"ci', 'ty": "P', 'aris"}')],
        tool(1, '{"text": "x", "limit": 1}', id="b", type="function", name="Search"),
        chunk(finish="tool_calls"),
    ]
    read = chat(way, server, chunks, tools=[weather, Search])
    assert [kind for kind in read.types() if kind != "chunk"] == [
        *["content.delta"] * 2,
        "tool_calls.function.arguments.delta",
        "content.done",
        *["tool_calls.function.arguments.delta"] * 4,
        *["tool_calls.function.arguments.done"] * 2,
    ]
    deltas = [event for event in read.events if event.type.endswith("arguments.delta")]
    assert [(event.name, event.index, event.arguments_delta, event.arguments) for event in deltas[:4]] == [
        ("weather", 0, "", ""),
        ("weather", 0, '{"ci', '{"ci'),
        ("weather", 0, 'ty": "P', '{"city": "P'),
        ("weather", 0, 'aris"}', '{"city": "Paris"}'),
    ]
    assert [event.parsed_arguments for event in deltas[:4]] == [None, {}, {"city": "P"}, {"city": "Paris"}]
    done = [event for event in read.events if event.type.endswith("arguments.done")]
    assert [(event.index, event.name, event.parsed_arguments) for event in done] == [
        (0, "weather", {"city": "Paris"}),
        (1, "Search", Search("x", 1)),
    ]
    calls = read.final.choices[0].message.tool_calls
    assert [(call.id, call.function.parsed_arguments) for call in calls] == [
        ("a", {"city": "Paris"}),
        ("b", Search("x", 1)),
    ]


def test_calls_announced_before_their_arguments_have_complete_done_events(way: Way, server: Loopback) -> None:
    both = [tool(0, "", id="a", name="f"), tool(1, "", id="b", name="g")]
    announced = chunk({"tool_calls": [start["choices"][0]["delta"]["tool_calls"][0] for start in both]})
    pieces = [tool(1, '{"y":'), tool(0, '{"x": 1}'), tool(1, "2}")]
    read = chat(way, server, [announced, *pieces, chunk(finish="tool_calls")])
    done = [event for event in read.events if event.type.endswith("arguments.done")]
    assert [(event.name, event.arguments) for event in done] == [("f", '{"x": 1}'), ("g", '{"y":2}')]


def test_refusals_and_log_probabilities_have_events(way: Way, server: Loopback) -> None:
    def prob(token: str) -> dict[str, Any]:
        return {"token": token, "logprob": -1.0, "bytes": None, "top_logprobs": []}

    chunks = [chunk({"refusal": piece}) for piece in ("I ", "cannot")]
    for refused, word in zip(chunks, "ab", strict=True):
        refused["choices"][0]["logprobs"] = {"content": [prob(word)], "refusal": [prob(word.upper())]}
    read = chat(way, server, [*chunks, chunk(finish="stop")], response_format=Plan)
    named = [(event.type, event) for event in read.events if event.type != "chunk"]
    assert [kind for kind, _ in named] == [
        *["refusal.delta", "logprobs.content.delta", "logprobs.refusal.delta"] * 2,
        *["refusal.done", "logprobs.content.done", "logprobs.refusal.done"],
    ]
    assert [(event.delta, event.snapshot) for kind, event in named if kind == "refusal.delta"] == [
        ("I ", "I "),
        ("cannot", "I cannot"),
    ]
    snapshots = [event.snapshot for kind, event in named if kind == "logprobs.content.delta"]
    assert [[prob.token for prob in snapshot] for snapshot in snapshots] == [["a"], ["a", "b"]]
    assert [token.token for token in named[-1][1].refusal] == ["A", "B"]
    assert (named[-3][1].refusal, read.final.choices[0].message.refusal) == ("I cannot", "I cannot")
    assert [token.token for token in read.final.choices[0].logprobs.content] == ["a", "b"]


def test_choices_are_accumulated_separately(way: Way, server: Loopback) -> None:
    chunks = [chunk({"content": f"{n}{step}"}, index=n) for step in "ab" for n in (1, 0)]
    read = chat(way, server, [*chunks, chunk(finish="stop", index=1), chunk(finish="stop")])
    assert [choice.message.content for choice in read.final.choices] == ["0a0b", "1a1b"]
    assert [event.choice_index for event in read.events if event.type == "content.done"] == [1, 0]
    server.reply(Answer.events(chunks))
    assert pieces(way, server) == ["0a", "0b"]


def start() -> None: ...


def stop() -> None: ...


def feed(state: ChatCompletionStreamState[Any], *chunks: dict[str, Any]) -> list[Any]:
    """Process the chunks of a whole stream and return their events."""
    decoded = [oai.decode(ChatCompletionChunk, json.dumps(data).encode()) for data in chunks]
    return [*(event for one in decoded for event in state.handle(one)), *state.end()]


def accumulated_calls(*chunks: dict[str, Any], tools: Any = ()) -> list[tuple[str, str, str]]:
    """Return the accumulated calls of a stream: id, name, arguments."""
    state = ChatCompletionStreamState[Any](input_tools=tools)
    feed(state, *chunks)
    calls = state.get_final_completion().choices[0].message.tool_calls
    return [(call.id, call.function.name, call.function.arguments) for call in calls]


BOTH = [("a", "f", '{"x": 1}'), ("b", "g", "{}")]

DIALECTS = {
    "as the API sends them": [tool(0, '{"x"', id="a", name="f"), tool(0, ": 1}"), tool(1, "{}", id="b", name="g")],
    "the name repeated": [*[tool(0, p, id="a", name="f") for p in ('{"x"', ": 1}")], tool(1, "{}", id="b", name="g")],
    "no index": [tool(None, '{"x": 1}', id="a", name="f"), tool(None, "{}", id="b", name="g")],
    "no index, in pieces": [
        *[tool(None, '{"x"', id="a", name="f"), tool(None, ": 1}")],
        *[tool(None, "{", id="b", name="g"), tool(None, "}", id="b")],
    ],
    "the same index": [tool(0, '{"x": 1}', id="a", name="f"), tool(0, "{}", id="b", name="g")],
    "indices from one": [tool(1, '{"x": 1}', id="a", name="f"), tool(2, "{}", id="b", name="g")],
    "in reverse order": [tool(1, "{}", id="b", name="g"), tool(0, '{"x": 1}', id="a", name="f")],
    "interleaved": [
        *[tool(0, "{", id="a", name="f"), tool(1, "{", id="b", name="g")],
        *[tool(0, '"x": 1'), tool(1, "}"), tool(0, "}")],
    ],
    "a new id in each piece": [
        *[tool(0, "", id="a", name="f"), tool(0, '{"x"', id="y"), tool(0, ": 1}", id="z")],
        tool(1, "{}", id="b", name="g"),
    ],
    "an object instead of text": [tool(0, {"x": 1}, id="a", name="f"), tool(1, {}, id="b", name="g")],  # type: ignore[arg-type]
    "no index and no id": [tool(None, '{"x": 1}', name="f"), tool(None, "{}", name="g")],
    "no index and no id, in pieces": [
        *[tool(None, "", name="f"), tool(None, '{"x"'), tool(None, ": 1}")],
        *[tool(None, "{", name="g"), tool(None, "}")],
    ],
    "no index and no id, the name repeated": [
        *[tool(None, piece, name="f") for piece in ("", '{"x"', ": 1}", "")],
        *[tool(None, piece, name="g") for piece in ("{", "}", "")],
    ],
    "no index, an empty id": [tool(None, '{"x": 1}', id="", name="f"), tool(None, "{}", id="", name="g")],
    "the index 0 and no id": [
        *[tool(0, "", name="f"), tool(0, '{"x"'), tool(0, ": 1}")],
        *[tool(0, "{", name="g"), tool(0, "}")],
    ],
    "the index 0 and an empty id": [
        *[tool(0, '{"x"', id="", name="f"), tool(0, ": 1}", id="")],
        *[tool(0, "{", id="", name="g"), tool(0, "}", id="")],
    ],
    "the index 0 and null": [
        *[tool(0, '{"x"', id=None, name="f"), tool(0, ": 1}", id=None)],
        *[tool(0, "{}", id=None, name="g"), tool(0, "", id=None, name="g")],
    ],
    "the index 0, ids, in pieces": [
        *[tool(0, '{"x"', id="a", name="f"), tool(0, ": 1}")],
        *[tool(0, "{", id="b", name="g"), tool(0, "}")],
    ],
    "the index 0, ids, interleaved": [
        *[tool(0, "", id="a", name="f"), tool(0, "", id="b", name="g")],
        *[tool(0, '{"x"', id="a"), tool(0, "{", id="b"), tool(0, ": 1}", id="a"), tool(0, "}", id="b")],
    ],
    "the index 0, name and id repeated": [
        *[tool(0, piece, id="a", name="f") for piece in ("", '{"x"', ": 1}", "")],
        *[tool(0, piece, id="b", name="g") for piece in ("{", "}", "")],
    ],
    "null instead of text": [
        tool(0, id="a", name="f"),
        chunk({"tool_calls": [{"index": 0, "id": None, "function": {"name": None, "arguments": '{"x": 1}'}}]}),
        tool(1, "{}", id="b", name="g"),
    ],
}


@pytest.mark.parametrize("how", DIALECTS)
def test_tool_calls_in_dialects_of_other_servers(how: str) -> None:
    calls = accumulated_calls(*DIALECTS[how], chunk(finish="tool_calls"))
    assert [(name, arguments.replace('{"x":1}', '{"x": 1}')) for _, name, arguments in calls] == [
        call[1:] for call in BOTH
    ]
    ids = ["", ""] if "empty id" in how or "no id" in how or how.endswith("null") else ["a", "b"]
    assert [call_id for call_id, _, _ in calls] == ids


def test_calls_of_one_function_without_ids_are_distinguished_by_arguments() -> None:
    for index in (0, None):
        calls = accumulated_calls(*[tool(index, f'{{"n": {n}}}', name="f") for n in range(3)])
        assert calls == [("", "f", f'{{"n": {n}}}') for n in range(3)]


def test_calls_without_arguments_are_distinguished_by_tool_names() -> None:
    for index in (0, None):
        chunks = [tool(index, "", name=name) for name in ("start", "stop")]
        assert [name for _, name, _ in accumulated_calls(*chunks, tools=[start, stop])] == ["start", "stop"]


def test_custom_tool_calls_are_accumulated(way: Way, server: Loopback) -> None:
    def custom(index: int, **more: Any) -> dict[str, Any]:
        own = {name: more.pop(name) for name in ("id", "type") if name in more}
        return chunk({"tool_calls": [{"index": index, **own, "custom": more}]})

    chunks = [
        custom(0, id="a", type="custom", name="shell", input=""),
        custom(0, input="ls "),
        custom(0, input="-l"),
        custom(1, id="b", type="custom", name="shell", input="pwd"),
        chunk(finish="tool_calls"),
    ]
    read = chat(way, server, chunks, lambda stream, _: stream.current_completion_snapshot.to_dict())
    assert read.error is None
    assert read.types() == ["chunk"] * 5
    assert read.final.choices[0].message.to_dict() == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}},
            {"id": "b", "type": "custom", "custom": {"name": "shell", "input": "pwd"}},
        ],
    }
    assert isinstance(read.final.choices[0].message.tool_calls[0], ChatCompletionMessageCustomToolCall)
    assert read.seen[1]["choices"][0]["message"]["tool_calls"][0]["custom"] == {"name": "shell", "input": "ls "}


def test_undeclared_objects_are_merged() -> None:
    first = {"id": "s", "type": "thought", "text": "Hm", "deep": {"a": "x"}, "seen": ["p"], "n": 1}
    second = {"id": "s", "type": "thought", "text": "m.", "deep": {"a": "y", "b": True}, "seen": ["q"], "n": 2}
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    state = ChatCompletionStreamState[Any]()
    for added in (first, second):
        data = chunk({"content": "a", "more": added})
        data["choices"][0]["content_filter_results"] = safe
        one = oai.decode(ChatCompletionChunk, json.dumps(data).encode())
        state.handle_chunk(one)
        assert one.choices[0].delta.more == added
    choice = state.get_final_completion().choices[0].to_dict()
    assert choice["content_filter_results"] == safe
    assert choice["message"]["more"] == {
        "id": "s",
        "type": "thought",
        "text": "Hmm.",
        "deep": {"a": "xy", "b": True},
        "seen": ["p", "q"],
        "n": 2,
    }


THINKING = [
    *[chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": p}]}]}) for p in ("Hm", "m")],
    *[chunk({"content": [{"type": "text", "text": "Hel"}]}), chunk({"content": "lo"}), chunk(finish="stop")],
]


def test_content_as_a_list_of_parts_is_accumulated(way: Way, server: Loopback) -> None:
    read = chat(way, server, THINKING)
    assert [event.delta for event in read.events if event.type == "content.delta"] == ["Hel", "lo"]
    assert next(event for event in read.events if event.type == "content.done").content == "Hello"
    assert read.final.choices[0].message.to_dict()["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm"}]},
        {"type": "text", "text": "Hello"},
    ]
    server.reply(Answer.events(THINKING))
    assert pieces(way, server) == ["Hel", "lo"]


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ([["a", "b"], "c"], "abc"),
        (["a", [{"type": "text", "text": "b"}], []], "ab"),
        ([{"type": "text", "text": "a"}, {"type": "output_text", "text": "b"}], "ab"),
        ([{"day": 1}], '{"day":1}'),
        ([5], "5"),
        ([True], "true"),
    ],
)
def test_content_that_is_no_text_becomes_text(contents: list[Any], text: str) -> None:
    state = ChatCompletionStreamState[Any]()
    events = feed(state, *[chunk({"content": content}) for content in contents], chunk(finish="stop"))
    assert "".join(event.delta for event in events if event.type == "content.delta") == text
    assert state.get_final_completion().choices[0].message.content == text


def test_undeclared_lists_are_merged_by_index() -> None:
    def details(*items: Any) -> dict[str, Any]:
        return chunk({"reasoning_details": list(items)})

    text = {"type": "reasoning.text", "format": "f", "index": 0}
    state = ChatCompletionStreamState[Any]()
    feed(
        state,
        details({**text, "text": "Hm"}, {**text, "text": "m"}),
        details({**text, "text": "."}, {"type": "reasoning.encrypted", "data": "x", "index": 1}),
        details({"type": "note", "text": "a"}, {"type": "note", "text": "b"}, "c"),
        details({"type": "reasoning.summary", "summary": "s", "index": 0}, {"signature": "z", "index": 1}),
        chunk(finish="stop"),
    )
    assert state.get_final_completion().choices[0].message.to_dict()["reasoning_details"] == [
        {**text, "text": "Hmm."},
        {"type": "reasoning.encrypted", "data": "x", "index": 1, "signature": "z"},
        *[{"type": "note", "text": "a"}, {"type": "note", "text": "b"}, "c"],
        {"type": "reasoning.summary", "summary": "s", "index": 0},
    ]


def test_undeclared_message_of_a_choice_does_not_replace_the_accumulated_one() -> None:
    last = chunk(finish="stop")
    last["choices"][0]["message"] = {"role": "assistant", "content": ""}
    state = ChatCompletionStreamState[Any]()
    feed(state, *texts("Hi"), last)
    assert state.get_final_completion().choices[0].message.content == "Hi"


def test_call_without_arguments_is_done_when_the_next_begins(way: Way, server: Loopback) -> None:
    calls = [tool(0, "", id="a", name="f"), tool(1, "", id="b", name="g"), tool(1, "{}")]
    read = chat(way, server, [*calls, chunk(finish="tool_calls")])
    kinds = [kind.rpartition(".")[2] for kind in read.types() if kind != "chunk"]
    assert kinds == ["delta", "delta", "done", "delta", "done"]
    done = [event for event in read.events if event.type.endswith("done")]
    assert [(event.name, event.arguments) for event in done] == [("f", ""), ("g", "{}")]


def test_arguments_after_a_done_event_are_done_again() -> None:
    calls = [tool(0, "", name="f"), tool(1, "", name="g"), tool(0, '{"x": 1}'), tool(1, "{}")]
    events = feed(ChatCompletionStreamState[Any](), *calls, chunk(finish="tool_calls"))
    done = [(event.name, event.arguments) for event in events if event.type.endswith("done")]
    assert done == [("f", ""), ("f", '{"x": 1}'), ("g", "{}")]


def test_chunk_of_azures_filter_is_no_event(way: Way, server: Loopback) -> None:
    verdict = {"index": 0, "finish_reason": None, "content_filter_results": {"hate": {"filtered": False}}}
    first = {**chunk(), "object": "", "choices": [], "prompt_filter_results": [{"ok": True}]}
    filtered = {**chunk(), "object": "", "choices": [verdict]}
    read = chat(
        way, server, [first, *texts("a"), filtered, {**chunk({"content": "b"}), "object": ""}, chunk(finish="x")]
    )
    assert read.types() == [*["chunk", "content.delta"] * 3, "chunk", "content.done"]
    final = read.final.to_dict()
    assert final["prompt_filter_results"] == [{"ok": True}]
    assert final["choices"][0]["content_filter_results"] == verdict["content_filter_results"]


def test_snapshots_hold_what_was_parsed(way: Way, server: Loopback) -> None:
    def parsed(stream: Any, _: Any) -> Any:
        message = stream.current_completion_snapshot.choices[0].message
        calls = [call.function.parsed_arguments for call in message.tool_calls or ()]
        return message.parsed, calls

    whole = '{"steps": [], "mood": "good"}'
    chunks = [
        *texts(whole[:14], whole[14:]),
        tool(0, '{"te', id="a", name="Search"),
        tool(0, 'xt": "x"}'),
        tool(1, "{}", id="b", name="loose"),
        chunk(finish="tool_calls"),
    ]
    loose = {"type": "function", "function": {"name": "loose", "parameters": {}}}
    read = chat(way, server, chunks, parsed, response_format=Plan, tools=[Search, loose])
    by_chunk = [seen for event, seen in zip(read.events, read.seen, strict=True) if event.type == "chunk"]
    plain = json.loads(whole)
    assert by_chunk[:4] == [(None, []), ({"steps": []}, []), (plain, []), (Plan([], "good"), [{}])]
    assert by_chunk[5:] == [(Plan([], "good"), [Search("x"), None])] * 2
    assert read.final.choices[0].message.parsed == Plan([], "good")


def test_model_dump_has_snapshots_and_parsed_values(way: Way, server: Loopback) -> None:
    call = tool(0, '{"text": "x"}', id="a", name="Search")
    read = chat(
        way, server, [*texts('{"day": "2026-01-02"}'), call, chunk(finish="x")], response_format=Trip, tools=[Search]
    )
    by_type = {event.type: event for event in read.events}
    delta, done = by_type["content.delta"].model_dump(), by_type["content.done"].model_dump()
    assert (delta["snapshot"], delta["parsed"]) == ('{"day": "2026-01-02"}', {"day": "2026-01-02"})
    assert done["parsed"] == {"day": dt.date(2026, 1, 2)}
    assert by_type["content.done"].model_dump(mode="json")["parsed"] == {"day": "2026-01-02"}
    arguments = by_type["tool_calls.function.arguments.done"].model_dump()
    assert arguments["parsed_arguments"] == {"text": "x", "limit": 3}
    message = by_type["chunk"].model_dump()["snapshot"]["choices"][0]["message"]
    assert (message["parsed"], message["refusal"]) == ({"day": dt.date(2026, 1, 2)}, None)
    assert message["tool_calls"][0]["function"]["parsed_arguments"] == {"text": "x", "limit": 3}
    assert "refusal" not in by_type["chunk"].model_dump(exclude_none=True)["snapshot"]["choices"][0]["message"]
    assert json.loads(by_type["content.done"].model_dump_json())["parsed"] == {"day": "2026-01-02"}
    assert json.loads(by_type["content.done"].to_json(indent=2)) == by_type["content.done"].to_dict()


def test_tool_name_in_pieces_is_joined() -> None:
    whole = accumulated_calls(tool(0, id="a", name="get_"), tool(0, id="a", name="weather"), tool(0, "{}"))
    grown = accumulated_calls(tool(0, id="a", name="get_"), tool(0, id="a", name="get_weather"), tool(0, "{}"))
    assert whole == grown == [("a", "get_weather", "{}")]


def test_missing_and_undeclared_fields_are_accepted(way: Way, server: Loopback) -> None:
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"ok": True}]}
    filtered = {**chunk(), "object": "", "choices": [{"index": 0, "finish_reason": None, "content_filter_results": {}}]}
    chunks = [
        first,
        {**chunk({"role": None, "content": None, "reasoning_content": "Hm"}), "provider": "p"},
        chunk({"role": "assistant", "reasoning_content": "m.", "content": "a"}),
        {"choices": [{"delta": {"content": "b"}}]},
        {**chunk(), "choices": None},
        {**chunk(), "choices": [{"index": 0}]},
        filtered,
        chunk({"content": "c"}, finish="eos", usage=USAGE),
    ]
    read = chat(way, server, chunks)
    assert read.error is None
    assert read.final.to_dict() == {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "prompt_filter_results": [{"ok": True}],
        "provider": "p",
        "usage": USAGE,
        "choices": [
            {
                "index": 0,
                "finish_reason": "eos",
                "content_filter_results": {},
                "message": {"role": "assistant", "content": "abc", "reasoning_content": "Hmm."},
            }
        ],
    }


def test_stream_without_finish_reason_yields_done_events(way: Way, server: Loopback) -> None:
    read = chat(way, server, [*texts("a"), tool(0, "{}", id="a", name="nothing")])
    assert [kind for kind in read.types() if kind.endswith("done")] == [
        "content.done",
        "tool_calls.function.arguments.done",
    ]
    assert read.final.choices[0].finish_reason is None


def test_empty_stream_gives_an_empty_completion(way: Way, server: Loopback) -> None:
    read = chat(way, server, [])
    assert (read.events, read.final.choices) == ([], [])


@pytest.mark.parametrize(
    ("reason", "error"),
    [("length", oai.LengthFinishReasonError), ("content_filter", oai.ContentFilterFinishReasonError)],
)
def test_unfinished_completion_raises_with_the_whole_completion(
    reason: str, error: Any, way: Way, server: Loopback
) -> None:
    chunks = [*texts('{"st'), chunk(finish=reason), usage()]
    read = chat(way, server, chunks, response_format=Plan)
    assert isinstance(read.error, error)
    assert read.again is read.error
    assert (read.error.completion.usage.total_tokens, read.error.completion.choices[0].message.content) == (3, '{"st')
    assert "content.done" not in read.types()
    plain = chat(way, server, chunks)
    assert (plain.error, type(plain.again), plain.types()[-2]) == (None, error, "content.done")
    assert plain.again.completion.choices[0].finish_reason == reason


def test_parse_error_of_a_stream_carries_the_completion(way: Way, server: Loopback) -> None:
    read = chat(way, server, [*texts('{"steps": 1}'), chunk(finish="stop"), usage()], response_format=Plan)
    assert isinstance(read.error, oai.ParseError)
    assert read.again is read.error
    assert (read.error.text, read.error.completion.usage.total_tokens) == ('{"steps": 1}', 3)
    assert next(event for event in read.events if event.type == "content.done").parsed is None


CUT_CHAT = [
    *texts("a", "b", "c"),
    tool(0, '{"city"', id="a", name="weather"),
    tool(0, ': "P"}'),
    chunk(finish="tool_calls"),
    usage(),
]


@pytest.mark.parametrize("kept", range(len(CUT_CHAT) - 1, len(CUT_CHAT) + 1))
def test_finished_chat_stream_without_its_marker_is_whole(kept: int, way: Way, server: Loopback) -> None:
    read = chat(way, server, CUT_CHAT[:kept], done=False, tools=[weather])
    assert (read.error, read.again) == (None, None)
    assert read.final.choices[0].message.content == "abc"
    assert (read.final.usage is None) == (kept < len(CUT_CHAT))


@pytest.mark.parametrize("kept", range(len(CUT_CHAT) - 1))
def test_cut_chat_stream_raises_and_keeps_the_snapshot(kept: int, way: Way, server: Loopback) -> None:
    read = chat(way, server, CUT_CHAT[:kept], done=False, tools=[weather])
    assert isinstance(read.error, oai.APIConnectionError)
    assert read.again is read.error
    assert read.final is None
    assert read.types().count("chunk") == kept
    snapshot = read.stream.current_completion_snapshot
    if not kept:
        assert snapshot.choices == []
        return
    message = snapshot.choices[0].message
    assert (message.content, snapshot.id) == ("abc"[: min(kept - 1, 3)], "c")
    arguments = [call.function.arguments for call in message.tool_calls or ()]
    assert arguments == ['{"city": "P"}'[: 7 if kept == 5 else 13]] * (kept > 4)
    assert snapshot.usage is None


@pytest.mark.parametrize(
    "wrong", [b'data: {"error": {"message": "overloaded"}}\n\n', b"data: {\n\n", b"data: <html>\n\n"]
)
def test_error_inside_a_stream_keeps_the_snapshot(wrong: bytes, way: Way, server: Loopback) -> None:
    read = chat(way, server, [*texts("a"), wrong])
    assert isinstance(read.error, oai.StreamError | oai.APIResponseValidationError)
    assert read.again is read.error
    assert read.stream.current_completion_snapshot.choices[0].message.content == "a"


def test_closed_stream_has_no_final_completion(way: Way, server: Loopback) -> None:
    def some(stream: Any) -> Any:
        for event in stream:
            if event.type == "content.delta" and event.delta:
                break
        stream.close()
        stream.close()
        with pytest.raises(oai.OpenAIError, match="closed before its end"):
            stream.get_final_completion()
        return stream.current_completion_snapshot

    async def some_async(stream: Any) -> Any:
        async for event in stream:
            if event.type == "content.delta" and event.delta:
                break
        await stream.close()
        await stream.close()
        with pytest.raises(oai.OpenAIError, match="closed before its end"):
            await stream.get_final_completion()
        return stream.current_completion_snapshot

    server.reply(Answer.events(texts("a", "b")))
    snapshot = way.use(CHAT, some_async if way.is_async else some, model="m", messages=[])
    assert snapshot.choices[0].message.content == "a"


@pytest.mark.parametrize("kind", ["stream", "create"])
def test_closing_ends_a_read_in_another_thread_or_task(kind: str, way: Way, server: Loopback) -> None:
    held, began = threading.Event(), threading.Event()
    first = b"data: " + json.dumps(chunk({"content": "Hel"})).encode() + b"\n\n"
    server.reply(Answer(content_type="text/event-stream", chunks=[first, first], framing="chunked", hold=held))
    params: Any = {"model": "m", "messages": [], **({"stream": True} if kind == "create" else {})}

    def read(stream: Any) -> None:
        for _ in stream:
            began.set()

    async def read_async(stream: Any) -> None:
        async for _ in stream:
            began.set()

    async def main() -> None:
        async with oai.AsyncOpenAI(**way.options) as client:
            opened = getattr(client.chat.completions, kind)(**params)
            async with await opened if kind == "create" else opened as stream:
                task = asyncio.create_task(read_async(stream))
                await asyncio.to_thread(began.wait)
                await stream.close()
                with pytest.raises(oai.APIConnectionError):
                    await asyncio.wait_for(task, 30)

    if way.is_async:
        asyncio.run(main())
    else:
        with (
            oai.OpenAI(**way.options) as client,
            getattr(client.chat.completions, kind)(**params) as stream,
            ThreadPoolExecutor(1) as pool,
        ):
            reading = pool.submit(read, stream)
            began.wait()
            stream.close()
            error = reading.exception(30)  # no error if it was not waiting for data at the time
            assert error is None or isinstance(error, oai.APIConnectionError)
    assert server.until(lambda: server.open_connections == 0)
    held.set()


def test_until_done_reads_the_whole_stream(way: Way, server: Loopback) -> None:
    async def wait(stream: Any) -> Any:
        return await (await stream.until_done()).get_final_completion()

    server.reply(Answer.events([*texts("a", "b"), chunk(finish="stop")], headers=[("x-request-id", "r")]))
    use = wait if way.is_async else lambda stream: stream.until_done().get_final_completion()
    assert way.use(CHAT, use, model="m", messages=[]).choices[0].message.content == "ab"


def test_request_is_sent_when_the_stream_is_entered(server: Loopback) -> None:
    with oai.OpenAI(api_key="k", base_url=server.url, max_retries=0) as client:
        client.chat.completions.stream(model="m", messages=[])
        assert server.requests == []
        server.reply(Answer.error(401, "no"))
        with pytest.raises(oai.AuthenticationError), client.chat.completions.stream(model="m", messages=[]):
            pass


def test_events_pickle_and_have_a_repr(way: Way, server: Loopback) -> None:
    read = chat(way, server, [*texts("He", "y"), tool(0, "{}", id="a", name="weather"), chunk(finish="stop")])
    for event in pickle.loads(pickle.dumps(read.events)):
        assert f"{type(event).__name__}(type={event.type!r}" in repr(event)
        assert event.to_dict()["type"] == event.type
    again = pickle.loads(pickle.dumps([event for event in read.events if isinstance(event, ContentDeltaEvent)]))
    assert [event.snapshot for event in again] == ["", "He", "Hey"]


class Trip(pydantic.BaseModel):
    day: dt.date


class Loose(pydantic.BaseModel):
    tags: dict[str, int]


def test_strict_false_streams_what_strict_mode_rejects(way: Way, server: Loopback) -> None:
    with pytest.raises(TypeError, match=r"Loose\.tags: strict mode does not support .* strict=False"):
        way.use(CHAT, lambda stream: None, model="m", messages=[], response_format=Loose)
    read = chat(way, server, [*texts('{"tags": {"a": 1}}'), chunk(finish="stop")], response_format=Loose, strict=False)
    assert read.final.choices[0].message.parsed == Loose(tags={"a": 1})
    sent = server.requests[-1].json()["response_format"]["json_schema"]
    assert (sent["strict"], sent["schema"]["properties"]["tags"]["additionalProperties"]) == (
        False,
        {"type": "integer"},
    )
    text = '{"tags": {}}'
    read = respond(way, server, response_events(text, text), text_format=Loose, strict=False)
    assert read.final.output_parsed == Loose(tags={})
    assert server.requests[-1].json()["text"]["format"]["strict"] is False
    server.reply(Answer.events(response_events(text, text), done=False))
    read = way.read(RESPONSES, "get_final_response", response_id="r", text_format=Loose, strict=False)
    assert read.final.output_parsed == Loose(tags={})


def test_to_dict_of_events_is_json_compatible(way: Way, server: Loopback) -> None:
    call = tool(0, '{"text": "x"}', id="a", name="Search")
    chunks = [*texts('{"day": "2026-01-02"}'), call, chunk(finish="tool_calls")]
    read = chat(way, server, chunks, response_format=Trip, tools=[Search])
    assert read.error is None
    by_type = {event.type: event for event in read.events}
    content, arguments = by_type["content.done"], by_type["tool_calls.function.arguments.done"]
    assert (content.parsed, arguments.parsed_arguments) == (Trip(day=dt.date(2026, 1, 2)), Search("x"))
    assert content.to_dict()["parsed"] == {"day": "2026-01-02"}
    assert arguments.to_dict()["parsed_arguments"] == {"text": "x", "limit": 3}
    assert json.dumps([event.to_dict() for event in read.events])


RESPONSES = "responses.stream"


PLAN = '{"steps": [], "mood": "good"}'
EVENTS = response_events(PLAN, PLAN[:9], PLAN[9:])


def respond(way: Way, server: Loopback, events: list[Any], look: Any = None, **params: Any) -> Read:
    server.reply(Answer.events(events, done=False))
    return way.read(RESPONSES, "get_final_response", look, **{"model": "m", "input": "x", **params})


def test_response_stream_yields_the_api_events_extended(way: Way, server: Loopback) -> None:
    read = respond(way, server, EVENTS, text_format=Plan, tools=[weather])
    assert (read.error, read.types()) == (None, [event["type"] for event in EVENTS])
    by_type: dict[str, list[Any]] = {}
    for event in read.events:
        by_type.setdefault(event.type, []).append(event)
    assert [event.snapshot for event in by_type["response.output_text.delta"]] == [PLAN[:9], PLAN]
    arguments = by_type["response.function_call_arguments.delta"]
    assert [event.snapshot for event in arguments] == ['{"city":', '{"city": "P"}']
    assert by_type["response.output_text.done"][0].parsed == Plan([], "good")
    assert by_type["response.completed"][0].response is read.final
    assert isinstance(read.final, ParsedResponse)
    assert (read.final.output_parsed, read.final.output[2].parsed_arguments) == (Plan([], "good"), {"city": "P"})
    assert read.final.to_dict() == EVENTS[-1]["response"]
    assert [event.to_dict() for event in read.events] == EVENTS
    again = pickle.loads(pickle.dumps(read.events))
    assert [event.to_dict() for event in again] == EVENTS
    assert server.requests[0].json()["text"]["format"]["name"] == "Plan"


@pytest.mark.parametrize("kept", range(len(EVENTS)))
def test_cut_response_stream_raises_and_keeps_the_snapshot(kept: int, way: Way, server: Loopback) -> None:
    read = respond(way, server, EVENTS[:kept], text_format=Plan)
    assert isinstance(read.error, oai.APIConnectionError)
    assert read.again is read.error
    assert len(read.events) == kept
    assert read.stream.sequence_number == (kept - 1 if kept else None)
    snapshot = read.stream.current_response_snapshot
    assert snapshot.output_text == (PLAN[:9] if kept == 10 else PLAN * (kept > 10))
    thoughts = [part.text for item in snapshot.output if item.type == "reasoning" for part in item.summary]
    assert thoughts == [["", "Hm", "Hmm"][min(max(kept - 4, 0), 2)]] * (kept > 3)
    calls = [item.arguments for item in snapshot.output if item.type == "function_call"]
    assert calls == [["", '{"city":', '{"city": "P"}'][min(max(kept - 15, 0), 2)]] * (kept > 14)


def test_snapshot_grows_to_the_final_response(way: Way, server: Loopback) -> None:
    read = respond(way, server, EVENTS, lambda stream, _: stream.current_response_snapshot.to_dict())
    assert [len(snapshot["output"]) for snapshot in read.seen] == [0, 0, *[1] * 5, *[2] * 7, *[3] * 6]
    assert read.seen[-2]["output"] == read.seen[-1]["output"] == EVENTS[-1]["response"]["output"]


@pytest.mark.parametrize("status", ["incomplete", "failed"])
def test_unfinished_response_is_returned_unparsed(status: str, way: Way, server: Loopback) -> None:
    read = respond(way, server, response_events('{"st', '{"st', status=status), text_format=Plan)
    assert read.error is None
    assert (read.final.status, read.final.output_text, read.final.output_parsed) == (status, '{"st', None)


def test_parse_error_of_a_response_stream_carries_the_response(way: Way, server: Loopback) -> None:
    read = respond(way, server, response_events("[1]", "[1]"), text_format=Plan)
    assert isinstance(read.error, oai.ParseError)
    assert read.again is read.error
    assert (read.error.text, read.error.completion.output_text) == ("[1]", "[1]")
    assert read.stream.current_response_snapshot.status == "completed"


def test_final_event_without_output_keeps_the_streamed_items(way: Way, server: Loopback) -> None:
    bare = {name: value for name, value in response().items() if name != "output"}
    read = respond(way, server, response_events(PLAN, PLAN, final=bare), text_format=Plan)
    assert (read.error, read.final.output_parsed, len(read.final.output)) == (None, Plan([], "good"), 3)


@pytest.mark.parametrize("status", ["completed", "failed", "incomplete"])
@pytest.mark.parametrize("output", [[], None])
def test_final_event_with_empty_output_keeps_the_streamed_items(
    status: str, output: Any, way: Way, server: Loopback
) -> None:
    final = {**response(status=status), "output": output}
    read = respond(way, server, response_events(PLAN, PLAN, status=status, final=final), text_format=Plan)
    assert (read.error, read.final.status, len(read.final.output)) == (None, status, 3)
    assert read.final.output_text == read.stream.current_response_snapshot.output_text == PLAN
    assert read.final.output_parsed == (Plan([], "good") if status == "completed" else None)
    assert len(read.events[-1].response.output) == 3


def test_error_event_is_yielded_and_then_raised(way: Way, server: Loopback) -> None:
    broken = numbered(*EVENTS[:10], {"type": "error", "code": "server_error", "message": "boom", "param": None})
    read = respond(way, server, broken, text_format=Plan)
    assert isinstance(read.error, oai.StreamError)
    assert (read.error.code, read.error.message, read.again is read.error) == ("server_error", "boom", True)
    assert (read.types()[-1], read.events[-1].message) == ("error", "boom")
    assert read.stream.current_response_snapshot.output_text == PLAN[:9]


ERRORS = [
    {"object": "error", "message": "boom", "code": 500},
    {"choices": None, "error_type": "overloaded", "error_message": "boom"},
    {"detail": "boom"},
    {"error": "boom"},
    {"error": {"message": "boom"}},
]


@pytest.mark.parametrize("error", ERRORS)
def test_errors_of_other_servers_inside_a_stream_keep_the_snapshot(error: Any, way: Way, server: Loopback) -> None:
    read = chat(way, server, [*texts("a"), error])
    assert isinstance(read.error, oai.StreamError)
    assert "boom" in str(read.error)
    assert read.stream.current_completion_snapshot.choices[0].message.content == "a"
    read = respond(way, server, [*EVENTS[:10], error])
    assert isinstance(read.error, oai.StreamError)
    assert read.stream.current_response_snapshot.output_text == PLAN[:9]


@pytest.mark.parametrize("item", [b"null", b"5", b'"x"', b"[]", b"true"])
def test_event_that_is_no_object_raises_and_keeps_the_snapshot(item: bytes, way: Way, server: Loopback) -> None:
    event = b"data: " + item + b"\n\n"
    read = chat(way, server, [*texts("a"), event, chunk(finish="stop")])
    assert isinstance(read.error, oai.APIResponseValidationError)
    assert read.stream.current_completion_snapshot.choices[0].message.content == "a"
    read = respond(way, server, [*EVENTS[:10], event])
    assert isinstance(read.error, oai.APIResponseValidationError)
    assert read.stream.current_response_snapshot.output_text == PLAN[:9]


def test_chat_that_ends_without_done_after_its_finish_reason_is_whole(way: Way, server: Loopback) -> None:
    read = chat(way, server, [*texts("a"), chunk(finish="stop")], done=False)
    assert (read.error, read.final.choices[0].message.content) == (None, "a")


def test_final_event_without_any_item_has_an_empty_output(way: Way, server: Loopback) -> None:
    read = respond(way, server, numbered({"type": "response.completed", "response": response()}))
    assert (read.error, read.final.output) == (None, [])


def test_model_dump_of_response_events_has_snapshots_and_parsed_values(way: Way, server: Loopback) -> None:
    read = respond(way, server, EVENTS, text_format=Plan, tools=[weather])
    by_type = {event.type: event for event in read.events}
    plan = {"steps": [], "mood": "good", "next": None}
    assert by_type["response.output_text.delta"].model_dump()["snapshot"] == PLAN
    assert by_type["response.function_call_arguments.delta"].model_dump()["snapshot"] == '{"city": "P"}'
    assert by_type["response.output_text.done"].model_dump()["parsed"] == plan
    completed = by_type["response.completed"].model_dump(exclude_none=True)["response"]
    assert completed["output"][1]["content"][0]["parsed"] == plan
    assert completed["output"][2]["parsed_arguments"] == {"city": "P"}
    assert json.loads(read.final.model_dump_json())["output"][1]["content"][0]["parsed"] == plan


def test_events_of_unannounced_items_create_them(way: Way, server: Loopback) -> None:
    at = {"output_index": 0, "content_index": 0}
    events = [{"type": "response.output_text.delta", "delta": piece, **at} for piece in ("a", "b")]
    new = {"type": "response.brand_new.delta", "delta": "?"}
    server.reply(Answer.events([*events, new], done=True))
    read = way.read(RESPONSES, "get_final_response", model="m", input="x")
    assert (read.error, read.final.output_text, read.events[1].snapshot) == (None, "ab", "ab")
    assert read.events[2].to_dict() == new


def test_broken_response_stream_is_resumed(way: Way, server: Loopback) -> None:
    broken = respond(way, server, EVENTS[:10])
    after = broken.stream.sequence_number
    server.reply(Answer.events(EVENTS, done=False))
    read = way.read(RESPONSES, "get_final_response", response_id="r", starting_after=after, text_format=Plan)
    assert [event.sequence_number for event in (*broken.events, *read.events)] == list(range(len(EVENTS)))
    assert read.final.output_parsed == Plan([], "good")
    assert next(event for event in read.events if event.type == "response.output_text.delta").snapshot == PLAN
    assert (server.requests[1].method, server.requests[1].path) == ("GET", "/v1/responses/r")
    assert "stream=true" in server.requests[1].query


def test_resuming_rejects_parameters_of_a_new_response(server: Loopback) -> None:
    with oai.OpenAI(api_key="k", base_url=server.url) as client:
        with pytest.raises(ValueError, match="cannot be combined with model"):
            client.responses.stream(response_id="r", model="m")
        with pytest.raises(ValueError, match="pass its response_id"):
            client.responses.stream(starting_after=1)


@pytest.mark.parametrize("background", [True, False])
def test_cancel_cancels_a_background_response(background: bool, way: Way, server: Loopback) -> None:
    async def cancel(stream: Any) -> Any:
        await anext(stream)
        return await stream.cancel()

    def cancel_now(stream: Any) -> Any:
        next(stream)
        return stream.cancel()

    started = {"type": "response.created", "response": response(background=background, status="in_progress")}
    server.reply(Answer.events(numbered(started), done=False), Answer.of_json(response(status="cancelled")))
    result = way.use(RESPONSES, cancel if way.is_async else cancel_now, model="m", input="x", background=background)
    assert result.status == ("cancelled" if background else "in_progress")
    assert [seen.path for seen in server.requests[1:]] == ["/v1/responses/r/cancel"] * background


def memory_of(feed: Any, count: int) -> int:
    """Return the peak memory in bytes while `count` events are processed."""
    tracemalloc.start()
    feed(count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def feed_chat(count: int) -> None:
    state = ChatCompletionStreamState()
    piece = oai.decode(ChatCompletionChunk, json.dumps(chunk({"content": "x" * 100})).encode())
    for _ in range(count):
        events = state.handle_chunk(piece)
    assert len(events[1].snapshot) == 100 * count


def feed_responses(count: int) -> None:
    state = ResponseStreamState()
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "x" * 100}
    event = oai.decode(
        ResponseStreamEvent, json.dumps({**delta, "item_id": "m", "logprobs": [], "sequence_number": 1}).encode()
    )
    for _ in range(count):
        events = state.handle_event(event)
    assert len(events[0].snapshot) == 100 * count


@pytest.mark.parametrize("feed", [feed_chat, feed_responses])
def test_cost_per_event_does_not_depend_on_text_length(feed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[int] = []
    real = GrowingText.upto

    def counted(self: GrowingText, pieces: list[str], count: int) -> str:
        joined.append(count)
        return real(self, pieces, count)

    monkeypatch.setattr(GrowingText, "upto", counted)
    feed(1000)
    assert joined == [1000], "the text is joined on access, and only once"
    assert memory_of(feed, 2000) < 3 * memory_of(feed, 1000)


@given(st.lists(st.text(max_size=5), max_size=20), st.data())
def test_growing_text_equals_the_appended_pieces(parts: list[str], data: st.DataObject) -> None:
    text = GrowingText()
    views = []
    for n, part in enumerate(parts):
        text.append(part)
        views.append((text.view(), "".join(parts[: n + 1])))
        if data.draw(st.booleans()):
            assert text.text() == "".join(parts[: n + 1])
    for n in data.draw(st.permutations(range(len(views)))):
        assert str(views[n][0]) == views[n][1]
    text.set("other")
    assert text.text() == "other"
    assert all(str(view) == was for view, was in views)


JSON: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


def contains(whole: Any, part: Any) -> bool:
    """Return whether a part of a document may be the beginning of the whole."""
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(contains, whole, part))
    if isinstance(part, dict) and isinstance(whole, dict):
        return part.keys() <= whole.keys() and all(contains(whole[key], value) for key, value in part.items())
    return part is None or part == whole


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4), st.booleans(), st.data())
def test_partial_json_is_a_beginning_of_the_document(whole: Any, ascii_only: bool, data: st.DataObject) -> None:
    text = json.dumps(whole, ensure_ascii=ascii_only)
    assert partial_json(text) == whole
    cut = data.draw(st.integers(1, len(text)))
    part = partial_json(text[:cut])
    assert isinstance(part, dict)
    assert contains(whole, part)


def test_response_event_union_matches_the_api() -> None:
    union = set(map(origin, get_args(event_types.ResponseStreamEvent)))
    extended = {kind for kind in union if kind.__module__ == event_types.__name__}
    assert {kind.__base__ if kind in extended else kind for kind in union} == set(get_args(ResponseStreamEvent))
    assert {kind.__name__ for kind in extended} == {kind.__base__.__name__ for kind in extended}


def origin(kind: Any) -> Any:
    return get_origin(kind) or kind
