"""How many times as long as oai the official SDK takes, and the limit, as an SVG with a scale by powers of ten."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

ROW, LEFT, WIDTH, RIGHT, TOP = 26, 330, 400, 110, 44

CHARACTERS = 118
"""Of a line of small text that fits."""

LEAST = 0.1
"""Where the scale begins: a limit is at most ten times as fast as oai."""

STYLE = """
.ours { fill: #1a7f37 } .theirs { fill: #8c959f } .limit { fill: #bc4c00 } .grid { stroke: #d0d7de }
.one { stroke: #1a7f37; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
.ours { fill: #3fb950 } .theirs { fill: #6e7681 } .limit { fill: #f0883e } .grid { stroke: #30363d }
.one { stroke: #3fb950 } }
"""

PAPER = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .small { font-size: 11px; fill: #57606a }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #8d96a0 } .paper { fill: #0d1117 } }
"""


def framed(width: int, height: int, title: str, lines: Iterable[str], style: str) -> str:
    """Return an SVG on paper of its own, since a page may be dark where the reader's system is light."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    begin = [f'{head} role="img">', f"<title>{escape(title)}</title><style>{PAPER}{style}</style>"]
    paper = f'<rect class="paper" width="{width}" height="{height}" rx="6"/>'
    return "\n".join([*begin, paper, *lines, "</svg>"]) + "\n"


def draw(results: dict[str, Any], versions: str) -> str:
    """Return the chart: a bar from what oai takes to what the official SDK takes, and a mark at the limit."""
    rows = [each for each in results.values() if isinstance(each, dict) and "times" in each]
    most = 10 ** math.ceil(math.log10(max([10, *(each["times"] for each in rows)])))
    remarks = textwrap.wrap(versions, CHARACTERS)
    bottom = TOP + ROW * len(rows)
    height = bottom + 34 + 16 * len(remarks)
    lines = [*_legend(), *_grid(most, bottom)]
    for place, result in enumerate(rows):
        lines += _row(result, TOP + ROW * place, most)
    for place, remark in enumerate(remarks):
        lines.append(f'<text x="12" y="{bottom + 40 + 16 * place}" class="small">{escape(remark)}</text>')
    return framed(LEFT + WIDTH + RIGHT, height, "Time of the official SDK and of oai for the same work", lines, STYLE)


def _place(ratio: float, most: float) -> float:
    """Return where on the scale a ratio to the time of oai is."""
    low, high = math.log10(LEAST), math.log10(most)
    return LEFT + WIDTH * (math.log10(min(max(ratio, LEAST), most)) - low) / (high - low)


def _legend() -> Iterator[str]:
    yield '<path class="one" d="M14 12v14"/><text x="22" y="24">oai</text>'
    yield '<rect class="theirs" x="64" y="12" width="26" height="14" rx="2"/>'
    yield '<text x="96" y="24">official SDK: times as long as oai</text>'
    yield '<circle class="limit" cx="346" cy="19" r="5"/>'
    yield '<text x="357" y="24">the least that the work takes: bare socket, msgspec, standard library</text>'


def _grid(most: float, bottom: int) -> Iterator[str]:
    for power in range(round(math.log10(LEAST)), round(math.log10(most)) + 1):
        x = _place(10.0**power, most)
        style = "one" if power == 0 else "grid"
        yield f'<path class="{style}" d="M{x:.1f} {TOP - 6}V{bottom}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" class="small">{10.0**power:,g}</text>'


def _row(result: dict[str, Any], y: int, most: float) -> Iterator[str]:
    start, end = _place(1, most), _place(result["times"], most)
    yield f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(result["title"])}</text>'
    width = max(end - start, 2)
    yield f'<rect class="theirs" x="{start:.1f}" y="{y + 4}" width="{width:.1f}" height="14" rx="2"/>'
    yield f'<path class="one" d="M{start:.1f} {y}v{ROW - 4}"/>'
    if "of_limit" in result:
        yield f'<circle class="limit" cx="{_place(1 / result["of_limit"], most):.1f}" cy="{y + 11}" r="5"/>'
    yield f'<text x="{start + width + 8:.1f}" y="{y + 15}">{_times(result["times"])}</text>'


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 99.5 else f"{ratio:.1f} times"
