"""Unions that repeat: each gets a name, that of the source if there is one, else that of its first field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from tools.generate.ir import NONE, Alias, Facts, Field, Key, Lit, Map, OneOf, Ref, Seq, Struct, Type
from tools.generate.shapes import Shape, Shapes

LEAST_VARIANTS = 4
"""A shorter union is as well read where it stands."""

LEAST_CONSTANTS = 7
"""The same for a list of constants."""


class UnionNamer:
    """Finds the long unions and lists of constants that a module writes more than once.

    Args:
        facts: all definitions; the new aliases are added, and the types of fields changed.
        shapes: what is equal.
    """

    def __init__(self, facts: Facts, shapes: Shapes) -> None:
        self._facts = facts
        self._shapes = shapes

    def name(self, keys: list[Key], camel: Callable[[str], str]) -> list[Key]:
        """Name the unions in the definitions of one module; return the aliases that are new."""
        names = self._known(keys)
        places: dict[Shape, list[tuple[Struct, Field, Type]]] = defaultdict(list)
        for struct, field in self._fields(keys):
            for node in _within(field.type):
                if _is_long(node := _without_none(node)):
                    places[self._shapes.of(node)].append((struct, field, node))
        new: list[Key] = []
        for shape, found in places.items():
            if shape not in names and len(found) > 1:
                struct, field, node = found[0]
                key = struct.key[0], f"{struct.key[1]}{camel(field.name)}"
                if key in self._facts.aliases or key in self._facts.structs:
                    continue
                self._facts.aliases[key] = Alias(key, node, struct.param)
                names[shape] = key
                new.append(key)
        for _, field in self._fields(keys):
            field.type = self._replaced(field.type, names)
        return new

    def _known(self, keys: list[Key]) -> dict[Shape, Key]:
        """Return the long unions that have a name in the module already."""
        aliases = [self._facts.aliases[key] for key in keys if key in self._facts.aliases]
        found: dict[Shape, Key] = {}
        for alias in aliases:
            if alias.type == _without_none(alias.type) and _is_long(alias.type):
                found.setdefault(self._shapes.of(alias.type), alias.key)
        return found

    def _fields(self, keys: list[Key]) -> Iterator[tuple[Struct, Field]]:
        for key in keys:
            if struct := self._facts.structs.get(key):
                yield from ((struct, field) for field in struct.fields)

    def _replaced(self, node: Type, names: Mapping[Shape, Key]) -> Type:
        bare = _without_none(node)
        if _is_long(bare) and (key := names.get(self._shapes.of(bare))):
            return Ref(key) if bare == node else OneOf((Ref(key), NONE))
        match node:
            case Seq(outer, item):
                return Seq(outer, self._replaced(item, names))
            case Map(value):
                return Map(self._replaced(value, names))
            case OneOf(variants, discriminator):
                return OneOf(tuple(self._replaced(each, names) for each in variants), discriminator)
        return node


def _within(node: Type) -> Iterator[Type]:
    """Yield a type and those within it, the variants of a union among them only where they hold others."""
    yield node
    match node:
        case Seq(_, item):
            yield from _within(item)
        case Map(value):
            yield from _within(value)
        case OneOf(variants, _):
            for each in variants:
                if isinstance(each, Seq | Map):
                    yield from _within(each)


def _without_none(node: Type) -> Type:
    if not isinstance(node, OneOf) or NONE not in node.variants:
        return node
    left = tuple(each for each in node.variants if each != NONE)
    return left[0] if len(left) == 1 else OneOf(left, node.discriminator)


def _is_long(node: Type) -> bool:
    match node:
        case OneOf(variants, _):
            return len(variants) >= LEAST_VARIANTS
        case Lit(values):
            return len(values) >= LEAST_CONSTANTS
    return False
