"""The module's own client: options set on `oai`, call paths read from it."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator

import httpx
import pytest
from planted import KEY

import oai
from oai._client.module_client import SETTINGS
from oai.testing import Answer, Loopback


@pytest.fixture(autouse=True)
def _clean_module() -> Iterator[None]:
    yield
    for name in SETTINGS:
        vars(oai).pop(name, None)


def test_call_paths_are_attributes_of_the_module(server: Loopback) -> None:
    server.default = Answer(json={"id": "m", "data": []})
    oai.api_key, oai.base_url = KEY, server.url
    assert oai.models.retrieve("m").id == "m"
    assert list(oai.files.list()) == []
    assert server.requests[0].header("authorization") == f"Bearer {KEY}"


def test_changed_options_apply(server: Loopback) -> None:
    server.default = Answer(json={"id": "m"})
    oai.base_url, oai.api_key = server.url, "one"
    models = oai.models
    assert oai.models._client is models._client
    oai.api_key, oai.default_headers = "two", {"x-team": "blue"}
    oai.models.retrieve("m")
    assert server.requests[0].header("authorization") == "Bearer two"
    assert server.requests[0].header("x-team") == "blue"


def test_namespaces_read_before_a_change_of_options_still_work(server: Loopback) -> None:
    server.default = Answer(json={"id": "m"})
    oai.base_url, oai.api_key, oai.http_client = server.url, "one", httpx.Client()
    models = oai.models
    models.retrieve("m")
    oai.api_key = "two"
    oai.models.retrieve("m")
    models.retrieve("m")
    sent = [each.header("authorization") for each in server.requests]
    assert sent == ["Bearer one", "Bearer two", "Bearer one"]
    oai.http_client.close()


def test_setting_a_transport() -> None:
    oai.transport = oai.OfflineTransport()
    assert oai.chat.completions.create(model="m", messages=[]).choices


def test_setting_azure_options(server: Loopback) -> None:
    server.default = Answer(json={"data": []})
    oai.api_type, oai.azure_endpoint, oai.api_version, oai.api_key = "azure", server.url, "v", KEY
    oai.models.list()
    assert server.requests[0].target == "/openai/models?api-version=v"


def test_setting_options_of_bedrock(server: Loopback) -> None:
    server.default = Answer(json={"data": []})
    oai.api_type, oai.base_url, oai.bedrock_token_provider = "amazon-bedrock", server.url, lambda: KEY
    oai.models.list()
    assert server.requests[0].header("authorization") == f"Bearer {KEY}"


def test_unset_options_are_none() -> None:
    assert oai.api_key is None
    assert oai.timeout is None


def test_missing_key_is_reported() -> None:
    with pytest.raises(oai.OpenAIError, match="There is no API key"):
        oai.models.list()


def test_a_wrong_name_is_an_attribute_error() -> None:
    oai.transport = oai.OfflineTransport()
    with pytest.raises(AttributeError, match="module 'oai' has no attribute 'modles'. Did you mean 'models'?"):
        oai.modles  # noqa: B018
    with pytest.raises(AttributeError):
        oai.with_options  # noqa: B018 - the client's own, not a call path
    assert not hasattr(oai, "__wrapped__")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("ChatCompletion", "use oai.chat.completions.create"),
        ("Embedding", "use oai.embeddings.create"),
        ("FineTune", "use oai.fine_tuning.jobs"),
        ("api_base", "use oai.base_url"),
        ("error", "use the exceptions of the module itself, such as oai.RateLimitError"),
        ("enable_telemetry", "there is nothing to switch off: oai has no telemetry"),
    ],
)
def test_name_that_the_sdk_removed_says_what_to_use(name: str, instead: str) -> None:
    with pytest.raises(AttributeError) as raised:
        getattr(oai, name)
    assert str(raised.value) == (
        f"module 'oai' has no attribute '{name}'; version 1 of the official SDK removed it: {instead}"
    )
    assert not hasattr(oai, name)


@pytest.mark.parametrize(
    ("name", "options", "warns"),
    [
        ("api_base", {}, True),
        ("api_base", {"base_url": "http://localhost"}, False),
        ("proxy", {}, False),
        ("verify_ssl_certs", {"timeout": 3}, True),
        ("api_key_path", {"api_key": KEY}, False),
    ],
)
def test_setting_that_the_sdk_removed_warns(
    name: str, options: dict[str, object], warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setitem(vars(oai), name, None if name == "proxy" else "http://localhost")
    for option, value in options.items():
        setattr(oai, option, value)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        oai.chat  # noqa: B018
    texts = [str(warning.message) for warning in caught]
    assert [text.startswith(f"oai.{name} has no effect; version 1") for text in texts] == [True] * warns
    assert all(warning.filename == __file__ for warning in caught)


def test_import_creates_no_client() -> None:
    program = "import sys, oai; oai.api_key = 'k'; hasattr(oai, '_x'); print('oai._client.sync_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_servers_for_tests_are_found_below_the_package() -> None:
    code = "import oai; print(oai.testing.serve.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "serve\n"


def test_call_paths_exist_without_a_key(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(hasattr(oai, name) for name in ("chat", "models", "chat_completion"))
    assert hasattr(oai.chat.completions, "create")
    assert not hasattr(oai.chat, "complet")
    assert "completions" in dir(oai.chat)
    retrieve = oai.models.retrieve
    assert repr(retrieve) == "<oai.models.retrieve, without a client>"
    with pytest.raises(oai.OpenAIError, match="There is no API key"):
        retrieve("m")
    server.default = Answer(json={"id": "m"})
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert retrieve("m").id == "m"
    assert oai.models.retrieve("m").id == "m"
