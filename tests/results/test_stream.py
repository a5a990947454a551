"""Streams of typed events over a socket: complete, cut, failed or closed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from operator import attrgetter
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
    assert server.requests[0].header("accept") == "application/json"  # the official SDK's value, also for streams


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_events_are_yielded_on_arrival(framing: Any, server: Loopback, client: oai.OpenAI) -> None:
    hold = threading.Event()
    server.reply(Answer.events([chunk("a"), chunk("b")], framing=framing, hold=hold))
    with chat(client) as stream:
        start = time.monotonic()
        first = next(stream)
        assert time.monotonic() - start < 9  # `hold` ends after 10 s
        assert first.choices[0].delta.content == "a"
        hold.set()
        assert texts(stream) == ["b"]


def test_comments_and_control_events_are_skipped(server: Loopback, client: oai.OpenAI) -> None:
    control = [b": ping\n\n", b"retry: 10\n\n", b"event: ping\n\n", b"data:\n\n", b"id: 7\n\n"]
    server.reply(Answer.events([*control, chunk("a"), *control]))
    assert texts(chat(client)) == ["a"]


def test_events_after_the_end_marker_are_ignored(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a"), "[DONE]", chunk("b")], done=False))
    assert texts(chat(client)) == ["a"]


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r"])
def test_end_marker_without_a_blank_line_ends_the_stream(end: bytes, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a"), end], done=False))
    assert texts(chat(client)) == ["a"]


def test_stream_without_its_end_marker_raises(server: Loopback, client: oai.OpenAI) -> None:
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
def test_cut_stream_raises_after_its_events(framing: Any, server: Loopback, client: oai.OpenAI) -> None:
    first = f"data: {json.dumps(chunk('a'))}\n\n"
    server.reply(Answer.events([chunk("a"), chunk("b")], framing=framing, truncate=len(first) + 10))
    stream = chat(client)
    assert next(stream).choices[0].delta.content == "a"
    with pytest.raises(oai.APIConnectionError, match="The connection broke within the stream: "):
        next(stream)


def test_reset_stream_raises(server: Loopback, client: oai.OpenAI) -> None:
    hold = threading.Event()
    server.reply(Answer.events([chunk("a"), chunk("b")], hold=hold, reset="body", done=False))
    stream = chat(client)
    assert next(stream).choices[0].delta.content == "a"
    hold.set()
    with pytest.raises(oai.APIConnectionError):
        list(stream)


def test_stalled_stream_times_out(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.events([chunk("a"), chunk("b")], pace=60))
    stream = chat(client_to(timeout=1))
    assert next(stream).choices[0].delta.content == "a"
    with pytest.raises(oai.APITimeoutError, match="within the stream"):
        next(stream)


ERRORS = [
    pytest.param({"error": {"message": "boom", "code": "c"}}, "boom", "c", id="the API's"),
    pytest.param({"error": "boom"}, "boom", None, id="text"),
    pytest.param(b'event: error\ndata: {"message": "boom", "code": 5}\n\n', "boom", "5", id="named"),
    pytest.param(b'event: error\ndata: {"error": {"message": "boom"}}\n\n', "boom", None, id="named and wrapped"),
    pytest.param(chunk("x", error={"message": "boom"}), "boom", None, id="in addition to choices"),
]


@pytest.mark.parametrize(("event", "message", "code"), ERRORS)
def test_error_event_raises_after_the_events_before(
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


def test_deeply_nested_event_raises(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([b"data: " + b'{"a":' * 50_000 + b"\n\n"]))
    with pytest.raises(oai.APIResponseValidationError, match="not JSON .the JSON is nested too deeply"):
        list(chat(client))


def test_lone_surrogates_do_not_end_the_stream(server: Loopback, client: oai.OpenAI) -> None:
    halves = [json.dumps(chunk(half)).encode() for half in ("\ud83d", "\ude00")]
    server.reply(Answer.events([*(b"data: " + half + b"\n\n" for half in halves), chunk("b")]))
    assert texts(chat(client)) == ["\ufffd", "\ufffd", "b"]


def test_event_that_is_not_json_raises_and_is_quoted(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events(["{oops"]))
    with pytest.raises(oai.APIResponseValidationError, match=r"An event of the stream is not JSON .*: \{oops"):
        list(chat(client))


def test_error_status_raises_before_the_stream(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.error(401, "no"))
    with pytest.raises(oai.AuthenticationError):
        chat(client)


def test_stream_is_retried_before_it_starts(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.error(503, "busy", headers=[("retry-after-ms", "1")]), Answer.events([chunk("a")]))
    assert texts(chat(client_to(max_retries=1))) == ["a"]


def test_json_response_instead_of_a_stream_raises(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({"id": "1", "object": "chat.completion", "choices": []}))
    with pytest.raises(oai.APIResponseValidationError, match="with application/json instead of an event stream"):
        list(chat(client))


def test_unexpected_fields_of_events_are_kept(server: Loopback, client: oai.OpenAI) -> None:
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
def test_connection_is_reused_after_the_end(
    options: Any, server: Loopback, client_to: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oai.transports._exchanges.LINGER", 5)  # a busy machine sends the mark of the end late
    client = client_to(**options)
    for _ in range(3):
        server.reply(Answer.events([chunk("a")]))
        assert texts(chat(client)) == ["a"]
    assert server.connections == 1


def test_early_close_ends_the_connection_but_not_the_client(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))
    with chat(client) as stream:
        assert next(stream).choices[0].delta.content == "0"
    stream.close()
    assert list(stream) == []
    assert server.until(lambda: server.open_connections == 0)
    server.reply(Answer.events([chunk("a")]))
    assert texts(chat(client)) == ["a"]


def test_response_of_an_async_stream_names_the_methods_that_await(server: Loopback) -> None:
    server.default = Answer.events([chunk("a")])

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1") as client:
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
            for use in (stream.response.read, lambda: list(stream.response.iter_lines())):
                with pytest.raises(RuntimeError, match=r"use aread\(\), aiter_bytes\(\)"):
                    use()
            assert await stream.response.aread() == b"".join([piece async for piece in stream.response.aiter_bytes()])
            assert [event.id async for event in stream] == ["1"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer.events([chunk("a"), chunk("b")], framing="length", truncate=30), oai.APIConnectionError),
        (Answer.events([chunk("a"), chunk("b")], pace=60), oai.APITimeoutError),
    ],
    ids=["cut", "stalled"],
)
def test_body_that_breaks_off_raises_while_it_is_read(
    answer: Answer, kind: Any, server: Loopback, client_to: Make
) -> None:
    server.reply(answer)
    stream = chat(client_to(timeout=1))
    with pytest.raises(kind, match="within the body"):
        list(stream.response.iter_lines())


@pytest.mark.parametrize("how", ["close", "response.close"])
def test_stream_is_closed_through_its_response(how: str, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))
    stream = chat(client)
    next(stream)
    assert not stream.response.is_closed
    attrgetter(how)(stream)()
    assert stream.response.is_closed
    stream.response.close()
    assert server.until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("how", ["close", "aclose", "response.aclose"])
def test_async_stream_is_closed_in_every_way(how: str, server: Loopback) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url=server.url) as client:
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
            await anext(stream)
            assert not stream.response.is_closed
            with pytest.raises(RuntimeError, match="await aclose"):
                stream.response.close()
            await attrgetter(how)(stream)()
            assert stream.response.is_closed
            assert await asyncio.to_thread(server.until, lambda: server.open_connections == 0)

    asyncio.run(main())


def test_response_of_a_stream_is_closed_at_its_end(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a")]))
    stream = chat(client)
    assert texts(stream.__stream__()) == ["a"]
    assert stream.response.is_closed


def test_abandoned_stream_closes_its_connection(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))
    stream = chat(client)
    next(stream)
    del stream
    assert server.until(lambda: server.open_connections == 0)


def test_leaving_the_with_block_closes_the_connection(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk(str(n)) for n in range(1000)], pace=0.05))
    with chat(client) as stream:
        for _ in stream:
            break
    assert server.until(lambda: server.open_connections == 0)


def test_stream_ends_with_a_declared_event_type(server: Loopback, client: oai.OpenAI) -> None:
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


def test_get_operation_sends_stream_in_the_query(server: Loopback, client: oai.OpenAI) -> None:
    event = {"type": "response.completed", "sequence_number": 2, "response": {"id": "r", "output": []}}
    server.reply(Answer.events([event], done=False))
    assert len(list(client.responses.retrieve("r", stream=True, starting_after=3))) == 1
    (request,) = server.requests
    assert (request.method, request.query, request.body) == ("GET", "starting_after=3&stream=true", b"")


def test_stream_only_operation_needs_no_stream_parameter(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([{"type": "own"}], done=False))
    (event,) = client.beta.agents.sessions.events.stream("s")
    assert event.type == "own"
    assert server.requests[0].query == ""


def test_error_event_of_a_tagged_union_raises(server: Loopback, client: oai.OpenAI) -> None:
    error = {"type": "error", "code": "c", "message": "boom", "param": None, "sequence_number": 1}
    server.reply(Answer.events([error], done=False))
    with pytest.raises(oai.StreamError, match="boom") as caught:
        list(client.responses.create(model="m", input="x", stream=True))
    assert caught.value.code == "c"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_events_tagged_by_their_event_field(server: Loopback, client: oai.OpenAI) -> None:
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


def test_iterating_again_continues(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.events([chunk("a"), chunk("b")]))
    stream = chat(client)
    for event in stream:
        assert event.choices[0].delta.content == "a"
        break
    assert texts(stream) == ["b"]
    assert texts(stream) == []
