"""Write the `official.txt` of the packages that have the official SDK's import paths, by introspection of the SDK.

A name is resolved by where the SDK defines it: in `official.toml`, as a name of `oai` itself, as a type, as a
resource, in the modules of `oai._official`, and else as a placeholder with a reason.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache, cached_property
from logging import Logger
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.generate.write_types import HEADER

ROOT = "openai"
RULES = tomllib.loads(Path(__file__).with_name("official.toml").read_text())

PACKAGES = ("auth", "lib", "providers", "resources")
"""The SDK's public packages that have a file here; what else is private goes to `_official`."""

LEFT_OUT = ("types", "_extras", "_vendor", "cli", "helpers", "_client", "_version", "pagination", "version")
"""Modules that other files are written for, or none."""

MISSING = "oai._official.missing"
CLASSES = "oai.resources._classes"


def write_names(oai: Path) -> dict[str, int]:
    """Write the files below `oai`; return how many modules each declares."""
    lines: dict[str, list[str]] = defaultdict(list)
    for module in sorted(modules(), key=lambda each: each.__name__):
        path = module.__name__.removeprefix(ROOT).removeprefix(".")
        package, _, below = path.partition(".")
        if package not in PACKAGES:
            package, below = "_official", path
        if path:
            lines[package].append(f"{below}: {_homes(resolve_all(module))}".rstrip() + "\n")
    for package, own in lines.items():
        (oai / package).mkdir(exist_ok=True)
        (oai / package / "official.txt").write_text("".join([HEADER.replace("types`", "names`"), *own]))
    return {package: len(own) for package, own in lines.items()}


def modules() -> Iterator[ModuleType]:
    """Yield the SDK's modules that can be imported."""
    yield importlib.import_module(ROOT)
    yield from _below(importlib.import_module(ROOT))


def _below(package: ModuleType) -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{info.name}"
        if info.name == "__main__" or name.removeprefix(f"{ROOT}.") in LEFT_OUT:
            continue
        try:
            module = importlib.import_module(name)
        except Exception:  # noqa: BLE001 - one that needs a library which is not installed here
            continue
        yield module
        if info.ispkg:
            yield from _below(module)


def resolve_all(module: ModuleType) -> dict[str, str]:
    """Return what the names of a module are here: `module.name`, where `module` of a placeholder is `MISSING`."""
    own = {name: resolve(module.__name__, name) for name in sorted(names_of(module))}
    return {name: target for name, target in own.items() if target}


def names_of(module: ModuleType) -> set[str]:
    """Return the public names that a module defines or takes from others of the SDK."""
    path = module.__name__.removeprefix(f"{ROOT}.")
    listed = {name.removeprefix(f"{path}.") for name in RULES["names"] if name.rpartition(".")[0] == path}
    names = {name for name in (*_defined(module), *_imported(module)) if name[0] != "_"}
    own = {name for name in names if hasattr(module, name) and type(getattr(module, name)) is not Logger}
    if path.startswith("resources."):
        own &= {*_defined(module), *getattr(module, "__all__", ())}
    return {name for name in own | listed if type(getattr(module, name, None)) is not ModuleType}


def other_imports(module: str) -> dict[str, str]:
    """Return what a module of types has from other modules than those of types: `FileTypes`, `BaseModel`, ..."""
    own = _imported(importlib.import_module(module))
    return {
        name: target
        for name, origin in own.items()
        if name[0] != "_" and not origin[0].startswith(f"{ROOT}.types")
        if not (target := resolve(*origin)).startswith(f"{MISSING}.")
    }


@cache
def resolve(module: str, name: str) -> str:
    """Return what a name is here, empty for a name that is of no use."""
    path = module.removeprefix(f"{ROOT}.")
    if f"{path}.{name}" in RULES["names"]:
        return str(RULES["names"][f"{path}.{name}"])
    source = importlib.import_module(module)
    if path.startswith("types"):
        return _type(path, name)
    origin = _imported(source).get(name)
    if origin is not None and name not in _defined(source):
        return resolve(*origin)
    return _defined_here(path, name) or _public(source, name) or _resource(path, name) or _missing(path, name)


def _defined_here(path: str, name: str) -> str:
    for stem, paths in RULES["defined"].items():
        if any(_matches(path, each) for each in paths):
            ours = importlib.import_module(f"oai._official.{stem}")
            if hasattr(ours, name) and _is_of(ours, name):
                return f"{ours.__name__}.{name}"
    for pattern, homes in RULES["homes"].items():
        for home in homes if _matches(path, pattern) else ():
            ours = importlib.import_module(home)
            if hasattr(ours, name):
                return f"{home}.{name}"
    return ""


def _is_of(module: ModuleType, name: str) -> bool:
    return name in module.__dict__ or callable(module.__dict__.get("__getattr__"))


def _public(source: ModuleType, name: str) -> str:
    """Return a name of `oai` itself, if the SDK exports the same thing."""
    import openai

    import oai

    value = getattr(source, name)
    for public in dict.fromkeys((name, value.__name__ if issubclass(type(value), type) else name)):
        if vars(openai).get(public) is value and public in oai.__all__:
            return f"oai.{public}"
    return ""


def _type(path: str, name: str) -> str:
    """Return a type as `oai.types` has it at the SDK's path."""
    try:
        ours = importlib.import_module(f"oai.{path}")
        value = getattr(ours, name)
    except (ImportError, AttributeError):
        return f"{MISSING}.internal.{name}"
    del value
    return f"oai.{path}.{name}"


class Resources:
    """The SDK's resource classes by where they are defined, with a kind and a call path each."""

    @cached_property
    def paths(self) -> dict[tuple[str, str], str]:
        """Return `kind.path` by module and name."""
        import openai

        found: dict[tuple[str, str], str] = {}
        for kind, client in (("sync", openai.OpenAI(api_key="-")), ("async", openai.AsyncOpenAI(api_key="-"))):
            # `client.beta.chat` is of the class of `client.chat`, whose path it is.
            for path, resource in sorted(self._walk(client, ""), key=lambda pair: len(pair[0])):
                for suffix, view in (
                    ("", resource),
                    ("_raw", getattr(resource, "with_raw_response", None)),
                    ("_streaming", getattr(resource, "with_streaming_response", None)),
                ):
                    for cls in type(view).__mro__:
                        if cls.__module__.startswith(f"{ROOT}.resources."):
                            found.setdefault((cls.__module__, cls.__qualname__), f"{kind}{suffix}.{path}")
        return found

    def _walk(self, owner: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        for name in dir(type(owner)):
            if name[0] == "_" or name.startswith("with_"):
                continue
            if type(getattr(type(owner), name)).__name__ != "cached_property":
                continue
            child = getattr(owner, name)
            if type(child).__module__.startswith(f"{ROOT}.resources."):
                yield prefix + name, child
                yield from self._walk(child, f"{prefix}{name}.")


RESOURCES = Resources()


def _resource(path: str, name: str) -> str:
    from functools import reduce

    import oai

    target = RESOURCES.paths.get((f"{ROOT}.{path}", name))
    if target is not None:
        try:
            reduce(getattr, target.partition(".")[2].split("."), oai.OpenAI)
        except AttributeError:
            return ""
        return f"{CLASSES}.{target}"
    if path.startswith("resources."):
        for suffix, home in (
            ("ConnectionManager", "oai.helpers.sockets"),
            ("Connection", "oai._realtime.connection"),
        ):
            if name.endswith(suffix) and not name.startswith("Base"):
                prefix = "Async" if name.startswith("Async") else ""
                return f"{home}.{prefix}{suffix}"
    return ""


def _missing(path: str, name: str) -> str:
    patterns = [each for each in RULES["reasons"] if _matches(path, each)]
    return f"{MISSING}.{RULES['reasons'][max(patterns, key=len)]}.{name}"


def _matches(path: str, pattern: str) -> bool:
    if pattern.endswith(".**"):
        return path == pattern[:-3] or path.startswith(pattern[:-2])
    return fnmatchcase(path, pattern)


def _homes(names: dict[str, str]) -> str:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, target in names.items():
        home = next((each for each in (MISSING, CLASSES) if target.startswith(f"{each}.")), target.rpartition(".")[0])
        there = target.removeprefix(f"{home}.")
        homes[home].append(name if there == name else f"{name}={there}")
    return "; ".join(f"{home} {' '.join(own)}" for home, own in sorted(homes.items()))


@cache
def _tree(module: ModuleType) -> list[ast.stmt]:
    """Return the statements of a module, those within `if` and `try` at its top included."""
    statements: list[ast.stmt] = []
    todo = list(ast.parse(inspect.getsource(module)).body)
    while todo:
        statement = todo.pop(0)
        statements.append(statement)
        for part in ("body", "orelse", "handlers") if isinstance(statement, ast.If | ast.Try) else ():
            for each in getattr(statement, part, ()):
                todo += each.body if isinstance(each, ast.ExceptHandler) else [each]
    return statements


@cache
def _defined(module: ModuleType) -> dict[str, None]:
    """Return the names that a module's own statements give a value to."""
    names: dict[str, None] = {}
    for statement in _tree(module):
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names[name] = None
            case ast.AnnAssign(target=ast.Name(id=name)):
                names[name] = None
            case ast.Assign(targets=targets):
                names |= {each.id: None for each in targets if isinstance(each, ast.Name)}
    return names


@cache
def _imported(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Return the names that a module takes from others of the SDK, and from where."""
    names: dict[str, tuple[str, str]] = {}
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    for statement in _tree(module):
        if not isinstance(statement, ast.ImportFrom) or not statement.level:
            continue
        parts = package.split(".")
        base = ".".join([*parts[: len(parts) - statement.level + 1], *filter(None, [statement.module])])
        for each in statement.names:
            if each.name != "*":
                names[each.asname or each.name] = base, each.name
    return names
