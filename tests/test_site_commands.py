"""The shell commands of the pages, and the snippets that need a server or pytest, run offline as they stand."""

from __future__ import annotations

import io
import os
import re
import runpy
import shlex
import shutil
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


APPLICATION = """\
import sys
import openai

response = openai.OpenAI().responses.create(model="gpt-5", input="Hello")
print(openai.__name__, sys.argv[1:], response.output_text)
"""

TEST_OF_APPLICATION = """\
import openai

def test_greeting():
    assert openai.__name__ == "oai"
    assert openai.OpenAI().responses.create(model="gpt-5", input="Hello").output_text == "Hello, Ada!"
"""


def test_commands_on_programs_that_import_openai_run(tmp_path: Path) -> None:
    Path(tmp_path, "application.py").write_text(APPLICATION)
    Path(tmp_path, "my_chain.py").write_text(APPLICATION)
    Path(tmp_path, "test_application.py").write_text(TEST_OF_APPLICATION)
    environment = environment_with_programs(tmp_path)
    whole, chain = blocks("howto/official-sdk.md", "sh")
    program, record, replay = whole.splitlines()
    through, offline = chain.splitlines()
    fake = oai.FakeTransport()
    fake.responses.create.returns("Hello, Ada!")
    with oai.testing.serve(fake) as url:
        keyed = {**environment, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url}
        assert in_shell(["bash", "-c", program], tmp_path, keyed) == "oai ['--its', 'arguments'] Hello, Ada!\n"
        assert in_shell(["bash", "-c", through], tmp_path, keyed) == "oai [] Hello, Ada!\n"
        assert "1 passed" in in_shell(["bash", "-c", record], tmp_path, keyed)
    calls = len(fake.calls)
    assert "1 passed" in in_shell(["bash", "-c", replay], tmp_path, {**environment, "OPENAI_BASE_URL": url})
    assert "This is an offline response" in in_shell(["bash", "-c", offline], tmp_path, environment)
    assert (calls, len(fake.calls)) == (3, 3)


STARTUP = {
    "bash": (".bashrc", "", "complete -p oai", "-F _oai oai"),
    "zsh": (".zshrc", "autoload -Uz compinit && compinit -u -D\n", "print $_comps[oai]", "_oai"),
    "fish": (".config/fish/config.fish", "", "complete -C 'oai models.retr'", "models.retrieve"),
}
"""By shell its startup file, what stands above the page's line there, and a command that shows that it has worked."""


@pytest.mark.parametrize("shell", STARTUP)
def test_the_line_of_a_page_that_enables_completion_works_in_the_startup_file(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    name, above, command, expected = STARTUP[shell]
    lines = [line for block in blocks("command-line.md", "sh") for line in block.splitlines() if name in line]
    assert len(lines) == 1
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{above}{lines[0]}\n")
    environment = environment_with_programs(tmp_path) | {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)}
    environment.pop("XDG_CONFIG_HOME", None)
    assert expected in in_shell([shell, "-i", "-c", command], tmp_path, environment)


def environment_with_programs(directory: Path) -> dict[str, str]:
    """Return an environment in which a shell finds `python` and `oai`, those of the tests."""
    programs = directory / "programs"
    programs.mkdir()
    for name, arguments in (("python", ""), ("oai", "-m oai ")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
        (programs / name).chmod(0o755)
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": python_path}


def in_shell(command: list[str], directory: Path, environment: dict[str, str]) -> str:
    """Return the output of a shell, without a terminal."""
    done = subprocess.run(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(command: str, directory: Path, **variables: str) -> None:
    """Run a command of a page in a directory, with the interpreter of the tests."""
    program, *words = shlex.split(command, comments=True)
    module = {"pytest": "pytest", "oai": "oai"}[program]
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": python_path, **variables}
    arguments = [sys.executable, "-m", module, *words]
    done = subprocess.run(arguments, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
