"""Cassettes of vcrpy (https://vcrpy.readthedocs.io) to cassettes of ours.

Read is what vcrpy has written since its version 1, as YAML or as JSON: over urllib3, requests, httpx (whose answers
had a form of their own for a time) and aiohttp (whose bodies are decoded while their headers say that they are not).
Each request becomes one as our client sends it, each answer one as it comes from a transport, and both go the way of
a recording from there: into the form that is compared, secrets taken out, and nothing written if one were left.

YAML is read as plain data, binary included; a tag that would make an object of something is refused.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

from oai._errors import OpenAIError
from oai._http.encodings import decoded
from oai._http.messages import Headers, Request, TransportError
from oai._incoming.forms import form_boundary
from oai._incoming.router import router
from oai._recording.cassette import CassetteError
from oai._recording.matching import Matcher
from oai._recording.session import EVENT_STREAM, KEPT_HEADERS, RecordingSession
from oai._support.plain_data import is_list, is_object
from oai._support.redact import Redactor, redact_url
from oai._table.operation import Operation
from oai._table.rows import Row

if TYPE_CHECKING:
    from oai._table.table import Table

VERSION = 1
"""Of the format of vcrpy; it has had no other since there are versions."""

EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)|.+\Z", re.DOTALL)
"""An event of a stream with the blank line that ends it, or what is left after the last."""


class Report(NamedTuple):
    """What became of a cassette."""

    taken: int
    """How many exchanges were imported."""
    left_out: list[str]
    """Lines that say which were not, and why."""
    unknown: list[str]
    """Lines that say which were, although no row of the table has such a request."""


def import_vcr(source: str, target: str, table: Table, base_url: str | None = None) -> Report:
    """Write a cassette from one of vcrpy's; one that is there already is replaced.

    Args:
        source: the file that vcrpy wrote, YAML or JSON.
        target: the cassette to write.
        table: where the operations of the requests are looked up.
        base_url: where the paths of the table begin: what lies elsewhere is left out. Unless given, every path
            that begins with `/v1/` is of the API, wherever the server was.

    Raises:
        CassetteError: the file is no cassette of vcrpy's, or the target is there and none of ours.
        SecretFound: a secret would be written; nothing was.
        OSError: a file cannot be read or written.
    """
    interactions = _interactions(source)
    redactor = Redactor()
    matcher = Matcher(redactor)
    requests = [_request(f"{source}: interaction {number}", each) for number, each in enumerate(interactions, 1)]
    for request in requests:  # of all, before the first is brought into its form: they may hold each other's
        redactor.learn_request(request.url, request.headers)
    session = RecordingSession(os.path.abspath(target), matcher, redactor, rewrite=True, kept=KEPT_HEADERS)
    report = Report(0, [], [])
    for number, (request, each) in enumerate(zip(requests, interactions, strict=True), 1):
        title = f"interaction {number}, {request.method} {redactor.url(request.url)}"
        below = _below(request.url, base_url)
        if below is None:
            report.left_out.append(f"{title}, is outside {redact_url(base_url) if base_url else '/v1'}: left out")
            continue
        request.operation = find_operation(table, request, below)
        if request.operation is None:
            report.unknown.append(f"{title}, is of no operation in the table: imported by method and path")
            request.operation = _undeclared(request.method, below)
        note = session.note(matcher.canonical(request), request)
        status, headers, content = _response(f"{source}: interaction {number}", each)
        note.answered(status, headers)
        if headers.get("content-type", "").startswith(EVENT_STREAM):
            for event in EVENT.findall(content):
                note.piece(event, 0.0)
            note.complete()
        else:
            note.whole(content)
        report = report._replace(taken=report.taken + 1)
    session.save()
    return report


def find_operation(table: Table, request: Request, below: str) -> Operation | None:
    """Return the operation of a request, by its method and its path below the base URL."""
    route = router(table).find(request.method, f"{below}?{urlsplit(request.url).query}")
    if route is None:
        return None
    kind = Headers(request.headers).get("content-type", "")
    multipart = form_boundary(kind) is not None
    name = min(route.names, key=lambda name: (table[name].body == "multipart") != multipart)
    return Operation(name, table[name])


def _undeclared(method: str, path: str) -> Operation:
    """Return an operation whose recorded name is method and path; any event may end its streams."""
    return Operation(f"{method} {path}", Row(cast("Any", method), path, "json", "Any", end=["*"]))


def _below(url: str, base_url: str | None) -> str | None:
    """Return the path below the base URL, `None` for what lies elsewhere."""
    parts = urlsplit(url)
    base = urlsplit(base_url or "")
    if base_url is not None and (parts.scheme, parts.netloc.rpartition("@")[2]) != (base.scheme, base.netloc):
        return None
    root = (base.path if base_url is not None else "/v1").rstrip("/")
    return parts.path[len(root) :] if parts.path.startswith(f"{root}/") else None


def _interactions(source: str) -> list[dict[str, Any]]:
    with open(source, "rb") as file:
        text = file.read()
    value = _json(source, text) if text.lstrip()[:1] == b"{" else _yaml(source, text)
    if is_list(value) and value and is_object(value[0]) and "request" in value[0]:
        raise CassetteError(f"{source} is a cassette of vcrpy before its version 1, which vcrpy cannot read either")
    interactions = value.get("interactions") if is_object(value) else None
    if not is_list(interactions) or not all(map(is_object, interactions)):
        raise CassetteError(f"{source} is no cassette of vcrpy: it has no list of `interactions`")
    if value.get("version", VERSION) != VERSION:
        raise CassetteError(f"{source} is a cassette of vcrpy's format {value['version']!r}; this reads {VERSION}")
    return interactions


def _json(source: str, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        where = f": line {error.lineno}, {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise CassetteError(f"{source} is no JSON{where}") from None


def _yaml(source: str, text: bytes) -> Any:
    try:
        import yaml  # the extra's alone
    except ImportError as missing:
        raise OpenAIError("reading YAML takes PyYAML, which is not installed: pip install 'oai[vcr]'") from missing

    class Loader(yaml.SafeLoader):
        """Plain data, and text as Python 2 has tagged it."""

    def plain(loader: Any, node: Any) -> str:
        return str(loader.construct_scalar(node))

    for tag in ("unicode", "str"):
        Loader.add_constructor(f"tag:yaml.org,2002:python/{tag}", plain)
    # A date that nobody has quoted is text here, as everything is that HTTP has sent.
    Loader.add_constructor("tag:yaml.org,2002:timestamp", plain)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - it is the safe one
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise CassetteError(f"{source} is no YAML that can be read as plain data{where}: {problem}") from None


def _request(where: str, interaction: dict[str, Any]) -> Request:
    request = interaction.get("request")
    if not is_object(request) or not isinstance(request.get("uri"), str):
        raise CassetteError(f"{where} has no `request` with a `uri`")
    headers = _pairs(request.get("headers"))
    method = str(request.get("method") or "GET").upper()
    return Request(method, request["uri"], headers, _bytes(where, request.get("body")) or None)


def _response(where: str, interaction: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """Return status, headers and the content with its encoding undone."""
    response = interaction.get("response")
    if not is_object(response):
        raise CassetteError(f"{where} has no `response`")
    status: Any = response.get("status", response.get("status_code"))
    status = status.get("code") if is_object(status) else status
    if not isinstance(status, int):
        raise CassetteError(f"{where}: the response has no status")
    headers = Headers(_pairs(response.get("headers")))
    content = _bytes(where, response.get("body", response.get("content")))
    with contextlib.suppress(TransportError):  # some of vcrpy's are decoded already, whatever their headers say
        content = decoded(headers, content)
    encodings = ("content-encoding", "content-length", "transfer-encoding")
    return status, Headers(pair for pair in headers.multi_items() if pair[0].lower() not in encodings), content


def _pairs(headers: Any) -> list[tuple[str, str]]:
    """Return header fields, of which vcrpy keeps the values of a name as a list, as one text, or as bytes."""
    given: Iterator[tuple[Any, Any]] = iter(headers.items() if is_object(headers) else headers or ())
    fields = [(_text(name), value) for name, value in given]
    return [(name, _text(each)) for name, value in fields for each in (value if is_list(value) else [value])]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(where: str, body: Any) -> bytes:
    """Return a body: vcrpy writes text, bytes, pieces, JSON as it is, or an object that holds one of these."""
    if body is None:
        return b""
    if isinstance(body, (bytes, str)):
        return body if isinstance(body, bytes) else body.encode()
    if is_object(body) and ("string" in body or "base64_string" in body):
        if body.get("string") is None:
            return base64.b64decode(cast("str", body.get("base64_string") or ""))
        return _bytes(where, body["string"])
    if is_list(body) and all(isinstance(piece, (bytes, str)) for piece in body):
        return b"".join(_bytes(where, piece) for piece in body)
    if is_object(body):
        return json.dumps(body).encode()
    raise CassetteError(f"{where}: a body is {type(body).__name__}, which is not known")
