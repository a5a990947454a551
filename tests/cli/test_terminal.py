"""Colours, widths and control characters on a terminal, with rich and without."""

from __future__ import annotations

import builtins
import json
import os
import re
from contextlib import redirect_stdout
from typing import Any

import pytest
from command_line import live

from oai._cli.main import main
from oai._table.load import shipped_table
from oai.testing import Loopback

HELLO = ["--offline", "chat.completions.create", "model=gpt-5", 'messages:=[{"role": "user", "content": "Hello"}]']


@pytest.fixture(params=["rich", "plain"])
def has_rich(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether rich can be imported."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    if request.param == "rich":
        pytest.importorskip("rich")
        return True
    original = builtins.__import__

    def refuse(name: str, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "rich":
            raise ImportError(name)
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    return False


def screen(words: list[str], columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command whose output is a terminal of this width, and return its output."""
    monkeypatch.setenv("COLUMNS", str(columns))
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as shown, open(theirs, "w") as output:
        with redirect_stdout(output):
            assert main(words) == 0
            output.write("\n.")
            output.flush()
        text = ""
        while not text.endswith("\r\n."):
            text += shown.read(65536).decode()
    return text.replace("\r\n", "\n").removesuffix("\n.")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_json_is_coloured_by_rich_alone(has_rich: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = screen(HELLO, 80, monkeypatch)
    assert ("\x1b[" in text) is has_rich
    assert json.loads(plain(text))["object"] == "chat.completion"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[(\d+;)*3\d", screen(HELLO, 80, monkeypatch))  # no colour; bold may stay


@pytest.mark.usefixtures("has_rich")
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_list_fits_the_width(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = plain(screen(["list", "vector", "store"], columns, monkeypatch)).splitlines()
    assert max(map(len, lines)) <= columns
    assert any(line.startswith("vector_stores.create ") for line in lines)
    assert any("/vector_stores" in line for line in lines) is (columns == 200)


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize(
    "words",
    [
        ["show", "chat.completions.create", "files.create", max(shipped_table(), key=len)],
        ["providers"],
        ["providers", "openrouter", "azure"],
        ["--help"],
        ["help"],
        ["map", "--help"],
    ],
    ids=["show", "providers", "a provider", "help", "short help", "help of a command"],
)
def test_descriptions_fit_the_width(
    words: list[str], columns: int, has_rich: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = screen(words, columns, monkeypatch)
    lines = plain(text).splitlines()
    assert max(map(len, lines)) <= columns
    assert ("\x1b[" in text) is (has_rich and "help" not in words[-1])
    if words[0] == "show":
        start = next(index for index, line in enumerate(lines) if line.startswith("  temperature "))
        described = " ".join(line.strip() for line in lines[start : start + 9])
        assert "Randomness, 0 to 2" in described
        assert not any(line.startswith("Randomness") for line in lines)  # continuations are indented


def test_descriptions_are_not_wrapped_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "chat.completions.create"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) > 120
    assert any("Randomness, 0 to 2; default 1. Low values" in line for line in lines)


@pytest.mark.usefixtures("has_rich")
def test_control_characters_in_json_do_not_reach_the_terminal(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply(json={"id": "a\x9b2Jb\x7f\x1b[2J", "object": "model"})
    text = screen([*live(server, monkeypatch), "models.retrieve", "m"], 80, monkeypatch)
    assert not re.search(r"[\x7f-\x9f]", text)
    assert json.loads(plain(text))["id"] == "a\x9b2Jb\x7f\x1b[2J"
