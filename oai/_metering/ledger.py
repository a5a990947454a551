"""The totals of calls by operation, model and tag, with their costs and budgets. Threads share it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from oai._errors import OpenAIError
from oai._metering.budgets import Account, Budget
from oai._metering.tokens import TokenUsage

if TYPE_CHECKING:
    from oai._metering.batch_output import BatchResponse
    from oai._metering.prices import Price, Prices
    from oai._metering.response_meter import ResponseFacts

Key = tuple[str, str, str]
"""Operation, model and tag."""

BATCHES: Final = "batches.create"
"""The operation of a batch, in whose rows the tokens of its responses are."""

MOST_REMEMBERED: Final = 20_000
"""Objects of the server whose tokens are known to be counted; those that were counted first are forgotten."""


class UsageRow(msgspec.Struct):
    """The totals of an operation, a model and a tag.

    Attributes:
        requests: responses with a success status; those of a batch and of a WebSocket are each one.
        failures: attempts without one.
        input_tokens: tokens of requests, cached ones included.
        cached_tokens: input tokens that were read from the cache of the server.
        output_tokens: tokens of responses, those of reasoning included.
        reasoning_tokens: output tokens of reasoning.
        cost: their price, `None` if the model has none or there is no price table.
        estimated: streams that ended before the server counted their tokens.
    """

    operation: str
    model: str
    tag: str
    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None
    estimated: int = 0

    def add(self, other: UsageRow) -> None:
        """Add the counts of another row."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.cost is not None:
            self.cost = (self.cost or 0.0) + other.cost


COUNTS = (
    "requests",
    "failures",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "estimated",
)


class OpenCall:
    """A call in progress, and what is reserved for it in each budget."""

    def __init__(self, key: Key, estimate: TokenUsage) -> None:
        self.key = key
        self.estimate = estimate
        self.reserved: list[tuple[Account, float]] = []


class Ledger:
    """Totals and budgets."""

    def __init__(self, prices: Prices | None, budgets: Iterable[Budget]) -> None:
        self.prices = prices
        self.currency = prices.currency if prices is not None else "USD"
        self.accounts = [Account(budget, self.currency) for budget in budgets]
        if prices is None and any(account.budget.cost is not None for account in self.accounts):
            raise ValueError("a budget of cost needs prices; pass a price table, or a budget of tokens")
        self._rows: dict[Key, UsageRow] = {}
        self._counted: dict[str, int] = {}  # the ids of objects, and files with the number of their lines
        self._largest: dict[tuple[str, str], int] = {}
        self._lock = threading.RLock()  # the finalizer of a reply may take it at any point, also while it is held

    def open(self, key: Key, input_tokens: int, most_output: int | None) -> OpenCall:
        """Reserve the estimate of a call in every budget that covers it.

        Without a limit of the caller's, the estimate of its output is the largest output of such calls so far.

        Raises:
            BudgetExceededError: a budget does not allow the call; nothing is reserved.
            OpenAIError: the model has no price, so that a budget of cost cannot be kept.
        """
        with self._lock:
            output = self._largest.get(key[:2], 0) if most_output is None else most_output
            call = OpenCall(key, TokenUsage(input_tokens, output))
            for account in self.accounts:
                if account.budget.covers(*key):
                    amount = self._amount(account, self._price(key[1]), call.estimate)
                    if amount is None:
                        raise OpenAIError(f"the model {key[1]!r} has no price, which the budget of cost needs")
                    account.check(amount)
                    call.reserved.append((account, amount))
            for account, amount in call.reserved:
                account.reserved += amount
            return call

    def _price(self, *models: str | None) -> Price | None:
        return None if self.prices is None else self.prices.of(*models)

    @staticmethod
    def _amount(account: Account, price: Price | None, usage: TokenUsage, part: float = 1.0) -> float | None:
        if account.budget.cost is None:
            return float(usage.total_tokens)
        return None if price is None else price.cost(usage) * part

    def fail(self, call: OpenCall) -> None:
        """Count a call without a success status, which costs nothing."""
        with self._lock:
            self._release(call)
            self._row(call.key).failures += 1

    def check(self, key: Key) -> None:
        """Check the budgets for a session whose tokens are not known before.

        Raises:
            BudgetExceededError: a budget does not allow it.
            OpenAIError: the model has no price, so that a budget of cost cannot be kept.
        """
        with self._lock:
            self._release(self.open(key, 0, None))

    def settle(self, call: OpenCall, facts: ResponseFacts, *, counts_events: bool, generates: bool = True) -> None:
        """Count the tokens of a call that has ended; those of a stream that was cut are estimated from its events.

        A call that generates nothing, such as a GET, reports tokens of an earlier one. They count unless they did then.
        """
        with self._lock:
            self._release(call)
            operation, model, tag = call.key
            usage = facts.usage
            if usage is not None and facts.id is not None and not self._is_new(facts.id) and not generates:
                usage = None
            if usage is not None and not model and facts.model:  # an assistant's run names no model
                call.key = (operation, facts.model, tag)
            row = self._row(call.key)
            row.requests += 1
            if usage is None and counts_events and facts.event_count:
                usage = TokenUsage(call.estimate.input_tokens, facts.event_count)
                row.estimated += 1
            price = self._price(facts.model, call.key[1])
            if usage is None:
                usage = TokenUsage()
                price = price if price is not None and price.request else None
            elif call.key[1]:
                largest = self._largest.get(call.key[:2], 0)
                self._largest[call.key[:2]] = max(largest, usage.output_tokens)
            self._add(row, usage, price)
            for account, _ in call.reserved:
                account.spent += self._amount(account, price, usage) or 0.0

    def count(self, key: Key, usage: TokenUsage, *, model: str = "", object_id: str | None = None) -> None:
        """Count the tokens of a response that came in no body of its own, unless they were counted before.

        Args:
            key: the row.
            usage: the tokens.
            model: the model that responded, for its price.
            object_id: the id of the response.
        """
        with self._lock:
            if object_id is None or self._is_new(object_id):
                self._spend(key, usage, self._price(model, key[1]), 1.0)

    def count_batch(self, file: str, responses: Sequence[BatchResponse | None], tag: str) -> None:
        """Count the responses in the output of a batch, without those lines of the file that were counted before."""
        with self._lock:
            counted = self._counted.get(file, 0)
            for response in filter(None, responses[counted:]):
                price = self._price(response.model)
                key = (BATCHES, response.model, tag)
                self._spend(key, response.usage, price, 1.0 if price is None else price.batch)
            self._remember(file, max(counted, len(responses)))

    def _spend(self, key: Key, usage: TokenUsage, price: Price | None, part: float) -> None:
        """Count tokens at a part of their price, also in the budgets that cover them."""
        row = self._row(key)
        row.requests += 1
        self._add(row, usage, price, part)
        for account in self.accounts:
            if account.budget.covers(*key):
                account.spent += self._amount(account, price, usage, part) or 0.0

    def _is_new(self, object_id: str) -> bool:
        is_new = object_id not in self._counted
        self._remember(object_id, 1)
        return is_new

    def _remember(self, name: str, count: int) -> None:
        self._counted[name] = count
        if len(self._counted) > MOST_REMEMBERED:
            del self._counted[next(iter(self._counted))]

    @staticmethod
    def _add(row: UsageRow, usage: TokenUsage, price: Price | None, part: float = 1.0) -> None:
        row.input_tokens += usage.input_tokens
        row.cached_tokens += usage.cached_tokens
        row.output_tokens += usage.output_tokens
        row.reasoning_tokens += usage.reasoning_tokens
        if price is not None:
            row.cost = (row.cost or 0.0) + price.cost(usage) * part

    @staticmethod
    def _release(call: OpenCall) -> None:
        for account, amount in call.reserved:
            account.reserved -= amount

    def _row(self, key: Key) -> UsageRow:
        if key not in self._rows:
            self._rows[key] = UsageRow(*key)
        return self._rows[key]

    def merge(self, rows: Iterable[UsageRow]) -> None:
        """Add the rows of another process."""
        with self._lock:
            for row in rows:
                self._row((row.operation, row.model, row.tag)).add(row)

    def rows(self) -> list[UsageRow]:
        """Return copies of the rows, sorted by operation, model and tag."""
        with self._lock:
            return [msgspec.structs.replace(row) for _, row in sorted(self._rows.items())]
