"""The hooks of a client, and the `Attempt` that they are called with."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from oai._http.messages import Headers, Request


class Attempt:
    """One attempt of a call, passed to the hooks.

    Attributes:
        operation: the call path, such as `chat.completions.create`.
        method: the HTTP method.
        number: 0 for the first attempt, 1 for the first retry.
        status: the HTTP status, `None` before the response and without one.
        headers: the headers of the response, `None` if there is none.
        request_id: the server's `x-request-id`.
        error: the exception, if the response is missing or incomplete.
        elapsed: seconds from the start of this attempt to the end of its body (of a stream, to its headers).
        delay: in `on_retry`, the seconds until the next attempt.
        context: a dict for the hooks themselves, such as for a span that `on_request` begins and `on_reply` ends.
    """

    __slots__ = (
        "_url",
        "began",
        "context",
        "delay",
        "elapsed",
        "error",
        "headers",
        "method",
        "number",
        "operation",
        "request_id",
        "status",
    )

    def __init__(self, request: Request, number: int) -> None:
        self.operation = request.operation.name if request.operation else None
        self.method = request.method
        self._url = request.url
        self.number = number
        self.status: int | None = None
        self.headers: Headers | None = None
        self.request_id: str | None = None
        self.error: Exception | None = None
        self.elapsed = 0.0
        self.delay: float | None = None
        self.context: dict[str, Any] = {}
        self.began = time.monotonic()

    @property
    def url(self) -> str:
        """The URL, with userinfo and secret query parameters redacted."""
        from oai._support.redact import redact_url  # compiles regular expressions

        return redact_url(self._url)

    def __repr__(self) -> str:
        outcome = self.status or self.error or "in progress"
        return f"<Attempt {self.number} of {self.operation}: {self.method} {self.url}, {outcome}>"


Hook = Callable[[Attempt], Any]


class Hooks(msgspec.Struct, frozen=True):
    """The hooks of one client."""

    on_request: Hook | None = None
    on_reply: Hook | None = None
    on_retry: Hook | None = None
