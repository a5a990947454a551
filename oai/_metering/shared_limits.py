"""Limits that processes of one machine share by a file.

The file holds the requests of the last minute with their tokens, the time until which the server wants no requests, and
the queue of waiting processes, the first of which sends next. It is locked while it is read and written. A process that
is killed leaves no lock, and its place in the queue expires. The state is the first line, written at once, so that what
a killed process leaves behind it does no harm; replacing the file instead would wait for the disk. An unreadable file
counts as empty.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import IO, Final

import msgspec

from oai._json import strict
from oai._metering.token_window import MINUTE, token_delay
from oai._support.journal_file import open_locked

HEARTBEAT: Final = 1.0
"""Seconds after which the first of the queue looks again, at the latest."""

PATIENCE: Final = 5.0
"""Seconds after which a waiting process that has not looked again has lost its place."""

TURN: Final = 0.02
"""Seconds between two looks for each place in the queue, and after the file was locked by another process."""

ATTEMPTS: Final = 5
"""How often a correction tries to lock the file; otherwise the next request of this process writes it."""


class _Begun(msgspec.Struct, array_like=True):
    """Requests that have started: the time of the last, the ticket of one in progress, their tokens and number."""

    at: float
    ticket: str
    tokens: int
    count: int = 1


class _Waiting(msgspec.Struct, array_like=True):
    """A process that waits, and when it looked last."""

    ticket: str
    seen: float


class _State(msgspec.Struct):
    begun: list[_Begun] = []
    waiting: list[_Waiting] = []
    blocked_until: float = 0.0


class SharedLimits:
    """The limits in one file. Times are those of the system's clock, which all processes have in common.

    Args:
        path: the file, which is created.
        requests_per_minute: how many requests may start within a minute.
        tokens_per_minute: how many tokens these may have.
    """

    def __init__(
        self, path: str | os.PathLike[str], requests_per_minute: int | None, tokens_per_minute: int | None
    ) -> None:
        self._path = os.path.abspath(path)
        self._requests = requests_per_minute
        self._tokens = tokens_per_minute
        self._changes: list[tuple[str, int | None, float]] = []  # ticket, its tokens or none to leave, block until
        self._busy = threading.Lock()

    def admit(self, ticket: str, tokens: int) -> float:
        """Start a request, or return for how many seconds it must wait before it asks again.

        Raises:
            OSError: the file cannot be written.
        """
        if not self._busy.acquire(blocking=False):
            return TURN
        try:
            with open_locked(self._path) as file:
                state = self._read(file, now := time.time())
                delay = self._turn(state, ticket, tokens, now)
                self._write(file, state)
        except BlockingIOError:
            return TURN
        else:
            return delay
        finally:
            self._busy.release()

    def _turn(self, state: _State, ticket: str, tokens: int, now: float) -> float:
        place = next((n for n, waiting in enumerate(state.waiting) if waiting.ticket == ticket), len(state.waiting))
        if place == len(state.waiting):
            state.waiting.append(_Waiting(ticket, now))
        state.waiting[place].seen = now
        if place:
            return min(TURN * place, HEARTBEAT)
        delay = max(state.blocked_until - now, self._request_delay(state, now), self._token_delay(state, tokens, now))
        if delay > 0:
            return min(delay, HEARTBEAT)
        del state.waiting[0]
        state.begun.append(_Begun(now, "" if self._tokens is None else ticket, tokens))
        return 0.0

    def _request_delay(self, state: _State, now: float) -> float:
        if self._requests is None:
            return 0.0
        return token_delay(*_spent([(begun.at, begun.count) for begun in state.begun]), 1, self._requests, now)

    def _token_delay(self, state: _State, tokens: int, now: float) -> float:
        if self._tokens is None:
            return 0.0
        return token_delay(*_spent([(begun.at, begun.tokens) for begun in state.begun]), tokens, self._tokens, now)

    def correct(self, ticket: str, tokens: int) -> None:
        """Replace the estimate of a request by the tokens that its response reports."""
        self._change(ticket, tokens, 0.0)

    def spend(self, tokens: int) -> None:
        """Count tokens that no request has."""
        self._change("", tokens, 0.0)

    def withdraw(self, ticket: str) -> None:
        """Leave the queue."""
        self._change(ticket, None, 0.0)

    def block(self, seconds: float) -> None:
        """Let no process start a request for so many seconds."""
        self._change("", None, time.time() + seconds)

    def _change(self, ticket: str, tokens: int | None, until: float) -> None:
        """Make a change now if the file can be locked, else with the next request. It may run in a finalizer."""
        self._changes.append((ticket, tokens, until))
        if not self._busy.acquire(blocking=False):
            return
        try:
            self._apply()
        except OSError:
            return  # the next request raises it
        finally:
            self._busy.release()

    def _apply(self) -> None:
        for _ in range(ATTEMPTS):
            with suppress(BlockingIOError), open_locked(self._path) as file:
                self._write(file, self._read(file, time.time()))
                return
            time.sleep(TURN / 10)

    def _read(self, file: IO[bytes], now: float) -> _State:
        """Return the state with this process's changes, and without what has expired."""
        try:
            state: _State = strict.decoder(_State).decode(file.readline())
        except (msgspec.DecodeError, UnicodeDecodeError):
            state = _State()
        for begun in state.begun:
            begun.at = min(begun.at, now)  # the clock was set back
        state.begun = [begun for begun in state.begun if begun.at + MINUTE > now]
        state.waiting = [waiting for waiting in state.waiting if now - PATIENCE < waiting.seen <= now + PATIENCE]
        state.blocked_until = min(state.blocked_until, now + 2 * MINUTE)  # as above
        while self._changes:
            ticket, tokens, until = self._changes.pop(0)
            state.blocked_until = max(state.blocked_until, until)
            if tokens is None:
                state.waiting = [waiting for waiting in state.waiting if waiting.ticket != ticket]
            elif not ticket:
                state.begun.append(_Begun(now, "", tokens, 0))
            for begun in state.begun if ticket and tokens is not None else ():
                if begun.ticket == ticket:
                    begun.ticket, begun.tokens = "", tokens or 0
        state.begun = _merged(state.begun)
        return state

    @staticmethod
    def _write(file: IO[bytes], state: _State) -> None:
        file.seek(0)
        file.write(msgspec.json.encode(state) + b"\n")
        file.truncate()


def _spent(pairs: list[tuple[float, int]]) -> tuple[list[tuple[float, int]], int]:
    return pairs, sum(count for _, count in pairs)


def _merged(begun: list[_Begun]) -> list[_Begun]:
    """Merge the finished requests of each second, so that the file stays small; they expire with the last of them."""
    merged: list[_Begun] = []
    for each in begun:
        last = merged[-1] if merged else None
        if last is not None and not (last.ticket or each.ticket) and int(last.at) == int(each.at):
            merged[-1] = _Begun(each.at, "", last.tokens + each.tokens, last.count + each.count)
        else:
            merged.append(each)
    return merged
