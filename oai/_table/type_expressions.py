"""Type expressions of the table: `"chat.ChatCompletion"`, `"CursorPage[FileObject]"`, `"list[str] | None"`.

An expression is Python's syntax for types and nothing more: names, dots, `[...]`, `|`, and the literals that
may stand in `Literal[...]`. It is walked, never evaluated. A name is looked for among the built-in types, then
in `oai.types`, then as a path that can be imported (`my_package.types.Rerank`).
"""

from __future__ import annotations

import typing
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
    "T": typing.TypeVar("T"),  # of a helper whose result is of a type that it was given
}

PAGES = ("ConversationCursorPage", "CursorPage", "NextCursorPage", "Page", "TokenPage")

SYNTAX = ("Name", "Attribute", "Subscript", "BinOp", "Constant", "Tuple", "List", "UnaryOp")
"""The kinds of nodes of `ast` that an expression may have. `ast` is large, and a client alone needs no type."""


def check_expression(text: str) -> str:
    """Return what is wrong with the syntax of a type expression, nothing if it is sound."""
    import ast

    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return f"is {text!r}, which is not a type expression"
    for node in ast.walk(tree.body):
        if isinstance(node, ast.expr) and type(node).__name__ not in SYNTAX:
            return f"is {text!r}: {ast.unparse(node)!r} has no place in a type expression"
    return ""


@cache
def resolve(text: str) -> Any:
    """Return the type that an expression means.

    Raises:
        LookupError: a name in it leads nowhere; the message says which, and the nearest that would.
    """
    import ast

    return _walk(ast.parse(text.strip(), mode="eval").body)


def _walk(node: ast.expr) -> Any:
    import ast

    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.Attribute():
            return _named(ast.unparse(node))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return typing.Union[_walk(left), _walk(right)]  # noqa: UP007 - `|` refuses strings and None first
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            return tuple(_walk(each) for each in elts)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Subscript(value=outer, slice=inner):
            return _walk(outer)[_walk(inner)]
    raise LookupError(f"{ast.unparse(node)!r} has no place in a type expression")


def _named(name: str) -> Any:
    if name in BUILTIN:
        return BUILTIN[name]
    if name in PAGES:
        from oai._json import pages as _pages  # few programs list anything before their first answer

        return getattr(_pages, name)
    return find(name, "oai.types")


def find(name: str, home: str) -> Any:
    """Return what a dotted name means: below the package `home`, else as a path that can be imported.

    Raises:
        LookupError: it leads nowhere; the message says where it ends, and the nearest name that there is.
    """
    try:
        return _below(import_module(home), name)
    except LookupError as missing:
        from importlib.util import find_spec  # only a user's own types are looked for

        package, _, rest = name.partition(".")
        if not rest or find_spec(package) is None:
            raise missing from None
        return _below(import_module(package), rest)


def _below(module: ModuleType, name: str) -> Any:
    """Follow a dotted name down from a module, importing submodules on the way."""
    found: Any = module
    for part in name.split("."):
        path = f"{found.__name__}.{part}" if hasattr(found, "__path__") else ""
        try:
            found = getattr(found, part)
        except AttributeError:
            from importlib.util import find_spec

            if not path or find_spec(path) is None:
                right = nearest(part, dir(found))
                hint = f"; did you mean {right!r}?" if right else ""
                where = getattr(found, "__name__", found)
                raise LookupError(f"{where!r} has no {part!r}{hint}") from None
            found = import_module(path)
    return found
