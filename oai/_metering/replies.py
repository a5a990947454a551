"""Replies that a meter reads as their bodies pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from oai._http.either import pieces_of

if TYPE_CHECKING:
    from typing import Protocol

    from oai._http.messages import Headers

    class Meter(Protocol):
        """Reads a body while it passes."""

        def feed(self, piece: bytes) -> None:
            """Take the next piece."""


OnEnd = Callable[[BaseException | None], Any]
"""Called once with the error that ended the body, if any; for an async reply, the result is awaited if it can be."""

Filter = Callable[[bytes | None], bytes]
"""Turns each piece into the bytes to pass on; `None` is the end of the body."""


class _Metered:
    """Base class of both replies.

    Args:
        reply: the reply of the wrapped transport.
        meter: reads the body, if it is needed.
        on_end: called when the body has ended, has failed, or is closed or forgotten.
        change: what is passed on of the body; all of it by default.
        headers: header fields in place of the reply's, where `change` makes some untrue.
    """

    _on_end: OnEnd | None = None  # for the finalizer of an object whose constructor failed

    def __init__(
        self,
        reply: Any,
        meter: Meter | None,
        on_end: OnEnd,
        change: Filter | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers if headers is None else headers
        self._reply = reply
        self._meter = meter
        self._on_end = on_end
        self._change = change

    def __getattr__(self, name: str) -> Any:
        """Return another attribute of the reply, such as `http_version`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._reply, name)

    def _end(self, error: BaseException | None) -> Any:
        on_end, self._on_end = self._on_end, None
        return None if on_end is None else on_end(error)

    def __del__(self) -> None:
        discard(self._end(None))  # nothing can await it any more

    def _through(self, piece: bytes) -> bytes:
        if self._meter is not None:
            self._meter.feed(piece)
        return piece if self._change is None else self._change(piece)

    def _rest(self) -> bytes:
        return b"" if self._change is None else self._change(None)


class MeteredReply(_Metered):
    """A reply of a sync transport."""

    def read(self) -> bytes:
        """Return the whole body."""
        try:
            content = self._through(bytes(self._reply.read())) + self._rest()
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)
        return content

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._reply:
                if passed := self._through(piece):
                    yield passed
            if rest := self._rest():
                yield rest
        except GeneratorExit:  # the reader stops; it closes the reply, now or later
            raise
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    def close(self) -> None:
        """Close the reply."""
        try:
            self._reply.close()
        finally:
            self._end(None)


class AsyncMeteredReply(_Metered):
    """A reply for an async client, over one of either kind."""

    async def read(self) -> bytes:
        """Return the whole body."""
        try:
            content = self._through(bytes(await awaited(self._reply.read()))) + self._rest()
        except BaseException as error:
            await awaited(self._end(error))
            raise
        await awaited(self._end(None))
        return content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in pieces_of(self._reply):
                if passed := self._through(piece):
                    yield passed
            if rest := self._rest():
                yield rest
        except GeneratorExit:
            raise
        except BaseException as error:
            await awaited(self._end(error))
            raise
        await awaited(self._end(None))

    async def close(self) -> None:
        """Close the reply."""
        try:
            await awaited(self._reply.close())
        finally:
            await awaited(self._end(None))


def discard(value: Any) -> None:
    """Drop the result of a function; a coroutine that nothing will await is closed."""
    if isinstance(value, Awaitable) and hasattr(value, "close"):
        value.close()


async def awaited(value: Any) -> Any:
    """Await a value if it is awaitable, and return the result."""
    return await value if isinstance(value, Awaitable) else value
