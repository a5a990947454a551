"""Results: structs with their response, pages, binary data, text, `None`."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from both import Way

import oai
from oai.testing import Answer, Loopback, Seen

Make = Callable[..., oai.OpenAI]

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}


def file(number: int) -> dict[str, Any]:
    name = f"file-{number:03}"
    return {
        "id": name,
        "object": "file",
        "bytes": 1,
        "created_at": 1,
        "filename": name,
        "purpose": "evals",
        "status": "ok",
    }


def test_result_has_its_response(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json=MODEL, headers=[("X-Request-Id", "req-1"), ("x-many", "1"), ("X-Many", "2")])
    model = client.models.retrieve("m")
    response = model._response
    assert model._request_id == "req-1"
    assert (response.status_code, response.reason, response.retries_taken) == (200, "OK", 0)
    assert timedelta() < response.elapsed < timedelta(seconds=60)
    assert (response.reason_phrase, response.is_success, response.is_error) == ("OK", True, False)
    assert (response.http_version, response.is_closed) == ("HTTP/1.1", True)
    assert response.raise_for_status() is response.http_response is response
    assert response.http_request is response.request
    assert response.request.headers["accept"] == response.request.headers.get("Accept") == "application/json"
    assert response.url == f"{server.url}/v1/models/m"
    assert (response.url.scheme, response.url.host, response.url.path) == ("http", "127.0.0.1", "/v1/models/m")
    assert (response.url.port, response.url.query, response.url.raw_path) == (server.port, b"", b"/v1/models/m")
    assert response.json() == MODEL
    assert response.headers["x-many"] == "1, 2"
    assert response.headers.get_list("X-Many") == ["1", "2"]
    assert ("X-Many", "2") in response.headers.multi_items()
    assert "x-nothing" not in response.headers
    assert "_response" not in model.to_dict()


def test_raise_for_status_raises_the_error_of_the_call(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.error(404, "gone"))
    with pytest.raises(oai.NotFoundError) as caught:
        client.models.retrieve("m")
    response = pickle.loads(pickle.dumps(caught.value.response))
    assert (response.is_error, response.is_success) == (True, False)
    with pytest.raises(oai.NotFoundError, match="gone"):
        response.raise_for_status()


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("", "utf-8"),
        *(("; charset=latin-1", "iso8859-1"), ('; a=b; Charset="UTF-16"', "utf-16"), ("; charset=gbk", "gbk")),
        *(("; charset=rot13", "utf-8"), ("; charset=undefined", "utf-8"), ("; charset=\x01", "utf-8")),
        *(("; charset=no-such", "utf-8"), ("; charset=", "utf-8"), ("; charset=punycode", "utf-8")),
    ],
)
def test_text_is_decoded_in_its_charset(charset: str, encoding: str, way: Way, server: Loopback) -> None:
    text = "caf\u00e9"
    server.default = Answer(body=text.encode(encoding), content_type=f"text/plain{charset}")
    answer = way.call("files.content", file_id="f")
    assert (answer.text, answer.encoding) == (text, encoding)
    assert list(answer.iter_lines()) == [text]
    transcription = way.call("audio.transcriptions.create", file=b"x", model="m", response_format="text")
    assert transcription == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_at_cr_and_lf_only(end: str, server: Loopback, client: oai.OpenAI) -> None:
    lines = ["a\u2028b", "", "c\x85\x0b\x0c\x1c\u2029d"]
    server.default = Answer(body=end.join(lines))
    assert list(client.files.content("f").iter_lines()) == lines
    server.default = Answer(body=end.join([*lines, ""]))
    assert list(client.files.content("f").iter_lines()) == lines


def pages_of(count: int, size: int, *, has_more: bool = True) -> Callable[[Seen], Answer]:
    """Respond as the API lists files: `size` files after the one in `after`."""

    def answer(request: Seen) -> Answer:
        after = parse_qs(request.query).get("after", ["file--01"])[0]
        start = int(after.removeprefix("file-")) + 1 if after != "file--01" else 0
        data = [file(number) for number in range(start, min(start + size, count))]
        more = {"has_more": start + size < count} if has_more else {}
        return Answer.of_json({"object": "list", "data": data, **more})

    return answer


def test_iterating_a_page_fetches_all_pages(server: Loopback, client: oai.OpenAI) -> None:
    server.default = pages_of(7, 3)
    page = client.files.list(purpose="evals", limit=3)
    assert [each.id for each in page.data] == ["file-000", "file-001", "file-002"]
    assert page.has_next_page()
    assert [each.id for each in page] == [f"file-{number:03}" for number in range(7)]
    assert [request.query for request in server.requests] == [
        "limit=3&purpose=evals",
        "limit=3&purpose=evals&after=file-002",
        "limit=3&purpose=evals&after=file-005",
    ]


def test_pages_are_fetched_one_by_one(server: Loopback, client: oai.OpenAI) -> None:
    server.default = pages_of(5, 2)
    page = client.files.list()
    second = page.get_next_page()
    assert type(second) is type(page) is oai.CursorPage
    assert [each.id for each in second.data] == ["file-002", "file-003"]
    assert [len(each.data) for each in page.iter_pages()] == [2, 2, 1]
    last = second.get_next_page()
    assert not last.has_next_page()
    with pytest.raises(RuntimeError, match="there is no next page"):
        last.get_next_page()


def test_list_without_has_more_ends_at_an_empty_page(server: Loopback, client: oai.OpenAI) -> None:
    server.default = pages_of(4, 2, has_more=False)
    assert len(list(client.files.list())) == 4
    assert len(server.requests) == 3


def test_server_that_ignores_the_cursor_ends_the_list(server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json({"object": "list", "data": [file(1)], "has_more": True})
    assert len(list(client.files.list())) == 2
    assert len(server.requests) == 2


def test_next_page_keeps_the_options_of_the_call(server: Loopback, client: oai.OpenAI) -> None:
    server.default = pages_of(3, 2)
    list(client.files.list(extra_headers={"X-Own": "1"}, extra_query={"own": "2"}))
    assert all(request.header("x-own") == "1" and "own=2" in request.query for request in server.requests)


def test_list_of_a_single_page(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"object": "list", "data": [MODEL]})
    page = client.models.list()
    assert not page.has_next_page()
    assert [model.id for model in page] == ["m"]


@pytest.mark.parametrize(
    "body",
    [
        *({"object": "list", "data": None}, {"object": "list"}, {}),
        *({"data": {"a": 1}, "has_more": True}, {"data": "abc"}),
    ],
)
def test_list_without_data_is_empty(body: dict[str, Any], server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json=body)
    assert list(client.files.list()) == []


def test_other_page_types_find_the_next_page(server: Loopback, client_to: Make) -> None:
    client = client_to(admin_api_key="admin")
    item = {"type": "message", "id": "i", "role": "user", "status": "completed", "content": []}
    server.reply(json={"object": "list", "data": [item], "has_more": True, "first_id": "i", "last_id": "last-1"})
    server.reply(json={"object": "list", "data": [], "has_more": False})
    assert len(list(client.conversations.items.list("c"))) == 1
    assert server.requests[-1].query == "after=last-1"
    group = {"id": "g", "name": "n", "created_at": 1, "is_scim_managed": False, "group_type": "group"}
    server.reply(json={"object": "list", "data": [group], "has_more": True, "next": "next-1"})
    server.reply(json={"object": "list", "data": [], "has_more": False, "next": None})
    assert len(list(client.admin.organization.groups.list())) == 1
    assert server.requests[-1].query == "after=next-1"


def test_binary_response_accessors(server: Loopback, client: oai.OpenAI, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    server.reply(Answer(body=content, content_type="audio/mpeg", headers=[("x-request-id", "r")]))
    answer = client.audio.speech.create(model="m", input="x", voice="alloy")
    assert isinstance(answer, oai.BinaryResponse)
    assert answer.content == answer.read() == content
    assert [len(piece) for piece in answer.iter_bytes(4096)] == [4096, 4096, 2048]
    assert b"".join(answer.iter_bytes()) == content
    answer.write_to_file(tmp_path / "speech.mp3")
    assert (tmp_path / "speech.mp3").read_bytes() == content
    assert os.listdir(tmp_path) == ["speech.mp3"]
    assert (answer._request_id, answer.status_code) == ("r", 200)
    assert repr(answer) == "<BinaryResponse 10240 bytes audio/mpeg>"


def test_binary_response_has_the_official_async_methods(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer(body="a\nb\u00fc\r\nc")

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url=server.url) as client:
            answer = await client.files.content("f")
            assert await answer.aread() == answer.content == "a\nb\u00fc\r\nc".encode()
            assert [len(each) async for each in answer.aiter_bytes(3)] == [len(each) for each in answer.iter_raw(3)]
            assert [each async for each in answer.aiter_text(4)] == list(answer.iter_text(4)) == ["a\nb\u00fc", "\r\nc"]
            assert [each async for each in answer.aiter_lines()] == list(answer.iter_lines()) == ["a", "b\u00fc", "c"]
            await answer.astream_to_file(tmp_path / "content")
            await answer.aclose()
            assert (tmp_path / "content").read_bytes() == answer.content

    asyncio.run(main())


def test_failed_write_keeps_the_old_file(server: Loopback, client: oai.OpenAI, tmp_path: Path) -> None:
    server.reply(Answer(body=b"new"))
    answer = client.files.content("f")
    with pytest.raises(FileNotFoundError):
        answer.write_to_file(tmp_path / "nowhere" / "x")
    (tmp_path / "old").mkdir()
    with pytest.raises(OSError, match="directory"):
        answer.write_to_file(tmp_path / "old")
    assert os.listdir(tmp_path) == ["old"]


def test_writing_through_a_symbolic_link_replaces_its_target(
    server: Loopback, client: oai.OpenAI, tmp_path: Path
) -> None:
    server.reply(Answer(body=b"new"))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "kept" / "file")
    client.files.content("f").write_to_file(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept" / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path / "kept") == ["file"]


def test_binary_response_is_written_to_a_pipe(server: Loopback, client: oai.OpenAI, tmp_path: Path) -> None:
    server.reply(Answer(body=b"through a pipe"))
    answer = client.files.content("f")
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    answer.write_to_file(tmp_path / "pipe")
    reader.join(30)
    assert read == [b"through a pipe"]


@pytest.mark.parametrize(
    "text",
    [
        *("1\n00:00:00,000 --> 00:00:01,000\nHi\n", "WEBVTT\n\nHi", "Hi", ""),
        *("[Music]\n", "{inaudible}", "42\n", "null", "true", '"Yes."', "[1]"),  # look like JSON, and some are
    ],
)
def test_text_response_is_a_str(text: str, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer(body=text, content_type="text/plain; charset=utf-8", headers=[("x-request-id", "r")]))
    answer = client.audio.transcriptions.create(file=("a.wav", b"x"), model="m", response_format="srt")
    assert answer == text
    assert isinstance(answer, str)
    assert answer._request_id == "r"


VERBOSE = {"text": "Hi", "language": "en", "duration": 1.5, "task": "transcribe", "segments": []}


@pytest.mark.parametrize("body", [{"text": "Hi"}, VERBOSE, {"text": "Hi", "own": 1}])
@pytest.mark.parametrize("kind", ["transcriptions", "translations"])
@pytest.mark.parametrize(
    ("options", "suffix"),
    [
        ({}, ""),
        ({"response_format": "json"}, ""),
        ({"response_format": "verbose_json"}, "Verbose"),
        ({"response_format": oai.omit, "extra_body": {"response_format": "verbose_json"}}, "Verbose"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_transcription_class_follows_the_requested_format(
    options: dict[str, Any], suffix: str, kind: str, body: dict[str, Any], way: Way, server: Loopback
) -> None:
    server.default = Answer.of_json(body)
    result = way.call(f"audio.{kind}.create", file=b"x", model="m", **options)
    assert type(result).__name__ == f"{kind[:-1].title()}{suffix}"
    assert result.to_dict() == body
    if suffix and kind == "transcriptions":
        assert result.words is None


TEXTS = ['{"text": "Hi"}', "123", "null", "[Music]", "Hi", "", '"Hi"', "WEBVTT\n\n1", '{"error": "Hi"}']


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream", None])
@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
def test_text_formats_are_always_a_str(
    response_format: str, content_type: str | None, text: str, way: Way, server: Loopback
) -> None:
    if text == '{"error": "Hi"}' and content_type == "application/json":
        return  # an error, see `test_error_bodies`
    server.default = Answer(body=text, content_type=content_type or "")
    options: dict[str, Any] = {"file": b"x", "model": "m", "response_format": response_format}
    results = [
        way.call("audio.transcriptions.create", **options),
        way.call("audio.transcriptions.with_raw_response.create", **options).parse(),
    ]
    assert results == [text, text]
    assert all(isinstance(result, str) for result in results)


@pytest.mark.parametrize("status", [204, 205])
def test_no_content_is_none(status: int, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer(status))
    assert client.models.retrieve("m") is None


def test_gzip_and_deflate_are_decoded(server: Loopback, client: oai.OpenAI) -> None:
    import json
    import zlib

    raw = zlib.compressobj(wbits=-15)
    bare = raw.compress(json.dumps(MODEL).encode()) + raw.flush()
    server.reply(Answer.of_json(MODEL, gzip=True))
    server.reply(Answer(body=zlib.compress(json.dumps(MODEL).encode()), headers=[("Content-Encoding", "deflate")]))
    server.reply(Answer(body=bare, headers=[("Content-Encoding", "Deflate")]))
    assert {client.models.retrieve("m").id for _ in range(3)} == {"m"}
    assert server.requests[0].header("accept-encoding") == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "body", "message"),
    [
        ("br", b"xyz", "unsupported content encoding 'br'"),
        ("gzip", b"not gzip", "the gzip content is broken"),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab", "the gzip content is truncated"),
    ],
)
def test_undecodable_content_encoding_raises(
    encoding: str, body: bytes, message: str, server: Loopback, client: oai.OpenAI
) -> None:
    server.reply(Answer(body=body, headers=[("Content-Encoding", encoding)]))
    with pytest.raises(oai.APIConnectionError, match=message):
        client.models.retrieve("m")
