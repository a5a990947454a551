"""Helpers on the command line, called like operations and from the same table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clock import let_a_minute_pass
from command_line import fails, live
from upload_store import Store, stored

from oai._cli.main import main
from oai._cli.operations import Commands
from oai._table.load import shipped_table
from oai._table.rows import HelperRow
from oai.testing import Answer, Loopback

Output = pytest.CaptureFixture[str]


def test_file_is_uploaded_in_parts(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    store = Store(server)
    path = tmp_path / "big.jsonl"
    path.write_bytes(bytes(range(250)))
    words = [f"file@{path}", "mime_type=text/jsonl", "purpose=batch", "part_size=100", "md5:=null"]
    assert main([*live(server, monkeypatch), "uploads.upload_file_chunked", *words]) == 0
    assert json.loads(capfd.readouterr().out)["status"] == "completed"
    assert (store.content, len(store.parts)) == (path.read_bytes(), 3)
    assert store.created[0]["filename"] == "big.jsonl"
    assert "md5" not in store.completed


def test_standard_input_is_uploaded_in_parts(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    store = Store(server)
    (tmp_path / "in").write_bytes(b"piped")
    words = ["file@-", "mime_type=text/plain", "purpose=batch", "filename=piped.txt"]
    with (tmp_path / "in").open() as piped:
        monkeypatch.setattr("sys.stdin", piped)
        assert main([*live(server, monkeypatch), "uploads.upload_file_chunked", *words]) == 0
    assert (store.content, store.created[0]["filename"]) == (b"piped", "piped.txt")


def test_poll_helpers_take_path_arguments(server: Loopback, monkeypatch: pytest.MonkeyPatch, capfd: Output) -> None:
    server.reply(*(Answer(json=stored(each)) for each in ("in_progress", "completed")))
    words = ["vector_stores.files.poll", "vs_1", "vsf_1", "poll_interval_ms=1", "deadline=20"]
    assert main([*live(server, monkeypatch), *words]) == 0
    assert json.loads(capfd.readouterr().out)["status"] == "completed"
    assert [seen.path for seen in server.requests] == ["/v1/vector_stores/vs_1/files/vsf_1"] * 2
    server.reply(Answer(json={"id": "file-1", "status": "processed"}))
    assert main([*live(server, monkeypatch), "files.wait_for_processing", "file-1"]) == 0
    server.default = Answer(json=stored("in_progress"))
    words[-1] = "deadline=60"
    capfd.readouterr()
    requests = len(server.requests)
    let_a_minute_pass(monkeypatch, once=lambda: len(server.requests) == requests + 2)
    complaint = fails(capfd, 1, *live(server, monkeypatch), *words)
    assert "not done after 60.0 s; the last status was 'in_progress'" in complaint


@pytest.mark.parametrize("count", [1, 2])
def test_upload_and_poll_uploads_files_and_waits(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output, count: int
) -> None:
    done = {"id": "vsfb_1", "object": "vector_store.files_batch", "status": "completed"}
    server.route("POST", "/v1/files", Answer(json={"id": "file-1"}))
    server.default = Answer(json=done)
    for number in range(count):
        (tmp_path / f"{number}.txt").write_text("x")
    files = [f"files@{tmp_path / f'{number}.txt'}" for number in range(count)]
    words = ["vector_stores.file_batches.upload_and_poll", "vs_1", *files, 'file_ids:=["file-0"]']
    assert main([*live(server, monkeypatch), *words]) == 0
    assert json.loads(capfd.readouterr().out)["status"] == "completed"
    (created,) = [seen for seen in server.requests if seen.path.endswith("/file_batches")]
    assert created.json() == {"file_ids": ["file-0", *["file-1"] * count]}


def test_helpers_that_return_data_are_listed_and_shown(capfd: Output) -> None:
    commands = Commands(shipped_table())
    for name in commands.helpers:
        assert main(["show", name]) == 0
        shown = capfd.readouterr().out
        assert shown.startswith(f"{name}   helper")
        assert "oai.helpers" not in shown.replace("oai.helpers.webhooks.HeadersLike", "")
        assert main(["list", name]) == 0
        assert f"{name} " in capfd.readouterr().out
    polls = {name for name, each in shipped_table().helpers.items() if isinstance(each, HelperRow) and "poll" in name}
    assert polls <= commands.helpers.keys()


def test_helper_usage_errors_are_one_line(capfd: Output) -> None:
    assert "missing 2 required arguments" in fails(capfd, 2, "uploads.upload_file_chunked", "purpose=batch")
    assert "chat.completions.stream can only be called from Python" in fails(capfd, 2, "chat.completions.stream")
    assert "did you mean 'batches.poll'" in fails(capfd, 2, "batches.pol", "b")
    assert "unexpected keyword argument 'progress'" in fails(capfd, 2, "batches.poll", "b", "progress=x")
    assert "deadline must be a number" in fails(capfd, 2, "batches.poll", "b", "deadline=soon")


def test_helper_of_deprecated_operation_prints_notice(capfd: Output) -> None:
    assert main(["--offline", "beta.threads.runs.poll", "thread_1", "run_1"]) == 0
    output, complaint = capfd.readouterr()
    assert json.loads(output)["id"] == "run_1"
    assert complaint.startswith("oai: beta.threads.runs.poll is deprecated: ")
