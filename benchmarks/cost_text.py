"""The cost model in words: times with their units, the lines, and the tables that are printed and put on the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from benchmarks.fit import HOLDS, Fit

if TYPE_CHECKING:
    from benchmarks.cost import Curve


def shown(seconds: float) -> str:
    """Return a time with three digits that say something, in the unit that suits it."""
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            return f"{_digits(seconds / unit)} {name}"
    return f"{_digits(seconds * 1e9)} ns"


def _digits(number: float) -> str:
    places = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:,.{places}f}"


def size_shown(size: float) -> str:
    """Return a size, short: 10k."""
    return f"{size / 1000:g}k" if size >= 1000 and size % 1000 == 0 else f"{size:g}"


def line(found: Fit, each: str) -> str:
    """Return the formula of a line: "209 µs + 559 ns a KB, 962 ns above 3k"."""
    parts = [shown(found.fixed)] if found.fixed > 1e-9 else []
    if found.unit > 1e-12:
        parts.append(f"{shown(found.unit)} {each}")
    text = " + ".join(parts) or "nothing"
    if found.more <= 1e-12:
        return text
    unit = "" if found.unit > 1e-12 else f" {each}"
    return f"{text}, {shown(found.unit + found.more)}{unit} above {size_shown(found.knee)}"


def missed(found: Fit) -> str:
    """Return how far the line is off, and whether it holds."""
    percent = f"within {100 * found.residual:.0f} %"
    return percent if found.holds else f"{percent}, which is no fit (at most {100 * HOLDS:.0f} %)"


def report(curve: Curve, most: float) -> str:
    """Return a curve as lines to print: the points, the two lines, and how steep its end is."""
    rows = [f"\n{curve.title}, by {curve.units}"]
    for each in curve.points:
        spread = f"{shown(each.low)} to {shown(each.high)}"
        rows.append(f"  {each.size:>8,.0f}  {shown(each.wall):>9}  ({spread:>20})  CPU {shown(each.cpu):>9}")
    rows += [f"  {name}: {line(found, curve.each)}, {missed(found)}" for name, found in _lines(curve)]
    steep = "" if curve.steepest <= most else "   MISSED"
    return "\n".join(
        [*rows, f"  over its last tenfold it grows with the power {curve.steepest:.2f} (at most {most:g}){steep}"]
    )


def _lines(curve: Curve) -> Iterator[tuple[str, Fit]]:
    yield "wall", curve.wall
    yield "CPU ", curve.cpu


def page(curves: Iterable[Curve]) -> str:
    """Return the model as a table in Markdown."""
    rows = [
        "| work | sizes | time | error | CPU time | error | largest, measured |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in curves:
        first, last = each.points[0], each.points[-1]
        cells = [
            each.title,
            f"{size_shown(first.size)} to {size_shown(last.size)} {each.units}",
            line(each.wall, each.each),
            _fit(each.wall),
            line(each.cpu, each.each),
            _fit(each.cpu),
            shown(last.wall),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _fit(found: Fit) -> str:
    return f"{100 * found.residual:.0f} %" + ("" if found.holds else ", no fit")
