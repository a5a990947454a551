"""Encode content for a cassette in a form that people can read, and decode it to the same bytes.

- `json`, with the name of the `layout` that reproduces the bytes, or with the bytes themselves as `exact`;
- `text`, a list of lines; `base64` with its `sha256` for everything else;
- `chunks` for a stream, as they arrived. An event with JSON data is kept as `data`. `after` is the wait before a
  chunk in seconds, rounded to the scale 1-2-5 and omitted if under 0.02, so that the pace of a stream is reproduced
  but the jitter of a machine causes no diff.

Secrets are redacted; they are the only bytes that are not reproduced. This module does no I/O and knows neither files
nor requests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from oai._support.plain_data import is_list, is_object
from oai._support.unicode_text import decode_unicode, unicode_encoding

if TYPE_CHECKING:
    from oai._support.redact import Redactor

DEEPEST = 100
"""JSON nested deeper than this is kept as text."""


class CassetteStruct(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """The base of the structs in a cassette: plain data, without undeclared fields."""


def _json(separators: tuple[str, str] | None = None, indent: int | None = None) -> dict[str, Callable[[Any], str]]:
    def writer(kind: str) -> Callable[[Any], str]:
        end = "\n" if "newline" in kind else ""
        plain = "ascii" not in kind
        return lambda value: json.dumps(value, separators=separators, indent=indent, ensure_ascii=not plain) + end

    return {kind: writer(kind) for kind in ("", " newline", " ascii", " ascii newline")}


LAYOUTS: dict[str, Callable[[Any], str]] = {
    name + kind: write
    for name, writers in {"compact": _json((",", ":")), "spaced": _json(), "indented": _json(indent=2)}.items()
    for kind, write in writers.items()
}
"""The common layouts of JSON, by name. The first is the default."""


def lay_out(value: Any, layout: str | None) -> str:
    """Return plain data as JSON text."""
    return LAYOUTS[layout or "compact"](value)


def find_layout(value: Any, text: str) -> str | None:
    """Return the layout that reproduces a JSON text, or `None`."""
    shape = "indented" if re.match(r"[\[{]\n", text) else ""
    end = " newline" if text.endswith("\n") else ""
    names = [name for name in LAYOUTS if name.startswith(shape) and name.endswith("newline") == bool(end)]
    return next((name for name in names if LAYOUTS[name](value) == text), None)


NOT_JSON: Any = object()


def parse_json(text: str | bytes, deepest: int = DEEPEST) -> Any:
    """Return JSON text as plain data; `NOT_JSON` also for text that the data cannot reproduce.

    That is text with duplicate names, NaN, numbers beyond a float, lone surrogates, or excessive nesting.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return NOT_JSON
    return value if _depth(value, deepest) <= deepest else NOT_JSON


def json_problem(text: str) -> str:
    """Describe why text is not valid JSON, with the position; empty if it is valid."""
    try:
        json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1 : error.lineno]
        conflict = line and line[0].startswith(("<<<<<<<", "=======", ">>>>>>>"))
        problem = "unresolved merge conflict" if conflict else error.msg
        return f"line {error.lineno}, column {error.colno}: {problem}"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)
    return ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        duplicate = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise ValueError(f"duplicate name {duplicate!r} in an object")
    return value


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _depth(value: Any, limit: int) -> int:
    depth, level = 0, [value]
    while level and depth <= limit:
        depth += 1
        level = [item for each in level for item in _items(each)]
    return depth


def _items(value: Any) -> list[Any]:
    return list(value.values()) if is_object(value) else value if is_list(value) else []


def plain_text(content: bytes) -> str | None:
    """Return content as text if it is UTF-8 without control characters."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text) else text


class Chunk(CassetteStruct, kw_only=True):
    """A piece of a stream as it arrived."""

    after: float = 0.0
    event: str | None = None
    data: Any = UNSET
    layout: str | None = None
    text: str | None = None
    base64: str | None = None

    def content(self) -> bytes:
        """Return the bytes."""
        if self.data is not UNSET:
            head = "" if self.event is None else f"event: {self.event}\n"
            return f"{head}data: {lay_out(self.data, self.layout)}\n\n".encode()
        return base64.b64decode(self.base64 or "") if self.text is None else self.text.encode()


def keep_content(content: bytes, redactor: Redactor) -> dict[str, Any]:
    """Return the fields for a complete content, with secrets redacted."""
    if not content:
        return {}
    text = plain_text(content)
    if text is None:
        content = redact_unicode(content, redactor)
        return {"base64": base64.b64encode(content).decode(), "sha256": hashlib.sha256(content).hexdigest()}
    value = parse_json(text)
    if value is NOT_JSON:
        # It may be an event stream that was read whole, whose events have secret fields.
        events, _ = _substitute(content, [], _event_spans(content, redactor))
        return {"text": redactor.text(events.decode()).splitlines(keepends=True)}
    redacted = redactor.json(value)
    layout = find_layout(value, text)
    if layout is None and redacted == value and redactor.text(text) == text:
        return {"json": value, "exact": text}
    return {"json": redacted, "layout": None if layout == "compact" else layout}


def has_secret(content: bytes, redactor: Redactor) -> bool:
    """Return whether a content, JSON, events or other, has a secret that a cassette would not keep."""
    if _event_spans(content, redactor) or redactor.bytes(content) != content:
        return True
    return bool(redactor.leak(content.decode("latin-1")))


def redact_unicode(content: bytes, redactor: Redactor) -> bytes:
    """Return content with secrets redacted if it is text in UTF-8, UTF-16 or UTF-32; other content unchanged.

    Secrets in other binary content are left to `leaks.find_leaks`, which prevents writing: a replacement of another
    length would damage most binary formats.
    """
    text, _, _ = decode_unicode(content)
    return content if text is None else redactor.bytes(content)


def keep_stream(pieces: list[tuple[float, bytes]], redactor: Redactor) -> list[Chunk]:
    """Return a stream's pieces, each with the wait before it in seconds, as chunks with secrets redacted.

    Secrets are searched in the joined stream, since a boundary between pieces can split one. A boundary within a
    replaced part moves to its end.
    """
    pieces = [part for wait, piece in pieces for part in _split_events(wait, piece)]
    data = b"".join(piece for _, piece in pieces)
    if unicode_encoding(data) is not None and (redacted := redact_unicode(data, redactor)) != data:
        # Boundaries between pieces are lost, since every position in UTF-16 and UTF-32 moves.
        return [_chunk(redacted, coarse(sum(wait for wait, _ in pieces)))]
    cuts = list(accumulate(len(piece) for _, piece in pieces))
    data, cuts = _substitute(data, cuts, _event_spans(data, redactor))
    # In Latin-1 every character is one byte, so positions in the text are positions in the bytes.
    spans = [(start, end, new.encode()) for start, end, new in redactor.spans(data.decode("latin-1"))]
    data, cuts = _substitute(data, cuts, spans)
    chunks: list[Chunk] = []
    begin, waited = 0, 0.0
    for (wait, _), end in zip(pieces, cuts, strict=True):
        waited += wait
        if end > begin:
            chunks.append(_chunk(data[begin:end], coarse(waited)))
            begin, waited = end, 0.0
    return chunks


def _split_events(wait: float, piece: bytes) -> list[tuple[float, bytes]]:
    """Split a piece after each of its events: how many of them one read returns is chance."""
    if not piece.startswith((b"data:", b"event:")):
        return [(wait, piece)]
    parts = re.findall(rb"(?s).+?(?:\n\n|\Z)", piece)
    return [(0.0 if number else wait, part) for number, part in enumerate(parts)]


Spans = list[tuple[int, int, bytes]]


def _event_spans(data: bytes, redactor: Redactor) -> Spans:
    """Return the replacements for JSON with secret fields: of events, or of a whole body, such as an error's."""
    whole = parse_json(data)
    if whole is not NOT_JSON:
        redacted = redactor.json(whole)
        layout = find_layout(whole, data.decode())
        return [] if redacted == whole else [(0, len(data), lay_out(redacted, layout).encode())]
    spans: Spans = []
    for match in re.finditer(rb"(?m)^data: ?([^\r\n]*)", data):
        value = parse_json(match[1])
        if value is not NOT_JSON and (redacted := redactor.json(value)) != value:
            layout = find_layout(value, match[1].decode())
            spans.append((*match.span(1), lay_out(redacted, layout).encode()))
    return spans


def _substitute(data: bytes, cuts: list[int], spans: Spans) -> tuple[bytes, list[int]]:
    """Replace spans of bytes; return the result and the moved boundaries."""
    pieces: list[bytes] = []
    moved: list[int] = []
    begin = size = 0
    boundaries = iter(cuts)
    cut = next(boundaries, None)
    for start, end, new in [*spans, (len(data), len(data), b"")]:
        while cut is not None and cut <= start:
            moved.append(size + cut - begin)
            cut = next(boundaries, None)
        pieces += [data[begin:start], new]
        size += start - begin + len(new)
        while cut is not None and cut < end:
            moved.append(size)
            cut = next(boundaries, None)
        begin = end
    return b"".join(pieces), moved


def _chunk(piece: bytes, after: float) -> Chunk:
    match = re.fullmatch(rb"(?:event: ([^\r\n]*)\n)?data: ([^\r\n]*)\n\n", piece)
    text = plain_text(piece)
    if text is None:
        return Chunk(after=after, base64=base64.b64encode(piece).decode())
    if match is not None:
        value = parse_json(match[2])
        layout = None if value is NOT_JSON else find_layout(value, match[2].decode())
        if layout is not None:
            event = None if match[1] is None else match[1].decode()
            return Chunk(after=after, event=event, data=value, layout=None if layout == "compact" else layout)
    return Chunk(after=after, text=text)


def coarse(seconds: float) -> float:
    """Return a wait rounded to the scale 1-2-5, or 0 if it is too short to notice."""
    if seconds < 0.02:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(seconds))
    step = min((1, 2, 5, 10), key=lambda each: abs(math.log(seconds / unit / each)))
    return float(f"{step * unit:.2g}")
