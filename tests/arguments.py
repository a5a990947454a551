"""Arguments for any operation, made from the type expressions of its row and the TypedDicts that they name.

TypedDicts and the aliases between them are only ever read by type checkers: their modules import nothing at run
time. So expressions are walked as syntax, and a name is followed through the imports that stand under
`if TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, get_args, get_origin

import msgspec

from oai._table import Row

DEEPEST = 4
"""How deep optional keys are given; below it, only what is required."""

FLOOR = 9
"""How deep lists have items; types that hold themselves end here."""

KNOWN: dict[str, Any] = {
    "chunk_overlap_tokens": 400,
    "compact_threshold": 2000,
    "idle_timeout_ms": 6000,
    "item": {"a key": "a value"},
    "max_chunk_size_tokens": 800,
    "max_completion_tokens": 1000,
    "max_output_tokens": 1000,
    "max_prompt_tokens": 1000,
    "metadata": {"a key": "a value"},
    "parameters": {"type": "object"},
    "include": "item.input_audio_transcription.logprobs",
    "seconds": 3600,
    "tunnel_id": "tunnel_" + 32 * "0",
}
"""What stands under these names for a number, a text, or anything: the API has rules that types do not say."""

ONLY_ONE = ("vector_store_ids", "vector_stores")
"""Lists that may have one item at most; all others have two."""

LISTS = ("Iterable", "Sequence", "list")


@dataclass(frozen=True)
class Mode:
    """What to give: everything or only what is required, and which variant of each union."""

    name: str
    everything: bool
    variant: int


MODES = (
    Mode("what is required", everything=False, variant=0),
    Mode("everything", everything=True, variant=0),
    Mode("everything, second variants", everything=True, variant=1),
    Mode("everything, last variants", everything=True, variant=-1),
)


def arguments(row: Row, mode: Mode) -> dict[str, Any]:
    """Return keyword arguments for a call of a row's operation."""
    given: dict[str, Any] = {name: f"{name} of 1/2" for name in row.path_params}
    for name, expression in (row.params or {}).items():
        if mode.everything or not expression.endswith("?"):
            given[name] = made(expression.removesuffix("?"), mode, name)
    return given


def made(expression: str, mode: Mode, name: str = "") -> Any:
    """Return a value of a row's type expression."""
    return _Maker(mode).of(_parsed(expression), "oai.types", name, 0)


@cache
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression.strip(), mode="eval").body


@dataclass
class _Maker:
    mode: Mode

    def of(self, node: ast.expr, home: str, name: str, depth: int) -> Any:
        """Return a value of a type that is written as `node` in the module `home`."""
        match node:
            case ast.Constant(value=str(text)):
                return self.of(_parsed(text), home, name, depth)
            case ast.Constant(value=None):
                return None
            case ast.BinOp():
                return self._union(node, home, name, depth)
            case ast.Subscript(value=ast.Name("Required"), slice=inner):
                return self.of(inner, home, name, depth)
            case ast.Subscript(value=ast.Name("Literal")):
                written = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                values = [ast.literal_eval(each) for each in written]
                return values[self.mode.variant % len(values)]
            case ast.Subscript(value=ast.Name(outer), slice=inner) if outer in LISTS:
                times = 0 if depth > FLOOR else 1 if name in ONLY_ONE else 2
                return [self.of(inner, home, name, depth + 1)] * times
            case ast.Subscript(value=ast.Name("dict"), slice=ast.Tuple(elts=[_, inner])):
                return {"a key": self.of(inner, home, name, depth + 1)}
            case ast.Name() | ast.Attribute():
                return self._named(ast.unparse(node), home, name, depth)
        raise TypeError(f"nothing is made of {ast.unparse(node)}")

    def _union(self, node: ast.expr, home: str, name: str, depth: int) -> Any:
        variants = [node]
        while isinstance(variants[0], ast.BinOp):
            variants[:1] = [variants[0].left, variants[0].right]
        if depth > FLOOR:  # what does not hold itself
            variants = [each for each in variants if isinstance(each, ast.Constant)] or variants
        return self.of(variants[self.mode.variant % len(variants)], home, name, depth)

    def _named(self, path: str, home: str, name: str, depth: int) -> Any:
        plain: dict[str, Any] = {
            "Any": "anything",
            "File": ("a file.txt", b"content", "text/plain"),
            "bool": True,
            "bytes": b"bytes",
            "dict": {"a key": "a value"},
            "float": 0.5,
            "int": 3,
            "object": "anything",
            "str": f"some {name or 'text'}",
        }
        if name in KNOWN and path in ("Any", "object", type(KNOWN[name]).__name__):
            return KNOWN[name]
        if path in plain:
            return plain[path]
        value, home = find(home, path)
        if isinstance(value, str):
            return self.of(_parsed(value), home, name, depth)
        return self._object(value, name, depth)

    def _object(self, kind: Any, name: str, depth: int) -> Any:
        """Return a value of a type that is there at run time: a TypedDict, a struct, or an alias of built-in types."""
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._struct(kind, depth)
        if hasattr(kind, "__required_keys__"):
            return {
                key: self.of(_parsed(text), kind.__module__, key, depth + 1)
                for key, text in _annotations(kind)
                if text.startswith("Required[") or (self.mode.everything and depth < DEEPEST)
            }
        values = get_args(kind)
        origin = getattr(get_origin(kind), "__name__", "")
        if origin == "Literal":
            return values[self.mode.variant % len(values)]
        if origin in ("Union", "UnionType"):
            return self._object(values[self.mode.variant % len(values)], name, depth)
        if origin == "list":
            return [self._object(values[0], name, depth + 1)]
        if origin == "dict":
            return {"a key": self._object(values[1], name, depth + 1)}
        return (
            None if kind is type(None) else self._named(getattr(kind, "__name__", str(kind)), "oai.types", name, depth)
        )

    def _struct(self, kind: type[msgspec.Struct], depth: int) -> dict[str, Any]:
        config = kind.__struct_config__
        given = {config.tag_field: config.tag} if config.tag_field else {}
        for each in msgspec.structs.fields(kind):
            if each.required or (self.mode.everything and depth < DEEPEST):
                given[each.encode_name] = self._object(each.type, each.name, depth + 1)
        return given


def _annotations(kind: Any) -> list[tuple[str, str]]:
    return [(key, getattr(value, "__forward_arg__", value)) for key, value in kind.__annotations__.items()]


@cache
def find(home: str, path: str) -> tuple[Any, str]:
    """Return what a dotted name stands for in a module, and the module that defines it."""
    first, _, rest = path.partition(".")
    if rest:
        return find(f"{home}.{first}", rest)
    module = importlib.import_module(home)
    if first in vars(module) and "params" in home.rpartition(".")[2]:
        return vars(module)[first], home
    imported = _guarded(module).get(first)
    if imported is not None:
        return find(*imported)
    return getattr(module, first), home


@cache
def _guarded(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Return what a module imports for type checkers only: for each name a module and a name there."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for each in node.body:
                match each:
                    case ast.ImportFrom(module=str(home), names=names):
                        found |= {name.asname or name.name: (home, name.name) for name in names}
                    case ast.Assign(targets=[ast.Name(target)], value=ast.Name(source)):
                        found[target] = found[source]
    return found
