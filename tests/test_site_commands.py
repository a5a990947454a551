"""The shell commands of the pages, and the snippets that need a server or pytest, run offline as they stand."""

from __future__ import annotations

import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from paths import DATA, ROOT

import oai
import oai.testing
from oai._cli.main import main
from oai.transports import Cache

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of code of a page in a language."""
    return [code for found, code in BLOCK.findall((DOCS / page).read_text()) if found == language]


def commands() -> list[tuple[str, str]]:
    """Return each command `oai` of the pages, with its page."""
    pages = [path.relative_to(DOCS).as_posix() for path in (*DOCS.glob("*.md"), *DOCS.glob("howto/*.md"))]
    shell = [(page, block.replace("\\\n", "")) for page in sorted(pages) for block in blocks(page, "sh")]
    lines = [(page, line) for page, block in shell for line in block.splitlines()]
    return [(page, line) for page, line in lines if line.startswith("oai ")]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the files that the commands of the pages name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OAI_TRANSPORT", "offline")
    monkeypatch.setenv("OPENAI_API_KEY", "none")  # `--record` wants one; without a message nothing is sent
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    Path("notes.txt").write_text("notes")
    Path("texts.jsonl").write_text('{"input": "The sea is deep."}\n')
    Path("rows.jsonl").write_text('{"input": "The sea is deep."}\n')
    Path("prices.toml").write_text('[models."gpt-5*"]\ninput = 1.25\noutput = 10.0\n')
    Path("my.toml").write_text(blocks("howto/endpoints.md", "toml")[0])
    Path("my_tools.py").write_text(
        'def weather(city: str) -> str:\n    """Look up the weather."""\n    return "sunny"\n'
    )
    Path("tests", "cassettes").mkdir(parents=True)
    cache = Cache(oai.OfflineTransport(), "answers.sqlite")
    oai.OpenAI(transport=cache).responses.create(model="gpt-5", input="Hello")
    cache.close()
    with oai.Recorder("tests/chat.cassette", oai.OfflineTransport(), mode="record") as recorder:
        oai.OpenAI(transport=recorder).models.list()
    return tmp_path


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_of_a_page_runs_offline(page: str, line: str, files: Path) -> None:
    assert files.exists()
    if "vcrpy" in page:
        Path("tests/cassettes/test_chat.yaml").write_text((DATA / "vcr" / "urllib3.yaml").read_text())
    _, *words = shlex.split(line.partition(" | ")[0], comments=True)
    assert main(words) == 0


def test_the_snippet_on_websockets_runs_against_a_local_server(capsys: pytest.CaptureFixture[str]) -> None:
    from websockets.sync.server import serve

    simulate = runpy.run_path(str(ROOT / "examples" / "realtime.py"))["simulate"]
    capsys.readouterr()
    with serve(simulate, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        client = oai.OpenAI(api_key="none", base_url=url, transport=oai.HTTPTransport())
        for code in blocks("howto/realtime.md", "py"):
            exec(compile(code, "realtime.md", "exec"), {"client": client})
        server.shutdown()
        thread.join()
    assert capsys.readouterr().out == "Hello to you!"


def test_the_marker_and_the_commands_on_testing_record_and_replay(tmp_path: Path) -> None:
    program = "import oai\nimport pytest\n\n\ndef greet(name):\n    client = oai.OpenAI()\n"
    program += '    return client.responses.create(model="gpt-5", input=f"Greet {name}.").output_text\n\n\n'
    Path(tmp_path, "tests").mkdir()
    Path(tmp_path, "tests", "test_chat.py").write_text(program + blocks("howto/testing.md", "py")[0])
    record, replay, check = blocks("howto/testing.md", "sh")[0].splitlines()
    fake = oai.FakeTransport()
    fake.responses.create.returns("Hello, Ada!", times=1)
    with oai.testing.serve(fake) as url:
        run(record, tmp_path, OPENAI_API_KEY="none", OPENAI_BASE_URL=url)
        run(replay, tmp_path, OPENAI_BASE_URL=url)
    run(check, tmp_path)
    assert len(fake.calls) == 1


def test_the_suite_on_the_page_on_transports_runs(tmp_path: Path) -> None:
    code = blocks("howto/transports.md", "py")[0]
    Path(tmp_path, "test_mine.py").write_text(f"from oai import HTTPTransport as MyTransport\n{code}")
    run("pytest -q test_mine.py -k 'unread_reply or head'", tmp_path)


def run(command: str, directory: Path, **variables: str) -> None:
    """Run a command of a page in a directory, with the interpreter of the tests."""
    program, *words = shlex.split(command, comments=True)
    module = {"pytest": "pytest", "oai": "oai"}[program]
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": python_path, **variables}
    arguments = [sys.executable, "-m", module, *words]
    done = subprocess.run(arguments, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
