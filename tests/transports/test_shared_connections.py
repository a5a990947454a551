"""Clients without a transport of their own share the connections of the process, and of each event loop."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from typing import Any

import pytest

import oai
from oai.testing import Answer, Loopback

MODEL = Answer.of_json({"id": "m", "object": "model", "created": 1, "owned_by": "me"})


def client_of(cls: Any, server: Loopback) -> Any:
    return cls(api_key="k", base_url=server.url, max_retries=0)


@pytest.mark.parametrize("closed", [False, True])
def test_a_client_for_each_request_keeps_the_connection(server: Loopback, closed: bool) -> None:
    """Another client that has used the server keeps it open when each of them is closed."""
    server.default = MODEL
    first = client_of(oai.OpenAI, server)
    first.models.retrieve("m")
    for _ in range(10):
        client = client_of(oai.OpenAI, server)
        client.models.retrieve("m")
        if closed:
            client.close()
    assert server.connections == 1
    first.close()
    assert closed == server.until(lambda: not server.open_connections, 10 if closed else 0.1)
    client_of(oai.OpenAI, server).models.retrieve("m")


def test_an_async_client_for_each_request_keeps_the_connection_of_its_loop(server: Loopback) -> None:
    server.default = MODEL

    async def main() -> None:
        for _ in range(10):
            await client_of(oai.AsyncOpenAI, server).models.retrieve("m")

    for number in (1, 2):
        asyncio.run(main())
        assert server.connections == number
        assert server.until(lambda: not server.open_connections), "the loop has ended"


FORKED_BY_C = """
import ctypes, os, sys
import oai

client = oai.OpenAI(api_key="test", base_url=sys.argv[1])
client.models.retrieve("m")
child = ctypes.PyDLL(None).fork()
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0
client.models.retrieve("m")
os._exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_child_forked_without_hooks_opens_its_own_connection(server: Loopback) -> None:
    """Servers such as uWSGI fork in C, so that the functions of `os.register_at_fork` do not run."""
    server.default = MODEL
    subprocess.run([sys.executable, "-c", FORKED_BY_C, server.url], check=True, timeout=60)
    assert len(server.requests) == 3
    assert server.connections == 2


def test_closing_a_client_closes_nothing_that_another_uses(server: Loopback) -> None:
    server.default = MODEL
    server.route("GET", "/files", Answer(chunks=[b"x"] * 5, pace=0.05))

    async def main() -> None:
        first, second = (client_of(oai.AsyncOpenAI, server) for _ in range(2))
        await first.models.retrieve("m")
        reading = asyncio.create_task(second.get("/files", cast_to=bytes))
        assert await asyncio.to_thread(server.until, lambda: len(server.requests) == 2)
        await first.close()
        assert (await reading).content == b"xxxxx"
        with pytest.raises(oai.APIConnectionError, match="closed"):
            await first.models.retrieve("m")
        connections = server.connections
        await second.models.retrieve("m")
        assert server.connections == connections
        await second.close()
        assert server.until(lambda: not server.open_connections)

    asyncio.run(main())


def test_closing_an_async_client_ends_its_own_exchanges_alone(server: Loopback) -> None:
    server.route("GET", "/slow", Answer(delay=20))
    server.route("GET", "/files", Answer(chunks=[b"x"] * 5, pace=0.05))

    async def main() -> None:
        first, second = (client_of(oai.AsyncOpenAI, server) for _ in range(2))
        waiting = asyncio.create_task(first.get("/slow", cast_to=bytes))
        reading = asyncio.create_task(second.get("/files", cast_to=bytes))
        assert await asyncio.to_thread(server.until, lambda: len(server.requests) == 2)
        await first.close()
        with pytest.raises(oai.APIConnectionError, match="closed"):
            await waiting
        assert (await reading).content == b"xxxxx"
        await second.close()

    asyncio.run(main())


def test_dropped_clients_and_streams_leave_nothing_behind(server: Loopback, capfd: pytest.CaptureFixture[str]) -> None:
    server.default = lambda _: Answer.events([{"n": n} for n in range(50)], pace=0.01)

    async def main() -> None:
        for number in range(20):
            client = client_of(oai.AsyncOpenAI, server)
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
            await anext(aiter(stream))
            if number % 2:
                await stream.close()
            del stream, client
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        assert await asyncio.to_thread(server.until, lambda: not server.open_connections)

    asyncio.run(main())
    assert capfd.readouterr() == ("", "")
