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
from oai.types.chat import ChatCompletion

CALLERS = 32

MEASURES = ("threads", "tasks")
"""Their names in `bounds.toml`."""

AsyncCall = Callable[[], Awaitable[Any]]


def in_threads(port: int, rounds: int, each: int) -> dict[str, list[float]]:
    """Return the seconds for one call, by rival and round, with all callers at work."""
    measured = rivals.calls(port, THREADED)
    times: dict[str, list[float]] = {name: [] for name in measured}
    with ThreadPoolExecutor(CALLERS) as pool:
        for name in [*measured, *list(measured) * rounds]:  # the first round makes the connections
            began = time.perf_counter()
            list(pool.map(lambda call: [call() for _ in range(each)], [measured[name]] * CALLERS))
            times[name].append((time.perf_counter() - began) / (CALLERS * each))
    return {name: values[1:] for name, values in times.items()}


THREADED = (rivals.SOCKET, "tight urllib3", rivals.OURS, "bare pyreqwest", rivals.OFFICIAL)


def in_tasks(port: int, rounds: int, each: int) -> dict[str, list[float]]:
    """Return the seconds for one call, by rival and round, with all callers at work in one event loop."""
    return asyncio.run(_in_tasks(port, rounds, each))


async def _in_tasks(port: int, rounds: int, each: int) -> dict[str, list[float]]:
    measured, closing = await _async_calls(f"http://127.0.0.1:{port}/v1")
    times: dict[str, list[float]] = {name: [] for name in measured}

    async def repeat(call: AsyncCall) -> None:
        for _ in range(each):
            await call()

    for name in [*measured, *list(measured) * rounds]:
        began = time.perf_counter()
        await asyncio.gather(*(repeat(measured[name]) for _ in range(CALLERS)))
        times[name].append((time.perf_counter() - began) / (CALLERS * each))
    for close in closing:
        await close()
    return {name: values[1:] for name, values in times.items()}


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
