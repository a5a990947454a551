"""A WebSocket server on the loopback, that of the library `websockets`, whose behaviour a test defines."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from websockets.asyncio.client import ClientConnection as AsyncClientConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection, serve


@dataclass
class Refusal:
    """An HTTP response that rejects a handshake."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Peer:
    """The server's URL, and what it received."""

    url: str = ""
    handshakes: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    """Path and header fields of each handshake."""
    frames: list[str | bytes] = field(default_factory=list)
    answers: list[Refusal | None] = field(default_factory=list)
    """The responses to the first handshakes, `None` to accept; further ones are accepted."""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.frames]


def say(socket: ServerConnection, **event: Any) -> None:
    socket.send(json.dumps(event))


def drop(socket: ServerConnection) -> None:
    """End the connection without a close frame, as a failing network does."""
    socket.close_socket()


@contextmanager
def peer(behave: Callable[[Peer, ServerConnection], None], **options: Any) -> Iterator[Peer]:
    """Serve connections by a function that is called with each; a connection is closed when its function returns."""
    seen = Peer()

    def answer(connection: ServerConnection, request: Any) -> Response | None:
        seen.handshakes.append((request.path, list(request.headers.raw_items())))
        refusal = seen.answers.pop(0) if seen.answers else None
        if refusal is None:
            return None
        fields = {"Content-Length": str(len(refusal.body)), "Content-Type": "application/json", **refusal.headers}
        return Response(refusal.status, "Refused", Headers(fields), refusal.body)

    def handle(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):  # the client may close at any time
            behave(seen, socket)

    with serve(handle, "127.0.0.1", 0, process_request=answer, **options) as server:
        seen.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()


def collect(connection: Any) -> Any:
    """Read all events; for an async connection return an awaitable of them."""

    async def read() -> list[Any]:
        return [event async for event in connection]

    return read() if hasattr(connection, "__aiter__") else list(connection)


def echo(seen: Peer, socket: Any) -> None:
    """Record every message, and send an event for each."""
    for frame in socket:
        seen.frames.append(frame)
        say(socket, type="brand.new", event_id=f"event_{len(seen.frames)}")


@contextmanager
def failing_after_sending(text: str, error: Exception) -> Iterator[None]:
    """Raise `error` from the sending of a message that contains `text`, once it has been sent."""
    send, send_async = ClientConnection.send, AsyncClientConnection.send

    def check(message: Any) -> None:
        if text in message:
            raise error

    def failing(self: ClientConnection, message: Any, *arguments: Any) -> None:
        send(self, message, *arguments)
        check(message)

    async def failing_async(self: AsyncClientConnection, message: Any, *arguments: Any) -> None:
        await send_async(self, message, *arguments)
        check(message)

    with (
        mock.patch.object(ClientConnection, "send", failing),
        mock.patch.object(AsyncClientConnection, "send", failing_async),
    ):
        yield
