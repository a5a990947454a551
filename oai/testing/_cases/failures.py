"""Cases: truncated responses, failed connections, and the reuse of connections."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from oai.testing._cases.suite import Suite, fails
from oai.testing.loopback import Answer

CUT: dict[str, dict[str, Any]] = {
    "by length": {"chunks": [b"abc", b"def"], "truncate": 4},
    "chunked within a chunk": {"chunks": [b"abc", b"def"], "framing": "chunked", "truncate": 4},
    "chunked between chunks": {"chunks": [b"abc", b"def"], "framing": "chunked", "truncate": 3},
    "chunked before the last": {"chunks": [b"abc", b"def"], "framing": "chunked", "truncate": 6},
    "reset by length": {"chunks": [b"abc"], "length": 6, "reset": "body"},
    "reset chunked": {"chunks": [b"abc"], "framing": "chunked", "reset": "body"},
    "reset to the end": {"chunks": [b"abc"], "framing": "close", "reset": "body"},
    "reset after the head": {"chunks": [], "hold_after": 0, "length": 6, "reset": "body"},
}


class FailingCases(Suite):
    @pytest.mark.parametrize("how", CUT.values(), ids=CUT)
    @pytest.mark.parametrize("take", [lambda reply: reply.read(), list], ids=["read", "iterated"])
    def test_truncated_body_is_an_error(self, how: dict[str, Any], take: Any) -> None:
        resume = threading.Event()
        self.server.reply(Answer(**how, hold=resume if "reset" in how else None))  # a reset could overtake the head
        reply = self.send(read=self.patience)
        resume.set()
        fails("receive", lambda: take(reply))
        assert len(self.server.requests) == 1
        assert self.is_clear()
        self.serves_again()

    def test_invalid_chunk_is_an_error(self) -> None:
        self.server.reply(Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"))
        fails("receive", self.fetch)
        assert self.is_clear()
        self.serves_again()

    def test_content_before_truncation_is_yielded(self) -> None:
        self.server.reply(Answer(chunks=[b"abc", b"def"], framing="chunked", truncate=3))
        received: list[bytes] = []
        fails("receive", lambda: received.extend(self.send()))
        assert b"".join(received) in (b"abc", b"")

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_reset_before_the_headers_is_an_error(self, method: str) -> None:
        self.server.reply(Answer(reset="before"), Answer(body=b"hidden"))
        fails(("send", "receive"), lambda: self.send(method=method))
        assert len(self.server.requests) == 1

    @pytest.mark.parametrize("how", [{"reset": "before"}, {"raw": b""}], ids=["reset", "closed"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_requests_are_not_resent_on_a_new_connection(self, method: str, how: dict[str, Any]) -> None:
        self.server.reply(Answer(body=b"x"), Answer(**how), Answer(body=b"hidden"))
        assert self.fetch() == b"x"
        fails(("send", "receive"), lambda: self.send(method=method))
        assert len(self.server.requests) == 2

    def test_missing_server_is_a_connect_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        fails("connect", lambda: self.send(f"http://127.0.0.1:{port}/"))
        self.serves_again()

    def test_connections_are_reused(self) -> None:
        self.server.default = Answer(body=b"x")
        for _ in range(3):
            assert self.fetch() == b"x"
            assert b"".join(self.send()) == b"x"
        self.server.default = Answer(chunks=[b"x", b"y"], framing="chunked")
        assert self.fetch() == b"xy"
        assert b"".join(self.send()) == b"xy"
        assert self.server.connections == 1

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_stale_connection_is_not_used(self, method: str) -> None:
        for number in range(1, 4):
            self.server.reply(Answer(body=b"x", close=True))
            assert self.fetch(method=method) == b"x"
            assert self.is_clear()
            self.driver.settle()
            assert self.server.connections == number

    def test_connection_close_is_respected(self) -> None:
        self.server.reply(Answer(body=b"x", keep_alive=False), Answer(body=b"y"))
        assert (self.fetch(), self.fetch()) == (b"x", b"y")
        assert self.server.connections == 2
