"""The tokens of the last minute: estimates, which the responses correct."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

MINUTE: Final = 60.0


class Spent:
    """The tokens of a request that has started, and when that was."""

    __slots__ = ("at", "is_counted", "tokens")

    def __init__(self, at: float, tokens: int) -> None:
        self.at = at
        self.tokens = tokens
        self.is_counted = True


class TokenWindow:
    """The requests of the last minute and their tokens; the caller holds a lock.

    A request larger than the limit waits for a minute without any other, so that it is sent at all.
    """

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._spent: deque[Spent] = deque()
        self._total = 0

    def delay(self, tokens: int, now: float) -> float:
        """Return the seconds until a request with so many tokens fits."""
        while self._spent and self._spent[0].at + MINUTE <= now:
            expired = self._spent.popleft()
            expired.is_counted = False
            self._total -= expired.tokens
        if self._total + min(tokens, self._limit) <= self._limit:
            return 0.0
        return token_delay(((each.at, each.tokens) for each in self._spent), self._total, tokens, self._limit, now)

    def add(self, tokens: int, now: float) -> Spent:
        """Add the estimate of a request that starts."""
        spent = Spent(now, tokens)
        self._spent.append(spent)
        self._total += tokens
        return spent

    def correct(self, spent: Spent, tokens: int) -> None:
        """Replace the estimate of a request."""
        if spent.is_counted:
            self._total += tokens - spent.tokens
        spent.tokens = tokens


def token_delay(spent: Iterable[tuple[float, int]], total: int, tokens: int, limit: int, now: float) -> float:
    """Return the seconds until so many tokens fit with those spent, in the order of their times, into a limit."""
    over = total + min(tokens, limit) - limit
    for at, count in spent if over > 0 else ():
        over -= count
        if over <= 0:
            return max(at + MINUTE - now, 0.0)
    return 0.0
