"""The replies of the recorder: replayed ones, and live ones that are being recorded.

A live reply is passed on piece by piece when the caller takes each piece, so that recording neither delays nor reads
ahead. A replayed reply ends as the recorded one did. This module knows the `Reply` of transports and the structs of
the cassette, but neither requests nor files.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from oai._http.either import AwaitableBytes, EitherReply
from oai._http.messages import Headers, TransportError
from oai._support.async_library import sleep

if TYPE_CHECKING:
    from oai._recording.cassette import RecordedResponse
    from oai._recording.session import PendingExchange

VARIABLE = "OAI_RECORD"
"""The environment variable with the default mode of recorders."""

LARGEST_CUT = 64
"""The maximum size in bytes of randomly cut pieces."""


class CassetteMiss(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """A request that the cassette has no response to; the message lists the differences from the nearest recorded one.

    Attributes:
        missed: the message without its last line, which tells authors of tests how to record.
    """

    missed = ""


def cut(pieces: list[tuple[float, bytes]], how: str | int) -> Iterator[tuple[float, bytes]]:
    """Yield pieces with their waits as recorded, or the content cut differently and without waits."""
    if how == "recorded":
        yield from pieces
        return
    whole = b"".join(piece for _, piece in pieces)
    sizes = random.Random(how)  # noqa: S311 - the seed makes a test repeatable
    start = 0
    while start < len(whole):
        size = len(whole) if how == "one" else 1 if how == "bytes" else sizes.randint(1, LARGEST_CUT)
        yield 0.0, whole[start : start + size]
        start += size


def failure_of(reply: RecordedResponse) -> TransportError:
    """Return the recorded failure."""
    failure = reply.failure
    return TransportError(failure.kind, failure.message) if failure else TransportError("receive", "no response")


class ReplayedReply(EitherReply):
    """A replayed response. It, the bytes that `read` returns, and `close` can be awaited but need not be."""

    def __init__(self, reply: RecordedResponse, cuts: str | int, title: str, *, pace: bool) -> None:
        self.status = reply.status or 0
        self.headers = Headers(reply.headers.items())
        self._reply = reply
        self._title = title
        self._pieces = cut(reply.pieces(), cuts)
        self._pace = pace

    def read(self) -> bytes:
        """Return the whole content, or raise the recorded failure."""
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
        self._check_open()
        for wait, piece in self._pieces:
            await sleep(wait if self._pace else 0)
            self._check_open()
            yield piece
        self._end()

    def _end(self) -> None:
        if self._reply.failure is not None:
            raise failure_of(self._reply)
        if self._reply.end is not None:
            raise CassetteMiss(
                f"{self._title} was closed by its caller at this point, so the rest was not recorded; "
                f"record it again with {VARIABLE}=record"
            )


class _RecordingReply:
    """Base class of both live replies: the head, which is recorded at once."""

    def __init__(self, reply: Any, pending: PendingExchange) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers
        self._reply = reply
        self._pending = pending
        pending.set_head(reply.status, reply.headers)


class RecordingReply(_RecordingReply):
    """A live reply, recorded piece by piece as the caller takes each."""

    def read(self) -> bytes:
        """Return the whole content."""
        try:
            content: bytes = self._reply.read()
        except TransportError as error:
            self._pending.set_failure(error)
            raise
        self._pending.set_content(content)
        return content

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._reply)
        while True:
            began = time.monotonic()
            try:
                piece = next(pieces, None)
            except TransportError as error:
                self._pending.set_failure(error)
                raise
            if piece is None:
                self._pending.set_complete()
                return
            self._pending.add_piece(piece, time.monotonic() - began)
            yield piece

    def close(self) -> None:
        """Discard what has not been read."""
        self._reply.close()


class AsyncRecordingReply(_RecordingReply):
    """A `RecordingReply` for an async transport."""

    async def read(self) -> bytes:
        """Return the whole content."""
        try:
            content: bytes = await self._reply.read()
        except TransportError as error:
            self._pending.set_failure(error)
            raise
        self._pending.set_content(content)
        return content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._reply)
        while True:
            began = time.monotonic()
            try:
                piece: bytes | None = await anext(pieces, None)
            except TransportError as error:
                self._pending.set_failure(error)
                raise
            if piece is None:
                self._pending.set_complete()
                return
            self._pending.add_piece(piece, time.monotonic() - began)
            yield piece

    async def close(self) -> None:
        """Discard what has not been read."""
        await self._reply.close()
