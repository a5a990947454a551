"""Keep the limits that processes of several machines share, for `Limiter(shared="tcp://...")`."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

import msgspec

from oai._metering.limit_messages import LONGEST, Admit, read_message, written
from oai._metering.limit_state import LimitState

if TYPE_CHECKING:
    from typing import Self

__all__ = ["LimitServer"]

WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 - to recognize them


class LimitServer:
    """A server that keeps the limits of a minute, and the pauses of the API, for limiters of several machines.

        with LimitServer("0.0.0.0", 4785) as server:
            limiter = Limiter(HTTPTransport(), tokens_per_minute=200_000, shared=server.url)

    It starts when it is made, in threads, and ends when it is closed; what has started in the last minute is then
    forgotten. Limiters hold their own numbers, and pass the same ones. There is no password, and no secret: whoever
    reaches the port can learn how many requests there are, and can use up the limits. Open it to your own network only.

    Args:
        host: the address to listen on; that of this machine alone by default.
        port: the port; 0 for a free one.

    Raises:
        OSError: the address cannot be used.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = _Server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        name = socket.gethostname() if host in WILDCARDS else host
        port = self._server.server_address[1]
        self.url = f"tcp://[{name}]:{port}" if ":" in name else f"tcp://{name}:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<LimitServer {self.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, and close the connections of the limiters. Closing it again does nothing."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.end_connections()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], *, family: socket.AddressFamily) -> None:
        self.address_family = family
        self.lock = threading.Lock()
        self.state = LimitState()
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def answer(self, line: bytes) -> bytes:
        """Return the reply to a message, nothing to one that has none.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError: it is not a message.
        """
        message, now = read_message(line), time.monotonic()
        with self.lock:
            self.state.expire(now)
            if not isinstance(message, Admit):
                at = message.amount + now if message.kind == "block" else message.amount
                self.state.apply(msgspec.structs.replace(message, amount=at), now)
                return b""
            limits = {
                "requests_per_minute": message.requests_per_minute,
                "tokens_per_minute": message.tokens_per_minute,
            }
            return written(self.state.admit(message.ticket, message.tokens, now, **limits))

    def end_connections(self) -> None:
        """Shut the connections down; each one's thread closes it."""
        with self.lock:
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that broke."""


class _Handler(StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer the messages of a connection until it ends, or one is invalid."""
        with self.server.lock:
            self.server.connections.add(self.connection)
        try:
            while line := self.rfile.readline(LONGEST):
                self.wfile.write(self.server.answer(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        finally:
            with self.server.lock:
                self.server.connections.discard(self.connection)
