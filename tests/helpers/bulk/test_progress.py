"""The progress of many calls: functions, bars of tqdm, lines of text on a terminal and in a notebook; estimates."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import oai
from oai.helpers.bulk.progress import Line, progress_of
from oai.transports import OfflineTransport

ROWS = [{"model": "m", "input": text} for text in "abc"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def client() -> oai.OpenAI:
    return oai.OpenAI(transport=OfflineTransport())


def test_bar_is_drawn_by_tqdm(client: oai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed: pip install '.[test]'")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert len(oai.map(client.embeddings.create, ROWS, progress=True)) == 3
    assert "3/3" in terminal.getvalue()


@pytest.mark.parametrize("total", [None, 3])
def test_line_is_shown_on_a_terminal_without_tqdm(total: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with ExitStack() as stack:
        progress: Any = progress_of(True, stack)
        assert isinstance(progress, Line)
        for number in range(1, 4):
            progress(number, total)
    assert terminal.getvalue().endswith("\r3 of 3\n" if total else "\r3\n")


def test_nothing_is_written_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    with Line() as line:
        line(1, 2)
    assert file.getvalue() == ""


def test_line_is_updated_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    updates: list[Any] = []
    handle = SimpleNamespace(update=lambda data, raw: updates.append(data["text/plain"]))
    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    ipython.display = SimpleNamespace(display=lambda *_, **__: handle)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    with Line() as line:
        for number in range(1, 4):
            line(number, 3)
    assert updates[-1] == "3 of 3"


def test_progress_of_tasks_is_a_function_or_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    seen: list[Any] = []

    async def main() -> None:
        async with oai.AsyncOpenAI(transport=OfflineTransport()) as client:
            await oai.amap(client.embeddings.create, ROWS, progress=lambda done, total: seen.append((done, total)))
            await oai.amap(client.embeddings.create, ROWS, progress=True)

    asyncio.run(main())
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_other_progress_is_rejected(client: oai.OpenAI) -> None:
    progress: Any = "yes"
    with pytest.raises(TypeError, match="a function or True, not 'yes'"):
        oai.map(client.embeddings.create, ROWS, progress=progress)


def test_batch_reports_its_requests(client: oai.OpenAI) -> None:
    seen: list[Any] = []
    with client.batch(progress=lambda done, total: seen.append((done, total))) as batch:
        later = [batch.embeddings.create(**row) for row in ROWS]
        later.append(batch.responses.create(model="m", input="x"))
    assert all(each.result() for each in later)
    assert seen[-1][1] == 4
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_poll_reports_each_state(play: Callable[..., Any], server: Any) -> None:
    from oai.testing import Answer

    states = [{"id": "b", "object": "batch", "status": status} for status in ("in_progress", "completed")]
    server.reply(*[Answer(json=state) for state in states])
    seen: list[Any] = []

    def poll(client: Any) -> Any:
        yield client.batches.poll("b", poll_interval_ms=1, progress=lambda batch: seen.append(batch.status))

    play(poll)
    assert seen == ["in_progress", "completed"]


def test_estimate_adds_up_rows(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('currency = "EUR"\n[models."m*"]\ninput = 1\noutput = 10\n')
    rows = ({"model": "m1", "input": "x" * 4000, "max_output_tokens": 100} for _ in range(1000))
    whole = oai.estimate(rows, prices=prices)
    assert (whole.rows, whole.input_tokens, whole.output_tokens, whole.unlimited) == (1000, 1_000_000, 100_000, 0)
    assert whole.cost == pytest.approx(2.0)
    assert str(whole) == "1,000 calls, 1,000,000 input and 100,000 output tokens, about 2.00 EUR"
    half = oai.estimate([{"model": "m1", "input": "x" * 4000}], prices=prices, output_tokens=100, discount=0.5)
    assert half.cost == pytest.approx(0.001)


def test_estimate_reads_a_file_of_rows(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(
        '{"custom_id": "a", "model": "m", "input": "xxxx", "max_output_tokens": 5}\n' * 3
    )
    found = oai.estimate(tmp_path / "in.jsonl", prices={"models": {"m": {"input": 1.0, "output": 1.0}}})
    assert (found.rows, found.input_tokens, found.output_tokens) == (3, 3, 15)
    assert found == oai.estimate(str(tmp_path / "in.jsonl"), prices={"models": {"m": {"input": 1.0, "output": 1.0}}})


def test_estimate_reports_models_without_a_price() -> None:
    prices = {"models": {"m": {"input": 1.0}}}
    known = oai.estimate([{"model": "m", "input": "x"}, {"model": "other", "input": "x"}], prices=prices)
    assert (known.unlimited, known.unpriced) == (2, 1)
    assert "1 of models without a price" in str(known)
    assert oai.estimate([]).cost is None
    with pytest.raises(ValueError, match="discount must be from 0 to 1"):
        oai.estimate([], discount=2)


@pytest.mark.parametrize("place", ["file", "server"])
def test_workers_of_dask_share_a_limit(place: str, server: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install '.[dask]'")
    from oai.testing import Answer
    from oai.transports import HTTPTransport, Limiter, LimitServer, Timeout

    server.default = Answer(json={"object": "list", "model": "m", "data": [], "usage": {"prompt_tokens": 1}})
    limits = LimitServer()
    shared = limits.url if place == "server" else tmp_path / "limits"
    limiter = Limiter(HTTPTransport(), requests_per_minute=5, shared=shared)
    client = oai.OpenAI(
        api_key="k",
        base_url=f"{server.url}/v1",
        transport=limiter,
        timeout=Timeout(20, pool=1),
        max_retries=0,
        pickle_keys=True,
    )
    with (
        limits,
        distributed.LocalCluster(2, threads_per_worker=2, dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster) as dask,
    ):
        rows = [{"model": "m", "input": str(number)} for number in range(12)]
        results = oai.map(client.embeddings.create, rows, executor=dask.get_executor(), errors="return")
    errors = [result for result in results if isinstance(result, Exception)]
    assert len(server.requests) == 5
    assert len(errors) == 7
    assert {type(error) for error in errors} == {oai.APITimeoutError}
