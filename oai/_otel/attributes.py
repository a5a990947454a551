"""The attributes of spans and metrics, from an `Attempt` of a call.

The names are those of the semantic conventions 1.37 and later: `gen_ai.provider.name`, not `gen_ai.system`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oai._errors import APIConnectionError, APITimeoutError
from oai._http.messages import TransportError

if TYPE_CHECKING:
    from oai._request.hooks import Attempt

OPERATIONS: Final = {
    "chat.completions": "chat",
    "responses": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
    "beta.threads.runs": "invoke_agent",
    "beta.assistants": "create_agent",
}
"""The well-known names of operations, by namespaces; others are named by their call path."""

METHODS: Final = frozenset({"create", "parse", "stream", "create_and_run"})

PROVIDERS: Final = {
    "openai.azure.com": "azure.ai.openai",
    "anthropic.com": "anthropic",
    "deepseek.com": "deepseek",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "x.ai": "x_ai",
}
"""The well-known names of providers, by the end of their hosts."""

NUMBERS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "dimensions": "gen_ai.embeddings.dimension.count",
}


def operation_name(operation: str | None) -> str:
    """Return the name of an operation for `gen_ai.operation.name`."""
    namespace, _, method = (operation or "").removeprefix("beta.chat").rpartition(".")
    return OPERATIONS[namespace] if namespace in OPERATIONS and method in METHODS else operation or "request"


def common_attributes(attempt: Attempt, provider: str | None) -> dict[str, Any]:
    """Return the attributes that spans and metrics have in common, known before the response."""
    from urllib.parse import urlsplit

    parts = urlsplit(attempt.url)
    host = parts.hostname or ""
    known = (name for end, name in PROVIDERS.items() if host == end or host.endswith(f".{end}"))
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": operation_name(attempt.operation),
        "gen_ai.provider.name": provider or next(known, "openai"),
        "server.address": host,
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
    if attempt.model is not None:
        attributes["gen_ai.request.model"] = attempt.model
    return attributes


def request_attributes(attempt: Attempt, request: Any) -> dict[str, Any]:
    """Return the attributes of a span that are known from the body of the request."""
    attributes: dict[str, Any] = {"gen_ai.request.stream": True} if attempt.stream else {}
    if not isinstance(request, dict):
        return attributes
    for field, name in NUMBERS.items():
        value = request.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[name] = value
    choices = request.get("n")
    if isinstance(choices, int) and choices != 1:
        attributes["gen_ai.request.choice.count"] = choices
    stop = request.get("stop")
    if stop:
        attributes["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else list(map(str, stop))
    if isinstance(request.get("encoding_format"), str) and attempt.operation != "embeddings.create":
        attributes["gen_ai.request.encoding_formats"] = [request["encoding_format"]]
    if isinstance(request.get("service_tier"), str):
        attributes["openai.request.service_tier"] = request["service_tier"]
    if (output := _output_type(request)) is not None:
        attributes["gen_ai.output.type"] = output
    return attributes


def _output_type(request: dict[str, Any]) -> str | None:
    text = request.get("text")
    form = request.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
    kind = form.get("type") if isinstance(form, dict) else None
    return {"json_object": "json", "json_schema": "json", "text": "text"}.get(kind) if isinstance(kind, str) else None


def response_attributes(attempt: Attempt) -> dict[str, Any]:
    """Return the attributes of a span that are known from the response."""
    facts, usage = attempt.facts, attempt.usage
    attributes: dict[str, Any] = {
        "gen_ai.response.model": facts.model,
        "gen_ai.response.id": facts.id,
        "gen_ai.response.finish_reasons": facts.finish_reasons or None,
        "openai.response.service_tier": facts.service_tier,
        "openai.response.system_fingerprint": facts.system_fingerprint,
        "http.response.status_code": attempt.status,
    }
    if attempt.stream:
        attributes["gen_ai.response.time_to_first_chunk"] = facts.seconds_to_first_chunk
    if usage is not None:
        attributes["gen_ai.usage.input_tokens"] = usage.input_tokens
        attributes["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens or None
        attributes["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens or None
        if operation_name(attempt.operation) != "embeddings":
            attributes["gen_ai.usage.output_tokens"] = usage.output_tokens
    return {name: value for name, value in attributes.items() if value is not None}


def error_type(attempt: Attempt) -> str | None:
    """Return the type of the error that ended a call: its class, or the type of an error in the body of a stream.

    For a stream that breaks, it is the class of the error that its reader gets.
    """
    error = attempt.error
    if isinstance(error, TransportError):
        return (APITimeoutError if error.kind == "timeout" else APIConnectionError).__name__
    return attempt.facts.error if error is None else type(error).__name__
