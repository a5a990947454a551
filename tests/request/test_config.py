"""Options of the client, the environment, and overrides of a call."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import oai
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback
from oai.transports import Urllib3Transport

Make = Callable[..., oai.OpenAI]


def ping(client: oai.OpenAI, server: Loopback, **options: object) -> dict[str, str]:
    """Send a call and return the headers that arrived, by lower-case name."""
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


def test_environment_variables_of_the_official_sdk_are_read(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
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


class Variables(dict[str, str]):
    """A mapping that has an attribute of `os.environ` by chance."""

    _data = ()


@pytest.mark.parametrize("variables", [{"OPENAI_API_KEY": " key "}, {"OPENAI_API_KEY": " key ", "OPENAI_ORG_ID": " "}])
@pytest.mark.parametrize("kind", [None, dict, Variables])
def test_environment_may_be_replaced_by_any_mapping(
    kind: type[dict[str, str]] | None, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)
    if kind is not None:
        monkeypatch.setattr(os, "environ", kind(variables))
    else:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
    client = oai.OpenAI()
    assert (client.api_key, client.organization) == ("key", None)


def test_admin_key_is_sent_to_admin_operations_only(server: Loopback, client_to: Make) -> None:
    client = client_to(admin_api_key="the-admin-key")
    server.reply(json={"object": "list", "data": [], "has_more": False})
    client.admin.organization.projects.list()
    assert server.requests[0].header("authorization") == "Bearer the-admin-key"
    with pytest.raises(
        oai.OpenAIError, match=r"projects\.list needs admin_api_key: pass it .* or set OPENAI_ADMIN_KEY"
    ):
        client_to().admin.organization.projects.list()


def test_key_function_is_called_before_every_attempt(server: Loopback, client_to: Make) -> None:
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


@pytest.mark.parametrize("returned", [None, "", "  ", 7, "two\nwords"])
def test_invalid_key_from_a_function_raises_without_showing_it(returned: object, client_to: Make) -> None:
    with pytest.raises(oai.OpenAIError) as caught:
        client_to(api_key=lambda: returned).models.list()
    assert "api_key" in str(caught.value)
    assert "words" not in str(caught.value)


def test_missing_key_error_explains_how_to_set_one() -> None:
    with pytest.raises(oai.OpenAIError, match=r"pass api_key .* set OPENAI_API_KEY .*OfflineTransport"):
        oai.OpenAI()


@pytest.mark.parametrize("key", ["a-secret\nkey", "\u201ca-secret-key\u201d", "a-secret-key\x00", "a-secret\x7fkey"])
def test_key_that_no_header_can_carry_is_rejected_without_showing_it(key: str) -> None:
    for name in ("api_key", "admin_api_key"):
        with pytest.raises(oai.OpenAIError, match=f"{name} has a character that an HTTP header cannot carry") as caught:
            oai.OpenAI(**{"api_key": "k", name: key})
        assert "a-secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["not needed", " My API Key \n", "k\xe9y", "\tkey"])
def test_key_that_a_header_can_carry_is_sent_without_surrounding_white_space(
    key: str, server: Loopback, client_to: Make
) -> None:
    for value in (key, lambda: key):
        assert ping(client_to(api_key=value), server)["authorization"] == f"Bearer {key.strip()}"


def test_white_space_around_options_is_stripped(server: Loopback, client_to: Make) -> None:
    client = client_to(base_url=f"  {server.url}/v1/ \n", organization=" org ", project="proj\n")
    headers = ping(client, server)
    assert (headers["openai-organization"], headers["openai-project"]) == ("org", "proj")
    assert (client.base_url, client.organization) == (f"{server.url}/v1", "org")


@pytest.mark.parametrize("url", ["", "  ", "\n"])
def test_empty_base_url_is_rejected(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the default instead, data for a server of the user's would go to the API."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://environment.invalid")
    with pytest.raises(oai.OpenAIError, match="base_url is empty; pass None for the default"):
        oai.OpenAI(api_key="k", base_url=url)
    assert oai.OpenAI(api_key="k", base_url=None).base_url == "https://environment.invalid"
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert oai.OpenAI(api_key="k").base_url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("host", "ascii_host"),
    [
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("fa\u00df.example", "xn--fa-hia.example"),
        ("\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"),
        ("B\u00dcCHER.example:8443", "xn--bcher-kva.example:8443"),
        ("[::1]:8080", "[::1]:8080"),
    ],
)
def test_host_beyond_ascii_is_encoded(host: str, ascii_host: str) -> None:
    for cls in (oai.OpenAI, oai.AsyncOpenAI):
        client = cls(api_key="k", base_url=f"https://{host}/v1", websocket_base_url=f"wss://{host}/ws")
        assert client.base_url == f"https://{ascii_host}/v1"
        assert core_of(client).config.for_sockets().base_url == f"https://{ascii_host}/ws"


@pytest.mark.parametrize(
    "host", ["exa mple.com", "a\u3000b.example", "a%20b", "<x>", "x\u2100y", "[::1", "\u2028.example"]
)
def test_invalid_host_is_rejected(host: str) -> None:
    with pytest.raises(oai.OpenAIError, match="base_url must be a URL"):
        oai.OpenAI(api_key="k", base_url=f"https://{host}/v1")


def test_userinfo_of_the_base_url_becomes_basic_authorization(server: Loopback, client_to: Make) -> None:
    word = "a word".replace(" ", "%20")
    client = client_to(base_url=f"{server.url.replace('://', f'://me:{word}@')}/v1")
    twins = [client, client.with_options(max_retries=1), client.with_options(set_default_headers={"X": "1"})]
    twins += [copy.copy(client), copy.deepcopy(client)]
    for twin in twins:
        assert ping(twin, server)["authorization"] == "Basic bWU6YSB3b3Jk"
        assert twin.base_url == f"{server.url}/v1"
    assert {seen.target for seen in server.requests} == {"/v1/models/m"}
    other = client.with_options(base_url=server.url)
    assert ping(other, server)["authorization"] == "Bearer the-key-of-the-tests"
    own = client.with_options(default_headers={"authorization": "Own"})
    assert ping(own, server)["authorization"] == "Own"
    with pytest.raises(TypeError, match="base_url holds a secret"):
        pickle.dumps(client)


def test_userinfo_of_the_base_url_is_never_sent_to_a_proxy_or_logged(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    word = "a word that opens a server".replace(" ", "-")
    monkeypatch.setenv("http_proxy", server.url)
    caplog.set_level("DEBUG")
    for transport in (None, oai.Urllib3Transport()):
        with (
            pytest.warns(oai.InsecureWarning),
            oai.OpenAI(api_key="k", base_url=f"http://me:{word}@models.invalid/v1", transport=transport) as client,
        ):
            ping(client, server)
        assert server.requests[-1].target == "http://models.invalid/v1/models/m"
    assert word not in caplog.text


@pytest.mark.parametrize(
    ("value", "sent"),
    [(b"abc", "abc"), (b"caf\xe9", "caf\xe9"), (7, "7"), (True, "true"), (" x\t", "x"), ("a\tb", "a\tb")],
)
def test_header_values_of_other_types(value: Any, sent: str, server: Loopback, client_to: Make) -> None:
    assert ping(client_to(default_headers={"X-Own": value}), server)["x-own"] == sent
    assert ping(client_to(), server, extra_headers={"X-Own": value})["x-own"] == sent


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("max_retries", -1, "max_retries must be a non-negative integer, not -1"),
        ("max_retries", None, "max_retries must be a non-negative integer, not None"),
        (
            "default_headers",
            {"X": object()},
            "the value of the header 'X' must be a string, bytes or a number, not object",
        ),
        ("default_headers", {"X": "a\x01b"}, "has a line break or a control character"),
        ("default_headers", {"X(": "1"}, r"'X\(' is not a valid header name"),
        ("default_headers", {"": "1"}, "'' is not a valid header name"),
        ("timeout", (1,), "timeout must be seconds, None, or an oai.Timeout, not tuple"),
        ("timeout", (1, -2, 3, 4), r"timeout \(read\) must be a non-negative"),
        ("timeout", "soon", "timeout must be seconds, None, or an oai.Timeout, not str"),
        ("timeout", -1, "timeout must be a non-negative number of seconds.*, not -1"),
        ("timeout", float("nan"), "timeout must be .*, not nan"),
        ("deadline", -0.5, "deadline must be .*, not -0.5"),
        ("api_key", 7, "api_key must be a string or a function that returns one, not int"),
        ("default_headers", {"X": "a\nb"}, "the value of the header 'X' has a line break"),
        ("default_headers", {"X": "\u20ac"}, "the value of the header 'X' has a character"),
        ("default_headers", {"X Y": "1"}, "'X Y' is not a valid header name"),
    ],
)
def test_invalid_option_is_named(option: str, value: object, message: str) -> None:
    with pytest.raises(oai.OpenAIError, match=message):
        oai.OpenAI(**{"api_key": "k", option: value})


def test_invalid_max_retries_are_the_official_errors_too() -> None:
    for value, kind in ((None, TypeError), ("2", TypeError), (True, TypeError), (-1, ValueError)):
        for kinds in (kind, oai.OpenAIError):
            with pytest.raises(kinds, match="max_retries must be a non-negative integer"):
                oai.OpenAI(api_key="k", max_retries=value)


def test_attributes_of_the_official_client() -> None:
    client = oai.OpenAI(api_key="k", organization="org", default_headers={"X-A": "1"}, default_query={"a": ["b"]})
    assert client.auth_headers == {"Authorization": "Bearer k"}
    assert client.default_headers.items() >= {"X-A": "1", "OpenAI-Organization": "org"}.items()
    assert "Authorization" not in client.default_headers
    assert client.default_headers["User-Agent"] == client.user_agent == oai.AsyncOpenAI(api_key="k").user_agent
    assert client.default_query == {"a": ["b"]}
    assert (client.custom_auth, client.qs.stringify({"a": [1, {"b": True}]})) == (None, "a%5B%5D=1&a%5B%5D%5Bb%5D=true")
    assert client.qs.stringify_items({"a": {"b": None, "c": 1}}) == [("a[c]", "1")]
    client.default_headers["X-B"] = client.default_query["c"] = "a change of a copy"
    assert ("X-B" in client.default_headers, "c" in client.default_query) == (False, False)
    assert client.with_options(api_key=lambda: "k").auth_headers == {}
    azure = oai.AzureOpenAI(api_key="k", azure_endpoint="https://x.invalid", api_version="v")
    assert azure.auth_headers == {"api-key": "k"}


def test_strict_validation_rejects_what_does_not_match(play: Callable[..., Any], server: Loopback) -> None:
    model = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}
    good = [model, {**model, "new": {"deep": 1}}]
    bad = [{"id": "m"}, {**model, "created": "x"}, {**model, "new": 1, "owned_by": [1]}]

    def scenario(client: Any) -> Any:
        strict = client.with_options(_strict_response_validation=True)
        for body in good:
            server.reply(json=body)
            result = yield strict.models.retrieve("m")
            assert result.to_dict() == body
        for body in bad:
            server.reply(json=body)
            with pytest.raises(oai.APIResponseValidationError, match=r"models\.retrieve: the response does not match"):
                yield strict.models.retrieve("m")
            server.reply(json={"object": "list", "data": [body]})
            with pytest.raises(oai.APIResponseValidationError, match=r"models\.list: the response does not match"):
                yield strict.models.list()
            server.reply(json=body)
            result = yield client.models.retrieve("m")
            assert result.id == "m"

    play(scenario)


@pytest.mark.parametrize("place", ["", "usage", "choices.0", "choices.0.message"])
def test_strict_validation_accepts_new_fields_at_any_depth(
    place: str, play: Callable[..., Any], server: Loopback
) -> None:
    message = {"role": "assistant", "content": "Hi"}
    body: dict[str, Any] = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    inner: Any = body
    for step in filter(None, place.split(".")):
        inner = inner[int(step) if step.isdecimal() else step]
    inner["new"] = {"deep": 1}
    server.reply(json=body)

    def scenario(client: Any) -> Any:
        completion = yield client.chat.completions.create(model="m", messages=[])
        assert completion.to_dict() == body

    play(scenario, _strict_response_validation=True)


@pytest.mark.parametrize(
    ("kind", "matches"),
    [("vector_store.file_batch", True), ("vector_store.files_batch", True), ("vector_store", False), ([], False)],
)
def test_strict_validation_accepts_both_spellings_of_a_file_batch(
    kind: Any, matches: bool, play: Callable[..., Any], server: Loopback
) -> None:
    counts = dict.fromkeys(("cancelled", "completed", "failed", "in_progress", "total"), 1)
    batch = {"id": "b", "created_at": 1, "file_counts": counts, "status": "completed", "vector_store_id": "v"}
    server.default = Answer(json={**batch, "object": kind})

    def scenario(client: Any) -> Any:
        if matches:
            assert (yield client.vector_stores.file_batches.retrieve("b", vector_store_id="v")).object == kind
            return
        with pytest.raises(oai.APIResponseValidationError, match=r"does not match its type") as raised:
            yield client.vector_stores.file_batches.retrieve("b", vector_store_id="v")
        assert raised.value.body == {**batch, "object": kind}

    play(scenario, _strict_response_validation=True)


@pytest.mark.parametrize(
    ("response_format", "answer", "matches"),
    [
        (None, Answer(json={"text": "x"}), True),
        (None, Answer(json={"nope": 1}), False),
        ("json", Answer(body="x", content_type="text/plain"), False),
        ("verbose_json", Answer(json={"text": "x", "duration": 1.5, "language": "en"}), True),
        ("verbose_json", Answer(json={"text": "x"}), False),
        ("diarized_json", Answer(json={"text": 5}), False),
        ("srt", Answer(json={"text": "x"}), True),
        ("text", Answer(body="x", content_type="text/plain"), True),
    ],
)
def test_strict_validation_goes_by_the_response_format(
    response_format: str | None, answer: Answer, matches: bool, play: Callable[..., Any], server: Loopback
) -> None:
    server.default = answer
    options = {} if response_format is None else {"response_format": response_format}

    def scenario(client: Any) -> Any:
        calls = client.audio.transcriptions
        yield calls.create(file=b"x", model="m", **options)
        raw = yield calls.with_raw_response.create(file=b"x", model="m", **options)
        raw.parse()

    def whole() -> None:
        play(scenario, _strict_response_validation=True)

    if matches:
        whole()
        return
    with pytest.raises(oai.APIResponseValidationError, match=r"audio\.transcriptions\.create: the response"):
        whole()


def test_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'apikey'"):
        oai.OpenAI(apikey="k")
    client = oai.OpenAI(api_key="k")
    with pytest.raises(TypeError, match="'max_retry'. Did you mean 'max_retries'"):
        client.with_options(max_retry=1)


def test_with_options_returns_a_client_over_the_same_transport(server: Loopback, client_to: Make) -> None:
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


def test_setting_an_option_applies_to_later_calls(server: Loopback, client_to: Make) -> None:
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


def test_setting_an_invalid_option_changes_nothing(client: oai.OpenAI) -> None:
    with pytest.raises(oai.OpenAIError, match="max_retries must be a non-negative integer, not -1"):
        client.max_retries = -1
    assert client.max_retries == 0
    with pytest.raises(oai.OpenAIError, match="api_key has a character"):
        client.api_key = "a\nkey"
    assert client.api_key == "the-key-of-the-tests"
    with pytest.raises(oai.OpenAIError, match="organization cannot be set to None"):
        client.organization = None


def test_setting_the_key_of_an_azure_client() -> None:
    client = oai.AzureOpenAI(azure_ad_token="a-token", azure_endpoint="https://x.invalid", api_version="v1")
    client.api_key = "a-key-for-azure"
    assert core_of(client).config.dialect.authorization("k")[0].lower() == "api-key"


def test_with_options_ignores_none_for_keys_names_and_urls(
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


def test_with_options_replaces_all_headers_and_query(server: Loopback, client_to: Make) -> None:
    client = client_to(default_headers={"X-A": "1", "X-B": "1"}, default_query={"a": "1", "b": "1"})
    headers = ping(client.with_options(set_default_headers={"X-B": "2"}, set_default_query={"b": 2}), server)
    assert ("x-a" in headers, headers["x-b"], server.requests[-1].query) == (False, "2", "b=2")
    own = client_to(default_headers={"Authorization": "Basic abc"})
    assert ping(own.with_options(set_default_headers={}), server)["authorization"] == "Bearer the-key-of-the-tests"
    with pytest.raises(TypeError, match="default_query and set_default_query exclude each other"):
        client.with_options(set_default_query={}, default_query={})


def test_query_of_base_url_belongs_to_the_url(server: Loopback, client_to: Make) -> None:
    client = client_to(base_url=f"{server.url}/v1?a=1&a=2&b=url&empty=", default_query={"b": "own", "c": [1, 2]})
    assert client.default_query == {"b": "own", "c": [1, 2]}
    clients = {
        "a=1&a=2&b=own&empty=&c%5B%5D=1&c%5B%5D=2": client.with_options(max_retries=0),
        "a=1&a=2&b=url&empty=&d=1": client.with_options(set_default_query={"d": 1}),
        "x=1&b=own&c%5B%5D=1&c%5B%5D=2": client.with_options(base_url=f"{server.url}/v1?x=1"),
    }
    for query, other in clients.items():
        ping(other, server)
        assert server.requests[-1].query == query


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


def test_with_options_does_not_read_the_environment_again(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "early-key")
    with oai.OpenAI(base_url=server.url) as client:
        monkeypatch.delenv("OPENAI_API_KEY")
        assert ping(client.with_options(max_retries=0), server)["authorization"] == "Bearer early-key"


def test_call_merges_extra_headers_query_and_body(server: Loopback, client_to: Make) -> None:
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


def test_authorization_header_of_the_caller_replaces_the_key(server: Loopback, client_to: Make) -> None:
    client = client_to(api_key=None, default_headers={"Authorization": "Basic abc"})
    assert ping(client, server)["authorization"] == "Basic abc"
    assert ping(client_to(), server, extra_headers={"authorization": "Own"})["authorization"] == "Own"
    assert "authorization" not in ping(client_to(), server, extra_headers={"Authorization": None})


def test_query_of_the_base_url_is_sent_with_every_request(server: Loopback, client_to: Make) -> None:
    client = client_to(base_url=f"{server.url}/v1/?api-version=7")
    ping(client, server)
    assert server.requests[0].target == "/v1/models/m?api-version=7"


def test_base_url_is_percent_encoded(server: Loopback, client_to: Make) -> None:
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


@pytest.mark.parametrize("url", ["http://[::1@{}@[::1", "http://me:{}/@x", "https:///x?api-key={}"])
def test_invalid_base_url_is_rejected_without_showing_secrets(url: str) -> None:
    secret = "a word that opens a proxy".replace(" ", "-")
    with pytest.raises(oai.OpenAIError, match="must be a URL such as") as caught:
        oai.OpenAI(api_key="k", base_url=url.format(secret))
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("htp://me:{}@x", "htp://x"),
        ("me:{}@x/v1", "x/v1"),
        ("x?api-key={}", "x"),
        ("localhost:8000/v1", "localhost:8000/v1"),
        ("/v1", "/v1"),
        ("ftp://x", "ftp://x"),
    ],
)
def test_base_url_without_http_fails_at_the_first_call_without_showing_secrets(url: str, shown: str) -> None:
    secret = "a word that opens a proxy".replace(" ", "-")
    clients = [oai.OpenAI(api_key="k", base_url=url.format(secret))]
    clients += [clients[0].copy(), oai.OpenAI(api_key="k", base_url=url.format(secret), transport=Urllib3Transport())]
    for client in clients:
        with client, pytest.raises(oai.APIConnectionError, match="must be a URL such as") as caught:
            client.models.list()
        assert str(caught.value).endswith(f"not {shown!r}")
        assert secret not in repr(client) + str(client.base_url) + str(caught.value) + repr(caught.value.request)


def test_base_url_without_http_fails_at_the_first_async_call() -> None:
    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url="localhost:8000/v1") as client:
            with pytest.raises(oai.APIConnectionError, match="must be a URL such as"):
                await client.models.list()

    asyncio.run(main())


def test_transport_that_needs_no_key_takes_any_base_url() -> None:
    assert oai.OpenAI(base_url="anywhere", transport=oai.OfflineTransport()).models.list().data


def test_timeout_accepts_seconds_none_and_parts() -> None:
    assert oai.OpenAI(api_key="k").timeout == oai.Timeout(600, connect=5)
    assert oai.OpenAI(api_key="k", timeout=3).timeout == oai.Timeout(3)
    assert oai.OpenAI(api_key="k", timeout=None).timeout == oai.Timeout(None)
    assert oai.OpenAI(api_key="k", timeout=(5, 1)).timeout == oai.Timeout(None, connect=5, read=1)  # as httpx has it
    assert oai.OpenAI(api_key="k", timeout=(5, 1, 2)).timeout == oai.Timeout(None, connect=5, read=1, write=2)
    assert oai.Timeout(10, connect=2).read == 10
    assert repr(oai.Timeout(10, connect=2)) == "Timeout(connect=2, read=10, write=10, pool=10, total=None)"


@pytest.mark.parametrize("limit", [float("inf"), 1e12, 1e300])
def test_timeout_beyond_what_the_system_can_wait_is_no_limit(
    limit: float, play: Callable[..., Any], server: Loopback
) -> None:
    server.default = Answer.of_json({"id": "m", "object": "model", "created": 1, "owned_by": "me"})
    assert oai.OpenAI(api_key="k", timeout=(limit, 2, None, limit)).timeout == oai.Timeout(None, read=2)

    def scenario(client: Any) -> Any:
        for timeout in (limit, oai.Timeout(limit), (limit, limit, 5, None), httpx.Timeout(5, read=limit)):
            result = yield client.models.retrieve("m", timeout=timeout)
            assert result.id == "m"
        result = yield client.with_options(timeout=limit, deadline=limit).models.retrieve("m")
        assert result.id == "m"

    play(scenario)


def test_the_environment_is_not_changed() -> None:
    before = dict(os.environ)
    oai.OpenAI(api_key="k")
    assert dict(os.environ) == before
