"""Limit the tokens of a minute: estimate those of a request, admit it when they fit, and correct them afterwards."""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oai._http.messages import TransportError
from oai._metering.request_facts import estimated_input, request_facts
from oai._metering.response_meter import ResponseMeter, message_facts
from oai._metering.token_window import Spent, TokenWindow

if TYPE_CHECKING:
    from typing import Protocol

    from oai._metering.response_meter import ResponseFacts

    class Shared(Protocol):
        """Limits that processes share: by a file, or by a server."""

        def admit(self, ticket: str, tokens: int) -> float:
            """Start a request, or return for how many seconds it must wait before it asks again."""

        def correct(self, ticket: str, tokens: int) -> None:
            """Replace the estimate of a request by the tokens that its response reports."""

        def spend(self, tokens: int) -> None:
            """Count tokens that no request has."""

        def withdraw(self, ticket: str) -> None:
            """Leave the queue."""

        def block(self, seconds: float) -> None:
            """Let no process start a request for so many seconds."""

        def close(self) -> None:
            """Close what the limits are kept with."""


class Estimate:
    """The tokens of a request before it is sent: those of its input, and all."""

    def __init__(self, input_tokens: int = 0, tokens: int = 0) -> None:
        self.input_tokens = input_tokens
        self.tokens = tokens
        self.spent: Spent | None = None

    @cached_property
    def ticket(self) -> str:
        """The name of the request among those of other processes."""
        return os.urandom(8).hex()


class TokenLimits:
    """The limits of one process, or those that it shares with others.

    Args:
        tokens_per_minute: how many tokens the requests that start within a minute may have.
        shared: the limits of all processes, if they are shared.
    """

    def __init__(self, tokens_per_minute: int | None, shared: Shared | None) -> None:
        self._counts = tokens_per_minute is not None
        self._window = TokenWindow(tokens_per_minute) if tokens_per_minute is not None and shared is None else None
        self._shared = shared

    def estimate(self, body: Any) -> Estimate:
        """Estimate the tokens of a request; one that names no model has none."""
        facts = request_facts(body) if self._counts else None
        if facts is None or facts.model_name is None:
            return Estimate()
        tokens = estimated_input(body, facts.model_name)
        return Estimate(tokens, tokens + (facts.most_output or 0))

    def admit(self, estimate: Estimate, now: float) -> float:
        """Take the tokens of a request, or return for how many seconds it must wait before it asks again.

        Raises:
            TransportError: the file or the server of the shared limits fails.
        """
        if self._shared is not None:
            try:
                return self._shared.admit(estimate.ticket, estimate.tokens)
            except OSError as error:
                raise TransportError("send", f"the shared limits cannot be kept: {error}") from error
        if self._window is None:
            return 0.0
        delay = self._window.delay(estimate.tokens, now)
        if delay <= 0:
            estimate.spent = self._window.add(estimate.tokens, now)
        return delay

    def meter(self, estimate: Estimate, reply: Any) -> ResponseMeter | None:
        """Return what reads the tokens of a response, if these count."""
        counts = estimate.tokens and 200 <= reply.status < 300
        return ResponseMeter(reply.headers, 0.0) if counts else None

    def correct(self, estimate: Estimate, facts: ResponseFacts) -> None:
        """Replace the estimate of a request by what its response reports; without a report, it stays."""
        if facts.usage is not None:
            tokens = facts.usage.total_tokens
        elif facts.event_count:  # a stream without its usage, or that was closed early
            tokens = estimate.input_tokens + facts.event_count
        else:
            return
        if self._shared is not None:
            self._shared.correct(estimate.ticket, tokens)
        elif self._window is not None and estimate.spent is not None:
            self._window.correct(estimate.spent, tokens)

    def spend_message(self, data: bytes) -> None:
        """Count the tokens that a message of a WebSocket reports. They are spent already, and only later ones wait."""
        facts = message_facts(data) if self._counts else None
        if facts is None or facts.usage is None:
            return
        if self._shared is not None:
            self._shared.spend(facts.usage.total_tokens)
        elif self._window is not None:
            self._window.add(facts.usage.total_tokens, time.monotonic())

    def withdraw(self, estimate: Estimate) -> None:
        """Leave the queue of processes."""
        if self._shared is not None:
            self._shared.withdraw(estimate.ticket)

    def block(self, seconds: float) -> None:
        """Let no process that shares the limits start a request for so many seconds."""
        if self._shared is not None:
            self._shared.block(seconds)

    def close(self) -> None:
        """Close what shared limits are kept with."""
        if self._shared is not None:
            self._shared.close()
