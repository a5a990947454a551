"""The HTTP server beneath `Server`: its listening socket, and a thread per connection."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from oai._support.redact import redact_text

if TYPE_CHECKING:
    from socketserver import BaseRequestHandler

    from oai._incoming.operations import Incoming

PATIENCE = 5.0
"""Seconds to wait for the threads of open connections on closing."""

Log = Callable[[str], None]


class HTTPServer(ThreadingHTTPServer):
    """The listening socket, and the open connections, each with its thread.

    Args:
        address: host and port.
        handler: the class that handles a connection.
        transport: the transport that responds.
        incoming: finds the operations of requests.
        log: called with a line for each request.
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
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.transport = transport
        self.incoming = incoming
        self.log = log
        self.closing = threading.Event()
        self.numbers = itertools.count(1)
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind as a plain TCP server does: `HTTPServer` looks up the host name of this machine in the DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[threading.current_thread()] = request
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._open[threading.current_thread()]

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
