"""`TranscriptGrouper` and `AsyncTranscriptGrouper`: they take a session's events and call back for each update."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Literal, Protocol, Self, TypeVar

from oai._errors import OpenAIError
from oai._support.closing import ClosedByAsyncWith, ClosedByWith
from oai.lib.live.projection import TranscriptProjection
from oai.lib.live.segments import GroupingUpdate, TranscriptGrouperOptions, TranscriptSegment

EventName = Literal["segment.updated", "segment.closed"]

Handler = TypeVar("Handler", bound=Callable[..., Any])
Timer = TypeVar("Timer", bound="_Timer")

DEFAULTS: Final = TranscriptGrouperOptions()


class _Timer(Protocol):
    def cancel(self) -> None: ...


class _Grouper(Generic[Timer]):
    """Base class of both groupers: callbacks, the projection, and the queue of updates to report.

    Args:
        min_turn_separation_ms: pause after which the assistant's words begin a segment; default 500.
        assistant_silence_ms: silence after which the assistant's segment ends; default 2000.
        backchannel_max_duration_ms: longest acknowledgment; default 1000. With 0 none is left out.
        backchannel_isolation_ms: silence around an acknowledgment; default 2000.
        additional_acknowledgments: phrases that count as acknowledgments, in addition to the built-in ones.

    Raises:
        OpenAIError: a threshold is not a number from 0 to 2147483647.
    """

    def __init__(
        self,
        *,
        min_turn_separation_ms: float | None = None,
        assistant_silence_ms: float | None = None,
        backchannel_max_duration_ms: float | None = None,
        backchannel_isolation_ms: float | None = None,
        additional_acknowledgments: Sequence[str] | None = None,
    ) -> None:
        def chosen(value: float | None, default: float) -> float:
            return default if value is None else value

        options = TranscriptGrouperOptions(
            chosen(min_turn_separation_ms, DEFAULTS.min_turn_separation_ms),
            chosen(assistant_silence_ms, DEFAULTS.assistant_silence_ms),
            chosen(backchannel_max_duration_ms, DEFAULTS.backchannel_max_duration_ms),
            chosen(backchannel_isolation_ms, DEFAULTS.backchannel_isolation_ms),
            tuple(additional_acknowledgments or ()),
        )
        self._projection = TranscriptProjection(options, lambda: time.monotonic() * 1000)
        self._updates: deque[GroupingUpdate] = deque()
        self._lock = threading.Lock()
        self._handlers: list[tuple[str, Callable[..., Any], bool]] = []
        self._handlers_lock = threading.Lock()
        self._timer: Timer | None = None

    def on(self, event_type: EventName, handler: Handler | None = None) -> Any:
        """Call a handler for each event; as a decorator if none is passed."""
        return self._add(event_type, handler, once=False)

    def once(self, event_type: EventName, handler: Handler | None = None) -> Any:
        """Call a handler for the next event only; as a decorator if none is passed."""
        return self._add(event_type, handler, once=True)

    def off(self, event_type: EventName, handler: Callable[..., Any]) -> Self:
        """Remove the first registration of a handler, if there is one."""
        with self._handlers_lock:
            matching = [entry for entry in self._handlers if entry[:2] == (event_type, handler)]
            if matching:
                self._handlers.remove(matching[0])
        return self

    def _add(self, event_type: EventName, handler: Handler | None, *, once: bool) -> Any:
        def register(function: Handler) -> Handler:
            with self._handlers_lock:
                self._handlers.append((event_type, function, once))
            return function

        if handler is None:
            return register
        register(handler)
        return self

    def _due(self, update: GroupingUpdate) -> list[Callable[..., Any]]:
        """Return the handlers of an update, and forget those that are called once."""
        name = "segment.updated" if isinstance(update, TranscriptSegment) else "segment.closed"
        with self._handlers_lock:
            due = [handler for event_type, handler, _ in self._handlers if event_type == name]
            self._handlers = [entry for entry in self._handlers if entry[0] != name or not entry[2]]
        return due

    def _queue(self, updates: list[GroupingUpdate]) -> None:
        """Queue updates and restart the timer. The caller holds the lock, if there are threads."""
        self._updates += updates
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        delay = self._projection.delay()
        if delay is not None:
            self._timer = self._start_timer(delay / 1000)

    def _start_timer(self, seconds: float) -> Timer:
        raise NotImplementedError


class TranscriptGrouper(_Grouper[threading.Timer], ClosedByWith):
    """Groups the transcript of a Live session into segments, with callbacks.

    `push` each event of the session; `on("segment.updated")` gets a `TranscriptSegment` with the whole text so far,
    `on("segment.closed")` a `TranscriptSegmentClosedEvent`. Short acknowledgments of the assistant within the user's
    speech are left out. One grouper serves one session, and does not close its connection.

    Callbacks run one at a time: in `push` and `close`, or in the thread of a timer.
    """

    _dispatching = False

    def push(self, event: Any) -> None:
        """Process an event of the session; events other than transcripts are ignored.

        Raises:
            OpenAIError: the event is invalid, or the grouper is closed.
        """
        with self._lock:
            updates = self._projection.push(event)
            if updates is None:
                return
            self._queue(updates)
        self._dispatch()

    def close(self) -> None:
        """End all segments and stop the timer; further calls change nothing."""
        with self._lock:
            self._queue(self._projection.finish("manual"))
        self._dispatch()

    def _start_timer(self, seconds: float) -> threading.Timer:
        def fire() -> None:
            with self._lock:
                if self._timer is not timer:
                    return  # another event came just before
                self._timer = None
                self._queue(self._projection.tick())
            self._dispatch()

        timer = threading.Timer(seconds, fire)
        timer.daemon = True
        timer.start()
        return timer

    def _dispatch(self) -> None:
        """Report the queued updates, unless another call or thread is doing so."""
        with self._lock:
            if self._dispatching:
                return
            self._dispatching = True
        try:
            while update := self._next():
                for handler in self._due(update):
                    handler(update)
        except BaseException:
            self._dispatching = False
            raise

    def _next(self) -> GroupingUpdate | None:
        """Return the next update; `None` after the last one, so that others may dispatch."""
        with self._lock:
            if self._updates:
                return self._updates.popleft()
            self._dispatching = False
            return None


class AsyncTranscriptGrouper(_Grouper[asyncio.TimerHandle], ClosedByAsyncWith):
    """`TranscriptGrouper` for asyncio: `push` and `close` are coroutines, and handlers may be.

    All callbacks run on the event loop that first used the grouper. An error of a callback that a timer caused goes to
    the loop's exception handler. Cancelling `push` or `close` does not interrupt callbacks.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _run: asyncio.Task[None] | None = None
    _waiters = 0
    """The number of calls that wait for the end of the run, and so get its error."""

    async def push(self, event: Any) -> None:
        """Take an event of the session, and wait for the callbacks; see `TranscriptGrouper.push`."""
        self._own_loop()
        updates = self._projection.push(event)
        if updates is not None:
            self._queue(updates)
            await self._dispatch()

    async def close(self) -> None:
        """End all segments, stop the timer and wait for the callbacks; further calls change nothing."""
        self._own_loop()
        self._queue(self._projection.finish("manual"))
        await self._dispatch()

    async def __aenter__(self) -> Self:
        self._own_loop()
        return self

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise OpenAIError("an async transcript grouper must be used in the event loop that it was first used in")
        return loop

    def _start_timer(self, seconds: float) -> asyncio.TimerHandle:
        def fire() -> None:
            self._timer = None
            self._queue(self._projection.tick())
            self._running()

        return self._own_loop().call_later(seconds, fire)

    def _running(self) -> asyncio.Task[None] | None:
        """Return the task that calls back, started if there is something to do."""
        if (self._run is None or self._run.done()) and self._updates:
            self._run = self._own_loop().create_task(self._call_back())
            self._run.add_done_callback(self._report)
        return None if self._run is None or self._run.done() else self._run

    async def _call_back(self) -> None:
        while self._updates:
            update = self._updates.popleft()
            for handler in self._due(update):
                result = handler(update)
                if inspect.isawaitable(result):
                    await result

    async def _dispatch(self) -> None:
        run = self._running()
        if run is None or run is asyncio.current_task():
            return
        self._waiters += 1
        try:
            await asyncio.shield(run)
        finally:
            self._waiters -= 1

    def _report(self, run: asyncio.Task[None]) -> None:
        """Report the error of a run that no call waits for."""
        error = None if run.cancelled() else run.exception()
        if error is not None and not self._waiters:
            context = {"message": "a callback of a transcript grouper failed", "exception": error, "task": run}
            run.get_loop().call_exception_handler(context)
