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
    read = _Counts(value)
    incoming = read.first("input_tokens", "prompt_tokens")
    outgoing = read.first("output_tokens", "completion_tokens")
    total = read.first("total_tokens")
    if incoming is None and outgoing is None and total is None:
        return None
    if incoming is None:  # some servers report only the sum
        incoming = max((total or 0) - (outgoing or 0), 0)
    return TokenUsage(
        incoming,
        outgoing or 0,
        read.detail("cached_tokens", "input_tokens_details", "prompt_tokens_details"),
        read.detail("reasoning_tokens", "output_tokens_details", "completion_tokens_details"),
    )


class _Counts:
    """The counts of a `usage` object, of which any may be missing or malformed."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def first(self, *names: str) -> int | None:
        """Return the first of these counts that is present."""
        counts = (_count(self._fields.get(name)) for name in names)
        return next((count for count in counts if count is not None), None)

    def detail(self, name: str, *groups: str) -> int:
        """Return a count of one of the groups of details, or 0."""
        found = (self._fields.get(group) for group in groups)
        counts = (_count(group.get(name)) for group in found if isinstance(group, dict))
        return next((count for count in counts if count is not None), 0)


def _count(value: Any) -> int | None:
    """Return a count; a number of some servers is a float."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53
    return int(value) if whole else None
