"""`FakeTransport`: replies, validation of programmed answers and recorded calls, for sync and async clients."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from arguments import MODES, arguments
from hypothesis import given
from hypothesis import strategies as st

import oai
from oai._http.messages import Request
from oai._http.response import Response
from oai._incoming.operations import Incoming
from oai._incoming.router import Router
from oai._json.strict import decoder
from oai._results.events import EventDecoder
from oai._table.load import shipped_table
from oai._table.operation import Operation
from oai.transports import TransportError
from oai.transports.fake import Call, Upload

MESSAGES = [{"role": "user", "content": "Hello"}]

ROWS = shipped_table()


@pytest.fixture
def fake() -> oai.FakeTransport:
    return oai.FakeTransport()


@pytest.fixture
def client(fake: oai.FakeTransport) -> oai.OpenAI:
    return oai.OpenAI(transport=fake, max_retries=0)


def chat(client: oai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(model="gpt-5", messages=MESSAGES, **options)


def delta_texts(stream: Any) -> list[str]:
    return [chunk.choices[0].delta.content for chunk in stream if chunk.choices and chunk.choices[0].delta.content]


def file_object(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "bytes": 1,
        "created_at": 1,
        "filename": f"{name}.txt",
        "object": "file",
        "purpose": "user_data",
        "status": "processed",
    }


# Replies


def test_text_becomes_the_output_and_other_fields_fit_the_request(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day")
    answer = chat(client, n=2)
    assert [choice.message.content for choice in answer.choices] == ["Good day", "Good day"]
    assert (answer.model, answer.choices[0].finish_reason) == ("gpt-5", "stop")
    fake.responses.create.returns("Good evening")
    assert client.responses.create(model="gpt-5", input="Hello").output_text == "Good evening"


@given(st.text(max_size=40))
def test_any_text_survives_whole_and_streamed(text: str) -> None:
    fake = oai.FakeTransport()
    client = oai.OpenAI(transport=fake)
    fake.chat.completions.create.returns(text)
    assert chat(client).choices[0].message.content == text
    assert "".join(delta_texts(chat(client, stream=True))) == text


@given(st.lists(st.text(max_size=10), max_size=8))
def test_streamed_texts_keep_their_boundaries(texts: list[str]) -> None:
    fake = oai.FakeTransport()
    client = oai.OpenAI(transport=fake)
    fake.chat.completions.create.streams(texts)
    fake.responses.create.streams(texts)
    assert delta_texts(chat(client, stream=True)) == [text for text in texts if text]
    events = list(client.responses.create(model="gpt-5", input="Hello", stream=True))
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == texts
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == "".join(texts)


def test_stream_of_events_is_sent_unchanged_with_end_marker(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day")
    chunks = list(chat(client, stream=True))
    program = fake.chat.completions.create.streams([chunks[1], chunks[2].to_dict()])
    assert list(chat(client, stream=True)) == [chunks[1], chunks[2]]
    assert "streams" in repr(program)


def test_include_usage_adds_a_usage_chunk(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.streams(["Good", " day"])
    *_, last = chat(client, stream=True, stream_options={"include_usage": True})
    assert last.usage.completion_tokens == 2
    assert last.choices == []


def test_struct_dict_or_json_bytes_are_returned_unchanged(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day")
    answer = chat(client)
    answer.choices[0].message.content = "changed"
    fake.chat.completions.create.returns(answer, answer.to_dict(), msgspec.json.encode(answer.to_dict()))
    assert [chat(client).to_dict() for _ in range(3)] == [answer.to_dict()] * 3


def test_nested_fields_are_completed(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    call = {"type": "function", "id": "call_1", "function": {"name": "weather"}}
    fake.chat.completions.create.returns(
        choices=[{"finish_reason": "tool_calls", "message": {"tool_calls": [call]}}], usage={"prompt_tokens": 3}
    )
    answer = chat(client)
    assert answer.choices[0].message.tool_calls[0].function.name == "weather"
    assert answer.choices[0].message.content is None
    assert (answer.usage.prompt_tokens, answer.model) == (3, "gpt-5")
    fake.responses.create.returns(output=[{"type": "function_call", "name": "weather", "arguments": "{}"}])
    [item] = client.responses.create(model="gpt-5", input="Hello").output
    assert (item.type, item.name) == ("function_call", "weather")


def test_text_and_fields_can_be_combined(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day", model="gpt-6")
    answer = chat(client)
    assert (answer.choices[0].message.content, answer.model) == ("Good day", "gpt-6")


def test_binary_text_and_empty_responses(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.audio.speech.create.returns(b"RIFF")
    assert client.audio.speech.create(model="tts-1", voice="alloy", input="Hello").content == b"RIFF"
    fake.files.content.returns("a line\n")
    assert client.files.content("file-1").text == "a line\n"
    fake.audio.transcriptions.create.returns("Good day")
    transcription = client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", b"1"))
    assert transcription.text == "Good day"
    empty = next(name for name, row in ROWS.items() if row.response == "None" and not row.path_params[1:])
    fake[empty].returns()
    operation = Operation(empty, ROWS[empty])
    path = operation.path(("x",) * len(ROWS[empty].path_params))
    reply = fake.send(Request(operation.method, f"http://localhost/v1{path}", []))
    assert (reply.status, reply.read()) == (204, b"")


def test_answers_are_used_in_order_and_the_last_repeats(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("a", "b").then("c").then.returns("d", times=2).then("e")
    answers = [chat(client).choices[0].message.content for _ in range(7)]
    assert answers == ["a", "b", "c", "d", "d", "e", "e"]
    fake.chat.completions.create.then("f")
    assert [chat(client).choices[0].message.content for _ in range(2)] == ["f", "f"]
    fake.chat.completions.create.returns("other")
    assert chat(client).choices[0].message.content == "other"


def test_call_beyond_times_raises(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("a", times=2)
    chat(client)
    chat(client)
    with pytest.raises(oai.UnexpectedCall, match=r"programmed for 2 calls, all used.*then\.returns"):
        chat(client)


def test_function_computes_answer_from_call(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    def reply(call: Call) -> Any:
        text = call.body["messages"][0]["content"]
        if text == "fail":
            return fake.failure(400, code="refused")
        return list(text) if call.stream else text.upper()

    fake.chat.completions.create.answers(reply)
    assert chat(client).choices[0].message.content == "HELLO"
    assert delta_texts(chat(client, stream=True)) == list("Hello")
    with pytest.raises(oai.BadRequestError) as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "fail"}])
    assert caught.value.code == "refused"
    fake.files.retrieve.answers(lambda call: file_object(call.path_params["file_id"]))
    assert client.files.retrieve("file-7").id == "file-7"
    fake.files.retrieve.answers(lambda _: {"id": 1})
    with pytest.raises(ValueError, match=r"files.retrieve returns FileObject.*\$\.id"):
        client.files.retrieve("file-7")


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_list_is_served_in_linked_pages(fake: oai.FakeTransport, client: oai.OpenAI, size: int) -> None:
    fake.files.list.lists([file_object(f"file-{number}") for number in range(5)], per_page=size)
    assert [each.id for each in client.files.list()] == [f"file-{number}" for number in range(5)]
    assert len(fake.files.list.calls) == -(-5 // size)
    page = client.files.list(limit=2, after="file-1")
    assert ([each.id for each in page.data], page.has_more) == (["file-2", "file-3"], True)
    with pytest.raises(oai.BadRequestError, match="no such item"):
        client.files.list(after="file-9")
    with pytest.raises(oai.BadRequestError, match="limit"):
        client.files.list(limit=0)


def test_every_page_type_iterates_over_all_items(client: oai.OpenAI, fake: oai.FakeTransport) -> None:
    kinds: dict[str, str] = {}
    for name, row in ROWS.items():
        if Operation(name, row).page and row.method == "GET" and not row.path_params:
            kinds.setdefault(row.response.partition("[")[0], name)
    kinds["TokenPage"] = next(name for name, row in ROWS.items() if row.response.startswith("TokenPage"))
    assert len(kinds) >= 4
    from operator import attrgetter

    for kind, name in kinds.items():
        operation = Operation(name, ROWS[name])
        [sample] = offline_sample(operation)["data"]
        items = [{**sample, "id": f"item-{number}"} if "id" in sample else sample for number in range(5)]
        fake[name].lists(items, per_page=2)
        client_ = client.with_options(admin_api_key="the-key-of-the-tests")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            collected = list(attrgetter(name)(client_)(*["x"] * len(ROWS[name].path_params)))
        assert len(collected) == 5, (kind, name)


def offline_sample(operation: Operation) -> Any:
    request = Request(operation.method, "http://localhost/", [], operation=operation)
    return msgspec.json.decode(oai.OfflineTransport().send(request).read())


def test_unprogrammed_call_error_explains_how_to_program_it(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.models.list.returns([])
    with pytest.raises(oai.UnexpectedCall, match=r"programmed: models\.list.*fake\.chat\.completions\.create\.returns"):
        chat(client)
    with pytest.raises(oai.UnexpectedCall, match=r"no row of the fake's table"):
        client.post("/rerank", body={})


def test_otherwise_offline_invents_unprogrammed_answers() -> None:
    fake = oai.FakeTransport(otherwise="offline")
    client = oai.OpenAI(transport=fake)
    fake.chat.completions.create.returns("Good day", times=1)
    assert chat(client).choices[0].message.content == "Good day"
    assert "You said" in chat(client).choices[0].message.content
    assert len(client.files.list().data) == 1
    assert len(fake.calls) == 3


# Validation


INVALID_PROGRAMS: dict[str, tuple[Callable[[Any], object], str]] = {
    "a missing field": (
        lambda fake: fake.chat.completions.create.returns({"id": "x"}),
        r"chat\.completions\.create returns chat\.ChatCompletion.*missing required field `choices`.*returns\(name=value\)",
    ),
    "a misspelt field": (
        lambda fake: fake.chat.completions.create.returns(choices=[{"mesage": {}}]),
        r"unknown field `mesage` - at `\$\.choices\[0\]`; did you mean `message`",
    ),
    "a field of another type": (
        lambda fake: fake.chat.completions.create.returns(usage={"prompt_tokens": "3"}),
        r"Expected `int`, got `str` - at `\$\.usage\.prompt_tokens`",
    ),
    "a result of another operation": (
        lambda fake: fake.chat.completions.create.returns(oai.types.FileObject(**file_object("file-1"))),
        "a FileObject does not fit",
    ),
    "a text for a response without one": (lambda fake: fake.embeddings.create.returns("hi"), "no text field"),
    "no value": (lambda fake: fake.embeddings.create.returns(), "embeddings.create returns.*None does not fit"),
    "an object without JSON form": (lambda fake: fake.embeddings.create.returns(object()), "cannot be encoded as JSON"),
    "bytes that are not JSON": (lambda fake: fake.embeddings.create.returns(b"<html>"), "not valid JSON"),
    "an item of another type": (
        lambda fake: fake.files.list.returns([file_object("file-1"), {"id": "x"}]),
        r"files\.list returns CursorPage\[FileObject\]; item 1, a dict, does not fit",
    ),
    "a list for an operation without pages": (lambda fake: fake.files.retrieve.lists([]), "not pages of a list"),
    "pages without items": (lambda fake: fake.files.list.lists([], per_page=0), "per_page"),
    "a stream for an operation without one": (
        lambda fake: fake.files.list.streams(["a"]),
        "files.list does not stream",
    ),
    "an event of another type": (
        lambda fake: fake.chat.completions.create.streams([{"id": 1}]),
        r"chat\.completions\.create streams chat\.ChatCompletionChunk; event 0, a dict, does not fit",
    ),
    "texts for a stream of images": (lambda fake: fake.images.generate.streams(["a"]), "have no text"),
    "a status of success": (lambda fake: fake.files.list.fails(200), "400 to 599"),
    "a misspelt failure": (lambda fake: fake.files.list.fails("timeot"), "did you mean 'timeout'"),
    "fields of a failure without a body": (lambda fake: fake.files.list.fails("reset", retry_after=1), "retry_after"),
    "an answer for no call": (lambda fake: fake.files.list.fails(500, times=0), "must be a positive integer"),
    "a misspelt option": (lambda _: oai.FakeTransport(otherwise="oflline"), "Did you mean 'offline'"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", INVALID_PROGRAMS)
def test_invalid_program_raises_immediately(case: str, fake: oai.FakeTransport) -> None:
    program, message = INVALID_PROGRAMS[case]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        program(fake)
    assert fake.unused == []


def test_coroutine_function_is_rejected(fake: oai.FakeTransport) -> None:
    async def reply(call: Call) -> str:
        return "late"

    with pytest.raises(TypeError, match="plain function"):
        fake.chat.completions.create.answers(reply)


def test_streaming_mismatch_raises(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("a")
    fake.chat.completions.create.returns(chat(client))
    with pytest.raises(oai.UnexpectedCall, match="called with stream=True"):
        chat(client, stream=True)
    fake.chat.completions.create.returns(model="gpt-6")
    with pytest.raises(oai.UnexpectedCall, match="called with stream=True"):
        chat(client, stream=True)
    fake.chat.completions.create.streams(["a"])
    with pytest.raises(oai.UnexpectedCall, match="called without stream=True"):
        chat(client)


def test_streaming_response_of_a_plain_call_is_not_a_stream(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day", model="gpt-6")
    fake.models.retrieve.answers(
        lambda call: {"id": "m", "object": "model", "created": 1, "owned_by": str(call.stream)}
    )
    create = client.chat.completions.with_streaming_response.create
    with create(model="m", messages=MESSAGES) as response:
        assert response.parse().choices[0].message.content == "Good day"
    with client.models.with_streaming_response.retrieve("m") as retrieved:
        assert retrieved.parse().owned_by == "False"
    fake.chat.completions.create.streams(["Good", " day"])
    with create(model="m", messages=MESSAGES, stream=True) as streamed:
        assert delta_texts(streamed.parse()) == ["Good", " day"]
    with pytest.raises(oai.UnexpectedCall, match="without stream=True"), create(model="m", messages=MESSAGES):
        pass


def test_dir_lists_names_and_typos_get_suggestions(fake: oai.FakeTransport) -> None:
    assert {"chat", "files", "responses", "calls"} <= set(dir(fake))
    assert "create" in dir(fake.chat.completions)
    for look, right in (
        (lambda: fake.chta, "chat"),
        (lambda: fake.chat.completions.craete, "create"),
        (lambda: fake["chat.completions.creat"], "chat.completions.create"),
    ):
        with pytest.raises((AttributeError, KeyError), match=f"did you mean '{right}'"):
            look()
    assert not hasattr(fake, "__deepcopy__")
    assert repr(fake.chat) == "<fakes below chat: completions>"


def test_every_operation_can_be_programmed() -> None:
    fake = oai.FakeTransport()
    from operator import attrgetter

    for name, row in ROWS.items():
        attrgetter(name)(fake).fails(418)
        operation = Operation(name, row)
        path = operation.path(("a b",) * len(row.path_params))
        stream = row.stream is not None
        reply = fake.send(Request(row.method, f"http://localhost/v1{path}", [], operation=operation, stream=stream))
        assert reply.status == 418
        assert fake.calls.last.operation == name
        assert list(fake.calls.last.path_params.values()) == ["a b"] * len(row.path_params)


def test_every_operation_accepts_its_sample_and_each_field_of_it() -> None:
    fake = oai.FakeTransport()
    taken = 0
    for name, row in ROWS.items():
        operation = Operation(name, row)
        if operation.response_type in (None, type(None), bytes, str):
            continue
        sample = offline_sample(operation)
        fake[name].returns(sample)
        if not isinstance(sample, dict) or operation.response_type is Any:
            continue
        for field, value in sample.items():
            fake[name].returns(**{field: value})
            request = Request(row.method, f"http://localhost{row.path}", [], operation=operation)
            answer = decoder(operation.response_type).decode(fake.send(request).read())
            assert answer is not None
            taken += 1
    assert taken > 1000


def test_every_stream_takes_texts_or_reports_that_it_has_none() -> None:
    fake = oai.FakeTransport()
    for name, row in ROWS.items():
        if row.stream is None:
            continue
        operation = Operation(name, row)
        if name in ("images.edit", "images.generate"):
            with pytest.raises(ValueError, match="have no text"):
                fake[name].streams(["Hel", "lo"])
            continue
        fake[name].streams(["Hel", "lo"])
        request = Request(row.method, f"http://localhost{row.path}", [], operation=operation, stream=True)
        reply = fake.send(request)
        events = EventDecoder(operation, Response(200, reply.headers, request))
        decoded = [event for piece in reply for event in events.feed(piece)]
        decoded += events.end()
        assert "'Hel'" in str(decoded)
        assert "'lo'" in str(decoded)
        assert events.complete


def test_requests_of_the_same_wire_form_share_a_program(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day")
    answer = client.beta.chat.completions.create(model="gpt-5", messages=MESSAGES)
    assert answer.choices[0].message.content == "Good day"
    assert len(fake.chat.completions.create.calls) == 1
    answer = client.post("/chat/completions", body={"messages": MESSAGES})
    assert answer.choices[0]["message"]["content"] == "Good day"


def test_aliases_and_user_tables_can_be_programmed(tmp_path: Path) -> None:
    table = tmp_path / "my.toml"
    table.write_text('[rerank]\nmethod="POST"\npath="/rerank/{index}"\nbody="json"\nresponse="Any"\n')
    fake = oai.FakeTransport(table=str(table))
    client = oai.OpenAI(transport=fake, table=str(table))
    fake.rerank.returns({"best": 1})
    assert client.rerank("one", query="cats") == {"best": 1}
    assert fake.rerank.last.path_params == {"index": "one"}
    fake.chat_completion.returns("Good day")
    assert chat(client).choices[0].message.content == "Good day"


# Failures and delays


def test_failures_with_a_status_are_retried(fake: oai.FakeTransport) -> None:
    client = oai.OpenAI(transport=fake, max_retries=2)
    fake.chat.completions.create.fails(429, times=2, retry_after=0.001, code="slow_down").then.returns("Good day")
    assert chat(client).choices[0].message.content == "Good day"
    assert len(fake.chat.completions.create.called(3, model="gpt-5")) == 3
    fake.chat.completions.create.fails(429, message="Slower!", retry_after=1, headers={"x-test": "1"})
    with pytest.raises(oai.RateLimitError, match="Slower!") as caught:
        chat(client.with_options(max_retries=0))
    assert caught.value.response.headers["retry-after"] == "1"
    assert caught.value.response.headers["x-test"] == "1"
    assert caught.value.type == "rate_limit_error"
    assert caught.value.request_id is not None


@pytest.mark.parametrize("kind", ["connect", "reset", "truncated", "timeout"])
def test_transport_failures_raise_connection_errors(fake: oai.FakeTransport, client: oai.OpenAI, kind: str) -> None:
    fake.chat.completions.create.fails(kind)
    expected = oai.APITimeoutError if kind == "timeout" else oai.APIConnectionError
    with pytest.raises(expected):
        chat(client)
    with pytest.raises(expected):
        list(chat(client, stream=True))
    fake.chat.completions.create.fails(TransportError("send", "a broken pipe"))
    with pytest.raises(oai.APIConnectionError, match="a broken pipe"):
        chat(client)


@pytest.mark.parametrize("kind", ["reset", "truncated", "timeout"])
def test_stream_fails_after_its_last_item(fake: oai.FakeTransport, client: oai.OpenAI, kind: str) -> None:
    for _ in range(2):
        fake.chat.completions.create.streams(["Hel", "lo"], fails=kind)
        chunks: list[Any] = []
        with pytest.raises(oai.APIConnectionError, match=r"programmed failure"):
            chunks.extend(chat(client, stream=True))
        assert delta_texts(chunks) == ["Hel", "lo"]
    fake.chat.completions.create.streams(chunks[:2], fails=kind)
    stream = iter(chat(client, stream=True))
    assert [next(stream), next(stream)] == chunks[:2]
    with pytest.raises(oai.APIConnectionError):
        next(stream)


def test_delay_beyond_timeout_raises(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day")
    fake.chat.completions.create.delays(0.02)
    began = time.monotonic()
    assert chat(client).choices[0].message.content == "Good day"
    assert time.monotonic() - began >= 0.02
    with pytest.raises(oai.APITimeoutError):
        chat(client, timeout=0.001)
    fake.chat.completions.create.delays(0.0, between=10)
    with pytest.raises(oai.APITimeoutError):
        list(chat(client, stream=True, timeout=0.001))
    fake.chat.completions.create.fails(503)
    fake.chat.completions.create.delays(0.001)
    with pytest.raises(oai.InternalServerError):
        chat(client)
    fake.chat.completions.create.fails("reset")
    with pytest.raises(oai.APIConnectionError, match="reset"):
        chat(client)
    with pytest.raises(ValueError, match="not be negative"):
        fake.chat.completions.create.delays(-1)


def test_closed_fake_rejects_calls(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day")
    fake.close()
    with pytest.raises(oai.APIConnectionError, match="closed"):
        chat(client)


# Recorded calls


def test_calls_record_request_details(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.files.list.returns([])
    fake.files.create.returns(filename="notes.txt")
    fake.responses.retrieve.returns("Good day")
    client.files.list(limit=3, extra_query={"a": ["1", "2"]})
    client.files.create(file=('no"tes.txt', b"\r\n--\r\nlines"), purpose="user_data", expires_after={"seconds": 1})
    client.responses.retrieve("resp_1", extra_headers={"x-test": "1"})
    listed, created, retrieved = fake.calls
    assert (listed.operation, listed.method, listed.path) == ("files.list", "GET", "/v1/files")
    assert listed.query == {"limit": "3", "a[]": ["1", "2"]}
    assert listed.body is None
    assert created.body == {
        "purpose": "user_data",
        "expires_after[seconds]": "1",
        "file": Upload('no"tes.txt', b"\r\n--\r\nlines", "text/plain"),
    }
    assert retrieved.path_params == {"response_id": "resp_1"}
    assert retrieved.headers["X-Test"] == "1"
    assert fake.calls.of("files.create") == (created,)
    assert fake.calls.where(lambda call: call.method == "GET") == (listed, retrieved)
    assert fake.calls.where(response_id="resp_1").last is retrieved
    assert fake.files.list.last is listed
    fake.reset()
    assert (fake.calls, fake.unused) == ((), [])


def test_failed_assertions_list_the_calls(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    create = fake.chat.completions.create
    create.returns("Good day")
    create.not_called()
    with pytest.raises(oai.UnexpectedCall, match="there was no call"):
        _ = create.last
    chat(client)
    assert create.called_once().body["model"] == "gpt-5"
    assert create.called_once(model="gpt-5").stream is False
    with pytest.raises(oai.UnexpectedCall, match=r"expected 1 call with model='gpt-6', received no call"):
        create.called_once(model="gpt-6")
    chat(client, temperature=1)
    with pytest.raises(oai.UnexpectedCall, match=r'(?s)expected 1 call, received 2 calls.*"temperature":1'):
        create.called_once()
    with pytest.raises(oai.UnexpectedCall, match=r"expected no call, received 2 calls"):
        create.not_called()


def test_calls_hold_no_key(fake: oai.FakeTransport) -> None:
    key = "the-key-of-the-tests"
    client = oai.OpenAI(transport=fake, api_key=key, default_query={"api_key": key})
    fake.chat.completions.create.returns("Good day")
    chat(client)
    call = fake.calls.last
    text = (
        f"{call!r} {call.headers!r} {call.headers.multi_items()} {call.query} {fake!r} {fake.chat.completions.create!r}"
    )
    assert key not in text
    assert "api_key" in call.query
    assert key not in str(vars(call)), "a call keeps what its repr redacts"


def test_unused_answers_raise_if_requested() -> None:
    def run(**options: Any) -> oai.FakeTransport:
        with oai.FakeTransport(**options) as fake:
            fake.models.list.returns([])
            fake.chat.completions.create.returns("a", "b").then.fails(500, times=2)
            client = oai.OpenAI(transport=fake)
            chat(client)
        return fake

    assert len(run().unused) == 3
    with pytest.raises(
        oai.UnusedAnswers, match=r"3 programmed answers.*models\.list: returns\(\[\]\), never.*fails\(500\), never"
    ):
        run(unused="error")
    failing = oai.FakeTransport(unused="error")
    failing.models.list.returns([])
    with pytest.raises(KeyError, match="its own"), failing:
        raise KeyError("its own")


# Async, threads, other callers


def test_async_clients_use_the_same_program() -> None:
    async def main() -> None:
        async with oai.FakeTransport() as fake, oai.AsyncOpenAI(transport=fake, max_retries=0) as client:
            create = client.chat.completions.create
            fake.chat.completions.create.returns("Good day")
            fake.chat.completions.create.delays(1)
            began = time.monotonic()
            answers = await asyncio.gather(*(create(model="m", messages=MESSAGES) for _ in range(20)))
            assert time.monotonic() - began < 10, "the delays add up"
            assert {each.choices[0].message.content for each in answers} == {"Good day"}
            with pytest.raises(oai.APITimeoutError):
                await create(model="m", messages=MESSAGES, timeout=0.001)
            fake.chat.completions.create.streams(["Hel", "lo"])
            fake.chat.completions.create.delays(0.0, between=0.001)
            stream = await create(model="m", messages=MESSAGES, stream=True)
            assert delta_texts([chunk async for chunk in stream]) == ["Hel", "lo"]
            fake.chat.completions.create.fails("reset")
            with pytest.raises(oai.APIConnectionError):
                await create(model="m", messages=MESSAGES)
            fake.files.list.lists([file_object(str(number)) for number in range(5)], per_page=2)
            assert [each.id async for each in client.files.list()] == list("01234")
            assert len(fake.calls) == 26
            await fake.close()

    asyncio.run(main())


def test_threads_share_a_fake(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns(*(str(number) for number in range(200)))
    barrier = threading.Barrier(8)

    def work(_: int) -> list[str]:
        barrier.wait()
        return [chat(client).choices[0].message.content for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        texts_seen = [text for texts in pool.map(work, range(8)) for text in texts]
    assert sorted(texts_seen, key=int) == [str(number) for number in range(200)]
    assert len(fake.calls) == 200


def test_requests_without_operation_are_recognised(fake: oai.FakeTransport) -> None:
    fake.chat.completions.create.returns("Good day")
    body = msgspec.json.encode({"model": "m", "messages": MESSAGES, "stream": True})
    reply = fake.send(
        Request("POST", "http://localhost/v1/chat/completions", [("content-type", "application/json")], body)
    )
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.read().endswith(b"data: [DONE]\n\n")
    with pytest.raises(TransportError, match="closed"):
        reply.close() and reply.read()


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_operation_is_recognised_from_every_request(prefix: str) -> None:
    incoming = Incoming(ROWS)
    for name, row in ROWS.items():
        for mode in MODES:
            sent = CapturingTransport()
            client = oai.OpenAI(
                transport=sent,
                api_key="k" * 9,
                admin_api_key="k" * 9,
                base_url=f"http://localhost{prefix}",
                max_retries=0,
            )
            call(client, name, mode)
            operation = sent.last.operation
            assert operation is not None
            raw = Request(sent.last.method, sent.last.url, sent.last.headers, sent.last.body)
            candidates = list(incoming.requests(raw))
            assert name in [each.operation.name for each in candidates if each.operation]
            same = {
                (ROWS[each.operation.name].method, shape(ROWS[each.operation.name].path))
                for each in candidates
                if each.operation
            }
            assert len({path for _, path in same}) == 1
            if row.stream is None or row.stream_only:
                assert candidates[0].stream == row.stream_only


def shape(path: str) -> str:
    import re

    return re.sub(r"\{\w+\}", "{}", path.partition("?")[0])


class CapturingTransport:
    """A transport that keeps the last request and then fails."""

    needs_key = False
    last: Request

    def send(self, request: Request) -> Any:
        self.last = request
        raise TransportError("closed", "kept")

    def close(self) -> None: ...


def call(client: oai.OpenAI, name: str, mode: Any) -> None:
    from operator import attrgetter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(oai.APIConnectionError):
            attrgetter(name)(client)(**arguments(ROWS[name], mode))


def test_literal_path_segments_precede_parameters(tmp_path: Path) -> None:
    table = tmp_path / "my.toml"
    rows = {
        "search": "/things/search",
        "retrieve": "/things/{id}",
        "cancel": "/things/{id}:cancel",
        "old": "/things/{id}?v=1",
    }
    table.write_text(
        "\n".join(
            f'[things.{name}]\nmethod="GET"\npath="{path}"\nbody="query"\nresponse="Any"' for name, path in rows.items()
        )
    )
    router = Router(oai.load_table(str(table)))

    def names(target: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        match = router.find("GET", target)
        return match and (tuple(name.removeprefix("things.") for name in match.names), match.values)

    assert names("/v1/things/search") == (("search",), ())
    assert names("/things/a%2Fb%20c") == (("retrieve",), ("a/b c",))
    assert names("/things/a:cancel") == (("cancel",), ("a",))
    assert names("/things/a?v=1&w=2") == (("old", "retrieve"), ("a",))
    assert names("/things/a?v=2") == (("retrieve",), ("a",))
    assert names("/things") is None
    assert names("/v2/things/a") is None
    assert router.find("POST", "/things/a") is None
    assert router.find("HEAD", "/things/a") is not None
    assert router.methods("/v1/things/a") == ["GET"]
    assert router.nearest("GET", "/v1/thing/search") == "GET /things/search"


def test_operation_of_the_users_table_points_to_the_option() -> None:
    fake = oai.FakeTransport()
    with pytest.raises(AttributeError, match=r"'rerank'; rows of a table of yours need FakeTransport\(table=...\)"):
        fake.rerank  # noqa: B018
    with pytest.raises(KeyError, match=r"'rerank'; rows of a table of yours need FakeTransport\(table=...\)"):
        fake["rerank"]
    client: Any = oai.OpenAI(transport=fake)
    with pytest.raises(oai.transports.fake.UnexpectedCall, match=r"add yours with FakeTransport\(table=...\)"):
        client.post("/rerank", body={})
