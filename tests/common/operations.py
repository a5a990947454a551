"""Call every operation through the recording transport, and keep the request and the result.

One driver calls sync and async clients. The client's transport is a `Recorder` around a transport in memory, so that
requests are seen as the recorder sends them, and the cassette that it writes can be replayed.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from arguments import MODES, Mode, arguments

import oai
from oai._http.messages import Request
from oai._json.objects import plain
from oai._table.load import shipped_table

KEY, ADMIN_KEY = "the-key-of-the-tests", "the-admin-key-of-the-tests"
BASE = "http://127.0.0.1:9/v1"

ROWS = shipped_table()

CLIENTS = {False: oai.OpenAI, True: oai.AsyncOpenAI}

STREAMED = Mode("a stream", everything=True, variant=0)


class InMemory:
    """A transport that keeps requests, and responds like the offline transport."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._offline = oai.OfflineTransport()

    def send(self, request: Request) -> Any:
        self.requests.append(request)
        return self._offline.send(request)

    def close(self) -> Any:
        self._offline.close()


class AsyncInMemory(InMemory):
    """The same for asyncio, yielding to the loop at each step as a transport over sockets does."""

    async def send(self, request: Request) -> Any:
        await asyncio.sleep(0)
        return AsyncReply(super().send(request))

    async def close(self) -> None:
        super().close()


class AsyncReply:
    def __init__(self, reply: Any) -> None:
        self._reply = reply
        self.status, self.headers = reply.status, reply.headers

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return self._reply.read()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._reply:
            await asyncio.sleep(0)
            yield piece

    async def close(self) -> None:
        self._reply.close()


@dataclass
class Call:
    """A call of an operation: its arguments, its request, and its result as plain data."""

    mode: Mode
    arguments: dict[str, Any]
    request: Request
    result: Any


def modes_of(name: str) -> Iterator[tuple[Mode, dict[str, Any]]]:
    """Yield the ways to call an operation, with the arguments of each."""
    row = ROWS[name]
    for mode in MODES:
        yield mode, arguments(row, mode)
    if row.stream and not row.stream_only:
        yield STREAMED, {**arguments(row, MODES[1]), "stream": True}


@cache
def recorded(name: str, *, is_async: bool = False) -> tuple[list[Call], bytes]:
    """Call an operation in every mode through a recorder; return the calls, and the cassette that it writes."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "cassette"
        inner = AsyncInMemory() if is_async else InMemory()
        results = called(name, oai.Recorder(path, inner, mode="record"), is_async=is_async)
        cassette = path.read_bytes()
    calls = zip(modes_of(name), inner.requests, results, strict=True)
    return [Call(mode, values, request, result) for (mode, values), request, result in calls], cassette


def without_pace(cassette: str) -> str:
    """Return a cassette without the waits before pieces: under load, a process is suspended for longer than 20 ms."""
    return re.sub(r'"after": [\d.e+]+, ', "", cassette)


def called(name: str, recorder: oai.Recorder, *, is_async: bool) -> list[Any]:
    """Call an operation in every mode, close the recorder, and return the results as plain data."""
    work = _called(name, _client(is_async=is_async).with_options(transport=recorder))
    if is_async:
        return asyncio.run(work)
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a sync client waits for something")


async def _called(name: str, client: Any) -> list[Any]:
    results = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for _, arguments in modes_of(name):
            result = function(client, name)(**arguments)
            results.append(await _plain(await result if inspect.isawaitable(result) else result))
    closing = client.transport.close()
    if inspect.isawaitable(closing):
        await closing
    return results


async def _plain(result: Any) -> Any:
    """Return a result as plain data, a stream with all its events."""
    if isinstance(result, oai.Stream):
        return [plain(event) for event in result]
    if isinstance(result, oai.AsyncStream):
        return [plain(event) async for event in result]
    return result.content if isinstance(result, oai.BinaryResponse) else plain(result)


@cache
def _client(*, is_async: bool) -> Any:
    return CLIENTS[is_async](api_key=KEY, admin_api_key=ADMIN_KEY, base_url=BASE, max_retries=0)


def function(client: Any, name: str) -> Any:
    """Return the method of a call path."""
    for part in name.split("."):
        client = getattr(client, part)
    return client
