"""The answers of a fake: each is validated when it is programmed, and made into a reply for each call.

An `AnswerFactory` is a function from a `Call` and its request to a `CannedReply`. Answers that do not depend on the
request are encoded at once; those with a text are made by the code of the offline transport, so that they are as
well-formed.
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
from oai._offline.answers import ANYTHING, answer, make_sampler, put_events
from oai._offline.events import make_events
from oai._offline.fill import fill
from oai._offline.sampler import SampleFactory

if TYPE_CHECKING:
    from oai._table.operation import Operation

MARK = "a text that nothing else says"

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
    """Answer the same whatever is asked."""

    def make(call: Call, request: Request) -> CannedReply:
        if request.stream and status == 200 and kind == JSON:
            raise UnexpectedCall(
                f"{call.operation} was asked for a stream, and is programmed with a whole answer; "
                "give streams() the texts or events of one, or returns() a text, which goes both ways"
            )
        return CannedReply(status, [("content-type", kind)] if kind else [], (content,) if content else ())

    return make


def value_answer(operation: Operation, value: Any, fields: dict[str, Any]) -> AnswerFactory:
    """Answer a value, or the given fields with what they leave out made up.

    Raises:
        ValueError: it could not be the operation's answer.
    """
    kind = operation.response_type
    if kind in (None, type(None)):
        if value is not None or fields:
            raise ValueError(f"{operation.name} answers nothing: returns() takes nothing, or None")
        return fixed(204, "", b"")
    if kind in (bytes, str) and not fields and isinstance(value, (str, bytes)):
        if kind is str and isinstance(value, str):
            return text_answer(operation, [value], {})
        text = isinstance(value, str)
        content = value.encode() if isinstance(value, str) else value
        return fixed(200, "text/plain; charset=utf-8" if text or kind is str else "application/octet-stream", content)
    if kind in (bytes, str):
        raise ValueError(f"{operation.name} answers {kind.__name__}, which {type(value).__name__} cannot be")
    if (isinstance(value, str) and kind not in ANYTHING) or (value is None and fields):
        return text_answer(operation, None if value is None else pieces_of(value), fields)
    if fields:
        raise ValueError(f"{operation.name}: a text or nothing goes beside {', '.join(fields)}, not both at once")
    return fixed(200, JSON, check_answer(operation, value))


def text_answer(operation: Operation, texts: Sequence[str] | None, fields: dict[str, Any]) -> AnswerFactory:
    """Answer a text, whole or as a stream as it is asked for, or some fields; the rest is made up for the request.

    Raises:
        ValueError: the operation's answer has no text, or the fields do not fit into it.
    """
    kind = operation.response_type
    if texts is not None and kind is not str and MARK not in str(SampleFactory(text=MARK).make(kind)):
        raise ValueError(
            f"{operation.name} answers {operation.row.response}, which has no place for a text; "
            "give a struct, a dict, or fields as keywords"
        )
    if fields:
        check_answer(operation, fill(SampleFactory(), kind, fields))

    def make(call: Call, request: Request) -> CannedReply:
        if request.stream and fields:
            raise UnexpectedCall(
                f"{call.operation} was asked for a stream, and is programmed with fields of a whole answer"
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
    """Cut a text into words as a stream brings them; together they are the text."""
    return re.findall(r"\s*\S+(?:\s+\Z)?|\A\s+\Z", text)


def stream_answer(operation: Operation, items: Iterable[Any], fails: str | None) -> AnswerFactory:
    """Answer a stream that brings texts, or these very events.

    Raises:
        ValueError: the operation has no stream, or not one of these.
    """
    if operation.row.stream is None and " " not in operation.name:
        raise ValueError(f"{operation.name} has no stream: its row says nothing of one")
    failure = None if fails is None else _failure(fails)
    items = list(items)
    if not all(isinstance(item, str) for item in items):
        return _of_events(operation, items, failure)
    samples = make_events(operation.stream_type, SampleFactory(text=MARK), texts=[MARK])
    if not any(MARK in str(event) for event in samples):
        raise ValueError(f"the stream of {operation.name} ({operation.row.stream}) brings no text; give its events")

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
    if not request.stream:
        raise UnexpectedCall(
            f"{call.operation} was asked for a whole answer, and is programmed with a stream; "
            "give returns() the answer, or a text, which goes both ways"
        )


def _until(pieces: Iterable[bytes], texts: list[str]) -> Iterator[bytes]:
    """Yield the pieces of a stream up to the one that says the last text."""
    left = [msgspec.json.encode(text) for text in texts]
    for piece in pieces:
        if not left:
            return
        if left[0] in piece:
            del left[0]
        yield piece


FAILURES = {
    "connect": ("connect", "the connection was refused, as the fake was told"),
    "reset": ("receive", "the connection was reset, as the fake was told"),
    "timeout": ("timeout", "there was no answer in time, as the fake was told"),
    "truncated": ("receive", "the answer was cut short, as the fake was told"),
}
"""Failures below HTTP by name: the kind of the `TransportError`, and its message."""

TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
"""The `type` of the API's errors by status, where it is neither of the two that all others have."""


def _failure(name: str) -> TransportError:
    if name not in FAILURES:
        from oai._support.suggest import nearest

        right = nearest(name, FAILURES)
        hint = f"; did you mean {right!r}?" if right else ""
        raise ValueError(f"{name!r} is no failure; there are {', '.join(FAILURES)}, and the statuses 400 to 599{hint}")
    return TransportError(*FAILURES[name])


@dataclass(frozen=True)
class Failure:
    """A failure on purpose, as `FakeTransport.failure` makes it: an answer to return from a function."""

    make: AnswerFactory = field(repr=False)
    what: int | str | TransportError

    def __call__(self, call: Call, request: Request) -> CannedReply:
        return self.make(call, request)


def make_failure(what: int | str | TransportError, error: dict[str, Any], headers: Pairs) -> Failure:
    """Fail: with a status and the API's error, with a `TransportError`, or with one by its name.

    Raises:
        ValueError: there is no such failure.
    """
    if isinstance(what, int):
        if not 400 <= what <= 599:
            raise ValueError(f"{what} is no failure; the statuses of errors are 400 to 599")
        kind = TYPES.get(what, "server_error" if what >= 500 else "invalid_request_error")
        body: dict[str, Any] = {"message": f"Status {what}, as the fake was told.", "type": kind}
        body |= {"param": None, "code": None} | {name: value for name, value in error.items() if value is not None}
        content = msgspec.json.encode({"error": body})
        pairs = [("content-type", JSON), *headers]
        return Failure(lambda call, request: CannedReply(what, pairs, (content,)), what)  # noqa: ARG005
    given = [name for name, value in error.items() if value is not None]
    if given or headers:
        raise ValueError(f"{', '.join(given) or 'headers and retry_after'}: only a failure with a status has that")
    failure = _failure(what) if isinstance(what, str) else what
    if what == "truncated":
        return Failure(lambda call, request: _truncated(request, failure), what)  # noqa: ARG005

    def fail(call: Call, request: Request) -> CannedReply:  # noqa: ARG001
        raise TransportError(failure.kind, failure.message)

    return Failure(fail, what)


def _truncated(request: Request, failure: TransportError) -> CannedReply:
    """Return the first half of what an offline answer would be."""
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
    """Answer what a function returns for a call, taken as `returns` and, for a stream, `streams` would take it.

    Raises:
        TypeError: it is no function, or one that would have to be awaited.
    """
    from inspect import iscoroutinefunction

    if not callable(function) or iscoroutinefunction(function):
        raise TypeError(f"{operation.name}: answers() takes a plain function of the call, not {function!r}")

    def make(call: Call, request: Request) -> CannedReply:
        found = function(call)
        if isinstance(found, Failure):
            return found(call, request)
        if request.stream and not isinstance(found, str) and isinstance(found, Iterable):
            return stream_answer(operation, found, None)(call, request)
        return value(found)(call, request)

    return make
