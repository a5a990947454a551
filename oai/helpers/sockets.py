"""The helper behind every row with `websocket`: `client.realtime.connect(...)` and the like.

It needs the extra `oai[realtime]`: the package `websockets`, which is imported when a connection is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from oai._errors import OpenAIError
from oai._flow.steps import Steps, run, run_async
from oai._json.encode import encode
from oai._realtime.handlers import Handlers
from oai._realtime.handshake import ExtraHeaders, ExtraQuery, Handshake, TimeoutLike
from oai._realtime.reconnect import OnReconnecting, ReconnectPolicy, SendQueue
from oai._request.client_core import core_of
from oai._support.omit import omit
from oai._table.websocket_row import WebSocketRow

if TYPE_CHECKING:
    from types import TracebackType


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
    """Return a context manager that opens the connection on entry, and closes it on exit.

    The handshake is retried, logged and passed to hooks as any request is, and its errors are those of any request.

    Args:
        client: the client, whose keys, headers, hooks and limits apply to the handshake.
        socket: the row.
        name: its call path.
        extra_query: query parameters in addition to the row's.
        extra_headers: header fields in addition to the client's.
        timeout: seconds for the handshake, or a `Timeout` whose `connect` is used; the client's by default.
        websocket_connection_options: passed to `websockets`, such as `max_size`, `ssl` or `proxy`.
        on_reconnecting: makes iterating reconnect if the connection is lost. It is called before each attempt with a
            `ReconnectingEvent`, and may return a dict with `extra_query`, `extra_headers`, or `abort: True`.
        max_retries: maximum number of consecutive attempts to reconnect.
        initial_delay: seconds before the first attempt to reconnect, doubled for each further one.
        max_delay: maximum seconds before an attempt.
        max_queue_size: maximum number of bytes queued before the connection is open, and while it is opened again.
        **params: arguments of the path and the query.

    Raises:
        OpenAIError: the client's transport reaches no server. Entering raises `AuthenticationError`, `RateLimitError`
            and the like if the server rejects the handshake, `APIConnectionError` and `APITimeoutError` if it is not
            reached, and `OpenAIError` if `websockets` is not installed.
    """
    if not core_of(client).sends_directly:
        raise OpenAIError(f"{name} cannot be in a batch: it opens a WebSocket")
    if not core_of(client).needs_key:
        kind = type(client.transport).__name__
        raise OpenAIError(f"{name} opens a WebSocket, which {kind} cannot: it reaches no server; use another transport")
    policy = ReconnectPolicy(on_reconnecting, max_retries, initial_delay, max_delay)
    options = websocket_connection_options or {}
    handshake = Handshake(
        client, name, socket, params, extra_query or {}, extra_headers or {}, timeout, options, policy
    )
    queue = SendQueue(socket.max_queue_size if max_queue_size is None else max_queue_size)
    return (AsyncConnectionManager if core_of(client).is_async else ConnectionManager)(handshake, queue)


class _Manager(Handlers):
    """Base class shared by the sync and async context managers."""

    def __init__(self, handshake: Handshake, queue: SendQueue) -> None:
        super().__init__()
        self._handshake = handshake
        self._queue = queue
        self._connection: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._handshake.name}>"

    def send(self, event: Mapping[str, Any] | Any) -> None:
        """Queue an event, to be sent as soon as the connection is open.

        Raises:
            WebSocketQueueFullError: more than `max_queue_size` bytes would wait.
        """
        self._queue.add(encode(event).decode())

    def _opened(self) -> Steps[Any]:
        response, wire = self._handshake.check((yield self._handshake.open()))
        from oai._realtime.connection import AsyncConnection, Connection
        from oai._realtime.senders import connection_class

        handshake, is_async = self._handshake, self._handshake.is_async
        base = AsyncConnection if is_async else Connection
        cls = connection_class(base, handshake.name, handshake.socket, is_async=is_async)
        try:
            connection = cls(handshake, response, wire, self._queue, self)
            yield from connection._flush()
        except BaseException:
            yield wire.close()
            raise
        self._connection = connection
        return connection


class ConnectionManager(_Manager, Generic[C]):
    """A context manager that opens and closes a `Connection`. `enter` opens one that the caller must close."""

    def enter(self) -> C:
        """Open the connection; the caller must close it."""
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
        """Open the connection; the caller must close it."""
        connection: C = await run_async(self._opened())
        return connection

    __aenter__ = enter

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()


__all__ = ["AsyncConnectionManager", "ConnectionManager", "connect"]
