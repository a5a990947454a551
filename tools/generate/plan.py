"""What the facts become here: areas, names, tags, shapes written once.

A class that a package exports keeps its name. A nested class, which no package exports, keeps its bare name where that
is the only one in its area, and is prefixed by the name of its module's main class where it is not: the `Choice` of
`chat_completion_chunk` is `ChatCompletionChunkChoice`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from tools.generate.areas import ROOT, area_of, camel, home_of
from tools.generate.ir import (
    Alias,
    Facts,
    Key,
    Lit,
    Map,
    OneOf,
    Prim,
    Ref,
    Seq,
    Struct,
    Type,
    refs,
    substitute,
)
from tools.generate.shapes import COMMON, Merger, Shapes, reach
from tools.generate.unions import UnionNamer


class Plan:
    """Facts with names, tags and order, ready to be written."""

    def __init__(self, facts: Facts, wanted: Iterable[Key]) -> None:
        self.facts = facts
        self.same: dict[Key, Key] = {}
        exported = {key for names in facts.exports.values() for key in names.values()}
        self.exported = exported
        self._wanted = frozenset(wanted)
        self._moved: dict[Key, str] = {}
        self._merged: dict[str, str] = {}
        self._mark_params()
        self.kept = self._reachable({*exported, *self._wanted})
        self._merge_shapes()
        self._tag()
        self._merged = self._merge_cycles()
        self.names = self._name()

    def definition(self, key: Key) -> Struct | Alias:
        return self.facts.structs.get(key) or self.facts.aliases[key]

    def references(self, key: Key) -> set[Key]:
        """Return what a definition names."""
        found = self.definition(key)
        nodes = [field.type for field in found.fields] if isinstance(found, Struct) else [found.type]
        base = {found.base} if isinstance(found, Struct) and found.base else set()
        return {self.same.get(each, each) for each in {key for node in nodes for key in refs(node)} | base}

    def home(self, key: Key) -> str:
        """Return the module that a definition is written to; modules that need each other are one."""
        kind = "params" if self.is_param(key) else "constants" if self._is_constant(key) else "structs"
        home = self._moved.get(key) or home_of(key, kind)
        return self._merged.get(home, home)

    def _is_constant(self, key: Key) -> bool:
        """Return whether a definition is an alias that leads to no class."""
        return key in self.facts.aliases and all(map(self._is_constant, self.references(key)))

    def _merge_cycles(self) -> dict[str, str]:
        """Return, for each module in a circle of imports, the one that takes the circle's contents."""
        needs = self._needs(self.home)
        reached = {home: reach(home, needs) for home in needs}
        circles = {home: {other for other in reached[home] if home in reached[other]} | {home} for home in needs}
        return {
            home: min(circle, key=lambda each: (each.count("."), each))
            for home, circle in circles.items()
            if len(circle) > 1
        }

    def _needs(self, home: Callable[[Key], str]) -> dict[str, set[str]]:
        """Return for each module those that its definitions name."""
        needs: dict[str, set[str]] = defaultdict(set)
        for key in self.kept:
            needs[home(key)] |= {home(each) for each in self.references(key)}
        return needs

    def is_param(self, key: Key) -> bool:
        return self.definition(key).param

    def _mark_params(self) -> None:
        """Aliases of what is a TypedDict, a file, or any iterable belong to requests."""
        changed = True
        while changed:
            changed = False
            for alias in self.facts.aliases.values():
                if not alias.param and (_is_request(alias.type) or any(map(self.is_param, refs(alias.type)))):
                    alias.param = changed = True

    def _reachable(self, start: set[Key]) -> set[Key]:
        seen: set[Key] = set()
        todo = list(start)
        while todo:
            key = todo.pop()
            if key not in seen:
                seen.add(key)
                todo += self.references(key)
        return seen

    def _merge_shapes(self) -> None:
        """Write what has the same shape once, and have everything name what is written."""
        shapes = Shapes(self.facts, self.kept)
        merger = Merger(
            shapes,
            self.home,
            self._needs(self.home),
            lambda key: (key[1].endswith("Params"), key not in self.exported, "List" in key[1], len(key[1]), key),
        )
        self.same = merger.same
        for key in self.kept:
            definition = self.definition(key)
            if isinstance(definition, Struct):
                for field in definition.fields:
                    field.type = substitute(field.type, self.same)
                definition.base = definition.base and self.same.get(definition.base, definition.base)
            else:
                definition.type = substitute(definition.type, self.same)
        self.kept = self._reachable({self.same.get(key, key) for key in self.kept & {*self.exported, *self._wanted}})
        self._moved = merger.moved
        for key in list(merger.moved):
            self._move_aliases(key)
        self._name_unions(shapes)

    def _name_unions(self, shapes: Shapes) -> None:
        homes: dict[str, list[Key]] = defaultdict(list)
        for key in sorted(self.kept):
            homes[self.home(key)].append(key)
        namer = UnionNamer(self.facts, shapes)
        for home, keys in homes.items():
            for new in namer.name(keys, camel):
                self.kept.add(new)
                if home != self.home(new):
                    self._moved[new] = home

    def _move_aliases(self, key: Key) -> None:
        """Move the aliases that a moved definition names along with it; its classes are moved already."""
        for each in self.references(key) & self.facts.aliases.keys():
            if each not in self._moved and self.home(each) in COMMON[self._moved[key]]:
                self._moved[each] = self._moved[key]
                self._move_aliases(each)

    def _tag(self) -> None:
        """Give classes the tag by which unions tell them apart; a union where that fails is tried in turn."""
        unions = [node for key in sorted(self.kept) for node in self._unions(key) if not self.is_param(key)]
        votes: dict[Key, Counter[str]] = defaultdict(Counter)
        for union in unions:
            field = self.told_by(union)
            for key in self.members(union) if field else ():
                votes[key][str(field)] += 1
        for key, counter in votes.items():
            field = counter.most_common(1)[0][0]
            first, *more = self._constants(key, field)
            struct = self.facts.structs[key]
            struct.tag, struct.more_tags = (field, first), tuple(more)
        for key in sorted(votes):
            struct = self.facts.structs[key]
            if struct.base is not None and (base := self.facts.structs[struct.base]).tag is None:
                base.tag = struct.tag  # a field of the base cannot become the tag of a class that extends it

    def _unions(self, key: Key) -> list[OneOf]:
        definition = self.definition(key)
        nodes: list[Type] = [f.type for f in definition.fields] if isinstance(definition, Struct) else [definition.type]
        found: list[OneOf] = []
        while nodes:
            node = nodes.pop()
            match node:
                case OneOf(variants, _):
                    found.append(node)
                    nodes += variants
                case Seq(_, item):
                    nodes.append(item)
                case Map(value):
                    nodes.append(value)
        return found

    def flat(self, node: Type) -> list[Type]:
        """Return the variants of a union, those of the unions within it included."""
        if isinstance(node, Ref):
            definition = self.definition(self.same.get(node.key, node.key))
            return self.flat(definition.type) if isinstance(definition, Alias) else [Ref(definition.key)]
        if isinstance(node, OneOf):
            return list(dict.fromkeys(each for variant in node.variants for each in self.flat(variant)))
        return [node]

    def members(self, union: Type) -> list[Key]:
        """Return the structs among a union's variants."""
        return [each.key for each in self.flat(union) if isinstance(each, Ref)]

    def told_by(self, union: OneOf) -> str | None:
        """Return the field that has a text of its own in each struct of a union, required and constant."""
        members = self.members(union)
        if len(members) < 2:
            return None
        common = [field.name for field in self.facts.structs[members[0]].fields]
        for field in ([union.discriminator] if union.discriminator else []) + common:
            constants = [value for key in members for value in self._constants(key, field) or (None,)]
            if None not in constants and len(set(constants)) == len(constants):
                return field
        return None

    def is_tagged(self, union: Type) -> bool:
        """Return whether the structs of a union all have tags, in one field, and different ones."""
        tags = [self.facts.structs[key].tag for key in self.members(union)]
        return None not in tags and len({tag[0] for tag in tags if tag}) == 1 and len(set(tags)) == len(tags)

    def _constants(self, key: Key, field: str) -> tuple[str, ...]:
        for each in self.facts.structs[key].fields:
            if each.name == field and each.name == each.wire and each.required:
                node = self.flat(each.type)[0] if isinstance(each.type, Ref) else each.type
                if isinstance(node, Lit) and all(isinstance(value, str) for value in node.values):
                    return tuple(map(str, node.values))
        return ()

    def _name(self) -> dict[Key, str]:
        names: dict[Key, str] = {}
        for keys in self._neighbours():
            count = Counter(key[1] for key in keys)
            for key in keys:
                names[key] = key[1] if count[key[1]] == 1 or key in self.exported else _long_name(key)
            twice = _duplicates(names[key] for key in keys)
            for key in keys:
                if names[key] in twice and key not in self.exported:
                    names[key] = _long_name(key)
            twice = _duplicates(names[key] for key in keys)
            for key in keys:
                # Two packages that share a module export the same name: the deeper one keeps it as an alias.
                if names[key] in twice and key[0].count(".") > ROOT.count(".") + 2:
                    names[key] = camel(key[0].split(".")[-2]) + names[key]
            twice = _duplicates(names[key] for key in keys)
            if twice:
                raise ValueError(f"{sorted({area_of(key) for key in keys})}: {sorted(twice)} would be written twice")
        return names

    def _neighbours(self) -> list[list[Key]]:
        """Return the definitions by groups within which a name must be the only one of its kind."""
        group = {area_of(key): {area_of(key)} for key in self.kept}
        for key in self.kept:
            one, other = group[area_of(key)], group.setdefault(self.home(key).rpartition(".")[0], set())
            if one is not other:
                one |= other | {self.home(key).rpartition(".")[0]}
                for area in one:
                    group[area] = one
        groups = {id(areas): sorted(areas) for areas in group.values()}
        return [sorted(key for key in self.kept if area_of(key) in areas) for areas in groups.values()]


def _duplicates(names: Iterable[str]) -> set[str]:
    return {name for name, times in Counter(names).items() if times > 1}


def _long_name(key: Key) -> str:
    """Return a nested class's name with that of its module's main class before it, unless it begins so already."""
    main = camel(key[0].rpartition(".")[2])
    return key[1] if key[1].startswith(main) else main + key[1]


def _is_request(node: Type) -> bool:
    match node:
        case Prim("File"):
            return True
        case Seq(outer, item):
            return outer != "list" or _is_request(item)
        case Map(value):
            return _is_request(value)
        case OneOf(variants, _):
            return any(map(_is_request, variants))
    return False
