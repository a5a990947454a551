"""Limits that processes of one machine share by a file.

The file holds a `LimitState`. It is locked while it is read and written. A process that is killed leaves no lock, and
its place in the queue expires. The state is the first line, written at once, so that what a killed process leaves
behind it does no harm; replacing the file instead would wait for the disk. An unreadable file counts as empty.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import IO, Final

import msgspec

from oai._json import strict
from oai._metering.limit_state import TURN, Change, LimitState
from oai._support.journal_file import open_locked

ATTEMPTS: Final = 5
"""How often a correction tries to lock the file; otherwise the next request of this process writes it."""

_decoder = strict.decoder(LimitState)


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
        self._limits = {"requests_per_minute": requests_per_minute, "tokens_per_minute": tokens_per_minute}
        self._changes: list[Change] = []
        self._busy = threading.Lock()

    def admit(self, ticket: str, tokens: int) -> float:
        """Start a request, or return the seconds that it must wait before its next check.

        Raises:
            OSError: the file cannot be written.
        """
        if not self._busy.acquire(blocking=False):
            return TURN
        try:
            with open_locked(self._path) as file:
                state = self._read(file, now := time.time())
                delay = state.admit(ticket, tokens, now, **self._limits)
                self._write(file, state)
        except BlockingIOError:
            return TURN
        else:
            return delay
        finally:
            self._busy.release()

    def correct(self, ticket: str, tokens: int) -> None:
        """Replace the estimate of a request by the tokens that its response reports."""
        self._change(Change("correct", ticket, tokens))

    def spend(self, tokens: int) -> None:
        """Count tokens that no request has."""
        self._change(Change("spend", amount=tokens))

    def withdraw(self, ticket: str) -> None:
        """Leave the queue."""
        self._change(Change("withdraw", ticket))

    def block(self, seconds: float) -> None:
        """Let no process start a request for so many seconds."""
        self._change(Change("block", amount=time.time() + seconds))

    def close(self) -> None:
        """Do nothing: the file is closed after each use."""

    def _change(self, change: Change) -> None:
        """Make a change now if the file can be locked, else with the next request. It may run in a finalizer."""
        self._changes.append(change)
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

    def _read(self, file: IO[bytes], now: float) -> LimitState:
        """Return the state with this process's changes, and without what has expired."""
        try:
            state: LimitState = _decoder.decode(file.readline())
        except (msgspec.DecodeError, UnicodeDecodeError):
            state = LimitState()
        state.expire(now)
        while self._changes:
            state.apply(self._changes.pop(0), now)
        return state

    @staticmethod
    def _write(file: IO[bytes], state: LimitState) -> None:
        file.seek(0)
        file.write(msgspec.json.encode(state) + b"\n")
        file.truncate()
