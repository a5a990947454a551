"""When a connection is used again: the rules of a pool, without I/O. The sync and the async driver share them.

A pool has the connections to one origin (through one proxy, in one process, and in one event loop).

- The newest idle connection is used first, so that the others can expire.
- An idle connection is not used again after `keepalive_expiry` seconds: load balancers and NATs drop idle connections
  without notice, and a request over one would wait for its read timeout.
- An idle connection on which anything has arrived, its end or unsolicited bytes, is not used again.
- There are at most `connections` of them. Further callers wait in the order in which they came.
"""

from __future__ import annotations

import time
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet

MOST_CONNECTIONS = 1000
"""Connections to one host, as many as the official SDK opens."""

KEEPALIVE_EXPIRY = 15.0
"""Seconds that an idle connection is kept: less than the shortest idle timeout of common load balancers."""

MOST_ORIGINS = 1000
"""Servers whose connections are kept."""


NUMBERS = count(1)
"""Numbers of transports: unlike `id`, none is used twice."""


class Used:
    """Something that transports share. A transport that is dropped is forgotten."""

    __slots__ = ("_users", "last_user")

    def __init__(self) -> None:
        self._users: WeakSet[object] = WeakSet()
        self.last_user = 0
        """The number of the transport that used it last: the usual one, which need not be added again."""

    def add_user(self, user: object, number: int) -> None:
        """Add a user."""
        self._users.add(user)
        self.last_user = number

    def has_lost(self, user: object) -> bool:
        """Remove a user; return whether it was the last one."""
        if user not in self._users:
            return False
        self._users.discard(user)
        self.last_user = 0
        return not self._users


class Connection(Protocol):
    """What a pool must know of a connection."""

    def is_quiet(self) -> bool:
        """Tell whether the connection is open and nothing has arrived on it since the last response."""

    def close(self) -> None:
        """Close it."""


C = TypeVar("C", bound=Connection)


class Waiter(Protocol[C]):  # type: ignore[misc]  # mypy wants it contravariant, as which Pool could not return it
    """A caller that waits for a connection."""

    def wake(self, connection: C | None) -> bool:
        """Pass on a connection, or with `None` the right to open one; return false if the caller has given up."""


W = TypeVar("W")


class Pool(Generic[C]):
    """The idle connections to one origin, and the callers that wait for one.

    A caller that has got a connection, or the right to open one, calls `put_back` or `release` once. Both may be called
    by a finalizer, at any point of the program: they never wait for the lock. They append to a queue, and pass on what
    they find there if a caller is waiting.

    Args:
        connections: how many connections there may be at a time.
        keepalive_expiry: seconds after which an idle connection is not used again.
    """

    def __init__(self, connections: int, keepalive_expiry: float) -> None:
        self._unopened = connections
        self._expiry = keepalive_expiry
        self._idle: deque[tuple[C, float]] = deque()
        self._released: deque[None] = deque()  # which may be opened, too
        self._waiters: deque[Waiter[C]] = deque()
        self._lock = allocate_lock()  # of whoever takes something out of a queue
        self._closed = False

    def take(self) -> C | None:
        """Return the newest idle connection that can be used again, if there is one."""
        if not self._idle:
            return None
        with self._lock:
            connection = self._newest()
        if self._waiters or self._closed:
            self._settle()
        return connection

    def acquire(self, make_waiter: Callable[[], W]) -> C | W | None:
        """Return an idle connection, or `None` for the right to open one, or a waiter that is in the queue."""
        with self._lock:
            outcome: C | W | None = self._newest()
            if outcome is None and not self._may_open():
                outcome = make_waiter()
                self._waiters.append(outcome)  # type: ignore[arg-type]  # `make_waiter` returns waiters of C
        self._settle()
        return outcome

    def give_up(self, waiter: Waiter[C]) -> bool:
        """Take a waiter out of the queue; return false if it has been woken before."""
        with self._lock:
            waits = waiter in self._waiters
            if waits:
                self._waiters.remove(waiter)
        self._settle()
        return waits

    def put_back(self, connection: C) -> None:
        """Take back a connection that can be used again."""
        self._idle.append((connection, time.monotonic()))
        if self._waiters or self._closed:
            self._settle()

    def release(self) -> None:
        """Release the slot of a connection that was closed or could not be opened."""
        self._released.append(None)
        if self._waiters:
            self._settle()

    def close(self) -> None:
        """Close the idle connections, and those that will be put back."""
        self._closed = True
        with self._lock:
            self._close_idle(inf)
            waiters, self._waiters = self._waiters, deque()
        for waiter in waiters:  # each finds that its transport is closed
            waiter.wake(None)
        self._settle()

    def _newest(self) -> C | None:
        oldest = time.monotonic() - self._expiry
        if self._idle and self._idle[0][1] <= oldest:
            self._close_idle(oldest)
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.is_quiet():
                return connection
            connection.close()
            self._unopened += 1
        return None

    def _may_open(self) -> bool:
        """Take the right to open a connection, if there is one."""
        if self._released:
            self._released.pop()
        elif self._unopened > 0:
            self._unopened -= 1
        else:
            return False
        return True

    def _settle(self) -> None:
        """Pass on what was returned. Whoever holds the lock does it for those that find it held."""
        while self._has_work() and self._lock.acquire(False):
            try:
                self._pass_on()
            finally:
                self._lock.release()

    def _has_work(self) -> bool:
        if self._idle and self._closed:
            return True
        return bool(self._waiters and (self._idle or self._released or self._unopened > 0))

    def _pass_on(self) -> None:
        if self._closed:
            self._close_idle(inf)
        while self._waiters:
            if self._idle:
                newest = self._idle.pop()
                if not self._wake(newest[0]):
                    self._idle.append(newest)
            elif not self._may_open():
                return
            elif not self._wake(None):
                self._released.append(None)

    def _wake(self, connection: C | None) -> bool:
        """Wake the caller that has waited longest; return whether there was one."""
        while self._waiters:
            if self._waiters.popleft().wake(connection):
                return True
        return False

    def _close_idle(self, until: float) -> None:
        """Close those that have been idle since a time."""
        while self._idle and self._idle[0][1] <= until:
            self._idle.popleft()[0].close()
            self._unopened += 1
