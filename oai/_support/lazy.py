"""Packages whose names are imported when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any


def attach(
    package: str, homes: Mapping[str, str], fallback: Callable[[str], Any] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package.

    Args:
        package: its name.
        homes: for each module the names that it is the home of, separated by spaces, `here=there` where the
            package has another name for something; every public module below the package is a name itself.
        fallback: returns the value of any other name, which is not kept, or raises `AttributeError`.
    """
    found: dict[str, tuple[str, str]] = {}
    for module in homes:
        owner, _, name = module.rpartition(".")
        if owner == package and not name.startswith("_"):
            found[name] = module, ""
    for module, names in homes.items():
        for name in names.split():
            here, _, there = name.partition("=")
            found[here] = module, there or here

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes the package's
        if name not in found:
            if fallback is not None:
                return fallback(name)
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module  # which `import oai` alone does not need

        module, original = found[name]
        value = import_module(module)
        if original:
            value = getattr(value, original)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*vars(sys.modules[package]), *found})

    return __getattr__, __dir__
