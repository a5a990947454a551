"""Convert an OpenAPI 3 document to a table of rows, and a module of structs for its responses.

An operation that the shipped table already has keeps its call path, its response type and its aliases, and takes the
path and the parameters of the document; `_openapi.names` names the others. What no row can express is left out and
noted at the top of the table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from oai._errors import OpenAIError, TableError
from oai._openapi.document import Described, Document, Param
from oai._openapi.names import ANY_PLACEHOLDER, call_paths, free_name, known_rows, python_name
from oai._openapi.types import Types
from oai._support.plain_data import as_dict
from oai._table.check import RESERVED_NAMES, check_row
from oai._table.load import shipped_table
from oai._table.rows import PLACEHOLDER, Row
from oai._table.write import to_toml

if TYPE_CHECKING:
    from oai._table.table import Table

KEPT_KEYS = ("doc", "response", "stream", "end", "alias", "args", "headers", "auth", "deprecated")
"""Keys that a row of the shipped table keeps when a document describes the same operation."""
JSON = ("application/json", "*/*")


@dataclass
class Imported:
    """The rows and types of a document."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    types: str = ""
    """The source of the module of structs, empty if there are none."""

    notes: list[str] = field(default_factory=list[str])
    """Notes for the reader of the table: its base URL, and the operations left out."""


def import_document(document: Document, module: str | None = None, table: Table | None = None) -> Imported:
    """Convert a document to rows.

    Args:
        document: the document.
        module: the future name of the module of structs; without one, responses are plain data.
        table: the rows that the new ones will be merged over; by default the shipped ones.
    """
    below = shipped_table() if table is None else table
    operations = list(document.operations())
    types = Types(document, module)
    try:
        return _import(document, types, operations, below)
    except RecursionError:
        raise OpenAIError("the document has a schema that is nested too deeply") from None


def _import(document: Document, types: Types, operations: list[Described], below: Table) -> Imported:
    imported = Imported(notes=list(_notes(document)))
    known = known_rows(operations, below)
    for index, name in enumerate(call_paths(operations, below, _own_names(below), below.aliases)):
        operation = operations[index]
        builder = _Builder(document, types, operation, below[name] if index in known else None)
        if problem := builder.problem():
            imported.notes.append(f"left out: {operation.method} {operation.path}, {problem}")
            continue
        row = builder.row(name)
        if index in known:
            undocumented = below[name].body != "query" and not operation.bodies
            row = _over(below[name], {**row, "params": None} if undocumented else row)
        try:
            check_row("the document", name, row)
        except TableError as error:
            imported.notes.append(f"left out: {operation.method} {operation.path}, {error}")
        else:
            imported.rows[name] = row
    imported.notes = [_one_line(note) for note in imported.notes]
    imported.types = types.source(str(as_dict(document.data.get("info")).get("title", "")))
    return imported


def import_openapi(source: str | os.PathLike[str], output: str | os.PathLike[str]) -> list[str]:
    """Write a table of rows and, if the responses need one, a module of structs next to it.

    Args:
        source: the path or the `http` or `https` URL of an OpenAPI 3 document in JSON.
        output: the TOML file to write. The module is named after it: `vllm.toml` has its types in `vllm_types.py`.

    Returns:
        A summary for the user, line by line.

    Raises:
        OpenAIError: the source is not such a document, or an output file already exists.
        OSError: a file cannot be read or written.
    """
    target = os.fspath(output)
    stem = os.path.basename(target).rpartition(".")[0] or os.path.basename(target)
    module = f"{python_name(stem)}_types"
    types_file = os.path.join(os.path.dirname(target), f"{module}.py")
    for path in (target, types_file):
        if os.path.exists(path):
            raise OpenAIError(f"{path} already exists; move it, or choose another path for the table")
    document = Document.parse(_read(os.fspath(source)))
    imported = import_document(document, module)
    if not imported.rows:
        raise OpenAIError(f"{os.fspath(source)} describes no operation that a row can express")
    notes = imported.notes
    if imported.types:
        notes = [f"{module}.py has the types of the responses: keep it on Python's path", *notes]
        _write(types_file, imported.types)
    comment = "".join(f"# {line}\n" for line in ["Written by `oai import`; edit it freely.", *notes])
    _write(target, f"{comment}\n{to_toml(imported.rows)}")
    return [f"{target} has {len(imported.rows)} operations", *notes]


def _read(source: str) -> bytes:
    if not source.startswith(("http://", "https://")):
        with open(source, "rb") as file:
            return file.read()
    from oai._http.messages import Request, TransportError  # only needed for a URL
    from oai.transports.http import HTTPTransport

    transport = HTTPTransport()
    try:
        reply = transport.send(Request("GET", source, [("Accept", "application/json")]))
        content = reply.read()
    except TransportError as error:
        raise OpenAIError(f"{source} cannot be read: {error}") from error
    finally:
        transport.close()
    if reply.status != 200:
        raise OpenAIError(f"{source} cannot be read: the server responded with {reply.status}")
    return content


def _one_line(text: str) -> str:
    """Return a note as one printable line: text of the document must not end the comment that quotes it."""
    return "".join(char if char.isprintable() else " " for char in text)


def _write(path: str, text: str) -> None:
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _own_names(table: Table) -> set[str]:
    """Return the client's own attributes, without those of the table."""
    from oai._client.sync_client import OpenAI  # the rest of this module needs no client

    return set(dir(OpenAI)) - {name.partition(".")[0] for name in table} - set(table.aliases)


def _notes(document: Document) -> Iterator[str]:
    if document.server.startswith(("http://", "https://")):
        yield f"base_url: {document.server}"
    else:
        yield "base_url: the root of the server, as the paths below are complete"
    schemes = as_dict(as_dict(document.data.get("components")).get("securitySchemes"))
    for scheme in map(document.resolve, schemes.values()):
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            yield f"pass the key in its own header: default_headers={{{scheme.get('name')!r}: ...}}"


class _Builder:
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


FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
"""Form encodings; both are sent as `multipart/form-data`, since servers that parse one parse the other."""


def _is_json(kind: str) -> bool:
    return kind in JSON or kind.endswith("+json")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.replace(".", "_").split("_"))


def _over(shipped: Row, row: dict[str, Any]) -> dict[str, Any]:
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
    known = (shipped.params or {}).get(name)
    return kind if known is None else known.removesuffix("?") + ("?" if kind.endswith("?") else "")


__all__ = ["Imported", "import_document", "import_openapi"]
