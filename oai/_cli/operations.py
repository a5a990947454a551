"""`oai list` and `oai show`: print the operations of the table that can be called from a shell. Nothing is sent."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from oai._cli.arguments import FILE, UsageError
from oai._cli.client import find_profile
from oai._cli.commands import COMMANDS
from oai._cli.terminal import WIDE, print_line, print_table, width
from oai._support.suggest import nearest
from oai._table.docs import parameter_docs
from oai._table.load import SHIPPED, environment_tables, load_table, shipped_table
from oai._table.rows import HelperRow, Row

if TYPE_CHECKING:
    from oai._table.rows import Forms
    from oai._table.table import Table
    from oai._table.websocket_row import WebSocketRow

WIDEST = 48
"""The maximum width of a column of `oai list`, in characters; a longer value shifts the rest of its line."""

PYTHON_ONLY = "oai.helpers."
"""The prefix of types that exist only in Python: callbacks, assembled streams."""


class Commands(Mapping[str, Row]):
    """The commands by call path: the operations of a table, and the helpers that return data.

    A helper is represented by the row of the operation that it extends, with the helper's own parameters. Helpers whose
    arguments or results exist only in Python are left out.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.helpers = {name: each for name, each in table.helpers.items() if _returns_data(each)}

    def __getitem__(self, name: str) -> Row:
        helper = self.helpers.get(name)
        return self.table[name] if helper is None else _helper_row(helper, self.table)

    def __iter__(self) -> Iterator[str]:
        yield from self.table
        yield from self.helpers

    def __len__(self) -> int:
        return len(self.table) + len(self.helpers)

    @property
    def aliases(self) -> Mapping[str, Forms]:
        """The flat names."""
        return self.table.aliases

    def positional(self, name: str) -> list[str]:
        """The names of the positional parameters: those of the path, or a helper's `args`."""
        helper = self.helpers.get(name)
        return self[name].path_params if helper is None or helper.extends is not None else helper.args or []

    def takes(self, name: str, callback: str) -> bool:
        """Return whether a helper takes a callback of that name."""
        return name in self.helpers and callback in self.helpers[name].params


def _returns_data(helper: HelperRow | WebSocketRow) -> bool:
    return isinstance(helper, HelperRow) and not helper.response.startswith(PYTHON_ONLY)


def _helper_row(helper: HelperRow | WebSocketRow, table: Table) -> Row:
    kinds = helper.merged(table)
    files = [name for name, kind in kinds.items() if FILE.search(kind)]
    row = Row("POST", "", "json", helper.response) if helper.extends is None else table[helper.extends]
    params = {
        name: kind
        for name, kind in kinds.items()
        if name not in row.path_params and not (kind.startswith(PYTHON_ONLY) and kind.endswith("?"))
    }
    return msgspec.structs.replace(
        row, response=helper.response, doc=helper.doc, params=params, files=files, stream=None, alias=[]
    )


def read_table(options: argparse.Namespace) -> Commands:
    """Return the shipped table, merged with those of the environment and the options."""
    others = [*environment_tables(), *(options.table or ())]
    # The structs that a table names are in a module in its directory, where `oai import` writes it.
    sys.path += [os.path.dirname(os.path.abspath(path)) for path in others]
    return Commands(load_table(SHIPPED, *others) if others else shipped_table())


def choose(table: Commands, word: str, words: list[str]) -> tuple[str, list[str]]:
    """Return operation and positional parameters; for an alias of several, those that fit the number of arguments."""
    names = find_names(table, word)
    if word in table:
        return word, table.positional(word)
    forms = dict(table.aliases[word])
    count = sum("=" not in word for word in words)
    return min(((name, forms[name]) for name in names), key=lambda form: abs(len(form[1]) - count))


def list_operations(options: argparse.Namespace, command: str, words: list[str]) -> int:  # noqa: ARG001
    """Print the operations that contain all the words, one on a line."""
    table = read_table(options)
    profile = find_profile(options)
    rows = {
        name: row
        for name, row in table.items()
        if _has(words, name, row) and (profile is None or not profile.check_operations or profile.has(name))
    }
    if not rows and not words:
        raise UsageError("the provider has no operation of the table")
    if not rows:
        raise UsageError(f"no operation contains {' and '.join(map(repr, words))}{_did_you_mean(words[0], table)}")
    widths = [min(max(map(len, rows)), WIDEST), 6, min(max(len(row.path) for row in rows.values()), WIDEST)]
    cells = [
        [
            name,
            "helper" if name in table.helpers else row.method,
            row.path,
            f"{row.doc} (deprecated)" if row.deprecated else row.doc,
        ]
        for name, row in rows.items()
    ]
    styles = ["cyan", "dim", "dim", ""]
    if sys.stdout.isatty() and width() < WIDE:  # without method and path
        cells, styles, widths = [[first, last] for first, *_, last in cells], ["cyan", ""], widths[:1]
    print_table(cells, styles, widths)
    return 0


def _has(words: Iterable[str], name: str, row: Row) -> bool:
    text = " ".join((name, row.method, row.path, row.doc, *(alias for alias, _ in row.aliases()))).lower()
    return all(word.lower() in text for word in words)


def show_operation(options: argparse.Namespace, command: str, words: list[str]) -> int:  # noqa: ARG001
    """Print an operation's description, parameters and result."""
    if not words:
        raise UsageError("oai show needs the name of an operation: oai show chat.completions.create")
    table = read_table(options)
    for name in [name for word in words for name in find_names(table, word)]:
        for line in _shown(name, table):
            print_line(*line)
    return 0


Line = tuple[str, int, str]
"""A line, the column at which its continuation begins, and the name in it to colour."""


def _shown(name: str, table: Commands) -> Iterator[Line]:
    row, helper = table[name], table.helpers.get(name)
    yield from _head(name, row, helper)
    yield "", 0, ""
    yield from _parameters(name, table)
    yield "", 0, ""
    yield from _result(row)
    needed = [param for param, kind in (row.params or {}).items() if not kind.endswith("?")]
    words = [name, *map(str.upper, row.path_params), *(_example(row, each) for each in needed)]
    yield f"  oai {' '.join(words)}", 6, ""
    yield "", 0, ""


def _head(name: str, row: Row, helper: HelperRow | WebSocketRow | None) -> Iterator[Line]:
    if helper is None:
        request = f"{row.method} {row.path}"
    else:
        request = f"helper over {helper.extends}" if helper.extends else "helper"
    yield f"{name}   {request}", 2, name
    if row.doc:
        yield f"  {row.doc}", 2, ""
    if row.deprecated:
        yield f"  Deprecated: {row.deprecated}", 4, ""
    aliases = [" ".join((alias, *map(str.upper, positional))) for alias, positional in row.aliases()]
    if aliases:
        yield f"  Also: {', '.join(aliases)}", 4, ""


def _parameters(name: str, table: Commands) -> Iterator[Line]:
    row = table[name]
    docs = parameter_docs(table.table, name)
    params = {**dict.fromkeys(row.path_params, "str"), **(row.params or {})}
    if row.stream:
        params.setdefault("stream", "bool?")
    if row.params is None:
        yield "  accepts any parameter", 2, ""
    elif not params:
        yield "  no parameters", 2, ""
    widest = max(map(len, params), default=0)
    for param, kind in sorted(params.items(), key=lambda each: each[1].endswith("?")):
        need = "optional" if kind.endswith("?") else "required"
        place = _place(row, param) if name not in table.helpers else "file" if param in row.files else ""
        yield f"  {param:<{widest}}  {need}  {place:<6} {kind.removesuffix('?')}", widest + 21, param
        if param in docs:
            yield f"  {'':<{widest}}    {docs[param]}", widest + 6, ""


def _result(row: Row) -> Iterator[Line]:
    stream = f"; with stream:=true, events of {row.stream}" if row.stream else ""
    yield f"  returns {row.response}{stream}", 4, ""
    if row.auth == "admin":
        yield "  requires an admin key (OPENAI_ADMIN_KEY)", 4, ""


def _place(row: Row, param: str) -> str:
    """Return the part of the request that carries a parameter."""
    if param in row.path_params:
        return "path"
    if param in row.files:
        return "file"
    return "query" if row.body == "query" or param in row.query else "form" if row.body == "multipart" else "body"


def _example(row: Row, param: str) -> str:
    kind = (row.params or {}).get(param, "")
    plain = kind.startswith(("str", "int", "float", "bool", "Literal"))
    return f"{param}@FILE" if param in row.files else f"{param}=..." if plain else f"{param}:=..."


def find_names(table: Commands, word: str) -> list[str]:
    """Return the operations of a call path (one) or an alias (one or more).

    Raises:
        UsageError: there is none; suggests the nearest.
    """
    if word in table:
        return [word]
    if word in table.aliases:
        return [name for name, _ in table.aliases[word]]
    below = [name for name in table if name.startswith(f"{word}.")]
    if below:
        shown = ", ".join(below[:5]) + (", ..." if len(below) > 5 else "")
        raise UsageError(f"{word} is a group of operations: {shown} (oai list {word})")
    if word in table.table.helpers:
        raise UsageError(
            f"{word} can only be called from Python, since its result is not data (oai list {word.partition('.')[0]})"
        )
    has_matches = any(_has([word], name, row) for name, row in table.items())
    raise UsageError(
        f"unknown operation {word!r}{_did_you_mean(word, table)} (oai list{f' {word}' if has_matches else ''})"
    )


def _did_you_mean(word: str, table: Commands) -> str:
    right = nearest(word, [*table, *table.aliases, *COMMANDS])
    return f"; did you mean {right!r}?" if right else ""
