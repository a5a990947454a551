"""Time limits, and the errors of the seam, for the transports that own their connections."""

from __future__ import annotations

import time
from typing import overload

from oai._http.messages import Timeout, TransportError
from oai._http1 import IncompleteError, NoResponseError, ProtocolError, RequestError

LONGEST_WAIT = 1e7
"""Seconds that the operating system waits at most; much more would overflow its types."""

LINGER = 0.01
"""Seconds that closing a reply waits for the end of a body that is arriving, to keep the connection."""

FAILURES = (OSError, ProtocolError)
"""The exceptions of a failed request or response."""


class BodyError(Exception):
    """The source of a request's body raised an exception, which is not one of the connection."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def check(timeout: Timeout) -> None:
    """Raise if no time is left to send a request."""
    if timeout.is_over:
        raise TransportError("timeout", "there is no time left")


@overload
def remaining(deadline: float, limit: float | None) -> float: ...
@overload
def remaining(deadline: float | None, limit: float | None) -> float | None: ...
def remaining(deadline: float | None, limit: float | None) -> float | None:
    """Return the seconds to wait: up to the limit, and not past the deadline of the monotonic clock."""
    if deadline is None:
        return limit if limit is None or limit < LONGEST_WAIT else LONGEST_WAIT
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return min(left, LONGEST_WAIT) if limit is None else min(left, limit, LONGEST_WAIT)


def as_transport_error(error: Exception) -> TransportError:
    """Return the error of the seam for one of `FAILURES`."""
    if isinstance(error, TransportError):
        return error
    if isinstance(error, TimeoutError):
        return TransportError("timeout", str(error) or "timed out")
    if isinstance(error, IncompleteError) and not isinstance(error, NoResponseError):
        return TransportError("receive", "the response was cut short")
    kind = "send" if isinstance(error, (RequestError, BrokenPipeError)) else "receive"
    return TransportError(kind, str(error) or type(error).__name__)
