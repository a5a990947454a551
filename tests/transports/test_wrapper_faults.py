"""Every wrapper over real sockets, sync and async: what a fault of the server raises, and that it leaves nothing held.

Faults that are of one wrapper alone, such as a crash between two steps of a cache, are in its own tests.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from both import Way
from metered import CHUNKS, COMPLETION, MESSAGES
from planted import KEY

import oai
from oai.testing import Answer, Loopback
from oai.transports import (
    AsyncHTTPTransport,
    Balancer,
    Budget,
    Cache,
    Fail,
    FailingTransport,
    Fallback,
    HTTPTransport,
    Limiter,
    Recorder,
    Target,
    Usage,
)

Wrap = Callable[[Any, Path], Any]

WRAPPERS: dict[str, Wrap] = {
    "cache": lambda inner, folder: Cache(inner, folder / "answers.sqlite"),
    "fallback": lambda inner, _: Fallback([Target(inner, name="a")], cooldown=0),
    "balancer": lambda inner, _: Balancer([Target(inner, name="a")], cooldown=0),
    "limiter": lambda inner, _: Limiter(inner, in_flight=1),
    "limiter by tokens": lambda inner, _: Limiter(inner, in_flight=1, tokens_per_minute=10**6),
    "limiter with a file": lambda inner, folder: Limiter(
        inner, in_flight=1, tokens_per_minute=10**6, shared=folder / "l"
    ),
    "usage": lambda inner, _: Usage(inner, budgets=[Budget(tokens=10**6)]),
    "recorder": lambda inner, folder: Recorder(folder / "x.cassette", inner, mode="record"),
    "failing": lambda inner, _: FailingTransport(inner, Fail(500, first=0)),
}

FAULTS: dict[str, tuple[Callable[[], Answer], type[oai.APIError]]] = {
    "reset": (lambda: Answer(reset="before"), oai.APIConnectionError),
    "reset in the body": (lambda: Answer(json=COMPLETION, reset="body", length=10_000), oai.APIConnectionError),
    "cut": (lambda: Answer(json=COMPLETION, truncate=20), oai.APIConnectionError),
    "429": (lambda: Answer.error(429, "slow down", headers=[("retry-after-ms", "1")]), oai.RateLimitError),
    "500": (lambda: Answer.error(500, "broken"), oai.InternalServerError),
}


@pytest.fixture(params=WRAPPERS)
def wrap(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Any], Any]:
    """Wrap a transport in one of the wrappers."""
    wrapper = WRAPPERS[request.param]
    return lambda inner: wrapper(inner, tmp_path)


@pytest.fixture
def wrapped(way: Way, wrap: Callable[[Any], Any]) -> Iterator[Any]:
    """Give the calls of `way` the wrapper over a transport with sockets, which is closed after the test."""
    transport = wrap(AsyncHTTPTransport() if way.is_async else HTTPTransport())
    way.options |= {"transport": transport, "timeout": oai.Timeout(10, pool=5)}
    yield transport
    close(transport)


def close(transport: Any) -> None:
    async def closing(awaitable: Any) -> None:
        await awaitable

    if (outcome := transport.close()) is not None:
        asyncio.run(closing(outcome))


def call(way: Way, **more: Any) -> Any:
    return way.call("chat.completions.create", model="m", messages=MESSAGES, **more)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_raises_its_error_and_the_next_call_works(fault: str, way: Way, wrapped: Any, server: Loopback) -> None:
    answer, error = FAULTS[fault]
    server.reply(answer())
    server.default = Answer(json=COMPLETION)
    with pytest.raises(error):
        call(way)
    assert call(way).id == COMPLETION["id"]
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", ["reset", "429", "500"])
@pytest.mark.usefixtures("quick_retries")
def test_fault_is_retried_over_the_wrapper(fault: str, way: Way, wrapped: Any, server: Loopback) -> None:
    server.reply(FAULTS[fault][0]())
    server.default = Answer(json=COMPLETION)
    way.options["max_retries"] = 1
    assert call(way).id == COMPLETION["id"]
    assert len(server.requests) == 2


def test_stall_is_a_timeout_and_the_next_call_works(way: Way, wrapped: Any, server: Loopback) -> None:
    release = threading.Event()
    server.reply(Answer(json=COMPLETION, chunks=[b"{", b"}"], length=100, hold=release))
    server.default = Answer(json=COMPLETION)
    way.options["timeout"] = oai.Timeout(10, read=0.2)
    try:
        with pytest.raises(oai.APITimeoutError):
            call(way)
    finally:
        release.set()
    way.options["timeout"] = oai.Timeout(10, pool=5)
    assert call(way).id == COMPLETION["id"]


def test_stream_that_breaks_raises_and_the_next_one_works(way: Way, wrapped: Any, server: Loopback) -> None:
    server.reply(Answer.events(CHUNKS[:2], done=False, reset="body"))
    server.default = Answer.events(CHUNKS)
    with pytest.raises(oai.APIConnectionError):
        way.events("chat.completions.create", model="m", messages=MESSAGES)
    events = way.events("chat.completions.create", model="m", messages=MESSAGES)
    assert [event.choices[0].delta.content for event in events[:2]] == ["Hel", "lo"]


def test_closing_a_wrapper_closes_the_wrapped_transport(wrap: Callable[[Any], Any]) -> None:
    closed: list[str] = []

    class Inner(HTTPTransport):
        def close(self) -> None:
            closed.append("sync")
            super().close()

    class AsyncInner(AsyncHTTPTransport):
        async def close(self) -> None:
            closed.append("async")
            await super().close()

    close(wrap(Inner()))
    close(wrap(AsyncInner()))
    assert closed == ["sync", "async"]


def test_pickled_copy_calls(way: Way, wrapped: Any, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    call(way)
    if isinstance(wrapped, Recorder):
        with pytest.raises(TypeError, match="since a copy's recordings would be lost"):
            pickle.dumps(wrapped)
        return
    way.options["transport"] = copied = pickle.loads(pickle.dumps(wrapped))
    assert call(way).id == COMPLETION["id"]
    close(copied)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_calls_while_its_parent_reads_a_stream(wrap: Callable[[Any], Any], server: Loopback) -> None:
    """The parent holds a connection, and the only slot of a limiter; both are its own."""
    server.default = lambda seen: Answer.events(CHUNKS) if seen.json().get("stream") else Answer(json=COMPLETION)
    transport = wrap(HTTPTransport())
    options: dict[str, Any] = {"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0}
    client = oai.OpenAI(transport=transport, timeout=oai.Timeout(10, pool=5), **options)
    stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    next(iter(stream))
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        with suppress(BaseException):
            client.chat.completions.create(model="m", messages=MESSAGES)
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(stream)) >= 2
    assert client.chat.completions.create(model="m", messages=MESSAGES).id == COMPLETION["id"]
    close(transport)
