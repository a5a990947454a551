"""Iterate over the typed events of a response that is still arriving.

`EventDecoder` turns bytes into decoded events and detects the end of the stream; it does no I/O. `Stream` runs it over
a reply, `AsyncStream` over an async one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import suppress
from sys import maxsize
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from oai._errors import (
    SHOWN,
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    ResponseTooLargeError,
    StreamError,
    excerpt,
)
from oai._http.encodings import Feed, TooLarge
from oai._http.encodings import decoder as content_decoder
from oai._http.messages import TransportError
from oai._http.sse import EventParser, ServerSentEvent
from oai._json.decode import convert, lenient, parse_json
from oai._json.objects import plain
from oai._json.strict import decoder
from oai._json.unions import tag_fields

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from oai._http.messages import Reply
    from oai._http.response import Response
    from oai._table.operation import Operation

T = TypeVar("T")

END_MARKER = b"[DONE]"


class EventDecoder:
    """Decode the bytes of a stream to events.

    The stream is complete at `[DONE]` or at an event of a type that the row lists under `end`; `end = ["*"]` accepts
    any end. Events without data only control the stream and are skipped.
    """

    def __init__(self, operation: Operation, response: Response, max_event: int | None = None) -> None:
        self.complete = False
        self._max_event = max_event
        self._start = b""
        self._response = response
        self._type = operation.stream_type
        self._decode = decoder(self._type).decode
        # Events of this one class have no `type`, as in most streams. All others are checked for errors and ends.
        self._untyped = self._type if "type" not in getattr(self._type, "__struct_fields__", ("type",)) else None
        self._ends = frozenset(operation.row.end)
        self._error_events = operation.row.error_events
        # A union tagged by `event` takes its tag from the event field of the stream, not from the data.
        self._named = "event" in tag_fields(self._type)
        self._parser = EventParser()
        self._plain = content_decoder(response.headers, max_event)

    def feed(self, piece: bytes) -> Iterator[Any]:
        """Yield the events that the next piece completes.

        Raises:
            StreamError: an event reports an error.
            APIResponseValidationError: the data of an event is not JSON.
            ResponseTooLargeError: an event is larger than the client's `max_event`.
        """
        if self._plain is not None:
            piece = self._inflated(self._plain, piece)
        if len(self._start) < SHOWN:
            self._start += piece[:SHOWN]
        limit = maxsize if self._max_event is None else self._max_event
        for event in self._parser.feed(piece):
            data = event.data
            if len(data) > limit:
                raise self._too_large()
            if self._named or event.event == "error" or not data.startswith(b"{"):
                if data.startswith(END_MARKER):
                    self.complete = True
                    return
                yield from self._uncommon(event)
                continue
            try:
                item = self._decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                item = self._lenient(event)
            if type(item) is not self._untyped:
                self._watch(item)
            yield item
        if self._parser.held > limit:
            raise self._too_large()

    def _inflated(self, plain: Feed, piece: bytes) -> bytes:
        try:
            return plain(piece)
        except TooLarge:
            raise self._too_large() from None

    def _too_large(self) -> ResponseTooLargeError:
        message = f"an event of the stream is larger than {self._max_event} bytes (max_event)"
        return ResponseTooLargeError(message, response=self._response)

    def end(self) -> Iterator[Any]:
        """Check the end of the stream, and yield the events that the content decoder has held back.

        Raises:
            APIConnectionError: it ended without its end marker, so events may be missing.
            APIResponseValidationError: the response was no event stream.
        """
        if self._plain is not None and not self.complete:
            plain, self._plain = self._plain, None
            yield from self.feed(self._inflated(plain, b""))
        kind = self._response.headers.get("content-type", "")
        if not self.complete and kind and not kind.startswith("text/event-stream"):
            message = f"the server responded with {kind} instead of an event stream: {excerpt(self._start)}"
            raise APIResponseValidationError(message, response=self._response, body=excerpt(self._start))
        if self._parser.pending.strip() == END_MARKER or "*" in self._ends:
            self.complete = True
        if not self.complete:
            raise APIConnectionError(
                message="The stream ended without its end marker: events may be missing.",
                request=self._response.request,
            )

    def _watch(self, item: Any) -> None:
        kind = item.get("type") if isinstance(item, dict) else getattr(item, "type", None)
        if kind in self._ends:
            self.complete = True
        elif (kind == "error" and not self._error_events) or self._is_failure(item):
            self._fail(plain(item))

    def _is_failure(self, value: Any, *, named: bool = False) -> bool:
        """Tell whether data reports an error. In rows with `error_events`, type `error` is an ordinary event."""
        expected = self._error_events and isinstance(value, dict) and value.get("type") == "error"
        return not expected and (named or _is_error(value))

    def _uncommon(self, event: ServerSentEvent) -> Iterator[Any]:
        if not event.data.strip():
            return
        value = self._json(event)
        if event.event == "error" and self._is_failure(value, named=True):
            self._fail(value)
        item = convert(self._type, {"event": event.event, "data": value} if self._named else value)
        self._watch(item)
        yield item

    def _lenient(self, event: ServerSentEvent) -> Any:
        value = self._json(event)
        if self._is_failure(value):
            self._fail(value)
        return lenient(self._type, value)

    def _json(self, event: ServerSentEvent) -> Any:
        try:
            return parse_json(event.data)
        except msgspec.DecodeError as error:
            raise APIResponseValidationError(
                f"An event of the stream is not JSON ({error}): {excerpt(event.data)}",
                response=self._response,
                body=excerpt(event.data),
            ) from None

    def _fail(self, value: Any) -> None:
        body = value.get("error", value) if isinstance(value, dict) else value
        message = body.get("message") if isinstance(body, dict) else body
        text = excerpt(message if isinstance(message, str) and message else msgspec.json.encode(body))
        raise StreamError(text, response=self._response, body=body)


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.get("error"))


def body_error(error: TransportError, response: Response, what: str = "stream") -> APIConnectionError:
    """Return the exception for a response that broke off while its body was read."""
    if error.kind == "timeout":
        return APITimeoutError(response.request, message=f"Request timed out within the {what}: {error}")
    return APIConnectionError(message=f"The connection broke within the {what}: {error}", request=response.request)


# The generators below hold no reference to their stream, so an abandoned one closes its reply at once instead of at the
# next garbage collection.


def _events(decoder: EventDecoder, response: Response, reply: Reply) -> Generator[Any, None, None]:
    try:
        for piece in reply:
            yield from decoder.feed(piece)
            if decoder.complete:
                break
        yield from decoder.end()
    except TransportError as error:
        raise body_error(error, response) from error
    finally:
        response.reply = None
        reply.close()


async def _events_async(decoder: EventDecoder, response: Response, reply: Any) -> AsyncGenerator[Any, None]:
    try:
        async for piece in reply if hasattr(reply, "__aiter__") else at_once(reply):
            for item in decoder.feed(piece):
                yield item
            if decoder.complete:
                break
        for item in decoder.end():
            yield item
    except TransportError as error:
        raise body_error(error, response) from error
    finally:
        response.reply = None
        await close(reply)


async def at_once(reply: Reply) -> AsyncIterator[bytes]:
    """Iterate a sync reply, such as an offline one, asynchronously."""
    for piece in reply:
        yield piece


async def close(reply: Any) -> None:
    """Close a sync or an async reply."""
    closing = reply.close()
    if closing is not None:
        await closing


class _BaseStream(Generic[T]):
    """Base class of both streams."""

    def __init__(self, response: Response, reply: Any) -> None:
        self.response = response
        self._request_id = response.request_id
        self._reply = reply

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.response.request.operation}>"


class Stream(_BaseStream[T]):
    """An iterator over events as they arrive. Close it, or leave its `with` block, to stop early.

    Iterating raises `StreamError` for an error event, `APIConnectionError` if the stream is cut, and
    `APITimeoutError` if the next event takes longer than the time-out.
    """

    def __init__(self, operation: Operation, response: Response, reply: Reply, *, max_event: int | None = None) -> None:
        super().__init__(response, reply)
        decoder = EventDecoder(operation, response, max_event)
        self._events: Generator[T, None, None] = _events(decoder, response, reply)

    def __iter__(self) -> Iterator[T]:
        return self._events

    def __next__(self) -> T:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the stream and release its connection. Calling it again does nothing.

        It may be called from another thread: the reading thread then gets an `APIConnectionError`.
        """
        with suppress(ValueError):  # another thread is reading: closing the reply ends it
            self._events.close()
        self.response.reply = None
        self._reply.close()

    def __stream__(self) -> Iterator[T]:
        """Return the iterator over the events; tracing libraries call it by this name, which is the official SDK's."""
        return self._events


class AsyncStream(_BaseStream[T]):
    """`Stream` for `async for` and `async with`."""

    def __init__(self, operation: Operation, response: Response, reply: Any, *, max_event: int | None = None) -> None:
        super().__init__(response, reply)
        decoder = EventDecoder(operation, response, max_event)
        self._events: AsyncGenerator[T, None] = _events_async(decoder, response, reply)

    def __aiter__(self) -> AsyncIterator[T]:
        return self._events

    async def __anext__(self) -> T:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop the stream and release its connection. Calling it again does nothing.

        It may be called from another task: the reading task then gets an `APIConnectionError`.
        """
        if not getattr(self._events, "ag_running", False):
            await self._events.aclose()
        self.response.reply = None
        await close(self._reply)

    aclose = close

    def __stream__(self) -> AsyncIterator[T]:
        """Do as that of `Stream`."""
        return self._events
