"""TLS without a socket.

asyncio's TLS does not tell whether the server ended a connection or someone cut it, cannot resume a session, and cannot
run within another connection's TLS on every version of Python. `Layer` can.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any

RECORD = 16 * 1024
"""Bytes of the longest record of TLS (RFC 8446, section 5.1)."""


class Layer:
    """One layer of TLS.

    Args:
        context: verifies the server.
        server_name: the name that its certificate must have.
        session: one to resume.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str, session: ssl.SSLSession | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        options: dict[str, Any] = {} if session is None else {"session": session}
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, **options)
        self.ended = False
        """Whether the server has sent the alert that ends TLS."""

    def put(self, data: bytes) -> None:
        """Take bytes of a handshake."""
        self._incoming.write(data)

    def shake_hands(self) -> bool:
        """Continue the handshake; return whether it is done."""
        try:
            self.tls.do_handshake()
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
            view = view[self.tls.write(view) :]
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Return what complete records contain."""
        self._incoming.write(data)
        pieces: list[bytes] = []
        with suppress(ssl.SSLWantReadError):
            while piece := self.tls.read(RECORD):
                pieces.append(piece)
            self.ended = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
