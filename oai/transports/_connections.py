"""Connections for urllib3 that keep a limit on the whole answer.

urllib3 makes the connections itself and tells them nothing of the request beyond its time-outs, so that the request
under way is known by thread. While headers and body are read, the socket's time-out is shortened before each read to
what is left; interim answers (1xx) are passed over; and a new connection waits for a write as long as the request
allows. Only public names of urllib3 and of http.client are used.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from oai._http import Timeout

LONGEST_LINE = 65536
MOST_FIELDS = 200
"""Bytes of a line and number of fields that the head of an answer may have."""


class Attempt(threading.local):
    """What the connection classes, which urllib3 makes and calls, need to know of the request under way."""

    timeout: Timeout = Timeout()
    deadline: float | None = None
    response: Response | None = None


attempt = Attempt()


class Response(http.client.HTTPResponse):
    """http.client's response, reading from the socket no longer than the request may take."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        self.sock = sock
        self._asked = method
        if attempt.deadline is not None:
            sock = _Timed(sock, attempt.timeout.read, attempt.deadline)  # type: ignore[assignment]
        super().__init__(sock, debuglevel, method, url)
        attempt.response = self

    def begin(self) -> None:
        """Read the head of the final answer, passing over interim ones, and say how its body is delimited.

        http.client reads header fields with the parser for e-mail, which takes longer than all else about an
        answer; and of the interim answers (RFC 9110, section 15.2) it passes over 100 alone.
        """
        if self.headers is not None:
            return
        status = http.client.CONTINUE.value
        while status < 200 and status != http.client.SWITCHING_PROTOCOLS:
            self.version, status, self.reason = _status_line(self.fp)
            fields = _Fields(_read_fields(self.fp))
        self.code = self.status = status
        self.headers = self.msg = fields
        self._delimit(fields)

    def _delimit(self, fields: _Fields) -> None:
        """Tell where the body ends (RFC 9112, section 6.3) and whether the connection goes on after it."""
        self.chunk_left = None
        self.chunked = (fields.get("transfer-encoding") or "").lower() == "chunked"
        length = fields.get("content-length") or ""
        self.length = int(length) if length.isdecimal() and not self.chunked else None
        if self.status in (204, 304) or 100 <= self.status < 200 or self._asked == "HEAD":
            self.length, self.chunked = 0, False  # whatever it says; http.client would wait for a chunk
        connection = (fields.get("connection") or "").lower()
        keeps = "keep-alive" in connection if self.version == 10 else "close" not in connection
        self.will_close = not keeps or (self.length is None and not self.chunked)


class _Fields(http.client.HTTPMessage):
    """The header fields of an answer, as http.client and urllib3 ask for them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._pairs = pairs

    def items(self) -> list[tuple[str, str]]:
        return self._pairs

    def get_all(self, name: str, failobj: Any = None) -> Any:
        found = [value for key, value in self._pairs if key.lower() == name.lower()]
        return found or failobj

    def get(self, name: str, failobj: Any = None) -> Any:
        found = self.get_all(name)
        return ", ".join(found) if found else failobj


def _status_line(stream: Any) -> tuple[int, int, str]:
    """Read a status line: the version as http.client writes it (11), the status, and the reason."""
    line = stream.readline(LONGEST_LINE + 1)
    if not line:
        raise http.client.RemoteDisconnected("the server closed the connection without an answer")
    version, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (status.isdecimal() and len(status) == 3):
        raise http.client.BadStatusLine("what the server sent is not HTTP/1")
    return 10 if version == "HTTP/1.0" else 11, int(status), reason.strip()


def _read_fields(stream: Any) -> list[tuple[str, str]]:
    """Read header fields to the blank line that ends them; a folded value becomes one line (RFC 9112, section 5.2)."""
    pairs: list[tuple[str, str]] = []
    while True:
        line = stream.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE or len(pairs) > MOST_FIELDS:
            raise http.client.HTTPException("the head of the answer is too large")
        if line in (b"\r\n", b"\n"):
            return pairs
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(line)
        text = line.decode("latin-1")
        if text[0] in " \t" and pairs:
            name, value = pairs[-1]
            pairs[-1] = name, f"{value} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        if colon:
            pairs.append((name, value.strip()))


class _Timed:
    """A socket as http.client's response uses it: something that makes a file."""

    def __init__(self, sock: socket.socket, limit: float | None, deadline: float) -> None:
        self._reader = _TimedReader(sock, limit, deadline)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


class _TimedReader(io.RawIOBase):
    """The bytes of a socket, waited for up to the limit each and up to the deadline in all."""

    def __init__(self, sock: socket.socket, limit: float | None, deadline: float) -> None:
        self._sock, self._limit, self._deadline = sock, limit, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(left_of(self._deadline, self._limit))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def left_of(deadline: float | None, limit: float | None) -> float | None:
    """Return the seconds to wait: up to the limit, and not past the deadline."""
    if deadline is None:
        return limit
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left if limit is None else min(left, limit)


class _PlainConnection(HTTPConnection):
    response_class = Response

    def connect(self) -> None:
        super().connect()
        _limit_writes(self.sock)


class _SecureConnection(HTTPSConnection):
    response_class = Response

    def connect(self) -> None:
        super().connect()
        _limit_writes(self.sock)


def _limit_writes(sock: socket.socket | None) -> None:
    """Let a new connection wait for a write as long as the request allows, not as long as for connecting."""
    if sock is not None:
        sock.settimeout(left_of(attempt.deadline, attempt.timeout.write))


CONNECTIONS: dict[str | None, type[HTTPConnection]] = {"http": _PlainConnection, "https": _SecureConnection}


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


POOLS = {"http": _PlainPool, "https": _SecurePool}
