"""The chart of the README: how many times longer the official SDK takes, a bar for each measure, as SVG."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape

ROW, LEFT, WIDTH, RIGHT = 26, 270, 360, 120

STYLE = """
.ours { fill: #1a7f37 } .theirs { fill: #afb8c1 }
@media (prefers-color-scheme: dark) { .ours { fill: #3fb950 } .theirs { fill: #6e7681 } }
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
    """Return the chart: grey is the official SDK, green what oai takes of that."""
    rows = [(each["title"], each["times"]) for each in results.values() if isinstance(each, dict) and "times" in each]
    said = textwrap.wrap(versions, 120)
    height = ROW * (len(rows) + 1) + 16 * len(said) + 10
    lines = [f'<text x="{LEFT}" y="17" class="small">grey: the official SDK; green: oai</text>']
    for place, (title, times) in enumerate(rows, 1):
        y = ROW * place
        lines += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(title)}</text>',
            f'<rect class="theirs" x="{LEFT}" y="{y + 3}" width="{WIDTH}" height="14" rx="2"/>',
            f'<rect class="ours" x="{LEFT}" y="{y + 3}" width="{max(WIDTH / times, 1):.1f}" height="14" rx="2"/>',
            f'<text x="{LEFT + WIDTH + 8}" y="{y + 14}">{times:,.1f} times less</text>',
        ]
    for place, line in enumerate(said):
        y = height - 8 - 16 * (len(said) - 1 - place)
        lines.append(f'<text x="8" y="{y}" class="small">{escape(line)}</text>')
    return framed(LEFT + WIDTH + RIGHT, height, "oai and the official SDK", lines, STYLE)
