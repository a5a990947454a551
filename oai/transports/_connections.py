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


class Attempt(threading.local):
    """What the connection classes, which urllib3 makes and calls, need to know of the request under way."""

    timeout: Timeout = Timeout()
    deadline: float | None = None
    response: Response | None = None


attempt = Attempt()


class Response(http.client.HTTPResponse):
    """http.client's response, reading from the socket no longer than the request may take."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        self.sock = sock
        if attempt.deadline is not None:
            sock = _Timed(sock, attempt.timeout.read, attempt.deadline)  # type: ignore[assignment]
        super().__init__(sock, *args, **kwargs)
        attempt.response = self

    def begin(self) -> None:
        """Read the head, passing over interim answers; http.client knows only 100 of them."""
        super().begin()
        while 100 < self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


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


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


POOLS = {"http": _PlainPool, "https": _SecurePool}
