"""The limiter over real sockets: who waits, how long, and who goes first; and its accounting as a property."""

from __future__ import annotations

import ast
import asyncio
import gc
import math
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
import oai.transports.limiter
from oai._flow.retry import LONGEST_RETRY_AFTER
from oai.testing import Answer, Loopback, Seen
from oai.transports import (
    AsyncHTTPTransport,
    BlockingTransport,
    Fail,
    FailingTransport,
    Headers,
    HTTPTransport,
    Limiter,
    OfflineTransport,
    Recorder,
    Request,
    Timeout,
    TransportError,
)
from oai.transports.limiter import Waiter, WaitQueue

Make = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make a limiter that a sync caller may use, over either kind of transport."""
    made: list[Any] = []

    def limiter(**limits: Any) -> Any:
        if request.param == "sync":
            made.append(Limiter(HTTPTransport(), **limits))
        else:
            made.append(BlockingTransport(Limiter(AsyncHTTPTransport(), **limits)))
        return made[-1]

    yield limiter
    for each in made:
        each.close()


def get(server: Loopback, path: str = "/x", **limits: Any) -> Request:
    return Request("GET", server.url + path, [], timeout=Timeout(limits.pop("timeout", 5), **limits))


class Most:
    """An answer that counts how many requests are being answered at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, seen: Seen) -> Answer:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self._lock:
            self.now -= 1
        return Answer(body=b"x")


def test_requests_in_flight_are_limited(server: Loopback, make: Make) -> None:
    server.default = most = Most()
    limiter = make(in_flight=3)
    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(lambda _: limiter.send(get(server)).read(), range(36))) == [b"x"] * 36
    assert most.most <= 3


@pytest.mark.parametrize("end", ["read", "iterate", "close", "close within", "cut"])
def test_slot_is_held_until_the_end_of_the_body(end: str, server: Loopback, make: Make) -> None:
    cut = {"length": 99, "close": True} if end == "cut" else {}
    server.reply(Answer(chunks=[b"a", b"b"], framing="length" if cut else "chunked", **cut), Answer(body=b"y"))
    limiter = make(in_flight=1)
    reply = limiter.send(get(server))
    with pytest.raises(TransportError, match=r"do not allow the request within 0\.05 s") as caught:
        limiter.send(get(server, pool=0.05))
    assert caught.value.kind == "timeout"
    if end == "read":
        assert reply.read() == b"ab"
    elif end == "iterate":
        assert b"".join(reply) == b"ab"
    elif end == "close within":
        assert next(iter(reply)).startswith(b"a")
        reply.close()
    elif end == "cut":
        with pytest.raises(TransportError, match="cut short"):
            list(reply)
    else:
        reply.close()
        reply.close()
    assert limiter.send(get(server)).read() == b"y"


def test_garbage_collected_reply_releases_its_slot() -> None:
    limiter = Limiter(OfflineTransport(), in_flight=1)
    request = Request("GET", "http://x.test/", [], timeout=Timeout(0.05))
    reply = limiter.send(request)
    with pytest.raises(TransportError):
        limiter.send(request)
    del reply
    gc.collect()
    assert limiter.send(request).status == 200


def test_failed_request_releases_its_slot(server: Loopback, make: Make) -> None:
    limiter = make(in_flight=1)
    server.reply(Answer(reset="before"), Answer(body=b"y"))
    with pytest.raises(TransportError) as caught:
        limiter.send(get(server))
    assert caught.value.kind == "receive"
    assert limiter.send(get(server)).read() == b"y"


def test_requests_are_sent_in_order(server: Loopback, make: Make) -> None:
    server.default = Answer(body=b"x")
    limiter = make(in_flight=1)
    line = getattr(limiter, "_transport", limiter)._queue if isinstance(limiter, BlockingTransport) else limiter._queue
    first = limiter.send(get(server))
    with ThreadPoolExecutor(8) as threads:
        waiting = []
        for number in range(8):
            waiting.append(threads.submit(lambda n: limiter.send(get(server, f"/{n}")).read(), number))
            assert server.until(lambda: len(line._waiting) == len(waiting))
        first.close()
        assert [each.result() for each in waiting] == [b"x"] * 8
    assert [seen.path for seen in server.requests[1:]] == [f"/{number}" for number in range(8)]


@pytest.mark.parametrize("limits", [{"pool": 0.05}, {"total": 0.05}])
def test_requests_per_minute_are_limited(limits: dict[str, float], server: Loopback, make: Make) -> None:
    server.default = Answer(body=b"x")
    limiter = make(requests_per_minute=3)
    for _ in range(3):
        limiter.send(get(server)).read()
    with pytest.raises(TransportError) as caught:
        limiter.send(get(server, **limits))
    assert caught.value.kind == "timeout"
    assert len(server.requests) == 3


def test_wait_that_cannot_end_in_time_fails_at_once(server: Loopback, make: Make) -> None:
    server.default = Answer(body=b"x")
    limiter = make(requests_per_minute=1)
    limiter.send(get(server)).read()
    began = time.monotonic()
    with pytest.raises(TransportError, match="within 30 s"):
        limiter.send(get(server, timeout=30))
    assert time.monotonic() - began < 15


PAUSES = [
    (Answer(429, headers=[("Retry-After", "0.2")]), 0.2),
    (Answer(503, headers=[("Retry-After-Ms", "200")]), 0.2),
    (Answer(200, headers=[("X-RateLimit-Remaining-Requests", "0"), ("X-RateLimit-Reset-Requests", "200ms")]), 0.2),
    (Answer(200, headers=[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "0m0.2s")]), 0.2),
    (Answer(200, headers=[("x-ratelimit-remaining-requests", "1"), ("x-ratelimit-reset-requests", "60s")]), 0.0),
    (Answer(200, headers=[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "soon")]), 0.0),
    (Answer(200, headers=[("x-ratelimit-remaining-requests", "0")]), 0.0),
    (Answer(200, headers=[("Retry-After", "60")]), 0.0),
    (Answer(429, headers=[("Retry-After", "soon")]), 0.0),
]


@pytest.mark.parametrize(("answer", "seconds"), PAUSES)
def test_rate_limit_headers_are_respected(answer: Answer, seconds: float, server: Loopback, make: Make) -> None:
    server.reply(answer, Answer(body=b"y"))
    limiter = make()
    began = time.monotonic()
    limiter.send(get(server)).read()
    assert limiter.send(get(server)).read() == b"y"
    assert seconds <= time.monotonic() - began < seconds + 4
    first, second = server.requests
    assert second.arrived - first.arrived >= seconds


def test_retry_after_date_is_parsed() -> None:
    from email.utils import formatdate

    line = WaitQueue(None, None)
    line.update_limits(429, Headers([("Retry-After", formatdate(time.time() + 100, usegmt=True))]))
    assert 95 < line._blocked_until - time.monotonic() <= 100


@pytest.mark.parametrize("text", ["nan", "inf", "-5", "1e400"])
def test_invalid_retry_after_does_not_block(text: str) -> None:
    line = WaitQueue(None, None)
    line.update_limits(429, Headers([("Retry-After", text)]))
    assert line._blocked_until <= time.monotonic()


@pytest.mark.parametrize("text", ["1e9", "1000000000", "121", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_huge_retry_after_blocks_for_the_ceiling(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("oai.transports.limiter.time", SimpleNamespace(monotonic=lambda: now))
    line = WaitQueue(None, None)
    line.update_limits(429, Headers([("Retry-After", text)]))
    turn = line.turn(Request("GET", "http://127.0.0.1", [], timeout=Timeout(None)), now)
    assert next(turn)[1] == LONGEST_RETRY_AFTER
    now += LONGEST_RETRY_AFTER
    assert list(turn) == []


def test_wait_counts_against_the_total_limit(server: Loopback, make: Make) -> None:
    server.reply(Answer(body=b"x"), Answer(delay=5))
    limiter = make(in_flight=1)
    first = limiter.send(get(server))
    timer = threading.Timer(1, first.close)
    timer.start()
    began = time.monotonic()
    with pytest.raises(TransportError) as caught:
        limiter.send(get(server, total=2)).read()
    assert caught.value.kind == "timeout"
    assert 1.9 < time.monotonic() - began < 2.95
    assert len(server.requests) == 2
    timer.join()


def test_closing_rejects_waiting_requests(server: Loopback) -> None:
    server.default = Answer(body=b"x")
    limiter = Limiter(HTTPTransport(), in_flight=1)
    reply = limiter.send(get(server))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(limiter.send, get(server))
        assert server.until(lambda: len(limiter._queue._waiting) == 1)
        limiter.close()
        with pytest.raises(TransportError, match="the limiter is closed"):
            waiting.result(30)
    reply.close()
    with pytest.raises(TransportError) as caught:
        limiter.send(get(server))
    assert caught.value.kind == "closed"


def test_cancelled_task_leaves_the_queue(server: Loopback) -> None:
    server.default = Answer(body=b"x")

    async def main() -> None:
        limiter = Limiter(AsyncHTTPTransport(), in_flight=1)
        first = await limiter.send(get(server))
        tasks = [asyncio.create_task(limiter.send(get(server))) for _ in range(3)]
        await asyncio.sleep(0)
        assert len(limiter._queue._waiting) == 3
        for task in tasks[:2]:
            task.cancel()
            task.cancel()
        await asyncio.gather(*tasks[:2], return_exceptions=True)
        assert all(task.cancelled() for task in tasks[:2])
        await first.close()
        assert await (await tasks[2]).read() == b"x"
        under_way = asyncio.create_task(limiter.send(get(server)))
        await asyncio.sleep(0)
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)
        assert await (await limiter.send(get(server))).read() == b"x"
        await limiter.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_several_loops_share_the_limits(server: Loopback) -> None:
    server.default = most = Most()
    limiter = Limiter(AsyncHTTPTransport(), in_flight=2)

    async def main() -> list[bytes]:
        async def once() -> bytes:
            content: bytes = await (await limiter.send(get(server))).read()
            return content

        return await asyncio.gather(*(once() for _ in range(12)))

    with ThreadPoolExecutor(3) as threads:
        found = [threads.submit(asyncio.run, main()) for _ in range(3)]
        assert [each.result() for each in found] == [[b"x"] * 12] * 3
    assert most.most <= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_has_nothing_in_flight() -> None:
    limiter = Limiter(OfflineTransport(), in_flight=1)
    request = Request("GET", "http://x.test/", [], timeout=Timeout(0.05))
    held = limiter.send(request)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os.write(writer, b"%d" % limiter.send(request).status)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"200"
    os.close(reader)
    os.close(writer)
    with pytest.raises(TransportError):
        limiter.send(request)
    held.close()


def test_limiter_wraps_other_transports(server: Loopback, tmp_path: Any) -> None:
    model = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}
    server.default = Answer.of_json(model)
    path = tmp_path / "x.cassette"
    inner = Limiter(FailingTransport(HTTPTransport(), Fail(429, first=1, retry_after=0.05)), in_flight=1)
    with Recorder(path, inner, mode="record") as recorder:
        client = oai.OpenAI(api_key=KEY, base_url=server.url, transport=recorder)
        assert client.models.retrieve("m").id == "m"

    async def main() -> str:
        stacked: Any = FailingTransport(Limiter(AsyncHTTPTransport(), in_flight=1), Fail("reset", first=1))
        client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=stacked)
        found = (await client.models.retrieve("m")).id
        await stacked.close()
        return found

    assert asyncio.run(main()) == "m"
    with Recorder(path) as recorder:
        assert oai.OpenAI(transport=recorder).models.retrieve("m").id == "m"


def test_streams_hold_their_slot_until_they_are_closed() -> None:
    client = oai.OpenAI(transport=Limiter(OfflineTransport(), in_flight=1), timeout=0.05, max_retries=0)
    stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True)
    next(iter(stream))
    with pytest.raises(oai.APITimeoutError, match="do not allow the request"):
        client.models.retrieve("m")
    stream.close()
    assert client.models.retrieve("m").id


@pytest.mark.parametrize("limits", [{"in_flight": 0}, {"requests_per_minute": -1}])
def test_limit_below_one_is_rejected(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        Limiter(OfflineTransport(), **limits)


def test_limiter_pickles_with_its_limits() -> None:
    limiter = pickle.loads(pickle.dumps(Limiter(OfflineTransport(), in_flight=2, requests_per_minute=9)))
    assert limiter._options == {"in_flight": 2, "requests_per_minute": 9}
    assert limiter.needs_key is False


def test_limiter_uses_public_names_and_the_shared_retry_rule() -> None:
    with open(oai.transports.limiter.__file__) as file:
        tree = ast.parse(file.read())
    imported = {
        node.module: {alias.name for alias in node.names}
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oai")
    }
    assert imported.pop("oai._flow.retry") == {"quota_pause", "server_pause"}  # the rules of the flow
    assert imported.pop("oai.transports._remote_limits") == {"RemoteLimits"}
    assert imported.pop("oai.transports._wrapper") == {"OverTransport"}  # what all wrappers of one transport share
    assert imported.pop("oai._support.async_library") == {"wait_for"}  # on asyncio, or on trio
    assert {name for name in imported if name.startswith("oai._metering.")} == imported.keys() - {"oai._http.messages"}
    assert imported["oai._http.messages"] <= set(oai.transports.__all__)


@given(limit=st.integers(1, 5), gaps=st.lists(st.integers(0, 40 * 1024).map(lambda parts: parts / 1024), max_size=40))
def test_no_minute_has_more_requests_than_the_limit(limit: int, gaps: list[float]) -> None:
    """Time is what the property is about, so that here it is counted instead of waited for: in parts that add up exactly."""
    line, now, begun = WaitQueue(limit, None), 1000.0, []
    for gap in gaps:
        now += gap
        line._waiting.append(place := Waiter())
        while (obstacle := line._admit(place, now)) is not None:
            assert obstacle[1] <= 60
            now += obstacle[1]
        begun.append(now)
    for number, start in enumerate(begun):
        assert sum(start <= each < start + 60 for each in begun[number:]) <= limit
    assert all(math.isfinite(each) for each in begun)
