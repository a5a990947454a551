"""The command line as a process: signals, closed pipes, start-up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

from oai.testing import Answer, Loopback

HELLO = ["chat.completions.create", "model=gpt-5", 'messages:=[{"role": "user", "content": "Hello"}]']


def start(*words: str, **more: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OAI_"))}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "oai", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean, "PYTHONPATH": str(ROOT), **more},
    )


def test_closed_pipe_ends_silently() -> None:
    process = start("show", *["chat.completions.create"] * 100)  # more than a pipe holds
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 141


def test_ctrl_c_during_stream_ends_silently() -> None:
    chunk = {"id": "x", "choices": [{"index": 0, "delta": {"content": "first\n"}}]}
    with Loopback(Answer.events([chunk] * 100, pace=0.2)) as server:
        process = start("--base-url", f"{server.url}/v1", *HELLO, "stream:=true", OPENAI_API_KEY="x" * 9)
        assert process.stdout is not None
        assert process.stderr is not None
        with process, process.stdout, process.stderr:
            assert process.stdout.readline() == "first\n"  # text comes while the stream is under way
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == ""
            assert process.wait(60) == 130


@pytest.mark.skipif(os.name == "nt", reason="Windows has no shell that closes streams, and UTF-8 for file names")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["list"], 0),
        (["show", "files.create"], 0),
        (["--help"], 0),
        (["--offline", "models.list"], 0),
        (["--offline", *HELLO, "stream:=true"], 0),
        (["--offline", "chat"], 0),
        (["--offline", "--output", "models.json", "models.list"], 0),
        (["nonsense"], 2),
    ],
)
def test_closed_standard_streams_are_no_error(words: list[str], status: int, tmp_path: Path) -> None:
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = shell(f'"$@" {closed}', words, tmp_path)
        assert done.returncode == status, closed
        assert done.stderr == (
            b"" if "2>" in closed or not status else b"oai: unknown operation 'nonsense' (oai list)\n"
        )
    if "--output" in words:  # and not into what was opened under the number of a closed stream
        assert json.loads((tmp_path / "models.json").read_text())["object"] == "list"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["list"], ["--offline", "models.list"], ["--help"]])
def test_full_disk_is_one_error(words: list[str], tmp_path: Path) -> None:
    done = shell('"$@" > /dev/full', words, tmp_path)
    assert (done.returncode, done.stderr) == (1, b"oai: No space left on device\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has UTF-8 for file names in any locale")
def test_files_with_any_name_are_found_in_the_locale_c(tmp_path: Path) -> None:
    (tmp_path / "gr\u00fcn.txt").write_text("green")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = ["--offline", "files.create", "file@gr\u00fcn.txt", "purpose=user_data", "--output", "\u00f6.json"]
    done = shell('"$@"', [*words, "--record", "\u00fc.cassette"], tmp_path, **plain)
    assert (done.returncode, done.stderr) == (0, b"")
    result = json.loads((tmp_path / "\u00f6.json").read_text(encoding="utf-8"))
    assert (result["filename"], result["bytes"]) == ("gr\u00fcn.txt", 5)
    done = shell('"$@"', ["cassette", "show", "\u00fc.cassette"], tmp_path, **plain)
    assert done.stdout.decode().startswith("\u00fc.cassette: 1 exchange")


def shell(line: str, words: list[str], place: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell in which `"$@"` is the program with these arguments."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OAI_"))}
    command = ["sh", "-c", line, "sh", sys.executable, "-W", "error", "-m", "oai", *words]
    environment = {**clean, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )


def test_completion_imports_only_needed_modules() -> None:
    code = "import sys; from oai._cli.main import main; main(sys.argv[1:]); print(sorted(sys.modules))"
    words = ["completion", "suggest", "oai embeddings.create mod"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, env=environment
    )
    assert output.stdout.startswith("model=\n")
    for module in ("oai._support.redact", "oai._surface.source", "oai._cli.cassette", "oai._cli.call", "oai.types"):
        assert f"'{module}'" not in output.stdout


def test_start_imports_only_needed_modules() -> None:
    code = "import sys; from oai._cli.main import main; main(['list', 'speech']); print(sorted(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert "audio.speech.create" in output.stdout
    for module in (
        "urllib3",
        "oai._client.sync_client",
        "oai.types",
        "oai._cli.output",
        "email",
        "http.client",
        "asyncio",
    ):
        assert f"'{module}'" not in output.stdout
