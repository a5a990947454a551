"""Packages whose names are imported when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attach(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package.

    Args:
        package: its name.
        homes: for each module the names that it is the home of, separated by spaces, `here=there` where the
            package has another name for something; every module below the package is a name itself.
    """
    below = (module.rpartition(".") for module in homes)
    found: dict[str, tuple[str, str]] = {name: (f"{owner}.{name}", "") for owner, _, name in below if owner == package}
    for module, names in homes.items():
        for name in names.split():
            here, _, there = name.partition("=")
            found[here] = module, there or here

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes the package's
        if name not in found:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, original = found[name]
        value = import_module(module)
        if original:
            value = getattr(value, original)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*vars(sys.modules[package]), *found})

    return __getattr__, __dir__
