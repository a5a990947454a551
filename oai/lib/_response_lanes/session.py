"""`ResponsesWebSocketSession` and `AsyncResponsesWebSocketSession`, and the lanes that they return."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakSet

from oai._flow.steps import Steps, run, run_async
from oai._json.encode import encode
from oai._json.objects import plain
from oai._realtime.base_connection import END
from oai.lib._response_lanes.router import LaneState, Router

if TYPE_CHECKING:
    from types import TracebackType

    from oai.lib._response_lanes.limits import ResponsesWebSocketLimits

CREATE: Final = "response.create"
PATIENCE: Final = 5.0
"""Seconds for which closing waits for the thread that receives."""

_owned: WeakSet[Any] = WeakSet()
_owned_lock = threading.Lock()


class _Session:
    """Base class of both sessions.

    Args:
        connection: an open connection of `client.responses.connect`, which the session receives from and closes.
        limits: what may be queued.
        isolate_lane_overflow: whether a lane that exceeds its limits fails alone; by default the session ends.
    """

    def __init__(
        self, connection: Any, *, limits: ResponsesWebSocketLimits, isolate_lane_overflow: bool = False
    ) -> None:
        self.connection = connection
        self._router = Router(connection, limits, isolated=isolate_lane_overflow)
        self._entered = self._closed = False

    def _enter(self) -> None:
        if self._entered or self._closed:
            raise RuntimeError("a session of a WebSocket can be entered only once")
        with _owned_lock:
            if self.connection in _owned:
                raise RuntimeError("the connection already has a session")
            _owned.add(self.connection)
        self._entered = True

    def _release(self) -> None:
        with _owned_lock:
            _owned.discard(self.connection)

    def _sending(self, lane: LaneState, event: Any) -> Steps[None]:
        if not self._entered or self._closed or lane.closed:
            raise RuntimeError("the session or the lane of the WebSocket is closed, or not entered")
        data = dict(event) if isinstance(event, Mapping) else plain(event)
        creates = data.get("type") == CREATE
        if creates:
            if data.setdefault("stream_id", lane.stream_id) != lane.stream_id:
                raise ValueError(f"stream_id is {data['stream_id']!r}, and that of the lane {lane.stream_id!r}")
            if lane.stream_id is None:
                del data["stream_id"]
        frame = encode(data).decode()
        reserve = lambda: self._router.reserve(lane, creates=creates)  # noqa: E731 - called with the lock held
        yield from self.connection._send_now(frame, reserve)  # noqa: SLF001 - `send` could queue it for another wire

    def _reading(self) -> Steps[None]:
        """Sort messages into lanes until the connection ends."""
        try:
            while (data := (yield from self.connection._message())) is not END:  # noqa: SLF001 - parsed, it has no size
                self._router.dispatch(self.connection.parse_event(data), len(data))
        except Exception as error:  # noqa: BLE001 - raised where a lane receives
            self._router.finish(error)
            with suppress(Exception):
                yield self.connection.close()
        finally:
            self._router.finish()


class ResponsesWebSocketLane:
    """One conversation of a session; see `ResponsesWebSocketSession`. One thread may receive from it."""

    def __init__(self, session: ResponsesWebSocketSession, state: LaneState) -> None:
        self._session = session
        self._state = state

    def send(self, event: Any) -> None:
        """Send an event, a dict or a struct; a `response.create` gets the lane's `stream_id`.

        Raises:
            RuntimeError: the session, the lane or the connection is not open, or a response is still received.
            ValueError: the event has the `stream_id` of another lane.
            WebSocketConnectionClosedError: the connection was lost; whether the event arrived is unknown.
        """
        run(self._session._sending(self._state, event))  # noqa: SLF001 - its own session

    def recv(self, *, timeout: float | None = None) -> Any:
        """Wait for the next event.

        Args:
            timeout: seconds; no limit by default. No event is lost by it.

        Raises:
            TimeoutError: none came in time.
            EOFError: the lane or the connection is closed.
            ResponsesWebSocketBufferError: the lane exceeded its limits.
        """
        if not self._session._entered:  # noqa: SLF001
            raise RuntimeError("the session of the WebSocket is not entered")
        deadline = None if timeout is None else time.monotonic() + timeout
        router = self._session._router  # noqa: SLF001
        with router.changed:
            while (event := router.take(self._state)) is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"no event came within {timeout} s")
                router.changed.wait(left)
        return event

    def get_final_response(self, *, timeout: float | None = None) -> Any:
        """Receive the rest of the response and return it, also if it failed or is incomplete.

        Raises:
            ResponsesWebSocketError: the server answered with an error event.
            TimeoutError: it was not complete in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        state, router = self._state, self._session._router  # noqa: SLF001
        before = state.received
        while (final := router.final(state)) is None or (state.received == before < state.arrived):
            self.recv(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
        return final

    def close(self) -> None:
        """Close the lane, not the connection; its further events come in the default lane."""
        self._session._router.detach(self._state)  # noqa: SLF001


class ResponsesWebSocketSession(_Session):
    """Runs several conversations over one connection: each has a lane, whose events only it receives.

    `default` is the lane of events without an id, or with that of no lane: errors of the connection among them. While
    the session is open, receive and send through lanes only. Leaving it closes the connection.
    """

    _thread: threading.Thread | None = None

    def __init__(
        self, connection: Any, *, limits: ResponsesWebSocketLimits, isolate_lane_overflow: bool = False
    ) -> None:
        super().__init__(connection, limits=limits, isolate_lane_overflow=isolate_lane_overflow)
        self.default = ResponsesWebSocketLane(self, self._router.default)

    def __enter__(self) -> Self:
        self._enter()
        self._thread = threading.Thread(target=lambda: run(self._reading()), name="responses-websocket", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception:
            if error is None:
                raise

    def lane(self, stream_id: str | None = None) -> ResponsesWebSocketLane:
        """Return a new lane; without an id a new default lane, if the connection was opened again.

        Raises:
            ValueError: the id is invalid, or taken.
            ResponsesWebSocketBufferError: there are `max_lanes` lanes.
        """
        lane = ResponsesWebSocketLane(self, self._router.register(stream_id))
        if stream_id is None:
            self.default = lane
        return lane

    def close(self) -> None:
        """Close the connection and all lanes."""
        self._closed = True
        self._router.finish()
        if self._thread is None:
            return
        try:
            self.connection.close()
        finally:
            if self._thread is not threading.current_thread():
                self._thread.join(PATIENCE)
            self._release()


class AsyncResponsesWebSocketLane:
    """`ResponsesWebSocketLane` for asyncio. Cancelling a call loses no event."""

    def __init__(self, session: AsyncResponsesWebSocketSession, state: LaneState) -> None:
        self._session = session
        self._state = state

    async def send(self, event: Any) -> None:
        """Send an event, see `ResponsesWebSocketLane.send`."""
        await run_async(self._session._sending(self._state, event))  # noqa: SLF001 - its own session

    async def recv(self) -> Any:
        """Wait for the next event, see `ResponsesWebSocketLane.recv`."""
        if not self._session._entered:  # noqa: SLF001
            raise RuntimeError("the session of the WebSocket is not entered")
        while True:
            with self._session._router.changed:  # noqa: SLF001
                if (event := self._session._router.take(self._state)) is not None:  # noqa: SLF001
                    return event
                self._state.wake.clear()
            await self._state.wake.wait()

    async def get_final_response(self) -> Any:
        """Receive the rest of the response and return it, see `ResponsesWebSocketLane.get_final_response`."""
        state, router = self._state, self._session._router  # noqa: SLF001
        before = state.received
        while (final := router.final(state)) is None or (state.received == before < state.arrived):
            await self.recv()
        return final

    def close(self) -> None:
        """Close the lane, not the connection; its further events come in the default lane."""
        self._session._router.detach(self._state)  # noqa: SLF001


class AsyncResponsesWebSocketSession(_Session):
    """`ResponsesWebSocketSession` for asyncio."""

    _task: asyncio.Task[None] | None = None
    _closing: asyncio.Task[None] | None = None

    def __init__(
        self, connection: Any, *, limits: ResponsesWebSocketLimits, isolate_lane_overflow: bool = False
    ) -> None:
        super().__init__(connection, limits=limits, isolate_lane_overflow=isolate_lane_overflow)
        self.default = AsyncResponsesWebSocketLane(self, self._router.default)

    async def __aenter__(self) -> Self:
        self._enter()
        self._task = asyncio.create_task(run_async(self._reading()), name="responses-websocket")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.close()
        except Exception:
            if error is None:
                raise

    def lane(self, stream_id: str | None = None) -> AsyncResponsesWebSocketLane:
        """Return a new lane, see `ResponsesWebSocketSession.lane`."""
        lane = AsyncResponsesWebSocketLane(self, self._router.register(stream_id))
        if stream_id is None:
            self.default = lane
        return lane

    async def close(self) -> None:
        """Close the connection and all lanes. Cancelling it does not interrupt that."""
        self._closed = True
        self._router.finish()
        if self._task is not None:
            self._closing = self._closing or asyncio.create_task(self._close(self._task))
            await asyncio.shield(self._closing)

    async def _close(self, reading: asyncio.Task[None]) -> None:
        try:
            reading.cancel()
            await asyncio.wait([reading])
            await self.connection.close()
        finally:
            self._release()
