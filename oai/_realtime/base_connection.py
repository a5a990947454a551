"""The logic shared by sync and async WebSocket connections: sending, receiving, dispatching, reconnecting.

The methods are generators that yield the wire's operations, as helpers yield calls (`_flow.steps`): `Connection` runs
them, `AsyncConnection` awaits what they yield.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._errors import (
    APIResponseValidationError,
    APITimeoutError,
    OpenAIError,
    StreamError,
)
from oai._http.response import Response
from oai._json.decode import decode
from oai._json.objects import plain
from oai._realtime.handlers import Handlers, message_of, type_of
from oai._realtime.handshake import Handshake
from oai._realtime.reconnect import RECOVERABLE, ReconnectingEvent, SendQueue, SocketClosed
from oai._support.log import logger

if TYPE_CHECKING:
    from typing import Self

    from oai._flow.steps import Steps
    from oai._realtime.reconnect import OnReconnecting

END: Final = object()
"""Returned by `_next` once the connection was closed normally; `None` would be a valid event."""


class BaseConnection(Handlers):
    """Base class shared by `Connection` and `AsyncConnection`; contains everything that does not block or await.

    Args:
        handshake: how the connection was opened, and is opened again.
        response: the server's response to the handshake.
        wire: the open connection.
        queue: messages that wait to be sent.
        handlers: functions registered before the connection was open.
    """

    def __init__(
        self, handshake: Handshake, response: Response, wire: Any, queue: SendQueue, handlers: Handlers
    ) -> None:
        super().__init__(handlers)
        self._opener = handshake
        self._queue = queue
        self._lock = threading.Lock()
        # Set while messages must queue: for a new connection, or behind messages that are queued already, which would
        # otherwise be overtaken.
        self._queueing = bool(queue)
        self._closing = False
        self._attempt = 0
        self._use(response, wire)

    @property
    def _connection(self) -> Self:
        """The connection itself; `senders.Events` has an attribute of the same name."""
        return self

    def _use(self, response: Response, wire: Any) -> None:
        self.handshake = response
        """Status and headers of the server's response to the handshake."""
        self._wire = wire

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.handshake.request.operation}>"

    def parse_event(self, data: str | bytes) -> Any:
        """Parse a message into an event, as `recv` does.

        Raises:
            APIResponseValidationError: the message is not JSON.
        """
        content = data.encode() if isinstance(data, str) else data
        try:
            return decode(self._opener.event_type, content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise APIResponseValidationError(
                f"A message received over the WebSocket is not JSON ({error}): {self.handshake.excerpt(content)}",
                response=self.handshake,
                body=self.handshake.excerpt(content),
            ) from None

    def _pause(self, seconds: float) -> Any:
        raise NotImplementedError

    def _stop(self) -> None:
        self._closing = True

    def _sending(self, frame: str | bytes) -> Steps[None]:
        with self._lock:
            if self._queueing and not self._closing:
                self._queue.add(frame)
                return
        try:
            yield self._wire.send(frame)
        except SocketClosed as closed:
            raise self._lost(closed) from closed

    def _flush(self) -> Steps[None]:
        """Send the queued messages, including those queued meanwhile, each at most once.

        If the connection is lost during that, the rest stays queued and the error is left to the receiver: only there
        come the events received before, and the close code that decides whether to reconnect. The message that was
        being sent is dropped, as the official SDK does: it may have reached the server, where the second of two
        `response.create` costs money.
        """
        while (frame := self._next_queued()) is not None:
            try:
                yield self._wire.send(frame)
            except (SocketClosed, OSError):
                with self._lock:
                    self._queueing = self._reconnects
                logger().warning(
                    "%s: the WebSocket was lost while a queued message was being sent; "
                    "it is not sent again, because it may have reached the server",
                    self._opener.name,
                )
                return

    def _next_queued(self) -> str | bytes | None:
        """Remove and return the oldest queued message; `None` if there is none, or no connection to send it over."""
        with self._lock:
            if self._queue and self._wire.is_open:
                return self._queue.take()
            self._queueing = bool(self._queue) and self._reconnects
            return None

    @property
    def _reconnects(self) -> bool:
        return self._opener.policy.on_reconnecting is not None

    def _receiving(self, timeout: float | None = None) -> Steps[bytes]:
        try:
            data: bytes = yield self._wire.receive(timeout)
        except SocketClosed as closed:
            raise self._lost(closed, self._drain()) from closed
        except TimeoutError:
            message = f"No message was received over the WebSocket within {timeout} s."
            raise APITimeoutError(self.handshake.request, message=message) from None
        return self._counted(data)

    def _counted(self, data: bytes) -> bytes:
        """Return a message, whose tokens a transport may count."""
        if self._opener.meter is not None:
            self._opener.meter(data)
        return data

    def _event(self, timeout: float | None) -> Steps[Any]:
        data = yield from self._receiving(timeout)
        return self._parsed(data)

    def _send_now(self, frame: str, reserve: Callable[[], None]) -> Steps[None]:
        """Send a message over the wire that there is, never over a later one; `reserve` is called just before.

        Raises:
            RuntimeError: the connection is opened again.
        """
        with self._lock:
            if self._queueing:
                raise RuntimeError("the WebSocket is reconnecting; restore the conversation's state before sending")
            reserve()
            wire = self._wire
        try:
            yield wire.send(frame)
        except SocketClosed as closed:
            raise self._lost(closed) from closed

    def _next(self) -> Steps[Any]:
        """Return the next event, reconnecting if necessary; `END` after a normal close."""
        data = yield from self._message()
        return END if data is END else self._parsed(data)

    def _message(self) -> Steps[Any]:
        """Return the next message, reconnecting if necessary; `END` after a normal close."""
        while True:
            try:
                return self._counted((yield self._wire.receive(None)))
            except SocketClosed as closed:
                if (yield from self._reconnecting(closed)):
                    continue
                unsent = self._drain()
                if unsent or not (closed.clean or self._closing):
                    raise self._lost(closed, unsent) from closed
                return END

    def _drain(self) -> list[str | bytes]:
        """Stop queueing; return the messages that were queued."""
        with self._lock:
            self._queueing = False
            return self._queue.drain()

    def _parsed(self, data: bytes) -> Any:
        event = self.parse_event(data)
        # A server that rejects every session sends an `error` event over each new connection: that is not progress.
        if type_of(event) != "error":
            self._attempt = 0
        return event

    def _dispatching(self) -> Steps[None]:
        while (event := (yield from self._next())) is not END:
            event_type = type_of(event)
            handlers = self._take(event_type)
            if not handlers and event_type == "error":
                raise StreamError(message_of(event, self.handshake.excerpt), response=self.handshake, body=plain(event))
            for handler in handlers:
                yield handler(event)

    def _reconnecting(self, closed: SocketClosed) -> Steps[bool]:
        """Reconnect, if the policy and the close code allow it; return whether there is a connection."""
        policy = self._opener.policy
        if policy.on_reconnecting is None or closed.code not in RECOVERABLE:
            return False
        with self._lock:
            self._queueing = True
        while not self._closing and self._attempt < policy.max_retries:
            self._attempt += 1
            delay = policy.delay(self._attempt)
            query, headers = self._opener.extra_query, self._opener.extra_headers
            event = ReconnectingEvent(self._attempt, policy.max_retries, delay, closed.code, query, headers)
            changes = self._call_hook(policy.on_reconnecting, event)
            if changes.get("abort"):
                return False
            self._opener = self._opener.replace(changes)
            yield self._pause(delay)
            if self._closing:
                return False
            if (yield from self._reopened()):
                return True
        return False

    def _call_hook(self, hook: OnReconnecting, event: ReconnectingEvent) -> Mapping[str, Any]:
        try:
            return hook(event) or {}
        except BaseException:
            self._drain()
            raise

    def _reopened(self) -> Steps[bool]:
        """Try once to reconnect, and send the queued messages; return whether there is a connection."""
        try:
            response, wire = self._opener.check((yield self._opener.open(again=True)))
        except OpenAIError as error:
            if self._opener.may_try_again(error):
                return False
            self._drain()
            raise
        if self._closing:
            yield wire.close()
            return False
        self._use(response, wire)
        yield from self._flush()
        return True

    def _lost(self, closed: SocketClosed, unsent: list[str | bytes] | None = None) -> OpenAIError:
        """Return the exception for a connection that was closed or lost."""
        from oai._realtime import errors  # needs an extra, which is installed if a connection is open

        error: OpenAIError
        if closed.too_big:
            message = f"a message is larger than {self._opener.max_size} bytes (max_event)"
            error = errors.ResponseTooLargeError(message, response=self.handshake)
            error.take(closed.__cause__)
            return error
        reason = closed.reason or closed.sent_reason
        cause = f"code {closed.code}" + (f", {self.handshake.excerpt(reason)}" if reason else "")
        message = f"The WebSocket was {'closed' if closed.clean else 'lost'} ({cause})"
        if unsent:
            message += f"; {len(unsent)} messages were not sent"
        kind = errors.WebSocketConnectionClosedOK if closed.clean else errors.WebSocketConnectionClosedError
        error = kind(
            message + ".",
            request=self.handshake.request,
            code=closed.code,
            reason=closed.reason,
            unsent_messages=unsent or (),
        )
        error.take(closed.__cause__)
        return error
