"""The modules of a package as data: what each defines, imports and exports, with signatures and a digest of the code.

It reads syntax trees, and values only for what they are. Nothing here is particular to the official SDK except its
resource classes.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from logging import Logger
from types import ModuleType
from typing import Any

ROOT = "openai"

DECLARED = (f"{ROOT}.types.", f"{ROOT}.resources.")
"""What other modules read in full; their code is too much to read here, too."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class ModuleFacts:
    """One module that can be imported."""

    name: str
    defined: dict[str, None] = field(default_factory=dict)
    """The names that its own statements give a value to."""
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The names that it takes from others of its package: the other's module and name."""
    values: set[str] = field(default_factory=set)
    """The names that have a value that is neither a module nor a logger."""
    others: set[str] = field(default_factory=set)
    """The names of modules and loggers."""
    public: dict[str, list[str]] = field(default_factory=dict)
    """For a name the names of the package itself that are the same object."""
    listed: list[str] = field(default_factory=list)
    """Its `__all__`."""
    environ: list[str] = field(default_factory=list)
    """The environment variables that it reads by a constant name."""
    signatures: dict[str, str] = field(default_factory=dict)
    """The parameters of its functions and of the methods of its classes, by their qualified names."""
    digest: str = ""
    """A digest of the code, without its comments and docstrings."""


def read_modules(root: str) -> dict[str, ModuleFacts]:
    """Return the modules of a package that can be imported, by name."""
    package = importlib.import_module(root)
    names: dict[int, list[str]] = {}
    for name, value in vars(package).items():
        names.setdefault(id(value), []).append(name)
    return {module.__name__: _read(module, names) for module in [package, *_below(package)]}


def _below(package: ModuleType) -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{info.name}"
        if info.name == "__main__":
            continue
        try:
            module = importlib.import_module(name)
        except Exception:  # noqa: BLE001 - one that needs a library which is not installed here
            continue
        yield module
        if info.ispkg:
            yield from _below(module)


def _read(module: ModuleType, public: dict[int, list[str]]) -> ModuleFacts:
    tree = ast.parse(inspect.getsource(module))
    facts = ModuleFacts(module.__name__, listed=list(getattr(module, "__all__", ())))
    is_package = hasattr(module, "__path__")
    is_code = not f"{module.__name__}.".startswith(DECLARED)
    for statement in _statements(tree):
        facts.defined |= dict.fromkeys(_defined(statement))
        if isinstance(statement, ast.ImportFrom):
            facts.imported |= _imported(statement, module.__name__, is_package=is_package)
        if isinstance(statement, ast.ClassDef | Function) and is_code:
            facts.signatures |= _signatures(statement)
    for name in {*facts.defined, *facts.imported, *facts.listed}:
        if hasattr(module, name):
            value = getattr(module, name)
            (facts.others if type(value) in (ModuleType, Logger) else facts.values).add(name)
            names = (name, value.__name__ if issubclass(type(value), type) else name)
            same = public.get(id(value), ())
            facts.public[name] = [each for each in dict.fromkeys(names) if each in same]
    if is_code:
        facts.environ = list(_environ(tree))
        facts.digest = _digest(tree)
    return facts


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements of a module, those within `if` and `try` at its top included."""
    statements: list[ast.stmt] = []
    todo = list(tree.body)
    while todo:
        statement = todo.pop(0)
        statements.append(statement)
        for part in ("body", "orelse", "handlers") if isinstance(statement, ast.If | ast.Try) else ():
            for each in getattr(statement, part, ()):
                todo += each.body if isinstance(each, ast.ExceptHandler) else [each]
    return statements


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [each.id for each in targets if isinstance(each, ast.Name)]
    return []


def _imported(statement: ast.ImportFrom, module: str, *, is_package: bool) -> dict[str, tuple[str, str]]:
    if not statement.level:
        return {}
    parts = (module if is_package else module.rpartition(".")[0]).split(".")
    base = ".".join([*parts[: len(parts) - statement.level + 1], *filter(None, [statement.module])])
    return {each.asname or each.name: (base, each.name) for each in statement.names if each.name != "*"}


def _signatures(statement: ast.ClassDef | Function, prefix: str = "") -> dict[str, str]:
    """Return the parameters of a public function, or of the public methods of a public class."""
    name = prefix + statement.name
    if statement.name[0] == "_" and statement.name not in ("__init__", "__call__"):
        return {}
    if isinstance(statement, Function):
        return {name: ast.unparse(statement.args)}
    found = {name: ", ".join(map(ast.unparse, statement.bases))}
    for inner in statement.body:
        if isinstance(inner, Function):
            found |= _signatures(inner, f"{name}.")
        elif isinstance(inner, ast.AnnAssign) and not ast.unparse(inner.target).startswith("_"):
            found[f"{name}.{ast.unparse(inner.target)}"] = ast.unparse(inner.annotation)
    return found


def _environ(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(func=ast.Attribute(attr="get" | "getenv", value=owner), args=[ast.Constant(str(name)), *_])
                | ast.Subscript(value=owner, slice=ast.Constant(str(name)))
            ) if ast.unparse(owner).endswith(("environ", "os")):
                yield name


def _digest(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                node.value = ast.Constant(value="")
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def read_resources() -> dict[tuple[str, str], str]:
    """Return the SDK's resource classes by where they are defined: `kind.path` by module and name."""
    import openai

    found: dict[tuple[str, str], str] = {}
    for kind, client in (("sync", openai.OpenAI(api_key="-")), ("async", openai.AsyncOpenAI(api_key="-"))):
        # `client.beta.chat` is of the class of `client.chat`, whose path it is.
        for path, resource in sorted(_walk(client, ""), key=lambda pair: len(pair[0])):
            for suffix, view in (
                ("", resource),
                ("_raw", getattr(resource, "with_raw_response", None)),
                ("_streaming", getattr(resource, "with_streaming_response", None)),
            ):
                for cls in type(view).__mro__:
                    if cls.__module__.startswith(f"{ROOT}.resources."):
                        found.setdefault((cls.__module__, cls.__qualname__), f"{kind}{suffix}.{path}")
    return found


def _walk(owner: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in dir(type(owner)):
        if name[0] == "_" or name.startswith("with_"):
            continue
        if type(getattr(type(owner), name)).__name__ != "cached_property":
            continue
        child = getattr(owner, name)
        if type(child).__module__.startswith(f"{ROOT}.resources."):
            yield prefix + name, child
            yield from _walk(child, f"{prefix}{name}.")
