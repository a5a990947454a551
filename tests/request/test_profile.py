"""Clients with a provider by name: where they send, which key, and what they refuse."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planted import KEY, planted

import oai
from oai._request.client_core import core_of
from oai.providers import profile
from oai.testing import Answer, Loopback

OWN = planted("own", "key", "of", "openai")
GROQ = planted("own", "key", "of", "groq")
LIST = {"object": "list", "data": []}


@pytest.fixture(autouse=True)
def _keys_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, OWN)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://openai.invalid")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Own: {OWN}")


def models(client: Any) -> Any:
    return (yield client.models.list())


@pytest.mark.parametrize(("name", "variable"), [("groq", "GROQ_API_KEY"), ("vllm", "VLLM_API_KEY")])
def test_key_is_the_provider_s_and_nothing_of_openai_is_sent(
    name: str, variable: str, play: Callable[..., Any], server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, GROQ)
    server.default = Answer(json=LIST)
    play(models, api_key=None, provider=name)
    (request,) = server.requests
    assert request.header("authorization") == f"Bearer {GROQ}"
    assert OWN not in repr(request.headers)


def test_server_that_needs_no_key_gets_none(play: Callable[..., Any], server: Loopback) -> None:
    server.default = Answer(json=LIST)
    play(models, api_key=None, provider="ollama")
    assert server.requests[0].header("authorization") is None
    assert OWN not in repr(server.requests[0].headers)


def test_service_without_its_key_is_refused() -> None:
    with pytest.raises(oai.OpenAIError, match="no API key for groq: pass api_key, or set GROQ_API_KEY"):
        oai.OpenAI(provider="groq")
    client = oai.OpenAI(provider="groq", transport=oai.OfflineTransport())
    assert client.models.retrieve("m").id == "m"


def test_base_urls_and_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_PROXY_API_BASE", "https://gateway.example/v1/")
    assert oai.OpenAI(provider="ollama").base_url == "http://localhost:11434/v1"
    assert oai.OpenAI(provider="litellm").base_url == "https://gateway.example/v1"
    assert oai.OpenAI(provider="litellm", base_url="https://mine.example").base_url == "https://mine.example"
    github = oai.OpenAI(provider="github", api_key=GROQ, default_headers={"x-mine": "1"})
    assert github.default_headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert github.default_headers["x-mine"] == "1"


def test_paths_of_a_provider(play: Callable[..., Any], server: Loopback) -> None:
    def complete(client: Any) -> Any:
        yield client.completions.create(model="m", prompt="def f(")
        yield client.chat.completions.create(model="m", messages=[])

    server.default = Answer(json={"choices": []})
    play(complete, provider="deepseek", base_url=server.url)
    assert [request.target for request in server.requests] == ["/beta/completions", "/chat/completions"]


def test_operation_that_the_provider_lacks_is_not_sent(play: Callable[..., Any], server: Loopback) -> None:
    def generate(client: Any) -> Any:
        yield client.images.generate(prompt="x", model="m")

    with pytest.raises(oai.UnsupportedOperationError, match="groq has no images.generate .* nothing was sent"):
        play(generate, provider="groq")
    assert server.requests == []
    server.default = Answer(json={"data": []})
    play(generate, provider=profile("groq", check_operations=False))
    assert server.requests[0].target == "/v1/images/generations"


def test_streams_raw_responses_and_helpers_are_checked_too() -> None:
    client = oai.OpenAI(provider="anthropic", api_key=GROQ, transport=oai.OfflineTransport())
    assert client.chat.completions.create(model="m", messages=[]).choices
    for call in (
        lambda: client.responses.create(model="m", input="x", stream=True),
        client.models.with_raw_response.list,
        lambda: client.responses.parse(model="m", input="x"),
        lambda: client.with_options(transport=oai.HTTPTransport()).realtime.connect(model="m").__enter__(),
        lambda: client.files.with_streaming_response.content("f").__enter__(),
    ):
        with pytest.raises(oai.UnsupportedOperationError, match="anthropic has no"):
            call()


def test_operations_of_a_table_and_undeclared_ones_are_sent(tmp_path: Path, server: Loopback) -> None:
    table = tmp_path / "my.toml"
    table.write_text('[rerank]\nmethod = "POST"\npath = "/rerank"\nbody = "json"\nresponse = "Any"\n')
    server.default = Answer(json=[])
    with oai.OpenAI(provider="tgi", base_url=server.url, table=table) as client:
        client.rerank(query="x")
        client.post("/tokenize", cast_to=Any, body={})
    assert [request.target for request in server.requests] == ["/rerank", "/tokenize"]


def test_environment_selects_a_provider_unless_an_argument_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAI_PROVIDER", "ollama")
    assert oai.OpenAI().base_url == "http://localhost:11434/v1"
    assert oai.OpenAI(base_url="https://x.example").base_url == "https://x.example"
    assert oai.OpenAI(data_residency="eu").base_url == "https://eu.api.openai.com/v1"
    assert oai.OpenAI(provider="vllm").base_url == "http://localhost:8000/v1"
    azure = oai.AzureOpenAI(azure_endpoint="https://a.example", api_version="v", api_key=GROQ)
    assert azure.base_url == "https://a.example/openai"


def test_azure_by_name(monkeypatch: pytest.MonkeyPatch, play: Callable[..., Any], server: Loopback) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", GROQ)
    with pytest.raises(oai.OpenAIError, match="azure needs azure_endpoint: set AZURE_OPENAI_ENDPOINT"):
        oai.OpenAI(provider="azure")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{server.url}/")
    monkeypatch.setenv("OPENAI_API_VERSION", "v1")
    server.default = Answer(json={"choices": []})
    play(lambda client: (yield client.chat.completions.create(model="d", messages=[])), provider="azure", base_url=None)
    (request,) = server.requests
    assert request.target == "/openai/deployments/d/chat/completions?api-version=v1"
    assert request.header("api-key") == KEY
    assert request.header("authorization") is None


def test_row_as_a_mapping(play: Callable[..., Any], server: Loopback) -> None:
    server.default = Answer(json=LIST)
    row = {"like": "vllm", "base_url": f"{server.url}/v9", "key_header": "x-key", "lacks": ["files.*"]}
    play(models, provider=row, base_url=None, api_key=GROQ)
    assert server.requests[0].target == "/v9/models"
    assert server.requests[0].header("x-key") == GROQ
    with pytest.raises(oai.TableError, match="unknown key 'base'"):
        oai.OpenAI(provider={"base": "x"})
    with pytest.raises(oai.OpenAIError, match="provider must be a name, a mapping of its row"):
        oai.OpenAI(provider=3)  # type: ignore[arg-type]


def test_copies_and_pickles_keep_the_provider_and_never_read_openai_s_key(monkeypatch: pytest.MonkeyPatch) -> None:
    client = oai.OpenAI(provider="ollama")
    for other in (copy.copy(client), client.with_options(timeout=3), pickle.loads(pickle.dumps(client))):
        assert (other.base_url, other.api_key, other.organization) == ("http://localhost:11434/v1", None, None)
        with pytest.raises(oai.UnsupportedOperationError):
            other.batches.list()
    groq = oai.OpenAI(provider="groq", api_key=GROQ)
    data = pickle.dumps(groq)
    assert GROQ.encode() not in data
    monkeypatch.setenv("GROQ_API_KEY", "looked-up")
    assert pickle.loads(data).api_key == "looked-up"
    assert GROQ not in repr(groq) + repr(core_of(groq).config.dialect)
    kept = pickle.loads(pickle.dumps(oai.OpenAI(provider="groq", api_key=GROQ, pickle_keys=True)))
    assert kept.api_key == GROQ


def test_with_options_changes_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", GROQ)
    plain = oai.OpenAI(api_key=OWN, max_retries=7)
    groq = plain.with_options(provider="groq")
    assert (groq.base_url, groq.api_key, groq.max_retries) == ("https://api.groq.com/openai/v1", GROQ, 7)
    ollama = groq.with_options(provider="ollama")
    assert (ollama.base_url, ollama.api_key) == ("http://localhost:11434/v1", None)
    assert plain.api_key == OWN
    with pytest.raises(oai.OpenAIError, match="data_residency and provider exclude each other"):
        groq.with_options(data_residency="eu")


def test_module_client_takes_a_provider(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    server.default = Answer(json=LIST)
    monkeypatch.setitem(vars(oai), "provider", "vllm")
    monkeypatch.setitem(vars(oai), "base_url", server.url)
    oai.models.list()
    assert server.requests[0].header("authorization") is None


def test_program_without_a_provider_loads_no_table_of_them() -> None:
    program = (
        "import sys, oai; oai.OpenAI(api_key='k', transport=oai.OfflineTransport()).models.retrieve('m');"
        "print([n for n in sys.modules if 'provider' in n and n.startswith('oai') or n == 'oai._request.profile'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
