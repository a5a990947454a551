"""The simplest line through measured points: a fixed cost; one for each unit as well; a knee, above which it is more.

What is least is the sum of the squares of the *relative* residuals: sizes go over four powers of ten, and with the
plain ones the largest point alone would decide. No cost is below nought.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

HOLDS = 0.2
"""A line that misses no point by more than this part of it holds."""

Columns = list[list[float]]


class Fit(NamedTuple):
    """Seconds: a fixed part, one for each unit, and one more for each unit above the knee.

    `residual` is the largest relative one.
    """

    fixed: float
    unit: float = 0.0
    knee: float = 0.0
    more: float = 0.0
    residual: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether every point lies near the line."""
        return self.residual <= HOLDS

    def at(self, size: float) -> float:
        """Return the seconds on the line."""
        return self.fixed + self.unit * size + self.more * max(0.0, size - self.knee)


def fit(sizes: Sequence[float], seconds: Sequence[float]) -> Fit:
    """Return the simplest line that holds, or, where none does, the one that comes nearest.

    Args:
        sizes: each once, growing.
        seconds: what they take, above nought.
    """
    found = []
    for line in _lines(sizes, seconds):
        found.append(line._replace(residual=max(abs(line.at(x) / y - 1) for x, y in zip(sizes, seconds, strict=True))))
        if found[-1].holds and not found[-1].knee:
            return found[-1]
    return min(found, key=lambda line: line.residual)


def _lines(sizes: Sequence[float], seconds: Sequence[float]) -> Iterator[Fit]:
    """Yield the lines from the simplest on. There is a knee only with two points above it and as many below."""

    def column(of_size: Callable[[float], float]) -> list[float]:
        return [of_size(x) / y for x, y in zip(sizes, seconds, strict=True)]

    one, each = column(lambda _: 1.0), column(float)
    yield Fit(*_least([one]))
    yield Fit(*_least([one, each]))
    for knee in sizes[2:-2]:
        above = column(lambda x, knee=knee: max(0.0, x - knee))  # type: ignore[misc]
        fixed, unit, more = _least([one, each, above])
        yield Fit(fixed, unit, knee, more)


def _least(columns: Columns) -> list[float]:
    """Return the factors, none below nought, by which the columns together come nearest to 1 in every row."""
    lengths = [math.sqrt(_dot(column, column)) for column in columns]
    scaled = [[value / length for value in column] for column, length in zip(columns, lengths, strict=True)]
    factors = _solve([[_dot(column, other) for other in scaled] + [sum(column)] for column in scaled])
    if factors is not None and min(factors) >= 0:
        return [factor / length for factor, length in zip(factors, lengths, strict=True)]
    # One of them is nought in the best that is allowed: the sum of squares has no other minimum.
    without = []
    for place in range(len(columns)):
        rest = _least(columns[:place] + columns[place + 1 :])
        without.append([*rest[:place], 0.0, *rest[place:]])
    return min(without, key=lambda factors: _missed(columns, factors))


def _solve(rows: Columns) -> list[float] | None:
    """Return the solution of linear equations, each a row that ends in its right side, if there is one alone."""
    rows = [list(row) for row in rows]
    for place in range(len(rows)):
        pivot = max(range(place, len(rows)), key=lambda number: abs(rows[number][place]))
        rows[place], rows[pivot] = rows[pivot], rows[place]
        if abs(rows[place][place]) < 1e-12:
            return None
        for number, row in enumerate(rows):
            if number != place:
                times = row[place] / rows[place][place]
                rows[number] = [a - times * b for a, b in zip(row, rows[place], strict=True)]
    return [row[-1] / row[place] for place, row in enumerate(rows)]


def _missed(columns: Columns, factors: Sequence[float]) -> float:
    return sum((1 - _dot(factors, row)) ** 2 for row in zip(*columns, strict=True))


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def steepest(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the power of the size with which the time grows over its last tenfold: 0 is flat, 1 a straight line.

    Of sizes that grow less than tenfold all are taken; of one size alone there is none, which is 0.
    """
    if len(sizes) < 2:
        return 0.0
    place = max((place for place, size in enumerate(sizes) if size <= sizes[-1] / 10), default=0)
    return math.log(seconds[-1] / seconds[place]) / math.log(sizes[-1] / sizes[place])
