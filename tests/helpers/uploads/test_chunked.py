"""Large files: in parts, in parallel, in constant memory, resumed without sending a part twice."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import KEY
from upload_store import Store, stored

import oai
from oai._flow.steps import run
from oai.helpers.uploads.chunked import UploadState
from oai.testing import Answer, Loopback, Seen

Play = Callable[..., Any]


def chunked(client: Any, **options: Any) -> Any:
    common = {"mime_type": "text/plain", "purpose": "assistants"}
    return (yield client.uploads.upload_file_chunked(**{**common, **options}))


CONTENT = os.urandom(1000)


def kinds(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "notes.txt"
    path.write_bytes(CONTENT)
    opened = io.BytesIO(CONTENT)
    opened.seek(7)  # an open file is sent whole, wherever its position is
    return {"path": path, "str": str(path), "bytes": CONTENT, "open": opened}


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "open"])
def test_file_is_sent_in_parts_and_completed_in_order(kind: str, play: Play, server: Loopback, tmp_path: Path) -> None:
    store = Store(server)
    progress: list[tuple[int, int]] = []
    upload = play(
        lambda client: chunked(
            client,
            file=kinds(tmp_path)[kind],
            filename="notes.txt",
            part_size=300,
            progress=lambda *counts: progress.append(counts),
        )
    )
    assert upload.status == "completed"
    assert store.content == CONTENT
    assert sorted(map(len, store.parts)) == [100, 300, 300, 300]
    assert store.created == [
        {"bytes": 1000, "filename": "notes.txt", "mime_type": "text/plain", "purpose": "assistants"}
    ]
    assert store.completed["md5"] == hashlib.md5(CONTENT).hexdigest()
    assert progress[-1] == (1000, 1000)
    assert progress == sorted(progress)


def test_unseekable_file_is_accepted(server: Loopback) -> None:
    store = Store(server)
    reading, writing = os.pipe()
    os.write(writing, CONTENT)
    os.close(writing)
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client, open(reading, "rb") as pipe:
        run(chunked(client, file=pipe, filename="p", part_size=400))
    assert store.content == CONTENT


def test_digest_can_be_passed_or_disabled(play: Play, server: Loopback) -> None:
    store = Store(server)
    play(lambda client: chunked(client, file=CONTENT, filename="a", md5=None))
    assert "md5" not in store.completed
    store.parts.clear()
    with pytest.raises(oai.UploadError, match="the digest differs"):
        play(lambda client: chunked(client, file=CONTENT, filename="a", md5="0" * 32))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"file": CONTENT}, TypeError, "needs `filename`"),
        ({"file": CONTENT, "filename": "a", "bytes": 5}, ValueError, "`bytes` is 5, but the file has 1000"),
        ({"file": CONTENT, "filename": "a", "part_size": 0}, ValueError, "positive integers"),
        ({"file": "nowhere.txt"}, FileNotFoundError, "does not exist"),
        ({"file": io.StringIO("a"), "filename": "a"}, TypeError, "text mode"),
    ],
)
def test_invalid_upload_arguments_raise_before_any_request(
    options: Any, error: Any, message: str, play: Play, server: Loopback
) -> None:
    with pytest.raises(error, match=message):
        play(lambda client: chunked(client, **options))
    assert server.requests == []


def test_each_part_is_retried(play: Play, server: Loopback) -> None:
    failures = iter([Answer.error(503, "busy", headers=[("retry-after-ms", "1")])] * 2)
    store = Store(server, lambda _: next(failures, None))
    play(lambda client: chunked(client, file=CONTENT, filename="a", part_size=250), max_retries=3)
    assert store.content == CONTENT


@pytest.mark.parametrize("kept", ["state", "pickled", "journal"])
def test_failed_upload_resumes_from_its_state(kept: str, play: Play, server: Loopback, tmp_path: Path) -> None:
    failing = True
    store = Store(server, lambda count: Answer.error(400, "no") if failing and count >= 3 else None)
    journal = tmp_path / "upload.json" if kept == "journal" else None
    options = {"file": CONTENT, "filename": "a", "part_size": 100, "max_concurrency": 2, "journal": journal}
    with pytest.raises(oai.UploadError, match=r"the upload upload_1 failed with 3 of 10 parts sent: .*no") as caught:
        play(lambda client: chunked(client, **options))
    assert isinstance(caught.value.__cause__, oai.BadRequestError)
    state = pickle.loads(pickle.dumps(caught.value)).state if kept == "pickled" else caught.value.state
    assert isinstance(state, UploadState)
    failing = False
    if journal is None:
        options["resume"] = state
    progress: list[int] = []
    play(lambda client: chunked(client, **options, progress=lambda done, total: progress.append(done)))
    assert store.content == CONTENT
    assert len(store.created) == 1
    assert len(store.parts) == 10
    assert len(set(store.parts)) == 10
    assert progress[0] >= 100
    assert journal is None or not journal.exists()


def test_resumed_upload_with_all_parts_leaves_no_journal(play: Play, server: Loopback, tmp_path: Path) -> None:
    store, journal = Store(server), tmp_path / "u.json"
    store.parts = [CONTENT]
    state = UploadState(upload_id="upload_1", bytes=1000, part_size=1000, filename="a", parts={0: "part_0"})
    options = {"file": CONTENT, "filename": "a", "part_size": 1000, "resume": state, "journal": journal}
    assert play(lambda client: chunked(client, **options)).status == "completed"
    assert not journal.exists()


def test_resuming_with_another_file_is_refused(play: Play, server: Loopback) -> None:
    Store(server)
    state = UploadState(upload_id="upload_1", bytes=5, part_size=100, filename="a")
    with pytest.raises(ValueError, match=r"the upload to resume is of 'a', 5 bytes .* not 'a', 1000 bytes"):
        play(lambda client: chunked(client, file=CONTENT, filename="a", part_size=100, resume=state))
    assert server.requests == []


def test_journal_of_an_expired_upload_is_started_over(play: Play, server: Loopback, tmp_path: Path) -> None:
    store = Store(server)
    journal = tmp_path / "u.json"
    journal.write_text('{"upload_id":"old","bytes":1000,"part_size":500,"filename":"a","expires_at":1,"parts":{}}\n')
    play(lambda client: chunked(client, file=CONTENT, filename="a", part_size=500, journal=journal))
    assert store.content == CONTENT
    assert len(store.created) == 1


def test_journal_of_an_upload_that_is_gone_is_started_over(play: Play, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "u.jsonl"
    failing = True
    store = Store(server, lambda count: Answer.error(400, "no") if failing and count >= 2 else None)
    options = {"file": CONTENT, "filename": "a", "part_size": 250, "max_concurrency": 1, "journal": journal}
    with pytest.raises(oai.UploadError) as caught:
        play(lambda client: chunked(client, **options))
    assert caught.value.__notes__ == [f"The journal {journal} has the upload to resume; delete it to start over."]
    failing = False
    store.parts.clear()
    gone = iter([Answer.error(404, "no such upload")])
    store.fail = lambda _: next(gone, None)
    assert play(lambda client: chunked(client, **options)).status == "completed"
    assert store.content == CONTENT
    assert len(store.created) == 2
    assert not journal.exists()


def test_state_of_an_upload_that_is_gone_is_not_started_over(play: Play, server: Loopback) -> None:
    store = Store(server, lambda _: Answer.error(404, "no such upload"))
    state = UploadState(upload_id="upload_1", bytes=1000, part_size=100, filename="a")
    with pytest.raises(oai.UploadError, match="no such upload"):
        play(lambda client: chunked(client, file=CONTENT, filename="a", part_size=100, resume=state))
    assert store.created == []


@pytest.mark.parametrize("content", ["hello", "hello\n", '{"kind":"x"}\n', "[1]\n"])
def test_foreign_file_is_refused_as_upload_journal(content: str, play: Play, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "notes"
    journal.write_text(content)
    with pytest.raises(ValueError, match="is not the journal of an upload"):
        play(lambda client: chunked(client, file=CONTENT, filename="a", journal=journal))
    assert journal.read_text() == content
    assert server.requests == []


def test_upload_journal_is_held_by_one_call_at_a_time(play: Play, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "u.jsonl"
    errors: list[BaseException] = []
    options = {"file": CONTENT, "filename": "a", "journal": journal, "mime_type": "a/b", "purpose": "assistants"}

    def interfere(_: int) -> None:
        with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
            try:
                client.uploads.upload_file_chunked(**options)
            except BlockingIOError as error:
                errors.append(error)

    store = Store(server, interfere)
    play(lambda client: chunked(client, **options))
    assert "in use by another process or call" in str(errors[0])
    assert (len(store.created), len(store.parts)) == (1, 1)


@pytest.mark.parametrize("cut", range(0, 130, 7))
def test_truncated_upload_journal_resumes(cut: int, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "u.jsonl"
    failing = True
    store = Store(server, lambda count: Answer.error(400, "no") if failing and count >= 3 else None)
    options = {"file": CONTENT, "filename": "a", "part_size": 250, "max_concurrency": 1, "journal": journal}
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as client:
        with pytest.raises(oai.UploadError):
            run(chunked(client, **options))
        content = journal.read_bytes()
        journal.write_bytes(content[: max(len(content) - cut, 0)])
        failing = False
        run(chunked(client, **options))
    assert store.content == CONTENT


KILLED = """
import os, sys, oai
base, path, journal = sys.argv[1:]
client = oai.OpenAI(api_key="k", base_url=base)
client.uploads.upload_file_chunked(file=path, mime_type="text/plain", purpose="assistants", part_size=100,
    max_concurrency=1, journal=journal, progress=lambda done, total: os._exit(9) if done > 450 else None)
"""


def test_killed_upload_resumes_from_its_journal(server: Loopback, tmp_path: Path) -> None:
    store = Store(server)
    path, journal = tmp_path / "a.bin", tmp_path / "a.json"
    path.write_bytes(CONTENT)
    command = [sys.executable, "-c", KILLED, f"{server.url}/v1", str(path), str(journal)]
    assert subprocess.run(command, check=False).returncode == 9
    assert 0 < len(store.parts) < 10
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
        run(chunked(client, file=path, part_size=100, journal=journal))
    assert store.content == CONTENT
    assert (len(store.created), len(store.parts), len(set(store.parts))) == (1, 10, 10)


def test_memory_does_not_grow_with_part_size(server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(32 * 1024 * 1024)
    server.keep_body = False
    server.route("POST", "/v1/uploads", Answer(json={"id": "upload_1"}))
    server.default = Answer(json={"id": "part_1"})
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
        options = {"mime_type": "a/b", "purpose": "assistants"}
        client.uploads.upload_file_chunked(file=path, part_size=2**20, **options)
        tracemalloc.start()
        client.uploads.upload_file_chunked(file=path, part_size=16 * 2**20, max_concurrency=2, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 * 2**20


@settings(max_examples=25)
@given(content=st.binary(min_size=1, max_size=300), size=st.integers(1, 80), limit=st.integers(1, 5), fails=st.data())
def test_no_part_is_sent_twice_or_lost_whatever_fails(content: bytes, size: int, limit: int, fails: Any) -> None:
    count = -(-len(content) // size)
    failing = set(fails.draw(st.lists(st.integers(0, count - 1), max_size=3, unique=True)))
    with Loopback() as server:

        def fail(count: int) -> Answer | None:
            if count in failing:
                failing.discard(count)
                return Answer.error(400, "no")
            return None

        store = Store(server, fail)
        state = None
        with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as client:
            for _ in range(5):
                try:
                    run(
                        chunked(client, file=content, filename="a", part_size=size, max_concurrency=limit, resume=state)
                    )
                    break
                except oai.UploadError as error:
                    state = error.state
        assert store.content == content
        assert len(store.created) == 1
        assert len(store.parts) == count


def test_file_may_be_a_tuple(play: Play, server: Loopback) -> None:
    store = Store(server)
    play(lambda client: chunked(client, file=("a.txt", io.BytesIO(b"hello"), "text/plain")))
    assert (store.created[0]["filename"], store.content) == ("a.txt", b"hello")


def test_file_is_uploaded_added_and_polled(play: Play, server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    file = Answer(json={"id": "file-9", "object": "file", "status": "uploaded"})
    server.reply(file, *(Answer(json=stored(each)) for each in ("in_progress", "in_progress", "completed")))

    def scenario(client: Any) -> Any:
        files = client.vector_stores.files
        return (yield files.upload_and_poll(vector_store_id="vs_1", file=path, poll_interval_ms=1, deadline=20))

    assert play(scenario).status == "completed"
    (part, purpose) = sorted(server.requests[0].form(), key=lambda each: each.name or "")
    assert (part.content, part.filename, purpose.content) == (b"hello", "a.txt", b"assistants")
    assert server.requests[1].json() == {"file_id": "file-9"}
    assert server.requests[-1].path == "/v1/vector_stores/vs_1/files/file-9"
    server.reply(file, Answer(json=stored("in_progress")))
    uploading = lambda client: (yield client.vector_stores.files.upload(vector_store_id="vs_1", file=("b.md", b"x")))  # noqa: E731
    assert play(uploading).status == "in_progress"


def test_files_are_uploaded_concurrently_and_polled_as_one_batch(play: Play, server: Loopback) -> None:
    counts = {"cancelled": 0, "completed": 9, "failed": 0, "in_progress": 0, "total": 9}
    done = {"id": "vsfb_1", "object": "vector_store.files_batch", "status": "completed", "file_counts": counts}

    in_flight: list[int] = []
    most = 0

    def answer(request: Seen) -> Answer:
        nonlocal most
        in_flight.append(1)
        most = max(most, len(in_flight))
        time.sleep(0.005)
        in_flight.pop()
        (name,) = [part.filename for part in request.form() if part.filename]
        return Answer(json={"id": f"file-{name}", "object": "file", "status": "uploaded"})

    server.route("POST", "/v1/files", answer)
    server.default = Answer(json=done)
    progress: list[tuple[int, int]] = []

    def scenario(client: Any) -> Any:
        return (
            yield client.vector_stores.file_batches.upload_and_poll(
                "vs_1",
                files=[(str(number), b"x" * 10) for number in range(9)],
                file_ids=["file-before"],
                max_concurrency=3,
                progress=lambda *counts: progress.append(counts),
                poll_interval_ms=1,
            )
        )

    assert play(scenario).status == "completed"
    created = next(request for request in server.requests if request.path == "/v1/vector_stores/vs_1/file_batches")
    assert created.json() == {"file_ids": ["file-before", *(f"file-{number}" for number in range(9))]}
    assert progress[-1] == (90, 90)
    assert most <= 3


def test_uploaded_files_are_named_when_one_fails(play: Play, server: Loopback) -> None:
    server.reply(Answer(json={"id": "file-0", "object": "file"}), Answer.error(400, "no"))

    def scenario(client: Any) -> Any:
        batches = client.vector_stores.file_batches
        return (yield batches.upload_and_poll("vs_1", files=[b"a", b"b", b"c"], max_concurrency=1))

    with pytest.raises(oai.BadRequestError) as caught:
        play(scenario)
    assert caught.value.__notes__ == ["These files were uploaded; pass them as file_ids: ['file-0']"]
    assert len(server.requests) == 2


FEW_OPEN = """
import pathlib, resource, sys, oai
base, directory = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
with oai.OpenAI(api_key="k", base_url=base) as client:
    files = sorted(pathlib.Path(directory).iterdir())
    print(client.vector_stores.file_batches.upload_and_poll("vs_1", files=files).status)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_more_files_than_may_be_open_can_be_uploaded(server: Loopback, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}.txt").write_bytes(b"x")
    server.route("POST", "/v1/files", Answer(json={"id": "file-1", "object": "file"}))
    server.default = Answer(json={"id": "vsfb_1", "object": "vector_store.files_batch", "status": "completed"})
    command = [sys.executable, "-c", FEW_OPEN, f"{server.url}/v1", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("completed\n", "")
    assert len([request for request in server.requests if request.path == "/v1/files"]) == 100
