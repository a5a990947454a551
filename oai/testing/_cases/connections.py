"""Cases: what a transport that implements HTTP and owns its connections must get right."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from oai.testing._cases.suite import Pieces, Suite, fails, needs
from oai.testing._cases.timeouts import full
from oai.testing.loopback import Answer

UNSOLICITED = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
"""A response that no request asked for."""

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

INVALID_CHUNKS = {
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "plus sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "minus sign": b"-3\r\nabc\r\n0\r\n\r\n",
    "underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "no line end after the chunk": b"3\r\nabc0\r\n\r\n",
    "other bytes after the chunk": b"3\r\nabcXY0\r\n\r\n",
}

LARGE_HEADS = {
    "a field of 9 KB": [("X-A", "v" * 9000)],
    "150 fields": [(f"X-{number}", "1") for number in range(150)],
    "a length twice": [("Content-Length", "2"), ("Content-Length", "2")],
    "a length in a list": [("Content-Length", "2, 2")],
}

ENDLESS_HEADS = {
    "interim responses": b"HTTP/1.1 102 Processing\r\n\r\n" * 5000 + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "fields": b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 5000 + b"Content-Length: 0\r\n\r\n",
    "a field": b"HTTP/1.1 200 OK\r\nX-A: " + b"1" * (1 << 20) + b"\r\nContent-Length: 0\r\n\r\n",
    "trailers": CHUNKED + b"0\r\n" + b"X-A: 1\r\n" * 5000 + b"\r\n",
    "a trailer": CHUNKED + b"0\r\nX-A: " + b"1" * (1 << 20) + b"\r\n\r\n",
    "the line of a chunk": CHUNKED + b"1;" + b"a" * (1 << 20) + b"\r\nx\r\n0\r\n\r\n",
}


class ConnectionCases(Suite):
    @needs("owns_connections")
    @pytest.mark.parametrize("gap", [0.0, 0.1], ids=["with the body", "while idle"])
    def test_unsolicited_bytes_are_not_the_next_response(self, gap: float) -> None:
        self.server.reply(Answer(chunks=[b"x", UNSOLICITED], length=1, pace=gap), Answer(body=b"y"))
        assert self.fetch() == b"x"
        time.sleep(2 * gap)
        self.driver.settle()
        assert self.fetch() == b"y"
        assert self.server.connections == 2

    @needs("owns_connections")
    def test_bytes_behind_the_body_close_the_connection(self) -> None:
        for framing in ("length", "chunked"):
            body = b"1\r\nx\r\n0\r\n\r\n" if framing == "chunked" else b"x"
            fields = [("Transfer-Encoding", "chunked")] if framing == "chunked" else [("Content-Length", "1")]
            self.server.reply(Answer(chunks=[body + UNSOLICITED], framing="close", headers=fields, keep_alive=True))
            assert self.fetch() == b"x"
            assert self.is_clear(), "the connection is still open"

    @needs("owns_connections")
    @pytest.mark.parametrize("body", [bytes(1 << 24), Pieces(bytes(1 << 16), times=1 << 8)], ids=["bytes", "streamed"])
    def test_unread_upload_reaches_the_write_limit(self, body: Any) -> None:
        read_on = threading.Event()
        self.server.reply(Answer(read_hold=read_on))
        began = time.monotonic()
        fails("timeout", lambda: self.send(body=body, timeout=4 * self.patience, write=0.2))
        assert time.monotonic() - began < self.patience, "the timeout came late"
        read_on.set()
        assert self.is_clear()
        self.serves_again()

    @needs("owns_connections")
    @pytest.mark.parametrize("body", [bytes(1 << 24), Pieces(bytes(1 << 16), times=1 << 8)], ids=["bytes", "streamed"])
    def test_response_is_seen_while_the_server_reads_no_further(self, body: Any) -> None:
        with rejecting() as url:
            began = time.monotonic()
            reply = self.send(url, body=body, timeout=4 * self.patience)
            assert time.monotonic() - began < self.patience, "the response came late"
            assert (reply.status, reply.read()) == (413, b"no")

    @needs("owns_connections")
    @pytest.mark.parametrize("limits", [{"total": 0.3}, {"connect": 0.3}], ids=str)
    def test_dead_addresses_share_one_limit(self, limits: dict[str, float]) -> None:
        with full() as url:
            port = int(url.rpartition(":")[2].strip("/"))
            self.resolve("many.example.test", lambda: [port] * 4)
            began = time.monotonic()
            fails(
                "timeout", lambda: self.send(f"http://many.example.test:{port}/", timeout=4 * self.patience, **limits)
            )
            assert time.monotonic() - began < self.patience, "the timeout came late"

    @needs("owns_connections")
    def test_address_after_a_dead_one_is_tried_soon(self) -> None:
        with full() as url:
            port = int(url.rpartition(":")[2].strip("/"))
            self.resolve("some.example.test", lambda: [port, self.server.port])
            self.server.reply(Answer(body=b"x"))
            began = time.monotonic()
            scheme = self.server.url.partition(":")[0]
            if scheme == "http":
                assert self.fetch(f"http://some.example.test:{port}/x") == b"x"
                assert time.monotonic() - began < self.patience, "the second address was tried late"

    @needs("owns_connections")
    @pytest.mark.parametrize("limits", [{"total": 0.2}, {"connect": 0.2}], ids=str)
    def test_slow_look_up_reaches_the_limit(self, limits: dict[str, float]) -> None:
        found = threading.Event()

        def look_up() -> list[int]:
            found.wait(4 * self.patience)
            return [self.server.port]

        self.resolve("slow.example.test", look_up)
        began = time.monotonic()
        fails("timeout", lambda: self.send("http://slow.example.test/", timeout=4 * self.patience, **limits))
        assert time.monotonic() - began < self.patience, "the timeout came late"
        found.set()
        assert self.server.requests == []

    @needs("owns_connections")
    def test_host_that_is_not_ascii_is_encoded(self) -> None:
        self.resolve("xn--bcher-kva.example.test", lambda: [self.server.port])
        self.server.reply(Answer(body=b"x"))
        if self.server.url.startswith("http:"):
            assert self.fetch("http://b\u00fccher.example.test/x") == b"x"
            assert self.server.requests[0].header("host") == "xn--bcher-kva.example.test"

    @needs("owns_connections")
    @pytest.mark.parametrize("raw", ENDLESS_HEADS.values(), ids=ENDLESS_HEADS)
    def test_heads_and_trailers_are_limited(self, raw: bytes) -> None:
        self.server.reply(Answer(raw=raw))
        fails("receive", self.fetch)
        self.serves_again()

    @needs("owns_connections")
    @pytest.mark.parametrize("chunks", INVALID_CHUNKS.values(), ids=INVALID_CHUNKS)
    def test_invalid_chunk_is_refused(self, chunks: bytes) -> None:
        self.server.reply(Answer(raw=CHUNKED + chunks))
        fails("receive", self.fetch)
        self.serves_again()

    @needs("owns_connections")
    @pytest.mark.parametrize("fields", LARGE_HEADS.values(), ids=LARGE_HEADS)
    def test_large_and_repeated_fields_are_accepted(self, fields: list[tuple[str, str]]) -> None:
        self.server.reply(Answer(body=b"hi", headers=fields), Answer(body=b"y"))
        assert (self.fetch(), self.fetch()) == (b"hi", b"y")
        assert self.server.connections == 1

    @needs("owns_connections")
    def test_error_of_the_body_is_not_one_of_the_connection(self) -> None:
        class Failing:
            length = 6

            def __iter__(self) -> Iterator[bytes]:
                yield b"abc"
                raise ConnectionResetError("the source of the body is gone")

        self.server.reply(Answer(body=b"x"))
        with pytest.raises(ConnectionResetError, match="the source of the body is gone"):
            self.send(body=Failing())
        assert self.is_clear()
        assert not any(seen.complete for seen in self.server.requests)
        self.serves_again()

    def resolve(self, name: str, ports: Callable[[], list[int]]) -> None:
        """Have a name lead to ports of this machine."""
        original = socket.getaddrinfo

        def look_up(host: Any, port: Any, *arguments: Any, **options: Any) -> list[Any]:
            if host not in (name, name.encode()):
                return original(host, port, *arguments, **options)
            addresses = [("127.0.0.1", number) for number in ports()]
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in addresses]

        self.environment.setattr(socket, "getaddrinfo", look_up)


@contextmanager
def rejecting() -> Iterator[str]:
    """Yield the URL of a server that responds to the head of a request, and then neither reads nor closes."""
    finished = threading.Event()

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(1024)
            sock.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
            finished.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        finally:
            finished.set()
            thread.join()
