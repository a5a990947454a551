"""The failures of a server, by kind: whether the request may have been done, and how long the server gets no other.

A request that may have been done is sent to another server only if it may be repeated: its method is idempotent (RFC
9110, section 9.2.2), it has an `Idempotency-Key`, or its operation only generates.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from oai._flow.retry import server_pause

if TYPE_CHECKING:
    from oai._http.messages import Headers, Request, TransportError

IDEMPOTENT: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})

OVERLOADED: Final = frozenset({503, 529})
"""Statuses of a server that does not handle requests at present; 529 is Anthropic's."""


class Failure(NamedTuple):
    """A failure of a server."""

    kind: str
    """What the caller sees: `connect`, `timeout`, `rate limit`, `key`, `quota`, `status 500`, ..."""
    may_be_done: bool
    """Whether the server may have handled the request."""
    pause: float | None = None
    """Seconds without requests to this server; infinite for the longest cool-down; `None` for one that doubles."""

    @property
    def is_of_server(self) -> bool:
        """Whether other requests would fail as well."""
        return self.pause != 0


def failure_of_error(error: TransportError) -> Failure | None:
    """Return the failure of a transport, or `None` if another server would not help."""
    if error.kind == "closed":
        return None
    return Failure(error.kind, error.kind != "connect")


def failure_of_status(status: int, headers: Headers) -> Failure | None:
    """Return the failure that a status means, `None` for a success or a request that is invalid at every server."""
    if status == 429:
        return Failure("rate limit", False, server_pause(headers) or None)
    if status in (401, 402, 403):
        return Failure("key", False, inf)
    if status in OVERLOADED:
        return Failure(f"status {status}", False, server_pause(headers) or None)
    if status == 408:
        return Failure("status 408", False)  # the server has not got the whole request (RFC 9110, section 15.5.9)
    if status == 404:
        return Failure("status 404", True, 0.0)  # this server may lack the model, or the object is only here
    return Failure(f"status {status}", True) if status >= 500 else None


def with_body(failure: Failure, content: bytes) -> Failure:
    """Return a failure, made more precise by the body of the error."""
    if failure.kind == "rate limit" and b"insufficient_quota" in content:
        return Failure("quota", False, inf)
    return failure


def may_try_another(failure: Failure, request: Request, repeatable: Sequence[str]) -> bool:
    """Return whether another server may get the request."""
    name = "" if request.operation is None else request.operation.name
    generates = any(fnmatchcase(name, pattern) for pattern in repeatable)
    if not failure.is_of_server:
        return generates
    if not failure.may_be_done or generates or request.method in IDEMPOTENT:
        return True
    return any(field.lower() == "idempotency-key" for field, _ in request.headers)
