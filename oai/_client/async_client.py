"""The client for asyncio. Programs without asyncio do not import it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from oai._client.base import Client
from oai._client.core import Core
from oai._client.table_classes import with_shipped_table
from oai._flow.attempts import attempts
from oai._flow.drivers import ASYNC_IO, drive_async
from oai._request.prepare import prepare
from oai._support.async_library import running_trio

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from oai._client.sync_client import CallOutcome
    from oai._flow.steps import Steps
    from oai._http.messages import Transport
    from oai._http.response import Response
    from oai._json.pages import AsyncPages
    from oai._table.operation import Operation


class AsyncCore(Core):
    """The core of `AsyncOpenAI`."""

    is_async = True

    def default_transport(self) -> Transport:
        """Create the transport of a client that got none."""
        if running_trio() is not None:
            from oai.transports.httpx import AsyncHttpxTransport

            return cast("Transport", AsyncHttpxTransport())
        from oai.transports.async_http import AsyncHTTPTransport

        return cast("Transport", AsyncHTTPTransport.shared())

    def send(self, *arguments: Any, unread: bool = False) -> Coroutine[Any, Any, CallOutcome]:
        """Return a coroutine that sends a call; its result has the reply if the body is a stream or left `unread`."""
        call = prepare(self.config, *arguments)
        call.stream |= unread
        return drive_async(attempts(call, self.transport, ASYNC_IO, needs_key=self.needs_key))

    async def call(self, *arguments: Any) -> Any:
        """Send a call, and return its result."""
        return self.result(*(await self.send(*arguments)), arguments)

    def list(self, *arguments: Any) -> AsyncPages[Any]:
        """Return an object to await for the first page, or to iterate over the items of all pages."""
        from oai._json.pages import AsyncPages

        return AsyncPages(lambda: self.call(*arguments))

    def stream(self, operation: Operation, response: Response, reply: Any) -> Any:
        """Return the stream of a reply."""
        from oai._results.stream import AsyncStream

        return AsyncStream.of(operation, response, reply, max_event=self.config.max_event)

    async def help(self, helper: Callable[..., Steps[Any]], options: dict[str, Any]) -> Any:
        """Run a helper of the table."""
        from oai._flow.steps import run_async

        return await run_async(helper(self.client, **options))

    def view_classes(self) -> tuple[type[Client], type[Core]]:
        """Return the classes of a view and its core: the sync client's, whose methods pass awaitables through."""
        from oai._client.sync_client import OpenAI, SyncCore

        return OpenAI, SyncCore


@with_shipped_table
class AsyncOpenAI(Client):
    """The OpenAI API for asyncio: `await client.models.retrieve("gpt-5")`, `async for file in client.files.list()`.

    It has the methods of `OpenAI`, from the same table. It can be used from several event loops, which do not share
    connections, and is an async context manager that closes them at the end.
    """

    _core_class = AsyncCore

    @property
    def with_raw_response(self) -> Any:
        """The same methods, which return the HTTP response when awaited, see `RawResponse`."""
        from oai._results.raw import raw_async  # few programs need it

        return raw_async(self._core)

    @property
    def with_streaming_response(self) -> Any:
        """The same methods, which return async context managers of an `AsyncStreamedResponse`."""
        from oai._results.raw import streaming_async

        return streaming_async(self._core)

    async def close(self) -> None:
        """Close the connections, unless they belong to the caller's `transport`."""
        transport = self._core.mark_closed()
        if transport is not None:
            await transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
