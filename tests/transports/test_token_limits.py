"""The limiter by tokens: estimates, corrections, order, and limits that processes share by a file."""

from __future__ import annotations

import asyncio
import hashlib
import json
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limited_processes import sent_by_processes
from metered import CHUNKS, COMPLETION, MESSAGES

import oai
from oai._metering import request_facts
from oai._metering.request_facts import estimated_input
from oai._metering.shared_limits import SharedLimits
from oai._metering.token_window import TokenWindow
from oai._support.journal_file import open_locked
from oai.testing import Answer, Loopback
from oai.transports import (
    AsyncHTTPTransport,
    BlockingTransport,
    HTTPTransport,
    Limiter,
    OfflineTransport,
    Timeout,
    Usage,
)

Make = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, server: Loopback) -> Iterator[Make]:
    """Make a sync client over a limiter of either kind of transport."""
    clients: list[Any] = []

    def make(**limits: Any) -> Any:
        inner = Limiter((HTTPTransport if request.param == "sync" else AsyncHTTPTransport)(), **limits)
        transport = inner if request.param == "sync" else BlockingTransport(inner)
        options: dict[str, Any] = {"timeout": Timeout(5, pool=0.05), "max_retries": 0}
        clients.append(oai.OpenAI(api_key="k", base_url=f"{server.url}/v1", transport=transport, **options))
        return clients[-1]

    yield make
    for each in clients:
        each.transport.close()


def create(client: Any, **params: Any) -> Any:
    return client.chat.completions.create(**{"model": "m", "messages": MESSAGES, **params})


def test_tokens_per_minute_are_limited_by_the_truth(client: Make, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)  # of 12 tokens
    limited = client(tokens_per_minute=50)
    for _ in range(3):
        create(limited)
    create(limited, max_tokens=6)  # an estimate of 12 beside 36
    with pytest.raises(oai.APITimeoutError, match="do not allow the request"):
        create(limited)
    assert len(server.requests) == 4
    limited.models.with_raw_response.list()  # has no tokens


def test_limit_of_the_output_counts_until_the_response_corrects_it(client: Make, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    limited = client(tokens_per_minute=100)
    stream = create(limited, stream=True, max_completion_tokens=80)
    with pytest.raises(oai.APITimeoutError):
        create(limited, max_completion_tokens=80)
    list(stream)
    create(limited, max_completion_tokens=80, stream=True).close()


def test_stream_without_usage_is_corrected_by_its_events(client: Make, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS[:-1])
    limited = client(tokens_per_minute=100)
    for _ in range(4):
        list(create(limited, stream=True, max_tokens=50))


def test_failed_request_keeps_its_estimate(client: Make, server: Loopback) -> None:
    server.default = Answer.error(500, "x")
    limited = client(tokens_per_minute=100)
    with pytest.raises(oai.InternalServerError):
        create(limited, max_tokens=80)
    with pytest.raises(oai.APITimeoutError):
        create(limited, max_tokens=80)


def test_request_larger_than_the_limit_is_sent_alone(client: Make, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    create(client(tokens_per_minute=10), max_tokens=1000)
    assert len(server.requests) == 1


def test_waiting_request_starts_when_an_estimate_is_corrected(server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    client = oai.OpenAI(
        api_key="k", base_url=f"{server.url}/v1", transport=Limiter(HTTPTransport(), tokens_per_minute=100)
    )
    stream = create(client, stream=True, max_tokens=80)
    timer = threading.Timer(0.3, lambda: list(stream))
    timer.start()
    began = time.monotonic()
    create(client, stream=True, max_tokens=80).close()
    assert time.monotonic() - began < 30  # not the minute of the estimate
    timer.join()


def test_usage_within_a_limiter_counts_streams(server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    limiter = Limiter(HTTPTransport(), tokens_per_minute=1000)
    client = oai.OpenAI(api_key="k", base_url=f"{server.url}/v1", transport=Usage(limiter))
    assert len(list(create(client, stream=True, max_tokens=900))) == 3
    assert [each.tokens for each in limiter._queue._tokens._window._spent] == [12]


@given(
    limit=st.integers(1, 50),
    requests=st.lists(st.tuples(st.integers(0, 40 * 1024).map(lambda n: n / 1024), st.integers(0, 50)), max_size=30),
)
def test_no_minute_has_more_tokens_than_the_limit(limit: int, requests: list[tuple[float, int]]) -> None:
    """Requests above the limit count as the limit. Time is counted instead of waited for."""
    window, now, begun = TokenWindow(limit), 1000.0, []
    for gap, tokens in requests:
        now += gap
        while (delay := window.delay(min(tokens, limit), now)) > 0:
            assert delay <= 60
            now += delay
        window.add(min(tokens, limit), now)
        begun.append((now, min(tokens, limit)))
    for number, (start, _) in enumerate(begun):
        assert sum(tokens for at, tokens in begun[number:] if start <= at < start + 60) <= limit


ESTIMATES = [
    ({"input": "four"}, 1),
    ({"input": "x" * 400}, 100),
    ({"input": "日本語"}, 3),
    ({"input": ["aaaa", "bbbb"]}, 2),
    ({"input": [1, 2, 3]}, 3),
    ({"messages": [{"role": "user", "content": "aaaa"}]}, 4 + 1 + 1),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "aaaa"}]}]}, 4 + 1 + 1 + 1),
    ({"image_url": "data:image/png;base64," + "A" * 100_000}, 1000),
    ({"n": 3, "temperature": None}, 0),
]


@pytest.mark.parametrize(("body", "tokens"), ESTIMATES)
def test_input_is_estimated_by_characters(body: dict[str, Any], tokens: int) -> None:
    assert estimated_input(json.dumps({"model": "m", **body}).encode(), "m") == tokens


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 5000, b"{", None])
def test_unreadable_body_has_an_estimate(body: bytes | None) -> None:
    assert estimated_input(body) >= 0
    assert request_facts.request_facts(body).model_name is None


def test_tiktoken_counts_where_its_vocabulary_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """tiktoken would download a vocabulary that is neither loaded nor cached."""
    loaded: list[str] = []

    def get_encoding(name: str) -> Any:
        loaded.append(name)
        return SimpleNamespace(encode_ordinary=lambda text: text.split())

    models = {"m-known": "words", "m-other": "absent"}
    package, table = ModuleType("tiktoken"), ModuleType("tiktoken.model")
    package.get_encoding = get_encoding  # type: ignore[attr-defined]
    table.encoding_name_for_model = models.__getitem__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tiktoken", package)
    monkeypatch.setitem(sys.modules, "tiktoken.model", table)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    request_facts._counter.cache_clear()
    key = hashlib.sha1(f"{request_facts.VOCABULARIES}words.tiktoken".encode()).hexdigest()
    (tmp_path / key).touch()
    body = b'{"input": "one two three four"}'
    assert [estimated_input(body, model) for model in ("m-known", "m-other", "unknown")] == [4, 5, 5]
    assert loaded == ["words"]
    request_facts._counter.cache_clear()


def test_limiter_pickles_with_token_limits(tmp_path: Path) -> None:
    limiter = Limiter(OfflineTransport(), tokens_per_minute=9, shared=tmp_path / "limits")
    assert pickle.loads(pickle.dumps(limiter))._options == {"tokens_per_minute": 9, "shared": tmp_path / "limits"}


def test_limiters_share_the_limits_of_a_file(client: Make, server: Loopback, tmp_path: Path) -> None:
    server.default = Answer(json=COMPLETION)
    shared = tmp_path / "limits"
    one, two = (client(tokens_per_minute=30, shared=shared) for _ in range(2))
    create(one)
    create(two)
    for each in (one, two):
        with pytest.raises(oai.APITimeoutError):
            create(each)
    assert len(server.requests) == 2


def test_requests_per_minute_are_shared(client: Make, server: Loopback, tmp_path: Path) -> None:
    server.default = Answer(json=COMPLETION)
    one, two = (client(requests_per_minute=2, shared=tmp_path / "limits") for _ in range(2))
    create(one)
    create(two)
    with pytest.raises(oai.APITimeoutError):
        create(one)


def test_pause_of_the_server_is_shared(client: Make, server: Loopback, tmp_path: Path) -> None:
    server.reply(Answer.error(429, "slow down", retry_after=60))
    one, two = (client(requests_per_minute=99, shared=tmp_path / "limits") for _ in range(2))
    with pytest.raises(oai.RateLimitError):
        create(one)
    with pytest.raises(oai.APITimeoutError):
        create(two)
    assert len(server.requests) == 1


def test_processes_share_the_limits(server: Loopback, tmp_path: Path) -> None:
    sent = sent_by_processes(server, tmp_path / "limits")
    assert sum(sent) == len(server.requests) == 5


def test_process_that_waits_longest_sends_next(tmp_path: Path) -> None:
    first, second = (SharedLimits(tmp_path / "limits", 1, None) for _ in range(2))
    assert first.admit("a", 0) == 0
    assert first.admit("b", 0) > 0
    assert second.admit("c", 0) > 0
    (tmp_path / "limits").write_bytes((tmp_path / "limits").read_bytes().replace(b'"begun":[[', b'"begun":[],"x":[['))
    assert second.admit("c", 0) > 0  # b came before it
    first.withdraw("b")
    assert second.admit("c", 0) == 0


def test_place_of_a_process_that_died_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("oai._metering.shared_limits.time", SimpleNamespace(time=lambda: now, sleep=time.sleep))
    limits = SharedLimits(tmp_path / "limits", 1, None)
    assert limits.admit("a", 0) == 0
    assert limits.admit("dead", 0) == 1.0
    for _ in range(59):
        now += 1
        assert limits.admit("b", 0) > 0
    now += 1
    assert limits.admit("b", 0) == 0


def test_clock_that_is_set_back_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("oai._metering.shared_limits.time", SimpleNamespace(time=lambda: now, sleep=time.sleep))
    limits = SharedLimits(tmp_path / "limits", 1, None)
    assert limits.admit("a", 0) == 0
    now = 1000.0
    for _ in range(60):
        assert limits.admit("b", 0) > 0
        now += 1
    assert limits.admit("b", 0) == 0


def test_rest_of_a_killed_write_does_no_harm(tmp_path: Path) -> None:
    """A process may be killed after writing a shorter line and before cutting the file."""
    limits = SharedLimits(tmp_path / "limits", 1, None)
    assert limits.admit("a", 0) == 0
    with (tmp_path / "limits").open("ab") as file:
        file.write(b'0]],"waiting":[]}\n')
    assert SharedLimits(tmp_path / "limits", 1, None).admit("b", 0) > 0


def test_file_stays_small(tmp_path: Path) -> None:
    limits = SharedLimits(tmp_path / "limits", None, 10**9)
    for number in range(300):
        assert limits.admit(str(number), 1) == 0
        limits.correct(str(number), 2)
    assert (tmp_path / "limits").stat().st_size < 1000
    assert SharedLimits(tmp_path / "limits", None, 601).admit("x", 1) == 0
    assert SharedLimits(tmp_path / "limits", None, 601).admit("y", 1) > 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"begun": 3}'])
def test_file_that_a_crash_damaged_counts_as_empty(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "limits").write_bytes(content)
    assert SharedLimits(tmp_path / "limits", 1, 10).admit("a", 5) == 0


def test_locked_file_is_waited_for_without_blocking(tmp_path: Path) -> None:
    limits = SharedLimits(tmp_path / "limits", None, 10)
    assert limits.admit("a", 10) == 0
    with open_locked(str(tmp_path / "limits")):
        assert 0 < limits.admit("b", 1) < 1
        limits.correct("a", 3)  # is written by the next request
    assert limits.admit("b", 7) == 0


def test_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    client = oai.OpenAI(
        transport=Limiter(OfflineTransport(), tokens_per_minute=9, shared=tmp_path / "none" / "limits"), max_retries=0
    )
    with pytest.raises(oai.APIConnectionError, match="the shared limits cannot be kept"):
        create(client)


def test_event_loop_runs_while_a_shared_limit_waits(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer(json=COMPLETION)

    async def main() -> int:
        limiter = Limiter(AsyncHTTPTransport(), requests_per_minute=1, shared=tmp_path / "limits")
        client = oai.AsyncOpenAI(
            api_key="k", base_url=f"{server.url}/v1", transport=limiter, timeout=Timeout(5, pool=0.3), max_retries=0
        )
        await create(client)
        waiting = asyncio.ensure_future(create(client))
        ticks = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            ticks += 1
        with pytest.raises(oai.APITimeoutError):
            await waiting
        await limiter.close()
        return ticks

    assert asyncio.run(main()) > 3
