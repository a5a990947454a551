"""`responses.stream`: the API's events, some with what has come so far, and the response that they add up to.

`ResponseStreamState` makes the events; the streams and their managers are the sync and the async way to drive it. A
stream that broke is taken up with `response_id` and `starting_after`: the server sends it again from its beginning,
so that the response is whole, and the events that were seen are passed over.
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
from oai.helpers.streaming.response_state import ENDS, Output
from oai.helpers.structured.functions import Tools
from oai.helpers.structured.parse import responses_request
from oai.helpers.structured.parsed import OutputTypes, copy_as, parse_response
from oai.types import responses as api

if TYPE_CHECKING:
    from oai.helpers.streaming.partial_text import Pieces
    from oai.types.responses import ParsedResponse

T = TypeVar("T")

NOTHING = OutputTypes(omit, Tools())

WITH_SNAPSHOT: dict[type, Any] = {
    api.ResponseTextDeltaEvent: ResponseTextDeltaEvent,
    api.ResponseFunctionCallArgumentsDeltaEvent: ResponseFunctionCallArgumentsDeltaEvent,
}


class ResponseStreamState(Generic[T]):
    """The API's events to those with more to say, and to a response.

    Args:
        text_format: the type that the text is parsed as, if there is one.
        input_tools: the tools of the request, whose arguments are parsed.
        starting_after: the sequence number of the last event that is passed over.
    """

    def __init__(
        self, *, text_format: Any = omit, input_tools: Iterable[Any] = (), starting_after: int | None = None
    ) -> None:
        self._wanted = OutputTypes(text_format, Tools(input_tools or ()))
        self._sofar = Output()
        self._after = -1 if starting_after is None else starting_after
        self._ended: ParsedResponse[T] | None = None
        self._snapshot: ParsedResponse[T] | None = None
        self.sequence_number: int | None = None

    @property
    def current_response_snapshot(self) -> ParsedResponse[T]:
        """The response as far as it has come, with nothing parsed until it is complete."""
        if self._ended is not None:
            return self._ended
        if self._snapshot is None:
            self._snapshot = parse_response(self._sofar.snapshot(), NOTHING)
        return self._snapshot

    def get_final_response(self) -> ParsedResponse[T]:
        """Return the response; of a stream that ended without saying how, what had come, parsed.

        Raises:
            ParseError: it does not fit the type that was asked for.
        """
        return self._ended or parse_response(self._sofar.snapshot(), self._wanted)

    def handle_event(self, event: api.ResponseStreamEvent) -> list[ResponseStreamEvent[T]]:
        """Take in an event of the API; return those that it means.

        Raises:
            ParseError: the response is complete, and does not fit the type that was asked for.
        """
        self._snapshot = None
        text = self._sofar.add(event)
        number = getattr(event, "sequence_number", None)
        made = self._made(event, text)
        if isinstance(number, int):
            self.sequence_number = number
            if number <= self._after:
                return []
        return [made]

    handle = handle_event

    def end(self) -> Iterator[ResponseStreamEvent[T]]:
        """Yield nothing: a response's own events say that it has ended."""
        yield from ()

    @staticmethod
    def text_of(event: Any) -> str | None:
        """Return the text that an event adds to the answer."""
        return event.delta if isinstance(event, api.ResponseTextDeltaEvent) else None

    def _made(self, event: Any, text: Pieces | None) -> Any:
        kind = type(event)
        more = WITH_SNAPSHOT.get(kind)
        if more is not None and text is not None:
            return copy_as(more, event, text.view())
        if kind is api.ResponseTextDoneEvent:
            return copy_as(ResponseTextDoneEvent, event, self._value(event))
        if getattr(event, "type", None) in ENDS and isinstance(event.response, api.Response):
            return self._end(event)
        return event

    def _value(self, event: Any) -> Any:
        """Return what a text means, `None` where it does not fit: the response may turn out to be incomplete."""
        phase = self._sofar.item(event, "message").data.get("phase")
        try:
            return self._wanted.value(event.text, None) if phase in (None, "final_answer") else None
        except ParseError:
            return None

    def _end(self, event: Any) -> Any:
        response = event.response
        if response.output is None:  # some servers leave out what the stream has said
            response = convert(api.Response, {**response.to_dict(), "output": self._sofar.output()})
        self._sofar.base = response
        self._ended = parse_response(response, NOTHING)
        self._ended = parse_response(response, self._wanted)
        cls = ResponseCompletedEvent if isinstance(event, api.ResponseCompletedEvent) else type(event)
        return copy_as(cls, event, response=self._ended)


class _ResponseStream(Generic[T]):
    """What both streams of responses know."""

    _state: Any
    _client: Any

    @property
    def current_response_snapshot(self) -> ParsedResponse[T]:
        """The response as far as it has come, also after an error: put together when it is asked for."""
        found: ParsedResponse[T] = self._state.current_response_snapshot
        return found

    @property
    def sequence_number(self) -> int | None:
        """The number of the last event, to take up the stream with: `stream(response_id=..., starting_after=...)`."""
        found: int | None = self._state.sequence_number
        return found


class ResponseStream(_ResponseStream[T], HelperStream[ResponseStreamEvent[T]]):
    """The events of a response, and what they add up to."""

    def get_final_response(self) -> ParsedResponse[T]:
        """Read the stream to its end and return the response, parsed; one that is incomplete or failed as it is.

        Raises:
            ParseError: it does not fit the type that was asked for.
            OpenAIError: the stream was cut, or closed before its end.
        """
        self.until_done()
        self._check_complete()
        found: ParsedResponse[T] = self._state.get_final_response()
        return found

    def cancel(self) -> api.Response:
        """Stop the stream, and on the server the response itself where it runs in the background."""
        self.close()
        snapshot = self.current_response_snapshot
        if not snapshot.background:
            return snapshot
        cancelled: api.Response = self._client.responses.cancel(snapshot.id)
        return cancelled


class AsyncResponseStream(_ResponseStream[T], AsyncHelperStream[ResponseStreamEvent[T]]):
    """`ResponseStream` for `async for` and `async with`."""

    async def get_final_response(self) -> ParsedResponse[T]:
        """Read the stream to its end and return the response, parsed; see `ResponseStream`."""
        await self.until_done()
        self._check_complete()
        found: ParsedResponse[T] = self._state.get_final_response()
        return found

    async def cancel(self) -> api.Response:
        """Stop the stream, and on the server the response itself where it runs in the background."""
        await self.close()
        snapshot = self.current_response_snapshot
        if not snapshot.background:
            return snapshot
        cancelled: api.Response = await self._client.responses.cancel(snapshot.id)
        return cancelled


class ResponseStreamManager(Manager[ResponseStream[T]], Generic[T]):
    """What `stream()` returns: `with` sends the request, and closes the stream at its end."""


class AsyncResponseStreamManager(AsyncManager[AsyncResponseStream[T]], Generic[T]):
    """What `stream()` of an async client returns, for `async with`."""


def stream_response(
    client: Any,
    *,
    response_id: Any = omit,
    starting_after: Any = omit,
    text_format: Any = omit,
    tools: Iterable[Any] = (),
    **params: Any,
) -> Any:
    """Use it as a context manager: `with client.responses.stream(...) as stream: for event in stream: ...`.

    `stream.get_final_response()` is the whole, `stream.current_response_snapshot` what has come, `stream.text_deltas`
    the text alone. With `response_id` (and `starting_after`, a `sequence_number`) it takes up the stream of a response
    that there is, for which `text_format` and `tools` say what to parse.

    Raises:
        TypeError: the type has no strict schema.
        ValueError: `response_id` was given together with what is for a new response.
    """
    known = list(tools or ())
    parse_as = params.get("parse_as", text_format)
    if response_id is omit and starting_after is omit:
        _, sent = responses_request(text_format, known, params)
        operation = client.responses.create
    else:
        sent = _taken_up(response_id, params)
        operation = client.responses.retrieve

    def start() -> Any:
        return operation(**sent, stream=True)

    def make(kind: Any) -> Any:
        def stream(raw: Any) -> Any:
            after = None if starting_after is omit else starting_after
            state: Any = ResponseStreamState(text_format=parse_as, input_tools=known, starting_after=after)
            made = kind(raw, state)
            made._client = client  # noqa: SLF001 - its own
            return made

        return stream

    if core_of(client).is_async:
        return AsyncResponseStreamManager(start, make(AsyncResponseStream))
    return ResponseStreamManager(start, make(ResponseStream))


def _taken_up(response_id: Any, params: dict[str, Any]) -> dict[str, Any]:
    if response_id is omit:
        raise ValueError("starting_after takes up the stream of a response: give its response_id")
    wrong = [name for name in params if name not in ("include", *CALL_OPTIONS)]
    if wrong:
        raise ValueError(f"response_id takes up the stream of a response; {', '.join(wrong)} would begin a new one")
    return {"response_id": response_id, **params}
