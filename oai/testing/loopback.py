"""An HTTP/1.1 server on 127.0.0.1 that sends exactly the bytes a test programs, faults included.

It is for behaviour that only real sockets show: timing, partial reads, resets, stale connections, proxies. It writes
every byte itself and shares no code with the library under test.

    with Loopback() as server:
        server.reply(Answer.error(503, "busy"), Answer.of_json({"id": "x"}))   # for the next two requests
        server.route("GET", "/v1/models", lambda seen: Answer(json={"query": seen.query}))   # for all of these

A request gets the answer of its route, else the next in the queue, else `server.default`, else a 404 that names the
request. All times are in seconds. Every wait ends when the server closes or the client disconnects. An exception of a
callable, or a request that is not HTTP, ends the connection and is raised at the end of the `with` block.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import Any, Self

from oai.testing._loopback.answer import Answer, Plan
from oai.testing._loopback.connection import PATIENCE, Connection
from oai.testing._loopback.request import Part, Seen

__all__ = ["Answer", "Loopback", "Part", "Plan", "Seen"]


class Loopback:
    """A local HTTP server that sends programmed answers. It runs from its construction to the end of its `with` block.

    Args:
        default: the answer to requests without a route when the queue is empty.
        tls: a server-side context, to speak TLS.
        keep_body: False to count and hash the bodies of requests without keeping them, whatever the answer says.

    Attributes:
        url, port: the address; `url` has no path.
        requests: the requests so far, in the order of arrival.
        connections: the number of connections accepted so far.
        failures: exceptions of callables and of malformed requests; the end of the `with` block raises the first.
    """

    def __init__(
        self, default: Plan | None = None, *, tls: ssl.SSLContext | None = None, keep_body: bool = True
    ) -> None:
        self.default, self.tls, self.keep_body = default, tls, keep_body
        self.requests: list[Seen] = []
        self.connections = 0
        self.failures: list[Exception] = []
        self.closing = threading.Event()
        self._queue: deque[Plan] = deque()
        self._routes: dict[tuple[str, str], Plan] = {}
        self._open: set[Connection] = set()
        self._lock = threading.Lock()  # over `_open`, so that no socket is shut down after it is closed
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True, name=f"loopback-{self.port}")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self.failures:
            raise self.failures[0]

    @property
    def open_connections(self) -> int:
        """The number of open connections."""
        return len(self._open)

    def reply(self, *plans: Plan, **fields: Any) -> None:
        """Queue answers, or one with these fields; each is used for one request without a route."""
        self._queue.extend([*plans, Answer(**fields)] if fields or not plans else plans)

    def route(self, method: str, path: str, plan: Plan) -> None:
        """Set the answer to all requests with a method and a path (for CONNECT, host:port)."""
        self._routes[method, path] = plan

    def until(self, predicate: Callable[[], object], timeout: float = PATIENCE) -> bool:
        """Wait until a condition holds, such as `lambda: not server.open_connections`; return whether it does."""
        end = monotonic() + timeout
        while not (met := predicate()) and monotonic() < end:
            sleep(0.001)
        return bool(met)

    def close(self) -> None:
        """End all connections and threads; the wait for them is bounded."""
        if not self.closing.is_set():
            self.closing.set()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                self._thread.join(PATIENCE)  # the connection wakes it up
            self._listener.close()
        with self._lock:
            for connection in (left := list(self._open)):
                with suppress(OSError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)  # beneath TLS
        end = monotonic() + PATIENCE
        for connection in left:
            connection.join(max(0, end - monotonic()))

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.closing.is_set():
                return sock.close()
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.tls is not None:
                    sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            except OSError:  # the client has disconnected already
                sock.close()
                continue
            with self._lock:
                self.connections += 1
                self._open.add(connection := Connection(self, sock, self.connections))
                connection.start()

    def choose(self, seen: Seen) -> Plan:
        """Return the answer to a request: of its route, else from the queue, else the default, else a 404."""
        if plan := self._routes.get((seen.method, seen.path)):
            return plan
        with suppress(IndexError):
            return self._queue.popleft()
        return self.default or Answer.error(404, f"no answer is programmed for {seen.method} {seen.target}")

    def ended(self, connection: Connection) -> None:
        """Close the socket of a connection that has ended."""
        with self._lock:
            connection.sock.close()
            self._open.discard(connection)
