"""The format of cassettes: layout, validation, and round trips of content."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import example as tried
from hypothesis import strategies as st

from oai._incoming.forms import form_parts
from oai._recording import cassette
from oai._recording.cassette import CassetteError, Exchange, RecordedRequest, RecordedResponse
from oai._recording.content import coarse, has_secret, keep_content, keep_stream
from oai._request.multipart import Multipart
from oai._support import atomic_files as _place
from oai._support.redact import Redactor

EXAMPLE = """{
  "oai-cassette": 1,
  "exchanges": [
    {
      "request": {
        "operation": "chat.completions.create",
        "method": "POST",
        "path": "/chat/completions",
        "json": {"messages": [{"content": "Hello", "role": "user"}], "model": "gpt-5", "stream": true}
      },
      "reply": {
        "status": 200,
        "headers": {"content-type": "text/event-stream"},
        "chunks": [
          {"data": {"choices": [{"delta": {"content": "A rather long piece of text that goes past the right margin"}}]}},
          {"after": 0.05, "text": "data: [DONE]\\n\\n"}
        ]
      }
    },
    {
      "request": {"method": "GET", "path": "/models", "query": {"limit": "2"}},
      "reply": {"status": 200, "json": {"data": [0.25, 1e-05]}, "layout": "spaced"}
    },
    {
      "request": {"method": "GET", "path": "/speech"},
      "reply": {
        "status": 200,
        "base64": "AAH/",
        "sha256": "f2fb3f3c07c3bb23a0c26a8d8a4a9a0dd41a6a1a5a2e9e1b0a5b0e3a1b2c3d4e"
      }
    },
    {
      "request": {"method": "GET", "path": "/models"},
      "reply": {"failure": {"kind": "receive", "message": "the response was cut short"}}
    }
  ]
}
"""


def example() -> str:
    import hashlib

    wrong = json.loads(EXAMPLE)["exchanges"][2]["reply"]["sha256"]
    return EXAMPLE.replace(wrong, hashlib.sha256(b"\x00\x01\xff").hexdigest())


def test_read_and_write_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text(example())
    exchanges = cassette.read(str(path))
    assert cassette.write(exchanges) == example()
    assert exchanges[0].reply.content().endswith(b'right margin"}}]}\n\ndata: [DONE]\n\n')
    assert exchanges[1].reply.content() == b'{"data": [0.25, 1e-05]}'
    assert exchanges[2].reply.content() == b"\x00\x01\xff"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"oai-cassette": 1', '"oai-cassette": 2', r"of version 2; supported is 1"),
        ('"oai-cassette": 1', '"another": 1', r"is not a cassette"),
        (
            '"status": 200,\n        "headers"',
            '"status": 200,\n        "extra": 1,\n        "headers"',
            r"unknown field `extra`.*exchanges\[0\]\.reply",
        ),
        ('"status": 200, "json"', '"status": "200", "json"', r"exchanges\[1\]\.reply\.status"),
        (
            '"layout": "spaced"',
            '"layout": "wide"',
            r"exchange 2, GET /models: the layout must be one of compact, .*, not .wide.",
        ),
        ('"AAH/"', '"AAH+"', r"`sha256` is not the digest"),
        ('"AAH/"', '"A"', r"`base64` is not base64"),
        ('"kind": "receive"', '"kind": "nothing"', r"must be one of connect, send"),
        ('"layout": "spaced"', '"exact": "[1]"', r"`exact` does not match `json`"),
        ('"layout": "spaced"', '"text": ["x"]', r"json and text exclude each other"),
        ('"layout": "spaced"', '"end": "open"', r"`end` must be .* not .open."),
        (
            '{"failure": {"kind": "receive", "message": "the response was cut short"}}',
            "{}",
            r"neither `status` nor `failure`",
        ),
        (
            '"method": "GET", "path": "/speech"',
            '"method": "GET", "method": "GET", "path": "/speech"',
            r"is not a cassette: duplicate name .method. in an object",
        ),
        (
            '  "exchanges"',
            '<<<<<<< HEAD\n  "exchanges"',
            r"is not a cassette: line 3, column 1: unresolved merge conflict",
        ),
        ('"status": 200,', '"status": 200', r"is not a cassette: line \d+, column \d+: Expecting ',' delimiter"),
        (
            '"data": [0.25, 1e-05]',
            f'"data": {"[" * 20_000 + "]" * 20_000}',
            r"is not a cassette: it is nested too deeply",
        ),
    ],
)
def test_invalid_cassette_error_names_the_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "c"
    assert old in example()
    path.write_text(example().replace(old, new))
    with pytest.raises(CassetteError, match=message) as caught:
        cassette.read(str(path))
    assert str(path) in str(caught.value)


def test_editor_changes_are_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "c"
    for text in ("\ufeff" + example(), example().replace("\n", "\r\n"), example().rstrip()):
        path.write_bytes(text.encode())
        assert cassette.write(cassette.read(str(path))) == example()
    path.write_bytes(example().encode().replace(b"right margin", b"right m\xe4rgin"))
    with pytest.raises(CassetteError, match=r"line \d+ is not UTF-8"):
        cassette.read(str(path))


UNICODE = ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
MARKED = st.builds(lambda text, codec: f"\ufeff{text}".encode(codec, "replace"), st.text(), st.sampled_from(UNICODE))


@tried(b"\x00\x00\xfe\xff")
@tried("\ufeffA".encode("utf-16-be"))
@given(st.binary() | st.text().map(lambda text: text.encode(errors="replace")) | MARKED)
def test_content_round_trip(content: bytes) -> None:
    assume(not has_secret(content, Redactor()))
    assert RecordedResponse(**keep_content(content, Redactor())).content() == content


@pytest.mark.parametrize(
    "text",
    [
        "[1.50]",
        '{"a":1,"a":2}',
        "NaN",
        "1e999",
        '"\\ud800"',
        "[" * 150 + "]" * 150,
        '{ "a" : 1 }',
        "\ufeff{}",
        "",
        "{}\n\n",
    ],
)
def test_json_without_a_known_layout_is_kept_exactly(text: str) -> None:
    answered = RecordedResponse(status=200, **keep_content(text.encode(), Redactor()))
    written = cassette.write([Exchange(request=RecordedRequest(method="GET", path="/"), reply=answered)])
    assert json.loads(written, parse_constant=pytest.fail)
    assert answered.content() == text.encode()


@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b'data: {"a": 1}\n\n', b"event: x\ndata: [2]\n\n", b'data: {"a":'])
    )
)
def test_stream_round_trip_keeps_boundaries(pieces: list[bytes]) -> None:
    assume(not has_secret(b"".join(pieces), Redactor()))  # of bytes that look like a key by chance
    chunks = keep_stream([(0.0, piece) for piece in pieces], Redactor())
    assert [chunk.content() for chunk in chunks] == [piece for piece in pieces if piece]


@given(st.integers(0, 60), st.integers(1, 9))
def test_secret_split_across_pieces_is_redacted(place: int, size: int) -> None:
    key = "sk-" + "abcdefghij" * 2
    whole = f'data: {{"delta":"my {key}, yes"}}\n\ndata: {{"x":1}}\n\n'.encode()
    pieces = [whole[:place], *(whole[start : start + size] for start in range(place, len(whole), size))]
    kept = b"".join(chunk.content() for chunk in keep_stream([(0.0, piece) for piece in pieces], Redactor()))
    assert kept == whole.replace(key.encode(), b"[redacted]")


@given(
    st.dictionaries(st.text("abc", min_size=1), st.text(), max_size=3),
    st.lists(st.tuples(st.text("abc", min_size=1), st.binary(max_size=80)), max_size=3),
    st.integers(1, 50),
)
def test_form_is_parsed_from_any_pieces(fields: dict[str, str], files: list[tuple[str, bytes]], size: int) -> None:
    import hashlib

    form = Multipart(
        {name: value.encode(errors="replace").decode() for name, value in fields.items()},
        [(name, ("f.bin", data)) for name, data in files],
        boundary="B",
    )
    whole = b"".join(form)
    parts = list(form_parts([whole[start : start + size] for start in range(0, len(whole), size)], b"B"))
    assert [head["name"] for head, _ in parts] == [*fields, *(name for name, _ in files)]
    sizes = [len(value.encode(errors="replace")) for value in fields.values()] + [len(data) for _, data in files]
    assert [part.digest()["size"] for _, part in parts] == sizes
    for (_, part), (_, data) in zip(parts[len(fields) :], files, strict=True):
        assert part.digest()["sha256"] == hashlib.sha256(data).hexdigest()


def test_invisible_characters_are_escaped() -> None:
    exchange = Exchange(
        request=RecordedRequest(method="GET", path="/"), reply=RecordedResponse(status=200, text=["a\u202eb \u00e9\n"])
    )
    assert '"a\\u202eb \u00e9\\n"' in cassette.write([exchange])


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [(0.0, 0.0), (0.019, 0.0), (0.02, 0.02), (0.06, 0.05), (0.9, 1.0), (1.4, 1.0), (1.5, 2.0), (8.0, 10.0)],
)
def test_waits_are_rounded(seconds: float, kept: float) -> None:
    assert coarse(seconds) == kept


def test_redaction_is_idempotent() -> None:
    key = "sk-" + "abcdefghij" * 2
    value = {
        "api_key": {"object": "organization.project.service_account.api_key", "value": "v" * 20, "id": "key_1"},
        "tools": [{"type": "mcp", "headers": {"a": "b" * 20}, "authorization": "c" * 20}],
        "policy": {"domain_secrets": [{"domain": "x.com", "name": "N", "value": "d" * 20}]},
        "arguments": json.dumps({"password": "e" * 20}),
        "url": f"https://x/y?sig={'f' * 20}&n=1",
        "result": json.dumps({"client_secret": {"expires_at": 1, "value": "g" * 20}}),
        "within": json.dumps({"output": json.dumps({"password": "h" * 20, "n": 1})}),
        "server_url": f"https://me:{'i' * 20}@x.com:8080/y",
        "logprobs": [{"token": " a longer token", "bytes": [1]}],
        "filter": {"key": "author_of_the_text", "value": "somebody in there"},
        "text": f"Bearer {key} and {key}",
    }
    redactor = Redactor()
    once = redactor.json(value)
    assert redactor.json(once) == once
    text = json.dumps(once)
    assert not any(letter * 20 in text for letter in "vbcdefghi")
    assert key not in text
    assert once["api_key"]["id"] == "key_1"
    assert once["logprobs"] == value["logprobs"]
    assert once["filter"] == value["filter"]
    assert once["url"] == "https://x/y?sig=[redacted]&n=1"
    assert once["server_url"] == "https://me:[redacted]@x.com:8080/y"
    assert json.loads(json.loads(once["within"])["output"]) == {"password": "[redacted]", "n": 1}


@pytest.mark.parametrize(
    "stream",
    [
        b'data: {"n":1}\r\rdata: {"client_secret":{"value":"%b"}}\r\r',
        b'\xef\xbb\xbfdata: {"client_secret":{"value":"%b"}}\n\n',
        b'data: {"n": 1,\ndata: "client_secret": {"value": "%b"}}\n\n',
    ],
)
def test_secret_field_is_redacted_in_any_form_of_stream(stream: bytes) -> None:
    chunks = keep_stream([(0.0, stream % (b"s" * 20))], Redactor())
    assert b"".join(chunk.content() for chunk in chunks) == stream % b"[redacted]"


@pytest.mark.parametrize("before", ["", " ", "\u5bc6", "_", "=", "\u201c", '"', "/"])
def test_key_is_redacted_after_any_character(before: str) -> None:
    key = "sk-" + "abcdefghij" * 2
    assert Redactor().text(f"{before}{key}") == f"{before}[redacted]"


def test_similar_text_is_not_redacted() -> None:
    text = "risk-averse task-oriented sess_C9CiUVUzUzYIssh3ELY1d key_abc sk-abc...def disk_0123456789abcdef"
    assert Redactor().text(text) == text


def test_concurrent_replacements_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")

    def count(_: int) -> None:
        _place.replace_file(str(path), lambda: str(int(path.read_text()) + 1))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(count, range(30)))
    assert path.read_text() == "30"


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        _place.replace_file(str(path), lambda: "\ud800")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["c"]


def test_secret_fields_of_events_are_redacted() -> None:
    tools = [{"type": "mcp", "headers": {"X-Mine": "a plain word or two"}}]
    whole = b'event: x\ndata: {"n": 1}\n\ndata: ' + json.dumps({"tools": tools}).encode() + b"\n\n"
    chunks = keep_stream([(0.0, whole[:60]), (0.0, whole[60:])], Redactor())
    lines = keep_content(whole, Redactor())["text"]
    expected = whole.replace(b"a plain word or two", b"[redacted]")
    assert b"".join(chunk.content() for chunk in chunks) == "".join(lines).encode() == expected
