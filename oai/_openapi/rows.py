"""Any OpenAPI 3 document to a table of rows, with a module of structs for its answers beside it.

What the document describes and the shipped table has already keeps its call path, its answer's type and its flat
names, and takes the path and the parameters of the document; `_openapi.names` calls the rest. What no row can
say is left out and noted at the top of the table.
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
from oai._table.check import check_row
from oai._table.load import shipped_table
from oai._table.rows import CALL_OPTIONS, PLACEHOLDER, Row
from oai._table.write import to_toml

if TYPE_CHECKING:
    from oai._table.table import Table

TAKEN = ("self", "stream", "params", *CALL_OPTIONS)
"""Names that no parameter of a row may have."""

FROM_THE_TABLE = ("doc", "response", "stream", "end", "alias", "args", "headers", "auth", "deprecated")
"""Keys of a row of the shipped table that count more than what a document says of the same operation."""

JSON = ("application/json", "*/*")


@dataclass
class Imported:
    """What became of a document."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    types: str = ""
    """The source of the module of structs, empty where none is needed."""

    notes: list[str] = field(default_factory=list[str])
    """What a reader should know: where to send requests, and what was left out."""


def import_document(document: Document, module: str | None = None, table: Table | None = None) -> Imported:
    """Make rows of a document.

    Args:
        document: what to read.
        module: the name that the module of the structs will have; without one, answers are plain data.
        table: the rows that those of the document will be laid over; the shipped ones unless given.
    """
    below = shipped_table() if table is None else table
    operations = list(document.operations())
    types = Types(document, module)
    made = Imported(notes=list(_notes(document)))
    known = known_rows(operations, below)
    for number, name in enumerate(call_paths(operations, below, _own_names(below), below.aliases)):
        operation = operations[number]
        builder = _Builder(document, types, operation, below[name] if number in known else None)
        if problem := builder.problem():
            made.notes.append(f"left out: {operation.method} {operation.path}, {problem}")
            continue
        row = builder.row(name)
        if number in known:
            silent = below[name].body != "query" and not operation.bodies
            row = _over(below[name], {**row, "params": None} if silent else row)
        try:
            check_row("the document", name, row)
        except TableError as error:
            made.notes.append(f"left out: {operation.method} {operation.path}, {error}")
        else:
            made.rows[name] = row
    made.notes = [_one_line(note) for note in made.notes]
    made.types = types.source(str(as_dict(document.data.get("info")).get("title", "")))
    return made


def import_openapi(source: str | os.PathLike[str], output: str | os.PathLike[str]) -> list[str]:
    """Write a table of rows, and beside it a module of structs where the answers need one.

    Args:
        source: a file, or an `http` or `https` address, of an OpenAPI 3 document in JSON.
        output: the TOML file to write. The module is called after it: `vllm.toml` has its types in `vllm_types.py`.

    Returns:
        What to tell whoever asked for it, line by line.

    Raises:
        OpenAIError: the source is no such document, or a file to be written is there already.
        OSError: a file cannot be read or written.
    """
    target = os.fspath(output)
    stem = os.path.basename(target).rpartition(".")[0] or os.path.basename(target)
    module = f"{python_name(stem)}_types"
    beside = os.path.join(os.path.dirname(target), f"{module}.py")
    for path in (target, beside):
        if os.path.exists(path):
            raise OpenAIError(f"{path} is there already; move it, or choose another place for the table")
    document = Document.parse(_read(os.fspath(source)))
    made = import_document(document, module)
    if not made.rows:
        raise OpenAIError(f"{os.fspath(source)} describes no operation that a row can be made of")
    notes = made.notes
    if made.types:
        notes = [f"{module}.py has the types of the answers: keep it where Python finds it", *notes]
        _write(beside, made.types)
    comment = "".join(f"# {line}\n" for line in ["Written by `oai import`; edit it freely.", *notes])
    _write(target, f"{comment}\n{to_toml(made.rows)}")
    return [f"{target} has {len(made.rows)} operations", *notes]


def _read(source: str) -> bytes:
    if not source.startswith(("http://", "https://")):
        with open(source, "rb") as file:
            return file.read()
    from oai._http.messages import Request, TransportError  # only where an address is given
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
        raise OpenAIError(f"{source} cannot be read: the server answered {reply.status}")
    return content


def _one_line(text: str) -> str:
    """Return a note as one printable line: what a document says must not end the comment that quotes it."""
    return "".join(char if char.isprintable() else " " for char in text)


def _write(path: str, text: str) -> None:
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _own_names(table: Table) -> set[str]:
    """Return the client's own attributes, those of the table left out."""
    from oai._client.sync_client import OpenAI  # knows its own attributes; the rest of this module needs no client

    return set(dir(OpenAI)) - {name.partition(".")[0] for name in table} - set(table.aliases)


def _notes(document: Document) -> Iterator[str]:
    if document.server.startswith(("http://", "https://")):
        yield f"base_url: {document.server}"
    else:
        yield "base_url: the root of the server, as the paths below are whole"
    schemes = as_dict(as_dict(document.data.get("components")).get("securitySchemes"))
    for scheme in map(document.resolve, schemes.values()):
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            yield f"the key goes in a header of its own: default_headers={{{scheme.get('name')!r}: ...}}"


class _Builder:
    """One described operation on its way to being a row."""

    def __init__(self, document: Document, types: Types, operation: Described, shipped: Row | None) -> None:
        self._document = document
        self._types = types
        self._operation = operation
        self._shipped = shipped

        self._params: dict[str, str] = {}
        self._rename: dict[str, str] = {}
        self._path = ""
        self._taken = {*TAKEN}

    def problem(self) -> str:
        """Return why no row can say this, nothing if one can."""
        bodies = self._operation.bodies
        if set("# \t\r\n") & set(self._operation.path):
            return "whose path has characters that no path has"
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
            "response": self._answer(name),
        }
        events = operation.answers.get("text/event-stream")
        in_query = [self._add(each) for each in operation.params if each.place == "query"]
        header_params = {
            self._add(each): each.name
            for each in operation.params
            if each.place == "header" and each.name.lower() not in ("authorization", "accept", "content-type")
        }
        files, is_open, streams = self._body(row)
        if self._shipped is None and (events is not None or streams):
            row["stream"] = self._types.answer(events or {}, f"{_camel(name)}Event")
            if not streams and set(operation.answers) == {"text/event-stream"}:
                row["stream_only"] = True
        if in_query and row["body"] != "query":
            row["query"] = in_query
        row |= {"files": files} if files else {}
        in_lists = (
            [each for each in in_query if "list[" in self._params[each]] if row["body"] != "multipart" else self._params
        )
        if self._shipped is None and in_lists:
            row["arrays"] = "repeat"
        row |= {"rename": self._rename} if self._rename else {}
        row |= {"header_params": header_params} if header_params else {}
        if operation.security == []:
            row["auth"] = "none"
        if operation.deprecated:
            row["deprecated"] = "the server's own description marks it as deprecated"
        if not is_open or self._params:
            row["params"] = self._params
        return row

    def _fill_path(self) -> None:
        """Put the placeholders into the path under names that parameters can have."""
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
        """Add a parameter; return the name that it got."""
        name = param.name if param.name.isidentifier() and not param.name.startswith("_") else python_name(param.name)
        name = free_name(name, self._taken)
        self._taken.add(name)
        wire = param.name.removesuffix("[]") if param.place == "query" else param.name
        if name != wire and param.place != "header":
            self._rename[name] = wire
        self._params[name] = (kind or self._types.request(param.schema)) + ("" if param.required else "?")
        return name

    def _body(self, row: dict[str, Any]) -> tuple[list[str], bool, bool]:
        """Add the parameters of the body; return the files, whether any field is taken, and whether it streams."""
        bodies, style = self._operation.bodies, row["body"]
        fitting = [each for kind, each in bodies.items() if (kind in FORMS) == (style == "multipart")]
        schema = fitting[0] if fitting else dict[str, Any]()
        properties, required = self._document.properties(schema)
        files: list[str] = []
        streams = False
        for wire, each in properties.items():
            if wire == "stream" and self._types.request(each).startswith("bool"):
                streams = True
                continue
            upload = style == "multipart" and self._document.is_file(each)
            kind = "" if not upload else "File | list[File]" if self._document.is_list(each) else "File"
            name = self._add(Param(wire, "body", wire in required, each), kind)
            files += [name] if upload else []
        kind = self._types.request(schema)
        if schema and not properties and not kind.startswith(("dict", "Any")):
            row["doc"] += f" The body goes in extra_body: {kind}."
            return files, False, streams
        return files, bool(bodies) and not properties, streams

    def _answer(self, name: str) -> str:
        if self._shipped is not None:
            return self._shipped.response
        answers = {kind: each for kind, each in self._operation.answers.items() if kind != "text/event-stream"}
        for kind, schema in answers.items():
            if _is_json(kind):
                return self._types.answer(schema, f"{_camel(name)}Response")
        if not answers:
            return "Any" if self._operation.answers else "None"
        return "str" if any(kind.startswith("text/") for kind in answers) else "bytes"


FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
"""Forms; a server that reads one by its fields' names reads the other."""


def _is_json(kind: str) -> bool:
    return kind in JSON or kind.endswith("+json")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.replace(".", "_").split("_"))


def _over(shipped: Row, row: dict[str, Any]) -> dict[str, Any]:
    """Return the shipped row of an operation with the path and the parameters that a document gives it."""
    kept = {key: value for key, value in msgspec.to_builtins(shipped).items() if key in FROM_THE_TABLE}
    ours = iter(shipped.path_params)
    path = PLACEHOLDER.sub(lambda _: f"{{{next(ours)}}}", row["path"])
    if row.get("params") is None:  # the server reads a body without saying what it takes, or that it does
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
    """Return the type that the table has for a parameter, as required as the document has it."""
    known = (shipped.params or {}).get(name)
    return kind if known is None else known.removesuffix("?") + ("?" if kind.endswith("?") else "")


__all__ = ["Imported", "import_document", "import_openapi"]
