"""Which of several servers get requests at present.

A server that fails cools down: it gets no requests for some time, twice as long after each failure in a row. Then one
request tries it (half open); if that succeeds, it gets all its requests again. If all servers cool down, the one that
is the first to be ready gets the request, so that no call fails without having been sent.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from oai._flow.retry import backoff
from oai._support.named_tuples import readable

if TYPE_CHECKING:
    from oai._http.messages import Request
    from oai._routing.failures import Failure
    from oai._routing.target import Target

MINUTE: Final = 60.0

LEARNED: Final = 0.2
"""How much the last request counts in the health of a server."""

Pick = Callable[[Sequence["Health"]], "Health"]


@readable
class TargetInfo(NamedTuple):
    """The figures of a target.

    Attributes:
        name: its name.
        state: `closed` (it gets requests), `open` (it cools down) or `half-open` (one request tries it).
        requests: the number of requests so far.
        failures: how many of them failed.
        in_flight: the number of requests in progress.
        health: from 0 to 1, how many of its last requests succeeded.
        last_failure: the kind of its last failure, empty if there was none.
    """

    name: str
    state: str
    requests: int
    failures: int
    in_flight: int
    health: float
    last_failure: str


class Health:
    """The state of a target. Callers hold the lock of `Router`."""

    def __init__(self, number: int, target: Target) -> None:
        self.number = number
        self.target = target
        self.score = 1.0
        self._requests = self._failures = self._in_flight = 0
        self._in_a_row = 0
        self._ready_at = 0.0
        self._is_tried = False
        self._last_failure = ""
        self._begun: deque[float] = deque(maxlen=target.requests_per_minute or 0)

    @property
    def weight(self) -> float:
        """How often it is chosen, relative to others."""
        return self.target.weight * self.score**2

    @property
    def ready_at(self) -> float:
        """The time at which its cool-down ends."""
        return inf if self._is_tried and self._in_a_row else self._ready_at

    def has_room(self, now: float) -> bool:
        """Return whether a request would not have to wait for the target's limits."""
        limit, begun = self.target.in_flight, self._begun
        if limit is not None and self._in_flight >= limit:
            return False
        return not begun.maxlen or len(begun) < begun.maxlen or begun[0] + MINUTE <= now

    def begin(self, now: float) -> None:
        """Record that a request is sent."""
        self._requests += 1
        self._in_flight += 1
        self._begun.append(now)
        self._is_tried = self._is_tried or self._in_a_row > 0

    def succeed(self, now: float, pause: float) -> None:
        """Note a response, after which the server wants no requests for some seconds."""
        self._in_a_row, self._is_tried, self._ready_at = 0, False, now + pause if pause else 0.0
        self.score += (1 - self.score) * LEARNED

    def fail(self, now: float, failure: Failure, first: float, longest: float) -> None:
        """Note a failure."""
        self._last_failure, self._is_tried = failure.kind, False
        if not failure.is_of_server:
            return
        self._failures += 1
        pause = backoff(self._in_a_row, first, longest) if failure.pause is None else min(failure.pause, longest)
        self._in_a_row += 1
        self._ready_at = max(self._ready_at, now + pause)
        self.score *= 1 - LEARNED

    def end(self) -> None:
        """Record that a request has ended, whatever its outcome."""
        self._in_flight -= 1
        self._is_tried = False

    def info(self, now: float) -> TargetInfo:
        """Return the figures."""
        state = "open" if now < self._ready_at else "half-open" if self._in_a_row else "closed"
        counts = (self._requests, self._failures, self._in_flight)
        return TargetInfo(self.target.name, state, *counts, round(self.score, 3), self._last_failure)


class Router:
    """Chooses targets. Threads share it; it never waits.

    Args:
        targets: the targets.
        pick: chooses among those that are ready, in their order.
        cooldown: seconds of the first cool-down.
        longest: seconds of the longest one.
    """

    def __init__(self, targets: Sequence[Target], pick: Pick, cooldown: float, longest: float) -> None:
        self.process = os.getpid()
        self._lock = threading.RLock()  # a finalizer of a reply may take it at any point, also while it is held
        self._healths = [Health(number, target) for number, target in enumerate(targets)]
        self._pick = pick
        self._times = (cooldown, longest)

    def first(self, request: Request) -> tuple[Health, set[int]]:
        """Return the target that gets a request, which has begun there, and the numbers of those that never get it."""
        with self._lock:
            able = [health for health in self._healths if health.target.has(request)] or self._healths
            others = {health.number for health in self._healths if health not in able}
            return self.choose(others) or self._begin([min(able, key=lambda health: health.ready_at)]), others

    def choose(self, tried: set[int]) -> Health | None:
        """Return a target that gets a request of others, which has begun there, or `None` if none is ready."""
        with self._lock:
            now = time.monotonic()
            left = [health for health in self._healths if health.number not in tried]
            ready = [health for health in left if health.ready_at <= now]
            return self._begin([health for health in ready if health.has_room(now)] or ready) if ready else None

    def _begin(self, ready: Sequence[Health]) -> Health:
        chosen = self._pick(ready)
        chosen.begin(time.monotonic())
        return chosen

    def succeed(self, health: Health, pause: float) -> None:
        """Note a response."""
        with self._lock:
            health.succeed(time.monotonic(), pause)

    def fail(self, health: Health, failure: Failure) -> None:
        """Note a failure."""
        with self._lock:
            health.fail(time.monotonic(), failure, *self._times)

    def end(self, health: Health) -> None:
        """Record that a request has ended."""
        with self._lock:
            health.end()

    def info(self) -> list[TargetInfo]:
        """Return the figures of all targets."""
        with self._lock:
            return [health.info(time.monotonic()) for health in self._healths]
