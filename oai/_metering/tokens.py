"""The tokens of a response, under any of the names that the operations of the API use for them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

INPUT_DETAILS: Final = ("input_tokens_details", "prompt_tokens_details", "input_token_details")
OUTPUT_DETAILS: Final = ("output_tokens_details", "completion_tokens_details", "output_token_details")
"""The names of the details of input and output; the last ones are those of the realtime API."""


class TokenUsage(msgspec.Struct, frozen=True):
    """The tokens that a response reports.

    Attributes:
        input_tokens: tokens of the request, cached ones included.
        output_tokens: tokens of the response, those of its reasoning included.
        cached_tokens: input tokens that were read from the cache of the server.
        reasoning_tokens: output tokens of the reasoning.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens


def read_usage(value: Any) -> TokenUsage | None:
    """Read the `usage` of a response, or return `None` if it counts no tokens."""
    if not isinstance(value, dict):
        return None
    incoming = _count(value.get("input_tokens"))
    outgoing = _count(value.get("output_tokens"))
    if incoming is None:
        incoming = _count(value.get("prompt_tokens"))
    if outgoing is None:
        outgoing = _count(value.get("completion_tokens"))
    if incoming is None:  # some servers report only the sum
        total = _count(value.get("total_tokens"))
        if outgoing is None and total is None:
            return None
        incoming = max((total or 0) - (outgoing or 0), 0)
    cached = _detail(value, INPUT_DETAILS, "cached_tokens")
    reasoning = _detail(value, OUTPUT_DETAILS, "reasoning_tokens")
    return TokenUsage(incoming, outgoing or 0, cached, reasoning)


def _detail(usage: dict[str, Any], names: tuple[str, ...], count: str) -> int:
    details = next((usage[name] for name in names if usage.get(name)), None)
    return (_count(details.get(count)) or 0) if isinstance(details, dict) else 0


def _count(value: Any) -> int | None:
    """Return a count; a number of some servers is a float."""
    if value.__class__ is int:
        return value if value >= 0 else None
    return int(value) if isinstance(value, float) and 0 <= value < 2**53 else None
