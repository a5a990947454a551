"""The row of a WebSocket: a third kind beside operations and helpers.

Annotations are evaluated here, as in `_table`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    from oai._table import Row, Table

SOCKET_OPTIONS = {
    "extra_query": "oai.helpers.sockets.ExtraQuery?",
    "extra_headers": "oai.helpers.sockets.ExtraHeaders?",
    "timeout": "oai.helpers.sockets.TimeoutLike?",
    "websocket_connection_options": "Mapping[str, Any]?",
    "on_reconnecting": "oai._reconnect.OnReconnecting | None?",
    "max_retries": "int?",
    "initial_delay": "float?",
    "max_delay": "float?",
    "max_queue_size": "int?",
}
"""Parameters that every WebSocket takes beside its row's."""


class Socket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A method that opens a WebSocket, as its row declares it: what it asks with, what comes and what may be sent.

    `sends` has the parameters of each event that the client sends, by the event's type, which is also the call path of
    the method that sends it: `"session.update"` is sent by `connection.session.update(...)`. It surfaces as a helper
    does, so that what makes methods and stubs of helpers makes them of it.
    """

    websocket: str
    events: str
    sends: dict[str, dict[str, str]] = {}
    doc: str = ""
    params: dict[str, str] = {}
    args: list[str] = []
    headers: dict[str, str] = {}
    max_queue_size: int = 2**20

    helper: ClassVar[str] = "sockets.connect"
    extends: ClassVar[None] = None
    async_response: ClassVar[str] = "oai.helpers.sockets.AsyncConnectionManager[Any]"
    waits: ClassVar[bool] = False
    response: ClassVar[str] = "oai.helpers.sockets.ConnectionManager[Any]"

    @property
    def path_params(self) -> list[str]:
        """The names in the path template, in their order."""
        from oai._table import PLACEHOLDER  # which imports this module

        return PLACEHOLDER.findall(self.websocket)

    @property
    def target(self) -> Callable[..., Any]:
        """The function that opens any of them."""
        from oai.helpers.sockets import connect

        return connect

    @property
    def constants(self) -> dict[str, Any]:
        """What that function is told beside the caller's arguments."""
        return {"socket": self}

    def merged(self, table: "Table") -> dict[str, str]:  # noqa: ARG002 - as a helper is asked
        """Return all parameters: those of the path and the query, then the options of every WebSocket."""
        return {**dict.fromkeys(self.path_params, "str"), **self.params, **SOCKET_OPTIONS}

    def positional(self, table: "Table") -> list[str]:  # noqa: ARG002
        """The parameters that may be given without their name."""
        return self.args

    def as_row(self, table: "Table") -> "Row":
        """Return a row with the same parameters, for who only looks at those."""
        from oai._table import Row  # which imports this module

        return Row("GET", "/", "query", self.response, doc=self.doc, params=self.merged(table), args=self.args)

    def request(self) -> "Row":
        """Return the row of the request that opens the connection."""
        from oai._table import Row

        return Row("GET", self.websocket, "query", "None", params=self.params, headers=self.headers, arrays="repeat")


SOCKET_KEYS = Socket.__struct_encode_fields__
