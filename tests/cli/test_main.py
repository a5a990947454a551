"""The command line in process: arguments, output and errors."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import wave
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import fails, live
from hypothesis import given
from hypothesis import strategies as st
from paths import DATA

from oai._cli.arguments import UsageError, parse_arguments
from oai._cli.commands import COMMANDS
from oai._cli.main import main
from oai._cli.output import event_text
from oai._table.load import shipped_table
from oai.testing import Answer, Loopback

if TYPE_CHECKING:
    pass

HELLO = ["chat.completions.create", "model=gpt-5", 'messages:=[{"role": "user", "content": "Hello"}]']
EXPECTED_TEXT = 'You said: "Hello". This is an offline response: it was invented without contacting a server.'


def on_terminal(words: list[str]) -> tuple[int, str]:
    """Run a command whose output is a terminal; return its status and output."""
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as screen, open(theirs, "w") as output:
        with redirect_stdout(output):
            status = main(words)
            output.write("\n.")  # so that the read returns even if the command prints nothing
            output.flush()
        text = ""
        while not text.endswith("\r\n."):  # a terminal passes its output on in pieces
            text += screen.read(65536).decode()
        return status, text.replace("\r\n", "\n").removesuffix("\n.")


# Output


def test_result_in_a_pipe_is_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--offline", *HELLO]) == 0
    output, complaint = capfd.readouterr()
    assert output.count("\n") == 1
    assert json.loads(output)["choices"][0]["message"]["content"] == EXPECTED_TEXT
    assert complaint == ""


def test_result_on_a_terminal_is_indented_unless_json_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    status, shown = on_terminal(["--offline", *HELLO])
    assert (status, shown[:30]) == (0, '{\n  "id": "chatcmpl-offline",\n')
    status, shown = on_terminal(["--offline", "--json", *HELLO])
    assert (status, shown[:24]) == (0, '{"id":"chatcmpl-offline"')


@pytest.mark.parametrize(
    "words",
    [
        [*HELLO, "stream:=true"],
        [*HELLO, "stream=true"],
        ["responses.create", "model=m", "input=Hello", "stream:=true"],
        ["completions.create", "model=m", "prompt=Hello", "stream:=true"],
        ["beta.responses.create", "model=m", "input=Hello", "stream:=true"],
        ["beta.agents.sessions.create", 'environment:={"type": "none"}', "input=Hello", "stream:=true"],
    ],
)
def test_stream_prints_text(capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["--offline", *words]) == 0
    assert capfd.readouterr().out == f"{EXPECTED_TEXT}\n"


def test_stream_without_text_or_with_json_prints_json_lines(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["--offline", "--json", *HELLO, "stream:=true"]) == 0
    chunks = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert main(["--offline", "images.generate", "prompt=x", "stream:=true"]) == 0
    assert [json.loads(line)["type"] for line in capfd.readouterr().out.splitlines()] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]


def test_control_characters_are_escaped_on_a_terminal(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = {"id": "x", "choices": [{"index": 0, "delta": {"content": "a\x1b[2Jb\n"}}]}
    server.reply(Answer.events([chunk]))
    assert on_terminal([*live(server, monkeypatch), *HELLO, "stream:=true"]) == (0, "a\\x1b[2Jb\n")


def test_event_text_of_every_kind_of_event() -> None:
    message = {"event": "thread.message.delta", "data": {"delta": {"content": [{"text": {"value": "a"}}, {}]}}}
    assert event_text(message) == "a"
    assert event_text({"type": "transcript.text.delta", "delta": "b"}) == "b"
    assert event_text({"type": "response.refusal.delta", "delta": "c"}) == "c"
    assert event_text({"type": "response.function_call_arguments.delta", "delta": "{"}) == ""
    assert event_text({"choices": [{"index": 1, "delta": {"content": "second"}}]}) == ""
    assert event_text({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0}]}}]}) is None
    assert event_text({"type": "something.else"}) is None
    assert event_text(["not", "an", "object"]) is None


def test_binary_result_goes_to_file_or_pipe(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    speak = ["--offline", "audio.speech.create", "model=m", "voice=v", "input=x"]
    assert main(speak) == 0
    sound = capfdbinary.readouterr().out
    assert sound.startswith(b"RIFF")
    assert main([*speak, "--output", str(tmp_path / "x.wav")]) == 0
    assert (tmp_path / "x.wav").read_bytes() == sound
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getnframes() == 2000
    assert capfdbinary.readouterr().out == b""


def test_binary_result_on_a_terminal_fails_before_sending(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    speak = ["audio.speech.create", "model=m", "voice=v", "input=x"]
    assert on_terminal([*live(server, monkeypatch), *speak]) == (2, "")
    assert "binary data; write it to a file (--output FILE)" in capfd.readouterr().err
    assert server.requests == []


def test_all_prints_items_of_all_pages_as_json_lines(
    capfd: pytest.CaptureFixture[str], server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = live(server, monkeypatch)
    server.reply(
        Answer.of_json({"object": "list", "data": [{"id": "file-1"}], "has_more": True}),
        Answer.of_json({"object": "list", "data": [{"id": "file-2"}], "has_more": False}),
    )
    assert main([*options, "--all", "files.list", "limit=1"]) == 0
    assert capfd.readouterr().out == '{"id":"file-1"}\n{"id":"file-2"}\n'
    assert [seen.query for seen in server.requests] == ["limit=1", "limit=1&after=file-1"]
    assert "needs an operation that returns pages" in fails(capfd, 2, "--offline", "--all", "models.retrieve", "x")


# Arguments


def sent(words: list[str], server: Loopback, monkeypatch: pytest.MonkeyPatch) -> Any:
    server.reply(Answer.of_json({}))
    assert main([*live(server, monkeypatch), *words]) == 0
    return server.requests[-1]


def test_words_are_converted_to_the_request(server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "question.txt").write_text("Why? ü")
    (tmp_path / "stop.json").write_text('["a", "b"]')
    seen = sent(
        [
            "chat.completions.create",
            "model=gpt-5",
            "messages[0].role=user",
            f"messages[0][content]=@{tmp_path / 'question.txt'}",
            f"stop:=@{tmp_path / 'stop.json'}",
            "temperature=0.5",
            "n=2",
            "store=true",
            "metadata.team=a=b@c",
            "modalities[]=text",
            "modalities[]=audio",
            "extra_body.new=1",
            "version==7",
        ],
        server,
        monkeypatch,
    )
    assert seen.query == "version=7"
    assert seen.json() == {
        "model": "gpt-5",
        "messages": [{"role": "user", "content": "Why? ü"}],
        "stop": ["a", "b"],
        "temperature": 0.5,
        "n": 2,
        "store": True,
        "metadata": {"team": "a=b@c"},
        "modalities": ["text", "audio"],
        "new": "1",
    }


def test_positional_words_are_path_parameters(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent(["models.retrieve", "ft:gpt-4o:acme"], server, monkeypatch).path == "/v1/models/ft:gpt-4o:acme"
    assert sent(["models", "gpt-5"], server, monkeypatch).path == "/v1/models/gpt-5"
    assert sent(["models"], server, monkeypatch).path == "/v1/models"


def test_file_arguments_are_uploaded(server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"hello")
    form = sent(["files.create", f"file@{tmp_path / 'notes.txt'}", "purpose=user_data"], server, monkeypatch).form()
    assert [(part.name, part.filename, part.content) for part in form] == [
        ("purpose", None, b"user_data"),
        ("file", "notes.txt", b"hello"),
    ]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    form = sent(["files.create", "file@-", "purpose=user_data"], server, monkeypatch).form()
    assert form[-1].content == b"piped"
    (tmp_path / "b.png").write_bytes(b"b")
    images = [f"image@{tmp_path / 'notes.txt'}", f"image@{tmp_path / 'b.png'}"]
    form = sent(["images.edit", "prompt=x", *images], server, monkeypatch).form()
    assert [(part.name, part.content) for part in form[1:]] == [("image[]", b"hello"), ("image[]", b"b")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["chat.completion.create"], "did you mean 'chat.completions.create'?"),
        (["audio"], "audio is a group of operations: audio.speech.create"),
        (["list", "zebra"], "no operation contains 'zebra'"),
        (["show"], "oai show needs the name of an operation"),
        (["--dry-run", "list"], "only valid for an operation"),
        ([*HELLO, "--get", "a b]"], "a path has names and indices"),
        ([*HELLO, "--get", "id", "--text"], "not allowed with argument"),
        (["completion", "tcsh"], "usage: oai completion bash | zsh | fish"),
        (["--get", "x", "files.content", "f"], "returns binary data"),
        (["--ofline", "models.list"], "unrecognized arguments: --ofline; did you mean '--offline'?"),
        (["show", "vector"], "unknown operation 'vector' (oai list vector)"),
        (["serv"], "unknown operation 'serv'; did you mean 'serve'?"),
        (["--txet", "models.list"], "did you mean '--text'?"),
        (["modles.list"], "did you mean 'models.list'?"),
        (["--timeout", "soon", "models.list"], "invalid float value: 'soon'"),
        (["--offline", "--replay", "x", "models.list"], "not allowed with argument"),
        (["--record", "x", "--replay", "x", "models.list"], "cannot be combined"),
        (["--api-key-env", "OAI_NO_SUCH", "models.list"], "OAI_NO_SUCH is not set"),
        (["models.list", "stray"], "unexpected positional argument 'stray'; models.list takes none"),
        (["models.retrieve"], "missing 1 required argument: 'model'"),
        (["models.retrieve", "a", "stream=true"], "unexpected keyword argument 'stream'"),
        ([*HELLO, "max_retries=1"], "has no parameter 'max_retries'; write --max-retries N"),
        ([*HELLO, "temprature=1"], "Did you mean 'temperature'?"),
        ([*HELLO, "temperature=warm"], "temperature must be a number, not 'warm'"),
        ([*HELLO, "n=1.5"], "n must be an integer, not '1.5'"),
        ([*HELLO, "store=yes"], "store must be true or false, not 'yes'"),
        ([*HELLO, "stop:=[1"], "stop: [1 is not valid JSON"),
        ([*HELLO, "model=x"], "model occurs twice"),
        ([*HELLO, "messages[key]=x"], "messages[key] conflicts with an earlier argument"),
        ([*HELLO, "stop[99999]=x"], "at most 10000"),
        ([*HELLO, "user@/etc/hosts"], "user is not a file parameter; user=@/etc/hosts sends the file's text"),
        (["files.create", "purpose@/etc/hosts", "file@/etc/hosts"], "purpose is not a file parameter; purpose=@"),
        (["chat.completions.create", "model=x", "messages=hi"], "messages must be a list"),
        (["files.create", "purpose=batch", "file@/no/such"], "file: no such file: '/no/such'"),
        ([*HELLO, "metadata:=" + "[" * 50_000 + "]" * 50_000], "metadata: the JSON is nested too deeply"),
        ([*HELLO, 'metadata:={"a":' + '{"a":' * 50_000], "metadata: the JSON is nested too deeply"),
    ],
)
def test_usage_errors_are_one_line(capfd: pytest.CaptureFixture[str], words: list[str], expected: str) -> None:
    assert expected in fails(capfd, 2, *words)


@given(words=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=4))
def test_any_words_parse_or_raise_usage_error(words: list[str]) -> None:
    row = shipped_table()["chat.completions.create"]
    try:
        arguments = parse_arguments(
            "chat.completions.create", row, row.path_params, ["model=m", "messages:=[]", *words]
        )
    except (UsageError, OSError):
        return
    assert arguments["model"] == "m"


# Commands other than operations


def test_list_and_show_print_rows_of_the_table(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mine.toml"
    table.write_text(
        '[rerank.create]\ndoc = "Order documents."\nmethod = "POST"\npath = "/rerank/{pool}"\nbody = "json"\n'
        'response = "dict"\nalias = ["rerank_all"]\nparams = { query = "str", top = "int?" }\n'
        '[rerank.gone]\nmethod = "GET"\npath = "/r"\nbody = "query"\nresponse = "Any"\ndeprecated = "use create"\n'
    )
    assert main(["list", "RERANK", "documents", "--table", str(table)]) == 0
    assert capfd.readouterr().out == "rerank.create  POST    /rerank/{pool}  Order documents.\n"
    monkeypatch.setenv("OAI_TABLE", str(table))
    assert main(["rerank_all", "--help"]) == 0
    assert capfd.readouterr().out.splitlines() == [
        "rerank.create   POST /rerank/{pool}",
        "  Order documents.",
        "  Also: rerank_all POOL",
        "",
        "  pool   required  path   str",
        "  query  required  body   str",
        "  top    optional  body   int",
        "",
        "  returns dict",
        "  oai rerank.create POOL query=...",
        "",
    ]
    assert main(["show", "rerank.gone"]) == 0
    shown = capfd.readouterr().out
    assert "Deprecated: use create" in shown
    assert "accepts any parameter" in shown
    assert main(["--offline", "rerank_all", "p", "query=x", "top=3"]) == 0
    assert json.loads(capfd.readouterr().out)["path"] == "/v1/rerank/p"
    assert main(["--offline", "rerank.gone"]) == 0
    assert capfd.readouterr().err == "oai: rerank.gone is deprecated: use create\n"


def test_help_and_version_options(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "oai --offline chat.completions.create" in capfd.readouterr().out
    assert main(["--version"]) == 0
    assert capfd.readouterr().out.startswith("oai ")


@pytest.mark.parametrize("words", [[], ["help"]])
def test_oai_alone_prints_a_short_page(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    output, complaint = capfd.readouterr()
    assert complaint == ""
    assert output.startswith("oai calls any operation")
    assert len(output.splitlines()) < 24
    assert max(map(len, output.splitlines())) <= 80
    assert all(f"oai {command}" in output for command in COMMANDS)


def test_help_with_a_word_is_that_of_the_command_or_operation(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "models.retrieve"]) == 0
    assert capfd.readouterr().out.startswith("models.retrieve   GET /models/{model}")
    assert main(["help", "serve"]) == 0
    assert capfd.readouterr().out.startswith("usage: oai serve")
    assert "did you mean 'models.retrieve'" in fails(capfd, 2, "help", "models.retreive")


@pytest.mark.parametrize("words", [[command] for command in COMMANDS] + [["cassette", "check"], ["import", "x.json"]])
def test_help_of_a_command_does_not_run_it(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """`oai serve --help` once started the server."""
    for option in ("--help", "-h"):
        assert main([*words, option]) == 0
        shown = capfd.readouterr().out
        assert shown.startswith(f"usage: oai {words[0]} ")
        assert shown.endswith("\n\n`oai --help` shows the other options.\n")
        own = {"chat": "--tools", "map": "--concurrency", "serve": "--cassette"}
        assert [option for option in own.values() if f"  {option} " in shown] == [*filter(None, [own.get(words[0])])]


def test_arguments_are_utf_8_in_any_locale() -> None:
    words = [sys.executable, "-m", "oai", "--offline", "chat.completions.create", "model=x"]
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    messages = 'messages:=[{"role":"user","content":"h\u00e9"}]'.encode()
    output = subprocess.run([*words, messages], env=plain, capture_output=True, check=True).stdout.decode()
    assert 'You said: \\"h\u00e9\\"' in output
    failed = subprocess.run([*words, b"user=\xff"], env=plain, capture_output=True, check=False)
    assert (failed.returncode, failed.stderr) == (2, b"oai: the argument 'user=\\udcff' is not UTF-8\n")


def test_environment_names_the_transport_that_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OAI_TRANSPORT", "offline")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for option in ("--record", "--replay"):
        assert main([option, str(tmp_path / "a.cassette"), "models.list", "--get", "data[0].id"]) == 0
        assert capfd.readouterr().out == "model_offline\n"


def test_missing_cassette_and_empty_file_name_are_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--replay", str(tmp_path / "none"), "models.list"]) == 1
    message = f"oai: there is no cassette {tmp_path}/none for GET /models (models.list); --record FILE records it\n"
    assert capfd.readouterr().err == message
    assert main(["--offline", "models.list", "--output="]) == 1
    assert capfd.readouterr().err == "oai: '': No such file or directory\n"


@pytest.mark.parametrize(
    ("place", "message"),
    [("", "Is a directory"), ("none/x.wav", "No such file or directory"), ("file/x", "Not a directory")],
)
def test_unwritable_output_fails_before_sending(
    place: str, message: str, server: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    options = ["--base-url", server.url, "--api-key-env", "HOME", "--output", str(tmp_path / place)]
    assert main([*options, "audio.speech.create", "model=m", "voice=v", "input=x"]) == 1
    assert capfd.readouterr().err == f"oai: {tmp_path / place}: {message}\n"
    assert not server.requests
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_deep_json_in_a_file_and_deep_keys_are_named_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deep.json").write_text("[" * 50_000 + "]" * 50_000)
    call = ["--offline", "chat.completions.create", "model=m"]
    assert "messages: the JSON is nested too deeply" in fails(capfd, 2, *call, f"messages:=@{tmp_path / 'deep.json'}")
    assert "nested too deeply" in fails(capfd, 1, *call, "messages:=[]", "metadata" + "[a]" * 3_000 + "=x")


# Recording


def test_record_and_replay_a_call(
    capfd: pytest.CaptureFixture[str], server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = live(server, monkeypatch)
    cassette = str(tmp_path / "models.cassette")
    server.reply(Answer.of_json({"object": "list", "data": [{"id": "m"}]}))
    assert main([*options, "--record", cassette, "models.list"]) == 0
    recorded = capfd.readouterr().out
    monkeypatch.delenv("OPENAI_API_KEY")
    assert main(["--replay", cassette, "models.list"]) == 0
    assert capfd.readouterr().out == recorded
    assert len(server.requests) == 1
    assert "files.list" in fails(capfd, 1, "--replay", cassette, "files.list")
    before = Path(cassette).read_bytes()
    monkeypatch.setenv("OPENAI_API_KEY", "x" * 9)
    server.reply(Answer.error(400, "no"))
    fails(capfd, 1, *options, "--record", cassette, "models.list")
    assert Path(cassette).read_bytes() == before  # a failed call keeps the old recording


# Errors


def test_api_errors_are_one_line_without_the_key(
    capfd: pytest.CaptureFixture[str], server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = live(server, monkeypatch)
    key = os.environ["OPENAI_API_KEY"]
    server.reply(Answer.error(401, f"Incorrect API key: {key}", headers=[("x-request-id", "req_7")]))
    complaint = fails(capfd, 1, *options, "models.list")
    assert key not in complaint
    assert "401" in complaint
    assert "(request id req_7)" in complaint
    server.reply(Answer.html("<html>\n<h1>Sign in</h1></html>"))
    assert "text/html; charset=utf-8 that is not JSON" in fails(capfd, 1, *options, "models.list")


def test_truncated_stream_prints_received_text(
    capfd: pytest.CaptureFixture[str], server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = {"id": "x", "choices": [{"index": 0, "delta": {"content": "so far"}}]}
    server.reply(Answer.events([chunk], done=False))
    assert main([*live(server, monkeypatch), *HELLO, "stream:=true"]) == 1
    output, complaint = capfd.readouterr()
    assert output == "so far\n"
    assert "ended without its end marker" in complaint


def test_missing_key_and_network_failure_are_reported(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "to try a call without a key, use --offline" in fails(capfd, 1, "models.list")
    with Loopback() as gone:
        options = live(gone, monkeypatch)
    complaint = fails(capfd, 1, *options, "models.list")
    assert "Connection error" in complaint
    assert main([*options, "--traceback", "models.list"]) == 1
    assert "Traceback" in capfd.readouterr().err


def test_api_key_env_names_the_variable(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    options = live(server, monkeypatch)
    monkeypatch.setenv("OTHER", "other-" + "key")
    server.reply(Answer.of_json({"object": "list", "data": []}))
    assert main([*options, "--api-key-env", "OTHER", "models.list"]) == 0
    assert server.requests[0].header("authorization") == "Bearer other-key"


def test_imported_document_operations_can_be_called(
    tmp_path: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    document = DATA / "model_server.json"
    table = tmp_path / "my.toml"
    assert main(["--output", str(table), "import", str(document)]) == 0
    assert "my_types.py has the types of the responses" in capsys.readouterr().out
    server.reply(json={"tokens": [1, 2], "count": 2, "max_model_len": 8})
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    words = ["--table", str(table), "--base-url", server.url, "tokenize", "prompt=Hello"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["tokens"] == [1, 2]
    assert server.requests[0].path == "/tokenize"
    assert main(["stubs", str(table)]) == 0
    assert "def tokenize(" in capsys.readouterr().out
    assert main(["stubs"]) == main(["import"]) == 2
