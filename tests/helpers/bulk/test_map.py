"""Many calls at once: bounded, in order, over any executor, and gone on with after a crash."""

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


def echo(seen: Seen) -> Answer:
    text = seen.json()["messages"][0]["content"]
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


def test_results_come_in_the_order_of_the_rows(run: Run, server: Loopback) -> None:
    server.default = lambda seen: (time.sleep(0.02 if "1" in seen.body.decode() else 0), echo(seen))[1]
    told: list[tuple[int, int | None]] = []
    rows = [row(str(number)) for number in range(12)]
    assert texts(run(rows, concurrency=4, progress=lambda *at: told.append(at))) == [f"re: {n}" for n in range(12)]
    assert told == [(number, 12) for number in range(1, 13)]


def test_no_more_calls_are_under_way_than_allowed_and_rows_are_read_as_needed(run: Run, server: Loopback) -> None:
    lock = threading.Lock()
    under_way = most = ahead = 0

    def answer(seen: Seen) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.003)
        with lock:
            under_way -= 1
        return echo(seen)

    def rows() -> Iterable[Any]:
        nonlocal ahead
        for number in range(15):
            ahead = max(ahead, number - len(server.requests))
            yield row(str(number))

    server.default = answer
    told: list[Any] = []
    assert len(run(rows(), concurrency=3, progress=lambda *at: told.append(at))) == 15
    assert most <= 3
    assert ahead <= 3
    assert told[-1] == (15, None)


def test_the_first_error_stops_it_and_is_raised(run: Run, server: Loopback) -> None:
    server.default = lambda seen: (time.sleep(0 if "bad" in seen.body.decode() else 0.05), echo(seen))[1]
    rows = [row("a"), row("bad luck"), *(row(str(number)) for number in range(50))]
    with pytest.raises(oai.BadRequestError, match="bad luck"):
        run(rows, concurrency=2)
    assert len(server.requests) < 10


def test_errors_may_stand_in_their_places(run: Run) -> None:
    results = run([row("a"), row("bad luck"), row("b")], errors="return")
    assert texts(results) == ["re: a", "Error code: 400 - bad luck", "re: b"]
    assert isinstance(results[1], oai.BadRequestError)


@pytest.mark.parametrize(("options", "message"), [({"concurrency": 0}, "from 1 up"), ({"errors": "drop"}, "'return'")])
def test_what_cannot_be_is_named(options: Any, message: str, run: Run) -> None:
    with pytest.raises(ValueError, match=message):
        run([], **options)


def test_a_journal_keeps_what_came_and_only_the_rest_is_sent(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    rows = [row("a"), row("b"), row("bad luck"), row("c")]
    with pytest.raises(oai.BadRequestError):
        run(rows, concurrency=1, journal=journal)
    assert len(server.requests) == 3
    rows[2] = row("good luck")
    told: list[int] = []
    results = run(rows, concurrency=1, journal=journal, progress=lambda done, total: told.append(done))
    assert texts(results) == ["re: a", "re: b", "re: good luck", "re: c"]
    assert len(server.requests) == 5
    assert told == [1, 2, 3, 4]
    again = run(rows, journal=journal)
    assert again == results
    assert len(server.requests) == 5


def test_what_is_under_way_when_another_row_fails_is_not_lost(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    failed = threading.Event()

    def answer(seen: Seen) -> Answer:
        if "slow" in seen.body.decode():
            failed.wait(10)
            time.sleep(0.05)  # so that the error is at the client first
        else:
            failed.set()
        return echo(seen)

    server.default = answer
    with pytest.raises(oai.BadRequestError):
        run([row("slow"), row("bad luck")], concurrency=2, journal=journal)
    assert texts(run([row("slow"), row("luck")], journal=journal)) == ["re: slow", "re: luck"]
    assert len(server.requests) == 3


def test_a_line_that_was_cut_is_dropped(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    rows = [row("a"), row("b"), row("c")]
    run(rows, concurrency=1, journal=journal)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-30])
    assert texts(run(rows, journal=journal)) == ["re: a", "re: b", "re: c"]
    assert len(server.requests) == 4
    assert journal.read_bytes() == whole


@pytest.mark.parametrize(
    "text", ["hello\n", "hello", '{"kind":"oai answers","method":"models.list"}\n', '{"method":"x"}\n', '{"kind":"x"}']
)
def test_a_file_that_is_no_journal_of_this_is_left_alone(text: str, run: Run, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    journal.write_text(text)
    with pytest.raises(ValueError, match="journal of"):
        run([row("a")], journal=journal)
    assert journal.read_text() == text


def test_a_journal_whose_first_line_was_cut_begins_anew(run: Run, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    run([], journal=journal)
    head = journal.read_bytes()
    for cut in (0, 10, len(head) - 1):
        journal.write_bytes(head[:cut])
        assert texts(run([row("a")], journal=journal)) == ["re: a"]
        assert journal.read_bytes().startswith(head)


def test_a_journal_is_for_methods_of_clients(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a client's method"):
        oai.map(str.upper, ["a"], journal=tmp_path / "j")
    client = oai.OpenAI(transport=oai.OfflineTransport())
    with pytest.raises(TypeError, match="cannot be sent as JSON"):
        oai.map(client.files.create, [{"file": object(), "purpose": "batch"}], journal=tmp_path / "j")


def test_a_stream_is_nothing_that_a_journal_keeps(run: Run, server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.events([{**CHAT, "object": "chat.completion.chunk", "choices": []}])
    for _ in range(2):
        with pytest.raises(TypeError, match="gives .*Stream, of which a journal cannot keep the answer"):
            run([{**row("a"), "stream": True}], journal=tmp_path / "j")
    assert len((tmp_path / "j").read_bytes().splitlines()) == 1


def test_a_journal_keeps_bytes_and_vectors_as_they_were(tmp_path: Path) -> None:
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


def test_a_map_whose_process_was_killed_sends_no_row_twice(run: Run, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "answers.jsonl"
    command = [sys.executable, "-c", KILLED, f"{server.url}/v1", str(journal)]
    assert subprocess.run(command, check=False).returncode == 9
    assert len(server.requests) == 6
    assert texts(run([row(str(n)) for n in range(10)], journal=journal)) == [f"re: {n}" for n in range(10)]
    asked = [seen.json()["messages"][0]["content"] for seen in server.requests]
    assert sorted(asked) == [str(n) for n in range(10)]


def test_a_coroutine_function_is_for_amap() -> None:
    client = oai.AsyncOpenAI(api_key=KEY)
    with pytest.raises(TypeError, match=r"await oai\.amap"):
        oai.map(client.models.retrieve, ["m"])


def test_plain_functions_and_single_arguments_are_taken() -> None:
    assert oai.map(str.upper, "abc") == ["A", "B", "C"]
    assert oai.map(dict, [{"a": 1}, [("b", 2)]]) == [{"a": 1}, {"b": 2}]


@given(values=st.lists(st.integers(), max_size=30), limit=st.integers(1, 9), bad=st.sets(st.integers()))
def test_it_is_the_builtin_map_for_any_rows(values: list[int], limit: int, bad: set[int]) -> None:
    def double(value: int) -> int:
        if value in bad:
            raise KeyError(value)
        return 2 * value

    expected = [f"{value}" if value in bad else 2 * value for value in values]
    found = oai.map(double, values, concurrency=limit, errors="return")
    assert [str(each) if isinstance(each, KeyError) else each for each in found] == expected


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_any_executor_will_do(kind: str, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as dask:
        client = oai.OpenAI(base_url=sys.argv[1])
        rows = [{"model": "m", "messages": [{"role": "user", "content": str(n)}]} for n in range(6)]
        rows[4]["messages"][0]["content"] = "bad luck"
        answers = oai.map(client.chat.completions.create, rows, executor=dask.get_executor(), errors="return")
        print(json.dumps([str(each) if isinstance(each, Exception) else each.choices[0].message.content
                          for each in answers]))

if __name__ == "__main__":
    main()
"""


def test_a_dask_cluster_is_an_executor(server: Loopback, tmp_path: Path) -> None:
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
    """Loses the second of its calls before it has begun, as a cluster does that ends."""

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        if arguments != (1,):
            return super().submit(function, *arguments, **keywords)
        lost: Future[Any] = Future()
        assert lost.cancel()
        lost.set_running_or_notify_cancel()
        return lost


def test_a_call_that_its_executor_cancels_is_an_error_of_its_row() -> None:
    with _Losing(2) as executor:
        first, second, third = oai.map(str, range(3), executor=executor, errors="return")
        assert (first, third) == ("0", "2")
        assert isinstance(second, CancelledError)
        with pytest.raises(CancelledError):
            oai.map(str, range(3), executor=executor)
