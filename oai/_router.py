"""From a request line to its operation: the table read backwards.

A router is made once of a table and finds, by method and path alone, which rows a request could have been made
from and what the path's parameters are. Words of a path go before parameters (`/files/search` before
`/files/{file_id}`), and constants that a row's path has in its query must be there. It knows the table, not HTTP
beyond the request line, and answers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote
from weakref import WeakKeyDictionary

from oai._nearest import nearest
from oai._table_rows import PLACEHOLDER

if TYPE_CHECKING:
    from oai._table import Table

PREFIXES = ("/v1",)
"""What may stand before the paths of the table, as it does in the API's base URL."""


class Route(NamedTuple):
    """What a request line leads to.

    Attributes:
        names: the operations that it could be, the most likely first.
        values: the parameters of the path in their order, decoded.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]


class _Leaf(NamedTuple):
    """A row at the end of its path."""

    name: str
    query: frozenset[tuple[str, str]]
    dropped: bool


class _Node:
    """A place in the tree of paths, one segment below its parent."""

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.patterns: dict[str, tuple[re.Pattern[str], _Node]] = {}
        self.leaves: dict[str, list[_Leaf]] = {}

    def below(self, segment: str) -> _Node:
        """Return the node of a segment of a path template, made if it is new."""
        if "{" not in segment:
            return self.words.setdefault(segment, _Node())
        pieces = PLACEHOLDER.split(segment)
        pattern = "".join("(.+)" if odd % 2 else re.escape(piece) for odd, piece in enumerate(pieces))
        return self.patterns.setdefault(pattern, (re.compile(pattern), _Node()))[1]

    def find(self, segments: list[str], values: tuple[str, ...] = ()) -> Iterator[tuple[_Node, tuple[str, ...]]]:
        """Yield the nodes that a path leads to, each with the values of the parameters on the way."""
        if not segments:
            yield self, values
            return
        first, *rest = segments
        word = self.words.get(first) or self.words.get(unquote(first))
        if word is not None:
            yield from word.find(rest, values)
        # What has most text of its own is the narrowest.
        for _, (pattern, node) in sorted(self.patterns.items(), key=lambda each: -len(each[0])):
            if match := pattern.fullmatch(first):
                yield from node.find(rest, (*values, *map(unquote, match.groups())))


class Router:
    """Finds the operations of a table by request lines."""

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
        """Return where a request leads, nothing if no row has such a path.

        Args:
            method: the HTTP method; `HEAD` finds what `GET` does where no row has it.
            target: path and query, the path with or without the `/v1` of the API's base URL.
        """
        asked = set(parse_qsl(target.partition("?")[2], keep_blank_values=True))
        for node, values in self._nodes(target):
            leaves = node.leaves.get(method) or (node.leaves.get("GET") if method == "HEAD" else None) or []
            fitting = sorted((leaf for leaf in leaves if leaf.query <= asked), key=_rank)
            if fitting:
                return Route(tuple(leaf.name for leaf in fitting), values)
        return None

    def methods(self, target: str) -> list[str]:
        """Return the methods that a path has rows for."""
        return sorted({method for node, _ in self._nodes(target) for method in node.leaves})

    def nearest(self, method: str, target: str) -> str:
        """Return the request line that is most like one that leads nowhere, as method and template; or nothing."""
        path = _without_prefix(target.partition("?")[0])
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
    """Return the router of a table; there is one for each."""
    found = _routers.get(table)
    if found is None:
        found = _routers[table] = Router(table)
    return found


def _rank(leaf: _Leaf) -> tuple[int, bool, bool, int]:
    """Put the narrowest first, then what the API has not dropped, what is no beta, and the shortest name."""
    return -len(leaf.query), leaf.dropped, leaf.name.startswith("beta."), len(leaf.name)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _without_prefix(path: str) -> str:
    found = next((prefix for prefix in PREFIXES if path == prefix or path.startswith(f"{prefix}/")), "")
    return path[len(found) :]
