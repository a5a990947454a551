"""A WebSocket server on the loopback, whose behaviour a test writes: the real one of the library `websockets`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import ServerConnection, serve


@dataclass
class Refusal:
    """An answer that is no WebSocket."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Peer:
    """What was asked of the server, and what it received."""

    url: str = ""
    handshakes: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    """Path and header fields of each handshake."""
    frames: list[str | bytes] = field(default_factory=list)
    answers: list[Refusal | None] = field(default_factory=list)
    """How the handshakes are answered; after the last all are accepted."""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.frames]


def say(socket: ServerConnection, **event: Any) -> None:
    socket.send(json.dumps(event))


def drop(socket: ServerConnection) -> None:
    """End the connection without a word, as a network does that fails."""
    socket.close_socket()


@contextmanager
def peer(behave: Callable[[Peer, ServerConnection], None], **options: Any) -> Iterator[Peer]:
    """Serve connections by a function that is called with each; those whose function ends are closed."""
    seen = Peer()

    def answer(connection: ServerConnection, request: Any) -> Response | None:
        seen.handshakes.append((request.path, list(request.headers.raw_items())))
        refusal = seen.answers.pop(0) if seen.answers else None
        if refusal is None:
            return None
        fields = {"Content-Length": str(len(refusal.body)), "Content-Type": "application/json", **refusal.headers}
        return Response(refusal.status, "Refused", Headers(fields), refusal.body)

    def handle(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):  # the client may go at any time
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
    """Receive everything, and say so."""
    for frame in socket:
        seen.frames.append(frame)
        say(socket, type="brand.new", event_id=f"event_{len(seen.frames)}")
