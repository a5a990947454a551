"""WebSockets: what a row with `websocket` becomes, `client.realtime.connect(...)` and the like.

It needs the extra `oai[realtime]`, the library `websockets`, which is imported when a connection is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from oai._errors import OpenAIError
from oai._flow.steps import Steps, run, run_async
from oai._json.encode import encode
from oai._realtime.handlers import Handlers
from oai._realtime.handshake import ExtraHeaders, ExtraQuery, Handshake, TimeoutLike
from oai._realtime.reconnect import OnReconnecting, ReconnectingEvent, ReconnectPolicy, SendQueue
from oai._request.client_core import core_of
from oai._support.omit import omit

if TYPE_CHECKING:
    from types import TracebackType

    from oai._table.websocket_row import WebSocketRow

C = TypeVar("C")


def connect(
    client: Any,
    *,
    socket: WebSocketRow,
    name: str,
    extra_query: ExtraQuery = None,
    extra_headers: ExtraHeaders = None,
    timeout: TimeoutLike = omit,
    websocket_connection_options: Mapping[str, Any] | None = None,
    on_reconnecting: OnReconnecting | None = None,
    max_retries: int = 5,
    initial_delay: float = 0.5,
    max_delay: float = 8.0,
    max_queue_size: int | None = None,
    **params: Any,
) -> Any:
    """Return a context manager that opens the connection when it is entered, and closes it when it is left.

    The handshake is retried, logged and told to the hooks as any request is, and its errors are those of any request.

    Args:
        client: the client; its keys, headers, hooks and limits hold for the handshake.
        socket: the row.
        name: its call path.
        extra_query: sent in the query beside the parameters.
        extra_headers: sent with the handshake beside the client's headers.
        timeout: seconds for the handshake, or a `Timeout` whose `connect` they are; the client's unless given.
        websocket_connection_options: passed on to `websockets`, such as `max_size`, `ssl` or `proxy`.
        on_reconnecting: makes iterating connect again where the connection is lost; it is called before each attempt
            with a `ReconnectingEvent`, and may return `extra_query`, `extra_headers`, or `abort=True`.
        max_retries: how many attempts in a row are made to connect again.
        initial_delay: seconds before the first of them, which double.
        max_delay: the most seconds before one.
        max_queue_size: how many bytes may wait to be sent, before the connection is open and while it is made again.
        **params: those of the path and the query.

    Raises:
        OpenAIError: the client's transport answers by itself, or an option cannot be what was given. Entering raises
            `AuthenticationError`, `RateLimitError` and the like where the server refuses, `APIConnectionError` and
            `APITimeoutError` where it is not reached, and `OpenAIError` where `websockets` is not installed.
    """
    if not core_of(client).needs_key:
        kind = type(client.transport).__name__
        raise OpenAIError(f"{name} opens a WebSocket, which {kind} cannot: it reaches no server. Use another transport")
    policy = ReconnectPolicy(on_reconnecting, max_retries, initial_delay, max_delay)
    options = websocket_connection_options or {}
    handshake = Handshake(
        client, name, socket, params, extra_query or {}, extra_headers or {}, timeout, options, policy
    )
    outbox = SendQueue(socket.max_queue_size if max_queue_size is None else max_queue_size)
    return (AsyncConnectionManager if core_of(client).is_async else ConnectionManager)(handshake, outbox)


class _Manager(Handlers):
    """What both managers are."""

    def __init__(self, handshake: Handshake, outbox: SendQueue) -> None:
        super().__init__()
        self._handshake = handshake
        self._outbox = outbox
        self._connection: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._handshake.name}>"

    def send(self, event: Mapping[str, Any] | Any) -> None:
        """Have an event sent as soon as the connection is open.

        Raises:
            WebSocketQueueFullError: more than `max_queue_size` bytes would wait.
        """
        self._outbox.add(encode(event).decode())

    def _opened(self) -> Steps[Any]:
        response, wire = self._handshake.opened((yield self._handshake.open()))
        from oai._realtime.connection import AsyncConnection, Connection
        from oai._realtime.senders import connection_class

        handshake, is_async = self._handshake, self._handshake.is_async
        base = AsyncConnection if is_async else Connection
        cls = connection_class(base, handshake.name, handshake.socket, is_async=is_async)
        try:
            connection = cls(handshake, response, wire, self._outbox, self)
            yield from connection._flush()
        except BaseException:
            yield wire.close()
            raise
        self._connection = connection
        return connection


class ConnectionManager(_Manager, Generic[C]):
    """A context manager of a `Connection`, which it opens and closes. `enter` opens one that the caller closes."""

    def enter(self) -> C:
        """Open the connection; close it with its `close`."""
        connection: C = run(self._opened())
        return connection

    __enter__ = enter

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


class AsyncConnectionManager(_Manager, Generic[C]):
    """`ConnectionManager` for `async with`, and `await manager.enter()`."""

    async def enter(self) -> C:
        """Open the connection; close it with its `close`."""
        connection: C = await run_async(self._opened())
        return connection

    __aenter__ = enter

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()


__all__ = ["AsyncConnectionManager", "ConnectionManager", "ReconnectingEvent", "connect"]
