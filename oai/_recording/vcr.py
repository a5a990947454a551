"""Convert cassettes of vcrpy (https://vcrpy.readthedocs.io).

Supported is vcrpy's format 1, as YAML or JSON, recorded over urllib3, requests, httpx (whose responses had a format of
their own for a time) or aiohttp (whose bodies are decoded although their headers declare an encoding). Requests and
responses are converted to those of this package, and then processed like a recording: requests become canonical,
secrets are redacted, and nothing is written if one remains.

YAML is read as plain data, binary included; tags that would construct objects are rejected.
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
"""The supported version of vcrpy's format."""

EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)|.+\Z", re.DOTALL)
"""An event of a stream with the blank line that ends it, or an incomplete last one."""


class Report(NamedTuple):
    """The outcome of a conversion."""

    taken: int
    """The number of imported exchanges."""
    left_out: list[str]
    """A line for each exchange that was left out, with the reason."""
    unknown: list[str]
    """A line for each imported exchange that matches no row of the table."""


def import_vcr(source: str, target: str, table: Table, base_url: str | None = None) -> Report:
    """Convert a cassette of vcrpy; an existing target is replaced.

    Args:
        source: the cassette of vcrpy, YAML or JSON.
        target: the cassette to write.
        table: the table in which to look up operations.
        base_url: the base URL of the API; requests outside it are left out. By default, all requests are kept whose
            path starts with `/v1/`, on any server.

    Raises:
        CassetteError: the source is not a cassette of vcrpy, or the target exists but is not a cassette.
        SecretFound: a secret cannot be redacted; nothing is written.
        OSError: a file cannot be read or written.
    """
    interactions = _interactions(source)
    redactor = Redactor()
    matcher = Matcher(redactor)
    requests = [_request(f"{source}: interaction {number}", each) for number, each in enumerate(interactions, 1)]
    for request in requests:  # learn all secrets first, since a request may contain the key of a later one
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
            report.unknown.append(f"{title}, matches no operation of the table: imported by method and path")
            request.operation = _undeclared(request.method, below)
        pending = session.start(matcher.canonical(request), request)
        status, headers, content = _response(f"{source}: interaction {number}", each)
        pending.set_head(status, headers)
        if headers.get("content-type", "").startswith(EVENT_STREAM):
            for event in EVENT.findall(content):
                pending.add_piece(event, 0.0)
            pending.set_complete()
        else:
            pending.set_content(content)
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
    """Return an operation named by method and path, whose streams any event may end."""
    return Operation(f"{method} {path}", Row(cast("Any", method), path, "json", "Any", end=["*"]))


def _below(url: str, base_url: str | None) -> str | None:
    """Return the path below the base URL, or `None` if the URL is not below it."""
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
        raise CassetteError(f"{source} has vcrpy's format before version 1, which current vcrpy cannot read either")
    interactions = value.get("interactions") if is_object(value) else None
    if not is_list(interactions) or not all(map(is_object, interactions)):
        raise CassetteError(f"{source} is not a cassette of vcrpy: it has no list of `interactions`")
    if value.get("version", VERSION) != VERSION:
        raise CassetteError(f"{source} has vcrpy's format {value['version']!r}; supported is {VERSION}")
    return interactions


def _json(source: str, text: bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise CassetteError(f"{source} is nested too deeply") from None
    except ValueError as error:
        where = f": line {error.lineno}, {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise CassetteError(f"{source} is not valid JSON{where}") from None


def _yaml(source: str, text: bytes) -> Any:
    try:
        import yaml  # an optional dependency
    except ImportError as missing:
        raise OpenAIError("reading YAML needs PyYAML, which is not installed: pip install 'oai[vcr]'") from missing

    class Loader(yaml.SafeLoader):
        """A loader of plain data that also accepts the text tags of Python 2."""

    def plain(loader: Any, node: Any) -> str:
        return str(loader.construct_scalar(node))

    for tag in ("unicode", "str"):
        Loader.add_constructor(f"tag:yaml.org,2002:python/{tag}", plain)
    # An unquoted date stays text, as it was sent over HTTP.
    Loader.add_constructor("tag:yaml.org,2002:timestamp", plain)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a subclass of the safe loader
    except RecursionError:
        raise CassetteError(f"{source} is nested too deeply") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise CassetteError(f"{source} cannot be read as plain YAML data{where}: {problem}") from None


def _request(where: str, interaction: dict[str, Any]) -> Request:
    request = interaction.get("request")
    if not is_object(request) or not isinstance(request.get("uri"), str):
        raise CassetteError(f"{where} has no `request` with a `uri`")
    headers = _pairs(request.get("headers"))
    method = str(request.get("method") or "GET").upper()
    return Request(method, request["uri"], headers, _bytes(where, request.get("body")) or None)


def _response(where: str, interaction: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """Return status, headers, and the content without its content encoding."""
    response = interaction.get("response")
    if not is_object(response):
        raise CassetteError(f"{where} has no `response`")
    status: Any = response.get("status", response.get("status_code"))
    status = status.get("code") if is_object(status) else status
    if not isinstance(status, int):
        raise CassetteError(f"{where}: the response has no status")
    headers = Headers(_pairs(response.get("headers")))
    content = _bytes(where, response.get("body", response.get("content")))
    with contextlib.suppress(TransportError):  # some recordings are decoded although their headers declare an encoding
        content = decoded(headers, content)
    encodings = ("content-encoding", "content-length", "transfer-encoding")
    return status, Headers(pair for pair in headers.multi_items() if pair[0].lower() not in encodings), content


def _pairs(headers: Any) -> list[tuple[str, str]]:
    """Return header fields; vcrpy keeps the values of a name as a list, as text, or as bytes."""
    items: Iterator[tuple[Any, Any]] = iter(headers.items() if is_object(headers) else headers or ())
    fields = [(_text(name), value) for name, value in items]
    return [(name, _text(each)) for name, value in fields for each in (value if is_list(value) else [value])]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(where: str, body: Any) -> bytes:
    """Return a body; vcrpy keeps text, bytes, pieces, plain JSON, or an object that wraps one of these."""
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
    raise CassetteError(f"{where}: unsupported type of body, {type(body).__name__}")
