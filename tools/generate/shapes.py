"""Shapes that repeat: which definitions are equal, and which of them is written for all.

Two classes are equal if they have the same fields of equal types. Since types name each other, in circles too, that is
found by partition refinement: all classes begin as one block, and a block is split for as long as two of its classes
differ in a field, where a class that a type names counts as its block. What an alias stands for counts, not its name.

A definition is written for another only where the other's module imports it anyway, so that the first use of an area
goes on loading what that area needs and no more. What two large areas have in common stands in a module of its own
(`COMMON`), which both import.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from tools.generate.ir import ANY, NONE, Alias, Facts, Key, Lit, Map, OneOf, Ref, Seq, Struct, Type

Shape = tuple[Any, ...]

COMMON = {
    "realtime.common_structs": ("realtime.structs", "beta.realtime.structs"),
    "responses.common_structs": ("responses.structs", "beta.responses_structs"),
}
"""Modules for what two modules have in common, neither of which is to load the other, under the first one's names."""

SHARED = "shared.structs"
"""What every area may import."""

FREE = {"beta.responses_params": "responses.params"}
"""Modules that may name what is in another, which costs nothing: parameters are imported by type checkers only."""

FEW = 3
"""A list of constants up to this length is not worth a name of another area."""


class Shapes:
    """The definitions by their shape.

    Args:
        facts: all definitions.
        kept: those that count.
    """

    def __init__(self, facts: Facts, kept: Iterable[Key]) -> None:
        self._facts = facts
        self._kept = sorted(kept)
        self._blocks: dict[Key, int] = self._refined()

    def _refined(self) -> dict[Key, int]:
        structs = [self._facts.structs[key] for key in self._kept if key in self._facts.structs]
        blocks = self._blocks = dict.fromkeys((struct.key for struct in structs), 0)
        count = 0
        while len(set(blocks.values())) != count:
            count = len(set(blocks.values()))
            numbers: dict[Shape, int] = {}
            blocks = {struct.key: numbers.setdefault(self._struct(struct), len(numbers)) for struct in structs}
            self._blocks = blocks
        return blocks

    def _struct(self, struct: Struct) -> Shape:
        fields = ((each.name, each.wire, each.required, self.of(each.type)) for each in struct.fields)
        base = self._blocks[struct.base] if struct.base else None
        return self._blocks[struct.key], struct.param, base, *fields

    def of(self, node: Type) -> Shape:
        """Return what makes types equal."""
        match node:
            case Ref(key):
                alias = self._facts.aliases.get(key)
                return self.of(alias.type) if alias else ("class", self._blocks[key])
            case Seq(outer, item):
                return outer, self.of(item)
            case Map(value):
                return "dict", self.of(value)
            case Lit(values):
                return "is", Lit(tuple(sorted(values, key=repr)))
            case OneOf(variants, _):
                shapes = (self.of(each) for each in sorted(variants, key=lambda each: each == NONE))
                flat = [each for shape in shapes for each in (shape[1:] if shape[0] == "one" else [shape])]
                unique: list[Shape] = list(dict.fromkeys(flat))
                if ("is", ANY) in unique:
                    return "is", ANY
                return unique[0] if len(unique) == 1 else ("one", *unique)
        return "is", node

    def groups(self) -> list[list[Key]]:
        """Return the definitions that are equal to others, in groups."""
        found: dict[object, list[Key]] = defaultdict(list)
        for key in self._kept:
            if key in self._facts.structs:
                if self._facts.structs[key].fields:
                    found["class", self._blocks[key]].append(key)
            elif _is_worth_a_name(alias := self._facts.aliases[key], shape := self.of(alias.type)):
                found[alias.param, shape].append(key)
        return [keys for keys in found.values() if len(keys) > 1]


def _is_worth_a_name(alias: Alias, shape: Shape) -> bool:
    """Return whether an alias says enough for another of the same shape to mean the same."""
    match alias.type:
        case Ref():
            return True
        case Lit(values):
            return len(values) > FEW
    return shape[0] == "one" and any(
        each != ("is", NONE) and each[0] != "is" for each in shape[1:] if isinstance(each, tuple)
    )


class Merger:
    """Decides which definition is written for those that are equal to it, and where.

    Args:
        shapes: what is equal.
        home: the module of a definition, before anything is merged.
        needs: for each module those that it imports.
        rank: what sorts the definitions of a module, the best to be written first.
    """

    def __init__(
        self,
        shapes: Shapes,
        home: Callable[[Key], str],
        needs: dict[str, set[str]],
        rank: Callable[[Key], tuple[object, ...]],
    ) -> None:
        self.same: dict[Key, Key] = {}
        """What need not be written, and what is written for it."""
        self.moved: dict[Key, str] = {}
        """What is written in another module than its own."""
        self._home = home
        self._rank = rank
        for one, other in FREE.items():
            needs[one].add(other)
        for common, homes in COMMON.items():
            needs[common] = {SHARED}
            for each in homes:
                needs[each].add(common)
        self._reached = {each: reach(each, needs) for each in [*needs]}
        for group in shapes.groups():
            self._merge(group)

    def _merge(self, group: list[Key]) -> None:
        written: dict[str, Key] = {}
        homes = {self._home(key) for key in group}
        for common, (first, other) in COMMON.items():
            if {first, other} <= homes and not homes & self._reached[first] & self._reached[other]:
                written[common] = min((key for key in group if self._home(key) == first), key=self._rank)
                self.moved[written[common]] = common
        # A module comes after those that it imports.
        for key in sorted(
            group, key=lambda key: (len(self._reached[self._home(key)]), self._home(key), self._rank(key))
        ):
            home = self._home(key)
            found = next((each for place, each in written.items() if place in {home, *self._reached[home]}), key)
            if found == key:
                written.setdefault(home, key)
            else:
                self.same[key] = found


def reach(start: str, needs: dict[str, set[str]]) -> set[str]:
    """Return what a module imports, directly or through others."""
    seen: set[str] = set()
    todo = [*needs.get(start, ())]
    while todo:
        home = todo.pop()
        if home not in seen:
            seen.add(home)
            todo += needs.get(home, ())
    return seen
