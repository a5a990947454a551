"""A limiter's connection to a `LimitServer`, which keeps the limits.

Messages are sent by a thread, so that neither an event loop nor the lock of a limiter waits for the network.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Final
from urllib.parse import urlsplit

from oai._metering.limit_messages import LONGEST, Admit, written
from oai._metering.limit_state import HEARTBEAT, Change

PATIENCE: Final = 5.0
"""Seconds to wait for the server, for a connection and for each reply."""


class RemoteLimits:
    """The limits of a server.

    Args:
        url: its URL, `tcp://host:port`.
        requests_per_minute: how many requests may start within a minute.
        tokens_per_minute: how many tokens these may have.
        wake: called when the server has answered.

    Raises:
        ValueError: the URL has no host, or no port.
    """

    def __init__(
        self, url: str, requests_per_minute: int | None, tokens_per_minute: int | None, wake: Callable[[], None]
    ) -> None:
        parts = urlsplit(url)
        if not parts.hostname or not parts.port:
            raise ValueError(f"shared must be a file or tcp://host:port, not {url!r}")
        self._address = parts.hostname, parts.port
        self._limits = requests_per_minute, tokens_per_minute
        self._wake = wake
        self._answers: dict[str, Future[float]] = {}
        self._thread = ThreadPoolExecutor(1, "oai-limits")
        self._connection: tuple[socket.socket, IO[bytes]] | None = None

    def admit(self, ticket: str, tokens: int) -> float:
        """Start a request, or return the seconds that it must wait before its next check; `wake` may be called earlier.

        Raises:
            OSError: the server is not reached.
        """
        answer = self._answers.get(ticket)
        if answer is None:
            message = Admit(ticket, tokens, *self._limits)
            answer = self._answers[ticket] = self._thread.submit(self._ask, message)
            answer.add_done_callback(lambda _: self._wake())
        if not answer.done():
            return HEARTBEAT
        return self._answers.pop(ticket).result()

    def correct(self, ticket: str, tokens: int) -> None:
        """Replace the estimate of a request by the tokens that its response reports."""
        self._tell(Change("correct", ticket, tokens))

    def spend(self, tokens: int) -> None:
        """Count tokens that no request has."""
        self._tell(Change("spend", amount=tokens))

    def withdraw(self, ticket: str) -> None:
        """Leave the queue; if the request has been admitted meanwhile, its tokens are free again."""
        self._answers.pop(ticket, None)
        self._tell(Change("withdraw", ticket))

    def block(self, seconds: float) -> None:
        """Let no process start a request for so many seconds."""
        self._tell(Change("block", amount=seconds))

    def close(self) -> None:
        """Close the connection once the queued messages are sent."""
        with suppress(RuntimeError):
            self._thread.submit(self._disconnect)
        self._thread.shutdown(wait=False)

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self._disconnect()

    def _tell(self, change: Change) -> None:
        with suppress(RuntimeError):  # it is closed
            self._thread.submit(self._send, change)

    def _ask(self, message: Admit) -> float:
        reply = self._send(message).readline(LONGEST)
        if not reply:  # the server was started again, which a connection shows when it is read
            self._disconnect()
            reply = self._send(message).readline(LONGEST)
        try:
            return float(reply)
        except ValueError:
            self._disconnect()
            raise ConnectionError(f"{self._address[0]} port {self._address[1]} is no server of limits") from None

    def _send(self, message: Admit | Change) -> IO[bytes]:
        """Send a message, over another connection if the one there is has been closed; return where replies come."""
        line = written(message)
        if self._connection is not None:
            with suppress(OSError):
                return self._sent(line, *self._connection)
            self._disconnect()
        connection = socket.create_connection(self._address, PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection, connection.makefile("rb")
        return self._sent(line, *self._connection)

    @staticmethod
    def _sent(line: bytes, connection: socket.socket, replies: IO[bytes]) -> IO[bytes]:
        connection.sendall(line)
        return replies

    def _disconnect(self) -> None:
        opened, self._connection = self._connection, None
        for each in reversed(opened or ()):
            each.close()
