"""Limit requests: concurrent ones, those and the tokens of a minute, and by the rate-limit headers of the server.

This is also the example of a transport that wraps another one. It uses the public names of `oai.transports`, the rule
of `Retry-After` of the clients, and the meters of `_metering`. `send` may wait, and returns replies of both kinds, sync
and async.
"""

from __future__ import annotations

import copy
import math
import os
import threading
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, wait
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from oai._flow.retry import quota_pause, server_pause
from oai._http.messages import Headers, Request, TransportError, is_async
from oai._metering.replies import AsyncMeteredReply, MeteredReply, awaited
from oai._metering.response_meter import ResponseMeter
from oai._metering.socket_meters import SocketMeter, in_turn
from oai._metering.token_limits import Estimate
from oai._support.async_library import wait_for
from oai.transports._wrapper import OverTransport

if TYPE_CHECKING:
    from oai._metering.token_limits import Shared, TokenLimits

MINUTE = 60.0


class Limiter(OverTransport):
    """A transport that delays requests so that they stay within limits, in the order of the calls.

    A request is in flight until the body of its response ends or is closed. The limits of the server apply as well:
    after a `retry-after`, and while `x-ratelimit-remaining-requests` (or `-tokens`) is 0, nothing is sent until the
    time that the header names, at most two minutes. Limits apply to each process, over all its threads and event
    loops, or to all processes of the machine that name the same file.

    The tokens of a request are estimated before it is sent: its input, counted by `tiktoken` if that is installed
    (`oai[tiktoken]`) and has the vocabulary, else estimated from the characters, and its `max_output_tokens` (or
    `max_completion_tokens`, `max_tokens`). The response corrects the estimate. A request that is larger than the limit
    waits for a minute without others.

    Args:
        transport: the transport to send over, sync or async, which is closed with this one.
        requests_per_minute: how many requests may start within any 60 seconds.
        in_flight: how many requests may be in flight at a time, in this process.
        tokens_per_minute: how many tokens the requests that start within any 60 seconds may have, input and output.
        shared: a file by which processes of this machine share the limits of a minute and the pauses of the server, or
            the URL of a `LimitServer`, `tcp://host:port`, by which those of several machines do. The process that has
            waited longest sends next.

    A call that waits longer than its `Timeout.pool` or `Timeout.total` raises `APITimeoutError`.

    Raises:
        ValueError: a limit is less than one, or the URL of a server is invalid.
    """

    def __init__(
        self,
        transport: Any,
        *,
        requests_per_minute: int | None = None,
        in_flight: int | None = None,
        tokens_per_minute: int | None = None,
        shared: str | os.PathLike[str] | None = None,
    ) -> None:
        limits = {
            "requests_per_minute": requests_per_minute,
            "in_flight": in_flight,
            "tokens_per_minute": tokens_per_minute,
        }
        for name, limit in limits.items():
            if limit is not None and limit < 1:
                raise ValueError(f"{name} must be at least 1, or None for no limit, not {limit!r}")
        self.is_async = is_async(transport)
        self._transport = transport
        self._options: dict[str, Any] = {
            name: value for name, value in {**limits, "shared": shared}.items() if value is not None
        }
        self._limits = (requests_per_minute, in_flight, tokens_per_minute, shared)
        self._queue = WaitQueue(*self._limits)

    def __reduce__(self) -> Any:
        return partial(type(self), **self._options), (self._transport,)

    @property
    def needs_key(self) -> bool:
        """Whether a client over this transport must have a key."""
        return bool(getattr(self._transport, "needs_key", True))

    def send(self, request: Request) -> Any:
        """Send within the limits; return a reply, or a coroutine of one if the transport is async."""
        if self._queue.process != os.getpid():  # a forked child has nothing in flight
            self._queue = WaitQueue(*self._limits)
        return self._send_async(request) if self.is_async else self._send(request)

    def _send(self, request: Request) -> MeteredReply:
        queue, began = self._queue, time.monotonic()
        waiter = queue.waiter(request)
        with closing(queue.turn(request, began, waiter)) as turn:
            for wake, seconds in turn:
                wait([wake], seconds)
        try:
            reply = self._transport.send(_after(request, began))
        except BaseException:
            queue.leave()
            raise
        return MeteredReply(reply, *queue.begun(waiter, reply))

    def for_async(self) -> Limiter:
        """Return this limiter for async clients: it never blocks their loop, whatever it wraps."""
        side = object.__new__(type(self))
        inner = getattr(self._transport, "for_async", lambda: self._transport)
        side.__dict__.update(self.__dict__, is_async=True, _transport=inner())
        return side

    async def _send_async(self, request: Request) -> AsyncMeteredReply:
        queue, began = self._queue, time.monotonic()
        waiter = queue.waiter(request)
        with closing(queue.turn(request, began, waiter)) as turn:
            for wake, seconds in turn:
                await wait_for(wake, seconds)
        try:
            reply = await awaited(self._transport.send(_after(request, began)))
        except BaseException:
            queue.leave()
            raise
        return AsyncMeteredReply(reply, *queue.begun(waiter, reply))

    def socket_meter(self, operation: str, model: str) -> SocketMeter | None:
        """Return a function that lets later requests wait for the tokens in the messages of a WebSocket."""
        return in_turn(self._queue.message_meter, super().socket_meter(operation, model))

    def close(self) -> Any:
        """Reject the waiting requests, and close the transport; await the result if that is async."""
        self._queue.close()
        closing = self._transport.close()
        return awaited(closing) if self.is_async else closing


class WaitQueue:
    """The waiting requests, those in flight, and when the next may start. Threads share it; it never blocks itself."""

    def __init__(
        self,
        per_minute: int | None,
        in_flight: int | None,
        tokens_per_minute: int | None = None,
        shared: str | os.PathLike[str] | None = None,
    ) -> None:
        self.process = os.getpid()
        self._lock = threading.RLock()  # a finalizer of a reply may take it at any point, also while it is held
        self._waiting: deque[Waiter] = deque()
        self._room = math.inf if in_flight is None else in_flight
        self._begun: deque[float] = deque(maxlen=per_minute or 0)
        self._tokens: TokenLimits | None = None
        if tokens_per_minute is not None or shared is not None:
            from oai._metering.token_limits import TokenLimits  # other limits do without

            self._tokens = TokenLimits(tokens_per_minute, self._shared_limits(shared, per_minute, tokens_per_minute))
            self._begun = self._begun if shared is None else deque(maxlen=0)  # requests are counted for all processes
        self._blocked_until = 0.0
        self._closed = False

    def _shared_limits(
        self, shared: str | os.PathLike[str] | None, per_minute: int | None, tokens_per_minute: int | None
    ) -> Shared | None:
        if shared is None:
            return None
        if isinstance(shared, str) and shared.startswith("tcp://"):
            from oai.transports._remote_limits import RemoteLimits  # few programs run on several machines

            return RemoteLimits(shared, per_minute, tokens_per_minute, self.wake)
        from oai._metering.shared_limits import SharedLimits  # or in several processes

        return SharedLimits(shared, per_minute, tokens_per_minute)

    def waiter(self, request: Request) -> Waiter:
        """Return the waiter of a request, with the estimate of its tokens."""
        return Waiter(None if self._tokens is None else self._tokens.estimate(request.body))

    def turn(
        self, request: Request, began: float, waiter: Waiter | None = None
    ) -> Generator[tuple[Future[None], float | None], None, None]:
        """Yield what to wait for, and for how many seconds at most, until it is this request's turn."""
        limits = [limit for limit in (request.timeout.pool, request.timeout.total) if limit is not None]
        patience = min(limits, default=math.inf)
        waiter = waiter or Waiter()
        with self._lock:
            self._waiting.append(waiter)
        try:
            while (obstacle := self._admit(waiter, time.monotonic())) is not None:
                wake, delay = obstacle
                left = began + patience - time.monotonic()
                if left <= 0 or (left < delay < math.inf and not waiter.may_be_sooner):
                    raise TransportError("timeout", f"the limits do not allow the request within {patience:g} s")
                seconds = min(delay, left)
                yield wake, None if seconds == math.inf else seconds
        finally:
            self._give_up(waiter)

    def _admit(self, waiter: Waiter, now: float) -> tuple[Future[None], float] | None:
        """Admit the first waiter, or return what wakes it and how long it must wait (infinity: until then)."""
        with self._lock:
            if self._closed:
                raise TransportError("closed", "the limiter is closed")
            if (delay := self._delay(waiter, now)) > 0:
                waiter.wake = wake = Future[None]()  # a large object; requests that need not wait have none
                return wake, delay
            self._waiting.popleft()
            self._room -= 1
            self._begun.append(now)
            self._wake_first()
            return None

    def _delay(self, waiter: Waiter, now: float) -> float:
        """Return how long a waiter must wait; the lock is held."""
        if self._waiting[0] is not waiter or self._room < 1:
            return math.inf
        full = 0 < len(self._begun) == self._begun.maxlen
        at = max(self._blocked_until, self._begun[0] + MINUTE if full else 0.0)
        if at > now:
            return at - now
        if self._tokens is None or waiter.estimate is None:
            return 0.0
        waiter.may_be_sooner = True  # when responses correct their estimates
        return self._tokens.admit(waiter.estimate, now)

    def begun(self, waiter: Waiter, reply: Any) -> tuple[ResponseMeter | None, Any]:
        """Apply the limits of a response; return the reader of its body, and the function to call at its end."""
        self.update_limits(reply.status, reply.headers)
        tokens, estimate = self._tokens, waiter.estimate
        if tokens is None or estimate is None or (meter := tokens.meter(estimate, reply)) is None:
            return None, lambda _: self.leave()

        def on_end(_: BaseException | None) -> None:
            tokens.correct(estimate, meter.finish())
            self.leave()

        return meter, on_end

    @property
    def message_meter(self) -> SocketMeter | None:
        """The function that takes the messages of WebSockets, if tokens are limited."""
        return None if self._tokens is None else self._tokens.spend_message

    def _give_up(self, waiter: Waiter) -> None:
        with self._lock, suppress(ValueError):  # it has left the queue if it had its turn
            self._waiting.remove(waiter)
            if self._tokens is not None and waiter.estimate is not None:
                self._tokens.withdraw(waiter.estimate)
            self._wake_first()

    def wake(self) -> None:
        """Wake the first request, to check whether it may start."""
        with self._lock:
            self._wake_first()

    def _wake_first(self) -> None:
        if self._waiting:
            self._waiting[0].notify()

    def leave(self) -> None:
        """Remove a request that has ended."""
        with self._lock:
            self._room += 1
            self._wake_first()

    def update_limits(self, status: int, headers: Headers) -> None:
        """Apply the rate limits that a response reports."""
        pause = server_pause(headers) if status in (429, 503) else 0.0
        pause = max(pause, quota_pause(headers))
        if pause and self._tokens is not None:
            self._tokens.block(pause)
        with self._lock:
            self._blocked_until = max(self._blocked_until, time.monotonic() + pause)

    def close(self) -> None:
        """Reject the waiting requests, and all later ones."""
        with self._lock:
            self._closed = True
            for waiter in self._waiting:
                waiter.notify()
            if self._tokens is not None:
                self._tokens.close()


class Waiter:
    """A request that waits for its turn, with the estimate of its tokens if these are limited."""

    def __init__(self, estimate: Estimate | None = None) -> None:
        self.wake: Future[None] | None = None
        """Wakes it when it may look again; it has one while it waits."""
        self.estimate = estimate
        self.may_be_sooner = False

    def notify(self) -> None:
        """Wake it, to check whether it may start."""
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(None)


def _after(request: Request, began: float) -> Request:
    """Return the request with the time that the wait has left."""
    if request.timeout.total is None:
        return request
    shortened = copy.copy(request)
    shortened.timeout = request.timeout.within(began + request.timeout.total - time.monotonic())
    return shortened
