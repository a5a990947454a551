"""Reconnecting a lost WebSocket: the exception for a lost connection, the policy, and the queue of unsent messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from oai._errors import WebSocketQueueFullError
from oai._flow.retry import backoff

RECOVERABLE: Final = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
"""Close codes after which reconnecting may help (RFC 6455, section 7.4.1); the official SDK has the same."""

ABNORMAL: Final = 1006
"""The code of a connection that was lost without a close frame (RFC 6455, section 7.4.1)."""


class SocketClosed(Exception):  # noqa: N818 - a normal close is not an error
    """A connection was closed or lost.

    Attributes:
        code, reason: those of the server's close frame; 1006 if there was none.
        clean: whether both sides closed it normally.
        too_big: whether this side closed it because of a message that was too large.
        sent_reason: why this side closed it without a response, such as a server that no longer answers pings.
    """

    def __init__(self, code: int, reason: str, *, clean: bool, too_big: bool, sent_reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.clean = clean
        self.too_big = too_big
        self.sent_reason = sent_reason


class ReconnectingEvent(msgspec.Struct, frozen=True):
    """The argument of `on_reconnecting`, which is called before each attempt to reconnect.

    Attributes:
        attempt: the number of the attempt, from 1.
        max_attempts: the maximum number of attempts.
        delay: seconds until this attempt.
        close_code: the code with which the connection was closed, 1006 if it was lost.
        extra_query, extra_headers: those with which the connection was opened last.
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
    """Whether and how often to reconnect: never without `on_reconnecting`.

    Attributes:
        on_reconnecting: called before each attempt, which it may change or abort.
        max_retries: maximum number of consecutive attempts; an event received in between resets the count.
        initial_delay, max_delay: seconds before the first attempt, doubled for each further one up to the maximum.
    """

    on_reconnecting: OnReconnecting | None = None
    max_retries: int = 5
    initial_delay: float = 0.5
    max_delay: float = 8.0

    def delay(self, attempt: int) -> float:
        """Return the seconds before an attempt, with jitter."""
        return backoff(attempt - 1, self.initial_delay, self.max_delay)


class SendQueue:
    """Messages that wait for a connection, up to a limit in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[str | bytes] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def add(self, frame: str | bytes) -> None:
        """Queue a message.

        Raises:
            WebSocketQueueFullError: the limit would be exceeded; the message was not queued.
        """
        size = _size(frame)
        if self._size + size > self._limit:
            raise WebSocketQueueFullError(
                f"the message was not queued: more than {self._limit} bytes would wait to be sent (max_queue_size)"
            )
        self._frames.append(frame)
        self._size += size

    def take(self) -> str | bytes:
        """Remove and return the oldest message."""
        frame = self._frames.popleft()
        self._size -= _size(frame)
        return frame

    def drain(self) -> list[str | bytes]:
        """Remove and return all messages."""
        frames = list(self._frames)
        self._frames.clear()
        self._size = 0
        return frames


def _size(frame: str | bytes) -> int:
    return len(frame.encode() if isinstance(frame, str) else frame)
