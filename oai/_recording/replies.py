"""The replies of the recorder: recorded ones given back, and those under way that are noted.

A reply under way is handed on piece by piece, each when the caller takes it and no sooner, so that a recording
delays nothing and reads nothing ahead. A recorded one ends as it ended then. This module knows the seam's `Reply`
and the forms of the cassette; it knows neither requests nor files.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any

from oai._http.messages import Headers, Reply, TransportError

if TYPE_CHECKING:
    from typing import Self

    from oai._recording.cassette import RecordedResponse
    from oai._recording.session import PendingExchange

VARIABLE = "OAI_RECORD"
"""The environment variable that says a recorder's mode where the code does not."""

LARGEST_CUT = 64
"""Bytes: pieces cut at random are no larger than this."""


class CassetteMiss(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """A cassette has no answer to what was asked. The message names the nearest request and how they differ.

    Attributes:
        missed: the message without the advice at its end on how to record, which is for tests.
    """

    missed = ""


def cut(pieces: list[tuple[float, bytes]], how: str | int) -> Iterator[tuple[float, bytes]]:
    """Yield pieces, each after its wait, cut in another way; what is cut anew waits for nothing."""
    if how == "recorded":
        yield from pieces
        return
    whole = b"".join(piece for _, piece in pieces)
    dice = random.Random(how)  # noqa: S311 - the seed is for repeating a test
    place = 0
    while place < len(whole):
        size = len(whole) if how == "one" else 1 if how == "bytes" else dice.randint(1, LARGEST_CUT)
        yield 0.0, whole[place : place + size]
        place += size


def failure_of(reply: RecordedResponse) -> TransportError:
    """Return the failure that was recorded."""
    failure = reply.failure
    return TransportError(failure.kind, failure.message) if failure else TransportError("receive", "no answer")


class _AwaitableNone:
    """A result without a value that may be awaited, for calls that never wait."""

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


AWAITABLE_NONE = _AwaitableNone()


class AwaitableBytes(bytes):
    """Bytes that may be awaited."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, bytes]:
        return bytes(self)
        yield


class ReplayedReply:
    """A recorded answer. It, the bytes that `read` returns, and `close` can be awaited or not."""

    def __init__(self, reply: RecordedResponse, cuts: str | int, title: str, *, pace: bool) -> None:
        self.status = reply.status or 0
        self.headers = Headers(reply.headers.items())
        self._reply = reply
        self._title = title
        self._pieces = cut(reply.pieces(), cuts)
        self._pace = pace
        self._closed = False

    def read(self) -> bytes:
        """Return the whole content, or raise what ended it."""
        self._check_open()
        content = b"".join(piece for _, piece in self._pieces)
        self._end()
        return AwaitableBytes(content)

    def __iter__(self) -> Iterator[bytes]:
        self._check_open()
        for wait, piece in self._pieces:
            if self._pace:
                time.sleep(wait)
            self._check_open()
            yield piece
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import asyncio  # only an async caller gets here, who has it

        self._check_open()
        for wait, piece in self._pieces:
            await asyncio.sleep(wait if self._pace else 0)
            self._check_open()
            yield piece
        self._end()

    def close(self) -> Any:
        """Give up what was not read."""
        self._closed = True
        return AWAITABLE_NONE

    def __await__(self) -> Generator[Any, Any, Self]:
        return self
        yield

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")

    def _end(self) -> None:
        if self._reply.failure is not None:
            raise failure_of(self._reply)
        if self._reply.end is not None:
            raise CassetteMiss(
                f"{self._title} was closed by its caller where it ends here, so that nobody knows how it goes on; "
                f"record it again with {VARIABLE}=record"
            )


class RecordingReply:
    """An answer under way that is noted piece by piece, each when the caller takes it and no sooner."""

    def __init__(self, reply: Reply, note: PendingExchange) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._reply = reply
        self._note = note
        note.answered(reply.status, reply.headers)

    def read(self) -> bytes:
        """Return the whole content."""
        try:
            content = self._reply.read()
        except TransportError as error:
            self._note.failed(error)
            raise
        self._note.whole(content)
        return content

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._reply)
        while True:
            began = time.monotonic()
            try:
                piece = next(pieces, None)
            except TransportError as error:
                self._note.failed(error)
                raise
            if piece is None:
                self._note.complete()
                return
            self._note.piece(piece, time.monotonic() - began)
            yield piece

    def close(self) -> None:
        """Give up what was not read."""
        self._reply.close()


class AsyncRecordingReply:
    """`RecordingReply` of an async transport."""

    def __init__(self, reply: Any, note: PendingExchange) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers
        self._reply = reply
        self._note = note
        note.answered(reply.status, reply.headers)

    async def read(self) -> bytes:
        """Return the whole content."""
        try:
            content: bytes = await self._reply.read()
        except TransportError as error:
            self._note.failed(error)
            raise
        self._note.whole(content)
        return content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._reply)
        while True:
            began = time.monotonic()
            try:
                piece: bytes | None = await anext(pieces, None)
            except TransportError as error:
                self._note.failed(error)
                raise
            if piece is None:
                self._note.complete()
                return
            self._note.piece(piece, time.monotonic() - began)
            yield piece

    async def close(self) -> None:
        """Give up what was not read."""
        await self._reply.close()
