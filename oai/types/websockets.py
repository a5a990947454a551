"""Options of WebSocket connections, for annotations. The library `websockets` documents them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from oai._support.omit import Omit
from oai._support.typed_dict import TypedDict


class SyncWebSocketConnectionOptions(TypedDict, total=False):
    """What `websocket_connection_options` takes."""

    extensions: Sequence[Any] | None
    subprotocols: Sequence[str] | None
    compression: str | None
    max_size: int | None
    max_queue: int | tuple[int | None, int | None] | None


class WebSocketConnectionOptions(SyncWebSocketConnectionOptions, total=False):
    """What `websocket_connection_options` takes of an async client."""

    write_limit: int | tuple[int, int | None]


WebsocketConnectionOptions: TypeAlias = WebSocketConnectionOptions


class ReconnectingOverrides(TypedDict, total=False):
    """What `on_reconnecting` may return: the query and headers of the next connection, or that there is none."""

    extra_query: Mapping[str, object]
    extra_headers: Mapping[str, str | Omit]
    abort: bool
