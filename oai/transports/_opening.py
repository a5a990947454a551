"""Open a connection over a blocking socket: look-up, addresses in the manner of RFC 8305, and TLS."""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from oai.transports._limits import remaining
from oai.transports._origins import ATTEMPT_DELAY, Address, connect_error, interleave, look_up_within
from oai.transports._sockets import Connection

if TYPE_CHECKING:
    import ssl

    from oai.transports._origins import Origin
    from oai.transports._tls import Resumption

KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Probes that notice a server that is gone while a response takes long: after 60 s, each 15 s, four times."""

OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in KEEPALIVE.items() if hasattr(socket, name)),
]
"""The options of a TCP connection, those that the system has."""


def new_socket(candidate: Address) -> socket.socket:
    """Return a socket to connect to an address, with the options of a connection."""
    family, kind, protocol, _, _ = candidate
    sock = socket.socket(family, kind, protocol)
    with suppress(OSError):  # not of every kind of socket
        for option in OPTIONS:
            sock.setsockopt(*option)
    return sock


def open_connection(
    origin: Origin, context: ssl.SSLContext | None, resumption: Resumption, deadline: float | None
) -> Connection:
    """Open a connection: look-up, TCP and TLS, all within one deadline.

    Raises:
        TransportError: that is not possible.
    """
    try:
        addresses = look_up_within(origin.host, origin.port, deadline)
        limit = remaining(deadline, None)
        sock = _connect(addresses[0], limit) if len(addresses) == 1 else _race(addresses, deadline)
        if context is None:
            return Connection(sock)
        from oai.transports._tls_sockets import start_tls  # with ssl, a large module that a local server does not need

        return start_tls(sock, origin, context, resumption, deadline)
    except (OSError, ValueError, OverflowError) as error:
        raise connect_error(origin, error) from error


def _connect(candidate: Address, limit: float | None) -> socket.socket:
    """Return a socket that is connected, or with a limit of 0 seconds about to be."""
    sock = new_socket(candidate)
    try:
        sock.settimeout(limit)
        with suppress(BlockingIOError):
            sock.connect(candidate[-1])
    except BaseException:
        sock.close()
        raise
    return sock


def _race(addresses: list[Address], deadline: float | None) -> socket.socket:
    """Connect to several addresses, each started a little later, and return the first connection (RFC 8305)."""
    import selectors  # most servers on this machine have one address

    waiting, failure = deque(interleave(addresses)), OSError("no address")
    next_start = 0.0
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                now = time.monotonic()
                if waiting and (now >= next_start or not selector.get_map()):
                    next_start = now + ATTEMPT_DELAY
                    try:
                        selector.register(_connect(waiting.popleft(), 0.0), selectors.EVENT_WRITE)
                    except OSError as error:
                        failure = error
                    continue
                for key, _ in selector.select(remaining(deadline, next_start - now if waiting else None)):
                    sock: Any = key.fileobj
                    selector.unregister(sock)
                    if not (number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                        return sock  # type: ignore[no-any-return]
                    sock.close()
                    failure, next_start = OSError(number, os.strerror(number)), 0.0
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]  # they are sockets
    raise failure
