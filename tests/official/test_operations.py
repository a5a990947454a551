"""Compare the requests of both clients for every operation of the official SDK, called with the same arguments.

The arguments are generated from the row's types, and our requests are those that the recording transport sent. The
whole request is compared: method, path, query, relevant headers, and the body, as JSON or as the parts of a form.
"""

from __future__ import annotations

import inspect
import warnings
from functools import cache
from typing import Any

import pytest
from arguments import MODES
from arguments import arguments as arguments_of
from operations import ADMIN_KEY, BASE, KEY, ROWS, InMemory, function, recorded

import oai
from oai._http.messages import Request, body_bytes
from tests.official.sides import Sent, normalized

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
httpx = pytest.importorskip("httpx2")

HEADERS = ("accept", "authorization", "content-type", "idempotency-key", "openai-organization", "openai-project")
"""The headers to compare, in addition to those that begin with `openai-` or that a row names."""

REQUIRED = "what is required"
EVERYTHING = MODES[1]
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


def sent(method: str, url: str, headers: dict[str, str], body: bytes, names: set[str]) -> Sent:
    kept = {name: value for name, value in headers.items() if name in names or name.startswith("openai-")}
    return normalized(method, url, kept, body)


@cache
def theirs() -> tuple[Any, list[Any]]:
    requests: list[Any] = []

    def answer(request: Any) -> Any:
        request.read()
        requests.append(request)
        return httpx.Response(200, json={})

    http_client = httpx.Client(transport=httpx.MockTransport(answer))
    client = openai.OpenAI(api_key=KEY, admin_api_key=ADMIN_KEY, base_url=BASE, http_client=http_client, max_retries=0)
    return client, requests


def official_names() -> list[str]:
    client, _ = theirs()
    found = []
    for name in ROWS:
        try:
            function(client, name)
        except AttributeError:
            continue
        found.append(name)
    return found


def seen(request: Request, names: set[str]) -> Sent:
    headers = {key.lower(): value for key, value in request.headers}
    return sent(request.method, request.url, headers, body_bytes(request.body), names)


def sent_by_them(name: str, arguments: dict[str, Any], names: set[str]) -> Sent:
    client, requests = theirs()
    requests.clear()
    called = function(client, name)
    declared = inspect.signature(called).parameters
    extra = {key: arguments[key] for key in arguments if key not in declared}  # only in the specification
    try:
        called(
            **{key: arguments[key] for key in arguments if key in declared}, **({"extra_body": extra} if extra else {})
        )
    except Exception:
        if not requests:  # it cannot parse an empty response
            raise
    (request,) = requests
    headers = {key.lower(): value for key, value in request.headers.items()}
    return sent(request.method, str(request.url), headers, request.content, names)


def refused_or_sent_by_them(name: str, arguments: dict[str, Any]) -> Sent | None:
    try:
        return sent_by_them(name, arguments, compared(name))
    except (TypeError, RuntimeError):
        return None


def compared(name: str) -> set[str]:
    row = ROWS[name]
    return {*HEADERS, *(each.lower() for each in (*row.headers, *row.header_params.values()))}


@pytest.mark.parametrize("name", official_names())
def test_both_clients_send_the_same_request(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for call in recorded(name)[0]:
            us = seen(call.request, compared(name))
            if (name, call.mode.name) in DIFFERENT:
                assert us != refused_or_sent_by_them(name, call.arguments), "excused, but not different"
                continue
            them = sent_by_them(name, call.arguments, compared(name))
            assert us == them, call.mode.name


@pytest.mark.parametrize("name", official_names())
def test_both_clients_prefer_the_same_of_an_argument_and_an_extra(name: str) -> None:
    """The extras have a value for each parameter of the query, the header or the body, and the arguments another."""
    row = ROWS[name]
    declared = inspect.signature(function(theirs()[0], name)).parameters
    arguments = {key: value for key, value in arguments_of(row, EVERYTHING).items() if key in declared}
    fields = dict.fromkeys(row.params.keys() - {*row.path_params, *row.header_params}, "extra")
    headers = dict.fromkeys([*row.header_params.values(), *row.headers], "extra")
    # A file's field in `extra_body` is a file for us, and a further field of text for the SDK.
    body = {} if row.files else {"extra_body": fields}
    extras: dict[str, Any] = {"extra_query": fields, "extra_headers": headers, **body}
    transport = InMemory()
    client = oai.OpenAI(api_key=KEY, admin_api_key=ADMIN_KEY, base_url=BASE, transport=transport)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for extra, values in extras.items():
            function(client, name)(**arguments, **{extra: values})
            us = seen(transport.requests.pop(), compared(name))
            assert us == sent_by_them(name, {**arguments, extra: values}, compared(name)), extra


def test_nearly_every_row_is_compared() -> None:
    """The drift check lists the rows that the SDK lacks: those of the seed and of the specification."""
    assert len(official_names()) == len(ROWS) - 17


def test_comparison_detects_differences() -> None:
    call, *_ = recorded("chat.completions.create")[0]
    arguments, us = call.arguments, seen(call.request, {*HEADERS})
    assert us == sent_by_them("chat.completions.create", arguments, {*HEADERS})
    for other in (
        {**arguments, "model": "n"},
        {**arguments, "extra_query": {"a": 1}},
        {**arguments, "extra_headers": {"accept": "x"}},
    ):
        assert us != sent_by_them("chat.completions.create", other, {*HEADERS})
    assert us != sent_by_them("beta.chat.completions.list", {}, {*HEADERS})
