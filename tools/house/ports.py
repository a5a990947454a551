"""Where on a room's edge each arrow begins and ends: as straight as possible, and apart from its neighbours."""

from __future__ import annotations

from tools.house.layout import Layout, Node, Segment
from tools.house.spread import spread

APART, INSET = 16, 20


def ends(layout: Layout) -> dict[Segment, tuple[float, float]]:
    """Return the horizontal positions of both ends of each segment."""
    segments = layout.segments()
    starts: dict[Segment, float] = {}
    stops: dict[Segment, float] = {}
    for layer in layout.layers:
        for node in layer:
            down = sorted((pair for pair in segments if pair[0] is node), key=lambda pair: pair[1].x)
            starts.update(zip(down, _ports(node, [lower for _, lower in down]), strict=True))
            up = sorted((pair for pair in segments if pair[1] is node), key=lambda pair: pair[0].x)
            stops.update(zip(up, _ports(node, [upper for upper, _ in up]), strict=True))
    return {pair: (starts[pair], stops[pair]) for pair in segments}


def _ports(node: Node, others: list[Node]) -> list[float]:
    if not node.is_room or not others:
        return [node.x] * len(others)
    left, right = _edges(node)
    apart = min(APART, (right - left) / len(others))
    wanted = [_facing(node, other) for other in others]
    return spread(wanted, [1.0] * len(others), [apart] * (len(others) - 1), left, right)


def _facing(node: Node, other: Node) -> float:
    """Return the middle of the range that both nodes cover, or the edge that is nearest to the other node."""
    (left, right), (other_left, other_right) = _edges(node), _edges(other)
    if max(left, other_left) <= min(right, other_right):
        return (max(left, other_left) + min(right, other_right)) / 2
    return right if other_left > right else left


def _edges(node: Node) -> tuple[float, float]:
    half = node.width / 2 - INSET if node.is_room else 0
    return node.x - half, node.x + half
