"""`oai map`: an operation over the rows of a file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import fails, live

from oai._cli.main import main
from oai.testing import Answer, Loopback, Seen


def respond(request: Seen) -> Answer:
    body = request.json()
    if body["input"] == "bad":
        return Answer.error(400, "bad input")
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    data = [{"object": "embedding", "index": 0, "embedding": "AACAPw=="}]
    return Answer(json={"object": "list", "model": body["model"], "usage": usage, "data": data})


@pytest.fixture
def embeddings(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the words of `oai map embeddings.create` at the server."""
    server.default = respond
    return ["map", *live(server, monkeypatch), "embeddings.create"]


def test_rows_are_mapped_with_common_arguments(
    embeddings: list[str], server: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.jsonl").write_text('{"input": "a"}\n{"input": "bad"}\n{"input": "c", "model": "own"}\n')
    files = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]
    assert main([*embeddings, "model=m", *files, "--journal", str(tmp_path / "j"), "--concurrency", "2"]) == 1
    first, second, third = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first["model"], first["data"][0]["embedding"]) == ("m", [1.0])
    assert second["error"]["message"] == "Error code: 400 - bad input"
    assert third["model"] == "own"
    output, notices = capfd.readouterr()
    assert (output, notices) == ("", "oai: 1 of 3 rows failed; repeat the command to send them again\n")
    server.default = lambda request: respond(request) if b"bad" not in request.body else Answer(json={"data": []})
    assert main([*embeddings, "model=m", *files, "--journal", str(tmp_path / "j")]) == 0
    assert len(server.requests) == 4


def test_rows_come_from_the_standard_input_and_results_go_to_the_standard_output(
    embeddings: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = io.BytesIO(b'{"input": "a", "model": "m"}\n')
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=rows))
    assert main([*embeddings, "--input", "-"]) == 0
    assert json.loads(capfd.readouterr().out)["data"][0]["embedding"] == [1.0]


def test_columns_of_a_csv_file_are_named_as_arguments(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.default = Answer(json={"id": "x", "object": "response", "output": []})
    rows = 'model,input,temperature,metadata.team,tools:,store\nm,"@/etc/passwd",0.5,blue,"[1]",true\nm,=@x,,,,\n'
    (tmp_path / "in.csv").write_text(rows)
    files = ["--input", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")]
    assert main(["map", *live(server, monkeypatch), "responses.create", *files, "--concurrency", "1"]) == 0
    assert [request.json() for request in server.requests] == [
        {
            "model": "m", "input": "@/etc/passwd", "temperature": 0.5, "metadata": {"team": "blue"}, "tools": [1],
            "store": True,
        },
        {"model": "m", "input": "=@x"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("model,temperature\nm,warm\n", "temperature must be a number, not 'warm'"),
        ("model,tools\nm,x\n", "tools must be a list"),
        ("model,tools:\nm,x\n", "tools:: x is not valid JSON"),
        ("model,input@\nm,x\n", "the column 'input@' must be the name of a parameter"),
        ("model,metadata.a,metadata.a\nm,1,2\n", ""),
    ],
)
def test_invalid_cells_are_named(
    rows: str, message: str, server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    server.default = Answer(json={"id": "x", "object": "response", "output": []})
    (tmp_path / "in.csv").write_text(rows)
    files = ["--input", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")]
    words = ["map", *live(server, monkeypatch), "responses.create", *files]
    if message:
        assert message in fails(capfd, 2, *words)
        assert server.requests == []
    else:
        assert main(words) == 0  # `csv` keeps the last of two columns with one name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["map"], "oai map needs an operation and --input FILE"),
        (["map", "embeddings.create"], "oai map needs an operation and --input FILE"),
        (["map", "audio.speech.create", "--input", "x.jsonl"], "audio.speech.create returns binary data"),
        (["map", "chat.completions.create", "stream:=true", "--input", "x.jsonl"], "leave out stream"),
        (["map", "embeddings.create", "modle=m", "--input", "x.jsonl"], "Did you mean 'model'?"),
        (["map", "embeddings.creat", "--input", "x.jsonl"], "embeddings.create"),
        (["map", "embeddings.create", "--input", "x.jsonl", "--concurrency", "0"], "positive integer, not '0'"),
        (["models.list", "--journal", "j"], "--journal is only valid for `oai map`"),
        (["models.list", "--stop"], "--stop is only valid for `oai map`"),
        (["serve", "--input", "x"], "--input is only valid for `oai map`"),
    ],
)
def test_invalid_commands_are_usage_errors(
    words: list[str], message: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert message in fails(capfd, 2, *words)


def test_stop_ends_at_the_first_error(
    embeddings: list[str], server: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.jsonl").write_text('{"input": "bad"}\n' * 50)
    files = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]
    assert "bad input" in fails(capfd, 1, *embeddings, "model=m", *files, "--stop", "--concurrency", "1")
    assert len(server.requests) <= 5


def test_wrong_key_ends_the_map(
    embeddings: list[str], server: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.default = Answer.error(401, "wrong key")
    (tmp_path / "in.jsonl").write_text('{"input": "a"}\n' * 100)
    files = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]
    assert "wrong key" in fails(capfd, 1, *embeddings, "model=m", *files, "--concurrency", "1")
    assert len(server.requests) <= 5


def test_offline_map_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "in.jsonl").write_text('{"input": "a", "model": "m"}\n' * 3)
    files = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]
    assert main(["--offline", "map", "embeddings.create", *files]) == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3


def test_progress_counts_rows(embeddings: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm", reason="needs tqdm: pip install 'oai[progress]'")
    (tmp_path / "in.jsonl").write_text('{"input": "a", "model": "m"}\n' * 3)
    files: list[Any] = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]
    assert main([*embeddings, *files, "--progress"]) == 0
    assert "mapping: 0.00 rows" in capfd.readouterr().err
