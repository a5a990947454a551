"""The rows of `providers.toml`, and those of the user."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import oai
from oai._table.load import shipped_table
from oai._table.providers import all_providers, find_provider
from oai._table.rows import PLACEHOLDER

NAMES = (
    "anthropic azure bedrock cerebras deepseek fireworks gemini github groq huggingface litellm llamacpp lmstudio mistral ollama "
    "openrouter perplexity sglang tgi together vertex vllm xai"
)


def test_every_compatible_service_has_a_row() -> None:
    assert sorted(all_providers()) == NAMES.split()


@pytest.mark.parametrize("name", NAMES.split())
def test_row_is_complete_and_consistent(name: str) -> None:
    """The lint of the shipped rows."""
    row = find_provider(name)
    table = shipped_table()
    names = {*table, *table.helpers}
    assert row.doc
    assert row.source
    assert all(url.startswith("https://") for url in row.source)
    assert dt.date.fromisoformat(row.checked) >= dt.date(2026, 11, 1)
    local = row.base_url.startswith("http://localhost:")
    assert local == (row.key == "optional")
    assert local or row.base_url.startswith(("https://", "{"))
    assert not row.base_url.endswith("/")
    assert row.code is not None or row.environment["api_key"].isupper()
    assert {*PLACEHOLDER.findall(row.base_url)} <= {*row.environment}
    for pattern in (*row.has, *row.lacks):
        assert pattern in names or any(name.startswith(pattern.removesuffix("*")) for name in names), pattern
        assert pattern in names or pattern.endswith(".*"), pattern
    paths = {each.path for each in table.values()}
    assert {*row.paths} <= paths
    assert row.deployments <= paths
    assert all(quirk.endswith(".") for quirk in row.quirks)
    assert len(row.has) == len({*row.has})


def test_user_rows_override_shipped_ones_and_may_be_like_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(
        '[mine]\nlike = "vllm"\nbase_url = "https://gpu.example/v1"\n[groq]\nbase_url = "https://g.example"'
    )
    second.write_text('[yours]\nlike = "mine"\nlacks = ["responses.*"]')
    monkeypatch.setenv("OAI_PROVIDERS", str(first))
    yours = find_provider("yours", second)
    assert (yours.base_url, yours.key) == ("https://gpu.example/v1", "optional")
    assert yours.lists("chat.completions.create")
    assert not yours.lists("responses.create")
    assert find_provider("groq").has == []
    monkeypatch.delenv("OAI_PROVIDERS")
    assert find_provider("groq").has


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x]\nbaseurl = 'y'", "x: unknown key 'baseurl'; did you mean 'base_url'"),
        ("[x]\nbase_url = 1", "x: .*str"),
        ("[x]\ndoc = 'y'", "x: .*base_url"),
        ("[x]\nlike = 'vlm'", "x: like: there is no provider 'vlm' above it"),
        ("x = 1", "x: a provider is a table of keys, not 1"),
        ("[", "not valid TOML"),
    ],
)
def test_invalid_row_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(oai.TableError, match=f"bad.toml: {message}"):
        find_provider("x", path)


def test_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(oai.TableError, match="none.toml: the table of providers cannot be read"):
        find_provider("x", tmp_path / "none.toml")


def test_unknown_provider_suggests_the_nearest() -> None:
    with pytest.raises(oai.OpenAIError, match="there is no provider 'olama'; did you mean 'ollama'"):
        oai.OpenAI(provider="olama")
    with pytest.raises(oai.OpenAIError, match="there is no provider 'zzz'; there are anthropic, azure"):
        oai.OpenAI(provider="zzz")
