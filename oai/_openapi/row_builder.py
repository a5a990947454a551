"""The row of an operation of an OpenAPI document, and its merging with the shipped row of the same operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from oai._openapi.document import Described, Document, Param
from oai._openapi.names import ANY_PLACEHOLDER, free_name, python_name
from oai._table.check import RESERVED_NAMES
from oai._table.rows import PLACEHOLDER, Row

if TYPE_CHECKING:
    from oai._openapi.types import Types

KEPT_KEYS = ("doc", "response", "stream", "end", "alias", "args", "headers", "auth", "deprecated")
"""Keys that a row of the shipped table keeps when a document describes the same operation."""

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
"""Form encodings; both are sent as `multipart/form-data`, since servers that parse one parse the other."""

JSON = ("application/json", "*/*")


class RowBuilder:
    """Builds the row of one operation."""

    def __init__(self, document: Document, types: Types, operation: Described, shipped: Row | None) -> None:
        self._document = document
        self._types = types
        self._operation = operation
        self._shipped = shipped

        self._params: dict[str, str] = {}
        self._rename: dict[str, str] = {}
        self._path = ""
        self._taken = {*RESERVED_NAMES}

    def problem(self) -> str:
        """Return why no row can express the operation, an empty string if one can."""
        bodies = self._operation.bodies
        if set("# \t\r\n") & set(self._operation.path):
            return "whose path has invalid characters"
        if bodies and not any(_is_json(kind) or kind in FORMS for kind in bodies):
            return f"whose body is {' or '.join(bodies)}"
        return ""

    def row(self, name: str) -> dict[str, Any]:
        """Return the keys of the row."""
        operation = self._operation
        self._fill_path()
        row: dict[str, Any] = {
            "doc": " ".join(operation.summary.split()) or f"{operation.method} {operation.path}",
            "method": operation.method,
            "path": self._path,
            "body": self._style(),
            "response": self._response(name),
        }
        events = operation.responses.get("text/event-stream")
        in_query = [self._add(param) for param in operation.params if param.place == "query"]
        header_params = {
            self._add(param): param.name
            for param in operation.params
            if param.place == "header" and param.name.lower() not in ("authorization", "accept", "content-type")
        }
        files, is_open, streams = self._body(row)
        if self._shipped is None and (events is not None or streams):
            row["stream"] = self._types.response(events or {}, f"{_camel(name)}Event")
            if not streams and set(operation.responses) == {"text/event-stream"}:
                row["stream_only"] = True
        if in_query and row["body"] != "query":
            row["query"] = in_query
        row |= {"files": files} if files else {}
        in_lists = (
            [name for name in in_query if "list[" in self._params[name]] if row["body"] != "multipart" else self._params
        )
        if self._shipped is None and in_lists:
            row["arrays"] = "repeat"
        row |= {"rename": self._rename} if self._rename else {}
        row |= {"header_params": header_params} if header_params else {}
        if operation.security == []:
            row["auth"] = "none"
        if operation.deprecated:
            row["deprecated"] = "marked as deprecated by the server's OpenAPI document"
        if not is_open or self._params:
            row["params"] = self._params
        return row

    def _fill_path(self) -> None:
        """Build the path template, with placeholders that are valid parameter names."""
        pieces = ANY_PLACEHOLDER.split(self._operation.path)
        for piece, placeholder in zip(pieces, [*ANY_PLACEHOLDER.findall(self._operation.path), ""], strict=True):
            self._path += quote(piece, safe="/?&=+,:;@!$'()*%[]~")
            if placeholder:
                name = free_name(python_name(placeholder.strip("{}").partition(":")[0]), self._taken)
                self._taken.add(name)
                self._path += f"{{{name}}}"
        if not self._path.startswith("/"):
            self._path = f"/{self._path}"

    def _style(self) -> str:
        if not self._operation.bodies:
            return "query" if self._operation.method in ("GET", "DELETE", "HEAD") else "json"
        forms = any(kind in FORMS for kind in self._operation.bodies)
        if forms and self._shipped is not None and self._shipped.body == "multipart":
            return "multipart"
        return "json" if any(map(_is_json, self._operation.bodies)) else "multipart"

    def _add(self, param: Param, kind: str = "") -> str:
        """Add a parameter; return its name in the row."""
        name = param.name if param.name.isidentifier() and not param.name.startswith("_") else python_name(param.name)
        name = free_name(name, self._taken)
        self._taken.add(name)
        wire = param.name.removesuffix("[]") if param.place == "query" else param.name
        if name != wire and param.place != "header":
            self._rename[name] = wire
        self._params[name] = (kind or self._types.request(param.schema)) + ("" if param.required else "?")
        return name

    def _body(self, row: dict[str, Any]) -> tuple[list[str], bool, bool]:
        """Add the parameters of the body; return the files, whether any field is accepted, and whether it streams."""
        bodies, style = self._operation.bodies, row["body"]
        schemas = [schema for kind, schema in bodies.items() if (kind in FORMS) == (style == "multipart")]
        schema = schemas[0] if schemas else dict[str, Any]()
        properties, required = self._document.properties(schema)
        files: list[str] = []
        streams = False
        for wire, value in properties.items():
            if wire == "stream" and self._types.request(value).startswith("bool"):
                streams = True
                continue
            upload = style == "multipart" and self._document.is_file(value)
            kind = "" if not upload else "File | list[File]" if self._document.is_list(value) else "File"
            name = self._add(Param(wire, "body", wire in required, value), kind)
            files += [name] if upload else []
        kind = self._types.request(schema)
        if schema and not properties and not kind.startswith(("dict", "Any")):
            row["doc"] += f" Pass the body as extra_body: {kind}."
            return files, False, streams
        return files, bool(bodies) and not properties, streams

    def _response(self, name: str) -> str:
        if self._shipped is not None:
            return self._shipped.response
        responses = {kind: schema for kind, schema in self._operation.responses.items() if kind != "text/event-stream"}
        for kind, schema in responses.items():
            if _is_json(kind):
                return self._types.response(schema, f"{_camel(name)}Response")
        if not responses:
            return "Any" if self._operation.responses else "None"
        return "str" if any(kind.startswith("text/") for kind in responses) else "bytes"


def _is_json(kind: str) -> bool:
    return kind in JSON or kind.endswith("+json")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.replace(".", "_").split("_"))


def merge_rows(shipped: Row, row: dict[str, Any]) -> dict[str, Any]:
    """Return the shipped row of an operation with the path and the parameters of a document."""
    kept = {key: value for key, value in msgspec.to_builtins(shipped).items() if key in KEPT_KEYS}
    placeholders = iter(shipped.path_params)
    path = PLACEHOLDER.sub(lambda _: f"{{{next(placeholders)}}}", row["path"])
    if row.get("params") is None:  # the document does not describe the body
        return {**msgspec.to_builtins(shipped), "path": path}
    params = {name: _kind(shipped, name, kind) for name, kind in row["params"].items()}
    merged = {**{key: row[key] for key in row if key != "params"}, **kept, "path": path}
    names = {*PLACEHOLDER.findall(path), *params}
    if not set(merged.get("args") or ()) <= names:
        merged.pop("args")
    if "alias" in merged:
        merged["alias"] = [
            alias
            for alias, (_, positional) in zip(shipped.alias, shipped.aliases(), strict=True)
            if set(positional) <= names
        ]
    if merged["doc"] == "":
        merged["doc"] = row["doc"]
    return {**merged, "params": params}


def _kind(shipped: Row, name: str, kind: str) -> str:
    """Return the table's type of a parameter, required or optional as in the document."""
    declared = (shipped.params or {}).get(name)
    return kind if declared is None else declared.removesuffix("?") + ("?" if kind.endswith("?") else "")
