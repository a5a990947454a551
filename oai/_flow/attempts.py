"""What happens to a call: attempts, retries, redirects, deadline. Written once, for sync and async clients.

`attempts` is a generator that does nothing itself: it yields effects, which a driver of `_flow.drivers` carries out.
`_flow.retry` decides what is repeated; nothing is, past the deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

from oai._errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    OpenAIError,
    ResponseTooLargeError,
    status_error,
)
from oai._flow.drivers import ClientIO, Effect
from oai._flow.observe import Observer, observer
from oai._flow.retry import may_retry, retry_delay
from oai._http.encodings import TooLarge, decoded
from oai._http.messages import Reply, Request, Transport, TransportError
from oai._http.response import Response, SentRequest
from oai._request.options import check_key

if TYPE_CHECKING:
    from oai._request.prepare import PreparedCall

MOST_REDIRECTS: Final = 10

Flow = Generator[Effect, Any, tuple[Response, Reply | None]]


def attempts(call: PreparedCall, transport: Transport, io: ClientIO, *, needs_key: bool = True) -> Flow:
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
        steps = _attempt(call, request, transport, io, attempt, began)
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
            yield from watch.on_retry(delay)
        yield io.sleep, delay


def _attempt(
    call: PreparedCall, request: Request, transport: Transport, io: ClientIO, number: int, began: float
) -> Flow:
    """Send once; return the response, and the open reply where the body is to be read as it comes."""
    reply = yield from _exchange(request, transport)
    response = Response(reply.status, reply.headers, request, retries_taken=number)
    response.elapsed = time.monotonic() - began
    if call.stream and _went_well(reply.status):
        return response, reply
    yield from _read(response, reply, call.config.max_body, io)
    return response, None


def _went_well(status: int) -> bool:
    """Tell success from failure; 101 is the answer to a WebSocket's handshake."""
    return 200 <= status < 300 or status == 101


def _watched(watch: Observer, request: Request, number: int, steps: Flow) -> Flow:
    """Do an attempt and tell of it; should a hook fail, the connection of a stream must not be lost with it."""
    yield from watch.on_attempt_start(request, number)
    try:
        response, reply = yield from steps
    except Exception as error:
        yield from watch.on_attempt_end(None, None, error)
        raise
    try:
        yield from watch.on_attempt_end(response.status_code, response.headers, None)
    except BaseException:
        if reply is not None:
            yield (reply.close,)
        raise
    return response, reply


def _read(response: Response, reply: Reply, limit: int | None, io: ClientIO) -> Generator[Effect, Any, None]:
    """Read the body into the response, no more of it than the limit."""
    try:
        if limit is None or _within(response, limit):
            content = yield (reply.read,)
        else:
            content = yield io.read_limited, reply, limit
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


def _key(call: PreparedCall, *, needs_key: bool) -> Generator[Effect, Any, str | None]:
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
        from oai._flow.redirects import redirected  # with modules that a call without a redirect does without

        request = redirected(request, reply.status, location)
        if total is not None:
            request.timeout = request.timeout.within(total - (time.monotonic() - began))
    raise TransportError("receive", f"the server redirected more than {MOST_REDIRECTS} times")


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
