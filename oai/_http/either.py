"""Replies and results that sync and async callers share: they may be awaited, or iterated either way."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

from oai._http.messages import TransportError

if TYPE_CHECKING:
    from typing import Self

    from oai._http.messages import Reply


class _AwaitableNone:
    """An awaitable without a value, returned by methods that sync and async callers share."""

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


AWAITABLE_NONE = _AwaitableNone()


class AwaitableBytes(bytes):
    """Bytes that can be awaited."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, bytes]:
        return bytes(self)
        yield


class EitherReply:
    """Base class of replies that come from no server. It and the result of `close` can be awaited but need not be."""

    _closed = False

    def close(self) -> Any:
        """Discard what has not been read."""
        self._closed = True
        return AWAITABLE_NONE

    def __await__(self) -> Generator[Any, Any, Self]:
        return self
        yield

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")


def pieces_of(reply: Any) -> AsyncIterable[bytes]:
    """Return the pieces of a sync or an async reply, for an async caller."""
    return reply if hasattr(reply, "__aiter__") else at_once(reply)


async def at_once(reply: Reply) -> AsyncIterator[bytes]:
    """Iterate a sync reply, such as an offline one, asynchronously."""
    for piece in reply:
        yield piece
