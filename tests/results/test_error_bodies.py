"""Errors under a success status: whole responses, streams, and JSON of the wrong kind."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from typing import Any

import pydantic
import pytest
from both import Way

import oai
from oai._table.load import shipped_table
from oai.testing import Answer, Loopback

CHUNK = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}],
}

ERRORS = [
    {"error": {"message": "boom", "type": "server_error", "code": "c"}},
    {"error": {"message": "boom"}, "user_id": "u"},
    {"error": "boom"},
    {"error": True, "message": "boom"},
    {"error": ["boom"]},
    {"detail": "boom"},
    {"detail": [{"loc": ["body"], "msg": "boom"}]},
    {"object": "error", "message": "boom", "type": "BadRequestError", "param": None, "code": None},
    {"message": "boom", "request_id": "r"},
    {"code": 0, "msg": "boom", "success": False},
    {"choices": None, "data": None, "error_type": "upstream", "error_message": "boom"},
    {"error_code": 17, "error_msg": "boom"},
    {"errors": [{"message": "boom"}]},
    {"type": "error", "error": {"type": "overloaded_error", "message": "boom"}},
    {"title": "Oops", "status": 500, "detail": "boom"},
    {"choices": [], "output": [], "data": [], "base_resp": {"status_code": 1004, "status_msg": "boom"}},
    [{"error": {"message": "boom", "code": 8}}],
]

CALLS: dict[str, dict[str, Any]] = {
    "chat.completions.create": {"model": "m", "messages": []},
    "completions.create": {"model": "m", "prompt": "p"},
    "responses.create": {"model": "m", "input": "i"},
    "embeddings.create": {"model": "m", "input": "i"},
    "models.retrieve": {"model": "m"},
    "models.list": {},
    "files.list": {},
    "batches.list": {},
    "moderations.create": {"input": "i"},
    "images.generate": {"prompt": "p"},
    "audio.transcriptions.create": {"file": b"x", "model": "m"},
    "fine_tuning.jobs.retrieve": {"fine_tuning_job_id": "f"},
    "chat.completions.parse": {"model": "m", "messages": []},
    "responses.parse": {"model": "m", "input": "i"},
}


@pytest.mark.parametrize("body", ERRORS, ids=json.dumps)
@pytest.mark.parametrize("path", CALLS)
def test_error_body_raises_in_place_of_a_result(path: str, body: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(body, headers=[("x-request-id", "r")])
    way.options["max_retries"] = 2
    with pytest.raises(oai.APIStatusError, match="boom") as caught:
        way.call(path, **CALLS[path])
    assert (caught.value.status_code, caught.value.request_id) == (200, "r")
    assert caught.value.body
    assert len(server.requests) == 1


def views(client: Any, path: str) -> list[Callable[..., Any]]:
    namespace, _, name = path.rpartition(".")
    owner = attrgetter(namespace)(client)
    return [getattr(owner.with_raw_response, name), getattr(owner.with_streaming_response, name)]


@pytest.mark.parametrize("body", [ERRORS[0], ERRORS[5], None, 3], ids=json.dumps)
@pytest.mark.parametrize("path", ["chat.completions.create", "models.list", "embeddings.create"])
@pytest.mark.parametrize("is_async", [False, True])
def test_parse_of_a_raw_response_raises(is_async: bool, path: str, body: Any, server: Loopback) -> None:
    server.default = Answer.of_json(body)
    expected = oai.APIStatusError if isinstance(body, dict) else oai.APIResponseValidationError
    options: dict[str, Any] = {"api_key": "k", "base_url": server.url}

    async def main() -> None:
        async with oai.AsyncOpenAI(**options) as client:
            raw, streamed = views(client, path)
            response = await raw(**CALLS[path])
            with pytest.raises(expected):
                response.parse()
            async with streamed(**CALLS[path]) as response:
                with pytest.raises(expected):
                    await response.parse()
        assert server.until(lambda: not server.open_connections)

    if is_async:
        asyncio.run(main())
        return
    with oai.OpenAI(**options) as client:
        raw, streamed = views(client, path)
        response = raw(**CALLS[path])
        with pytest.raises(expected):
            response.parse()
        with streamed(**CALLS[path]) as response, pytest.raises(expected):
            response.parse()


PAGES = ("models.list", "files.list", "batches.list")
"""Operations for which a list is a page without its envelope (`tests/json/test_pages.py`)."""

KINDS: list[Any] = [None, 3, "text", True, [], [1], ["a", {"id": "x"}]]
WRONG_KINDS = [
    (path, body)
    for path in CALLS
    for body in KINDS
    if not (isinstance(body, list) and path in PAGES)
    and not (body == "text" and path == "audio.transcriptions.create")  # text is a transcription
]


@pytest.mark.parametrize(("path", "body"), WRONG_KINDS, ids=json.dumps)
def test_json_of_the_wrong_kind_raises(path: str, body: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(body)
    with pytest.raises(oai.APIResponseValidationError, match="instead of .*an object") as caught:
        way.call(path, **CALLS[path])
    assert caught.value.body == body


@pytest.mark.parametrize("path", ["chat.completions.parse", "responses.parse"])
def test_parsing_no_content_raises(path: str, way: Way, server: Loopback) -> None:
    server.default = Answer(204)
    with pytest.raises(oai.OpenAIError, match="the server sent no content to parse"):
        way.call(path, **CALLS[path])


@pytest.mark.parametrize("body", [ERRORS[0], ERRORS[2], ERRORS[5], ERRORS[7]], ids=json.dumps)
@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("audio.speech.create", {"input": "i", "model": "m", "voice": "alloy"}),
        ("realtime.calls.create", {"sdp": "s"}),
        ("audio.transcriptions.create", {"file": b"x", "model": "m", "response_format": "text"}),
        ("audio.transcriptions.create", {"file": b"x", "model": "m", "response_format": "srt"}),
    ],
)
def test_error_body_raises_in_place_of_bytes_and_text(
    path: str, arguments: dict[str, Any], body: Any, way: Way, server: Loopback
) -> None:
    server.default = Answer.of_json(body)
    with pytest.raises(oai.APIStatusError, match="boom"):
        way.call(path, **arguments)


@pytest.mark.parametrize(
    "content", ['{"a": 1, "error": "x"}', '{"id": "1", "error": null}', '{"error": {"message": "x"}}\n{"a": 1}', "{"]
)
def test_json_files_are_no_errors(content: str, way: Way, server: Loopback) -> None:
    server.default = Answer(body=content, content_type="application/json")
    assert way.call("files.content", file_id="f").text == content


STORED = [name for name, row in shipped_table().items() if row.method == "GET" and row.response in ("bytes", "str")]
"""Operations that return stored content."""


@pytest.mark.parametrize("body", [ERRORS[0], ERRORS[2], ERRORS[5], ERRORS[7]], ids=json.dumps)
@pytest.mark.parametrize("path", STORED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # some of them are deprecated
def test_stored_content_that_is_an_error_object_is_returned(path: str, body: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(body)
    arguments = dict.fromkeys(re.findall(r"{(\w+)}", shipped_table()[path].path), "x")
    group, _, name = path.rpartition(".")
    results = [
        way.call(path, **arguments),
        way.call(f"{group}.with_raw_response.{name}", **arguments).parse(),
        way.use(f"{group}.with_streaming_response.{name}", lambda response: response.parse(), **arguments),
    ]
    assert [result if isinstance(result, str) else result.text for result in results] == [json.dumps(body)] * 3


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "boom", "code": 429}}, oai.RateLimitError),
        ({"object": "error", "message": "boom", "code": 404}, oai.NotFoundError),
        ({"detail": "boom", "status": 503}, oai.InternalServerError),
        ({"error": {"message": "boom", "code": "401"}}, oai.AuthenticationError),
        ({"error": {"message": "boom", "code": 9}}, oai.APIStatusError),
    ],
)
def test_error_class_follows_the_status_in_the_body(body: Any, kind: type, way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(body)
    with pytest.raises(oai.APIStatusError, match="boom") as caught:
        way.call("models.retrieve", model="m")
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "event", [{"error_code": 5}, {"error_code": "E1"}, {"errcode": 40001, "id": None}], ids=json.dumps
)
def test_error_code_alone_is_an_error(event: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.events([CHUNK, event])
    events: list[Any] = []
    with pytest.raises(oai.StreamError):
        way.each_event(events.append, "chat.completions.create", model="m", messages=[])
    assert len(events) == 1
    server.default = Answer.of_json(event)
    with pytest.raises(oai.APIStatusError):
        way.call("chat.completions.create", model="m", messages=[])


FAILED = {"id": "r", "object": "response", "status": "failed", "error": {"code": "server_error", "message": "boom"}}

RESULTS: list[tuple[str, dict[str, Any]]] = [
    ("responses.create", {**FAILED, "output": [], "created_at": 1, "model": "m"}),
    ("responses.create", FAILED),
    ("responses.create", {"id": "r", "status": "failed", "error": {"message": "boom"}, "own": 1}),
    ("fine_tuning.jobs.retrieve", {"id": "j", "object": "fine_tuning.job", "error": {"message": "boom"}}),
    ("chat.completions.create", {"choices": [], "error": None}),
    ("chat.completions.create", {"choices": [], "error": {}, "own": 1}),
    ("chat.completions.create", {"choices": [], "message": "ok", "code": 200}),
    ("chat.completions.create", {"choices": [{"index": 0, "message": {}}], "error_code": 0, "error_msg": "success"}),
    ("chat.completions.create", {}),
    ("models.list", {"data": [], "message": "nothing there"}),
    ("models.retrieve", {"id": "m", "message": "deprecated"}),
]


@pytest.mark.parametrize(("path", "body"), RESULTS)
def test_results_with_fields_of_errors_are_results(path: str, body: dict[str, Any], way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(body)
    result = way.call(path, **CALLS[path])
    assert all(getattr(result, name) is not None for name in body if body[name] not in (None, {}))


class Model(pydantic.BaseModel):
    id: str | None = None


@pytest.mark.parametrize("kind", [Model, Model | None, list[Model], dict, dict[str, Any], oai.Object, Any, object])
def test_error_of_an_undeclared_request_raises(kind: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json({"error": {"message": "boom"}})
    with pytest.raises(oai.APIStatusError, match="boom"):
        client.get("/x", cast_to=kind)
    if "Model" not in str(kind):
        server.default = Answer.of_json({"error": "a column", "rows": [1]})
        assert client.get("/x", cast_to=kind)


STREAM_ERRORS = [body for body in ERRORS if isinstance(body, dict) and "base_resp" not in body]
STREAM_ERRORS += [{"code": 500, "message": "boom"}, {**CHUNK, "error": {"message": "boom"}}]


@pytest.mark.parametrize("body", STREAM_ERRORS, ids=json.dumps)
@pytest.mark.parametrize("path", ["chat.completions.create", "completions.create", "responses.create"])
@pytest.mark.parametrize("named", [False, True])
def test_error_inside_a_stream_raises(named: bool, path: str, body: Any, way: Way, server: Loopback) -> None:
    event = (b"event: error\n" * named) + b"data: " + json.dumps(body).encode() + b"\n\n"
    server.default = Answer.events([event], done=False)
    with pytest.raises(oai.StreamError, match="boom") as caught:
        way.events(path, **CALLS[path])
    assert caught.value.body


@pytest.mark.parametrize("body", STREAM_ERRORS, ids=json.dumps)
def test_error_inside_a_stream_keeps_the_snapshot(body: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.events([CHUNK, body])
    read = way.read("chat.completions.stream", "get_final_completion", model="m", messages=[])
    assert isinstance(read.error, oai.StreamError)
    assert read.stream.current_completion_snapshot.choices[0].message.content == "a"


@pytest.mark.parametrize("depth", [10, 300, 600, 900, 970])
@pytest.mark.parametrize(
    "form", ['{"error":{"message":"boom","a":%s}}', '{"error":%s}', '{"error":{"code":%s}}', '{"a":%s}']
)
def test_deeply_nested_body_is_a_result_or_an_error(form: str, depth: int, way: Way, server: Loopback) -> None:
    body = form % ('{"a":' * depth + "1" + "}" * depth)
    for status in (200, 400):
        server.default = Answer(status, body=body, content_type="application/json")
        with suppress(oai.APIError):
            way.call("models.retrieve", model="m")
    server.default = Answer.events([body.encode().join([b"data: ", b"\n\n"])])
    with suppress(oai.APIError):
        way.events("chat.completions.create", model="m", messages=[])


def test_named_error_may_be_plain_text(way: Way, server: Loopback) -> None:
    server.default = Answer.events([CHUNK, b"event: error\ndata: the model is overloaded\n\n"])
    with pytest.raises(oai.StreamError, match="the model is overloaded"):
        way.events("chat.completions.create", model="m", messages=[])


@pytest.mark.parametrize("body", [ERRORS[0], ERRORS[2], ERRORS[5]], ids=json.dumps)
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/plain"])
def test_error_body_in_place_of_a_stream_raises(content_type: str, body: Any, way: Way, server: Loopback) -> None:
    server.default = Answer(body=json.dumps(body), content_type=content_type)
    with pytest.raises(oai.APIStatusError, match="boom") as caught:
        way.events("chat.completions.create", model="m", messages=[])
    assert caught.value.status_code == 200


@pytest.mark.parametrize("value", [None, 5, "x", [], [CHUNK], True], ids=json.dumps)
@pytest.mark.parametrize("path", ["chat.completions.create", "completions.create", "responses.create"])
def test_event_that_is_no_object_raises(path: str, value: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.events([json.dumps(value)])
    with pytest.raises(oai.APIResponseValidationError, match="An event of the stream is .*, not an object"):
        way.events(path, **CALLS[path])


@pytest.mark.parametrize("value", [None, 5, [CHUNK]], ids=json.dumps)
def test_event_that_is_no_object_raises_in_helpers(value: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.events([CHUNK, json.dumps(value)])
    read = way.read("chat.completions.stream", "get_final_completion", model="m", messages=[])
    assert isinstance(read.error, oai.APIResponseValidationError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("value", ["null", "5", "[]"])
def test_declared_event_that_is_no_object_raises(value: str, way: Way, server: Loopback) -> None:
    server.default = Answer.events([f"event: thread.created\ndata: {value}\n\n".encode()])
    with pytest.raises(oai.APIResponseValidationError, match="not an object"):
        way.events("beta.threads.runs.create", thread_id="t", assistant_id="a")


ERROR_EVENT = {"type": "error", "code": "c", "message": "boom", "param": None, "sequence_number": 1}


@pytest.mark.parametrize("event", [ERROR_EVENT, {"type": "error", "message": "boom"}], ids=["declared", "short"])
@pytest.mark.parametrize("name", [b"", b"event: error\n"])
def test_error_event_of_a_response_is_yielded_then_raised(name: bytes, event: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.events([name + b"data: " + json.dumps(event).encode() + b"\n\n"], done=False)
    events: list[Any] = []
    with pytest.raises(oai.StreamError, match="boom"):
        way.each_event(events.append, "responses.create", model="m", input="i")
    assert [(each.type, each.message) for each in events] == [("error", "boom")]


def finish(*reasons: str | None) -> list[dict[str, Any]]:
    """Make the chunks of choices, each with text and, if it has one, its finish reason."""
    chunks = [
        {**CHUNK, "choices": [{"index": index, "delta": {"content": "a"}, "finish_reason": None}]}
        for index in range(len(reasons))
    ]
    ends = [
        {**CHUNK, "choices": [{"index": index, "delta": {}, "finish_reason": reason}]}
        for index, reason in enumerate(reasons)
        if reason is not None
    ]
    return chunks + ends


USAGE = {**CHUNK, "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
BARE = [{"choices": [{"delta": {"content": "a"}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]


@pytest.mark.parametrize(
    "events",
    [
        finish("stop"),
        [*finish("length"), USAGE],
        finish("stop", "tool_calls", "content_filter"),
        [{**CHUNK, "choices": [{"index": n, "delta": {}, "finish_reason": "stop"} for n in range(3)]}],
        [*finish("stop"), {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": None}]}],
        BARE,
        [*finish("stop"), b": ping\n\n"],
    ],
)
@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_finished_choices_end_a_stream_without_its_marker(
    framing: Any, events: list[Any], way: Way, server: Loopback
) -> None:
    server.default = Answer.events(events, done=False, framing=framing)
    assert len(way.events("chat.completions.create", model="m", messages=[])) == sum(
        isinstance(e, dict) for e in events
    )


@pytest.mark.parametrize(
    "events",
    [
        [],
        finish(None),
        finish("stop", None),
        finish(None, "stop"),
        [USAGE],
        BARE[:1],
        [{"choices": [{"delta": {"content": "a"}, "finish_reason": ""}]}],
        [*finish("stop"), b'data: {"id": "c", "choices": [{"index": 0'],
    ],
)
def test_unfinished_choices_need_the_end_marker(events: list[Any], way: Way, server: Loopback) -> None:
    server.default = Answer.events(events, done=False)
    with pytest.raises(oai.APIConnectionError, match="without its end marker"):
        way.events("chat.completions.create", model="m", messages=[])


def test_finished_choices_do_not_hide_a_cut(way: Way, server: Loopback) -> None:
    server.default = Answer.events(finish("stop"), done=False, truncate=10_000, framing="length")
    body = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in finish("stop"))
    server.default = Answer(
        body=body + b" " * 10, content_type="text/event-stream", framing="length", truncate=len(body)
    )
    with pytest.raises(oai.APIConnectionError, match="broke within the stream"):
        way.events("chat.completions.create", model="m", messages=[])


def test_finished_completion_ends_a_stream_without_its_marker(way: Way, server: Loopback) -> None:
    base = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    events = [
        {**base, "choices": [{"index": 0, "text": "a", "logprobs": None, "finish_reason": reason}]}
        for reason in (None, "stop")
    ]
    server.default = Answer.events(events, done=False)
    assert len(way.events("completions.create", model="m", prompt="p")) == 2
    server.default = Answer.events(events[:1], done=False)
    with pytest.raises(oai.APIConnectionError, match="without its end marker"):
        way.events("completions.create", model="m", prompt="p")


def test_type_of_an_event_may_be_no_text(way: Way, server: Loopback) -> None:
    server.default = Answer.events([{"type": {"a": 1}}, {"type": ["response.completed"]}])
    events = way.events("responses.create", model="m", input="i")
    assert [event.type for event in events] == [{"a": 1}, ["response.completed"]]


@pytest.mark.parametrize("marker", ["  [DONE]", "\t[DONE]", " [DONE] ", '"[DONE]"', "[DONE]\r"])
def test_end_marker_may_be_wrapped(marker: str, way: Way, server: Loopback) -> None:
    server.default = Answer.events([CHUNK, f"data:{marker}\n\n".encode()], done=False)
    assert len(way.events("chat.completions.create", model="m", messages=[])) == 1
