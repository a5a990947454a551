"""Import modules when they are first used: the names of a package (PEP 562), and the types of annotations."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any


class LazyModule:
    """Stand-in for a module whose types stand in annotations, imported when these are evaluated.

    Annotations are text until `typing.get_type_hints` or `inspect.signature(eval_str=True)` evaluates them. A module
    that is loaded anyway is imported as usual; this is for one that a program might never need.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        from importlib import import_module

        try:
            return getattr(import_module(self._module), name)
        except ImportError:
            return Any  # a library that is not installed


def attach(
    package: str, homes: Mapping[str, str], fallback: Callable[[str], Any] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package.

    Args:
        package: its name.
        homes: for each module the names that it defines, separated by spaces; `name=original` renames one. Every
            public module directly below the package is a name itself.
        fallback: returns the value of any other name, which is not cached, or raises `AttributeError`.
    """
    sources: dict[str, tuple[str, str]] = {}
    for module in homes:
        owner, _, name = module.rpartition(".")
        if owner == package and not name.startswith("_"):
            sources[name] = module, ""
    for module, names in homes.items():
        for entry in names.split():
            name, _, original = entry.partition("=")
            sources[name] = module, original or name

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes an attribute of the package
        if name not in sources:
            if fallback is not None:
                return fallback(name)
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module  # `import oai` alone does not need it

        module, original = sources[name]
        value = import_module(module)
        if original:
            value = getattr(value, original)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*vars(sys.modules[package]), *sources})

    return __getattr__, __dir__
