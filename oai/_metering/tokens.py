"""The tokens of a response, under any of the names that the operations of the API use for them."""

from __future__ import annotations

from typing import Any

import msgspec


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
    details = value.get("input_tokens_details") or value.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    details = value.get("output_tokens_details") or value.get("completion_tokens_details")
    reasoning = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    return TokenUsage(incoming, outgoing or 0, cached or 0, reasoning or 0)


def _count(value: Any) -> int | None:
    """Return a count; a number of some servers is a float."""
    if value.__class__ is int:
        return value if value >= 0 else None
    return int(value) if isinstance(value, float) and 0 <= value < 2**53 else None
