"""The synchronous client; `_client.async_client` is its counterpart.

`OpenAI` and `AsyncOpenAI` differ in the driver that runs the flow, and in `async` and `await` in their generated
methods. A client class gets its namespaces from the table, so a client with a table of its own is an instance of a
subclass generated for that table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from oai._client.base import Client
from oai._client.core import Core
from oai._client.table_classes import with_shipped_table
from oai._flow.attempts import attempts
from oai._flow.drivers import SYNC_IO, drive
from oai._request.prepare import prepare

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from oai._flow.steps import Steps
    from oai._http.messages import Reply, Transport
    from oai._http.response import Response
    from oai._table.operation import Operation

CallOutcome = tuple["Response", "Reply | None"]
"""A response, and the reply if that is not read yet."""


class SyncCore(Core):
    """The core of `OpenAI`."""

    def default_transport(self) -> Transport:
        """Create the transport of a client that got none."""
        from oai.transports.http import HTTPTransport

        return HTTPTransport.shared()

    def send(self, *arguments: Any, unread: bool = False) -> CallOutcome:
        """Send a call; return the reply too if its body is a stream or left `unread`."""
        call = prepare(self.config, *arguments)
        call.stream |= unread
        outcome: CallOutcome = drive(attempts(call, self.transport, SYNC_IO, needs_key=self.needs_key))
        return outcome

    def call(self, *arguments: Any) -> Any:
        """Send a call, and return its result."""
        return self.result(*self.send(*arguments), arguments)

    def stream(self, operation: Operation, response: Response, reply: Any) -> Any:
        """Return the stream of a reply."""
        from oai._results.stream import Stream  # like `_flow.steps` below, not needed by a plain call

        return Stream.of(operation, response, reply, max_event=self.config.max_event)

    def help(self, helper: Callable[..., Steps[Any]], options: dict[str, Any]) -> Any:
        """Run a helper of the table."""
        from oai._flow.steps import run

        return run(helper(self.client, **options))

    def view_classes(self) -> tuple[type[Client], type[Core]]:
        """Return the classes of a view and its core."""
        return OpenAI, SyncCore


@with_shipped_table
class OpenAI(Client):
    """The synchronous client. Its attributes are the call paths of the table: `client.models.list()`.

    A client can be shared by threads. It is a context manager that closes its connections at the end.
    """

    _core_class = SyncCore

    @property
    def with_raw_response(self) -> Any:
        """The same methods, which return the HTTP response, see `RawResponse`."""
        from oai._results.raw import raw  # few programs need it

        return raw(self._core)

    @property
    def with_streaming_response(self) -> Any:
        """The same methods, which return context managers of a `StreamedResponse`, whose body is not read yet."""
        from oai._results.raw import streaming

        return streaming(self._core)

    def close(self) -> None:
        """Close the connections, unless they belong to the caller's `transport`."""
        transport = self._core.mark_closed()
        if transport is not None:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
