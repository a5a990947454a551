"""Decide whether and when to retry: after the server's `Retry-After`, within a ceiling, or after a backoff.

The rules are the official SDK's (its `_base_client`), except that an exhausted quota is never retried. The flow, the
limiter and reconnecting WebSockets share them.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from oai._errors import APIStatusError
    from oai._http.messages import Headers

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 8.0
LONGEST_RETRY_AFTER: Final = 120.0
"""Seconds. The backoff doubles from `FIRST_DELAY` to `LONGEST_DELAY`; a server may request up to two minutes."""

RETRIED_STATUSES: Final = frozenset({408, 409, 429})


def may_retry(error: APIStatusError) -> tuple[bool, float | None]:
    """Tell whether to retry after an error response, and the seconds that the server requests before it."""
    headers = error.response.headers
    after = retry_after(headers)
    if "insufficient_quota" in (error.code, error.type):
        return False, after
    if after is not None and after > LONGEST_RETRY_AFTER:
        return False, after
    decision = headers.get("x-should-retry")
    if decision in ("true", "false"):
        return decision == "true", after
    return error.status_code in RETRIED_STATUSES or error.status_code >= 500, after


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the seconds to wait from `retry-after-ms`, or from `retry-after` (seconds or a date, RFC 9110, 10.2.3).

    The result may be negative (a date in the past) or absurdly large: see `LONGEST_RETRY_AFTER`.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return seconds
    from email.utils import parsedate_to_datetime  # a rare form, and a large module

    try:
        return parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def retry_delay(attempt: int, after: float | None) -> float:
    """Return the seconds before the next attempt: those that the server requests, else a jittered backoff."""
    if after is not None and 0 < after <= LONGEST_RETRY_AFTER:
        return after
    return backoff(attempt, FIRST_DELAY, LONGEST_DELAY)


def backoff(attempt: int, first: float, longest: float) -> float:
    """Return the seconds before retry number `attempt`, counted from 0: doubled each time, up to 25 % less."""
    jitter = 1 - 0.25 * os.urandom(1)[0] / 255
    return min(first * 2.0 ** min(attempt, 30), longest) * jitter


def server_pause(headers: Mapping[str, str]) -> float:
    """Return the seconds during which a server wants no requests, from 0 to `LONGEST_RETRY_AFTER`."""
    return min(max(retry_after(headers) or 0.0, 0.0), LONGEST_RETRY_AFTER)


def quota_pause(headers: Headers) -> float:
    """Return the seconds until an exhausted rate limit is reset, from 0 to `LONGEST_RETRY_AFTER`."""
    from oai._http.rate_limit import seconds  # regular expressions, which few programs need

    resets = (
        seconds(headers.get(f"x-ratelimit-reset-{quota}", "")) or 0.0
        for quota in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{quota}") == "0"
    )
    return min(max(resets, default=0.0), LONGEST_RETRY_AFTER)
