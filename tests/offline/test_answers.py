"""Offline responses: every operation has one, it decodes strictly, and it reflects the request."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import datetime as dt
import enum
import importlib
import pkgutil
import struct
import wave
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oai
import oai.types
from oai._http.messages import Request, TransportError
from oai._http.sse import EventParser
from oai._incoming import reading as _incoming_reading
from oai._incoming.forms import form_boundary
from oai._incoming.reading import read_form
from oai._incoming.router import match_path
from oai._json.objects import Object
from oai._json.strict import decoder
from oai._json.unions import tag_fields, untagged
from oai._offline.answers import DISCLAIMER
from oai._offline.sampler import SampleFactory
from oai._table.load import shipped_table
from oai._table.operation import Operation
from oai.transports.offline import OfflineTransport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGES = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "What is the sea?"}]
EXPECTED_TEXT = f'You said: "What is the sea?". {DISCLAIMER}'


@pytest.fixture
def client() -> Iterator[oai.OpenAI]:
    with oai.OpenAI(transport=OfflineTransport()) as client:
        yield client


def operations() -> list[Operation]:
    return [Operation(name, row) for name, row in shipped_table().items()]


def request_of(operation: Operation, *, stream: bool = False) -> Request:
    path = operation.path(tuple(f"part-{index}" for index, _ in enumerate(operation.row.path_params)))
    url = f"https://api.example.invalid/v1{path}"
    return Request(operation.row.method, url, [], b"{}", operation=operation, stream=stream)


def test_response_of_every_operation_decodes_strictly() -> None:
    failed = []
    for operation in operations():
        reply = OfflineTransport().send(request_of(operation))
        kind, content = operation.response_type, reply.read()
        if kind in (None, type(None)):
            assert (reply.status, content) == (204, b"")
        elif kind in (bytes, str):
            assert content
        else:
            try:
                decoder(kind).decode(content)
            except msgspec.ValidationError as error:
                failed.append((operation.name, str(error)))
    assert failed == []


def test_every_streamed_event_decodes_strictly_and_the_stream_ends() -> None:
    streams = [operation for operation in operations() if operation.row.stream]
    assert streams
    for operation in streams:
        events = EventParser().feed(OfflineTransport().send(request_of(operation, stream=True)).read())
        assert len(events) > 1, operation.name
        named = "event" in tag_fields(operation.stream_type)
        items = []
        for event in events:
            if event.data != b"[DONE]":
                data = (
                    msgspec.json.encode({"event": event.event, "data": msgspec.Raw(event.data)})
                    if named
                    else event.data
                )
                items.append(decoder(operation.stream_type).decode(data))
        assert events[-1].data == b"[DONE]" or items[-1].type in operation.row.end, operation.name


def test_sample_of_every_api_struct_decodes_strictly() -> None:
    failed, count = [], 0
    for info in pkgutil.walk_packages(oai.types.__path__, "oai.types."):
        module = importlib.import_module(info.name)
        for name, kind in vars(module).items():
            if isinstance(kind, type) and issubclass(kind, Object) and kind.__module__ == info.name:
                count += 1
                try:
                    decoder(kind).decode(msgspec.json.encode(SampleFactory().make(kind)))
                except (msgspec.ValidationError, KeyError, TypeError) as error:
                    failed.append((name, str(error)))
    assert failed == []
    assert count > 100


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    label: Colour


class Options(TypedDict):
    deep: bool


class Tree(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=12)]
    size: Annotated[int, msgspec.Meta(ge=3, le=9)]
    weight: Annotated[float, msgspec.Meta(gt=0)]
    children: list[Tree]
    made: dt.datetime
    pair: tuple[int, str]
    point: Point
    options: Options
    tags: dict[str, int]
    kind: Literal["b", "a"]
    either: untagged(Point, Options)  # type: ignore[valid-type]


def test_user_types_have_samples() -> None:
    tree = decoder(Tree).decode(msgspec.json.encode(SampleFactory().make(Tree)))
    assert tree.point == Point(0, Colour.RED)
    assert tree.made.year == 2026
    depth, inner = 0, tree
    while inner.children:
        depth, inner = depth + 1, inner.children[0]
    assert 1 < depth < 20


def test_chat_quotes_the_prompt_without_a_key(client: oai.OpenAI) -> None:
    answer = client.chat.completions.create(model="my-model", messages=MESSAGES, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert {choice.message.content for choice in answer.choices} == {EXPECTED_TEXT}
    assert (answer.id, answer.model, answer.choices[0].finish_reason) == ("chatcmpl-offline", "my-model", "stop")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id == "offline"


def test_chat_streams_word_by_word(client: oai.OpenAI) -> None:
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True, stream_options=options))
    texts = [chunk.choices[0].delta.content for chunk in chunks[:-1]]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(text or "" for text in texts) == EXPECTED_TEXT
    assert len(texts) > len(EXPECTED_TEXT.split())
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], len(EXPECTED_TEXT.split()))


def test_streamed_deltas_match_the_final_response(client: oai.OpenAI) -> None:
    events = list(client.responses.create(model="m", input="What is the sea?", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == EXPECTED_TEXT
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[0].response.status, events[0].response.output) == (
        "response.created",
        "in_progress",
        [],
    )
    assert (events[-1].type, events[-1].response.output_text) == ("response.completed", EXPECTED_TEXT)


@pytest.mark.filterwarnings("ignore:beta.threads.runs.create:DeprecationWarning")
def test_assistant_run_streams_named_events(client: oai.OpenAI) -> None:
    stream = client.beta.threads.runs.create("thread_1", assistant_id="asst_1", stream=True)
    events = list(stream)
    assert (events[0].event, events[-1].event) == ("thread.run.created", "thread.run.completed")
    assert events[-1].data.thread_id == "thread_1"


@pytest.mark.parametrize("stream", [False, True])
def test_response_read_as_it_arrives_is_a_stream_only_if_requested(client: oai.OpenAI, stream: bool) -> None:
    options: dict[str, Any] = {"model": "m", "messages": MESSAGES, **({"stream": True} if stream else {})}
    with client.chat.completions.with_streaming_response.create(**options) as response:
        assert response.headers["content-type"] == ("text/event-stream" if stream else "application/json")
        result = response.parse()
    assert (type(result) is oai.types.chat.ChatCompletion) is not stream
    with client.models.with_streaming_response.list() as models:
        assert [model.id for model in models.parse()] == ["model_offline"]
    with client.audio.speech.with_streaming_response.create(model="m", voice="v", input="x") as speech:
        assert b"".join(speech.iter_bytes()).startswith(b"RIFF")
    with client.audio.transcriptions.with_streaming_response.create(
        model="m", file=b"x", response_format="text"
    ) as text:
        assert text.read().startswith(b"This is an offline")


def test_async_response_read_as_it_arrives_is_a_stream_only_if_requested() -> None:
    async def run(**options: Any) -> str:
        async with oai.AsyncOpenAI(transport=OfflineTransport()) as client:
            create = client.responses.with_streaming_response.create
            async with create(model="m", input="What is the sea?", **options) as response:
                await response.read()
                return str(response.headers["content-type"])

    assert asyncio.run(run()) == "application/json"
    assert asyncio.run(run(stream=True)) == "text/event-stream"


def test_undeclared_and_tool_responses_read_as_they_arrive_are_whole(client: oai.OpenAI) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    create = client.chat.completions.with_streaming_response.create
    with create(model="m", messages=MESSAGES, tools=tools) as response:
        assert response.parse().choices[0].message.tool_calls[0].function.name == "f"


def test_retrieved_object_has_the_requested_id(client: oai.OpenAI) -> None:
    assert client.models.retrieve("gpt/5 ü").id == "gpt/5 ü"
    assert client.batches.cancel("batch_7").id == "batch_7"
    assert client.files.delete("file-7").to_dict() == {"id": "file-7", "deleted": True, "object": "file"}


def test_pagination_ends(client: oai.OpenAI) -> None:
    page = client.files.list(limit=3)
    assert page.has_more is False
    assert len(list(page)) == 1


def test_uploaded_file_is_read_and_described(client: oai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"line\r\n--not a boundary\r\n\r\n" * 100)
    file = client.files.create(file=path, purpose="user_data")
    assert (file.filename, file.bytes, file.purpose) == ("notes.txt", 2600, "user_data")
    path.unlink()
    with pytest.raises(FileNotFoundError):
        client.files.create(file=path, purpose="user_data")


def test_upload_larger_than_the_parsed_start_of_a_body_has_its_full_size(
    client: oai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_incoming_reading, "KEPT", 300)
    file = client.files.create(file=("big.bin", b"x" * 5000), purpose="user_data")
    assert (file.filename, file.bytes, file.purpose) == ("big.bin", 5000, "user_data")


FORM = b"""\
--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n\
--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--b--\r\n"""


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(("missing", "expected"), [(0, 3), (4, 3), (8, 4), (9, 3)])
def test_truncated_form_is_read_incrementally(size: int, missing: int, expected: int) -> None:
    form = FORM[: len(FORM) - missing]
    pieces = [form[start : start + size] for start in range(0, len(form), size)]
    assert read_form(pieces, b"b") == ({"purpose": "batch"}, [("a.txt", expected)])


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=b", b"b"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b"', b"a b"),
        ("multipart/form-data; boundary=b; charset=utf-8", b"b"),
        ("multipart/form-data", None),
        ("application/json; boundary=b", None),
    ],
)
def test_boundary_is_parsed_from_content_type(content_type: str, boundary: bytes | None) -> None:
    assert form_boundary(content_type) == boundary


@pytest.mark.parametrize(
    ("template", "path", "match"),
    [
        ("/models", "/v1/models", ("/models", {})),
        ("/models", "/v1/supermodels", None),
        ("/files/{file_id}", "/openai/files/a%2Fb", ("/files/a%2Fb", {"file_id": "a/b"})),
        ("/files/{file_id}/content", "/v1/files//content", None),
        ("/files/{file_id}", "/v1/files/x/content", None),
        ("/a/{b}:run?beta=true", "/x/a/1:run", ("/a/1:run", {"b": "1"})),
        ("/a.b/{c}.json", "/aXb/1.json", None),
        ("a/{b}", "/v1/a/c", ("/a/c", {"b": "c"})),
    ],
)
def test_paths_match_templates(template: str, path: str, match: tuple[str, dict[str, str]] | None) -> None:
    assert match_path(template, path) == match


def test_speech_is_a_playable_wave_file(client: oai.OpenAI) -> None:
    speech = client.audio.speech.create(model="m", voice="v", input="Hello")
    with wave.open(BytesIO(speech.content)) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (8000, 2000, 1)


def test_image_is_a_png_with_valid_checksums(client: oai.OpenAI) -> None:
    images = client.images.generate(prompt="A cat", n=2)
    assert len(images.data) == 2
    content = base64.b64decode(images.data[0].b64_json)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds = 8, []
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunk = content[at + 4 : at + 8 + length]
        assert struct.unpack_from(">I", content, at + 8 + length)[0] == zlib.crc32(chunk)
        kinds.append(chunk[:4])
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    by_url = client.images.generate(prompt="A cat", response_format="url")
    assert by_url.data[0].url
    assert by_url.data[0].b64_json is None
    assert len(client.images.edit(image=content, prompt="A dog", n=3).data) == 3  # a number in a form is text


def test_embeddings_match_inputs_and_dimensions() -> None:
    client = oai.OpenAI(transport=OfflineTransport())
    options: dict[str, Any] = {"model": "m", "input": ["one", "two", "one"], "dimensions": 5}
    first, second, third = (
        each.embedding for each in client.embeddings.create(**options, encoding_format="float").data
    )
    assert first == third != second
    assert len(first) == 5
    assert sum(number * number for number in first) == pytest.approx(1)
    operation = Operation("embeddings.create", shipped_table()["embeddings.create"])
    body = msgspec.json.encode({**options, "encoding_format": "base64"})
    reply = OfflineTransport().send(Request("POST", "http://h/v1/embeddings", [], body, operation=operation))
    packed = msgspec.json.decode(reply.read())["data"][0]["embedding"]
    assert struct.unpack("<5f", base64.b64decode(packed)) == pytest.approx(first)


@pytest.mark.parametrize(("form", "start"), [("srt", "1\n00:00:00,000 --> "), ("vtt", "WEBVTT\n"), ("text", "This is")])
def test_transcript_has_the_requested_format(client: oai.OpenAI, form: str, start: str) -> None:
    text = client.audio.transcriptions.create(file=b"RIFF", model="whisper-1", response_format=form)
    assert isinstance(text, str)
    assert text.startswith(start)


def test_verbose_transcript_has_its_type(client: oai.OpenAI) -> None:
    verbose = client.audio.transcriptions.create(file=b"RIFF", model="whisper-1", response_format="verbose_json")
    assert type(verbose).__name__ == "TranscriptionVerbose"


def test_undeclared_request_is_echoed(client: oai.OpenAI) -> None:
    answer = client.post("/rerank", body={"prompt": "Hi"})
    assert (answer.method, answer.path) == ("POST", "/v1/rerank")
    assert '"Hi"' in answer.message
    texts = [event["text"] for event in client.post("/rerank", body={"prompt": "Hi"}, stream=True)]
    assert "".join(texts) == answer.message
    assert client.get("/rerank", cast_to=Point) == Point(0, Colour.RED)


@given(text=st.text(min_size=1), stream=st.booleans())
def test_same_request_gets_same_response(text: str, stream: bool) -> None:
    client = oai.OpenAI(transport=OfflineTransport())

    def create() -> list[dict[str, Any]]:
        answer = client.responses.create(model="m", input=text, stream=stream)
        return [event.to_dict() for event in answer] if stream else [answer.to_dict()]

    assert create() == create()


def test_json_object_format_returns_json(client: oai.OpenAI) -> None:
    answer = client.chat.completions.create(model="m", messages=MESSAGES, response_format={"type": "json_object"})
    assert msgspec.json.decode(answer.choices[0].message.content) == {"answer": EXPECTED_TEXT}


def test_closed_transport_and_closed_reply_raise() -> None:
    transport = OfflineTransport()
    request = request_of(Operation("models.list", shipped_table()["models.list"]))
    reply = transport.send(request)
    reply.close()
    reply.close()
    with pytest.raises(TransportError, match="closed"):
        reply.read()
    transport.close()
    with pytest.raises(TransportError, match="closed"):
        transport.send(request)
