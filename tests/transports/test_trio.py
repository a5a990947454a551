"""`AsyncOpenAI` under trio, over httpx; what works on asyncio alone says so."""

from __future__ import annotations

import gc
import io
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from planted import KEY

import oai
from oai.testing import Answer, Loopback
from oai.transports import (
    AiohttpTransport,
    AsgiTransport,
    AsyncHTTPTransport,
    AsyncHttpxTransport,
    Cache,
    Fail,
    FailingTransport,
    FakeTransport,
    Fallback,
    Limiter,
)

pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'h:ResourceWarning")  # of httpx and httpcore

CHAT: dict[str, Any] = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
ASKING: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def chunk(text: str, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


EVENTS = [chunk("a"), chunk("b"), chunk("", "stop")]


def run(server: Loopback, program: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Run a program under trio, with a client over an httpx client of its own."""

    async def main() -> Any:
        async with (
            httpx.AsyncClient() as http_client,
            oai.AsyncOpenAI(api_key=KEY, base_url=server.url, http_client=http_client, **options) as client,
        ):
            return await program(client)

    return trio.run(main)


async def ask(client: oai.AsyncOpenAI) -> str:
    return (await client.chat.completions.create(**ASKING)).id


@pytest.fixture
def held() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_call(server: Loopback) -> None:
    server.reply(json=CHAT)
    assert run(server, ask) == "c1"


def test_default_transport_is_that_of_httpx(server: Loopback) -> None:
    server.reply(json=CHAT)

    async def main() -> Any:
        async with oai.AsyncOpenAI(api_key=KEY, base_url=server.url) as client:
            return await ask(client), type(client.transport)

    assert trio.run(main) == ("c1", AsyncHttpxTransport)


def test_retry_waits_on_trio(server: Loopback) -> None:
    server.reply(Answer(503, headers=[("Retry-After-Ms", "5")]), Answer(json=CHAT))
    assert run(server, ask) == "c1"
    assert len(server.requests) == 2


def test_stream_is_read_to_its_end(server: Loopback) -> None:
    server.reply(Answer.events(EVENTS))

    async def program(client: oai.AsyncOpenAI) -> list[str | None]:
        stream = await client.chat.completions.create(**ASKING, stream=True)
        return [event.choices[0].delta.content async for event in stream]

    assert run(server, program) == ["a", "b", ""]


def test_stream_helper(server: Loopback) -> None:
    server.reply(Answer.events(EVENTS))

    async def program(client: oai.AsyncOpenAI) -> str | None:
        async with client.chat.completions.stream(**ASKING) as stream:
            return (await stream.get_final_completion()).choices[0].message.content

    assert run(server, program) == "ab"


@pytest.mark.filterwarnings("ignore:Async generator 'oai:ResourceWarning")  # of trio, for a stream that is not closed
@pytest.mark.parametrize("closes", [True, False])
def test_abandoned_stream_leaves_the_client_usable(closes: bool, server: Loopback, held: threading.Event) -> None:
    server.reply(Answer.events(EVENTS, hold=held), Answer(json=CHAT))

    async def program(client: oai.AsyncOpenAI) -> str:
        stream = await client.chat.completions.create(**ASKING, stream=True)
        async for _ in stream:
            break
        if closes:
            await stream.close()
        del stream
        gc.collect()
        return await ask(client)

    assert run(server, program) == "c1"


def test_stream_closes_at_the_end_of_its_block(server: Loopback, held: threading.Event) -> None:
    server.reply(Answer.events(EVENTS, hold=held), Answer(json=CHAT))

    async def program(client: oai.AsyncOpenAI) -> str:
        async with await client.chat.completions.create(**ASKING, stream=True) as stream:
            async for _ in stream:
                break
        return await ask(client)

    assert run(server, program) == "c1"


def test_upload_is_read_in_threads(server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 300_000)
    server.reply(*(Answer(json={"id": name, "object": "file"}) for name in ("f1", "f2")))

    async def program(client: oai.AsyncOpenAI) -> list[str]:
        files = [path, io.BytesIO(b"y" * 300_000)]
        return [(await client.files.create(file=file, purpose="user_data")).id for file in files]

    assert run(server, program) == ["f1", "f2"]
    assert b"x" * 300_000 in server.requests[0].body
    assert b"y" * 300_000 in server.requests[1].body


def test_streamed_content_is_written_to_a_file(server: Loopback, tmp_path: Path) -> None:
    server.reply(Answer(body=b"abc" * 100_000, content_type="application/octet-stream"))

    async def program(client: oai.AsyncOpenAI) -> None:
        async with client.files.with_streaming_response.content("f1") as response:
            await response.stream_to_file(tmp_path / "a.bin")

    run(server, program)
    assert (tmp_path / "a.bin").read_bytes() == b"abc" * 100_000


def test_pages_and_map(server: Loopback) -> None:
    page = {"object": "list", "data": [{"id": "a"}], "has_more": True}
    server.reply(Answer(json=page), Answer(json={**page, "has_more": False}), *[Answer(json=CHAT)] * 5)

    async def program(client: oai.AsyncOpenAI) -> tuple[list[str], list[str]]:
        files = [file.id async for file in client.files.list()]
        return files, [result.id for result in await oai.amap(client.chat.completions.create, [ASKING] * 5)]

    assert run(server, program) == (["a", "a"], ["c1"] * 5)


@pytest.mark.parametrize("options", [{"timeout": 0.1}, {"deadline": 0.1}])
def test_timeout_raises(options: dict[str, float], server: Loopback) -> None:
    server.reply(Answer(json=CHAT, delay=5))
    with pytest.raises(oai.APITimeoutError):
        run(server, ask, max_retries=0, **options)


def test_deadline_ends_a_stream(server: Loopback, held: threading.Event) -> None:
    server.reply(Answer.events(EVENTS, hold=held))

    async def program(client: oai.AsyncOpenAI) -> None:
        async for _ in await client.chat.completions.create(**ASKING, stream=True):
            pass

    with pytest.raises(oai.APITimeoutError):
        run(server, program, deadline=0.3, max_retries=0)


def test_cancellation_leaves_the_client_usable(server: Loopback) -> None:
    server.reply(Answer(json=CHAT, delay=5), Answer(json=CHAT))

    async def program(client: oai.AsyncOpenAI) -> tuple[bool, str]:
        with trio.move_on_after(0.2) as scope:
            await ask(client)
        return scope.cancelled_caught, await ask(client)

    assert run(server, program) == (True, "c1")


def test_transport_of_ones_own_serves_several_runs_and_asyncio(server: Loopback) -> None:
    import asyncio

    server.default = Answer(json=CHAT, keep_alive=False)
    client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=AsyncHttpxTransport())
    assert trio.run(ask, client) == "c1"
    assert trio.run(ask, client) == "c1"
    assert asyncio.run(ask(client)) == "c1"


def test_transport_closes_the_clients_of_other_runs(server: Loopback) -> None:
    server.reply(json=CHAT)
    transport = AsyncHttpxTransport()
    client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=transport)
    sent, closed = threading.Event(), threading.Event()

    async def other() -> bool:
        await ask(client)
        inner = transport._client()
        sent.set()
        await trio.to_thread.run_sync(closed.wait)
        return bool(inner.is_closed)

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(trio.run, other)
        assert sent.wait(10)
        trio.run(transport.close)
        closed.set()
        assert result.result(10)


def test_caller_client_belongs_to_one_run_at_a_time(server: Loopback) -> None:
    server.default = Answer(json=CHAT)
    http_client = httpx.AsyncClient()
    client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, http_client=http_client, max_retries=0)

    async def outer() -> None:
        await ask(client)
        with pytest.raises(oai.APIConnectionError, match="belongs to another event loop"):
            await trio.to_thread.run_sync(trio.run, ask, client)
        await http_client.aclose()

    trio.run(outer)


def make_limited() -> Any:
    return Limiter(AsyncHttpxTransport(), in_flight=1)


def make_failing() -> Any:
    return FailingTransport(AsyncHttpxTransport(), Fail("stalled", first=1))


def make_cached() -> Any:
    return Cache(Fallback([AsyncHttpxTransport()]), Path(tempfile.mkdtemp()) / "answers.sqlite")


def make_fake() -> Any:
    fake = FakeTransport()
    fake.chat.completions.create.delays(0.01).returns(CHAT)
    return fake


@pytest.mark.parametrize("make", [make_limited, make_failing, make_cached, make_fake])
@pytest.mark.usefixtures("quick_retries")
def test_wrappers_and_fakes(make: Callable[[], Any], server: Loopback) -> None:
    server.default = Answer(json=CHAT)
    results = []
    transport = make()
    client = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=transport, timeout=1)

    async def one() -> None:
        results.append(await ask(client))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(one)
        await transport.close()

    trio.run(main)
    assert results == ["c1"] * 3


@pytest.mark.parametrize(
    "make",
    [AsyncHTTPTransport, AiohttpTransport, lambda: AsgiTransport(lambda *_: None)],
    ids=["http", "aiohttp", "asgi"],
)
def test_asyncio_transports_name_the_alternative_under_trio(make: Callable[[], Any], server: Loopback) -> None:
    async def main() -> None:
        async with oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=make(), timeout=0.2) as client:
            await ask(client)

    with pytest.raises(RuntimeError, match=r"works on asyncio, not on trio; use AsyncHttpxTransport\(\)"):
        trio.run(main)


def test_websocket_under_trio_raises(server: Loopback) -> None:
    async def main() -> None:
        async with oai.AsyncOpenAI(api_key=KEY, base_url=server.url).realtime.connect(model="m"):
            pass

    with pytest.raises(RuntimeError, match="not on trio"):
        trio.run(main)


def test_tasks_of_a_helper_run_under_trio(server: Loopback) -> None:
    call = {"id": "t", "type": "function", "function": {"name": "double", "arguments": '{"x": 2}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": "u"}]}
    first = {**CHAT, "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}
    last = {
        **CHAT,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "4"}}],
    }
    server.reply(Answer(json=first), Answer(json=last))
    threads = set()

    def double(x: int) -> int:
        threads.add(threading.current_thread())
        return 2 * x

    async def program(client: oai.AsyncOpenAI) -> Any:
        return await client.chat.completions.run_tools(**ASKING, tools=[double])

    run(server, program)
    assert [message["content"] for message in server.requests[1].json()["messages"][2:]] == ["4", "4"]
    assert threading.current_thread() not in threads


def test_failed_task_of_a_helper_raises_its_own_error(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.error(400, "no")
    for name in "ab":
        (tmp_path / name).write_bytes(b"x")

    async def program(client: oai.AsyncOpenAI) -> Any:
        files = [tmp_path / name for name in "ab"]
        return await client.vector_stores.file_batches.upload_and_poll("vs", files=files)

    with pytest.raises(oai.BadRequestError):
        run(server, program)
