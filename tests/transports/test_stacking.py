"""Cache, limiter, usage and recorder over a fallback, in every order: plain calls and streams, sync and async."""

from __future__ import annotations

import asyncio
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from metered import CHUNKS, COMPLETION, MESSAGES

import oai
from oai.testing import Answer, Loopback, Seen
from oai.transports import AsyncHTTPTransport, Cache, Fallback, HTTPTransport, Limiter, Recorder, Usage

WRAPPERS = {
    "cache": lambda inner, folder: Cache(inner, folder / "answers.sqlite"),
    "limiter": lambda inner, _: Limiter(inner, in_flight=2, tokens_per_minute=10_000),
    "usage": lambda inner, _: Usage(inner),
    "recorder": lambda inner, folder: Recorder(folder / "x.cassette", inner, mode="record"),
}


def answer(seen: Seen) -> Answer:
    return Answer.events(CHUNKS) if seen.json().get("stream") else Answer(json=COMPLETION)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("order", list(permutations(WRAPPERS)), ids="-".join)
def test_every_order_works(order: tuple[str, ...], is_async: bool, server: Loopback, tmp_path: Path) -> None:
    server.default = answer
    layers: dict[str, Any] = {}
    transport: Any = Fallback([AsyncHTTPTransport() if is_async else HTTPTransport()])
    for name in reversed(order):
        transport = layers[name] = WRAPPERS[name](transport, tmp_path)
    options: dict[str, Any] = {"api_key": "k", "base_url": f"{server.url}/v1", "transport": transport}
    call: dict[str, Any] = {"model": "m", "messages": MESSAGES}

    async def calls() -> list[Any]:
        async with oai.AsyncOpenAI(**options) as client:
            whole = [await client.chat.completions.create(**call) for _ in range(2)]
            events = []
            for _ in range(2):
                stream = await client.chat.completions.create(**call, stream=True)
                events.append([event async for event in stream])
        await transport.close()
        return [*whole, *events]

    def sync_calls() -> list[Any]:
        with oai.OpenAI(**options) as client:
            whole = [client.chat.completions.create(**call) for _ in range(2)]
            events = [list(client.chat.completions.create(**call, stream=True)) for _ in range(2)]
        transport.close()
        return [*whole, *events]

    first, second, *streams = asyncio.run(calls()) if is_async else sync_calls()
    assert first.id == second.id == COMPLETION["id"]
    assert [len(events) for events in streams] == [3, 3]  # without the chunk that only counts tokens
    assert len(server.requests) == 2
    counts_hits = order.index("usage") < order.index("cache")
    total = layers["usage"].total
    assert (total.requests, total.output_tokens) == ((4, 28) if counts_hits else (2, 14))
    assert (tmp_path / "x.cassette").exists()
