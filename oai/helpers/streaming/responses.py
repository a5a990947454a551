"""`responses.stream`: the API's events, some extended with a snapshot, and the response accumulated from them.

`ResponseStreamState` holds the rules; the streams and their managers drive it, sync and async. `response_id` and
`starting_after` resume a broken stream: the request asks for all of its events, so that the response is complete, and
the events up to `starting_after` are not yielded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from oai._errors import ParseError
from oai._json.decode import convert
from oai._request.client_core import core_of
from oai._support.omit import omit
from oai._table.rows import CALL_OPTIONS
from oai.helpers.streaming.base import AsyncHelperStream, AsyncManager, HelperStream, Manager
from oai.helpers.streaming.response_events import (
    ResponseCompletedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseStreamEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)
from oai.helpers.streaming.response_state import ENDS, LIFE, Output
from oai.helpers.structured.parse import responses_request
from oai.helpers.structured.parsed import OutputTypes, copy_as, parse_response
from oai.helpers.structured.tools import Tools
from oai.types import responses as api
from oai.types.responses import ParsedResponse

if TYPE_CHECKING:
    from oai.helpers.streaming.partial_text import GrowingText

T = TypeVar("T")

PARSE_NOTHING = OutputTypes(omit, Tools())

WITH_SNAPSHOT: dict[type, Any] = {
    api.ResponseTextDeltaEvent: ResponseTextDeltaEvent,
    api.ResponseFunctionCallArgumentsDeltaEvent: ResponseFunctionCallArgumentsDeltaEvent,
}


class ResponseStreamState(Generic[T]):
    """Turn the API's events into extended events and a response.

    Args:
        text_format: the type that the text is parsed into.
        input_tools: the tools of the request; the arguments of their calls are parsed.
        starting_after: the sequence number of the last event that is not returned.
    """

    def __init__(
        self, *, text_format: Any = omit, input_tools: Iterable[Any] = (), starting_after: int | None = None
    ) -> None:
        self._types = OutputTypes(text_format, Tools(input_tools or ()))
        self._output = Output()
        self._after = -1 if starting_after is None else starting_after
        self._ended: ParsedResponse[T] | None = None
        self._snapshot: ParsedResponse[T] | None = None
        self.sequence_number: int | None = None

    @property
    def current_response_snapshot(self) -> ParsedResponse[T]:
        """The response so far; parsed once it is complete."""
        if self._ended is not None:
            return self._ended
        if self._snapshot is None:
            self._snapshot = parse_response(self._output.snapshot(), PARSE_NOTHING)
        return self._snapshot

    def get_final_response(self) -> ParsedResponse[T]:
        """Return the parsed response; if the stream ended without a final response, the accumulated one.

        Raises:
            ParseError: the text does not fit `text_format`.
        """
        return self._ended or parse_response(self._output.snapshot(), self._types)

    def handle_event(self, event: api.ResponseStreamEvent) -> list[ResponseStreamEvent[T]]:
        """Process an event of the API and return the extended events.

        Raises:
            ParseError: the response is complete and does not fit `text_format`.
        """
        self._snapshot = None
        text = self._output.add(event)
        number = getattr(event, "sequence_number", None)
        extended = self._extend(event, text)
        if isinstance(number, int):
            self.sequence_number = number
            if number <= self._after:
                return []
        if isinstance(event, api.ResponseOutputItemAddedEvent) and event.item is None:
            return []  # it announces nothing, and programs read the type of `event.item`
        return [extended]

    handle = handle_event

    def end(self) -> Iterator[ResponseStreamEvent[T]]:
        """Yield nothing: a response has final events of its own."""
        yield from ()

    @staticmethod
    def text_of(event: Any) -> str | None:
        """Return the text that an event adds to the output."""
        is_text = isinstance(event, api.ResponseTextDeltaEvent) and isinstance(event.delta, str)
        return event.delta if is_text else None

    def _extend(self, event: Any, text: GrowingText | None) -> Any:
        kind = type(event)
        with_snapshot = WITH_SNAPSHOT.get(kind)
        if with_snapshot is not None and text is not None:
            return copy_as(with_snapshot, event, text.view())
        if kind is api.ResponseTextDoneEvent:
            return copy_as(ResponseTextDoneEvent, event, self._value(event))
        name, response = getattr(event, "type", None), getattr(event, "response", None)
        if not isinstance(name, str) or not isinstance(response, api.Response):
            return event
        if name in ENDS:
            return self._end(event)
        if name in LIFE and response.output is None:  # programs iterate over it
            return copy_as(kind, event, response=copy_as(type(response), response, output=[]))
        return event

    def _value(self, event: Any) -> Any:
        """Return the parsed text, or `None` if it does not fit: the response may turn out to be incomplete."""
        phase = self._output.item(event, "message").data.get("phase")
        try:
            return self._types.value(event.text, None) if phase in (None, "final_answer") else None
        except ParseError:
            return None

    def _end(self, event: Any) -> Any:
        response = event.response
        if not response.output and self._output.items:  # some servers leave out the items that they streamed
            response = convert(api.Response, {**response.to_dict(), "output": self._output.output()})
        self._output.base = response
        self._ended = parse_response(response, PARSE_NOTHING)
        self._ended = parse_response(response, self._types)
        cls = ResponseCompletedEvent if isinstance(event, api.ResponseCompletedEvent) else type(event)
        return copy_as(cls, event, response=self._ended)


class _ResponseStream(Generic[T]):
    """Members shared by the sync and the async stream."""

    _state: Any
    _client: Any

    @property
    def current_response_snapshot(self) -> ParsedResponse[T]:
        """The response so far, also after an error. Built on access."""
        snapshot: ParsedResponse[T] = self._state.current_response_snapshot
        return snapshot

    @property
    def sequence_number(self) -> int | None:
        """The number of the last event, to resume the stream with: `stream(response_id=..., starting_after=...)`."""
        number: int | None = self._state.sequence_number
        return number


class ResponseStream(_ResponseStream[T], HelperStream[ResponseStreamEvent[T]]):
    """The events of a response, and the response accumulated from them."""

    def get_final_response(self) -> ParsedResponse[T]:
        """Read the stream to its end and return the parsed response; an incomplete or failed one is not parsed.

        Raises:
            ParseError: the text does not fit `text_format`.
            OpenAIError: the stream was cut, or closed before its end.
        """
        self.until_done()
        self._check_complete()
        response: ParsedResponse[T] = self._state.get_final_response()
        return response

    def cancel(self) -> api.Response:
        """Stop the stream; if the response runs in the background, cancel it on the server too."""
        self.close()
        snapshot = self.current_response_snapshot
        if not snapshot.background:
            return snapshot
        cancelled: api.Response = self._client.responses.cancel(snapshot.id)
        return cancelled


class AsyncResponseStream(_ResponseStream[T], AsyncHelperStream[ResponseStreamEvent[T]]):
    """`ResponseStream` for `async for` and `async with`."""

    async def get_final_response(self) -> ParsedResponse[T]:
        """Read the stream to its end and return the parsed response; see `ResponseStream`."""
        await self.until_done()
        self._check_complete()
        response: ParsedResponse[T] = self._state.get_final_response()
        return response

    async def cancel(self) -> api.Response:
        """Stop the stream; if the response runs in the background, cancel it on the server too."""
        await self.close()
        snapshot = self.current_response_snapshot
        if not snapshot.background:
            return snapshot
        cancelled: api.Response = await self._client.responses.cancel(snapshot.id)
        return cancelled


class ResponseStreamManager(Manager[ResponseStream[T]], Generic[T]):
    """The context manager that `stream()` returns: it sends the request on entry and closes the stream on exit."""


class AsyncResponseStreamManager(AsyncManager[AsyncResponseStream[T]], Generic[T]):
    """`ResponseStreamManager` for `async with`."""


def stream_response(
    client: Any,
    *,
    response_id: Any = omit,
    starting_after: Any = omit,
    text_format: Any = omit,
    tools: Iterable[Any] = (),
    **params: Any,
) -> Any:
    """Return a context manager: `with client.responses.stream(...) as stream: for event in stream: ...`.

    `stream.get_final_response()` returns the whole response, `stream.current_response_snapshot` is the response so far,
    and `stream.text_deltas` iterates over the text alone. `response_id` (with `starting_after`, a `sequence_number`)
    resumes the stream of an existing response; `text_format` and `tools` then say what to parse.

    Raises:
        TypeError: `text_format` has no strict schema.
        ValueError: `response_id` is combined with a parameter of a new response.
    """
    tools = Tools(tools or ()).all  # the request and the state read them, also where a namespace has an iterator
    parse_as = params.get("parse_as", text_format)
    if response_id is omit and starting_after is omit:
        _, request = responses_request(text_format, tools, params)
        operation = client.responses.create
    else:
        params.pop("strict", None)  # of a new request alone
        request = _resume_request(response_id, params)
        operation = client.responses.retrieve

    def start() -> Any:
        return operation(**request, stream=True)

    def make(kind: Any) -> Any:
        def open_stream(raw: Any) -> Any:
            after = None if starting_after is omit else starting_after
            state: Any = ResponseStreamState(text_format=parse_as, input_tools=tools, starting_after=after)
            stream = kind(raw, state)
            stream._client = client  # noqa: SLF001 - a class of this module
            return stream

        return open_stream

    if core_of(client).is_async:
        return AsyncResponseStreamManager(start, make(AsyncResponseStream))
    return ResponseStreamManager(start, make(ResponseStream))


def _resume_request(response_id: Any, params: dict[str, Any]) -> dict[str, Any]:
    if response_id is omit:
        raise ValueError("starting_after resumes the stream of an existing response: pass its response_id as well")
    wrong = [name for name in params if name not in ("include", *CALL_OPTIONS)]
    if wrong:
        raise ValueError(
            f"response_id resumes the stream of an existing response; it cannot be combined with {', '.join(wrong)}"
        )
    return {"response_id": response_id, **params}
