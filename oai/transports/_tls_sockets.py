"""A connection within TLS over a blocking socket.

A module of its own, since `ssl` is a large import.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from oai.transports._limits import remaining
from oai.transports._sockets import Connection

if TYPE_CHECKING:
    import socket

    from oai.transports._origins import Origin
    from oai.transports._tls import Resumption


class TLSConnection(Connection):
    """A connection within TLS, which may hold bytes that its socket no longer has, and receives records of its own."""

    __slots__ = ("_pending",)

    def __init__(self, sock: socket.socket, resumption: Resumption) -> None:
        super().__init__(sock, resumption)
        # The objects of a caller's context need not be those of `ssl`.
        self._pending: Callable[[], int] = sock.pending if isinstance(sock, ssl.SSLSocket) else int

    def _is_readable(self) -> bool:
        return self._pending() > 0 or super()._is_readable()

    def _receive_now(self) -> bytes | None:
        try:
            return super()._receive_now()
        except ssl.SSLWantReadError:
            return None

    def _send_now(self, view: memoryview) -> int:
        try:
            return super()._send_now(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0


def start_tls(
    sock: socket.socket, origin: Origin, context: ssl.SSLContext, resumption: Resumption, deadline: float | None
) -> TLSConnection:
    """Begin TLS over a connected socket, which is closed if that fails.

    Raises:
        OSError: the handshake has failed, or takes longer than the deadline.
    """
    try:
        sock.settimeout(remaining(deadline, None))
        session = resumption.take(context)
        options: dict[str, Any] = {} if session is None else {"session": session}
        # A connection that ends without the alert of TLS may have been cut by anyone (RFC 9112, section 9.8).
        tls = context.wrap_socket(sock, server_hostname=origin.server_name, suppress_ragged_eofs=False, **options)
    except BaseException:
        sock.close()
        raise
    return TLSConnection(tls, resumption)
