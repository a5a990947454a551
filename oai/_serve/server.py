"""Run a transport as a local HTTP server that speaks the API, for clients in any language.

`serve` makes the replies of a transport (a fake, a cassette, invented ones) available on loopback. Each request is read
completely, matched to its operation by the router of a table, and sent with the transport without the client's
credentials; the reply is passed on piece by piece. This module starts and stops the server; `_serve.connection` handles
the connections.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from oai._http.messages import Transport
from oai._incoming.operations import Incoming
from oai._serve.connection import Handler
from oai._serve.http_server import HTTPServer, Log
from oai._support.loopback import is_loopback
from oai._table.load import merged_table, table_sources
from oai._table.table import Table


@contextmanager
def serve(
    transport: Transport | Any,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    table: str | os.PathLike[str] | Table | list[str | os.PathLike[str]] | None = None,
    allow_hosts: Iterable[str] = (),
    cors: Iterable[str] = (),
) -> Iterator[str]:
    """Run a local HTTP server for the duration of the block; yield its base URL, `http://127.0.0.1:PORT/v1`.

    The transport is usually a `FakeTransport`, an `OfflineTransport` or a replaying `Recorder`. It does not receive the
    clients' credentials, and stays open at the end.

    Args:
        transport: the sync transport that replies.
        host: the address to listen on; one that other machines can reach emits a `UserWarning`.
        port: the port; a free one by default.
        table: a TOML file of rows, or several, laid over the shipped table (`OAI_TABLE`).
        allow_hosts: names by which clients may address the server, in addition to those of this machine; requests with
            another `Host` are rejected, so that web pages cannot read responses by DNS rebinding.
        cors: origins whose web pages may use the server, such as `"http://localhost:3000"`; `"*"` stands for any.

    Raises:
        OSError: the server cannot listen on the address.
        TableError: a table has an invalid row.
    """
    server = Server(transport, host=host, port=port, table=table, allow_hosts=allow_hosts, cors=cors)
    try:
        yield server.url
    finally:
        server.close()


class Server:
    """A local HTTP server, running from its construction until `close`. `serve` wraps it in a context manager.

    Args:
        transport: see `serve`, also for the other arguments.
        host: the address.
        port: the port.
        table: additional tables.
        log: called with a line for each request, secrets redacted and control characters escaped.
        allow_hosts: additional names of the server.
        cors: origins whose web pages may use the server.

    Attributes:
        url: the base URL for clients.
    """

    def __init__(
        self,
        transport: Transport | Any,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        table: str | os.PathLike[str] | Table | list[str | os.PathLike[str]] | None = None,
        log: Log | None = None,
        allow_hosts: Iterable[str] = (),
        cors: Iterable[str] = (),
    ) -> None:
        if not is_loopback(host):
            warnings.warn(
                f"the server listens on {host}, where other machines can reach it; use 127.0.0.1 for this machine only",
                UserWarning,
                stacklevel=2,
            )
        incoming = Incoming(merged_table(table_sources(table)))
        allowed, origins = ([each] if isinstance(each, str) else each for each in (allow_hosts, cors))
        self._http = HTTPServer((host, port), Handler, transport, incoming, log, allowed, origins)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True, name="oai-serve")
        self._thread.start()

    def close(self) -> None:
        """Stop listening, end all connections, and wait a bounded time for their threads; idempotent."""
        self._http.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.end_connections()
