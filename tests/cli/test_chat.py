"""`oai chat`: conversations in a terminal, and from a pipe."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import fails, live
from paths import ROOT

import oai
from oai._cli.main import main
from oai.testing import Answer, Loopback

ANSWER = "This is an offline response: it was invented without contacting a server."


def converse(monkeypatch: pytest.MonkeyPatch, lines: str, *words: str, transport: Any) -> int:
    """Run `oai chat` with the lines on its standard input, over a transport."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    with oai.default_transport(transport):
        return main(["chat", *words])


class Screen:
    """`oai chat` in a terminal."""

    def __init__(self, directory: Path, *words: str, server: Loopback | None = None, columns: int = 100) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "TERM": "dumb", "OPENAI_API_KEY": "none"}
        environment.pop("COLUMNS", None)
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        way = ["--offline"] if server is None else ["--base-url", f"{server.url}/v1"]
        command = [sys.executable, "-m", "oai", *way, "chat", *words]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=directory, env=environment, start_new_session=True
        )
        os.close(theirs)
        self._ours = ours
        self.text = ""

    def wait_for(self, text: str) -> None:
        """Read until the screen shows a text, and a prompt after it: what is typed earlier may be lost."""
        end = time.monotonic() + 60
        while text not in self.text or not self.text.endswith(("> ", "... ")):
            ready, _, _ = select.select([self._ours], [], [], max(0, end - time.monotonic()))
            assert ready, self.text
            self.text += os.read(self._ours, 65536).decode().replace("\r\n", "\n")

    def type(self, line: str, shown: str) -> str:
        """Type a line, wait for a text, and return what was shown since."""
        self.text = ""
        os.write(self._ours, line.encode())
        self.wait_for(shown)
        return self.text

    def close(self) -> int:
        """Return the exit status."""
        status = self.process.wait(timeout=60)
        os.close(self._ours)
        return status


def test_each_line_of_a_pipe_is_a_message_of_one_conversation(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake = oai.FakeTransport()
    fake.chat.completions.create.streams(["Good", " day"]).then.streams(["And to you\n"])
    assert (
        converse(monkeypatch, "Hello\n\nAgain\n", "model=m", "temperature:=0", "--system", "Be brief.", transport=fake)
        == 0
    )
    assert capfd.readouterr() == ("Good day\nAnd to you\n", "")
    first, second = fake.chat.completions.create.calls
    assert first.body == {
        "model": "m",
        "temperature": 0,
        "stream": True,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
    }
    assert [message["content"] for message in second.body["messages"]] == ["Be brief.", "Hello", "Good day", "Again"]


def test_failed_message_is_reported_and_not_part_of_the_conversation(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake = oai.FakeTransport()
    fake.chat.completions.create.fails(400, times=1).then.streams(["fine"])
    assert converse(monkeypatch, "one\ntwo\n", "model=m", transport=fake) == 1
    output, complaint = capfd.readouterr()
    assert output == "fine\n"
    assert complaint.startswith("oai: ")
    assert complaint.count("\n") == 1
    assert [message["content"] for message in fake.chat.completions.create.last.body["messages"]] == ["two"]


def test_tools_of_a_module_are_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weather_tools.py").write_text(
        "def look_up(city: str) -> str:\n    '''Look up the weather.'''\n    return f'sunny in {city}'\n"
    )
    assert (
        converse(monkeypatch, "Bonn?\n", "model=m", "--tools", "weather_tools", transport=oai.OfflineTransport()) == 0
    )
    output, complaint = capfd.readouterr()
    assert ANSWER in output
    assert complaint == 'look_up({"city":"offline"})\n'


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tools", "no_such_module"], "No module named 'no_such_module'"),
        (["messages:=[]"], "oai chat sets messages itself"),
        (["stream:=true"], "oai chat sets stream itself"),
        (["temprature=1"], "Did you mean 'temperature'"),
        (["--output", "f"], "/save FILE"),
        (["--get", "x"], "only valid for an operation"),
    ],
)
def test_invalid_arguments_are_reported(words: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert message in fails(capfd, 2, "--offline", "chat", "model=m", *words)


def test_options_of_the_chat_are_rejected_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    assert "--system is only valid for `oai chat`" in fails(capfd, 2, "models.list", "--system", "x")


def test_only_model_of_a_server_is_the_default(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], server: Loopback
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))
    server.reply(json={"object": "list", "data": [{"id": "llama", "object": "model"}]})
    event = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    server.reply(body=f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n", content_type="text/event-stream")
    assert main([*live(server, monkeypatch), "chat"]) == 0
    assert capfd.readouterr() == ("Hi\n", "")
    assert json.loads(server.requests[-1].body)["model"] == "llama"

    server.reply(json={"object": "list", "data": [{"id": "a", "object": "model"}, {"id": "b", "object": "model"}]})
    assert main([*live(server, monkeypatch), "chat"]) == 2
    assert capfd.readouterr().err == "oai: oai chat needs a model: oai chat model=NAME; the server has a, b\n"


def test_recorded_conversation_is_replayed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(tmp_path / "talk.cassette")
    outputs = []
    for words in (["--offline", "--record", path], ["--replay", path]):
        monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\nAgain\n"))
        assert main([*words, "chat", "model=m"]) == 0
        outputs.append(capfd.readouterr())
    assert outputs[0] == outputs[1]
    assert outputs[0].out.count(ANSWER) == 2


REPLY = """\
The reply is wrapped at its words while it arrives, whatever the server's pieces are.

- An item of a list continues below its text on the next line.

```python
code = "keeps its lines, however long these are, so that they can be copied"
```
\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u306f\u3001\u7a7a\u767d\u304c\u306a\u304f\u3066\u3082\u884c\u306e\u7d42\u308f\u308a\u3067\u6539\u884c\u3055\u308c\u307e\u3059\u3002
"""

IN_40_COLUMNS = """\
The reply is wrapped at its words while
it arrives, whatever the server's pieces
are.

- An item of a list continues below its
  text on the next line.

```python
code = "keeps its lines, however long these are, so that they can be copied"
```
\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u306f\u3001\u7a7a\u767d\u304c\u306a\u304f\u3066\u3082\u884c\u306e\u7d42\u308f\u308a
\u3067\u6539\u884c\u3055\u308c\u307e\u3059\u3002
"""

IN_80_COLUMNS = REPLY.replace(" are.", "\nare.")


def events_of(text: str) -> Answer:
    """Return the stream of a text in pieces of three characters."""
    pieces = [text[place : place + 3] for place in range(0, len(text), 3)]
    events = [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
    return Answer.events([*events, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}])


@pytest.mark.parametrize(("columns", "shown"), [(40, IN_40_COLUMNS), (80, IN_80_COLUMNS)])
def test_reply_is_wrapped_to_the_terminal(columns: int, shown: str, server: Loopback, tmp_path: Path) -> None:
    server.reply(events_of(REPLY))
    screen = Screen(tmp_path, "model=m", server=server, columns=columns)
    try:
        screen.wait_for("/help shows")
        assert screen.type("Hello\n", shown.splitlines()[-1]).removeprefix("Hello\n") == f"{shown}> "
        os.write(screen._ours, b"\x04")  # Ctrl-D
        assert screen.close() == 0
    finally:
        screen.process.kill()
        screen.process.wait()


def test_reply_to_a_pipe_is_not_wrapped(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))
    monkeypatch.setenv("COLUMNS", "40")
    server.reply(events_of(REPLY))
    assert main([*live(server, monkeypatch), "chat", "model=m"]) == 0
    assert capfd.readouterr() == (REPLY, "")


def test_conversation_in_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("The sea is deep.")
    (tmp_path / "noise.bin").write_bytes(b"\xff\xfe\x00")
    screen = Screen(tmp_path, "model=first")
    try:
        screen.wait_for("first; /help shows the commands")
        assert 'You said: "Hello"' in screen.type("Hello\n", ANSWER)
        assert "did you mean /file?" in screen.type("/fil x\n", "(/help)")
        assert "/save FILE" in screen.type("/help\n", "Ctrl-C interrupts")
        assert "/system needs TEXT" in screen.type("/system\n", "needs TEXT")
        screen.type("/model second\n", "\nsecond\n")
        screen.type("/file noise.bin\n", "neither an image, a PDF nor UTF-8 text")
        screen.type("/file missing\n", "No such file or directory")
        screen.type("/file note.txt\n", "added to the next message")
        screen.type("How \\\n", "... ")
        assert "How" in screen.type("deep?\n", ANSWER)
        screen.type("/save talk.md\n", "saved to talk.md")
        screen.type("/save talk.json\n", "saved to talk.json")
        screen.type("/clear\n", "done")
        screen.type("/load talk.md\n", "not a conversation saved as JSON")
        screen.type("/load talk.json\n", "done")
        screen.type("/save again.json\n", "saved to again.json")
        os.write(screen._ours, b"\x04")  # Ctrl-D
        assert screen.close() == 0
    finally:
        screen.process.kill()
        screen.process.wait()
    saved = json.loads((tmp_path / "talk.json").read_text())
    assert [message["role"] for message in saved] == ["user", "assistant", "user", "assistant"]
    assert saved[2]["content"][0] == {"type": "text", "text": "note.txt:\nThe sea is deep."}
    assert saved[2]["content"][1] == {"type": "text", "text": "How \ndeep?"}
    assert (tmp_path / "again.json").read_text() == (tmp_path / "talk.json").read_text()
    assert (tmp_path / "talk.md").read_text().startswith("**user**\n\nHello\n\n**assistant**\n\nYou said")
