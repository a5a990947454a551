"""Find circles of imports: strongly connected components, with the shortest circle in each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tools.house.imports import Import


def find_circles(imports: Iterable[Import]) -> list[list[Import]]:
    """Return, for each set of modules that reach each other, the imports within it."""
    imports = list(imports)
    after: dict[str, set[str]] = defaultdict(set)
    for edge in imports:
        after[edge.source].add(edge.target)
    reached = {name: _reachable(name, after) for name in after}
    circles: dict[tuple[str, ...], list[Import]] = defaultdict(list)
    for edge in imports:
        if edge.source in reached.get(edge.target, ()):
            members = {name for name in reached[edge.source] if edge.source in reached.get(name, ())}
            circles[tuple(sorted(members))].append(edge)
    return [circles[members] for members in sorted(circles)]


def shortest(circle: list[Import]) -> list[str]:
    """Return the module names along the shortest circle; the first one ends it as well."""
    after: dict[str, list[str]] = defaultdict(list)
    for edge in circle:
        after[edge.source].append(edge.target)
    return min((_path_back(start, after) for start in sorted(after)), key=len)


def _reachable(start: str, after: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    pending = [start]
    while pending:
        fresh = after.get(pending.pop(), set()) - reached
        reached |= fresh
        pending += fresh
    return reached


def _path_back(start: str, after: dict[str, list[str]]) -> list[str]:
    """Return the shortest path from a module back to itself."""
    paths = [[start]]
    visited: set[str] = set()
    for path in paths:
        for name in after[path[-1]]:
            if name == start:
                return [*path, name]
            if name not in visited:
                visited.add(name)
                paths.append([*path, name])
    raise ValueError(f"{start} is in no circle")
