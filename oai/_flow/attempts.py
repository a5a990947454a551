"""Send a call: attempts, retries, redirects and the deadline, in one source for sync and async clients.

`attempts` is a generator that does no I/O. It yields effects, which a driver of `_flow.drivers` performs.
`_flow.retry` decides whether to retry; nothing is retried past the deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

from oai._errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    OpenAIError,
    ResponseTooLargeError,
    status_error,
)
from oai._flow.drivers import SYNC_IO, ClientIO, Effect
from oai._flow.observe import Observer, find_observer
from oai._flow.retry import may_retry, retry_delay
from oai._http.encodings import ContentError, TooLarge, decoded
from oai._http.messages import Reply, Request, Transport, TransportError
from oai._http.response import Response, SentRequest
from oai._request.options import OptionValueError, check_key

if TYPE_CHECKING:
    from oai._request.dialect import Dialect
    from oai._request.prepare import PreparedCall

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

MAX_REDIRECTS: Final = 10

MAX_DIGITS: Final = 18
"""Digits of a Content-Length that is read; Python refuses to read numbers of thousands of digits."""

Flow = Generator[Effect, Any, tuple[Response, Reply | None]]


def attempts(call: PreparedCall, transport: Transport, io: ClientIO, *, needs_key: bool = True) -> Flow:
    """Send a call, with retries; return the response, and the open reply of a stream.

    Raises:
        APIStatusError: the last attempt got a response with an error status, or a redirect that is not followed.
        APIConnectionError, APITimeoutError: the last attempt got no response, or not in time. A call whose timeouts
            leave no time is not attempted, and neither is one whose base URL is not an HTTP URL.
        ResponseTooLargeError: the response is larger than the client's `max_body`.
        OpenAIError: there is no key.
    """
    observer = find_observer(call.config.hooks)
    flow = _attempts(call, transport, io, observer, needs_key=needs_key)
    if observer is None or not observer.watches_end:
        return flow
    return observer.until_end(flow, is_async=io is not SYNC_IO)


def _attempts(
    call: PreparedCall, transport: Transport, io: ClientIO, observer: Observer | None, *, needs_key: bool
) -> Flow:
    start = time.monotonic()
    config = call.config
    deadline = config.deadline
    if call.timeout.is_over or (deadline is not None and deadline <= 0):
        sent = SentRequest.of(call.request(None, call.timeout))
        raise APITimeoutError(
            sent, message="Request timed out: no time is left by its timeout or deadline, and nothing was sent."
        )
    if config.url_problem is not None and needs_key:  # as in the official SDK, not when the client is created
        raise APIConnectionError(message=config.url_problem, request=SentRequest.of(call.request(None, call.timeout)))
    attempt = 0
    signer = config.dialect if config.dialect.signs and needs_key else None
    while True:
        key = _key(call, needs_key=needs_key)
        if callable(key):
            key = yield from _called(key, call)
        remaining = None if deadline is None else deadline - (time.monotonic() - start)
        request = call.request(key, call.timeout if remaining is None else call.timeout.within(remaining))
        steps = _attempt(call, request, transport, io, signer, attempt, start)
        try:
            response, reply = yield from steps if observer is None else _observed(observer, request, attempt, steps)
        except TransportError as error:
            failure: APIError = _connection_error(error, request, deadline, start)
            retry, after = error.kind != "closed" and not isinstance(error, ContentError), None
        else:
            if _is_success(response.status_code):
                return response, reply
            failure = status_error(response)
            retry, after = may_retry(failure)
        delay = retry_delay(attempt, after)
        out_of_time = deadline is not None and time.monotonic() - start + delay >= deadline
        if not retry or attempt >= config.max_retries or out_of_time:
            raise failure
        attempt += 1
        if observer is not None:
            yield from observer.on_retry(delay)
        yield io.sleep, delay


def _attempt(
    call: PreparedCall,
    request: Request,
    transport: Transport,
    io: ClientIO,
    signer: Dialect | None,
    number: int,
    start: float,
) -> Flow:
    """Send once; return the response, and the open reply of a response whose body is streamed."""
    began = time.monotonic()
    reply: Reply
    if signer is None:
        reply = yield transport.send, request
    else:
        reply = yield from _signed(signer, request, transport, io)
    history: list[Response] = []
    if reply.status in REDIRECTS and _follows_redirects(call, transport):
        reply, request = yield from _follow(reply, request, transport, began, history)
    response = Response(
        reply.status,
        reply.headers,
        request,
        retries_taken=number,
        elapsed_seconds=time.monotonic() - start,
        http_version=getattr(reply, "http_version", "HTTP/1.1"),
        history=history,
    )
    if call.stream and _is_success(reply.status):
        response.reply = reply
        return response, reply
    limit = call.config.max_body
    try:
        if limit is None or _is_bounded(reply, response, limit):
            content = yield (reply.read,)
        else:
            content = yield io.read_limited, reply, limit
        response.content = decoded(reply.headers, content, limit)
    except ContentError:
        if _is_success(response.status_code):
            raise  # the status of an error response says enough
    except TooLarge:
        yield (reply.close,)
        message = f"the response is larger than max_body ({limit} bytes)"
        raise ResponseTooLargeError(message, response=response) from None
    return response, None


def _follows_redirects(call: PreparedCall, transport: Transport) -> bool:
    """Tell whether redirects are followed: neither the service nor the `http_client` of the caller excludes it."""
    return call.config.dialect.follows_redirects and getattr(transport, "follows_redirects", True)


def _signed(signer: Dialect, request: Request, transport: Transport, io: ClientIO) -> Generator[Effect, Any, Reply]:
    """Sign a request and send it; once more with new credentials if the server rejects the old ones."""
    signed = yield from signer.sign(request, transport, io)
    reply: Reply = yield transport.send, request
    if reply.status != 401 or not signed or not signer.renew(request):
        return reply
    yield (reply.close,)
    yield from signer.sign(request, transport, io)
    reply = yield transport.send, request
    return reply


def _is_success(status: int) -> bool:
    """Tell success from failure; 101 is the response to a WebSocket's handshake."""
    return 200 <= status < 300 or status == 101


def _observed(observer: Observer, request: Request, number: int, steps: Flow) -> Flow:
    """Perform an attempt and report it. A hook that fails must not leak the connection of a stream."""
    yield from observer.on_attempt_start(request, number)
    try:
        response, reply = yield from steps
    except Exception as error:
        yield from observer.on_attempt_end(None, error)
        raise
    try:
        yield from observer.on_attempt_end(response, None)
    except BaseException:
        if reply is not None:
            yield (reply.close,)
        raise
    return response, reply


def _is_bounded(reply: Reply, response: Response, limit: int) -> bool:
    """Return whether the body is declared, by the transport or `Content-Length`, to have at most `limit` bytes.

    Raises:
        TooLarge: it is declared to have more.
    """
    declared: int | None = getattr(reply, "body_length", None)
    if declared is not None and declared <= limit:
        return True
    length = response.headers.get("content-length", "")
    if not length.isdecimal() or len(length) > MAX_DIGITS or "transfer-encoding" in response.headers:
        return False
    if int(length) > limit and response.method != "HEAD":
        raise TooLarge
    return True


def _key(call: PreparedCall, *, needs_key: bool) -> str | Callable[[], object] | None:
    """Return the key of the next attempt, or the function that returns it, if the transport needs a key."""
    auth = call.operation.row.auth
    if call.authorizes_itself or auth == "none":
        return None
    key: str | Callable[[], object] | None = call.config.admin_api_key if auth == "admin" else call.config.api_key
    if callable(key) and not needs_key:
        return None
    if key is None and needs_key and call.config.dialect.needs_key:
        raise OpenAIError(f"{call.operation.name} needs {call.config.dialect.key_hint(admin=auth == 'admin')}")
    return key


def _called(function: Callable[[], object], call: PreparedCall) -> Generator[Effect, Any, str]:
    """Return the key that the caller's function returns, which is called for each attempt."""
    value: object = yield (function,)
    value = value.strip() if isinstance(value, str) else value
    option = call.config.dialect.key_function
    if not isinstance(value, str) or not value:
        what = "an empty string" if value == "" else type(value).__name__
        raise OptionValueError(f"the function passed as {option} must return a key, not {what}")
    check_key(f"the key that the {option} function returned", value)
    return value


def _follow(
    reply: Reply, request: Request, transport: Transport, start: float, history: list[Response]
) -> Generator[Effect, Any, tuple[Reply, Request]]:
    """Follow redirects within the total timeout of a request that was sent at `start`; add them to `history`.

    Return the last reply and its request.
    """
    total = request.timeout.total
    for number in range(MAX_REDIRECTS + 1):
        if reply.status not in REDIRECTS or (location := reply.headers.get("location")) is None:
            return reply, request
        yield (reply.close,)
        if number == MAX_REDIRECTS:
            break
        from oai._flow.redirects import redirected  # urllib.parse, which few calls need

        following = redirected(request, reply.status, location)
        if following is None:
            raise _refused(Response(reply.status, reply.headers, request, history=history), location)
        history.append(_redirect(reply, request, time.monotonic() - start))
        request = following
        if total is not None:
            request.timeout = request.timeout.within(total - (time.monotonic() - start))
        reply = yield transport.send, request
    raise TransportError("receive", f"the server redirected more than {MAX_REDIRECTS} times")


def _redirect(reply: Reply, request: Request, elapsed_seconds: float) -> Response:
    """Return the response of a redirect that is followed; its body is not read."""
    response = Response(reply.status, reply.headers, request, elapsed_seconds=elapsed_seconds)
    response.is_spent = True
    return response


def _refused(response: Response, location: str) -> APIStatusError:
    """Return the error of a redirect that is not followed, since it leads a body to another origin."""
    from urllib.parse import urlsplit

    status, origin = response.status_code, urlsplit(location).netloc.rpartition("@")[2]
    message = f"the server redirects to another origin ({origin}), where a request body is not sent; check base_url"
    return APIStatusError(f"Error code: {status} - {message}", response=response)


def _connection_error(
    error: TransportError, request: Request, deadline: float | None, start: float
) -> APIConnectionError:
    sent = SentRequest.of(request)
    if error.kind != "timeout":
        from urllib.parse import urlsplit

        parts = urlsplit(request.url)
        where = "" if (parts.hostname or "") in str(error) else f" ({parts.netloc.rpartition('@')[2]})"
        failure: APIConnectionError = APIConnectionError(message=f"Connection error: {error}{where}", request=sent)
    elif deadline is not None and time.monotonic() - start >= deadline:
        failure = APITimeoutError(sent, message=f"Request timed out: the deadline of {deadline} s has passed.")
    else:
        failure = APITimeoutError(sent, message=f"Request timed out: {error}")
    failure.__cause__ = error
    return failure
