"""Copies of clients keep options, keys and tables; only pickles leave keys out."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planted import KEY

import oai
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback

COPIES = [copy.copy, copy.deepcopy, lambda client: client.copy(), lambda client: client.with_options()]
MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}

AZURE = {"api_version": "v", "azure_endpoint": "https://x.invalid"}


@pytest.fixture(autouse=True)
def other_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set keys of another service, which no copy may take."""
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.setenv(name, "of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://environment.invalid")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("cls", [oai.OpenAI, oai.AsyncOpenAI])
def test_copy_keeps_every_option(cls: type[Any], copied: Callable[[Any], Any], tmp_path: Path) -> None:
    table = tmp_path / "own.toml"
    table.write_text('[rerank]\nmethod = "POST"\npath = "/rerank"\nbody = "json"\nresponse = "Any"\n')
    client = cls(
        api_key="own",
        admin_api_key="own-admin",
        base_url="https://own.invalid",
        organization="own-org",
        webhook_secret="own-secret",
        max_retries=7,
        timeout=3,
        deadline=4,
        default_headers={"X-Own": "1"},
        default_query={"a": "b"},
        table=table,
    )
    client.files  # noqa: B018 - a namespace that was used belongs to its client
    twin = copied(client)
    assert type(twin) is type(client)
    before, after = vars(core_of(client).config), vars(core_of(twin).config)
    names = ("api_key", "admin_api_key", "base_url", "organization", "webhook_secret", "max_retries", "timeout")
    assert [before[name] for name in names] == [after[name] for name in names]
    assert after["default_headers"] == {"X-Own": "1"}
    assert after["default_query"] == {"a": "b"}
    assert after["deadline"] == 4
    assert callable(twin.rerank)
    assert core_of(twin.files._client) is core_of(twin)


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("cls", [oai.AzureOpenAI, oai.AsyncAzureOpenAI])
@pytest.mark.parametrize("key", ["api_key", "azure_ad_token", "azure_ad_token_provider"])
def test_copy_of_an_azure_client_keeps_its_key_and_its_header(cls: Any, key: str, copied: Callable[[Any], Any]) -> None:
    value = (lambda: "own") if key.endswith("provider") else "own"
    client = cls(**{key: value}, **AZURE, azure_deployment="d")
    twin = copied(client)
    config = core_of(twin).config
    assert config.api_key is value
    expected = ("api-key", "own") if key == "api_key" else ("Authorization", "Bearer own")
    assert config.dialect.authorization("own") == expected
    assert (config.base_url, config.default_query) == ("https://x.invalid/openai", {"api-version": "v"})
    assert twin.with_options(api_version="w")._azure["api_version"] == "w"


@pytest.mark.parametrize("copied", COPIES[:2])
def test_copy_sends_its_own_key_over_its_own_connections(copied: Callable[[Any], Any], server: Loopback) -> None:
    server.default = Answer.of_json(MODEL)
    client = oai.OpenAI(api_key=KEY, base_url=server.url)
    client.models.retrieve("m")
    twin = copied(client)
    client.close()
    assert not twin.is_closed()
    twin.models.retrieve("m")
    twin.close()
    assert [seen.header("authorization") for seen in server.requests] == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize("copied", COPIES[:2])
def test_copy_of_an_async_client_sends_its_own_key(copied: Callable[[Any], Any], server: Loopback) -> None:
    server.default = Answer.of_json(MODEL)

    async def main() -> None:
        async with copied(oai.AsyncOpenAI(api_key=KEY, base_url=server.url)) as twin:
            await twin.models.retrieve("m")

    asyncio.run(main())
    assert server.requests[0].header("authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize("copied", COPIES[:2])
def test_copy_shares_the_callers_transport_and_does_not_close_it(copied: Callable[[Any], Any]) -> None:
    transport = oai.OfflineTransport()
    client = oai.OpenAI(transport=transport)
    twin = copied(client)
    assert twin.transport is transport
    twin.close()
    assert client.models.retrieve("m").object == "model"
    assert client.with_raw_response.models.retrieve("m").parse().object == "model"


class Team(oai.OpenAI):
    """A subclass with attributes and a constructor of its own."""

    def __init__(self, team: list[str], **options: Any) -> None:
        super().__init__(**options)
        self.team = team


def test_copy_of_a_subclass_keeps_its_attributes() -> None:
    client = Team(["blue"], api_key="own")
    shallow, deep = copy.copy(client), copy.deepcopy(client)
    assert shallow.team is client.team
    assert (deep.team, deep.team is client.team) == (["blue"], False)
    assert (shallow.api_key, deep.api_key) == ("own", "own")
    assert client.with_options(max_retries=1).team is client.team


@pytest.mark.parametrize("copied", COPIES[:2])
def test_copy_of_a_view_is_a_view(copied: Callable[[Any], Any]) -> None:
    view = oai.OpenAI(transport=oai.OfflineTransport()).with_raw_response
    assert copied(view).models.retrieve("m").parse().object == "model"
