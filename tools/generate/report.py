"""The report of an update, for a person: what came, changed and went, and what is left to do by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.generate.ir import ANY, NONE, Facts, Key, Lit, Map, OneOf, Prim, Ref, Seq, Struct, Type
from tools.generate.layout import joined
from tools.generate.modules import ModuleFacts

PUBLIC = ("auth", "helpers", "lib", "pagination", "providers")
"""The SDK's modules that people write against, besides types and resources, which are generated."""

CORE = ("_base_client", "_client", "_exceptions", "_models", "_qs", "_response", "_streaming", "_legacy_response")
"""Private modules whose behaviour our own code follows."""


FOLLOWING = ("oai.helpers.", "oai.lib.", "oai.auth.", "oai.providers.", "oai._realtime.", "oai._client.")
"""Our own code that does what modules of the SDK do; the others are generated, or only names."""


@dataclass
class Report:
    """What an update did, a line for each fact."""

    pinned: str
    version: str
    operations: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    surface: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the report as Markdown."""
        if self.pinned == self.version:
            title = f"# The official SDK {self.version}, again"
        else:
            title = f"# From the official SDK {self.pinned} to {self.version}"
        sections = [
            ("Operations and parameters", self.operations),
            ("Types, fields and values", self.types),
            ("Names, arguments, variables, headers and rules", self.surface),
            ("Kept as it was", self.kept),
            ("Code of the SDK that changed, to compare with ours", self.modules),
            ("Left to do by hand", self.left),
        ]
        parts = [f"## {heading}\n\n{_bullets(lines)}" for heading, lines in sections]
        return "\n\n".join([title, *parts]) + "\n"

    def summary(self) -> str:
        """Return the counts for the changelog, after the version."""
        counts = Counter(line.partition(":")[0] for line in self.operations + self.types)
        words = [f"{counts[kind]} {kind}" for kind in ("new", "changed", "gone") if counts[kind]]
        return f" (operations, parameters, types, fields and values: {', '.join(words)})." if words else "."


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "Nothing."


def of_types(old: Facts, new: Facts) -> list[str]:
    """Return what changed in the SDK's types."""
    lines = []
    for key in sorted({*old.structs, *new.structs}):
        name = _name(key)
        if key not in old.structs:
            lines.append(f"new: `{name}`" + _fields(new.structs[key]))
        elif key not in new.structs:
            lines.append(f"gone: `{name}`")
        else:
            lines += _struct(name, old.structs[key], new.structs[key])
    for key in sorted({*old.aliases, *new.aliases}):
        types = [side.aliases[key].type if key in side.aliases else None for side in (old, new)]
        lines += _changed(_name(key), *types)
    return lines


def _fields(struct: Struct) -> str:
    return ": " + ", ".join(f"`{each.name}`" for each in struct.fields) if struct.fields else ""


def _struct(name: str, old: Struct, new: Struct) -> Iterator[str]:
    sides = [{each.name: each for each in side.fields} for side in (old, new)]
    for field_name in dict.fromkeys([*sides[0], *sides[1]]):
        a, b = (side.get(field_name) for side in sides)
        yield from _changed(f"{name}.{field_name}", a.type if a else None, b.type if b else None)
        if a and b and a.required != b.required:
            yield f"changed: `{name}.{field_name}` is {'required' if b.required else 'optional'}"


def _changed(name: str, old: Type | None, new: Type | None) -> Iterator[str]:
    if old == new:
        return
    if old is None or new is None:
        yield f"gone: `{name}`" if new is None else f"new: `{name}`: {_type(new)}"
        return
    before, after = _values(old), _values(new)
    added, gone = [each for each in after if each not in before], [each for each in before if each not in after]
    if added and before:
        yield f"new: values of `{name}`: {', '.join(added)}"
    if gone and after:
        yield f"gone: values of `{name}`: {', '.join(gone)}"
    if _without_values(old) != _without_values(new):
        yield f"changed: `{name}`: {_type(old)} -> {_type(new)}"


def _values(node: Type) -> list[str]:
    match node:
        case Lit(values):
            return [f"`{value!r}`" for value in values]
        case Ref(key):
            return [f"`{key[1]}`"]
        case Seq(_, item):
            return _values(item)
        case Map(value):
            return _values(value)
        case OneOf(variants, _):
            return [each for variant in variants for each in _values(variant)]
    return []


def _without_values(node: Type) -> object:
    match node:
        case Lit() | Ref():
            return "constants"
        case Seq(outer, item):
            return outer, _without_values(item)
        case Map(value):
            return "map", _without_values(value)
        case OneOf(variants, _):
            return frozenset(_without_values(each) for each in variants)
    return node


def _type(node: Type) -> str:
    return f"`{_text(node)}`"


def _text(node: Type) -> str:
    match node:
        case Prim(name):
            return name
        case Lit(values):
            return f"Literal[{', '.join(map(repr, values))}]"
        case Ref(key):
            return key[1]
        case Seq(outer, item):
            return f"{outer}[{_text(item)}]"
        case Map(value):
            return "dict" if value == ANY else f"dict[str, {_text(value)}]"
        case OneOf(variants, _):
            return " | ".join(_text(each) for each in sorted(variants, key=lambda each: each == NONE))


def _name(key: Key) -> str:
    return f"{key[0].removeprefix('openai.types.')}.{key[1]}"


def of_modules(old: Mapping[str, ModuleFacts], new: Mapping[str, ModuleFacts], oai: Path) -> list[str]:
    """Return which modules of the SDK changed that our own code follows, and where that code is."""
    homes = _homes(oai)
    lines = []
    for name in sorted({*old, *new}):
        path = name.removeprefix("openai.")
        if path.split(".")[0] not in PUBLIC and path not in CORE:
            continue
        before, after = old.get(name), new.get(name)
        if before and after and before.digest == after.digest:
            continue
        here = f" (here: {', '.join(homes[path])})" if homes.get(path) else ""
        if before is None or after is None:
            lines.append(f"{'new' if before is None else 'gone'}: module `{path}`{here}")
        else:
            lines.append(f"changed: the code of `{path}`{here}")
        lines += _signatures(path, before.signatures if before else {}, after.signatures if after else {})
    return lines


def _signatures(path: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        if name not in old:
            yield f"new: `{path}.{name}({new[name]})`"
        elif name not in new:
            yield f"gone: `{path}.{name}`"
        elif old[name] != new[name]:
            yield f"changed: `{path}.{name}({old[name]})` -> `({new[name]})`"


def of_surface(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return what changed of the names that users know: arguments, members, variables, headers, rules."""
    lines = []
    for name in sorted({*old, *new}):
        if name not in old:
            lines.append(f"new: `{name}`: {new[name]}")
        elif name not in new:
            lines.append(f"gone: `{name}`")
        elif old[name] != new[name]:
            lines.append(f"changed: `{name}`: {old[name]} -> {new[name]}")
    return lines


def _homes(oai: Path) -> dict[str, list[str]]:
    """Return the modules here by those of the SDK, as the files of names have them."""
    found: dict[str, list[str]] = {}
    for package in ("_official", "auth", "lib", "providers"):
        path = oai / package / "official.txt"
        for line in joined(path.read_text()) if path.exists() else ():
            module, _, homes = line.partition(":")
            name = module if package == "_official" else f"{package}.{module}".rstrip(".")
            modules = [home.split()[0] for home in homes.split(";") if home.strip()]
            found[name] = [each for each in modules if each.startswith(FOLLOWING)]
    return found


def left_over(output: str, errors: str) -> list[str]:
    """Return the lines of a check that differ, or why there are none."""
    lines = [line for line in output.splitlines() if line.partition(" ")[0] in ("missing", "gone", "changed", "stale")]
    if lines:
        return [f"`python -m tools.generate check`: {line}" for line in lines]
    return [f"`python -m tools.generate check` failed: {(errors.strip() or output.strip()).splitlines()[-1]}"]
