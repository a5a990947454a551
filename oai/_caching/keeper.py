"""Collect a response while it is read, keep it at its end, and end the flight of its request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from oai._caching.answers import Answer, keepable

if TYPE_CHECKING:
    from oai._caching.flights import Flight
    from oai._caching.state import CacheState
    from oai._http.messages import Headers, Request


class Keeper:
    """Collects a response while it is read, and ends the flight of its request."""

    def __init__(self, state: CacheState, request: Request, digest: bytes, flight: Flight | None) -> None:
        self._state = state
        self._request = request
        self._digest = digest
        self._flight = flight
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_open = True
        self._head: tuple[int, Headers] | None = None

    def start(self, status: int, headers: Headers) -> None:
        """Note the head of the response; its reader comes later."""
        self._head = status, headers
        self._pause()

    def resume(self) -> None:
        """Note that the caller waits for the server."""
        if self._flight is not None:
            self._flight.resume()

    def add(self, piece: bytes) -> None:
        """Collect a piece; the caller now has it."""
        self._pause()
        self._size += len(piece)
        if self._size > self._state.largest:
            self._end(shared=False)
        elif self._is_open:
            self._pieces.append(piece)

    def can_keep(self, *, ended: bool) -> bool:
        """Return whether `finish` has anything to do; if not, the response is dropped."""
        if self._is_open and not ended and not (self._request.events and self._pieces):
            self._end()
        return self._is_open

    def finish(self, *, ended: bool) -> None:
        """Keep the response if it is whole."""
        if self._head is None or not self._is_open:
            return
        answer = None
        try:
            answer = keepable(self._request, *self._head, self._pieces, ended=ended, limit=self._state.largest)
            if answer is not None:
                answer = msgspec.structs.replace(answer, expires=time.time() + self._state.ttl)
                self._state.save(self._request, self._digest, answer)
        finally:
            self._end(answer, shared=not ended)

    def drop(self) -> None:
        """Keep nothing, and let the next of equal requests try."""
        self._end()

    def _pause(self) -> None:
        if self._flight is not None:
            self._flight.pause()

    def _end(self, answer: Answer | None = None, *, shared: bool = True) -> None:
        self._is_open, self._pieces = False, []
        if self._flight is not None:
            self._state.flights.end(self._digest, self._flight, answer, shared=shared)
