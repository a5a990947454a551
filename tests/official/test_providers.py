"""The official SDK's Bedrock and Vertex beside ours: the same URLs, tokens and scopes of signatures."""

from __future__ import annotations

import re
from typing import Any

import pytest
from planted import planted

import oai
import oai.providers

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
official = pytest.importorskip("openai.providers")
httpx = pytest.importorskip("httpx2")
pytest.importorskip("botocore", reason="botocore is not installed: pip install '.[test]'")

SECRET = planted("secret", "of", "both", "sides")
STATIC = {"access_key_id": "AKID", "secret_access_key": SECRET, "session_token": SECRET + "-session"}


class TakenError(Exception):
    """Ends a call once its request was seen."""


def request_of_ours(provider: Any) -> dict[str, str]:
    class Transport:
        def send(self, request: Any) -> Any:
            raise TakenError(request)

        def close(self) -> None:
            pass

    client = oai.OpenAI(provider=provider, transport=Transport(), max_retries=0)
    with pytest.raises(TakenError) as info:
        client.responses.create(model="m", input="Grüße")
    request = info.value.args[0]
    return _comparable(request.method, request.url, dict(request.headers), request.body)


def request_of_theirs(provider: Any) -> dict[str, str]:
    def take(request: Any) -> Any:
        raise TakenError(request)

    http = httpx.Client(transport=httpx.MockTransport(take))
    client = openai.OpenAI(provider=provider, http_client=http, max_retries=0)
    with pytest.raises(TakenError) as info:
        client.responses.create(model="m", input="Grüße")
    request = info.value.args[0]
    return _comparable(request.method, str(request.url), dict(request.headers), request.content)


def _comparable(method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """Return what both must agree on: not the date, the signature and which other fields are signed."""
    lowered = {name.lower(): value for name, value in headers.items()}
    authorization = re.sub(r"Signature=\w+|SignedHeaders=[\w;-]+|/\d{8}/", "", lowered["authorization"])
    kept = ("x-amz-security-token", "content-type", "openai-organization", "openai-project")
    names = {name for name in lowered if name.startswith("x-amz")}
    return {"url": f"{method} {url}", "authorization": authorization, "names": repr(sorted(names))} | {
        name: lowered[name] for name in kept if name in lowered
    }


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("bedrock", {"region": "us-east-1", **STATIC}),
        ("bedrock", {"region": "eu-west-3", "endpoint": "runtime", **STATIC}),
        ("bedrock", {"region": "us-east-1", "endpoint": "runtime", "base_url": "https://proxy.example/v1/responses/x", **STATIC}),
        ("bedrock", {"region": "us-east-1", "api_key": SECRET}),
        ("bedrock", {"region": "cn-north-1", "endpoint": "runtime", "token_provider": lambda: SECRET}),
        ("vertex", {"project": "p", "location": "us-east5", "token_provider": lambda: SECRET}),
        ("vertex", {"base_url": "https://proxy.example/v1/", "token_provider": lambda: SECRET}),
    ],
)  # fmt: skip
def test_requests_agree(name: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(variable, planted("not", "to", "be", "sent"))
    monkeypatch.delenv("AWS_BEDROCK_BASE_URL", raising=False)
    ours = request_of_ours(getattr(oai.providers, name)(**arguments))
    assert ours == request_of_theirs(getattr(official, name)(**arguments))
