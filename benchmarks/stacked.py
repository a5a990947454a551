"""What the transports that wrap others take of a small call: a hit of a cache takes the place of one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oai
from benchmarks.clocks import Times, interleaved
from benchmarks.rivals import MESSAGES, OURS, Measured
from oai.transports import AsyncHTTPTransport, Balancer, Budget, Cache, Fallback, HTTPTransport, Limiter, Target, Usage

PLAIN = "oai, nothing wrapped"

MANY = 10**12
"""Tokens that no run uses up."""

PRICES = {"models": {"*": {"input": 1.0, "output": 2.0}}}


def hits(port: int, rounds: int) -> Times:
    """Measure calls that a cache has the response to."""
    with _cache(HTTPTransport()) as cache:
        return interleaved({PLAIN: _call(port, HTTPTransport()), OURS: _call(port, cache)}, rounds, 40)


def transport_hits(port: int, rounds: int) -> Times:
    """Measure what the transports do of these calls: the rest, making requests and decoding, is the same in both."""
    requests: list[Any] = []

    class Seen(HTTPTransport):
        def send(self, request: Any) -> Any:
            requests.append(request)
            return super().send(request)

    _call(port, Seen())()

    def sent(transport: Any) -> Measured:
        return lambda: transport.send(requests[0]).read()

    with _cache(HTTPTransport()) as cache:
        return interleaved({PLAIN: sent(HTTPTransport()), OURS: sent(cache)}, rounds, 40)


def async_hits(port: int, rounds: int) -> Times:
    """Measure the same of an async client."""
    with _cache(AsyncHTTPTransport()) as cache, asyncio.Runner() as runner:
        loop, plain = runner.get_loop(), AsyncHTTPTransport()
        clients = {PLAIN: _async_client(port, plain), OURS: _async_client(port, cache)}
        try:
            return interleaved({name: _run(loop, client) for name, client in clients.items()}, rounds, 2)
        finally:
            loop.run_until_complete(plain.close())


WRAPPED: dict[str, Callable[[Any, Path], Any]] = {
    "balancer": lambda inner, _: Balancer([Target(inner, name="a"), Target(inner, name="b", weight=2)]),
    "limiter": lambda inner, _: Limiter(inner, in_flight=8),
    "limiter_tokens": lambda inner, _: Limiter(inner, tokens_per_minute=MANY),
    "limiter_shared": lambda inner, folder: Limiter(inner, tokens_per_minute=MANY, shared=folder / "limits"),
    "usage": lambda inner, _: Usage(inner),
    "usage_budgets": lambda inner, _: Usage(inner, prices=PRICES, budgets=[Budget(cost=1e9), Budget(tokens=MANY)]),
}
"""The wrappers of a small call, by the names of their measures."""


def wrapped(port: int, rounds: int, name: str) -> Times:
    """Measure calls through a wrapper."""
    with tempfile.TemporaryDirectory() as folder:
        transport = WRAPPED[name](HTTPTransport(), Path(folder))
        return interleaved({PLAIN: _call(port, HTTPTransport()), OURS: _call(port, transport)}, rounds, 40)


def observed(port: int, rounds: int) -> Times:
    """Measure calls with a hook that reads their tokens."""
    hooked = _client(port, HTTPTransport(), on_end=lambda attempt: attempt.usage)
    return interleaved({PLAIN: _call(port, HTTPTransport()), OURS: _chat(hooked)}, rounds, 40)


def traced(port: int, rounds: int) -> Times:
    """Measure calls with spans and metrics, which the SDK of OpenTelemetry makes and nothing exports."""
    from opentelemetry.sdk.trace import TracerProvider

    from oai.otel import instrument

    client = instrument(_client(port, HTTPTransport()), tracer_provider=TracerProvider())
    return interleaved({PLAIN: _call(port, HTTPTransport()), OURS: _chat(client)}, rounds, 40)


def routed(port: int, rounds: int) -> Times:
    """Measure calls that go through a choice of targets, which renames the model."""
    url = f"http://127.0.0.1:{port}/v1"
    targets = [Target(HTTPTransport(), name="a"), Target(HTTPTransport(), base_url=url, api_key="none")]
    renaming = [Target(HTTPTransport(), base_url=url, api_key="none", models={"gpt-5": "large"})]
    measured = {PLAIN: HTTPTransport(), OURS: Fallback(targets), "renaming": Fallback(renaming)}
    return interleaved({name: _call(port, transport) for name, transport in measured.items()}, rounds, 40)


@contextmanager
def _cache(transport: Any) -> Iterator[Cache]:
    with tempfile.TemporaryDirectory() as scratch:
        cache = Cache(transport, Path(scratch) / "answers.sqlite")
        try:
            yield cache
        finally:
            closing = cache.close()
            if closing is not None:
                asyncio.run(closing)


def _call(port: int, transport: Any) -> Measured:
    return _chat(_client(port, transport))


def _client(port: int, transport: Any, **options: Any) -> oai.OpenAI:
    return oai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", transport=transport, **options)


def _chat(client: oai.OpenAI) -> Measured:
    return lambda: client.chat.completions.create(model="gpt-5", messages=MESSAGES)


def _async_client(port: int, transport: Any) -> Any:
    return oai.AsyncOpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", transport=transport)


def _run(loop: asyncio.AbstractEventLoop, client: Any) -> Measured:
    async def calls() -> None:
        for _ in range(20):
            await client.chat.completions.create(model="gpt-5", messages=MESSAGES)

    return lambda: loop.run_until_complete(calls())
