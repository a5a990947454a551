"""Record the exchanges of a transport, and replay them without a network and without a key.

`Recorder` wraps a transport. In a replay it responds from a cassette. When recording, it passes every piece on as it
arrives, keeps it, and writes the cassette at the end. `_recording.cassette` defines the format of cassettes,
`_recording.matching` decides when two requests are equal, and `_recording.session` collects the new exchanges.

One class serves sync and async clients: replayed replies can be awaited but need not be, and live ones are sync or
async like those of the wrapped transport.
"""

from __future__ import annotations

import atexit
import inspect
import os
import sys
import threading
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from oai._http.either import AWAITABLE_NONE
from oai._http.messages import Request, Transport, TransportError, is_async
from oai._recording.cassette import CassetteError, RecordedRequest
from oai._recording.matching import Matcher, explain
from oai._recording.replies import (
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
from oai.transports._wrapper import OverTransport

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["CassetteError", "CassetteMiss", "Recorder", "SecretFound", "UnusedAnswers"]

MODES: Final = ("replay", "record", "append", "live")
CUTS: Final = ("recorded", "one", "bytes")


class UnusedAnswers(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """Recorded responses of a cassette, or programmed answers of a fake, that were not used."""


class Recorder(OverTransport):
    """A transport that records another one, or replays a recording.

    Args:
        path: the cassette, a text file to keep with the tests.
        transport: the transport to record, sync or async, which is closed with this one; by default `HTTPTransport()`
            or `AsyncHTTPTransport()`, whatever `OAI_TRANSPORT` is.
        mode: `"replay"` responds from the cassette and never sends; `"record"` sends everything and replaces the
            cassette; `"append"` replays recorded exchanges, and sends and adds the others; `"live"` sends and writes
            nothing. The default is the environment variable `OAI_RECORD`, else `"replay"`.
        ignore: fields of a request that are neither compared nor written: `"body.user"`, `"body.messages.*.id"`,
            `"query.after"`, `"headers.NAME"`, `"operation"`.
        chunks: how to cut a replayed stream: as `"recorded"`, in `"one"` piece, in single `"bytes"`, or at random
            with a number as the seed.
        pace: whether a replay waits before each piece of a stream for about as long as the recording did.
        compare_headers: request headers to write and compare in addition to `OpenAI-Beta`.
        keep_headers: response headers to keep in addition to the usual ones, such as `"x-ratelimit-*"`.
        allow_unused: whether `close` accepts recorded responses that were not used.

    The cassette is written by `close` or at the end of a `with` block, unless an exception ends the block. A recorder
    that is never closed writes when the interpreter exits, unless an exception ended the program.

    Attributes:
        mode: the mode.
        needs_key: whether a client with this transport needs a key; a replay does not.

    Raises:
        ValueError: an option has an invalid value.
        CassetteError: the file exists, but is not a readable cassette.
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
        self._transport = transport
        self._own: dict[bool, Any] = {}  # its own default transports, by whether they are async
        self._lock = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        if self.mode in ("record", "append"):
            atexit.register(self._save_at_exit)

    @property
    def needs_key(self) -> bool:
        """Whether requests go to a transport that needs a key."""
        return self.mode != "replay" and getattr(self._transport, "needs_key", True)

    @property
    def is_async(self) -> bool:
        """Whether requests go to a transport whose `send` must be awaited; a replay serves either kind."""
        return self.mode != "replay" and self._transport is not None and is_async(self._transport)

    @property
    def unused(self) -> list[str]:
        """The recorded requests that have not been used yet, as method, path and operation."""
        if self._session is None or self.mode == "record":
            return []
        return [exchange.request.title for exchange in self._session.unused()]

    def __reduce__(self) -> Any:
        raise TypeError("a Recorder cannot be pickled, since a copy's recordings would be lost; create one per process")

    def __repr__(self) -> str:
        return f"<Recorder {self.path!r}, mode {self.mode!r}>"

    def send(self, request: Request) -> Any:
        """Replay a recorded reply, or send and record; return a reply, or an awaitable if the transport is async.

        Raises:
            TransportError: the transport raises it, or a recorded one is replayed.
            CassetteMiss: the mode is replay, and the cassette has no response to the request.
        """
        return self._send(request, is_async=False)

    def for_async(self) -> Transport:
        """Return the adapter for async clients, whose default transport is async."""
        return cast("Transport", _AsyncSide(self))

    def _send(self, request: Request, *, is_async: bool) -> Any:
        if self._closed:
            raise TransportError("closed", f"the recorder of {self.path} is closed")
        session = self._session
        if session is None:
            return self._inner(is_async=is_async).send(request)
        canonical = self._matcher.canonical(request)
        if self.mode != "record":
            recorded = session.take(canonical)
            if recorded is not None and recorded.status is None:
                raise failure_of(recorded)
            if recorded is not None:
                return ReplayedReply(recorded, self._chunks, self._title(canonical), pace=self._pace)
            if self.mode == "replay":
                raise self._miss(session, canonical)
        pending = session.start(canonical, request)
        try:
            outcome = self._inner(is_async=is_async).send(request)
        except BaseException as error:
            self._record_failure(pending, error)
            raise
        # A reply need not be awaited, even if it can be, as those of another recorder can.
        if inspect.isawaitable(outcome) and not hasattr(outcome, "status"):
            return self._awaited(pending, outcome)
        reply: Any = outcome
        return RecordingReply(reply, pending)

    async def _awaited(self, pending: PendingExchange, outcome: Awaitable[Any]) -> AsyncRecordingReply:
        try:
            reply = await outcome
        except BaseException as error:
            self._record_failure(pending, error)
            raise
        return AsyncRecordingReply(reply, pending)

    def _record_failure(self, pending: PendingExchange, error: BaseException) -> None:
        """Record a transport's failure; discard a request that was cancelled or whose body could not be read."""
        if isinstance(error, TransportError) and error.kind != "closed":
            pending.set_failure(error)
        else:
            cast("RecordingSession", self._session).drop(pending)

    def close(self) -> Any:
        """Write the cassette and close the wrapped transport; idempotent.

        The result can be awaited, and must be if the wrapped transport is async.

        Raises:
            SecretFound: a secret cannot be redacted; nothing is written.
            UnusedAnswers: recorded responses were not used, and `allow_unused` is false.
            OSError: the file cannot be written; the old one is unchanged.
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
        except Exception as error:  # noqa: BLE001 - raised again below, after the transport is closed
            failure = error
        closing: list[Any] = []
        for each in [self._transport, *self._own.values()]:
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
            raise UnusedAnswers(f"{len(unused)} recorded responses of {self.path} were not used: {'; '.join(unused)}")

    def _save_at_exit(self) -> None:
        # `last_value` is the exception that ended the program. A forked child has copies of its parent's exchanges.
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
        """Return the wrapped transport; a default one is created, and its library imported, on the first send."""
        if self._transport is not None:
            side = getattr(self._transport, "for_async", None) if is_async else None
            return self._transport if side is None else side()
        with self._lock:
            if is_async not in self._own:
                self._own[is_async] = _usual(is_async=is_async)
            return self._own[is_async]

    def _title(self, canonical: RecordedRequest) -> str:
        return f"{canonical.title} in {self.path}"

    def _miss(self, session: RecordingSession, canonical: RecordedRequest) -> CassetteMiss:
        times = session.times(canonical)
        if not session.exists:
            lines = [f"there is no cassette {self.path} for {canonical.title}"]
        elif times:
            count = "once" if times == 1 else f"{times} times"
            more = "twice" if times == 1 else "once more"
            lines = [f"{self._title(canonical)} was recorded {count} but requested {more}"]
        else:
            lines = [f"{self.path} has no response to {canonical.title}"]
            lines += explain(canonical, [exchange.request for exchange in session.recorded])
        advice = (
            f"to record what is missing, run once with {VARIABLE}=append in the environment or "
            f"Recorder(..., mode='append'); to record everything again, with {VARIABLE}=record or mode='record'"
        )
        miss = CassetteMiss("\n".join([*lines, advice]))
        miss.missed = "\n".join(lines)
        return miss


class _AsyncSide(OverTransport):
    """The adapter of a recorder for async clients."""

    _transport: Recorder

    def __init__(self, recorder: Recorder) -> None:
        self._transport = recorder

    def __repr__(self) -> str:
        return repr(self._transport)

    @property
    def needs_key(self) -> bool:
        return self._transport.needs_key

    def send(self, request: Request) -> Any:
        return self._transport._send(request, is_async=True)  # noqa: SLF001 - part of the recorder

    def close(self) -> Any:
        return self._transport.close()


def _usual(*, is_async: bool) -> Any:
    if is_async:
        from oai.transports.async_http import AsyncHTTPTransport

        return AsyncHTTPTransport()
    from oai.transports.http import HTTPTransport

    return HTTPTransport()


async def _closing(closing: list[Awaitable[Any]], failure: Exception | None) -> None:
    for each in closing:
        await each
    if failure is not None:
        raise failure


def _mode(mode: str | None) -> str:
    value = mode if mode is not None else os.environ.get(VARIABLE) or "replay"
    if value not in MODES:
        right = nearest(str(value), MODES)
        hint = f". Did you mean {right!r}?" if right else ""
        source = "mode" if mode is not None else f"the environment variable {VARIABLE}"
        raise ValueError(f"{source} must be one of {', '.join(MODES)}, not {value!r}{hint}")
    return value


def _cut_option(chunks: Any, *, pace: bool) -> str | int:
    if chunks not in CUTS and (not isinstance(chunks, int) or isinstance(chunks, bool)):
        right = nearest(str(chunks), CUTS)
        hint = f". Did you mean {right!r}?" if right else ""
        raise ValueError(f"chunks must be one of {', '.join(CUTS)}, or a number as a seed, not {chunks!r}{hint}")
    if pace and chunks != "recorded":
        raise ValueError(f"pace=True needs chunks='recorded', not {chunks!r}; leave out pace or chunks")
    return cast("str | int", chunks)
