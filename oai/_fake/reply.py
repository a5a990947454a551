"""The replies of a fake: canned, delayed or truncated as the test programs them.

A reply, the result of `read`, and that of `close` can be awaited but need not be, so that the same `send` serves sync
and async clients. A delayed reply sleeps when it is awaited, or else when its status or headers are first read.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any

from oai._http.either import AwaitableBytes, EitherReply
from oai._http.messages import Headers, Timeout, TransportError
from oai._support.async_library import sleep

if TYPE_CHECKING:
    from typing import Self

    from oai._fake.answers import CannedReply


class FakeReply(EitherReply):
    """A reply in transit.

    Args:
        reply: the status, headers and body; status 0 means that there is only a failure.
        delay: seconds until the headers.
        between: seconds before each piece of the body.
        timeout: the limits of the request, which cut the delays short.
    """

    def __init__(self, reply: CannedReply, delay: float, between: float, timeout: Timeout) -> None:
        self._canned = reply
        self._delay = delay
        self._between = between
        limits = [limit for limit in (timeout.read, timeout.total) if limit is not None]
        self._limit = min(limits, default=float("inf"))
        self._headers = Headers(reply.headers)

    @property
    def status(self) -> int:
        """The HTTP status."""
        self._arrive()
        return self._canned.status

    @property
    def headers(self) -> Headers:
        """The header fields."""
        self._arrive()
        return self._headers

    def _arrive(self) -> None:
        if self._delay:
            time.sleep(min(self._delay, self._limit))
            self._arrived()

    def __await__(self) -> Generator[Any, Any, Self]:
        if self._delay:
            yield from sleep(min(self._delay, self._limit)).__await__()
            self._arrived()
        return self

    def _arrived(self) -> None:
        late, self._delay = self._delay > self._limit, 0.0
        if late:
            raise TransportError("timeout", f"the programmed delay exceeds the request's timeout of {self._limit} s")
        if self._canned.failure is not None and not self._canned.status:
            raise self._canned.failure

    def read(self) -> bytes:
        """Return the whole content, or raise the programmed failure."""
        self._check_open()
        content = b"".join(self._canned.pieces)
        self._end()
        return AwaitableBytes(content)

    def __iter__(self) -> Iterator[bytes]:
        self._check_open()
        for piece in self._canned.pieces:
            if self._between:
                time.sleep(self._pause())
            self._check_open()
            yield piece
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._check_open()
        for piece in self._canned.pieces:
            await sleep(self._pause())
            self._check_open()
            yield piece
        self._end()

    def _pause(self) -> float:
        """Return the seconds until the next piece.

        Raises:
            TransportError: they exceed the request's timeout.
        """
        if self._between > self._limit:
            raise TransportError("timeout", f"the programmed delay exceeds the request's timeout of {self._limit} s")
        return self._between

    def _end(self) -> None:
        if self._canned.failure is not None:
            raise self._canned.failure
