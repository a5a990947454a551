"""Close connections so that their clients receive the last response.

Closing a socket while the client still sends resets the connection, and the reset can destroy the response on its way.
So a connection is closed in stages (RFC 9112, section 9.6): the server ends its side, discards what the client still
sends, and closes the socket once the client has ended its side, or after a bounded time.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from time import monotonic

LONGEST = 30.0
"""Seconds after which a connection is closed even if the client still sends."""

SILENCE = 5.0
"""Seconds to wait for a client that neither sends nor closes."""

PIECE = 65536
PIECES = 16
"""The maximum number of pieces to read from a rejected connection at once, so that others have their turn."""

MOST_REJECTED = 256


def close_in_stages(connection: socket.socket) -> None:
    """End the server's side of a connection, and read until the client's side ends; the caller closes the socket."""
    end = monotonic() + LONGEST
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(SILENCE)
        while connection.recv(PIECE) and monotonic() < end:
            pass


class RejectedConnections:
    """Connections that are closed in stages without threads: those rejected since there are too many threads."""

    def __init__(self) -> None:
        self._ends: dict[socket.socket, float] = {}

    def add(self, connection: socket.socket) -> None:
        """End the server's side of a connection whose response has been sent."""
        if len(self._ends) >= MOST_REJECTED:
            self._close(next(iter(self._ends)))
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        connection.setblocking(False)
        self._ends[connection] = monotonic() + SILENCE

    def discard(self) -> None:
        """Read what clients have sent, without waiting; close the connections that have ended."""
        for connection, end in list(self._ends.items()):
            if _has_ended(connection) or monotonic() > end:
                self._close(connection)

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._ends):
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        del self._ends[connection]
        connection.close()


def _has_ended(connection: socket.socket) -> bool:
    """Discard what has arrived; return whether the client has ended its side."""
    try:
        return not all(connection.recv(PIECE) for _ in range(PIECES))
    except BlockingIOError:
        return False
    except OSError:
        return True
