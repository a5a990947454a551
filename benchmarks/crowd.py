"""Thirty-two callers at once: threads over one sync client, tasks over one async client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

import oai
from benchmarks import rivals
from benchmarks.clocks import LONG, Times
from oai.types.chat import ChatCompletion

CALLERS = 32

MOST = 20
"""Calls that each caller makes in a turn; fewer, if those of all take longer than `LONG`."""

MEASURES = ("threads", "tasks")
"""Their names in `bounds.toml`."""

AsyncCall = Callable[[], Awaitable[Any]]


def in_threads(port: int, rounds: int) -> Times:
    """Return the seconds for one call, by rival and round, with all callers at work."""
    measured = rivals.calls(port, THREADED)
    with ThreadPoolExecutor(CALLERS) as pool:

        def turn(name: str, each: int) -> float:
            began = time.perf_counter()
            list(pool.map(lambda call: [call() for _ in range(each)], [measured[name]] * CALLERS))
            return (time.perf_counter() - began) / (CALLERS * each)

        each = {name: _each(turn(name, 1), turn(name, 1)) for name in measured}
        turns = [[turn(name, each[name]) for name in measured] for _ in range(rounds)]
    return dict(zip(measured, map(list, zip(*turns, strict=True)), strict=True))


def _each(_: float, taken: float) -> int:
    """Return how many calls each caller makes in a turn, by what one took after the one that made its connection."""
    return min(MOST, max(1, int(LONG / (CALLERS * taken))))


THREADED = (rivals.SOCKET, "tight urllib3", rivals.OURS, "bare pyreqwest", rivals.OFFICIAL)


def in_tasks(port: int, rounds: int) -> Times:
    """Return the seconds for one call, by rival and round, with all callers at work in one event loop."""
    return asyncio.run(_in_tasks(port, rounds))


async def _in_tasks(port: int, rounds: int) -> Times:
    measured, closing = await _async_calls(f"http://127.0.0.1:{port}/v1")

    async def repeat(call: AsyncCall, each: int) -> None:
        for _ in range(each):
            await call()

    async def turn(name: str, each: int) -> float:
        began = time.perf_counter()
        await asyncio.gather(*(repeat(measured[name], each) for _ in range(CALLERS)))
        return (time.perf_counter() - began) / (CALLERS * each)

    each = {name: _each(await turn(name, 1), await turn(name, 1)) for name in measured}
    turns = [[await turn(name, each[name]) for name in measured] for _ in range(rounds)]
    for close in closing:
        await close()
    return dict(zip(measured, map(list, zip(*turns, strict=True)), strict=True))


async def _async_calls(url: str) -> tuple[dict[str, AsyncCall], list[AsyncCall]]:
    import aiohttp

    session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(ChatCompletion).decode

    async def bare() -> Any:
        body = encode({"model": "gpt-5", "messages": rivals.MESSAGES})
        async with session.post(f"{url}/chat/completions", data=body, headers=rivals.HEADERS) as reply:
            return decode(await reply.read())

    ours: Any = oai.AsyncOpenAI(api_key="none", base_url=url)
    found: dict[str, AsyncCall] = {"bare aiohttp": bare, rivals.OURS: _create(ours)}
    closing: list[AsyncCall] = [session.close, ours.close]
    if rivals.has("openai"):
        import openai

        official = openai.AsyncOpenAI(api_key="none", base_url=url)
        found[rivals.OFFICIAL] = _create(official)
        closing.append(official.close)
    return found, closing


def _create(client: Any) -> AsyncCall:
    return lambda: client.chat.completions.create(model="gpt-5", messages=rivals.MESSAGES)
