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


THREADED = (rivals.SOCKET, "bare urllib3", "tight urllib3", rivals.OURS, "bare pyreqwest", rivals.OFFICIAL)


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
    found: dict[str, AsyncCall] = {"bare protocol": _protocol(url), "bare aiohttp": bare, rivals.OURS: _create(ours)}
    closing: list[AsyncCall] = [session.close, ours.close]
    if rivals.has("openai"):
        import openai

        official = openai.AsyncOpenAI(api_key="none", base_url=url)
        found[rivals.OFFICIAL] = _create(official)
        closing.append(official.close)
    return found, closing


class _Protocol(asyncio.Protocol):
    """As little as a connection can be."""

    transport: Any
    waiter: asyncio.Future[bytes]
    data = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        body, complete = rivals.split_response(self.data)
        if complete:
            self.data = b""
            self.waiter.set_result(body)


def _protocol(url: str) -> AsyncCall:
    """Return the limit: a request and a typed answer over an asyncio protocol."""
    host, _, port = url.split("/")[2].partition(":")
    loop = asyncio.get_running_loop()
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(ChatCompletion).decode
    idle: list[_Protocol] = []

    async def call() -> Any:
        connection = idle.pop() if idle else (await loop.create_connection(_Protocol, host, int(port)))[1]
        waiter = connection.waiter = loop.create_future()
        body = encode({"model": "gpt-5", "messages": rivals.MESSAGES})
        connection.transport.write(rivals.request_bytes("/v1", body))
        content = await waiter
        idle.append(connection)
        return decode(content)

    return call


def _create(client: Any) -> AsyncCall:
    return lambda: client.chat.completions.create(model="gpt-5", messages=rivals.MESSAGES)
