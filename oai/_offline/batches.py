"""Batches that nobody ran: what was uploaded for a batch is kept, and its output has an answer to each of its lines.

This is the one thing that an offline transport remembers, since the results of a batch are looked for in a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from oai._http.messages import Headers, Request
from oai._incoming.forms import form_boundary, form_parts
from oai._incoming.operations import Incoming
from oai._support.plain_data import as_dict
from oai._table.load import shipped_table

MOST_FILES = 100
MOST_BYTES = 16 * 1024 * 1024
"""How many uploads are kept, the last ones, and how long each may be."""

Answer = tuple[int, str, Iterator[bytes]]


class Batches:
    """The uploads and batches of a transport.

    Args:
        answer: answers a request with status, content type and body.
    """

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._answer = answer
        self._files: dict[str, bytes] = {}

    def answer(self, request: Request) -> Answer:
        """Answer a request, and look at those that are about batches."""
        name = request.operation.name if request.operation else ""
        if name == "files.create":
            return self._upload(request)
        if name == "files.content":
            return self._content(request)
        if name in ("batches.create", "batches.retrieve"):
            return self._batch(request)
        return self._answer(request)

    def _upload(self, request: Request) -> Answer:
        body = request.body
        if body is None or (not isinstance(body, bytes) and not body.length <= MOST_BYTES):
            return self._answer(request)
        whole = body if isinstance(body, bytes) else b"".join(body)
        content = _batch_file(whole, Headers(request.headers).get("content-type", ""))
        status, kind, pieces = self._answer(_with_body(request, whole))
        if content is None:
            return status, kind, pieces
        name = f"file-offline-{hashlib.sha256(content).hexdigest()[:16]}"
        self._files[name] = content
        while len(self._files) > MOST_FILES:
            self._files.pop(next(iter(self._files)), None)
        return status, kind, _changed(pieces, id=name)

    def _content(self, request: Request) -> Answer:
        name = urlsplit(request.url).path.split("/")[-2]
        if name in self._files:
            return 200, "application/octet-stream", iter((self._files[name],))
        content = self._files.get(name.removesuffix("-output"))
        if content is None:
            return self._answer(request)
        return 200, "application/octet-stream", self._output(content)

    def _batch(self, request: Request) -> Answer:
        status, kind, pieces = self._answer(request)
        made = msgspec.json.decode(b"".join(pieces))
        name = made.get("input_file_id", "") if request.method == "POST" else made["id"].removeprefix("batch_")
        if name in self._files:
            lines = len(self._files[name].splitlines())
            counts = {"total": lines, "completed": lines, "failed": 0}
            made |= {"id": f"batch_{name}", "input_file_id": name, "output_file_id": f"{name}-output"}
            made |= {"request_counts": counts}
        return status, kind, iter((msgspec.json.encode(made),))

    def _output(self, content: bytes) -> Iterator[bytes]:
        incoming = Incoming(shipped_table())
        for number, line in enumerate(content.splitlines()):
            try:
                asked = as_dict(msgspec.json.decode(line))
            except msgspec.DecodeError:
                continue
            url, method = str(asked.get("url")), str(asked.get("method", "POST"))
            request = Request(method, f"http://offline.invalid{url}", [], msgspec.json.encode(asked.get("body")))
            found = next(incoming.requests(request), request)
            status, _, pieces = self._answer(found)
            response = {"status_code": status, "request_id": "offline", "body": msgspec.Raw(b"".join(pieces))}
            answered = {"id": f"batch_req_{number}", "custom_id": asked.get("custom_id"), "response": response}
            yield msgspec.json.encode({**answered, "error": None}) + b"\n"


def _batch_file(body: bytes, kind: str) -> bytes | None:
    """Return the file of a form whose purpose is a batch."""
    boundary = form_boundary(kind)
    parts = [] if boundary is None else form_parts([body], boundary, len(body), hashed=False)
    content, purpose = None, b""
    for head, part in parts:
        if "filename" in head:
            content = part.content
        elif head["name"] == "purpose":
            purpose = part.content or b""
    return content if purpose == b"batch" else None


def _with_body(request: Request, body: bytes) -> Request:
    return Request(
        request.method,
        request.url,
        request.headers,
        body,
        timeout=request.timeout,
        operation=request.operation,
        stream=request.stream,
    )


def _changed(pieces: Iterator[bytes], **fields: Any) -> Iterator[bytes]:
    yield msgspec.json.encode({**msgspec.json.decode(b"".join(pieces)), **fields})
