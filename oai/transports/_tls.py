"""TLS: how servers are verified if the caller has no `ssl_context`, and which session is resumed.

`ssl` is a large module, which a program does without whose server is on this machine. So it is imported where it is
used.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

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
    import ssl

    directory = _hashed_directory()
    context = ssl.create_default_context(capath=directory)
    if directory is not None:
        _partly_loaded.append(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


def load_all_certificates(error: BaseException | None, context: ssl.SSLContext | None) -> bool:
    """Read all trusted certificates after an unknown issuer; return whether that makes another attempt worthwhile."""
    if context is None or context not in _partly_loaded:
        return False
    import ssl

    if not isinstance(error, ssl.SSLCertVerificationError) or error.verify_code not in UNKNOWN_ISSUER:
        return False
    with suppress(ValueError):  # another thread has done it
        _partly_loaded.remove(context)
    context.load_default_certs()
    return True


def _hashed_directory() -> str | None:
    """Return the system's directory of trusted certificates, if only that is needed and OpenSSL can search it."""
    import ssl

    paths = ssl.get_default_verify_paths()
    if os.environ.get(paths.openssl_cafile_env) or not paths.capath or os.pathsep in paths.capath:
        return None
    try:
        with os.scandir(paths.capath) as entries:
            return paths.capath if any(_is_hashed(entry.name) for entry in entries) else None
    except OSError:
        return None


def _is_hashed(name: str) -> bool:
    """Return whether a file is named by the hash of its subject, as in `002c0b4f.0`."""
    return name[8:9] == "." and name[9:].isdecimal() and not name[:8].strip("0123456789abcdef")


class Resumption:
    """The TLS session with which the next connection to one server begins (RFC 8446, section 2.2).

    A resumed session stands for the verification of the server, which it does not repeat. So it is only resumed with
    the context that verified it, and only if that verifies by the same rules as then. One connection takes a session
    (appendix C.4) and leaves its own; a server that no longer accepts it has to prove its identity as usual.
    """

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: tuple[ssl.SSLSession, tuple[object, ...]] | None = None

    def take(self, context: ssl.SSLContext) -> ssl.SSLSession | None:
        """Return the session for a new connection, if there is one."""
        latest, self._latest = self._latest, None
        return latest[0] if latest is not None and latest[1] == _rules(context) else None

    def keep(self, tls: Any) -> None:
        """Keep the session of a connection that has received a response, and with it the server's ticket.

        A caller's context may make objects that are not those of `ssl` and have no sessions.
        """
        import ssl

        session = tls.session if isinstance(tls, (ssl.SSLSocket, ssl.SSLObject)) else None
        if session is not None and (session.has_ticket or tls.version() != "TLSv1.3"):
            self._latest = session, _rules(tls.context)


def _rules(context: ssl.SSLContext) -> tuple[object, ...]:
    """Return what decides about a server: a context, and its settings. Contexts of other libraries are equal to none.

    These may verify a server after the handshake, in ways of their own.
    """
    own = context if type(context).__module__ == "ssl" else object()
    return own, context.verify_mode, context.verify_flags, context.check_hostname
