"""Programmed answers: validated when a test programs them, turned into a reply for each call.

An `AnswerFactory` is a function from a `Call` and its request to a `CannedReply`. Answers that do not depend on the
request are encoded once; those made from a text go through the offline transport's code, which keeps them well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from oai._fake.calls import Call, UnexpectedCall
from oai._fake.check import check_answer, check_event
from oai._http.messages import Pairs, Request, TransportError
from oai._incoming.reading import read_request
from oai._json.objects import Object
from oai._offline.answers import ANYTHING, answer, make_sampler, put_events
from oai._offline.events import make_events
from oai._offline.fill import fill
from oai._offline.sampler import SampleFactory

if TYPE_CHECKING:
    from oai._table.operation import Operation

MARK = "a text that occurs nowhere else"
"""A probe: a type has room for a text if a sample made with this text contains it."""

JSON = "application/json"
EVENTS = "text/event-stream"


@dataclass
class CannedReply:
    """The content of a reply, and the failure that ends it early, if any."""

    status: int
    headers: Pairs
    pieces: Iterable[bytes] = ()
    failure: TransportError | None = None


AnswerFactory: TypeAlias = "Callable[[Call, Request], CannedReply]"


def fixed(status: int, kind: str, content: bytes) -> AnswerFactory:
    """Return a factory that sends the same response to every request."""

    def make(call: Call, request: Request) -> CannedReply:
        if request.events and status == 200 and kind == JSON:
            raise UnexpectedCall(
                f"{call.operation} was called with stream=True but is programmed with a complete response; "
                "use streams() with texts or events, or returns() with a text, which serves both"
            )
        return CannedReply(status, [("content-type", kind)] if kind else [], (content,) if content else ())

    return make


def value_answer(operation: Operation, value: Any, fields: dict[str, Any]) -> AnswerFactory:
    """Return a factory for a value, or for an object with these fields and invented values for the others.

    Raises:
        ValueError: the value does not fit the operation's response type.
    """
    kind = operation.response_type
    if kind in (None, type(None)):
        if value is not None or fields:
            raise ValueError(f"{operation.name} has an empty response; call returns() without arguments, or with None")
        return fixed(204, "", b"")
    if kind in (bytes, str) and not fields and isinstance(value, (str, bytes)):
        if kind is str and isinstance(value, str):
            return text_answer(operation, [value], {})
        text = isinstance(value, str)
        content = value.encode() if isinstance(value, str) else value
        return fixed(200, "text/plain; charset=utf-8" if text or kind is str else "application/octet-stream", content)
    if kind in (bytes, str):
        raise ValueError(f"{operation.name} returns {kind.__name__}, not {type(value).__name__}")
    if (isinstance(value, str) and kind not in ANYTHING) or (value is None and fields):
        return text_answer(operation, None if value is None else pieces_of(value), fields)
    if fields:
        raise ValueError(f"{operation.name}: {', '.join(fields)} can only be combined with a text, not another value")
    return fixed(200, JSON, check_answer(operation, value))


def text_answer(operation: Operation, texts: Sequence[str] | None, fields: dict[str, Any]) -> AnswerFactory:
    """Return a factory for a text, sent whole or streamed as the request wants, or for some fields of the response.

    Everything else in the response is invented to fit the request.

    Raises:
        ValueError: the operation's response has no text, or the fields do not fit.
    """
    kind = operation.response_type
    if texts is not None and kind is not str and MARK not in str(SampleFactory(text=MARK).make(kind)):
        raise ValueError(
            f"{operation.name} returns {operation.row.response}, which has no text field; "
            "use a struct, a dict, or keyword arguments for its fields"
        )
    if fields:
        check_answer(operation, fill(SampleFactory(), kind, fields))

    def make(call: Call, request: Request) -> CannedReply:
        if request.events and fields:
            raise UnexpectedCall(
                f"{call.operation} was called with stream=True but is programmed with fields of a complete response"
            )
        if not fields:
            return _canned(*answer(request, texts))
        sampler = make_sampler(read_request(request))
        sampler = sampler if texts is None else sampler.replace(text="".join(texts))
        content = msgspec.json.encode(fill(sampler, kind, fields))
        return CannedReply(200, [("content-type", JSON)], (content,))

    return make


def _canned(status: int, kind: str, pieces: Iterable[bytes]) -> CannedReply:
    return CannedReply(status, [("content-type", kind)] if kind else [], pieces)


def pieces_of(text: str) -> list[str]:
    """Split a text into the pieces a stream sends it in: words with the space before them; joined they are the text."""
    return re.findall(r"\s*\S+(?:\s+\Z)?|\A\s+\Z", text)


def stream_answer(operation: Operation, items: Iterable[Any], fails: str | None) -> AnswerFactory:
    """Return a factory for a stream of texts, or of exactly these events.

    Raises:
        ValueError: the operation has no stream, or the items do not fit its event type.
    """
    if operation.row.stream is None and " " not in operation.name:
        raise ValueError(f"{operation.name} does not stream: its row has no `stream` key")
    failure = None if fails is None else _failure(fails)
    items = list(items)
    if not all(isinstance(item, str) for item in items):
        return _of_events(operation, items, failure)
    samples = make_events(operation.stream_type, SampleFactory(text=MARK), texts=[MARK])
    if not any(MARK in str(event) for event in samples):
        raise ValueError(f"the events of {operation.name} ({operation.row.stream}) have no text; use events, not texts")

    def make(call: Call, request: Request) -> CannedReply:
        _check_streamed(call, request)
        pieces = answer(request, items)[2]
        pieces = pieces if failure is None else _until(pieces, items)
        return CannedReply(200, [("content-type", EVENTS)], pieces, failure)

    return make


def _of_events(operation: Operation, items: list[Any], failure: TransportError | None) -> AnswerFactory:
    events = [check_event(operation, item, place) for place, item in enumerate(items)]
    frames = list(put_events(operation, events))
    if failure is not None:
        frames = frames[: len(events)]

    def make(call: Call, request: Request) -> CannedReply:
        _check_streamed(call, request)
        return CannedReply(200, [("content-type", EVENTS)], tuple(frames), failure)

    return make


def _check_streamed(call: Call, request: Request) -> None:
    if not request.events:
        raise UnexpectedCall(
            f"{call.operation} was called without stream=True but is programmed with a stream; "
            "use returns() with the response, or with a text, which serves both"
        )


def _until(pieces: Iterable[bytes], texts: list[str]) -> Iterator[bytes]:
    """Yield the pieces of a stream up to the one that holds the last text."""
    left = [msgspec.json.encode(text) for text in texts]
    for piece in pieces:
        if not left:
            return
        if left[0] in piece:
            del left[0]
        yield piece


FAILURES = {
    "connect": ("connect", "the connection was refused (programmed failure)"),
    "reset": ("receive", "the connection was reset (programmed failure)"),
    "timeout": ("timeout", "the request timed out (programmed failure)"),
    "truncated": ("receive", "the response was truncated (programmed failure)"),
}
"""Failures below HTTP by name: the kind of the `TransportError`, and its message."""

TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
"""The `type` of the API's errors by status; all others are `invalid_request_error` (4xx) or `server_error` (5xx)."""


def _failure(name: str) -> TransportError:
    if name not in FAILURES:
        from oai._support.suggest import nearest

        right = nearest(name, FAILURES)
        hint = f"; did you mean {right!r}?" if right else ""
        raise ValueError(f"unknown failure {name!r}; use {', '.join(FAILURES)}, or a status from 400 to 599{hint}")
    return TransportError(*FAILURES[name])


@dataclass(frozen=True)
class Failure:
    """A programmed failure, made by `FakeTransport.failure`, for a function to return as its answer."""

    make: AnswerFactory = field(repr=False)
    what: int | str | TransportError

    def __call__(self, call: Call, request: Request) -> CannedReply:
        return self.make(call, request)


def make_failure(what: int | str | TransportError, error: dict[str, Any], headers: Pairs) -> Failure:
    """Make a failure: a status with the API's error body, a `TransportError`, or one of `FAILURES` by name.

    Raises:
        ValueError: there is no such failure.
    """
    if isinstance(what, int):
        if not 400 <= what <= 599:
            raise ValueError(f"{what} is not an error status; use 400 to 599")
        kind = TYPES.get(what, "server_error" if what >= 500 else "invalid_request_error")
        body: dict[str, Any] = {"message": f"Programmed failure with status {what}.", "type": kind}
        body |= {"param": None, "code": None} | {name: value for name, value in error.items() if value is not None}
        content = msgspec.json.encode({"error": body})
        pairs = [("content-type", JSON), *headers]
        return Failure(lambda call, request: CannedReply(what, pairs, (content,)), what)  # noqa: ARG005
    arguments = [name for name, value in error.items() if value is not None]
    if arguments or headers:
        raise ValueError(f"{', '.join(arguments) or 'headers and retry_after'}: only valid for a failure with a status")
    failure = _failure(what) if isinstance(what, str) else what
    if what == "truncated":
        return Failure(lambda call, request: _truncated(request, failure), what)  # noqa: ARG005

    def fail(call: Call, request: Request) -> CannedReply:  # noqa: ARG001
        raise TransportError(failure.kind, failure.message)

    return Failure(fail, what)


def _truncated(request: Request, failure: TransportError) -> CannedReply:
    """Return the first half of an offline response."""
    reply = _canned(*answer(request))
    pieces = list(reply.pieces)
    if len(pieces) > 1:
        reply.pieces = islice(pieces, len(pieces) // 2)
    else:
        reply.pieces = [piece[: max(len(piece) // 2, 1)] for piece in pieces]
    reply.failure = failure
    return reply


def function_answer(
    operation: Operation, function: Callable[[Call], Any], value: Callable[[Any], AnswerFactory]
) -> AnswerFactory:
    """Return a factory that calls a function; its result is treated like an argument of `returns` or `streams`.

    Raises:
        TypeError: it is not callable, or is a coroutine function.
    """
    from inspect import iscoroutinefunction

    if not callable(function) or iscoroutinefunction(function):
        raise TypeError(f"{operation.name}: answers() takes a plain function, not a coroutine function: {function!r}")

    def make(call: Call, request: Request) -> CannedReply:
        result = function(call)
        if isinstance(result, Failure):
            return result(call, request)
        if request.events and not isinstance(result, (str, Object)) and isinstance(result, Iterable):
            return stream_answer(operation, result, None)(call, request)
        return value(result)(call, request)

    return make
