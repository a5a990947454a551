"""What both send: every operation that the official SDK has, called with the same arguments through either.

The arguments are made from the row's types, and our requests are those that the recording transport passed on. What is
compared is all of a request: method, path, query, the headers that matter, and the body, JSON or the parts of a form.
"""

from __future__ import annotations

import email
import inspect
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from operations import ADMIN_KEY, BASE, KEY, ROWS, function, recorded

from oai._http.messages import Request, body_bytes

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
httpx = pytest.importorskip("httpx2")

HEADERS = ("accept", "authorization", "content-type", "idempotency-key", "openai-organization", "openai-project")
"""The headers that matter, beside those that begin with `openai-` or that a row names."""

REQUIRED = "what is required"
REFUSED = "the SDK refuses a call without one of several sets of arguments; here the server says what it lacks"
REFERENCE = "the API takes a reference for an upload, in the SDK's types as well; its code takes uploads only"

DIFFERENT: dict[tuple[str, str], str] = {
    ("admin.organization.external_keys.create", REQUIRED): REFUSED,
    ("audio.voices.create", REQUIRED): REFUSED,
    ("beta.agents.automations.create", REQUIRED): REFUSED,
    ("beta.agents.environments.files.create", REQUIRED): REFUSED,
    ("videos.create", "everything, second variants"): REFERENCE,
    ("videos.create", "everything, last variants"): REFERENCE,
    ("videos.edit", "everything, second variants"): REFERENCE,
    ("videos.edit", "everything, last variants"): REFERENCE,
    ("videos.extend", "everything, second variants"): REFERENCE,
    ("videos.extend", "everything, last variants"): REFERENCE,
}
"""Calls by operation and mode that the SDK does not send, or sends differently, with the reason."""


@dataclass
class Sent:
    """A request, in a form in which what does not matter is equal."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any


def sent(method: str, url: str, headers: dict[str, str], body: bytes, names: set[str]) -> Sent:
    parts = urlsplit(url)
    kept = {name: value for name, value in headers.items() if name in names or name.startswith("openai-")}
    content: Any = body
    kind = kept.get("content-type", "")
    if kind.startswith("multipart/"):
        content = sorted(form_parts(kind, body))
        kept["content-type"] = kind.partition(";")[0]
    elif not body:
        kept.pop("content-type", None)  # the SDK sends the type of a body that it does not send
    elif kind == "application/json":
        content = json.loads(body)
    return Sent(method, parts.path, sorted(parse_qsl(parts.query, keep_blank_values=True)), kept, content)


def form_parts(kind: str, body: bytes) -> Iterator[tuple[str, str, str, bytes]]:
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    for part in message.get_payload():
        assert not isinstance(part, str)
        name = part.get_param("name", header="content-disposition")
        yield str(name), str(part.get_filename()), str(part["content-type"]), part.get_payload(decode=True)


@cache
def theirs() -> tuple[Any, list[Any]]:
    requests: list[Any] = []

    def answer(request: Any) -> Any:
        request.read()
        requests.append(request)
        return httpx.Response(200, json={})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    made = openai.OpenAI(api_key=KEY, admin_api_key=ADMIN_KEY, base_url=BASE, http_client=client, max_retries=0)
    return made, requests


def official_names() -> list[str]:
    made, _ = theirs()
    found = []
    for name in ROWS:
        try:
            function(made, name)
        except AttributeError:
            continue
        found.append(name)
    return found


def seen(request: Request, names: set[str]) -> Sent:
    headers = {key.lower(): value for key, value in request.headers}
    return sent(request.method, request.url, headers, body_bytes(request.body), names)


def sent_by_them(name: str, given: dict[str, Any], names: set[str]) -> Sent:
    client, requests = theirs()
    requests.clear()
    called = function(client, name)
    declared = inspect.signature(called).parameters
    extra = {key: given[key] for key in given if key not in declared}  # of the specification only
    try:
        called(**{key: given[key] for key in given if key in declared}, **({"extra_body": extra} if extra else {}))
    except Exception:
        if not requests:  # what it makes of an empty answer is its own business
            raise
    (request,) = requests
    headers = {key.lower(): value for key, value in request.headers.items()}
    return sent(request.method, str(request.url), headers, request.content, names)


def refused_or_sent_by_them(name: str, given: dict[str, Any]) -> Sent | None:
    try:
        return sent_by_them(name, given, compared(name))
    except (TypeError, RuntimeError):
        return None


def compared(name: str) -> set[str]:
    row = ROWS[name]
    return {*HEADERS, *(each.lower() for each in (*row.headers, *row.header_params.values()))}


@pytest.mark.parametrize("name", official_names())
def test_both_send_the_same(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for call in recorded(name)[0]:
            us = seen(call.request, compared(name))
            if (name, call.mode.name) in DIFFERENT:
                assert us != refused_or_sent_by_them(name, call.given), "excused, but not different"
                continue
            them = sent_by_them(name, call.given, compared(name))
            assert us == them, call.mode.name


def test_nearly_every_row_is_compared() -> None:
    """Rows that the SDK does not have are of the seed or of the specification, and listed with the drift check."""
    assert len(official_names()) == len(ROWS) - 17


def test_a_difference_would_show() -> None:
    call, *_ = recorded("chat.completions.create")[0]
    given, us = call.given, seen(call.request, {*HEADERS})
    assert us == sent_by_them("chat.completions.create", given, {*HEADERS})
    for other in (
        {**given, "model": "n"},
        {**given, "extra_query": {"a": 1}},
        {**given, "extra_headers": {"accept": "x"}},
    ):
        assert us != sent_by_them("chat.completions.create", other, {*HEADERS})
    assert us != sent_by_them("beta.chat.completions.list", {}, {*HEADERS})
