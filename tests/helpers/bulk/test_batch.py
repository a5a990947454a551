"""The Batch API: queued requests, the result or error of each, and no request sent twice."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_server import chat
from clock import let_a_minute_pass
from planted import KEY

import oai
from oai.helpers.bulk import batch_files
from oai.testing import Answer, Loopback, Seen

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")

Queue = Callable[[Any], Any]


class Api:
    """An in-memory Batch API behind a server. A batch is completed when it is retrieved for the second time."""

    def __init__(self, server: Loopback) -> None:
        self.files: dict[str, bytes] = {}
        self.uploads = 0
        self.batches: dict[str, dict[str, Any]] = {}
        self.creations = 0
        self.retrievals: dict[str, int] = {}
        self.done = True
        self.on_create: Callable[[], Answer | None] = lambda: None
        self.ends: dict[str, Any] = {}
        self.encode: Callable[[bytes], bytes] = lambda content: content
        self.late: set[str] = set()
        server.default = self

    def __call__(self, request: Seen) -> Answer:
        parts = request.path.removeprefix("/v1/").split("/")
        match request.method, parts:
            case "POST", ["files"]:
                (content,) = [part.content for part in request.form() if part.name == "file"]
                return Answer(json=self.file(content))
            case "GET", ["files", name, "content"]:
                if name not in self.files:
                    return Answer.error(404, f"no file {name}")
                return Answer(body=self.encode(self.files[name]), content_type="application/octet-stream")
            case "POST", ["batches"]:
                return self.create(request.json())
            case "GET", ["batches"]:
                return Answer(json={"object": "list", "data": list(self.batches.values())[::-1], "has_more": False})
            case "GET", ["batches", name]:
                if name not in self.batches:
                    return Answer.error(404, f"no batch {name}")
                return Answer(json=self.retrieve(name))
        return Answer.error(404, request.path)

    def file(self, content: bytes) -> dict[str, Any]:
        name = f"file-{self.uploads}"
        self.uploads += 1
        self.files[name] = content
        return {"id": name, "object": "file", "status": "processed"}

    def create(self, params: dict[str, Any]) -> Answer:
        name = f"batch_{self.creations}"
        self.creations += 1
        self.batches[name] = {
            "id": name, "object": "batch", "status": "validating", "created_at": int(time.time()), **params,
        }  # fmt: skip
        return self.on_create() or Answer(json=self.batches[name])

    def retrieve(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        self.retrievals[name] = self.retrievals.get(name, 0) + 1
        if self.done and self.retrievals[name] > 1 and batch["status"] == "validating":
            self.end(batch)
        return batch

    def end(self, batch: dict[str, Any]) -> None:
        good, bad = [], []
        for line in self.files[batch["input_file_id"]].splitlines():
            request = json.loads(line)
            outcome = self.answer(request)
            (bad if outcome.get("error") or outcome["response"]["status_code"] >= 400 else good).append(
                {"id": "x", "custom_id": request["custom_id"], "response": None, "error": None, **outcome}
            )
        good.reverse()  # the API does not keep the order
        for name, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[name] = self.file("".join(json.dumps(line) + "\n" for line in lines).encode())["id"]
        batch |= {"status": "completed", **self.ends}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        body = request["body"]
        if request["url"] == "/v1/embeddings":
            assert body["encoding_format"] == "base64"
            data = [{"object": "embedding", "index": 0, "embedding": "AACAPw=="}]
            result: Any = {
                "object": "list",
                "model": "m",
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
                "data": data,
            }
        else:
            text = body["messages"][0]["content"]
            if text == "late" or text in self.late:
                return {"error": {"code": "batch_expired", "message": "it was not done in time"}}
            if text.startswith("{"):
                return {"error": json.loads(text)["error"]}
            if text == "bad":
                error = {
                    "error": {"message": "bad text", "code": "bad", "param": None, "type": "invalid_request_error"}
                }
                return {"response": {"status_code": 400, "request_id": "req_2", "body": error}}
            result = chat(f"re: {text}")
        return {"response": {"status_code": 200, "request_id": "req_1", "body": result}}

    @property
    def texts(self) -> list[str]:
        """The texts of all requests in all batches, with repetitions."""
        lines = [line for batch in self.batches.values() for line in self.files[batch["input_file_id"]].splitlines()]
        return [json.loads(line)["body"]["messages"][0]["content"] for line in lines]


@pytest.fixture
def api(server: Loopback) -> Api:
    return Api(server)


def ask(batch: Any, text: str, model: str = "m") -> Any:
    return batch.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, server: Loopback) -> Callable[..., Any]:
    """Run a function with the batch of a client, sync and async, and return what it returned."""

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


def test_methods_queue_requests_and_leaving_the_block_settles_them(run: Any, api: Api, server: Loopback) -> None:
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


def test_each_endpoint_and_model_gets_its_own_batch(run: Any, api: Api) -> None:
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
def test_requests_beyond_the_limits_are_split_into_several_batches(
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


def test_unbatchable_calls_raise_immediately(
    run: Any, api: Api, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    def queue(batch: Any) -> None:
        messages = [{"role": "user", "content": "a"}]
        with pytest.raises(oai.OpenAIError, match=r"models\.list cannot be in a batch, which takes /v1/responses, "):
            batch.models.list()
        with pytest.raises(oai.OpenAIError, match="takes no stream"):
            batch.chat.completions.create(model="m", messages=messages, stream=True)
        with pytest.raises(oai.OpenAIError, match="extra_headers"):
            batch.chat.completions.create(model="m", messages=messages, extra_headers={"a": "b"})
        with pytest.raises(oai.OpenAIError, match="create_and_poll cannot be in a batch: it is a helper"):
            batch.videos.create_and_poll(prompt="a")
        with pytest.raises(oai.OpenAIError, match="no files"):
            batch.images.edit(image=b"x", prompt="a")
        with pytest.raises(TypeError, match="unexpected keyword argument 'modle'"):
            batch.chat.completions.create(modle="m", messages=messages)
        monkeypatch.setattr(batch_files, "MOST_BYTES", 50)
        with pytest.raises(oai.OpenAIError, match=r"a request of \d+ bytes .* larger than a batch may be"):
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
def test_error_of_a_line_may_have_any_shape(run: Any, api: Api, error: Any, message: str, code: str | None) -> None:
    later = run(lambda batch: ask(batch, json.dumps({"error": error})))
    with pytest.raises(oai.APIError, match=message) as caught:
        later.result()
    assert (type(caught.value), caught.value.code) == (oai.APIError, code)
    assert api.texts == [json.dumps({"error": error})]


def test_block_that_raises_sends_nothing(run: Any, server: Loopback) -> None:
    def queue(batch: Any) -> None:
        ask(batch, "a")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(queue)
    assert server.requests == []


def test_failed_batch_sets_its_reason_on_every_request(run: Any, api: Api) -> None:
    errors = {"object": "list", "data": [{"code": "invalid", "message": "line 1 is wrong", "line": 1, "param": None}]}
    api.end = lambda batch: batch.update(status="failed", errors=errors)  # type: ignore[method-assign]
    made = run(lambda batch: [ask(batch, "a"), ask(batch, "b")])
    for each in made:
        with pytest.raises(oai.APIError, match="ended as 'failed' without a response: line 1 is wrong") as caught:
            each.result()
        assert caught.value.code == "invalid"


def test_block_can_be_repeated_after_its_deadline(
    run: Any, api: Api, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "batch.json"
    api.done = False
    queue = lambda batch: [ask(batch, "a"), ask(batch, "b")]  # noqa: E731
    polls = lambda: [seen for seen in server.requests if seen.path == "/v1/batches/batch_0"]  # noqa: E731
    let_a_minute_pass(monkeypatch, once=lambda: not api.done and len(polls()) == 2)
    with pytest.raises(oai.PollTimeoutError) as caught:
        run(queue, journal=journal, deadline=60)
    assert caught.value.last.id == "batch_0"
    api.done = True
    made = run(queue, journal=journal)
    assert [each.result().choices[0].message.content for each in made] == ["re: a", "re: b"]
    assert api.texts == ["a", "b"]
    run(queue, journal=journal)
    assert api.texts == ["a", "b"]
    run(lambda batch: ask(batch, "c"), journal=journal)
    assert api.texts == ["a", "b", "c"]


@pytest.mark.parametrize("lost", [Answer(reset="before"), Answer.error(500, "oops")])
def test_batch_with_lost_creation_response_is_not_created_twice(
    lost: Answer, run: Any, api: Api, server: Loopback
) -> None:
    answers = iter([lost])
    api.on_create = lambda: next(answers, None)
    made = run(lambda batch: ask(batch, "a"), {"max_retries": 2})
    assert made.result().choices[0].message.content == "re: a"
    assert len(api.batches) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_batch_creation_is_retried_if_none_was_created(status: int, run: Any, api: Api) -> None:
    def fail() -> Answer | None:
        api.on_create = lambda: None
        api.batches.clear()
        return Answer.error(status, "busy", headers=[("retry-after-ms", "1")])

    api.on_create = fail
    assert run(lambda batch: ask(batch, "a"), {"max_retries": 1}).result() is not None
    assert len(api.batches) == 1


@pytest.mark.parametrize(("status", "code"), [(400, None), (429, "insufficient_quota")])
def test_permanently_refused_batch_is_not_retried(
    status: int, code: str | None, run: Any, api: Api, server: Loopback
) -> None:
    api.on_create = lambda: Answer.error(status, "no", code)
    with pytest.raises(oai.APIStatusError, match="no"):
        run(lambda batch: ask(batch, "a"), {"max_retries": 2})
    assert [seen.path for seen in server.requests] == ["/v1/files", "/v1/batches"]


def test_foreign_file_is_refused_as_batch_journal(run: Any, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    journal.write_text("hello")
    with pytest.raises(ValueError, match="is not the journal of a batch"):
        run(lambda batch: None, journal=journal)


def test_batch_of_an_async_client_needs_async_with() -> None:
    with pytest.raises(TypeError, match="async with"), oai.AsyncOpenAI(api_key=KEY).batch():
        pass


# -- nothing leaves the block but through the batch


def by_raw_response(batch: Any) -> Any:
    return batch.chat.completions.with_raw_response.create(model="m", messages=[])


def by_raw_client(batch: Any) -> Any:
    return batch.with_raw_response.chat.completions.create(model="m", messages=[])


def by_streaming_response(batch: Any) -> Any:
    return batch.chat.completions.with_streaming_response.create(model="m", messages=[])


def by_both_views(batch: Any) -> Any:
    return batch.with_raw_response.with_streaming_response.chat.completions.create(model="m", messages=[])


def by_options(batch: Any) -> Any:
    return batch.with_options(timeout=3).chat.completions.create(model="m", messages=[])


def by_copy(batch: Any) -> Any:
    return batch.copy().chat.completions.create(model="m", messages=[])


def by_copied_namespace(batch: Any) -> Any:
    return copy.deepcopy(batch.chat).completions.create(model="m", messages=[])


def by_copied_client(batch: Any) -> Any:
    return copy.copy(batch.chat._client).chat.completions.create(model="m", messages=[])


def by_pickled_method(batch: Any) -> Any:
    return pickle.loads(pickle.dumps(batch.chat.completions.create))(model="m", messages=[])


def by_raw_helper(batch: Any) -> Any:
    return batch.with_raw_response.videos.create_and_poll(prompt="a")


def by_raw_options(batch: Any) -> Any:
    return batch.with_raw_response.with_options(timeout=3).chat.completions.create(model="m", messages=[])


def by_helper(batch: Any) -> Any:
    return batch.videos.create_and_poll(prompt="a")


def by_nested_batch(batch: Any) -> Any:
    with batch.batch() as nested:
        nested.chat.completions.create(model="m", messages=[])


def by_undeclared_request(batch: Any) -> Any:
    return batch.post("/chat/completions", body={"model": "m", "messages": []}, query={"a": "b"})


def by_helper_stream(batch: Any) -> Any:
    return batch.chat.completions.stream(model="m", messages=[])


def by_websocket(batch: Any) -> Any:
    return batch.realtime.connect(model="m")


WAYS_OUT = {
    by_raw_response: "with_raw_response cannot be in a batch",
    by_raw_client: "with_raw_response cannot be in a batch",
    by_raw_options: "with_raw_response cannot be in a batch",
    by_streaming_response: "with_streaming_response cannot be in a batch",
    by_both_views: "with_raw_response cannot be in a batch",
    by_raw_helper: "with_raw_response cannot be in a batch",
    by_options: "a batch cannot be copied or have options of its own",
    by_copy: "a batch cannot be copied or have options of its own",
    by_copied_namespace: "a batch cannot be copied",
    by_copied_client: "a batch cannot be copied",
    by_pickled_method: "a batch cannot be copied",
    by_helper: "create_and_poll cannot be in a batch: it is a helper",
    by_undeclared_request: "takes no stream, extra_headers or query",
    by_helper_stream: "takes no stream, extra_headers or query",
    by_websocket: r"realtime\.connect cannot be in a batch: it opens a WebSocket",
    by_nested_batch: "cannot be in a batch",
}


@pytest.mark.parametrize("way", WAYS_OUT, ids=lambda way: way.__name__)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_no_call_leaves_the_block_at_once(way: Callable[[Any], Any], is_async: bool, server: Loopback) -> None:
    server.default = Answer(json=chat("sent at once"))
    options = {"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0}

    async def leave() -> None:
        async with oai.AsyncOpenAI(**options) as client, client.batch() as batch:
            with pytest.raises(oai.OpenAIError, match=WAYS_OUT[way]), way(batch):
                pass

    if is_async:
        asyncio.run(leave())
    else:
        with (
            oai.OpenAI(**options) as client,
            client.batch() as batch,
            pytest.raises(oai.OpenAIError, match=WAYS_OUT[way]),
            way(batch),
        ):
            pass
    assert server.requests == []


def test_undeclared_request_for_a_batch_endpoint_is_queued(run: Any, api: Api) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
    later = run(lambda batch: batch.post("/chat/completions", body=body))
    assert later.result().choices[0]["message"]["content"] == "re: a"


# -- resuming a batch that did not answer everything


def outcomes(laters: list[Any]) -> list[Any]:
    errors = [later.exception() for later in laters]
    return [
        later.result().choices[0].message.content if error is None else str(error)
        for later, error in zip(laters, errors, strict=True)
    ]


def queue_abc(batch: Any) -> list[Any]:
    return [ask(batch, text) for text in "abc"]


RE_ABC = ["re: a", "re: b", "re: c"]


def test_failed_batch_is_sent_again_when_resumed(run: Any, api: Api, tmp_path: Path) -> None:
    journal, end = tmp_path / "j", api.end
    errors = {"object": "list", "data": [{"code": "limit", "message": "too many enqueued", "line": 1, "param": None}]}
    api.end = lambda batch: batch.update(status="failed", errors=errors)  # type: ignore[method-assign]
    for _ in range(2):  # a new attempt for each run, and no more than one
        for text in outcomes(run(queue_abc, journal=journal)):
            assert "ended as 'failed' without a response: too many enqueued" in text
            assert f"repeat the block to send the request again; delete {journal} to start over" in text
    assert len(api.batches) == 2
    api.end = end  # type: ignore[method-assign]
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert api.texts == [*"abc"] * 3
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert len(api.batches) == 3


def test_requests_that_an_expired_batch_did_not_answer_are_sent_again(run: Any, api: Api, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    api.late, api.ends = {"b", "c"}, {"status": "expired"}
    assert outcomes(run(queue_abc, journal=journal)) == ["re: a", *["it was not done in time"] * 2]
    api.late = {"c"}
    assert outcomes(run(queue_abc, journal=journal)) == ["re: a", "re: b", "it was not done in time"]
    api.late, api.ends = set(), {}
    for _ in range(2):
        assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert api.texts == [*"abc", *"bc", "c"]


def test_cancelled_batch_and_missing_rows_are_sent_again(run: Any, api: Api, tmp_path: Path) -> None:
    journal, end = tmp_path / "j", api.end

    def cancel(batch: dict[str, Any]) -> None:
        end(batch)
        content = api.files[batch["output_file_id"]]
        api.files[batch["output_file_id"]] = content.splitlines(keepends=True)[0] + b'{"custom_id": "request-0", "resp'
        batch["status"] = "cancelled"

    api.end = cancel  # type: ignore[method-assign]
    assert ["without a response" in text for text in outcomes(run(queue_abc, journal=journal))] == [True, True, False]
    api.end = end  # type: ignore[method-assign]
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert api.texts == [*"abc", *"ab"]


def test_batch_that_is_gone_is_sent_again(run: Any, api: Api, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    api.batches.clear()
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert len(api.batches) == 1


@pytest.mark.parametrize("also_batch", [False, True], ids=["file", "file and batch"])
def test_requests_whose_answers_are_gone_are_sent_again(also_batch: bool, run: Any, api: Api, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    api.late = {"c"}
    run(queue_abc, journal=journal)
    api.late = set()
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC  # of two batches
    del api.files[api.batches["batch_0"]["output_file_id"]]
    if also_batch:
        del api.batches["batch_0"]
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert api.texts[-2:] == ["a", "b"]


def test_final_errors_are_not_sent_again_and_transient_ones_are(run: Any, api: Api, tmp_path: Path) -> None:
    journal, answer = tmp_path / "j", api.answer
    statuses = {"a": 400, "b": 429, "c": 500}

    def refuse(request: dict[str, Any]) -> dict[str, Any]:
        status = statuses.get(request["body"]["messages"][0]["content"], 200)
        response = {"status_code": status, "request_id": "r", "body": {"error": {"message": f"status {status}"}}}
        return answer(request) if status == 200 else {"response": response}

    api.answer = refuse  # type: ignore[method-assign]
    run(queue_abc, journal=journal)
    statuses = {"a": 400}
    laters = run(queue_abc, journal=journal)
    assert type(laters[0].exception()) is oai.BadRequestError
    assert outcomes(laters)[1:] == ["re: b", "re: c"]
    assert api.texts == [*"abc", *"bc"]


def test_uploaded_file_that_is_gone_is_uploaded_again(run: Any, api: Api, tmp_path: Path) -> None:
    journal, on_create = tmp_path / "j", api.on_create

    def refuse() -> Answer:
        api.batches.clear()
        return Answer.error(400, "no such file")

    api.on_create = refuse
    with pytest.raises(oai.BadRequestError, match="no such file") as caught:
        run(queue_abc, journal=journal)
    assert caught.value.__notes__ == [f"The journal {journal} has the batch to resume; delete it to start over."]
    responses = iter([refuse])

    def refuse_once() -> Answer | None:
        return next(responses, on_create)()

    api.on_create = refuse_once
    assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
    assert len(api.batches) == 1


def test_error_of_the_server_names_the_journal_to_delete(run: Any, api: Api, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    run(queue_abc, journal=journal)
    server.default = Answer.error(403, "another project")
    with pytest.raises(oai.PermissionDeniedError) as caught:
        run(queue_abc, journal=journal)
    assert str(journal) in caught.value.__notes__[0]


# -- what servers write into output files


def test_output_may_begin_with_a_byte_order_mark(run: Any, api: Api) -> None:
    api.encode = lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
    assert outcomes(run(queue_abc)) == RE_ABC


@pytest.mark.parametrize("status", ["200", 200.0, None, 0, "OK", "absent"])
def test_response_with_an_odd_status_code_is_read(status: Any, run: Any, api: Api) -> None:
    answer = api.answer

    def odd(request: dict[str, Any]) -> dict[str, Any]:
        response = {**answer(request)["response"], "status_code": status}
        if status == "absent":
            del response["status_code"]
        return {"response": response}

    api.end = with_answers(api, odd)  # type: ignore[method-assign]
    assert outcomes(run(queue_abc)) == RE_ABC


@pytest.mark.parametrize(
    ("outcome", "kind", "message"),
    [
        ({"response": {"status_code": 0, "body": None}, "error": {"message": "lost"}}, oai.APIError, "lost"),
        ({"response": {"status_code": 0, "body": {}}, "error": {"message": "lost"}}, oai.APIError, "lost"),
        ({"response": {}, "error": {"message": "lost"}}, oai.APIError, "lost"),
        ({"response": {}}, oai.APIError, "neither a response nor a reason"),
        ({"response": None, "error": None}, oai.APIError, "neither a response nor a reason"),
        ({"response": {"status_code": "404", "body": {"error": {"message": "gone"}}}}, oai.NotFoundError, "gone"),
        ({"response": {"status_code": 200, "body": None}, "error": "lost"}, oai.APIError, "lost"),
        ({"response": {"status_code": 1e400, "body": None}, "error": "lost"}, oai.APIError, "without a response"),
    ],
)
def test_line_without_a_result_is_an_error(outcome: Any, kind: type, message: str, run: Any, api: Api) -> None:
    api.end = with_answers(api, lambda _: outcome)  # type: ignore[method-assign]
    error = run(lambda batch: ask(batch, "a")).exception()
    assert type(error) is kind
    assert message in str(error)


def with_answers(api: Api, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], None]:
    """Complete batches by writing what a function returns for each request into the output file."""

    def end(batch: dict[str, Any]) -> None:
        requests = [json.loads(line) for line in api.files[batch["input_file_id"]].splitlines()]
        lines = [json.dumps({"custom_id": each["custom_id"], **answer(each)}) for each in requests]
        batch["output_file_id"] = api.file("\n".join(lines).encode())["id"]
        batch["status"] = "completed"

    return end


@pytest.mark.parametrize("name", ["output_file_id", "error_file_id"])
def test_file_that_is_gone_leaves_its_requests_unanswered(name: str, run: Any, api: Api) -> None:
    end = api.end

    def lose(batch: dict[str, Any]) -> None:
        end(batch)
        del api.files[batch[name]]

    api.end = lose  # type: ignore[method-assign]
    a, bad = run(lambda batch: [ask(batch, "a"), ask(batch, "bad")])
    lost, kept = (a, bad) if name == "output_file_id" else (bad, a)
    assert "without a response: the server no longer has its file file-" in str(lost.exception())
    assert "without a response" not in str(kept.exception())


# -- one journal


def test_journal_is_held_by_one_block_at_a_time(run: Any, api: Api, server: Loopback, tmp_path: Path) -> None:
    journal = tmp_path / "j"

    def queue(batch: Any) -> Any:
        later = ask(batch, "a")
        with (
            pytest.raises(BlockingIOError, match="in use by another process or call"),
            oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client,
            client.batch(journal=journal) as other,
        ):
            ask(other, "a")
        holder = subprocess.run(
            [sys.executable, "-c", SCRIPT, f"{server.url}/v1", str(journal)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "BlockingIOError" in holder.stderr
        return later

    assert run(queue, journal=journal).result().choices[0].message.content == "re: a"
    assert api.texts == ["a"]
    run(lambda batch: ask(batch, "a"), journal=journal)
    assert api.texts == ["a"]


def test_incomplete_last_line_of_a_batch_journal_is_dropped(run: Any, api: Api, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    run(queue_abc, journal=journal)
    content = journal.read_bytes()
    for cut in (1, 30):  # then the journal knows the uploaded file alone, and the batch is found by it
        journal.write_bytes(content[:-cut])
        assert outcomes(run(queue_abc, journal=journal)) == RE_ABC
        assert journal.read_bytes() == content
    assert len(api.batches) == 1


SCRIPT = """
import sys, oai
base, journal = sys.argv[1:]
client = oai.OpenAI(api_key="k", base_url=base)
with client.batch(journal=journal, poll_interval_ms=1) as batch:
    made = [batch.chat.completions.create(model="m", messages=[{"role": "user", "content": str(n)}]) for n in range(5)]
print([each.result().choices[0].message.content for each in made])
"""


@pytest.mark.parametrize("moment", ["/v1/files", "/v1/batches", "/v1/batches/batch_0", "/v1/files/file-1/content"])
def test_killed_batch_resumes_without_sending_a_request_twice(
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
        first.wait(timeout=120)
    assert killed
    assert first.returncode != 0
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert ended.stdout.strip() == str([f"re: {n}" for n in range(5)])
    assert api.texts == [str(n) for n in range(5)]
    assert len(api.batches) == 1
