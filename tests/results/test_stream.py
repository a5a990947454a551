"""Streams of typed events over a socket: each as it arrives, to the end or to a named error."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import oai
from oai.testing import Answer, Loopback
from oai.types.chat import ChatCompletionChunk

Make = Callable[..., oai.OpenAI]


def chunk(text: str, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def chat(client: oai.OpenAI, **options: Any) -> oai.Stream[ChatCompletionChunk]:
    return client.chat.completions.create(model="m", messages=[], stream=True, **options)


def texts(stream: Any) -> list[str]:
    return [event.choices[0].delta.content for event in stream]


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("options", [{}, {"one_byte": True}, {"gzip": True}], ids=["pieces", "bytes", "gzip"])
def test_events_are_typed(framing: Any, options: dict[str, Any], server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a"), chunk("b")], framing=framing, headers=[("x-request-id", "r")], **options))
    with chat(client) as stream:
        events = list(stream)
    assert all(type(event) is ChatCompletionChunk for event in events)
    assert texts(events) == ["a", "b"]
    assert (stream._request_id, stream.response.status_code) == ("r", 200)
    assert server.requests[0].header("accept") == "application/json"  # as the official SDK asks for streams, too


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_each_event_is_there_when_it_arrives(framing: Any, server: Loopback, client: oai.OpenAI) -> None:
    hold = threading.Event()
    server.reply(Answer.events([chunk("a"), chunk("b")], framing=framing, hold=hold))
    with chat(client) as stream:
        began = time.monotonic()
        first = next(stream)
        assert time.monotonic() - began < 1
        assert first.choices[0].delta.content == "a"
        hold.set()
        assert texts(stream) == ["b"]


def test_comments_and_control_events_are_passed_over(server: Loopback, client: oai.OpenAI) -> None:
    control = [b": ping\n\n", b"retry: 10\n\n", b"event: ping\n\n", b"data:\n\n", b"id: 7\n\n"]
    server.reply(Answer.events([*control, chunk("a"), *control]))
    assert texts(chat(client)) == ["a"]


def test_what_follows_the_end_marker_is_not_read(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a"), "[DONE]", chunk("b")], done=False))
    assert texts(chat(client)) == ["a"]


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r"])
def test_an_end_marker_without_its_blank_line_counts(end: bytes, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a"), end], done=False))
    assert texts(chat(client)) == ["a"]


def test_a_stream_that_ends_without_its_marker_raises(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a")], done=False))
    received = []
    with pytest.raises(oai.APIConnectionError, match="ended without its end marker"):
        received.extend(chat(client))
    server.reply(Answer.events([chunk("a")], done=False))
    stream = chat(client)
    assert next(stream).choices[0].delta.content == "a"
    with pytest.raises(oai.APIConnectionError):
        next(stream)


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_stream_that_is_cut_raises_after_what_came(framing: Any, server: Loopback, client: oai.OpenAI) -> None:
    first = f"data: {json.dumps(chunk('a'))}\n\n"
    server.reply(Answer.events([chunk("a"), chunk("b")], framing=framing, truncate=len(first) + 10))
    stream = chat(client)
    assert next(stream).choices[0].delta.content == "a"
    with pytest.raises(oai.APIConnectionError, match="The connection broke within the stream: "):
        next(stream)


def test_a_stream_that_is_reset_raises(server: Loopback, client: oai.OpenAI) -> None:
    hold = threading.Event()
    server.reply(Answer.events([chunk("a"), chunk("b")], hold=hold, reset="body", done=False))
    stream = chat(client)
    assert next(stream).choices[0].delta.content == "a"
    hold.set()
    with pytest.raises(oai.APIConnectionError):
        list(stream)


def test_a_stream_that_stalls_times_out(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.events([chunk("a"), chunk("b")], pace=5))
    stream = chat(client_to(timeout=0.6))
    assert next(stream).choices[0].delta.content == "a"
    with pytest.raises(oai.APITimeoutError, match="within the stream"):
        next(stream)


ERRORS = [
    pytest.param({"error": {"message": "boom", "code": "c"}}, "boom", "c", id="the API's"),
    pytest.param({"error": "boom"}, "boom", None, id="text"),
    pytest.param(b'event: error\ndata: {"message": "boom", "code": 5}\n\n', "boom", "5", id="named"),
    pytest.param(b'event: error\ndata: {"error": {"message": "boom"}}\n\n', "boom", None, id="named and wrapped"),
    pytest.param(chunk("x", error={"message": "boom"}), "boom", None, id="beside choices"),
]


@pytest.mark.parametrize(("event", "message", "code"), ERRORS)
def test_an_error_event_raises_after_what_came_before(
    event: Any, message: str, code: str | None, server: Loopback, client: oai.OpenAI
) -> None:
    server.reply(Answer.events([chunk("a"), event, chunk("b")], one_byte=False))
    stream = chat(client)
    assert next(stream).choices[0].delta.content == "a"
    with pytest.raises(oai.StreamError, match=message) as caught:
        next(stream)
    assert caught.value.code == code
    assert caught.value.operation == "chat.completions.create"
    assert list(stream) == []


def test_an_event_that_is_nested_too_deeply_is_not_json(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([b"data: " + b'{"a":' * 50_000 + b"\n\n"]))
    with pytest.raises(oai.APIResponseValidationError, match="not JSON .it is nested too deeply"):
        list(chat(client))


def test_a_character_that_is_cut_in_two_does_not_end_the_stream(server: Loopback, client: oai.OpenAI) -> None:
    halves = [json.dumps(chunk(half)).encode() for half in ("\ud83d", "\ude00")]
    server.reply(Answer.events([*(b"data: " + half + b"\n\n" for half in halves), chunk("b")]))
    assert texts(chat(client)) == ["\ufffd", "\ufffd", "b"]


def test_an_event_that_is_not_json_raises_and_is_shown(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events(["{oops"]))
    with pytest.raises(oai.APIResponseValidationError, match=r"An event of the stream is not JSON .*: \{oops"):
        list(chat(client))


def test_an_error_before_the_stream_is_the_status_s(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.error(401, "no"))
    with pytest.raises(oai.AuthenticationError):
        chat(client)


def test_a_stream_is_tried_again_before_it_begins(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.error(503, "busy", headers=[("retry-after-ms", "1")]), Answer.events([chunk("a")]))
    assert texts(chat(client_to(max_retries=1))) == ["a"]


def test_a_json_answer_where_a_stream_was_asked_for_is_a_named_error(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({"id": "1", "object": "chat.completion", "choices": []}))
    with pytest.raises(oai.APIResponseValidationError, match="with application/json where a stream was asked for"):
        list(chat(client))


def test_events_of_other_shapes_are_kept(server: Loopback, client: oai.OpenAI) -> None:
    named_again = chunk("", usage=None)
    named_again["choices"][0]["delta"] = {
        "tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{"}}],
        "own": 1,
    }
    server.reply(Answer.events([{"choices": []}, named_again]))
    first, second = chat(client)
    assert (first.choices, first.id) == ([], None)
    assert second.choices[0].delta.tool_calls[0].function.name == "f"
    assert second.choices[0].delta.own == 1


@pytest.mark.parametrize("options", [{}, {"deadline": 5}, {"timeout": oai.Timeout(5, total=5)}], ids=str)
def test_the_connection_is_used_again_after_the_end(options: Any, server: Loopback, client_to: Make) -> None:
    client = client_to(**options)
    for _ in range(3):
        server.reply(Answer.events([chunk("a")]))
        assert texts(chat(client)) == ["a"]
    assert server.connections == 1


def test_closing_early_ends_the_connection_and_the_client_goes_on(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))
    with chat(client) as stream:
        assert next(stream).choices[0].delta.content == "0"
    stream.close()
    assert list(stream) == []
    assert server.until(lambda: server.open_connections == 0, 3)
    server.reply(Answer.events([chunk("a")]))
    assert texts(chat(client)) == ["a"]


def test_a_stream_that_is_forgotten_gives_its_connection_up(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))
    stream = chat(client)
    next(stream)
    del stream
    assert server.until(lambda: server.open_connections == 0, 3)


def test_breaking_off_a_loop_in_a_with_block_closes(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))
    with chat(client) as stream:
        for _ in stream:
            break
    assert server.until(lambda: server.open_connections == 0, 3)


def test_streams_that_end_with_an_event_of_their_own(server: Loopback, client: oai.OpenAI) -> None:
    created = {"type": "response.created", "sequence_number": 0, "response": {"id": "r"}}
    delta = {
        "type": "response.output_text.delta",
        "sequence_number": 1,
        "delta": "Hi",
        "item_id": "i",
        "output_index": 0,
        "content_index": 0,
        "logprobs": [],
    }
    completed = {"type": "response.completed", "sequence_number": 2, "response": {"id": "r", "output": []}}
    named = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in (created, delta, completed)]
    server.reply(Answer.events(named, done=False))
    events = list(client.responses.create(model="m", input="x", stream=True))
    assert [event.type for event in events] == ["response.created", "response.output_text.delta", "response.completed"]
    assert events[1].delta == "Hi"
    assert type(events[1]).__name__ == "ResponseTextDeltaEvent"
    server.reply(Answer.events(named[:2], done=False))
    with pytest.raises(oai.APIConnectionError, match="without its end marker"):
        list(client.responses.create(model="m", input="x", stream=True))


def test_a_lookup_that_streams_asks_for_it_in_the_query(server: Loopback, client: oai.OpenAI) -> None:
    event = {"type": "response.completed", "sequence_number": 2, "response": {"id": "r", "output": []}}
    server.reply(Answer.events([event], done=False))
    assert len(list(client.responses.retrieve("r", stream=True, starting_after=3))) == 1
    (seen,) = server.requests
    assert (seen.method, seen.query, seen.body) == ("GET", "starting_after=3&stream=true", b"")


def test_an_operation_that_only_streams_need_not_be_asked_to(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([{"type": "own"}], done=False))
    (event,) = client.beta.agents.sessions.events.stream("s")
    assert event.type == "own"
    assert server.requests[0].query == ""


def test_an_error_event_of_a_typed_union_raises(server: Loopback, client: oai.OpenAI) -> None:
    error = {"type": "error", "code": "c", "message": "boom", "param": None, "sequence_number": 1}
    server.reply(Answer.events([error], done=False))
    with pytest.raises(oai.StreamError, match="boom") as caught:
        list(client.responses.create(model="m", input="x", stream=True))
    assert caught.value.code == "c"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_events_that_are_told_apart_by_their_name(server: Loopback, client: oai.OpenAI) -> None:
    thread = {"id": "t", "object": "thread", "created_at": 1, "metadata": {}, "tool_resources": None}
    named = [b"event: thread.created\ndata: " + json.dumps(thread).encode() + b"\n\n", b"event: own\ndata: 1\n\n"]
    server.reply(Answer.events([*named, b"event: done\ndata: [DONE]\n\n"], done=False))
    first, second = client.beta.threads.runs.create("t", assistant_id="a", stream=True)
    assert (first.event, type(first).__name__, first.data.id) == ("thread.created", "ThreadCreated", "t")
    assert (second.event, second.data) == ("own", 1)
    failed = b'event: error\ndata: {"message": "boom"}\n\n'
    server.reply(Answer.events([failed], done=False))
    with pytest.raises(oai.StreamError, match="boom"):
        list(client.beta.threads.runs.create("t", assistant_id="a", stream=True))


def test_iterating_twice_goes_on_where_it_stopped(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a"), chunk("b")]))
    stream = chat(client)
    for event in stream:
        assert event.choices[0].delta.content == "a"
        break
    assert texts(stream) == ["b"]
    assert texts(stream) == []
