"""Completion: the suggestions for a line, and the script of bash."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from command_line import fails
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT

from oai._cli.commands import COMMANDS
from oai._cli.completion import SCRIPTS
from oai._cli.main import main

Output = pytest.CaptureFixture[str]


def suggestions(line: str, capfd: Output) -> list[str]:
    assert main(["completion", "suggest", line]) == 0
    output, complaint = capfd.readouterr()
    assert complaint == ""
    return output.splitlines()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("oai cha", ["chat ", "chat.", "chat_completion "]),
        ("oai chat temp", ["temperature="]),
        ("oai chat.completions.c", ["chat.completions.create "]),
        ("oai embeddi", ["embeddings ", "embeddings."]),
        ("oai sho", ["show "]),
        ("oai comp", ["completion ", "completions ", "completions."]),
        ("oai show moderations", ["moderations ", "moderations."]),
        ("oai map embeddings.create mod", ["model="]),
        ("oai cassette ", ["check ", "show ", "import "]),
        ("oai cache s", ["show "]),
        ("oai completion f", ["fish "]),
        ("oai --rec", ["--record "]),
        ("oai embeddings.create mo", ["model="]),
        ("oai embeddings.create model=x enc", ["encoding_format="]),
        ("oai embeddings.create encoding_format=", ["encoding_format=float ", "encoding_format=base64 "]),
        ("oai embeddings.create encoding_format=b", ["encoding_format=base64 "]),
        ("oai files.create purpose=user", ["purpose=user_data "]),
        ("oai chat.completions.create reasoning_effort=h", ["reasoning_effort=high "]),
        ("oai chat.completions.create store=", ["store=true ", "store=false "]),
        ("oai --offline --base-url http://x files.create f", ["file@"]),
        ("oai chat.completions.create messages:='[ {\"a\": 1}]' model=x mod", ["modalities:=", "moderation:="]),
        ("/usr/bin/oai moderations.create in", ["input="]),
        ("oai nonsense.at.all x", []),
        ("oai chat.completions.create 'open quo", []),
    ],
)
def test_line_is_completed(line: str, expected: list[str], capfd: Output) -> None:
    assert suggestions(line, capfd) == expected


def test_empty_word_suggests_commands_and_operations_or_required_parameters_first(capfd: Output) -> None:
    found = suggestions("oai ", capfd)
    assert found[: len(COMMANDS)] == [f"{command} " for command in COMMANDS]
    assert "chat." in found
    assert suggestions("oai embeddings.create ", capfd)[:2] == ["input=", "model="]


def test_files_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "a.jsonl").touch()
    assert suggestions("oai files.create file@n", capfd) == ["file@nested/", "file@notes.txt "]
    assert suggestions("oai files.create file@nested/", capfd) == ["file@nested/a.jsonl "]
    assert suggestions("oai responses.create input=@", capfd) == ["input=@nested/", "input=@notes.txt "]
    assert suggestions("oai --output ", capfd) == ["nested/", "notes.txt "]
    assert suggestions("oai cassette check ne", capfd) == ["nested/"]


def test_operations_of_user_tables_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    table = tmp_path / "my.toml"
    table.write_text('[rerank.run]\nmethod="POST"\npath="/r"\nbody="json"\nresponse="Any"\nparams={top="int?"}\n')
    monkeypatch.setenv("OAI_TABLE", str(table))
    assert suggestions("oai rer", capfd) == ["rerank.run "]
    assert suggestions("oai rerank.run ", capfd) == ["top="]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_any_line_is_completed_without_an_error(line: str) -> None:
    assert main(["completion", "suggest", f"oai {line}"]) == 0


@pytest.mark.parametrize("shell", SCRIPTS)
def test_script_of_each_shell_is_printed(shell: str, capfd: Output) -> None:
    assert main(["completion", shell]) == 0
    assert "completion suggest" in capfd.readouterr().out


def test_unknown_shell_is_an_error(capfd: Output) -> None:
    assert "bash | zsh | fish" in fails(capfd, 2, "completion")


def environment_with_oai(place: Path) -> dict[str, str]:
    """Return an environment in which a shell finds the program `oai`, written to `place`."""
    program = place / "oai"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m oai "$@"\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(place)}


RUN = {
    "bash": 'source <(oai completion bash); COMP_LINE="$1"; COMP_POINT=${#1}; _oai; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": (
        "compdef() { : }; compadd() { local end=' '; [ $1 = -S ] && { end=; shift 2 }; shift; "
        'for each; print -r -- "$each$end"; }; '
        'source <(oai completion zsh); words=("${(@s: :)1}"); CURRENT=$#words; _oai'
    ),
    "fish": "oai completion fish | source; complete -C $argv[2]",
}
"""Code that prints the completions of a line, by shell."""


@pytest.mark.parametrize("shell", RUN)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("oai files.create pur", ["purpose="]),
        ("oai files.create purpose=user", ["purpose=user_data"]),
        ("oai files.create file@REA", ["file@README.md"]),
        ("oai chat.completions.create messages:", ["messages:="]),
        ("oai moderations.create in", ["input="]),
        ("oai models.retr", ["models.retrieve"]),
    ],
)
def test_shell_completes(shell: str, line: str, expected: list[str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    environment = environment_with_oai(tmp_path)
    done = subprocess.run(
        [shell, "-c", RUN[shell], shell, line], check=False, capture_output=True, text=True, env=environment, cwd=ROOT
    )
    assert done.stderr == ""
    kept = line.rpartition(" ")[2] if shell == "bash" else ""
    kept = kept[: max(map(kept.rfind, "=:@")) + 1].removesuffix("@")  # bash replaces only what follows this
    assert [f"{kept}{each}".rstrip() for each in done.stdout.splitlines()] == expected


INTERACTIVE = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(oai completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit && compinit -u -D; source <(oai completion zsh)"),
}
"""The command of an interactive shell, and what switches completion on in it."""


@pytest.mark.parametrize("shell", INTERACTIVE)
def test_tab_completes_a_line_that_is_typed(shell: str, tmp_path: Path) -> None:
    """bash replaces `@` and what follows it, but only what follows `=` and `:`."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command, setup = INTERACTIVE[shell]
    ours, theirs = os.openpty()
    environment = {**environment_with_oai(tmp_path), "TERM": "dumb", "HISTFILE": os.devnull}
    with (
        open(ours, "r+b", buffering=0) as terminal,
        subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT, start_new_session=True
        ) as process,
    ):
        os.close(theirs)
        try:
            terminal.write(f"{setup}; echo re''ady\n".encode())
            wait_for(terminal, b"ready\r\n")
            terminal.write(b"oai files.create file@REA\tpurp\tuser\t extra_body:=@pypr\t\x01printf '<%s>' \n")
            wait_for(terminal, b"<file@README.md><purpose=user_data><extra_body:=@pyproject.toml>")
        finally:
            process.kill()


def wait_for(terminal: BinaryIO, expected: bytes) -> None:
    """Read from a terminal until it has printed this."""
    seen = b""
    while expected not in seen:
        assert select.select([terminal], [], [], 60)[0], seen
        seen += terminal.read(65536)
