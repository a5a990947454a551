"""Budgets: the cost or the tokens that calls may use before further ones are refused."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

import msgspec

from oai._errors import OpenAIError


class BudgetExceededError(OpenAIError):
    """A request is not sent, since it could exceed a budget.

    Attributes:
        budget: the budget.
        spent: its cost or tokens so far.
        reserved: the estimate of the requests in progress.
        needed: the estimate of the refused request.
    """

    def __init__(self, budget: Budget, spent: float, reserved: float, needed: float, unit: str) -> None:
        self.budget, self.spent, self.reserved, self.needed, self._unit = budget, spent, reserved, needed, unit
        super().__init__(
            f"the budget of {budget.limit:g} {unit}{budget.scope} does not allow this request of about {needed:g}: "
            f"{spent:g} spent, {reserved:g} in progress"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.budget, self.spent, self.reserved, self.needed, self._unit)


class Budget(msgspec.Struct, frozen=True):
    """A limit of cost or tokens.

    Args:
        cost: the most that requests may cost, in the currency of the price table.
        tokens: the most tokens that requests may use, input and output.
        operation: a pattern for the operations that count, such as `chat.*`.
        model: a pattern for the models of requests that count.
        tag: a pattern for the tags that count.
        seconds: the period after which the budget begins again; by default never.

    Raises:
        ValueError: not exactly one of `cost` and `tokens` is set, or a limit is negative.
    """

    cost: float | None = None
    tokens: int | None = None
    operation: str = "*"
    model: str = "*"
    tag: str = "*"
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Validate the limits."""
        if (self.cost is None) == (self.tokens is None):
            raise ValueError(f"a budget takes either cost or tokens, not {'none' if self.cost is None else 'both'}")
        if self.limit < 0:
            name = "cost" if self.tokens is None else "tokens"
            raise ValueError(f"{name} must be a non-negative number, not {self.limit!r}")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"seconds must be a positive number, not {self.seconds!r}")

    @property
    def limit(self) -> float:
        """The limit."""
        return float((self.tokens if self.cost is None else self.cost) or 0)

    @property
    def scope(self) -> str:
        """The patterns, for messages."""
        named = [(name, getattr(self, name)) for name in ("operation", "model", "tag")]
        return "".join(f" for {name} {pattern!r}" for name, pattern in named if pattern != "*")

    def covers(self, operation: str, model: str, tag: str) -> bool:
        """Return whether a call counts."""
        pairs = ((operation, self.operation), (model, self.model), (tag, self.tag))
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)


class Account:
    """A budget, and the amount spent; the caller holds a lock."""

    def __init__(self, budget: Budget, unit: str) -> None:
        self.budget = budget
        self.unit = "tokens" if budget.cost is None else unit
        self.spent = self.reserved = 0.0
        self._until = self._next(time.monotonic())

    def _next(self, now: float) -> float:
        return now + self.budget.seconds if self.budget.seconds else float("inf")

    def check(self, needed: float) -> None:
        """Raise if a further request could exceed the budget.

        Raises:
            BudgetExceededError: it could.
        """
        now = time.monotonic()
        if now >= self._until:
            self.spent, self._until = 0.0, self._next(now)
        if self.spent + self.reserved + needed > self.budget.limit or self.spent >= self.budget.limit:
            raise BudgetExceededError(self.budget, self.spent, self.reserved, needed, self.unit)
