"""Checks of rows, each where it was written.

What is wrong with a row is a single `TableError` that names the file, the operation, the key, and the nearest valid
key. This module is only imported where a table has to be read; the shipped one is kept compiled (`_table.load`).
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from oai._errors import TableError
from oai._json.strict import convert_strict
from oai._support.suggest import nearest
from oai._table.rows import CALL_OPTIONS, HELPER_KEYS, PLACEHOLDER, ROW_KEYS, HelperRow, Row
from oai._table.type_expressions import check_expression

if TYPE_CHECKING:
    from oai._table.table import Table
    from oai._table.websocket_row import WebSocketRow

ALIAS = re.compile(r"(?P<name>\w+)(?:\((?P<positional>[\w\s,]*)\))?")

RESERVED_NAMES = frozenset({"self", "stream", "params", *CALL_OPTIONS})

OF_A_NAMESPACE = ("with_raw_response", "with_streaming_response")

REQUIRED_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Row) if field.required)
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def check_row(source: str, name: str, keys: dict[str, Any]) -> Row:
    """Turn one row's keys into a `Row`, or say what is wrong with them."""
    for key in keys:
        if key not in ROW_KEYS:
            raise wrong(source, name, key, "is not a key of a row", nearest(key, ROW_KEYS))
    for key in REQUIRED_KEYS:
        if key not in keys:
            raise wrong(source, name, key, "is missing; a row needs " + ", ".join(REQUIRED_KEYS))
    try:
        row = convert_strict(Row, keys)
    except msgspec.ValidationError as error:
        raise mistyped(source, name, keys, error) from None
    for problem in _problems(name, row):
        raise wrong(source, name, *problem)
    return row


def check_helper(source: str, name: str, keys: dict[str, Any]) -> HelperRow:
    """Turn the keys of a helper into a `HelperRow`, or say what is wrong with them."""
    for key in keys:
        if key not in HELPER_KEYS:
            raise wrong(source, name, key, "is not a key of a helper", nearest(key, HELPER_KEYS))
    try:
        helper = convert_strict(HelperRow, keys)
    except msgspec.ValidationError as error:
        raise mistyped(source, name, keys, error) from None
    for problem in _helper_problems(name, helper):
        raise wrong(source, name, *problem)
    return helper


def _helper_problems(name: str, helper: HelperRow) -> Iterator[tuple[str, ...]]:
    yield from header_problems(name)
    if not DOTTED.fullmatch(helper.helper):
        yield "helper", f"is {helper.helper!r}, not a function as module.function"
    if helper.without and helper.extends is None:
        yield "without", "needs `extends`"
    for param in helper.params:
        if not is_public(param) or param in {"self", *CALL_OPTIONS}:
            yield f"params.{param}", "cannot be the name of a parameter"
    types = {**{f"params.{param}": kind.removesuffix("?") for param, kind in helper.params.items()}}
    types |= {"response": helper.response, "async_response": helper.async_response or "Any"}
    for key, expression in types.items():
        if problem := check_expression(expression):
            yield key, problem


def header_problems(name: str) -> Iterator[tuple[str, ...]]:
    for segment in name.split("."):
        if not is_public(segment):
            yield "the header", f"cannot be a call path: {segment!r} is not a public Python name"
        if segment in OF_A_NAMESPACE:
            yield "the header", f"cannot be a call path: everything has {segment!r} already"


def _problems(name: str, row: Row) -> Iterator[tuple[str, ...]]:
    """Yield `(key, what is wrong, the nearest right one)` for everything that types alone do not tell."""
    yield from header_problems(name)
    yield from _path_problems(row)
    yield from _type_problems(row)
    yield from _bind_problems(row)
    yield from _reference_problems(row)
    if row.files and row.body != "multipart":
        yield "files", 'needs body = "multipart"'
    if row.defaults and row.body != "json":
        yield "defaults", 'needs body = "json"'
    if row.vectors and not row.defaults:
        yield "vectors", "needs `defaults`, which ask for them"
    if row.vectors and not re.fullmatch(r"\w+\.\w+", row.vectors):
        yield "vectors", f"is {row.vectors!r}; it names a list and a field of its items, such as 'data.embedding'"
    if row.json_without_files and not row.files:
        yield "json_without_files", "needs `files`"


def _path_problems(row: Row) -> Iterator[tuple[str, ...]]:
    if not row.path.startswith("/"):
        yield "path", f"must begin with a slash, as in {'/' + row.path!r}"
    if re.search(r"[{}#]|[^!-~]", PLACEHOLDER.sub("", row.path)):
        yield "path", "is a path template such as '/files/{file_id}', in ASCII and without a fragment"
    placeholders = row.path_params
    for param in placeholders:
        if not is_public(param) or param in RESERVED_NAMES:
            yield "path", f"has the placeholder {{{param}}}, which cannot be a parameter's name"
    if len(set(placeholders)) < len(placeholders):
        yield "path", "names a placeholder twice"


def _type_problems(row: Row) -> Iterator[tuple[str, ...]]:
    for param, expression in (row.params or {}).items():
        if not is_public(param):
            yield f"params.{param}", "is not a public Python name; choose one and map it with `rename`"
        if param in RESERVED_NAMES or param in row.path_params:
            yield f"params.{param}", "is taken: by the call itself, or by the path template"
        if problem := check_expression(expression.removesuffix("?")):
            yield f"params.{param}", problem
    for key in ("response", "stream", "stream_result", "async_stream_result"):
        if (expression := getattr(row, key)) is not None and (problem := check_expression(expression)):
            yield key, problem
    for param, chosen in row.response_by.items():
        for value, expression in chosen.items():
            if problem := check_expression(expression):
                yield f"response_by.{param}.{value}", problem


def _bind_problems(row: Row) -> Iterator[tuple[str, ...]]:
    """Yield what is wrong with what stays here: the parameters that are not sent, and the function that takes them."""
    if row.bind is not None and not DOTTED.fullmatch(row.bind):
        yield "bind", f"is {row.bind!r}, not a function as module.function"
    for key in ("local", "stream_result", "async_stream_result"):
        if getattr(row, key) and row.bind is None:
            yield key, "needs `bind`, the function that takes it from there"
    for param, expression in row.local.items():
        if not is_public(param) or param in RESERVED_NAMES or param in (*row.path_params, *(row.params or {})):
            yield f"local.{param}", "cannot be the name of a parameter, or is one already"
        if not expression.endswith("?"):
            yield f"local.{param}", "is not optional; what stays here ends with `?`"
        if problem := check_expression(expression.removesuffix("?")):
            yield f"local.{param}", problem


def _reference_problems(row: Row) -> Iterator[tuple[str, ...]]:
    """Yield what names a parameter that there is not. A row without `params` takes any."""
    names = [*row.path_params, *(row.params or {})]
    keys = ("query", "files", "rename", "args", "header_params", "parts", "defaults", "response_by")
    given: dict[str, list[str]] = {key: list(getattr(row, key) or ()) for key in keys}
    for alias in row.alias:
        match = ALIAS.fullmatch(alias)
        if match is None or not is_public(match["name"]):
            yield "alias", f"has {alias!r}, which is neither `name` nor `name(first, second)`"
        else:
            positional = (match["positional"] or "").replace(",", " ").split()
            given.setdefault("alias", []).extend(positional)
            if len(set(positional)) < len(positional):
                yield "alias", f"has {alias!r}, which names a parameter twice"
    if len(set(given["args"])) < len(given["args"]):
        yield "args", "names a parameter twice"
    sent = [param for param in row.params or {} if param not in row.header_params]
    places = Counter((row.rename.get(param, param), param in row.query) for param in sent)
    for wire in (wire for (wire, _), count in places.items() if count > 1):
        yield "rename", f"has two parameters sent as {wire!r}, of which only one would arrive"
    for key, params in given.items():
        for param in params:
            if row.params is not None and param not in names:
                yield key, f"names {param!r}, which is no parameter of the row", nearest(param, names)


def is_public(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def check_together(
    table: Table, source: str, *, partial: bool = False, own: Mapping[str, HelperRow | WebSocketRow] | None = None
) -> None:
    """Check what only shows in all rows at once: a call path within another, and aliases that collide.

    A `partial` table is still to be laid over another, which may have what a helper extends. Helpers are only checked
    if they are the source's `own`: an operation may be replaced without regard to those below that extend it.
    """
    forms: dict[tuple[str, int], str] = {}
    for name in (*table, *table.helpers):
        parent = name.rpartition(".")[0]
        while parent:
            if parent in table or parent in table.helpers:
                raise wrong(source, name, "the header", f"lies below [{parent}], which is a row itself")
            parent = parent.rpartition(".")[0]
    for name, helper in (table.helpers if own is None else own).items():
        if isinstance(helper, HelperRow) and (helper.extends is None or helper.extends in table or not partial):
            _check_extended(table, source, name, helper)
    for name, row in table.items():
        for alias, positional in row.aliases():
            form = (alias, len(positional))
            if form in forms and forms[form] != name:
                raise wrong(source, name, "alias", f"has {alias!r}, which [{forms[form]}] has as well")
            if alias in table or alias in table.helpers:
                raise wrong(source, name, "alias", f"has {alias!r}, which is a call path itself")
            forms[form] = name


def _check_extended(table: Table, source: str, name: str, helper: HelperRow) -> None:
    """Check what a helper says of the operation that it extends."""
    if helper.extends is not None and helper.extends not in table:
        right = nearest(helper.extends, table)
        raise wrong(source, name, "extends", f"is {helper.extends!r}, which is no operation", right)
    if helper.extends is not None:
        row = table[helper.extends]
        for param in helper.without:
            if param not in (names := [*row.path_params, *(row.params or {})]):
                problem = f"names {param!r}, which is no parameter of [{helper.extends}]"
                raise wrong(source, name, "without", problem, nearest(param, names))
    for param in helper.constants:
        if param in helper.merged(table):
            raise wrong(source, name, "constants", f"has {param!r}, which is a parameter as well")
    for param in helper.args or ():
        if param not in (merged := helper.merged(table)):
            raise wrong(source, name, "args", f"names {param!r}, which is no parameter", nearest(param, merged))


def mistyped(source: str, name: str, keys: dict[str, Any], error: Exception) -> TableError:
    message, _, where = str(error).partition(" - at `$.")
    key = re.split(r"[.\[`]", where)[0]
    for field in msgspec.structs.fields(Row):
        choices = get_args(field.type)
        if field.encode_name == key and all(isinstance(choice, str) for choice in choices) and choices:
            given = keys[key]
            right = nearest(str(given).upper(), choices) or nearest(str(given).lower(), choices)
            return wrong(source, name, key, f"is {given!r}, not one of {', '.join(choices)}", right)
    return wrong(source, name, key, message[0].lower() + message[1:])


def wrong(source: str, name: str, key: str, problem: str, right: str = "") -> TableError:
    hint = f"; did you mean `{right}`?" if right else ""
    return TableError(f"{source}: [{name}]: `{key}` {problem}{hint}")
