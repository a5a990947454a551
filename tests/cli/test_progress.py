"""Progress bars of the command line, in a process whose standard error is a terminal."""

from __future__ import annotations

import codecs
import json
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT
from upload_store import Store

from oai._cli.main import main
from oai.testing import Answer, Loopback

SIZE = 3 << 20
SPEAK = ["audio.speech.create", "model=m", "voice=v", "input=x"]
WIPED = "\r"  # the last output after a bar is erased

COMMAND = [sys.executable, "-W", "error", "-m", "oai"]


def environment(server: Loopback) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OAI_", "TQDM_"))}
    more = {"PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "x" * 9, "OPENAI_BASE_URL": f"{server.url}/v1"}
    return {**clean, **more, "TQDM_MININTERVAL": "0"}  # draw every step


@dataclass
class Screen:
    """The output on a terminal, read as it arrives."""

    master: int
    text: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    def read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while data := os.read(self.master, 65536):
                with self.changed:
                    self.text += decoder.decode(data)
                    self.changed.notify_all()
        except OSError:
            pass  # the other side is closed
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def until(self, text: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: text in self.text or self.ended, 60)
            assert text in self.text


@dataclass
class Run:
    """A running command."""

    process: subprocess.Popen[bytes]
    screen: Screen
    reader: threading.Thread

    def end(self) -> tuple[int, bytes, str]:
        """Return the exit status, the standard output, and the output on the terminal."""
        output, _ = self.process.communicate(timeout=60)
        self.reader.join(60)
        return self.process.returncode, output, self.screen.text


@contextmanager
def on_terminal(server: Loopback, *words: str, columns: int = 100) -> Iterator[Run]:
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=slave, env=environment(server))
    os.close(slave)
    screen = Screen(master)
    reader = threading.Thread(target=screen.read)
    reader.start()
    try:
        with process:
            yield Run(process, screen, reader)
    finally:
        process.kill()
        reader.join(60)
        os.close(master)


def run(server: Loopback, *words: str, columns: int = 100) -> tuple[int, bytes, str]:
    with on_terminal(server, *words, columns=columns) as command:
        return command.end()


def big_file(tmp_path: Path, size: int = SIZE) -> list[str]:
    (tmp_path / "big.bin").write_bytes(os.urandom(size))
    return ["files.create", f"file@{tmp_path / 'big.bin'}", "purpose=user_data"]


@pytest.mark.parametrize("columns", [100, 0])
def test_upload_bar_is_on_stderr_only(server: Loopback, tmp_path: Path, columns: int) -> None:
    server.reply(json={"id": "file-1"})
    status, output, shown = run(server, *big_file(tmp_path), columns=columns)
    assert (status, json.loads(output)) == (0, {"id": "file-1"})
    assert "uploading:   0%" in shown
    assert "uploading: 100%" in shown
    assert shown.endswith(WIPED)
    assert server.requests[0].form()[-1].content == (tmp_path / "big.bin").read_bytes()


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_download_has_a_bar(server: Loopback, tmp_path: Path, framing: Any) -> None:
    server.reply(Answer.big(SIZE, framing=framing))
    status, output, shown = run(server, *SPEAK, "--output", str(tmp_path / "x.mp3"))
    assert (status, output) == (0, b"")
    assert (tmp_path / "x.mp3").stat().st_size == SIZE
    assert ("downloading: 100%" if framing == "length" else "downloading: 3.00MB") in shown
    assert shown.endswith(WIPED)


def test_download_to_a_pipe_is_not_mixed_with_the_bar(server: Loopback) -> None:
    answer = Answer.big(SIZE)
    server.reply(answer)
    assert run(server, *SPEAK)[:2] == (0, b"".join(answer.parts()))


def test_retry_resets_the_bar(server: Loopback, tmp_path: Path) -> None:
    wait = [("retry-after-ms", "1")]
    server.reply(Answer.error(503, "busy", headers=wait), json={"id": "file-1"})
    status, _, shown = run(server, *big_file(tmp_path))
    assert status == 0
    assert shown.count("uploading:   0%") >= 2
    assert [len(seen.body) for seen in server.requests] == [len(server.requests[0].body)] * 2


def test_ctrl_c_during_download_keeps_existing_file(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_bytes(b"old")
    server.reply(Answer.big(SIZE, hold=threading.Event()))
    with on_terminal(server, *SPEAK, "--output", str(tmp_path / "x.mp3")) as command:
        command.screen.until("downloading:   2%")
        command.process.send_signal(signal.SIGINT)
        status, output, shown = command.end()
    assert (status, output) == (130, b"")
    assert "Traceback" not in shown
    assert shown.endswith(WIPED)
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp3"]
    assert (tmp_path / "x.mp3").read_bytes() == b"old"


def test_truncated_download_error_is_on_its_own_line(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_bytes(b"old")
    server.reply(Answer.big(SIZE, truncate=SIZE // 2))
    status, output, shown = run(server, "--max-retries", "0", *SPEAK, "--output", str(tmp_path / "x.mp3"))
    assert (status, output) == (1, b"")
    bar, complaint = shown.removesuffix("\r\n").rsplit("\r", 1)
    assert "downloading:  50%" in bar
    assert complaint.startswith("oai: Connection error: ")
    assert (tmp_path / "x.mp3").read_bytes() == b"old"


def test_closed_pipe_ends_download_silently(server: Loopback) -> None:
    resume = threading.Event()
    server.reply(Answer.big(SIZE, hold=resume))
    with on_terminal(server, *SPEAK) as command:
        command.screen.until("downloading:   2%")
        assert command.process.stdout is not None
        command.process.stdout.close()
        resume.set()
        assert command.process.wait(60) == 141
        command.reader.join(60)
        assert "oai:" not in command.screen.text
        assert "Traceback" not in command.screen.text
        assert "Exception" not in command.screen.text


def test_upload_continues_after_stderr_is_closed(server: Loopback, tmp_path: Path) -> None:
    resume = threading.Event()
    size = 64 << 20  # more than the socket buffers hold
    server.reply(Answer.of_json({"id": "file-1"}, read_hold=resume, keep_body=False))
    ours, theirs = os.pipe()
    words = ["--progress", *big_file(tmp_path, size)]
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=theirs, env=environment(server))
    os.close(theirs)
    with process:
        assert b"uploading" in os.read(ours, 4096)
        os.close(ours)
        resume.set()
        output, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(output)) == (0, {"id": "file-1"})
    assert server.requests[0].complete


def test_bars_without_terminal_need_the_option(server: Loopback, tmp_path: Path) -> None:
    words = big_file(tmp_path)
    server.default = Answer.of_json({"id": "file-1"})
    for more, bars in ([], False), (["--progress"], True), (["--no-progress"], False):
        command = [*COMMAND, *more, *words]
        done = subprocess.run(command, capture_output=True, env=environment(server), check=True)
        assert json.loads(done.stdout) == {"id": "file-1"}
        assert (b"uploading" in done.stderr) is bars
        assert bars or done.stderr == b""
    assert run(server, "--no-progress", *words)[2] == ""


def test_chunked_upload_has_one_bar(server: Loopback, tmp_path: Path) -> None:
    store = Store(server)
    data = os.urandom(SIZE)
    (tmp_path / "big.bin").write_bytes(data)
    words = [f"file@{tmp_path / 'big.bin'}", "mime_type=text/plain", "purpose=batch", f"part_size={SIZE // 4}"]
    status, output, shown = run(server, "uploads.upload_file_chunked", *words)
    assert (status, json.loads(output)["status"]) == (0, "completed")
    assert shown.count("uploading:   0%") == 1
    assert "| 3.00M/3.00M " in shown
    assert shown.endswith(WIPED)
    assert (store.content, len(store.parts)) == (data, 4)


def test_failed_chunked_upload_resumes_from_journal(server: Loopback, tmp_path: Path) -> None:
    store = Store(server, lambda done: Answer.error(400, "no") if done == 2 else None)
    data = os.urandom(SIZE)
    (tmp_path / "big.bin").write_bytes(data)
    words = [f"file@{tmp_path / 'big.bin'}", "mime_type=text/plain", "purpose=batch", f"part_size={SIZE // 4}"]
    words += ["max_concurrency=1", f"journal={tmp_path / 'journal'}"]
    status, output, shown = run(server, "uploads.upload_file_chunked", *words)
    assert (status, output) == (1, b"")
    assert shown.rpartition("\r")[0].rpartition("\r")[2].startswith("oai: the upload upload_1 failed with 2 of 4")
    store.fail = lambda _: None
    status, _, shown = run(server, "uploads.upload_file_chunked", *words)
    assert status == 0
    assert "uploading:  33%" not in shown  # parts of the journal count as sent from the start
    assert "uploading:  50%" in shown
    assert (store.content, len(store.parts)) == (data, 4)


def test_ctrl_c_during_chunked_upload_exits_at_once_and_journal_resumes(server: Loopback, tmp_path: Path) -> None:
    held, resume = threading.Event(), threading.Event()

    def hold(done: int) -> Answer | None:
        if done < 1:
            return None
        held.set()
        resume.wait(60)
        return Answer.error(400, "the client has exited")

    store = Store(server, hold)
    data = os.urandom(SIZE)
    (tmp_path / "big.bin").write_bytes(data)
    words = [f"file@{tmp_path / 'big.bin'}", "mime_type=text/plain", "purpose=batch", f"part_size={SIZE // 4}"]
    words += ["max_concurrency=1", f"journal={tmp_path / 'journal'}"]
    with on_terminal(server, "uploads.upload_file_chunked", *words) as command:
        assert held.wait(60)
        command.process.send_signal(signal.SIGINT)
        status, output, shown = command.end()
        assert not resume.is_set()  # it did not wait for the part being sent
    resume.set()
    assert (status, output) == (130, b"")
    assert "Traceback" not in shown
    assert shown.endswith(WIPED)
    store.fail = lambda _: None
    assert run(server, "uploads.upload_file_chunked", *words)[0] == 0
    assert (store.content, len(store.parts), len(store.created)) == (data, 4, 1)


def test_small_file_and_json_response_have_no_bar(server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.of_json({"id": "file-1", "data": []})
    assert run(server, *big_file(tmp_path, 1000))[2] == ""
    assert run(server, "models.list")[2] == ""
    server.default = Answer.error(400, "no", keep_alive=False)
    assert "downloading" not in run(server, *SPEAK)[2]


def test_without_tqdm_progress_option_fails(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    words = big_file(tmp_path)
    assert main(["--progress", *words]) == 2
    output, complaint = capfd.readouterr()
    assert (output, server.requests) == ("", [])
    assert "pip install 'oai[progress]'" in complaint
    server.reply(json={"id": "file-1"})
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0), open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(words) == 0
    assert json.loads(capfd.readouterr().out) == {"id": "file-1"}


def test_bars_do_not_change_recordings(server: Loopback, tmp_path: Path) -> None:
    answer = Answer.big(1 << 18)
    server.default = answer
    for name, more in ("with", "--progress"), ("without", "--no-progress"):
        status, output, shown = run(server, more, "--record", str(tmp_path / name), *SPEAK)
        assert (status, output) == (0, b"".join(answer.parts()))
        assert ("downloading" in shown) is (more == "--progress")
    replayed = [run(server, "--progress", "--replay", str(tmp_path / name), *SPEAK) for name in ("with", "without")]
    assert replayed[0] == replayed[1] == (0, b"".join(answer.parts()), "")
