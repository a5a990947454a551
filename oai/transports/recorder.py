"""Record what a transport does, and replay it without a network and without a key.

`Recorder` stands between the flow and a transport. In a replay it answers from a cassette; when it records it
hands on every piece when it comes, takes note of it, and writes the cassette at the end. `_recording.cassette` is
the format of cassettes, `_recording.matching` decides when two requests are equal, and `_recording.session` keeps the
new exchanges.

One class serves sync and async clients. It looks at what the wrapped transport's `send` returns; and what it
replays can be awaited or not.
"""

from __future__ import annotations

import atexit
import inspect
import os
import sys
import threading
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from oai._http.messages import Request, Transport, TransportError, is_async
from oai._recording.cassette import CassetteError, RecordedRequest
from oai._recording.matching import Matcher, explain
from oai._recording.replies import (
    AWAITABLE_NONE,
    VARIABLE,
    AsyncRecordingReply,
    CassetteMiss,
    RecordingReply,
    ReplayedReply,
    failure_of,
)
from oai._recording.session import KEPT_HEADERS, PendingExchange, RecordingSession, SecretFound, absolute
from oai._support.redact import Redactor
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["CassetteError", "CassetteMiss", "Recorder", "SecretFound", "UnusedAnswers"]

MODES: Final = ("replay", "record", "append", "live")
CUTS: Final = ("recorded", "one", "bytes")


class UnusedAnswers(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """A cassette has answers that nobody asked for."""


class Recorder:
    """A transport that records another one, or replays what was recorded.

    Args:
        path: the cassette, a text file to be kept with the tests.
        transport: what to record, sync or async, which is closed with this one; unless given the usual one of
            the client that asks, `HTTPTransport()` or `AiohttpTransport()`.
        mode: `"replay"` answers from the cassette and never sends; `"record"` sends everything and writes the
            cassette anew; `"append"` answers what is recorded and sends and adds the rest; `"live"` sends and
            writes nothing. Where it is not given, the environment's `OAI_RECORD` says it, else it is `"replay"`.
        ignore: what of a request is neither compared nor written: `"body.user"`, `"body.messages.*.id"`,
            `"query.after"`, `"headers.NAME"`, `"operation"`.
        chunks: how a replayed stream is cut: as `"recorded"`, as `"one"` piece, in single `"bytes"`, or at random
            by a seed.
        pace: whether a replay waits before each piece of a stream as long as the recording did, about.
        compare_headers: request headers to write and compare beside `OpenAI-Beta`.
        keep_headers: headers of answers to keep beside the usual, such as `"x-ratelimit-*"`.
        allow_unused: whether `close` accepts that recorded answers were not asked for.

    The cassette is written by `close`, which leaving the `with` block calls; a block that an exception ends writes
    nothing. A recorder that nobody closes writes when the interpreter exits, unless an exception ended it.

    Attributes:
        mode: the mode.
        needs_key: whether a client over this transport must have a key; a replay needs none.

    Raises:
        ValueError: an option cannot be what was given.
        CassetteError: the file is there, and no cassette that can be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        transport: Transport | Any = None,
        *,
        mode: Literal["replay", "record", "append", "live"] | None = None,
        ignore: Iterable[str] = (),
        chunks: Literal["recorded", "one", "bytes"] | int = "recorded",
        pace: bool = False,
        compare_headers: Iterable[str] = (),
        keep_headers: Iterable[str] = (),
        allow_unused: bool = True,
    ) -> None:
        self.path = os.fspath(path)
        self.mode: str = _mode(mode)
        self._chunks = _cut_option(chunks, pace=pace)
        self._pace = pace
        self._allow_unused = allow_unused
        self._redactor = Redactor()
        self._matcher = Matcher(self._redactor, ignore, compare_headers)
        kept = (*KEPT_HEADERS, *(name.lower() for name in keep_headers))
        self._session: RecordingSession | None = None
        if self.mode != "live":
            rewrite = self.mode == "record"
            self._session = RecordingSession(absolute(path), self._matcher, self._redactor, rewrite=rewrite, kept=kept)
        self._given = transport
        self._made: dict[bool, Any] = {}  # the transports of its own, by whether they are async
        self._lock = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        if self.mode in ("record", "append"):
            atexit.register(self._save_at_exit)

    @property
    def needs_key(self) -> bool:
        """Whether requests go to a transport that needs a key."""
        return self.mode != "replay" and getattr(self._given, "needs_key", True)

    @property
    def is_async(self) -> bool:
        """Whether requests go to a transport whose `send` must be awaited; a replay serves either kind."""
        return self.mode != "replay" and self._given is not None and is_async(self._given)

    @property
    def unused(self) -> list[str]:
        """The recorded requests that nobody has asked for yet, as method, path and operation."""
        if self._session is None or self.mode == "record":
            return []
        return [exchange.request.title for exchange in self._session.unused()]

    def __reduce__(self) -> Any:
        raise TypeError("a Recorder does not pickle, for what a copy notes would be lost: make one in each process")

    def __repr__(self) -> str:
        return f"<Recorder {self.path!r}, mode {self.mode!r}>"

    def send(self, request: Request) -> Any:
        """Answer from the cassette, or send and take note; a reply, or where the transport is async an awaitable.

        Raises:
            TransportError: what the transport raised, now or when it was recorded.
            CassetteMiss: this is a replay, and there is no such request in the cassette.
        """
        return self._send(request, is_async=False)

    def for_async(self) -> Transport:
        """Return this recorder as async clients use it: what it sends of its own goes over an async transport."""
        return cast("Transport", _AsyncSide(self))

    def _send(self, request: Request, *, is_async: bool) -> Any:
        if self._closed:
            raise TransportError("closed", f"the recorder of {self.path} is closed")
        session = self._session
        if session is None:
            return self._inner(is_async=is_async).send(request)
        canonical = self._matcher.canonical(request)
        if self.mode != "record":
            found = session.take(canonical)
            if found is not None and found.status is None:
                raise failure_of(found)
            if found is not None:
                return ReplayedReply(found, self._chunks, self._title(canonical), pace=self._pace)
            if self.mode == "replay":
                raise self._miss(session, canonical)
        note = session.note(canonical, request)
        try:
            outcome = self._inner(is_async=is_async).send(request)
        except BaseException as error:
            self._not_answered(note, error)
            raise
        # What is a reply already need not be awaited, even if it can be, as that of another recorder.
        if inspect.isawaitable(outcome) and not hasattr(outcome, "status"):
            return self._awaited(note, outcome)
        reply: Any = outcome
        return RecordingReply(reply, note)

    async def _awaited(self, note: PendingExchange, outcome: Awaitable[Any]) -> AsyncRecordingReply:
        try:
            reply = await outcome
        except BaseException as error:
            self._not_answered(note, error)
            raise
        return AsyncRecordingReply(reply, note)

    def _not_answered(self, note: PendingExchange, error: BaseException) -> None:
        """Note a failure; a cancelled request, or one whose file cannot be read, is not one to replay."""
        if isinstance(error, TransportError) and error.kind != "closed":
            note.failed(error)
        else:
            cast("RecordingSession", self._session).drop(note)

    def close(self) -> Any:
        """Write the cassette and close the wrapped transport. Calling it again does nothing.

        The result can be awaited, and has to be where the wrapped transport is async.

        Raises:
            SecretFound: a secret would be written; nothing was.
            UnusedAnswers: there are recorded answers that were not asked for, and `allow_unused` is false.
            OSError: the file cannot be written; the old one stays as it was.
        """
        return self._close(save=True)

    def abort(self) -> Any:
        """Close without writing anything."""
        return self._close(save=False)

    def _close(self, *, save: bool) -> Any:
        with self._lock:
            if self._closed:
                return AWAITABLE_NONE
            self._closed = True
        atexit.unregister(self._save_at_exit)
        failure: Exception | None = None
        try:
            if save:
                self._finish()
        except Exception as error:  # noqa: BLE001 - raised again below, when the transport is closed as well
            failure = error
        closing: list[Any] = []
        for each in [self._given, *self._made.values()]:
            outcome = None if each is None else each.close()
            if inspect.isawaitable(outcome) and outcome is not AWAITABLE_NONE:
                closing.append(outcome)
        if closing:
            return _closing(closing, failure)
        if failure is not None:
            raise failure
        return AWAITABLE_NONE

    def _finish(self) -> None:
        if self._session is not None and self.mode != "replay":
            self._session.save()
        if not self._allow_unused and (unused := self.unused):
            raise UnusedAnswers(f"{self.path} has {len(unused)} answers that nobody asked for: {'; '.join(unused)}")

    def _save_at_exit(self) -> None:
        # `last_value` is the exception that ended the program; a forked child has its parent's notes.
        if os.getpid() == self._process and getattr(sys, "last_value", None) is None:
            self._closed = True  # the connections end with the process
            self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(save=kind is None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close(save=kind is None)

    def _inner(self, *, is_async: bool) -> Any:
        """Return the wrapped transport; the usual one is made, and its library imported, when it must send."""
        if self._given is not None:
            side = getattr(self._given, "for_async", None) if is_async else None
            return self._given if side is None else side()
        with self._lock:
            if is_async not in self._made:
                self._made[is_async] = _usual(is_async=is_async)
            return self._made[is_async]

    def _title(self, canonical: RecordedRequest) -> str:
        return f"{canonical.title} in {self.path}"

    def _miss(self, session: RecordingSession, canonical: RecordedRequest) -> CassetteMiss:
        times = session.times(canonical)
        if not session.found:
            lines = [f"there is no cassette {self.path} to answer {canonical.title}"]
        elif times:
            count = "once" if times == 1 else f"{times} times"
            lines = [f"{self._title(canonical)} is recorded {count}, and was asked for once more"]
        else:
            lines = [f"{self.path} has no answer to {canonical.title}"]
            lines += explain(canonical, [exchange.request for exchange in session.recorded])
        advice = (
            f"to record what is missing, run once with the environment's {VARIABLE}=append or "
            f"Recorder(..., mode='append'); to record all of it anew, with {VARIABLE}=record or mode='record'"
        )
        miss = CassetteMiss("\n".join([*lines, advice]))
        miss.missed = "\n".join(lines)
        return miss


class _AsyncSide:
    """A recorder as async clients use it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __repr__(self) -> str:
        return repr(self._recorder)

    @property
    def needs_key(self) -> bool:
        return self._recorder.needs_key

    def send(self, request: Request) -> Any:
        return self._recorder._send(request, is_async=True)  # noqa: SLF001 - it is the recorder

    def close(self) -> Any:
        return self._recorder.close()


def _usual(*, is_async: bool) -> Any:
    if is_async:
        from oai.transports.aiohttp import AiohttpTransport

        return AiohttpTransport()
    from oai.transports.http import HTTPTransport

    return HTTPTransport()


async def _closing(closing: list[Awaitable[Any]], failure: Exception | None) -> None:
    for each in closing:
        await each
    if failure is not None:
        raise failure


def _mode(mode: str | None) -> str:
    named = mode if mode is not None else os.environ.get(VARIABLE) or "replay"
    if named not in MODES:
        right = nearest(str(named), MODES)
        hint = f". Did you mean {right!r}?" if right else ""
        where = "mode" if mode is not None else f"the environment's {VARIABLE}"
        raise ValueError(f"{where} is {named!r}; it is one of {', '.join(MODES)}{hint}")
    return named


def _cut_option(chunks: Any, *, pace: bool) -> str | int:
    if chunks not in CUTS and (not isinstance(chunks, int) or isinstance(chunks, bool)):
        right = nearest(str(chunks), CUTS)
        hint = f". Did you mean {right!r}?" if right else ""
        raise ValueError(f"chunks is {chunks!r}; it is one of {', '.join(CUTS)}, or a number as a seed{hint}")
    if pace and chunks != "recorded":
        raise ValueError(f"chunks is {chunks!r}, and only pieces as recorded have a pace: leave out pace or chunks")
    return cast("str | int", chunks)
