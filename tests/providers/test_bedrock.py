"""Amazon Bedrock: where requests go, and their signatures, verified by botocore."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from planted import planted

import oai
from oai._request.client_core import core_of
from oai.providers import bedrock
from oai.testing import Answer, Loopback

botocore_auth = pytest.importorskip("botocore.auth", reason="botocore is not installed: pip install '.[test]'")
from botocore.awsrequest import AWSRequest  # noqa: E402 - after the check that it is installed
from botocore.credentials import Credentials  # noqa: E402

ACCESS = planted("AKIA", "PLANTED", "0000000", by="")
SECRET = planted("planted", "secret", "access", "key")
SESSION = planted("planted", "session", "token")
BEARER = planted("planted", "bearer", "token")
STATIC = {"access_key_id": ACCESS, "secret_access_key": SECRET, "session_token": SESSION}
CHAT = {"choices": []}


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("OPENAI_API_KEY", planted("key", "of", "openai"))


def chat(client: Any) -> Any:
    return (yield client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Grüße"}]))


def verify(seen: Any, base_url: str, service: str, region: str, token: str | None = SESSION) -> None:
    """Recompute the signature of a request as it arrived, with botocore alone."""
    authorization = seen.header("authorization")
    assert authorization.startswith("AWS4-HMAC-SHA256 ")
    parts = dict(part.strip().split("=", 1) for part in authorization.partition(" ")[2].split(","))
    signed = parts["SignedHeaders"].split(";")
    assert {"host", "x-amz-date", "x-amz-content-sha256", "content-type"} <= {*signed}
    assert ("x-amz-security-token" in signed) == (token is not None)
    headers = {name: seen.header(name) for name in signed}
    request = AWSRequest(
        method=seen.method, url=urlsplit(base_url)._replace(path="").geturl() + seen.target, headers=headers
    )
    request.data = seen.body
    request.context["timestamp"] = seen.header("x-amz-date")
    signer = botocore_auth.SigV4Auth(Credentials(ACCESS, SECRET, token), service, region)
    canonical = signer.canonical_request(request)
    assert canonical.rsplit("\n", 1)[1] == __import__("hashlib").sha256(seen.body).hexdigest()
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    assert parts["Signature"] == expected
    assert parts["Credential"] == f"{ACCESS}/{seen.header('x-amz-date')[:8]}/{region}/{service}/aws4_request"


@pytest.mark.parametrize(("endpoint", "service"), [("mantle", "bedrock-mantle"), ("runtime", "bedrock")])
def test_signature_is_botocore_s(play: Callable[..., Any], server: Loopback, endpoint: Any, service: str) -> None:
    server.default = Answer(json=CHAT)
    root = f"{server.url}/openai/v1"
    provider = bedrock(endpoint=endpoint, region="eu-west-1", base_url=root, **STATIC)
    play(chat, provider=provider, api_key=None, base_url=None)
    (seen,) = server.requests
    assert seen.target == "/openai/v1/chat/completions"
    verify(seen, root, service, "eu-west-1")


@pytest.mark.usefixtures("quick_retries")
def test_each_attempt_is_signed_again_and_escaped_paths_and_queries_count(
    play: Callable[..., Any], server: Loopback
) -> None:
    server.reply(Answer.error(500, "again"))
    server.default = Answer(json={"id": "m"})
    credentials = iter([Credentials(ACCESS, SECRET, SESSION), Credentials(ACCESS, SECRET, None)])
    provider = bedrock(region="us-east-1", base_url=server.url, credential_provider=lambda: next(credentials))

    def retrieve(client: Any) -> Any:
        yield client.with_options(max_retries=1).models.retrieve("a b/ü", extra_query={"z": "1 2", "a": "~"})

    play(retrieve, provider=provider, api_key=None, base_url=None, default_headers={"content-type": "x"})
    first, second = server.requests
    verify(first, server.url, "bedrock-mantle", "us-east-1")
    verify(second, server.url, "bedrock-mantle", "us-east-1", token=None)


def test_uploads_and_streams_are_signed(play: Callable[..., Any], server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(b"RIFF" * 50_000)
    server.default = Answer(json={"text": "x"})
    provider = bedrock(region="us-east-1", base_url=server.url, **STATIC)

    def transcribe(client: Any) -> Any:
        yield client.audio.transcriptions.create(model="m", file=path)

    play(transcribe, provider=provider, api_key=None, base_url=None)
    assert len(server.requests[0].body) > 200_000
    verify(server.requests[0], server.url, "bedrock-mantle", "us-east-1")


def over_every_transport() -> Iterator[tuple[type, dict[str, Any]]]:
    from oai.transports import AiohttpTransport, AsyncHTTPTransport, HTTPTransport, Urllib3Transport

    yield oai.OpenAI, {"transport": HTTPTransport()}
    yield oai.OpenAI, {"transport": Urllib3Transport()}
    yield oai.AsyncOpenAI, {"transport": AsyncHTTPTransport()}
    yield oai.AsyncOpenAI, {"transport": AiohttpTransport()}
    httpx = pytest.importorskip("httpx")
    yield oai.OpenAI, {"http_client": httpx.Client(headers={"x-own": "1"})}
    yield oai.AsyncOpenAI, {"http_client": httpx.AsyncClient(headers={"x-own": "1"})}


def test_no_transport_changes_signed_parts(server: Loopback) -> None:
    server.default = Answer(json=CHAT)
    provider = bedrock(region="us-east-1", base_url=server.url, **STATIC)

    async def main(client: Any, transport: Any) -> None:
        async with client:
            await client.chat.completions.create(model="m", messages=[])
        await (getattr(transport, "aclose", None) or transport.close)()

    for kind, options in over_every_transport():
        transport = next(iter(options.values()))
        if kind is oai.AsyncOpenAI:
            asyncio.run(main(kind(provider=provider, **options), transport))
            continue
        with kind(provider=provider, **options) as client:
            client.chat.completions.create(model="m", messages=[])
        transport.close()
    assert len(server.requests) == 6
    for seen in server.requests:
        verify(seen, server.url, "bedrock-mantle", "us-east-1")


def test_profile_has_credentials_and_region(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = ap-south-1\n")
    (tmp_path / "credentials").write_text(f"[work]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    server.default = Answer(json=CHAT)
    client = oai.OpenAI(provider=bedrock(profile="work"))
    assert client.base_url == "https://bedrock-mantle.ap-south-1.api.aws/openai/v1"
    with oai.OpenAI(provider=bedrock(profile="work", base_url=server.url)) as client:
        client.chat.completions.create(model="m", messages=[], extra_headers={"content-type": "application/json"})
    verify(server.requests[0], server.url, "bedrock-mantle", "ap-south-1", token=None)


@pytest.mark.usefixtures("quick_retries")
def test_bearer_token_is_resolved_for_each_attempt(play: Callable[..., Any], server: Loopback) -> None:
    tokens = iter([BEARER, BEARER + "2"])
    server.reply(Answer.error(500, "again"))
    server.default = Answer(json=CHAT)
    provider = bedrock(base_url=server.url, token_provider=lambda: next(tokens))
    play(chat, provider=provider, api_key=None, base_url=None, max_retries=1)
    assert [seen.header("authorization") for seen in server.requests] == [f"Bearer {BEARER}", f"Bearer {BEARER}2"]


def test_environment_bearer_and_its_exclusion(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", BEARER)
    monkeypatch.setenv("AWS_BEDROCK_BASE_URL", f"{server.url}/openai/v1/responses")
    server.default = Answer(json=CHAT)
    with oai.OpenAI(provider="bedrock") as client:
        assert client.base_url == f"{server.url}/openai/v1"
        client.chat.completions.create(model="m", messages=[])
    assert server.requests[0].header("authorization") == f"Bearer {BEARER}"
    with pytest.raises(oai.OpenAIError, match="needs a region"):
        oai.OpenAI(provider=bedrock(api_key=None, base_url=None))


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({"region": "us-west-2"}, "https://bedrock-mantle.us-west-2.api.aws/openai/v1"),
        ({"region": "us-west-2", "endpoint": "runtime"}, "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1"),
        ({"region": "cn-north-1", "endpoint": "runtime"}, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/openai/v1"),
        ({"region": "eusc-de-east-1", "endpoint": "runtime"}, "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu/openai/v1"),
        ({"region": "us-isob-east-1", "endpoint": "runtime"}, "https://bedrock-runtime.us-isob-east-1.sc2s.sgov.gov/openai/v1"),
        ({"base_url": "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/openai/v1", "region": "us-gov-west-1"}, None),
        ({"base_url": "https://bedrock-runtime.us-east-1.api.aws/v1", "region": "us-east-1"}, None),
    ],
)  # fmt: skip
def test_hosts_of_regions_and_partitions(arguments: dict[str, Any], url: str | None) -> None:
    client = oai.OpenAI(provider=bedrock(**arguments, **STATIC))
    assert client.base_url == (url or arguments["base_url"])
    assert core_of(client).config.dialect._signer.service == (
        "bedrock-mantle" if "mantle" in client.base_url else "bedrock"
    )


INVALID = [
    {"endpoint": "other", "region": "us-east-1"},
    {"region": " "},
    {"region": "nowhere"},
    {"base_url": " "},
    {"profile": ""},
    {"access_key_id": "a", "region": "us-east-1"},
    {"session_token": "t", "region": "us-east-1"},
    {"access_key_id": " ", "secret_access_key": "s", "region": "us-east-1"},
    {"api_key": "", "region": "us-east-1"},
    {"api_key": "k", "token_provider": str, "region": "us-east-1"},
    {"api_key": "k", "profile": "p", "region": "us-east-1"},
    {"profile": "p", "credential_provider": str, "region": "us-east-1"},
    {"api_key": "k"},
    {"api_key": "k", "base_url": "http://bedrock-mantle.us-east-1.api.aws/v1"},
    {"api_key": "k", "base_url": "https://bedrock-mantle.us-east-1.api.aws/v1", "region": "us-east-2"},
    {"api_key": "k", "base_url": "https://bedrock-mantle.us-east-1.api.aws/v1", "endpoint": "runtime"},
]


@pytest.mark.parametrize("arguments", INVALID)
def test_invalid_arguments_are_refused_as_by_the_official_sdk(arguments: dict[str, Any]) -> None:
    with pytest.raises(oai.OpenAIError) as info:
        oai.OpenAI(provider=bedrock(**arguments))
    assert arguments.get("api_key") == "k" or "planted" not in str(info.value)
    openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
    providers = pytest.importorskip("openai.providers")
    with pytest.raises(openai.OpenAIError):
        openai.OpenAI(provider=providers.bedrock(**arguments))


@pytest.mark.parametrize("option", [{"api_key": "k"}, {"admin_api_key": "k"}, {"base_url": "https://x.example"}])
def test_options_of_the_provider_are_not_taken_by_the_client(option: dict[str, Any]) -> None:
    with pytest.raises(oai.OpenAIError, match=f"provider and {next(iter(option))} exclude each other"):
        oai.OpenAI(provider=bedrock(region="us-east-1", api_key=BEARER), **option)


def test_credentials_stay_with_their_origin(play: Callable[..., Any], server: Loopback) -> None:
    provider = bedrock(region="us-east-1", base_url=server.url, **STATIC)

    def other(client: Any) -> Any:
        yield client.with_options(base_url="http://127.0.0.1:9").models.list()

    with pytest.raises(oai.OpenAIError, match="only sent to the configured base_url"):
        play(other, provider=provider, api_key=None, base_url=None)
    with pytest.raises(oai.OpenAIError, match="signs its requests itself: remove the header Authorization"):
        play(chat, provider=provider, api_key=None, base_url=None, default_headers={"Authorization": "x"})
    server.default = Answer(status=307, headers=[("location", "/elsewhere")])
    with pytest.raises(oai.APIStatusError, match="307"):
        play(chat, provider=provider, api_key=None, base_url=None)
    assert len(server.requests) == 1


def test_async_token_provider_needs_the_async_client(server: Loopback) -> None:
    async def token() -> str:
        return BEARER

    with oai.OpenAI(provider=bedrock(base_url=server.url, token_provider=token)) as client:
        with pytest.raises(oai.OpenAIError, match="an async token provider needs AsyncOpenAI"):
            client.models.list()
        with pytest.raises(oai.OpenAIError, match="not supported by WebSocket"):
            client.realtime.connect(model="m").__enter__()
    for bad in (lambda: 3, lambda: " ", lambda: "a\nb", lambda: 1 / 0):
        client = oai.OpenAI(provider=bedrock(base_url=server.url, token_provider=bad), max_retries=0)
        with client, pytest.raises(oai.OpenAIError, match="bearer token of Bedrock"):
            client.models.list()
    assert server.requests == []


def test_missing_credentials_and_missing_extra_are_named(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    provider = bedrock(region="us-east-1", base_url=server.url)
    with oai.OpenAI(provider=provider) as client, pytest.raises(oai.OpenAIError, match="no credentials for Bedrock"):
        client.models.list()
    with oai.OpenAI(provider=provider) as client:
        monkeypatch.setitem(sys.modules, "botocore.session", None)
        with pytest.raises(oai.OpenAIError, match=r"pip install 'oai\[bedrock\]'"):
            client.models.list()


def test_offline_transport_needs_no_credentials() -> None:
    client = oai.OpenAI(provider=bedrock(region="us-east-1"), transport=oai.OfflineTransport())
    assert client.models.retrieve("m").id == "m"


def test_no_secret_is_in_reprs_pickles_logs_errors_and_cassettes(
    server: Loopback, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "botocore")  # its debug log has the canonical request, which is its own affair
    server.reply(Answer.error(403, "denied"))
    server.default = Answer(json=CHAT)
    texts: list[str] = []
    for arguments in (STATIC, {"api_key": BEARER}):
        provider = bedrock(region="us-east-1", base_url=server.url, **arguments)
        cassette = tmp_path / f"{len(texts)}.cassette"
        recorder = oai.Recorder(cassette, mode="record")
        with oai.OpenAI(provider=provider, transport=recorder, max_retries=0) as client:
            try:
                client.chat.completions.create(model="m", messages=[])
            except oai.APIStatusError as error:
                texts += [repr(error), "".join(traceback.format_exception(error)), repr(pickle.dumps(error))]
                texts += [repr(error.request), repr(error.request.headers)]
            config = core_of(client).config
            texts += [repr(client), repr(provider), repr(config), repr(config.dialect), str(vars(provider).keys())]
        recorder.close()
        texts.append(cassette.read_text())
        plain = oai.OpenAI(provider=provider)
        texts.append(repr(pickle.dumps(plain)) + repr(pickle.dumps(provider)) + repr(pickle.dumps(copy.copy(plain))))
    texts.append(caplog.text)
    for secret in (SECRET, SESSION, BEARER):
        assert secret not in "\n".join(texts)


def test_pickles_with_keys_keep_the_credentials(server: Loopback) -> None:
    server.default = Answer(json=CHAT)
    provider = bedrock(region="us-east-1", base_url=server.url, **STATIC)
    with pickle.loads(pickle.dumps(oai.OpenAI(provider=provider, pickle_keys=True))) as back:
        back.chat.completions.create(model="m", messages=[])
    verify(server.requests[0], server.url, "bedrock-mantle", "us-east-1")
    with pickle.loads(pickle.dumps(oai.OpenAI(provider=provider))) as back:
        assert back.base_url == server.url
        with pytest.raises(oai.OpenAIError, match="no credentials for Bedrock"):
            back.chat.completions.create(model="m", messages=[])


@pytest.fixture(params=[oai.BedrockOpenAI, oai.AsyncBedrockOpenAI])
def own_class(request: pytest.FixtureRequest) -> Iterator[Any]:
    return request.param


def test_own_clients(own_class: Any, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    client = own_class(aws_region="us-east-1", api_key=BEARER)
    assert client.base_url == "https://bedrock-mantle.us-east-1.api.aws/openai/v1"
    assert (client.aws_region, client.api_key) == ("us-east-1", BEARER)
    other = client.with_options(aws_region="us-east-2", max_retries=7)
    assert (other.aws_region, other.api_key, other.max_retries) == ("us-east-2", BEARER, 7)
    assert other.base_url == "https://bedrock-mantle.us-east-2.api.aws/openai/v1"
    signing = other.copy(aws_access_key_id=ACCESS, aws_secret_access_key=SECRET)
    assert (signing.api_key, signing.base_url) == ("", other.base_url)
    assert signing.timeout == client.timeout
    client.api_key = "another"
    assert client.api_key == "another"
    assert BEARER.encode() not in pickle.dumps(other)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "x")
    assert pickle.loads(pickle.dumps(other)).aws_region == "us-east-2"


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "", "aws_region": "us-east-1"},
        {"api_key": str, "aws_region": "us-east-1"},
        {"api_key": "k", "aws_profile": "p", "aws_region": "us-east-1"},
        {"api_key": "k", "bedrock_token_provider": str, "aws_region": "us-east-1"},
        {"aws_profile": "p", "aws_access_key_id": "a", "aws_secret_access_key": "s", "aws_region": "us-east-1"},
        {"api_key": "k", "aws_region": "us-east-1", "admin_api_key": "a"},
        {"api_key": "k"},
    ],
)
def test_own_clients_refuse_the_options_that_the_official_ones_refuse(own_class: Any, options: dict[str, Any]) -> None:
    with pytest.raises(oai.OpenAIError):
        own_class(**options)
    openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
    with pytest.raises((openai.OpenAIError, TypeError)):
        getattr(openai, own_class.__name__)(**options)


def test_own_client_sends_its_token(server: Loopback) -> None:
    server.default = Answer(json=CHAT)
    with oai.BedrockOpenAI(base_url=server.url, bedrock_token_provider=lambda: BEARER) as client:
        client.chat.completions.create(model="m", messages=[])
    assert server.requests[0].header("authorization") == f"Bearer {BEARER}"
