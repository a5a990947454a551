"""Rate limits, read from the `x-ratelimit-*` header fields of a response."""

from __future__ import annotations

import re

import msgspec

from oai._http.messages import Headers

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(d|h|ms|us|µs|ns|m|s)")

MAX_DIGITS = 18
"""Digits of a count; Python refuses to read numbers of thousands of digits."""


class RateLimit(msgspec.Struct, frozen=True):
    """The server's rate limits; `None` for each field that it did not send.

    `limit_*` is the quota of a period, `remaining_*` the rest of it, `reset_*` the seconds until it is full again.
    """

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens: float | None = None

    @classmethod
    def of(cls, headers: Headers) -> RateLimit:
        """Read the header fields of a response."""
        values: dict[str, float | None] = {}
        for field in cls.__struct_fields__:
            text = headers.get(f"x-ratelimit-{field.replace('_', '-')}", "")
            values[field] = seconds(text) if field.startswith("reset") else _count(text)
        return cls(**values)  # type: ignore[arg-type]


def seconds(text: str) -> float | None:
    """Return a duration such as `6m0s`, `12ms` or `1.5` in seconds, `None` if the text is not a duration."""
    text = text.strip()
    parts = DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        number = sum(float(number) * UNITS[unit] for number, unit in parts)
    else:
        try:
            number = float(text)
        except ValueError:
            return None
    return number if 0 <= number < float("inf") else None


def _count(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() and len(text) < MAX_DIGITS else None
