"""Read an OpenAPI 3 document: its operations with their parameters, bodies and responses, with references resolved.

A document is untrusted JSON, so whatever does not follow the format counts as absent. This module knows the format and
nothing about tables: `_openapi.rows` converts operations to rows, and the repository's drift check compares them with
rows.
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

MAX_REFERENCES = 30
"""Maximum length of a chain of references; a longer one counts as a cycle."""

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
    """One operation of a document."""

    method: str
    path: str
    id: str
    summary: str
    deprecated: bool
    params: list[Param] = field(default_factory=list[Param])
    bodies: dict[str, Schema] = field(default_factory=dict[str, Schema])
    """Schemas of the request body by content type."""
    responses: dict[str, Schema] = field(default_factory=dict[str, Schema])
    """Schemas of the successful responses by content type; empty if they have no body."""

    security: list[str] | None = None
    """The names of the required security schemes; `None` if the document does not say."""


class Document:
    """A parsed document.

    Raises:
        OpenAIError: it is not OpenAPI 3.
    """

    def __init__(self, data: object) -> None:
        self.data = as_dict(data)
        version = str(self.data.get("openapi", ""))
        if not version.startswith("3."):
            problem = f"has the version {version!r} in `openapi`" if version else "has no `openapi`"
            older = " (convert Swagger 2 documents first)" if "swagger" in self.data else ""
            raise OpenAIError(f"the document {problem}; it must be OpenAPI 3, with `openapi` such as '3.1.0'{older}")

    @classmethod
    def parse(cls, text: str | bytes) -> Document:
        """Parse a document from JSON."""
        try:
            return cls(_without_surrogates(json.loads(text)))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise OpenAIError(f"the document is not JSON ({error}); convert a YAML document first") from None

    @property
    def server(self) -> str:
        """The base URL of the paths, with the defaults of its variables; empty if the document has none."""
        first = as_dict(next(iter(as_list(self.data.get("servers"))), None))
        variables = as_dict(first.get("variables"))
        defaults = {name: as_dict(variable).get("default") for name, variable in variables.items()}
        return re.sub(r"\{([^{}]*)\}", lambda m: str(defaults.get(m[1]) or m[0]), str(first.get("url", "")))

    def resolve(self, node: object) -> Schema:
        """Follow references from a node; a broken or circular one leads to an empty node."""
        target = as_dict(node)
        for _ in range(MAX_REFERENCES):
            if "$ref" not in target:
                return target
            target = as_dict(self._at(str(target["$ref"])))
        return {}

    def _at(self, reference: str) -> object:
        """Return the node at a JSON pointer (RFC 6901)."""
        node: object = self.data if reference.startswith("#") else {}
        for part in reference.partition("#/")[2].split("/"):
            node = as_dict(node).get(part.replace("~1", "/").replace("~0", "~"), {})
        return node

    def operations(self) -> Iterator[Described]:
        """Yield every operation, in the order of the document."""
        for path, node in as_dict(self.data.get("paths")).items():
            item = self.resolve(node)
            for method in METHODS:
                if method in item:
                    yield self._operation(path, method, as_dict(item[method]), as_list(item.get("parameters")))

    def _operation(self, path: str, method: str, node: Schema, shared: list[Any]) -> Described:
        params: dict[tuple[str, str], Param] = {}
        for param in map(self.resolve, [*shared, *as_list(node.get("parameters"))]):
            name, place = str(param.get("name", "")), str(param.get("in", ""))
            if name and place in ("path", "query", "header"):
                required = bool(param.get("required")) or place == "path"
                params[place, name] = Param(name, place, required, self._param_schema(param))
        security = node.get("security", self.data.get("security"))
        return Described(
            method.upper(),
            path,
            str(node.get("operationId", "")),
            str(node.get("summary") or ""),
            bool(node.get("deprecated")),
            list(params.values()),
            self._contents(self.resolve(node.get("requestBody"))),
            self._responses(as_dict(node.get("responses"))),
            None if security is None else [name for schemes in as_list(security) for name in as_dict(schemes)],
        )

    def _param_schema(self, param: Schema) -> Schema:
        return next(iter(self._contents(param).values()), as_dict(param.get("schema")))

    def _contents(self, node: Schema) -> dict[str, Schema]:
        contents = as_dict(node.get("content"))
        return {
            kind.partition(";")[0].strip().lower(): as_dict(as_dict(content).get("schema"))
            for kind, content in contents.items()
        }

    def _responses(self, responses: Schema) -> dict[str, Schema]:
        """Return the contents of the responses with a status of 200 to 299, or of `default` if there are none."""
        successful = [response for status, response in responses.items() if status.startswith("2")]
        if not successful and "default" in responses:
            successful = [responses["default"]]
        contents: dict[str, Schema] = {}
        for response in successful:
            for kind, schema in self._contents(self.resolve(response)).items():
                contents.setdefault(kind, schema)
        return contents

    def properties(self, schema: Mapping[str, Any]) -> tuple[dict[str, Schema], set[str]]:
        """Return the properties of an object, including those of its parts and variants, and the required ones.

        A property that only some variants require is not required.
        """
        return self._properties(schema, {})

    def _properties(
        self, schema: Mapping[str, Any], done: dict[str, tuple[dict[str, Schema], set[str]]]
    ) -> tuple[dict[str, Schema], set[str]]:
        """Do it once for each reference; one that leads back, as from a variant to its base, adds nothing."""
        reference = str(schema.get("$ref", ""))
        if not reference:
            return self._own_properties(self.resolve(schema), done)
        if reference not in done:
            done[reference] = {}, set()
            done[reference] = self._own_properties(self.resolve(schema), done)
        return done[reference]

    def _own_properties(
        self, node: Schema, done: dict[str, tuple[dict[str, Schema], set[str]]]
    ) -> tuple[dict[str, Schema], set[str]]:
        properties = {name: as_dict(value) for name, value in as_dict(node.get("properties")).items()}
        required = {str(name) for name in as_list(node.get("required"))}
        for part in as_list(node.get("allOf")):
            inherited, also_required = self._properties(as_dict(part), done)
            properties, required = {**inherited, **properties}, required | also_required
        for key in ("oneOf", "anyOf"):
            variants = [self._properties(as_dict(variant), done) for variant in as_list(node.get(key))]
            for inherited, _ in variants:
                properties = {**inherited, **properties}
            required |= set[str].intersection(*(names for _, names in variants)) if variants else set()
        return properties, required & set(properties)

    def is_file(self, schema: Schema) -> bool:
        """Return whether a field of a form is an upload, or a list of uploads."""
        nodes = self._within(schema, "items", *VARIANTS)
        return any(node.get("format") in BINARY_FORMATS or "contentMediaType" in node for node in nodes)

    def is_list(self, schema: Schema) -> bool:
        """Return whether a schema admits a list."""
        return any(
            "array" in (node.get("type"), *as_list(node.get("type"))) for node in self._within(schema, *VARIANTS)
        )

    def _within(self, schema: Schema, *keys: str) -> Iterator[Schema]:
        """Yield a schema and those nested in it under some keys, each reference once."""
        seen: set[str] = set()
        queue = [schema]
        while queue:
            nested = queue.pop()
            reference = str(nested.get("$ref", ""))
            if reference and reference in seen:
                continue
            seen.add(reference)
            node = self.resolve(nested)
            yield node
            for key in keys:
                inner = node.get(key)
                queue += map(as_dict, as_list(inner) or [inner] if inner else [])


def _without_surrogates(data: Any) -> Any:
    """Return JSON data without lone surrogates, which JSON can escape but no file can be written with."""
    text = json.dumps(data, ensure_ascii=False)
    return data if text.isascii() else json.loads(text.encode("utf-8", "replace"))
