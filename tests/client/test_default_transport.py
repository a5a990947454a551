"""Clients that were given no transport: the one of a block, the one of the environment."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT
from planted import planted

import oai
from oai.testing import Answer, Loopback
from oai.transports.async_http import AsyncHTTPTransport
from oai.transports.http import HTTPTransport
from oai.transports.offline import OfflineTransport
from oai.transports.recorder import CassetteMiss, Recorder

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}


def test_block_sets_the_transport_of_clients_created_in_it() -> None:
    transport = OfflineTransport()
    with oai.default_transport(transport) as block:
        assert block is transport
        client = oai.OpenAI()
        assert client.transport is transport
        assert oai.AsyncOpenAI().transport is transport
        assert oai.OpenAI(transport=(own := OfflineTransport())).transport is own
    assert client.models.retrieve("m").object == "model"
    with pytest.raises(oai.OpenAIError, match="There is no API key"):
        oai.OpenAI()


def test_client_does_not_close_the_transport_of_a_block() -> None:
    transport = OfflineTransport()
    with oai.default_transport(transport):
        oai.OpenAI().close()
        asyncio.run(oai.AsyncOpenAI().close())
        assert oai.OpenAI().models.retrieve("m").object == "model"


def test_innermost_block_applies_then_the_outer_one() -> None:
    outer, inner = OfflineTransport(), OfflineTransport()
    with oai.default_transport(outer):
        with oai.default_transport(inner):
            assert oai.OpenAI().transport is inner
        assert oai.OpenAI().transport is outer


def test_block_ends_on_an_exception() -> None:
    with pytest.raises(KeyError), oai.default_transport(OfflineTransport()):
        raise KeyError
    with pytest.raises(oai.OpenAIError):
        oai.OpenAI()


def test_block_applies_to_threads_and_tasks() -> None:
    transport = OfflineTransport()
    seen: list[Any] = []

    async def task() -> None:
        seen.append(oai.AsyncOpenAI().transport)

    with oai.default_transport(transport):
        threads = [threading.Thread(target=lambda: seen.append(oai.OpenAI().transport)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(task())
    assert seen == [transport] * 5


def test_blocks_of_threads_may_end_in_any_order() -> None:
    first, second = OfflineTransport(), OfflineTransport()
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with oai.default_transport(second):
            entered.set()
            assert leave.wait(30)

    thread = threading.Thread(target=hold)
    with oai.default_transport(first):
        thread.start()
        assert entered.wait(30)
        assert oai.OpenAI().transport is second
    assert oai.OpenAI().transport is second
    leave.set()
    thread.join()
    with pytest.raises(oai.OpenAIError):
        oai.OpenAI()


def test_the_environment_names_a_transport(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OAI_TRANSPORT", "offline")
    assert oai.OpenAI().chat.completions.create(model="m", messages=[]).object == "chat.completion"
    monkeypatch.setenv("OAI_TRANSPORT", f"replay:{tmp_path / 'none.cassette'}")
    with pytest.raises(CassetteMiss, match="there is no cassette"):
        oai.OpenAI().models.list()
    monkeypatch.setenv("OAI_TRANSPORT", "oai.transports.offline:OfflineTransport")
    assert isinstance(oai.OpenAI().transport, OfflineTransport)
    monkeypatch.setenv("OAI_TRANSPORT", f"{__name__}:SHARED")
    assert oai.OpenAI().transport is SHARED
    with oai.default_transport(OfflineTransport()) as nearer:
        assert oai.OpenAI().transport is nearer


SHARED = OfflineTransport()


@pytest.mark.parametrize(
    ("name", "sync", "asynchronous"),
    [
        ("http", "HTTPTransport", "AsyncHTTPTransport"),
        ("urllib3", "Urllib3Transport", None),
        ("aiohttp", None, "AiohttpTransport"),
    ],
)
def test_the_environment_picks_the_library_for_the_clients_that_it_serves(
    monkeypatch: pytest.MonkeyPatch, name: str, sync: str | None, asynchronous: str | None
) -> None:
    """A client of the other kind keeps its default transport."""
    defaults = [type(cls(api_key="k").transport).__name__ for cls in (oai.OpenAI, oai.AsyncOpenAI)]
    monkeypatch.setenv("OAI_TRANSPORT", name)
    transports = [cls(api_key="k").transport for cls in (oai.OpenAI, oai.AsyncOpenAI)]
    expected = [sync or defaults[0], asynchronous or defaults[1]]
    assert [type(transport).__name__ for transport in transports] == expected
    assert (oai.OpenAI(api_key="k").transport is transports[0]) == (sync is not None)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("ofline", "'ofline'; it must be `offline`.*Did you mean 'offline'"),
        ("urlib3", "Did you mean 'urllib3'"),
        ("replay:", "a mode and a cassette"),
        ("recrod:x.cassette", "Did you mean 'record:x.cassette'"),
        ("no_such_module_here:x", "No module named"),
        ("oai.transports.offline:NoSuch", "NoSuch"),
        ("oai:__version__", "must name a transport"),
    ],
)
def test_invalid_transport_variable_is_rejected(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    monkeypatch.setenv("OAI_TRANSPORT", value)
    with pytest.raises(oai.OpenAIError, match=message):
        oai.OpenAI(api_key="k")


PROGRAM = """
import asyncio, sys
import oai

async def main():
    client = oai.AsyncOpenAI()
    return (await client.models.retrieve("a")).id

print(oai.OpenAI().models.retrieve("m").id, asyncio.run(main()))
if sys.argv[1:]:
    raise KeyError
"""


def run(program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    root = str(ROOT)
    command = [sys.executable, "-W", "error", "-c", program, *words]
    return subprocess.run(
        command, env={"PYTHONPATH": root, **environment}, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_program_is_recorded_and_replayed_by_the_environment_alone(server: Loopback, tmp_path: Path) -> None:
    server.default = lambda seen: Answer.of_json({**MODEL, "id": seen.path[-1]})
    path = tmp_path / "program.cassette"
    live = {"OPENAI_API_KEY": planted("the", "key", "of", "this"), "OPENAI_BASE_URL": server.url}
    failed = run(PROGRAM, "fail", OAI_TRANSPORT=f"record:{path}", **live)
    assert "KeyError" in failed.stderr
    assert not path.exists()
    recorded = run(PROGRAM, OAI_TRANSPORT=f"record:{path}", **live)
    assert (recorded.stdout, recorded.stderr) == ("m a\n", "")
    replayed = run(PROGRAM, OAI_TRANSPORT=f"replay:{path}")
    assert (replayed.stdout, replayed.stderr) == ("m a\n", "")
    assert len(server.requests) == 4


def test_recorder_sends_over_the_transport_of_its_client(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.of_json(MODEL)
    recorder = Recorder(tmp_path / "c", mode="record")

    async def both() -> None:
        ticks = asyncio.Event()
        client = oai.AsyncOpenAI(api_key="k" * 20, base_url=server.url, transport=recorder)
        answer = asyncio.create_task(client.models.retrieve("m"))
        asyncio.get_running_loop().call_soon(ticks.set)
        await asyncio.wait_for(ticks.wait(), 30)
        assert not answer.done()
        await answer
        other = client.with_options(transport=Recorder(tmp_path / "other", recorder, mode="record"))
        await other.models.retrieve("n")
        await other.transport.close()

    oai.OpenAI(api_key="k" * 20, base_url=server.url, transport=recorder).models.retrieve("m")
    asyncio.run(both())
    assert {type(each) for each in recorder._own.values()} == {AsyncHTTPTransport, HTTPTransport}
    assert len(server.requests) == 3
    assert oai.OpenAI(transport=Recorder(tmp_path / "other")).models.retrieve("n").id == "m"
    replay = Recorder(tmp_path / "c")
    assert len(replay.unused) == 3
