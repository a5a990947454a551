"""A transport as a local HTTP server that speaks the API, for programs in any language and any client.

`serve` puts what a transport answers (a fake's, a cassette's, made-up ones) on loopback. A request is read whole,
brought to its operation by the router of a table, and given to the transport without the caller's credentials; the
reply goes out piece by piece as the transport gives it. This module is about starting and stopping; what happens on
a connection is `_serve.connection`'s business.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from oai._incoming.operations import Incoming
from oai._serve.connection import Handler
from oai._serve.http_server import HTTPServer, Log
from oai._support.loopback import is_loopback
from oai._table.load import merged_table, table_sources

if TYPE_CHECKING:
    import os

    from oai._http.messages import Transport
    from oai._table.table import Table


@contextmanager
def serve(
    transport: Transport | Any,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    table: str | os.PathLike[str] | Table | list[str | os.PathLike[str]] | None = None,
) -> Iterator[str]:
    """Serve what a transport answers as HTTP while the block lasts; give the base URL, `http://127.0.0.1:PORT/v1`.

    The transport is one that answers by itself, `FakeTransport`, `OfflineTransport` or a `Recorder` that replays. It
    gets no credentials of the callers and stays open at the end.

    Args:
        transport: what answers; sync.
        host: the address to listen at; another than this machine's own warns.
        port: the port, a free one unless given.
        table: a TOML file of rows, or several, laid over the shipped table (`OAI_TABLE`).

    Raises:
        OSError: the address cannot be listened at.
        TableError: a table has a row that cannot be.
    """
    server = Server(transport, host=host, port=port, table=table)
    try:
        yield server.url
    finally:
        server.close()


class Server:
    """What `serve` runs, for those who start and stop it themselves. It is up when it is constructed.

    Args:
        transport: see `serve`, as all others.
        host: the address.
        port: the port.
        table: tables of one's own.
        log: called with a line for each request, secrets taken out.

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
    ) -> None:
        if not is_loopback(host):
            warnings.warn(
                f"the server at {host} answers whoever can reach this machine; 127.0.0.1 answers this machine alone",
                UserWarning,
                stacklevel=2,
            )
        self._http = HTTPServer((host, port), Handler, transport, Incoming(merged_table(table_sources(table))), log)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True, name="oai-serve")
        self._thread.start()

    def close(self) -> None:
        """Stop listening, end all connections, and wait a bounded time for their threads. Twice does nothing more."""
        self._http.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.end_connections()
