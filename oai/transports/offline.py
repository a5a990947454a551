"""A transport that answers by itself: well-formed answers made from the operation's type, for first steps and tests.

    client = oai.OpenAI(transport=oai.OfflineTransport())

It needs no key, no network and no file of its own. The same request gets the same answer, streams included, and the
texts in it say that nobody was asked. A JSON schema is answered with data that fits it, functions with a call,
a batch with a file of answers to its requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from oai._answer import is_of_httpx
from oai._http import Headers, Request, TransportError
from oai._object import Object, tag_fields
from oai._response import Response
from oai._sample import Sampler
from oai._sample_batches import Batches
from oai._sample_calls import calling, calling_events, wanted_call, wanted_schema
from oai._sample_events import make_events, tagged_variants
from oai._sample_schema import from_schema
from oai._sample_sound import tone
from oai._sample_words import FILLED, PREFERRED
from oai._shape import as_dict, as_list

if TYPE_CHECKING:
    from oai._http import DeclaredOperation as Operation

KEPT = 16 * 1024 * 1024
"""Bytes of a body that are looked at; the rest of a larger upload is read and counted."""

QUOTED = 80
"""Characters of a question that an answer repeats."""

MOST_ITEMS = 2048
"""The longest list that an answer has because the request asked for so many."""

TEXT_FORMATS = {
    "srt": "1\n00:00:00,000 --> 00:00:02,000\n{}\n",
    "text": "{}\n",
    "vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{}\n",
}
"""What an answer looks like that is text because the request asked for it, by `response_format`."""

ANYTHING = (Any, object, dict, Object, Response)
"""Types that say nothing, so that the answer tells about the request."""


class OfflineTransport:
    """Answers every request without sending it, in the form that its operation's type asks for."""

    needs_key = False

    def __init__(self) -> None:
        self._closed = False
        self._batches = Batches(answer)

    def send(self, request: Request) -> OfflineReply:
        """Make the answer; an upload is read to its end, as if it were sent.

        Raises:
            TransportError: the transport was closed.
        """
        if self._closed:
            raise TransportError("closed", "the offline transport was closed")
        status, kind, pieces = self._batches.answer(request)
        headers = [("content-type", kind)] if kind else []
        return OfflineReply(status, Headers([*headers, ("x-request-id", "offline")]), pieces)

    def close(self) -> None:
        """Refuse what is sent from now on."""
        self._closed = True


class OfflineReply:
    """An answer in memory, or one that is made as it is read."""

    def __init__(self, status: int, headers: Headers, pieces: Iterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._pieces: Iterator[bytes] | None = pieces

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        while self._pieces is not None:
            piece = next(self._pieces, None)
            if piece is None:
                return
            yield piece
        raise TransportError("closed", "the answer was closed")

    def close(self) -> None:
        """Give up the rest."""
        self._pieces = None


class Asked(msgspec.Struct):
    """What a request says, as far as an answer can make use of it.

    Attributes:
        fields: path, query and body parameters by name.
        last: the path's last parameter where the answer is the very thing that it names.
        files: name and size in bytes of each upload.
        words: how many words the body has, which stand for its tokens.
    """

    fields: dict[str, Any]
    last: str | None
    files: list[tuple[str, int]]
    words: int


def answer(request: Request, said: Sequence[str] | None = None) -> tuple[int, str, Iterator[bytes]]:
    """Return status, content type and body of the answer to a request.

    What it says, where it says something, is made up unless it is given, piece by piece as a stream brings it.
    """
    operation = request.operation
    asked = read_request(request)
    sampler = make_sampler(asked)
    if said is not None:
        sampler = sampler.but(text="".join(said))
    if operation is None:
        return _json(_echo(request, sampler))
    call = wanted_call(operation.name, asked.fields) if said is None else None
    if call is not None:
        return _calling(operation, asked, sampler, call, stream=request.stream)
    if request.stream:
        return 200, "text/event-stream", _stream(operation, asked, sampler, said)
    if operation.response_type in ANYTHING or is_of_httpx(operation.response_type):
        return _json(_echo(request, sampler))
    return _whole(operation, asked, sampler, spoken=bool(said))


def _whole(operation: Operation, asked: Asked, sampler: Sampler, *, spoken: bool) -> tuple[int, str, Iterator[bytes]]:
    kind = operation.response_type
    form = str(asked.fields.get("response_format"))
    if kind in (None, type(None)):
        return 204, "", iter(())
    if kind is bytes:
        return 200, *_binary(operation)
    if kind is str or (form in TEXT_FORMATS and "transcri" in operation.name):
        layout = "{}" if spoken and form not in TEXT_FORMATS else TEXT_FORMATS.get(form, "{}\n")
        return 200, "text/plain; charset=utf-8", iter((layout.format(sampler.text).encode(),))
    return _json(sampler.make(kind))


def _calling(
    operation: Operation, asked: Asked, sampler: Sampler, call: dict[str, Any], *, stream: bool
) -> tuple[int, str, Iterator[bytes]]:
    if not stream:
        return _json(calling(operation.name, sampler, operation.response_type, call))
    kinds = tagged_variants(operation.stream_type) or {"": operation.stream_type}
    events = calling_events(operation.name, sampler, kinds, call, usage=_counted(asked))
    return 200, "text/event-stream", put_events(operation, events)


def _json(value: Any) -> tuple[int, str, Iterator[bytes]]:
    return 200, "application/json", iter((msgspec.json.encode(value),))


def _echo(request: Request, sampler: Sampler) -> dict[str, str]:
    path = urlsplit(request.url).path
    return {"object": "offline", "method": request.method, "path": path, "message": sampler.text}


def _stream(operation: Operation, asked: Asked, sampler: Sampler, said: Sequence[str] | None = None) -> Iterator[bytes]:
    events = make_events(operation.stream_type, sampler, operation.row.end, usage=_counted(asked), said=said)
    return put_events(operation, events)


def _counted(asked: Asked) -> bool:
    return bool(as_dict(asked.fields.get("stream_options")).get("include_usage"))


def put_events(operation: Operation, events: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield events on the wire's form, each in a piece, with the end marker that the operation's stream has."""
    ends = operation.row.end
    named = "event" in tag_fields(operation.stream_type)
    ended = False
    for event in events:
        head = f"event: {event['event']}\n" if named else ""
        ended = event.get("type", event.get("event")) in ends
        yield f"{head}data: ".encode() + msgspec.json.encode(event["data"] if named else event) + b"\n\n"
    if not ended or named:
        yield b"event: done\ndata: [DONE]\n\n" if named else b"data: [DONE]\n\n"


def _binary(operation: Operation) -> tuple[str, Iterator[bytes]]:
    if "audio" in operation.row.path:
        return "audio/wav", iter((tone(),))
    line = msgspec.json.encode(
        {"object": "offline", "operation": operation.name, "message": "This content is made up."}
    )
    return "application/octet-stream", iter((line + b"\n",))


def make_sampler(asked: Asked) -> Sampler:
    """Turn what was asked into hints for the answer."""
    fields = asked.fields
    known = dict(fields)
    if asked.files:
        known["filename"], known["bytes"] = asked.files[-1]
    n = _count(fields.get("n"))
    counts: dict[str, int] = {"choices": n, "data": n} if n else {}
    inputs = as_list(fields.get("input"))
    inputs = inputs if inputs and all(isinstance(each, str) for each in inputs) else [fields.get("input")]
    if len(inputs) > 1:
        counts["data"] = counts["results"] = min(len(inputs), MOST_ITEMS)
    if dimensions := _count(fields.get("dimensions")):
        counts["embedding"] = dimensions
    form = str(fields.get("response_format"))
    return Sampler(
        text=_reply(asked),
        known=known,
        root={} if asked.last is None else {"id": asked.last},
        counts=counts,
        inputs=[each if isinstance(each, str) else "" for each in inputs],
        tokens=asked.words,
        filled=FILLED - {"b64_json"} | {"url"} if form == "url" else FILLED,
        preferred=(*_VARIANTS.get(form, ()), *PREFERRED),
        base64=fields.get("encoding_format") == "base64",
    )


def _count(value: Any) -> int:
    """Return a number of items that was asked for, in JSON or as the text of a form; 0 for none that will be made."""
    count = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 9 else value
    return count if isinstance(count, int) and 0 < count <= MOST_ITEMS else 0


_VARIANTS = {
    "diarized_json": ("TranscriptionDiarized",),
    "verbose_json": ("TranscriptionVerbose", "TranslationVerbose"),
}
"""The variants of an answer that the request chooses, by `response_format`."""


def _reply(asked: Asked) -> str:
    schema = wanted_schema(asked.fields)
    if schema is not None:
        return msgspec.json.encode(from_schema(schema)).decode()
    said = next((text for name in ("messages", "input", "prompt") if (text := _said(asked.fields.get(name)))), "")
    if not said:
        return "This is an offline answer: it is made up, and no server was asked."
    line = " ".join(said.split())
    line = line if len(line) <= QUOTED else f"{line[:QUOTED]}..."
    kind = as_dict(asked.fields.get("response_format")).get("type")
    text = f'You said: "{line}". This is an offline answer: it is made up, and no server was asked.'
    return msgspec.json.encode({"answer": text}).decode() if kind == "json_object" else text


def _said(value: Any) -> str:
    """Return the last text of a user in a conversation, a list of texts, or a text."""
    if isinstance(value, str):
        return value
    item = as_dict(value)
    if item and item.get("role", "user") == "user":
        return _said(item.get("content", item.get("text")))
    return next((text for each in reversed(as_list(value)) if (text := _said(each))), "")


def read_request(request: Request) -> Asked:
    """Read a request as a server would; an upload is read to its end."""
    parts = urlsplit(request.url)
    path = path_values(request, parts.path)
    kept, length = _read_body(request)
    kind = Headers(request.headers).get("content-type", "")
    files: list[tuple[str, int]] = []
    fields: dict[str, Any] = {}
    if kind.startswith("multipart/form-data"):
        fields, files = read_form(kind, kept, length)
    elif kept:
        fields = _read_json(kept)
    template = request.operation.row.path if request.operation else ""
    # `/files/{file_id}` answers the file, as does `/batches/{batch_id}/cancel`; `/threads/{thread_id}/runs` does not.
    names_answer = path and re.search(r"\}(/\w*[^\Ws])?$", urlsplit(template).path)
    last = list(path.values())[-1] if names_answer else None
    query = dict(parse_qsl(parts.query))
    return Asked({**query, **fields, **path}, last, files, len(re.findall(rb"\w+", kept)))


def path_values(request: Request, path: str) -> dict[str, str]:
    """Return the parameters that stand in a path, by the template that it was made from."""
    if request.operation is None:
        return {}
    pieces = re.split(r"\{(\w+)\}", urlsplit(request.operation.row.path).path)
    pattern = "".join(f"(?P<{each}>[^/]+)" if odd % 2 else re.escape(each) for odd, each in enumerate(pieces))
    found = re.search(f"{pattern}$", path)
    return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}


def _read_body(request: Request) -> tuple[bytes, int]:
    """Return the first bytes of a body, and how many it has in all."""
    if request.body is None or isinstance(request.body, bytes):
        return request.body or b"", len(request.body or b"")
    kept = bytearray()
    length = 0
    for piece in request.body:
        length += len(piece)
        kept += piece[: max(KEPT - len(kept), 0)]
    return bytes(kept), length


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        return as_dict(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return {}


def read_form(kind: str, kept: bytes, length: int) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """Return the fields of a multipart form, and name and size of its files. Its end may be missing.

    Args:
        kind: the content type, which names the boundary.
        kept: the start of the body.
        length: the size of the whole body in bytes.
    """
    delimiter = b"\r\n--" + kind.partition("boundary=")[2].strip('"').encode()
    fields: dict[str, Any] = {}
    files: list[tuple[str, int]] = []
    for part in (b"\r\n" + kept).split(delimiter)[1:]:
        head, blank, content = part.partition(b"\r\n\r\n")
        names = dict(re.findall(r'\b(name|filename)="([^"]*)"', head.decode(errors="replace")))
        if "filename" in names:
            files.append((names["filename"], len(content)))
        elif blank and "name" in names:
            fields[names["name"]] = content.decode(errors="replace")
    if files and length > len(kept):  # what was not kept belongs to the last file, all but the closing delimiter
        files[-1] = (files[-1][0], files[-1][1] + length - len(kept) - len(delimiter) - len("--\r\n"))
    return fields, files
