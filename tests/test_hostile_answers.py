"""Mutated and hostile responses over real sockets: every call ends in a result or in an `OpenAIError`.

Each case is repeated exactly from its number: `OAI_HOSTILE_CASE=1234 pytest tests/test_hostile_answers.py -k urllib3`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from itertools import cycle, islice
from operator import attrgetter
from typing import Any

import msgspec
import pytest
from hostile import Mutator, Valid
from paths import API
from scripted_server import Scripted, ScriptedServer

import oai
from oai._request.client_core import core_of
from oai.transports import (
    AiohttpTransport,
    AsyncHTTPTransport,
    AsyncHttpxTransport,
    HTTPTransport,
    HttpxTransport,
    OfflineTransport,
    Urllib3Transport,
)

pytestmark = pytest.mark.usefixtures("quick_retries")

TRANSPORTS: dict[str, Callable[[], Any]] = {
    "http": HTTPTransport,
    "urllib3": Urllib3Transport,
    "httpx": HttpxTransport,
    "async_http": AsyncHTTPTransport,
    "aiohttp": AiohttpTransport,
    "async_httpx": AsyncHttpxTransport,
}

OF_OTHERS = ("urllib3", "httpx", "async_httpx", "aiohttp")
"""Transports over libraries of others, which may take what follows a response in one packet for the next response, and
leave the socket of a response that they give up to the garbage collector."""

FORGETFUL = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
OVER_SOCKETS = [pytest.param(name, marks=FORGETFUL if name in OF_OTHERS else ()) for name in TRANSPORTS]

CASES = 500
"""Cases of a batch."""

LONGEST = 20.0
"""Seconds that one call may take: its deadline is 1.5 s, but the machine may be busy."""


class Answer(msgspec.Struct):
    text: str
    number: int = 0


CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
PLAIN: dict[str, dict[str, Any]] = {
    "models.retrieve": {"model": "m"},
    "models.list": {},
    "files.list": {"limit": 2},
    "chat.completions.create": CHAT,
    "completions.create": {"model": "m", "prompt": "p"},
    "responses.create": {"model": "m", "input": "hi"},
    "embeddings.create": {"model": "m", "input": "hi"},
    "moderations.create": {"input": "hi"},
    "images.generate": {"prompt": "p"},
    "batches.retrieve": {"batch_id": "b"},
    "files.create": {"file": ("a.txt", b"content"), "purpose": "evals"},
    "audio.transcriptions.create": {"file": b"x", "model": "m", "response_format": "verbose_json"},
}
OTHERS: dict[str, dict[str, Any]] = {
    "files.content": {"file_id": "f"},
    "audio.speech.create": {"input": "i", "model": "m", "voice": "alloy"},
    "audio.transcriptions.create": {"file": b"x", "model": "m", "response_format": "srt"},
}
STREAMS: dict[str, dict[str, Any]] = {
    "chat.completions.create": CHAT,
    "completions.create": {"model": "m", "prompt": "p"},
    "responses.create": {"model": "m", "input": "hi"},
    "images.generate": {"prompt": "p"},
    "beta.threads.runs.create": {"thread_id": "t", "assistant_id": "a"},
}
HELPERS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat.completions.stream": ("get_final_completion", {**CHAT, "response_format": Answer}),
    "responses.stream": ("get_final_response", {"model": "m", "input": "hi", "text_format": Answer}),
    "beta.threads.runs.stream": ("get_final_run", {"thread_id": "t", "assistant_id": "a"}),
}
PARSED: dict[str, dict[str, Any]] = {
    "chat.completions.parse": {**CHAT, "response_format": Answer},
    "responses.parse": {"model": "m", "input": "hi", "text_format": Answer},
}

Perform = Callable[[Any], Coroutine[Any, Any, None]]


async def outcome(value: Any) -> Any:
    return await value if isinstance(value, Awaitable) else value


async def items(client: Any, source: Any, most: int = 10_000) -> list[Any]:
    """Iterate what either client returns, up to a number of items."""
    if not core_of(client).is_async:
        return list(islice(source, most))
    found: list[Any] = []
    async for item in source:
        found.append(item)
        if len(found) == most:
            break
    return found


async def use(client: Any, result: Any) -> None:
    """Look at a result as programs do."""
    assert repr(result)
    if isinstance(result, oai.BinaryResponse):
        assert isinstance(result.text, str)
        list(result.iter_lines())
    if isinstance(result, oai.Object):
        try:
            result.to_dict()
            result.to_json()
        except ValueError as error:
            if "nested too deeply to be dumped" not in str(error):
                raise
        if hasattr(result, "iter_pages"):
            await items(client, result, 20)


def plain(path: str, arguments: dict[str, Any]) -> Perform:
    async def perform(client: Any) -> None:
        await use(client, await outcome(attrgetter(path)(client)(**arguments)))

    return perform


def raw(path: str, arguments: dict[str, Any]) -> Perform:
    namespace, _, name = path.rpartition(".")

    async def perform(client: Any) -> None:
        response = await outcome(getattr(attrgetter(namespace)(client).with_raw_response, name)(**arguments))
        assert isinstance(response.text, str)
        assert response.elapsed
        assert response.rate_limit
        assert repr(response)
        await use(client, response.parse())

    return perform


def streamed(path: str, arguments: dict[str, Any], read: Callable[[Any], Any]) -> Perform:
    namespace, _, name = path.rpartition(".")

    async def perform(client: Any) -> None:
        manager = getattr(attrgetter(namespace)(client).with_streaming_response, name)(**arguments)
        if hasattr(manager, "__aenter__"):
            async with manager as response:
                await _read(client, response)
        else:
            with manager as response:
                await _read(client, response)

    async def _read(client: Any, response: Any) -> None:
        value = read(response)
        if hasattr(value, "__anext__") or hasattr(value, "__next__"):
            await items(client, value)
        else:
            await use(client, await outcome(value))

    return perform


def stream(path: str, arguments: dict[str, Any]) -> Perform:
    async def perform(client: Any) -> None:
        events = await outcome(attrgetter(path)(client)(**arguments, stream=True))
        for event in await items(client, events):
            assert repr(event)

    return perform


def helper(path: str, finish: str, arguments: dict[str, Any]) -> Perform:
    async def perform(client: Any) -> None:
        manager = attrgetter(path)(client)(**arguments)
        if hasattr(manager, "__aenter__"):
            async with manager as events:
                await items(client, events)
                await use(client, await getattr(events, finish)())
        else:
            with manager as events:
                await items(client, events)
                await use(client, getattr(events, finish)())

    return perform


READERS: list[Callable[[Any], Any]] = [
    lambda response: response.iter_bytes(7),
    lambda response: response.iter_lines(),
    lambda response: response.iter_text(),
    lambda response: response.text(),
    lambda response: response.read(),
    lambda response: response.parse(),
]


def performances() -> dict[str, Perform]:
    """Return every call, by its name."""
    calls: dict[str, Perform] = {}
    for path, arguments in (*PLAIN.items(), *OTHERS.items()):
        suffix = " as text" if arguments.get("response_format") == "srt" else ""
        calls[path + suffix] = plain(path, arguments)
        calls[f"raw {path}{suffix}"] = raw(path, arguments)
        for number, reader in enumerate(READERS):
            if number == len(READERS) - 1 or path == "files.content":
                calls[f"streamed {number} {path}{suffix}"] = streamed(path, arguments, reader)
    for path, arguments in STREAMS.items():
        calls[f"stream {path}"] = stream(path, arguments)
        calls[f"streamed stream {path}"] = streamed(path, {**arguments, "stream": True}, READERS[-1])
    for path, (finish, arguments) in HELPERS.items():
        calls[path] = helper(path, finish, arguments)
    for path, arguments in PARSED.items():
        calls[path] = plain(path, arguments)
    return calls


CALLS = performances()


def run_now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run the coroutine of a sync client, which never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the sync client awaited something")


@cache
def examples() -> dict[str, list[Any]]:
    """Return the specification's examples, where it lies beside the checkout, by method and path."""
    file = API / "examples.jsonl"
    lines = map(json.loads, file.read_text().splitlines()) if file.exists() else []
    found: dict[str, list[Any]] = {}
    for line in lines:
        if line["kind"] == "json" and isinstance(line["example"], dict):
            found.setdefault(f"{line['method']} {line['path']}", []).append(line["example"])
    return found


class Capture:
    """An offline transport that keeps its last response, as the valid one that mutations start from."""

    needs_key = False

    def __init__(self) -> None:
        self._offline = OfflineTransport()
        self.valid: list[Valid] = []

    def send(self, request: Any) -> Any:
        reply = self._offline.send(request)
        content_type = reply.headers.get("content-type", "")
        self.valid = [Valid(b"".join(self._offline.send(request)), content_type)]
        if "json" in content_type:
            key = f"{request.method} {request.operation.row.path}"
            self.valid += [Valid(json.dumps(example).encode(), content_type) for example in examples().get(key, [])]
        return reply

    def close(self) -> None:
        self._offline.close()


@cache
def valid_responses(name: str) -> list[Valid]:
    """Return the valid responses of a call, of which raw and streamed ones have the same as the plain one."""
    capture = Capture()
    with oai.OpenAI(api_key="k", transport=capture) as client:
        run_now(CALLS[re.sub(r"^raw |^streamed (\d )?", "", name)](client))
    return capture.valid


class Batch:
    """Cases over one transport, and what became of them."""

    def __init__(self, transport: str, first: int, count: int) -> None:
        self.transport = transport
        self.numbers = range(first, first + count)
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []
        self.is_async = transport.startswith(("async", "aio"))

    def run(self) -> None:
        with ScriptedServer() as server:
            if self.is_async:
                asyncio.run(self._run(server, oai.AsyncOpenAI))
            else:
                run_now(self._run(server, oai.OpenAI))

    async def _run(self, server: ScriptedServer, client_class: Any) -> None:
        options: dict[str, Any] = {"api_key": "k", "base_url": f"{server.url}/v1", "timeout": 0.3, "deadline": 1.5}
        if self.is_async:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: self.failures.append(str(context)))
        client = client_class(**options, max_retries=0, transport=TRANSPORTS[self.transport]())
        retrying = client.with_options(max_retries=1)
        names = cycle(CALLS)
        for number in self.numbers:
            await self._case(server, (client, retrying)[number % 3 == 0], number, next(names))
            if number % 4 == 0:
                await self._probe(server, client, number)
        await outcome(client.close())

    async def _case(self, server: ScriptedServer, client: Any, number: int, name: str) -> None:
        mutator = Mutator(number)
        responses = mutator.responses(mutator.random.choice(valid_responses(name)))
        server.script.clear()
        server.script.extend(responses)
        start = time.monotonic()
        try:
            await CALLS[name](client)
            self.outcomes["result"] += 1
        except oai.OpenAIError as error:
            self.outcomes[type(error).__name__] += bool(str(error))
        except Exception as error:  # noqa: BLE001 - what must not happen is reported with its case
            trace = "".join(traceback.format_exception(error)[-6:])
            self.failures.append(f"case {number}, {name}: {type(error).__name__}: {error}\n{responses}\n{trace}")
        if time.monotonic() - start > LONGEST:
            self.failures.append(f"case {number}, {name}: took {time.monotonic() - start:.1f} s\n{responses}")

    async def _probe(self, server: ScriptedServer, client: Any, number: int) -> None:
        """Send a valid response: what earlier ones left on a connection must not be taken for it."""
        body = b'{"id":"probe-%d","object":"model","created":1,"owned_by":"o"}' % number
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        server.script.clear()
        server.script.append(Scripted([head + body], "keep"))
        try:
            model = await outcome(client.models.retrieve("m"))
        except (oai.APIConnectionError, oai.NotFoundError):  # closed meanwhile, or taken by an earlier connection
            self.outcomes["lost probe"] += 1
            return
        except oai.OpenAIError as error:
            self.failures.append(f"probe after case {number}: {error!r}")
            return
        if model.id == "evil" and self.transport in OF_OTHERS and self.transport != "urllib3":
            self.outcomes["wrong probe"] += 1
        elif model.id != f"probe-{number}":
            self.failures.append(f"probe after case {number}: {model!r}")


def check(batch: Batch, capsys: pytest.CaptureFixture[str]) -> None:
    batch.run()
    gc.collect()  # a connection that was forgotten warns here, and not in another test
    with capsys.disabled():
        print(f"\n{batch.transport}: {dict(batch.outcomes.most_common())}")
    assert not batch.failures, f"{len(batch.failures)} failures, of which the first:\n" + "\n".join(batch.failures[:3])
    assert batch.outcomes["result"] > len(batch.numbers) / 20  # the mutations leave some valid
    assert batch.outcomes["lost probe"] < len(batch.numbers) / 20


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("first", [0, CASES])
@pytest.mark.parametrize("transport", OVER_SOCKETS)
def test_hostile_responses_end_in_results_or_named_errors(
    transport: str, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    one = os.environ.get("OAI_HOSTILE_CASE")
    check(Batch(transport, int(one or first), 1 if one else CASES), capsys)


@pytest.mark.first
@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("transport", OVER_SOCKETS)
def test_many_hostile_responses_end_in_results_or_named_errors(
    transport: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(Batch(transport, 1_000_000, 4_000), capsys)
