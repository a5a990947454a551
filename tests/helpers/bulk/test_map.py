"""Many calls at once: bounded, in order, over any executor, resumed after a crash."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from chat_server import CHAT, chat
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
from oai.testing import Answer, Loopback, Seen

Run = Callable[..., list[Any]]


def echo(request: Seen) -> Answer:
    text = request.json()["messages"][0]["content"]
    return Answer.error(400, text) if text.startswith("bad") else Answer(json=chat(f"re: {text}"))


def row(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def texts(results: Iterable[Any]) -> list[str]:
    return [str(each) if isinstance(each, Exception) else each.choices[0].message.content for each in results]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, server: Loopback) -> Run:
    """Map `chat.completions.create` over rows, sync and async."""
    server.default = echo

    def run(rows: Iterable[Any], **options: Any) -> list[Any]:
        base = {"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0}
        if request.param == "sync":
            with oai.OpenAI(**base) as client:
                return oai.map(client.chat.completions.create, rows, **options)

        async def main() -> list[Any]:
            async with oai.AsyncOpenAI(**base) as client:
                return await oai.amap(client.chat.completions.create, rows, **options)

        return asyncio.run(main())

    return run


def test_results_are_in_row_order(run: Run, server: Loopback) -> None:
    server.default = lambda seen: (time.sleep(0.02 if "1" in seen.body.decode() else 0), echo(seen))[1]
    progress: list[tuple[int, int | None]] = []
    rows = [row(str(number)) for number in range(12)]
    assert texts(run(rows, concurrency=4, progress=lambda *counts: progress.append(counts))) == [
        f"re: {n}" for n in range(12)
    ]
    assert progress == [(number, 12) for number in range(1, 13)]


def test_concurrency_is_bounded_and_rows_are_read_lazily(run: Run, server: Loopback) -> None:
    lock = threading.Lock()
    in_flight = most = ahead = 0

    def answer(seen: Seen) -> Answer:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
        time.sleep(0.003)
        with lock:
            in_flight -= 1
        return echo(seen)

    def rows() -> Iterable[Any]:
        nonlocal ahead
        for number in range(15):
            ahead = max(ahead, number - len(server.requests))
            yield row(str(number))

    server.default = answer
    progress: list[Any] = []
    assert len(run(rows(), concurrency=3, progress=lambda *counts: progress.append(counts))) == 15
    assert most <= 3
    assert ahead <= 3
    assert progress[-1] == (15, None)


def test_first_error_stops_the_map_and_is_raised(run: Run, server: Loopback) -> None:
    server.default = lambda seen: (time.sleep(0 if "bad" in seen.body.decode() else 0.3), echo(seen))[1]
    rows = [row("a"), row("bad luck"), *(row(str(number)) for number in range(50))]
    with pytest.raises(oai.BadRequestError, match="bad luck"):
        run(rows, concurrency=2)
    assert len(server.requests) < 10


def test_errors_can_be_returned_in_place(run: Run) -> None:
    results = run([row("a"), row("bad luck"), row("b")], errors="return")
    assert texts(results) == ["re: a", "Error code: 400 - bad luck", "re: b"]
    assert isinstance(results[1], oai.BadRequestError)


@pytest.mark.parametrize(
    ("options", "message"), [({"concurrency": 0}, "positive integer"), ({"errors": "drop"}, "'return', not 'drop'")]
)
def test_invalid_options_raise_value_error(options: Any, message: str, run: Run) -> None:
    with pytest.raises(ValueError, match=message):
        run([], **options)


def test_resumed_map_sends_only_rows_missing_from_the_journal(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    rows = [row("a"), row("b"), row("bad luck"), row("c")]
    with pytest.raises(oai.BadRequestError):
        run(rows, concurrency=1, journal=journal)
    assert len(server.requests) == 3
    rows[2] = row("good luck")
    progress: list[int] = []
    results = run(rows, concurrency=1, journal=journal, progress=lambda done, total: progress.append(done))
    assert texts(results) == ["re: a", "re: b", "re: good luck", "re: c"]
    assert len(server.requests) == 5
    assert progress == [1, 2, 3, 4]
    again = run(rows, journal=journal)
    assert again == results
    assert len(server.requests) == 5


def test_calls_in_flight_when_a_row_fails_are_journaled(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    failed = threading.Event()

    def answer(seen: Seen) -> Answer:
        if "slow" in seen.body.decode():
            failed.wait(10)
            time.sleep(0.05)  # so that the client receives the error first
        else:
            failed.set()
        return echo(seen)

    server.default = answer
    with pytest.raises(oai.BadRequestError):
        run([row("slow"), row("bad luck")], concurrency=2, journal=journal)
    assert texts(run([row("slow"), row("luck")], journal=journal)) == ["re: slow", "re: luck"]
    assert len(server.requests) == 3


def test_truncated_last_journal_line_is_dropped(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    rows = [row("a"), row("b"), row("c")]
    run(rows, concurrency=1, journal=journal)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-30])
    assert texts(run(rows, journal=journal)) == ["re: a", "re: b", "re: c"]
    assert len(server.requests) == 4
    assert journal.read_bytes() == whole


def test_journal_of_a_map_is_held_by_one_call_at_a_time(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    errors: list[str] = []

    def interfere(done: int, total: int | None) -> None:
        command = [sys.executable, "-c", KILLED, f"{server.url}/v1", str(journal)]
        errors.append(subprocess.run(command, check=False, capture_output=True, text=True).stderr)

    assert texts(run([row("a")], journal=journal, progress=interfere)) == ["re: a"]
    assert "BlockingIOError" in errors[0]
    assert texts(run([row("a")], journal=journal)) == ["re: a"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "text", ["hello\n", "hello", '{"kind":"oai answers","method":"models.list"}\n', '{"method":"x"}\n', '{"kind":"x"}']
)
def test_foreign_file_is_refused_as_journal_and_left_unchanged(text: str, run: Run, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    journal.write_text(text)
    with pytest.raises(ValueError, match="journal of"):
        run([row("a")], journal=journal)
    assert journal.read_text() == text


def test_journal_with_truncated_first_line_is_started_over(run: Run, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    run([], journal=journal)
    head = journal.read_bytes()
    for cut in (0, 10, len(head) - 1):
        journal.write_bytes(head[:cut])
        assert texts(run([row("a")], journal=journal)) == ["re: a"]
        assert journal.read_bytes().startswith(head)


def test_journal_requires_a_client_method(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a client's method"):
        oai.map(str.upper, ["a"], journal=tmp_path / "j")
    client = oai.OpenAI(transport=oai.OfflineTransport())
    with pytest.raises(TypeError, match="cannot be sent as JSON"):
        oai.map(client.files.create, [{"file": object(), "purpose": "batch"}], journal=tmp_path / "j")


def test_journal_refuses_streams(run: Run, server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.events([{**CHAT, "object": "chat.completion.chunk", "choices": []}])
    for _ in range(2):
        with pytest.raises(TypeError, match="returned .*Stream, whose response a journal cannot keep"):
            run([{**row("a"), "stream": True}], journal=tmp_path / "j")
    assert len((tmp_path / "j").read_bytes().splitlines()) == 1


def test_journal_preserves_bytes_and_vectors(tmp_path: Path) -> None:
    client = oai.OpenAI(transport=oai.OfflineTransport())
    for method, rows in (
        (client.embeddings.create, [{"model": "m", "input": "a"}]),
        (client.audio.speech.create, [{"model": "m", "voice": "v", "input": "a"}]),
    ):
        journal = tmp_path / f"{method.__qualname__}.jsonl"
        first, again = (oai.map(method, rows, journal=journal)[0] for _ in range(2))
        assert type(first) is type(again)
        if hasattr(first, "content"):
            assert first.content == again.content
        else:
            assert first == again


KILLED = """
import os, sys, oai
base, journal = sys.argv[1:]
client = oai.OpenAI(api_key="k", base_url=base)
rows = [{"model": "m", "messages": [{"role": "user", "content": str(n)}]} for n in range(10)]
oai.map(client.chat.completions.create, rows, concurrency=1, journal=journal,
    progress=lambda done, total: os._exit(9) if done == 6 else None)
"""


def test_killed_map_resumes_without_sending_a_row_twice(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    command = [sys.executable, "-c", KILLED, f"{server.url}/v1", str(journal)]
    assert subprocess.run(command, check=False).returncode == 9
    assert len(server.requests) == 6
    assert texts(run([row(str(n)) for n in range(10)], journal=journal)) == [f"re: {n}" for n in range(10)]
    sent = [request.json()["messages"][0]["content"] for request in server.requests]
    assert sorted(sent) == [str(n) for n in range(10)]


def test_coroutine_function_is_refused_with_a_hint_at_amap() -> None:
    client = oai.AsyncOpenAI(api_key=KEY)
    with pytest.raises(TypeError, match=r"await oai\.amap"):
        oai.map(client.models.retrieve, ["m"])


def test_plain_functions_and_single_arguments_are_accepted() -> None:
    assert oai.map(str.upper, "abc") == ["A", "B", "C"]
    assert oai.map(dict, [{"a": 1}, [("b", 2)]]) == [{"a": 1}, {"b": 2}]


@given(values=st.lists(st.integers(), max_size=30), limit=st.integers(1, 9), bad=st.sets(st.integers()))
def test_map_agrees_with_the_builtin_map(values: list[int], limit: int, bad: set[int]) -> None:
    def double(value: int) -> int:
        if value in bad:
            raise KeyError(value)
        return 2 * value

    expected = [f"{value}" if value in bad else 2 * value for value in values]
    results = oai.map(double, values, concurrency=limit, errors="return")
    assert [str(result) if isinstance(result, KeyError) else result for result in results] == expected


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_map_runs_on_thread_and_process_executors(kind: str, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.default = echo
    pool: Executor = ThreadPoolExecutor(2) if kind == "threads" else ProcessPoolExecutor(2, get_context("spawn"))
    with pool, oai.OpenAI(base_url=f"{server.url}/v1") as client:
        rows = [row(str(number)) for number in range(6)]
        assert texts(oai.map(client.chat.completions.create, rows, executor=pool)) == [f"re: {n}" for n in range(6)]
    assert {seen.header("authorization") for seen in server.requests} == {f"Bearer {KEY}"}


DASK = """
import json, sys
from distributed import Client, LocalCluster
import oai

def main():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as dask:
        client = oai.OpenAI(base_url=sys.argv[1])
        rows = [{"model": "m", "messages": [{"role": "user", "content": str(n)}]} for n in range(6)]
        rows[4]["messages"][0]["content"] = "bad luck"
        answers = oai.map(client.chat.completions.create, rows, executor=dask.get_executor(), errors="return")
        print(json.dumps([str(each) if isinstance(each, Exception) else each.choices[0].message.content
                          for each in answers]))

if __name__ == "__main__":
    main()
"""


def test_map_runs_on_a_dask_cluster(server: Loopback, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs a Dask cluster: pip install 'oai[dask]'")
    server.default = echo
    script = tmp_path / "over_dask.py"
    script.write_text(DASK)
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "PYTHONPATH": str(Path(oai.__file__).parents[1])}
    command = [sys.executable, str(script), f"{server.url}/v1"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=120)
    expected = [f"re: {n}" for n in range(6)]
    expected[4] = "Error code: 400 - bad luck"
    assert json.loads(ended.stdout) == expected
    assert len(server.requests) == 6
    assert {seen.header("authorization") for seen in server.requests} == {f"Bearer {KEY}"}


class _Losing(ThreadPoolExecutor):
    """Cancels the second of its calls before it has begun, as a cluster does that shuts down."""

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        if arguments != (1,):
            return super().submit(function, *arguments, **keywords)
        lost: Future[Any] = Future()
        assert lost.cancel()
        lost.set_running_or_notify_cancel()
        return lost


def test_call_cancelled_by_the_executor_is_an_error_of_its_row() -> None:
    with _Losing(2) as executor:
        first, second, third = oai.map(str, range(3), executor=executor, errors="return")
        assert (first, third) == ("0", "2")
        assert isinstance(second, CancelledError)
        with pytest.raises(CancelledError):
            oai.map(str, range(3), executor=executor)
