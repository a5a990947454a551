"""A WebSocket that was lost: how that is told, when to connect again, and what waits to be sent meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from oai._errors import WebSocketQueueFullError
from oai._flow.retry import backoff

RECOVERABLE: Final = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
"""Close codes after which it is worth to try again, as the official SDK has them (RFC 6455, section 7.4.1)."""


ABNORMAL: Final = 1006
"""The code of a connection that was lost without a close frame (RFC 6455, section 7.4.1)."""


class SocketClosed(Exception):  # noqa: N818 - it may be no error
    """A connection was closed, or was lost.

    Attributes:
        code, reason: what the server said; 1006 where it said nothing.
        clean: whether it was closed as it should be.
        too_big: whether a message was larger than this side takes.
    """

    def __init__(self, code: int, reason: str, *, clean: bool, too_big: bool) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.clean = clean
        self.too_big = too_big


class ReconnectingEvent(msgspec.Struct, frozen=True):
    """What `on_reconnecting` is called with before each attempt.

    Attributes:
        attempt: 1 for the first.
        max_attempts: how many there will be.
        delay: seconds until this one.
        close_code: the code with which the connection was closed, 1006 where it was lost.
        extra_query, extra_headers: what the caller had the connection asked with.
    """

    attempt: int
    max_attempts: int
    delay: float
    close_code: int
    extra_query: Mapping[str, Any]
    extra_headers: Mapping[str, Any]


OnReconnecting = Callable[[ReconnectingEvent], Mapping[str, Any] | None]
"""It may return `extra_query` and `extra_headers` for the next connection, or `abort=True`."""


class ReconnectPolicy(msgspec.Struct, frozen=True):
    """Whether to connect again, and how often; without `on_reconnecting` never.

    Attributes:
        on_reconnecting: is told of each attempt, and may change or stop it.
        max_retries: attempts in a row, without an event in between.
        initial_delay, max_delay: seconds before the first attempt, which double up to the longest.
    """

    on_reconnecting: OnReconnecting | None = None
    max_retries: int = 5
    initial_delay: float = 0.5
    max_delay: float = 8.0

    def delay(self, attempt: int) -> float:
        """Return the seconds before an attempt, a little less by chance."""
        return backoff(attempt - 1, self.initial_delay, self.max_delay)


class SendQueue:
    """Messages that wait for a connection, no more bytes of them than a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[str | bytes] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def add(self, frame: str | bytes) -> None:
        """Keep a message.

        Raises:
            WebSocketQueueFullError: it would be more than the limit; nothing was kept.
        """
        size = _size(frame)
        if self._size + size > self._limit:
            raise WebSocketQueueFullError(
                f"the message was not kept: more than {self._limit} bytes would wait to be sent (max_queue_size)"
            )
        self._frames.append(frame)
        self._size += size

    def take(self) -> str | bytes:
        """Return the message that has waited longest."""
        frame = self._frames.popleft()
        self._size -= _size(frame)
        return frame

    def put_back(self, frame: str | bytes) -> None:
        """Let a message that could not be sent wait again, before all others."""
        self._frames.appendleft(frame)
        self._size += _size(frame)

    def drain(self) -> list[str | bytes]:
        """Return all messages, which wait no more."""
        frames = list(self._frames)
        self._frames.clear()
        self._size = 0
        return frames


def _size(frame: str | bytes) -> int:
    return len(frame.encode() if isinstance(frame, str) else frame)
