"""Workload identities that a client certificate proves, over mutual TLS on this machine."""

from __future__ import annotations

import asyncio
import logging
import pickle
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from planted import planted

import oai
from oai import auth
from oai._auth import x509
from oai._flow import retry
from oai.testing import Answer, Loopback

ACCESS = planted("planted", "access", "token")
MODEL = {"id": "m"}
IDENTITY = auth.x509_workload_identity(identity_provider_id="idp-1", service_account_id="sa-1")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("client.example")


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def client_tls(authority: trustme.CA, certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def api(server_tls: ssl.SSLContext) -> Iterator[Loopback]:
    with Loopback(tls=server_tls) as server:
        server.default = Answer(json=MODEL)
        yield server


@pytest.fixture
def exchange(server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setattr(retry, "FIRST_DELAY", 0.01)
    monkeypatch.setenv("OPENAI_API_KEY", planted("not", "this", "key"))
    with Loopback(tls=server_tls) as server:
        monkeypatch.setattr(x509, "EXCHANGE_URL", f"{server.url}/oauth/token")
        numbers = iter(range(1, 100))
        server.default = lambda _: Answer(json={"access_token": f"{ACCESS}{next(numbers)}", "expires_in": 3600})
        yield server


@pytest.fixture(params=["sync", "async", "httpx", "async httpx"])
def call(request: pytest.FixtureRequest, api: Loopback, client_tls: ssl.SSLContext) -> Callable[..., Any]:
    """Make calls with a client whose transport has the certificate."""

    def options() -> dict[str, Any]:
        if "httpx" not in request.param:
            kind = oai.HTTPTransport if request.param == "sync" else oai.AsyncHTTPTransport
            return {"transport": kind(ssl_context=client_tls)}
        httpx = pytest.importorskip("httpx")
        kind = httpx.Client if request.param == "httpx" else httpx.AsyncClient
        return {"http_client": kind(verify=client_tls, trust_env=False)}

    def make(*names: str, **others: Any) -> None:
        base = {"base_url": api.url, "workload_identity": IDENTITY, "max_retries": 0, **options(), **others}
        if "async" not in request.param:
            with oai.OpenAI(**base) as client:
                for name in names:
                    client.models.retrieve(name)
                for part in ("transport", "http_client"):
                    if part in base:
                        base[part].close()
            return

        async def main() -> None:
            async with oai.AsyncOpenAI(**base) as client:
                await asyncio.gather(*(client.models.retrieve(name) for name in names))
                if "transport" in base:
                    await base["transport"].close()
                else:
                    await base["http_client"].aclose()

        asyncio.run(main())

    return make


def keys_of(server: Loopback) -> list[str]:
    return [(seen.header("authorization") or "").removeprefix(f"Bearer {ACCESS}") for seen in server.requests]


def test_certificate_gets_one_token_for_many_calls(
    call: Callable[..., Any], api: Loopback, exchange: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "authorization: of another time\nX-Team: blue")
    call("a", "b", "c")
    assert keys_of(api) == ["1", "1", "1"]
    assert {seen.header("x-team") for seen in api.requests} == {"blue"}
    (seen,) = exchange.requests
    assert seen.header("authorization") is None
    assert seen.json() == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:openai:params:oauth:token-type:x509",
        "identity_provider_id": "idp-1",
        "service_account_id": "sa-1",
    }


def test_exchange_is_repeated_after_passing_failures(
    call: Callable[..., Any], api: Loopback, exchange: Loopback
) -> None:
    exchange.reply(Answer.error(503, "busy"))
    call("a", max_retries=1)
    assert len(exchange.requests) == 2
    exchange.default = Answer.error(503, "busy")
    with pytest.raises(oai.OpenAIError, match="failed with status 503"):
        call("a", max_retries=9)
    assert len(exchange.requests) == 2 + 3  # never more than two retries
    exchange.default = Answer(status=403, json={"error": "access_denied", "error_description": "no such certificate"})
    with pytest.raises(oai.OAuthError, match="no such certificate") as info:
        call("a", max_retries=9)
    assert info.value.error == "access_denied"
    assert len(exchange.requests) == 6


def test_rejected_token_is_renewed_and_redirects_are_not_followed(
    call: Callable[..., Any], api: Loopback, exchange: Loopback
) -> None:
    api.reply(Answer.error(401, "expired"))
    call("a")
    assert keys_of(api) == ["1", "2"]
    api.default = Answer(status=307, headers=[("location", "/elsewhere")])
    with pytest.raises(oai.APIStatusError, match="307"):
        call("a")
    assert len(api.requests) == 3


@pytest.mark.parametrize("token", ["with space", "with,comma", ""])
def test_token_that_is_no_bearer_token_is_refused(
    token: str, api: Loopback, exchange: Loopback, client_tls: ssl.SSLContext
) -> None:
    exchange.default = Answer(json={"access_token": token, "expires_in": 60})
    transport = oai.HTTPTransport(ssl_context=client_tls)
    client = oai.OpenAI(base_url=api.url, workload_identity=IDENTITY, transport=transport)
    with client, pytest.raises(oai.OpenAIError, match="no valid access_token"):
        client.models.list()
    transport.close()


def test_without_the_certificate_no_connection_is_made(
    api: Loopback, exchange: Loopback, authority: trustme.CA
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    transport = oai.HTTPTransport(ssl_context=context)
    client = oai.OpenAI(base_url=api.url, workload_identity=IDENTITY, transport=transport, max_retries=0)
    with client, pytest.raises(oai.APIConnectionError):
        client.models.list()
    transport.close()
    exchange.failures.clear()  # the handshakes that it refused
    assert (api.requests, exchange.requests) == ([], [])


def test_token_stays_with_the_api_and_is_the_only_credential(
    api: Loopback, exchange: Loopback, client_tls: ssl.SSLContext
) -> None:
    transport = oai.HTTPTransport(ssl_context=client_tls)
    client = oai.OpenAI(base_url=api.url, workload_identity=IDENTITY, transport=transport)
    with pytest.raises(oai.OpenAIError, match="only sent to the configured base_url"):
        client.with_options(base_url="https://127.0.0.1:9").models.list()
    for name in ("api-key", "X-API-Key", "proxy_authorization"):
        with pytest.raises(oai.OpenAIError, match=f"remove the header {name}"):
            client.models.list(extra_headers={name: "k"})
    with pytest.raises(oai.OpenAIError, match="Host must name the host"):
        client.models.list(extra_headers={"Host": "other.example"})
    with pytest.raises(oai.OpenAIError, match="not supported by WebSocket"):
        client.realtime.connect(model="m").__enter__()
    transport.close()
    assert api.requests == []


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://mtls.api.openai.com/v1"),
        ({"data_residency": "eu"}, "https://mtls-eu.api.openai.com/v1"),
        ({"data_residency": "global"}, "https://mtls.api.openai.com/v1"),
        ({"data_residency": "jp"}, None),
        ({"base_url": "https://x.example/v1"}, "https://x.example/v1"),
        ({"base_url": "http://x.example/v1"}, None),
        ({"base_url": "https://u:p@x.example/v1"}, None),
        ({"workload_identity": {**IDENTITY, "refresh_buffer_seconds": -1}}, None),
        ({"workload_identity": {**IDENTITY, "refresh_buffer_seconds": float("inf")}}, None),
        ({"workload_identity": {**IDENTITY, "client_id": "c"}}, None),
        ({"workload_identity": {**IDENTITY, "identity_provider_id": ""}}, None),
    ],
)
def test_urls_and_refusals_are_those_of_the_official_sdk(options: dict[str, Any], url: str | None) -> None:
    def outcome(module: Any) -> str | None:
        try:
            client = module.OpenAI(**{"workload_identity": IDENTITY, **options})
        except module.OpenAIError:
            return None
        return str(client.base_url).rstrip("/")

    assert outcome(oai) == url
    openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
    if "workload_identity" in openai.OpenAI.__init__.__kwdefaults__:
        assert outcome(openai) == url


def test_no_secret_is_in_reprs_pickles_logs_and_cassettes(
    api: Loopback, exchange: Loopback, client_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    transport = oai.HTTPTransport(ssl_context=client_tls)
    recorder = oai.Recorder(tmp_path / "x.cassette", transport, mode="record")
    with oai.OpenAI(base_url=api.url, workload_identity=IDENTITY, transport=recorder) as client:
        client.models.retrieve("m")
        texts = [repr(client), repr(client.workload_identity), repr(transport)]
    recorder.close()
    transport.close()
    texts.append(repr(pickle.dumps(oai.OpenAI(base_url=api.url, workload_identity=IDENTITY))))
    texts += [caplog.text, (tmp_path / "x.cassette").read_text()]
    assert ACCESS not in "\n".join(texts)
    replay = oai.Recorder(tmp_path / "x.cassette", mode="replay")
    with oai.OpenAI(base_url=api.url, workload_identity=IDENTITY, transport=replay) as client:
        assert client.models.retrieve("m").id == "m"
