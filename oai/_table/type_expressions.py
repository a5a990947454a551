"""Type expressions of the table: `"chat.ChatCompletion"`, `"CursorPage[FileObject]"`, `"list[str] | None"`.

An expression is Python's syntax for types and nothing more: names, dots, `[...]`, `|`, and the literals of
`Literal[...]`. It is parsed and walked, never evaluated. A name is looked up among the built-in types, then in
`oai.types`, then as an importable path (`my_package.types.Rerank`).
"""

from __future__ import annotations

import builtins
import typing
from _thread import allocate_lock  # `threading` is a larger import, which `import oai` does without
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from oai._support.suggest import nearest

if TYPE_CHECKING:
    import ast
    from types import ModuleType

BUILTIN: dict[str, Any] = {
    "Any": Any,
    "File": Any,
    "Iterable": Iterable,
    "Literal": typing.Literal,
    "Mapping": Mapping,
    "Sequence": Sequence,
    "bool": bool,
    "bytes": bytes,
    "dict": dict,
    "float": float,
    "int": int,
    "list": list,
    "object": Any,
    "str": str,
    "tuple": tuple,
    "type": type,
    "T": typing.TypeVar("T"),  # for helpers whose result has the type of an argument
}

PAGES = ("ConversationCursorPage", "CursorPage", "NextCursorPage", "Page", "TokenPage")

MAX_DEPTH = 150
"""Levels of an expression; a union has one for each variant. More would exceed Python's stack."""

SYNTAX = ("Name", "Attribute", "Subscript", "BinOp", "Constant", "Tuple", "List", "UnaryOp")
"""The kinds of `ast` nodes allowed in an expression. They are strings because importing `ast` is slow."""


_parser_lock = allocate_lock()


def parse_expression(text: str) -> ast.expr:
    """Parse a type expression.

    Two threads must not do so at once: Python 3.11 counts the depth of both together, and raises `SystemError` ("AST
    constructor recursion depth mismatch", CPython issue 106905).
    """
    import ast

    with _parser_lock:
        return ast.parse(text.strip(), mode="eval").body


def check_expression(text: str) -> str:
    """Return the problem with the syntax of a type expression, an empty string if it is valid."""
    import ast

    try:
        tree = parse_expression(text)
    except (SyntaxError, ValueError):
        dotted = text.replace(":", ".")  # the form of entry points
        hint = f"; did you mean {dotted!r}?" if dotted != text and not check_expression(dotted) else ""
        return f"is {text!r}, which is not a type expression{hint}"
    except (RecursionError, MemoryError):  # the latter is what CPython 3.11 raises
        return "is a type expression that is nested too deeply"
    nodes: list[tuple[ast.AST, int]] = [(tree, 1)]
    while nodes:
        node, depth = nodes.pop()
        if depth > MAX_DEPTH:
            return "is a type expression that is nested too deeply"
        if isinstance(node, ast.expr) and type(node).__name__ not in SYNTAX:
            return f"is {text!r}: {ast.unparse(node)!r} is not allowed in a type expression"
        nodes += ((child, depth + 1) for child in ast.iter_child_nodes(node))
    return ""


@cache
def resolve(text: str) -> Any:
    """Return the type that an expression stands for.

    Raises:
        LookupError: a name in it does not exist; the message names it and the nearest one.
    """
    return _walk(parse_expression(text))


def _walk(node: ast.expr) -> Any:
    import ast

    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.Attribute():
            return _named(ast.unparse(node))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return typing.Union[_walk(left), _walk(right)]  # noqa: UP007 - `|` fails for a string or None as its first operand
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            return tuple(_walk(element) for element in elts)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Subscript(value=outer, slice=inner):
            return _walk(outer)[_walk(inner)]
    raise LookupError(f"{ast.unparse(node)!r} is not allowed in a type expression")


def _named(name: str) -> Any:
    if name in BUILTIN:
        return BUILTIN[name]
    if name in PAGES:
        from oai._json import pages as _pages  # a program that lists nothing does not load it

        return getattr(_pages, name)
    return find(name, "oai.types")


class _Package:
    """A package in an annotation, whose modules are imported when the annotation names them."""

    def __init__(self, package: ModuleType) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        value = _below(self._package, name)
        return _Package(value) if hasattr(value, "__path__") else value


class _MethodBuiltins(dict[str, Any]):
    """The builtins of the methods that are generated from rows: Python's, and the names of type expressions.

    So `typing.get_type_hints` evaluates the annotations of a method, and each name is imported when it does.
    """

    def __missing__(self, name: str) -> Any:
        if name == "Timeout":
            from oai._http.messages import Timeout

            return Timeout
        try:
            return _named(name)
        except LookupError:  # the package of a user's own type
            try:
                return _Package(import_module(name))
            except ImportError:
                raise KeyError(name) from None


METHOD_BUILTINS = _MethodBuiltins(vars(builtins))


def find(name: str, home: str) -> Any:
    """Return the object that a dotted name stands for: below the package `home`, else as an importable path.

    Raises:
        LookupError: it does not exist; the message says which part, and the nearest name.
    """
    try:
        return _below(import_module(home), name)
    except LookupError as missing:
        from importlib.util import find_spec  # only needed for a user's own types

        package, _, rest = name.partition(".")
        if not rest:
            raise LookupError(f"{missing}; one of your own needs its module, as in my_package.{name}") from None
        if hasattr(import_module(home), package):
            raise
        if find_spec(package) is None:
            raise LookupError(f"there is no module {package!r} in the path of Python, and {missing}") from None
        return _below(import_module(package), rest)


def _below(module: ModuleType, name: str) -> Any:
    """Follow a dotted name down from a module, importing submodules as needed."""
    value: Any = module
    for part in name.split("."):
        path = f"{value.__name__}.{part}" if hasattr(value, "__path__") else ""
        try:
            value = getattr(value, part)
        except AttributeError:
            from importlib.util import find_spec

            if not path or find_spec(path) is None:
                suggestion = nearest(part, dir(value))
                hint = f"; did you mean {suggestion!r}?" if suggestion else ""
                where = getattr(value, "__name__", value)
                raise LookupError(f"{where!r} has no {part!r}{hint}") from None
            value = import_module(path)
    return value
