"""Read every import of a package's source: at module level, inside functions, and for type checkers alike."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Module:
    """A source file of the package."""

    name: str
    path: Path
    source: str

    @property
    def generated(self) -> bool:
        """Whether the first line says that the file is generated."""
        return self.source.startswith("# Generated")

    @property
    def lines(self) -> int:
        return self.source.count("\n")


@dataclass(frozen=True, order=True)
class Import:
    """One module importing another, with the first line that does so."""

    source: str
    target: str
    line: int
    text: str


def read_modules(root: Path, package: str) -> dict[str, Module]:
    """Return the package's modules by dotted name, sorted."""
    modules = {}
    for path in sorted((root / package).rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        modules[name] = Module(name, path, path.read_text(encoding="utf-8"))
    return dict(sorted(modules.items()))


def read_imports(modules: Mapping[str, Module]) -> list[Import]:
    """Return every import of one of the modules by another, once per pair."""
    imports: dict[tuple[str, str], Import] = {}
    for module in modules.values():
        lines = module.source.splitlines()
        for node in ast.walk(ast.parse(module.source, str(module.path))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for target in _targets(node, module, modules):
                    edge = Import(module.name, target, node.lineno, lines[node.lineno - 1].strip())
                    pair = (edge.source, edge.target)
                    if target != module.name:
                        imports[pair] = min(edge, imports.get(pair, edge))
    return sorted(imports.values())


def _targets(node: ast.Import | ast.ImportFrom, module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names if name.name in modules)
    else:
        base = _base(node, module)
        for name in node.names:  # `from package import name`: a module where there is one, else what `__init__` defines
            full = f"{base}.{name.name}"
            if full in modules or base in modules:
                yield full if full in modules else base


def _base(node: ast.ImportFrom, module: Module) -> str:
    """Return the absolute name of what a `from` import imports from."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    if module.path.stem == "__init__":
        parts.append("__init__")
    parts = parts[: len(parts) - node.level]
    return ".".join([*parts, node.module] if node.module else parts)
