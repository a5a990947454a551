"""Secrets of every name and form, planted everywhere in exchanges: none is written, and `find_leaks` finds each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from secret_samples import KEYS, PEM, VALUE, WORDS, spellings

import oai.transports.recorder
from oai._http.messages import Headers, Request
from oai._recording import cassette
from oai._recording import session as _session
from oai._recording.leaks import find_leaks
from oai._request.multipart import Multipart
from oai._support.redact import Redactor
from oai.transports.recorder import Recorder, SecretFound

JSON = [("Content-Type", "application/json")]
EVENTS = [("Content-Type", "text/event-stream")]
XML = [("Content-Type", "text/xml")]
FORM = [("Content-Type", "application/x-www-form-urlencoded")]

NAMES = [name for words in WORDS for name in spellings(words)]


class Exchanged:
    """A request, and the transport and reply that respond to it."""

    needs_key = False

    def __init__(
        self,
        *,
        url: str = "http://x.test/v1/x",
        headers: Any = (),
        body: Any = None,
        stream: bool = False,
        reply_headers: Any = JSON,
        content: bytes = b"{}",
    ) -> None:
        self.request = Request("POST", url, list(headers), body, stream=stream)
        self.status, self.headers, self.content = 200, Headers(reply_headers), content

    def send(self, _: Request) -> Exchanged:
        return self

    def read(self) -> bytes:
        return self.content

    def __iter__(self) -> Iterator[bytes]:
        third = len(self.content) // 3
        yield from (self.content[:third], self.content[third:])

    def close(self) -> None: ...


def form(fields: dict[str, str]) -> Exchanged:
    body = Multipart(fields, [])
    return Exchanged(headers=[("Content-Type", body.content_type)], body=body)


def text_of(name: str, value: str) -> bytes:
    return json.dumps({name: value, "é": "ü", "n": 1}, ensure_ascii=False).encode()


def element(name: str, value: str) -> str:
    tag = name.replace(" ", "_")
    return f'<?xml version="1.0"?><a><{tag}>{value}</{tag}></a>'


PLACES: dict[str, Callable[[str, str], Exchanged]] = {
    "field of a request": lambda name, value: Exchanged(headers=JSON, body=json.dumps({"a": [{name: value}]}).encode()),
    "JSON within a request": lambda name, value: Exchanged(
        headers=JSON, body=json.dumps({"arguments": json.dumps({name: value})}).encode()
    ),
    "form field": lambda name, value: form({name: value}),
    "JSON within a form field": lambda name, value: form({"metadata": json.dumps({name: value})}),
    "urlencoded request": lambda name, value: Exchanged(headers=FORM, body=urlencode({name: value, "b": "c"}).encode()),
    "XML request": lambda name, value: Exchanged(headers=XML, body=element(name, value).encode()),
    "query": lambda name, value: Exchanged(url=f"http://x.test/v1/x?{urlencode({name: value})}"),
    "request header": lambda name, value: Exchanged(headers=[("X-Compared", f"{name.replace(' ', '-')}={value}")]),
    "response header": lambda name, value: Exchanged(reply_headers=[(name.replace(" ", "-"), value)]),
    "Location": lambda name, value: Exchanged(reply_headers=[("Location", f"https://x/cb?{urlencode({name: value})}")]),
    "Link": lambda name, value: Exchanged(reply_headers=[("Link", f"<https://x/cb?a=b&{urlencode({name: value})}>")]),
    "field of a response": lambda name, value: Exchanged(content=text_of(name, value)),
    "list in a response": lambda name, value: Exchanged(content=json.dumps([{name: [value]}]).encode()),
    "JSON within a response": lambda name, value: Exchanged(
        content=json.dumps({"a": json.dumps({name: value})}).encode()
    ),
    "truncated JSON": lambda name, value: Exchanged(content=text_of(name, value)[:-8]),
    "JSON lines": lambda name, value: Exchanged(content=b'{"a": 1}\n' + text_of(name, value) + b"\n"),
    "urlencoded response": lambda name, value: Exchanged(content=urlencode({"a": "b", name: value}).encode()),
    "first of an urlencoded response": lambda name, value: Exchanged(
        content=urlencode({name: value, "a": "b"}).encode()
    ),
    "XML response": lambda name, value: Exchanged(content=element(name, value).encode()),
    "configuration": lambda name, value: Exchanged(content=f"{name.replace(' ', '_')}: {value}\n".encode()),
    "event": lambda name, value: Exchanged(
        stream=True, reply_headers=EVENTS, content=b"data: " + text_of(name, value) + b"\n\ndata: [DONE]\n\n"
    ),
    "JSON in response to a stream": lambda name, value: Exchanged(stream=True, content=text_of(name, value)),
    "XML in response to a stream": lambda name, value: Exchanged(stream=True, content=element(name, value).encode()),
    **{
        f"JSON in {codec}": lambda name, value, codec=codec: Exchanged(  # type: ignore[misc]
            content=text_of(name, value).decode().encode(codec)
        )
        for codec in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")
    },
    "XML in UTF-16": lambda name, value: Exchanged(content=element(name, value).encode("utf-16")),
    "stream in UTF-16": lambda name, value: Exchanged(
        stream=True, content=text_of(name, value).decode().encode("utf-16")
    ),
}
"""Exchanges with a named secret, by the place of the secret."""

ENCODED = ("Location", "Link", "query", "urlencoded response", "first of an urlencoded response")
"""Places where characters of a key can be encoded, so that it is not redacted; then nothing is written at all."""


def record(path: Path, exchanges: list[Exchanged]) -> None:
    with Recorder(path, mode="record", keep_headers=["*"], compare_headers=["x-compared"]) as recorder:
        for each in exchanges:
            recorder._transport = each
            reply = recorder.send(each.request)
            list(reply) if each.request.stream else reply.read()


CODECS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")


def readable(path: Path) -> str:
    """Return the text of a cassette, and the content of its replies decoded in every encoding."""
    contents = [exchange.reply.content() for exchange in cassette.read(str(path))]
    return "\n".join([path.read_text(), *(raw.decode(codec, "ignore") for raw in contents for codec in CODECS)])


class Indifferent(Redactor):
    """A redactor that redacts nothing, as if cassettes were written by hand."""

    def learn(self, secret: str, least: int = 0) -> None: ...

    def text(self, text: str) -> str:
        return text

    def bytes(self, content: bytes) -> bytes:
        return content

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        return []

    def url(self, url: str) -> str:
        return url

    def parameter(self, name: str, value: str) -> str:
        return value

    def field(self, name: str, value: str) -> str:
        return value

    def json(self, value: Any, *, secret: bool = False) -> Any:
        return value


@pytest.fixture
def indifferent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Let recorders write secrets."""
    monkeypatch.setattr(oai.transports.recorder, "Redactor", Indifferent)
    monkeypatch.setattr(_session, "is_secret_header", lambda _: False)
    monkeypatch.setattr(_session.RecordingSession, "_check", lambda *_: None)
    yield
    (tmp_path / "c").unlink()  # else the fixture of all tests finds the secrets


def names_for(place: str) -> list[str]:
    """Return a fifth of the names: another one for each place, so that all are planted in several places."""
    return NAMES[list(PLACES).index(place) % 5 :: 5]


@pytest.mark.parametrize("place", PLACES)
def test_secret_of_any_name_is_not_written(tmp_path: Path, place: str) -> None:
    for name in names_for(place):
        record(tmp_path / "c", [PLACES[place](name, VALUE)])
        assert VALUE not in readable(tmp_path / "c"), name


@pytest.mark.usefixtures("indifferent")
@pytest.mark.parametrize("place", PLACES)
def test_secret_of_any_name_is_found_in_a_cassette(tmp_path: Path, place: str) -> None:
    for name in names_for(place):
        record(tmp_path / "c", [PLACES[place](name, VALUE)])
        assert VALUE in readable(tmp_path / "c")
        [exchange] = cassette.read(str(tmp_path / "c"))
        leaks = list(find_leaks(exchange, Redactor()))
        assert leaks, name
        assert VALUE not in str(leaks)


@pytest.mark.parametrize("form", [*KEYS.values(), PEM.format("", "")], ids=[*KEYS, "PEM"])
def test_key_of_any_service_is_not_written(tmp_path: Path, form: str) -> None:
    for place, make in PLACES.items():
        path = tmp_path / f"{place}.cassette"
        with suppress(SecretFound) if place in ENCODED else nullcontext():
            record(path, [make("note", form)])
        text = readable(path) if path.exists() else ""
        assert form not in text
        assert json.dumps(form)[1:-1] not in text
        assert form[len(form) // 3 :] not in text


@pytest.mark.usefixtures("indifferent")
@pytest.mark.parametrize("form", [*KEYS.values(), PEM.format("", "")], ids=[*KEYS, "PEM"])
def test_key_of_any_service_is_found_in_a_cassette(tmp_path: Path, form: str) -> None:
    path = tmp_path / "c"
    record(path, [make("note", form) for make in PLACES.values()])
    for place, exchange in zip(PLACES, cassette.read(str(path)), strict=True):
        leaks = list(find_leaks(exchange, Redactor()))
        assert leaks, place
        assert form not in str(leaks)


def test_identifying_header_that_is_compared_is_not_written(tmp_path: Path) -> None:
    exchanged = Exchanged(headers=[("OpenAI-Organization", "org-of-the-tests")])
    with Recorder(tmp_path / "c", exchanged, mode="record", compare_headers=["openai-organization"]) as recorder:
        recorder.send(exchanged.request).read()
    assert "org-of-the-tests" not in (tmp_path / "c").read_text()
