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
from oai.transports import LimitServer


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
        (["map", "embeddings.create", "--input", "x.jsonl", "--prices", "p"], "--prices is only valid with --estimate"),
        (["map", "embeddings.create", "--input", "x", "--discount", "1"], "--discount is only valid with --estimate"),
        (["map", "embeddings.create", "--input", "x.jsonl", "--limits", "f"], "--limits needs --requests-per-minute"),
        (["map", "embeddings.create", "--input", "x.jsonl", "--tokens-per-minute", "0"], "positive integer, not '0'"),
        (["models.list", "--id", "name"], "--id is only valid for `oai map`"),
        (["models.list", "--estimate"], "--estimate is only valid for `oai map`"),
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


def test_id_of_a_row_is_written_with_its_result(embeddings: list[str], server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("doc id,input\nx-1,a\nx-2,bad\n")
    files = ["--input", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.jsonl"), "--id", "doc id"]
    assert main([*embeddings, "model=m", *files]) == 1
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first["doc id"], first["result"]["data"][0]["embedding"]) == ("x-1", [1.0])
    assert (second["doc id"], second["error"]["status_code"]) == ("x-2", 400)
    assert all(set(request.json()) == {"input", "model", "encoding_format"} for request in server.requests)


def test_estimate_prints_tokens_and_cost_and_sends_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"custom_id": str(number), "input": "x" * 4000} for number in range(3)]
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "prices.toml").write_text('[models."gpt-*"]\ninput = 1.0\noutput = 10.0\n')
    words = ["map", "responses.create", "model=gpt-5", "--input", str(tmp_path / "in.jsonl"), "--estimate"]
    assert main(words) == 0
    assert capfd.readouterr().out == (
        "3 calls, 3,000 input and 0 output tokens (3 without a limit or an estimate of their output)\n"
    )
    words += ["--prices", str(tmp_path / "prices.toml"), "--output-tokens", "500", "--discount", "0.5"]
    assert main(words) == 0
    assert capfd.readouterr().out == "3 calls, 3,000 input and 1,500 output tokens, about 0.01 USD\n"
    assert main([*words, "--json"]) == 0
    estimate = json.loads(capfd.readouterr().out)
    assert (estimate["rows"], estimate["cost"]) == (3, pytest.approx(0.5 * 3 * (1000 * 1.0 + 500 * 10.0) / 1e6))


def test_estimate_of_a_csv_file_reads_its_cells(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.csv").write_text("custom_id,input,max_output_tokens\na,xxxx,100\nb,xxxx,20\n")
    assert main(["map", "responses.create", "model=m", "--input", str(tmp_path / "in.csv"), "--estimate"]) == 0
    assert capfd.readouterr().out == "2 calls, 2 input and 120 output tokens\n"


@pytest.mark.parametrize("place", ["process", "file", "server"])
def test_limits_hold_the_requests_back(place: str, embeddings: list[str], server: Loopback, tmp_path: Path) -> None:
    """Two runs may start three requests between them, each of which waits no longer than its timeout."""
    (tmp_path / "in.jsonl").write_text('{"input": "a", "model": "m"}\n' * 2)
    files = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"), "--timeout", "2"]
    with LimitServer() as limits:
        shared = {"process": [], "file": ["--limits", str(tmp_path / "limits")], "server": ["--limits", limits.url]}
        words = [*embeddings, *files, "--requests-per-minute", "3", *shared[place]]
        statuses = [main(words), main(words)]
    assert statuses == ([0, 0] if place == "process" else [0, 1])
    assert len(server.requests) == (4 if place == "process" else 3)


def test_requests_within_limits_are_recorded(embeddings: list[str], server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"input": "a", "model": "m"}\n')
    files = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]
    cassette = str(tmp_path / "x.cassette")
    assert main([*embeddings, *files, "--tokens-per-minute", "1000", "--record", cassette]) == 0
    assert main([*embeddings, *files, "--tokens-per-minute", "1000", "--replay", cassette]) == 0
    assert len(server.requests) == 1
