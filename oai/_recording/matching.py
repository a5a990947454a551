"""Compare requests: the canonical form of a request, and the differences from the nearest recorded one.

The comparison covers operation, method, path below the base URL, query, the headers that change the meaning of a
request, and the body: as plain data if it is JSON, part by part if it is a form, regardless of the order of names, the
boundary, and the spelling of numbers. Secrets are removed first, when recording and when replaying. Ignored fields are
removed too, so that they are neither compared nor written to a cassette.

This module is pure except for reading the body of a request. It knows requests, but neither files nor transports.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import UNSET

from oai._incoming.forms import MOST_TEXT, BoundedContent, form_boundary, form_parts
from oai._incoming.router import match_path
from oai._json.strict import convert_strict
from oai._recording.cassette import Part, RecordedRequest
from oai._recording.content import NOT_JSON, parse_json, plain_text
from oai._support.plain_data import is_list, is_object
from oai._support.redact import REDACTED, is_secret_header
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._http.messages import Request
    from oai._support.redact import Redactor

COMPARED_HEADERS = frozenset({"openai-beta"})
"""Request headers that are kept and compared. The type of a body shows in its form, `accept` in `stream`."""

IGNORABLE = ("body", "headers", "operation", "query")

SHOWN = 10
"""The maximum number of differences in an explanation."""

EXCERPT = 60
"""The characters of a value shown before and after the first difference."""


class Matcher:
    """The comparison of requests: converts them to the canonical form.

    Args:
        redactor: redacts secrets.
        ignore: the fields to ignore: `"query.after"`, `"body.user"`, `"body.messages.*.id"`, `"headers.NAME"`,
            `"operation"`. `*` matches any name or index of a list, a number that index.
        headers: request headers to compare in addition to `OpenAI-Beta`.

    Raises:
        ValueError: a field of `ignore` does not exist.
    """

    def __init__(self, redactor: Redactor, ignore: Iterable[str] = (), headers: Iterable[str] = ()) -> None:
        self._redactor = redactor
        self._ignored = [ignored_field(each) for each in ([ignore] if isinstance(ignore, str) else ignore)]
        self._headers = COMPARED_HEADERS | {name.lower() for name in headers}

    def canonical(self, request: Request) -> RecordedRequest:
        """Return the canonical form of a request, and learn the secrets that it carries."""
        redactor = self._redactor
        redactor.learn_request(request.url, request.headers)
        operation = request.operation.name if request.operation else None
        canonical = RecordedRequest(
            # The operation of `client.request` has method and path as its name, which are compared anyway.
            operation=None if operation is None or " " in operation else operation,
            method=request.method,
            path=redactor.text(_path(request)),
            query=self._query(urlsplit(request.url).query),
            headers={
                name.lower(): REDACTED if is_secret_header(name) else redactor.text(value)
                for name, value in sorted(request.headers)
                if name.lower() in self._headers
            },
            **self._body(request),
        )
        return self._without_ignored(canonical)

    def key(self, canonical: RecordedRequest) -> str:
        """Return a text that is equal for equal requests. A recorded request is normalized again: it may be edited."""
        copy = convert_strict(RecordedRequest, msgspec.to_builtins(canonical))
        return json.dumps(sorted_data(msgspec.to_builtins(self._without_ignored(copy))))

    def _without_ignored(self, canonical: RecordedRequest) -> RecordedRequest:
        for where, path in self._ignored:
            _ignore(canonical, where, path)
        return canonical

    def _query(self, query: str) -> dict[str, str | list[str]]:
        values_by_name: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            values_by_name.setdefault(self._redactor.text(name), []).append(self._redactor.parameter(name, value))
        return {name: values[0] if len(values) == 1 else values for name, values in sorted(values_by_name.items())}

    def _body(self, request: Request) -> dict[str, Any]:
        body = request.body
        kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
        boundary = form_boundary(kind)
        if body is None:
            return {}
        if boundary is not None:
            parts = form_parts([body] if isinstance(body, bytes) else body, boundary)
            return {"form": [self._part(*part) for part in parts]}
        gathered = BoundedContent(MOST_TEXT if not isinstance(body, bytes) else max(len(body), 1))
        for piece in [body] if isinstance(body, bytes) else body:
            gathered.add(piece)
        value = NOT_JSON if gathered.content is None else parse_json(gathered.content)
        if value is not NOT_JSON and "json" in (kind or "json"):
            return {"json": sorted_data(self._redactor.json(value))}
        kept = self._kept(gathered)
        if "text" in kept and kind.startswith("application/x-www-form-urlencoded"):
            kept["text"] = self._urlencoded((gathered.content or b"").decode())
        return {"type": kind or None, **kept}

    def _urlencoded(self, text: str) -> str:
        redactor = self._redactor
        pairs = parse_qsl(text, keep_blank_values=True)
        redacted = [(redactor.text(name), redactor.parameter(name, value)) for name, value in pairs]
        return text if redacted == pairs else urlencode(redacted, safe="[]")

    def _part(self, head: dict[str, str], content: BoundedContent) -> Part:
        kept = self._kept(content) if "filename" not in head else content.digest()
        if "text" in kept:
            kept["text"] = self._redactor.field(head["name"], kept["text"])
        fields: dict[str, Any] = {name: self._redactor.text(value) for name, value in head.items()}
        return Part(**fields, **kept)

    def _kept(self, gathered: BoundedContent) -> dict[str, Any]:
        text = None if gathered.content is None else plain_text(gathered.content)
        if text is None or len(text) > MOST_TEXT:
            return gathered.digest()
        value = parse_json(text)
        if isinstance(value, (dict, list)) and (redacted := self._redactor.json(value)) != value:
            return {"text": json.dumps(redacted, ensure_ascii=False)}
        return {"text": self._redactor.text(text)}


def _path(request: Request) -> str:
    """Return the path below the base URL if it fits the template of the row, else the whole path.

    So a recording made against one server also serves another, and the target of a redirect is kept whole.
    """
    path = urlsplit(request.url).path
    match = match_path(request.operation.row.path, path) if request.operation else None
    return path if match is None else match.below


def sorted_data(value: Any) -> Any:
    """Return plain data with names in order and whole numbers as such, so that equal data has equal text."""
    if is_object(value):
        return {name: sorted_data(value[name]) for name in sorted(value)}
    if is_list(value):
        return [sorted_data(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def ignored_field(text: str) -> tuple[str, list[str]]:
    """Parse an item of `ignore`: the part of the request, and the path within it.

    Raises:
        ValueError: there is no such part.
    """
    where, _, rest = text.partition(".")
    if where not in IGNORABLE or (where == "operation" and rest):
        right = nearest(where, IGNORABLE)
        hint = f"; did you mean {right!r}?" if right else ""
        raise ValueError(f"ignore={text!r} must start with one of {', '.join(IGNORABLE)}{hint}")
    if where in ("query", "headers"):
        return where, [rest.lower() if where == "headers" else rest] if rest else []
    return where, rest.replace("[", ".").replace("]", "").split(".") if rest else []


def _ignore(canonical: RecordedRequest, where: str, path: list[str]) -> None:
    if where == "operation":
        canonical.operation = None
    elif where in ("query", "headers"):
        fields = canonical.query if where == "query" else canonical.headers
        for name in [each for each in fields if not path or path[0] in (each, "*")]:
            del fields[name]
    elif not path:
        canonical.json, canonical.form = UNSET, None
        canonical.text = canonical.type = canonical.sha256 = canonical.size = None
    elif canonical.form is not None:
        canonical.form = [
            part for part in canonical.form if path[0] not in (part.name, part.name.removesuffix("[]"), "*")
        ]
    elif canonical.json is not UNSET:
        drop_field(canonical.json, path)


def drop_field(value: Any, path: list[str]) -> None:
    """Remove the items at a path from plain data, in place."""
    first, *rest = path
    keys: list[Any] = []
    if is_object(value):
        keys += [name for name in value if first in (name, "*")]
    elif is_list(value):
        keys += [key for key in range(len(value)) if first in (str(key), "*", "")]
    for key in reversed(keys):
        if rest:
            drop_field(value[key], rest)
        else:
            del value[key]


def explain(canonical: RecordedRequest, recorded: list[RecordedRequest]) -> list[str]:
    """Return lines that name the recorded request most similar to a request, and their differences."""
    if not recorded:
        return ["no request is recorded"]
    here = _flat(canonical)
    there = [_flat(each) for each in recorded]
    number = min(range(len(there)), key=lambda place: _distance(here, there[place]))
    lines = [f"the nearest is exchange {number + 1}, {recorded[number].title}; they differ in"]
    fields = [name for name in {**there[number], **here} if here.get(name) != there[number].get(name)]
    for name in fields[:SHOWN]:
        old, new = _difference(there[number].get(name), here.get(name))
        lines.append(f"  {name}: recorded {old}, requested {new}")
    if len(fields) > SHOWN:
        lines.append(f"  and {len(fields) - SHOWN} more")
    return lines


def _distance(here: dict[str, str], there: dict[str, str]) -> tuple[int, int]:
    different = {name for name in {**here, **there} if here.get(name) != there.get(name)}
    return len(different & {"operation", "method", "path"}), len(different)


def _flat(canonical: RecordedRequest) -> dict[str, str]:
    """Return every leaf of a request by its position, as JSON text."""
    leaves: dict[str, str] = {}

    def walk(where: str, value: Any) -> None:
        if value and is_object(value):
            for name, item in value.items():
                walk(f"{where}.{name}", item)
        elif value and is_list(value):
            for place, item in enumerate(value):
                walk(f"{where}[{place}]", item)
        else:
            leaves[where] = json.dumps(value, ensure_ascii=False)

    plain: dict[str, Any] = msgspec.to_builtins(canonical)
    for name, value in plain.items():
        if name == "form":
            for part in value:
                walk(f"body.{part['name']}", {each: item for each, item in part.items() if each != "name"})
        else:
            walk(_BODY.get(name, name), value)
    return leaves


_BODY: dict[str, str] = {
    "json": "body",
    "text": "body",
    "type": "body's type",
    "sha256": "body's sha256",
    "size": "body's size",
}


def _difference(old: str | None, new: str | None) -> tuple[str, str]:
    """Return excerpts of two values around their first difference."""
    if old is None or new is None:
        return _cut(old, 0), _cut(new, 0)
    same = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return _cut(old, same), _cut(new, same)


def _cut(text: str | None, place: int) -> str:
    if text is None:
        return "nothing"
    start = max(place - EXCERPT, 0) if len(text) > 2 * EXCERPT else 0
    end = start + 2 * EXCERPT
    return f"{'...' if start else ''}{text[start:end]}{'...' if end < len(text) else ''}"
