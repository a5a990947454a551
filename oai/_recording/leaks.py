"""Search an exchange for secrets: by their form, by the name of their field, and across the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from oai._recording.content import redact_unicode
from oai._support.plain_data import is_list, is_object
from oai._support.redact import LEAST_SECRET, REDACTED, is_secret_header

if TYPE_CHECKING:
    from oai._recording.cassette import Exchange
    from oai._support.redact import Redactor


def find_leak(exchange: Exchange, redactor: Redactor) -> str:
    """Describe the first secret in an exchange and its position, such as `... at reply.json.id`; empty if none."""
    return next(find_leaks(exchange, redactor), "")


def find_leaks(exchange: Exchange, redactor: Redactor) -> Iterator[str]:
    """Describe each secret in an exchange by kind and position, without its value."""
    plain = msgspec.to_builtins(exchange)
    stream = exchange.reply.chunks is not None
    chunks = plain["reply"].pop("chunks", [])
    content = exchange.reply.content()
    reported: set[str] = set()
    for where in _secret_fields(plain, chunks, redactor):
        reported.add(where)
        yield f"what looks like a key, or a field that holds one, at {where}"
    for where, text in [*_leaves("", plain), *_leaves("reply.chunks", chunks)]:
        if where not in reported and (leak := redactor.leak(text)):
            reported.add(where)
            yield f"{leak} at {where}"
    if reported:
        return  # the joined texts below would report the same secrets again
    texts = [*_joined(chunks)]
    if exchange.reply.text is not None:
        texts.append(("reply.text", content.decode()))  # a key in PEM has several lines
    if stream or exchange.reply.base64 is not None:
        where = "reply.chunks" if stream else "reply.base64"
        texts.append((where, content.decode("latin-1")))
        if redact_unicode(content, redactor) != content:
            yield f"what looks like a key, or a field that holds one, at {where}"
            return
    yield from (f"{leak} at {where}" for where, text in texts if (leak := redactor.leak(text)))


def _secret_fields(plain: dict[str, Any], chunks: list[dict[str, Any]], redactor: Redactor) -> Iterator[str]:
    """Yield the positions of secrets that are identified by the name of their field, header or parameter."""
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


def _differing(where: str, original: Any, changed: Any) -> Iterator[str]:
    """Yield the positions where plain data differs from its redacted form."""
    if is_object(original) and original.keys() == changed.keys():
        for name, item in original.items():
            yield from _differing(f"{where}.{name}", item, changed[name])
    elif is_object(original):
        yield f"a name in {where}"
    elif is_list(original):
        for place, (item, redacted) in enumerate(zip(original, changed, strict=True)):
            yield from _differing(f"{where}[{place}]", item, redacted)
    elif original != changed:
        yield where


def _leaves(where: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text and every name in plain data, with its position."""
    if isinstance(value, str):
        yield where, value
    elif is_list(value):
        for place, item in enumerate(value):
            yield from _leaves(f"{where}[{place}]", item)
    elif is_object(value):
        for name, item in value.items():
            yield f"a name in {where or 'it'}", name
            yield from _leaves(f"{where}.{name}" if where else name, item)


def _joined(chunks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the texts of a stream's events, joined by their position in the event, since deltas can split a secret."""
    texts_by_position: dict[str, list[str]] = {}
    for chunk in chunks:
        for where, text in _leaves("", chunk.get("data")):
            texts_by_position.setdefault(where, []).append(text)
    for where, texts in texts_by_position.items():
        if len(texts) > 1:
            yield f"{where} of the joined events", "".join(texts)
