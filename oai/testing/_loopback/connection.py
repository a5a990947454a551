"""One connection of the loopback server: it reads requests and writes answers, byte for byte."""

from __future__ import annotations

import hashlib
import re
import select
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, repeat
from time import monotonic
from typing import Protocol

from oai.testing._loopback.answer import Answer, Plan
from oai.testing._loopback.request import Seen

ENDED: int = getattr(select, "POLLRDHUP", 0)
"""The `poll` flag for a peer that has shut down sending, on systems that have it."""

PATIENCE = 10.0
"""The maximum seconds of any wait: for `hold`, in `until`, for the end of a thread."""


class Server(Protocol):
    """The parts of `Loopback` that a connection uses."""

    closing: threading.Event
    failures: list[Exception]
    keep_body: bool
    port: int
    requests: list[Seen]

    def choose(self, seen: Seen, /) -> Plan:
        """Return the plan for a request."""
        ...

    def ended(self, connection: Connection, /) -> None:
        """Close the socket of a connection that has ended, and forget it."""
        ...


class Connection(threading.Thread):
    """One connection. A client that disconnects, at any point, is not an error."""

    def __init__(self, server: Server, sock: socket.socket, number: int) -> None:
        super().__init__(daemon=True, name=f"loopback-{server.port}-{number}")
        self.server, self.sock, self.number = server, sock, number
        self.buffer, self.read_delay = bytearray(), 0.0

    def run(self) -> None:
        try:
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.do_handshake()
            while self._exchange():
                pass
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.setblocking(False)  # send close_notify without waiting for the client's
                with suppress(OSError, ValueError):
                    self.sock.unwrap()
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass
        except Exception as error:  # noqa: BLE001 - raised again in the test's thread
            self.server.failures.append(error)
        finally:
            self.server.ended(self)

    def _exchange(self) -> bool:
        """Read a request and answer it; return whether the connection stays open."""
        seen = self._request()
        self.server.requests.append(seen)
        plan = self.server.choose(seen)
        reading = plan if isinstance(plan, Answer) else Answer()
        if reading.drain:
            self._read_body(seen, reading)
        answer = plan if isinstance(plan, Answer) else plan(seen)
        (self._write if answer.upstream is None else self._tunnel)(answer, seen)
        if not reading.drain:
            self._linger()
        return not answer.final and seen.version == "HTTP/1.1" and (seen.header("connection") or "").lower() != "close"

    # Reading

    def _request(self) -> Seen:
        head = self._until(b"\r\n\r\n")
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = [re.fullmatch(r"([^\s:]+):[ \t]*(.*?)[ \t]*", line) for line in lines]
        if not all(headers):
            raise ValueError(f"malformed request: {head!r}")
        return Seen(method, target, version, [(m[1], m[2]) for m in headers if m], head, self.number)

    def _read_body(self, seen: Seen, how: Answer) -> None:
        if (seen.header("expect") or "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if how.read_hold:
            self._wait(PATIENCE, how.read_hold)
        body, digest, self.read_delay = bytearray(), hashlib.sha256(), how.read_delay
        try:
            for piece in self._body(seen):
                digest.update(piece)
                seen.length += len(piece)
                if how.keep_body and self.server.keep_body:
                    body += piece
            seen.complete, self.read_delay = True, 0.0
        finally:
            seen.body, seen.sha256 = bytes(body), digest.hexdigest()

    def _body(self, seen: Seen) -> Iterator[bytes]:
        coding, length = seen.header("transfer-encoding"), seen.header("content-length")
        if coding is None:
            return (yield from self._take(int(length or "0")))
        if coding.lower() != "chunked" or length is not None:
            raise ValueError(f"transfer-encoding {coding} with content-length {length}")
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            yield from self._take(size)
            if (end := self._until(b"\r\n")) != b"\r\n":
                raise ValueError(f"{end!r} after a chunk of {size} bytes")
        while self._until(b"\r\n") != b"\r\n":
            pass  # trailers

    def _until(self, mark: bytes) -> bytes:
        while (at := self.buffer.find(mark)) < 0:
            self._fill()
        line = bytes(self.buffer[: at + len(mark)])
        del self.buffer[: len(line)]
        return line

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            self._wait(self.read_delay)
            if not self.buffer:
                self._fill()
            piece = bytes(self.buffer[:size])
            del self.buffer[:size]
            size -= len(piece)
            yield piece

    def _fill(self) -> None:
        if not (data := self.sock.recv(65536)):
            raise ConnectionResetError("the client is done")
        self.buffer += data

    # Writing

    def _write(self, answer: Answer, seen: Seen) -> None:
        self._wait(answer.delay)
        for early in answer.informational:
            self.sock.sendall(early.head())
        self._break(answer, "before")
        head = answer.head(seen.method) if answer.raw is None else answer.raw
        self._send(head, answer.head_pace, one_byte=answer.one_byte)
        self._break(answer, "head")
        if answer.raw is None and answer.framed(seen.method) and seen.method != "HEAD":
            self._write_body(answer)
        self._break(answer, "body")

    def _write_body(self, answer: Answer) -> None:
        left = answer.truncate
        gaps = chain([0.0], answer.pace if isinstance(answer.pace, Sequence) else repeat(answer.pace), repeat(0.0))
        for number, part in enumerate(chain(answer.parts(), [None])):
            if answer.hold and number == answer.hold_after:
                self._wait(PATIENCE, answer.hold)
            if part is not None:
                self._wait(next(gaps))
                cut = part[:left]
                end = b"\r\n" if cut == part else b""
                framed = b"%x\r\n%b%b" % (len(part), cut, end) if answer.framing == "chunked" and cut else cut
                self._send(framed, one_byte=answer.one_byte)
                left = None if left is None else left - len(cut)
                if left == 0:
                    break
            elif answer.framing == "chunked" and left is None and answer.reset is None:
                self._send(b"0\r\n\r\n", one_byte=answer.one_byte)

    def _send(self, data: bytes, line_pace: float = 0, *, one_byte: bool) -> None:
        lines = data.splitlines(keepends=True) if line_pace else [data]
        for number, piece in enumerate([bytes([byte]) for byte in data] if one_byte else lines):
            self._wait(line_pace if number else 0)
            self.sock.sendall(piece)

    def _break(self, answer: Answer, place: str) -> None:
        if answer.reset == place:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionAbortedError("reset on demand")

    def _linger(self) -> None:
        """Shut down sending and keep reading: closing with unread data sends an RST, which can overtake the answer."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(PATIENCE)
            while self.sock.recv(65536):
                pass

    def _tunnel(self, answer: Answer, seen: Seen) -> None:
        host, _, port = (answer.upstream or seen.target).rpartition(":")
        assert host in {"127.0.0.1", "localhost", "[::1]"}, f"a tunnel to {host} would leave this machine"
        with socket.create_connection((host.strip("[]"), int(port))) as far, selectors.DefaultSelector() as ready:
            self._write(answer, seen)
            far.sendall(self.buffer)
            ends = {self.sock.fileno(): (self.sock, far), far.fileno(): (far, self.sock)}
            for end in ends:
                ready.register(end, selectors.EVENT_READ)
            while all(self._pass_on(*ends[key.fd]) for key, _ in ready.select()):
                pass

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> bool:
        sink.sendall(data := source.recv(65536))
        return bool(data)

    def _wait(self, seconds: float, event: threading.Event | None = None) -> None:
        """Sleep, or wait for an event; abort the connection if the client disconnects or the server closes."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0 and not (event or self.server.closing).wait(min(left, 0.02)):
            if self.server.closing.is_set() or self._abandoned():
                raise ConnectionAbortedError("the client has disconnected, or the server is closing")
        assert event is None or event.is_set(), f"`hold` or `read_hold` was not set within {seconds} s"

    def _abandoned(self) -> bool:
        """Return whether the client has closed its side of the TCP connection, even if there is unread data."""
        if ENDED:
            poll = select.poll()
            poll.register(self.sock, ENDED)
            return bool(poll.poll(0))
        with suppress(BlockingIOError):
            return socket.socket.recv(self.sock, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        return False
