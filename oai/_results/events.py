"""Decode the bytes of an event stream to typed events, and detect its errors and its end.

`EventDecoder` does no I/O; the streams of `_results.stream` run it over a reply.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from sys import maxsize
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from oai._errors import (
    APIConnectionError,
    APIResponseValidationError,
    ResponseTooLargeError,
    StreamError,
)
from oai._http.encodings import Feed, TooLarge
from oai._http.encodings import decoder as content_decoder
from oai._http.response import Response
from oai._http.sse import EventParser
from oai._json.decode import convert, lenient, parse_json
from oai._json.error_body import read_error
from oai._json.objects import plain
from oai._json.strict import decoder
from oai._json.unions import tag_fields
from oai._support.excerpt import EXAMINED

if TYPE_CHECKING:
    from oai._table.operation import Operation

END_MARKER = b"[DONE]"

QUOTES = b"\"'"
"""What some servers put around the end marker."""

LARGEST_START = 1 << 16
"""Bytes that are kept of the start of a stream, for the error of a response that is none."""

LAST_OF_RUN = frozenset(
    f"thread.run.{end}" for end in ("completed", "incomplete", "requires_action", "failed", "cancelled", "expired")
)
"""Events of a run that only the end marker follows."""


class EventDecoder:
    """Decode the bytes of a stream to events.

    The stream is complete at `[DONE]` or at an event of a type that the row lists under `end`; `end = ["*"]` accepts
    any end. Many servers end a stream of choices without `[DONE]`: it is complete as well if the connection ends after
    each choice has its finish reason, and a stream of a run after the run's last event. Events without data only
    control the stream and are skipped.
    """

    def __init__(self, operation: Operation, response: Response, max_event: int | None = None) -> None:
        self.complete = False
        self._marked = False
        self._max_event = max_event
        self._start = b""
        self._kept = 4 * EXAMINED + 1  # characters of up to four bytes, and one by which `excerpt` knows that it is cut
        self._response = response
        self._type = operation.stream_type
        self._decode = decoder(self._type).decode
        fields = getattr(self._type, "__struct_fields__", ("type",))
        # Events of this one class have no `type`, as in most streams. All others are checked for errors and ends.
        self._untyped = self._type if "type" not in fields else None
        self._reasons: dict[Any, Any] | None = {} if "choices" in fields else None
        self._run_ended = False
        self._ends = frozenset(operation.row.end)
        self._error_events = operation.row.error_events
        # A union tagged by `event` takes its tag from the event field of the stream, not from the data.
        self._named = "event" in tag_fields(self._type)
        self._parser = EventParser()
        self._plain = content_decoder(response.headers, max_event)

    def feed(self, piece: bytes) -> Iterator[Any]:  # noqa: C901 - one loop: a call more per event would show
        """Yield the events that the next piece completes.

        Raises:
            StreamError: an event reports an error. One that the row declares as an event is yielded first.
            APIResponseValidationError: the data of an event is not JSON, or not an object.
            ResponseTooLargeError: an event is larger than the client's `max_event`.
        """
        if self._plain is not None:
            piece = self._inflated(self._plain, piece)
        if len(self._start) < self._kept:
            self._keep(piece)
        limit = maxsize if self._max_event is None else self._max_event
        parser, named, untyped, decode, reasons = self._parser, self._named, self._untyped, self._decode, self._reasons
        may_exceed = parser.held + len(piece) > limit
        for data, name in parser.parse(piece):
            if may_exceed and len(data) > limit:
                raise self._too_large()
            if named or name == "error" or not data.startswith(b"{"):
                yield from self._uncommon(data, name)
                if self._marked:
                    return
                continue
            try:
                item = decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                yield from self._lenient(data)
                continue
            if type(item) is not untyped:
                yield from self._watched(item, data)
                continue
            if reasons is not None:
                for choice in item.choices:
                    if choice.finish_reason is not None or choice.index not in reasons:
                        reasons[choice.index] = choice.finish_reason
            yield item
        if parser.held > limit:
            raise self._too_large()

    def skip_content_decoding(self) -> None:
        """Take the pieces as they are: their content encoding is undone already."""
        self._plain = None

    def _keep(self, piece: bytes) -> None:
        """Keep the start of a stream for messages, and more of it if it looks like an object instead of events."""
        self._start += piece[: self._kept]
        if self._start.lstrip().startswith(b"{"):
            self._kept = LARGEST_START

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
            APIStatusError: the response was an error instead of an event stream.
            APIResponseValidationError: the response was not an event stream.
        """
        if self._plain is not None and not self.complete:
            plain, self._plain = self._plain, None
            yield from self.feed(self._inflated(plain, b""))
        if not self.complete:
            self._check_kind()
        if self._parser.pending.strip() == END_MARKER or "*" in self._ends or self._is_whole():
            self.complete = True
        if not self.complete:
            raise APIConnectionError(
                message="The stream ended without its end marker: events may be missing.",
                request=self._response.request,
            )

    def _check_kind(self) -> None:
        """Raise for a response that is not an event stream, by its content type or its content."""
        if self._start.lstrip().startswith(b"{"):
            from oai._results.error_bodies import is_error_text, success_error

            if is_error_text(self._start, is_json=True):
                whole = Response(**{**self._response.fields(), "content": self._start})
                raise success_error(whole.request.operation or whole.method, whole)
        kind = self._response.headers.get("content-type", "")
        if kind and not kind.startswith("text/event-stream"):
            message = (
                f"the server responded with {kind} instead of an event stream: {self._response.excerpt(self._start)}"
            )
            raise APIResponseValidationError(message, response=self._response, body=self._response.excerpt(self._start))

    def _is_whole(self) -> bool:
        """Return whether a stream that ends without its end marker, but between two events, has all its events."""
        reasons = self._reasons
        finished = bool(reasons) and None not in reasons.values() if reasons is not None else self._run_ended
        return finished and not self._parser.held

    def _watched(self, item: Any, data: bytes) -> Iterator[Any]:
        """Yield an event, and note whether it ends the stream or reports an error."""
        kind = item.get("type") if isinstance(item, dict) else getattr(item, "type", None)
        if isinstance(kind, str) and kind in self._ends:
            self.complete = True
        elif (kind == "error" and not self._error_events) or (isinstance(item, dict) and self._is_failure(item)):
            if _is_declared_error(item):
                yield item
            raise self._failure(plain(item), data)
        yield item

    def _is_failure(self, value: Any) -> bool:
        """Return whether data reports an error. In rows with `error_events`, type `error` is an ordinary event."""
        if not isinstance(value, dict) or (self._error_events and value.get("type") == "error"):
            return False
        from oai._results.error_bodies import is_error  # most streams match their type and have no error

        kind = Any if self._named else self._type
        return is_error(value, kind) or (kind is Any and bool(value.get("error")))

    def _uncommon(self, data: bytes, name: str) -> Iterator[Any]:
        """Decode an event that has a name, or that is not an object."""
        text = data.strip()
        if text.strip(QUOTES).startswith(END_MARKER):
            self.complete = self._marked = True
        elif text and name == "error":
            yield from self._named_error(data, name)
        elif text:
            value = self._json(data)
            if not self._named:
                self._check_object(data, value)
                yield from self._watched(convert(self._type, value), data)
                return
            if name in _tags(self._type):
                self._check_object(data, value)
            elif self._is_failure(value):
                raise self._failure(value, data)
            self._run_ended = self._run_ended or name in LAST_OF_RUN
            yield from self._watched(convert(self._type, {"event": name, "data": value}), data)

    def _named_error(self, data: bytes, name: str) -> Iterator[Any]:
        """Raise the error of an event that is named `error`; yield it before if it is declared."""
        try:
            value = parse_json(data)
        except msgspec.DecodeError:
            value = data.decode(errors="replace")
        is_ordinary = self._error_events and isinstance(value, dict) and value.get("type") == "error"
        item: Any = None
        if is_ordinary or (isinstance(value, dict) and not value.get("error")):
            item = convert(self._type, {"event": name, "data": value} if self._named else value)
        if is_ordinary or _is_declared_error(item):
            yield item
        if not is_ordinary:
            raise self._failure(value, data)

    def _lenient(self, data: bytes) -> Iterator[Any]:
        """Decode an event that does not match its type."""
        value = self._json(data)
        if self._is_failure(value):
            raise self._failure(value, data)
        if self._reasons is not None:
            self._note_finish(self._reasons, value.get("choices"))
        yield from self._watched(lenient(self._type, value), data)

    @staticmethod
    def _note_finish(reasons: dict[Any, Any], choices: Any) -> None:
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                index = choice.get("index")
                index = index if isinstance(index, int) else 0
                reason = choice.get("finish_reason") or None
                if reason is not None or index not in reasons:
                    reasons[index] = reason

    def _check_object(self, data: bytes, value: Any) -> None:
        """Raise for an event whose data is null, a list, text or a number where its type is an object."""
        from oai._results.error_bodies import accepted_kinds, json_kind

        kinds = accepted_kinds(self._type)
        if kinds is not None and json_kind(value) not in kinds:
            message = f"An event of the stream is {json_kind(value)}, not an object: {self._response.excerpt(data)}"
            raise APIResponseValidationError(message, response=self._response, body=value)

    def _json(self, data: bytes) -> Any:
        try:
            return parse_json(data)
        except msgspec.DecodeError as error:
            raise APIResponseValidationError(
                f"An event of the stream is not JSON ({error}): {self._response.excerpt(data)}",
                response=self._response,
                body=self._response.excerpt(data),
            ) from None

    def _failure(self, value: Any, data: bytes) -> StreamError:
        body = (value.get("error") or value) if isinstance(value, dict) else value
        shown = self._response.excerpt
        message = shown(value) if isinstance(value, str) else read_error(data, shown)[0]
        return StreamError(message, response=self._response, body=body)


def _is_declared_error(item: Any) -> bool:
    """Return whether an event is of the type that a row declares for errors."""
    return isinstance(item, msgspec.Struct) and item.__struct_config__.tag == "error"


@lru_cache(16)
def _tags(kind: Any) -> frozenset[Any]:
    """Return the tags of the variants of a union."""
    return frozenset(
        variant.__struct_config__.tag for variant in get_args(kind) if hasattr(variant, "__struct_config__")
    )
