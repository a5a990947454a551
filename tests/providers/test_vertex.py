"""Google Vertex AI: google-auth's tokens, from a token server on this machine, and tokens of the caller's."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from planted import planted

import oai
from oai._request.client_core import core_of
from oai.providers import vertex
from oai.testing import Answer, Loopback

pytest.importorskip("google.auth", reason="google-auth is not installed: pip install '.[test]'")
from google.oauth2 import service_account

TOKEN = planted("planted", "google", "token")
RESPONSE = {"id": "r", "object": "response", "output": []}


def respond(client: Any) -> Any:
    return (yield client.responses.create(model="m", input="Hello", store=False))


@pytest.fixture
def tokens() -> Any:
    """A server of tokens, which answers with a new one each time."""
    with Loopback() as server:
        count = iter(range(1, 100))
        server.default = lambda _: Answer(json={"access_token": f"{TOKEN}{next(count)}", "expires_in": 3600})
        yield server


@pytest.fixture(scope="module")
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


@pytest.fixture
def account(private_key: str, tokens: Loopback) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": private_key,
        "client_email": "me@p.iam.gserviceaccount.com",
        "token_uri": f"{tokens.url}/token",
    }


def test_default_credentials_are_found_scoped_and_kept(
    play: Callable[..., Any],
    server: Loopback,
    tokens: Loopback,
    account: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "adc.json"
    path.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    server.default = Answer(json=RESPONSE)

    def twice(client: Any) -> Any:
        yield client.responses.create(model="m", input="a")
        yield client.responses.create(model="m", input="b")

    play(twice, provider=vertex(base_url=f"{server.url}/v1"), api_key=None, base_url=None)
    assert [seen.header("authorization") for seen in server.requests] == [f"Bearer {TOKEN}1"] * 2
    assert len(tokens.requests) == 1
    assert b"jwt-bearer" in tokens.requests[0].body
    import base64

    assertion = tokens.requests[0].body.decode().partition("assertion=")[2].partition("&")[0]
    claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"


def test_header_fields_are_google_auth_s(server: Loopback, tokens: Loopback, account: dict[str, str]) -> None:
    """The fields that google-auth itself adds, with the project that pays."""
    credentials = service_account.Credentials.from_service_account_info(account).with_quota_project("payer")
    server.default = Answer(json=RESPONSE)
    with oai.OpenAI(provider=vertex(base_url=server.url, credentials=credentials)) as client:
        client.responses.create(model="m", input="a")
    expected: dict[str, str] = {}
    from google.auth.transport.urllib3 import Request

    scoped = credentials.with_scopes(["https://www.googleapis.com/auth/cloud-platform"])
    make: Any = Request  # which has no types
    with urllib3.PoolManager() as pool:
        scoped.before_request(make(pool), "POST", server.url, expected)
    (seen,) = server.requests
    assert {*expected} <= {name.lower() for name, _ in seen.headers}
    assert seen.header("x-goog-user-project") == expected["x-goog-user-project"] == "payer"
    assert seen.header("authorization") == f"Bearer {TOKEN}1"
    assert expected["authorization"] == f"Bearer {TOKEN}2"


def test_one_refresh_for_many_callers(server: Loopback, tokens: Loopback, account: dict[str, str]) -> None:
    server.default = Answer(json=RESPONSE)
    credentials = service_account.Credentials.from_service_account_info(account)

    async def main() -> None:
        async with oai.AsyncOpenAI(provider=vertex(base_url=server.url, credentials=credentials)) as client:
            await asyncio.gather(*(client.responses.create(model="m", input="a") for _ in range(8)))

    asyncio.run(main())
    with oai.OpenAI(provider=vertex(base_url=server.url, credentials=credentials)) as client:
        threads = [threading.Thread(target=lambda: client.responses.create(model="m", input="a")) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert len(server.requests) == 12
    assert len(tokens.requests) == 2  # one for each client, which scope their own


@pytest.mark.usefixtures("quick_retries")
def test_token_provider_is_called_for_each_attempt(play: Callable[..., Any], server: Loopback) -> None:
    made = iter([TOKEN + "a", TOKEN + "b"])
    server.reply(Answer.error(503, "again"))
    server.default = Answer(json=RESPONSE)
    provider = vertex(base_url=server.url, token_provider=lambda: next(made))
    play(respond, provider=provider, api_key=None, base_url=None, max_retries=1)
    assert [seen.header("authorization") for seen in server.requests] == [f"Bearer {TOKEN}a", f"Bearer {TOKEN}b"]


def test_async_token_provider(server: Loopback) -> None:
    async def token() -> str:
        return TOKEN

    async def never() -> str:
        await asyncio.sleep(60)
        return TOKEN

    async def main() -> None:
        server.default = Answer(json=RESPONSE)
        async with oai.AsyncOpenAI(provider=vertex(base_url=server.url, token_provider=token)) as client:
            await client.responses.create(model="m", input="a")
        late = vertex(base_url=server.url, token_provider=never)
        async with oai.AsyncOpenAI(provider=late, timeout=oai.Timeout(5, read=0.05), max_retries=0) as client:
            with pytest.raises(oai.APITimeoutError, match="nothing was sent"):
                await client.responses.create(model="m", input="a")

    asyncio.run(main())
    assert len(server.requests) == 1
    client = oai.OpenAI(provider=vertex(base_url=server.url, token_provider=token))
    with client, pytest.raises(oai.OpenAIError, match="needs AsyncOpenAI"):
        client.responses.create(model="m", input="a")


@pytest.mark.parametrize("bad", [lambda: "", lambda: 3, lambda: "a b", lambda: TOKEN + "\n", lambda: 1 / 0])
def test_bad_token_is_refused_and_not_shown(bad: Any, play: Callable[..., Any], server: Loopback) -> None:
    provider = vertex(base_url=server.url, token_provider=bad)
    with pytest.raises(oai.OpenAIError, match="token provider of Vertex") as info:
        play(respond, provider=provider, api_key=None, base_url=None)
    assert TOKEN not in str(info.value)
    assert info.value.__cause__ is None
    assert server.requests == []


def test_failing_credentials_show_no_secret(
    server: Loopback, account: dict[str, str], tokens: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens.default = Answer.error(400, f"bad {TOKEN}")
    credentials = service_account.Credentials.from_service_account_info(account)
    provider = vertex(base_url=server.url, credentials=credentials)
    with oai.OpenAI(provider=provider) as client, pytest.raises(oai.OpenAIError, match="Google's credentials") as info:
        client.responses.create(model="m", input="a")
    assert info.value.__cause__ is None
    private = account["private_key"].splitlines()[5]
    for text in (str(info.value), repr(provider), repr(client), repr(pickle.dumps(provider)), caplog.text):
        assert TOKEN not in text
        assert private not in text
    stalled = vertex(base_url=server.url, credentials=credentials)
    tokens.default = Answer(json={}, delay=5)
    client = oai.OpenAI(provider=stalled, timeout=oai.Timeout(5, read=0.05), max_retries=0)
    with client, pytest.raises(oai.APITimeoutError, match="was not sent"):
        client.responses.create(model="m", input="a")


def test_pickled_client_finds_its_credentials_again(server: Loopback) -> None:
    client = oai.OpenAI(provider=vertex(project="p", location="global", token_provider=secret_token))
    back = pickle.loads(pickle.dumps(client))
    assert back.base_url == client.base_url
    assert TOKEN.encode() not in pickle.dumps(client)
    assert core_of(back).config.dialect._token_provider is secret_token


def secret_token() -> str:
    return TOKEN


def test_headers_of_other_services_are_refused(server: Loopback) -> None:
    provider = vertex(base_url=server.url, token_provider=lambda: TOKEN)
    for options in ({"organization": "o"}, {"project": "p"}, {"default_headers": {"api-key": "k"}}):
        client = oai.OpenAI(provider=provider, **options)  # type: ignore[arg-type]
        with client, pytest.raises(oai.OpenAIError, match="remove the header"):
            client.responses.create(model="m", input="a")
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "environment", "url"),
    [
        ({"project": "p", "location": "us-east5"}, {}, "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/openai/v1"),
        ({}, {"GOOGLE_CLOUD_PROJECT": "example.com:p", "GOOGLE_CLOUD_LOCATION": "global"}, "https://aiplatform.googleapis.com/v1/projects/example.com:p/locations/global/publishers/openai/v1"),
        ({"base_url": "http://127.0.0.1:9/x"}, {}, "http://127.0.0.1:9/x"),
        ({"project": "p"}, {}, None),
        ({"location": "l"}, {}, None),
        ({"project": "..", "location": "l"}, {}, None),
        ({"project": "p", "location": "l/x"}, {}, None),
        ({"base_url": "ftp://x"}, {}, None),
        ({"base_url": "https://u:p@x.example"}, {}, None),
        ({"base_url": "https://x.example/?a=1"}, {}, None),
        ({"base_url": "http://aiplatform.googleapis.com/v1"}, {}, None),
        ({"base_url": "https://x.example", "credentials": object(), "token_provider": str}, {}, None),
    ],
)  # fmt: skip
def test_urls_and_refusals_are_those_of_the_official_sdk(
    arguments: dict[str, Any], environment: dict[str, str], url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def outcome(module: Any, factory: Any) -> str | None:
        try:
            return str(module.OpenAI(provider=factory(**arguments)).base_url).rstrip("/")
        except module.OpenAIError:
            return None

    assert outcome(oai, vertex) == url
    openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
    assert outcome(openai, pytest.importorskip("openai.providers").vertex) == url


def test_missing_extra_is_named(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "google.auth", None)
    client = oai.OpenAI(provider=vertex(base_url=server.url))
    with client, pytest.raises(oai.OpenAIError, match=r"pip install 'oai\[vertex\]'"):
        client.responses.create(model="m", input="a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Vertex needs the id of a project"),
        ({"project": "p"}, "Vertex needs a location"),
        ({"project": "p/q", "location": "global"}, "project must be the id of a Google Cloud project, not 'p/q'"),
        (
            {"project": "p", "location": "US!"},
            "location must be one of Google Cloud, such as us-east5 or global, not 'US!'",
        ),
        ({"base_url": "https://a:secret@example.com"}, "without credentials, query and fragment, not 'https://"),
        ({"base_url": "http://x.googleapis.com"}, "base_url must begin with https:// for a host of Google"),
    ],
)
def test_invalid_option_is_named_with_its_value(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_LOCATION", raising=False)
    with pytest.raises(oai.OpenAIError, match=re.escape(message)) as caught:
        oai.OpenAI(provider=vertex(**options, token_provider=lambda: "a-token"))
    assert "secret" not in str(caught.value)
