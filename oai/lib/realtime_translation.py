"""Sessions of `client.realtime.translations.connect` that keep to the protocol, and lose no last words.

A connection alone lets a program send audio after `session.close`, or close before the last words were translated.
Nothing is sent again, and nothing reconnects, since a translation cannot be resumed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from oai._errors import OpenAIError
from oai._request.client_core import core_of
from oai._request.dialect import PLAIN
from oai._request.query import by_name
from oai.types.realtime import RealtimeTranslationSessionClosedEvent

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["AsyncTranslationConnection", "AsyncTranslationSession", "TranslationConnection", "TranslationSession"]

FINISH: Final = "session.close"

Query = Mapping[str, object]
Headers = Mapping[str, Any]


class _Input:
    """What may still be sent."""

    def __init__(self) -> None:
        self.state: Literal["open", "finishing", "closed"] = "open"

    def admits(self, event: Any) -> bool:
        """Return whether to send an event; the second `session.close` is not sent.

        Raises:
            OpenAIError: nothing more may be sent.
        """
        kind = event.get("type") if isinstance(event, Mapping) else getattr(event, "type", None)
        if self.state == "finishing" and kind == FINISH:
            return False
        if self.state != "open":
            raise OpenAIError("the input of the translation is closed, and takes no further events")
        self.state = "finishing" if kind == FINISH else "open"
        return True


class TranslationConnection:
    """A connection that ends with the server's `session.closed`; made by `TranslationSession`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._input = _Input()
        self._lock = threading.Lock()
        self._closing: threading.Thread | None = None
        self._error: BaseException | None = None

    def send(self, event: Any) -> None:
        """Send an event, a dict or a struct; after a failure the connection is closed.

        Raises:
            OpenAIError: `session.close` was sent, or the connection is closed or lost.
        """
        with self._lock:
            if self._input.admits(event):
                try:
                    self._connection.send(event)
                except BaseException:
                    self.close()
                    raise

    def recv(self, *, timeout: float | None = None) -> Any:
        """Wait for the next event; the connection is closed after `session.closed`.

        Args:
            timeout: seconds; no limit by default.

        Raises:
            APITimeoutError: no event came in time.
            WebSocketConnectionClosedError: the connection is closed.
        """
        event = self._connection.recv(timeout=timeout)
        if isinstance(event, RealtimeTranslationSessionClosedEvent):
            self._start_closing()
            if timeout is None:  # else the caller is not kept waiting for the server's part
                self.close()
        return event

    def close(self) -> None:
        """Close the connection, without waiting for the rest of the translation."""
        self._start_closing().join()
        if self._error is not None:
            raise self._error

    def _start_closing(self) -> threading.Thread:
        self._input.state = "closed"
        if self._closing is None:
            self._closing = threading.Thread(target=self._close, daemon=True)
            self._closing.start()
        return self._closing

    def _close(self) -> None:
        try:
            self._connection.close()
        except BaseException as error:  # noqa: BLE001 - raised by `close`
            self._error = error


class AsyncTranslationConnection:
    """`TranslationConnection` for asyncio."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._input = _Input()
        self._lock = asyncio.Lock()

    async def send(self, event: Any) -> None:
        """Send an event, see `TranslationConnection.send`."""
        async with self._lock:
            if self._input.admits(event):
                try:
                    await self._connection.send(event)
                except BaseException:
                    await self.close()
                    raise

    async def recv(self) -> Any:
        """Wait for the next event; the connection is closed after `session.closed`."""
        event = await self._connection.recv()
        if isinstance(event, RealtimeTranslationSessionClosedEvent):
            await self.close()
        return event

    async def close(self) -> None:
        """Close the connection, without waiting for the rest of the translation."""
        self._input.state = "closed"
        await self._connection.close()


class _Session:
    """Base class of both sessions.

    Args:
        resource: `client.realtime.translations`.
        model: the model that translates.
        extra_query: further query parameters.
        extra_headers: further header fields.
        websocket_connection_options: passed to `websockets`.
    """

    def __init__(
        self,
        resource: Any,
        *,
        model: str,
        extra_query: Query | None = None,
        extra_headers: Headers | None = None,
        websocket_connection_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._resource = resource
        self._model = model
        self._options: dict[str, Any] = {
            "extra_query": by_name(extra_query or {}),
            "extra_headers": dict(extra_headers or {}),
            "websocket_connection_options": dict(websocket_connection_options or {}),
        }
        self._entered = False

    def _open(self) -> Any:
        """Return the manager of the connection.

        Raises:
            RuntimeError: the session was entered before.
            ValueError: there is no model, or a query parameter `intent`.
            OpenAIError: the client calls another service, which does not translate.
        """
        if self._entered:
            raise RuntimeError("a translation session can be entered only once")
        self._entered = True
        if not self._model:
            raise ValueError("a translation needs a model")
        config = core_of(self._resource._client).config  # noqa: SLF001 - a namespace's client, as in the official SDK
        if config.dialect is not PLAIN:
            raise OpenAIError("this service has no realtime translation")
        socket_config = config.for_sockets()
        queries = (config.query, socket_config.url_query, self._options["extra_query"])
        if any("intent" in query for query in queries):
            raise ValueError("a translation takes no query parameter intent")
        inherited = {name: value for name, value in config.url_query.items() if name not in socket_config.query}
        options = {**self._options, "extra_query": {**inherited, **self._options["extra_query"]}}
        return self._resource.connect(model=self._model, **options)


class TranslationSession(_Session):
    """A translation, as a context manager of its connection.

    Send `session.close` at the end and receive until `session.closed`, so that nothing is lost. Leaving the context
    closes the connection.
    """

    _connection: TranslationConnection | None = None

    def __enter__(self) -> TranslationConnection:
        """Open the connection; leaving the block, or `close`, ends it."""
        self._connection = TranslationConnection(self._open().enter())
        return self._connection

    enter = __enter__

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except BaseException as closing:
                if error is not None:
                    raise error from closing  # the error of the program takes precedence
                raise


class AsyncTranslationSession(_Session):
    """`TranslationSession` for asyncio."""

    _connection: AsyncTranslationConnection | None = None

    async def __aenter__(self) -> AsyncTranslationConnection:
        """Open the connection; leaving the block, or `close`, ends it."""
        self._connection = AsyncTranslationConnection(await self._open().enter())
        return self._connection

    enter = __aenter__

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            try:
                await self._connection.close()
            except BaseException as closing:
                if error is not None:
                    raise error from closing
                raise
