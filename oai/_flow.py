"""What happens to a call: attempts, retries, redirects, deadline. Written once, for sync and async clients.

`run` is a generator that does nothing itself. It yields effects, a function and its arguments, and is
sent their outcome or has their exception thrown in; `drive` does so plainly and `drive_async` awaits.
The rules of retrying are the official SDK's (its `_base_client`), with two of our own: never for an exhausted
quota, and never past the deadline.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._config import check_key
from oai._content import TooLarge, decoded
from oai._errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    OpenAIError,
    ResponseTooLargeError,
    status_error,
)
from oai._http import Reply, Request, Transport, TransportError
from oai._observe import Observer, observer
from oai._response import Response, SentRequest

if TYPE_CHECKING:
    from oai._request import Call

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 8.0
LONGEST_RETRY_AFTER: Final = 120.0
"""Seconds: the backoff doubles from the first to the longest; a server may ask for more, up to two minutes."""

RETRIED_STATUSES: Final = frozenset({408, 409, 429})
MOST_REDIRECTS: Final = 10

Effect = tuple[Any, ...]
Flow = Generator[Effect, Any, tuple[Response, Reply | None]]


def drive(flow: Generator[Effect, Any, Any]) -> Any:
    """Run a flow, doing each effect in place."""
    try:
        function, *arguments = next(flow)
        while True:
            try:
                outcome = function(*arguments)
            except Exception as error:  # noqa: BLE001 - the flow decides
                function, *arguments = flow.throw(error)
            else:
                function, *arguments = flow.send(outcome)
    except StopIteration as end:
        return end.value


async def drive_async(flow: Generator[Effect, Any, Any]) -> Any:
    """Run a flow, awaiting what its effects return."""
    try:
        function, *arguments = next(flow)
        while True:
            try:
                outcome = function(*arguments)
                if isinstance(outcome, Awaitable):
                    outcome = await outcome
            except Exception as error:  # noqa: BLE001 - the flow decides
                function, *arguments = flow.throw(error)
            else:
                function, *arguments = flow.send(outcome)
    except StopIteration as end:
        return end.value


class Ways(msgspec.Struct, frozen=True):
    """How a client waits, and how it reads a body that may be too large; all in which sync and async differ here."""

    sleep: Callable[[float], Any]
    read: Callable[[Any, int], Any]


def run(call: Call, transport: Transport, ways: Ways, *, needs_key: bool = True) -> Flow:
    """Send a call until it is answered or given up; return the response, and the open reply of a stream.

    Raises:
        APIStatusError: the last attempt was answered with an error.
        APIConnectionError, APITimeoutError: the last attempt was not answered, or not in time; a call that has no
            time at all is not attempted.
        ResponseTooLargeError: the answer is larger than the client's `max_body`.
        OpenAIError: there is no key.
    """
    began = time.monotonic()
    deadline = call.config.deadline
    if call.timeout.is_over or (deadline is not None and deadline <= 0):
        sent = SentRequest.of(call.request(None, call.timeout))
        raise APITimeoutError(sent, message="Request timed out: its limits leave no time, and nothing was sent.")
    watch = observer(call.config.hooks)
    attempt = 0
    while True:
        key = yield from _key(call, needs_key=needs_key)
        remaining = None if deadline is None else deadline - (time.monotonic() - began)
        request = call.request(key, call.timeout.within(remaining))
        steps = _attempt(call, request, transport, ways, attempt, began)
        try:
            response, reply = yield from steps if watch is None else _watched(watch, request, attempt, steps)
        except TransportError as error:
            failure: APIError = _connection_error(error, request, deadline, began)
            retry, after = error.kind != "closed", None
        else:
            if _went_well(response.status_code):
                return response, reply
            failure = status_error(response)
            retry, after = may_retry(failure)
        delay = retry_delay(attempt, after)
        out_of_time = deadline is not None and time.monotonic() - began + delay >= deadline
        if not retry or attempt >= call.config.max_retries or out_of_time:
            raise failure
        attempt += 1
        if watch is not None:
            yield from watch.retry(delay)
        yield ways.sleep, delay


def _attempt(call: Call, request: Request, transport: Transport, ways: Ways, number: int, began: float) -> Flow:
    """Send once; return the response, and the open reply where the body is to be read as it comes."""
    reply = yield from _exchange(request, transport)
    response = Response(reply.status, reply.headers, request, retries_taken=number)
    response.elapsed = time.monotonic() - began
    if call.stream and _went_well(reply.status):
        return response, reply
    yield from _read(response, reply, call.config.max_body, ways)
    return response, None


def _went_well(status: int) -> bool:
    """Tell success from failure; 101 is the answer to a WebSocket's handshake."""
    return 200 <= status < 300 or status == 101


def _watched(watch: Observer, request: Request, number: int, steps: Flow) -> Flow:
    """Do an attempt and tell of it; should a hook fail, the connection of a stream must not be lost with it."""
    yield from watch.begin(request, number)
    try:
        response, reply = yield from steps
    except Exception as error:
        yield from watch.end(None, None, error)
        raise
    try:
        yield from watch.end(response.status_code, response.headers, None)
    except BaseException:
        if reply is not None:
            yield (reply.close,)
        raise
    return response, reply


def _read(response: Response, reply: Reply, limit: int | None, ways: Ways) -> Generator[Effect, Any, None]:
    """Read the body into the response, no more of it than the limit."""
    try:
        if limit is None or _within(response, limit):
            content = yield (reply.read,)
        else:
            content = yield ways.read, reply, limit
        response.content = decoded(reply.headers, content, limit)
    except TooLarge:
        yield (reply.close,)
        message = f"the answer is larger than {limit} bytes (max_body)"
        raise ResponseTooLargeError(message, response=response) from None


def _within(response: Response, limit: int) -> bool:
    """Tell whether a body says to be within the limit; raise `TooLarge` if it says not to be."""
    length = response.headers.get("content-length", "")
    if not length.isdecimal() or "transfer-encoding" in response.headers:
        return False
    if int(length) > limit and response.method != "HEAD":
        raise TooLarge
    return True


def read_within(reply: Reply, limit: int) -> bytes:
    """Read a body, or raise `TooLarge`."""
    pieces, size = [], 0
    for piece in reply:
        size += len(piece)
        if size > limit:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


async def read_within_async(reply: Any, limit: int) -> bytes:
    """Read a body, or raise `TooLarge`; the reply may be one that has to be awaited."""
    if not hasattr(reply, "__aiter__"):
        return read_within(reply, limit)
    pieces, size = [], 0
    async for piece in reply:
        size += len(piece)
        if size > limit:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


def _key(call: Call, *, needs_key: bool) -> Generator[Effect, Any, str | None]:
    """Return the key of the next attempt; where it is a function that is asked, unless nobody needs a key."""
    auth = call.operation.row.auth
    if call.authorizes_itself or auth == "none":
        return None
    key: str | Callable[[], object] | None = call.config.admin_api_key if auth == "admin" else call.config.api_key
    if callable(key) and not needs_key:
        return None
    if callable(key):
        asked: object = yield (key,)
        if not isinstance(asked, str) or not asked:
            raise OpenAIError(f"the function given as api_key returned {type(asked).__name__}, not a key")
        check_key("the key that api_key returned", asked)
        return asked
    if key is None and needs_key:
        option, variable = ("admin_api_key", "OPENAI_ADMIN_KEY") if auth == "admin" else ("api_key", "OPENAI_API_KEY")
        raise OpenAIError(f"{call.operation.name} needs {option}: pass it to the client, or set {variable}")
    return key


def _exchange(request: Request, transport: Transport) -> Generator[Effect, Any, Reply]:
    """Send a request and follow redirects, all in its time. The key stays with the origin that it was meant for."""
    began, total = time.monotonic(), request.timeout.total
    for _ in range(MOST_REDIRECTS + 1):
        reply: Reply = yield transport.send, request
        if reply.status not in (301, 302, 303, 307, 308) or (location := reply.headers.get("location")) is None:
            return reply
        yield (reply.close,)
        from oai._redirects import redirected  # with modules that a call without a redirect does without

        request = redirected(request, reply.status, location)
        if total is not None:
            request.timeout = request.timeout.within(total - (time.monotonic() - began))
    raise TransportError("receive", f"the server redirected more than {MOST_REDIRECTS} times")


def may_retry(error: APIStatusError) -> tuple[bool, float | None]:
    """Tell whether an answer with an error may be asked for again, and in how many seconds the server says."""
    headers = error.response.headers
    after = retry_after(headers)
    if "insufficient_quota" in (error.code, error.type):
        return False, after
    if after is not None and after > LONGEST_RETRY_AFTER:
        return False, after
    asked = headers.get("x-should-retry")
    if asked in ("true", "false"):
        return asked == "true", after
    return error.status_code in RETRIED_STATUSES or error.status_code >= 500, after


def retry_after(headers: Any) -> float | None:
    """Read the seconds to wait from `retry-after-ms`, or from `retry-after` (seconds or a date)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if not math.isnan(seconds):
            return seconds
    from email.utils import parsedate_to_datetime  # rare, and the module is not small

    try:
        return parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def retry_delay(attempt: int, after: float | None) -> float:
    """Return the seconds before the next attempt: what the server asked for, else a jittered backoff."""
    if after is not None and 0 < after <= LONGEST_RETRY_AFTER:
        return after
    jitter = 1 - 0.25 * os.urandom(1)[0] / 255
    return min(FIRST_DELAY * 2.0 ** min(attempt, 10), LONGEST_DELAY) * jitter


def _connection_error(
    error: TransportError, request: Request, deadline: float | None, began: float
) -> APIConnectionError:
    sent = SentRequest.of(request)
    if error.kind != "timeout":
        from urllib.parse import urlsplit

        parts = urlsplit(request.url)
        where = "" if (parts.hostname or "") in str(error) else f" ({parts.netloc.rpartition('@')[2]})"
        made: APIConnectionError = APIConnectionError(message=f"Connection error: {error}{where}", request=sent)
    elif deadline is not None and time.monotonic() - began >= deadline:
        made = APITimeoutError(sent, message=f"Request timed out: the deadline of {deadline} s has passed.")
    else:
        made = APITimeoutError(sent, message=f"Request timed out: {error}")
    made.__cause__ = error
    return made
