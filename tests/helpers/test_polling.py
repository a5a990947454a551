"""Polling until the status is final, until the deadline, or until it is cancelled."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest
from clock import let_a_minute_pass
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
from oai._flow.steps import run as run_steps
from oai.testing import Answer, Loopback, Seen

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")

Play = Callable[..., Any]

COUNTS = {"cancelled": 0, "completed": 0, "failed": 0, "in_progress": 1, "total": 1}


def run(status: str) -> dict[str, Any]:
    return {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "status": status}


def store_file(status: str) -> dict[str, Any]:
    return {"id": "file-1", "object": "vector_store.file", "vector_store_id": "vs_1", "status": status}


def file_batch(status: str) -> dict[str, Any]:
    counts = {**COUNTS, "in_progress": int(status not in ("completed", "failed", "cancelled"))}
    return {"id": "vsfb_1", "object": "vector_store.files_batch", "status": status, "file_counts": counts}


def video(status: str) -> dict[str, Any]:
    return {"id": "video_1", "object": "video", "status": status}


def file(status: str) -> dict[str, Any]:
    return {"id": "file-1", "object": "file", "status": status}


def batch(status: str) -> dict[str, Any]:
    return {"id": "batch_1", "object": "batch", "status": status}


def response(status: str) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": status, "output": []}


FAST = {"poll_interval_ms": 1}

WAITS = [
    ("beta.threads.runs.poll", ("run_1", "thread_1"), FAST, run, "/threads/thread_1/runs/run_1", "requires_action"),
    ("vector_stores.files.poll", ("file-1",), {"vector_store_id": "vs_1", **FAST}, store_file,
     "/vector_stores/vs_1/files/file-1", "failed"),
    ("vector_stores.file_batches.poll", ("vsfb_1",), {"vector_store_id": "vs_1", **FAST}, file_batch,
     "/vector_stores/vs_1/file_batches/vsfb_1", "completed"),
    ("videos.poll", ("video_1",), FAST, video, "/videos/video_1", "failed"),
    ("files.wait_for_processing", ("file-1",), {"poll_interval": 0.001}, file, "/files/file-1", "processed"),
    ("batches.poll", ("batch_1",), FAST, batch, "/batches/batch_1", "expired"),
    ("responses.poll", ("resp_1",), FAST, response, "/responses/resp_1", "incomplete"),
]  # fmt: skip

RUN_PATH = "/threads/thread_1/runs/run_1"

CREATES = [
    ("beta.threads.create_and_run_poll", (), {"assistant_id": "asst_1"}, run, "/threads/runs", RUN_PATH),
    ("beta.threads.runs.create_and_poll", (), {"thread_id": "thread_1", "assistant_id": "asst_1"}, run,
     "/threads/thread_1/runs", RUN_PATH),
    ("beta.threads.runs.submit_tool_outputs_and_poll", (),
     {"thread_id": "thread_1", "run_id": "run_1", "tool_outputs": []}, run, f"{RUN_PATH}/submit_tool_outputs", RUN_PATH),
    ("vector_stores.files.create_and_poll", ("file-1",), {"vector_store_id": "vs_1", "attributes": {"a": "b"}},
     store_file, "/vector_stores/vs_1/files", "/vector_stores/vs_1/files/file-1"),
    ("vector_stores.file_batches.create_and_poll", ("vs_1",), {"file_ids": ["file-1"]}, file_batch,
     "/vector_stores/vs_1/file_batches", "/vector_stores/vs_1/file_batches/vsfb_1"),
    ("videos.create_and_poll", (), {"prompt": "a cat"}, video, "/videos", "/videos/video_1"),
]  # fmt: skip

PENDING = {file: "uploaded", run: "queued", batch: "validating"}


def method(client: Any, path: str) -> Any:
    for name in path.split("."):
        client = getattr(client, name)
    return client


def call(path: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Callable[[Any], Iterator[Any]]:
    def scenario(client: Any) -> Any:
        return (yield method(client, path)(*arguments, **options))

    return scenario


@pytest.mark.parametrize(
    ("path", "arguments", "options", "make", "url", "last"), WAITS, ids=[each[0] for each in WAITS]
)
def test_poll_repeats_until_the_status_is_final(
    path: str, arguments: Any, options: Any, make: Any, url: str, last: str, play: Play, server: Loopback
) -> None:
    pending = PENDING.get(make, "in_progress")
    server.reply(Answer(json=make(pending)), Answer(json=make(pending)), Answer(json=make(last)))
    assert play(call(path, arguments, options)).status == last
    assert [(seen.method, seen.path) for seen in server.requests] == [("GET", f"/v1{url}")] * 3


@pytest.mark.parametrize(
    ("path", "arguments", "options", "make", "created", "retrieved"), CREATES, ids=[each[0] for each in CREATES]
)
def test_created_object_is_polled(
    path: str, arguments: Any, options: Any, make: Any, created: str, retrieved: str, play: Play, server: Loopback
) -> None:
    pending = PENDING.get(make, "in_progress")
    server.reply(*(Answer(json=make(status)) for status in (pending, pending, "completed")))
    options = {**options, **FAST, "extra_headers": {"x-mine": "1"}}
    assert play(call(path, arguments, options)).status == "completed"
    first, *rest = server.requests
    assert (first.method, first.path) == ("POST", f"/v1{created}")
    assert [(seen.method, seen.path, seen.query) for seen in rest] == [("GET", f"/v1{retrieved}", "")] * 2
    assert {seen.header("x-mine") for seen in server.requests} == {"1"}
    assert "poll" not in first.body.decode()


@pytest.mark.parametrize(
    ("path", "arguments", "options", "make", "url", "last"), WAITS, ids=[each[0] for each in WAITS]
)
def test_poll_timeout_carries_the_last_state(
    path: str,
    arguments: Any,
    options: Any,
    make: Any,
    url: str,
    last: str,
    play: Play,
    server: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pending = PENDING.get(make, "in_progress")
    server.default = Answer(json=make(pending))
    let_a_minute_pass(monkeypatch, once=lambda: len(server.requests) == 2)  # the first has returned a state
    with pytest.raises(oai.PollTimeoutError, match=f"not done after 60 s; the last status was '{pending}'") as caught:
        play(call(path, arguments, {**options, "deadline": 60}))
    assert len(server.requests) == 2
    assert caught.value.last.status == pending
    assert caught.value.operation == caught.value.last._response.request.operation
    assert isinstance(caught.value, TimeoutError)
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (str(twin), twin.last.status) == (str(caught.value), pending)


UNKNOWN_IS_PENDING = {
    "beta.threads.runs.poll", "vector_stores.file_batches.poll", "files.wait_for_processing", "batches.poll",
    "responses.poll",
}  # fmt: skip
"""Waits that go on at a status they do not know; the others end, as the official SDK's do."""


@pytest.mark.parametrize(
    ("path", "arguments", "options", "make", "url", "last"), WAITS, ids=[each[0] for each in WAITS]
)
def test_unknown_status_is_pending_or_final(
    path: str, arguments: Any, options: Any, make: Any, url: str, last: str, play: Play, server: Loopback
) -> None:
    server.reply(*(Answer(json=make(status)) for status in ("pausing", "reviewing", last)))
    expected = last if path in UNKNOWN_IS_PENDING else "pausing"
    assert play(call(path, arguments, options)).status == expected
    assert len(server.requests) == (3 if path in UNKNOWN_IS_PENDING else 1)


@pytest.mark.parametrize(
    ("path", "arguments", "options", "make", "created", "retrieved"), CREATES, ids=[each[0] for each in CREATES]
)
def test_unknown_status_of_a_created_object_is_pending_or_final(
    path: str, arguments: Any, options: Any, make: Any, created: str, retrieved: str, play: Play, server: Loopback
) -> None:
    server.reply(*(Answer(json=make(status)) for status in ("pausing", "pausing", "completed")))
    goes_on = make in (run, file_batch)
    assert play(call(path, arguments, {**options, **FAST})).status == ("completed" if goes_on else "pausing")
    assert len(server.requests) == (3 if goes_on else 2)


@pytest.mark.parametrize("status", ["requires_action", "completed", "failed", "cancelled", "expired", "incomplete"])
def test_every_final_status_of_a_run_ends_the_wait(status: str, play: Play, server: Loopback) -> None:
    server.reply(*(Answer(json=run(each)) for each in ("queued", "in_progress", "cancelling", status)))
    assert play(call("beta.threads.runs.poll", ("run_1", "thread_1"), FAST)).status == status


@pytest.mark.parametrize(
    ("states", "requests"),
    [
        ([("completed", {"in_progress": 1, "total": 2}), ("completed", {"in_progress": 0, "total": 2})], 2),
        ([("failed", {"in_progress": 3, "total": 3}), ("failed", {"in_progress": 0, "total": 3})], 2),
        ([("in_progress", {"in_progress": 0, "total": 2})], 1),
        ([("new", {"in_progress": 0, "total": 2})], 1),
        ([("in_progress", {"in_progress": 0, "total": 0}), ("completed", {"in_progress": 0, "total": 0})], 2),
        ([("in_progress", None), ("new", None), ("cancelled", None)], 3),
        ([("in_progress", {}), ("completed", {})], 2),
        ([(None, None)], 1),
    ],
)
@pytest.mark.parametrize("path", ["poll", "create_and_poll", "upload_and_poll"])
def test_file_batch_ends_by_its_counts(path: str, states: Any, requests: int, play: Play, server: Loopback) -> None:
    answers = [Answer(json={**file_batch(status), "file_counts": counts}) for status, counts in states]
    if path == "upload_and_poll":
        server.route("POST", "/v1/files", Answer(json={"id": "file-1", "object": "file"}))
    if path != "poll":
        server.route("POST", "/v1/vector_stores/vs_1/file_batches", answers[0])
    server.reply(*answers)
    arguments, options = {
        "poll": (("vsfb_1",), {"vector_store_id": "vs_1"}),
        "create_and_poll": (("vs_1",), {"file_ids": ["file-1"]}),
        "upload_and_poll": (("vs_1",), {"files": [b"x"]}),
    }[path]
    play(call(f"vector_stores.file_batches.{path}", arguments, {**options, **FAST}))
    assert len([request for request in server.requests if request.method == "GET"]) == requests


@pytest.mark.parametrize("interval", [-1, float("nan"), float("inf"), "5"])
def test_invalid_interval_raises_before_any_request(interval: Any, play: Play, server: Loopback) -> None:
    for path, arguments, options in (
        ("videos.poll", ("video_1",), {"poll_interval_ms": interval}),
        ("videos.create_and_poll", (), {"prompt": "a cat", "poll_interval_ms": interval}),
        ("files.wait_for_processing", ("file-1",), {"poll_interval": interval}),
    ):
        with pytest.raises(ValueError, match=r"poll_interval\w* must be a non-negative number"):
            play(call(path, arguments, options))
    assert server.requests == []


def test_hanging_request_does_not_outlast_the_deadline(play: Play, server: Loopback) -> None:
    server.reply(Answer(json=video("queued")), Answer(json=video("queued"), delay=30))
    began = time.monotonic()
    with pytest.raises(oai.PollTimeoutError) as caught:
        play(call("videos.poll", ("video_1",), {**FAST, "deadline": 1}), max_retries=5)
    assert time.monotonic() - began < 10
    assert caught.value.last.status == "queued"
    assert isinstance(caught.value.__cause__, oai.APITimeoutError)


@pytest.mark.parametrize("left", [0, -0.5])
def test_expired_deadline_sends_nothing(left: float, play: Play, server: Loopback) -> None:
    with pytest.raises(oai.PollTimeoutError) as caught:
        play(call("vector_stores.files.poll", ("file-1",), {"vector_store_id": "vs_1", "max_wait_seconds": left}))
    assert caught.value.last is None
    assert server.requests == []


@pytest.mark.parametrize("deadline", [float("-inf"), float("inf"), float("nan"), "5"])
def test_invalid_deadline_raises_before_any_request(deadline: Any, play: Play, server: Loopback) -> None:
    with pytest.raises(ValueError, match="deadline must be a finite number"):
        play(call("videos.create_and_poll", (), {"prompt": "a cat", "deadline": deadline}))
    assert server.requests == []


def test_interval_suggested_by_each_response_is_used(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    hints = ["20", "5000", "soon", "-1", "inf", "1e20", None]
    answers = [Answer(json=video("queued"), headers=[("openai-poll-after-ms", h)] if h else []) for h in hints]
    server.reply(*answers, Answer(json=video("completed")))
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
        client.videos.poll("video_1")
    assert [round(each, 2) for each in slept] == [0.02, 5.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_interval_argument_overrides_the_servers(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    server.reply(
        Answer(json=video("queued"), headers=[("openai-poll-after-ms", "20")]), Answer(json=video("completed"))
    )
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
        client.videos.poll("video_1", poll_interval_ms=70)
    assert [round(each, 2) for each in slept] == [0.07]


def test_batch_poll_interval_grows_up_to_its_limit(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    server.reply(*[Answer(json=batch("in_progress"))] * 40, Answer(json=batch("completed")))
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
        client.batches.poll("batch_1")
    slept = [round(each, 3) for each in slept]
    assert slept == sorted(slept)
    assert (slept[0], slept[-1]) == (1.0, 30.0)


@pytest.mark.parametrize("kind", ["event", "function"])
def test_poll_can_be_cancelled(kind: str, play: Play, server: Loopback) -> None:
    cancel = threading.Event()

    def answer(seen: Seen) -> Answer:
        if len(server.requests) == 2:
            cancel.set()
        return Answer(json=video("queued"))

    server.default = answer
    options = {"poll_interval_ms": 1, "cancel": cancel if kind == "event" else cancel.is_set}
    with pytest.raises(oai.PollCancelledError, match="cancelled; the last status was 'queued'") as caught:
        play(call("videos.poll", ("video_1",), options))
    assert caught.value.last.id == "video_1"
    assert len(server.requests) == 2


def test_cancel_event_ends_a_long_wait_immediately(server: Loopback) -> None:
    cancel = threading.Event()
    server.reply(Answer(json=video("queued")))
    timer = threading.Timer(0.1, cancel.set)
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
        timer.start()
        began = time.monotonic()
        with pytest.raises(oai.PollCancelledError):
            client.videos.poll("video_1", poll_interval_ms=60_000, cancel=cancel)
        assert time.monotonic() - began < 30
    timer.join()


def test_cancelling_the_task_ends_the_poll(server: Loopback) -> None:
    server.default = Answer(json=video("queued"))

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
            task = asyncio.ensure_future(client.videos.poll("video_1", poll_interval_ms=60_000))
            await asyncio.to_thread(server.until, lambda: len(server.requests) == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert len(server.requests) == 1


def test_error_while_polling_notes_the_last_status_and_call(play: Play, server: Loopback) -> None:
    server.reply(Answer(json=video("queued")), Answer.error(500, "oops"))
    with pytest.raises(oai.InternalServerError) as caught:
        play(call("videos.create_and_poll", (), {"prompt": "a cat", **FAST}))
    note = "The last status was 'queued'; retrieve it by client.videos.retrieve(video_id='video_1')"
    assert caught.value.__notes__ == [note]


def test_deprecation_warning_points_at_the_helpers_caller(server: Loopback) -> None:
    table = oai.load_table()  # operations of its own: those of the shared table have warned already
    server.reply(Answer(json=video("completed")))
    with (
        oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", table=table) as client,
        pytest.warns(DeprecationWarning, match=r"videos\.retrieve is deprecated") as caught,
    ):
        client.videos.poll("video_1")
    assert caught[0].filename == __file__


@given(
    statuses=st.lists(st.sampled_from(["queued", "in_progress"]), max_size=6),
    last=st.sampled_from(["completed", "failed", "something new", None]),
)
def test_one_request_per_pending_status_and_one_for_the_final(statuses: list[str], last: str | None) -> None:
    states = chain(({"id": "video_1", "status": each} for each in statuses), repeat({"id": "video_1", "status": last}))
    with Loopback(lambda _: Answer(json=next(states))) as server:

        def scenario(client: Any) -> Any:
            return (yield client.videos.poll("video_1", poll_interval_ms=0))

        with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
            assert run_steps(scenario(client)).status == last
        assert len(server.requests) == len(statuses) + 1
