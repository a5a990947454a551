"""Workload identities: the exchange, the cache, one renewal for many callers, and what platforms issue."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from planted import planted

import oai
from oai import auth
from oai._auth import access_tokens, identities, subject_tokens
from oai._auth.exchange import AccessToken
from oai._flow.drivers import SYNC_IO, drive
from oai._http.messages import TransportError
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback

SUBJECT = planted("planted", "subject", "token")
ACCESS = planted("planted", "access", "token")
MODEL = {"id": "m"}


def identity(**changes: Any) -> Any:
    provider = {"token_type": "jwt", "get_token": subject_token}
    return {"identity_provider_id": "idp-1", "service_account_id": "sa-1", "provider": provider, **changes}


def subject_token() -> str:
    return SUBJECT


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """The token endpoint, which issues a new token each time."""
    monkeypatch.setenv("OPENAI_API_KEY", planted("not", "this", "key"))
    with Loopback() as server:
        monkeypatch.setattr(identities, "EXCHANGE_URL", f"{server.url}/oauth/token")
        numbers = iter(range(1, 1000))
        server.default = lambda _: token(next(numbers))
        yield server


def token(number: int, seconds: float = 3600) -> Answer:
    return Answer(json={"access_token": f"{ACCESS}{number}", "expires_in": seconds, "token_type": "Bearer"})


def keys_of(server: Loopback) -> list[str | None]:
    return [(seen.header("authorization") or "").removeprefix(f"Bearer {ACCESS}") for seen in server.requests]


def retrieve(client: Any) -> Any:
    return (yield client.models.retrieve("m"))


def test_subject_token_is_exchanged_and_the_access_token_kept(
    play: Callable[..., Any], server: Loopback, exchange: Loopback
) -> None:
    server.default = Answer(json=MODEL)

    def twice(client: Any) -> Any:
        yield client.models.retrieve("m")
        yield client.with_options(timeout=5).models.retrieve("m")

    play(twice, workload_identity=identity(), api_key=None)
    assert keys_of(server) == ["1", "1"]
    (seen,) = exchange.requests
    assert (seen.method, seen.target) == ("POST", "/oauth/token")
    assert seen.header("authorization") is None
    assert seen.json() == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": SUBJECT,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "identity_provider_id": "idp-1",
        "service_account_id": "sa-1",
    }


def test_exchange_is_the_official_sdk_s(exchange: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
    theirs = pytest.importorskip("openai.auth._workload")
    httpx = pytest.importorskip("httpx2")
    for kind in ("jwt", "id"):
        provider: Any = {"token_type": kind, "get_token": subject_token}
        auth.WorkloadIdentityAuth(
            workload_identity=identity(provider=provider), token_exchange_url=f"{exchange.url}/x"
        ).get_token()
        official = theirs.WorkloadIdentityAuth(
            workload_identity=identity(provider=provider), token_exchange_url=f"{exchange.url}/x"
        )
        monkeypatch.setattr(theirs, "DefaultHttpx2Client", httpx.Client)
        official.get_token()
        ours, other = exchange.requests[-2:]
        assert ours.json() == other.json()
        assert (ours.method, ours.target, ours.header("content-type")) == (
            other.method,
            other.target,
            other.header("content-type"),
        )


def test_one_exchange_for_many_threads(server: Loopback, exchange: Loopback) -> None:
    server.default = Answer(json=MODEL)
    exchange.reply(Answer(json={"access_token": ACCESS + "1", "expires_in": 60}, delay=0.2))
    with oai.OpenAI(base_url=server.url, workload_identity=identity()) as client:
        threads = [threading.Thread(target=client.models.retrieve, args=("m",)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(exchange.requests) == 1
    assert keys_of(server) == ["1"] * 12


def test_one_exchange_for_many_tasks_survives_a_cancelled_task(server: Loopback, exchange: Loopback) -> None:
    server.default = Answer(json=MODEL)
    release = threading.Event()

    def wait() -> str:
        release.wait(10)
        return SUBJECT

    async def main() -> None:
        provider = {"token_type": "jwt", "get_token": wait}
        async with oai.AsyncOpenAI(base_url=server.url, workload_identity=identity(provider=provider)) as client:
            first = asyncio.ensure_future(client.models.retrieve("m"))
            await asyncio.sleep(0.05)
            others = [asyncio.ensure_future(client.models.retrieve("m")) for _ in range(50)]
            await asyncio.sleep(0.05)
            first.cancel()
            release.set()
            await asyncio.gather(*others)
            with pytest.raises(asyncio.CancelledError):
                await first

    asyncio.run(main())
    assert len(server.requests) == 50
    assert len({*keys_of(server)}) == 1


def test_one_exchange_for_many_tasks_of_trio(server: Loopback, exchange: Loopback) -> None:
    trio = pytest.importorskip("trio")
    httpx = pytest.importorskip("httpx")
    server.default = Answer(json=MODEL)

    async def main() -> None:
        options: Any = {"base_url": server.url, "workload_identity": identity()}
        client = oai.AsyncOpenAI(**options, http_client=httpx.AsyncClient())
        async with client, trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(client.models.retrieve, "m")

    trio.run(main)
    assert keys_of(server) == ["1"] * 8
    assert len(exchange.requests) == 1


def test_token_is_renewed_before_it_expires_and_used_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(access_tokens, "time", SimpleNamespace(monotonic=lambda: now))
    tokens = access_tokens.AccessTokens(None)
    count = iter(range(1, 10))
    fails = False

    def fetch() -> Any:
        if fails:
            raise TransportError("connect", "refused")
        return AccessToken(str(next(count)), 3600)
        yield

    def get() -> str:
        return drive(tokens.get(fetch, SYNC_IO))

    assert get() == "1"
    now += 2399
    assert get() == "1"
    now += 2  # less than 1200 s before the end
    fails = True
    assert get() == "1"  # a renewal that fails leaves the old one, for as long as it is valid
    fails = False
    assert get() == "1"
    now += 0.6
    assert get() == "2"
    now += 3601
    fails = True
    with pytest.raises(TransportError):
        get()
    short = access_tokens.AccessTokens(None)
    drive(short.get(lambda: fetch_of(AccessToken("s", 10)), SYNC_IO))
    assert short._renew_at - now == 5  # at most half of its time


def fetch_of(value: Any) -> Any:
    return value
    yield


def test_rejected_token_is_renewed_once(play: Callable[..., Any], server: Loopback, exchange: Loopback) -> None:
    server.reply(Answer.error(401, "expired"))
    server.default = Answer(json=MODEL)
    play(retrieve, workload_identity=identity(), api_key=None, max_retries=0)
    assert keys_of(server) == ["1", "2"]
    server.default = Answer.error(401, "never")
    with pytest.raises(oai.AuthenticationError, match="never"):
        play(retrieve, workload_identity=identity(), api_key=None)
    assert keys_of(server)[2:] == ["3", "4"]


def test_refused_exchange_is_an_oauth_error_without_the_subject_token(
    play: Callable[..., Any], server: Loopback, exchange: Loopback
) -> None:
    body = {"error": "invalid_grant", "error_description": f"no trust in {SUBJECT}", "token": SUBJECT}
    for status in (400, 401, 403):
        exchange.default = Answer(status=status, json=body)
        with pytest.raises(oai.OAuthError) as info:
            play(retrieve, workload_identity=identity(), api_key=None)
        error = info.value
        assert (error.error, error.status_code) == ("invalid_grant", status)
        texts = [str(error), repr(error.body), repr(vars(error)), "".join(traceback.format_exception(error))]
        texts += [repr(pickle.dumps(error)), repr(error.response), str(error.response.content)]
        assert SUBJECT not in "".join(texts)
    assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer.error(500, "x"), "failed with status 500"),
        (Answer(status=302, headers=[("location", "/elsewhere")]), "failed with status 302"),
        (Answer(body=b""), "not a JSON object"),
        (Answer(json=[1]), "not a JSON object"),
        (Answer(json={"expires_in": 3}), "no valid access_token"),
        (Answer(json={"access_token": "a\nb", "expires_in": 3}), "no valid access_token"),
        (Answer(json={"access_token": ACCESS}), "no valid expires_in"),
        (Answer(json={"access_token": ACCESS, "expires_in": True}), "no valid expires_in"),
        (Answer(json={"access_token": ACCESS, "expires_in": 9, "token_type": "mac"}), "not a bearer token"),
    ],
)
def test_bad_response_of_the_exchange_is_named(
    answer: Answer, message: str, play: Callable[..., Any], server: Loopback, exchange: Loopback
) -> None:
    exchange.default = answer
    with pytest.raises(oai.OpenAIError, match=message) as info:
        play(retrieve, workload_identity=identity(), api_key=None)
    assert ACCESS not in str(info.value)
    assert server.requests == []


def test_unreachable_endpoint_is_a_connection_error(
    play: Callable[..., Any], server: Loopback, exchange: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities, "EXCHANGE_URL", "http://127.0.0.1:9/oauth/token")
    with pytest.raises(oai.APIConnectionError):
        play(retrieve, workload_identity=identity(), api_key=None)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"api_key": "k"}, "api_key and workload_identity exclude each other"),
        ({}, {"provider": "groq"}, "provider and workload_identity exclude each other"),
        ({"identity_provider_id": ""}, {}, "needs identity_provider_id"),
        ({"service_account_id": None}, {}, "needs service_account_id"),
        ({"provider": {"token_type": "jwt"}}, {}, "needs get_token"),
        ({"provider": {"token_type": "saml", "get_token": str}}, {}, "must be one of jwt, id, not 'saml'"),
    ],
)
def test_invalid_identity_is_refused(changes: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(oai.OpenAIError, match=message):
        oai.OpenAI(workload_identity=identity(**changes), **options)


def test_identity_of_a_wrong_shape_is_refused(exchange: Loopback, server: Loopback) -> None:
    for wrong in ("x", {}, {"type": "other"}):
        with pytest.raises(oai.OpenAIError, match="workload_identity must be a mapping"):
            oai.OpenAI(workload_identity=wrong)  # type: ignore[arg-type]
    empty = identity(provider={"token_type": "jwt", "get_token": lambda: ""})
    client = oai.OpenAI(base_url=server.url, workload_identity=empty)
    with client, pytest.raises(oai.OpenAIError, match="returned no subject token"):
        client.models.list()


def test_own_authorization_and_other_keys_come_first(server: Loopback, exchange: Loopback) -> None:
    server.default = Answer(json={"data": []})
    options: Any = {"base_url": server.url, "workload_identity": identity()}
    with oai.OpenAI(**options, default_headers={"Authorization": "mine"}) as client:
        client.models.list()
    with oai.OpenAI(**options, admin_api_key="admin") as client:
        client.admin.organization.users.list()
        client.with_options(api_key="key").models.list()
        client.api_key = "set"
        client.models.list()
    assert [seen.header("authorization") for seen in server.requests] == [
        "mine",
        "Bearer admin",
        "Bearer key",
        "Bearer set",
    ]
    assert exchange.requests == []
    with oai.OpenAI(api_key="key", base_url=server.url) as client:
        client.with_options(workload_identity=identity()).models.list()
    assert keys_of(server)[-1] == "1"


def test_no_secret_is_in_reprs_pickles_logs_and_cassettes(
    server: Loopback, exchange: Loopback, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    server.default = Answer(json=MODEL)
    recorder = oai.Recorder(tmp_path / "x.cassette", mode="record")
    with oai.OpenAI(base_url=server.url, workload_identity=identity(), transport=recorder) as client:
        client.models.retrieve("m")
        config = core_of(client).config
        texts = [
            repr(client),
            repr(config),
            repr(config.dialect),
            repr(config.dialect.auth),
            repr(config.dialect.auth._tokens),
        ]
        texts.append(repr(pickle.dumps(client.with_options(transport=oai.HTTPTransport()))))
        texts.append(repr(pickle.dumps(config.dialect.auth._tokens)))
    recorder.close()
    texts += [caplog.text, (tmp_path / "x.cassette").read_text()]
    assert SUBJECT not in "\n".join(texts)
    assert ACCESS not in "\n".join(texts)
    assert "models.retrieve" in caplog.text


def test_pickled_client_gets_tokens_of_its_own(server: Loopback, exchange: Loopback) -> None:
    server.default = Answer(json=MODEL)
    client = oai.OpenAI(base_url=server.url, workload_identity=identity())
    with client, pickle.loads(pickle.dumps(client)) as other:
        assert other.api_key is None
        client.models.retrieve("m")
        other.models.retrieve("m")
    assert keys_of(server) == ["1", "2"]


def test_offline_transport_needs_no_exchange(exchange: Loopback) -> None:
    client = oai.OpenAI(workload_identity=identity(), transport=oai.OfflineTransport())
    assert client.models.retrieve("m").id == "m"
    assert exchange.requests == []


def test_token_of_a_file_is_read_again_for_each_exchange(tmp_path: Path) -> None:
    path = tmp_path / "token"
    provider = auth.k8s_service_account_token_provider(path)
    assert provider["token_type"] == "jwt"
    with pytest.raises(oai.SubjectTokenProviderError, match="token cannot be read: No such file"):
        provider["get_token"]()
    path.write_text(f"\n{SUBJECT}\n")
    assert provider["get_token"]() == SUBJECT
    path.write_text(" \n")
    with pytest.raises(oai.SubjectTokenProviderError, match="is empty"):
        provider["get_token"]()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(oai.SubjectTokenProviderError, match="it is not text"):
        provider["get_token"]()
    assert pickle.loads(pickle.dumps(provider))["get_token"].path == str(path)


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with Loopback() as server:
        monkeypatch.setattr(subject_tokens, "AZURE_URL", f"{server.url}/metadata/identity/oauth2/token")
        monkeypatch.setattr(subject_tokens, "GOOGLE_URL", f"{server.url}/identity")
        yield server


@pytest.mark.parametrize("over_httpx", [False, True])
def test_tokens_of_azure_and_google(metadata: Loopback, over_httpx: bool) -> None:
    client: Any = None
    if over_httpx:
        client = pytest.importorskip("httpx").Client()
    metadata.reply(Answer(json={"access_token": SUBJECT}), Answer(body=f"{SUBJECT}\n".encode()))
    azure = auth.azure_managed_identity_token_provider("r", client_id="c", http_client=client)
    google = auth.gcp_id_token_provider("https://a.example", http_client=client)
    assert (azure["token_type"], google["token_type"]) == ("jwt", "id")
    assert azure["get_token"]() == google["get_token"]() == SUBJECT
    first, second = metadata.requests
    assert first.target == "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=r&client_id=c"
    assert first.header("metadata") == "true"
    assert second.target == "/identity?audience=https%3A%2F%2Fa.example"
    assert second.header("metadata-flavor") == "Google"
    metadata.reply(Answer.error(404, SUBJECT), Answer(json={}), Answer(body=b" "), Answer(body=b"{"))
    for provider, message in (
        (azure, "HTTP 404"),
        (azure, "has no token"),
        (google, "has no token"),
        (azure, "has no token"),
    ):
        with pytest.raises(oai.SubjectTokenProviderError, match=message) as info:
            provider["get_token"]()
        assert info.value.response is not None
        assert SUBJECT not in str(info.value)
    if client is not None:
        client.close()


def test_unreachable_metadata_service_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_tokens, "GOOGLE_URL", "http://127.0.0.1:9/identity")
    with pytest.raises(oai.SubjectTokenProviderError, match="of Google cannot be reached"):
        auth.gcp_id_token_provider(timeout=2)["get_token"]()
