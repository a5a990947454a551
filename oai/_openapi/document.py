"""An OpenAPI 3 document, read: its operations with their parameters, bodies and answers, references followed.

A document is other people's JSON, so whatever is not what the format says counts as absent. This module knows the
format and nothing of the table: `_openapi.rows` makes rows of what it reads, and the repository's drift check
compares rows with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from oai._errors import OpenAIError
from oai._support.plain_data import as_dict, as_list

METHODS = ("get", "post", "put", "patch", "delete", "head")
"""The methods that a row can have."""

BINARY_FORMATS = ("binary", "byte")

VARIANTS = ("oneOf", "anyOf", "allOf")

DEEPEST = 30
"""References within references before a document is taken to turn in a circle."""

Schema = dict[str, Any]


@dataclass
class Param:
    """A parameter of the path, the query or a header."""

    name: str
    place: str
    required: bool
    schema: Schema


@dataclass
class Described:
    """One operation as a document describes it."""

    method: str
    path: str
    id: str
    summary: str
    deprecated: bool
    params: list[Param] = field(default_factory=list[Param])
    bodies: dict[str, Schema] = field(default_factory=dict[str, Schema])
    """Schemas of the body by content type."""

    answers: dict[str, Schema] = field(default_factory=dict[str, Schema])
    """Schemas of the successful answers by content type; nothing where an answer has no body."""

    security: list[str] | None = None
    """The names of the schemes that this operation wants; `None` where it says nothing."""


class Document:
    """A parsed document.

    Raises:
        OpenAIError: it is not OpenAPI 3.
    """

    def __init__(self, data: object) -> None:
        self.data = as_dict(data)
        version = str(self.data.get("openapi", ""))
        if not version.startswith("3."):
            was = f"says `openapi` is {version!r}" if version else "has no `openapi`"
            older = " (a Swagger 2 document has to be converted first)" if "swagger" in self.data else ""
            raise OpenAIError(f"the document {was}; it must be OpenAPI 3, with `openapi` such as '3.1.0'{older}")

    @classmethod
    def parse(cls, text: str | bytes) -> Document:
        """Read a document from JSON text."""
        try:
            return cls(json.loads(text))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise OpenAIError(f"the document is not JSON ({error}); one in YAML has to be converted first") from None

    @property
    def server(self) -> str:
        """The URL that paths are relative to, its variables at their defaults; empty where the document names none."""
        first = as_dict(next(iter(as_list(self.data.get("servers"))), None))
        variables = as_dict(first.get("variables"))
        defaults = {name: as_dict(each).get("default") for name, each in variables.items()}
        return re.sub(r"\{([^{}]*)\}", lambda each: str(defaults.get(each[1]) or each[0]), str(first.get("url", "")))

    def resolve(self, node: object) -> Schema:
        """Follow references from a node until it is none; a broken one leads to an empty node."""
        found = as_dict(node)
        for _ in range(DEEPEST):
            if "$ref" not in found:
                return found
            found = as_dict(self._at(str(found["$ref"])))
        return {}

    def _at(self, reference: str) -> object:
        found: object = self.data if reference.startswith("#") else {}
        for part in reference.partition("#/")[2].split("/"):
            found = as_dict(found).get(part.replace("~1", "/").replace("~0", "~"), {})
        return found

    def operations(self) -> Iterator[Described]:
        """Yield every operation, in the order of the document."""
        for path, node in as_dict(self.data.get("paths")).items():
            item = self.resolve(node)
            for method in METHODS:
                if method in item:
                    yield self._operation(path, method, as_dict(item[method]), as_list(item.get("parameters")))

    def _operation(self, path: str, method: str, node: Schema, shared: list[Any]) -> Described:
        found: dict[tuple[str, str], Param] = {}
        for each in map(self.resolve, [*shared, *as_list(node.get("parameters"))]):
            name, place = str(each.get("name", "")), str(each.get("in", ""))
            if name and place in ("path", "query", "header"):
                required = bool(each.get("required")) or place == "path"
                found[place, name] = Param(name, place, required, self._param_schema(each))
        security = node.get("security", self.data.get("security"))
        return Described(
            method.upper(),
            path,
            str(node.get("operationId", "")),
            str(node.get("summary") or ""),
            bool(node.get("deprecated")),
            list(found.values()),
            self._contents(self.resolve(node.get("requestBody"))),
            self._answers(as_dict(node.get("responses"))),
            None if security is None else [name for each in as_list(security) for name in as_dict(each)],
        )

    def _param_schema(self, param: Schema) -> Schema:
        return next(iter(self._contents(param).values()), as_dict(param.get("schema")))

    def _contents(self, node: Schema) -> dict[str, Schema]:
        contents = as_dict(node.get("content"))
        return {
            kind.partition(";")[0].strip().lower(): as_dict(as_dict(each).get("schema"))
            for kind, each in contents.items()
        }

    def _answers(self, responses: Schema) -> dict[str, Schema]:
        """Return the contents of the answers with a status of 200 to 299, of the default where there are none."""
        good = [each for status, each in responses.items() if status.startswith("2")]
        if not good and "default" in responses:
            good = [responses["default"]]
        found: dict[str, Schema] = {}
        for each in good:
            for kind, schema in self._contents(self.resolve(each)).items():
                found.setdefault(kind, schema)
        return found

    def properties(self, schema: Mapping[str, Any]) -> tuple[dict[str, Schema], set[str]]:
        """Return the properties of an object, those of its parts and variants included, and which it requires.

        What only some variants have or require is not required.
        """
        return self._properties(schema, frozenset())

    def _properties(self, schema: Mapping[str, Any], within: frozenset[str]) -> tuple[dict[str, Schema], set[str]]:
        """Do it below some references. One that leads back, as from a variant to its base, adds nothing."""
        reference = str(schema.get("$ref", ""))
        if reference in within or len(within) > DEEPEST:
            return {}, set()
        within |= {reference} if reference else set()
        node = self.resolve(schema)
        found = {name: as_dict(each) for name, each in as_dict(node.get("properties")).items()}
        required = {str(name) for name in as_list(node.get("required"))}
        for each in as_list(node.get("allOf")):
            more, wanted = self._properties(as_dict(each), within)
            found, required = {**more, **found}, required | wanted
        for key in ("oneOf", "anyOf"):
            variants = [self._properties(as_dict(each), within) for each in as_list(node.get(key))]
            for more, _ in variants:
                found = {**more, **found}
            required |= set[str].intersection(*(wanted for _, wanted in variants)) if variants else set()
        return found, required & set(found)

    def is_file(self, schema: Schema) -> bool:
        """Tell whether a property of a form is an upload, or a list of uploads."""
        nodes = self._within(schema, "items", *VARIANTS)
        return any(node.get("format") in BINARY_FORMATS or "contentMediaType" in node for node in nodes)

    def is_list(self, schema: Schema) -> bool:
        """Tell whether a schema admits a list."""
        return any(
            "array" in (node.get("type"), *as_list(node.get("type"))) for node in self._within(schema, *VARIANTS)
        )

    def _within(self, schema: Schema, *keys: str) -> Iterator[Schema]:
        """Yield a schema and those that stand in it under some keys, references followed, each but once."""
        seen: set[str] = set()
        waiting = [schema]
        while waiting:
            each = waiting.pop()
            reference = str(each.get("$ref", ""))
            if reference and reference in seen:
                continue
            seen.add(reference)
            node = self.resolve(each)
            yield node
            for key in keys:
                inner = node.get(key)
                waiting += map(as_dict, as_list(inner) or [inner] if inner else [])
