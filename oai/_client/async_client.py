"""The client of asyncio, with a driver of the flow of its own. Programs without asyncio do not load it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from oai._client.base import Client
from oai._client.core import Core
from oai._client.table_classes import with_shipped_table
from oai._flow.attempts import attempts
from oai._flow.drivers import async_io, drive_async
from oai._request.prepare import prepare

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
        """Make a transport of the client's own."""
        from oai.transports.aiohttp import AiohttpTransport

        return cast("Transport", AiohttpTransport())

    async def send(self, *arguments: Any, unread: bool = False) -> CallOutcome:
        """Send a call; the reply comes with it where its body is a stream, or is to be left `unread`."""
        call = prepare(self.config, *arguments)
        call.stream |= unread
        response, reply = await drive_async(attempts(call, self.transport, async_io(), needs_key=self.needs_key))
        return call.operation, response, reply

    async def call(self, *arguments: Any) -> Any:
        """Send a call, and return its result."""
        return self.result(*(await self.send(*arguments)), arguments)

    def list(self, *arguments: Any) -> AsyncPages[Any]:
        """Return what can be awaited for a page, and iterated over all of them."""
        from oai._json.pages import AsyncPages

        return AsyncPages(lambda: self.call(*arguments))

    def stream(self, operation: Operation, response: Response, reply: Any) -> Any:
        """Return the stream of a reply."""
        from oai._results.stream import AsyncStream

        return AsyncStream(operation, response, reply, max_event=self.config.max_event)

    async def help(self, helper: Callable[..., Steps[Any]], options: dict[str, Any]) -> Any:
        """Run a helper of the table."""
        from oai._flow.steps import run_async

        return await run_async(helper(self.client, **options))

    def view_classes(self) -> tuple[type[Client], type[Core]]:
        """Return the classes of a view and its core: the sync client's, whose methods hand on what is to be awaited."""
        from oai._client.sync_client import OpenAI, SyncCore

        return OpenAI, SyncCore


@with_shipped_table
class AsyncOpenAI(Client):
    """The OpenAI API for asyncio: `await client.models.retrieve("gpt-5")`, `async for file in client.files.list()`.

    It is `OpenAI` from the same table and the same flow. It may be used from several event loops, each with
    connections of its own, and is an async context manager that closes them at the end.
    """

    _core_class = AsyncCore

    @property
    def with_raw_response(self) -> Any:
        """The same methods, whose awaited results are the answers as HTTP had them, see `RawResponse`."""
        from oai._results.raw import raw_async  # few programs look at HTTP

        return raw_async(self._core)

    @property
    def with_streaming_response(self) -> Any:
        """The same methods, which return async context managers of an `AsyncStreamedResponse`."""
        from oai._results.raw import streaming_async

        return streaming_async(self._core)

    async def close(self) -> None:
        """Close the connections, unless they belong to a transport that was passed in."""
        transport = self._core.mark_closed()
        if transport is not None:
            await transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
