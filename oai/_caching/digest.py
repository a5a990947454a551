"""Recognize equal requests by a digest of everything that determines a response.

That is the namespace, the server, the operation, method, path and query, `OpenAI-Beta`, and the body: JSON as data,
regardless of the order of its names; a form part by part, regardless of its boundary. The key is not part of it, but
the secrets within a body are, since they may decide what the server does for its sender. A digest cannot be reversed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from oai._incoming.forms import BoundedContent, form_boundary, form_parts
from oai._recording.matching import COMPARED_HEADERS, drop_field, ignored_field, sorted_data
from oai._support.redact import REDACTED, Redactor

if TYPE_CHECKING:
    from oai._http.messages import Request

MOST_KEPT: Final = 1024
"""Digests that are remembered, of requests of at most `LARGEST_KEPT` bytes."""

LARGEST_KEPT: Final = 64 * 1024


class RequestDigest:
    """The digest of requests.

    Args:
        namespace: separates equal requests of different programs or versions.
        ignore: fields that do not count, as those of a `Recorder`, and `"origin"`, the server.

    Raises:
        ValueError: a field of `ignore` does not exist.
    """

    def __init__(self, namespace: str, ignore: Iterable[str]) -> None:
        fields = [ignore] if isinstance(ignore, str) else list(ignore)
        self._namespace = namespace
        self._any_origin = "origin" in fields
        self._ignored = [ignored_field(field) for field in fields if field != "origin"]
        self._known: dict[tuple[Any, ...], bytes] = {}

    def known(self, request: Request) -> bytes | None:
        """Return the digest of a request that was digested before, byte for byte."""
        return self._known.get(_raw(request)) if isinstance(request.body, (bytes, type(None))) else None

    def of(self, request: Request) -> bytes:
        """Return the digest of a request. This reads the body, which may be a file."""
        operation = None if request.operation is None else request.operation.name
        parts = urlsplit(request.url)
        data: dict[str, Any] = {
            "namespace": self._namespace,
            "origin": None if self._any_origin else [parts.scheme, parts.netloc.rpartition("@")[2]],
            "operation": operation,
            "method": request.method,
            "path": parts.path,
            "query": _query(parts.query),
            "headers": sorted((n.lower(), value) for n, value in request.headers if n.lower() in COMPARED_HEADERS),
            "body": self._body(request),
        }
        for where, path in self._ignored:
            _ignore(data, where, path)
        digest = hashlib.sha256(json.dumps(sorted_data(data)).encode()).digest()
        if isinstance(request.body, (bytes, type(None))) and len(request.body or b"") <= LARGEST_KEPT:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[_raw(request)] = digest
        return digest

    def _body(self, request: Request) -> Any:
        body = request.body
        kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
        if (boundary := form_boundary(kind)) is not None:
            pieces = [body] if isinstance(body, bytes) else body or ()
            return [{**head, **content.digest()} for head, content in form_parts(pieces, boundary, 0)]
        if isinstance(body, bytes) and "json" in kind:
            try:
                return {"json": msgspec.json.decode(body)}
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # digested as bytes
        content = BoundedContent(0)
        for piece in [body] if isinstance(body, bytes) else body or ():
            content.add(piece)
        return {"type": kind, **content.digest()}


def _raw(request: Request) -> tuple[Any, ...]:
    """Return the input of a digest, unchanged."""
    beta = [value for name, value in request.headers if len(name) == 11 and name.lower() == "openai-beta"]
    name = None if request.operation is None else request.operation.name
    return name, request.method, request.url, request.body, *beta


def _query(query: str) -> dict[str, list[str]]:
    """Return the parameters of a query by name, without a key."""
    redactor, values = Redactor(), dict[str, list[str]]()
    for name, value in parse_qsl(query, keep_blank_values=True):
        shown = redactor.parameter(name, value)
        values.setdefault(name, []).append(REDACTED if shown == REDACTED else value)
    return values


def _ignore(data: dict[str, Any], where: str, path: list[str]) -> None:
    body = data["body"]
    if where == "operation" or (where == "body" and not path):
        data[where] = None
    elif where == "query":
        data["query"] = {name: values for name, values in data["query"].items() if path and path[0] not in (name, "*")}
    elif where == "headers":
        data["headers"] = [pair for pair in data["headers"] if path and path[0] not in (pair[0], "*")]
    elif isinstance(body, list):
        data["body"] = [part for part in body if path[0] not in (part["name"], part["name"].removesuffix("[]"), "*")]
    elif body is not None and "json" in body:
        drop_field(body["json"], path)
