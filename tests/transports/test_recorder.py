"""The recorder over real sockets: recorded exchanges are replayed, secrets are not written."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT
from planted import planted

import oai
from oai._http.messages import Request, TransportError
from oai._request.multipart import Multipart
from oai._table.operation import Operation
from oai._table.rows import Row
from oai.testing import Answer, Loopback
from oai.transports.recorder import CassetteError, CassetteMiss, Recorder, SecretFound, UnusedAnswers
from oai.transports.urllib3 import Urllib3Transport

CHAT = Operation("chat.completions.create", Row("POST", "/chat/completions", "json", "Any", stream="Any"))


KEY = planted("sk", "proj", "Recorded0123456789abcdef")
OPAQUE = planted("Opaque", "Credential", "Value", "77", by="")


def make_request(
    url: str, value: Any = None, *, method: str = "POST", stream: bool = False, key: str = KEY, **more: Any
) -> Request:
    headers = [("Authorization", f"Bearer {key}"), *more.pop("headers", [])]
    body = more.pop("body", None)
    if value is not None:
        body, headers = json.dumps(value).encode(), [*headers, ("Content-Type", "application/json")]
    return Request(method, url, headers, body, stream=stream, **more)


def outcome(reply: Any, *, pieces: bool) -> tuple[Any, ...]:
    """Return what a caller can see of a reply: the bytes, and how they ended."""
    seen: list[bytes] = []
    try:
        if pieces:
            seen.extend(reply)
        else:
            seen.append(reply.read())
    except TransportError as error:
        return reply.status, reply.headers.get("content-type"), b"".join(seen), error.kind, str(error)
    return reply.status, reply.headers.get("content-type"), b"".join(seen)


def send_and_read(recorder: Recorder, request: Request) -> tuple[Any, ...]:
    try:
        reply = recorder.send(request)
    except TransportError as error:
        return error.kind, str(error)
    try:
        return outcome(reply, pieces=request.stream)
    finally:
        reply.close()


def test_client_is_recorded_and_replayed(tmp_path: Path) -> None:
    path = tmp_path / "models.cassette"
    models = {"object": "list", "data": [{"id": "gpt-5", "object": "model", "created": 1, "owned_by": "me"}]}
    with Loopback() as server, Recorder(path, mode="record") as recorder:
        server.reply(json=models, headers=[("x-request-id", "req_1"), ("Date", "today"), ("Set-Cookie", "a=b")])
        client = oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=recorder)
        recorded = client.models.list()
    replay = oai.OpenAI(transport=Recorder(path), base_url="http://another.invalid/v2")
    replayed = replay.models.list()
    assert replayed.to_dict() == recorded.to_dict() == models
    assert replayed._request_id == "req_1"
    text = path.read_text()
    assert KEY not in text
    assert "today" not in text
    assert "a=b" not in text
    assert "127.0.0.1" not in text


def test_stream_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "chat.cassette"
    with Loopback() as server, Recorder(path, mode="record") as recorder:
        server.reply(Answer.events([{"n": 1}, {"n": 2}]))
        client = oai.OpenAI(api_key=KEY, base_url=server.url, transport=recorder)
        with client.chat.completions.create(model="m", messages=[], stream=True) as stream:
            first = list(stream)
    for chunks in ("recorded", "one", "bytes", 7):
        client = oai.OpenAI(transport=Recorder(path, chunks=chunks))
        with client.chat.completions.create(model="m", messages=[], stream=True) as stream:
            assert list(stream) == first
    assert '"data": {"n": 2}' in path.read_text()
    assert '"end"' not in path.read_text()


def test_recording_neither_delays_nor_reads_ahead(tmp_path: Path) -> None:
    hold = threading.Event()
    with Loopback() as server, Recorder(tmp_path / "c", mode="record") as recorder:
        server.reply(Answer.events([{"n": 1}, {"n": 2}], hold=hold))
        reply = recorder.send(make_request(server.url, {}, stream=True))
        pieces = iter(reply)
        assert b'{"n": 1}' in next(pieces)
        hold.set()
        assert b"[DONE]" in b"".join(pieces)
        reply.close()


EVENT = st.dictionaries(
    st.text(max_size=5), st.text(max_size=8) | st.integers() | st.floats(allow_nan=False), max_size=3
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
STYLES = [{}, {"ensure_ascii": False}, {"indent": 2}, {"separators": (",", ":")}, {"indent": 3}, {"sort_keys": True}]


@st.composite
def any_answer(draw: Any) -> Answer:
    kind = draw(st.sampled_from(["json", "binary", "text", "stream", "error", "truncated", "reset", "before"]))
    if kind in ("json", "error"):
        text = json.dumps(draw(JSON), **draw(st.sampled_from(STYLES))) + draw(st.sampled_from(["", "\n", " "]))
        body = text.encode(errors="replace")
        status = 200 if kind == "json" else draw(st.sampled_from([400, 429, 500]))
        return Answer(status, body=body, content_type="application/json", gzip=draw(st.booleans()))
    if kind in ("binary", "text", "truncated"):
        body = draw(st.binary(max_size=40)) if kind == "binary" else draw(st.text(max_size=40)).encode(errors="replace")
        cut = draw(st.integers(0, len(body))) if kind == "truncated" else None
        return Answer(body=body + b"!", content_type="text/plain", truncate=cut)
    if kind == "before":
        return Answer(reset="before")
    events = draw(st.lists(EVENT, min_size=1, max_size=4))
    whole = "".join(f"data: {json.dumps(event, **draw(st.sampled_from(STYLES[:2])))}\n\n" for event in events).encode(
        errors="replace"
    )
    cuts = sorted(draw(st.sets(st.integers(1, len(whole)), max_size=6)) | {0, len(whole)})
    chunks = [whole[a:b] for a, b in pairwise(cuts)]
    # A reset takes with it what the client has not read yet; only a cut answer always comes as far as it does.
    cut = draw(st.integers(0, len(whole))) if kind == "reset" else None
    return Answer(content_type="text/event-stream", chunks=chunks, framing="chunked", truncate=cut)


def test_random_conversations_are_replayed_byte_for_byte(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("random")
    with Loopback() as server:

        @given(st.lists(st.tuples(any_answer(), st.booleans(), st.integers(0, 2)), min_size=1, max_size=5))
        def run(conversation: list[tuple[Answer, bool, int]]) -> None:
            path = directory / "random.cassette"
            path.unlink(missing_ok=True)
            requests = [make_request(f"{server.url}/v1/x", {"n": n}, stream=stream) for _, stream, n in conversation]
            recorded = []
            with Recorder(path, mode="record") as recorder:
                for (answer, _, _), request in zip(conversation, requests, strict=True):
                    server.reply(answer)
                    recorded.append(expected_outcome(send_and_read(recorder, request)))
            before = path.read_bytes()
            for chunks in ("recorded", "bytes", 3):
                with Recorder(path, chunks=chunks, allow_unused=False) as replay:
                    assert [send_and_read(replay, request) for request in requests] == recorded
            assert path.read_bytes() == before

        run()


def expected_outcome(seen: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the outcome of a replay: without content encoding, and with the cassette's message for a failure."""
    import gzip

    if seen[0] == "receive":
        return "receive", "the connection broke before the response"
    if len(seen) == 5 and seen[3] == "receive":
        return (*seen[:4], "the response was cut short")
    if len(seen) == 3 and seen[2].startswith(b"\x1f\x8b"):
        return (*seen[:2], gzip.decompress(seen[2]))
    return seen


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(reset="before"), "receive"),
        (Answer(reset="head", framing="chunked"), "receive"),
        (Answer.of_json({"a": 1}, truncate=3), "receive"),
        (Answer.of_json({"a": 1}, delay=30), "timeout"),
        (Answer(body=b"not gzip", headers=[("Content-Encoding", "gzip")]), None),
    ],
)
def test_failures_are_replayed(tmp_path: Path, answer: Answer, kind: str | None) -> None:
    path = tmp_path / "failures.cassette"
    with Loopback() as server:
        timeout = oai.Timeout(0.1 if kind == "timeout" else 30)
        request = make_request(server.url, {}, timeout=timeout, operation=CHAT)
        with Recorder(path, mode="record") as recorder:
            server.reply(answer)
            recorded = send_and_read(recorder, request)
    with Recorder(path) as replay:
        replayed = send_and_read(replay, request)
    if kind is None:
        assert "gzip content is broken" in replayed[-1]
    else:
        assert replayed[-2] == recorded[-2] == kind
        assert replayed[:-2] == recorded[:-2]


def test_refused_connection_is_replayed(tmp_path: Path) -> None:
    with Loopback() as server:
        request = make_request(server.url, {})
    with Recorder(tmp_path / "c", mode="record") as recorder:
        recorded = send_and_read(recorder, request)
    assert recorded[0] == "connect"
    assert send_and_read(Recorder(tmp_path / "c"), request) == ("connect", "no connection was made")
    assert "127.0.0.1" not in (tmp_path / "c").read_text()


def test_stream_closed_early_ends_in_a_miss(tmp_path: Path) -> None:
    path = tmp_path / "early.cassette"
    hold = threading.Event()
    with Loopback() as server:
        request = make_request(server.url, {}, stream=True)
        with Recorder(path, mode="record") as recorder:
            server.reply(Answer.events([{"n": 1}, {"n": 2}], hold=hold))
            reply = recorder.send(request)
            first = next(iter(reply))
            reply.close()
            hold.set()
    assert '"end": "closed"' in path.read_text()
    pieces = iter(Recorder(path).send(request))
    assert next(pieces) == first
    with pytest.raises(CassetteMiss, match="was closed by its caller at this point"):
        next(pieces)


def test_closed_reply_and_recorder_raise(tmp_path: Path) -> None:
    record(tmp_path / "c", [{"a": 1}])
    recorder = Recorder(tmp_path / "c")
    reply = recorder.send(make_request("http://127.0.0.1:1/x", {"a": 1}))
    reply.close()
    with pytest.raises(TransportError, match="the reply is closed") as caught:
        reply.read()
    assert caught.value.kind == "closed"
    recorder.close()
    with pytest.raises(TransportError, match="is closed"):
        recorder.send(make_request("http://127.0.0.1:1/x", {"a": 1}))


def record(path: Path, bodies: list[Any], answer: Any = None, **options: Any) -> None:
    with Loopback() as server:
        server.default = lambda seen: Answer.of_json(answer if answer is not None else {"echo": seen.json()})
        with Recorder(path, mode=options.pop("mode", "record"), **options) as recorder:
            for body in bodies:
                recorder.send(make_request(f"{server.url}/x", body)).read()


def replay_json(recorder: Recorder, body: Any, path: str = "/x") -> Any:
    return json.loads(recorder.send(make_request(f"http://127.0.0.1:1{path}", body)).read())


def test_equal_requests_get_recorded_responses_in_order(tmp_path: Path) -> None:
    with Loopback() as server, Recorder(tmp_path / "c", mode="record") as recorder:
        for number in range(2):
            server.reply(json={"n": number})
            recorder.send(make_request(f"{server.url}/x", {"a": 1.0, "b": [1]})).read()
    replay = Recorder(tmp_path / "c")
    assert replay_json(replay, {"b": [1], "a": 1}) == {"n": 0}
    assert replay_json(replay, {"a": 1, "b": [1]}) == {"n": 1}
    with pytest.raises(CassetteMiss, match="was recorded 2 times but requested once more"):
        replay_json(replay, {"a": 1, "b": [1]})


def test_true_does_not_equal_one(tmp_path: Path) -> None:
    record(tmp_path / "c", [{"a": 1}])
    with pytest.raises(CassetteMiss, match=r"body\.a: recorded 1, requested true"):
        replay_json(Recorder(tmp_path / "c"), {"a": True})


def test_miss_lists_differences_from_nearest_request(tmp_path: Path) -> None:
    record(tmp_path / "c", [{"model": "m", "messages": [{"content": "Hello"}], "user": "u"}, {"other": 1}])
    with pytest.raises(CassetteMiss) as caught:
        replay_json(Recorder(tmp_path / "c"), {"model": "m", "messages": [{"content": "Hullo"}], "n": 2})
    message = str(caught.value)
    assert "the nearest is exchange 1, POST /x" in message
    assert 'body.messages[0].content: recorded "Hello", requested "Hullo"' in message
    assert 'body.user: recorded "u", requested nothing' in message
    assert "body.n: recorded nothing, requested 2" in message
    assert "OAI_RECORD=append" in message
    assert isinstance(caught.value, AssertionError)


def test_miss_passes_through_the_client(tmp_path: Path) -> None:
    record(tmp_path / "c", [{}])
    client = oai.OpenAI(transport=Recorder(tmp_path / "c"))
    with pytest.raises(CassetteMiss, match=r"has no response to GET /models \(models\.list\)"):
        client.models.list()


def test_missing_cassette_error_explains_how_to_record(tmp_path: Path) -> None:
    with pytest.raises(CassetteMiss, match=r"there is no cassette(.|\n)*OAI_RECORD=record"):
        replay_json(Recorder(tmp_path / "none.cassette"), {})
    assert not (tmp_path / "none.cassette").exists()


def test_ignored_fields_are_neither_compared_nor_written(tmp_path: Path) -> None:
    ignore = ["body.user", "body.messages.*.id", "query.after", "headers.openai-beta"]
    url = "{}/x?after=a1&limit=2"
    with Loopback() as server, Recorder(tmp_path / "c", mode="record", ignore=ignore) as recorder:
        server.reply(json={"ok": True})
        body = {"user": "somebody", "messages": [{"id": "id1", "content": "x"}]}
        recorder.send(make_request(url.format(server.url), body, headers=[("OpenAI-Beta", "beta1")])).read()
    text = (tmp_path / "c").read_text()
    assert not any(word in text for word in ("somebody", "id1", "a1", "beta1"))
    replay = Recorder(tmp_path / "c", ignore=ignore)
    assert replay_json(replay, {"user": "else", "messages": [{"id": "id2", "content": "x"}]}, "/x?limit=2&after=b") == {
        "ok": True
    }
    with pytest.raises(CassetteMiss, match=r'query\.limit: recorded "2", requested "3"'):
        replay_json(replay, {"messages": [{"content": "x"}]}, "/x?limit=3")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "recrod"}, "mode must be one of .*, not .recrod'.*Did you mean 'record'"),
        ({"ignore": ["boddy.user"]}, "did you mean 'body'"),
        ({"chunks": "byte"}, "Did you mean 'bytes'"),
        ({"chunks": "one", "pace": True}, "leave out pace or chunks"),
    ],
)
def test_invalid_option_is_rejected(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recorder(tmp_path / "c", **options)


def test_environment_sets_the_default_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAI_RECORD", "append")
    assert Recorder(tmp_path / "c").mode == "append"
    assert Recorder(tmp_path / "c", mode="live").mode == "live"
    monkeypatch.setenv("OAI_RECORD", "apend")
    with pytest.raises(ValueError, match=r"OAI_RECORD must be one of .*, not .apend'.*Did you mean 'append'"):
        Recorder(tmp_path / "c")


def test_append_sends_only_missing_requests(tmp_path: Path) -> None:
    path = tmp_path / "c"
    record(path, [{"n": 1}])
    with Loopback() as server, Recorder(path, mode="append") as recorder:
        server.reply(json={"new": True})
        assert replay_json(recorder, {"n": 1}) == {"echo": {"n": 1}}
        recorder.send(make_request(f"{server.url}/x", {"n": 2})).read()
        assert len(server.requests) == 1
    replay = Recorder(path)
    assert replay_json(replay, {"n": 2}) == {"new": True}
    assert replay_json(replay, {"n": 1}) == {"echo": {"n": 1}}


def test_live_sends_and_writes_nothing(tmp_path: Path) -> None:
    record(tmp_path / "c", [{}], mode="live")
    assert list(tmp_path.iterdir()) == []


def test_failed_run_keeps_the_old_cassette(tmp_path: Path) -> None:
    path = tmp_path / "c"
    record(path, [{"n": 1}])
    before = path.read_bytes()

    def run() -> None:
        with Loopback() as server, Recorder(path, mode="record") as recorder:
            server.reply(json={})
            recorder.send(make_request(f"{server.url}/x", {"n": 2})).read()
            raise KeyError

    with pytest.raises(KeyError):
        run()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["c"]


def test_pending_request_is_not_saved(tmp_path: Path) -> None:
    path, received, resume = tmp_path / "c", threading.Event(), threading.Event()

    def late(_: Any) -> Answer:
        received.set()
        assert resume.wait(10)
        return Answer.of_json({"n": 2})

    with Loopback() as server, ThreadPoolExecutor(1) as threads:
        recorder = Recorder(path, mode="record")
        server.reply(json={"n": 1})
        send_and_read(recorder, make_request(f"{server.url}/x", {"n": 1}))
        server.reply(late)
        other = threads.submit(send_and_read, recorder, make_request(f"{server.url}/x", {"n": 2}))
        assert received.wait(10)
        recorder.close()
        resume.set()
        other.exception()  # wait for its end, which does not matter: the cassette was written before
    with Recorder(path, mode="append") as again:
        assert again.unused == ["POST /x"]


def test_abort_writes_nothing_and_closes_the_transport(tmp_path: Path) -> None:
    path = tmp_path / "c"
    record(path, [{"n": 1}])
    before = path.read_bytes()
    with Loopback() as server:
        server.default = Answer.of_json({})
        inner = Urllib3Transport()
        recorder = Recorder(path, inner, mode="record", allow_unused=False)
        recorder.send(make_request(f"{server.url}/x", {"n": 2})).read()
        recorder.abort()
        recorder.abort()
        recorder.close()
        with pytest.raises(TransportError, match="closed"):
            inner.send(make_request(f"{server.url}/x", {"n": 3}))
        with pytest.raises(TransportError, match="closed"):
            recorder.send(make_request(f"{server.url}/x", {"n": 3}))
        assert server.until(lambda: not server.open_connections)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["c"]


def test_abort_of_async_recording_is_awaited(tmp_path: Path) -> None:
    async def run(url: str) -> None:
        recorder = Recorder(tmp_path / "c", mode="record")
        await (await recorder.for_async().send(make_request(url, {}))).read()
        await recorder.abort()
        await recorder.abort()

    with Loopback() as server:
        server.default = Answer.of_json({})
        asyncio.run(run(server.url))
    assert list(tmp_path.iterdir()) == []


def test_unused_responses_raise_if_not_allowed(tmp_path: Path) -> None:
    record(tmp_path / "c", [{"n": 1}, {"n": 2}])
    recorder = Recorder(tmp_path / "c", allow_unused=False)
    replay_json(recorder, {"n": 1})
    assert recorder.unused == ["POST /x"]
    with pytest.raises(UnusedAnswers, match="1 recorded responses of .* were not used: POST /x"):
        recorder.close()
    recorder.close()


def test_recording_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c"

    def run(order: list[int], ids: str, pace: float) -> None:
        with Loopback() as server, Recorder(path, mode="record") as recorder:
            for number in order:
                server.reply(Answer.events([{"n": number}, {"m": 1}], headers=[("x-request-id", ids)], pace=pace))
                reply = recorder.send(make_request(f"{server.url}/x", {"n": number}, stream=True))
                list(reply)
                reply.close()

    run([1, 2, 3], "a", 0.0)
    before = path.read_bytes()
    run([3, 1, 2], "b", 0.03)
    assert path.read_bytes() == before
    run([1, 4, 2, 3], "c", 0.0)
    bodies = [each["request"]["json"]["n"] for each in json.loads(path.read_text())["exchanges"]]
    assert bodies == [1, 4, 2, 3]


def test_pace_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with Loopback() as server, Recorder(path, mode="record") as recorder:
        server.reply(Answer.events([{"n": 1}, {"n": 2}], pace=0.2, done=False))
        request = make_request(server.url, {}, stream=True)
        list(recorder.send(request))
    assert '"after": 0.' in path.read_text()
    began = time.monotonic()
    list(Recorder(path, pace=True).send(request))
    assert time.monotonic() - began >= 0.2
    path.write_text(re.sub(r'"after": [\d.]+', '"after": 60', path.read_text()))
    began = time.monotonic()
    list(Recorder(path).send(request))
    assert time.monotonic() - began < 20


def test_form_matches_with_any_boundary_and_omits_files(tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(range(256)) * 4096)

    def form(purpose: str = "p") -> tuple[Multipart, list[tuple[str, str]]]:
        body = Multipart({"purpose": purpose}, [("file", big)])
        return body, [("Content-Type", body.content_type)]

    path = tmp_path / "c"
    with Loopback() as server, Recorder(path, mode="record") as recorder:
        server.reply(json={"ok": 1})
        body, headers = form()
        recorder.send(make_request(f"{server.url}/files", body=body, headers=headers)).read()
        assert server.requests[0].length == body.length
        assert server.requests[0].form()[1].content == big.read_bytes()
    assert path.stat().st_size < 2000
    body, headers = form()
    assert (
        Recorder(path).send(make_request("http://127.0.0.1:1/files", body=body, headers=headers)).read() == b'{"ok": 1}'
    )
    body, headers = form("q")
    with pytest.raises(CassetteMiss, match=r'body\.purpose\.text: recorded "p", requested "q"'):
        Recorder(path).send(make_request("http://127.0.0.1:1/files", body=body, headers=headers))
    big.write_bytes(b"another")
    body, headers = form()
    with pytest.raises(CassetteMiss, match=r"body\.file\.sha256"):
        Recorder(path).send(make_request("http://127.0.0.1:1/files", body=body, headers=headers))


PLANTED = {
    "header": planted("Header", "Secret", "00112233", by=""),
    "query": planted("Query", "Secret", "44556677", by=""),
    "body": planted("Mcp", "Authorization", "8899", by=""),
    "headers field": planted("Mcp", "Header", "aabbccdd", by=""),
    "text": planted("ek", "abcdefghijkl0123456789", by="_"),
    "reply": planted("Client", "Secret", "eeff0011", by=""),
    "field": planted("sk", "formfield0123456789"),
    "event": planted("sk", "event0123456789abcdef"),
}


def test_planted_secrets_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with Loopback() as server:
        base = f"{server.url.replace('://', '://user:' + OPAQUE + '@')}/v1"
        location = f"https://files.invalid/x?sig={PLANTED['query']}"
        mcp = {"type": "mcp", "authorization": PLANTED["body"], "headers": {"X-Mine": PLANTED["headers field"]}}
        form = Multipart({"note": f"my {PLANTED['field']}", "json": json.dumps({"api_key": PLANTED["body"]})}, [])
        event = f"data: {json.dumps({'delta': PLANTED['event'], 'tools': [mcp]})}\n\n".encode()
        middle = event.index(PLANTED["event"].encode()) + 9
        answers = [
            Answer.of_json(
                {"client_secret": {"value": PLANTED["reply"]}, "again": f"<{PLANTED['reply']}>", "url": location}
            ),
            Answer.error(401, f"Incorrect API key provided: {KEY} or {PLANTED['header']} or {OPAQUE}"),
            Answer(302, headers=[("Location", location)]),
            Answer(body=f"plain {KEY}, {PLANTED['body']}", content_type="text/plain"),
            Answer(
                content_type="text/event-stream",
                chunks=[event[:middle], event[middle:], b"data: [DONE]\n\n"],
                framing="chunked",
            ),
            Answer(body=f'{{"client_secret": "{PLANTED["reply"]}", "cut": ', content_type="application/json"),
        ]
        with Recorder(path, mode="record", compare_headers=["x-mine"]) as recorder:
            for number, answer in enumerate(answers):
                server.reply(answer)
                headers = [("X-Api-Key", PLANTED["header"]), ("X-Mine", f"is {KEY}")]
                request = make_request(
                    f"{base}/x/{PLANTED['text']}?api_key={PLANTED['query']}&n={number}",
                    {"tools": [mcp], "prompt": f"my key is {PLANTED['text']}, {KEY}", "k": {KEY: 1}},
                    headers=headers,
                    stream=number == 4,
                )
                send_and_read(recorder, request)
            server.reply(json={})
            recorder.send(make_request(f"{base}/f", body=form, headers=[("Content-Type", form.content_type)])).read()
    text = path.read_text()
    for place, secret in {**PLANTED, "key": KEY, "url": OPAQUE}.items():
        assert secret not in text, place
        assert secret[6:18] not in text, place
    assert "127.0.0.1" not in text
    with Recorder(path, compare_headers=["x-mine"], allow_unused=False) as replay:
        for number in range(len(answers)):
            request = make_request(
                f"http://127.0.0.1:1/v1/x/{PLANTED['text']}?api_key=another&n={number}",
                {
                    "tools": [{**mcp, "authorization": "another"}],
                    "prompt": f"my key is {PLANTED['text']}, {KEY}",
                    "k": {KEY: 1},
                },
                headers=[("X-Mine", f"is {KEY}")],
            )
            assert replay.send(request).status == answers[number].status
        other = Multipart({"note": f"my {PLANTED['field']}", "json": json.dumps({"api_key": "another"})}, [])
        replay.send(make_request("http://127.0.0.1:1/v1/f", body=other, headers=[("Content-Type", other.content_type)]))


def test_idempotency_key_is_not_a_secret(server: Loopback, tmp_path: Path) -> None:
    server.reply(Answer.of_json({"id": "order-of-the-tests"}))
    with Recorder(tmp_path / "c.json", mode="record") as recorder:
        recorder.send(
            make_request(f"{server.url}/v1/x", {}, headers=[("Idempotency-Key", "order-of-the-tests")])
        ).read()
    assert "order-of-the-tests" in (tmp_path / "c.json").read_text()


def test_kept_secret_headers_are_redacted(tmp_path: Path) -> None:
    path, session = tmp_path / "c", planted("session", "of", "a", "cookie")
    with Loopback() as server, Recorder(path, mode="record", keep_headers=["*"]) as recorder:
        server.reply(json={}, headers=[("Set-Cookie", f"s={session}"), ("OpenAI-Organization", "org-of-mine")])
        send_and_read(recorder, make_request(f"{server.url}/x?access_token={session}&auth={session}", {}))
    assert session not in path.read_text()
    headers = json.loads(path.read_text())["exchanges"][0]["reply"]["headers"]
    assert (headers["set-cookie"], headers["openai-organization"]) == ("[redacted]", "[redacted]")


def _events_in_one_piece(secret: str) -> bytes:
    return b"".join(b'data: {"d": "%s"}\n\n' % part.encode() for part in (secret[:9], secret[9:]))


def _in_base64(secret: str) -> bytes:
    import base64

    return json.dumps({"data": base64.b64encode(b"xx" + secret.encode() + b"yy").decode()}).encode()


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        (lambda: Answer(body=_in_base64(KEY), content_type="application/json"), r"in base64.* at reply\.json\.data"),
        (lambda: Answer(body=KEY.encode().hex()), r"hexadecimal at reply\.text"),
        (lambda: Answer(body=b"\x00\xff" + KEY.encode()), r"a secret of the request.* at reply\.base64"),
        (lambda: Answer(body="".join(f"%{ord(c):02x}" for c in KEY)), r"percent-encoding at reply\.text"),
        (lambda: Answer(body="".join(f"\\u{ord(c):04x}" for c in KEY)), r"JSON escapes at reply\.text"),
        (lambda: Answer.events([{"d": KEY[:9]}, {"d": KEY[9:]}]), r"d of the joined events"),
        (lambda: Answer(chunks=[_events_in_one_piece(KEY)]), r"d of the joined events"),
    ],
)
def test_unredactable_secret_prevents_writing(tmp_path: Path, answer: Any, where: str) -> None:
    path = tmp_path / "c"
    record(path, [{"old": 1}])
    before = path.read_bytes()
    with Loopback() as server:
        recorder = Recorder(path, mode="record")
        server.reply(answer())
        send_and_read(recorder, make_request(f"{server.url}/x", {"n": 1}, stream="events" in where))
        with pytest.raises(SecretFound, match=where) as caught:
            recorder.close()
    assert "nothing was written" in str(caught.value)
    assert KEY not in str(caught.value)
    assert path.read_bytes() == before


def test_redirect_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with Loopback() as server, Recorder(path, mode="record") as recorder:
        server.reply(Answer(307, body=b"moved", headers=[("Location", "/v1/elsewhere")]))
        server.reply(json={"object": "list", "data": []})
        oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=recorder).models.list()
    assert oai.OpenAI(transport=Recorder(path), base_url="http://x.invalid/v1").models.list().data == []


def test_threads_record_and_replay(tmp_path: Path) -> None:
    path = tmp_path / "c"
    bodies = [{"n": number % 20} for number in range(40)]
    with Loopback() as server:
        server.default = lambda seen: Answer.of_json({"echo": seen.json()})
        with Recorder(path, mode="record") as recorder, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda body: recorder.send(make_request(f"{server.url}/x", body)).read(), bodies))
    with Recorder(path, allow_unused=False) as replay, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda body: replay_json(replay, body), reversed(bodies))) == [
            {"echo": body} for body in reversed(bodies)
        ]


APPENDING = """
import sys
from oai._http.messages import Request
from oai.transports.recorder import Recorder
path, url, name, mode = sys.argv[1:]
with Recorder(path, mode=mode) as recorder:
    for number in range(5):
        body = b'{"name": "%s", "n": %d}' % (name.encode(), number)
        recorder.send(Request("POST", url, [("Content-Type", "application/json")], body)).read()
    print("ready", flush=True)
    sys.stdin.readline()
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("mode", ["append", "record"])
def test_concurrent_processes_lose_nothing(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "c"
    record(path, [{"name": "old", "n": 0}])
    with Loopback() as server:
        server.default = Answer.of_json({"ok": True})
        processes = [start(APPENDING, str(path), server.url, name, mode) for name in "abc"]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            process.communicate(timeout=60)
            assert process.returncode == 0
    exchanges = json.loads(path.read_text())["exchanges"]
    found = {(each["request"]["json"]["name"], each["request"]["json"]["n"]) for each in exchanges}
    expected = {(name, n) for name in "abc" for n in range(5)}
    assert found == (expected | {("old", 0)} if mode == "append" else expected)
    assert [each.name for each in tmp_path.iterdir()] == ["c"]


KILLED = """
import os, sys
from oai._support import atomic_files as _place
def slow(descriptor):
    print("writing", flush=True)
    sys.stdin.readline()
os.fsync = slow
_place.replace_file(sys.argv[1], lambda: "x" * 100000)
"""


def test_process_killed_while_writing_keeps_the_old_cassette(tmp_path: Path) -> None:
    path = tmp_path / "c"
    record(path, [{"n": 1}])
    process = start(KILLED, str(path))
    assert process.stdout.readline() == "writing\n"
    assert len(list(tmp_path.iterdir())) == 2
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert replay_json(Recorder(path), {"n": 1}) == {"echo": {"n": 1}}
    record(path, [{"n": 2}], mode="append")
    assert [each.name for each in tmp_path.iterdir()] == ["c"]
    assert replay_json(Recorder(path), {"n": 2}) == {"echo": {"n": 2}}


UNCLOSED = """
import sys
from oai._http.messages import Request
from oai.transports.recorder import Recorder
recorder = Recorder(sys.argv[1], mode="record")
recorder.send(Request("POST", sys.argv[2], [], b"{}")).read()
if sys.argv[3] == "fails":
    raise KeyError
"""


@pytest.mark.parametrize("ending", ["well", "fails"])
def test_unclosed_recorder_writes_at_normal_exit(tmp_path: Path, ending: str) -> None:
    with Loopback() as server:
        server.default = Answer.of_json({})
        process = subprocess.run(
            [sys.executable, "-c", UNCLOSED, str(tmp_path / "c"), server.url, ending],
            cwd=ROOT,
            capture_output=True,
            timeout=10,
            check=False,
        )
    assert (process.returncode == 0) == (ending == "well")
    assert (tmp_path / "c").exists() == (ending == "well")


class Threaded:
    """An async transport: the default one in threads, over real sockets."""

    def __init__(self) -> None:
        self._inner = Urllib3Transport()

    async def send(self, request: Request) -> Any:
        return ThreadedReply(await asyncio.to_thread(self._inner.send, request))

    async def close(self) -> None:
        self._inner.close()


class ThreadedReply:
    def __init__(self, reply: Any) -> None:
        self.status, self.headers, self._reply = reply.status, reply.headers, reply

    async def read(self) -> bytes:
        return await asyncio.to_thread(self._reply.read)

    async def __aiter__(self) -> Any:
        pieces = iter(self._reply)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    async def close(self) -> None:
        self._reply.close()


def test_async_and_sync_recordings_are_equal_and_interchangeable(tmp_path: Path) -> None:
    planned = [
        Answer.of_json({"a": 1}),
        Answer.events([{"n": 1}, {"n": 2}]),
        Answer.of_json({"b": 1}, truncate=2),
        Answer(reset="before"),
    ]

    async def run(recorder: Recorder, url: str) -> list[Any]:
        seen: list[Any] = []
        async with recorder:
            for number in range(4):
                try:
                    reply = await recorder.send(make_request(url, {"n": number}, stream=number == 1))
                    seen.append([piece async for piece in reply] if number == 1 else await reply.read())
                    await reply.close()
                except TransportError as error:
                    seen.append(error.kind)
        return seen

    def plain_run(recorder: Recorder, url: str) -> list[Any]:
        seen: list[Any] = []
        with recorder:
            for number in range(4):
                try:
                    reply = recorder.send(make_request(url, {"n": number}, stream=number == 1))
                    seen.append(list(reply) if number == 1 else reply.read())
                    reply.close()
                except TransportError as error:
                    seen.append(error.kind)
        return seen

    with Loopback() as server:
        for name in ("async", "sync"):
            for answer in planned:
                server.reply(answer)
            if name == "async":
                first = asyncio.run(run(Recorder(tmp_path / name, Threaded(), mode="record"), server.url))
            else:
                second = plain_run(Recorder(tmp_path / name, mode="record"), server.url)
    assert (tmp_path / "async").read_bytes() == (tmp_path / "sync").read_bytes()
    replayed = asyncio.run(run(Recorder(tmp_path / "sync"), "http://127.0.0.1:1"))
    assert plain_run(Recorder(tmp_path / "async"), "http://127.0.0.1:1") == replayed
    assert replayed[1] == [b'data: {"n": 1}\n\n', b'data: {"n": 2}\n\n', b"data: [DONE]\n\n"]
    for seen in (first, second, replayed):
        seen[1] = b"".join(seen[1])  # how many pieces a live stream comes in is chance
    assert first == second == replayed


def test_replay_can_be_recorded(tmp_path: Path) -> None:
    record(tmp_path / "one", [{"n": 1}, {"n": 2}])
    with Recorder(tmp_path / "two", Recorder(tmp_path / "one"), mode="record") as recorder:
        assert [replay_json(recorder, {"n": n}) for n in (1, 2)] == [{"echo": {"n": 1}}, {"echo": {"n": 2}}]
    assert (tmp_path / "two").read_bytes() == (tmp_path / "one").read_bytes()


def test_failure_to_save_closes_the_async_transport(tmp_path: Path) -> None:
    async def run(server: Loopback) -> None:
        recorder = Recorder(tmp_path / "c", Threaded(), mode="record")
        server.reply(body=KEY.encode().hex())
        await (await recorder.send(make_request(server.url, {}))).read()
        with pytest.raises(SecretFound):
            await recorder.close()
        await recorder.close()

    with Loopback() as server:
        asyncio.run(run(server))
    assert os.listdir(tmp_path) == []


def test_large_upload_is_matched_in_flat_memory(tmp_path: Path) -> None:
    import tracemalloc

    file = tmp_path / "large"
    with file.open("wb") as target:
        target.truncate(48 * 1024 * 1024)
    form = Multipart({}, [("file", file)])
    request = make_request("http://127.0.0.1:1/files", body=form, headers=[("Content-Type", form.content_type)])
    recorder = Recorder(tmp_path / "c")
    tracemalloc.start()
    try:
        with pytest.raises(CassetteMiss):
            recorder.send(request)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_other_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary")
    with pytest.raises(CassetteError, match="is not a cassette"):
        Recorder(path, mode="record")
    assert path.read_text() == "dear diary"


def test_replay_needs_no_key(tmp_path: Path) -> None:
    assert Recorder(tmp_path / "c").needs_key is False
    assert Recorder(tmp_path / "c", mode="live").needs_key is True
    with pytest.raises(oai.OpenAIError, match="There is no API key"):
        oai.OpenAI(transport=Recorder(tmp_path / "c", mode="live"))
    assert os.listdir(tmp_path) == []
