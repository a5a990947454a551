"""The official SDK's types, by introspection: pydantic models, TypedDicts, and the aliases between them."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import ModuleType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import pydantic
import typing_extensions

from tools.generate.ir import ANY, NONE, Alias, Facts, Field, Key, Lit, Map, OneOf, Prim, Ref, Seq, Struct, Type

ROOT = "openai.types"

LEFT_OUT = {
    "parsed_chat_completion": "what the SDK's own parsing helpers return, not data of the API",
    "parsed_function_tool_call": "what the SDK's own parsing helpers return, not data of the API",
    "parsed_response": "what the SDK's own parsing helpers return, not data of the API",
    "websocket_connection_options": "options of the SDK's own WebSocket client, not data",
    "websocket_reconnection": "events of the SDK's own WebSocket client, not data",
}

ADDED = {
    (f"{ROOT}.audio.transcription_verbose", "TranscriptionVerbose"): [
        Field("task", "task", OneOf((Prim("str"), NONE)), required=False)
    ],
}
"""Fields that the API sends and the SDK does not declare, where they tell a variant of a union."""

FILTERS = {
    (f"{ROOT}.beta.beta_file_search_tool", "FiltersCompoundFilterFilter"): "FiltersCompoundFilter",
    (f"{ROOT}.beta.beta_file_search_tool_param", "FiltersCompoundFilterFilter"): "FiltersCompoundFilter",
    (f"{ROOT}.shared.compound_filter", "Filter"): "CompoundFilter",
    (f"{ROOT}.shared_params.compound_filter", "Filter"): "CompoundFilter",
}
"""Unions in which the SDK has `object` for the class of the same module that holds them."""

OBJECTS = frozenset(
    {
        "annotations",
        "changes_requested",
        "data",
        "file_search",
        "input_schema",
        "item",
        "login.succeeded",
        "logout.succeeded",
        "metadata",
        "parameters",
    }
)
"""Fields by their names on the wire which the specification says to be objects, and the SDK only to be something."""

ANYTHING = {(f"{ROOT}.conversations.conversation", "Conversation")}
"""Classes of which the specification does not say so."""

REQUIREDNESS: tuple[Any, ...] = (typing_extensions.Required, typing_extensions.NotRequired)

FILE_TYPES = {"FileTypes", "FileContent", "Base64FileInput"}


class Reader:
    """Read every module below `openai.types` once, then turn its typing objects into nodes."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.modules = {module.__name__: module for module in _modules(ROOT)}
        self._alias_of: dict[Any, Key] = {}
        """The aliases that the module being read can name; equal types elsewhere are not meant by them."""
        self._file_types = {getattr(importlib.import_module("openai._types"), name) for name in FILE_TYPES}

    def read(self) -> Facts:
        self._homes: dict[tuple[str, int], Key] = {}
        for module in self.modules.values():
            for name, value in self._own(module):
                if _is_alias(value):
                    self._homes.setdefault((name, id(value)), (module.__name__, name))
        for module in self.modules.values():
            self._alias_of = self._aliases_in(module)
            self._read_module(module)
        for name, module in self.modules.items():
            if hasattr(module, "__path__"):
                self.facts.exports[name] = self._exports(module)
            else:
                self.facts.modules[name] = self._defined(module)
        return self.facts

    def _own(self, module: ModuleType) -> typing.Iterator[tuple[str, Any]]:
        """Yield the public classes and aliases that a module itself defines."""
        if hasattr(module, "__path__"):
            return
        stem = module.__name__.rpartition(".")[2]
        for name in _defined_names(module):
            value = getattr(module, name)
            if stem in LEFT_OUT:
                self.facts.left_out[module.__name__, name] = LEFT_OUT[stem]
            else:
                yield name, value

    def _aliases_in(self, module: ModuleType) -> dict[Any, Key]:
        """Return the aliases among a module's names: its own first, then those that it imports."""
        found: dict[Any, Key] = {}
        named = [(name, value) for name, value in vars(module).items() if _is_alias(value)]
        own = _defined_names(module)
        for name, value in sorted(named, key=lambda pair: pair[0] not in own):
            home = self._homes.get((name, id(value)))
            if home is not None:
                found.setdefault(value, home)
        return found

    def _read_module(self, module: ModuleType) -> None:
        for name, value in self._own(module):
            key = (module.__name__, name)
            if inspect.isclass(value) and get_origin(value) is None and value.__module__ == module.__name__:
                if issubclass(value, pydantic.BaseModel):
                    self.facts.structs[key] = self._struct(key, value)
                elif typing_extensions.is_typeddict(value):
                    self.facts.structs[key] = self._typed_dict(key, value)
                else:
                    self.facts.left_out[key] = "neither a model nor a TypedDict"
            elif inspect.isclass(value) and (value.__module__.startswith(ROOT) or value is str):
                self.facts.aliases[key] = Alias(key, self.node(value))
            elif not _is_alias(value):
                self.facts.left_out[key] = "no type"
            else:
                home = self._alias_of[value]
                node = Ref(home) if home != key else self.node(value, top=True)
                if key in FILTERS and isinstance(node, OneOf):
                    itself = Ref((module.__name__, FILTERS[key]))
                    node = OneOf(tuple(itself if each == ANY else each for each in node.variants))
                self.facts.aliases[key] = Alias(key, node)

    def _struct(self, key: Key, cls: type[pydantic.BaseModel]) -> Struct:
        cls.model_rebuild()
        fields = []
        for name, info in cls.model_fields.items():
            node = self.node(self._with_metadata(info))
            if not info.is_required() and not _nullable(node):
                node = OneOf((node, NONE))
            fields.append(Field(name, info.alias or name, node, info.is_required()))
        base = next((_key_of(each) for each in cls.__bases__ if each.__module__.startswith(f"{ROOT}.")), None)
        return _narrowed(Struct(key, fields + ADDED.get(key, []), param=False, base=base))

    @staticmethod
    def _with_metadata(info: Any) -> Any:
        for each in info.metadata:
            if getattr(each, "discriminator", None):
                return typing.Annotated[info.annotation, each]
        return info.annotation

    def _typed_dict(self, key: Key, cls: Any) -> Struct:
        hints = typing_extensions.get_type_hints(cls, include_extras=True)
        fields = []
        for name, hint in hints.items():
            # `__required_keys__` misses a `Required` that is text, as in modules with lazy annotations.
            required = name in cls.__required_keys__ or get_origin(hint) is REQUIREDNESS[0]
            if get_origin(hint) in REQUIREDNESS:
                hint = get_args(hint)[0]
            wire = next((each.alias for each in _metadata(hint) if getattr(each, "alias", None)), name)
            fields.append(Field(name, wire, self.node(hint), required))
        return _narrowed(Struct(key, fields, param=True))

    def node(self, value: Any, *, top: bool = False) -> Type:
        """Turn a typing object into a node. At the `top` of an alias its own name does not count."""
        if not top and _is_alias(value) and value in self._alias_of:
            return Ref(self._alias_of[value])
        try:
            if value in self._file_types:
                return Prim("File")
        except TypeError:
            pass
        origin = get_origin(value)
        if origin is not None:
            return self._generic(value, origin)
        return self._simple(value)

    def _generic(self, value: Any, origin: Any) -> Type:
        arguments = get_args(value)
        if origin is typing.Annotated:
            node = self.node(arguments[0])
            found = next((each.discriminator for each in arguments[1:] if getattr(each, "discriminator", None)), None)
            return OneOf(node.variants, found) if found and isinstance(node, OneOf) else node
        if origin in (Union, UnionType):
            return _one_of([*self._uploads(arguments), *(self.node(each) for each in self._others(arguments))])
        if origin in (typing.Literal, typing_extensions.Literal):
            return Lit(arguments)
        if origin in (list, tuple):
            return Seq("list", self.node(arguments[0]) if arguments else ANY)
        if origin is Iterable:
            return Seq("Iterable", self.node(arguments[0]))
        if origin is Sequence or getattr(origin, "__name__", "") == "SequenceNotStr":
            return Seq("Sequence", self.node(arguments[0]))
        if origin in (dict, Mapping):
            return Map(self.node(arguments[1]))
        if origin in REQUIREDNESS:
            return self.node(arguments[0])
        if getattr(origin, "__name__", "") in ("IO", "PathLike"):
            return Prim("File")
        raise TypeError(f"no node for {value!r}")

    def _uploads(self, arguments: tuple[Any, ...]) -> list[Type]:
        """Return the node of an upload if a union has one: Python lists its variants among the others."""
        return [Prim("File")] if len(self._others(arguments)) < len(arguments) else []

    def _others(self, arguments: tuple[Any, ...]) -> list[Any]:
        """Return the variants of a union that are not those of an upload."""
        for kind in sorted(self._file_types, key=lambda each: -len(get_args(each))):
            if set(get_args(kind)) <= set(arguments):
                return [each for each in arguments if each not in get_args(kind)]
        return list(arguments)

    def _simple(self, value: Any) -> Type:
        if value in (None, NoneType):
            return NONE
        if value in (str, int, float, bool, bytes):
            return Prim(value.__name__)
        if value is dict:
            return Map(ANY)
        if value is list:
            return Seq("list", ANY)
        if value in (object, Any, pydantic.BaseModel) or isinstance(value, typing.TypeVar):
            return ANY
        if inspect.isclass(value) and value.__module__.startswith(ROOT):
            return Ref(_key_of(value))
        if inspect.isclass(value) and value.__name__ in ("datetime", "date"):
            return Prim("str")
        if getattr(value, "__name__", "") in ("IO", "PathLike"):
            return Prim("File")
        if isinstance(value, typing.ForwardRef | str):
            return ANY
        raise TypeError(f"no node for {value!r}")

    def _defined(self, module: ModuleType) -> dict[str, Key]:
        """Return the types that a module has by name: its own, and those that it only imports."""
        known = self.facts.structs.keys() | self.facts.aliases.keys()
        own = {name: (module.__name__, name) for name in _defined_names(module)}
        imported = {name: key for name, key in self._exports(module).items() if not name.startswith("_")}
        return {name: key for name, key in own.items() if key in known} | imported

    def _exports(self, module: ModuleType) -> dict[str, Key]:
        names: dict[str, Key] = {}
        for name, value in vars(module).items():
            original = _renamed(module).get(name, name)
            if _is_alias(value) and (original, id(value)) in self._homes:
                names[name] = self._homes[original, id(value)]
            elif inspect.isclass(value) and value.__module__.startswith(ROOT):
                names[name] = _key_of(value)
            elif value is str:
                found = [key for key in self.facts.aliases if key[1] == name and _in(key, module)]
                names.update((name, key) for key in found)
        return {name: key for name, key in names.items() if key in self.facts.structs or key in self.facts.aliases}


def _key_of(cls: type) -> Key:
    return cls.__module__, cls.__name__


@cache
def _defined_names(module: ModuleType) -> list[str]:
    """Return the public names that a module's own statements give a class or a value to, in their order."""
    names = []
    for statement in ast.parse(inspect.getsource(module)).body:
        match statement:
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.append(name)
    return [name for name in names if not name.startswith("_")]


@cache
def _renamed(module: ModuleType) -> dict[str, str]:
    """Return the names under which a module imports something that has another name, and that name."""
    imports = [each for each in ast.parse(inspect.getsource(module)).body if isinstance(each, ast.ImportFrom)]
    return {each.asname: each.name for statement in imports for each in statement.names if each.asname}


def _in(key: Key, package: ModuleType) -> bool:
    return key[0].rpartition(".")[0] == package.__name__


def _is_alias(value: Any) -> bool:
    """Return whether a module's value is a type built of others, which an alias gives a name to."""
    return get_origin(value) is not None and _hashable(value)


def _modules(name: str) -> typing.Iterator[ModuleType]:
    module = importlib.import_module(name)
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from _modules(f"{name}.{info.name}")


def _metadata(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is typing.Annotated else ()


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _narrowed(struct: Struct) -> Struct:
    """Say of the fields that hold objects that they do."""
    for field in struct.fields:
        if field.wire in OBJECTS and struct.key not in ANYTHING:
            if field.type == ANY:
                field.type = Map(ANY)
            elif field.type == OneOf((ANY, NONE)):
                field.type = OneOf((Map(ANY), NONE))
    return struct


def _nullable(node: Type) -> bool:
    return node == NONE or (isinstance(node, OneOf) and NONE in node.variants)


def _one_of(nodes: list[Type]) -> Type:
    flat: list[Type] = []
    for node in nodes:
        flat += node.variants if isinstance(node, OneOf) and node.discriminator is None else [node]
    unique = list(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else OneOf(tuple(unique))
