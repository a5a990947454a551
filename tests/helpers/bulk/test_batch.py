"""The Batch API as a transport: queued requests, results and errors by request, and no request twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_server import chat
from planted import KEY

import oai
from oai.helpers.bulk import batch_files
from oai.testing import Answer, Loopback, Seen

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")

Queue = Callable[[Any], Any]


class Api:
    """Files and batches as the API has them, behind a server. A batch is done at its second look."""

    def __init__(self, server: Loopback) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.done = True
        self.on_create: Callable[[], Answer | None] = lambda: None
        self.ends: dict[str, Any] = {}
        server.default = self

    def __call__(self, seen: Seen) -> Answer:
        parts = seen.path.removeprefix("/v1/").split("/")
        match seen.method, parts:
            case "POST", ["files"]:
                (content,) = [part.content for part in seen.form() if part.name == "file"]
                return Answer(json=self.file(content))
            case "GET", ["files", name, "content"]:
                return Answer(body=self.files[name], content_type="application/octet-stream")
            case "POST", ["batches"]:
                return self.create(seen.json())
            case "GET", ["batches"]:
                return Answer(json={"object": "list", "data": list(self.batches.values())[::-1], "has_more": False})
            case "GET", ["batches", name]:
                return Answer(json=self.look(name))
        return Answer.error(404, seen.path)

    def file(self, content: bytes) -> dict[str, Any]:
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return {"id": name, "object": "file", "status": "processed"}

    def create(self, asked: dict[str, Any]) -> Answer:
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {
            "id": name, "object": "batch", "status": "validating", "created_at": int(time.time()), **asked,
        }  # fmt: skip
        return self.on_create() or Answer(json=self.batches[name])

    def look(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        self.looks[name] = self.looks.get(name, 0) + 1
        if self.done and self.looks[name] > 1:
            self.end(batch)
        return batch

    def end(self, batch: dict[str, Any]) -> None:
        good, bad = [], []
        for line in self.files[batch["input_file_id"]].splitlines():
            asked = json.loads(line)
            outcome = self.answer(asked)
            (bad if outcome.get("error") or outcome["response"]["status_code"] >= 400 else good).append(
                {"id": "x", "custom_id": asked["custom_id"], "response": None, "error": None, **outcome}
            )
        good.reverse()  # the API keeps no order
        for name, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[name] = self.file("".join(json.dumps(line) + "\n" for line in lines).encode())["id"]
        batch |= {"status": "completed", **self.ends}

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        body = asked["body"]
        if asked["url"] == "/v1/embeddings":
            assert body["encoding_format"] == "base64"
            data = [{"object": "embedding", "index": 0, "embedding": "AACAPw=="}]
            made: Any = {"object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}, "data": data}
        else:
            text = body["messages"][0]["content"]
            if text == "late":
                return {"error": {"code": "batch_expired", "message": "it was not done in time"}}
            if text.startswith("{"):
                return {"error": json.loads(text)["error"]}
            if text == "bad":
                error = {
                    "error": {"message": "bad text", "code": "bad", "param": None, "type": "invalid_request_error"}
                }
                return {"response": {"status_code": 400, "request_id": "req_2", "body": error}}
            made = chat(f"re: {text}")
        return {"response": {"status_code": 200, "request_id": "req_1", "body": made}}

    @property
    def asked(self) -> list[str]:
        """The texts of all requests in all batches, however often."""
        lines = [line for each in self.batches.values() for line in self.files[each["input_file_id"]].splitlines()]
        return [json.loads(line)["body"]["messages"][0]["content"] for line in lines]


@pytest.fixture
def api(server: Loopback) -> Api:
    return Api(server)


def ask(batch: Any, text: str, model: str = "m") -> Any:
    return batch.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, server: Loopback) -> Callable[..., Any]:
    """Queue in a batch of a client, sync and async, and return what was queued."""

    def run(queue: Queue, client_options: dict[str, Any] | None = None, **options: Any) -> Any:
        base = {"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0, **(client_options or {})}
        options = {"poll_interval_ms": 1, **options}
        if request.param == "sync":
            with oai.OpenAI(**base) as client, client.batch(**options) as batch:
                return queue(batch)

        async def main() -> Any:
            async with oai.AsyncOpenAI(**base) as client, client.batch(**options) as batch:
                return queue(batch)

        return asyncio.run(main())

    return run


def test_methods_queue_and_results_are_there_when_the_block_is_left(run: Any, api: Api, server: Loopback) -> None:
    def queue(batch: Any) -> Any:
        made = [ask(batch, text) for text in ("a", "bad", "b", "late")]
        assert server.requests == []
        assert repr(batch) == "<Batch of 4 requests>"
        with pytest.raises(oai.OpenAIError, match="the batch has not ended"):
            made[0].result()
        return batch, made

    batch, (a, bad, b, late) = run(queue, metadata={"team": "blue"})
    assert (a.result().choices[0].message.content, b.result().choices[0].message.content) == ("re: a", "re: b")
    assert a.result()._request_id == "req_1"
    assert isinstance(a.result(), oai.types.chat.ChatCompletion)
    with pytest.raises(oai.BadRequestError, match="bad text") as caught:
        bad.result()
    assert (caught.value.code, caught.value.request_id) == ("bad", "req_2")
    assert caught.value.operation == "chat.completions.create"
    error = late.exception()
    assert (type(error), error.code, str(error)) == (oai.APIError, "batch_expired", "it was not done in time")
    assert [each.status for each in batch.batches] == ["completed"]
    (created,) = api.batches.values()
    assert created["endpoint"] == "/v1/chat/completions"
    assert (created["completion_window"], created["metadata"]) == ("24h", {"team": "blue"})
    first = json.loads(api.files["file-0"].splitlines()[0])
    assert first == {
        "custom_id": "request-0",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": "a"}]},
    }
    with pytest.raises(oai.OpenAIError, match="has been sent"):
        ask(batch, "too late")


def test_each_endpoint_and_model_has_a_batch_of_its_own(run: Any, api: Api) -> None:
    def queue(batch: Any) -> Any:
        made = [ask(batch, "a", "m1"), ask(batch, "b", "m2"), ask(batch, "c", "m1")]
        return made, batch.embeddings.create(model="m1", input="x")

    made, vector = run(queue)
    assert [each.result().choices[0].message.content for each in made] == ["re: a", "re: b", "re: c"]
    assert list(vector.result().data[0].embedding) == [1.0]
    assert sorted(each["endpoint"] for each in api.batches.values()) == [
        "/v1/chat/completions", "/v1/chat/completions", "/v1/embeddings",
    ]  # fmt: skip


@pytest.mark.parametrize(("limit", "value"), [("MOST_REQUESTS", 2), ("MOST_BYTES", 330)])
def test_what_is_more_than_a_batch_takes_is_split(
    limit: str, value: int, run: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_files, limit, value)
    made = run(lambda batch: [ask(batch, text) for text in "abcde"])
    assert [each.result().choices[0].message.content for each in made] == [f"re: {text}" for text in "abcde"]
    assert len(api.batches) == 3


def test_embeddings_are_split_by_their_inputs(run: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_files, "MOST_INPUTS", 3)
    run(lambda batch: [batch.embeddings.create(model="m", input=each) for each in ([1, 2, 3, 4], ["a", "b"], "c", "d")])
    assert len(api.batches) == 2


def test_what_cannot_be_in_a_batch_is_named_at_once(
    run: Any, api: Api, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    def queue(batch: Any) -> None:
        messages = [{"role": "user", "content": "a"}]
        with pytest.raises(oai.OpenAIError, match=r"models\.list cannot be in a batch, which takes /v1/responses, "):
            batch.models.list()
        with pytest.raises(oai.OpenAIError, match="no stream"):
            batch.chat.completions.create(model="m", messages=messages, stream=True)
        with pytest.raises(oai.OpenAIError, match="no headers"):
            batch.chat.completions.create(model="m", messages=messages, extra_headers={"a": "b"})
        with pytest.raises(oai.OpenAIError, match="a helper over several"):
            batch.videos.create_and_poll(prompt="a")
        with pytest.raises(oai.OpenAIError, match="no files"):
            batch.images.edit(image=b"x", prompt="a")
        with pytest.raises(TypeError, match="unexpected keyword argument 'modle'"):
            batch.chat.completions.create(modle="m", messages=messages)
        monkeypatch.setattr(batch_files, "MOST_BYTES", 50)
        with pytest.raises(oai.OpenAIError, match=r"a request of \d+ bytes .* more than a batch takes"):
            ask(batch, "a")

    run(queue)
    assert server.requests == []


@pytest.mark.parametrize(
    ("error", "message", "code"),
    [
        ({"code": 503, "message": "too busy"}, "too busy", "503"),
        ({"code": "expired"}, "expired", "expired"),
        ("too busy", "too busy", None),
    ],
)
def test_why_a_line_has_no_answer_may_be_said_in_any_way(
    run: Any, api: Api, error: Any, message: str, code: str | None
) -> None:
    later = run(lambda batch: ask(batch, json.dumps({"error": error})))
    with pytest.raises(oai.APIError, match=message) as caught:
        later.result()
    assert (type(caught.value), caught.value.code) == (oai.APIError, code)
    assert api.asked == [json.dumps({"error": error})]


def test_a_block_that_fails_sends_nothing(run: Any, server: Loopback) -> None:
    def queue(batch: Any) -> None:
        ask(batch, "a")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(queue)
    assert server.requests == []


def test_a_batch_that_fails_says_why_to_everyone_who_waits(run: Any, api: Api) -> None:
    errors = {"object": "list", "data": [{"code": "invalid", "message": "line 1 is wrong", "line": 1, "param": None}]}
    api.end = lambda batch: batch.update(status="failed", errors=errors)  # type: ignore[method-assign]
    made = run(lambda batch: [ask(batch, "a"), ask(batch, "b")])
    for each in made:
        with pytest.raises(oai.APIError, match="ended as 'failed' without an answer: line 1 is wrong") as caught:
            each.result()
        assert caught.value.code == "invalid"


def test_at_the_deadline_the_same_block_can_be_run_again(run: Any, api: Api, tmp_path: Path) -> None:
    journal = tmp_path / "batch.json"
    api.done = False
    queue = lambda batch: [ask(batch, "a"), ask(batch, "b")]  # noqa: E731
    with pytest.raises(oai.PollTimeoutError) as caught:
        run(queue, journal=journal, deadline=0.5)
    assert caught.value.last.id == "batch_0"
    api.done = True
    made = run(queue, journal=journal)
    assert [each.result().choices[0].message.content for each in made] == ["re: a", "re: b"]
    assert api.asked == ["a", "b"]
    run(queue, journal=journal)
    assert api.asked == ["a", "b"]
    run(lambda batch: ask(batch, "c"), journal=journal)
    assert api.asked == ["a", "b", "c"]


@pytest.mark.parametrize("lost", [Answer(reset="before"), Answer.error(500, "oops")])
def test_a_batch_whose_creation_was_not_answered_is_not_created_again(
    lost: Answer, run: Any, api: Api, server: Loopback
) -> None:
    answers = iter([lost])
    api.on_create = lambda: next(answers, None)
    made = run(lambda batch: ask(batch, "a"), {"max_retries": 2})
    assert made.result().choices[0].message.content == "re: a"
    assert len(api.batches) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_batch_that_was_not_created_is_created_by_another_attempt(status: int, run: Any, api: Api) -> None:
    def fail() -> Answer | None:
        api.on_create = lambda: None
        api.batches.clear()
        return Answer.error(status, "busy", headers=[("retry-after-ms", "1")])

    api.on_create = fail
    assert run(lambda batch: ask(batch, "a"), {"max_retries": 1}).result() is not None
    assert len(api.batches) == 1


@pytest.mark.parametrize(("status", "code"), [(400, None), (429, "insufficient_quota")])
def test_a_batch_that_is_refused_for_good_is_not_asked_for_again(
    status: int, code: str | None, run: Any, api: Api, server: Loopback
) -> None:
    api.on_create = lambda: Answer.error(status, "no", code)
    with pytest.raises(oai.APIStatusError, match="no"):
        run(lambda batch: ask(batch, "a"), {"max_retries": 2})
    assert [seen.path for seen in server.requests] == ["/v1/files", "/v1/batches"]


def test_a_journal_of_something_else_is_named(run: Any, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    journal.write_text("hello")
    with pytest.raises(ValueError, match="is not the journal of a batch"):
        run(lambda batch: None, journal=journal)


def test_a_batch_of_the_wrong_client_is_named() -> None:
    with pytest.raises(TypeError, match="async with"), oai.AsyncOpenAI(api_key=KEY).batch():
        pass


SCRIPT = """
import sys, oai
base, journal = sys.argv[1:]
client = oai.OpenAI(api_key="k", base_url=base)
with client.batch(journal=journal, poll_interval_ms=1) as batch:
    made = [batch.chat.completions.create(model="m", messages=[{"role": "user", "content": str(n)}]) for n in range(5)]
print([each.result().choices[0].message.content for each in made])
"""


@pytest.mark.parametrize("moment", ["/v1/files", "/v1/batches", "/v1/batches/batch_0", "/v1/files/file-1/content"])
def test_a_batch_killed_half_way_goes_on_and_sends_no_request_twice(
    moment: str, api: Api, server: Loopback, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SCRIPT, f"{server.url}/v1", str(tmp_path / "batch.json")]
    processes: list[subprocess.Popen[str]] = []
    killed = False

    def answer(seen: Seen) -> Answer:
        nonlocal killed
        made = api(seen)
        if seen.path == moment and not killed:
            killed = True
            processes[0].kill()  # the server has done what was asked, and the client never hears of it
            processes[0].wait()
        return made

    server.default = answer
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        processes.append(first)
        first.wait(timeout=60)
    assert killed
    assert first.returncode != 0
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == str([f"re: {n}" for n in range(5)])
    assert api.asked == [str(n) for n in range(5)]
    assert len(api.batches) == 1
