"""`--text`, `--get`, `--dry-run` and `--verbose`: parts of a result, and the request that is sent."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import fails, live

from oai._cli.main import main
from oai._cli.readable import parse_path, text_of, value_at
from oai._errors import OpenAIError
from oai.testing import Answer, Loopback

Output = pytest.CaptureFixture[str]

HELLO = ["chat.completions.create", "model=gpt-5", 'messages:=[{"role": "user", "content": "Hello"}]']
TEXT = 'You said: "Hello". This is an offline response: it was invented without contacting a server.\n'


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (HELLO, TEXT),
        ([*HELLO, "n=2"], TEXT * 2),
        ([*HELLO, "stream:=true"], TEXT),
        (["responses.create", "model=m", "input=Hello"], TEXT),
        (["completions.create", "model=m", "prompt=Hello"], TEXT),
        (["models.list"], "model_offline\n"),
        (["--all", "files.list"], "file-offline  offline.txt  processed\n"),
        (["files.retrieve", "file-1"], "file-1  offline.txt  processed\n"),
        (
            ["beta.threads.messages.list", "thread_1"],
            "This is an offline response: it was invented without contacting a server.\n",
        ),
    ],
)
def test_text_option_prints_only_the_text(words: list[str], expected: str, capfd: Output) -> None:
    assert main(["--offline", "--text", *words]) == 0
    assert capfd.readouterr().out == expected


def test_text_of_a_result_without_one_is_an_error(capfd: Output) -> None:
    complaint = fails(capfd, 1, "--offline", "--text", "embeddings.create", "model=m", "input=x", "dimensions=2")
    assert "the result has no text" in complaint
    with pytest.raises(OpenAIError, match="no text"):
        text_of({"choices": [{"message": {"content": None}}]})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("choices[0].message.content", TEXT),
        ("choices[-1].index", "0\n"),
        ("choices[*].finish_reason", '["stop"]\n'),
        ("usage", None),
        ("model", "gpt-5\n"),
    ],
)
def test_get_prints_a_value_of_the_result(path: str, expected: str | None, capfd: Output) -> None:
    assert main(["--offline", *HELLO, "--get", path]) == 0
    output = capfd.readouterr().out
    assert output == expected or json.loads(output)["total_tokens"] > 0
    assert main(["--offline", "--json", *HELLO, "--get", "model"]) == 0
    assert capfd.readouterr().out == '"gpt-5"\n'


def test_get_applies_to_each_item_and_event(capfd: Output) -> None:
    assert main(["--offline", "--all", "models.list", "--get", "id"]) == 0
    assert capfd.readouterr().out == "model_offline\n"
    assert main(["--offline", *HELLO, "stream:=true", "--get", "object"]) == 0
    assert set(capfd.readouterr().out.splitlines()) == {"chat.completion.chunk"}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("choises", "there is no 'choises'; the object has id, choices"),
        ("choices[3]", "there is no 3; the list has 1 item"),
        ("choices.message", "there is no 'message'; the list has 1 item: [0] is the first, [*] is all of them"),
        ("id.x", "'x' does not apply to str"),
        ("choices[0].message.refusal.x", "there is no 'refusal'"),
    ],
)
def test_missing_path_is_an_error_that_names_the_alternatives(path: str, message: str, capfd: Output) -> None:
    assert message in fails(capfd, 1, "--offline", *HELLO, "--get", path)


def test_paths_are_parsed() -> None:
    assert parse_path("[0].a-b[*][-1].c") == [0, "a-b", "*", -1, "c"]
    assert value_at({"a": [{"b": 1}, {"b": [2]}]}, parse_path("a[*].b")) == [1, [2]]


def test_dry_run_prints_a_curl_command_and_sends_nothing(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    options = live(server, monkeypatch)
    key = os.environ["OPENAI_API_KEY"]
    assert main([*options, "--dry-run", *HELLO, "user=it's", "stream:=true", "extra_headers.X-Team=a b"]) == 0
    output = capfd.readouterr().out
    assert server.requests == []
    assert key not in output
    words = shlex.split(output.replace("\\\n", ""))
    assert words[:4] == ["curl", "-X", "POST", f"{server.url}/v1/chat/completions"]
    assert "Authorization: Bearer $OPENAI_API_KEY" in words
    assert "X-Team: a b" in words
    body = json.loads(words[words.index("--data") + 1])
    assert (body["user"], body["stream"], body["model"]) == ("it's", True, "gpt-5")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_command_of_a_dry_run_sends_the_same_request(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, capfd: Output, tmp_path: Path
) -> None:
    options = live(server, monkeypatch)
    (tmp_path / "notes.txt").write_text("hello")
    for name in ("a", 'b,"c;'):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_text(name)
    monkeypatch.chdir(tmp_path)
    server.default = Answer.of_json({"id": "x"})
    for words in (
        [*HELLO, "user=it's $HOME `x`"],
        ["files.create", "file@notes.txt", "purpose=user_data"],
        ["files.create", f"file@{tmp_path}/a/notes.txt", "purpose=user_data"],
        ["images.edit", "image@a/notes.txt", 'image@b,"c;/notes.txt', "prompt=x", "model=m"],
        ["models.list"],
    ):
        assert main([*options, "--dry-run", *words]) == 0
        command = capfd.readouterr().out
        done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True, timeout=120)
        assert json.loads(done.stdout) == {"id": "x"}
        assert main([*options, *words]) == 0
        capfd.readouterr()
        curl, ours = server.requests[-2:]
        assert (curl.method, curl.target, curl.header("authorization")) == (
            ours.method,
            ours.target,
            ours.header("authorization"),
        )
        parsed: Any = [seen.form() if b"form-data" in seen.head else seen.body for seen in (curl, ours)]
        assert parsed[0] == parsed[1]


def test_dry_run_prints_the_first_request_of_a_helper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("hello")
    words = ["--dry-run", "vector_stores.files.upload_and_poll", "vector_store_id=v", "file@./notes.txt"]
    assert main(words) == 0
    output, notice = capfd.readouterr()
    assert "-F 'file=@./notes.txt;type=text/plain'" in output
    assert notice == "oai: a helper may send further requests, which depend on the response to this one\n"


def test_dry_run_needs_no_key(capfd: Output) -> None:
    assert main(["--dry-run", "--api-key-env", "MY_KEY", "admin.organization.usage.costs", "start_time=1"]) == 0
    assert '"Authorization: Bearer $MY_KEY"' in capfd.readouterr().out
    assert main(["--dry-run", "audio.speech.create", "model=m", "voice=v", "input=x", "--output=x"]) == 0
    assert "curl -X POST" in capfd.readouterr().out


def test_verbose_prints_heads_without_keys(server: Loopback, monkeypatch: pytest.MonkeyPatch, capfd: Output) -> None:
    options = live(server, monkeypatch)
    key = os.environ["OPENAI_API_KEY"]
    server.reply(Answer.of_json({"id": "m"}, headers=[("x-request-id", "req_7"), ("Set-Cookie", f"s={key}")]))
    assert main([*options, "-v", "models.retrieve", "m", "api_key==" + key]) == 0
    output, heads = capfd.readouterr()
    assert json.loads(output) == {"id": "m"}
    lines = heads.splitlines()
    assert lines[0].startswith(f"> GET {server.url}/v1/models/m?api_key=")
    assert "> Authorization: [redacted]" in lines
    assert "< 200" in lines
    assert "< x-request-id: req_7" in lines
    assert key not in heads
    server.reply(Answer.error(503, "busy", headers=[("retry-after-ms", "1")]), Answer.of_json({"id": "m"}))
    assert main([*options[:2], "--verbose", "models.retrieve", "m"]) == 0
    assert [line for line in capfd.readouterr().err.splitlines() if line[2:].isdecimal()] == ["< 503", "< 200"]


def test_verbose_works_with_recordings(tmp_path: Path, capfd: Output) -> None:
    cassette = str(tmp_path / "a.cassette")
    assert main(["--offline", "-v", "--record", cassette, "models.list"]) == 0
    recorded, heads = capfd.readouterr()
    assert "< 200" in heads
    assert main(["--replay", cassette, "-v", "models.list"]) == 0
    assert capfd.readouterr().out == recorded
