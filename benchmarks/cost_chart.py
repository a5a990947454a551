"""The curves of the cost model as small multiples: dots are measured, lines are fitted, both axes go by powers of ten.

It is written by hand like the other chart: a plotting library would be a large thing to install for nine panels, and
none writes an SVG that follows the reader's light or dark background.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from benchmarks.chart import framed
from benchmarks.cost_text import line, shown, size_shown

if TYPE_CHECKING:
    from benchmarks.clocks import Point
    from benchmarks.cost import Curve
    from benchmarks.fit import Fit

COLUMNS = 3
WIDTH, HEIGHT = 300, 214
"""Of a panel, with its title above and its axis below."""
LEFT, RIGHT, ABOVE, BELOW = 54, 14, 46, 34
TOP = 40
"""Above the panels, for the legend."""

STYLE = """
.grid { stroke: #d0d7de; stroke-width: 1 } .wall { fill: #0969da } .cpu { fill: #bc4c00 }
.wall-line, .cpu-line { fill: none; stroke-width: 1.5 } .cpu-line { stroke-dasharray: 4 3 }
.wall-line { stroke: #0969da } .cpu-line { stroke: #bc4c00 } .bold { font-weight: 600 }
@media (prefers-color-scheme: dark) {
.grid { stroke: #30363d } .wall { fill: #58a6ff } .cpu { fill: #f0883e }
.wall-line { stroke: #58a6ff } .cpu-line { stroke: #f0883e } }
"""


class Axis(NamedTuple):
    """One axis of a panel: powers of ten from `low` to `high`, laid over pixels."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)

    def ticks(self) -> Iterator[float]:
        """Yield the powers of ten on the axis."""
        for power in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1):
            yield float(10**power)


def draw(curves: Iterable[Curve], versions: str) -> str:
    """Return the chart; a curve of what happens once for an installation is not in it."""
    shown_curves = [each for each in curves if each.name != "read"]
    rows = math.ceil(len(shown_curves) / COLUMNS)
    width, height = COLUMNS * WIDTH, TOP + rows * HEIGHT + 40
    lines = list(_legend())
    for place, curve in enumerate(shown_curves):
        row, column = divmod(place, COLUMNS)
        lines.append(f'<g transform="translate({column * WIDTH} {TOP + row * HEIGHT})">')
        lines += [*_panel(curve), "</g>"]
    for place, part in enumerate(reversed(versions.split("; ", 1))):
        lines.append(f'<text x="12" y="{height - 10 - 16 * place}" class="small">{escape(part)}</text>')
    return framed(width, height, "What a call costs as things grow", lines, STYLE)


def _legend() -> Iterator[str]:
    y = 20
    yield f'<circle class="wall" cx="18" cy="{y}" r="3"/><text x="28" y="{y + 4}">time on the wall</text>'
    yield f'<circle class="cpu" cx="148" cy="{y}" r="3"/><text x="158" y="{y + 4}">CPU of the calling process</text>'
    yield f'<path class="wall-line" d="M338 {y}H362"/><path class="cpu-line" d="M368 {y}H392"/>'
    yield f'<text x="400" y="{y + 4}">the simplest line that fits, written in the panel, and how far it is off</text>'


def _panel(curve: Curve) -> Iterator[str]:
    times = [value for each in curve.points for value in (each.wall, each.cpu)]
    x = Axis(math.log10(curve.sizes[0]), math.log10(curve.sizes[-1]), LEFT, WIDTH - RIGHT)
    y = Axis(math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))), HEIGHT - BELOW, ABOVE)
    yield f'<text x="12" y="18" class="bold">{escape(curve.title)}</text>'
    yield f'<text x="12" y="34" class="small">{escape(line(curve.wall, curve.each))}</text>'
    off = f"±{100 * curve.wall.residual:.0f} %" + ("" if curve.wall.holds else ", no fit")
    yield f'<text x="{WIDTH - RIGHT}" y="18" text-anchor="end" class="small">{off}</text>'
    yield from _axes(x, y, curve.units)
    yield _fitted("cpu-line", curve.cpu, curve.sizes, x, y)
    yield _fitted("wall-line", curve.wall, curve.sizes, x, y)
    yield from _dots("cpu", curve.points, lambda each: each.cpu, x, y)
    yield from _dots("wall", curve.points, lambda each: each.wall, x, y)


def _axes(x: Axis, y: Axis, units: str) -> Iterator[str]:
    for value in y.ticks():
        yield f'<path class="grid" d="M{x.begin} {y(value):.1f}H{x.end}"/>'
        label = shown(value).replace(".00", "").replace(".0", "")
        yield f'<text x="{x.begin - 6}" y="{y(value) + 4:.1f}" text-anchor="end" class="small">{label}</text>'
    for value in x.ticks():
        yield f'<path class="grid" d="M{x(value):.1f} {y.begin}v4"/>'
        label = size_shown(value)
        yield f'<text x="{x(value):.1f}" y="{y.begin + 16}" text-anchor="middle" class="small">{label}</text>'
    yield f'<text x="{x.end}" y="{y.begin + 29}" text-anchor="end" class="small">{escape(units)}</text>'


STEPS = 40


def _fitted(style: str, found: Fit, sizes: Sequence[float], x: Axis, y: Axis) -> str:
    low, high = math.log10(sizes[0]), math.log10(sizes[-1])
    places = [10 ** (low + (high - low) * step / STEPS) for step in range(STEPS + 1)]
    path = "L".join(f"{x(each):.1f} {y(found.at(each)):.1f}" for each in places)
    return f'<path class="{style}" d="M{path}"/>'


def _dots(style: str, points: Sequence[Point], of: Callable[[Point], float], x: Axis, y: Axis) -> Iterator[str]:
    for each in points:
        yield f'<circle class="{style}" cx="{x(each.size):.1f}" cy="{y(of(each)):.1f}" r="3"/>'
