"""The handshake of a WebSocket: how a connection is opened, and opened again after it was lost.

It goes through the flow as any request does, over the transport in `_realtime.wire`, so that keys, retries, redirects,
hooks and errors are those of every call.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from oai._errors import APIConnectionError, APIResponseValidationError, APIStatusError
from oai._flow.attempts import attempts
from oai._flow.drivers import ASYNC_IO, SYNC_IO, drive, drive_async
from oai._flow.retry import may_retry
from oai._http.messages import Timeout
from oai._metering.socket_meters import socket_meter
from oai._metering.tags import TAG_HEADER, tagged
from oai._request.client_core import core_of
from oai._request.prepare import prepare
from oai._request.query import by_name, socket_query
from oai._support.omit import Omit
from oai._table.operation import Operation
from oai._table.type_expressions import resolve

if TYPE_CHECKING:
    from oai._errors import OpenAIError
    from oai._flow.drivers import ClientIO, Effect
    from oai._http.response import Response
    from oai._metering.socket_meters import SocketMeter
    from oai._realtime.reconnect import ReconnectPolicy
    from oai._request.config import Config
    from oai._request.prepare import PreparedCall
    from oai._table.websocket_row import WebSocketRow

ExtraQuery = Mapping[str, Any] | None
"""Parameters sent in the query in addition to the row's."""

ExtraHeaders = Mapping[str, str | Omit | None] | None
"""Header fields sent with the handshake in addition to the client's; `None` and `omit` remove a field."""

TimeoutLike = float | Timeout | Omit | None
"""Seconds, `None` for no limit, or a `Timeout`."""


class Handshake:
    """The request that opens a connection, and how it is repeated.

    Args:
        client: the client, whose options hold.
        name: the row's call path.
        socket: the row.
        params: arguments of the path and the query.
        extra_query: the caller's query parameters.
        extra_headers: the caller's header fields.
        timeout: seconds for the handshake, or `omit` for the client's.
        options: the caller's options for the `websockets` library.
        policy: whether to reconnect.
    """

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
        self._core = core_of(client)
        self.is_async = self._core.is_async
        self._request = client, name, socket, params
        self._rest = timeout, options, policy
        self.max_size = options.get("max_size", self._core.config.max_event)
        self._options = options
        self._timeout = timeout
        self._path = tuple(params[param] for param in socket.path_params)
        self._query = {param: value for param, value in params.items() if param not in socket.path_params}
        self._operation = Operation(name, socket.request())
        self.meter: SocketMeter | None = None
        """Takes each message that the server sends, for a transport that counts tokens; known when it is opened."""

    @property
    def event_type(self) -> Any:
        """The type of the events that the server sends."""
        return resolve(self.socket.events)

    def replace(self, changes: Mapping[str, Any]) -> Handshake:
        """Return the handshake with the query and headers that `on_reconnecting` returned, where it returned any."""
        query = changes.get("extra_query", self.extra_query)
        headers = changes.get("extra_headers", self.extra_headers)
        return Handshake(*self._request, query or {}, headers or {}, *self._rest)

    def open(self, *, again: bool = False) -> Any:
        """Do the handshake; return its response and the wire, for an async client an awaitable of them.

        Args:
            again: make one attempt, because the caller repeats it (reconnecting has a policy of its own).
        """
        from oai._realtime.wire import AsyncSocketTransport, SocketTransport  # needs an extra

        config = self._core.config.for_sockets()  # read here: attributes such as `client.organization` can be assigned
        if again:
            config = config.replace(max_retries=0)
        params = self._params(config)
        query = socket_query(config.default_query, config.url_query, params)
        arguments = (self._operation, self._path, query, None, True, self.extra_headers, None, None, self._timeout)
        call = prepare(config, *arguments)
        self.meter = self._find_meter(call, str(params.get("model") or ""))
        if not self.is_async:
            return drive(_attempts(call, SocketTransport(self._options, self.max_size), SYNC_IO))
        return drive_async(_attempts(call, AsyncSocketTransport(self._options, self.max_size), ASYNC_IO))

    def _find_meter(self, call: PreparedCall, model: str) -> SocketMeter | None:
        """Return the meter of the session. A header field with its tag is taken off: it is not the server's."""
        transport = self._core.given_transport
        if TAG_HEADER not in call.headers:
            return socket_meter(transport, self.name, model)
        call.headers = dict(call.headers)
        _, tag = call.headers.pop(TAG_HEADER)
        with tagged(tag):
            return socket_meter(transport, self.name, model)

    def _params(self, config: Config) -> dict[str, Any]:
        """Return the query parameters that override those of the client and of its URL."""
        fixed = {name: self._query[name] for name in self.socket.fixed_query if name in self._query}
        query = {**self._query, **by_name(self.extra_query), **fixed}
        params = config.dialect.socket_query(self.socket.websocket, query)
        defaults = config.default_query
        return params | {name: defaults[name] for name in config.dialect.fixed_query if name in defaults}

    def check(self, outcome: tuple[Response, Any]) -> tuple[Response, Any]:
        """Return the outcome of `open`; raise unless it is a WebSocket (a server may respond with another 2xx)."""
        response, reply = outcome
        if response.status_code == 101:
            return response, reply
        body = response.excerpt(reply.read())
        message = f"the server responded with status {response.status_code} instead of opening a WebSocket: {body}"
        from oai._realtime.errors import as_rejection  # needs an extra, which is there

        raise as_rejection(APIResponseValidationError(message, response=response, body=body))

    def may_try_again(self, error: OpenAIError) -> bool:
        """Return whether reconnecting is worth another attempt after an error."""
        if isinstance(error, APIStatusError):
            return may_retry(error)[0]
        return isinstance(error, APIConnectionError)


def _attempts(call: PreparedCall, transport: Any, io: ClientIO) -> Generator[Effect, Any, tuple[Response, Any]]:
    """Try the handshake as any other request; its error is the WebSocket library's as well."""
    try:
        return (yield from attempts(call, transport, io))
    except APIStatusError as error:
        from oai._realtime.errors import as_rejection  # as above

        as_rejection(error)
        raise
