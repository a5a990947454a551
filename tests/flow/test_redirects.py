"""Redirects: which are followed, and what they take along."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from both import Way

import oai
from oai.testing import Answer, Loopback, Seen

Make = Callable[..., oai.OpenAI]

PAGE = {"object": "list", "data": []}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_within_the_origin_keeps_the_key(status: int, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer(status, headers=[("Location", "/v2/models")]), Answer.of_json(PAGE))
    client.models.list()
    assert server.requests[1].target == "/v2/models"
    assert server.requests[1].header("authorization") == "Bearer the-key-of-the-tests"


def test_redirect_to_another_origin_drops_the_key(server: Loopback, client_to: Make) -> None:
    with Loopback() as other:
        other.reply(Answer(body=b"content"))
        server.reply(Answer(302, headers=[("Location", f"{other.url}/blob?signature=x")]))
        secrets = {"api-key": "x", "Cookie": "c", "X-Gateway-Token": "t"}
        client = client_to(organization="org-1", default_headers={**secrets, "Idempotency-Key": "i"})
        assert client.files.content("f").content == b"content"
    names = {name.lower() for name, _ in other.requests[0].headers}
    assert not names & {"authorization", "api-key", "cookie", "openai-organization", "x-gateway-token"}
    assert names <= {"host", "accept", "accept-encoding", "user-agent", "connection"}


@pytest.mark.parametrize(
    ("status", "method", "body"), [(302, "GET", b""), (303, "GET", b""), (307, "POST", b'{"input":"x"}')]
)
def test_redirected_post_keeps_its_method_by_status(
    status: int, method: str, body: bytes, server: Loopback, client: oai.OpenAI
) -> None:
    server.reply(Answer(status, headers=[("Location", "/elsewhere")]), Answer.of_json({}))
    client.moderations.create(input="x")
    request: Seen = server.requests[1]
    assert (request.method, request.body) == (method, body)


def test_endless_redirects_raise(server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer(307, headers=[("Location", "/v1/models")])
    with pytest.raises(oai.APIConnectionError, match="redirected more than 10 times"):
        client.models.list()


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "http://[::1/x", "http://example.test:99999/", "http://%31/x"),
        *("http://127.0.0.1\\@example.test/", "https:\\\\example.test/x", "https://"),
    ],
)
def test_redirect_to_no_http_url_raises(location: str, way: Way, server: Loopback) -> None:
    server.default = Answer(302, headers=[("Location", location)])
    with pytest.raises(oai.APIConnectionError, match="not an http or https URL"):
        way.call("models.list")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/on?a=1#part", "/on?a=1"),
        ("/a b", "/a%20b"),
        ("/\u00fc", "/%FC"),  # header fields are Latin-1
        ("/a%2Fb?c=%7B'd'%7D", "/a%2Fb?c=%7B'd'%7D"),
    ],
)
def test_redirect_target_is_percent_encoded(location: str, target: str, way: Way, server: Loopback) -> None:
    server.reply(Answer(302, headers=[("Location", location)]), Answer.of_json(PAGE))
    way.call("models.list")
    assert server.requests[1].target == target


def test_host_and_custom_headers_stay_with_their_origin(way: Way, server: Loopback) -> None:
    own = {"Host": "internal.example", "X-Tenant": "acme", "Range": "bytes=0-5"}
    with Loopback() as other:
        other.reply(Answer(body=b"content"))
        server.reply(Answer(302, headers=[("Location", "/again")]))
        server.reply(Answer(302, headers=[("Location", f"{other.url}/blob")]))
        assert way.call("files.content", file_id="f", extra_headers=own).content == b"content"
    first, second = server.requests
    assert (first.header("host"), second.header("host")) == ("internal.example", "internal.example")
    assert second.header("x-tenant") == "acme"
    (foreign,) = other.requests
    assert foreign.header("host") == other.url.removeprefix("http://")
    assert foreign.header("x-tenant") is None
    assert foreign.header("range") == "bytes=0-5"


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("moderations.create", {"input": "secret"}),
        ("files.create", {"file": ("a", io.BytesIO(b"secret")), "purpose": "evals"}),
    ],
)
def test_body_never_leaves_its_origin(
    path: str, arguments: dict[str, Any], status: int, way: Way, server: Loopback
) -> None:
    with Loopback() as other:
        server.default = Answer(status, headers=[("Location", f"{other.url}/v1/x")])
        way.options["max_retries"] = 2
        with pytest.raises(oai.APIStatusError, match="redirects to another origin .*; check base_url") as caught:
            way.call(path, **arguments)
        assert other.connections == 0
    assert (caught.value.status_code, len(server.requests)) == (status, 1)
    assert server.until(lambda: not server.open_connections)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirected_post_without_its_body_goes_to_another_origin(status: int, way: Way, server: Loopback) -> None:
    with Loopback() as other:
        other.reply(Answer.of_json({}))
        server.reply(Answer(status, headers=[("Location", f"{other.url}/v1/x")]))
        way.call("moderations.create", input="secret")
    (seen,) = other.requests
    assert (seen.method, seen.body, seen.header("content-type")) == ("GET", b"", None)


def test_history_lists_followed_redirects_oldest_first(way: Way, server: Loopback) -> None:
    to_second, to_last = (Answer(302, headers=[("Location", f"/{name}")]) for name in ("second", "last"))
    server.reply(to_second, to_last, Answer.of_json(PAGE))
    response = way.call("models.with_raw_response.list")
    assert [(redirect.status_code, redirect.url.path) for redirect in response.history] == [
        (302, "/v1/models"),
        (302, "/second"),
    ]
    assert response.history[0].headers["location"] == "/second"
    assert (response.url.path, response.method) == ("/last", "GET")
    assert pickle.loads(pickle.dumps(response.history[1])).status_code == 302


def test_history_is_empty_without_redirects_and_kept_by_errors(way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json(PAGE), Answer(307, headers=[("Location", "/moved")]), Answer.of_json({}, status=404))
    assert way.call("models.with_raw_response.list").history == []
    with pytest.raises(oai.NotFoundError) as raised:
        way.call("models.list")
    assert [redirect.status_code for redirect in raised.value.response.history] == [307]


def test_response_after_redirects_hides_the_key_of_the_first_request(server: Loopback, client_to: Make) -> None:
    key = "the-key-of-the-tests"
    with Loopback() as other:
        other.reply(Answer.of_json({"error": {"message": f"{key} was sent elsewhere"}}, status=400))
        server.reply(Answer(302, headers=[("Location", f"{other.url}/x?q={key}")]))
        with pytest.raises(oai.BadRequestError) as raised:
            client_to().models.list()
    error = raised.value
    assert error.response.url.path == "/x"
    assert key not in f"{error} {error.response.url} {error.response.history[0].url}"
    assert key.encode() not in pickle.dumps(error)
