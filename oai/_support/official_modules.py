"""Modules at the official SDK's import paths, such as `oai.types.chat.chat_completion`, declared in text files.

The SDK has a module for each type and each resource. A package of ours that stands in for one of its packages has a
file `official.txt`, which is generated, with a line for each module below it:

    chat.chat_completion: .chat.structs ChatCompletion Choice=ChatCompletionChoice; ...

(an indented line continues the one before),
that is, for each module of ours the names that it defines, `here=there` where the names differ. A module that
begins with a dot is relative to the package. The file is read when such a module is first imported, and a module
loads what it names when the name is first used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from oai._support.lazy import attach

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_packages: dict[str, dict[str, str] | None] = {}
"""The packages that have such a file, and its lines once they were read."""


class Finder:
    """Finds declared modules after all others (PEP 451)."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG004 - the protocol's
        """Return the spec of a declared module, `None` for any other."""
        declared = _declaration(name)
        if declared is None:
            return None
        from importlib.machinery import ModuleSpec

        package, line = declared
        loader: Any = Loader(homes_of(package, line))  # a loader needs no base class
        return ModuleSpec(name, loader, is_package=f"{name[len(package) + 1 :]}." in _lines(package))


class Loader:
    """Creates a module whose names are imported when they are used.

    Args:
        homes: for each module the names that it defines, see `attach`.
    """

    def __init__(self, homes: dict[str, str]) -> None:
        self._homes = homes

    def create_module(self, _: ModuleSpec) -> None:
        """Let the import system create the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Set the module's attributes."""
        names: dict[str, Any] = {}
        names["__getattr__"], names["__dir__"] = attach(module.__name__, self._homes, submodules_of(module.__name__))
        names["__all__"] = [
            name
            for each in self._homes.values()
            for name in (pair.partition("=")[0] for pair in each.split())
            if not name.startswith("_")
        ]
        vars(module).update(names)


def submodules_of(package: str) -> Callable[[str], Any]:
    """Return a fallback for `attach` that imports declared submodules, which are attributes of the SDK's packages."""

    def fallback(name: str) -> Any:
        if _declaration(f"{package}.{name}") is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        return import_module(f"{package}.{name}")

    return fallback


def homes_of(package: str, line: str) -> dict[str, str]:
    """Return what a line declares, in the form that `attach` takes."""
    pairs = (each.partition(" ") for each in line.split("; ") if each)
    return {f"{package}{home}" if home[0] == "." else home: names for home, _, names in pairs}


class StubbedFinder(Finder):
    """Finds the modules of packages that have typing stubs before others, to whom a directory of stubs is a package."""

    packages: ClassVar[list[str]] = []

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of a declared module below one of the packages, `None` for any other."""
        if not any(name.startswith(f"{package}.") for package in cls.packages):
            return None
        from importlib.machinery import PathFinder

        file = PathFinder.find_spec(name, path)  # of a module that is written by hand; a mere directory has no location
        return file if file is not None and file.has_location else Finder.find_spec(name, path, target)


def install(package: str, *, has_stubs: bool = False) -> None:
    """Let the modules be found that the `official.txt` of a package declares."""
    _packages.setdefault(package, None)
    if has_stubs:
        StubbedFinder.packages.append(package)
        if StubbedFinder not in sys.meta_path:
            sys.meta_path.insert(0, StubbedFinder)
    elif Finder not in sys.meta_path:
        sys.meta_path.append(Finder)


def attach_package(package: str, *, has_stubs: bool = False) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Install a package, and return `__getattr__` and `__dir__` for what its file declares of itself, on a line `:`."""
    install(package, has_stubs=has_stubs)
    return attach(package, homes_of(package, _lines(package).get("", "")), submodules_of(package))


def _declaration(name: str) -> tuple[str, str] | None:
    """Return the package of a declared module and its line, which is empty for a package of modules alone."""
    for package in _packages:
        if name.startswith(f"{package}."):
            module, lines = name[len(package) + 1 :], _lines(package)
            line = lines.get(module, lines.get(f"{module}."))
            return None if line is None else (package, line)
    return None


def _lines(package: str) -> dict[str, str]:
    """Return the lines by module; a package has an empty one besides, with a dot behind its name."""
    lines = _packages[package]
    if lines is None:
        from importlib.resources import files

        text = files(package).joinpath("official.txt").read_text("ascii")
        lines_of_file = text.replace("\n    ", " ").splitlines()  # an indented line continues the one before
        pairs = (line.split(":", 1) for line in lines_of_file if not line.startswith("#"))
        lines = {name: line.strip() for name, line in pairs}
        for name in [*lines]:
            while name := name.rpartition(".")[0]:
                lines.setdefault(f"{name}.", "")  # that it is a package
        _packages[package] = lines
    return lines
