"""Estimate the tokens and the cost of many calls before any of them is made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import msgspec

from oai._json.encode import encode
from oai._metering.prices import Prices
from oai._metering.request_facts import estimated_input, request_facts
from oai._metering.tokens import TokenUsage


class Estimate(msgspec.Struct, frozen=True):
    """The approximate usage of many calls.

    Attributes:
        rows: the number of calls.
        input_tokens: the tokens of their requests.
        output_tokens: the tokens of their responses: `output_tokens` for each, or their own limits.
        unlimited: calls whose output is neither limited nor estimated, and counts as 0.
        cost: their cost; `None` without prices.
        unpriced: calls of models without a price, whose cost counts as 0.
        currency: the currency of the cost.
    """

    rows: int
    input_tokens: int
    output_tokens: int
    unlimited: int
    cost: float | None
    unpriced: int
    currency: str

    def __str__(self) -> str:
        cost = "" if self.cost is None else f", about {self.cost:,.2f} {self.currency}"
        notes = [
            f"{count:,} {what}"
            for count, what in (
                (self.unlimited, "without a limit or an estimate of their output"),
                (self.unpriced, "of models without a price"),
            )
            if count
        ]
        rest = f" ({'; '.join(notes)})" if notes else ""
        return f"{self.rows:,} calls, {self.input_tokens:,} input and {self.output_tokens:,} output tokens{cost}{rest}"


def estimate(
    rows: Iterable[Mapping[str, Any]] | str | os.PathLike[str],
    *,
    prices: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    output_tokens: int | None = None,
    discount: float = 0.0,
) -> Estimate:
    """Estimate the tokens and the cost of calls, such as those of `oai.map` or of a batch. Nothing is sent.

    Args:
        rows: the arguments of each call, which are read one by one, or a file of them as for `oai map`: JSON lines, CSV
            or Parquet.
        prices: a TOML file of prices, or its content, as for `Usage`.
        output_tokens: the output of a call, on average, such as a few calls had; by default its `max_output_tokens`
            (or `max_completion_tokens`, `max_tokens`). Embeddings have none.
        discount: the part of the price that is not paid, such as 0.5 for batches.

    Raises:
        OpenAIError: the rows are a Parquet file, and pyarrow is not installed.
        OSError: a file cannot be read.
        ValueError: a row, a price or the discount is invalid.
    """
    if not 0 <= discount <= 1:
        raise ValueError(f"discount must be from 0 to 1, not {discount!r}")
    if isinstance(rows, str | os.PathLike):
        from oai.helpers.bulk.row_formats import open_rows  # rows in memory do without

        with ExitStack() as stack:
            objects = (row.arguments for row in open_rows(rows, stack).rows)
            return estimate(objects, prices=prices, output_tokens=output_tokens, discount=discount)
    table = None if prices is None else Prices(prices)
    count = total_in = total_out = unlimited = unpriced = 0
    cost = 0.0
    for row in rows:
        body = encode(dict(row))
        facts = request_facts(body)
        model = facts.model_name
        incoming = estimated_input(body, model)
        limit = facts.most_output if output_tokens is None else output_tokens
        price = None if table is None else table.of(model)
        count += 1
        total_in += incoming
        total_out += limit or 0
        unlimited += limit is None
        unpriced += table is not None and price is None
        if price is not None:
            cost += price.cost(TokenUsage(incoming, limit or 0)) * (1 - discount)
    currency = "USD" if table is None else table.currency
    return Estimate(count, total_in, total_out, unlimited, None if table is None else cost, unpriced, currency)
