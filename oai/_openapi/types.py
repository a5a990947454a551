"""Convert schemas to type expressions, and to a module of structs for responses.

Schemas of requests become plain types, since callers pass dicts. Schemas of responses become structs based on
`oai.Object`, one for each object schema, so that a response with more or fewer fields is decoded too. A union whose
variants msgspec cannot tell apart becomes `Any`: plain data. This module knows schemas and types, not operations.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oai._json.objects import Object
from oai._openapi.names import free_name
from oai._support.plain_data import as_dict, as_list
from oai._table.check import is_public

if TYPE_CHECKING:
    from oai._openapi.document import Document, Schema

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
BUILTIN = ("bool", "dict", "float", "int", "list", "str")
IMPORTED = ("Any", "ClassVar", "Literal", "builtins", "msgspec", "oai", "None", "True", "False")

UNFIT = re.compile(r"[\\\"\x00-\x1f]")
"""Characters that msgspec does not allow in the name of a field."""

MAX_LENGTH = 4000
"""Characters of a nested type expression; a longer one becomes `Any`, as nesting can double the length each time."""

QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
WORDS = re.compile(rf"{QUOTED}|\b(?:{'|'.join(BUILTIN)})\b")


@dataclass
class Struct:
    """A class to write: its fields by wire name, and its tag if a union needs one."""

    name: str
    fields: dict[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])
    constants: dict[str, str] = field(default_factory=dict[str, str])
    tag: tuple[str, str] | None = None


class Types:
    """The types of a document's schemas, and the structs that they use.

    Args:
        document: resolves references.
        module: the future name of the module of structs; without one, objects are plain dicts.
    """

    def __init__(self, document: Document, module: str | None) -> None:
        self._document = document
        self._module = module
        self._structs: dict[str, Struct] = {}
        self._names: dict[str, str] = {}
        """The names of the structs by reference."""

        self._variants_of: dict[tuple[str, bool], list[str]] = {}
        """The variants by reference, and whether objects are plain dicts."""

        self._active: list[str] = []
        self._queue: list[tuple[Struct, dict[str, Schema], set[str]]] = []
        """Structs whose fields are not converted yet; a queue, as a document may be nested deeper than Python calls."""

    def request(self, schema: Schema) -> str:
        """Return the type expression of a schema in a request."""
        return _join(self._variants(schema, None))

    def response(self, schema: Schema, hint: str) -> str:
        """Return the type expression of a response; `hint` names an object without a name."""
        variants = self._variants(schema, hint if self._module else None)
        while self._queue:
            self._fill(*self._queue.pop())
        expression = _join(self._union(variants))
        names = set(self._structs)
        return re.sub(rf"{QUOTED}|\b\w+\b", lambda m: f"{self._module}.{m[0]}" if m[0] in names else m[0], expression)

    def _variants(self, schema: Schema, hint: str | None) -> list[str]:
        """Return the variants of a type; objects become structs only if there is a hint."""
        reference = str(schema.get("$ref", ""))
        node = self._document.resolve(schema)
        if not reference:
            return self._of_node(node, hint)
        if reference in self._active:  # a schema that contains itself
            return ["Any"]
        if (reference, hint is None) in self._variants_of:  # else references to references take exponential time
            return self._variants_of[reference, hint is None]
        if hint is not None and _is_struct(node):
            return [self._struct_of(node, reference.rpartition("/")[2], reference)]
        self._active.append(reference)
        variants = self._of_node(node, None if hint is None else reference.rpartition("/")[2])
        self._active.pop()
        self._variants_of[reference, hint is None] = variants
        return variants

    def _of_node(self, node: Schema, hint: str | None) -> list[str]:
        none = ["None"] if node.get("nullable") is True else []
        parts = as_list(node.get("allOf"))
        if len(parts) == 1 and "properties" not in node:
            return self._variants(as_dict(parts[0]), hint) + none
        for key in ("anyOf", "oneOf"):
            if key in node and "properties" not in node:
                inner = [
                    self._variants(as_dict(variant), None if hint is None else f"{hint}{number or ''}")
                    for number, variant in enumerate(as_list(node[key]))
                ]
                # Each once, as variants of references to references would double at each level.
                return self._add_tags(node, list(dict.fromkeys(name for names in inner for name in names))) + none
        if "const" in node or "enum" in node:
            return _literal(as_list(node.get("enum", [node.get("const")]))) + none
        kinds: list[Any] = as_list(node.get("type")) or [node.get("type")]
        return [name for kind in kinds for name in self._of_kind(node, kind, hint)] + none

    def _of_kind(self, node: Schema, kind: object, hint: str | None) -> list[str]:
        if kind == "array":
            items = as_dict(node.get("items"))
            return [f"list[{self._inner(items, None if hint is None else f'{hint}Item')}]"]
        if _is_struct(node) and kind in ("object", None):
            return ["dict[str, Any]"] if hint is None else [self._struct_of(node, hint, None)]
        if kind == "object":
            values = as_dict(node.get("additionalProperties"))
            return [
                f"dict[str, {self._inner(values, None if hint is None else f'{hint}Value')}]"
                if values
                else "dict[str, Any]"
            ]
        return [PLAIN.get(str(kind), "Any")]

    def _inner(self, schema: Schema, hint: str | None) -> str:
        variants = self._variants(schema, hint)
        expression = _join(variants if hint is None else self._union(variants))
        return expression if len(expression) <= MAX_LENGTH else "Any"

    def _struct_of(self, node: Schema, title: str, reference: str | None) -> str:
        """Return the name of an object's struct, creating it if necessary."""
        if reference is not None and reference in self._names:
            return self._names[reference]
        name = re.sub(r"\W+", "_", title, flags=re.ASCII).strip("_") or "Object"
        name = f"{name[0].upper()}{name[1:]}" if name[0].isalpha() else f"T{name}"
        name, base, count = free_name(name, IMPORTED), name, 2
        while name in self._structs:
            name, count = f"{base}{count}", count + 1
        struct = self._structs[name] = Struct(name)
        if reference is not None:
            self._names[reference] = name
        properties, required = self._document.properties(node)
        for wire, schema in properties.items():
            choices = as_list((resolved := self._document.resolve(schema)).get("enum", [resolved.get("const")]))
            if len(choices) == 1 and isinstance(choices[0], str):
                struct.constants[wire] = choices[0]
        self._queue.append((struct, properties, required))
        return name

    def _fill(self, struct: Struct, properties: dict[str, Schema], required: set[str]) -> None:
        """Add the fields of a struct."""
        for wire, schema in properties.items():
            if UNFIT.search(wire):
                continue  # decoding keeps it as an undeclared field
            camel = "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", wire))
            kind = self._inner(schema, f"{struct.name}{camel}")
            struct.fields[wire] = kind, wire in required

    def _add_tags(self, node: Schema, variants: list[str]) -> list[str]:
        """Set the tags of the structs of a union, from its discriminator or a constant that differs in each."""
        structs = [self._structs[name] for name in dict.fromkeys(variants) if name in self._structs]
        if len(structs) < 2:
            return variants
        discriminator = as_dict(node.get("discriminator"))
        for wire in filter(None, [discriminator.get("propertyName"), *structs[0].constants]):
            mapped = {
                self._names.get(str(reference), ""): value
                for value, reference in as_dict(discriminator.get("mapping")).items()
            }
            tags = [struct.constants.get(wire) or mapped.get(struct.name) for struct in structs]
            free = all(struct.tag in (None, (wire, tag)) for struct, tag in zip(structs, tags, strict=True))
            if free and None not in tags and len(set(tags)) == len(tags):
                for struct, tag in zip(structs, tags, strict=True):
                    struct.tag = str(wire), str(tag)
                return variants
        return variants

    def _union(self, variants: Iterable[str]) -> list[str]:
        """Return the variants, or `Any` if msgspec cannot tell them apart."""
        unique = list(dict.fromkeys(variants))
        structs = [self._structs[name] for name in unique if name in self._structs]
        tags = {struct.tag for struct in structs}
        tagged = None not in tags and len(tags) == len(structs) and len({tag[0] for tag in tags if tag}) == 1
        objects = len([name for name in unique if name.startswith("dict")]) + (1 if structs else 0)
        lists = len([name for name in unique if name.startswith("list")])
        return ["Any"] if (len(structs) > 1 and not tagged) or objects > 1 or lists > 1 else unique

    def source(self, title: str) -> str:
        """Return the source of the module of structs; an empty string if there are none."""
        if not self._structs:
            return ""
        defined: set[str] = set()
        blocks: list[str] = []
        for struct in self._structs.values():
            blocks.append(_class(struct, defined, set(self._structs)))
            defined.add(struct.name)
        body = "\n\n\n".join(blocks)
        imports = [name for name in ("Any", "ClassVar", "Literal") if re.search(rf"\b{name}\b", body)]
        head = [f'"""The responses of {_plain(title)}. Written by `oai import`."""', ""]
        head += ["import builtins"] if "builtins." in body else []
        head += [f"from typing import {', '.join(imports)}"] if imports else []
        head += [*([""] if head[2:] else []), *(["import msgspec"] if "msgspec." in body else []), "import oai"]
        return "\n".join(head) + f"\n\n\n{body}\n"


def _class(struct: Struct, defined: set[str], structs: set[str]) -> str:
    """Return the source of a struct; annotations with classes that are defined later are quoted."""
    options = f", tag_field={struct.tag[0]!r}, tag={struct.tag[1]!r}" if struct.tag else ""
    lines = [f"class {struct.name}(oai.Object{options}):"]
    names = _field_names(struct, structs)
    shadowed = set(BUILTIN) & set(names.values())
    if struct.tag:
        wire, tag = struct.tag
        if is_public(wire) and not hasattr(Object, wire):  # else the class would lose a method, such as `__init__`
            lines.append(f"    {wire}: ClassVar[Literal[{tag!r}]] = {tag!r}")
    for wire, (kind, required) in sorted(struct.fields.items(), key=lambda field: not field[1][1]):
        if struct.tag and wire == struct.tag[0]:
            continue
        annotation = kind if required or kind == "Any" or re.search(r"\bNone\b", kind) else f"{kind} | None"
        annotation = WORDS.sub(lambda m: f"builtins.{m[0]}" if m[0] in shadowed else m[0], annotation)
        later = {word for word in re.findall(r"\w+", re.sub(QUOTED, "", annotation)) if word in structs} - defined
        default = "" if required else " = None"
        if names[wire] != wire:
            default = f" = msgspec.field(name={wire!r}{'' if required else ', default=None'})"
        lines.append(f"    {names[wire]}: {repr(annotation) if later else annotation}{default}")
    return "\n".join(lines if len(lines) > 1 else [*lines, "    pass"])


def _field_names(struct: Struct, structs: set[str]) -> dict[str, str]:
    """Return the Python names of the fields: the wire names where Python and `oai.Object` allow them."""
    names: dict[str, str] = {}
    wires = [wire for wire in struct.fields if struct.tag is None or wire != struct.tag[0]]
    for wire in sorted(wires, key=lambda wire: wire.startswith("_")):  # `x` keeps its name if there is a `_x`
        name = re.sub(r"\W", "_", wire, flags=re.ASCII).lstrip("_") or "x"
        name = f"n{name}" if name[0].isdigit() else name
        taken = {*IMPORTED, *structs, *names.values()}
        while hasattr(Object, name) or name in taken:
            name += "_"
        names[wire] = free_name(name, taken)
    return names


def _is_struct(node: Mapping[str, Any]) -> bool:
    """Return whether a schema is an object with properties, or the combination of several."""
    return bool(as_dict(node.get("properties"))) or len(as_list(node.get("allOf"))) > 1


def _literal(values: list[Any]) -> list[str]:
    """Return constants as a type; msgspec takes only strings, integers and `None` in a `Literal`."""
    none = ["None"] if None in values else []
    constants = [value for value in values if isinstance(value, (str, int))]
    if any(isinstance(value, bool) for value in constants):
        return ["bool", *none]
    if len(constants) + len(none) < len(values):
        return ["Any"]
    return [f"Literal[{', '.join(map(repr, constants))}]", *none] if constants else none or ["Any"]


def _join(variants: Iterable[str]) -> str:
    """Return a union as an expression: each variant once, all literals in one, `None` last."""
    unique = list(dict.fromkeys(variants))
    if "Any" in unique or not unique:
        return "Any"
    literals = [variant for variant in unique if variant.startswith("Literal[")]
    values = [value for literal in literals for value in ast.literal_eval(f"[{literal[len('Literal[') :]}")]
    # `str` includes every string literal, and msgspec rejects a union of both.
    narrow = [repr(value) for value in dict.fromkeys(values) if type(value).__name__ not in unique]
    unique = [variant for variant in unique if variant not in literals]
    unique = [f"Literal[{', '.join(narrow)}]", *unique] if narrow else unique
    return " | ".join(sorted(unique, key=lambda variant: variant == "None"))


def _plain(title: str) -> str:
    printable = "".join(char if char.isprintable() and char not in '\\"' else " " for char in title)
    return " ".join(printable.split()) or "the server"
