"""TLS: how servers are verified if the caller has no `ssl_context`, and TLS without a socket.

asyncio's TLS does not tell whether the server ended a connection or someone cut it, cannot resume a session, and cannot
run within another connection's TLS on every version of Python. `Layer` can.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import cache

RECORD = 16 * 1024
"""Bytes of the longest record of TLS (RFC 8446, section 5.1)."""


@cache
def shared_tls_context() -> ssl.SSLContext:
    """Return a context with the system's trusted certificates, which all transports share."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Layer:
    """One layer of TLS.

    Args:
        context: verifies the server.
        server_name: the name that its certificate must have.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.ended = False
        """Whether the server has sent the alert that ends TLS."""

    def put(self, data: bytes) -> None:
        """Take bytes of a handshake."""
        self._incoming.write(data)

    def shake_hands(self) -> bool:
        """Continue the handshake; return whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def unsent(self) -> bytes:
        """Return what has to be written."""
        return self._outgoing.read()

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Return the records of some bytes."""
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Return what complete records contain."""
        self._incoming.write(data)
        pieces: list[bytes] = []
        with suppress(ssl.SSLWantReadError):
            while piece := self._tls.read(RECORD):
                pieces.append(piece)
            self.ended = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
