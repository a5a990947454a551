"""What transports and hooks around a small call over loopback add to it.

python -m benchmarks.wrappers
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oai
from benchmarks.clocks import interleaved
from benchmarks.server import pin, running
from oai.transports import Budget, HTTPTransport, Limiter, Usage

MESSAGES: Any = [{"role": "user", "content": "Why is the sky blue?"}]


def clients(port: int, folder: Path) -> dict[str, oai.OpenAI]:
    """Return clients of the server, each with one wrapper."""

    def client(wrap: Callable[[Any], Any] | None = None, **options: Any) -> oai.OpenAI:
        transport = HTTPTransport()
        base: dict[str, Any] = {"api_key": "none", "base_url": f"http://127.0.0.1:{port}/v1", **options}
        return oai.OpenAI(**base, transport=transport if wrap is None else wrap(transport))

    tokens, many = 10**12, 10**9
    prices = {"models": {"*": {"input": 1.0, "output": 2.0}}}
    found = {
        "plain": client(),
        "Limiter(in_flight)": client(lambda inner: Limiter(inner, in_flight=8)),
        "Limiter(tokens_per_minute)": client(lambda inner: Limiter(inner, tokens_per_minute=tokens)),
        "Limiter(shared)": client(lambda inner: Limiter(inner, tokens_per_minute=tokens, shared=folder / "limits")),
        "Usage": client(Usage),
        "Usage(prices, budgets)": client(
            lambda inner: Usage(inner, prices=prices, budgets=[Budget(cost=float(many)), Budget(tokens=tokens)])
        ),
        "on_end": client(on_end=lambda attempt: attempt.usage),
    }
    try:
        from opentelemetry.sdk.trace import TracerProvider

        from oai.otel import instrument
    except ImportError:
        return found
    found["instrument, no SDK"] = instrument(client())
    found["instrument, SDK"] = instrument(client(), tracer_provider=TracerProvider())
    return found


def main() -> int:
    with running() as (port, server), tempfile.TemporaryDirectory() as folder:
        pin(server, together=True)
        calls = {
            name: lambda client=client: client.chat.completions.create(model="gpt-5", messages=MESSAGES)
            for name, client in clients(port, Path(folder)).items()
        }
        times = interleaved(calls, 15, 30)
        medians = {name: statistics.median(each) for name, each in times.items()}
        plain = medians["plain"]
        for name, seconds in medians.items():
            print(f"{name:28} {seconds * 1e6:7.1f} us  {(seconds - plain) * 1e6:+7.1f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
