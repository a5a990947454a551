"""Place rooms in their layers so that few arrows cross: order each layer, then choose where each room stands.

An arrow that skips layers bends once in each of them, between the rooms. Arrows to the same room share their bends.
This is the usual method for layered graphs (Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import fsum  # `sum` of floats differs between Python versions, and the drawing must not
from random import Random

from tools.house.spread import spread

STARTS, SWEEPS, MOVES = 20, 12, 200
GAP, MARGIN, BEND = 18, 16, 4


@dataclass(eq=False)
class Node:
    """A room, or the bend of an arrow that passes a layer; `x` is the middle."""

    name: str
    layer: int
    width: float
    is_room: bool
    x: float = 0


Arrow = tuple[str, str]
Segment = tuple[Node, Node]
Near = dict[Node, list[Node]]


@dataclass(frozen=True)
class Layout:
    """Nodes by layer from left to right, and the nodes that each arrow passes."""

    width: float
    layers: list[list[Node]]
    routes: dict[Arrow, list[Node]]

    def segments(self) -> list[Segment]:
        """Return the parts of arrows between neighbouring layers, once where arrows share them."""
        return list(dict.fromkeys(segment for route in self.routes.values() for segment in pairwise(route)))


def place(rooms: Mapping[str, tuple[int, float]], arrows: Iterable[Arrow]) -> Layout:
    """Place rooms, each a layer and a width, whose arrows all point to lower layers."""
    nodes = {name: Node(name, layer, width, True) for name, (layer, width) in rooms.items()}
    routes: dict[Arrow, list[Node]] = {}
    for source, target in sorted(arrows):
        passed = range(nodes[source].layer + 1, nodes[target].layer)
        bends = [nodes.setdefault(f"{target} {layer}", Node("", layer, BEND, False)) for layer in passed]
        routes[source, target] = [nodes[source], *bends, nodes[target]]
    count = max((node.layer for node in nodes.values()), default=-1) + 1
    near: Near = defaultdict(list)
    for upper, lower in dict.fromkeys(segment for route in routes.values() for segment in pairwise(route)):
        near[upper].append(lower)
        near[lower].append(upper)
    layers = _order([[node for node in nodes.values() if node.layer == layer] for layer in range(count)], near)
    width = max((sum(node.width + GAP for node in layer) - GAP for layer in layers), default=0) + 2 * MARGIN
    _choose_x(layers, near, width)
    return Layout(width, layers, routes)


def _order(layers: list[list[Node]], near: Near) -> list[list[Node]]:
    """Return the order with the fewest crossings that sweeps down and up find from several starts."""
    best, fewest = layers, _crossings(layers, near)
    for seed in range(STARTS):
        shuffled = Random(seed)  # a seed of its own: the same drawing for the same imports
        layers = [shuffled.sample(layer, len(layer)) for layer in layers]
        for turn in range(SWEEPS):
            for layer in layers if turn % 2 == 0 else reversed(layers):
                at = _ranks(layers)
                middle = {node: _mean([at[other] for other in near[node]], at[node]) for node in layer}
                layer.sort(key=middle.__getitem__)
            _swap_neighbours(layers, near)
            if (count := _crossings(layers, near)) < fewest:
                best, fewest = [list(layer) for layer in layers], count
    return best


def _swap_neighbours(layers: Sequence[list[Node]], near: Near) -> None:
    """Swap neighbours wherever that saves a crossing."""
    at = _ranks(layers)
    for layer in layers:
        for i in range(len(layer) - 1):
            left, right = layer[i], layer[i + 1]
            if _crossed(left, right, near, at) > _crossed(right, left, near, at):
                layer[i], layer[i + 1] = right, left
                at[left], at[right] = at[right], at[left]


def _crossings(layers: Sequence[Sequence[Node]], near: Near) -> int:
    """Return twice the number of crossings: each is seen from the layer above and from the layer below."""
    at = _ranks(layers)
    return sum(_crossed(left, right, near, at) for layer in layers for left, right in combinations(layer, 2))


def _crossed(left: Node, right: Node, near: Near, at: Mapping[Node, float]) -> int:
    """Return how many arrows of one node cross arrows of another that stands to its right in the same layer."""
    return sum(at[a] > at[b] for a in near[left] for b in near[right] if a.layer == b.layer)


def _ranks(layers: Iterable[Sequence[Node]]) -> dict[Node, float]:
    """Return where in its layer each node stands, from 0 to 1."""
    return {node: (rank + 0.5) / len(layer) for layer in layers for rank, node in enumerate(layer)}


def _mean(values: Sequence[float], default: float) -> float:
    return fsum(values) / len(values) if values else default


def _choose_x(layers: Sequence[Sequence[Node]], near: Near, width: float) -> None:
    """Move each node towards the middle of its neighbours, bends above all, which keeps long arrows straight."""
    for layer in layers:
        for rank, node in enumerate(layer):
            node.x = width * (rank + 0.5) / len(layer)
    for turn in range(MOVES):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            wanted, weights = [], []
            for node in layer:
                pulls = [(other.x, 1.0 if node.is_room else 2.0 if other.is_room else 8.0) for other in near[node]]
                pulls.append((width / 2, 0.2))
                total = fsum(weight for _, weight in pulls)
                wanted.append(fsum(x * weight for x, weight in pulls) / total)
                weights.append(1.0 if node.is_room else 10.0)
            apart = [(a.width + b.width) / 2 + GAP for a, b in pairwise(layer)]
            lowest = MARGIN + layer[0].width / 2
            highest = width - MARGIN - layer[-1].width / 2
            for node, x in zip(layer, spread(wanted, weights, apart, lowest, highest), strict=True):
                node.x = x
