"""Sorts the events of a connection into lanes, within limits. It reads nothing: sessions pass events on.

A lane keeps its id until the connection is opened again, also after it was closed: the server may still send events
for it.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import deque
from typing import Any, Final

from oai.lib._response_lanes.fields import field_of
from oai.lib._response_lanes.final_response import CREATED, FINAL, FinalResponse
from oai.lib._response_lanes.limits import ResponsesWebSocketBufferError, ResponsesWebSocketLimits

STREAM_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,256}")


class LaneState:
    """The events that wait in a lane, and the response that it receives."""

    def __init__(self, stream_id: str | None, limit: int | None) -> None:
        self.stream_id = stream_id
        self.waiting: deque[tuple[Any, int]] = deque()
        self.size = 0
        self.closed = False
        self.closed_on: object = None
        """The wire on which it was closed."""
        self.failure: ResponsesWebSocketBufferError | None = None
        self.in_flight = False
        self.arrived = 0
        """Number of responses whose first event has arrived."""
        self.received = 0
        """Number of responses whose first event was received by the program."""
        self.response = FinalResponse(limit)
        self.wake = asyncio.Event()


class Router:
    """The lanes of a connection.

    Args:
        connection: the connection, whose wire tells whether it was opened again.
        limits: the budgets.
        isolated: whether a lane that exceeds its limits fails alone.
    """

    def __init__(self, connection: Any, limits: ResponsesWebSocketLimits, *, isolated: bool) -> None:
        self._connection = connection
        self._limits = limits
        self._isolated = isolated
        self._lanes: dict[str | None, LaneState] = {}
        self._events = self._size = 0
        self._error: BaseException | None = None
        self.changed = threading.Condition()
        self.ended = False
        self.default = self.register(None)

    @property
    def wire(self) -> object:
        """The wire of the connection, another one after it was opened again."""
        return self._connection._wire  # noqa: SLF001 - it has no public name

    def register(self, stream_id: Any) -> LaneState:
        """Add a lane.

        Raises:
            ValueError: the id is invalid, or taken.
            RuntimeError: the session is at its end.
            ResponsesWebSocketBufferError: there are too many lanes.
        """
        if stream_id is not None and not (isinstance(stream_id, str) and STREAM_ID.fullmatch(stream_id)):
            raise ValueError(
                f"stream_id must be None, or 1 to 256 ASCII letters, digits, `_`, `-` or `.`, not {stream_id!r}"
            )
        with self.changed:
            if self.ended:
                raise RuntimeError("the session of the WebSocket is closed")
            self._forget_closed()
            if stream_id in self._lanes:
                raise ValueError(f"a lane has the id {stream_id!r}; it is taken until the connection reconnects")
            if len(self._lanes) >= self._limits.max_lanes:
                most = self._limits.max_lanes
                raise ResponsesWebSocketBufferError(f"the session may have at most {most} lanes (max_lanes)")
            lane = self._lanes[stream_id] = LaneState(stream_id, self._limits.max_response_bytes)
            if stream_id is None:
                self.default = lane
            return lane

    def _forget_closed(self) -> None:
        """Release the ids of lanes that were closed on an earlier wire."""
        wire = self.wire
        kept = {name: lane for name, lane in self._lanes.items() if not lane.closed or lane.closed_on is wire}
        self._lanes = kept

    def detach(self, lane: LaneState) -> None:
        """Close a lane and drop its events."""
        with self.changed:
            if lane.closed:
                return
            lane.closed, lane.closed_on = True, self.wire
            self._events -= len(lane.waiting)
            self._size -= lane.size
            lane.waiting.clear()
            lane.size = 0
            lane.response = FinalResponse(self._limits.max_response_bytes)
            self._notify()

    def dispatch(self, event: Any, size: int) -> None:
        """Queue an event, whose message had a size, in its lane, or else in the default lane.

        Raises:
            ResponsesWebSocketBufferError: too much is queued, and lanes do not fail alone.
        """
        with self.changed:
            self._forget_closed()
            stream_id = field_of(event, "stream_id")
            lane = self._lanes.get(stream_id, self.default)
            if lane.closed and lane.failure is None:
                lane = self.default
            if self.ended or lane.closed or not self._admits(lane, size):
                return
            lane.waiting.append((event, size))
            lane.size += size
            self._size += size
            self._events += 1
            if stream_id == lane.stream_id and field_of(event, "type") == CREATED:
                lane.arrived += 1
                lane.in_flight = True
            self._relieve(lane, size)
            self._notify()

    def _admits(self, lane: LaneState, size: int) -> bool:
        limits = self._limits
        full = len(lane.waiting) >= limits.max_events_per_lane or lane.size + size > limits.max_bytes_per_lane
        if self._isolated:
            if full or size > limits.max_bytes:
                self._fail(lane)
                return False
            return True
        if full or self._events >= limits.max_events or self._size + size > limits.max_bytes:
            raise ResponsesWebSocketBufferError("more events are queued than the limits of the session allow")
        return True

    def _relieve(self, lane: LaneState, size: int) -> None:
        """While all lanes together hold too much, fail the one with the largest backlog, bytes first."""
        while self._isolated and (self._events > self._limits.max_events or self._size > self._limits.max_bytes):
            by_bytes = self._size > self._limits.max_bytes
            backlogs = {
                other: other.size - size * (other is lane) if by_bytes else len(other.waiting) - (other is lane)
                for other in self._lanes.values()
            }
            largest = max(backlogs, key=lambda other: backlogs[other])
            self._fail(largest if backlogs[largest] > 0 else lane)

    def _fail(self, lane: LaneState) -> None:
        if not lane.closed:
            lane.failure = ResponsesWebSocketBufferError("more events are queued than the limits of the lane allow")
            self.detach(lane)

    def finish(self, error: BaseException | None = None) -> None:
        """End all lanes, once their queued events are received; the first error is that of all of them."""
        with self.changed:
            self.ended = True
            self._error = self._error or error
            self._notify()

    def take(self, lane: LaneState) -> Any:
        """Return the next event of a lane, `None` if there is none yet; with the lock held.

        Raises:
            ResponsesWebSocketBufferError: the lane exceeded its limits.
            EOFError: the lane or the connection is closed.
        """
        if lane.failure is not None:
            raise lane.failure
        if lane.closed:
            raise EOFError("the lane of the WebSocket is closed")
        if not lane.waiting:
            if self.ended:
                raise self._error or EOFError("the connection of the WebSocket is closed")
            return None
        event, size = lane.waiting.popleft()
        lane.size -= size
        self._size -= size
        self._events -= 1
        if field_of(event, "stream_id") == lane.stream_id:  # others are in the default lane only to be seen
            self._account(lane, event, size)
        return event

    def _account(self, lane: LaneState, event: Any, size: int) -> None:
        lane.response.add(event, size)
        kind = field_of(event, "type")
        if kind == CREATED:
            lane.received += 1
            lane.in_flight = True
        elif kind == "error" or kind in FINAL:
            lane.in_flight = lane.arrived > lane.received

    def reserve(self, lane: LaneState, *, creates: bool) -> None:
        """Prepare a lane for a request.

        Raises:
            RuntimeError: the lane is closed, or still receives another response.
        """
        with self.changed:
            if self.ended or lane.closed:
                raise RuntimeError("the session or the lane of the WebSocket is closed")
            if creates:
                if lane.in_flight:
                    raise RuntimeError("the lane still receives a response; receive all of it before the next create")
                lane.response = FinalResponse(self._limits.max_response_bytes)
                lane.in_flight = True

    def final(self, lane: LaneState) -> Any:
        """Return the response that a lane has received, `None` if it is not complete.

        Raises:
            ResponsesWebSocketError: the server answered with an error event.
            ResponsesWebSocketBufferError: the lane or the response exceeded its limits.
        """
        error = lane.failure or lane.response.error
        if error is not None:
            raise error
        return lane.response.value

    def _notify(self) -> None:
        for lane in self._lanes.values():
            lane.wake.set()
        self.changed.notify_all()
