"""Validation of rows.

An invalid row is a single `TableError` that names the file, the operation, the key, and the nearest valid name. This
module is only imported when a table has to be parsed; the shipped one is kept compiled (`_table.load`).
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args
from unicodedata import normalize

import msgspec

from oai._errors import TableError
from oai._json.strict import convert_strict
from oai._support.suggest import nearest
from oai._table.rows import CALL_OPTIONS, HELPER_KEYS, PLACEHOLDER, ROW_KEYS, HelperRow, Row
from oai._table.type_expressions import check_expression

if TYPE_CHECKING:
    from oai._table.table import Table
    from oai._table.websocket_row import WebSocketRow

Struct = TypeVar("Struct", bound=msgspec.Struct)

ALIAS = re.compile(r"(?P<name>\w+)(?:\((?P<positional>[\w\s,]*)\))?")

RESERVED_NAMES = frozenset({"self", "stream", "params", *CALL_OPTIONS})
"""Names that no parameter of a row may have, because generated functions use them."""

DECLARED_ONLY = ("query", "args", "header_params", "rename", "alias")
"""Keys whose parameters have a place in generated source, so that a row without `params` cannot name others."""

NAMESPACE_ATTRIBUTES = ("with_raw_response", "with_streaming_response")
"""Attributes of every namespace, which no call path may hide."""
REQUIRED_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Row) if field.required)
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def check_row(source: str, name: str, keys: dict[str, Any]) -> Row:
    """Convert the keys of one row to a `Row`.

    Raises:
        TableError: a key is unknown, missing or invalid.
    """
    missing = f"is missing; a row needs {', '.join(REQUIRED_KEYS)}"
    row = convert_keys(source, name, keys, Row, "a row", ROW_KEYS, dict.fromkeys(REQUIRED_KEYS, missing))
    for problem in _problems(name, row):
        raise wrong(source, name, *problem)
    return row


def check_helper(source: str, name: str, keys: dict[str, Any]) -> HelperRow:
    """Convert the keys of one helper to a `HelperRow`.

    Raises:
        TableError: a key is unknown or invalid.
    """
    helper = convert_keys(source, name, keys, HelperRow, "a helper", HELPER_KEYS)
    for problem in _helper_problems(name, helper):
        raise wrong(source, name, *problem)
    return helper


def convert_keys(
    source: str,
    name: str,
    keys: dict[str, Any],
    kind: type[Struct],
    noun: str,
    allowed: Collection[str],
    required: Mapping[str, str] | None = None,
) -> Struct:
    """Convert the keys of one header of a table to a struct.

    Args:
        source: the file.
        name: the header.
        keys: its keys.
        kind: the struct.
        noun: what it is, for an error.
        allowed: the names of all keys.
        required: the names of the keys that it must have, and the problem if one is missing.

    Raises:
        TableError: a key is unknown, missing or of a wrong type.
    """
    for key in keys:
        if key not in allowed:
            raise wrong(source, name, key, f"is not a valid key of {noun}", nearest(key, allowed))
    for key, problem in (required or {}).items():
        if key not in keys:
            raise wrong(source, name, key, problem)
    try:
        return convert_strict(kind, keys)
    except msgspec.ValidationError as error:
        raise mistyped(source, name, keys, error) from None


def _helper_problems(name: str, helper: HelperRow) -> Iterator[tuple[str, ...]]:
    yield from header_problems(name)
    if not DOTTED.fullmatch(helper.helper):
        yield "helper", f"is {helper.helper!r}, not a function as module.function"
    if helper.without and helper.extends is None:
        yield "without", "needs `extends`"
    for param in helper.params:
        if not is_public(param) or param in {"self", *CALL_OPTIONS}:
            yield f"params.{param}", "is not a valid parameter name"
    types = {**{f"params.{param}": kind.removesuffix("?") for param, kind in helper.params.items()}}
    types |= {"response": helper.response, "async_response": helper.async_response or "Any"}
    for key, expression in types.items():
        if problem := check_expression(expression):
            yield key, problem


def header_problems(name: str) -> Iterator[tuple[str, ...]]:
    for segment in name.split("."):
        if not is_public(segment):
            yield "the header", f"is not a valid call path: {segment!r} is not a public Python name"
        if segment in NAMESPACE_ATTRIBUTES:
            yield "the header", f"is not a valid call path: every namespace has an attribute {segment!r}"


def _problems(name: str, row: Row) -> Iterator[tuple[str, ...]]:
    """Yield `(key, problem, suggestion)` for every rule that the types of the keys do not cover."""
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
        yield "vectors", "needs `defaults`, which request base64"
    if row.vectors and not re.fullmatch(r"\w+\.\w+", row.vectors):
        yield "vectors", f"is {row.vectors!r}; it must name a list and a field of its items, such as 'data.embedding'"
    if row.json_without_files and not row.files:
        yield "json_without_files", "needs `files`"


def _path_problems(row: Row) -> Iterator[tuple[str, ...]]:
    if not row.path.startswith("/"):
        yield "path", f"must begin with a slash, as in {'/' + row.path!r}"
    if re.search(r"[{}#]|[^!-~]", PLACEHOLDER.sub("", row.path)):
        yield "path", "must be a path template such as '/files/{file_id}', in ASCII and without a fragment"
    placeholders = row.path_params
    for param in placeholders:
        if not is_public(param) or param in RESERVED_NAMES:
            yield "path", f"has the placeholder {{{param}}}, which is not a valid parameter name"
    if len(set(placeholders)) < len(placeholders):
        yield "path", "has the same placeholder twice"


def _type_problems(row: Row) -> Iterator[tuple[str, ...]]:
    for param, expression in (row.params or {}).items():
        if not is_public(param):
            yield f"params.{param}", "is not a public Python name; choose one and map it with `rename`"
        if param in RESERVED_NAMES or param in row.path_params:
            yield f"params.{param}", "is already used by the call itself or by the path template"
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
    """Yield problems of the parameters that are not sent, and of the function that takes them."""
    if row.bind is not None and not DOTTED.fullmatch(row.bind):
        yield "bind", f"is {row.bind!r}, not a function as module.function"
    for key in ("local", "stream_result", "async_stream_result"):
        if getattr(row, key) and row.bind is None:
            yield key, "needs `bind`, the function that takes it"
    for param, expression in row.local.items():
        if not is_public(param) or param in RESERVED_NAMES or param in (*row.path_params, *(row.params or {})):
            yield f"local.{param}", "is not a valid parameter name, or is already used"
        if not expression.endswith("?"):
            yield f"local.{param}", "must be optional: its type must end with `?`"
        if problem := check_expression(expression.removesuffix("?")):
            yield f"local.{param}", problem


def _reference_problems(row: Row) -> Iterator[tuple[str, ...]]:
    """Yield keys that name an unknown parameter.

    A row without `params` accepts any, but only under its name on the wire and in its body: a parameter with another
    place or name has to be declared. So every name in generated source is a declared one, which is a valid identifier.
    """
    names = [*row.path_params, *(row.params or {})]
    keys = ("query", "files", "args", "header_params", "parts", "defaults", "response_by")
    references: dict[str, list[str]] = {key: list(getattr(row, key) or ()) for key in keys}
    references["rename"] = [name.partition(".")[0] for name in row.rename]
    if row.body != "json" and any("." in name for name in row.rename):
        yield "rename", 'needs body = "json" to rename within a parameter'
    for alias in row.alias:
        match = ALIAS.fullmatch(alias)
        if match is None or not is_public(match["name"]):
            yield "alias", f"has {alias!r}, which is neither `name` nor `name(first, second)`"
        else:
            positional = (match["positional"] or "").replace(",", " ").split()
            references.setdefault("alias", []).extend(positional)
            if len(set(positional)) < len(positional):
                yield "alias", f"has {alias!r}, which names a parameter twice"
    if len(set(references["args"])) < len(references["args"]):
        yield "args", "names a parameter twice"
    sent = [param for param in row.params or {} if param not in row.header_params]
    places = Counter((row.rename.get(param, param), param in row.query) for param in sent)
    for wire in (wire for (wire, _), count in places.items() if count > 1):
        yield "rename", f"has two parameters sent as {wire!r}; only one of them would arrive"
    for key, params in references.items():
        for param in params:
            if param not in names and (row.params is not None or key in DECLARED_ONLY):
                yield key, f"names {param!r}, which is not a parameter of the row", nearest(param, names)


def is_public(name: str) -> bool:
    """Return whether a name can be that of a parameter or an attribute.

    Python normalizes identifiers in source (NFKC), so that a name in another form would become a different one.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        return False
    return name.isascii() or normalize("NFKC", name) == name


def check_together(
    table: Table, source: str, *, partial: bool = False, own: Mapping[str, HelperRow | WebSocketRow] | None = None
) -> None:
    """Check the rules that concern several rows: nested call paths, and aliases that collide.

    A `partial` table will be merged over another, which may have the operation that a helper extends. Helpers are only
    checked if they are the source's `own`: an operation may be replaced without regard to older helpers that extend it.
    """
    forms: dict[tuple[str, int], str] = {}
    for name in (*table, *table.helpers):
        parent = name.rpartition(".")[0]
        while parent:
            if parent in table or parent in table.helpers:
                raise wrong(source, name, "the header", f"is below [{parent}], which is a row itself")
            parent = parent.rpartition(".")[0]
    for name, helper in (table.helpers if own is None else own).items():
        if isinstance(helper, HelperRow) and (helper.extends is None or helper.extends in table or not partial):
            _check_extended(table, source, name, helper)
    for name, row in table.items():
        for alias, positional in row.aliases():
            form = (alias, len(positional))
            if form in forms and forms[form] != name:
                raise wrong(source, name, "alias", f"has {alias!r}, which is also an alias of [{forms[form]}]")
            if alias in table or alias in table.helpers:
                raise wrong(source, name, "alias", f"has {alias!r}, which is also a call path")
            forms[form] = name


def _check_extended(table: Table, source: str, name: str, helper: HelperRow) -> None:
    """Check the keys of a helper that refer to the operation it extends."""
    if helper.extends is not None and helper.extends not in table:
        suggestion = nearest(helper.extends, table)
        raise wrong(source, name, "extends", f"is {helper.extends!r}, which is not an operation", suggestion)
    if helper.extends is not None:
        row = table[helper.extends]
        for param in helper.without:
            if param not in (names := [*row.path_params, *(row.params or {})]):
                problem = f"names {param!r}, which is not a parameter of [{helper.extends}]"
                raise wrong(source, name, "without", problem, nearest(param, names))
    for param in helper.constants:
        if param in helper.merged(table):
            raise wrong(source, name, "constants", f"has {param!r}, which is also a parameter")
    for param in helper.args or ():
        if param not in (merged := helper.merged(table)):
            raise wrong(source, name, "args", f"names {param!r}, which is not a parameter", nearest(param, merged))


def mistyped(source: str, name: str, keys: dict[str, Any], error: Exception) -> TableError:
    """Return the error for a key of the wrong type, with the nearest choice where the type is a `Literal`."""
    message, _, where = str(error).partition(" - at `$.")
    key = re.split(r"[.\[`]", where)[0]
    for field in msgspec.structs.fields(Row):
        choices = get_args(field.type)
        if field.encode_name == key and all(isinstance(choice, str) for choice in choices) and choices:
            value = keys[key]
            suggestion = nearest(str(value).upper(), choices) or nearest(str(value).lower(), choices)
            return wrong(source, name, key, f"is {value!r}, not one of {', '.join(choices)}", suggestion)
    return wrong(source, name, key, message[0].lower() + message[1:])


def wrong(source: str, name: str, key: str, problem: str, suggestion: str = "") -> TableError:
    """Return the error for one key of one row."""
    hint = f"; did you mean `{suggestion}`?" if suggestion else ""
    return TableError(f"{source}: [{name}]: `{key}` {problem}{hint}")
