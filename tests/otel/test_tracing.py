"""Spans and metrics of calls, over real sockets: one span for a call with its retries, until its stream ends."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from both import Way
from metered import CHUNKS, COMPLETION, MESSAGES
from paths import ROOT
from traced import Telemetry

import oai
from oai._otel.attributes import PROVIDERS, common_attributes, operation_name
from oai.otel import instrument
from oai.testing import Answer, Loopback

CREATE = "chat.completions.create"


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.close()


@pytest.fixture
def traced(way: Way, telemetry: Telemetry) -> Callable[..., Way]:
    """Return a way of calls whose clients are instrumented."""

    def traced(**options: Any) -> Way:
        hooks = instrument(oai.OpenAI(**way.options), **telemetry.providers, **options)._core.config.hooks
        way.options |= {name: getattr(hooks, name) for name in ("on_request", "on_reply", "on_retry", "on_end")}
        return way

    return traced


def test_call_has_a_span_with_its_attributes(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer(json={**COMPLETION, "service_tier": "default", "system_fingerprint": "f"})
    options = {"temperature": 0.5, "max_completion_tokens": 9, "stop": "x", "n": 2, "seed": 3}
    traced().call(CREATE, model="m", messages=MESSAGES, response_format={"type": "json_object"}, **options)
    (span,) = telemetry.spans
    host, port = server.url.removeprefix("http://").split(":")
    assert (span.name, span.kind.name, span.status.status_code.name) == ("chat m", "CLIENT", "UNSET")
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.seed": 3,
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "m-1",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "f",
        "http.response.status_code": 200,
        "server.address": host,
        "server.port": int(port),
    }


@pytest.mark.usefixtures("quick_retries")
def test_retries_are_events_of_one_span(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.reply(Answer.error(500, "x", headers=[("retry-after-ms", "1")]), Answer(reset="before"))
    server.default = Answer(json=COMPLETION)
    way = traced()
    way.options["max_retries"] = 2
    way.call(CREATE, model="m", messages=MESSAGES)
    (span,) = telemetry.spans
    assert [event.name for event in span.events] == ["oai.attempt", "oai.retry"] * 2 + ["oai.attempt"]
    attempts = [dict(event.attributes or {}) for event in span.events if event.name == "oai.attempt"]
    assert [attempt.get("http.response.status_code") for attempt in attempts] == [500, None, 200]
    assert attempts[1]["error.type"] == "TransportError"
    assert (span.attributes or {})["http.request.resend_count"] == 2
    assert span.status.status_code.name == "UNSET"
    parents = {tuple(str(seen.header("traceparent")).split("-")[1:3]) for seen in server.requests}
    assert parents == {(f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer.error(400, "no"), oai.BadRequestError),
        (Answer.error(429, "slow down"), oai.RateLimitError),
        (Answer(reset="before"), oai.APIConnectionError),
        (Answer(json=COMPLETION, reset="body", length=10_000), oai.APIConnectionError),
        (Answer(delay=1), oai.APITimeoutError),
    ],
)
def test_failed_call_has_a_span_with_its_error(
    answer: Answer, error: Any, way: Way, traced: Any, telemetry: Telemetry, server: Loopback
) -> None:
    server.default = answer
    way.options["timeout"] = oai.Timeout(10, read=0.2 if answer.delay else 10)
    with pytest.raises(error):
        traced().call(CREATE, model="m", messages=MESSAGES)
    (span,) = telemetry.spans
    assert (span.attributes or {})["error.type"] == error.__name__
    assert span.status.status_code.name == "ERROR"
    durations = [attributes for name, attributes, _ in telemetry.points() if name.endswith("operation.duration")]
    assert [attributes["error.type"] for attributes in durations] == [error.__name__]


def test_span_of_a_stream_ends_with_it(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    open_spans: list[int] = []
    way = traced()
    way.each_event(lambda _: open_spans.append(len(telemetry.spans)), CREATE, model="m", messages=MESSAGES)
    assert open_spans == [0] * len(CHUNKS)
    (span,) = telemetry.spans
    attributes = dict(span.attributes or {})
    assert attributes["gen_ai.usage.output_tokens"] == 7
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] > 0
    assert "gen_ai.client.operation.time_to_first_chunk" in {name for name, _, _ in telemetry.points()}


def test_stream_that_is_reset_ends_its_span(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer.events(CHUNKS[:2], done=False, reset="body")
    with pytest.raises(oai.APIConnectionError):
        traced().events(CREATE, model="m", messages=MESSAGES)
    (span,) = telemetry.spans
    assert (span.attributes or {})["error.type"] == "APIConnectionError"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_has_spans_of_its_own(telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    client = instrument(oai.OpenAI(api_key="k", base_url=f"{server.url}/v1"), **telemetry.providers)
    call = partial(client.chat.completions.create, model="m", messages=MESSAGES)
    call()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        with suppress(BaseException):
            call()
            os._exit(len(telemetry.spans))
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert len(telemetry.spans) == 1
    client.close()


def test_error_within_a_stream_is_that_of_the_span(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer.events([CHUNKS[0], {"error": {"type": "server_error", "message": "x"}}])
    with pytest.raises(oai.StreamError):
        traced().events(CREATE, model="m", messages=MESSAGES)
    assert (telemetry.spans[0].attributes or {})["error.type"] == "server_error"


def test_metrics_are_recorded(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    way = traced()
    for _ in range(2):
        way.call(CREATE, model="m", messages=MESSAGES)
    points = telemetry.points()
    common = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.model": "m-1"}
    assert all(common.items() <= attributes.items() for _, attributes, _ in points)
    tokens = {a["gen_ai.token.type"]: point.sum for name, a, point in points if name == "gen_ai.client.token.usage"}
    assert tokens == {"input": 10, "output": 14}
    (duration,) = [point for name, _, point in points if name == "gen_ai.client.operation.duration"]
    assert duration.count == 2
    assert duration.explicit_bounds[:3] == (0.01, 0.02, 0.04)


def test_content_is_recorded_on_request_only(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.reply(Answer(json=COMPLETION), Answer(json=COMPLETION), Answer.events(CHUNKS))
    way = traced()
    way.call(CREATE, model="m", messages=MESSAGES)
    assert "Hello" not in telemetry.spans[0].to_json()
    way.options |= {"on_request": None, "on_reply": None, "on_retry": None, "on_end": None}
    way = traced(content=True)
    way.call(CREATE, model="m", messages=MESSAGES)
    way.events(CREATE, model="m", messages=MESSAGES)
    sent = [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    for span, text in zip(telemetry.spans[1:], ("Hi", "Hello"), strict=True):
        attributes: Any = span.attributes
        assert json.loads(attributes["gen_ai.input.messages"]) == sent
        assert json.loads(attributes["gen_ai.output.messages"]) == [
            {"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "stop"}
        ]


def test_content_of_tools_and_responses(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}', "status": "completed"}
    output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}, call]
    server.default = Answer(json={"id": "r", "object": "response", "status": "completed", "output": output})
    items = [call, {"type": "function_call_output", "call_id": "c1", "output": "2"}]
    traced(content=True).call("responses.create", model="m", input=items, instructions="Be kind.")
    attributes: Any = telemetry.spans[0].attributes
    tool_call = {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
    assert json.loads(attributes["gen_ai.input.messages"]) == [
        {"role": "assistant", "parts": [tool_call]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "2"}]},
    ]
    assert json.loads(attributes["gen_ai.output.messages"])[1]["parts"] == [tool_call]
    assert json.loads(attributes["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be kind."}]


def test_span_is_a_child_of_the_current_one(traced: Any, telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    way = traced()
    with telemetry.tracers.get_tracer("test").start_as_current_span("parent") as parent:
        way.call(CREATE, model="m", messages=MESSAGES)
    child = telemetry.spans[0]
    assert child.parent is not None
    assert child.parent.span_id == parent.get_span_context().span_id


def test_concurrent_calls_have_spans_of_their_own(telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)

    async def main() -> None:
        client = instrument(oai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1"), **telemetry.providers)
        async with client:
            calls = (client.chat.completions.create(model=f"m{n}", messages=MESSAGES) for n in range(8))
            await asyncio.gather(*calls)

    asyncio.run(main())
    assert sorted(span.name for span in telemetry.spans) == [f"chat m{n}" for n in range(8)]
    assert len({span.context.trace_id for span in telemetry.spans}) == 8


def test_own_hooks_are_called_too(telemetry: Telemetry, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    seen: list[str] = []

    async def on_request(attempt: oai.Attempt) -> dict[str, str]:
        await asyncio.sleep(0)
        seen.append("request")
        return {"x-mine": "1"}

    async def main() -> None:
        options: dict[str, Any] = {"on_request": on_request, "on_end": lambda _: seen.append("end")}
        client = oai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", **options)
        assert instrument(instrument(client, **telemetry.providers), **telemetry.providers) is client
        async with client:
            await client.chat.completions.create(model="m", messages=MESSAGES)

    asyncio.run(main())
    assert seen == ["request", "end"]
    assert server.requests[0].header("x-mine") == "1"
    assert server.requests[0].header("traceparent")
    assert len(telemetry.spans) == 1


def test_context_is_not_propagated_on_request(traced: Any, server: Loopback) -> None:
    server.default = Answer(json=COMPLETION)
    traced(propagate_context=False).call(CREATE, model="m", messages=MESSAGES)
    assert server.requests[0].header("traceparent") is None


def test_traced_client_pickles_with_global_providers_only(telemetry: Telemetry) -> None:
    client = instrument(oai.OpenAI(api_key="k", transport=oai.OfflineTransport(), pickle_keys=True))
    copied = pickle.loads(pickle.dumps(client))
    assert copied.chat.completions.create(model="m", messages=MESSAGES).id
    with pytest.raises(TypeError, match="cannot be pickled; use the global ones"):
        pickle.dumps(instrument(oai.OpenAI(transport=oai.OfflineTransport(), pickle_keys=True), **telemetry.providers))


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("chat.completions.create", "chat"),
        ("responses.create", "chat"),
        ("responses.retrieve", "responses.retrieve"),
        ("completions.create", "text_completion"),
        ("embeddings.create", "embeddings"),
        ("beta.threads.runs.create", "invoke_agent"),
        ("images.generate", "images.generate"),
        (None, "request"),
    ],
)
def test_operations_have_their_names(operation: str | None, name: str) -> None:
    assert operation_name(operation) == name


@pytest.mark.parametrize("end", PROVIDERS)
def test_provider_is_found_by_its_host(end: str) -> None:
    def attributes(url: str) -> dict[str, Any]:
        request = oai.transports.Request("POST", url, [])
        return common_attributes(oai.Attempt(request, 0), None)

    assert attributes(f"https://x.{end}/v1")["gen_ai.provider.name"] == PROVIDERS[end]
    assert attributes(f"https://x.{end}/v1")["server.port"] == 443
    assert attributes(f"https://not{end}/v1")["gen_ai.provider.name"] == "openai"


def test_program_without_tracing_loads_nothing_of_it() -> None:
    program = """
import sys, oai
client = oai.OpenAI(transport=oai.OfflineTransport())
client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
print([name for name in sys.modules if "opentelemetry" in name or name.startswith(("oai._otel", "oai._metering"))])
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
