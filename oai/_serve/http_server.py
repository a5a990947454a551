"""The HTTP server beneath `Server`: its listening socket, and a thread per connection."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from oai._serve.closing import RejectedConnections
from oai._support.loopback import is_loopback
from oai._support.redact import redact_text

if TYPE_CHECKING:
    from socketserver import BaseRequestHandler

    from oai._incoming.operations import Incoming

PATIENCE = 5.0
"""Seconds to wait for the threads of open connections on closing."""

MOST_CONNECTIONS = 256
"""The maximum number of open connections, and so of threads."""

_BUSY = b'{"error":{"message":"too many open connections","type":"server_error","param":null,"code":"overloaded"}}'
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BUSY), _BUSY)
)

Log = Callable[[str], None]


class HTTPServer(ThreadingHTTPServer):
    """The listening socket, and the open connections, each with its thread.

    Args:
        address: host and port.
        handler: the class that handles a connection.
        transport: the transport that responds.
        incoming: finds the operations of requests.
        log: called with a line for each request.
        allowed_hosts: names of this machine beyond those of loopback, in lower case.
        cors: the origins whose web pages may read responses; `*` stands for any.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseRequestHandler],
        transport: Any,
        incoming: Incoming,
        log: Log | None,
        allowed_hosts: Iterable[str] = (),
        cors: Iterable[str] = (),
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.transport = transport
        self.incoming = incoming
        self.log = log
        self.is_public = not is_loopback(address[0])
        own = {address[0].lower(), socket.gethostname().lower()} if self.is_public else {address[0].lower()}
        self.allowed_hosts = own | {name.lower() for name in allowed_hosts}
        self.cors = frozenset(cors)
        self.closing = threading.Event()
        self.numbers = itertools.count(1)
        self._count = 0
        self._open: dict[threading.Thread, socket.socket] = {}
        self._rejected = RejectedConnections()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind as a plain TCP server does: `HTTPServer` looks up the host name of this machine in the DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of a connection, unless there are too many already."""
        with self._lock:
            busy = self._count >= MOST_CONNECTIONS
            self._count += not busy
        if busy:
            with suppress(OSError):
                request.settimeout(1)
                request.sendall(BUSY)
            self._rejected.add(request)
            return
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Close rejected connections; `serve_forever` calls this at every poll."""
        self._rejected.discard()

    def server_close(self) -> None:
        super().server_close()
        self._rejected.close()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[threading.current_thread()] = request
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._open[threading.current_thread()]
                self._count -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log an unexpected error of a connection; ignore clients that have disconnected."""
        error = sys.exception()
        if self.log and not isinstance(error, (ConnectionError, TimeoutError)):
            self.log(redact_text(f"a connection failed: {type(error).__name__}: {error}"))

    def end_connections(self) -> None:
        """Shut down the open connections and wait for their threads."""
        with self._lock:
            left = dict(self._open)
            for connection in left.values():
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in left:
            thread.join(PATIENCE)
