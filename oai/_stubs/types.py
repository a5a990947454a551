"""Type expressions of the table as source for a type checker, with the imports that the source takes.

`"CursorPage[FileObject]"` becomes `CursorPage[oai.types.FileObject]`. The same names lead to the same
types as in `_table.type_expressions`, which finds the types themselves; here it is their spelling. This module writes
no function and no class.
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
"""The names that are imported as they are, and the module that each comes from."""

BARE: Final = {
    "Iterable": "[Any]",
    "Mapping": "[str, Any]",
    "Sequence": "[Any]",
    "dict": "[str, Any]",
    "list": "[Any]",
    "tuple": "[Any, ...]",
    **dict.fromkeys(PAGES, "[Any]"),
}
"""What is put behind a name where the table has no brackets: strict checkers want them."""

BUILTIN: Final = frozenset({"bool", "bytes", "dict", "float", "int", "list", "str", "tuple", "type"})

LONG: Final = 160
"""Characters from which a type gets a name of its own."""

WORD: Final = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)")


class Speller:
    """Spells the types of one file and keeps what the file has to import for them."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        """Modules imported whole, such as `oai.types.chat`."""
        self.names: set[tuple[str, str]] = set()
        """Module and name of what is imported from it."""
        self.taken: set[str] = set()
        """The members of the class being written, which a checker finds before the built-in type of that name."""
        self.long: dict[str, str] = {}
        """Types too long to be said at each place, and the names that they get."""

    def head(self) -> list[str]:
        """Return the lines that stand before the classes: the imports, then the long types."""
        lines = [f"import {module}" for module in sorted(self.modules)]
        for home in sorted({home for home, _ in self.names}):
            names = ", ".join(sorted(name for each, name in self.names if each == home))
            lines += [f"from {home} import {names}"]
        lines += [f"\n{name}: TypeAlias = {text}" for text, name in self.long.items()]
        return lines

    def spell(self, expression: str) -> str:
        """Return a type expression of the table as source.

        Raises:
            LookupError: a name in it leads nowhere.
        """
        return self._walk(ast.parse(expression.strip(), mode="eval").body)

    def named(self, text: str, name: str) -> str:
        """Return a type as it is, or the name that it gets if it is long."""
        if len(text) < LONG:
            return text
        self.names.add(("typing", "TypeAlias"))
        return self.long.setdefault(text, name)

    def builtin(self, name: str) -> str:
        """Return a built-in name as the class being written has to say it."""
        if name not in self.taken:
            return name
        self.modules.add("builtins")
        return f"builtins.{name}"

    def use(self, text: str) -> str:
        """Note the imports of the names of `HOMES` that stand in a piece of source, and return it."""
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
        found = _in_types(name)
        if found is None:
            head = name.partition(".")[0]
            if head == name or hasattr(importlib.import_module("oai.types"), head):
                resolve(name)  # it says which part leads nowhere, unless a package has the name of one of our areas
            module, path = _module_of(name), name
        else:
            module, path = found, f"oai.types.{name}"
        self.modules.add(module)
        return path


def _in_types(name: str) -> str | None:
    """Return the module below `oai.types` from which a dotted name is read, `None` if there is no such name."""
    module: Any = importlib.import_module("oai.types")
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            if found is not module or importlib.util.find_spec(f"{module.__name__}.{part}") is None:
                return None
            found = importlib.import_module(f"{module.__name__}.{part}")
        if isinstance(found, types.ModuleType):
            module = found
    return str(module.__name__)


def _module_of(name: str) -> str:
    """Return the part of a dotted name that is a module: the longest that is found, else all but the last word.

    Stubs can so be written where the package of the types is not installed.
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
