"""What a type is made of, between the facts and the files.

Nodes are frozen, so that equal types are equal and can be looked up. A `Ref` names a class or an alias by where
it comes from, `(module, name)`; what it is called here is decided later.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Key = tuple[str, str]


@dataclass(frozen=True)
class Prim:
    """A built-in type, `Any`, `None`, or `File`."""

    name: str


@dataclass(frozen=True)
class Lit:
    """Constants."""

    values: tuple[object, ...]


@dataclass(frozen=True)
class Ref:
    """A class or an alias, by where it comes from."""

    key: Key


@dataclass(frozen=True)
class Seq:
    """`list`, `Iterable` or `Sequence` of one type."""

    outer: str
    item: Type


@dataclass(frozen=True)
class Map:
    """An object of any names and one type of values."""

    value: Type


@dataclass(frozen=True)
class OneOf:
    """A union, with the field that tells its variants apart where the source names it."""

    variants: tuple[Type, ...]
    discriminator: str | None = None


Type = Prim | Lit | Ref | Seq | Map | OneOf

ANY = Prim("Any")
NONE = Prim("None")


@dataclass
class Field:
    """A field under its Python name and the name on the wire."""

    name: str
    wire: str
    type: Type
    required: bool


@dataclass
class Struct:
    """A class of fields: a struct of an answer, or where `param` is true a TypedDict of a request.

    `fields` includes those of the class that it extends, `base`.
    """

    key: Key
    fields: list[Field]
    param: bool
    base: Key | None = None
    tag: tuple[str, str] | None = None
    more_tags: tuple[str, ...] = ()


@dataclass
class Alias:
    """A name for a type that is not a class."""

    key: Key
    type: Type
    param: bool = False


@dataclass
class Facts:
    """Everything that was read."""

    structs: dict[Key, Struct] = field(default_factory=dict)
    aliases: dict[Key, Alias] = field(default_factory=dict)
    exports: dict[str, dict[str, Key]] = field(default_factory=dict)
    """Package by package, the public names that it exports, and what they stand for."""

    modules: dict[str, dict[str, Key]] = field(default_factory=dict)
    """The same for each module that is not a package, of the names that it defines."""

    left_out: dict[Key, str] = field(default_factory=dict)


@dataclass
class Official:
    """An operation as the official SDK has it."""

    name: str
    method: str
    path: str
    body: str
    response: Type
    page: str | None = None
    stream: Type | None = None
    params: dict[str, tuple[Type, bool]] = field(default_factory=dict)
    """For each parameter that is not of the path its type, and whether it is required."""
    positional: list[str] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    json_without_files: bool = False
    header_params: dict[str, str] = field(default_factory=dict)
    rename: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    auth: str = "key"
    deprecated: bool = False


Params = dict[str, tuple[Type, bool]]
"""For each parameter its type, and whether it is required."""


@dataclass
class OfficialSocket:
    """A WebSocket as the official SDK has it."""

    name: str
    path: str
    events: Type
    max_queue_size: int | None
    params: Params = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    sends: dict[str, Params] = field(default_factory=dict)

    def nodes(self) -> list[Type]:
        """Return every type that it names."""
        return [self.events, *(kind for params in (self.params, *self.sends.values()) for kind, _ in params.values())]


def children(node: Type) -> tuple[Type, ...]:
    """Return the types that a type is made of."""
    match node:
        case Seq(_, item):
            return (item,)
        case Map(value):
            return (value,)
        case OneOf(variants, _):
            return variants
    return ()


def refs(node: Type) -> set[Key]:
    """Return what a type names, directly."""
    if isinstance(node, Ref):
        return {node.key}
    return {key for child in children(node) for key in refs(child)}


def substitute(node: Type, names: dict[Key, Key]) -> Type:
    """Return the type with some of the names in it replaced."""
    match node:
        case Ref(key):
            return Ref(names.get(key, key))
        case Seq(outer, item):
            return Seq(outer, substitute(item, names))
        case Map(value):
            return Map(substitute(value, names))
        case OneOf(variants, discriminator):
            unique = tuple(dict.fromkeys(substitute(each, names) for each in variants))
            return unique[0] if len(unique) == 1 else OneOf(unique, discriminator)
    return node
