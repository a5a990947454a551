"""Many concurrent calls through one client to a server that fails in every way: nothing hangs, nothing leaks."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections import Counter
from time import monotonic
from typing import Any

import pytest
from planted import KEY

import oai
from oai.testing import Answer, Loopback

pytestmark = pytest.mark.thorough

STREAMS, CALLS = 200, 2_000
EVENTS = 20
MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "o"}
EVENT = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
WELL_BEHAVED = Counter({"ok": 6, "429": 1, "503": 1, "reset": 1, "cut": 1, "stall": 1})


class Trouble:
    """Choose responses at random. A stalled response is held until the test ends, longer than the client's timeout."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.release = threading.Event()
        self.sent: Counter[str] = Counter()

    def __call__(self, request: Any) -> Answer:
        with self._lock:
            kind = self._random.choices(list(WELL_BEHAVED), list(WELL_BEHAVED.values()))[0]
            self.sent[kind] += 1
        streams = request.target.endswith("/completions")
        match kind:
            case "429":
                return Answer(429, json={"error": {"message": "slow"}}, headers=[("retry-after-ms", "5")])
            case "503":
                return Answer(503, json={}, headers=[("retry-after-ms", "5")])
            case "reset":
                return Answer(reset="before")
            case "cut" if streams:
                return Answer(chunks=[EVENT] * 5, framing="chunked", content_type="text/event-stream", reset="body")
            case "cut":
                return Answer(json=MODEL, truncate=10)
            case "stall" if streams:
                chunks = [EVENT] * 5
                return Answer(chunks=chunks, framing="chunked", content_type="text/event-stream", hold=self.release)
        if streams:
            chunks = [EVENT] * EVENTS + [b"data: [DONE]\n\n"]
            return Answer(chunks=chunks, framing="chunked", content_type="text/event-stream")
        return Answer(json=MODEL)


async def short(client: Any, outcomes: Counter[str]) -> None:
    try:
        model = await client.models.retrieve("m")
        assert model.id == "m"
        outcomes["result"] += 1
    except oai.OpenAIError as error:
        outcomes[type(error).__name__] += 1


async def stream(client: Any, outcomes: Counter[str]) -> None:
    count = 0
    try:
        async with await client.chat.completions.create(model="m", messages=[], stream=True) as events:
            async for _ in events:
                count += 1
        assert count == EVENTS
        outcomes["stream"] += 1
    except oai.OpenAIError as error:
        outcomes[f"stream {type(error).__name__}"] += 1


async def run_all(url: str) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    before = asyncio.all_tasks()
    async with oai.AsyncOpenAI(api_key=KEY, base_url=url, timeout=3, max_retries=2) as client:
        gate = asyncio.Semaphore(100)

        async def gated() -> None:
            async with gate:
                await short(client, outcomes)

        streams = [stream(client, outcomes) for _ in range(STREAMS)]
        async with asyncio.timeout(300):
            await asyncio.gather(*streams, *(gated() for _ in range(CALLS)))
    assert asyncio.all_tasks() == before
    return outcomes


def test_two_thousand_calls_and_two_hundred_streams_over_a_failing_server() -> None:
    trouble = Trouble(seed=7)
    start = monotonic()
    with Loopback(trouble, keep_body=False) as server:
        try:
            outcomes = asyncio.run(run_all(f"{server.url}/v1"))
        finally:
            trouble.release.set()
        assert server.until(lambda: not server.open_connections)
        assert not server.failures
    gc.collect()  # an abandoned connection or task warns, and warnings are errors here
    print(f"{monotonic() - start:.1f} s, responses {dict(trouble.sent)}, outcomes {dict(outcomes)}")
    assert sum(outcomes.values()) == STREAMS + CALLS
    named = {"APIConnectionError", "APITimeoutError", "InternalServerError", "RateLimitError"}
    assert {kind.removeprefix("stream ") for kind in outcomes} <= named | {"result", "stream"}
    assert outcomes["result"] > 0.9 * CALLS  # three attempts each
    assert outcomes["stream"] > 0.5 * STREAMS
    assert min(trouble.sent.values()) > 50
