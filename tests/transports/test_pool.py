"""The rules of a pool, without I/O and over both drivers."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from oai.testing import Answer, Loopback
from oai.transports import AsyncHTTPTransport, BlockingTransport, HTTPTransport, Request, Timeout, TransportError
from oai.transports._origins import interleave
from oai.transports._pool import Pool
from oai.transports._proxies import is_excluded

Make = Callable[..., Any]


class Wire:
    """A connection without a network."""

    def __init__(self) -> None:
        self.quiet, self.closed = True, False

    def is_quiet(self) -> bool:
        return self.quiet

    def close(self) -> None:
        self.closed = True


class Caller:
    """A waiter that keeps what it is woken with."""

    def __init__(self) -> None:
        self.woken: list[Any] = []
        self.waits = True

    def wake(self, connection: Any) -> bool:
        if self.waits:
            self.woken.append(connection)
        return self.waits


def test_newest_idle_connection_is_used_first() -> None:
    pool: Pool[Wire] = Pool(3, 10)
    first, second = Wire(), Wire()
    for wire in (first, second):
        assert pool.acquire(Caller) is None
        pool.put_back(wire)
        assert pool.take() is wire
    pool.put_back(first)
    pool.put_back(second)
    assert (pool.take(), pool.take(), pool.take()) == (second, first, None)


def test_expired_and_unquiet_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pool: Pool[Wire] = Pool(3, 15)
    wires = [Wire() for _ in range(3)]
    for _ in wires:
        assert pool.acquire(Caller) is None
    pool.put_back(wires[0])
    now[0] = 10
    pool.put_back(wires[1])
    now[0] = 16
    pool.put_back(wires[2])
    wires[2].quiet = False
    assert pool.take() is wires[1]
    assert [wire.closed for wire in wires] == [True, False, True], "the oldest one has expired, the newest is not quiet"
    assert [pool.acquire(Caller) for _ in range(2)] == [None, None], "closed ones may be opened again"


def test_waiters_are_served_in_order_and_may_give_up() -> None:
    pool: Pool[Wire] = Pool(1, 10)
    assert pool.acquire(Caller) is None
    first, second, third = (pool.acquire(Caller) for _ in range(3))
    assert isinstance(first, Caller)
    assert isinstance(second, Caller)
    assert isinstance(third, Caller)
    assert pool.give_up(first)
    second.waits = False
    wire = Wire()
    pool.put_back(wire)
    assert (first.woken, second.woken, third.woken) == ([], [], [wire])
    assert not pool.give_up(third), "it has a connection that it must return"
    pool.release()
    assert pool.acquire(Caller) is None


def test_closed_pool_closes_what_is_put_back() -> None:
    pool: Pool[Wire] = Pool(2, 10)
    idle, used = Wire(), Wire()
    for _ in range(2):
        pool.acquire(Caller)
    pool.put_back(idle)
    pool.close()
    pool.put_back(used)
    assert idle.closed
    assert used.closed


@pytest.mark.parametrize("limit", [3, 100])
def test_threads_open_no_more_than_the_limit_and_than_they_need(limit: int) -> None:
    pool: Pool[Wire] = Pool(limit, 10)
    in_use, most, opened = [], [0], []

    class Thread:
        def __init__(self) -> None:
            self.connection: Any = None
            self.event = threading.Event()

        def wake(self, connection: Any) -> bool:
            self.connection = connection
            self.event.set()
            return True

    def work(_: int) -> None:
        for _ in range(200):
            free: Any = pool.acquire(Thread)
            if isinstance(free, Thread):
                assert free.event.wait(10)
                free = free.connection
            if free is None:
                opened.append(free := Wire())
            wire = free
            in_use.append(wire)
            most[0] = max(most[0], len(in_use))
            in_use.remove(wire)
            pool.put_back(wire)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert most[0] <= min(limit, 8)
    assert len(opened) <= min(limit, 8)


def test_connection_put_back_while_the_lock_is_held_is_used() -> None:
    """As by another thread, or by a finalizer within the pool's own code."""
    pool: Pool[Wire] = Pool(5, 10)
    for use in (pool.take, lambda: pool.acquire(Caller)):
        assert pool.acquire(Caller) is None
        wire = Wire()
        with pool._lock:
            pool.put_back(wire)
        assert use() is wire


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    transports: list[Any] = []

    def of(**options: Any) -> Any:
        sync = request.param == "sync"
        transports.append(HTTPTransport(**options) if sync else BlockingTransport(AsyncHTTPTransport(**options)))
        return transports[-1]

    yield of
    for transport in transports:
        transport.close()


def get(server: Loopback, path: str = "/x", **limits: Any) -> Request:
    return Request("GET", server.url + path, [], timeout=Timeout(10, **limits))


def test_connections_are_limited_and_waiting_is_fair(server: Loopback, make: Make) -> None:
    server.default = Answer(body=b"x", delay=0.02)
    transport = make(connections=2)
    with ThreadPoolExecutor(10) as threads:
        bodies = [threads.submit(lambda n: transport.send(get(server, f"/{n}")).read(), n) for n in range(20)]
        assert [body.result() for body in bodies] == [b"x"] * 20
    assert server.connections == 2


@pytest.mark.parametrize("limits", [{"pool": 0.1}, {"total": 0.1}], ids=str)
def test_wait_for_a_connection_is_limited(limits: dict[str, float], server: Loopback, make: Make) -> None:
    server.reply(Answer(chunks=[b"x"] * 100, pace=0.05), Answer(body=b"y"))
    transport = make(connections=1)
    reply = transport.send(get(server))
    with pytest.raises(TransportError, match="all connections to .* are in use") as caught:
        transport.send(get(server, **limits))
    assert caught.value.kind == "timeout"
    reply.close()
    assert transport.send(get(server)).read() == b"y"


def test_idle_connection_is_not_used_after_its_expiry(server: Loopback, make: Make) -> None:
    server.default = Answer(body=b"x")
    transport = make(keepalive_expiry=1)
    for _ in range(2):
        assert transport.send(get(server)).read() == b"x"
    assert server.connections == 1
    time.sleep(1.1)
    assert transport.send(get(server)).read() == b"x"
    assert server.connections == 2


def test_connection_that_died_in_silence_is_not_used(make: Make) -> None:
    """A NAT that drops an idle connection says nothing, and discards what is sent over it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sockets: list[socket.socket] = []

        def serve() -> None:
            for _ in range(2):
                sockets.append(listener.accept()[0])
                sockets[-1].recv(65536)
                sockets[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

        thread = threading.Thread(target=serve)
        thread.start()
        transport = make(keepalive_expiry=0.2)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        for wait in (0.3, 0.0):
            assert transport.send(Request("GET", url, [], timeout=Timeout(5))).read() == b"x"
            time.sleep(wait)
        thread.join(30)
        for sock in sockets:
            sock.close()


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_connection_that_the_server_closed_while_idle_is_not_used(is_async: bool) -> None:
    """Not even for a POST, and if the event loop has not run in the meantime."""
    closed = threading.Semaphore(0)

    def serve() -> None:
        for _ in range(5):
            sock = listener.accept()[0]
            with sock:
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
                sock.shutdown(socket.SHUT_WR)
                closed.release()
                sock.recv(65536)  # until the client has closed it too, or has sent the next request

    async def main() -> None:
        transport = AsyncHTTPTransport()
        for _ in range(5):
            assert await (await transport.send(request)).read() == b"x"
            assert closed.acquire(timeout=10)  # which blocks the loop
        await transport.close()

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        request = Request("POST", url, [], b"x", timeout=Timeout(10))
        serving = threads.submit(serve)
        if is_async:
            asyncio.run(main())
        else:
            transport = HTTPTransport()
            for _ in range(5):
                assert transport.send(request).read() == b"x"
                assert closed.acquire(timeout=10)
            transport.close()
        serving.result(10)


def test_connections_send_keepalive_probes(server: Loopback, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from oai.transports import _async_sockets, _opening

    prepared: list[int] = []
    original = _opening.new_socket

    def new_socket(candidate: Any) -> socket.socket:
        sock = original(candidate)
        prepared.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        return sock

    for module in (_opening, _async_sockets):
        monkeypatch.setattr(module, "new_socket", new_socket)
    server.reply(Answer(body=b"x"))
    assert make().send(get(server)).read() == b"x"
    assert len(prepared) == 1
    assert prepared[0]


def test_a_crowd_of_tasks_is_answered(server: Loopback) -> None:
    server.default = Answer(body=b"x", delay=0.05)

    async def main() -> None:
        transport = AsyncHTTPTransport(connections=100)

        async def one() -> bytes:
            return await (await transport.send(get(server))).read()

        assert await asyncio.gather(*(one() for _ in range(400))) == [b"x"] * 400
        await transport.close()

    asyncio.run(main())
    assert server.connections <= 100


def test_addresses_alternate_between_families() -> None:
    four, six = socket.AF_INET, socket.AF_INET6
    addresses = [(six, 1), (six, 2), (six, 3), (four, 4), (four, 5)]
    assert interleave(addresses) == [(six, 1), (four, 4), (six, 2), (four, 5), (six, 3)]
    assert interleave([]) == []


@pytest.mark.parametrize(
    ("host", "excluded", "expected"),
    [
        ("api.example.test", "*", True),
        ("api.example.test", "example.test", True),
        ("api.example.test", ".example.test", True),
        ("api.example.test", "*.example.test", True),
        ("example.test", "api.example.test", False),
        ("badexample.test", "example.test", False),
        ("api.example.test", "other.test, API.example.test", True),
        ("api.example.test", "api.example.test:443", True),
        ("api.example.test", "api.example.test:80", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("::1", "::1", True),
        ("::1", "[::1]:443", True),
        ("fd00::5", "fd00::/8", True),
        ("api.example.test", "10.0.0.0/8", False),
        ("api.example.test", "not/a/network", False),
        ("api.example.test", "", False),
    ],
)
def test_no_proxy_takes_names_ports_addresses_and_networks(host: str, excluded: str, expected: bool) -> None:
    assert is_excluded(host, 443, excluded) is expected
