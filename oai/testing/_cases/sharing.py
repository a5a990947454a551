"""Cases: concurrency, forks, pickles, and memory."""

from __future__ import annotations

import gc
import os
import pickle
import tracemalloc
import warnings
from collections.abc import Callable

import pytest

from oai.testing._cases.suite import Pieces, Suite, needs
from oai.testing.loopback import Answer

BLOCK = bytes(1 << 16)


class SharingCases(Suite):
    def test_many_concurrent_requests(self) -> None:
        self.server.default = lambda seen: Answer(body=seen.query.encode())
        bodies = self.driver.gather(self.request(f"/x?{number}") for number in range(200))
        assert bodies == [str(number).encode() for number in range(200)]
        assert self.server.connections <= self.driver.at_once

    def test_concurrent_requests_have_separate_limits(self) -> None:
        self.server.route("GET", "/slow", Answer(chunks=[b"x"] * 4, pace=0.2))
        self.server.route("GET", "/fast", Answer(body=b"y"))
        hurried = [self.request("/fast", total=0.5) for _ in range(20)]
        assert self.driver.gather([self.request("/slow"), *hurried, self.request("/slow")])[::21] == [b"xxxx"] * 2

    @needs("forks")
    def test_forked_child_opens_its_own_connections(self) -> None:
        self.server.default = lambda seen: Answer(body=str(seen.connection).encode())
        first = self.fetch()
        child = forked(lambda: self.driver.over(self.transport).send(self.request()).read())
        assert child != first, "parent and child used one connection"
        assert not child.startswith(b"!"), child.decode()
        assert self.fetch() == first, "the child broke the parent's connection"

    @needs("pickles")
    def test_pickled_copy_works(self) -> None:
        self.server.default = lambda seen: Answer(body=str(seen.connection).encode())
        first = self.fetch()
        copy = self.drive(lambda: pickle.loads(pickle.dumps(self.transport)))  # noqa: S301 - its own bytes
        assert copy.send(self.request()).read() != first, "the copy shares a connection"
        self.driver.close()
        assert copy.send(self.request()).read()

    @needs("pickles", value=False)
    def test_pickling_is_refused_by_name(self) -> None:
        with pytest.raises(TypeError, match=type(self.transport).__name__):
            pickle.dumps(self.transport)

    @needs("flat_memory")
    def test_large_download_uses_little_memory(self) -> None:
        self.server.reply(Answer.big(self.memory_size))
        received: list[int] = []
        peak = peak_of(lambda: received.append(sum(map(len, self.send(timeout=600)))))
        assert received == [self.memory_size]
        assert peak < self.memory_limit

    @needs("flat_memory")
    def test_large_upload_uses_little_memory(self) -> None:
        self.server.reply(Answer(keep_body=False, body=b"x"))
        body = Pieces(BLOCK, times=self.memory_size // len(BLOCK))
        peak = peak_of(lambda: self.fetch(body=body, timeout=600))
        assert self.server.requests[0].length == body.length
        assert peak < self.memory_limit


def peak_of(action: Callable[[], object]) -> int:
    """Return the peak of Python's memory during an action, in bytes above the memory in use before."""
    gc.collect()
    traced = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        action()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not traced:
            tracemalloc.stop()


def forked(action: Callable[[], bytes]) -> bytes:
    """Run an action in a forked child and return its result; an exception is returned as text after `!`."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # forking with threads; the server's threads stay in the parent
        child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            os.write(writer, action()[:1000])
        except BaseException as error:  # noqa: BLE001 - reported by the parent
            os.write(writer, f"!{type(error).__name__}: {error}".encode()[:1000])
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return result
