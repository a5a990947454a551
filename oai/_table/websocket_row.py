"""The row of a WebSocket, the third kind after operations and helpers.

Annotations are evaluated here, as in `_table.rows`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from oai._table.rows import PLACEHOLDER, Row
from oai._table.type_expressions import find

SOCKET_OPTIONS = {
    "extra_query": "oai._realtime.handshake.ExtraQuery?",
    "extra_headers": "oai._realtime.handshake.ExtraHeaders?",
    "timeout": "oai._realtime.handshake.TimeoutLike?",
    "websocket_connection_options": "Mapping[str, Any]?",
    "on_reconnecting": "oai._realtime.reconnect.OnReconnecting | None?",
    "max_retries": "int?",
    "initial_delay": "float?",
    "max_delay": "float?",
    "max_queue_size": "int?",
}
"""Parameters of every WebSocket, in addition to those of its row."""


class WebSocketRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A method that opens a WebSocket, as its row declares it: the request, the events received and those sent.

    `sends` has the parameters of each event that the client sends, by the event's type, which is also the call path of
    the method that sends it: `"session.update"` is sent by `connection.session.update(...)`. The row has the interface
    of a `HelperRow`, so that methods and stubs are generated for both in the same way.
    """

    websocket: str
    events: str
    sends: dict[str, dict[str, str]] = {}
    doc: str = ""
    params: dict[str, str] = {}
    args: list[str] = []
    headers: dict[str, str] = {}
    fixed_query: list[str] = []
    max_queue_size: int = 2**20

    helper: ClassVar[str] = "sockets.connect"
    extends: ClassVar[None] = None
    async_response: ClassVar[str] = "oai.helpers.sockets.AsyncConnectionManager[Any]"
    waits: ClassVar[bool] = False
    response: ClassVar[str] = "oai.helpers.sockets.ConnectionManager[Any]"

    @property
    def path_params(self) -> list[str]:
        """The names of the placeholders, in the order of the path."""
        return PLACEHOLDER.findall(self.websocket)

    @property
    def target(self) -> Callable[..., Any]:
        """The function that opens every WebSocket."""
        connect: Callable[..., Any] = find(self.helper, "oai.helpers")
        return connect

    @property
    def constants(self) -> dict[str, Any]:
        """The arguments that the function gets in addition to the caller's."""
        return {"socket": self}

    def merged(self, table: Mapping[str, Row]) -> dict[str, str]:  # noqa: ARG002 - the interface of `HelperRow`
        """Return all parameters: those of the path and the query, then the options of every WebSocket."""
        return {**dict.fromkeys(self.path_params, "str"), **self.params, **SOCKET_OPTIONS}

    def positional(self, table: Mapping[str, Row]) -> list[str]:  # noqa: ARG002
        """The positional parameters."""
        return self.args

    def as_row(self, table: Mapping[str, Row]) -> Row:
        """Return an equivalent `Row`, for callers that only need the parameters."""
        return Row("GET", "/", "query", self.response, doc=self.doc, params=self.merged(table), args=self.args)

    def request(self) -> Row:
        """Return the row of the request that opens the connection."""
        return Row("GET", self.websocket, "query", "None", params=self.params, headers=self.headers, arrays="repeat")


SOCKET_KEYS = WebSocketRow.__struct_encode_fields__
