"""Recording as a whole: equal cassettes from every transport, and no loss with threads, processes and kills."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operations import without_pace
from paths import ROOT
from planted import PLANTED, planted, secrets_below

import oai
from oai._http.messages import Request, TransportError
from oai._recording import cassette
from oai._recording.cassette import Exchange, RecordedRequest, RecordedResponse
from oai._request import multipart as _multipart
from oai.testing import Answer, Loopback
from oai.transports.async_http import AsyncHTTPTransport
from oai.transports.http import HTTPTransport
from oai.transports.httpx import AsyncHttpxTransport, HttpxTransport
from oai.transports.recorder import Recorder

TRANSPORTS: dict[str, tuple[Callable[[], Any], bool]] = {
    "http": (HTTPTransport, False),
    "async_http": (AsyncHTTPTransport, True),
    "httpx": (HttpxTransport, False),
    "httpx, async": (AsyncHttpxTransport, True),
    "recorder's own": (lambda: None, False),
    "recorder's own, async": (lambda: None, True),
}
"""The recorded transports by name: the constructor, and whether it is async."""

KEY = planted("sk", "Conversation0123456789abcdef")
SECRETS = {
    place: planted("Opaque", place.title().replace(" ", ""), "Value", "4711", by="")
    for place in ("header", "query", "body", "body header", "form field", "url", "answer")
}

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
MCP = {"type": "mcp", "server_label": "s", "authorization": SECRETS["body"], "headers": {"X": SECRETS["body header"]}}
ALL = " and ".join([KEY, *SECRETS.values()])

EVENTS = [f"data: {json.dumps({**CHUNK, 'id': f'{number} of {ALL}'})}\n\n".encode() for number in range(3)]
EVENTS[1:2] = [EVENTS[1][:300], EVENTS[1][300:]]  # a boundary within an event


class InTurn:
    """Chunks that are each sent after the previous one was taken, so that they are not joined on the way."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks
        self.taken = threading.Semaphore(1)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            assert self.taken.acquire(timeout=10)
            yield chunk


class Watched:
    """A wrapper of a transport, sync or async, that calls a function when a piece of a stream has been taken."""

    def __init__(self, inner: Any, taken: Callable[[], None]) -> None:
        self._inner, self._taken = inner, taken

    def send(self, request: Request) -> Any:
        outcome = self._inner.send(request)
        return self._awaited(outcome) if asyncio.iscoroutine(outcome) else _watched(outcome, self._taken)

    async def _awaited(self, outcome: Any) -> Any:
        return _watched(await outcome, self._taken)

    def close(self) -> Any:
        return self._inner.close()


def _watched(reply: Any, taken: Callable[[], None]) -> Any:
    """Call a function after each piece of a reply."""
    pieces, async_pieces = getattr(reply, "__iter__", None), getattr(reply, "__aiter__", None)

    class Reply:
        status, headers, read, close = reply.status, reply.headers, reply.read, reply.close

        def __iter__(self) -> Iterator[bytes]:
            for piece in pieces():
                taken()
                yield piece

        async def __aiter__(self) -> Any:
            async for piece in async_pieces():
                taken()
                yield piece

    return Reply()


def answers(stream: InTurn) -> list[Answer]:
    return [
        Answer.of_json({**MODEL, "id": ALL}, headers=[("x-request-id", "req_1"), ("Date", "now")], gzip=True),
        Answer(content_type="text/event-stream", chunks=stream, framing="chunked"),
        Answer.of_json({"id": "f", "object": "file", "client_secret": {"value": SECRETS["answer"]}}),
        Answer(body=bytes(range(256)), content_type="application/octet-stream"),
        Answer.error(503, f"busy, {ALL}", headers=[("retry-after-ms", "1")]),
        Answer.of_json(CHAT),
        Answer(307, headers=[("Location", f"/v1/models/moved?sig={SECRETS['query']}")]),
        Answer.of_json(MODEL),
        Answer.error(404, f"no such model for {ALL}"),
        Answer.of_json(CHAT, truncate=5),
        Answer(reset="before"),
    ]


def calls() -> list[tuple[str, dict[str, Any]]]:
    query = {"extra_query": {"api_key": SECRETS["query"]}}
    return [
        ("models.retrieve", {"model": "m", **query}),
        ("chat.completions.create", {"model": "m", "messages": [], "stream": True, "tools": [MCP]}),
        (
            "files.create",
            {"file": ("n", b"\0\1"), "purpose": "p", "extra_body": {"client_secret": SECRETS["form field"]}},
        ),
        ("files.content", {"file_id": "f"}),
        ("chat.completions.create", {"model": "m", "messages": [{"role": "user", "content": f"{KEY}, 1.0"}]}),
        ("models.retrieve", {"model": "old"}),
        ("models.retrieve", {"model": "gone"}),
        ("chat.completions.create", {"model": "m", "messages": [], "max_retries": 0}),
        ("models.list", {"max_retries": 0}),
    ]


async def converse(client: Any) -> list[Any]:
    """Make the calls with a client, sync or async, and return the outcome of each."""
    seen: list[Any] = []
    for path, params in calls():
        target, retries = client, params.pop("max_retries", None)
        if retries is not None:
            target = client.with_options(max_retries=retries)
        for name in path.split("."):
            target = getattr(target, name)
        try:
            seen.append(await _value(target(**params)))
        except oai.OpenAIError as error:
            seen.append((type(error).__name__, getattr(error, "code", None), getattr(error, "status_code", None)))
    return seen


async def _value(result: Any) -> Any:
    if asyncio.iscoroutine(result) or hasattr(result, "__await__"):
        result = await result
    if hasattr(result, "__aiter__"):
        async with result as stream:
            return [event.to_dict() async for event in stream]
    if isinstance(result, oai.Stream):
        with result as stream:
            return [event.to_dict() for event in stream]
    return result.content if hasattr(result, "content") else result.to_dict()


def recorded(path: Path, name: str) -> list[Any]:
    """Record the conversation through a transport; return the client's outcomes."""
    make, is_async = TRANSPORTS[name]
    stream = InTurn([*EVENTS, b"data: [DONE]\n\n"])
    with Loopback() as server:
        server.reply(*answers(stream))
        inner = make()
        recorder = Recorder(path, None if inner is None else Watched(inner, stream.taken.release), mode="record")
        if inner is None:  # its own transport cannot be wrapped, so pieces are not paced
            for _ in EVENTS:
                stream.taken.release()
        options: dict[str, Any] = {
            "api_key": KEY,
            "base_url": f"{server.url.replace('://', '://user:' + SECRETS['url'] + '@')}/v1",
            "default_headers": {"X-Api-Key": SECRETS["header"]},
            "max_retries": 1,
        }
        seen = asyncio.run(_run(recorder, options, is_async=is_async))
    assert len(server.requests) == len(answers(stream))
    return seen


async def _run(recorder: Recorder, options: dict[str, Any], *, is_async: bool) -> list[Any]:
    if is_async:
        async with recorder:
            return await converse(oai.AsyncOpenAI(**options, transport=recorder))
    with recorder:
        return await converse(oai.OpenAI(**options, transport=recorder))


def comparable(path: Path, *, cuts: bool = True) -> str:
    """Return a cassette's text without what depends on the load: waits, and with `cuts=False` boundaries of pieces."""
    if cuts:
        return without_pace(path.read_text())
    exchanges = cassette.read(str(path))
    for each in exchanges:
        if each.reply.chunks is not None:
            each.reply.text, each.reply.chunks = [each.reply.content().decode()], None
    return cassette.write(exchanges)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_every_transport_records_the_same_cassette(tmp_path: Path, name: str) -> None:
    reference, path = tmp_path / "reference.cassette", tmp_path / "this.cassette"
    recorded(reference, "http")
    live = recorded(path, name)
    own = TRANSPORTS[name][0]() is None
    assert comparable(path, cuts=not own) == comparable(reference, cuts=not own)
    if not own:
        chunks = cassette.read(str(path))[1].reply.chunks
        assert len(chunks) == len(EVENTS) + 1
    for is_async in (False, True):
        replay = Recorder(path, allow_unused=False)
        options = {"base_url": "https://another.invalid/v1", "max_retries": 1}
        seen = asyncio.run(_run(replay, options, is_async=is_async))
        assert json.loads(redacted_json(seen)) == json.loads(redacted_json(live))


def redacted_json(seen: list[Any]) -> str:
    """Return outcomes as JSON, with the secrets redacted as in a cassette."""
    text = json.dumps(seen, default=lambda value: value.hex())
    for secret in sorted([KEY, *SECRETS.values()], key=len, reverse=True):
        text = text.replace(secret, "[redacted]")
    return text


@pytest.mark.parametrize("name", TRANSPORTS)
def test_recording_again_with_another_transport_changes_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "c.cassette"
    recorded(path, "http")
    before = path.read_bytes()
    recorded(path, name)
    assert path.read_bytes() == before


def test_search_for_secrets_finds_any_spelling(tmp_path: Path) -> None:
    path = tmp_path / "c.cassette"
    secret = next(iter(PLANTED))
    for text in (secret, secret.encode().hex(), "".join(f"%{ord(char):02x}" for char in secret)):
        exchange = Exchange(
            request=RecordedRequest(method="GET", path="/x"), reply=RecordedResponse(status=200, text=[text])
        )
        path.write_text(cassette.write([exchange]))
        assert any("reply.text" in line for line in secrets_below(tmp_path)), text
    path.unlink()


BODIES = st.one_of(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ).map(lambda value: ("json", value)),
    st.binary(min_size=1, max_size=40).map(lambda value: ("bytes", value)),
    st.tuples(
        st.dictionaries(st.from_regex(r"\A[a-z]{1,5}\Z"), st.text(max_size=8), max_size=3),
        st.lists(st.tuples(st.from_regex(r"\A[a-z]{1,5}\Z"), st.binary(max_size=40)), max_size=2),
    ).map(lambda value: ("form", value)),
)


def make_request(url: str, body: tuple[str, Any]) -> Request:
    """Return a request; forms get a new boundary each time, JSON a different order and layout."""
    kind, value = body
    if kind == "form":
        form = _multipart.Multipart(value[0], [(name, ("f.bin", content)) for name, content in value[1]])
        return Request("POST", url, [("Content-Type", form.content_type)], form)
    if kind == "bytes":
        return Request("POST", url, [("Content-Type", "application/octet-stream")], value)
    another = "another" in url
    text = json.dumps(value, sort_keys=another, indent=2 if another else None)
    return Request("POST", url, [("Content-Type", "application/json")], text.encode())


def test_random_requests_match_in_any_spelling(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("random") / "c.cassette"
    with Loopback() as server:

        @given(st.lists(BODIES, min_size=1, max_size=5))
        def run(bodies: list[tuple[str, Any]]) -> None:
            path.unlink(missing_ok=True)
            server.default = lambda seen: Answer(body=seen.body + b"!", content_type="application/octet-stream")
            with Recorder(path, mode="record") as recorder:
                live = [recorder.send(make_request(f"{server.url}/v1/x", body)).read() for body in bodies]
            with Recorder(path, allow_unused=False) as replay:
                again = [replay.send(make_request("http://another.invalid/v1/x", body)).read() for body in bodies]
            assert again == live

        run()


APPENDING = """
import sys
from oai._http.messages import Request
from oai.transports.recorder import Recorder
path, url, name, rounds = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(rounds)):
    with Recorder(path, mode="append") as recorder:
        recorder.send(Request("POST", url, [], b'{"name": "%s", "n": %d}' % (name.encode(), number))).read()
    print(number, flush=True)
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", APPENDING, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def send(recorder: Recorder, url: str, name: str, number: int) -> bytes:
    body = json.dumps({"name": name, "n": number}).encode()
    return bytes(recorder.send(Request("POST", url, [], body)).read())


def names(path: Path) -> set[tuple[str, int]]:
    return {(each.request.json["name"], each.request.json["n"]) for each in cassette.read(str(path))}


def test_concurrent_processes_and_threads_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.cassette"
    with Loopback() as server:
        server.default = lambda seen: Answer.of_json({"echo": seen.json()})
        with Recorder(path, mode="record") as recorder:
            old = send(recorder, server.url, "old", 0)
        processes = [start(str(path), server.url, name, "15") for name in "ab"]
        done = threading.Event()

        def replay() -> int:
            rounds = 0
            while not done.is_set() or not rounds:
                with Recorder(path) as recorder:
                    assert send(recorder, "http://another.invalid", "old", 0) == old
                rounds += 1
            return rounds

        def record(name: str) -> None:
            for number in range(15):
                with Recorder(path, mode="append") as recorder:
                    send(recorder, server.url, name, number)

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(replay) for _ in range(2)]
            for process in processes:
                go(process)
            try:
                for writer in [pool.submit(record, name) for name in "xy"]:
                    writer.result()
                for process in processes:
                    process.communicate(timeout=60)
                    assert process.returncode == 0
            finally:
                done.set()
            assert all(reader.result() for reader in readers)
    assert names(path) == {("old", 0), *((name, number) for name in "abxy" for number in range(15))}
    assert len(cassette.read(str(path))) == 61
    assert [each.name for each in tmp_path.iterdir()] == ["c.cassette"]


def test_killed_process_keeps_saved_exchanges(tmp_path: Path) -> None:
    with Loopback() as server:
        server.default = Answer.of_json({"ok": True})
        for saved in (1, 3, 6):
            path = tmp_path / f"{saved}.cassette"
            process = start(str(path), server.url, "a", "1000")
            go(process)
            assert process.stdout
            for number in range(saved):
                assert process.stdout.readline() == f"{number}\n"
            process.kill()
            process.communicate()
            found = names(path)
            assert {("a", number) for number in range(saved)} <= found
            with Recorder(path, mode="append") as recorder:
                send(recorder, server.url, "after", 0)
            assert names(path) == found | {("after", 0)}
    assert len(list(tmp_path.iterdir())) == 3


def test_failure_of_unknown_kind_is_replayed(tmp_path: Path) -> None:
    class Broken:
        def send(self, _: Request) -> Any:
            raise TransportError("dns", f"no such host as {KEY}")

        def close(self) -> None: ...

    request = Request("GET", "http://x.invalid/", [])
    with Recorder(tmp_path / "c", Broken(), mode="record") as recorder, pytest.raises(TransportError, match="such"):
        recorder.send(request)
    with pytest.raises(TransportError, match="the connection broke before the response") as caught:
        Recorder(tmp_path / "c").send(request)
    assert caught.value.kind == "receive"
