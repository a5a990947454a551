"""The hooks that make a span of each call, with an event for each attempt, and record its metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Final

from oai._otel.attributes import common_attributes, error_type, operation_name, request_attributes, response_attributes
from oai._request.hooks import Attempt
from oai._version import __version__

if TYPE_CHECKING:
    from oai._request.hooks import Hook

try:
    from opentelemetry import metrics, propagate, trace
except ImportError as missing:  # pragma: no cover - the tests have it
    raise ImportError("oai.otel needs OpenTelemetry, which is not installed: pip install 'oai[otel]'") from missing

SCHEMA: Final = "https://opentelemetry.io/schemas/1.37.0"
SPAN: Final = "oai.otel"
"""The key of a call's state in the context of its attempts."""

CONVERSATIONS: Final = frozenset({"chat", "text_completion"})
"""The operations whose content has a form in the conventions."""

SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS: Final = tuple(4**power for power in range(14))
"""The bounds of histograms that the semantic conventions advise."""


class Instruments:
    """The tracer and the histograms of one pair of providers."""

    def __init__(self, tracer_provider: Any, meter_provider: Any) -> None:
        self.tracer = trace.get_tracer("oai", __version__, tracer_provider, schema_url=SCHEMA)
        meter = metrics.get_meter("oai", __version__, meter_provider, schema_url=SCHEMA)
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self.first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Time to receive the first chunk.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )


class Call:
    """The span of a call, when it began, and the attributes of its metrics."""

    def __init__(self, span: trace.Span, began: float, common: dict[str, Any]) -> None:
        self.span = span
        self.began = began
        self.common = common


class Tracing:
    """The hooks of a client. They pickle if the providers are the global ones.

    Args:
        content: whether spans contain the messages of requests and responses.
        provider: the value of `gen_ai.provider.name`; by default it is found by the host.
        propagate_context: whether requests carry the context of their span (`traceparent`).
        tracer_provider: makes the tracer; by default the global one.
        meter_provider: makes the meter; by default the global one.
    """

    def __init__(
        self,
        *,
        content: bool = False,
        provider: str | None = None,
        propagate_context: bool = True,
        tracer_provider: Any = None,
        meter_provider: Any = None,
    ) -> None:
        self._content = content
        self._provider = provider
        self._propagates = propagate_context
        self._providers = (tracer_provider, meter_provider)
        self._instruments: Instruments | None = None

    def __getstate__(self) -> dict[str, Any]:
        if self._providers != (None, None):
            raise TypeError(
                "a traced client with a tracer_provider or a meter_provider cannot be pickled; use the global ones"
            )
        return {**self.__dict__, "_instruments": None}

    @property
    def instruments(self) -> Instruments:
        """The tracer and the histograms, made at first use: a program may set the global providers after the client."""
        if self._instruments is None:
            self._instruments = Instruments(*self._providers)
        return self._instruments

    def on_request(self, attempt: Attempt) -> dict[str, str] | None:
        """Start the span at the first attempt; return the header fields that carry its context."""
        call = attempt.context.get(SPAN)
        if call is None:
            call = attempt.context[SPAN] = self._begin(attempt)
        attempt.keep_events = self._content and call.span.is_recording()
        if not self._propagates:
            return None
        fields: dict[str, str] = {}
        propagate.inject(fields, trace.set_span_in_context(call.span))
        return fields

    def _begin(self, attempt: Attempt) -> Call:
        common = common_attributes(attempt, self._provider)
        name = " ".join(filter(None, (operation_name(attempt.operation), attempt.model)))
        attributes = {**common, **request_attributes(attempt, attempt.read_request())}
        span = self.instruments.tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)
        return Call(span, attempt.began, common)

    def on_reply(self, attempt: Attempt) -> None:
        """Add an event for the attempt."""
        call = attempt.context.get(SPAN)
        if call is None:
            return
        attributes = {
            "oai.attempt": attempt.number,
            "oai.attempt.duration": attempt.elapsed,
            "oai.request_id": attempt.request_id,
            "http.response.status_code": attempt.status,
            "error.type": None if attempt.error is None else type(attempt.error).__name__,
        }
        call.span.add_event("oai.attempt", {name: value for name, value in attributes.items() if value is not None})

    def on_retry(self, attempt: Attempt) -> None:
        """Add an event for the wait before the next attempt."""
        call = attempt.context.get(SPAN)
        if call is not None:
            call.span.add_event("oai.retry", {"oai.attempt": attempt.number, "oai.retry.delay": attempt.delay or 0.0})

    def on_end(self, attempt: Attempt) -> None:
        """End the span, and record the metrics."""
        call = attempt.context.pop(SPAN, None)
        if call is None:
            return
        span, error = call.span, error_type(attempt)
        if span.is_recording():
            span.set_attributes(response_attributes(attempt))
            if self._content and call.common["gen_ai.operation.name"] in CONVERSATIONS:
                from oai._otel.content import content_attributes  # few programs record content

                span.set_attributes(content_attributes(attempt))
            if attempt.number:
                span.set_attribute("http.request.resend_count", attempt.number)
            if error is not None:
                span.set_attribute("error.type", error)
                span.set_status(trace.StatusCode.ERROR, None if attempt.error is None else str(attempt.error))
        self._record(attempt, call, error)
        span.end()

    def _record(self, attempt: Attempt, call: Call, error: str | None) -> None:
        import time

        common, context = dict(call.common), trace.set_span_in_context(call.span)
        if attempt.facts.model is not None:
            common["gen_ai.response.model"] = attempt.facts.model
        if attempt.usage is not None:
            counts = {"input": attempt.usage.input_tokens, "output": attempt.usage.output_tokens}
            for kind, count in counts.items():
                if kind == "input" or common["gen_ai.operation.name"] != "embeddings":
                    self.instruments.tokens.record(count, {**common, "gen_ai.token.type": kind}, context)
        if attempt.stream and attempt.facts.seconds_to_first_chunk is not None:
            self.instruments.first_chunk.record(attempt.facts.seconds_to_first_chunk, common, context)
        if error is not None:
            common["error.type"] = error
        self.instruments.duration.record(time.monotonic() - call.began, common, context)


class Both:
    """A hook that calls the one of the tracing, then the program's own. It pickles if these do."""

    def __init__(self, first: Hook, second: Hook) -> None:
        self._first = first
        self._second = second

    def __call__(self, attempt: Attempt) -> Any:
        """Call both; the header fields of the program's hook override the others."""
        fields, more = self._first(attempt), self._second(attempt)
        return _merged_async(fields, more) if isinstance(more, Awaitable) else _merged(fields, more)


def _merged(fields: Any, more: Any) -> Any:
    return {**(fields or {}), **more} if isinstance(more, Mapping) else fields


async def _merged_async(fields: Any, more: Awaitable[Any]) -> Any:
    return _merged(fields, await more)
