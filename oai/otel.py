"""Trace and measure the calls of a client with OpenTelemetry (`pip install 'oai[otel]'`).

from oai.otel import instrument

client = instrument(oai.OpenAI())
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from oai._otel.hooks import Both, Tracing
from oai._request.client_core import core_of

__all__ = ["Tracing", "instrument"]

NAMES: Final = ("on_request", "on_reply", "on_retry", "on_end")

ClientType = TypeVar("ClientType")


def instrument(
    client: ClientType,
    *,
    content: bool = False,
    provider: str | None = None,
    propagate_context: bool = True,
    tracer_provider: Any = None,
    meter_provider: Any = None,
) -> ClientType:
    """Trace and measure the calls of a client, sync or async, by the semantic conventions for generative AI.

    Each call has one span, from its first attempt until its response is read or its stream ends, with an event for each
    attempt. The hooks of the client are called as before. Instrumenting a client again does nothing.

    Args:
        client: the client, which is returned.
        content: whether spans contain the messages of requests and responses.
        provider: the value of `gen_ai.provider.name`; by default it is found by the host.
        propagate_context: whether requests carry the context of their span (`traceparent`).
        tracer_provider: makes the tracer; by default the global one.
        meter_provider: makes the meter; by default the global one.
    """
    core = core_of(client)
    hooks = core.config.hooks
    own: dict[str, Any] = {name: getattr(hooks, name, None) for name in NAMES}
    if any(isinstance(getattr(hook, "__self__", hook), Tracing | Both) for hook in own.values()):
        return client
    tracing = Tracing(
        content=content,
        provider=provider,
        propagate_context=propagate_context,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
    )
    added = {name: getattr(tracing, name) for name in NAMES}
    options: dict[str, Any] = {
        name: hook if own[name] is None else Both(hook, own[name]) for name, hook in added.items()
    }
    core.config = core.config.replace(**options)
    return client
