"""`oai providers` and `oai --provider`."""

from __future__ import annotations

import pytest
from command_line import fails, live

from oai._cli.main import main
from oai.testing import Answer, Loopback


def test_providers_are_a_table(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["providers"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert "groq         GROQ_API_KEY                      https://api.groq.com/openai/v1" in "\n".join(lines)
    assert len({line.index("http") for line in lines if "http" in line}) == 1


def test_provider_row_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "groq"]) == 0
    text = capfd.readouterr().out
    for part in ("key: GROQ_API_KEY", "operations: chat.completions.create, ", "note: ", "source: https://"):
        assert part in text
    fails(capfd, 1, "providers", "grok")


def test_call_of_a_provider(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Loopback
) -> None:
    server.default = Answer(json={"data": []})
    monkeypatch.setenv("GROQ_API_KEY", "of-groq")
    options = live(server, monkeypatch)
    assert main([*options, "--provider", "groq", "models.list"]) == 0
    assert server.requests[0].header("authorization") == "Bearer of-groq"
    capfd.readouterr()
    assert "groq has no images.generate" in fails(
        capfd, 1, *options, "--provider", "groq", "images.generate", "prompt=x"
    )
    assert main([*options, "--provider", "groq", "--unchecked", "images.generate", "prompt=x"]) == 0
    capfd.readouterr()
    assert "--unchecked needs --provider" in fails(capfd, 2, *options, "--unchecked", "models.list")


def test_dry_run_and_list_of_a_provider(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--provider", "gemini", "--dry-run", "models.list"]) == 0
    assert "Authorization: Bearer $GEMINI_API_KEY" in capfd.readouterr().out
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "x")
    assert main(["--provider", "bedrock", "--dry-run", "models.list"]) == 0
    assert "https://bedrock-mantle.us-east-1.api.aws/openai/v1/models" in capfd.readouterr().out
    monkeypatch.setenv("OAI_PROVIDER", "anthropic")
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capfd.readouterr().out.splitlines()] == ["chat.completions.create"]
    assert "no API key for anthropic: pass api_key, or set ANTHROPIC_API_KEY" in fails(
        capfd, 1, "chat.completions.create", "model=m", "messages:=[]"
    )
