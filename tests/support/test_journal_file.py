"""Journals: lines that are complete or absent, one writer at a time, another program's file unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai._support.journal_file import JournalFile


def lines(path: Path) -> list[bytes]:
    journal = JournalFile(path)
    try:
        return [line for _, line in journal.lines()]
    finally:
        journal.close()


@given(
    content=st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=6),
    cut=st.integers(0, 40),
)
def test_truncated_journal_keeps_its_complete_lines(content: list[bytes], cut: int) -> None:
    path = Path(os.environ["PYTEST_TMP"]) / "j"
    path.unlink(missing_ok=True)
    journal = JournalFile(path, durable=True)
    positions = [journal.append(line) for line in content]
    assert [journal.line_at(position) for position in positions] == [line + b"\n" for line in content]
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: max(len(whole) - cut, 0)])
    kept = path.read_bytes().split(b"\n")[:-1]
    journal = JournalFile(path)
    assert [line for _, line in journal.lines()] == [line + b"\n" for line in kept]
    journal.append(b"new")
    journal.close()
    assert path.read_bytes() == b"".join(line + b"\n" for line in [*kept, b"new"])


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path))


def test_reading_a_journal_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b"a\nb\nincomplete")
    journal = JournalFile(path)
    assert [line for _, line in journal.lines()] == [b"a\n", b"b\n"]
    assert journal.rest() == b"incomplete"
    journal.close()
    assert path.read_bytes() == b"a\nb\nincomplete"


HOLD = """
import sys
from oai._support.journal_file import JournalFile
journal = JournalFile(sys.argv[1])
journal.append(b"theirs")
print("held", flush=True)
sys.stdin.read()
"""


def test_journal_of_another_process_is_in_use_until_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "j"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError, match="in use by another process or call") as caught:
            JournalFile(path)
        assert caught.value.filename == str(path)
        holder.kill()  # which leaves no lock
    assert lines(path) == [b"theirs\n"]


def test_journal_is_in_use_within_one_process_too(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j")
    with pytest.raises(BlockingIOError):
        JournalFile(tmp_path / "j")
    journal.close()
    assert lines(tmp_path / "j") == []


def test_deleted_journal_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = JournalFile(path)
    journal.append(b"a")
    journal.close(delete=True)
    assert not path.exists()
    assert lines(path) == []


def test_journal_in_a_missing_directory_is_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        JournalFile(tmp_path / "none" / "j")
