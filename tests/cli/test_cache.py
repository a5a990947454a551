"""`oai cache`: lists, clears and exports what a cache keeps."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

import oai
from oai._cli.main import main
from oai.transports import Cache, OfflineTransport


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cache with a chat, a stream of it, and speech, of which the chat was used twice."""
    path = tmp_path / "answers.sqlite"
    cache = Cache(OfflineTransport(), path, namespace="mine")
    client = oai.OpenAI(transport=cache)
    messages: Any = [{"role": "user", "content": "Hello"}]
    client.audio.speech.create(model="tts-1", voice="alloy", input="x")
    list(client.chat.completions.create(model="gpt-5", messages=messages, stream=True))
    for _ in range(3):
        client.chat.completions.create(model="gpt-5", messages=messages)
    cache.close()
    return path


def test_show_lists_responses(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "show", str(path)]) == 0
    first, *lines = capfd.readouterr().out.splitlines()
    assert first.startswith(f"{path}: 3 responses, ")
    assert "mine: chat.completions.create gpt-5" in lines[0]
    assert lines[0].endswith("0 s old, expires in 7 d, 2 hits")
    assert "audio.speech.create tts-1" in lines[2]


def test_export_writes_json_lines(path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.jsonl"
    assert main(["cache", "export", str(path), "--output", str(target)]) == 0
    assert main(["cache", "export", str(path)]) == 0
    assert capfd.readouterr().out == target.read_text()
    chat, stream, speech = map(json.loads, target.read_text().splitlines())
    assert json.loads("".join(chat["pieces"]))["object"] == "chat.completion"
    assert (chat["status"], chat["hits"], chat["model"]) == (200, 2, "gpt-5")
    assert stream["pieces"][-1] == "data: [DONE]\n\n"
    assert base64.b64decode("".join(speech["base64"])).startswith(b"RIFF")


def test_clear_removes_responses(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    size = path.stat().st_size
    assert main(["cache", "clear", str(path)]) == 0
    assert main(["cache", "show", str(path)]) == 0
    assert capfd.readouterr().out == f"{path}: 3 responses removed\n{path}: 0 responses, 0 bytes\n"
    assert path.stat().st_size <= size


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "usage: oai cache show"),
        (["shwo"], 2, "did you mean 'show'?"),
        (["show", "a", "b"], 2, "usage: oai cache show"),
        (["show", "none.sqlite"], 1, "there is no cache"),
        (["show", __file__], 1, "cannot be used as a cache"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], status: int, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", *words]) == status
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1
