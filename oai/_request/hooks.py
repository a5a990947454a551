"""The hooks of a client, and the `Attempt` that they are called with."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from oai._http.messages import Request
from oai._http.response import Response
from oai._support.lazy import LazyModule

if TYPE_CHECKING:
    from oai._http.messages import Body, Headers
    from oai._metering import response_meter, tokens
else:
    response_meter = LazyModule("oai._metering.response_meter")
    tokens = LazyModule("oai._metering.tokens")


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
        context: a dict for the hooks themselves, shared by the attempts of a call, such as for a span that `on_request`
            begins and `on_end` ends.
        stream: whether the response is a stream.
        keep_events: `on_request` sets it to let `on_end` read the events of a stream.
    """

    __slots__ = (
        "_body",
        "_content",
        "_facts",
        "_model",
        "_url",
        "began",
        "context",
        "delay",
        "elapsed",
        "error",
        "headers",
        "keep_events",
        "method",
        "number",
        "operation",
        "request_id",
        "status",
        "stream",
    )

    def __init__(self, request: Request, number: int, context: dict[str, Any] | None = None) -> None:
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
        self.context: dict[str, Any] = {} if context is None else context
        self.stream = request.stream
        self.keep_events = False
        self.began = time.monotonic()
        self._body: bytes | Body | None = request.body
        self._content = b""
        self._facts: response_meter.ResponseFacts | None = None
        self._model: str | None = None

    @property
    def url(self) -> str:
        """The URL, with userinfo and secret query parameters redacted."""
        from oai._support.redact import redact_url  # compiles regular expressions

        return redact_url(self._url)

    @property
    def model(self) -> str | None:
        """The model that the request names, `None` if it names none."""
        if self._model is None and self._body is not None:
            from oai._metering.request_facts import request_facts  # few hooks need it

            self._model = request_facts(self._body).model_name
        return self._model

    @property
    def usage(self) -> tokens.TokenUsage | None:
        """The tokens that the response reports; of a stream, not before `on_end`."""
        return self.facts.usage

    @property
    def facts(self) -> response_meter.ResponseFacts:
        """What the response reports: tokens, model, id, finish reasons; of a stream, not before `on_end`."""
        if self._facts is None:
            from oai._metering.response_meter import ResponseFacts, facts_of  # few hooks need it

            if not self._content:
                return ResponseFacts()
            self._facts = facts_of(self._content)
        return self._facts

    def set_response(self, response: Response) -> None:
        """Take the status, the headers and the content of the response."""
        self.status, self.headers, self.request_id = response.status_code, response.headers, response.request_id
        self._content = response.content

    def set_facts(self, facts: response_meter.ResponseFacts) -> None:
        """Take what a stream has reported."""
        self._facts = facts

    def read_request(self) -> Any:
        """Return the body of the request as plain data, `None` if it is not JSON."""
        return _plain(self._body)

    def read_response(self) -> Any:
        """Return the body of the response as plain data, a list of events if it is a stream with `keep_events`."""
        if self._facts is not None and self._facts.events:
            return [_plain(event) for event in self._facts.events]
        return _plain(self._content)

    def __repr__(self) -> str:
        outcome = self.status or self.error or "in progress"
        return f"<Attempt {self.number} of {self.operation}: {self.method} {self.url}, {outcome}>"


def _plain(body: Any) -> Any:
    try:
        return msgspec.json.decode(body) if isinstance(body, bytes) and body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


Hook = Callable[[Attempt], Any]


class Hooks(msgspec.Struct, frozen=True):
    """The hooks of one client."""

    on_request: Hook | None = None
    on_reply: Hook | None = None
    on_retry: Hook | None = None
    on_end: Hook | None = None
