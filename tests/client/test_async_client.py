"""Features of `AsyncOpenAI` alone: loops, tasks, cancellation, and async iteration."""

from __future__ import annotations

import asyncio
import gc
import inspect
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from paths import ROOT
from planted import KEY

import oai
from oai.testing import Answer, Loopback

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}

Body = Callable[[oai.AsyncOpenAI], Awaitable[Any]]


def run(server: Loopback, body: Body, **options: Any) -> Any:
    """Run `body` with a client of the server and assert that no task remains."""

    async def main() -> Any:
        async with oai.AsyncOpenAI(
            **{"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0, **options}
        ) as client:
            result = await body(client)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = asyncio.run(main())
        gc.collect()
    return result


def test_functions_are_coroutine_functions_with_the_same_signatures() -> None:
    awaited = oai.AsyncOpenAI(transport=oai.OfflineTransport())
    waiting = oai.OpenAI(transport=oai.OfflineTransport())
    assert inspect.iscoroutinefunction(awaited.chat.completions.create)
    assert not inspect.iscoroutinefunction(awaited.files.list)
    for name in ("chat.completions.create", "files.list", "files.create", "models.retrieve"):
        one, other = awaited, waiting
        for part in name.split("."):
            one, other = getattr(one, part), getattr(other, part)
        assert inspect.signature(one) == inspect.signature(other)


def test_list_can_be_iterated_or_awaited(server: Loopback) -> None:
    pages = {"": ["a", "b"], "after=b": ["c"]}
    server.default = lambda seen: Answer.of_json(
        {"object": "list", "data": [{"id": name} for name in pages[seen.query]], "has_more": seen.query == ""}
    )

    async def body(client: oai.AsyncOpenAI) -> Any:
        everything = [each.id async for each in client.files.list()]
        page = await client.files.list()
        following = await page.get_next_page()
        by_page = [len(each.data) async for each in page.aiter_pages()]
        assert [len(each.data) async for each in page.iter_pages()] == by_page  # as the official SDK calls it
        return everything, page.has_next_page(), [each.id async for each in following], by_page

    assert run(server, body) == (["a", "b", "c"], True, ["c"], [2, 1])


def test_fifty_concurrent_calls(server: Loopback) -> None:
    server.default = lambda seen: Answer.of_json({**MODEL, "id": seen.path.rpartition("/")[2]}, delay=0.4)

    async def body(client: oai.AsyncOpenAI) -> Any:
        answers = await asyncio.gather(*(client.models.retrieve(f"m{n}") for n in range(50)))
        return [answer.id for answer in answers]

    began = time.monotonic()
    assert run(server, body) == [f"m{n}" for n in range(50)]
    assert time.monotonic() - began < 10  # one after the other, they take 20 s


def test_client_works_after_a_stream_is_closed_early(server: Loopback) -> None:
    server.reply(Answer.events([{"n": n} for n in range(1000)], pace=0.05), Answer.of_json(MODEL))

    async def body(client: oai.AsyncOpenAI) -> Any:
        async with await client.post("/x", stream=True) as stream:
            async for event in stream:
                first = event
                break
        assert await asyncio.to_thread(server.until, lambda: server.open_connections == 0)
        return first, (await client.models.retrieve("m")).id

    assert run(server, body) == ({"n": 0}, "m")


@pytest.mark.parametrize(
    "answer",
    [Answer.of_json(MODEL, delay=60), Answer(chunks=[b" "] * 1200, pace=0.05)],
    ids=["waiting for the answer", "reading the body"],
)
def test_cancelled_call_ends_immediately_and_the_client_stays_usable(answer: Answer, server: Loopback) -> None:
    server.reply(answer, Answer.of_json(MODEL))

    async def body(client: oai.AsyncOpenAI) -> Any:
        task = asyncio.create_task(client.models.retrieve("m"))
        assert await asyncio.to_thread(server.until, lambda: server.requests)
        await asyncio.sleep(0.1)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.until, lambda: server.open_connections == 0)
        return (await client.models.retrieve("m")).id

    began = time.monotonic()
    assert run(server, body) == "m"
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer.error(429, "slow"), oai.RateLimitError),
        (Answer.html("<html>"), oai.APIResponseValidationError),
        (Answer.of_json(MODEL, reset="before"), oai.APIConnectionError),
        (Answer.of_json(MODEL, truncate=3), oai.APIConnectionError),
        (Answer.of_json(MODEL, delay=5), oai.APITimeoutError),
        (Answer(chunks=[b" "] * 100, pace=0.05), oai.APITimeoutError),
    ],
)
def test_errors_equal_those_of_the_sync_client(answer: Answer, kind: type[Exception], server: Loopback) -> None:
    server.reply(answer)

    async def body(client: oai.AsyncOpenAI) -> Any:
        with pytest.raises(kind) as caught:
            await client.models.retrieve("m")
        return type(caught.value)

    assert run(server, body, deadline=0.4 if kind is oai.APITimeoutError else 20) is kind


def test_async_key_function_is_awaited_before_every_attempt(server: Loopback) -> None:
    keys = iter(["one", "two"])

    async def key() -> str:
        await asyncio.sleep(0)
        return next(keys)

    server.reply(Answer.error(503, "busy", headers=[("retry-after-ms", "1")]), Answer.of_json(MODEL))

    async def body(client: oai.AsyncOpenAI) -> Any:
        return (await client.models.retrieve("m"))._response.retries_taken

    assert run(server, body, api_key=key, max_retries=1) == 1
    assert [seen.header("authorization") for seen in server.requests] == ["Bearer one", "Bearer two"]


def test_one_client_serves_several_loops(server: Loopback) -> None:
    server.default = Answer.of_json(MODEL)
    client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url)

    async def once() -> str:
        return str((await client.models.retrieve("m")).id)

    async def last() -> str:
        found = await once()
        await client.close()
        return found

    assert asyncio.run(once()) == "m"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the first loop ended without closing its connections
        assert asyncio.run(last()) == "m"
        gc.collect()


def test_a_recorder_serves_both_clients(server: Loopback, tmp_path: Any) -> None:
    path = tmp_path / "both.cassette"
    server.reply(Answer.of_json(MODEL))

    async def record() -> None:
        recorder = oai.Recorder(path, oai.AsyncHTTPTransport(), mode="record")
        client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=recorder)
        await client.models.retrieve("m")
        await recorder.close()

    asyncio.run(record())
    with oai.Recorder(path) as recorder:
        assert oai.OpenAI(transport=recorder).models.retrieve("m").id == "m"


@pytest.mark.parametrize("size", [16, 1 << 20], ids=["written straight", "by a session"])
def test_closing_the_client_ends_pending_reads(size: int, server: Loopback) -> None:
    server.default = Answer(chunks=[b"a", b"b"], framing="chunked", hold=threading.Event())

    async def body(client: oai.AsyncOpenAI) -> None:
        arguments = {"model": "m", "input": "x" * size, "voice": "alloy"}
        opened = client.audio.speech.with_streaming_response.create(**arguments)
        async with opened as pieces, client.audio.speech.with_streaming_response.create(**arguments) as whole:
            each = pieces.iter_bytes()
            assert await anext(each) == b"a"
            reading = [asyncio.ensure_future(anext(each)), asyncio.ensure_future(whole.read())]
            await asyncio.sleep(0)
            await client.close()
            done, left = await asyncio.wait(reading, timeout=30)
            for task in left:
                task.cancel()
            assert [type(task.exception()) for task in done] == [oai.APIConnectionError] * 2

    run(server, body)


def test_an_async_client_needs_no_extra(server: Loopback) -> None:
    code = """
import sys, asyncio
sys.modules["aiohttp"] = sys.modules["urllib3"] = None
import oai
client = oai.AsyncOpenAI(api_key="k", base_url=sys.argv[1])
print(asyncio.run(client.models.retrieve("m")).id)
try:
    oai.AiohttpTransport
except ImportError as error:
    print(error)
"""
    server.reply(Answer.of_json({"id": "m", "object": "model"}))
    command = [sys.executable, "-c", code, server.url]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.startswith("m\n")
    assert "pip install 'oai[aiohttp]'" in shown


LEFT_OPEN = """
import asyncio, gc, sys
import oai

async def main():
    client = oai.AsyncOpenAI(api_key="k", base_url=sys.argv[1])
    await client.models.retrieve("m")
    return client

for _ in range(2):
    client = asyncio.run(main())
asyncio.run(client.close())
del client
gc.collect()
"""


def test_connections_end_with_their_event_loop(server: Loopback) -> None:
    server.default = Answer.of_json({"id": "m", "object": "model", "created": 1, "owned_by": "me"})
    command = [sys.executable, "-W", "error", "-c", LEFT_OPEN, server.url]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    assert server.until(lambda: not server.open_connections)
