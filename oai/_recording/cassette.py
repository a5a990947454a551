"""The cassette: recorded exchanges as a text file that people review, read, written, and searched for secrets.

The format is JSON, laid out for a diff: what is short stands on one line, a chunk of a stream always does, names
come in the order of the structs below. JSON because every editor, diff viewer and `jq` knows it, because it
reads as plain data only, and because what the API speaks then stands in the file as itself, not quoted within
another syntax. The file is UTF-8, says its version first, and has no field that is not declared here. How
content is kept is said in `_recording.content`.

Of a request it holds the form that is compared, and nothing else. Of an answer it holds what a caller can see:
status, the headers that mean something tomorrow, the content with its encoding undone, the `TransportError`
that ended it as `failure`, and `"end": "closed"` where the caller closed it before its end.

This module is told what is secret, and knows neither matching nor transports. It reads files; `_support.atomic_files`
writes them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from oai._errors import OpenAIError
from oai._json.strict import convert_strict
from oai._recording.content import DEEPEST, LAYOUTS, CassetteStruct, Chunk, lay_out, misplaced, parse_json
from oai._support.plain_data import is_list, is_object
from oai._support.redact import LEAST_SECRET, REDACTED, is_secret_header

if TYPE_CHECKING:
    from oai._support.redact import Redactor

VERSION = 1

WIDTH = 100
"""Columns up to which a list or an object stands on one line."""

MARK = '"oai-cassette"'

KINDS = ("connect", "send", "receive", "timeout", "closed")


class CassetteError(OpenAIError, ValueError):
    """A file is not a cassette that can be read; the message names the file, the place and what is wrong."""


class Part(CassetteStruct, kw_only=True):
    """A part of a form. A file is kept as its digest and its size in bytes."""

    name: str
    filename: str | None = None
    type: str | None = None
    text: str | None = None
    sha256: str | None = None
    size: int | None = None


class RecordedRequest(CassetteStruct, kw_only=True):
    """A request in the form in which requests are compared: what is not here does not matter to a match."""

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
        """The request in a few words."""
        return f"{self.method} {self.path}" + (f" ({self.operation})" if self.operation else "")


class Failure(CassetteStruct, kw_only=True):
    """A `TransportError`."""

    kind: str
    message: str


class RecordedResponse(CassetteStruct, kw_only=True):
    """What came back: an answer, a failure, or an answer that failed on the way."""

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
        """Return the content as recorded: seconds to wait, then bytes."""
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
    """A request and what came back."""

    request: RecordedRequest
    reply: RecordedResponse


class _File(CassetteStruct, kw_only=True, rename={"version": "oai-cassette"}):
    version: int
    exchanges: list[Exchange]


def read(path: str) -> list[Exchange]:
    """Return the exchanges of a cassette.

    Raises:
        CassetteError: the file is not a cassette, or not one of this version, or something in it cannot be.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        raw = file.read()
    try:
        # The bodies may be nested as deep as they are kept, below the exchanges that hold them.
        text = raw.decode("utf-8-sig")  # some editors write a byte order mark
        value = parse_json(text, DEEPEST + 20)
        version = value.get("oai-cassette") if is_object(value) else None
        if version is None:
            wrong = misplaced(text) if MARK in text else ""
            raise CassetteError(f"{path} is not a cassette: {wrong or f'it is no JSON object with {MARK} in it'}")
        if version != VERSION:
            raise CassetteError(f"{path} is a cassette of version {version!r}; this reads {VERSION}")
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


def _several(each: CassetteStruct, *names: str) -> str:
    given = [name for name in names if getattr(each, name) not in (None, UNSET)]
    return f"{' and '.join(given)} exclude each other" if len(given) > 1 else ""


def _wrong_request(request: RecordedRequest) -> str:
    return _several(request, "json", "form", "text", "sha256")


def _wrong_reply(reply: RecordedResponse) -> str:
    """Say what cannot be in a reply, nothing if all is well."""
    wrong = _several(reply, "json", "text", "base64", "chunks")
    if reply.status is None and reply.failure is None:
        wrong = "the reply has neither `status` nor `failure`"
    elif reply.failure is not None and reply.failure.kind not in KINDS:
        wrong = f"the failure's kind is {reply.failure.kind!r}; it is one of {', '.join(KINDS)}"
    elif reply.end not in (None, "closed"):
        wrong = f'`end` is {reply.end!r}; it is "closed" or not there'
    contents: list[RecordedResponse | Chunk] = [reply, *(reply.chunks or [])]
    return wrong or next((found for each in contents if (found := _wrong_content(each))), "")


def _wrong_content(each: RecordedResponse | Chunk) -> str:
    if each.layout not in (None, *LAYOUTS):
        return f"the layout {each.layout!r} is not known; use one of {', '.join(LAYOUTS)}"
    try:
        content = base64.b64decode(each.base64 or "", validate=True)
    except ValueError:
        return "`base64` is not base64"
    if isinstance(each, Chunk):
        return _several(each, "data", "text", "base64")
    if each.sha256 not in (None, hashlib.sha256(content).hexdigest()):
        return "`sha256` is not the digest of the content; was the file edited?"
    if each.exact is not None and parse_json(each.exact) != each.json:
        return "`exact` does not say what `json` says; remove `exact` if you edited `json`"
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
    """An object that stands on one line, however long it is."""


def _shown(value: Any, indent: str) -> str:
    """Write JSON: on one line what fits there, and lists of numbers; the rest an item a line."""
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
    # What is not visible, or turns the direction of writing, is shown by its number: the file is for review.
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]


def find_leak(exchange: Exchange, redactor: Redactor) -> str:
    """Say what secret an exchange holds and where, such as `... at reply.json.id`; nothing if it holds none."""
    return next(find_leaks(exchange, redactor), "")


def find_leaks(exchange: Exchange, redactor: Redactor) -> Iterator[str]:
    """Say of each secret that an exchange holds what it is and where, and never the secret."""
    plain = msgspec.to_builtins(exchange)
    stream = exchange.reply.chunks is not None
    chunks = plain["reply"].pop("chunks", [])
    content = exchange.reply.content()
    found: set[str] = set()
    for where in _fields(plain, chunks, redactor):
        found.add(where)
        yield f"what looks like a key, or a field that holds one, at {where}"
    for where, text in [*_leaves("", plain), *_leaves("reply.chunks", chunks)]:
        if where not in found and (leak := redactor.leak(text)):
            found.add(where)
            yield f"{leak} at {where}"
    if found:
        return  # the rest would find them once more
    texts = [*_told(chunks)]
    if stream or exchange.reply.base64 is not None:
        texts.append(("reply.chunks" if stream else "reply.base64", content.decode("latin-1")))
    yield from (f"{leak} at {where}" for where, text in texts if (leak := redactor.leak(text)))


def _fields(plain: dict[str, Any], chunks: list[dict[str, Any]], redactor: Redactor) -> Iterator[str]:
    """Yield the places of secrets that are found by what their field, header or parameter is called."""
    for name, value in plain["request"].get("query", {}).items():
        if any(redactor.parameter(name, each) != each for each in (value if is_list(value) else [value])):
            yield f"request.query.{redactor.text(name)}"
    for side in ("request", "reply"):
        for name, value in plain[side].get("headers", {}).items():
            if is_secret_header(name) and REDACTED not in value and len(value) >= LEAST_SECRET:
                yield f"{side}.headers.{redactor.text(name)}"
    for number, part in enumerate(plain["request"].get("form") or ()):
        if redactor.field(part["name"], part.get("text") or "") != (part.get("text") or ""):
            yield f"request.form[{number}].text"
    documents = [("request.json", plain["request"].get("json")), ("reply.json", plain["reply"].get("json"))]
    documents += [(f"reply.chunks[{place}].data", chunk.get("data")) for place, chunk in enumerate(chunks)]
    for where, document in documents:
        yield from _differing(where, document, redactor.json(document))


def _differing(where: str, one: Any, other: Any) -> Iterator[str]:
    """Yield the places where plain data differs from what became of it."""
    if is_object(one) and one.keys() == other.keys():
        for name, item in one.items():
            yield from _differing(f"{where}.{name}", item, other[name])
    elif is_object(one):
        yield f"a name in {where}"
    elif is_list(one):
        for place, (item, became) in enumerate(zip(one, other, strict=True)):
            yield from _differing(f"{where}[{place}]", item, became)
    elif one != other:
        yield where


def _leaves(where: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text and every name in plain data, with its place."""
    if isinstance(value, str):
        yield where, value
    elif is_list(value):
        for place, item in enumerate(value):
            yield from _leaves(f"{where}[{place}]", item)
    elif is_object(value):
        for name, item in value.items():
            yield f"a name in {where or 'it'}", name
            yield from _leaves(f"{where}.{name}" if where else name, item)


def _told(chunks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what the events of a stream tell piece by piece, put together by the place in the event."""
    told: dict[str, list[str]] = {}
    for chunk in chunks:
        for where, text in _leaves("", chunk.get("data")):
            told.setdefault(where, []).append(text)
    yield from ((f"{where} of the events together", "".join(texts)) for where, texts in told.items() if len(texts) > 1)
