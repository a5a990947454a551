"""Send to the first of several servers that works.

`Fallback` tries targets in their order; `balancer` derives from it. `oai._routing` turns a request into that of a
target, decides which failures let another target try, and which targets get requests at present. One generator of
effects serves sync and async transports.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from oai._flow.drivers import drive, drive_async, read_within, read_within_async
from oai._http.either import AWAITABLE_NONE
from oai._http.encodings import TooLarge
from oai._http.messages import Request, TransportError, is_async
from oai._metering.replies import AsyncMeteredReply, MeteredReply, awaited
from oai._routing.attempt import Attempt
from oai._routing.failures import failure_of_status, with_body
from oai._routing.health import Health, Router, TargetInfo
from oai._routing.target import Target
from oai.transports._generating import GENERATING
from oai.transports._wrapper import after_wait

__all__ = ["Fallback", "Target", "TargetInfo"]

MOST_OF_ERROR = 64 * 1024
"""Bytes of an error's body that are read to tell its kind."""

Flow = Generator[tuple[Any, ...], Any, Any]


class Fallback:
    """A transport that sends to the first of several targets that works.

    A request goes to the next target if no connection is made, if the server rejects it (408, 429, 503, or 401, 402
    and 403: its key does not work), and, where it may be repeated, if it may have been done (a timeout, a broken
    connection, other 5xx, 404). It may be repeated if its method is GET, PUT or DELETE, if it has an `Idempotency-Key`,
    or if its operation is in `repeatable`. Nothing is sent again once the head of a response has come: a stream that
    breaks raises its error.

    A target that fails cools down: for the `retry-after` that it sends, else for `cooldown` seconds, twice as long
    after each failure in a row. Then one request tries it. `Timeout.total`, and hence the client's `deadline`, is one
    limit over all targets.

    A result tells the target by `_response.target`; `Attempt.headers` has it for hooks, as `oai-target` and
    `oai-target-failures`. The client's own `max_retries` come on top: after a failure of all targets.

    Args:
        targets: the targets, or transports.
        repeatable: operations that may be sent again although they may have been done, as patterns. By default those
            that only generate: chat and other completions, responses, embeddings, moderations, speech, transcriptions.
        cooldown: seconds of the first cool-down.
        longest_cooldown: seconds of the longest one, also for a key that does not work and an exhausted quota.

    Raises:
        ValueError: there is no target, or a number is negative.
    """

    def __init__(
        self,
        targets: Iterable[Target | Any],
        *,
        repeatable: str | Iterable[str] = GENERATING,
        cooldown: float = 1.0,
        longest_cooldown: float = 60.0,
    ) -> None:
        self._targets = _named(targets)
        for name, value in (("cooldown", cooldown), ("longest_cooldown", longest_cooldown)):
            if not value >= 0:
                raise ValueError(f"{name} must not be negative, not {value!r}")
        self.is_async = any(target.transport is not None and is_async(target.transport) for target in self._targets)
        self._repeatable = (repeatable,) if isinstance(repeatable, str) else tuple(repeatable)
        self._times = (cooldown, longest_cooldown)
        self._shared = _Shared(self._new_router())
        self._senders = self._shared.senders(self._targets, is_async=self.is_async)

    def __reduce__(self) -> Any:
        return partial(type(self), **self._options()), (self._targets,)

    def _options(self) -> dict[str, Any]:
        cooldown, longest = self._times
        return {"repeatable": self._repeatable, "cooldown": cooldown, "longest_cooldown": longest}

    def _new_router(self) -> Router:
        return Router(self._targets, self._pick, *self._times)

    def _pick(self, ready: Sequence[Health]) -> Health:
        """Choose among the targets that are ready."""
        return ready[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(target.name for target in self._targets)}>"

    @property
    def needs_key(self) -> bool:
        """Whether a client over this transport must have a key: for targets that have none of their own."""
        return any(
            target.uses_client_key and getattr(sender, "needs_key", True)
            for target, sender in zip(self._targets, self._senders, strict=True)
        )

    def info(self) -> list[TargetInfo]:
        """Return the figures of each target."""
        return self._router().info()

    def send(self, request: Request) -> Any:
        """Send to a target, and to the next ones if it fails; return a coroutine if a transport is async."""
        return self._send_async(request) if self.is_async else self._send(request)

    def _send(self, request: Request) -> Any:
        with closing(self._flow(request)) as flow:
            return drive(flow)

    async def _send_async(self, request: Request) -> Any:
        with closing(self._flow(request)) as flow:  # at once, also if the task is cancelled
            return await drive_async(flow)

    def for_async(self) -> Fallback:
        """Return this transport for async clients, with the same figures."""
        side = object.__new__(type(self))
        senders = self._shared.senders(self._targets, is_async=True)
        side.__dict__.update(self.__dict__, is_async=True, _senders=senders)
        return side

    def close(self) -> Any:
        """Close the transports of all targets; await the result if one is async."""
        closing = [each for each in self._shared.close() if inspect.isawaitable(each) and each is not AWAITABLE_NONE]
        return _all(closing) if self.is_async or closing else None

    def _router(self) -> Router:
        if self._shared.router.process != os.getpid():  # a forked child has nothing in flight
            self._shared.router = self._new_router()
        return self._shared.router

    def _flow(self, request: Request) -> Flow:
        """Yield effects, each a function and its arguments, for either driver."""
        if request.foreign:  # a redirect has led to another server than those of the targets
            return (yield self._senders[0].send, request)
        if request.timeout.is_over:
            raise TransportError("timeout", "no time is left, and nothing was sent")
        attempt = Attempt(self._router(), request, self._repeatable)
        try:
            while True:
                try:
                    reply = yield from self._exchange(attempt)
                except TransportError as error:
                    attempt.on_error(error)  # raises, unless another target gets the request
                    continue
                failure = failure_of_status(reply.status, reply.headers)
                if failure is None or not attempt.may_go_on(failure):
                    break
                content = yield self._read, reply
                yield (reply.close,)
                attempt.go_on(with_body(failure, content))
        except BaseException:
            attempt.end()
            raise
        on_end = attempt.finish(reply.headers, failure)
        reply_type = AsyncMeteredReply if self.is_async else MeteredReply
        return reply_type(reply, None, on_end, None, attempt.headers(reply.headers))

    def _exchange(self, attempt: Attempt) -> Flow:
        target, sender = attempt.health.target, self._senders[attempt.health.number]
        key: Any = target.key
        if callable(key):
            key = yield (key,)
        return (yield sender.send, after_wait(target.request(attempt.request, key), attempt.began))

    def _read(self, reply: Any) -> Any:
        return _start_async(reply) if self.is_async else _start(reply)


class _Shared:
    """The state that both sides of a transport share: the figures, and the transports that they created."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self._usual: dict[bool, Any] = {}
        self._senders: dict[bool, list[Any]] = {}

    def senders(self, targets: Sequence[Target], *, is_async: bool) -> list[Any]:
        """Return the transport of each target, within its limits, for one side."""
        if is_async not in self._senders:
            base = self._senders.get(not is_async)
            self._senders[is_async] = [
                self._sender(target, None if base is None else base[number], is_async=is_async)
                for number, target in enumerate(targets)
            ]
        return self._senders[is_async]

    def _sender(self, target: Target, other: Any, *, is_async: bool) -> Any:
        from oai.transports.limiter import Limiter  # only targets with limits need it

        if target.transport is None:
            inner = self._usual_transport(is_async=is_async)
        elif is_async and other is not None:
            return getattr(other, "for_async", lambda: other)()
        else:
            inner = target.transport
        if target.in_flight is None and target.requests_per_minute is None:
            return inner
        return Limiter(inner, in_flight=target.in_flight, requests_per_minute=target.requests_per_minute)

    def _usual_transport(self, *, is_async: bool) -> Any:
        if is_async not in self._usual:
            if is_async:
                from oai.transports.async_http import AsyncHTTPTransport as Usual
            else:
                from oai.transports.http import HTTPTransport as Usual  # type: ignore[assignment]
            self._usual[is_async] = Usual()
        return self._usual[is_async]

    def close(self) -> list[Any]:
        """Close all of them; return the awaitable if one is async."""
        senders = {id(sender): sender for side in self._senders.values() for sender in side}
        return [sender.close() for sender in senders.values()]


def _named(targets: Iterable[Target | Any]) -> tuple[Target, ...]:
    """Return targets that each have a name of their own."""
    from dataclasses import replace

    named: list[Target] = []
    for number, each in enumerate(targets, 1):
        target = each if isinstance(each, Target) else Target(each)
        name = target.name or f"target-{number}"
        if any(other.name == name for other in named):
            name = f"{name}-{number}"
        named.append(replace(target, name=name))
    if not named:
        raise ValueError("targets must have at least one target, not none")
    return tuple(named)


def _start(reply: Any) -> bytes:
    """Return the body of an error; empty if it is too large or broken."""
    try:
        return read_within(reply, MOST_OF_ERROR)
    except (TooLarge, TransportError):
        return b""


async def _start_async(reply: Any) -> bytes:
    try:
        return await read_within_async(reply, MOST_OF_ERROR)
    except (TooLarge, TransportError):
        return b""


async def _all(outcomes: list[Any]) -> None:
    for outcome in outcomes:
        await awaited(outcome)
