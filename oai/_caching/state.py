"""The state of a cache: its figures, its file, and what it has in memory. Threads, tasks and both sides share it."""

from __future__ import annotations

import sqlite3
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from oai._caching.digest import RequestDigest
from oai._caching.flights import Flights
from oai._caching.memory import Memory
from oai._caching.store import Label, Store, reported
from oai._http.messages import Request, TransportError
from oai._support.named_tuples import readable

if TYPE_CHECKING:
    from oai._caching.answers import Answer


CONVERSATION: Final = b'"conversation":'
"""Fields of requests that continue a conversation on the server, on which the response depends."""


@readable
class CacheInfo(NamedTuple):
    """The figures of a cache since it was constructed, and the size of its file's content.

    Attributes:
        hits: requests that got a kept response, `shared` ones included.
        misses: requests that could have got one, and were sent.
        shared: requests that waited for an equal one and got its response.
        bypassed: requests that were sent because of their operation or of their `Cache-Control`.
        stored: responses that were kept.
        errors: failures of the file; the request was sent, or its response not kept.
        entries: responses in the file.
        bytes: the size of their contents.
    """

    hits: int
    misses: int
    shared: int
    bypassed: int
    stored: int
    errors: int
    entries: int
    bytes: int


class CacheState:
    """The state that both sides of a cache share."""

    def __init__(
        self, path: str, *, ttl: float, max_bytes: int, only: tuple[str, ...], namespace: str, ignore: tuple[str, ...]
    ) -> None:
        self.digest = RequestDigest(namespace, ignore)
        self.flights = Flights()
        self.memory = Memory()
        self.largest = max_bytes // 8
        self.ttl = ttl
        self.hits = self.misses = self.shared = self.bypassed = self.stored = self.errors = 0
        self._only = only
        self._selected: dict[str, bool] = {}
        self._namespace = namespace
        self._closed = False
        self._store = Store(path, max_bytes)

    def choose(self, request: Request) -> str:
        """Return the directive of `Cache-Control` that applies: `no-store`, `no-cache`, or none."""
        if self._closed:
            raise TransportError("closed", "the cache is closed")
        name = "" if request.operation is None else request.operation.name
        selected = self._selected.get(name)
        if selected is None:
            selected = self._selected[name] = any(fnmatchcase(name, pattern) for pattern in self._only)
        body = request.body
        is_small = body is None or (len(body) if isinstance(body, bytes) else body.length) <= self.largest
        how = "" if selected and is_small and not (isinstance(body, bytes) and CONVERSATION in body) else "no-store"
        for field, value in request.headers:
            if len(field) == 13 and not how and field.lower() == "cache-control":  # the length tells most others
                directives = {part.strip().lower() for part in value.split(",")}
                how = next((each for each in ("no-store", "no-cache") if each in directives), how)
        self.bypassed += how != ""
        return how

    def count_hit(self, digest: bytes, *, shared: bool = False) -> None:
        """Count a hit."""
        self.hits += 1
        self.shared += shared
        self._store.touch(digest)

    def check_memory(self) -> None:
        """Forget what is in memory if the file was cleared."""
        try:
            self.memory.check(self._store.stamp)
        except (OSError, sqlite3.Error) as error:
            self._fail(error)

    def load(self, digest: bytes) -> Answer | None:
        """Return a response from the file. A file that fails has none."""
        try:
            answer = self._store.get(digest, time.time())
        except (OSError, sqlite3.Error) as error:
            self._fail(error)
            return None
        if answer is not None:
            self.memory.put(digest, answer)
        return answer

    def save(self, request: Request, digest: bytes, answer: Answer) -> None:
        """Keep a response."""
        operation = "" if request.operation is None else request.operation.name
        try:
            self._store.put(digest, Label(self._namespace, operation, _model(request)), answer)
        except (OSError, sqlite3.Error) as error:
            self._fail(error)
            return
        self.memory.put(digest, answer)
        self.stored += 1

    def _fail(self, error: Exception) -> None:
        from oai._support.log import logger  # `logging` is a large module, which most programs do without

        self.errors += 1
        logger().warning("the cache %s failed: %s", self._store.path, error)

    def info(self) -> CacheInfo:
        """Return the figures."""
        with reported(self._store.path):
            totals = self._store.totals()
        counts = (self.hits, self.misses, self.shared, self.bypassed, self.stored, self.errors)
        return CacheInfo(*counts, *totals)

    def clear(self) -> int:
        """Remove the responses of this namespace."""
        self.memory.clear()
        with reported(self._store.path):
            return self._store.clear(self._namespace)

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        self._store.close()


def _model(request: Request) -> str | None:
    """Return the model that a request names, for the list of the cache."""
    from oai._support.redact import redact_text  # only a miss needs it

    try:
        model = msgspec.json.decode(request.body).get("model") if isinstance(request.body, bytes) else None
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, RecursionError):
        return None
    return redact_text(model) if isinstance(model, str) else None
