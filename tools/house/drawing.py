"""Write the house as SVG: rooms as boxes in their layers, arrows between them, with the path of a call numbered."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, pairwise
from xml.sax.saxutils import escape

from benchmarks.chart import framed
from tools.house.layout import Layout, Node, place
from tools.house.ports import ends
from tools.house.rooms import House, Room, reduced

BOX_WIDTH, ALONE_WIDTH, PAD = 216, 340, 12
TOP, BETWEEN, LINE, LEGEND_WIDTH = 64, 40, 14, 720
CHARACTER = 6.4  # the mean of an 11-pixel sans-serif font as wide as DejaVu Sans, so that narrower ones fit as well

STYLE = """
.name, .bold { font-weight: 600 } .tiny { font-size: 10px; fill: #6e7781 }
.room { fill: #f6f8fa; stroke: #d0d7de } .arrow { stroke: #8c959f } .arrow-head { fill: #8c959f }
.step { fill: #ddf4ff; stroke: #0969da } .call { stroke: #0969da } .call-head { fill: #0969da }
.arrow, .call { fill: none; stroke-width: 1.2 } .call { stroke-width: 1.8 }
.badge { fill: #0969da } .number { font-size: 11px; font-weight: 600; fill: #ffffff }
@media (prefers-color-scheme: dark) {
.tiny { fill: #7d8590 } .number { fill: #ffffff } .badge { fill: #1f6feb }
.room { fill: #161b22; stroke: #30363d } .arrow { stroke: #6e7681 } .arrow-head { fill: #6e7681 }
.step { fill: #121d2f; stroke: #388bfd } .call { stroke: #388bfd } .call-head { fill: #388bfd } }
"""
LEGEND = "Arrows show imports between rooms, except to rooms that a longer path of arrows reaches too. "


def draw(house: House) -> str:
    """Return the SVG, the same for the same imports."""
    crowds = Counter(room.layer for room in house.rooms.values())
    widths = {room.name: ALONE_WIDTH if crowds[room.layer] == 1 else BOX_WIDTH for room in house.rooms.values()}
    layers = {room.name: (room.layer, widths[room.name]) for room in house.rooms.values()}
    layout = place(layers, reduced(house.arrows()))
    heights = [0] * len(crowds)
    for room in house.rooms.values():
        lines = 1 + len(_purpose(room, widths[room.name])) + len(_size(room))
        heights[room.layer] = max(heights[room.layer], 2 * PAD + 4 + LINE * lines)
    tops = list(accumulate((height + BETWEEN for height in heights), initial=TOP))
    parts = [*_legend(house), *_arrows(layout, house.call, tops, heights)]
    for node in (node for layer in layout.layers for node in layer if node.is_room):
        parts += _box(node, house, tops[node.layer], heights[node.layer])
    width, height = max(round(layout.width), LEGEND_WIDTH), tops[-1] - BETWEEN + 16
    return framed(width, height, f"The rooms of {house.package}", parts, STYLE)


def _legend(house: House) -> Iterable[str]:
    upward = len(house.upward())
    faults = f"Imports that point upwards are not drawn ({upward})." if upward else "No import points upwards."
    yield f'<text x="16" y="26" class="small">{escape(LEGEND + faults)}</text>'
    if house.call:
        path = " → ".join(f"{number} {name}" for number, name in enumerate(house.call, 1))
        yield f'<text x="16" y="46"><tspan class="bold">The path of a call:</tspan> {escape(path)}</text>'


def _arrows(layout: Layout, call: list[str], tops: list[int], heights: list[int]) -> Iterable[str]:
    between_steps = [route for arrow, route in layout.routes.items() if set(arrow) <= set(call)]
    on_path = {segment for route in between_steps for segment in pairwise(route)}
    at = ends(layout)
    for segment in sorted(at, key=on_path.__contains__):  # the path of a call is drawn over the rest
        (upper, lower), (start, end) = segment, at[segment]
        name = "call" if segment in on_path else "arrow"
        y, to = tops[upper.layer] + heights[upper.layer], tops[lower.layer]
        straight = "" if upper.is_room else f"V{y}"
        begin = y if upper.is_room else tops[upper.layer]
        middle = (y + to) // 2
        curve = f"C{start:.0f} {middle} {end:.0f} {middle} {end:.0f} {to}"
        yield f'<path class="{name}" d="M{start:.0f} {begin}{straight}{curve}"/>'
        if lower.is_room:
            yield f'<path class="{name}-head" d="M{end:.0f} {to}l-4 -7h8z"/>'


def _box(node: Node, house: House, top: int, height: int) -> Iterable[str]:
    room = house.rooms[node.name]
    step = house.call.index(room.name) + 1 if room.name in house.call else 0
    left, width = round(node.x - node.width / 2), round(node.width)
    kind = "step" if step else "room"
    yield f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" rx="8"/>'
    x, y = left + PAD, top + PAD + 11
    yield f'<text class="name" x="{x}" y="{y}">{escape(room.name)}</text>'
    for line in _purpose(room, width):
        y += LINE
        yield f'<text class="small" x="{x}" y="{y + 3}">{escape(line)}</text>'
    for line in _size(room):
        y += LINE
        yield f'<text class="tiny" x="{x}" y="{y + 6}">{line}</text>'
    if step:
        middle = left + width - 18
        yield f'<circle class="badge" cx="{middle}" cy="{top + 18}" r="9"/>'
        yield f'<text class="number" x="{middle}" y="{top + 22}" text-anchor="middle">{step}</text>'


def _purpose(room: Room, width: int) -> list[str]:
    return textwrap.wrap(room.purpose, int((width - 2 * PAD) / CHARACTER))


def _size(room: Room) -> list[str]:
    modules = "1 module" if room.modules == 1 else f"{room.modules:,} modules"
    lines = room.lines if room.lines < 100 else round(room.lines, -2)
    return [f"{modules}, {lines:,} lines", *([f"{room.generated:,} of them generated"] if room.generated else [])]
