"""Match the paths of requests against the path templates of rows, and find the rows that a request line fits.

A router is built once per table and finds, by method and path alone, which rows a request could have been made from,
and the values of the path parameters. Literal segments take precedence over parameters (`/files/search` over
`/files/{file_id}`), and constants in the query of a row's path must be present. `match_path` matches a path against
one template. This module knows the table, and of HTTP only the request line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit
from weakref import WeakKeyDictionary

from oai._support.suggest import nearest
from oai._table.rows import PLACEHOLDER

if TYPE_CHECKING:
    from oai._table.table import Table

PREFIXES = ("/v1",)
"""Path prefixes that a request line may have before a path of the table: those of the API's base URL."""

MOST_COMPARED = 200
"""The longest path for which a similar one is searched: the comparison takes quadratic time."""

VALUE = "([^/]+)"
"""The pattern of a path parameter."""


class PathMatch(NamedTuple):
    """A path that fits a template.

    Attributes:
        below: the part of the path that the template describes, without the path of the base URL.
        values: the path parameters by name, percent-decoded.
    """

    below: str
    values: dict[str, str]


def match_path(template: str, path: str) -> PathMatch | None:
    """Match the path of a URL against the path of a row, at any base URL; `None` if it does not fit.

    Args:
        template: the row's path; its query is ignored.
        path: the path, percent-encoded.
    """
    pattern, names = _compiled(template)
    match = pattern.search(path)
    if match is None:
        return None
    return PathMatch(match[0], dict(zip(names, map(unquote, match.groups()), strict=True)))


@lru_cache(1024)
def _compiled(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    path = f"/{urlsplit(template).path.lstrip('/')}"
    return re.compile(rf"{_pattern(path)}\Z"), tuple(PLACEHOLDER.findall(path))


def _pattern(template: str) -> str:
    return "".join(VALUE if odd % 2 else re.escape(text) for odd, text in enumerate(PLACEHOLDER.split(template)))


class Route(NamedTuple):
    """The operations that fit a request line.

    Attributes:
        names: their call paths, the most likely first.
        values: the path parameters in order, percent-decoded.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]


class _Leaf(NamedTuple):
    """A row at the node of its path."""

    name: str
    query: frozenset[tuple[str, str]]
    deprecated: bool


class _Node:
    """A node in the tree of paths, one segment below its parent."""

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.patterns: dict[str, tuple[re.Pattern[str], _Node]] = {}
        self.leaves: dict[str, list[_Leaf]] = {}

    def below(self, segment: str) -> _Node:
        """Return the child for a segment of a path template; create it if it is new."""
        if "{" not in segment:
            return self.words.setdefault(segment, _Node())
        pattern = _pattern(segment)
        return self.patterns.setdefault(pattern, (re.compile(pattern), _Node()))[1]

    def find(self, segments: list[str], values: tuple[str, ...] = ()) -> Iterator[tuple[_Node, tuple[str, ...]]]:
        """Yield the nodes that match a path, each with the values of the path parameters."""
        if not segments:
            yield self, values
            return
        first, *rest = segments
        word = self.words.get(first) or self.words.get(unquote(first))
        if word is not None:
            yield from word.find(rest, values)
        # The pattern with the most literal text is the most specific.
        for _, (pattern, node) in sorted(self.patterns.items(), key=lambda item: -len(item[0].replace(VALUE, ""))):
            if match := pattern.fullmatch(first):
                yield from node.find(rest, (*values, *map(unquote, match.groups())))


class Router:
    """A finder of a table's operations by request lines."""

    def __init__(self, table: Table) -> None:
        self._root = _Node()
        self._lines: list[str] = []
        for name, row in table.items():
            path, _, query = row.path.partition("?")
            node = self._root
            for segment in _segments(path):
                node = node.below(segment)
            leaf = _Leaf(name, frozenset(parse_qsl(query)), row.deprecated is not None)
            node.leaves.setdefault(row.method, []).append(leaf)
            self._lines.append(f"{row.method} {row.path}")

    def find(self, method: str, target: str) -> Route | None:
        """Return the operations that fit a request line, or `None`.

        Args:
            method: the HTTP method; `HEAD` falls back to the rows of `GET`.
            target: path and query, with or without the `/v1` of the API's base URL.
        """
        query = set(parse_qsl(target.partition("?")[2], keep_blank_values=True))
        for node, values in self._nodes(target):
            leaves = node.leaves.get(method) or (node.leaves.get("GET") if method == "HEAD" else None) or []
            fitting = sorted((leaf for leaf in leaves if leaf.query <= query), key=_rank)
            if fitting:
                return Route(tuple(leaf.name for leaf in fitting), values)
        return None

    def methods(self, target: str) -> list[str]:
        """Return the methods that a path has rows for."""
        return sorted({method for node, _ in self._nodes(target) for method in node.leaves})

    def nearest(self, method: str, target: str) -> str:
        """Return the method and path template most similar to an unknown request line; empty if none is similar."""
        path = _without_prefix(target.partition("?")[0])
        if len(path) > MOST_COMPARED:
            return ""
        of_method = [line for line in self._lines if line.startswith(f"{method} ")]
        line = f"{method} {path}"
        return nearest(line, of_method) or nearest(line, self._lines)

    def _nodes(self, target: str) -> Iterator[tuple[_Node, tuple[str, ...]]]:
        path = target.partition("?")[0]
        yield from self._root.find(_segments(path))
        if (rest := _without_prefix(path)) != path:
            yield from self._root.find(_segments(rest))


_routers: WeakKeyDictionary[Table, Router] = WeakKeyDictionary()


def router(table: Table) -> Router:
    """Return the router of a table, which is built once."""
    known = _routers.get(table)
    if known is None:
        known = _routers[table] = Router(table)
    return known


def _rank(leaf: _Leaf) -> tuple[int, bool, bool, int]:
    """Return a sort key: the most specific query, then not deprecated, then not beta, then the shortest name."""
    return -len(leaf.query), leaf.deprecated, leaf.name.startswith("beta."), len(leaf.name)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _without_prefix(path: str) -> str:
    prefix = next((each for each in PREFIXES if path == each or path.startswith(f"{each}/")), "")
    return path[len(prefix) :]
