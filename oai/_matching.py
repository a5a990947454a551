"""When two requests are the same: the canonical form of a request, and why one was not found.

Compared are operation, method, path below the base URL, query, the headers that change what is asked, and the
body: as plain data where it is JSON, part by part where it is a form, whatever the order of names, the
boundary, or the spelling of a number. Secrets are taken out first, in a recording and in a replay alike. What
is to be ignored is taken out too, so that it neither counts nor stands in a cassette.

This module is pure but for reading a request's body. It knows requests, not files and not transports.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import UNSET

from oai._cassette import Asked, Part
from oai._cassette_content import NOT_JSON, parse_json, plain_text
from oai._nearest import nearest
from oai._shape import is_list, is_object
from oai._strict import convert_strict

if TYPE_CHECKING:
    from oai._http import Request
    from oai._redact import Redactor

COMPARED_HEADERS = frozenset({"openai-beta"})
"""Request headers that are kept and compared. The type of a body shows in its form, `accept` in `stream`."""

IGNORABLE = ("body", "headers", "operation", "query")

MOST_TEXT = 64 * 1024
"""Bytes up to which a text body, or a form's field, is kept as text; what is longer is kept as its digest."""

SHOWN = 10
"""How many differences an explanation lists."""

EXCERPT = 60
"""How many characters of a value it shows before and after the place where two values part."""


class Matcher:
    """Brings requests into the form in which they are compared.

    Args:
        redactor: what knows the secrets.
        ignore: what does not count: `"query.after"`, `"body.user"`, `"body.messages.*.id"`, `"headers.NAME"`,
            `"operation"`. A `*` stands for any name or place in a list, a number for that place.
        headers: request headers to compare beside `OpenAI-Beta`.

    Raises:
        ValueError: there is no such thing to ignore.
    """

    def __init__(self, redactor: Redactor, ignore: Iterable[str] = (), headers: Iterable[str] = ()) -> None:
        self._redactor = redactor
        self._ignored = [_pattern(each) for each in ([ignore] if isinstance(ignore, str) else ignore)]
        self._headers = COMPARED_HEADERS | {name.lower() for name in headers}

    def asked(self, request: Request) -> Asked:
        """Return the canonical form of a request, and take note of the secrets that it carries."""
        redactor = self._redactor
        redactor.learn_request(request.url, request.headers)
        operation = request.operation.name if request.operation else None
        asked = Asked(
            # An operation made for `client.request` has method and path for a name.
            operation=None if operation is None or " " in operation else operation,
            method=request.method,
            path=redactor.text(_path(request)),
            query=self._query(urlsplit(request.url).query),
            headers={
                name.lower(): redactor.text(value)
                for name, value in sorted(request.headers)
                if name.lower() in self._headers
            },
            **self._body(request),
        )
        return self._without_ignored(asked)

    def key(self, asked: Asked) -> str:
        """Return a text that is the same for requests that are; a recorded request may have been edited."""
        copy = convert_strict(Asked, msgspec.to_builtins(asked))
        return json.dumps(_sorted(msgspec.to_builtins(self._without_ignored(copy))))

    def _without_ignored(self, asked: Asked) -> Asked:
        for where, path in self._ignored:
            _ignore(asked, where, path)
        return asked

    def _query(self, query: str) -> dict[str, str | list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            found.setdefault(self._redactor.text(name), []).append(self._redactor.parameter(name, value))
        return {name: values[0] if len(values) == 1 else values for name, values in sorted(found.items())}

    def _body(self, request: Request) -> dict[str, Any]:
        body = request.body
        kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
        boundary = re.search(r'(?i)^multipart/.*boundary="?([^";]+)', kind)
        if body is None:
            return {}
        if boundary is not None:
            parts = form_parts([body] if isinstance(body, bytes) else body, boundary[1].encode())
            return {"form": [self._part(*part) for part in parts]}
        gathered = _Gathered(MOST_TEXT if not isinstance(body, bytes) else max(len(body), 1))
        for piece in [body] if isinstance(body, bytes) else body:
            gathered.add(piece)
        value = NOT_JSON if gathered.content is None else parse_json(gathered.content)
        if value is not NOT_JSON and "json" in (kind or "json"):
            return {"json": _sorted(self._redactor.json(value))}
        return {"type": kind or None, **self._kept(gathered)}

    def _part(self, head: dict[str, str], content: _Gathered) -> Part:
        kept = self._kept(content) if "filename" not in head else content.digest()
        if "text" in kept:
            kept["text"] = self._redactor.field(head["name"], kept["text"])
        fields: dict[str, Any] = {name: self._redactor.text(value) for name, value in head.items()}
        return Part(**fields, **kept)

    def _kept(self, gathered: _Gathered) -> dict[str, Any]:
        text = None if gathered.content is None else plain_text(gathered.content)
        if text is None or len(text) > MOST_TEXT:
            return gathered.digest()
        value = parse_json(text)
        if isinstance(value, (dict, list)) and (redacted := self._redactor.json(value)) != value:
            return {"text": json.dumps(redacted, ensure_ascii=False)}
        return {"text": self._redactor.text(text)}


class _Gathered:
    """Content that is digested as it comes, and kept itself up to a size."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._hash = hashlib.sha256()
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._size += len(piece)
        if self._size <= self._most:
            self._pieces.append(piece)

    @property
    def content(self) -> bytes | None:
        return b"".join(self._pieces) if self._size <= self._most else None

    def digest(self) -> dict[str, Any]:
        return {"sha256": self._hash.hexdigest(), "size": self._size}


class _Reader:
    """Bytes that come in pieces, taken up to a mark at a time; memory holds a piece and the mark's length."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b"\r\n"  # before the first delimiter of a form there need be no line end
        self.ended = False

    def until(self, mark: bytes) -> Iterator[bytes]:
        """Yield what comes before the mark, and pass over the mark."""
        while True:
            before, found, after = self._rest.partition(mark)
            if found:
                self._rest = after
                yield before
                return
            safe = max(len(self._rest) - len(mark) + 1, 0)
            yield self._rest[:safe]
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
                yield self._rest[safe:]
                return
            self._rest = self._rest[safe:] + piece


def form_parts(
    body: Iterable[bytes], boundary: bytes, most: int = MOST_TEXT
) -> Iterator[tuple[dict[str, str], _Gathered]]:
    """Yield the parts of a form (RFC 7578) from its pieces: name, filename and type, and `most` bytes of content."""
    reader = _Reader(body)
    delimiter = b"\r\n--" + boundary
    for _ in reader.until(delimiter):
        pass
    while True:
        head = b"".join(reader.until(b"\r\n\r\n"))
        if reader.ended or head.startswith(b"--"):
            return
        part = _Gathered(most)
        for piece in reader.until(delimiter):
            part.add(piece)
        yield _head(head.decode(errors="replace")), part


def _head(lines: str) -> dict[str, str]:
    found = {"name": ""}
    for name in ("name", "filename"):
        if match := re.search(rf'(?i)^content-disposition:.*?[;\s]{name}="([^"]*)"', lines, re.MULTILINE):
            found[name] = match[1]
    if match := re.search(r"(?im)^content-type:\s*([^\r\n]*)", lines):
        found["type"] = match[1]
    return found


def _path(request: Request) -> str:
    """Return the path below the base URL where the row tells where that is, else the whole path.

    So a recording made against one server answers for another, and a redirect's target stays what it is.
    """
    path = urlsplit(request.url).path
    template = request.operation.row.path.partition("?")[0].strip("/").split("/") if request.operation else []
    tail = path.split("/")[-len(template) :]
    fits = all("{" in want or want == got for want, got in zip(template, tail, strict=False))
    return "/" + "/".join(tail) if template and fits and len(tail) == len(template) else path


def _sorted(value: Any) -> Any:
    """Return plain data with names in order and whole numbers as such, so that equal data has equal text."""
    if is_object(value):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if is_list(value):
        return [_sorted(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _pattern(text: str) -> tuple[str, list[str]]:
    where, _, rest = text.partition(".")
    if where not in IGNORABLE or (where == "operation" and rest):
        right = nearest(where, IGNORABLE)
        hint = f"; did you mean {right!r}?" if right else ""
        raise ValueError(f"ignore={text!r}: what can be ignored begins with {', '.join(IGNORABLE)}{hint}")
    if where in ("query", "headers"):
        return where, [rest.lower() if where == "headers" else rest] if rest else []
    return where, rest.replace("[", ".").replace("]", "").split(".") if rest else []


def _ignore(asked: Asked, where: str, path: list[str]) -> None:
    if where == "operation":
        asked.operation = None
    elif where in ("query", "headers"):
        fields = asked.query if where == "query" else asked.headers
        for name in [each for each in fields if not path or path[0] in (each, "*")]:
            del fields[name]
    elif not path:
        asked.json, asked.form = UNSET, None
        asked.text = asked.type = asked.sha256 = asked.size = None
    elif asked.form is not None:
        asked.form = [part for part in asked.form if path[0] not in (part.name, part.name.removesuffix("[]"), "*")]
    elif asked.json is not UNSET:
        _drop(asked.json, path)


def _drop(value: Any, path: list[str]) -> None:
    """Take what a path names out of plain data, in place."""
    first, *rest = path
    places: list[Any] = []
    if is_object(value):
        places += [name for name in value if first in (name, "*")]
    elif is_list(value):
        places += [place for place in range(len(value)) if first in (str(place), "*", "")]
    for place in reversed(places):
        if rest:
            _drop(value[place], rest)
        else:
            del value[place]


def explain(asked: Asked, recorded: list[Asked]) -> list[str]:
    """Return lines that name the recorded request that is most like the one asked, and where they differ."""
    if not recorded:
        return ["no request is recorded"]
    here = _flat(asked)
    there = [_flat(each) for each in recorded]
    number = min(range(len(there)), key=lambda place: _distance(here, there[place]))
    lines = [f"the nearest is exchange {number + 1}, {recorded[number].title}; they differ in"]
    fields = [name for name in {**there[number], **here} if here.get(name) != there[number].get(name)]
    for name in fields[:SHOWN]:
        old, new = _parted(there[number].get(name), here.get(name))
        lines.append(f"  {name}: recorded {old}, asked {new}")
    if len(fields) > SHOWN:
        lines.append(f"  and {len(fields) - SHOWN} more")
    return lines


def _distance(here: dict[str, str], there: dict[str, str]) -> tuple[int, int]:
    different = {name for name in {**here, **there} if here.get(name) != there.get(name)}
    return len(different & {"operation", "method", "path"}), len(different)


def _flat(asked: Asked) -> dict[str, str]:
    """Return every leaf of a request by its place, as JSON text."""
    found: dict[str, str] = {}

    def walk(where: str, value: Any) -> None:
        if value and is_object(value):
            for name, item in value.items():
                walk(f"{where}.{name}", item)
        elif value and is_list(value):
            for place, item in enumerate(value):
                walk(f"{where}[{place}]", item)
        else:
            found[where] = json.dumps(value, ensure_ascii=False)

    plain: dict[str, Any] = msgspec.to_builtins(asked)
    for name, value in plain.items():
        if name == "form":
            for part in value:
                walk(f"body.{part['name']}", {each: item for each, item in part.items() if each != "name"})
        else:
            walk(_BODY.get(name, name), value)
    return found


_BODY: dict[str, str] = {
    "json": "body",
    "text": "body",
    "type": "body's type",
    "sha256": "body's sha256",
    "size": "body's size",
}


def _parted(old: str | None, new: str | None) -> tuple[str, str]:
    """Return two values as they are shown: long ones from a little before the place where they part."""
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
