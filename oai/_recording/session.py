"""The exchanges of one recording session: replayed from the cassette, newly recorded, and merged on save.

A `PendingExchange` collects an exchange in progress and does not know where its pieces come from. A `RecordingSession`
returns recorded responses, the k-th for the k-th of equal requests, and saves. If a new recording repeats an earlier
one, the earlier response stays as it is in the file, including its position, its chunks and its pace, so that a diff
shows only real changes. The only I/O of this module is that of the cassette.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import OpenAIError
from oai._http.encodings import decoder
from oai._http.messages import Headers, Request, TransportError
from oai._http.sse import EventParser
from oai._recording import cassette
from oai._recording.cassette import CassetteError, Exchange, Failure, RecordedRequest, RecordedResponse
from oai._recording.content import keep_content, keep_stream
from oai._recording.leaks import find_leak
from oai._support import atomic_files
from oai._support.plain_data import is_object
from oai._support.redact import REDACTED, is_secret_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oai._recording.matching import Matcher
    from oai._support.redact import Redactor

KEPT_HEADERS = (
    "content-disposition",
    "content-type",
    "location",
    "openai-model",
    "openai-version",
    "retry-after",
    "retry-after-ms",
    "x-request-id",
    "x-should-retry",
)
"""The response headers that are kept: those that clients act on, without those that vary from call to call.

The request id is the exception, since results carry it; it is not compared when an exchange is recorded again
(`VOLATILE`).
"""

VOLATILE = frozenset({"x-request-id"})

FAILURES = {
    "connect": "no connection was made",
    "send": "the connection broke while the request was sent",
    "receive": "the response was cut short",
    "timeout": "timed out",
}
BEFORE_RESPONSE = "the connection broke before the response"
"""The messages of failures in a cassette, by kind."""

EVENT_STREAM = "text/event-stream"


class SecretFound(OpenAIError):  # noqa: N818 - a public name
    """A secret that cannot be redacted; nothing was written. The message names its position."""


class PendingExchange:
    """An exchange in progress, and the parts of the response received so far."""

    def __init__(self, canonical: RecordedRequest, request: Request) -> None:
        self.canonical = canonical
        self._stream = request.stream
        self._ends = frozenset(request.operation.row.end) if request.operation else frozenset[str]()
        self._status: int | None = None
        self._headers = Headers()
        self._pieces: list[tuple[float, bytes]] = []
        self._cut = True
        self._failure: TransportError | None = None
        self._complete = False

    def set_head(self, status: int, headers: Headers) -> None:
        """Record the head of the response."""
        self._status, self._headers = status, headers

    def add_piece(self, piece: bytes, waited: float) -> None:
        """Record a piece of the content, and the seconds waited for it."""
        self._pieces.append((waited, piece))

    def set_content(self, content: bytes) -> None:
        """Record the content, read at once."""
        self._pieces, self._cut, self._complete = [(0.0, content)], False, True

    def set_complete(self) -> None:
        """Record that the content was read to its end."""
        self._complete = True

    def set_failure(self, error: TransportError) -> None:
        """Record the failure that ended the exchange, unless the caller used a closed reply.

        The message is replaced by a constant one: those of libraries differ, and contain addresses and ports.
        """
        if error.kind != "closed":
            kind = error.kind if error.kind in FAILURES else "receive"
            before = kind == "receive" and self._status is None
            self._failure = TransportError(kind, BEFORE_RESPONSE if before else FAILURES[kind])

    def exchange(self, redactor: Redactor, kept: Iterable[str]) -> Exchange:
        """Return the exchange, secrets redacted. A response that is neither complete nor failed is marked as closed."""
        pieces, failure = self._plain()
        closed = failure is None and not self._complete and not self._at_end_marker(pieces)
        content: dict[str, Any]
        if self._cut and (self._stream or self._type.startswith(EVENT_STREAM)):
            content = {"chunks": keep_stream(pieces, redactor)} if pieces else {}
        else:
            content = keep_content(b"".join(piece for _, piece in pieces), redactor)
        reply = RecordedResponse(
            status=self._status,
            headers=self._kept_headers(redactor, kept),
            failure=None if failure is None else Failure(kind=failure.kind, message=redactor.text(failure.message)),
            end="closed" if closed else None,
            **content,
        )
        return Exchange(request=self.canonical, reply=reply)

    @property
    def _type(self) -> str:
        return self._headers.get("content-type", "")

    def _plain(self) -> tuple[list[tuple[float, bytes]], TransportError | None]:
        """Return the pieces without their content encoding, and the failure, which may be that of decoding."""
        pieces: list[tuple[float, bytes]] = []
        try:
            feed = decoder(self._headers)
            if feed is None:
                return self._pieces, self._failure
            for waited, piece in self._pieces:
                pieces.append((waited, feed(piece)))
            if self._complete:
                pieces.append((0.0, feed(b"")))
        except TransportError as error:
            return pieces, self._failure or error
        return pieces, self._failure

    def _at_end_marker(self, pieces: list[tuple[float, bytes]]) -> bool:
        """Return whether a stream has reached its end marker, where its readers stop reading."""
        if not self._type.startswith(EVENT_STREAM):
            return False
        events = EventParser().feed(b"".join(piece for _, piece in pieces))
        if not events:
            return False
        if events[-1].data.startswith(b"[DONE]"):
            return True
        try:
            last = msgspec.json.decode(events[-1].data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return is_object(last) and last.get("type") in self._ends

    def _kept_headers(self, redactor: Redactor, kept: Iterable[str]) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name in sorted(self._headers):
            if any(fnmatchcase(name, each) for each in kept):
                value = REDACTED if is_secret_header(name) else self._headers[name]
                headers[name] = redactor.url(value) if name == "location" else redactor.text(value)
        return headers


class RecordingSession:
    """The recorded and the new exchanges of one cassette.

    Args:
        path: the cassette.
        matcher: compares requests.
        redactor: redacts secrets.
        rewrite: whether saving replaces the exchanges of the cassette instead of adding to them.
        kept: the names of response headers to keep, in lower case, with `*` as a wildcard.

    Raises:
        CassetteError: the file exists, but is not a readable cassette.
    """

    def __init__(self, path: str, matcher: Matcher, redactor: Redactor, *, rewrite: bool, kept: Iterable[str]) -> None:
        self.path = path
        self._matcher = matcher
        self._redactor = redactor
        self._rewrite = rewrite
        self._kept = tuple(kept)
        self._lock = threading.Lock()
        self._stamp = atomic_files.file_stamp(path)
        self.exists = self._stamp is not None
        self.recorded = _read(path)
        self._keys = [matcher.key(exchange.request) for exchange in self.recorded]
        self._waiting: dict[str, deque[int]] = {}
        for place, key in enumerate(self._keys):
            self._waiting.setdefault(key, deque()).append(place)
        self._pending: list[PendingExchange] = []

    def take(self, canonical: RecordedRequest) -> RecordedResponse | None:
        """Return the next recorded response to a request, or `None` if there is none left."""
        with self._lock:
            waiting = self._waiting.get(self._matcher.key(canonical))
            return self.recorded[waiting.popleft()].reply if waiting else None

    def times(self, canonical: RecordedRequest) -> int:
        """Return the number of recorded responses to a request, used or not."""
        return self._keys.count(self._matcher.key(canonical))

    def unused(self) -> list[Exchange]:
        """Return the recorded exchanges that have not been used."""
        with self._lock:
            places = sorted(place for waiting in self._waiting.values() for place in waiting)
        return [self.recorded[place] for place in places]

    def start(self, canonical: RecordedRequest, request: Request) -> PendingExchange:
        """Start to record an exchange. Exchanges are saved in the order of their start."""
        pending = PendingExchange(canonical, request)
        with self._lock:
            self._pending.append(pending)
        return pending

    def drop(self, pending: PendingExchange) -> None:
        """Discard an exchange that cannot be replayed."""
        with self._lock, contextlib.suppress(ValueError):
            self._pending.remove(pending)

    def save(self) -> None:
        """Write the cassette, if there are new exchanges.

        Exchanges that other processes have saved since the start of this session are kept, also when rewriting.

        Raises:
            SecretFound: a secret cannot be redacted; nothing is written.
            OSError: the file cannot be written.
        """
        with self._lock:
            pending, self._pending = self._pending, []
        if not pending:
            return

        def make() -> str:
            alone = self._rewrite and atomic_files.file_stamp(self.path) == self._stamp
            new = self._exchanges(pending)
            if any(find_leak(each, self._redactor) for each in new):
                # A response may contain a secret that the redactor has only learned from a later one.
                new = self._exchanges(pending)
            if self._rewrite:
                new = self._merge_with_recorded(new)
            self._check(new)
            return cassette.write([*([] if alone else _read(self.path)), *new])

        atomic_files.replace_file(self.path, make)

    def _exchanges(self, pending: list[PendingExchange]) -> list[Exchange]:
        """Return the exchanges to save; those without a response so far cannot be replayed and are left out."""
        exchanges = [each.exchange(self._redactor, self._kept) for each in pending]
        return [each for each in exchanges if each.reply.status is not None or each.reply.failure is not None]

    def _check(self, exchanges: list[Exchange]) -> None:
        for number, exchange in enumerate(exchanges, 1):
            if leak := find_leak(exchange, self._redactor):
                title = exchange.request.title
                which = f"exchange {number}" if self._redactor.leak(title) else f"exchange {number}, {title},"
                raise SecretFound(f"nothing was written to {self.path}: {which} has {leak}")

    def _merge_with_recorded(self, new: list[Exchange]) -> list[Exchange]:
        """Give exchanges the position and, if it is equal, the response that they had in the old cassette.

        A new exchange stays after the one that it followed.
        """
        old: dict[str, deque[int]] = {}
        for place, key in enumerate(self._keys):
            old.setdefault(key, deque()).append(place)
        ranked: list[tuple[int, int, Exchange]] = []
        place = -1
        for number, exchange in enumerate(new):
            places = old.get(self._matcher.key(exchange.request))
            reply = exchange.reply
            if places:
                place = places.popleft()
                before = self.recorded[place].reply
                reply = before if _visible(before) == _visible(reply) else reply
            ranked.append((place, number, Exchange(request=exchange.request, reply=reply)))
        return [exchange for _, _, exchange in sorted(ranked, key=lambda each: each[:2])]


def _read(path: str) -> list[Exchange]:
    try:
        return cassette.read(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CassetteError(f"{path} cannot be read: {error.strerror}") from error


def _visible(reply: RecordedResponse) -> tuple[Any, ...]:
    """Return the parts of a response by which a caller could distinguish it from another."""
    headers = {name: value for name, value in reply.headers.items() if name not in VOLATILE}
    return reply.status, headers, reply.content(), reply.failure and reply.failure.kind, reply.end


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path that means the same file when the working directory has changed."""
    return os.path.abspath(path)
