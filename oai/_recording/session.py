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
from oai._recording import cassette as _cassette
from oai._recording.cassette import CassetteError, Exchange, Failure, RecordedRequest, RecordedResponse
from oai._recording.content import keep_content, keep_stream
from oai._support import atomic_files as _place
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
"""The headers of an answer that are kept: what a client acts on, and nothing that is different every time.

The request id is the exception: results carry it. It alone makes no answer a new one (`VOLATILE`).
"""

VOLATILE = frozenset({"x-request-id"})

FAILURES = {
    "connect": "no connection was made",
    "send": "the connection broke while the request was sent",
    "receive": "the answer was cut short",
    "timeout": "timed out",
}
BEFORE_ANSWER = "the connection broke before the answer"
"""What a cassette says of a failure, by its kind."""

EVENT_STREAM = "text/event-stream"


class SecretFound(OpenAIError):  # noqa: N818 - it names what was found, where an error was avoided
    """A secret would have been written; nothing was. The message says where it was."""


class PendingExchange:
    """An exchange in progress: what has been received so far."""

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

    def answered(self, status: int, headers: Headers) -> None:
        """Note the head of the answer."""
        self._status, self._headers = status, headers

    def piece(self, piece: bytes, waited: float) -> None:
        """Note a piece of the content that came after a wait of so many seconds."""
        self._pieces.append((waited, piece))

    def whole(self, content: bytes) -> None:
        """Note the content, read as one."""
        self._pieces, self._cut, self._complete = [(0.0, content)], False, True

    def complete(self) -> None:
        """Note that the content was read to its end."""
        self._complete = True

    def failed(self, error: TransportError) -> None:
        """Note what ended the exchange. Using what the caller has closed is no failure of the server's.

        It is kept in our words: each library has its own, with addresses and ports in them.
        """
        if error.kind != "closed":
            kind = error.kind if error.kind in FAILURES else "receive"
            before = kind == "receive" and self._status is None
            self._failure = TransportError(kind, BEFORE_ANSWER if before else FAILURES[kind])

    def exchange(self, redactor: Redactor, kept: Iterable[str]) -> Exchange:
        """Return what there is to keep, secrets taken out; what is not complete was closed by the caller."""
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
        """Return the pieces with their content encoding undone, and what failed, the undoing included."""
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
        """Tell whether a stream had said that it was complete, which is where its readers stop reading."""
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
        found: dict[str, str] = {}
        for name in sorted(self._headers):
            if any(fnmatchcase(name, each) for each in kept):
                value = REDACTED if is_secret_header(name) else self._headers[name]
                found[name] = redactor.url(value) if name == "location" else redactor.text(value)
        return found


class RecordingSession:
    """The recorded and the new exchanges of one cassette.

    Args:
        path: the cassette.
        matcher: what tells whether requests are equal.
        redactor: what knows the secrets.
        rewrite: whether what is saved replaces what the cassette had, or is added to it.
        kept: the names of the headers of answers to keep, in lower case; `*` stands for anything.

    Raises:
        CassetteError: the file is there, and no cassette that can be read.
    """

    def __init__(self, path: str, matcher: Matcher, redactor: Redactor, *, rewrite: bool, kept: Iterable[str]) -> None:
        self.path = path
        self._matcher = matcher
        self._redactor = redactor
        self._rewrite = rewrite
        self._kept = tuple(kept)
        self._lock = threading.Lock()
        self._stamp = _place.file_stamp(path)
        self.found = self._stamp is not None
        self.recorded = _read(path)
        self._keys = [matcher.key(exchange.request) for exchange in self.recorded]
        self._waiting: dict[str, deque[int]] = {}
        for place, key in enumerate(self._keys):
            self._waiting.setdefault(key, deque()).append(place)
        self._notes: list[PendingExchange] = []

    def take(self, canonical: RecordedRequest) -> RecordedResponse | None:
        """Return the next recorded answer to a request, `None` where there is none left."""
        with self._lock:
            waiting = self._waiting.get(self._matcher.key(canonical))
            return self.recorded[waiting.popleft()].reply if waiting else None

    def times(self, canonical: RecordedRequest) -> int:
        """Return how many answers to a request are recorded, given out or not."""
        return self._keys.count(self._matcher.key(canonical))

    def unused(self) -> list[Exchange]:
        """Return the recorded exchanges that nobody has asked for."""
        with self._lock:
            places = sorted(place for waiting in self._waiting.values() for place in waiting)
        return [self.recorded[place] for place in places]

    def note(self, canonical: RecordedRequest, request: Request) -> PendingExchange:
        """Begin to note an exchange; its place is here and now, whenever it ends."""
        note = PendingExchange(canonical, request)
        with self._lock:
            self._notes.append(note)
        return note

    def drop(self, note: PendingExchange) -> None:
        """Forget an exchange that came to nothing."""
        with self._lock, contextlib.suppress(ValueError):
            self._notes.remove(note)

    def save(self) -> None:
        """Put the cassette in place, if there is anything new.

        What others have saved since this run began is kept, also by a run that rewrites.

        Raises:
            SecretFound: a secret would be written.
            OSError: the file cannot be written.
        """
        with self._lock:
            notes, self._notes = self._notes, []
        if not notes:
            return

        def make() -> str:
            alone = self._rewrite and _place.file_stamp(self.path) == self._stamp
            new = self._exchanges(notes)
            if any(_cassette.find_leak(each, self._redactor) for each in new):
                # An answer may have a secret that one after it has made known.
                new = self._exchanges(notes)
            if self._rewrite:
                new = self._merge_with_recorded(new)
            self._check(new)
            return _cassette.write([*([] if alone else _read(self.path)), *new])

        _place.replace_file(self.path, make)

    def _exchanges(self, notes: list[PendingExchange]) -> list[Exchange]:
        """Return what there is to keep of notes. A request that nothing has answered yet leaves nothing to replay."""
        found = [note.exchange(self._redactor, self._kept) for note in notes]
        return [each for each in found if each.reply.status is not None or each.reply.failure is not None]

    def _check(self, exchanges: list[Exchange]) -> None:
        for number, exchange in enumerate(exchanges, 1):
            if leak := _cassette.find_leak(exchange, self._redactor):
                title = exchange.request.title
                which = f"exchange {number}" if self._redactor.leak(title) else f"exchange {number}, {title},"
                raise SecretFound(f"nothing was written to {self.path}: {which} has {leak}")

    def _merge_with_recorded(self, new: list[Exchange]) -> list[Exchange]:
        """Give exchanges the position and, if it is equal, the response that they had in the old cassette.

        A new exchange stays behind the one that it followed.
        """
        old: dict[str, deque[int]] = {}
        for place, key in enumerate(self._keys):
            old.setdefault(key, deque()).append(place)
        ranked: list[tuple[int, int, Exchange]] = []
        place = -1
        for number, exchange in enumerate(new):
            known = old.get(self._matcher.key(exchange.request))
            reply = exchange.reply
            if known:
                place = known.popleft()
                before = self.recorded[place].reply
                reply = before if _same(before, reply) else reply
            ranked.append((place, number, Exchange(request=exchange.request, reply=reply)))
        return [exchange for _, _, exchange in sorted(ranked, key=lambda each: each[:2])]


def _read(path: str) -> list[Exchange]:
    try:
        return _cassette.read(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CassetteError(f"{path} cannot be read: {error.strerror}") from error


def _same(one: RecordedResponse, other: RecordedResponse) -> bool:
    return _seen(one) == _seen(other)


def _seen(reply: RecordedResponse) -> tuple[Any, ...]:
    """Return what a caller could tell two answers apart by."""
    headers = {name: value for name, value in reply.headers.items() if name not in VOLATILE}
    return reply.status, headers, reply.content(), reply.failure and reply.failure.kind, reply.end


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path that means the same file when the working directory has changed."""
    return os.path.abspath(path)
