"""A stream sent on as server-sent events: what a client of it receives is what the server sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from both import Way
from metered import CHUNKS, MESSAGES

import oai
from oai._http.sse import EventParser
from oai.testing import Answer, Loopback

CHAT = "chat.completions.create"
COMPLETED = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": []}
RESPONSE_EVENTS = [
    {
        "type": "response.output_text.delta",
        "delta": "Hé\u2028\n",
        "item_id": "i",
        "output_index": 0,
        "content_index": 0,
    },
    {"type": "response.completed", "response": COMPLETED},
]
RUN_EVENTS = [
    b'event: thread.message.delta\ndata: {"id":"m","object":"thread.message.delta","delta":{"content":[]}}\n\n',
    b'event: thread.run.completed\ndata: {"id":"run","object":"thread.run","status":"completed"}\n\n',
]


def without_nulls(value: Any) -> Any:
    """Return what is sent on of an event: null fields are left out, as in requests."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def parsed(data: bytes) -> list[tuple[str, Any]]:
    return [
        (event.event, event.data if event.data == b"[DONE]" else json.loads(event.data))
        for event in EventParser().feed(data)
    ]


@pytest.fixture
def opened(way: Way, server: Loopback) -> Callable[..., bytes]:
    """Return a function that opens a stream of a call and sends it on."""

    def opened(path: str, errors: Any = "raise", **params: Any) -> bytes:
        async def main() -> bytes:
            async with oai.AsyncOpenAI(**way.options) as client:
                target: Any = client
                for name in path.split("."):
                    target = getattr(target, name)
                stream = await target(**params, stream=True)
                return b"".join([piece async for piece in stream.as_sse(errors=errors)])

        if way.is_async:
            return asyncio.run(main())
        with oai.OpenAI(**way.options) as client:
            target: Any = client
            for name in path.split("."):
                target = getattr(target, name)
            return b"".join(target(**params, stream=True).as_sse(errors=errors))

    return opened


def test_chat_is_sent_on_with_its_end_marker(opened: Any, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    data = opened(CHAT, model="m", messages=MESSAGES)
    assert parsed(data) == [*[("", chunk) for chunk in without_nulls(CHUNKS)], ("", b"[DONE]")]


def test_events_of_responses_have_names_and_no_end_marker(opened: Any, server: Loopback) -> None:
    server.default = Answer.events(RESPONSE_EVENTS, done=False)
    data = opened("responses.create", model="m", input="x")
    assert parsed(data) == [(str(event["type"]), event) for event in RESPONSE_EVENTS]


@pytest.mark.filterwarnings("ignore:beta.threads:DeprecationWarning")
def test_events_of_runs_keep_their_envelope(opened: Any, server: Loopback) -> None:
    server.default = Answer.events(RUN_EVENTS)
    data = opened("beta.threads.runs.create", thread_id="t", assistant_id="a")
    names = [name for name, _ in parsed(data)]
    assert names == ["thread.message.delta", "thread.run.completed", ""]
    assert parsed(data)[1][1]["object"] == "thread.run"


def test_forwarded_events_are_a_stream_for_another_client(opened: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.events(CHUNKS)
    data = opened(CHAT, model="m", messages=MESSAGES)
    server.default = Answer(body=data, content_type="text/event-stream")
    chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert [chunk.to_dict() for chunk in chunks] == without_nulls(CHUNKS)


@pytest.mark.parametrize("cut", [{"truncate": 200}, {"reset": "body"}])
def test_broken_stream_raises_or_sends_its_error(cut: dict[str, Any], opened: Any, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS[:2], done=False, **cut)
    with pytest.raises(oai.APIConnectionError):
        opened(CHAT, model="m", messages=MESSAGES)
    *_, (name, last) = parsed(opened(CHAT, "send", model="m", messages=MESSAGES))
    assert name == "error"
    assert last["error"]["type"] == "APIConnectionError"


def test_error_of_the_server_is_sent_on(opened: Any, server: Loopback) -> None:
    server.default = Answer.events([CHUNKS[0], {"error": {"message": "overloaded", "code": "busy"}}])
    events = parsed(opened(CHAT, "send", model="m", messages=MESSAGES))
    assert events[-1] == ("error", {"error": {"message": "overloaded", "type": "StreamError", "code": "busy"}})
    assert len(events) == 2


@pytest.mark.parametrize("after", [0, 1])
def test_reader_that_leaves_closes_the_stream(after: int, client: oai.OpenAI, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    pieces = stream.as_sse()
    next(pieces)
    for _ in range(after):
        next(pieces)
    pieces.close()
    assert stream.response.is_closed
    with pytest.raises(StopIteration):
        next(stream)


def test_as_sse_of_a_helper_accumulates_the_result(way: Way, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)

    async def read(stream: Any) -> Any:
        data = b"".join([piece async for piece in stream.as_sse()])
        return data, await stream.get_final_completion()

    def read_sync(stream: Any) -> Any:
        return b"".join(stream.as_sse()), stream.get_final_completion()

    use = read if way.is_async else read_sync
    data, whole = way.use("chat.completions.stream", use, model="m", messages=MESSAGES)
    assert parsed(data)[:-1] == [("", chunk) for chunk in without_nulls(CHUNKS)]
    assert whole.choices[0].message.content == "Hello"


def test_name_of_an_event_cannot_add_fields() -> None:
    from oai._results.sse_output import event_bytes

    assert event_bytes({"type": "a\ndata: x\r\n"}).count(b"\n") == 3


def test_errors_has_two_values(client: oai.OpenAI, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    with pytest.raises(ValueError, match="'raise' or 'send', not 'skip'"):
        next(stream.as_sse(errors="skip"))  # type: ignore[arg-type]
    stream.close()
