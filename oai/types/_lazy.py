"""Loads the names of a package of types when they are first asked for (PEP 562).

A program that uses one operation pays for the types of that operation. Written by hand, unlike what uses it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any


def lazily(
    package: str, packages: Sequence[str], modules: dict[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: its name.
        packages: the names of the packages in it.
        modules: for each module the names that the package has from it, with blanks between them.
    """
    names = {name: module for module, listed in modules.items() for name in listed.split()}

    def get(name: str) -> Any:
        if name in names:
            value = getattr(importlib.import_module(names[name]), name)
            setattr(sys.modules[package], name, value)
            return value
        if name in packages:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names, *packages})

    return get, listed, list(names)
