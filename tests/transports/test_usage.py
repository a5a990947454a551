"""Usage: tokens, costs and budgets of calls over real sockets, by operation, model and tag, streams included."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from both import Way
from metered import CHUNKS, COMPLETION, MESSAGES

import oai
from oai.testing import Answer, Loopback
from oai.transports import (
    AsyncHTTPTransport,
    Budget,
    BudgetExceededError,
    Fail,
    FailingTransport,
    HTTPTransport,
    Limiter,
    OfflineTransport,
    Recorder,
    Usage,
)

PRICES = {"currency": "EUR", "models": {"m": {"input": 1.0, "cached_input": 0.5, "output": 10.0, "request": 0.25}}}
COST = 0.25 + (3 * 1.0 + 2 * 0.5 + 7 * 10.0) / 1_000_000
FIELDS = ("operation", "model", "tag", "requests", "input_tokens", "cached_tokens", "output_tokens")


def over(way: Way, **options: Any) -> Usage:
    way.options["transport"] = usage = Usage((AsyncHTTPTransport if way.is_async else HTTPTransport)(), **options)
    return usage


def call(way: Way, **params: Any) -> Any:
    return way.call("chat.completions.create", **{"model": "m", "messages": MESSAGES, **params})


def fields(usage: Usage) -> list[tuple[Any, ...]]:
    return [tuple(getattr(row, name) for name in FIELDS) for row in usage.rows()]


def test_tokens_and_costs_of_calls_are_counted(way: Way, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    usage = over(way, prices=PRICES)
    call(way)
    with usage.tag("nightly"):
        call(way)
        call(way)
    call(way, extra_headers={"X-Oai-Tag": "one"})
    assert fields(usage) == [
        ("chat.completions.create", "m", "", 1, 5, 2, 7),
        ("chat.completions.create", "m", "nightly", 2, 10, 4, 14),
        ("chat.completions.create", "m", "one", 1, 5, 2, 7),
    ]
    assert usage.total.cost == pytest.approx(4 * COST)
    assert all(seen.header("x-oai-tag") is None for seen in server.requests)


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("one_byte", [False, True])
def test_stream_is_counted_and_its_extra_chunk_hidden(one_byte: bool, gzip: bool, way: Way, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS, gzip=gzip, one_byte=one_byte)
    usage = over(way)
    events = way.events("chat.completions.create", model="m", messages=MESSAGES)
    assert [event.choices[0].finish_reason for event in events] == [None, None, "stop"]
    assert server.requests[0].json()["stream_options"] == {"include_usage": True}
    assert fields(usage) == [("chat.completions.create", "m", "", 1, 5, 2, 7)]
    shown = way.events("chat.completions.create", model="m", messages=MESSAGES, stream_options={"include_usage": True})
    assert shown[-1].usage.total_tokens == 12
    assert usage.total.requests == 2


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
def test_extra_chunk_is_hidden_whatever_ends_its_lines(line: bytes, way: Way, server: Loopback) -> None:
    chunks = list(Answer.events(CHUNKS).parts())
    server.default = Answer(
        chunks=[chunk.replace(b"\n", line) for chunk in chunks], framing="chunked", content_type="text/event-stream"
    )
    usage = over(way)
    assert len(way.events("chat.completions.create", model="m", messages=MESSAGES)) == 3
    assert usage.total.output_tokens == 7


def test_server_without_stream_options_is_left_alone(way: Way, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS[:-1])
    usage = over(way, include_usage=False)
    way.events("chat.completions.create", model="m", messages=MESSAGES)
    assert "stream_options" not in server.requests[0].json()
    (row,) = usage.rows()
    assert (row.requests, row.estimated, row.output_tokens) == (1, 1, 3)
    assert row.input_tokens > 0


def test_events_of_responses_are_counted(way: Way, server: Loopback) -> None:
    counts = {"input_tokens": 3, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}}
    done = {
        "type": "response.completed",
        "response": {"id": "r", "model": "m-2", "status": "completed", "usage": counts},
    }
    server.default = Answer.events([done], done=False)
    usage = over(way)
    way.events("responses.create", model="m", input="x")
    (row,) = usage.rows()
    assert (row.input_tokens, row.output_tokens, row.reasoning_tokens) == (3, 4, 2)
    assert "stream_options" not in server.requests[0].json()


@pytest.mark.parametrize("answer", [Answer(429, json={"error": {}}), Answer(reset="before")])
def test_failures_are_counted_and_cost_nothing(answer: Answer, way: Way, server: Loopback) -> None:
    server.default = answer
    usage = over(way, prices=PRICES, budgets=[Budget(cost=1.0)])
    with pytest.raises(oai.APIError):
        call(way)
    (row,) = usage.rows()
    assert (row.requests, row.failures, row.cost) == (0, 1, None)
    server.default = Answer(json=COMPLETION)
    call(way)  # what was reserved is free again


def test_stream_that_breaks_is_estimated(way: Way, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS, reset="body", chunks=list(Answer.events(CHUNKS).parts())[:2])
    usage = over(way, budgets=[Budget(tokens=1000)])
    with pytest.raises(oai.APIConnectionError):
        way.events("chat.completions.create", model="m", messages=MESSAGES)
    (row,) = usage.rows()
    assert row.requests == 1
    assert row.output_tokens <= 2


BATCH = {
    "id": "batch_1", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "file_1", "created_at": 1,
    "completion_window": "24h", "status": "completed", "output_file_id": "file_2", "model": "m-1",
    "usage": {"input_tokens": 10, "output_tokens": 14, "total_tokens": 24},
}  # fmt: skip


def batch_output(count: int, model: str = "m-1") -> bytes:
    lines = []
    for number in range(count):
        body = {**COMPLETION, "id": f"chatcmpl-{number}", "model": model}
        response = {"status_code": 200, "request_id": "r", "body": body}
        lines.append({"id": f"batch_req_{number}", "custom_id": str(number), "response": response, "error": None})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.mark.parametrize("options", [{}, {"gzip": True}, {"pieces": True}])
def test_output_of_a_batch_is_counted_once(options: dict[str, Any], way: Way, server: Loopback) -> None:
    prices = {"models": {"m-*": {"input": 1.0, "cached_input": 0.5, "output": 10.0, "batch": 0.5}}}
    usage = over(way, prices=prices, budgets=[Budget(tokens=30)])
    failed = b'{"id": "b", "custom_id": "x", "response": null, "error": {"code": "expired", "message": "late"}}\n'
    content = b"\xef\xbb\xbf" + batch_output(1) + failed + batch_output(1, "m-2").rstrip()
    answers: dict[str, Answer] = {
        "/v1/batches/batch_1": Answer.of_json(BATCH),
        "/v1/files/file_2/content": output_answer(content, **options),
        "/v1/files/file_3/content": Answer(body=b'{"messages": [], "usage": 1}\n' * 3),
        "/v1/files/file_4/content": Answer(body=b"\x89PNG\n" + b"x" * 100_000),
    }
    server.default = lambda request: answers[request.target]
    for _ in range(2):
        way.call("batches.retrieve", batch_id="batch_1")  # its sum is that of the output, and does not count
        for name in ("file_2", "file_3", "file_4"):
            way.call("files.content", file_id=name)
    rows = {(row.operation, row.model): row for row in usage.rows() if row.input_tokens}
    assert rows.keys() == {("batches.create", "m-1"), ("batches.create", "m-2")}
    row = rows["batches.create", "m-1"]
    assert (row.requests, row.input_tokens, row.cached_tokens, row.output_tokens) == (1, 5, 2, 7)
    assert row.cost == pytest.approx((3 * 1.0 + 2 * 0.5 + 7 * 10.0) / 1_000_000 / 2)
    assert usage.total.input_tokens + usage.total.output_tokens == 24
    with pytest.raises(BudgetExceededError, match="24 spent"):
        call(way, max_tokens=20)


def output_answer(content: bytes, *, pieces: bool = False, **options: Any) -> Answer:
    """Return the answer with the content of a file, perhaps in pieces of which none is a line."""
    parts = [content[at : at + 7] for at in range(0, len(content), 7)]
    return Answer(chunks=parts, **options) if pieces else Answer(body=content, **options)


def test_output_that_breaks_off_is_not_counted_twice(way: Way, server: Loopback) -> None:
    usage = over(way)
    content = batch_output(4)
    pieces = [content[:100], content[100 : len(content) * 5 // 8], content]  # the second ends within the third line
    server.reply(Answer(chunks=pieces[:2], length=len(content), close=True))
    server.default = Answer(body=content)

    def read(response: Any) -> Any:
        async def read_async() -> None:
            async for _ in response.iter_bytes():
                pass

        return read_async() if way.is_async else [*response.iter_bytes()]

    with pytest.raises(oai.APIConnectionError):
        way.use("files.with_streaming_response.content", read, file_id="file_2")
    assert usage.total.input_tokens == 2 * 5
    way.call("files.content", file_id="file_2")
    assert usage.total.input_tokens == 4 * 5


def test_response_that_is_retrieved_counts_once(way: Way, server: Loopback) -> None:
    usage = over(way)
    done = {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": [],
            "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}  # fmt: skip
    server.reply(Answer.of_json({**done, "status": "queued", "usage": None}))
    server.default = Answer.of_json(done)
    way.call("responses.create", model="m", input="x", background=True)
    for _ in range(3):
        way.call("responses.retrieve", response_id="resp_1")
    assert (usage.total.requests, usage.total.input_tokens, usage.total.output_tokens) == (4, 3, 4)
    way.call("responses.create", model="m", input="x")
    assert usage.total.input_tokens == 6


def test_budget_refuses_before_it_is_exceeded(way: Way, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    usage = over(way, budgets=[Budget(tokens=30)])
    call(way)
    with pytest.raises(BudgetExceededError, match=r"budget of 30 tokens .* 12 spent") as caught:
        call(way, max_completion_tokens=20)
    assert len(server.requests) == 1
    assert (caught.value.spent, caught.value.reserved) == (12.0, 0.0)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    call(way)  # 12 + about 8, by the largest output so far
    with pytest.raises(BudgetExceededError):
        call(way)
    assert usage.total.requests == 2


def test_budget_of_cost_covers_its_model_and_tag_only(way: Way, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    usage = over(way, prices=PRICES, budgets=[Budget(cost=0.3, model="m*", tag="a")])
    with usage.tag("a"):
        call(way)
        with pytest.raises(BudgetExceededError, match=r"0\.3 EUR for model 'm\*' for tag 'a'"):
            call(way)
    call(way)
    call(way, model="other")
    with usage.tag("a"), pytest.raises(oai.OpenAIError, match="'m9' has no price"):
        call(way, model="m9")


def test_budget_begins_again_after_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("oai._metering.budgets.time.monotonic", lambda: now)
    usage = Usage(OfflineTransport(), budgets=[Budget(tokens=1, seconds=60)])
    account = usage._books.ledger.accounts[0]
    account.spent = 1.0
    with pytest.raises(BudgetExceededError):
        account.check(1)
    now += 60
    account.check(1)
    assert account.spent == 0


def test_budget_counts_requests_in_progress(client_to: Callable[..., oai.OpenAI], server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    client = client_to(transport=Usage(HTTPTransport(), budgets=[Budget(tokens=60)]))
    stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True, max_tokens=40)
    with pytest.raises(BudgetExceededError) as caught:
        client.chat.completions.create(model="m", messages=MESSAGES, max_tokens=40)
    assert caught.value.reserved >= 40
    list(stream)
    client.chat.completions.create(model="m", messages=MESSAGES, max_tokens=10, stream=True).close()


def test_threads_and_tasks_share_the_totals(way: Way, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    usage = over(way)

    async def main() -> None:
        async with oai.AsyncOpenAI(**way.options) as client:
            await asyncio.gather(*[client.chat.completions.create(model="m", messages=MESSAGES) for _ in range(16)])

    if way.is_async:
        asyncio.run(main())
    else:
        with oai.OpenAI(**way.options) as client, ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: client.chat.completions.create(model="m", messages=MESSAGES), range(16)))
    assert usage.total.input_tokens == 16 * 5


def test_reports() -> None:
    usage = Usage(OfflineTransport(), prices={"models": {"*": {"input": 2.0}}}, budgets=[Budget(cost=9.0)])
    client = oai.OpenAI(transport=usage)
    client.chat.completions.create(model='<"m">\n', messages=MESSAGES)
    client.embeddings.create(model="e", input="x")
    table = usage.table()
    lines = table.splitlines()
    assert " ".join(lines[0].split()) == "operation model tag requests failures input cached output reasoning USD"
    assert lines[-1].startswith("total")
    assert str(usage) == table
    metrics = usage.metrics()
    assert 'oai_requests_total{operation="embeddings.create",model="e",tag=""} 1\n' in metrics
    assert r'model="<\"m\">\n"' in metrics
    assert "# TYPE oai_tokens_total counter\n" in metrics
    assert 'oai_budget_limit{operation="*",model="*",tag="*",unit="USD"} 9.0\n' in metrics
    assert "&lt;&quot;m&quot;&gt;" in usage._repr_html_()
    assert "<Usage 2 requests" in repr(usage)


def test_rows_of_other_processes_are_merged() -> None:
    usage = Usage(OfflineTransport(), tag="worker")
    oai.OpenAI(transport=usage).chat.completions.create(model="m", messages=MESSAGES)
    copied = pickle.loads(pickle.dumps(usage))
    assert copied.rows() == []
    copied.merge(pickle.loads(pickle.dumps(usage.rows())))
    copied.merge(usage.rows())
    assert copied.total.requests == 2
    assert copied.rows()[0].tag == "worker"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_forked_child_counts_from_zero() -> None:
    usage = Usage(OfflineTransport())
    client = oai.OpenAI(transport=usage)
    client.models.list()
    child = os.fork()
    if child == 0:
        client.models.list()
        os._exit(usage.total.requests)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert usage.total.requests == 1


def test_price_table_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[models."m-*"]\ninput = 1\n[models."m-1*"]\ninput = 2\n[models.m-11]\ninput = 3\n')
    prices = Usage(OfflineTransport(), prices=file)._prices
    assert prices is not None
    found = [prices.of(name) for name in ("m-2", "m-1", "m-11", "x")]
    assert [price and price.input for price in found] == [1, 2, 3, None]
    assert prices.of("x-dated", "m-11") is found[2]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[models.m]\ninptu = 1\n", "'m' has an unknown price 'inptu'. Did you mean 'input'?"),
        ("[models.m]\ninput = -1\n", "the price 'input' of 'm' must be a non-negative number, not -1"),
        ("[model.m]\ninput = 1\n", "unknown key 'model'"),
        ("models = 1", "must be text, and models a table"),
        ("=", "is not TOML"),
    ],
)
def test_invalid_price_table_is_named(table: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(table)
    with pytest.raises(ValueError, match=r"prices\.toml") as caught:
        Usage(OfflineTransport(), prices=file)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "a budget takes either cost or tokens, not none"),
        ({"cost": 1.0, "tokens": 1}, "a budget takes either cost or tokens, not both"),
        ({"tokens": -1}, "tokens must be a non-negative number, not -1"),
        ({"cost": -1.5}, "cost must be a non-negative number, not -1.5"),
        ({"tokens": 1, "seconds": 0}, "seconds must be a positive number, not 0"),
    ],
)
def test_invalid_budget_is_rejected(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Budget(**options)


def test_budget_of_cost_needs_prices() -> None:
    with pytest.raises(ValueError, match="needs prices"):
        Usage(OfflineTransport(), budgets=[Budget(cost=1.0)])


@pytest.mark.parametrize("outer", ["usage", "recorder"])
def test_usage_stacks_with_other_transports(outer: str, tmp_path: Path, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    inner: Any = Limiter(FailingTransport(HTTPTransport(), Fail("refused", chance=0.0)), in_flight=1)
    recorded = tmp_path / "a.cassette"
    usage = Usage(Recorder(recorded, inner, mode="record") if outer == "usage" else inner)
    transport = usage if outer == "usage" else Recorder(recorded, usage, mode="record")
    client = oai.OpenAI(api_key="k", base_url=f"{server.url}/v1", transport=transport)
    for _ in range(2):
        assert len(list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))) == 3
    assert usage.total.output_tokens == 14
    transport.close()
