"""A WebSocket that is open: events in and out. What it does is written once, for `Connection` and `AsyncConnection`.

The methods are generators that yield what the wire does, as helpers yield calls (`_flow.steps`); each class runs them
its way. What sends a typed event, such as `connection.session.update(...)`, is made in `_realtime.senders`.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from oai._errors import (
    APIResponseValidationError,
    APITimeoutError,
    OpenAIError,
    ResponseTooLargeError,
    StreamError,
    WebSocketConnectionClosedError,
    excerpt,
)
from oai._flow.steps import run, run_async
from oai._json.decode import decode
from oai._json.encode import encode
from oai._json.objects import plain
from oai._realtime.handlers import Handlers, message_of, type_of
from oai._realtime.reconnect import RECOVERABLE, ReconnectingEvent, SendQueue, SocketClosed

if TYPE_CHECKING:
    from typing import Self

    from oai._flow.steps import Steps
    from oai._http.response import Response
    from oai._realtime.handshake import Handshake
    from oai._realtime.reconnect import OnReconnecting

E = TypeVar("E")

_END: Final = object()


class _Connection(Handlers):
    """What both connections are."""

    def __init__(
        self, opening: Handshake, response: Response, wire: Any, outbox: SendQueue, handlers: Handlers
    ) -> None:
        super().__init__(handlers)
        self._opening = opening
        self._outbox = outbox
        self._lock = threading.Lock()
        self._waiting = bool(outbox)
        """Whether what is sent has to wait: for a new connection, or for what waits already."""
        self._closing = False
        self._attempt = 0
        self._use(response, wire)

    @property
    def _connection(self) -> Self:
        """Itself: what sends events asks its owner for this."""
        return self

    def _use(self, response: Response, wire: Any) -> None:
        self.handshake = response
        """Status and headers of the answer to the handshake."""
        self._wire = wire

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.handshake.request.operation}>"

    def parse_event(self, data: str | bytes) -> Any:
        """Turn a message into an event, as `recv` does.

        Raises:
            APIResponseValidationError: it is not JSON.
        """
        content = data.encode() if isinstance(data, str) else data
        try:
            return decode(self._opening.event_type, content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise APIResponseValidationError(
                f"A message of the WebSocket is not JSON ({error}): {excerpt(content)}",
                response=self.handshake,
                body=excerpt(content),
            ) from None

    def _pause(self, seconds: float) -> Any:
        raise NotImplementedError

    def _stop(self) -> None:
        self._closing = True

    def _sending(self, frame: str | bytes) -> Steps[None]:
        with self._lock:
            if self._waiting and not self._closing:
                self._outbox.add(frame)
                return
        try:
            yield self._wire.send(frame)
        except SocketClosed as closed:
            raise self._lost(closed) from closed

    def _flush(self) -> Steps[None]:
        """Send what waits, and what comes to wait meanwhile.

        Where the connection is lost over it, the rest goes on to wait, and who receives is told: after the events that
        came before, and with the code that says whether to connect again.
        """
        while True:
            with self._lock:
                if not self._outbox:
                    self._waiting = False
                    return
                frame = self._outbox.take()
            try:
                yield self._wire.send(frame)
            except BaseException as error:
                with self._lock:
                    self._outbox.put_back(frame)
                    if isinstance(error, SocketClosed):
                        self._waiting = self._opening.policy.on_reconnecting is not None
                        return
                raise

    def _receiving(self, timeout: float | None = None) -> Steps[bytes]:
        try:
            data: bytes = yield self._wire.receive(timeout)
        except SocketClosed as closed:
            raise self._lost(closed, self._unsent()) from closed
        except TimeoutError:
            message = f"No message came over the WebSocket within {timeout} s."
            raise APITimeoutError(self.handshake.request, message=message) from None
        return data

    def _event(self, timeout: float | None) -> Steps[Any]:
        data = yield from self._receiving(timeout)
        return self._parsed(data)

    def _next(self) -> Steps[Any]:
        """Return the next event, over a new connection if need be; `_END` where the last was closed well."""
        while True:
            try:
                data = yield self._wire.receive(None)
            except SocketClosed as closed:
                if (yield from self._reconnecting(closed)):
                    continue
                unsent = self._unsent()
                if unsent or not (closed.clean or self._closing):
                    raise self._lost(closed, unsent) from closed
                return _END
            return self._parsed(data)

    def _unsent(self) -> list[str | bytes]:
        """Let nothing wait any longer; return what did."""
        with self._lock:
            self._waiting = False
            return self._outbox.drain()

    def _parsed(self, data: bytes) -> Any:
        event = self.parse_event(data)
        if type_of(event) != "error":
            self._attempt = 0
        return event

    def _dispatching(self) -> Steps[None]:
        while (event := (yield from self._next())) is not _END:
            kind = type_of(event)
            handlers = self._take(kind)
            if not handlers and kind == "error":
                raise StreamError(message_of(event), response=self.handshake, body=plain(event))
            for handler in handlers:
                yield handler(event)

    def _reconnecting(self, closed: SocketClosed) -> Steps[bool]:
        """Connect again, if that is wanted and there is a point; return whether there is a connection."""
        policy = self._opening.policy
        if policy.on_reconnecting is None or closed.code not in RECOVERABLE:
            return False
        with self._lock:
            self._waiting = True
        while not self._closing and self._attempt < policy.max_retries:
            self._attempt += 1
            delay = policy.delay(self._attempt)
            query, headers = self._opening.extra_query, self._opening.extra_headers
            event = ReconnectingEvent(self._attempt, policy.max_retries, delay, closed.code, query, headers)
            said = self._told(policy.on_reconnecting, event)
            if said.get("abort"):
                return False
            self._opening = self._opening.asking(said)
            yield self._pause(delay)
            if self._closing:
                return False
            if (yield from self._connected()):
                return True
        return False

    def _told(self, hook: OnReconnecting, event: ReconnectingEvent) -> Mapping[str, Any]:
        try:
            return hook(event) or {}
        except BaseException:
            self._unsent()
            raise

    def _connected(self) -> Steps[bool]:
        """Try once to connect again, and send what waits; return whether there is a connection."""
        try:
            response, wire = self._opening.opened((yield self._opening.open(again=True)))
        except OpenAIError as error:
            if self._opening.may_try_again(error):
                return False
            self._unsent()
            raise
        if self._closing:
            yield wire.close()
            return False
        self._use(response, wire)
        yield from self._flush()
        return True

    def _lost(self, closed: SocketClosed, unsent: list[str | bytes] | None = None) -> OpenAIError:
        """Make the exception for a connection that is no more."""
        if closed.too_big:
            message = f"a message is larger than {self._opening.max_size} bytes (max_event)"
            return ResponseTooLargeError(message, response=self.handshake)
        said = f"code {closed.code}" + (f", {excerpt(closed.reason)}" if closed.reason else "")
        message = f"The WebSocket was {'closed' if closed.clean else 'lost'} ({said})"
        if unsent:
            message += f"; {len(unsent)} messages were not sent"
        return WebSocketConnectionClosedError(
            message + ".",
            request=self.handshake.request,
            code=closed.code,
            reason=closed.reason,
            unsent_messages=unsent or (),
        )


class Connection(_Connection, Generic[E]):
    """A WebSocket: an iterable of the events that the server sends, with methods for those that the client sends.

    Iterating ends where the connection is closed as it should be, and raises `WebSocketConnectionClosedError` where it
    is lost. One thread may receive while others send.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._stopped = threading.Event()

    def _pause(self, seconds: float) -> Any:
        self._stopped.wait(seconds)

    def __iter__(self) -> Iterator[E]:
        while (event := run(self._next())) is not _END:
            yield event

    def recv(self, *, timeout: float | None = None) -> E:
        """Wait for the next event.

        Args:
            timeout: seconds; without end unless given. What comes later is there for the next call.

        Raises:
            WebSocketConnectionClosedError: the connection is closed.
            APITimeoutError: nothing came in time.
            APIResponseValidationError: what came is not JSON.
            ResponseTooLargeError: what came is larger than `max_event`.
        """
        event: E = run(self._event(timeout))
        return event

    def recv_bytes(self, *, timeout: float | None = None) -> bytes:
        """Wait for the next message, as it came; `parse_event` makes an event of it. Raises as `recv` does."""
        return run(self._receiving(timeout))

    def send(self, event: Mapping[str, Any] | Any) -> None:
        """Send an event: a dict, a struct, or whatever else has a form in JSON.

        Raises:
            WebSocketConnectionClosedError: the connection is closed.
            WebSocketQueueFullError: too much waits for a connection that is being made again.
        """
        run(self._sending(encode(event).decode()))

    def send_raw(self, data: str | bytes) -> None:
        """Send a message as it is: text, or bytes as a binary message. Raises as `send` does."""
        run(self._sending(data))

    def dispatch_events(self) -> None:
        """Receive events until the connection is closed, and call the functions given to `on` and `once`.

        Raises:
            StreamError: an `error` event came, and nobody handles it.
            WebSocketConnectionClosedError: the connection was lost.
        """
        run(self._dispatching())

    def close(self, *, code: int = 1000, reason: str = "") -> None:
        """Close the connection. Calling it again does nothing."""
        self._stop()
        self._stopped.set()
        self._wire.close(code, reason)


class AsyncConnection(_Connection, Generic[E]):
    """`Connection` for asyncio: `async for event in connection`, `await connection.response.create()`."""

    def __init__(self, *arguments: Any) -> None:
        from asyncio import Event

        super().__init__(*arguments)
        self._stopped = Event()

    async def _pause(self, seconds: float) -> None:
        from asyncio import timeout

        try:
            async with timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    async def __aiter__(self) -> AsyncIterator[E]:
        while (event := await run_async(self._next())) is not _END:
            yield event

    async def recv(self, *, timeout: float | None = None) -> E:  # noqa: ASYNC109 - as the sync client has it
        """Wait for the next event, see `Connection.recv`. Cancelling it loses nothing."""
        event: E = await run_async(self._event(timeout))
        return event

    async def recv_bytes(self, *, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Wait for the next message, as it came; `parse_event` makes an event of it."""
        return await run_async(self._receiving(timeout))

    async def send(self, event: Mapping[str, Any] | Any) -> None:
        """Send an event, see `Connection.send`."""
        await run_async(self._sending(encode(event).decode()))

    async def send_raw(self, data: str | bytes) -> None:
        """Send a message as it is: text, or bytes as a binary message."""
        await run_async(self._sending(data))

    async def dispatch_events(self) -> None:
        """Receive events until the connection is closed, and call the functions given to `on` and `once`."""
        await run_async(self._dispatching())

    async def close(self, *, code: int = 1000, reason: str = "") -> None:
        """Close the connection. Calling it again does nothing."""
        self._stop()
        self._stopped.set()
        await self._wire.close(code, reason)
