"""Cases: the limits of `Request.timeout`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from oai.testing._cases.suite import Pieces, Suite, fails, needs
from oai.testing.loopback import Answer

SLOW = 30
"""Seconds that the server waits; the limit under test is much shorter."""

DRIP: dict[str, Any] = {"chunks": [b"x"] * 60, "pace": 0.02}


class TimingCases(Suite):
    def times_out(self, action: Callable[[], object]) -> None:
        """Check that an action raises a timeout promptly."""
        began = time.monotonic()
        fails("timeout", action)
        assert time.monotonic() - began < self.patience, "the timeout came late"
        assert self.is_clear(), "the connection is still open"

    @pytest.mark.parametrize("limits", [{"read": 0.1}, {"total": 0.1}, {"read": SLOW, "total": 0.1}], ids=str)
    def test_late_headers_reach_the_limit(self, limits: dict[str, float]) -> None:
        self.server.reply(Answer(delay=SLOW))
        self.times_out(lambda: self.send(**limits))
        self.serves_again()

    @needs("exact_limits")
    @pytest.mark.parametrize("one_byte", [False, True], ids=["lines", "bytes"])
    def test_slow_headers_reach_the_total_limit(self, one_byte: bool) -> None:
        self.server.reply(Answer(head_pace=0.02, headers=[("x-a", "1")] * 100, one_byte=one_byte))
        self.times_out(lambda: self.send(read=SLOW, total=0.1))
        self.serves_again()

    def test_slow_headers_do_not_reach_the_read_limit(self) -> None:
        self.server.reply(Answer(head_pace=0.25, headers=[("x-a", "1"), ("x-b", "2"), ("x-c", "3")], body=b"x"))
        assert self.fetch(read=1) == b"x"

    def test_stalled_body_reaches_the_read_limit(self) -> None:
        for take in (lambda reply: reply.read(), list):
            self.server.reply(Answer(chunks=[b"x", b"y"], pace=SLOW))
            self.times_out(lambda take=take: take(self.send(read=0.1)))  # type: ignore[misc]
        self.serves_again()

    def test_slow_body_does_not_reach_the_read_limit(self) -> None:
        self.server.reply(Answer(chunks=[b"x"] * 6, pace=0.25))
        assert self.fetch(read=1) == b"xxxxxx"

    @pytest.mark.parametrize("framing", ["length", "chunked", "close"])
    def test_slow_body_reaches_the_total_limit(self, framing: Any) -> None:
        for take in (lambda reply: reply.read(), list):
            self.server.reply(Answer(framing=framing, **DRIP))
            self.times_out(lambda take=take: take(self.send(total=0.1)))  # type: ignore[misc]
        self.serves_again()

    @pytest.mark.parametrize("limit", [10, None])
    def test_limits_do_not_carry_over_to_the_next_request(self, limit: float | None) -> None:
        self.server.reply(Answer(body=b"x"), Answer(body=b"y", delay=1.1))
        assert self.fetch(total=1, read=1) == b"x"
        assert self.fetch(timeout=limit) == b"y"
        assert self.server.connections == 1

    @pytest.mark.parametrize("limits", [{"timeout": 0}, {"total": 0.0}, {"read": 0}, {"connect": 0}], ids=str)
    def test_zero_limit_is_a_timeout(self, limits: dict[str, float]) -> None:
        fails("timeout", lambda: self.send(**limits))
        assert self.server.requests == []

    def test_no_limits(self) -> None:
        self.server.reply(Answer(body=b"x", delay=0.05))
        assert self.fetch(timeout=None) == b"x"

    def test_connect_limit(self) -> None:
        with full() as url:
            self.times_out(lambda: self.send(url, timeout=2 * self.patience, connect=0.1))
            self.times_out(lambda: self.send(url, timeout=2 * self.patience, total=0.1))

    @needs("exact_limits")
    def test_write_limit_is_separate_from_connect_limit(self) -> None:
        read_on = threading.Event()
        self.server.reply(Answer(read_hold=read_on, body=b"x", keep_body=False))
        later = threading.Timer(0.4, read_on.set)
        later.start()
        assert self.fetch(body=bytes(1 << 23), connect=0.25, write=10) == b"x"
        later.join()

    def test_unread_upload_reaches_the_total_limit(self) -> None:
        read_on = threading.Event()
        self.server.reply(Answer(read_hold=read_on))
        began = time.monotonic()
        fails("timeout", lambda: self.send(body=Pieces(bytes(1 << 16), times=1 << 10), total=0.2))
        assert time.monotonic() - began < self.patience, "the timeout came late"
        read_on.set()  # until now the server could not notice that the connection has ended
        assert self.is_clear()
        self.has_not_finished_an_upload()
        self.serves_again()


@contextmanager
def full() -> Iterator[str]:
    """Yield the URL of a server that accepts no connections: its backlog is full, so that connecting never ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            for each in waiting:
                each.close()
