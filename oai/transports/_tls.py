"""TLS: how servers are verified if the caller has no `ssl_context`, and TLS without a socket.

asyncio's TLS does not tell whether the server ended a connection or someone cut it, cannot resume a session, and cannot
run within another connection's TLS on every version of Python. `Layer` can.
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from functools import cache

RECORD = 16 * 1024
"""Bytes of the longest record of TLS (RFC 8446, section 5.1)."""


UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
"""The codes of OpenSSL for a chain that ends in no trusted certificate (X509_V_ERR_*)."""

_partly_loaded: list[ssl.SSLContext] = []
"""The shared context, while it reads certificates on demand."""


@cache
def shared_tls_context() -> ssl.SSLContext:
    """Return a context with the system's trusted certificates, which all transports share.

    Reading all of them takes longer than everything else about a first call. Where the system has a hashed directory
    of them, OpenSSL reads those that a chain needs; if that is not enough, `load_all_certificates` reads the rest.
    """
    directory = _hashed_directory()
    context = ssl.create_default_context(capath=directory)
    if directory is not None:
        _partly_loaded.append(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


def load_all_certificates(error: BaseException | None, context: ssl.SSLContext | None) -> bool:
    """Read all trusted certificates after an unknown issuer; return whether that makes another attempt worthwhile."""
    unknown = isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in UNKNOWN_ISSUER
    if not unknown or context not in _partly_loaded:
        return False
    with suppress(ValueError):  # another thread has done it
        _partly_loaded.remove(context)
    context.load_default_certs()
    return True


def _hashed_directory() -> str | None:
    """Return the system's directory of trusted certificates, if only that is needed and OpenSSL can search it."""
    paths = ssl.get_default_verify_paths()
    if os.environ.get(paths.openssl_cafile_env) or not paths.capath or os.pathsep in paths.capath:
        return None
    try:
        with os.scandir(paths.capath) as entries:
            return paths.capath if any(_is_hashed(entry.name) for entry in entries) else None
    except OSError:
        return None


def _is_hashed(name: str) -> bool:
    """Tell whether a file is named by the hash of its subject, as in `002c0b4f.0`."""
    return name[8:9] == "." and name[9:].isdecimal() and not name[:8].strip("0123456789abcdef")


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
