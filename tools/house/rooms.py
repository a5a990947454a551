"""Group modules into rooms: the packages and modules that pyproject.toml's contract of layers names."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.house.imports import Import, Module, read_imports, read_modules

NO_LAYERS = "pyproject.toml has no [[tool.importlinter.contracts]] of type 'layers'"


@dataclass(frozen=True)
class Room:
    """A package, or a single module, that stands in a layer."""

    name: str
    layer: int
    purpose: str
    modules: int
    generated: int
    lines: int


@dataclass(frozen=True)
class House:
    """A package as its imports show it; layer 0 is the top."""

    root: Path
    package: str
    modules: Mapping[str, Module]
    imports: list[Import]
    rooms: dict[str, Room]
    call: list[str]

    def hand_written(self) -> list[Import]:
        """Return the imports among modules that are not generated."""
        return [
            edge
            for edge in self.imports
            if not (self.modules[edge.source].generated or self.modules[edge.target].generated)
        ]

    def room(self, module: str) -> Room | None:
        """Return the room of a module; the package itself and its `__main__` have none."""
        return self.rooms.get(module.removeprefix(f"{self.package}.").partition(".")[0])

    def arrows(self) -> set[tuple[str, str]]:
        """Return which room imports which room below it."""
        return {(source.name, target.name) for _, source, target in self._between() if source.layer < target.layer}

    def upward(self) -> list[Import]:
        """Return the imports that do not point to a lower layer."""
        return [edge for edge, source, target in self._between() if source.layer >= target.layer]

    def _between(self) -> Iterable[tuple[Import, Room, Room]]:
        for edge in self.imports:
            source, target = self.room(edge.source), self.room(edge.target)
            if source and target and source != target:
                yield edge, source, target


def read_house(root: Path) -> House:
    """Read the package that lies under `root`.

    Raises:
        ValueError: if pyproject.toml declares no layers, or names a room that does not exist.

    """
    tools: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    linter = tools.get("importlinter", {})
    contract = next((rule for rule in linter.get("contracts", []) if rule["type"] == "layers"), None)
    if contract is None:
        raise ValueError(NO_LAYERS)
    package = linter["root_package"]
    modules = read_modules(root, package)
    rooms: dict[str, Room] = {}
    for layer, names in enumerate(contract["layers"]):
        for name in re.split(r"\s*\|\s*", names):
            rooms[name] = _read_room(name, layer, package, modules)
    call = tools.get("house", {}).get("call", [])
    if unknown := [name for name in call if name not in rooms]:
        raise ValueError(f"[tool.house] call names {unknown[0]!r}, which is in no layer")
    return House(root, package, modules, read_imports(modules), rooms, call)


def reduced(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the arrows without those that a longer path makes redundant. The arrows must not form a circle."""
    after: dict[str, set[str]] = {}
    for source, target in arrows:
        after.setdefault(source, set()).add(target)

    @cache
    def reaches(source: str, target: str) -> bool:
        return any(step == target or reaches(step, target) for step in after.get(source, ()))

    return {(source, target) for source, target in arrows if not any(reaches(step, target) for step in after[source])}


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring on one line, without backticks."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0].replace("`", "")


def _read_room(name: str, layer: int, package: str, modules: Mapping[str, Module]) -> Room:
    full = f"{package}.{name}"
    if full not in modules:
        raise ValueError(f"pyproject.toml names the room {full}, which does not exist")
    purpose = first_sentence(ast.get_docstring(ast.parse(modules[full].source)) or "")
    members = [module for module in modules.values() if f"{module.name}.".startswith(f"{full}.")]
    generated = sum(module.generated for module in members)
    return Room(name, layer, purpose, len(members), generated, sum(module.lines for module in members))
