"""Invent a response: the status, content type and body that fit a request and the types of its operation."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from oai._http.foreign_types import is_of_httpx
from oai._http.response import Response
from oai._incoming.reading import ParsedRequest, read_request
from oai._json.objects import Object
from oai._json.unions import tag_fields
from oai._offline.events import make_events, tagged_variants
from oai._offline.from_schema import from_schema
from oai._offline.sampler import SampleFactory
from oai._offline.tool_calls import calling, calling_events, wanted_call, wanted_schema
from oai._offline.words import OPTIONAL_FIELDS_TO_FILL, PREFERRED
from oai._support.plain_data import as_dict, as_list

if TYPE_CHECKING:
    from oai._http.messages import DeclaredOperation, Request

DISCLAIMER = "This is an offline response: it was invented without contacting a server."

QUOTED = 80
"""Characters of a prompt that the response quotes."""

MOST_ITEMS = 2048
"""The longest list in a response, however many items the request asks for."""

TEXT_FORMATS = {
    "srt": "1\n00:00:00,000 --> 00:00:02,000\n{}\n",
    "text": "{}\n",
    "vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{}\n",
}
"""Layouts of plain-text transcriptions, by `response_format`."""

ANYTHING = (Any, object, dict, Object, Response)
"""Types that any JSON fits; a response of such a type describes the request."""


def answer(request: Request, texts: Sequence[str] | None = None) -> tuple[int, str, Iterator[bytes]]:
    """Return status, content type and body of the response to a request.

    Args:
        request: the request.
        texts: the text of the response, in the pieces in which a stream sends it; invented by default.
    """
    operation = request.operation
    parsed = read_request(request)
    sampler = make_sampler(parsed)
    if texts is not None:
        sampler = sampler.replace(text="".join(texts))
    if operation is None:
        return _json(_echo(request, sampler))
    call = wanted_call(operation.name, parsed.fields) if texts is None else None
    if call is not None:
        return _calling(operation, parsed, sampler, call, stream=request.events)
    if request.events:
        return 200, "text/event-stream", _stream(operation, parsed, sampler, texts)
    if operation.response_type in ANYTHING or is_of_httpx(operation.response_type):
        return _json(_echo(request, sampler))
    return _whole(operation, parsed, sampler, spoken=bool(texts))


def _whole(
    operation: DeclaredOperation, parsed: ParsedRequest, sampler: SampleFactory, *, spoken: bool
) -> tuple[int, str, Iterator[bytes]]:
    kind = operation.response_type
    form = str(parsed.fields.get("response_format"))
    if kind in (None, type(None)):
        return 204, "", iter(())
    if kind is bytes:
        return 200, *_binary(operation)
    if kind is str or (form in TEXT_FORMATS and "transcri" in operation.name):
        layout = "{}" if spoken and form not in TEXT_FORMATS else TEXT_FORMATS.get(form, "{}\n")
        return 200, "text/plain; charset=utf-8", iter((layout.format(sampler.text).encode(),))
    return _json(sampler.make(kind))


def _calling(
    operation: DeclaredOperation, parsed: ParsedRequest, sampler: SampleFactory, call: dict[str, Any], *, stream: bool
) -> tuple[int, str, Iterator[bytes]]:
    if not stream:
        return _json(calling(operation.name, sampler, operation.response_type, call))
    kinds = tagged_variants(operation.stream_type) or {"": operation.stream_type}
    events = calling_events(operation.name, sampler, kinds, call, usage=_counted(parsed))
    return 200, "text/event-stream", put_events(operation, events)


def _json(value: Any) -> tuple[int, str, Iterator[bytes]]:
    return 200, "application/json", iter((msgspec.json.encode(value),))


def _echo(request: Request, sampler: SampleFactory) -> dict[str, str]:
    path = urlsplit(request.url).path
    return {"object": "offline", "method": request.method, "path": path, "message": sampler.text}


def _stream(
    operation: DeclaredOperation, parsed: ParsedRequest, sampler: SampleFactory, texts: Sequence[str] | None = None
) -> Iterator[bytes]:
    events = make_events(operation.stream_type, sampler, operation.row.end, usage=_counted(parsed), texts=texts)
    return put_events(operation, events)


def _counted(parsed: ParsedRequest) -> bool:
    return bool(as_dict(parsed.fields.get("stream_options")).get("include_usage"))


def put_events(operation: DeclaredOperation, events: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield events as server-sent events, one per piece, and the end marker that the operation's streams have."""
    ends = operation.row.end
    named = "event" in tag_fields(operation.stream_type)
    ended = False
    for event in events:
        head = f"event: {event['event']}\n" if named else ""
        ended = event.get("type", event.get("event")) in ends
        yield f"{head}data: ".encode() + msgspec.json.encode(event["data"] if named else event) + b"\n\n"
    if not ended or named:
        yield b"event: done\ndata: [DONE]\n\n" if named else b"data: [DONE]\n\n"


def _binary(operation: DeclaredOperation) -> tuple[str, Iterator[bytes]]:
    if "audio" in operation.row.path:
        return "audio/wav", iter((_tone(),))
    line = msgspec.json.encode(
        {"object": "offline", "operation": operation.name, "message": "This content is invented."}
    )
    return "application/octet-stream", iter((line + b"\n",))


@cache
def _tone() -> bytes:
    """Return a quarter of a second of a 440 Hz tone as a WAV file (RIFF, PCM, 8 bits, one channel, 8 kHz)."""
    rate = 8000
    samples = bytes(128 + round(60 * math.sin(2 * math.pi * 440 * index / rate)) for index in range(rate // 4))
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(layout) + len(data), b"WAVE") + layout + data


def make_sampler(parsed: ParsedRequest) -> SampleFactory:
    """Return a sample factory with hints taken from a request."""
    fields = parsed.fields
    known = dict(fields)
    if parsed.files:
        known["filename"], known["bytes"] = parsed.files[-1]
    n = _count(fields.get("n"))
    counts: dict[str, int] = {"choices": n, "data": n} if n else {}
    inputs = as_list(fields.get("input"))
    inputs = inputs if inputs and all(isinstance(each, str) for each in inputs) else [fields.get("input")]
    if len(inputs) > 1:
        counts["data"] = counts["results"] = min(len(inputs), MOST_ITEMS)
    if dimensions := _count(fields.get("dimensions")):
        counts["embedding"] = dimensions
    form = str(fields.get("response_format"))
    return SampleFactory(
        text=_reply(parsed),
        known=known,
        root={} if parsed.last is None else {"id": parsed.last},
        counts=counts,
        inputs=[each if isinstance(each, str) else "" for each in inputs],
        tokens=parsed.words,
        filled=OPTIONAL_FIELDS_TO_FILL - {"b64_json"} | {"url"} if form == "url" else OPTIONAL_FIELDS_TO_FILL,
        preferred=(*_VARIANTS.get(form, ()), *PREFERRED),
        base64=fields.get("encoding_format") == "base64",
    )


def _count(value: Any) -> int:
    """Return a requested number of items, from JSON or from the text of a form field; 0 if it is out of range."""
    count = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 9 else value
    return count if isinstance(count, int) and 0 < count <= MOST_ITEMS else 0


_VARIANTS = {
    "diarized_json": ("TranscriptionDiarized",),
    "verbose_json": ("TranscriptionVerbose", "TranslationVerbose"),
}
"""The variants of a response that `response_format` selects."""


def _reply(parsed: ParsedRequest) -> str:
    schema = wanted_schema(parsed.fields)
    if schema is not None:
        return msgspec.json.encode(from_schema(schema)).decode()
    prompts = (_last_prompt(parsed.fields.get(name)) for name in ("messages", "input", "prompt"))
    prompt = next(filter(None, prompts), "")
    if not prompt:
        return DISCLAIMER
    line = " ".join(prompt.split())
    line = line if len(line) <= QUOTED else f"{line[:QUOTED]}..."
    kind = as_dict(parsed.fields.get("response_format")).get("type")
    text = f'You said: "{line}". {DISCLAIMER}'
    return msgspec.json.encode({"answer": text}).decode() if kind == "json_object" else text


def _last_prompt(value: Any) -> str:
    """Return the user's last text in a conversation, a list of texts, or a text."""
    if isinstance(value, str):
        return value
    item = as_dict(value)
    if item and item.get("role", "user") == "user":
        return _last_prompt(item.get("content", item.get("text")))
    return next(filter(None, map(_last_prompt, reversed(as_list(value)))), "")
