"""The modules that the official SDK has its types in: `from oai.types.chat.chat_completion import Choice`.

It has one for each, where `oai.types` has a few for an area, with equal shapes written once. `types/official.txt`,
which is generated, says what each of their names is here, and is read when such a module is first asked for.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oai._support.lazy import attach

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PACKAGE = "oai.types."


class Finder:
    """Finds these modules after all others (PEP 451), and loads nothing of what they name."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG004 - the protocol's
        """Return how to load a module, `None` for any that the official SDK does not have."""
        homes = homes_of(name.removeprefix(PACKAGE)) if name.startswith(PACKAGE) else None
        if homes is None:
            return None
        from importlib.machinery import ModuleSpec

        loader: Any = Loader(homes)  # which needs no base
        return ModuleSpec(name, loader)


class Loader:
    """Makes a module whose names are imported when they are used.

    Args:
        homes: for each module the names that it is the home of, see `attach`.
    """

    def __init__(self, homes: dict[str, str]) -> None:
        self._homes = homes

    def create_module(self, _: ModuleSpec) -> None:
        """Leave the making to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its names."""
        names: dict[str, Any] = {}
        names["__getattr__"], names["__dir__"] = attach(module.__name__, self._homes)
        names["__all__"] = [name.partition("=")[0] for each in self._homes.values() for name in each.split()]
        vars(module).update(names)


def homes_of(module: str) -> dict[str, str] | None:
    """Return where the names of a module are, by its name below `oai.types`."""
    found = _lines().get(module)
    if found is None:
        return None
    pairs = (each.partition(" ") for each in found.split("; "))
    return {f"oai.types{home}": names for home, _, names in pairs}


@cache
def _lines() -> dict[str, str]:
    text = Path(__file__).with_name("types").joinpath("official.txt").read_text("ascii")
    return dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith("#"))


def install() -> None:
    """Let these modules be found."""
    if Finder not in sys.meta_path:
        sys.meta_path.append(Finder)
