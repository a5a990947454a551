"""The command line as a process: signals, closed pipes, start-up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

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
