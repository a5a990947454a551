"""The cassette: recorded exchanges as a text file for people to review; how it is read and written.

The format is JSON, laid out for diffs: short values are on one line, chunks of a stream always are, and names are in
the order of the structs below. JSON, because every editor, diff viewer and `jq` supports it, because it can only be
read as plain data, and because the API's own JSON needs no quoting in it. The file is UTF-8, starts with its version,
and contains only the fields declared here. `_recording.content` defines how content is kept.

A request is kept in the form in which it is compared. A response is kept as far as a caller can see it: status, the
headers that are meaningful later, the content without its content encoding, a `TransportError` that ended it as
`failure`, and `"end": "closed"` if the caller closed it before its end.

This module knows neither matching nor transports. It reads files; `_support.atomic_files` writes them, and
`_recording.leaks` searches exchanges for secrets before that.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import msgspec
from msgspec import UNSET

from oai._errors import OpenAIError
from oai._json.strict import convert_strict
from oai._recording.content import (
    DEEPEST,
    LAYOUTS,
    CassetteStruct,
    Chunk,
    json_problem,
    lay_out,
    parse_json,
)
from oai._support.plain_data import is_list, is_object

VERSION = 1

WIDTH = 100
"""The maximum width of a list or an object on one line, in columns."""

MARK = '"oai-cassette"'

KINDS = ("connect", "send", "receive", "timeout", "closed")


class CassetteError(OpenAIError, ValueError):
    """A file that is not a readable cassette; the message names the file, the place and the problem."""


class Part(CassetteStruct, kw_only=True):
    """A part of a form. A file is kept as its digest and size in bytes."""

    name: str
    filename: str | None = None
    type: str | None = None
    text: str | None = None
    sha256: str | None = None
    size: int | None = None


class RecordedRequest(CassetteStruct, kw_only=True):
    """A request in the form in which requests are compared; anything else does not affect matching."""

    operation: str | None = None
    method: str
    path: str
    query: dict[str, str | list[str]] = {}  # noqa: RUF012 - msgspec copies it
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it
    json: Any = UNSET
    form: list[Part] | None = None
    text: str | None = None
    type: str | None = None
    sha256: str | None = None
    size: int | None = None

    @property
    def title(self) -> str:
        """Method, path and operation."""
        return f"{self.method} {self.path}" + (f" ({self.operation})" if self.operation else "")


class Failure(CassetteStruct, kw_only=True):
    """A `TransportError`."""

    kind: str
    message: str


class RecordedResponse(CassetteStruct, kw_only=True):
    """A response, a failure, or a response that failed midway."""

    status: int | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it
    json: Any = UNSET
    layout: str | None = None
    exact: str | None = None
    text: list[str] | None = None
    base64: str | None = None
    sha256: str | None = None
    chunks: list[Chunk] | None = None
    failure: Failure | None = None
    end: str | None = None

    def pieces(self) -> list[tuple[float, bytes]]:
        """Return the pieces of the content as recorded, each with the seconds to wait before it."""
        if self.chunks is not None:
            return [(chunk.after, chunk.content()) for chunk in self.chunks]
        content = self.content()
        return [(0.0, content)] if content else []

    def content(self) -> bytes:
        """Return the whole content."""
        if self.chunks is not None:
            return b"".join(chunk.content() for chunk in self.chunks)
        if self.json is not UNSET:
            return (lay_out(self.json, self.layout) if self.exact is None else self.exact).encode()
        return base64.b64decode(self.base64) if self.base64 is not None else "".join(self.text or ()).encode()


class Exchange(CassetteStruct, kw_only=True):
    """A request and its response."""

    request: RecordedRequest
    reply: RecordedResponse


class _File(CassetteStruct, kw_only=True, rename={"version": "oai-cassette"}):
    version: int
    exchanges: list[Exchange]


def read(path: str) -> list[Exchange]:
    """Return the exchanges of a cassette.

    Raises:
        CassetteError: the file is not a cassette of this version, or has invalid content.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        raw = file.read()
    try:
        # Bodies may have the full depth, and are themselves nested in exchanges.
        text = raw.decode("utf-8-sig")  # some editors write a byte order mark
        value = parse_json(text, DEEPEST + 20)
        version = value.get("oai-cassette") if is_object(value) else None
        if version is None:
            wrong = json_problem(text) if MARK in text else ""
            raise CassetteError(f"{path} is not a cassette: {wrong or f'it is not a JSON object with {MARK}'}")
        if version != VERSION:
            raise CassetteError(f"{path} is a cassette of version {version!r}; supported is {VERSION}")
        exchanges = convert_strict(_File, value).exchanges
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CassetteError(f"{path} is not a cassette: line {line} is not UTF-8") from None
    except msgspec.ValidationError as error:
        raise CassetteError(f"{path}: {error}") from None
    for number, exchange in enumerate(exchanges, 1):
        wrong = _wrong_request(exchange.request) or _wrong_reply(exchange.reply)
        if wrong:
            raise CassetteError(f"{path}: exchange {number}, {exchange.request.title}: {wrong}")
    return exchanges


def _conflict(struct: CassetteStruct, *names: str) -> str:
    present = [name for name in names if getattr(struct, name) not in (None, UNSET)]
    return f"{' and '.join(present)} exclude each other" if len(present) > 1 else ""


def _wrong_request(request: RecordedRequest) -> str:
    return _conflict(request, "json", "form", "text", "sha256")


def _wrong_reply(reply: RecordedResponse) -> str:
    """Describe what is invalid in a reply; empty if it is valid."""
    wrong = _conflict(reply, "json", "text", "base64", "chunks")
    if reply.status is None and reply.failure is None:
        wrong = "the reply has neither `status` nor `failure`"
    elif reply.failure is not None and reply.failure.kind not in KINDS:
        wrong = f"the failure's kind must be one of {', '.join(KINDS)}, not {reply.failure.kind!r}"
    elif reply.end not in (None, "closed"):
        wrong = f'`end` must be "closed" or absent, not {reply.end!r}'
    contents: list[RecordedResponse | Chunk] = [reply, *(reply.chunks or [])]
    return wrong or next(filter(None, map(_wrong_content, contents)), "")


def _wrong_content(each: RecordedResponse | Chunk) -> str:
    if each.layout not in (None, *LAYOUTS):
        return f"the layout must be one of {', '.join(LAYOUTS)}, not {each.layout!r}"
    try:
        content = base64.b64decode(each.base64 or "", validate=True)
    except ValueError:
        return "`base64` is not base64"
    if isinstance(each, Chunk):
        return _conflict(each, "data", "text", "base64")
    if each.sha256 not in (None, hashlib.sha256(content).hexdigest()):
        return "`sha256` is not the digest of the content; was the file edited?"
    if each.exact is not None and parse_json(each.exact) != each.json:
        return "`exact` does not match `json`; remove `exact` if you edited `json`"
    return ""


def write(exchanges: list[Exchange]) -> str:
    """Return the text of a cassette."""
    entries: list[str] = []
    for exchange in exchanges:
        plain = msgspec.to_builtins(exchange)
        reply = plain["reply"]
        if "chunks" in reply:
            reply["chunks"] = [_OneLine(chunk) for chunk in reply["chunks"]]
        request, reply = (_shown(plain[name], " " * 6) for name in ("request", "reply"))
        entries.append(f'\n    {{\n      "request": {request},\n      "reply": {reply}\n    }}')
    return f'{{\n  {MARK}: {VERSION},\n  "exchanges": [{",".join(entries)}\n  ]\n}}\n'


class _OneLine(dict[str, Any]):
    """An object to write on one line, whatever its length."""


def _shown(value: Any, indent: str) -> str:
    """Return JSON text: short values and lists of numbers on one line, others with one item per line."""
    line = _line(value)
    short = len(indent) + len(line) <= WIDTH
    if short or isinstance(value, _OneLine) or _numbers(value):
        return line
    inner = indent + "  "
    if is_list(value):
        items = [_shown(item, inner) for item in value]
        return f"[\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}]"
    if not is_object(value):
        return line
    items = [f"{_line(name)}: {_shown(item, inner)}" for name, item in value.items()]
    return f"{{\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}}}"


def _numbers(value: Any) -> bool:
    return is_list(value) and all(isinstance(item, (int, float)) for item in value)


def _line(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # Escape invisible characters and those that change the direction of writing: they could deceive a reviewer.
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]
