"""Base classes of helper streams, which turn the items of a raw stream into events and accumulate a result.

The rules live in a `State`, which does no I/O and serves both clients: `handle(item)` returns the events of one item,
`end()` those of the end of the stream, and raises if the result cannot be parsed. `HelperStream` drives a state over a
`Stream`, `AsyncHelperStream` over an `AsyncStream`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from oai._errors import OpenAIError
from oai._http.response import Response
from oai._results.sse_output import Errors
from oai._results.stream import AsyncStream, Stream
from oai._support.closing import ClosedByAsyncWith, ClosedByWith

if TYPE_CHECKING:
    from types import TracebackType


E = TypeVar("E")


class State(Protocol[E]):
    """Accumulates a stream's items and turns them into events."""

    def handle(self, item: Any) -> Iterable[E]:
        """Process the next item of the raw stream and return its events."""

    def end(self) -> Iterable[E]:
        """Process the end of the stream and return the remaining events. May raise; `handle` must not."""

    def text_of(self, event: E) -> str | None:
        """Return the text that an event adds to the output, or `None` if it adds none."""


class _BaseHelperStream(Generic[E]):
    """Members shared by the sync and the async stream."""

    _state: State[E]

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._complete = self._closed = False
        self._error: BaseException | None = None

    @property
    def response(self) -> Response:
        """Status and headers of the response."""
        response: Response = self._raw.response
        return response

    @property
    def _request_id(self) -> str | None:
        return self.response.request_id

    def _check_complete(self) -> None:
        """Raise the error that ended the stream, or an `OpenAIError` if it was closed early."""
        if self._error is not None:
            raise self._error
        if not self._complete:
            raise OpenAIError("The stream was closed before its end; the snapshot holds what had arrived.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.response.request.operation}>"


class HelperStream(_BaseHelperStream[E], ClosedByWith):
    """An iterable of events that accumulates the result while it is iterated.

    If the stream is cut, iteration raises as `Stream` does, and the snapshot holds what had arrived.
    """

    def __init__(self, raw: Stream[Any], state: State[E]) -> None:
        super().__init__(raw)
        self._state = state
        self._events = self._run()

    def _run(self) -> Generator[E, None, None]:
        try:
            for item in self._raw:
                yield from self._state.handle(item)
            self._complete = True
            yield from self._state.end()
        except Exception as error:
            self._error = error
            raise

    def __iter__(self) -> Iterator[E]:
        return self._events

    def __next__(self) -> E:
        return next(self._events)

    def until_done(self) -> Self:
        """Read the stream to its end."""
        for _ in self._events:
            pass
        return self

    @property
    def text_deltas(self) -> Iterator[str]:
        """The pieces of the output text, as they arrive."""
        texts = (self._state.text_of(event) for event in self._events)
        return (text for text in texts if text is not None)

    def as_sse(self, *, errors: Errors = "raise") -> Generator[bytes, None, None]:
        """Yield the events as the server sent them, as server-sent events, while the result accumulates.

        The stream is closed at the end; see `Stream.as_sse`.
        """
        from oai._results.sse_output import check_errors, send_events  # few programs need it

        check_errors(errors)
        with self:
            yield from send_events(self._sent(), errors, done=self._raw.has_end_marker)

    def _sent(self) -> Generator[Any, None, None]:
        """Yield the events of the server, and accumulate them."""
        try:
            for item in self._raw:
                deque(self._state.handle(item), 0)
                yield item
            self._complete = True
            deque(self._state.end(), 0)
        except Exception as error:
            self._error = error
            raise

    def close(self) -> None:
        """Stop the stream and release its connection. Further calls do nothing.

        Safe from a callback and from another thread; the thread that is reading gets an `APIConnectionError`.
        """
        self._closed = True
        with suppress(ValueError):  # the generator is running: closing the raw stream ends it
            self._events.close()
        self._raw.close()


class AsyncHelperStream(_BaseHelperStream[E], ClosedByAsyncWith):
    """`HelperStream` for `async for` and `async with`."""

    def __init__(self, raw: AsyncStream[Any], state: State[E]) -> None:
        super().__init__(raw)
        self._state = state
        self._events = self._run()

    async def _run(self) -> AsyncGenerator[E, None]:
        try:
            async for item in self._raw:
                for event in self._state.handle(item):
                    yield event
            self._complete = True
            for event in self._state.end():
                yield event
        except Exception as error:
            self._error = error
            raise

    def __aiter__(self) -> AsyncIterator[E]:
        return self._events

    async def __anext__(self) -> E:
        return await anext(self._events)

    async def until_done(self) -> Self:
        """Read the stream to its end."""
        async for _ in self._events:
            pass
        return self

    @property
    def text_deltas(self) -> AsyncIterator[str]:
        """The pieces of the output text, as they arrive."""
        return self._texts()

    async def _texts(self) -> AsyncIterator[str]:
        async for event in self._events:
            text = self._state.text_of(event)
            if text is not None:
                yield text

    async def as_sse(self, *, errors: Errors = "raise") -> AsyncGenerator[bytes, None]:
        """Yield the events as server-sent events, see `HelperStream.as_sse`."""
        from oai._results.sse_output import check_errors, send_events_async  # few programs need it

        check_errors(errors)
        async with self:
            async for event in send_events_async(self._sent(), errors, done=self._raw.has_end_marker):
                yield event

    async def _sent(self) -> AsyncGenerator[Any, None]:
        try:
            async for item in self._raw:
                deque(self._state.handle(item), 0)
                yield item
            self._complete = True
            deque(self._state.end(), 0)
        except Exception as error:
            self._error = error
            raise

    async def close(self) -> None:
        """Stop the stream and release its connection. Further calls do nothing.

        Safe from a callback and from another task; the task that is reading gets an `APIConnectionError`.
        """
        self._closed = True
        if not getattr(self._events, "ag_running", False):  # if it runs, closing the raw stream ends it
            await self._events.aclose()
        await self._raw.close()


S = TypeVar("S", bound="HelperStream[Any]")
A = TypeVar("A", bound="AsyncHelperStream[Any]")


class Manager(Generic[S]):
    """A context manager that sends the request on entry and closes the stream on exit."""

    def __init__(self, start: Callable[[], Any], make: Callable[[Any], S]) -> None:
        self._start = start
        self._make = make
        self._stream: S | None = None

    def __enter__(self) -> S:
        self._stream = self._make(self._start())
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


class AsyncManager(Generic[A]):
    """`Manager` for `async with`."""

    def __init__(self, start: Callable[[], Awaitable[Any]], make: Callable[[Any], A]) -> None:
        self._start = start
        self._make = make
        self._stream: A | None = None

    async def __aenter__(self) -> A:
        self._stream = self._make(await self._start())
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()
