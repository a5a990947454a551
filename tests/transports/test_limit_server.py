"""Limits that several machines share: a `LimitServer`, and limiters over sockets, sync and async."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from both import Way
from limited_processes import sent_by_processes
from metered import COMPLETION, MESSAGES

import oai
from oai.testing import Answer, Loopback
from oai.transports import AsyncHTTPTransport, HTTPTransport, Limiter, LimitServer, OfflineTransport

AT_ONCE = oai.Timeout(10, pool=0.2)
"""The timeout of a request that the limits do not allow. The others wait for as long as a busy machine needs."""

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "o"}


@pytest.fixture
def limits() -> Iterator[LimitServer]:
    with LimitServer() as server:
        yield server


def limited(way: Way, limits: LimitServer, **options: Any) -> Limiter:
    """Return a limiter for the calls of `way`."""
    inner = (AsyncHTTPTransport if way.is_async else HTTPTransport)()
    way.options["transport"] = limiter = Limiter(inner, shared=limits.url, **options)
    return limiter


def create(way: Way, limiter: Limiter, **params: Any) -> Any:
    way.options["transport"] = limiter
    return way.call("chat.completions.create", **{"model": "m", "messages": MESSAGES, "max_tokens": 10, **params})


def test_limiters_share_the_tokens_of_a_minute(way: Way, server: Loopback, limits: LimitServer) -> None:
    server.default = Answer(json=COMPLETION)
    one, two = (limited(way, limits, tokens_per_minute=30) for _ in range(2))
    create(way, one)
    create(way, two)  # 24 of 30 tokens by now, as the responses report
    for limiter in (one, two):
        with pytest.raises(oai.APITimeoutError, match="the limits do not allow"):
            create(way, limiter, timeout=AT_ONCE)
    assert len(server.requests) == 2


def test_limiters_share_requests(way: Way, server: Loopback, limits: LimitServer) -> None:
    server.default = Answer(json=MODEL)
    one, two = (limited(way, limits, requests_per_minute=2) for _ in range(2))
    for limiter in (one, two):
        way.options["transport"] = limiter
        way.call("models.retrieve", model="m")
    with pytest.raises(oai.APITimeoutError):
        way.call("models.retrieve", model="m", timeout=AT_ONCE)
    assert len(server.requests) == 2


def test_limiters_share_pauses(way: Way, server: Loopback, limits: LimitServer) -> None:
    server.default = Answer.error(429, "slow down", retry_after=60)
    with pytest.raises(oai.RateLimitError):
        create(way, limited(way, limits, requests_per_minute=99))

    def a_new_limiter_waits() -> bool:
        try:
            create(way, limited(way, limits, requests_per_minute=99), timeout=AT_ONCE)
        except oai.RateLimitError:  # the report of the pause is on its way
            return False
        except oai.APITimeoutError:
            return True
        return False

    assert server.until(a_new_limiter_waits)


def test_waiting_request_that_gives_up_leaves_the_queue(way: Way, server: Loopback, limits: LimitServer) -> None:
    server.default = Answer(json=COMPLETION)
    large, small = (limited(way, limits, tokens_per_minute=40) for _ in range(2))
    create(way, large)
    with pytest.raises(oai.APITimeoutError):
        create(way, large, max_tokens=35, timeout=AT_ONCE)  # which would fit in a minute
    create(way, small)
    assert len(server.requests) == 2


def test_processes_share_the_limits(server: Loopback, limits: LimitServer) -> None:
    sent = sent_by_processes(server, limits.url)
    assert sum(sent) == len(server.requests) == 5


def test_many_callers_of_a_process_are_admitted_in_turn(server: Loopback, limits: LimitServer) -> None:
    server.default = Answer(json=COMPLETION)

    async def main() -> None:
        limiter = Limiter(AsyncHTTPTransport(), requests_per_minute=1000, shared=limits.url)
        async with oai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", transport=limiter) as client:
            await asyncio.gather(
                *(client.chat.completions.create(model="m", messages=MESSAGES) for _ in range(20))  # type: ignore[arg-type]
            )
        await limiter.close()

    asyncio.run(main())
    assert len(server.requests) == 20


def test_event_loop_does_not_wait_for_the_server() -> None:
    """A server that accepts connections and answers nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        limiter = Limiter(
            OfflineTransport(), requests_per_minute=9, shared=f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        )

        async def main() -> int:
            side = limiter.for_async()
            client = oai.AsyncOpenAI(transport=side, timeout=oai.Timeout(10, pool=0.3), max_retries=0)
            turns = 0

            async def count() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0.005)
                    turns += 1

            counting = asyncio.create_task(count())
            with pytest.raises(oai.APITimeoutError):
                await client.models.list()
            counting.cancel()
            return turns

        assert asyncio.run(main()) > 2
        limiter.close()


def test_server_that_is_started_again_is_found(server: Loopback) -> None:
    server.default = Answer(json=MODEL)
    first = LimitServer()
    port = int(first.url.rpartition(":")[2])
    limiter = Limiter(HTTPTransport(), requests_per_minute=2, shared=first.url)
    client = oai.OpenAI(api_key="k", base_url=f"{server.url}/v1", transport=limiter, max_retries=0)
    client.models.retrieve("m")
    first.close()
    with pytest.raises(oai.APIConnectionError, match="the shared limits cannot be kept"):
        client.models.retrieve("m")
    with LimitServer(port=port):
        client.models.retrieve("m")
        limiter.close()
    assert len(server.requests) == 2


@pytest.mark.parametrize("reply", [b"", b"nonsense\n", b"HTTP/1.1 400 Bad Request\r\n"])
def test_other_server_is_an_error(reply: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:

        def answer() -> None:
            for _ in range(1 if reply else 2):
                connection, _ = other.accept()
                with connection:
                    connection.recv(1024)
                    connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        limiter = Limiter(OfflineTransport(), requests_per_minute=9, shared=f"tcp://127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(oai.APIConnectionError, match="is no server of limits"):
            oai.OpenAI(transport=limiter, max_retries=0).models.list()
        limiter.close()
        thread.join(10)


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"\xff\n", b"x" * 5000 + b"\n", b'["change",["pay"]]\n'])
def test_invalid_message_closes_its_connection_only(line: bytes, limits: LimitServer) -> None:
    host, port = limits.url.removeprefix("tcp://").split(":")
    with closing(socket.create_connection((host, int(port)), 10)) as connection:
        connection.sendall(line)
        with suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    limiter = Limiter(OfflineTransport(), requests_per_minute=1, shared=limits.url)
    oai.OpenAI(transport=limiter).models.list()
    limiter.close()


@pytest.mark.parametrize("url", ["tcp://", "tcp://host", "tcp://:1"])
def test_invalid_url_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="shared must be a file or tcp://host:port"):
        Limiter(OfflineTransport(), requests_per_minute=1, shared=url)


def test_remote_limiter_pickles_and_names_its_address(limits: LimitServer) -> None:
    limiter = Limiter(OfflineTransport(), requests_per_minute=1, shared=limits.url)
    copy = pickle.loads(pickle.dumps(limiter))
    oai.OpenAI(transport=copy).models.list()
    with pytest.raises(oai.APITimeoutError):
        oai.OpenAI(transport=limiter, timeout=oai.Timeout(10, pool=0.1), max_retries=0).models.list()
    assert repr(limits) == f"<LimitServer {limits.url}>"
    for each in (limiter, copy):
        each.close()
    limits.close()
    limits.close()


def test_closed_limiter_rejects_requests_and_its_connection_ends(limits: LimitServer) -> None:
    limiter = Limiter(OfflineTransport(), requests_per_minute=5, shared=limits.url)
    client = oai.OpenAI(transport=limiter, max_retries=0)
    client.models.list()
    limiter.close()
    with pytest.raises(oai.APIConnectionError, match="closed"):
        client.models.list()
    until = time.monotonic() + 10
    while limits._server.connections and time.monotonic() < until:
        time.sleep(0.01)
    assert not limits._server.connections


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_shares_the_limits(limits: LimitServer) -> None:
    limiter = Limiter(OfflineTransport(), requests_per_minute=2, shared=limits.url)
    client = oai.OpenAI(transport=limiter, timeout=oai.Timeout(10, pool=0.1), max_retries=0)
    client.models.list()
    pid = os.fork()
    if not pid:
        with suppress(BaseException):
            client.models.list()
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with pytest.raises(oai.APITimeoutError):
        client.models.list()
    limiter.close()
