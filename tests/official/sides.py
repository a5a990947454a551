"""Both clients over one transport in memory: `oai` and the official SDK, the requests they send, the answers they get."""

from __future__ import annotations

import asyncio
import email
import inspect
import json
import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, settings

import oai
from oai.transports import Headers, Request

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
httpx = pytest.importorskip("httpx2")

SIDES = (oai, openai)

BASE = "http://127.0.0.1:9/v1"

UNCOMPARED = {"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent"}
"""Header fields of the connection and of the program; the SDK's telemetry (`x-stainless-*`) is left out as well."""


@dataclass(frozen=True)
class Reply:
    """A response in pieces, for either client."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    pieces: tuple[bytes, ...] = (b"{}",)

    @classmethod
    def of_json(cls, value: Any, status: int = 200, **headers: str) -> Reply:
        fields = tuple((name.replace("_", "-"), text) for name, text in headers.items())
        return cls(status, (("content-type", "application/json"), *fields), (json.dumps(value).encode(),))

    @classmethod
    def of_events(cls, events: Iterable[Any], *, named: bool = False, done: bool = True) -> Reply:
        pieces = [_event(event, named=named) for event in events]
        pieces += [b"data: [DONE]\n\n"] * done
        return cls(200, (("content-type", "text/event-stream"),), tuple(pieces))


def _event(event: Any, *, named: bool) -> bytes:
    name = f"event: {event['type']}\n" if named else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


@dataclass(frozen=True)
class Sent:
    """A request in a form in which everything that does not matter is equal."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any


def sent(method: str, url: str, fields: Iterable[tuple[str, str]], body: bytes) -> Sent:
    lowered = {name.lower(): value for name, value in fields}
    headers = {k: v for k, v in lowered.items() if k not in UNCOMPARED and not k.startswith("x-stainless-")}
    return normalized(method, url, headers, body)


def normalized(method: str, url: str, headers: dict[str, str], body: bytes) -> Sent:
    """Return a request with the headers to compare, by their names in lower case."""
    headers = {**headers}
    kind = headers.get("content-type", "")
    content: Any = body
    if kind.startswith("multipart/"):
        content = sorted(form_parts(kind, body), key=repr)
        headers["content-type"] = kind.partition(";")[0]
    elif not body:
        headers.pop("content-type", None)  # the SDK sends the type of a body that it does not send
    elif kind == "application/json":
        content = json.loads(body)
    parts = urlsplit(url)
    return Sent(method, parts.path, sorted(parse_qsl(parts.query, keep_blank_values=True)), headers, content)


def form_parts(kind: str, body: bytes) -> Iterator[tuple[str, str | None, str | None, bytes]]:
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    for part in message.get_payload() if message.is_multipart() else ():
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        yield str(name), part.get_filename(), part["content-type"], payload


Answering = Callable[[Request], Reply]


@dataclass
class Exchange:
    """What was sent, and the function that makes the response to each request."""

    answer: Answering = lambda request: Reply()
    requests: list[Sent] = field(default_factory=list)

    def take(self, request: Request) -> Reply:
        body = request.body if isinstance(request.body, bytes) else b"".join(request.body or ())
        self.requests.append(sent(request.method, request.url, request.headers, body))
        return self.answer(request)


class _OaiReply:
    def __init__(self, reply: Reply) -> None:
        self.status, self.headers, self._pieces = reply.status, Headers(reply.headers), reply.pieces

    def read(self) -> bytes:
        return b"".join(self._pieces)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    def close(self) -> None:
        pass


class _OaiTransport:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def send(self, request: Request) -> _OaiReply:
        return _OaiReply(self._exchange.take(request))

    def close(self) -> None:
        pass


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]  # its base is of an optional package
    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class _OfficialTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):  # type: ignore[misc]  # as above
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def handle_request(self, request: Any) -> Any:
        request.read()
        return self._reply(request)

    async def handle_async_request(self, request: Any) -> Any:
        await request.aread()
        return self._reply(request)

    def _reply(self, request: Any) -> Any:
        pairs = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw]
        reply = self._exchange.take(Request(request.method, str(request.url), pairs, request.content))
        return httpx.Response(reply.status, headers=list(reply.headers), stream=_Pieces(reply.pieces))


def client(module: Any, exchange: Exchange, *, is_async: bool = False, **options: Any) -> Any:
    """Return a client of either module that sends over the exchange."""
    base = {"api_key": "the-key", "admin_api_key": "the-admin-key", "base_url": BASE, "max_retries": 0}
    made = module.AsyncOpenAI if is_async else module.OpenAI
    if module is oai:
        return made(**{**base, "transport": _OaiTransport(exchange), **options})
    http = (httpx.AsyncClient if is_async else httpx.Client)(transport=_OfficialTransport(exchange))
    return made(**{**base, "http_client": http, **options})


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings: of deprecated operations, and those with which pydantic serializes unexpected values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


async def _awaited(result: Any) -> Any:
    return await result


@dataclass(frozen=True)
class Outcome:
    """What came of a call: the requests that were sent, and its result, or the class of the exception."""

    requests: list[Sent]
    result: Any = None
    error: str | None = None


_CLIENTS: dict[Any, tuple[Any, Exchange]] = {}


def _shared(module: Any, options: dict[str, Any]) -> tuple[Any, Exchange]:
    """Return a client of these options, which is made once, and the exchange that it sends over."""
    key = (module, *sorted(options.items()))
    if key not in _CLIENTS:
        exchange = Exchange()
        _CLIENTS[key] = client(module, exchange, **options), exchange
    return _CLIENTS[key]


def outcome(
    module: Any, call: Callable[[Any], Any], answer: Reply | Answering | None = None, **options: Any
) -> Outcome:
    """Call a function with a client of either module; what it returns may be awaited."""
    made, exchange = _shared(module, options)
    exchange.answer = answer if callable(answer) else (lambda _: answer or Reply())
    exchange.requests = []
    with quiet():
        try:
            result = call(made)
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
            return Outcome(exchange.requests, result)
        except Exception as error:  # noqa: BLE001 - which it is, is compared
            return Outcome(exchange.requests, error=type(error).__name__)


def quick(examples: int) -> Any:
    """Return the settings of a test that always runs: the same examples each time, so that it fails for a change alone."""
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
    )


def long(examples: int) -> Any:
    """Return the settings of a test that looks for more: other examples each time, except where work is to land."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize="CI" in os.environ,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
