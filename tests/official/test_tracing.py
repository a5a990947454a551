"""Spans and metrics as the official instrumentation of OpenTelemetry emits them for the official SDK and the same calls.

Its package is named opentelemetry-instrumentation-openai-v2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from metered import CHUNKS, COMPLETION, MESSAGES
from traced import Telemetry

import oai
from oai.otel import instrument
from oai.testing import Answer, Loopback

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
openai_v2 = pytest.importorskip(
    "opentelemetry.instrumentation.openai_v2",
    reason="the official instrumentation is not installed: pip install '.[official]'",
)

ADDED = {
    "gen_ai.request.stream",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.cache_read.input_tokens",
    "http.response.status_code",
    "server.address",
    "server.port",
}
"""Attributes of newer conventions, and of the host, which the instrumentation does not emit for these calls."""

ADDED_TO_STREAMS = {"gen_ai.response.finish_reasons"}
"""An attribute that the instrumentation emits for whole responses only."""

EMBEDDINGS = {
    "object": "list",
    "model": "e-1",
    "data": [{"object": "embedding", "index": 0, "embedding": [1.0, 2.0]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
FULL = {
    "temperature": 0.5,
    "top_p": 0.5,
    "max_tokens": 9,
    "seed": 3,
    "stop": ["x"],
    "n": 1,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "service_tier": "auto",
    "response_format": {"type": "json_object"},
}
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
TOOLS = [
    {"role": "user", "content": "What is 2 + 2?"},
    {
        "role": "assistant",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "4"},
]

Call = Callable[[Any], Any]


def chat(client: Any, **params: Any) -> Any:
    return client.chat.completions.create(**{"model": "m", "messages": MESSAGES, **params})


CALLS: dict[str, tuple[Answer, Call]] = {
    "chat": (Answer(json=COMPLETION), chat),
    "chat with options": (Answer(json=COMPLETION), lambda client: chat(client, **FULL)),
    "stream": (Answer.events(CHUNKS), lambda client: list(chat(client, **STREAM))),
    "tools": (Answer(json=COMPLETION), lambda client: chat(client, messages=TOOLS)),
    "error": (Answer.error(400, "no"), chat),
    "connection": (Answer(reset="before"), chat),
    "embeddings": (
        Answer(json=EMBEDDINGS),
        lambda client: client.embeddings.create(model="e", input="x", dimensions=2),
    ),
}


@pytest.fixture(params=["", "SPAN_ONLY"], ids=["without content", "with content"])
def sides(
    request: pytest.FixtureRequest, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[tuple[Any, Telemetry], tuple[Any, Telemetry]]]:
    """Return both clients with what their spans are kept in."""
    if request.param:
        monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", request.param)
    options: dict[str, Any] = {"api_key": "k", "base_url": f"{server.url}/v1", "max_retries": 0}
    ours, theirs = Telemetry(), Telemetry()
    instrumentor = openai_v2.OpenAIInstrumentor()
    instrumentor.instrument(**theirs.providers)
    try:
        one = instrument(oai.OpenAI(**options), content=bool(request.param), **ours.providers)
        with one, openai.OpenAI(**options) as two:
            yield (one, ours), (two, theirs)
    finally:
        instrumentor.uninstrument()
        ours.close()
        theirs.close()


def perform(call: Call, client: Any, package: Any) -> None:
    with suppress(package.APIError):
        call(client)


def attributes(telemetry: Telemetry) -> dict[str, Any]:
    (span,) = telemetry.spans
    found = dict(span.attributes or {})
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        if name in found:
            found[name] = json.loads(str(found[name]))
    return {"name": span.name, "kind": span.kind, "status": span.status.status_code, **found}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_span_has_the_attributes_of_the_official_instrumentation(name: str, sides: Any, server: Loopback) -> None:
    server.default, call = CALLS[name]
    (client, ours), (other, theirs) = sides
    perform(call, client, oai)
    perform(call, other, openai)
    mine, expected = attributes(ours), attributes(theirs)
    assert expected.keys() - mine.keys() == set()
    assert mine.keys() - expected.keys() <= ADDED | (ADDED_TO_STREAMS if name == "stream" else set())
    assert {key: mine[key] for key in expected} == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["chat", "stream", "error"])
def test_metrics_are_those_of_the_official_instrumentation(name: str, sides: Any, server: Loopback) -> None:
    server.default, call = CALLS[name]
    (client, ours), (other, theirs) = sides
    perform(call, client, oai)
    perform(call, other, openai)

    def points(telemetry: Telemetry) -> dict[Any, Any]:
        found = {}
        for metric, labels, point in telemetry.points():
            kept = {key: value for key, value in labels.items() if key not in ADDED}
            value = point.sum if metric.endswith("token.usage") else point.count
            found[metric, tuple(sorted(kept.items()))] = (value, tuple(point.explicit_bounds))
        return found

    mine, expected = points(ours), points(theirs)
    added = {metric for metric, _ in mine.keys() - expected.keys()}
    assert added <= {"gen_ai.client.operation.time_to_first_chunk"}
    assert {key: mine.get(key) for key in expected} == expected
