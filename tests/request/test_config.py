"""Options, the environment, and what a call overrides."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

import oai
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback

Make = Callable[..., oai.OpenAI]


def ping(client: oai.OpenAI, server: Loopback, **options: object) -> dict[str, str]:
    """Send a call and return the header fields that arrived, by their lower-case name."""
    server.reply(json={"id": "m", "object": "model", "created": 1, "owned_by": "me"})
    client.models.retrieve("m", **options)
    return {name.lower(): value for name, value in server.requests[-1].headers}


def test_options_become_headers(server: Loopback, client_to: Make) -> None:
    client = client_to(organization="org-1", project="proj-1", beta="things=v1", default_headers={"X-Own": "1"})
    headers = ping(client, server)
    assert headers["authorization"] == "Bearer the-key-of-the-tests"
    assert headers["openai-organization"] == "org-1"
    assert headers["openai-project"] == "proj-1"
    assert headers["openai-beta"] == "things=v1"
    assert headers["x-own"] == "1"
    assert headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("oai/")
    assert not [name for name in headers if name.startswith("x-stainless")]


def test_the_environment_is_the_official_sdk_s(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "  key-from-outside \n")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-2")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-2")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/base/")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-One: 1\nX-Two: a: b\n")
    with oai.OpenAI(default_headers={"x-one": "mine"}) as client:
        headers = ping(client, server)
    assert headers["authorization"] == "Bearer key-from-outside"
    assert headers["openai-organization"] == "org-2"
    assert headers["openai-project"] == "proj-2"
    assert (headers["x-one"], headers["x-two"]) == ("mine", "a: b")
    assert server.requests[0].path == "/base/models/m"


def test_the_admin_key_goes_to_the_operations_that_want_it(server: Loopback, client_to: Make) -> None:
    client = client_to(admin_api_key="the-admin-key")
    server.reply(json={"object": "list", "data": [], "has_more": False})
    client.admin.organization.projects.list()
    assert server.requests[0].header("authorization") == "Bearer the-admin-key"
    with pytest.raises(
        oai.OpenAIError, match=r"projects\.list needs admin_api_key: pass it .* or set OPENAI_ADMIN_KEY"
    ):
        client_to().admin.organization.projects.list()


def test_a_key_may_be_a_function_that_is_asked_before_every_attempt(server: Loopback, client_to: Make) -> None:
    keys = iter(["first", "second", "third"])
    client = client_to(api_key=lambda: next(keys), max_retries=2)
    server.reply(status=500, headers=[("retry-after-ms", "1")], json={})
    ping(client, server)
    ping(client, server)
    assert [seen.header("authorization") for seen in server.requests] == [
        "Bearer first",
        "Bearer second",
        "Bearer third",
    ]


@pytest.mark.parametrize("returned", [None, "", 7, "two words"])
def test_a_function_that_returns_no_key_is_an_error_that_does_not_show_it(returned: object, client_to: Make) -> None:
    with pytest.raises(oai.OpenAIError) as caught:
        client_to(api_key=lambda: returned).models.list()
    assert "api_key" in str(caught.value)
    assert "two words" not in str(caught.value)


def test_no_key_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(oai.OpenAIError, match=r"pass api_key .* set OPENAI_API_KEY .*OfflineTransport"):
        oai.OpenAI()


@pytest.mark.parametrize("key", ["a-secret-key\n", "a-secret key", '"a-secret-key\u201d', "a-secret-key\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(oai.OpenAIError, match="api_key has white space or a character") as caught:
        oai.OpenAI(api_key=key)
    assert "a-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("base_url", "localhost:8000", "base_url is 'localhost:8000'; it must be a URL"),
        ("base_url", "ftp://x", "it must be a URL"),
        ("max_retries", -1, "max_retries is -1"),
        ("max_retries", None, "max_retries is None"),
        ("timeout", "soon", "timeout is of type str"),
        ("timeout", -1, "timeout is -1"),
        ("timeout", float("nan"), "timeout is nan"),
        ("deadline", -0.5, "deadline is -0.5"),
        ("api_key", 7, "api_key is of type int"),
        ("default_headers", {"X": "a\nb"}, "the header 'X' has a line break"),
        ("default_headers", {"X": "\u20ac"}, "the header 'X' has a character"),
        ("default_headers", {"X Y": "1"}, "'X Y' cannot be the name of a header"),
    ],
)
def test_an_option_that_cannot_be_is_named(option: str, value: object, message: str) -> None:
    with pytest.raises(oai.OpenAIError, match=message):
        oai.OpenAI(**{"api_key": "k", option: value})


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'apikey'"):
        oai.OpenAI(apikey="k")
    client = oai.OpenAI(api_key="k")
    with pytest.raises(TypeError, match="'max_retry'. Did you mean 'max_retries'"):
        client.with_options(max_retry=1)


def test_with_options_makes_another_client_over_the_same_transport(server: Loopback, client_to: Make) -> None:
    client = client_to(default_headers={"X-A": "1"}, default_query={"v": "1"})
    other = client.with_options(api_key="another-key", default_headers={"X-B": "2"}, max_retries=5, timeout=3)
    headers = ping(other, server)
    assert headers["authorization"] == "Bearer another-key"
    assert (headers["x-a"], headers["x-b"]) == ("1", "2")
    assert (other.max_retries, other.timeout.read, client.max_retries) == (5, 3, 0)
    assert other.transport is client.transport
    assert type(other) is type(client)
    assert ping(client, server)["authorization"] == "Bearer the-key-of-the-tests"
    assert server.connections == 1


def test_an_option_that_is_set_holds_from_then_on(server: Loopback, client_to: Make) -> None:
    client = client_to(organization="org-1", default_headers={"X-A": "1"})
    client.api_key, client.organization, client.project = "another-key", "org-2", "proj-2"
    headers = ping(client, server)
    assert headers["authorization"] == "Bearer another-key"
    assert (headers["openai-organization"], headers["openai-project"], headers["x-a"]) == ("org-2", "proj-2", "1")
    client.base_url += "/elsewhere"
    ping(client, server)
    assert server.requests[-1].target == "/v1/elsewhere/models/m"
    client.timeout = 3
    assert client.timeout == oai.Timeout(3)
    assert client.with_options(project="proj-3").organization == "org-2"


def test_an_option_that_cannot_be_is_not_set(client: oai.OpenAI) -> None:
    with pytest.raises(oai.OpenAIError, match="max_retries is -1"):
        client.max_retries = -1
    assert client.max_retries == 0
    with pytest.raises(oai.OpenAIError, match="white space"):
        client.api_key = "a key"
    assert client.api_key == "the-key-of-the-tests"
    with pytest.raises(oai.OpenAIError, match="organization cannot be taken away"):
        client.organization = None


def test_a_key_of_azure_may_be_set() -> None:
    client = oai.AzureOpenAI(azure_ad_token="a-token", azure_endpoint="https://x.invalid", api_version="v1")
    client.api_key = "a-key-for-azure"
    assert core_of(client).config.dialect.authorization("k")[0].lower() == "api-key"


def test_with_options_keeps_keys_and_names_and_urls_that_are_none(
    server: Loopback, client_to: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_to(organization="org", project="proj", webhook_secret="hush")
    for variable in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_WEBHOOK_SECRET"):
        monkeypatch.setenv(variable, "of-somebody-else")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")
    names = ("api_key", "organization", "project", "base_url", "webhook_secret")
    other = client.with_options(**dict.fromkeys(names))
    assert [getattr(other, name) for name in names] == [getattr(client, name) for name in names]
    headers = ping(other, server)
    assert headers["authorization"] == "Bearer the-key-of-the-tests"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org", "proj")


def test_with_options_sets_all_headers_and_the_whole_query(server: Loopback, client_to: Make) -> None:
    client = client_to(default_headers={"X-A": "1", "X-B": "1"}, default_query={"a": "1", "b": "1"})
    headers = ping(client.with_options(set_default_headers={"X-B": "2"}, set_default_query={"b": 2}), server)
    assert ("x-a" in headers, headers["x-b"], server.requests[-1].query) == (False, "2", "b=2")
    own = client_to(default_headers={"Authorization": "Basic abc"})
    assert ping(own.with_options(set_default_headers={}), server)["authorization"] == "Bearer the-key-of-the-tests"
    with pytest.raises(TypeError, match="default_query and set_default_query exclude each other"):
        client.with_options(set_default_query={}, default_query={})


@pytest.mark.parametrize("calls", [0, 1])
def test_a_closed_client_sends_nothing(calls: int, play: Callable[..., Any], server: Loopback) -> None:
    server.default = Answer.of_json({"object": "list", "data": []})

    def scenario(client: Any) -> Any:
        for _ in range(calls):
            yield client.models.list()
        assert not client.is_closed()
        yield client.close()
        yield client.close()
        assert client.is_closed()
        with pytest.raises(oai.APIConnectionError, match="is closed"):
            yield client.models.list()

    play(scenario)
    assert len(server.requests) == calls


def test_with_options_keeps_what_the_environment_said_at_first(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "early-key")
    with oai.OpenAI(base_url=server.url) as client:
        monkeypatch.delenv("OPENAI_API_KEY")
        assert ping(client.with_options(max_retries=0), server)["authorization"] == "Bearer early-key"


def test_a_call_adds_headers_query_and_body(server: Loopback, client_to: Make) -> None:
    client = client_to(default_query={"a": "1", "b": "1"}, default_headers={"X-A": "1", "X-B": "1"})
    server.reply(json={})
    client.moderations.create(
        input="x",
        extra_headers={"x-a": "2", "X-B": None, "X-C": "3"},
        extra_query={"b": "2", "list": ["x", "y"]},
        extra_body={"own": True, "input": "y"},
    )
    (seen,) = server.requests
    assert (seen.header("x-a"), seen.header("x-b"), seen.header("x-c")) == ("2", None, "3")
    assert seen.query == "a=1&b=2&list%5B%5D=x&list%5B%5D=y"
    assert seen.json() == {"input": "y", "own": True}


def test_an_authorization_of_one_s_own_takes_the_key_s_place(server: Loopback, client_to: Make) -> None:
    client = client_to(api_key=None, default_headers={"Authorization": "Basic abc"})
    assert ping(client, server)["authorization"] == "Basic abc"
    assert ping(client_to(), server, extra_headers={"authorization": "Own"})["authorization"] == "Own"
    assert "authorization" not in ping(client_to(), server, extra_headers={"Authorization": None})


def test_a_query_in_the_base_url_goes_with_every_request(server: Loopback, client_to: Make) -> None:
    client = client_to(base_url=f"{server.url}/v1/?api-version=7")
    ping(client, server)
    assert server.requests[0].target == "/v1/models/m?api-version=7"


def test_a_base_url_is_encoded_where_it_has_to_be(server: Loopback, client_to: Make) -> None:
    client = client_to(base_url=f"{server.url}/a b/ü%20c/v1")
    ping(client, server)
    assert server.requests[0].target == "/a%20b/%C3%BC%20c/v1/models/m"


def test_nothing_shows_a_key(client_to: Make) -> None:
    client = client_to(admin_api_key="the-admin-key", default_headers={"X-Api-Key": "the-other-key"})
    shown = repr(client) + repr(core_of(client).config) + repr(vars(client)) + repr(client.chat)
    assert "key-of-the-tests" not in shown
    assert "admin-key" not in shown
    assert "other-key" not in shown


def test_nothing_shows_the_password_of_a_base_url() -> None:
    secret = "a word that opens a proxy".replace(" ", "-")
    with pytest.warns(oai.InsecureWarning) as warned:
        client = oai.OpenAI(api_key="k", base_url=f"http://me:{secret}@models.invalid/v1")
    shown = repr(client) + repr(core_of(client).config) + str(warned[0].message)
    assert shown.count("http://models.invalid/v1") == 3
    assert secret not in shown


@pytest.mark.parametrize(
    "url", ["htp://me:{}@x", "me:{}@x/v1", "http://[::1@{}@[::1", "http://me:{}/@x", "x?api-key={}"]
)
def test_what_is_no_base_url_is_refused_without_its_secrets(url: str) -> None:
    secret = "a word that opens a proxy".replace(" ", "-")
    with pytest.raises(oai.OpenAIError, match="it must be a URL such as") as caught:
        oai.OpenAI(api_key="k", base_url=url.format(secret))
    assert secret not in str(caught.value)


def test_a_timeout_is_seconds_none_or_by_part() -> None:
    assert oai.OpenAI(api_key="k").timeout == oai.Timeout(600, connect=5)
    assert oai.OpenAI(api_key="k", timeout=3).timeout == oai.Timeout(3)
    assert oai.OpenAI(api_key="k", timeout=None).timeout == oai.Timeout(None)
    assert oai.Timeout(10, connect=2).read == 10
    assert repr(oai.Timeout(10, connect=2)) == "Timeout(connect=2, read=10, write=10, pool=10, total=None)"


def test_the_environment_is_not_changed() -> None:
    before = dict(os.environ)
    oai.OpenAI(api_key="k")
    assert dict(os.environ) == before
