"""Convert the words of a command line to the arguments of a call, by httpie's conventions and the row's types.

`name=text`, `name:=json`, `name==text` (query), `name@path` (upload), `name=@path` and `name:=@path` (text and JSON
from a file; `-` is the standard input). Keys can be nested: `metadata.team=a`, `messages[0][role]=user`, `tags[]=x`.
Any other word is the next positional parameter. This module neither sends nor prints.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import OpenAIError
from oai._support.omit import omit
from oai._table.rows import CALL_OPTIONS
from oai._table.type_expressions import parse_expression

if TYPE_CHECKING:
    from oai._table.rows import Row

ITEM = re.compile(
    r"(?P<name>[A-Za-z]\w*)(?P<keys>(?:\.[\w-]+|\[[^\[\]]*\])*)(?P<sign>:=@|=@|:=|==|=|@)(?P<value>.*)", re.DOTALL
)
COLUMN = re.compile(r"(?P<name>[A-Za-z]\w*)(?P<keys>(?:\.[\w-]+|\[[^\[\]]*\])*)(?P<json>:?)")
"""Matches the name of a column: what is to the left of `=` on the command line."""

KEY = re.compile(r"\.([\w-]+)|\[([^\[\]]*)\]")

FILE = re.compile(r"(?<![\w.])File\b")
"""Matches a type expression that accepts file uploads, but not `FilePurpose` and the like."""

COLLECTIONS = {
    "Iterable": "a list",
    "Mapping": "an object",
    "Sequence": "a list",
    "dict": "an object",
    "list": "a list",
}

MOST_ITEMS = 10_000
"""The longest list that `name[index]=` creates, so that a typing error does not exhaust the memory."""


OPTIONS = {
    "api_key": "--api-key-env NAME",
    "base_url": "--base-url URL",
    "max_retries": "--max-retries N",
    "provider": "--provider NAME",
    "table": "--table FILE",
}
"""The options of the command line that are arguments of a client in Python."""

STDIN = "stdin"
"""The name of an upload that is read from the standard input."""


class UsageError(OpenAIError):
    """An invalid command line."""


def parse_arguments(
    operation: str, row: Row, positional: list[str], words: list[str], *, incomplete: bool = False
) -> dict[str, Any]:
    """Return the keyword arguments of a call.

    Args:
        operation: the call path, for messages.
        row: the operation's row.
        positional: the names of the positional parameters.
        words: the words after the operation.
        incomplete: whether required arguments may be missing, as others come from elsewhere.

    Raises:
        UsageError: an argument is malformed, unknown or missing; the message shows the correct form.
        OSError: a file cannot be read.
    """
    arguments: dict[str, Any] = {}
    paths: set[str] = set()
    positions = iter(positional)
    for word in words:
        item = ITEM.fullmatch(word)
        if item is None:
            name = next(positions, None)
            if name is None:
                raise UsageError(_not_an_argument(operation, positional, word))
            _put(arguments, paths, name, [], _converted(row, name, word))
            continue
        name, sign = item["name"], item["sign"]
        if sign == "==":
            arguments.setdefault("extra_query", {})[name] = item["value"]
            continue
        value = _READERS[sign](row, item)
        if sign == "@" and name not in arguments and _is_collection(row, name):
            value = [value]
        keys = [dotted or bracketed for dotted, bracketed in KEY.findall(item["keys"])]
        if sign == "@" and name in arguments and not keys:
            value_so_far = arguments[name]
            arguments[name] = [*(value_so_far if isinstance(value_so_far, list) else [value_so_far]), value]
        else:
            _put(arguments, paths, name, keys, value)
    _check(operation, row, arguments, incomplete=incomplete)
    return arguments


def cell_parser(row: Row) -> Callable[[Mapping[str, str]], dict[str, Any]]:
    """Return a function that converts the cells of a CSV file, by column, to the keyword arguments of a call.

    A column is `name`, `name:` for JSON, or `name.key`. The text of a cell is never more than a value: no `@` in it
    reads a file. The function raises `UsageError` for a malformed column, or a cell that does not have its type.
    """
    return partial(_parse_cells, row)


def _parse_cells(row: Row, cells: Mapping[str, str]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    paths: set[str] = set()
    for column, text in cells.items():
        item = COLUMN.fullmatch(column)
        if item is None:
            raise UsageError(f"the column {column!r} must be the name of a parameter, with `:` at its end for JSON")
        name, keys = item["name"], [dotted or bracketed for dotted, bracketed in KEY.findall(item["keys"])]
        value = _decoded(column, text) if item["json"] else text if keys else _converted(row, name, text)
        _put(arguments, paths, name, keys, value)
    return arguments


def _is_collection(row: Row, name: str) -> bool:
    """Return whether a parameter accepts only lists or objects."""
    heads = _alternatives((row.params or {}).get(name, "Any"))
    return heads <= COLLECTIONS.keys() | {"None"} and heads != {"None"}


def _not_an_argument(operation: str, positional: list[str], word: str) -> str:
    takes = f"{len(positional)} positional arguments ({', '.join(positional)})" if positional else "none"
    hint = "write name=text, name:=json or name@file"
    return f"unexpected positional argument {word!r}; {operation} takes {takes}; {hint}"


def _check(operation: str, row: Row, arguments: Mapping[str, Any], *, incomplete: bool) -> None:
    """Reject unknown arguments, and missing ones unless `incomplete`, with the error message of the Python function."""
    params = row.params or {}
    names = [*row.path_params, *params]
    required = (
        [] if incomplete else [*row.path_params, *(name for name, kind in params.items() if not kind.endswith("?"))]
    )
    unknown = {name: value for name, value in arguments.items() if name not in (*names, *CALL_OPTIONS, "stream")}
    wrong = unknown if row.params is not None else {}
    missing = {name: arguments.get(name, omit) for name in required}
    if not row.stream and "stream" in arguments and "stream" not in names and row.params is not None:
        wrong = {"stream": arguments["stream"]}
    if wrong or omit in missing.values():
        from oai._surface.source import wrong_call

        option = OPTIONS.get(next(iter(wrong), ""))
        if option is not None:
            raise UsageError(f"{operation} has no parameter {next(iter(wrong))!r}; write {option}")
        raise UsageError(f"{wrong_call(operation, wrong, missing, names)} (oai show {operation})")


def _put(arguments: dict[str, Any], paths: set[str], name: str, keys: list[str], value: Any) -> None:
    """Store a value under its name, or nested under keys; a numeric or empty key makes a list."""
    path = name + "".join(f"[{key}]" for key in keys)
    if path in paths and not path.endswith("[]"):
        raise UsageError(f"{path} occurs twice; write {name}[]=... for each item of a list, or {name}:='[...]'")
    paths.add(path)
    holder: Any = arguments
    at: Any = name
    for key in keys:
        indexed = key == "" or key.isdecimal()
        holder = _inner(holder, at, list if indexed else dict, path)
        at = len(holder) if key == "" else int(key) if indexed else key
        if indexed and at > MOST_ITEMS:
            raise UsageError(f"{path}: the index must be at most {MOST_ITEMS}; for longer lists write {name}:=@file")
    _store(holder, at, value)


def _inner(holder: Any, at: Any, kind: type, path: str) -> Any:
    """Return the list or object at a key or index; create it if there is none yet."""
    inner = _held(holder, at)
    if inner is None:
        inner = kind()
        _store(holder, at, inner)
    if not isinstance(inner, kind):
        what = "a list" if kind is list else "an object"
        raise UsageError(f"{path} conflicts with an earlier argument: {at} is not {what}")
    return inner


def _held(holder: dict[str, Any] | list[Any], at: Any) -> Any:
    if isinstance(holder, list):
        return holder[at] if at < len(holder) else None
    return holder.get(at)


def _store(holder: dict[str, Any] | list[Any], at: Any, value: Any) -> None:
    if isinstance(holder, list):
        holder.extend([None] * (at + 1 - len(holder)))
    holder[at] = value


def _text(row: Row, item: re.Match[str]) -> Any:
    return item["value"] if item["keys"] else _converted(row, item["name"], item["value"])


def _json(row: Row, item: re.Match[str]) -> Any:  # noqa: ARG001 - one of the readers
    return _decoded(item["name"], item["value"])


def _json_file(row: Row, item: re.Match[str]) -> Any:  # noqa: ARG001
    return _decoded(item["name"], _content(item["value"]))


def _text_file(row: Row, item: re.Match[str]) -> str:  # noqa: ARG001
    try:
        return _content(item["value"]).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{item['name']}: {item['value']} is not text in UTF-8: {error.reason}") from None


def _upload(row: Row, item: re.Match[str]) -> Any:
    name, path = item["name"], item["value"]
    takes_file = name in row.files or (row.params is None and row.body == "multipart")
    if not takes_file and not FILE.search((row.params or {}).get(name, "")):
        declared = row.params is None or name in row.params
        uploads = f"; file parameters: {', '.join(row.files) or 'none'}"
        hint = f"; {name}=@{path} sends the file's text" if declared else uploads
        raise UsageError(f"{name}@{path} uploads a file, but {name} is not a file parameter{hint}")
    if path == "-":
        return STDIN, _content(path)
    if not os.path.isfile(path):
        raise UsageError(f"{name}: no such file: {path!r}")
    return path


_READERS: dict[str, Callable[[Row, re.Match[str]], Any]] = {
    "=": _text,
    ":=": _json,
    "=@": _text_file,
    ":=@": _json_file,
    "@": _upload,
}


def _content(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def _decoded(name: str, text: str | bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        value = text if isinstance(text, str) and len(text) <= 80 else "the value"
        raise UsageError(f"{name}: {value} is not valid JSON: {error}; for text write {name}=text") from None
    except RecursionError:
        raise UsageError(f"{name}: the JSON is nested too deeply") from None


def _converted(row: Row, name: str, text: str) -> Any:
    """Convert text to the parameter's type if that accepts numbers or booleans, but not text."""
    expression = "bool" if name == "stream" else "float" if name == "timeout" else (row.params or {}).get(name, "str")
    expression = expression.removesuffix("?")
    heads = _alternatives(expression)
    if _is_collection(row, name):
        what = next(COLLECTIONS[head] for head in sorted(heads) if head in COLLECTIONS)
        example = "'[...]'" if what == "a list" else "'{...}'"
        raise UsageError(f"{name} must be {what} ({expression}); write {name}:={example} or {name}:=@file.json")
    if not heads & {"int", "float", "bool"} or not heads <= {"int", "float", "bool", "None"}:
        return text
    for head, convert in _NUMBERS.items():
        if head in heads:
            try:
                return convert(text)
            except (KeyError, ValueError):
                continue
    allowed = " or ".join(_DESCRIPTIONS[head] for head in _NUMBERS if head in heads)
    raise UsageError(f"{name} must be {allowed}, not {text!r}")


_NUMBERS: dict[str, Callable[[str], Any]] = {
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": int,
    "float": float,
}
_DESCRIPTIONS = {"bool": "true or false", "int": "an integer", "float": "a number"}


@cache
def _alternatives(expression: str) -> frozenset[str]:
    return frozenset(_heads(parse_expression(expression.removesuffix("?"))))


def _heads(node: ast.expr) -> list[str]:
    """Return the names of the alternatives of a type expression, without their parameters."""
    if isinstance(node, ast.BinOp):
        return _heads(node.left) + _heads(node.right)
    if isinstance(node, ast.Subscript):
        return _heads(node.value)
    return [ast.unparse(node)]
