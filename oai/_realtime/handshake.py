"""The handshake of a WebSocket: how a connection is opened, and opened again after it was lost.

It goes through the flow as any request does, over the transport in `_realtime.wire`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oai._errors import APIConnectionError, APIResponseValidationError, APIStatusError, excerpt
from oai._flow.attempts import attempts
from oai._flow.drivers import SYNC_IO, async_io, drive, drive_async
from oai._flow.retry import may_retry
from oai._http.messages import Timeout
from oai._request.client_core import core_of
from oai._request.prepare import prepare
from oai._support.omit import Omit
from oai._table.operation import Operation
from oai._table.type_expressions import resolve

if TYPE_CHECKING:
    from oai._errors import OpenAIError
    from oai._http.response import Response
    from oai._realtime.reconnect import ReconnectPolicy
    from oai._table.websocket_row import WebSocketRow

ExtraQuery = Mapping[str, Any] | None
"""Parameters sent in the query in addition to the row's."""

ExtraHeaders = Mapping[str, str | Omit | None] | None
"""Header fields sent with the handshake in addition to the client's; `None` and `omit` remove a field."""

TimeoutLike = float | Timeout | Omit | None
"""Seconds, `None` for no limit, or a `Timeout`."""


class Handshake:
    """How a connection is opened, and opened again."""

    def __init__(
        self,
        client: Any,
        name: str,
        socket: WebSocketRow,
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

    def asking(self, said: Mapping[str, Any]) -> Handshake:
        """Return a handshake with the query and headers that `on_reconnecting` chose in place of the previous ones."""
        query = said.get("extra_query", self.extra_query)
        headers = said.get("extra_headers", self.extra_headers)
        return Handshake(*self._given, query or {}, headers or {}, *self._rest)

    def open(self, *, again: bool = False) -> Any:
        """Do the handshake; return its response and the wire, for an async client an awaitable of them.

        Args:
            again: whether the caller repeats it, so that it is tried once.
        """
        from oai._realtime.wire import AsyncSocketTransport, SocketTransport  # needs an extra

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
