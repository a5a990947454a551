"""Simulated batches: remember each uploaded input file and invent a response for every line of it.

This is the only state of an offline transport: a batch and its results are separate requests, which refer to the
uploaded file by its id.
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
"""Uploads kept, the latest ones."""

MOST_BYTES = 16 * 1024 * 1024
"""The largest upload kept, in bytes."""

Answer = tuple[int, str, Iterator[bytes]]


class Batches:
    """The uploads and batches of a transport.

    Args:
        answer: a function that invents status, content type and body for a request.
    """

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._answer = answer
        self._files: dict[str, bytes] = {}

    def answer(self, request: Request) -> Answer:
        """Invent a response; requests that concern batches refer to the remembered files."""
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
        batch = msgspec.json.decode(b"".join(pieces))
        name = batch.get("input_file_id", "") if request.method == "POST" else batch["id"].removeprefix("batch_")
        if name in self._files:
            lines = len(self._files[name].splitlines())
            counts = {"total": lines, "completed": lines, "failed": 0}
            batch |= {"id": f"batch_{name}", "input_file_id": name, "output_file_id": f"{name}-output"}
            batch |= {"request_counts": counts}
        return status, kind, iter((msgspec.json.encode(batch),))

    def _output(self, content: bytes) -> Iterator[bytes]:
        incoming = Incoming(shipped_table())
        for number, line in enumerate(content.splitlines()):
            try:
                fields = as_dict(msgspec.json.decode(line))
            except msgspec.DecodeError:
                continue
            url, method = str(fields.get("url")), str(fields.get("method", "POST"))
            request = Request(method, f"http://offline.invalid{url}", [], msgspec.json.encode(fields.get("body")))
            status, _, pieces = self._answer(next(incoming.requests(request), request))
            response = {"status_code": status, "request_id": "offline", "body": msgspec.Raw(b"".join(pieces))}
            result = {"id": f"batch_req_{number}", "custom_id": fields.get("custom_id"), "response": response}
            yield msgspec.json.encode({**result, "error": None}) + b"\n"


def _batch_file(body: bytes, kind: str) -> bytes | None:
    """Return the content of the file in a form, if its `purpose` is `batch`."""
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
        events=request.events,
    )


def _changed(pieces: Iterator[bytes], **fields: Any) -> Iterator[bytes]:
    yield msgspec.json.encode({**msgspec.json.decode(b"".join(pieces)), **fields})
