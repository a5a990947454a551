"""Run the command line in process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oai._cli.main import main
from oai.testing import Loopback

if TYPE_CHECKING:
    pass


def live(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the options for calls to the server; set a key in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "planted" * 3)
    return ["--base-url", f"{server.url}/v1", "--max-retries", "0"]


def fails(capfd: pytest.CaptureFixture[str], status: int, *words: str) -> str:
    """Run a command that fails, and return its error message, which is one line."""
    assert main(list(words)) == status
    output, complaint = capfd.readouterr()
    assert output == ""
    assert complaint.startswith("oai: ")
    assert complaint.count("\n") == 1
    return complaint
