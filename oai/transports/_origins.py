"""The server that a URL names (RFC 9110, section 4.3), and the order in which its addresses are tried.

Sync and async use the same rules here: a non-ASCII host is encoded as in a base URL, a zone of an IPv6 address is part
of the address but not of `Host` (RFC 6874), and a name's final dot is not part of its certificate.
"""

from __future__ import annotations

import socket
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from oai._http.messages import TransportError
from oai.transports._limits import remaining

PORTS = {"http": 80, "https": 443}

ATTEMPT_DELAY = 0.25
"""Seconds after which the next address is tried while the one before is still connecting (RFC 8305, section 8)."""

Address: TypeAlias = tuple[Any, ...]
"""One of `getaddrinfo`: family, type, protocol, canonical name, address."""


class Origin:
    """Scheme, host and port of a server.

    Args:
        url: a URL of it; user information is ignored.

    Attributes:
        host: the name or address to connect to.
        field: the value of `Host`.
        server_name: the name in its certificate; `None` without TLS.

    Raises:
        TransportError: it is not the URL of a server.
    """

    __slots__ = ("field", "host", "port", "scheme", "server_name")

    def __init__(self, url: str) -> None:
        self.scheme, self.host, self.port = _split(url)
        name = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        self.field = name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"
        self.server_name = self.host.partition("%")[0].rstrip(".") if self.scheme == "https" else None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@lru_cache(256)  # the requests of a program go to few URLs, each many times
def split_target(url: str) -> tuple[str, str]:
    """Split a URL after the port: into what names the origin, and the request target."""
    slash = url.find("/", url.find("://") + 3)
    name, target = (url[:slash], url[slash:]) if slash > 0 else (url, "/")
    if "?" in name:  # a query without a path
        name, _, query = url.partition("?")
        target = f"/?{query}"
    return name, target


def ascii_url(url: str) -> str:
    """Return a URL with its host in ASCII, for the libraries that would encode it differently or not at all."""
    if url.isascii():
        return url
    name, target = split_target(url)
    origin = Origin(name)
    return f"{origin.scheme}://{origin.field}{target}"


def _split(url: str) -> tuple[str, str, int]:
    shown = repr(url.rpartition("@")[2])  # without a password
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        if ":" in host:
            host = host.replace("%25", "%", 1)
        elif not host.isascii():
            from oai._http.idna import ascii_host  # rarely needed, since base URLs are encoded already

            host = ascii_host(host) or ""
    except ValueError as error:
        raise TransportError("connect", f"{shown} is not the URL of a server: {error}") from error
    if scheme not in PORTS or not host:
        raise TransportError("connect", f"{shown} is not the URL of a server")
    return scheme, host, PORTS[scheme] if port is None else port


def interleave(addresses: list[Address]) -> list[Address]:
    """Sort addresses so that their families alternate, the family of the first one first (RFC 8305, section 4)."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    lists = list(families.values())
    return [group[at] for at in range(max(map(len, lists), default=0)) for group in lists if at < len(group)]


def is_local(host: str) -> bool:
    """Return whether a look-up asks no server: of an IP address, or of this machine's name (RFC 6761, section 6.3)."""
    return host == "localhost" or ":" in host or host.replace(".", "").isdecimal()


def look_up(host: str, port: int) -> list[Address]:
    """Return the addresses of a host; this may block."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def look_up_in_thread(host: str, port: int, done: Callable[[list[Address] | Exception], None]) -> None:
    """Look a host up in a thread of its own and pass the outcome to `done`, in that thread.

    `getaddrinfo` cannot be interrupted. A thread of a pool would keep the program from ending while a look-up hangs.
    """

    def work() -> None:
        outcome: list[Address] | Exception
        try:
            outcome = look_up(host, port)
        except Exception as error:  # noqa: BLE001 - the waiting thread or task raises it
            outcome = error
        done(outcome)

    start_new_thread(work, ())


def look_up_within(host: str, port: int, deadline: float | None) -> list[Address]:
    """Return the addresses of a host, or raise `TimeoutError` at the deadline of the monotonic clock."""
    if deadline is None or is_local(host):
        return look_up(host, port)
    limit = remaining(deadline, None)
    outcomes: list[list[Address] | Exception] = []
    finished = allocate_lock()
    finished.acquire()

    def done(outcome: list[Address] | Exception) -> None:
        outcomes.append(outcome)
        finished.release()

    look_up_in_thread(host, port, done)
    if not finished.acquire(timeout=limit):
        raise TimeoutError("timed out looking up the name")
    if isinstance(outcomes[0], Exception):
        raise outcomes[0]
    return outcomes[0]


def connect_error(origin: Origin, error: Exception) -> TransportError:
    """Return the error of the seam for a connection that could not be opened."""
    if isinstance(error, TransportError):
        return error
    if isinstance(error, TimeoutError):
        return TransportError("timeout", f"no connection to {origin}: {error or 'timed out'}")
    if isinstance(error, socket.gaierror):
        return TransportError("connect", f"no address was found for {origin.host!r}: {error}")
    return TransportError("connect", str(error) or type(error).__name__)
