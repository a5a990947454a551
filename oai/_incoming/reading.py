"""Read requests as a server does: the parameters in the path, the query and the body, and the uploaded files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from oai._http.messages import Headers, Request
from oai._incoming.forms import form_boundary, form_parts
from oai._incoming.router import match_path
from oai._support.plain_data import as_dict

KEPT = 16 * 1024 * 1024
"""Bytes of a body that are parsed; the rest of a larger upload is read and counted."""


class ParsedRequest(msgspec.Struct):
    """The content of a request, as far as an invented response can use it.

    Attributes:
        fields: path, query and body parameters by name.
        last: the path's last parameter if the response is the object that it names.
        files: name and size in bytes of each upload.
        words: the number of words in the body, which is used as its number of tokens.
    """

    fields: dict[str, Any]
    last: str | None
    files: list[tuple[str, int]]
    words: int


def read_request(request: Request) -> ParsedRequest:
    """Read a request as a server would; an upload is read to its end."""
    parts = urlsplit(request.url)
    path = path_values(request, parts.path)
    body = _Body(request.body)
    boundary = form_boundary(Headers(request.headers).get("content-type", ""))
    files: list[tuple[str, int]] = []
    fields: dict[str, Any] = {}
    if boundary is not None:
        fields, files = read_form(body, boundary)
    for _ in body:
        pass
    if boundary is None and body.kept:
        fields = _read_json(body.kept)
    template = request.operation.row.path if request.operation else ""
    # `/files/{file_id}` returns the file, as does `/batches/{batch_id}/cancel`; `/threads/{thread_id}/runs` does not.
    names_result = path and re.search(r"\}(/\w*[^\Ws])?$", urlsplit(template).path)
    last = list(path.values())[-1] if names_result else None
    query = dict(parse_qsl(parts.query))
    return ParsedRequest({**query, **fields, **path}, last, files, len(re.findall(rb"\w+", body.kept)))


def path_values(request: Request, path: str) -> dict[str, str]:
    """Return the path parameters of a request by name, from the template of its operation."""
    match = match_path(request.operation.row.path, path) if request.operation else None
    return {} if match is None else match.values


class _Body:
    """The pieces of a body, iterable once; the first bytes are kept."""

    def __init__(self, body: bytes | Iterable[bytes] | None) -> None:
        self._pieces: Iterator[bytes] = iter([body] if isinstance(body, bytes) else () if body is None else body)
        self._room = len(body) if isinstance(body, bytes) else KEPT
        self.kept = bytearray()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            first = piece[: self._room]
            self.kept += first
            self._room -= len(first)
            yield piece


def _read_json(body: bytearray) -> dict[str, Any]:
    try:
        return as_dict(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def read_form(body: Iterable[bytes], boundary: bytes) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """Return the fields of a multipart form, and name and size of its files. Its end may be missing."""
    fields: dict[str, Any] = {}
    files: list[tuple[str, int]] = []
    for head, part in form_parts(body, boundary, KEPT, hashed=False):
        if "filename" in head:
            files.append((head["filename"], part.size))
        elif head["name"]:
            fields[head["name"]] = (part.content or b"").decode(errors="replace")
    return fields, files
