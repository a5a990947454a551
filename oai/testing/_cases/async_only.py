"""Cases for async transports only: cancellation at every point, event loops, and concurrent tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from oai._http.messages import Request, TransportError
from oai.testing._cases.closing import ENDLESS
from oai.testing._cases.drivers import AsyncDriver
from oai.testing._cases.suite import Pieces, Suite, needs
from oai.testing._cases.timeouts import SLOW, full
from oai.testing.loopback import Answer

WAYS = ("once", "twice", "twice in a row")


class AsyncCases(Suite):
    is_async = True
    driver_type = AsyncDriver
    many_loops = True

    @property
    def loop(self) -> AsyncDriver:
        """The driver of the transport, with its event loop."""
        return cast("AsyncDriver", self.driver)

    def cancelled(self, request: Request, when: Callable[[], object], way: str) -> None:
        """Start an exchange, cancel it when a condition holds, and check that nothing is left."""
        began = time.monotonic()
        failure = self.loop.run(self._cancelled(request, when, way))
        assert isinstance(failure, asyncio.CancelledError), f"the task ended with {failure!r}"
        assert time.monotonic() - began < self.patience, "the cancellation took effect late"
        self.read_on.set()
        assert self.is_clear(), "the connection is still open"
        self.serves_again()
        self._ends_clean()

    async def _cancelled(self, request: Request, when: Callable[[], object], way: str) -> BaseException | None:
        task = asyncio.create_task(self._exchange(request))
        assert await asyncio.to_thread(self.server.until, when)
        assert not task.done(), "the task ended before it was cancelled"
        task.cancel()
        if way == "twice":
            await asyncio.sleep(0)
        if way != "once":
            task.cancel()
        await asyncio.wait([task], timeout=self.patience)
        return asyncio.CancelledError() if task.cancelled() else task.exception()

    async def _exchange(self, request: Request) -> bytes:
        """Read a reply as a careful caller does, closing it in any case."""
        reply = await self.transport.send(request)
        try:
            self.heads += 1
            body = b""
            async for piece in reply:
                body += piece
                self.pieces += 1
        finally:
            await reply.close()
        return body

    def _ends_clean(self) -> None:
        driver, self._driver = self.loop, None
        self.leaves_nothing(driver, driver.settle)

    def setup_method(self) -> None:
        """Prepare a case; pytest calls this before each."""
        super().setup_method()
        self.heads = self.pieces = 0
        self.read_on = threading.Event()

    @pytest.mark.parametrize("way", WAYS)
    def test_cancelled_while_connecting(self, way: str) -> None:
        began = time.monotonic()
        with full() as url:
            self.cancelled(self.request(url), lambda: time.monotonic() - began > 0.05, way)

    @pytest.mark.parametrize("way", WAYS)
    def test_cancelled_while_writing(self, way: str) -> None:
        self.server.reply(Answer(read_hold=self.read_on))
        body = Counted(1 << 10)
        self.cancelled(self.request(body=body), body.stuck, way)
        self.has_not_finished_an_upload()

    @pytest.mark.parametrize("way", WAYS)
    def test_cancelled_while_waiting_for_the_headers(self, way: str) -> None:
        self.server.reply(Answer(delay=SLOW))
        self.cancelled(self.request(), lambda: self.server.requests, way)

    @pytest.mark.parametrize("way", WAYS)
    def test_cancelled_while_reading_the_body(self, way: str) -> None:
        self.server.reply(Answer(chunks=[b"x", b"y"], pace=SLOW))
        self.cancelled(self.request(), lambda: self.pieces, way)

    @pytest.mark.parametrize("way", WAYS)
    def test_cancelled_while_reading_the_whole_body(self, way: str) -> None:
        self.server.reply(Answer(chunks=[b"x", b"y"], pace=SLOW))
        self._exchange = self._whole  # type: ignore[method-assign]
        self.cancelled(self.request(), lambda: self.heads, way)

    async def _whole(self, request: Request) -> bytes:
        reply = await self.transport.send(request)
        try:
            self.heads += 1
            return bytes(await reply.read())
        finally:
            await reply.close()

    def test_cancellation_does_not_affect_other_requests(self) -> None:
        self.server.route("GET", "/slow", Answer(delay=SLOW))
        self.server.route("GET", "/x", Answer(body=b"x", delay=0.2))

        async def both() -> tuple[list[bytes], bool]:
            doomed = [asyncio.create_task(self._exchange(self.request("/slow"))) for _ in range(5)]
            others = [asyncio.create_task(self._exchange(self.request("/x"))) for _ in range(5)]
            await asyncio.to_thread(self.server.until, lambda: len(self.server.requests) == 10)
            for task in doomed:
                task.cancel()
            await asyncio.wait(doomed)
            return await asyncio.gather(*others), all(task.cancelled() for task in doomed)

        assert self.loop.run(both()) == ([b"x"] * 5, True)

    def test_asyncio_timeout_of_the_caller(self) -> None:
        self.server.reply(Answer(delay=SLOW))

        async def hurried() -> None:
            async with asyncio.timeout(0.1):
                await self._exchange(self.request())

        with pytest.raises(TimeoutError):
            self.loop.run(hurried())
        assert self.is_clear()
        self.serves_again()

    def test_closing_the_reply_ends_an_abandoned_iteration(self) -> None:
        self.server.reply(ENDLESS)

        async def first() -> bytes:
            reply = await self.transport.send(self.request())
            async for piece in reply:
                await reply.close()
                return bytes(piece)
            return b""

        assert set(self.loop.run(first())) == set(b"x")
        assert self.is_clear()
        self.serves_again()
        self._ends_clean()

    def test_slow_disk_does_not_block_the_loop(self) -> None:
        self.server.reply(Answer(body=b"x"))
        body = SlowDisk()
        assert self.loop.run(self._ticking(self.request(body=body), body)) > 5

    async def _ticking(self, request: Request, body: SlowDisk) -> int:
        """Return the number of loop iterations while the body of a request was read."""
        task = asyncio.create_task(self._exchange(request))
        ticks = 0
        while not task.done():
            await asyncio.sleep(0.005)
            ticks += body.is_read
        assert await task == b"x"
        return ticks

    @needs("many_loops")
    def test_one_transport_serves_two_loops(self) -> None:
        self.server.default = Answer(body=b"x")
        assert self.fetch() == b"x"
        other = AsyncDriver(lambda: self.transport)
        self.open.callback(other.end)
        assert other.send(self.request()).read() == b"x"
        assert self.fetch() == b"x"
        assert other.gather([self.request()] * 3) == [b"x"] * 3

    @needs("many_loops", value=False)
    def test_second_loop_is_rejected_with_a_clear_error(self) -> None:
        self.server.default = Answer(body=b"x")
        assert self.fetch() == b"x"
        other = AsyncDriver(lambda: Unowned(self.transport))
        self.open.callback(other.end)
        with pytest.raises(TransportError, match="loop"):
            other.send(self.request())
        assert self.fetch() == b"x"


class Unowned:
    """A transport whose `close` does nothing, so that a second driver does not close it."""

    def __init__(self, transport: Any) -> None:
        self.send = transport.send

    async def close(self) -> None:
        """Do nothing."""


class Counted(Pieces):
    """A large body that detects when the transport stops taking pieces."""

    def __init__(self, times: int) -> None:
        super().__init__(bytes(1 << 16), times=times)
        self.taken, self._before, self._since = 0, -1, time.monotonic()

    def __iter__(self) -> Any:
        for piece in super().__iter__():
            self.taken += 1
            yield piece

    def stuck(self) -> bool:
        """Return whether sending has started and stalled."""
        if self.taken != self._before:
            self._before, self._since = self.taken, time.monotonic()
        return self.taken > 0 and time.monotonic() - self._since > 0.05


class SlowDisk:
    """A body whose iteration blocks, like a file on a slow disk."""

    length = 4
    is_read = False

    def __iter__(self) -> Any:
        self.is_read = True
        for _ in range(4):
            threading.Event().wait(0.1)
            yield b"x"
        self.is_read = False
