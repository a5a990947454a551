"""Simulated failures: each kind over real sockets, sync and async, and the selection of calls."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
from oai.testing import Answer, Loopback
from oai.transports import (
    AiohttpTransport,
    BlockingTransport,
    Fail,
    FailingTransport,
    Limiter,
    OfflineTransport,
    Recorder,
    Request,
    Timeout,
    TransportError,
    Urllib3Transport,
    is_async,
)

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}

Make = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return a factory of failing transports with a sync interface."""
    made: list[Any] = []

    def transport(*rules: Fail, seed: int = 0) -> Any:
        if request.param == "sync":
            made.append(FailingTransport(Urllib3Transport(), *rules, seed=seed))
        else:
            made.append(BlockingTransport(FailingTransport(AiohttpTransport(), *rules, seed=seed)))
        return made[-1]

    yield transport
    for each in made:
        each.close()


def get(server: Loopback, **limits: Any) -> Request:
    return Request("GET", f"{server.url}/x", [], timeout=Timeout(limits.pop("timeout", 5), **limits))


def outcome(transport: Any, request: Request) -> str | int:
    """Send and read; return the kind of the failure, or the status."""
    try:
        reply = transport.send(request)
        reply.read()
    except TransportError as error:
        return error.kind
    status: int = reply.status
    return status


def test_refused_connection_does_not_reach_the_server(server: Loopback, make: Make) -> None:
    assert outcome(make(Fail("refused")), get(server)) == "connect"
    assert server.requests == []


def test_reset_sends_the_request_and_loses_the_response(server: Loopback, make: Make) -> None:
    server.default = Answer(body=b"x")
    assert outcome(make(Fail("reset")), get(server)) == "receive"
    assert len(server.requests) == 1


@pytest.mark.parametrize("after", [0, 1, 4, 6, 100])
def test_truncated_body_ends_after_the_given_bytes(after: int, server: Loopback, make: Make) -> None:
    server.default = Answer(chunks=[b"abc", b"def"], framing="chunked", pace=0.02)
    transport = make(Fail("truncated", after=after))
    received: list[bytes] = []
    reply = transport.send(get(server))
    assert reply.status == 200
    with pytest.raises(TransportError, match=r"truncated \(simulated\)") as caught:
        received.extend(reply)
    assert caught.value.kind == "receive"
    assert b"".join(received) == b"abcdef"[:after]
    with pytest.raises(TransportError):
        transport.send(get(server)).read()


def test_stall_ends_in_timeout(server: Loopback, make: Make) -> None:
    for limits in ({"read": 0.05}, {"total": 0.05}):
        began = time.monotonic()
        assert outcome(make(Fail("stalled")), get(server, timeout=60, **limits)) == "timeout"
        assert 0.05 <= time.monotonic() - began < 20
    assert server.requests == []


def test_short_stall_only_delays(server: Loopback, make: Make) -> None:
    server.default = Answer(body=b"x")
    began = time.monotonic()
    assert outcome(make(Fail("stalled", seconds=0.05)), get(server)) == 200
    assert time.monotonic() - began >= 0.05


def test_stall_within_the_body(server: Loopback, make: Make) -> None:
    server.default = Answer(chunks=[b"abcdef"] * 500, pace=0.05)
    reply = make(Fail("stalled", after=4)).send(get(server, read=0.5))
    pieces = iter(reply)
    assert next(pieces) == b"abcd"
    with pytest.raises(TransportError) as caught:
        next(pieces)
    assert caught.value.kind == "timeout"
    assert server.until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("status", [429, 503, 599])
def test_error_status_does_not_reach_the_server(status: int, server: Loopback, make: Make) -> None:
    reply = make(Fail(status, retry_after=1.5)).send(get(server))
    assert (reply.status, reply.headers["retry-after"]) == (status, "1.5")
    assert b"(simulated)" in reply.read()
    assert server.requests == []


@pytest.mark.usefixtures("quick_retries")
def test_clients_retry_simulated_failures(server: Loopback) -> None:
    server.default = Answer.of_json(MODEL)
    rules = (Fail(429, first=1, retry_after=0.01), Fail("reset", every=2))
    failing = FailingTransport(Urllib3Transport(), *rules)
    client = oai.OpenAI(api_key=KEY, base_url=server.url, transport=failing)
    assert client.models.retrieve("m")._response.retries_taken == 2
    assert [(each.call, each.operation, each.how) for each in failing.failed] == [
        (1, "models.retrieve", 429),
        (2, "models.retrieve", "reset"),
    ]
    failing.close()

    async def main() -> int:
        failing: Any = FailingTransport(AiohttpTransport(), *rules)
        client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=failing)
        answer = await client.models.retrieve("m")
        await failing.close()
        return answer._response.retries_taken

    assert asyncio.run(main()) == 2


def plan(*rules: Fail, calls: int = 12, seed: int = 0) -> list[str | int]:
    transport = FailingTransport(OfflineTransport(), *rules, seed=seed)
    return [outcome(transport, Request("GET", "http://x.test/", [])) for _ in range(calls)]


def test_the_rules_say_which_calls_fail() -> None:
    assert plan(Fail(500, first=2), calls=4) == [500, 500, 200, 200]
    assert plan(Fail(500, every=3), calls=7) == [200, 200, 500, 200, 200, 500, 200]
    assert plan(Fail(500, first=4, every=2), calls=6) == [200, 500, 200, 500, 200, 200]
    assert plan(Fail(500, every=2), Fail("refused", every=3), calls=6) == [200, 500, "connect", 500, 200, 500]
    assert plan(calls=2) == [200, 200]
    assert plan(Fail(500, chance=0.0), calls=2) == [200, 200]
    assert plan(Fail(500, chance=1.0), calls=2) == [500, 500]


@given(seed=st.integers(), chance=st.floats(0, 1))
def test_same_seed_fails_the_same_calls(seed: int, chance: float) -> None:
    rules = (Fail(500, chance=chance), Fail("refused", chance=0.5))
    assert plan(*rules, seed=seed) == plan(*rules, seed=seed)
    first, both = plan(rules[0], seed=seed), plan(*rules, seed=seed)
    assert [each == 500 for each in first] == [each == 500 for each in both]  # rules draw independently


def test_chance_is_met_approximately() -> None:
    assert 350 < plan(Fail(500, chance=0.4), calls=1000, seed=1).count(500) < 450
    assert plan(Fail(500, chance=0.5), seed=1) != plan(Fail(500, chance=0.5), seed=2)


def test_operations_are_selected_by_pattern() -> None:
    failing = FailingTransport(OfflineTransport(), Fail(400, operation="models.*", every=2))
    client = oai.OpenAI(transport=failing)
    client.models.retrieve("m")
    client.files.retrieve("f")
    client.embeddings.create(model="m", input="x")
    with pytest.raises(oai.BadRequestError, match="simulated"):
        client.models.retrieve("m")
    assert (failing.calls, len(failing.failed)) == (4, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"how": "stall"}, "Did you mean 'stalled'"),
        ({"how": 42}, "how must be a status or .*, not 42"),
        ({"how": True}, "how must be a status or .*, not True"),
        ({"how": 500, "chance": 2}, "chance must be from 0 to 1, not 2"),
        ({"how": 500, "every": 0}, "every must be a positive integer, not 0"),
    ],
)
def test_invalid_rule_is_rejected(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Fail(**arguments)


def test_stacking_and_pickling(tmp_path: Any) -> None:
    failing = FailingTransport(OfflineTransport(), Fail(500, chance=0.5), seed=3)
    assert (failing.needs_key, is_async(failing)) == (False, False)
    again = pickle.loads(pickle.dumps(failing))
    request = Request("GET", "http://x.test/", [])
    assert [outcome(again, request) for _ in range(9)] == [outcome(failing, request) for _ in range(9)]
    assert is_async(FailingTransport(FailingTransport(AiohttpTransport())))
    with Recorder(tmp_path / "b.cassette", FailingTransport(OfflineTransport(), Fail(429)), mode="record") as recorder:
        assert outcome(recorder, request) == 429
    with Recorder(tmp_path / "b.cassette") as recorder:
        assert outcome(recorder, request) == 429


@pytest.mark.usefixtures("quick_retries")
def test_async_client_over_any_transport(server: Loopback, tmp_path: Any) -> None:
    server.default = Answer.of_json(MODEL)
    path = tmp_path / "a.cassette"

    async def main(inner: Any) -> tuple[int, int]:
        rules = (Fail("stalled", first=1, seconds=0.01), Fail("truncated", first=2, after=4))
        failing: Any = FailingTransport(Limiter(inner, in_flight=1), *rules)
        client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=failing)
        answers = await asyncio.gather(*(client.models.retrieve("m") for _ in range(5)))
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        await stream.close()
        await failing.for_async().close()
        return len(answers), len(failing.failed)

    assert asyncio.run(main(OfflineTransport())) == (5, 2)
    assert asyncio.run(main(Recorder(path, AiohttpTransport(), mode="record"))) == (5, 2)
    assert asyncio.run(main(Recorder(path))) == (5, 2)
