"""WebSockets: what a row with `websocket` becomes, `client.realtime.connect(...)` and the like.

It needs the extra `oai[realtime]`, the library `websockets`, which is imported when a connection is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from oai._client_core import core_of
from oai._errors import APIConnectionError, APIResponseValidationError, APIStatusError, OpenAIError, excerpt
from oai._flow import attempts
from oai._flow_drivers import SYNC_IO, async_io, drive, drive_async
from oai._flow_retry import may_retry
from oai._handlers import Handlers
from oai._http import Timeout
from oai._json import encode
from oai._omit import Omit, omit
from oai._operation import Operation
from oai._reconnect import OnReconnecting, ReconnectingEvent, ReconnectPolicy, SendQueue
from oai._request import prepare
from oai._steps import Steps, run, run_async
from oai._typexpr import resolve

if TYPE_CHECKING:
    from types import TracebackType

    from oai._base import Client
    from oai._response import Response
    from oai._socket import Socket

ExtraQuery = Mapping[str, Any] | None
"""Parameters sent in the query beside the row's own."""

ExtraHeaders = Mapping[str, str | Omit | None] | None
"""Header fields sent with the handshake beside the client's; `None` and `omit` take a field away."""

TimeoutLike = float | Timeout | Omit | None
"""Seconds, `None` for no limit, or a `Timeout`."""

C = TypeVar("C")


def connect(
    client: Any,
    *,
    socket: Socket,
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
    opening = Opening(client, name, socket, params, extra_query or {}, extra_headers or {}, timeout, options, policy)
    outbox = SendQueue(socket.max_queue_size if max_queue_size is None else max_queue_size)
    return (AsyncConnectionManager if core_of(client).is_async else ConnectionManager)(opening, outbox)


class Opening:
    """How a connection is opened, and opened again."""

    def __init__(
        self,
        client: Client,
        name: str,
        socket: Socket,
        params: Mapping[str, Any],
        extra_query: Mapping[str, Any],
        extra_headers: Mapping[str, Any],
        timeout: Any,
        options: Mapping[str, Any],
        policy: ReconnectPolicy,
    ) -> None:
        self.name = name
        self.socket = socket
        self.extra_query = extra_query
        self.extra_headers = extra_headers
        self.policy = policy
        self.is_async = core_of(client).is_async
        self._given = client, name, socket, params
        self._rest = timeout, options, policy
        self._config = core_of(client).config.for_sockets()
        self.max_size = options.get("max_size", self._config.max_event)
        self._options = options
        self._timeout = timeout
        self._path = tuple(params[each] for each in socket.path_params)
        self._query = {each: value for each, value in params.items() if each not in socket.path_params}
        self._operation = Operation(name, socket.request())

    @property
    def event_type(self) -> Any:
        """The type of what the server sends."""
        return resolve(self.socket.events)

    def asking(self, said: Mapping[str, Any]) -> Opening:
        """Return an opening with what `on_reconnecting` said in place of what was asked with before."""
        query = said.get("extra_query", self.extra_query)
        headers = said.get("extra_headers", self.extra_headers)
        return Opening(*self._given, query or {}, headers or {}, *self._rest)

    def open(self, *, again: bool = False) -> Any:
        """Do the handshake; return its response and the wire, for an async client an awaitable of them.

        Args:
            again: whether the caller repeats it, so that it is tried once.
        """
        from oai._websocket import AsyncSocketTransport, SocketTransport  # needs an extra

        config = self._config.replace(max_retries=0) if again else self._config
        query = config.dialect.socket_query(self.socket.websocket, {**self._query, **self.extra_query})
        given = (self._operation, self._path, query, None, True, self.extra_headers, None, None, self._timeout)
        call = prepare(config, *given)
        if not self.is_async:
            return drive(attempts(call, SocketTransport(self._options, self.max_size), SYNC_IO))
        transport: Any = AsyncSocketTransport(self._options, self.max_size)
        return drive_async(attempts(call, transport, async_io()))

    def opened(self, outcome: tuple[Response, Any]) -> tuple[Response, Any]:
        """Return what `open` has led to, if that is a WebSocket: a server may answer well, and with something else."""
        response, reply = outcome
        if response.status_code == 101:
            return response, reply
        said = excerpt(reply.read())
        message = f"the server answered with status {response.status_code} where a WebSocket was asked for: {said}"
        raise APIResponseValidationError(message, response=response, body=said)

    def may_try_again(self, error: OpenAIError) -> bool:
        """Tell whether an attempt to connect again failed in a way that the next one may not."""
        if isinstance(error, APIStatusError):
            return may_retry(error)[0]
        return isinstance(error, APIConnectionError)


class _Manager(Handlers):
    """What both managers are."""

    def __init__(self, opening: Opening, outbox: SendQueue) -> None:
        super().__init__()
        self._opening = opening
        self._outbox = outbox
        self._connection: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._opening.name}>"

    def send(self, event: Mapping[str, Any] | Any) -> None:
        """Have an event sent as soon as the connection is open.

        Raises:
            WebSocketQueueFullError: more than `max_queue_size` bytes would wait.
        """
        self._outbox.add(encode(event).decode())

    def _opened(self) -> Steps[Any]:
        response, wire = self._opening.opened((yield self._opening.open()))
        from oai._connection import AsyncConnection, Connection
        from oai._connection_events import connection_class

        opening, is_async = self._opening, self._opening.is_async
        base = AsyncConnection if is_async else Connection
        cls = connection_class(base, opening.name, opening.socket, is_async=is_async)
        try:
            connection = cls(opening, response, wire, self._outbox, self)
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
