"""The state of limits that several processes share: the requests that started in the last minute, and the queue.

The keeper of the state, a file or a server, passes the time, which all processes must have in common.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from oai._metering.token_window import MINUTE, token_delay

HEARTBEAT: Final = 1.0
"""Maximum seconds between two checks of the first in the queue."""

PATIENCE: Final = 5.0
"""Seconds without a check after which a waiting process loses its place."""

TURN: Final = 0.02
"""Seconds between two checks for each place in the queue."""


class Begun(msgspec.Struct, array_like=True):
    """Requests that have started: the time of the last, the ticket of one in progress, their tokens and number."""

    at: float
    ticket: str
    tokens: int
    count: int = 1


class Waiting(msgspec.Struct, array_like=True):
    """A request that waits, and the time of its last check."""

    ticket: str
    seen: float


class Change(msgspec.Struct, array_like=True, frozen=True, tag="change"):
    """A change of the state that needs no reply.

    Attributes:
        kind: `correct`: the request had `amount` tokens; `spend`: `amount` tokens had no request; `withdraw`: the
            request waits no more; `block`: none starts before the time `amount`.
        ticket: the name of the request.
        amount: tokens or a time.
    """

    kind: Literal["correct", "spend", "withdraw", "block"]
    ticket: str = ""
    amount: float = 0.0


class LimitState(msgspec.Struct):
    """The requests of the last minute, the queue, and the time until which the server wants no requests."""

    begun: list[Begun] = []
    waiting: list[Waiting] = []
    blocked_until: float = 0.0

    def admit(
        self, ticket: str, tokens: int, now: float, *, requests_per_minute: int | None, tokens_per_minute: int | None
    ) -> float:
        """Start a request, or return the seconds that it must wait before its next check."""
        place = next((n for n, waiting in enumerate(self.waiting) if waiting.ticket == ticket), len(self.waiting))
        if place == len(self.waiting):
            self.waiting.append(Waiting(ticket, now))
        self.waiting[place].seen = now
        if place:
            return min(TURN * place, HEARTBEAT)
        delay = max(
            self.blocked_until - now,
            self._delay([(begun.at, begun.count) for begun in self.begun], 1, requests_per_minute, now),
            self._delay([(begun.at, begun.tokens) for begun in self.begun], tokens, tokens_per_minute, now),
        )
        if delay > 0:
            return min(delay, HEARTBEAT)
        del self.waiting[0]
        self.begun.append(Begun(now, "" if tokens_per_minute is None else ticket, tokens))
        return 0.0

    @staticmethod
    def _delay(spent: list[tuple[float, int]], needed: int, limit: int | None, now: float) -> float:
        if limit is None:
            return 0.0
        return token_delay(spent, sum(count for _, count in spent), needed, limit, now)

    def apply(self, change: Change, now: float) -> None:
        """Make a change."""
        if change.kind == "withdraw":
            self.waiting = [waiting for waiting in self.waiting if waiting.ticket != change.ticket]
            self.begun = [begun for begun in self.begun if begun.ticket != change.ticket or not change.ticket]
        elif change.kind == "spend":
            self.begun.append(Begun(now, "", int(change.amount), 0))
        elif change.kind == "block":
            self.blocked_until = max(self.blocked_until, change.amount)
        else:
            for begun in self.begun if change.ticket else ():
                if begun.ticket == change.ticket:
                    begun.ticket, begun.tokens = "", int(change.amount)

    def expire(self, now: float) -> None:
        """Forget what is older than a minute, and the places of processes that no longer check."""
        for begun in self.begun:
            begun.at = min(begun.at, now)  # the clock was set back
        self.begun = _merged([begun for begun in self.begun if begun.at + MINUTE > now])
        self.waiting = [waiting for waiting in self.waiting if now - PATIENCE < waiting.seen <= now + PATIENCE]
        self.blocked_until = min(self.blocked_until, now + 2 * MINUTE)  # as above


def _merged(begun: list[Begun]) -> list[Begun]:
    """Merge the finished requests of each second, so that the state stays small; they expire with the last of them."""
    merged: list[Begun] = []
    for each in begun:
        last = merged[-1] if merged else None
        if last is not None and not (last.ticket or each.ticket) and int(last.at) == int(each.at):
            merged[-1] = Begun(each.at, "", last.tokens + each.tokens, last.count + each.count)
        else:
            merged.append(each)
    return merged
