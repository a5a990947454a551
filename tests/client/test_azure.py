"""The Azure clients: every difference from the API, and nothing else."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from planted import KEY

import oai
from oai._client.azure import azure_row
from oai._flow.steps import run, run_async
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback

VERSION = "2026-01-01"


@pytest.fixture(params=["sync", "async"])
def azure(request: pytest.FixtureRequest, server: Loopback) -> Callable[..., Any]:
    """Run a scenario with an Azure client, sync and async."""
    server.default = Answer(json={"id": "x", "data": [], "choices": []})

    def play(scenario: Callable[..., Any], **options: Any) -> Any:
        base = {"azure_endpoint": server.url, "api_version": VERSION, "max_retries": 0}
        if not any(name.startswith("azure_ad") for name in options):
            base["api_key"] = KEY
        if request.param == "sync":
            with oai.AzureOpenAI(**{**base, **options}) as client:
                return run(scenario(client))

        async def main() -> Any:
            async with oai.AsyncAzureOpenAI(**{**base, **options}) as client:
                return await run_async(scenario(client))

        return asyncio.run(main())

    return play


def chat(client: Any) -> Any:
    return (yield client.chat.completions.create(model="gpt/5", messages=[]))


def speech(client: Any) -> Any:
    return (yield client.audio.transcriptions.create(model="whisper", file=b"x"))


def models(client: Any) -> Any:
    return (yield client.models.list())


@pytest.mark.parametrize(
    ("scenario", "options", "target"),
    [
        (chat, {}, "/openai/deployments/gpt%2F5/chat/completions"),
        (chat, {"azure_deployment": "mine"}, "/openai/deployments/mine/chat/completions"),
        (speech, {}, "/openai/deployments/whisper/audio/transcriptions"),
        (models, {"azure_deployment": "mine"}, "/openai/models"),
    ],
)
def test_deployment_operations_have_its_path(
    azure: Callable[..., Any], server: Loopback, scenario: Any, options: dict[str, Any], target: str
) -> None:
    azure(scenario, **options)
    request = server.requests[0]
    assert request.target == f"{target}?api-version={VERSION}"
    assert request.header("api-key") == KEY
    assert request.header("authorization") is None
    if scenario is chat:
        assert request.json()["model"] == "gpt/5"


def test_base_url_naming_a_deployment_is_kept(azure: Callable[..., Any], server: Loopback) -> None:
    azure(chat, azure_endpoint=None, base_url=f"{server.url}/openai/deployments/mine")
    assert server.requests[0].target == f"/openai/deployments/mine/chat/completions?api-version={VERSION}"


def test_token_is_sent_in_authorization(azure: Callable[..., Any], server: Loopback) -> None:
    azure(models, azure_ad_token=KEY)
    tokens = iter(["one", "two"])
    server.reply(Answer(500, headers=[("retry-after-ms", "1")]))
    azure(models, azure_ad_token_provider=lambda: next(tokens), max_retries=1)
    assert [request.header("authorization") for request in server.requests] == [
        f"Bearer {KEY}",
        "Bearer one",
        "Bearer two",
    ]
    assert all(request.header("api-key") is None for request in server.requests)


@pytest.mark.parametrize("key", [None, "", " ", 3, b"x"])
@pytest.mark.parametrize("option", ["azure_ad_token_provider", "api_key"])
def test_function_that_returns_no_key_is_named(
    option: str, key: Any, azure: Callable[..., Any], server: Loopback
) -> None:
    for scenario in (models, chat, lambda client: (yield client.with_options(**{option: lambda: key}).models.list())):
        with pytest.raises(oai.OpenAIError, match=f"the function passed as {option} must return a key") as caught:
            azure(scenario, **{option: lambda: key})
        assert isinstance(caught.value, ValueError), "as the official SDK raises"
    assert server.requests == []


def test_invalid_token_names_its_provider(azure: Callable[..., Any], server: Loopback) -> None:
    with pytest.raises(oai.OpenAIError, match="azure_ad_token_provider") as caught:
        azure(models, azure_ad_token_provider=lambda: "a\nb")
    assert "a\\nb" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("model", [".", ".."])
def test_deployment_that_is_a_dot_segment_is_refused(model: str, azure: Callable[..., Any], server: Loopback) -> None:
    def completion(client: Any) -> Any:
        return (yield client.chat.completions.create(model=model, messages=[]))

    def transcription(client: Any) -> Any:
        return (yield client.audio.transcriptions.create(model=model, file=b"x"))

    def raw(client: Any) -> Any:
        return (yield client.embeddings.with_raw_response.create(model=model, input="x"))

    def undeclared(client: Any) -> Any:
        return (yield client.post("/chat/completions", body={"model": model}))

    for scenario in (completion, transcription, raw, undeclared):
        with pytest.raises(ValueError, match="`model` must be the name of a deployment, not '"):
            azure(scenario)
    with pytest.raises(oai.OpenAIError, match="azure_deployment must be the name of a deployment"):
        azure(chat, azure_deployment=model)
    assert server.requests == []


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("...", "..."),
        ("..a", "..a"),
        ("%2e%2e", "%252e%252e"),
        ("../x", "..%2Fx"),
        (" ", "%20"),
        ("a?b#c", "a%3Fb%23c"),
    ],
)
def test_deployment_is_one_encoded_segment(
    model: str, segment: str, azure: Callable[..., Any], server: Loopback
) -> None:
    def completion(client: Any) -> Any:
        return (yield client.chat.completions.create(model=model, messages=[]))

    azure(completion)
    azure(chat, azure_deployment=model)
    assert [request.target.partition("?")[0] for request in server.requests] == [
        f"/openai/deployments/{segment}/chat/completions"
    ] * 2


def test_api_version_overrides_default_query_as_in_the_official_sdk(
    azure: Callable[..., Any], server: Loopback
) -> None:
    def scenario(client: Any) -> Any:
        yield client.models.list()
        yield client.with_options(default_query={"api-version": "query", "b": "2"}).models.list()
        yield client.with_options(set_default_query={"api-version": "query"}).models.list()
        yield client.with_options(api_version="next", default_query={"api-version": "query"}).models.list()
        return (yield client.models.list(extra_query={"api-version": "call"}))

    azure(scenario, default_query={"api-version": "query", "a": "1"})
    assert [request.query for request in server.requests] == [
        f"api-version={VERSION}&a=1",
        f"api-version={VERSION}&a=1&b=2",
        f"api-version={VERSION}",
        "api-version=next&a=1",
        "api-version=call&a=1",
    ]


def test_api_key_header_of_the_caller_replaces_the_key(azure: Callable[..., Any], server: Loopback) -> None:
    azure(models, default_headers={"api-key": "mine"})
    azure(lambda client: (yield client.models.list(extra_headers={"api-key": "mine"})))
    assert [request.header("api-key") for request in server.requests] == ["mine", "mine"]


def test_authorization_of_the_caller_is_sent_with_the_key(azure: Callable[..., Any], server: Loopback) -> None:
    own = {"Authorization": "Bearer of a gateway"}
    azure(models, default_headers=own)
    azure(lambda client: (yield client.models.list(extra_headers=own)))
    for request in server.requests:
        assert (request.header("authorization"), request.header("api-key")) == (own["Authorization"], KEY)


def test_options_come_from_the_environment(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_VERSION", VERSION)
    monkeypatch.setenv("OPENAI_API_KEY", "not this one")
    server.default = Answer(json={"data": []})
    with oai.AzureOpenAI() as client:
        client.with_options(timeout=3).models.list()
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "token")
    with oai.AzureOpenAI() as client:
        client.models.list()
    assert server.requests[0].header("api-key") == KEY
    assert server.requests[1].header("authorization") == "Bearer token"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"api_version": None}, "There is no API version"),
        ({"azure_endpoint": None}, "There is no endpoint"),
        ({"api_key": None}, "There is no key: pass api_key, azure_ad_token"),
        ({"azure_ad_token": "t"}, "api_key and azure_ad_token exclude each other"),
        ({"base_url": "https://x.example"}, "base_url and azure_endpoint exclude each other"),
    ],
)
def test_missing_or_conflicting_options_are_named(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in azure_row().environment.values():
        monkeypatch.delenv(name, raising=False)
    base = {"azure_endpoint": "https://x.example", "api_version": VERSION, "api_key": KEY}
    for cls in (oai.AzureOpenAI, oai.AsyncAzureOpenAI):
        with pytest.raises(oai.OpenAIError, match=message) as caught:
            cls(**{**base, **options})
        # Except for the key, the official SDK raises `ValueError`.
        assert isinstance(caught.value, ValueError) == ("api_key" not in options)


def test_client_without_a_key_never_sends_openai_api_key(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not this one")
    options = {"azure_endpoint": server.url, "api_version": VERSION}
    client = oai.AzureOpenAI(transport=oai.OfflineTransport(), **options)
    assert client.models.retrieve("m").id == "m"
    with pytest.raises(oai.OpenAIError, match="There is no key: pass api_key, azure_ad_token"):
        client.with_options(transport=oai.HTTPTransport()).models.list()
    assert server.requests == []
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    assert pickle.loads(pickle.dumps(client)).api_key == KEY


def test_azure_client_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    client = oai.AzureOpenAI(azure_endpoint="https://x.example", api_version=VERSION, azure_deployment="d", api_key=KEY)
    data = pickle.dumps(client)
    assert KEY.encode() not in data
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "looked-up")
    back = pickle.loads(data)
    assert (back.base_url, back.api_key) == (client.base_url, "looked-up")
    assert core_of(back).config.default_query == {"api-version": VERSION}
    assert core_of(back).config.dialect.deployment == "d"


def test_with_options_replaces_version_and_credentials(azure: Callable[..., Any], server: Loopback) -> None:
    def scenario(client: Any) -> Any:
        for options in (
            {"api_version": "next"},
            {"azure_ad_token": "token"},
            {"azure_ad_token_provider": lambda: "made"},
            {"timeout": 3},
        ):
            yield client.with_options(**options).models.list()
        return (yield client.with_options(azure_ad_token="token").copy(api_key="mine").models.list())

    azure(scenario)
    assert [
        (request.target.partition("=")[2], request.header("api-key"), request.header("authorization"))
        for request in server.requests
    ] == [
        ("next", KEY, None),
        (VERSION, None, "Bearer token"),
        (VERSION, None, "Bearer made"),
        (VERSION, KEY, None),
        (VERSION, "mine", None),
    ]


def test_azure_client_with_replaced_options_pickles(server: Loopback) -> None:
    server.default = Answer(json={"data": []})
    options: Any = {"azure_endpoint": "https://x.example", "azure_deployment": "d", "api_key": KEY}
    client = oai.AzureOpenAI(**options, api_version=VERSION, pickle_keys=True)
    other = client.with_options(api_version="next", base_url=f"{server.url}/openai")
    with pickle.loads(pickle.dumps(other)) as back:
        back.models.list()
    assert server.requests[0].target == "/openai/models?api-version=next"
    assert server.requests[0].header("api-key") == KEY


def test_set_default_query_keeps_the_api_version(server: Loopback) -> None:
    server.default = Answer(json={"data": []})
    options: Any = {"azure_endpoint": server.url, "api_key": KEY, "default_query": {"a": "1"}}
    with oai.AzureOpenAI(**options, api_version=VERSION) as client:
        client.with_options(set_default_query={"b": "2"}).models.list()
        client.with_options(set_default_query={"b": "2"}, api_version="next").models.list()
    assert [seen.query for seen in server.requests] == [f"api-version={VERSION}&b=2", "api-version=next&b=2"]


def test_every_deployment_path_is_in_the_table() -> None:
    from oai._table.load import shipped_table

    assert azure_row().deployments <= {row.path for row in shipped_table().values()}


@pytest.mark.parametrize(("region", "host"), [("eu", "eu.api.openai.com"), ("global", "api.openai.com")])
def test_data_residency_selects_a_host(region: str, host: str) -> None:
    assert oai.OpenAI(api_key="k", data_residency=region).base_url == f"https://{host}/v1"
    assert oai.OpenAI(api_key="k").with_options(data_residency=region).base_url == f"https://{host}/v1"


def test_attributes_that_packages_read_have_the_official_names() -> None:
    client: Any = oai.AzureOpenAI(
        api_key="k", azure_endpoint="https://x.example", azure_deployment="d", api_version="v1"
    )
    names = ("_azure_endpoint", "_azure_deployment", "_api_version")
    assert [getattr(client, name) for name in names] == ["https://x.example", "d", "v1"]
    assert client.with_options(api_version="v2")._api_version == "v2"


@pytest.mark.parametrize("kind", [oai.OpenAI, oai.AsyncOpenAI])
def test_another_region_takes_the_websockets_along(kind: Any) -> None:
    client = kind(api_key="k", websocket_base_url="wss://original.example/v1")
    regional = client.with_options(data_residency="eu")
    assert (regional.websocket_base_url, regional.copy().websocket_base_url) == (None, None)
    for copy in (client.copy(), client.with_options(data_residency=None), client.with_options(timeout=1)):
        assert copy.websocket_base_url == "wss://original.example/v1"
    with pytest.raises(oai.OpenAIError, match="exclude each other"):
        client.with_options(data_residency="eu", websocket_base_url="wss://other.example/v1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_residency": "xx"}, "must be global or one of ae"),
        ({"data_residency": "eu", "base_url": "https://x.example"}, "exclude each other"),
    ],
)
def test_unknown_region_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(oai.OpenAIError, match=message):
        oai.OpenAI(api_key="k", **options)
    with pytest.raises(oai.OpenAIError, match=message):
        oai.OpenAI(api_key="k").with_options(**options)
