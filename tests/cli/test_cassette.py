"""`oai cassette`: finds secrets without printing them, lists exchanges, converts cassettes of vcrpy."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from paths import DATA
from planted import planted

import oai
from oai._cli.main import main
from oai._recording import cassette as _cassette
from oai.testing import Answer, Loopback
from oai.transports.recorder import CassetteMiss, Recorder

VECTORS = DATA / "vcr"


KEY = planted("sk", "proj", "Checked0123456789abcdef")
PLAIN = planted("Opaque", "Value", "4711", "0815", by="")


def cassette(path: Path, *exchanges: dict[str, Any]) -> Path:
    """Write a cassette by hand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"oai-cassette": 1, "exchanges": exchanges}))
    return path


def exchange(request: dict[str, Any] | None = None, reply: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "request": {"method": "GET", "path": "/models", **(request or {})},
        "reply": {"status": 200, "json": {"ok": True}, **(reply or {})},
    }


def with_reply(**reply: Any) -> dict[str, Any]:
    return {**exchange(), "reply": {"status": 200, **reply}}


LEAKS = [
    (exchange({"json": {"tools": [{}, {"authorization": PLAIN}]}}), r"request.json.tools[1].authorization"),
    (exchange({"json": {"messages": [{"content": f"it is {KEY}"}]}}), "request.json.messages[0].content"),
    (exchange({"json": {KEY: 1}}), "a name in request.json"),
    (exchange({"query": {"api_key": PLAIN}}), "request.query.api_key"),
    (exchange({"headers": {"x-api-key": PLAIN}}), "request.headers.x-api-key"),
    (
        exchange({"form": [{"name": "a", "text": "b"}, {"name": "client_secret", "text": PLAIN}]}),
        "request.form[1].text",
    ),
    (exchange({"text": f"key: {KEY}"}), "request.text"),
    (exchange({"path": f"/x/{KEY}"}), "request.path"),
    (with_reply(json={"client_secret": {"value": PLAIN}}), "reply.json.client_secret.value"),
    (with_reply(text=[f"{KEY}\n"]), "reply.text[0]"),
    (with_reply(headers={"location": f"https://x.invalid/?sig={PLAIN}"}), "reply.headers.location"),
    (with_reply(base64=base64.b64encode(b"\x00" + KEY.encode()).decode()), "reply.base64"),
    (with_reply(chunks=[{"text": "x"}, {"data": {"delta": KEY}}]), "reply.chunks[1].data.delta"),
    (with_reply(chunks=[{"data": {"d": KEY[:9]}}, {"data": {"d": KEY[9:]}}]), "d of the joined events"),
    (with_reply(chunks=[{"text": KEY[:9]}, {"text": KEY[9:]}]), "at reply.chunks"),
    (
        {"request": {"method": "GET", "path": "/"}, "reply": {"failure": {"kind": "connect", "message": f"no {KEY}"}}},
        "reply.failure.message",
    ),
]


@pytest.mark.parametrize(("leaking", "place"), LEAKS)
def test_check_reports_position_of_secret_without_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], leaking: dict[str, Any], place: str
) -> None:
    path = cassette(tmp_path / "tests" / "a.cassette", exchange(), leaking)
    cassette(tmp_path / "tests" / "b.cassette", exchange())
    assert main(["cassette", "check", str(tmp_path)]) == 1
    output, complaint = capsys.readouterr()
    assert complaint == ""
    assert output.startswith(f"{path}: exchange 2")
    assert place in output
    assert output.count("\n") == 1
    assert KEY not in output
    assert KEY[9:] not in output
    assert PLAIN not in output


def test_check_reports_every_secret_and_unreadable_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = with_reply(json={"a": KEY, "b": [KEY], "api_key": PLAIN}, headers={"x-request-id": KEY})
    cassette(tmp_path / "deep" / "er" / "a.cassette", many)
    (tmp_path / "b.cassette").write_text("{")
    cassette(tmp_path / "new.cassette", {**exchange(), "more": 1})
    cassette(tmp_path / "not-looked-at.json", many)
    paths = [str(tmp_path), str(tmp_path / "b.cassette"), str(tmp_path / "gone.cassette")]
    assert main(["cassette", "check", *paths]) == 1
    lines = capsys.readouterr().out.splitlines()
    for place in ("reply.json.a", "reply.json.b[0]", "reply.json.api_key", "reply.headers.x-request-id"):
        assert sum(line.endswith(f" at {place}") for line in lines) == 1
    assert sum("b.cassette is not a cassette" in line for line in lines) == 1
    assert any("unknown field `more`" in line for line in lines)
    assert any("gone.cassette: No such file" in line for line in lines)
    assert len(lines) == 7


def test_recorded_cassette_passes_check(tmp_path: Path, server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    server.default = Answer.of_json({"id": KEY, "client_secret": {"value": PLAIN}})
    with Recorder(tmp_path / "a.cassette", mode="record", compare_headers=["x-api-key"]) as recorder:
        client = oai.OpenAI(api_key=KEY, base_url=server.url, transport=recorder, default_headers={"X-Api-Key": PLAIN})
        client.models.retrieve("m")
        client.post("/form", body={"client_secret": PLAIN, "tools[0][authorization]": PLAIN}, files={"file": b"x"})
    assert PLAIN not in (tmp_path / "a.cassette").read_text()
    assert main(["cassette", "check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 cassette, no secrets found\n"


def test_directory_without_cassettes_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassette", "check", str(tmp_path)]) == 1
    assert "no *.cassette files in or below this directory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "usage: oai cassette check PATH ... | show PATH ... | import OLD NEW"),
        (["chekc", "x"], "did you mean 'check'?"),
        (["check"], "needs files, or directories"),
        (["import", "one"], "OLD.yaml NEW.cassette"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["cassette", *words]) == 2
    assert message in capsys.readouterr().err


def test_show_prints_one_line_per_exchange(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failure = {"request": {"method": "GET", "path": "/a"}, "reply": {"failure": {"kind": "timeout", "message": "late"}}}
    stream = with_reply(
        headers={"content-type": "text/event-stream"}, chunks=[{"text": "ab"}, {"text": "c"}], end="closed"
    )
    path = cassette(
        tmp_path / "c.cassette", exchange({"operation": "models.list", "query": {"limit": "2"}}), failure, stream
    )
    assert main(["cassette", "show", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: 3 exchanges",
        "    1  GET /models?limit=2  models.list  200  no content type, 11 bytes",
        "    2  GET /a  -  timeout: late",
        "    3  GET /models  -  200  text/event-stream, 3 bytes in 2 chunks  closed by the caller",
    ]
    assert main(["cassette", "show", str(tmp_path / "none.cassette")]) == 1


def run_import(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> tuple[str, str]:
    assert main(["cassette", "import", *words]) == status
    output = capsys.readouterr()
    return output.out, output.err


def test_imported_vcr_cassette_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.cassette"
    output, notes = run_import(capsys, str(VECTORS / "urllib3.yaml"), str(path))
    assert output == f"{path}: 5 exchanges from {VECTORS / 'urllib3.yaml'}\n"
    assert "interaction 3, GET https://telemetry.example/events, is outside /v1: left out" in notes
    assert "interaction 6, GET https://api.openai.com/v1/nobody/knows/this, matches no operation of the table" in notes
    text = path.read_text()
    assert planted("not", "the", "real", "credential") not in text
    assert "a=b" not in text
    assert text.count('"data": {') == 2
    with Recorder(path, allow_unused=False) as recorder:
        client = oai.OpenAI(transport=recorder)
        answer = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])
        assert answer.choices[0].message.content == "Hi, [redacted]"
        assert answer._request_id == "req_1"
        with client.chat.completions.create(model="gpt-5", messages=[], stream=True) as stream:
            assert "".join(chunk.choices[0].delta.content for chunk in stream) == "Hello"
        assert client.audio.speech.create(model="m", input="x", voice="alloy").content == b"\x00\x01\xff\x80"
        assert client.models.list(extra_query={"limit": "2"}).data == []
        assert client.get("/nobody/knows/this", cast_to=dict) == {"ok": True}


def test_import_of_other_vcr_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "new.cassette")
    for name in ("httpx_4.yaml", "aiohttp.json", "python2.yaml"):
        assert ": 1 exchange from" in run_import(capsys, str(VECTORS / name), path)[0]
        client = oai.OpenAI(transport=Recorder(path), max_retries=0)
        if name == "httpx_4.yaml":
            assert client.models.retrieve("gpt-5").owned_by == "me"
        elif name == "aiohttp.json":
            with pytest.raises(oai.RateLimitError, match="slow down") as caught:
                client.embeddings.create(model="m", input="x")
            assert caught.value.response.headers["retry-after"] == "1"
        else:
            [only] = _cassette.read(path)
            assert only.request.title == "DELETE /models/ft:m (models.delete)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("interactions: [", "line 1"),
        ("- request: {}", "format before version 1"),
        ("a: 1", "no list of `interactions`"),
        ("interactions: []\nversion: 2", "format 2"),
        ("interactions: [{request: {uri: 'http://h/v1/models'}}]", "interaction 1 has no `response`"),
        ("interactions: [{response: {}}]", "interaction 1 has no `request`"),
        ("interactions: [{request: {uri: 'http://h/v1/models'}, response: {}}]", "has no status"),
        ("interactions: [{request: {uri: x, body: 3}, response: {}}]", "unsupported type of body, int"),
        ("interactions: !!python/object/apply:os.getcwd []", "plain YAML data"),
        ('{"interactions": [', "not valid JSON"),
        ('{"interactions": ' + "[" * 50_000 + "]" * 50_000 + "}", "nested too deeply"),
        ("interactions: " + "[" * 3_000 + "]" * 3_000, "nested too deeply"),
    ],
)
def test_invalid_vcr_cassette_is_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.cassette"
    old.write_text(text)
    output, complaint = run_import(capsys, str(old), str(new), status=1)
    assert output == ""
    assert message in complaint
    assert not new.exists()


def test_import_with_unredactable_secret_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.cassette"
    response = {"status": {"code": 200}, "headers": {}, "body": {"string": KEY.encode().hex()}}
    request = {"method": "GET", "uri": "https://x.invalid/v1/models", "headers": {"authorization": [f"Bearer {KEY}"]}}
    old.write_text(json.dumps({"version": 1, "interactions": [{"request": request, "response": response}]}))
    _, complaint = run_import(capsys, str(old), str(new), status=1)
    assert "nothing was written" in complaint
    assert KEY not in complaint
    assert not new.exists()


def test_import_keeps_only_requests_below_base_url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(VECTORS / "httpx_4.yaml"), str(tmp_path / "new.cassette")]
    assert (
        "is outside https://other.invalid/v1"
        in run_import(capsys, "--base-url", "https://other.invalid/v1", *words, status=1)[1]
    )
    assert "1 exchange" in run_import(capsys, "--base-url", "https://api.openai.com/v1/", *words)[0]


PLANTED_KEY = planted("of", "nobody", "at", "all")

RECORDING = """
import asyncio, json, sys
import vcr

library, cassette, serializer, url = sys.argv[1:]
headers = {"Authorization": "Bearer " + "-".join(["of", "nobody", "at", "all"]), "Content-Type": "application/json", "Accept-Encoding": "gzip"}
REQUESTS = [
    ("POST", "/chat/completions", {"model": "m", "messages": []}),
    ("POST", "/chat/completions", {"model": "m", "messages": [], "stream": True}),
    ("GET", "/models/gone", None),
    ("GET", "/files/f/content", None),
]
bodies = [None if body is None else json.dumps(body).encode() for _, _, body in REQUESTS]
requests = [(method, url + path, body) for (method, path, _), body in zip(REQUESTS, bodies)]

def urllib3():
    import urllib3
    with urllib3.PoolManager() as pool:
        for method, place, body in requests:
            pool.request(method, place, body=body, headers=headers)

def httpx():
    import httpx
    with httpx.Client() as client:
        for method, place, body in requests:
            client.request(method, place, content=body, headers=headers)

def aiohttp():
    import aiohttp
    async def run():
        async with aiohttp.ClientSession() as session:
            for method, place, body in requests:
                async with session.request(method, place, data=body, headers=headers) as response:
                    await response.read()
    asyncio.run(run())

with vcr.use_cassette(cassette, serializer=serializer):
    globals()[library]()
"""

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}


@pytest.mark.parametrize("library", ["urllib3", "aiohttp", "httpx"])
@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_import_of_fresh_vcr_recordings(
    tmp_path: Path, server: Loopback, capsys: pytest.CaptureFixture[str], library: str, serializer: str
) -> None:
    binary = bytes(range(256)) if serializer == "yaml" else b"plain text"  # vcrpy's JSON takes no binary
    server.reply(
        Answer.of_json(CHAT, gzip=serializer == "yaml"),
        Answer.events([CHUNK, CHUNK]),
        Answer.error(404, "no such model"),
        Answer(body=binary, content_type="application/octet-stream"),
    )
    old, new = tmp_path / f"old.{serializer}", tmp_path / "new.cassette"
    command = [sys.executable, "-c", RECORDING, library, str(old), serializer, f"{server.url}/v1"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    assert ": 4 exchanges from" in run_import(capsys, str(old), str(new))[0]
    assert PLANTED_KEY in old.read_text()
    assert PLANTED_KEY not in new.read_text()
    with Recorder(new, allow_unused=False) as recorder:
        client = oai.OpenAI(transport=recorder, max_retries=0)
        assert client.chat.completions.create(model="m", messages=[]).to_dict() == CHAT
        with client.chat.completions.create(model="m", messages=[], stream=True) as stream:
            assert [chunk.to_dict() for chunk in stream] == [CHUNK, CHUNK]
        with pytest.raises(oai.NotFoundError, match="no such model"):
            client.models.retrieve("gone")
        assert client.files.content("f").content == binary


def test_import_of_a_multipart_upload(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="n.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n'
    request = {
        "method": "POST",
        "uri": "https://api.openai.com/v1/files",
        "headers": {"Content-Type": ["multipart/form-data; boundary=b"]},
        "body": form.decode(),
    }
    body = {"string": '{"id": "f", "object": "file"}'}
    response = {"status": {"code": 200}, "headers": {"Content-Type": ["application/json"]}, "body": body}
    old, new = tmp_path / "old.json", tmp_path / "new.cassette"
    old.write_text(json.dumps({"version": 1, "interactions": [{"request": request, "response": response}]}))
    run_import(capsys, str(old), str(new))
    client = oai.OpenAI(transport=Recorder(new))
    assert client.files.create(file=("n.txt", b"hello", "text/plain"), purpose="user_data").id == "f"
    with pytest.raises(CassetteMiss):
        client.files.create(file=("n.txt", b"hullo", "text/plain"), purpose="user_data")


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v1/chat/completions", "chat.completions.create"),
        ("GET", "/v1/files/f/content", "files.content"),
        ("GET", "/v1/models/m", "models.retrieve"),
        ("POST", "/v1/responses?beta=true", "beta.responses.create"),
        ("POST", "/v1/responses", "responses.create"),
        ("POST", "/v1/threads/runs", "beta.threads.create_and_run"),
        ("GET", "/v1/nothing", None),
    ],
)
def test_import_identifies_operations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str, path: str, operation: str | None
) -> None:
    request = {"method": method, "uri": f"http://127.0.0.1:9{path}", "headers": {}, "body": None}
    response = {"status": {"code": 204}, "headers": {}, "body": None}
    old, new = tmp_path / "old.json", tmp_path / "new.cassette"
    old.write_text(json.dumps({"version": 1, "interactions": [{"request": request, "response": response}]}))
    run_import(capsys, str(old), str(new))
    [only] = _cassette.read(str(new))
    assert only.request.operation == operation
