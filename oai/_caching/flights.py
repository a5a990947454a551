"""Send one of many equal requests at a time: the others wait for its response.

The first of equal requests leads. If it gets a response that is kept, all others get that one; if it fails, the next
one leads; if its response cannot be kept, the others are sent on their own. They do not wait for a stream whose reader
has stopped reading: it may be the same thread. Threads and event loops share the flights of a process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from oai._caching.answers import Answer

IDLE: Final = 1.0
"""Seconds without a read of the stream after which the others no longer wait for it."""


class Flight:
    """A request that was sent, and those that wait for it."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.is_over = False
        self.is_shared = True
        """Whether the others may wait for the next leader."""
        self.waiters: list[Future[None]] = []
        self._idle_since: float | None = None

    def pause(self) -> None:
        """Note that the reader of the response is busy with something else."""
        self._idle_since = time.monotonic()

    def resume(self) -> None:
        """Note that the reader waits for the server."""
        self._idle_since = None

    @property
    def is_idle(self) -> bool:
        """Whether the response has no reader."""
        since = self._idle_since
        return since is not None and time.monotonic() - since >= IDLE


class Flights:
    """The requests in flight, by digest."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()  # a finalizer of a reply may take it at any point, also while it is held
        self._flights: dict[bytes, Flight] = {}

    def join(self, digest: bytes) -> tuple[Flight, bool]:
        """Return the flight of a digest, and whether the caller leads it and hence must end it."""
        if self._process != os.getpid():  # a forked child sends nothing of its parent's
            self.__init__()  # type: ignore[misc]  # starts again
        with self._lock:
            flight = self._flights.get(digest)
            if flight is not None:
                return flight, False
            flight = self._flights[digest] = Flight()
            return flight, True

    def end(self, digest: bytes, flight: Flight, answer: Answer | None = None, *, shared: bool = True) -> None:
        """End a flight, with its response if there is one to share. Ending it again does nothing."""
        with self._lock:
            if flight.is_over:
                return
            flight.answer, flight.is_shared, flight.is_over = answer, shared, True
            if self._flights.get(digest) is flight:
                del self._flights[digest]
            for waiter in flight.waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def wait(self, flight: Flight, until: float) -> Generator[tuple[Future[None], float], None, None]:
        """Yield what to wait for, and for how many seconds at most, until a flight is over, idle, or it is late."""
        while not flight.is_idle and (left := until - time.monotonic()) > 0:
            waiter: Future[None] = Future()
            with self._lock:
                if flight.is_over:
                    return
                flight.waiters.append(waiter)
            try:
                yield waiter, min(left, IDLE)
            finally:
                with self._lock:
                    flight.waiters.remove(waiter)
