"""Iterate over the typed events of a response that is still arriving.

`Stream` runs an `EventDecoder` over a reply, `AsyncStream` over an async one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from oai._http.either import pieces_of
from oai._http.messages import TransportError
from oai._http.response import Response
from oai._results.events import EventDecoder
from oai._results.sse_output import Errors
from oai._support.closing import ClosedByAsyncWith, ClosedByWith
from oai._table.operation import Operation

if TYPE_CHECKING:
    from oai._http.messages import Reply

T = TypeVar("T")


# The generators below hold no reference to their stream, so an abandoned one closes its reply at once instead of at the
# next garbage collection.


def _events(decoder: EventDecoder, response: Response, reply: Reply) -> Generator[Any, None, None]:
    try:
        for piece in _pieces(decoder, response, reply):
            yield from decoder.feed(piece)
            if decoder.complete:
                break
        yield from decoder.end()
    except TransportError as error:
        raise response.read_error(error, "stream") from error
    finally:
        response.give_up()
        reply.close()


async def _events_async(decoder: EventDecoder, response: Response, reply: Any) -> AsyncGenerator[Any, None]:
    try:
        async for piece in pieces_of(_pieces(decoder, response, reply)):
            for item in decoder.feed(piece):
                yield item
            if decoder.complete:
                break
        for item in decoder.end():
            yield item
    except TransportError as error:
        raise response.read_error(error, "stream") from error
    finally:
        response.give_up()
        await close(reply)


def _pieces(decoder: EventDecoder, response: Response, reply: Any) -> Any:
    """Return what a body is read from: the reply, or the content if the program has read it from the response before.

    Raises:
        RuntimeError: the program has consumed the body and not kept it.
    """
    if response.begin():
        return reply
    decoder.skip_content_decoding()
    return (response.content,)


async def close(reply: Any) -> None:
    """Close a sync or an async reply."""
    closing = reply.close()
    if closing is not None:
        await closing


class _BaseStream(Generic[T]):
    """Base class of both streams."""

    def __init__(self, *, cast_to: Any, response: Any, client: Any = None, options: Any = None) -> None:
        """Stream the events of a response of httpx, as the official SDK's constructor does; programs' tests call it.

        Args:
            cast_to: the type of the events.
            response: the response, or the `Response` that `client.post(..., stream_cls=...)` passes.
            client: the client.
            options: not used.
        """
        from oai._results.foreign_stream import opened

        del options
        self._begin(*opened(cast_to, response, client, is_async=isinstance(self, AsyncStream)))
        self.response = response
        self._events = self.__stream__()  # which subclasses override

    @classmethod
    def of(cls, operation: Operation, response: Response, reply: Any, *, max_event: int | None = None) -> Self:
        """Return the stream of the events of an operation."""
        return cls.__new__(cls)._begin(operation, response, reply, max_event)  # noqa: SLF001 - its own class

    def _begin(self, operation: Operation, response: Response, reply: Any, max_event: int | None) -> Self:
        self.response = self._own_response = response
        self._request_id = response.request_id
        self._reply = reply
        self.has_end_marker = not operation.row.end  # streams whose events name their end have no `[DONE]`
        self._source = self._events = self._events_of(EventDecoder(operation, response, max_event), response, reply)
        return self

    def _events_of(self, decoder: EventDecoder, response: Response, reply: Any) -> Any:
        raise NotImplementedError

    def __stream__(self) -> Any:
        """Return the iterator over the events; tracing libraries call it by this name, which is the official SDK's."""
        return self._source  # also if `_events` are those of a subclass, which calls this at the first event

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._own_response.request.operation}>"


class Stream(_BaseStream[T], ClosedByWith):
    """An iterator over events as they arrive. Close it, or leave its `with` block, to stop early.

    Iterating raises `StreamError` for an error event, `APIConnectionError` if the stream is cut, and
    `APITimeoutError` if the next event takes longer than the timeout.
    """

    _events: Generator[T, None, None]

    def _events_of(self, decoder: EventDecoder, response: Response, reply: Any) -> Generator[T, None, None]:
        return _events(decoder, response, reply)

    def __iter__(self) -> Iterator[T]:
        return self._events

    def __next__(self) -> T:
        return next(self._events)

    def close(self) -> None:
        """Stop the stream and release its connection. Calling it again does nothing.

        It may be called from another thread: the reading thread then gets an `APIConnectionError`.
        """
        with suppress(ValueError):  # another thread is reading: closing the reply ends it
            self._events.close()
        self._own_response.give_up()
        self._reply.close()

    def as_sse(self, *, errors: Errors = "raise") -> Generator[bytes, None, None]:
        """Yield the events as server-sent events, as bytes without null fields, for the response of a web server.

        The stream is closed at the end, also when the generator is closed since the reader has gone.

        Args:
            errors: `"raise"` raises the error of a stream that breaks; `"send"` yields an event `error` with its
                message as the last one, for servers that have sent their headers already.
        """
        from oai._results.sse_output import check_errors, send_events  # few programs need it

        check_errors(errors)
        with self:
            yield from send_events(self._events, errors, done=self.has_end_marker)


class AsyncStream(_BaseStream[T], ClosedByAsyncWith):
    """`Stream` for `async for` and `async with`."""

    _events: AsyncGenerator[T, None]

    def _events_of(self, decoder: EventDecoder, response: Response, reply: Any) -> AsyncGenerator[T, None]:
        return _events_async(decoder, response, reply)

    def __aiter__(self) -> AsyncIterator[T]:
        return self._events

    async def __anext__(self) -> T:
        return await anext(self._events)

    async def close(self) -> None:
        """Stop the stream and release its connection. Calling it again does nothing.

        It may be called from another task: the reading task then gets an `APIConnectionError`.
        """
        if not getattr(self._events, "ag_running", False):
            await self._events.aclose()
        self._own_response.give_up()
        await close(self._reply)

    aclose = close

    async def as_sse(self, *, errors: Errors = "raise") -> AsyncGenerator[bytes, None]:
        """Yield the events as server-sent events, see `Stream.as_sse`."""
        from oai._results.sse_output import check_errors, send_events_async  # few programs need it

        check_errors(errors)
        async with self:
            async for event in send_events_async(self._events, errors, done=self.has_end_marker):
                yield event
