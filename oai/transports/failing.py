"""Simulate failures of the network and the server, to test how a program handles them.

    transport = FailingTransport(HTTPTransport(), Fail("reset", every=3), Fail(429, first=2, retry_after=0.1))

The rules, the seed and the order of the calls alone determine which calls fail. One generator of effects serves sync
and async transports.
"""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple

from oai._flow.drivers import drive, drive_async
from oai._http.either import pieces_of
from oai._http.messages import Headers, Request, Timeout, TransportError
from oai._metering.replies import awaited
from oai._recording.cassette import RecordedResponse
from oai._recording.replies import ReplayedReply
from oai._support.async_library import sleep
from oai._support.named_tuples import readable
from oai._support.suggest import nearest
from oai.transports._wrapper import Wrapper

WAYS: Final = ("refused", "reset", "truncated", "stalled")


@dataclass(frozen=True)
class Fail:
    """A rule: how to fail, and which calls.

    Without `first`, `every` and `chance`, every call of the operations fails; with several of them, a call fails if all
    of them select it.

    Args:
        how: `"refused"` makes no connection; `"reset"` sends the request and loses the response; `"truncated"` cuts the
            body of the response; `"stalled"` waits before sending, or within the body if `after` is set, and raises a
            timeout if the request's is reached; a number returns an error of that status.
        first: fail this many of the first calls.
        every: fail each call whose number is a multiple of this.
        chance: fail each call with this probability, from 0 to 1.
        operation: a pattern for the names of the operations to count and fail: `"chat.*"`.
        after: the number of bytes of the body to pass on.
        seconds: the duration of a stall; unlimited by default, so that the request's timeout ends it.
        retry_after: the seconds in the `retry-after` header of an error.

    Raises:
        ValueError: an argument has an invalid value.
    """

    how: Literal["refused", "reset", "truncated", "stalled"] | int
    _: KW_ONLY
    first: int | None = None
    every: int | None = None
    chance: float | None = None
    operation: str = "*"
    after: int | None = None
    seconds: float = math.inf
    retry_after: float | None = None

    def __post_init__(self) -> None:
        """Validate the arguments."""
        if self.how not in WAYS and not (isinstance(self.how, int) and 100 < self.how < 600):
            right = nearest(str(self.how), WAYS)
            hint = f". Did you mean {right!r}?" if right else ""
            raise ValueError(f"how must be a status or one of {', '.join(WAYS)}, not {self.how!r}{hint}")
        if self.chance is not None and not 0 <= self.chance <= 1:
            raise ValueError(f"chance must be from 0 to 1, not {self.chance!r}")
        if self.every is not None and self.every < 1:
            raise ValueError(f"every must be a positive integer, not {self.every!r}")


@readable
class Failed(NamedTuple):
    """A failed call: its number, from 1, the name of its operation, and the rule's `how`."""

    call: int
    operation: str
    how: str | int


class FailingTransport(Wrapper):
    """A transport that fails calls by rules, and sends the others with another transport.

    Args:
        transport: the transport that sends, sync or async; it is closed with this one.
        rules: the rules; the first that selects a call applies.
        seed: the seed of the chances; the same seed and calls fail the same way.
    """

    def __init__(self, transport: Any, *rules: Fail, seed: int = 0) -> None:
        super().__init__(transport)
        self._rules = _FailureRules(rules, seed)
        self._arguments = (transport, rules, seed)

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), *self._arguments)

    @property
    def calls(self) -> int:
        """The number of calls so far."""
        return self._rules.calls

    @property
    def failed(self) -> list[Failed]:
        """The failed calls so far."""
        return list(self._rules.failed)

    def send(self, request: Request) -> Any:
        """Send or fail; return a reply, or a coroutine if the transport is async."""
        flow = self._flow(request, self._rules.choose(request))
        return drive_async(flow) if self.is_async else drive(flow)

    def _flow(self, request: Request, fail: Fail | None) -> Generator[tuple[Any, ...], Any, Any]:
        """Yield effects, each a function and its arguments, for either driver."""
        how = None if fail is None else fail.how
        if fail is None or how is None:
            return (yield self._transport.send, request)
        if how == "refused":
            raise TransportError("connect", "the connection was refused (simulated)")
        if isinstance(how, int):
            return _error(how, fail.retry_after)
        if how == "stalled" and fail.after is None:
            limit = _limit(request.timeout, 0.0)
            yield self._sleep, min(fail.seconds, limit)
            if limit <= fail.seconds:
                raise TransportError("timeout", "the server stalled (simulated)")
            return (yield self._transport.send, request)
        began = time.monotonic()
        reply = yield self._transport.send, request
        if how == "reset":
            yield (reply.close,)
            raise TransportError("receive", "the connection was reset (simulated)")
        reply_type = AsyncTruncatedReply if self.is_async else TruncatedReply
        return reply_type(reply, fail, request.timeout, began)

    def _sleep(self, seconds: float) -> Any:
        if not self.is_async:
            return time.sleep(seconds)
        return sleep(seconds)


class _FailureRules:
    """The failure rules, and the calls that they have selected so far."""

    def __init__(self, rules: tuple[Fail, ...], seed: int) -> None:
        self.calls = 0
        self.failed: list[Failed] = []
        self._rules = [_FailureRule(fail, random.Random(f"{seed}/{place}")) for place, fail in enumerate(rules)]  # noqa: S311
        self._lock = threading.Lock()

    def choose(self, request: Request) -> Fail | None:
        """Return the rule that applies to a call, if any."""
        name = request.operation.name if request.operation is not None else ""
        with self._lock:
            self.calls += 1
            hits = [rule.fail for rule in self._rules if rule.hits(name)]  # every rule counts every call
            if hits:
                self.failed.append(Failed(self.calls, name, hits[0].how))
        return hits[0] if hits else None


class _FailureRule:
    """A failure rule, and the number of calls that it has counted."""

    def __init__(self, fail: Fail, dice: random.Random) -> None:
        self.fail = fail
        self._dice = dice
        self._calls = 0

    def hits(self, operation: str) -> bool:
        fail = self.fail
        if not fnmatchcase(operation, fail.operation):
            return False
        self._calls += 1
        drawn = self._dice.random()
        return (
            (fail.first is None or self._calls <= fail.first)
            and (fail.every is None or self._calls % fail.every == 0)
            and (fail.chance is None or drawn < fail.chance)
        )


class _TruncatedReply:
    """Base class of replies whose body ends early, shared by sync and async."""

    def __init__(self, reply: Any, fail: Fail, timeout: Timeout, began: float) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers
        self._reply = reply
        self._fail = fail
        self._timeout = timeout
        self._began = began
        self._left = fail.after or 0

    def _through(self, piece: bytes) -> bytes:
        """Return the part of a piece that is passed on."""
        part = piece[: self._left]
        self._left -= len(part)
        return part

    def _pause(self) -> float:
        if self._fail.how == "truncated":
            return 0.0
        return min(self._fail.seconds, _limit(self._timeout, time.monotonic() - self._began))

    def _failure(self) -> TransportError:
        if self._fail.how == "truncated":
            return TransportError("receive", "the response was truncated (simulated)")
        return TransportError("timeout", "the server stalled within the body (simulated)")


class TruncatedReply(_TruncatedReply):
    """A reply of a sync transport whose body ends early."""

    def read(self) -> bytes:
        """Raise the failure that ends the body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._reply)
        while self._left and (piece := next(pieces, None)) is not None:
            yield self._through(piece)
        time.sleep(self._pause())
        self.close()
        raise self._failure()

    def close(self) -> None:
        """Discard what has not been read."""
        self._reply.close()


class AsyncTruncatedReply(_TruncatedReply):
    """A reply for an async client whose body ends early."""

    async def read(self) -> bytes:
        """Raise the failure that ends the body."""
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(pieces_of(self._reply))
        while self._left and (piece := await anext(pieces, None)) is not None:
            yield self._through(piece)
        await sleep(self._pause())
        await self.close()
        raise self._failure()

    async def close(self) -> None:
        """Discard what has not been read."""
        await awaited(self._reply.close())


def _limit(timeout: Timeout, passed: float) -> float:
    """Return the maximum seconds of one wait."""
    read = math.inf if timeout.read is None else timeout.read
    total = math.inf if timeout.total is None else timeout.total - passed
    return max(min(read, total), 0.0)


def _error(status: int, retry_after: float | None) -> ReplayedReply:
    """Return a reply with an error in the API's shape."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "an unknown status"
    error = {"message": f"{phrase} (simulated)", "type": "simulated", "param": None, "code": None}
    headers = {"content-type": "application/json"}
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:g}"
    text = json.dumps({"error": error})
    return ReplayedReply(RecordedResponse(status=status, headers=headers, text=[text]), "recorded", "", pace=False)


def _rebuild(kind: type[FailingTransport], transport: Any, rules: tuple[Fail, ...], seed: int) -> FailingTransport:
    return kind(transport, *rules, seed=seed)
