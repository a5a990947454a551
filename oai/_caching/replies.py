"""The replies of a cache: kept ones, and live ones that are kept when they have been read.

A live reply is passed on piece by piece as its caller takes each. It is kept at its end, or at the end marker of a
stream, where readers stop; one that is abandoned before is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from oai._http.either import AwaitableBytes, EitherReply, pieces_of
from oai._metering.replies import awaited
from oai._support.async_library import sleep, to_thread

if TYPE_CHECKING:
    from oai._caching.answers import Answer
    from oai._caching.keeper import Keeper
    from oai._http.messages import Headers


class CachedReply(EitherReply):
    """A kept response. It, the bytes that `read` returns, and `close` can be awaited but need not be."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers = answer.hit_headers
        self._pieces = iter(answer.pieces)

    def read(self) -> bytes:
        """Return the whole content."""
        self._check_open()
        return AwaitableBytes(b"".join(self._pieces))

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._check_open()
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, piece in enumerate(self._pieces):
            if number:
                await sleep(0)  # let other tasks run, as a network would
            self._check_open()
            yield piece


class _KeepingReply:
    """Base class of live replies, shared by sync and async."""

    def __init__(self, reply: Any, keeper: Keeper) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers
        self.http_version: str = getattr(reply, "http_version", "HTTP/1.1")
        self._reply = reply
        self._keeper = keeper

    def __del__(self) -> None:
        self._keeper.drop()


class KeepingReply(_KeepingReply):
    """A live reply of a sync transport."""

    def read(self) -> bytes:
        """Return the whole content."""
        try:
            self._keeper.resume()
            content = bytes(self._reply.read())
        except BaseException:
            self._keeper.drop()
            raise
        self._keeper.add(content)
        self._finish(ended=True)
        return content

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._reply)
        while True:
            try:
                self._keeper.resume()
                piece = next(pieces, None)
            except BaseException:
                self._keeper.drop()
                raise
            if piece is None:
                break
            self._keeper.add(piece)
            yield piece
        self._finish(ended=True)

    def close(self) -> None:
        """Discard what has not been read."""
        try:
            self._reply.close()
        finally:
            self._finish(ended=False)

    def _finish(self, *, ended: bool) -> None:
        if self._keeper.can_keep(ended=ended):
            self._keeper.finish(ended=ended)


class AsyncKeepingReply(_KeepingReply):
    """A live reply for an async client, whose transport may be of either kind."""

    async def read(self) -> bytes:
        """Return the whole content."""
        try:
            self._keeper.resume()
            content = bytes(await awaited(self._reply.read()))
        except BaseException:
            self._keeper.drop()
            raise
        self._keeper.add(content)
        await self._finish(ended=True)
        return content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(pieces_of(self._reply))
        while True:
            try:
                self._keeper.resume()
                piece: bytes | None = await anext(pieces, None)
            except BaseException:
                self._keeper.drop()
                raise
            if piece is None:
                break
            self._keeper.add(piece)
            yield piece
        await self._finish(ended=True)

    async def close(self) -> None:
        """Discard what has not been read."""
        try:
            await awaited(self._reply.close())
        finally:
            await self._finish(ended=False)

    async def _finish(self, *, ended: bool) -> None:
        if self._keeper.can_keep(ended=ended):
            await to_thread(partial(self._keeper.finish, ended=ended))
