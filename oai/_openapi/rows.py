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

from oai._errors import OpenAIError, TableError
from oai._openapi.document import Described, Document
from oai._openapi.names import call_paths, known_rows, python_name
from oai._openapi.row_builder import RowBuilder, merge_rows
from oai._openapi.types import Types
from oai._support.plain_data import as_dict
from oai._table.check import check_row
from oai._table.load import shipped_table
from oai._table.write import to_toml

if TYPE_CHECKING:
    from oai._table.table import Table


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
        builder = RowBuilder(document, types, operation, below[name] if index in known else None)
        if problem := builder.problem():
            imported.notes.append(f"left out: {operation.method} {operation.path}, {problem}")
            continue
        row = builder.row(name)
        if index in known:
            undocumented = below[name].body != "query" and not operation.bodies
            row = merge_rows(below[name], {**row, "params": None} if undocumented else row)
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
