"""Totals as text: a table for a terminal, a table in HTML, and metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from oai._metering.budgets import Account
    from oai._metering.ledger import UsageRow

COLUMNS: Final = ("operation", "model", "tag", "requests", "failures", "input", "cached", "output", "reasoning", "cost")
TEXT_COLUMNS: Final = 3
"""Columns that are aligned to the left."""

TOKENS: Final = ("input", "cached", "output", "reasoning")


def _cells(row: UsageRow) -> list[str]:
    tokens = [f"{getattr(row, f'{kind}_tokens'):,}" for kind in TOKENS]
    cost = "" if row.cost is None else f"{row.cost:,.4f}"
    return [row.operation, row.model, row.tag, f"{row.requests:,}", f"{row.failures:,}", *tokens, cost]


def text_table(rows: Iterable[UsageRow], total: UsageRow, currency: str) -> str:
    """Return the rows and their total as a table of text."""
    head = [*COLUMNS[:-1], currency]
    lines = [head, *map(_cells, rows), _cells(total)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(-1, ["-" * width for width in widths])
    return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(cells: list[str], widths: list[int]) -> str:
    pairs = enumerate(zip(cells, widths, strict=True))
    aligned = (cell.ljust(width) if place < TEXT_COLUMNS else cell.rjust(width) for place, (cell, width) in pairs)
    return "  ".join(aligned).rstrip()


def html_table(rows: Iterable[UsageRow], total: UsageRow, currency: str) -> str:
    """Return the rows and their total as a table in HTML, for notebooks."""
    head = "".join(f"<th>{escape(name)}</th>" for name in [*COLUMNS[:-1], currency])
    body = "".join(_html_row(_cells(row)) for row in rows)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody><tfoot>{_html_row(_cells(total))}</tfoot></table>"
    )


def _html_row(cells: list[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def prometheus(rows: list[UsageRow], accounts: Iterable[Account], currency: str) -> str:
    """Return the rows as metrics in the text format of Prometheus (version 0.0.4)."""
    return "\n".join([*_counters(rows, currency), *_gauges(list(accounts)), ""])


def _counters(rows: list[UsageRow], currency: str) -> Iterator[str]:
    for name, text in (("requests", "Responses with a success status."), ("failures", "Attempts without one.")):
        yield from _head(f"oai_{name}_total", "counter", text)
        yield from (f"oai_{name}_total{_labels(row)} {getattr(row, name)}" for row in rows)
    yield from _head("oai_tokens_total", "counter", "Tokens; cached ones are part of input, reasoning of output.")
    for row in rows:
        for kind in TOKENS:
            yield f"oai_tokens_total{_labels(row, type=kind)} {getattr(row, f'{kind}_tokens')}"
    yield from _head("oai_cost_total", "counter", "Cost by the price table.")
    yield from (f"oai_cost_total{_labels(row, currency=currency)} {row.cost!r}" for row in rows if row.cost is not None)


def _gauges(accounts: list[Account]) -> Iterator[str]:
    if accounts:
        yield from _head("oai_budget_limit", "gauge", "Limit of a budget.")
        yield from (f"oai_budget_limit{_budget_labels(account)} {account.budget.limit!r}" for account in accounts)
        yield from _head("oai_budget_spent", "gauge", "What is spent of a budget.")
        yield from (f"oai_budget_spent{_budget_labels(account)} {account.spent!r}" for account in accounts)


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _labels(row: UsageRow, **more: str) -> str:
    return _braces({"operation": row.operation, "model": row.model, "tag": row.tag, **more})


def _budget_labels(account: Account) -> str:
    budget = account.budget
    return _braces({"operation": budget.operation, "model": budget.model, "tag": budget.tag, "unit": account.unit})


def _braces(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
