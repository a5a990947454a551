"""The cache over real sockets: what is returned again, what is not, and that faults neither enter it nor break calls."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from chat_server import chat as chat_of
from chat_server import delta
from planted import KEY, planted

import oai
from oai.testing import Answer, Loopback, Seen
from oai.transports import (
    AsyncHTTPTransport,
    BlockingTransport,
    Cache,
    CacheError,
    Fail,
    FailingTransport,
    HTTPTransport,
    Limiter,
    OfflineTransport,
    Recorder,
    Request,
    Timeout,
    TransportError,
)

Make = Callable[..., Any]

MESSAGES: Any = [{"role": "user", "content": "Hello"}]

CHAT = chat_of("Hi")

STREAM = [delta("Hel"), delta("lo"), delta(None, "stop")]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, server: Loopback, tmp_path: Path) -> Iterator[Make]:
    """Make a client over a cache, `client.cache`, whose calls block, over either kind of transport."""
    clients: list[oai.OpenAI] = []

    def client(inner: Callable[[Any], Any] = lambda transport: transport, **options: Any) -> Any:
        is_async = request.param == "async"
        options = {"path": tmp_path / "answers.sqlite", **options}
        cache = Cache(inner(AsyncHTTPTransport() if is_async else HTTPTransport()), **options)
        transport: Any = BlockingTransport(cache) if is_async else cache
        made: Any = oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=transport, max_retries=0, timeout=10)
        made.cache = cache
        clients.append(made)
        return made

    yield client
    for each in clients:
        each.close()


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": "m", "messages": MESSAGES, **more})


def text_of(stream: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def test_equal_request_is_not_sent_again(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json(CHAT, headers=[("x-request-id", "r"), ("set-cookie", "a=b"), ("date", "now")])
    client = make()
    first, second = chat(client), chat(client)
    assert first == second
    assert (first._response.cached, second._response.cached) == (False, True)
    assert (second._request_id, second._response.status_code) == ("r", 200)
    assert not {"set-cookie", "date"} & set(second._response.headers)
    assert len(server.requests) == 1
    info = client.cache.info()
    assert (info.hits, info.misses, info.stored, info.entries) == (1, 1, 1, 1)
    assert info.bytes == len(json.dumps(CHAT))


def test_file_serves_another_client_with_another_key(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json(CHAT)
    chat(make())
    other = make()
    other.api_key = "another"
    assert chat(other)._response.cached
    assert len(server.requests) == 1


def test_request_with_another_digest_is_sent(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json(CHAT)
    client = make()
    chat(client)
    for more in (
        {"model": "n"},
        {"temperature": 0.5},
        {"extra_query": {"a": "b"}},
        {"extra_headers": {"OpenAI-Beta": "x"}},
    ):
        assert not chat(client, **more)._response.cached
    assert not chat(make(namespace="other"))._response.cached
    elsewhere = make()
    elsewhere.base_url = f"{server.url}/v2"
    assert not chat(elsewhere)._response.cached


def test_ignored_fields_do_not_count(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json(CHAT)
    client = make(ignore=["body.user", "body.metadata.*", "query.trace", "origin"])
    chat(client, user="a", metadata={"run": "1"}, extra_query={"trace": "1"})
    assert chat(client, user="b", metadata={"run": "2"}, extra_query={"trace": "2"})._response.cached
    client.base_url = client.base_url.replace("127.0.0.1", "localhost")
    assert chat(client)._response.cached is False  # it has no metadata at all
    assert chat(client, metadata={})._response.cached


def test_order_of_names_and_spelling_of_numbers_do_not_count(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json(CHAT)
    client = make()
    chat(client, temperature=1, extra_body={"a": {"x": 1, "y": 2}})
    assert chat(client, temperature=1.0, extra_body={"a": {"y": 2, "x": 1}})._response.cached


@pytest.mark.parametrize("gzip", [False, True])
def test_stream_is_returned_in_its_pieces(gzip: bool, server: Loopback, make: Make) -> None:
    server.default = Answer.events(STREAM, pace=0.1, gzip=gzip)
    client = make()

    def pieces() -> list[bytes]:
        with client.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES, stream=True) as raw:
            return list(raw.iter_bytes())

    first = chat(client, stream=True)
    assert text_of(first) == "Hello"
    second = chat(client, stream=True)
    assert text_of(second) == "Hello"
    assert (first.response.cached, second.response.cached) == (False, True)
    received = pieces()
    events = [b"data: %b\n\n" % json.dumps(item).encode() for item in STREAM] + [b"data: [DONE]\n\n"]
    assert b"".join(received) == b"".join(events)
    assert len(received) > 1  # as they arrived: a busy machine receives two at a time
    assert all(piece.endswith(b"\n\n") for piece in received)
    assert len(server.requests) == 1


@pytest.mark.parametrize("end", ["close", "drop", "early", "reset", "stall", "cut", "unmarked", "error"])
def test_incomplete_stream_is_not_kept(end: str, server: Loopback, make: Make) -> None:
    held = {"hold": threading.Event()}  # the rest of the stream does not arrive while it is abandoned
    faults: Any = {"reset": {"reset": "body"}, "cut": {"truncate": 30}, "close": held, "drop": held, "stall": held}.get(
        end, {}
    )
    items = [*STREAM[:1], {"error": {"message": "overloaded"}}] if end == "error" else STREAM[:2]
    server.reply(Answer.events(items, done=end in ("close", "drop", "early", "error"), **faults))
    server.default = Answer.events(STREAM)
    client = make()
    stream = chat(client, stream=True, timeout=0.3 if end == "stall" else 10)
    if end in ("close", "drop"):
        next(iter(stream))
        stream.close() if end == "close" else None
    elif end == "early":
        stream.close()
    else:
        with pytest.raises(oai.OpenAIError):
            list(stream)
    del stream
    assert client.cache.info().stored == 0
    again = chat(client, stream=True)
    assert text_of(again) == "Hello"
    assert not again.response.cached
    assert client.cache.info().stored == 1


ERRORS = [
    Answer.error(429, "slow down", retry_after=0),
    Answer.error(500, "broken"),
    Answer.of_json({"error": {"message": "overloaded"}}),
    Answer.of_json(None),
    Answer.of_json([1]),
    Answer.html("<p>welcome to this network</p>"),
    Answer(body="not JSON", content_type="application/json"),
    Answer(reset="before"),
    Answer(json=CHAT, truncate=20),
]


@pytest.mark.parametrize("answer", ERRORS)
def test_error_is_not_kept(answer: Answer, server: Loopback, make: Make) -> None:
    server.reply(answer)
    server.default = Answer.of_json(CHAT)
    client = make()
    with pytest.raises(oai.OpenAIError):
        chat(client)
    assert client.cache.info().entries == 0
    assert not chat(client)._response.cached
    assert chat(client)._response.cached


def test_unfinished_response_is_not_kept(server: Loopback, make: Make) -> None:
    fields = {"id": "r", "object": "response", "created_at": 1, "model": "m", "output": []}
    server.default = Answer.of_json({**fields, "status": "queued"})
    client = make()
    for _ in range(2):
        assert not client.responses.create(model="m", input="x", background=True)._response.cached
    assert client.cache.info().stored == 0


def test_secret_is_not_kept(server: Loopback, make: Make, tmp_path: Path) -> None:
    secret = planted("sk", "proj", "Cached0123456789abcdef")
    for content in (f"the key is {secret}", KEY, f"Bearer {KEY}"):
        message = {"role": "assistant", "content": content}
        answer = {**CHAT, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
        chunk = delta(content, "stop")
        for body in (Answer.of_json(answer), Answer.of_json(answer, gzip=True)):
            server.default = body
            client = make()
            assert not any(chat(client)._response.cached for _ in range(2))
        server.default = Answer.events([chunk])
        text_of(chat(client, stream=True))
        assert client.cache.info().stored == 0
    client.close()
    for path in tmp_path.iterdir():
        assert secret.encode() not in path.read_bytes()
        assert KEY.encode() not in path.read_bytes()


def test_operations_that_change_or_show_state_are_sent(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json({"object": "list", "data": []})
    client = make()
    for _ in range(2):
        client.models.list()
    assert len(server.requests) == 2
    assert client.cache.info().bypassed == 2
    chosen = make(only="models.*")
    assert [chosen.models.list()._response.cached for _ in range(2)] == [False, True]


def test_request_that_adds_to_a_conversation_is_sent(server: Loopback, make: Make) -> None:
    fields = {"id": "r", "object": "response", "created_at": 1, "model": "m", "output": [], "status": "completed"}
    server.default = Answer.of_json(fields)
    client = make()
    create = client.responses.create
    assert [create(model="m", input="x", conversation="conv_1")._response.cached for _ in range(2)] == [False] * 2
    quoted = 'say "conversation": please'
    assert [create(model="m", input=quoted)._response.cached for _ in range(2)] == [False, True]


def test_undeclared_requests_can_be_chosen(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json({"results": [1]})
    client = make(only=["POST /rerank"])
    for _ in range(3):
        assert client.post("/rerank", cast_to=dict, body={"query": "q"}) == {"results": [1]}
    assert len(server.requests) == 1


def test_cache_control_bypasses_or_replaces(server: Loopback, make: Make) -> None:
    texts = iter("abcdef")

    def answer(_: Seen) -> Answer:
        message = {"role": "assistant", "content": next(texts)}
        return Answer.of_json({**CHAT, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})

    server.default = answer
    client = make()

    def content(directive: str | None = None) -> str:
        headers = {} if directive is None else {"Cache-Control": directive}
        return str(chat(client, extra_headers=headers).choices[0].message.content)

    assert [content(), content()] == ["a", "a"]
    assert [content("no-store"), content()] == ["b", "a"]
    assert [content("max-age=0, No-Cache"), content()] == ["c", "c"]
    assert client.cache.info().bypassed == 2


def test_forms_are_equal_by_their_parts(server: Loopback, make: Make, tmp_path: Path) -> None:
    server.default = Answer.of_json({"text": "words"})
    sound = tmp_path / "sound.mp3"
    client = make()

    def transcribe(content: bytes, **more: Any) -> bool:
        sound.write_bytes(content)
        with sound.open("rb") as file:
            return bool(client.audio.transcriptions.create(file=file, model="m", **more)._response.cached)

    assert [transcribe(b"a" * 100_000), transcribe(b"a" * 100_000)] == [False, True]
    assert not transcribe(b"a" * 99_999 + b"b")
    assert not transcribe(b"a" * 100_000, language="en")


def test_binary_and_text_results_are_kept(server: Loopback, make: Make) -> None:
    server.default = Answer(body=bytes(range(256)) * 10, content_type="audio/mpeg")
    client = make()
    sounds = [client.audio.speech.create(model="m", voice="v", input="x") for _ in range(2)]
    assert [sound.response.cached for sound in sounds] == [False, True]
    assert sounds[0].content == sounds[1].content
    with client.audio.speech.with_streaming_response.create(model="m", voice="v", input="x") as live:
        assert b"".join(live.iter_bytes()) == sounds[0].content
    assert len(server.requests) == 1


def test_response_expires(server: Loopback, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server.default = Answer.of_json(CHAT)
    client = make(ttl=100)
    chat(client)
    later = time.time() + 99
    monkeypatch.setattr(time, "time", lambda: later)
    assert chat(client)._response.cached
    later += 2
    assert not chat(client)._response.cached
    assert client.cache.info().entries == 1


def test_size_is_bounded_by_removing_the_least_recently_used(server: Loopback, make: Make) -> None:
    server.default = lambda seen: Answer.of_json({**CHAT, "padding": "x" * 1000})
    client = make(max_bytes=10_000)
    for number in range(12):
        chat(client, seed=number)
        chat(client, seed=0)
    info = client.cache.info()
    assert info.bytes <= 10_000
    assert 4 <= info.entries < 10
    client = make(max_bytes=10_000)
    assert chat(client, seed=0)._response.cached
    assert chat(client, seed=11)._response.cached
    assert not chat(client, seed=1)._response.cached


def test_large_response_is_passed_on_and_not_kept(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json({**CHAT, "padding": "x" * 2000})
    client = make(max_bytes=10_000)
    for _ in range(2):
        assert len(chat(client).padding) == 2000
    assert client.cache.info().entries == 0


def test_one_of_many_equal_requests_is_sent(server: Loopback, make: Make) -> None:
    go = threading.Event()
    server.default = Answer.of_json(CHAT, hold=go, chunks=None)
    client = make()
    server.default = lambda seen: (go.wait(10), Answer.of_json(CHAT))[1]
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(chat, client) for _ in range(8)]
        assert server.until(lambda: len(server.requests) == 1)
        assert server.until(lambda: _waiting(client) == 7)
        go.set()
        cached = [call.result()._response.cached for call in calls]
    assert sorted(cached) == [False] + [True] * 7
    assert len(server.requests) == 1
    assert client.cache.info().shared == 7


def _waiting(client: Any) -> int:
    flights = client.cache._state.flights._flights
    return sum(len(flight.waiters) for flight in list(flights.values()))


def test_next_request_is_sent_if_the_first_fails(server: Loopback, make: Make) -> None:
    go = threading.Event()
    answers = iter([Answer(reset="before"), Answer.error(429, "slow"), Answer.of_json(CHAT)])
    server.default = lambda seen: (go.wait(10), next(answers))[1]
    client = make()

    def call() -> Any:
        try:
            return chat(client)._response.cached
        except oai.OpenAIError as error:
            return type(error)

    with ThreadPoolExecutor(5) as threads:
        calls = [threads.submit(call) for _ in range(5)]
        assert server.until(lambda: _waiting(client) == 4)
        go.set()
        results = [each.result() for each in calls]
    assert len(server.requests) == 3
    assert results.count(True) == 2
    assert {oai.APIConnectionError, oai.RateLimitError, False} < set(results)


def test_requests_do_not_wait_for_a_stream_that_is_not_read(server: Loopback, make: Make) -> None:
    server.default = Answer.events(STREAM)
    client = make()
    first = chat(client, stream=True)
    next(iter(first))
    second = chat(client, stream=True)
    assert text_of(second) == "Hello"
    assert text_of(first) == "lo"
    assert len(server.requests) == 2
    assert chat(client, stream=True).response.cached


def test_request_waits_for_another_no_longer_than_its_own_timeout(server: Loopback, make: Make) -> None:
    go = threading.Event()
    server.default = lambda seen: (go.wait(10), Answer.of_json(CHAT))[1]
    client = make()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(chat, client)
        assert server.until(lambda: len(server.requests) == 1)
        with pytest.raises(oai.APITimeoutError):
            chat(client, timeout=oai.Timeout(5, total=0.1))
        assert len(server.requests) == 1
        go.set()
        assert not call.result()._response.cached


def test_next_request_leads_after_a_cancelled_one(server: Loopback, tmp_path: Path) -> None:
    go = threading.Event()
    server.default = lambda seen: (go.wait(10), Answer.of_json(CHAT))[1]

    async def main() -> None:
        cache = Cache(AsyncHTTPTransport(), tmp_path / "c.sqlite")
        client: Any = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=cache)
        first, second = (asyncio.create_task(chat(client)) for _ in range(2))
        flights = cache._state.flights._flights
        assert await asyncio.to_thread(server.until, lambda: any(each.waiters for each in list(flights.values())))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        go.set()
        assert not (await second)._response.cached
        assert flights == {}
        await cache.close()

    asyncio.run(main())


def test_threads_and_event_loops_share_a_flight(server: Loopback, tmp_path: Path) -> None:
    go = threading.Event()
    server.default = lambda seen: (go.wait(10), Answer.of_json(CHAT))[1]
    cache = Cache(AsyncHTTPTransport(), tmp_path / "c.sqlite")

    async def main() -> bool:
        client: Any = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=cache)
        return bool((await chat(client))._response.cached)

    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(asyncio.run, main()) for _ in range(3)]
        assert server.until(lambda: sum(len(f.waiters) for f in list(cache._state.flights._flights.values())) == 2)
        go.set()
        assert sorted(each.result() for each in calls) == [False, True, True]
    assert len(server.requests) == 1
    asyncio.run(cache.close())


def test_event_loop_does_not_wait_for_the_file(server: Loopback, tmp_path: Path) -> None:
    """Another process holds the file locked: tasks of the loop run meanwhile, and calls end without it."""
    server.default = Answer.of_json(CHAT)
    path = tmp_path / "c.sqlite"

    async def main() -> None:
        cache = Cache(AsyncHTTPTransport(), path)
        client: Any = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=cache)
        lock = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        lock.execute("BEGIN EXCLUSIVE")
        call = asyncio.create_task(chat(client))
        turns = 0
        while not server.requests or turns < 20:
            await asyncio.sleep(0.01)
            turns += 1
        lock.execute("ROLLBACK")
        lock.close()
        assert not (await call)._response.cached
        assert (await chat(client))._response.cached
        await client.close()
        await cache.close()

    asyncio.run(main())


def test_sync_transport_in_an_async_client(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.of_json(CHAT)

    async def main() -> list[bool]:
        client: Any = oai.AsyncOpenAI(
            api_key=KEY, base_url=server.url, transport=Cache(HTTPTransport(), tmp_path / "c.sqlite")
        )
        found = [(await chat(client))._response.cached for _ in range(2)]

        await client.close()
        return found

    assert asyncio.run(main()) == [False, True]


PROGRAM = """
import sys, oai
from oai.transports import Cache, HTTPTransport
url, path, crash = sys.argv[1:]
client = oai.OpenAI(api_key="none", base_url=url, transport=Cache(HTTPTransport(), path))
if crash == "crash":
    import os
    import oai._caching.store as store
    store.Store._evict = lambda self, database: os._exit(9)  # after the response is written, before it is committed
result = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
print(result._response.cached, result.choices[0].message.content)
"""


def run(server: Loopback, path: Path, how: str = "") -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROGRAM, f"{server.url}/v1", str(path), how]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_crash_before_the_commit_leaves_the_old_state(server: Loopback, make: Make, tmp_path: Path) -> None:
    server.default = Answer.of_json(CHAT)
    path = tmp_path / "answers.sqlite"
    chat(make(), seed=1)
    process = run(server, path, "crash")
    process.communicate(timeout=60)
    assert process.returncode == 9
    client = make()
    assert client.cache.info().entries == 1
    assert not chat(client)._response.cached
    assert chat(client, seed=1)._response.cached
    client.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*), sum(size) FROM answers").fetchone() == (
            *database.execute("SELECT entries, bytes FROM totals").fetchone(),
        )
    database.close()


def test_processes_share_a_file(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.of_json(CHAT)
    path = tmp_path / "shared" / "answers.sqlite"
    processes = [run(server, path) for _ in range(3)]
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert (errors, output.split()[1:]) == ("", ["Hi"])
    last = run(server, path)
    assert last.communicate(timeout=60)[0] == "True Hi\n"
    assert len(server.requests) <= 3
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_clearing_in_another_process_is_noticed(
    server: Loopback, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oai._caching.memory.TRUSTED", 0.0)
    server.default = Answer.of_json(CHAT)
    client = make()
    chat(client)
    command = [sys.executable, "-m", "oai", "cache", "clear", str(tmp_path / "answers.sqlite")]
    assert "1 response removed" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert not chat(client)._response.cached
    assert chat(client)._response.cached


def test_clear_removes_a_namespace(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json(CHAT)
    mine, theirs = make(namespace="a"), make(namespace="b")
    chat(mine), chat(theirs)
    assert mine.cache.clear() == 1
    assert not chat(mine)._response.cached
    assert chat(theirs)._response.cached


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_has_a_connection_of_its_own(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.of_json(CHAT)
    cache = Cache(HTTPTransport(), tmp_path / "c.sqlite")
    client = oai.OpenAI(api_key=KEY, base_url=server.url, transport=cache)
    chat(client)
    assert cache._state._store._connection is not None
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        status = 1
        try:
            is_closed = cache._state._store._connection is None
            chat(client, seed=2)
            status = 0 if is_closed and chat(client)._response.cached else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert chat(client, seed=2)._response.cached
    client.close()
    cache.close()


def test_calls_succeed_if_the_cache_file_fails(
    server: Loopback, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.default = Answer.of_json(CHAT)
    client = make()
    chat(client)
    client.cache._state._store.close()
    for path in tmp_path.iterdir():
        path.write_bytes(b"no database at all" * 100)
    assert not chat(client, seed=1)._response.cached
    assert not chat(client, seed=1)._response.cached
    assert client.cache._state.errors > 0
    assert "failed: file is not a database" in caplog.text
    for use in (client.cache.info, client.cache.clear):
        with pytest.raises(CacheError, match="cannot be used as a cache"):
            use()
    for path in tmp_path.iterdir():
        path.unlink()


def test_deleted_file_is_created_again(
    server: Loopback, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oai._caching.memory.TRUSTED", 0.0)
    server.default = Answer.of_json(CHAT)
    client = make()
    chat(client)
    for path in tmp_path.iterdir():
        path.unlink()
    assert not chat(client)._response.cached
    assert chat(make())._response.cached
    assert client.cache.info().errors == 0


def test_other_files_are_rejected(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("something else " * 100)
    with pytest.raises(CacheError, match="cannot be used as a cache: file is not a database"):
        Cache(OfflineTransport(), text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (a)")
    database.close()
    with pytest.raises(CacheError, match="it is another program's database"):
        Cache(OfflineTransport(), other)
    with pytest.raises(CacheError, match="cannot be used"):
        Cache(OfflineTransport(), tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ttl": 0}, "ttl must be positive, not 0"),
        ({"max_bytes": -1}, "max_bytes must be positive"),
        ({"ignore": "bodi.user"}, "did you mean 'body'"),
    ],
)
def test_invalid_option_is_rejected(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        Cache(OfflineTransport(), tmp_path / "c.sqlite", **options)


def test_cache_pickles_with_its_options(tmp_path: Path) -> None:
    cache = Cache(OfflineTransport(), tmp_path / "c.sqlite", ttl=5, namespace="n", only="chat.*")
    copy = pickle.loads(pickle.dumps(cache))
    assert (copy.path, copy._options, copy.needs_key) == (cache.path, cache._options, False)
    client = oai.OpenAI(transport=copy)
    assert [chat(client)._response.cached for _ in range(2)] == [False, True]
    copy.close()
    with pytest.raises(TransportError, match="closed"):
        copy.send(Request("GET", "http://x.test/", [], timeout=Timeout(1)))


def test_default_file_is_in_the_cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    cache = Cache(OfflineTransport())
    assert cache.path == str(tmp_path / "oai" / "answers.sqlite")
    cache.close()


def test_it_can_be_stacked(server: Loopback, make: Make, tmp_path: Path) -> None:
    server.reply(Answer.error(429, "slow", retry_after=0.01))
    server.default = Answer.events(STREAM)
    client = make(lambda inner: FailingTransport(Limiter(inner, in_flight=2), Fail("reset", first=1)))
    client.max_retries = 2
    assert [text_of(chat(client, stream=True)) for _ in range(2)] == ["Hello"] * 2
    assert len(server.requests) == 2
    path = tmp_path / "x.cassette"
    for mode in ("record", "replay"):
        inner = Cache(HTTPTransport(), tmp_path / "answers.sqlite")
        with Recorder(path, inner, mode=mode) as recorder:
            other = oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=recorder)
            assert text_of(chat(other, stream=True)) == "Hello"
    assert len(server.requests) == 2  # the recording is that of a hit


def test_hooks_see_that_it_was_a_hit(server: Loopback, make: Make) -> None:
    server.default = Answer.of_json(CHAT)
    seen: list[Any] = []
    client = make().with_options(on_reply=lambda attempt: seen.append(attempt.headers.get("cache-status")))
    chat(client), chat(client)
    assert seen == [None, "oai; hit"]
