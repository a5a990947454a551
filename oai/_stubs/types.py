"""Translate type expressions of the table to Python source, and collect the imports that the source needs.

`"CursorPage[FileObject]"` becomes `CursorPage[oai.types.FileObject]`. A name stands for the same type as in
`_table.type_expressions`, which resolves it to the type itself. This module writes no function and no class.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import types
from typing import Any, Final

from oai._table.type_expressions import PAGES, resolve

HOMES: Final = {
    "Any": "typing",
    "BinaryResponse": "oai._results.answer",
    "File": "oai._support.file_types",
    "Iterable": "collections.abc",
    "Literal": "typing",
    "Mapping": "collections.abc",
    "Omit": "oai._support.omit",
    "omit": "oai._support.omit",
    "Sequence": "collections.abc",
    "T": "oai._typing",
    **dict.fromkeys(PAGES, "oai._json.pages"),
}
"""Names that are imported unqualified, with the module of each."""

BARE: Final = {
    "Iterable": "[Any]",
    "Mapping": "[str, Any]",
    "Sequence": "[Any]",
    "dict": "[str, Any]",
    "list": "[Any]",
    "tuple": "[Any, ...]",
    **dict.fromkeys(PAGES, "[Any]"),
}
"""The type arguments of a name without any in the table: strict checkers require them."""

BUILTIN: Final = frozenset({"bool", "bytes", "dict", "float", "int", "list", "str", "tuple", "type"})

LONG: Final = 160
"""Length from which a type gets an alias."""

WORD: Final = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)")


class Speller:
    """Translates the types of one file and collects their imports."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        """Modules imported whole, such as `oai.types.chat`."""
        self.names: set[tuple[str, str]] = set()
        """Imports from modules, as pairs of module and name."""
        self.taken: set[str] = set()
        """The members of the current class, which shadow built-in types of the same name."""
        self.long: dict[str, str] = {}
        """Types that are too long to repeat, and their aliases."""

    def head(self) -> list[str]:
        """Return the lines before the classes: the imports, then the aliases."""
        lines = [f"import {module}" for module in sorted(self.modules)]
        for home in sorted({home for home, _ in self.names}):
            names = ", ".join(sorted(name for module, name in self.names if module == home))
            lines += [f"from {home} import {names}"]
        lines += [f"\n{name}: TypeAlias = {text}" for text, name in self.long.items()]
        return lines

    def spell(self, expression: str) -> str:
        """Return the source of a type expression of the table.

        Raises:
            LookupError: a name in it does not exist.
        """
        return self._walk(ast.parse(expression.strip(), mode="eval").body)

    def named(self, text: str, name: str) -> str:
        """Return a type, or its alias if it is long."""
        if len(text) < LONG:
            return text
        self.names.add(("typing", "TypeAlias"))
        return self.long.setdefault(text, name)

    def builtin(self, name: str) -> str:
        """Return a built-in name, qualified if the current class shadows it."""
        if name not in self.taken:
            return name
        self.modules.add("builtins")
        return f"builtins.{name}"

    def use(self, text: str) -> str:
        """Collect the imports of the names of `HOMES` in a piece of source, and return the source."""
        for word in WORD.findall(text):
            if word in HOMES:
                self.names.add((HOMES[word], word))
        return text

    def _walk(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=str() as value) if '"' not in value and value.isprintable() and "\\" not in value:
                return f'"{value}"'
            case ast.Name() | ast.Attribute():
                name = "Any" if ast.unparse(node) == "object" else ast.unparse(node)
                return self._named(name) + self.use(BARE.get(name, ""))
            case ast.BinOp(left=left, right=right):
                return f"{self._walk(left)} | {self._walk(right)}"
            case ast.Tuple(elts=elts) | ast.List(elts=elts):
                inner = ", ".join(map(self._walk, elts))
                return f"[{inner}]" if isinstance(node, ast.List) else inner
            case ast.Subscript(value=outer, slice=inner):
                return f"{self._named(ast.unparse(outer))}[{self._walk(inner)}]"
        return ast.unparse(node)

    def _named(self, name: str) -> str:
        if name in BUILTIN:
            return self.builtin(name)
        if name in HOMES:
            return self.use(name)
        home = _in_types(name)
        if home is None:
            head = name.partition(".")[0]
            if head == name or hasattr(importlib.import_module("oai.types"), head):
                resolve(name)  # raises with the missing part, unless a package has the name of one of our areas
            module, path = _module_of(name), name
        else:
            module, path = home, f"oai.types.{name}"
        self.modules.add(module)
        return path


def _in_types(name: str) -> str | None:
    """Return the module below `oai.types` that has a dotted name, `None` if there is no such name."""
    module: Any = importlib.import_module("oai.types")
    value: Any = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            if value is not module or importlib.util.find_spec(f"{module.__name__}.{part}") is None:
                return None
            value = importlib.import_module(f"{module.__name__}.{part}")
        if isinstance(value, types.ModuleType):
            module = value
    return str(module.__name__)


def _module_of(name: str) -> str:
    """Return the module of a dotted name: the longest prefix that exists, else all except the last part.

    So stubs can be written where the package of the types is not installed.
    """
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:count])
        try:
            if importlib.util.find_spec(module) is not None:
                return module
        except (ImportError, ValueError):
            continue
    return ".".join(parts[:-1])
