"""Fail on purpose, to see what a program does when the network or the server fails.

    transport = FailingTransport(HTTPTransport(), Fail("reset", every=3), Fail(429, first=2, retry_after=0.1))

Which calls fail follows from the rules, the seed and the order of the calls alone. One flow of effects serves sync
and async transports.
"""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple

from oai._flow.drivers import drive, drive_async
from oai._http.messages import Headers, Request, Timeout, TransportError, is_async
from oai._recording.cassette import RecordedResponse
from oai._recording.replies import ReplayedReply
from oai._results.stream import at_once
from oai._support.suggest import nearest

WAYS: Final = ("refused", "reset", "truncated", "stalled")


@dataclass(frozen=True)
class Fail:
    """A way to fail, and which calls do.

    Without `first`, `every` and `chance` each call of the operations fails; with several of them, all have to agree.

    Args:
        how: `"refused"` makes no connection; `"reset"` sends the request, and loses the answer before its head;
            `"truncated"` cuts the body of the answer; `"stalled"` waits before it sends, or in the body if `after` is
            given, and ends in a time-out if that is reached; a number answers with an error of that status.
        first: so many of the first calls.
        every: each call of which the number can be divided by this.
        chance: each call with this probability, from 0 to 1.
        operation: the calls that are looked at and counted, by a pattern of their operation's name: `"chat.*"`.
        after: bytes of the body that come through.
        seconds: how long a stall is; without end unless given, and so up to the time-out of the request.
        retry_after: seconds that an error asks to wait.

    Raises:
        ValueError: a part of it cannot be what was given.
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
        """Check what was given."""
        if self.how not in WAYS and not (isinstance(self.how, int) and 100 < self.how < 600):
            right = nearest(str(self.how), WAYS)
            hint = f". Did you mean {right!r}?" if right else ""
            raise ValueError(f"how is {self.how!r}; it is a status, or one of {', '.join(WAYS)}{hint}")
        if self.chance is not None and not 0 <= self.chance <= 1:
            raise ValueError(f"chance is {self.chance!r}; it is from 0 to 1")
        if self.every is not None and self.every < 1:
            raise ValueError(f"every is {self.every!r}; it is 1 or more")


class Failed(NamedTuple):
    """A call that was made to fail: its number, from 1, its operation's name, and the way."""

    call: int
    operation: str
    how: str | int


class FailingTransport:
    """Fail as the rules say, and send the rest.

    Args:
        transport: what sends, sync or async, which is closed with this one.
        rules: ways to fail; the first one that is for a call is the one that it gets.
        seed: what the chances are drawn from; the same seed and calls fail the same way.
    """

    def __init__(self, transport: Any, *rules: Fail, seed: int = 0) -> None:
        self.is_async = is_async(transport)
        self._transport = transport
        self._rules = _FailureRules(rules, seed)
        self._made_of = (transport, rules, seed)

    def __reduce__(self) -> Any:
        return _remade, (type(self), *self._made_of)

    @property
    def needs_key(self) -> bool:
        """Whether a client over this transport must have a key."""
        return bool(getattr(self._transport, "needs_key", True))

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self._rules.calls

    @property
    def failed(self) -> list[Failed]:
        """The calls that were made to fail."""
        return list(self._rules.failed)

    def send(self, request: Request) -> Any:
        """Send or fail; a reply, or where the transport is async a coroutine of one."""
        flow = self._flow(request, self._rules.choose(request))
        return drive_async(flow) if self.is_async else drive(flow)

    def for_async(self) -> FailingTransport:
        """Return this transport as async clients use it: it does not hold up their loop, whatever it wraps."""
        side = object.__new__(type(self))
        inner = getattr(self._transport, "for_async", lambda: self._transport)
        side.__dict__.update(self.__dict__, is_async=True, _transport=inner())
        return side

    def close(self) -> Any:
        """Close the transport; to be awaited where that is async."""
        closing = self._transport.close()
        return awaited(closing) if self.is_async else closing

    def _flow(self, request: Request, fail: Fail | None) -> Generator[tuple[Any, ...], Any, Any]:
        """Yield what to do, a function and its arguments, for either driver."""
        how = None if fail is None else fail.how
        if fail is None or how is None:
            return (yield self._transport.send, request)
        if how == "refused":
            raise TransportError("connect", "the connection was refused, on purpose")
        if isinstance(how, int):
            return _error(how, fail.retry_after)
        if how == "stalled" and fail.after is None:
            limit = _limit(request.timeout, 0.0)
            yield self._sleep, min(fail.seconds, limit)
            if limit <= fail.seconds:
                raise TransportError("timeout", "the server stalled, on purpose")
            return (yield self._transport.send, request)
        began = time.monotonic()
        reply = yield self._transport.send, request
        if how == "reset":
            yield (reply.close,)
            raise TransportError("receive", "the connection was reset, on purpose")
        reply_type = AsyncTruncatedReply if self.is_async else TruncatedReply
        return reply_type(reply, fail, request.timeout, began)

    def _sleep(self, seconds: float) -> Any:
        if not self.is_async:
            return time.sleep(seconds)
        import asyncio  # which an async program has loaded already

        return asyncio.sleep(seconds)


class _FailureRules:
    """The failure rules, and the calls that they have matched so far."""

    def __init__(self, rules: tuple[Fail, ...], seed: int) -> None:
        self.calls = 0
        self.failed: list[Failed] = []
        self._rules = [_FailureRule(fail, random.Random(f"{seed}/{place}")) for place, fail in enumerate(rules)]  # noqa: S311
        self._lock = threading.Lock()

    def choose(self, request: Request) -> Fail | None:
        """Return how a call fails, if it does."""
        name = request.operation.name if request.operation is not None else ""
        with self._lock:
            self.calls += 1
            hits = [rule.fail for rule in self._rules if rule.hits(name)]  # all of them count
            if hits:
                self.failed.append(Failed(self.calls, name, hits[0].how))
        return hits[0] if hits else None


class _FailureRule:
    """A failure rule, and the number of calls that it has seen."""

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
    """A reply whose body ends early; what both kinds share."""

    def __init__(self, reply: Any, fail: Fail, timeout: Timeout, began: float) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers
        self._reply = reply
        self._fail = fail
        self._timeout = timeout
        self._began = began
        self._left = fail.after or 0

    def _through(self, piece: bytes) -> bytes:
        """Return what of a piece comes through."""
        part = piece[: self._left]
        self._left -= len(part)
        return part

    def _pause(self) -> float:
        if self._fail.how == "truncated":
            return 0.0
        return min(self._fail.seconds, _limit(self._timeout, time.monotonic() - self._began))

    def _failure(self) -> TransportError:
        if self._fail.how == "truncated":
            return TransportError("receive", "the answer was cut short, on purpose")
        return TransportError("timeout", "the server stalled within the body, on purpose")


class TruncatedReply(_TruncatedReply):
    """A reply of a sync transport whose body ends early."""

    def read(self) -> bytes:
        """Raise what ends the body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._reply)
        while self._left and (piece := next(pieces, None)) is not None:
            yield self._through(piece)
        time.sleep(self._pause())
        self.close()
        raise self._failure()

    def close(self) -> None:
        """Give up what was not read."""
        self._reply.close()


class AsyncTruncatedReply(_TruncatedReply):
    """A reply for an async client whose body ends early."""

    async def read(self) -> bytes:
        """Raise what ends the body."""
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import asyncio

        pieces = aiter(self._reply if hasattr(self._reply, "__aiter__") else at_once(self._reply))
        while self._left and (piece := await anext(pieces, None)) is not None:
            yield self._through(piece)
        await asyncio.sleep(self._pause())
        await self.close()
        raise self._failure()

    async def close(self) -> None:
        """Give up what was not read."""
        await awaited(self._reply.close())


async def awaited(value: Any) -> Any:
    """Return what a value stands for that may have to be awaited."""
    return await value if isinstance(value, Awaitable) else value


def _limit(timeout: Timeout, passed: float) -> float:
    """Return the seconds that one wait may take."""
    read = math.inf if timeout.read is None else timeout.read
    total = math.inf if timeout.total is None else timeout.total - passed
    return max(min(read, total), 0.0)


def _error(status: int, retry_after: float | None) -> ReplayedReply:
    """Make an answer with an error in the API's shape."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "an unknown status"
    error = {"message": f"{phrase}, on purpose", "type": "on_purpose", "param": None, "code": None}
    headers = {"content-type": "application/json"}
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:g}"
    text = json.dumps({"error": error})
    return ReplayedReply(RecordedResponse(status=status, headers=headers, text=[text]), "recorded", "", pace=False)


def _remade(kind: type[FailingTransport], transport: Any, rules: tuple[Fail, ...], seed: int) -> FailingTransport:
    return kind(transport, *rules, seed=seed)
