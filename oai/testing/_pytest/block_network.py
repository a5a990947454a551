"""Block the network for tests: connecting raises, and fails the test.

`socket.socket.connect`, `connect_ex`, `sendto`, `sendmsg` and `socket.getaddrinfo` are replaced for the session;
urllib3, aiohttp, httpx and asyncio's own loops use them. Connections that bypass Python's sockets (those of an event
loop or library in C, or of a child process) are not detected. Unix sockets stay usable, since test runners need them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from oai._support.loopback import is_loopback

CONNECTING = ("connect", "connect_ex", "sendto", "sendmsg")
"""Methods of a socket whose last argument is an address; `sendto` and `sendmsg` have other arguments before it."""


class NetworkBlocked(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """A connection attempt in a session with a blocked network; the message names the address."""


class Blocker:
    """The block on a session's network access.

    Args:
        every: whether to block loopback addresses (127.0.0.0/8, ::1, localhost), too.
    """

    def __init__(self, *, every: bool) -> None:
        self._every = every
        self._lifted = False
        self._lock = threading.Lock()
        self._attempts: list[str] = []
        self._replaced: list[tuple[Any, str, Any]] = []

    def start(self) -> None:
        """Replace the functions that connect; `stop` restores them."""
        for name in CONNECTING:
            self._replace(socket.socket, name, self._guarded(name, getattr(socket.socket, name)))
        self._replace(socket, "getaddrinfo", self._guarded_lookup(socket.getaddrinfo))

    def stop(self) -> None:
        """Restore the original functions."""
        for owner, name, original in reversed(self._replaced):
            setattr(owner, name, original)
        self._replaced.clear()

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        """Allow connections within the block, for a test whose calls are recorded."""
        self._lifted = True
        try:
            yield
        finally:
            self._lifted = False

    def pop_error(self) -> NetworkBlocked | None:
        """Return the error for the attempts since the last call, if any, even if the code under test caught theirs."""
        with self._lock:
            attempts, self._attempts = self._attempts, []
        return NetworkBlocked(_message(", ".join(dict.fromkeys(attempts)))) if attempts else None

    def _replace(self, owner: Any, name: str, guarded: Any) -> None:
        self._replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, guarded)

    def _guarded(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(sock: socket.socket, *arguments: Any) -> Any:
            address = _address(name, arguments)
            if sock.family in (socket.AF_INET, socket.AF_INET6) and address is not None:
                self._refuse(address[0], f"{address[0]}:{address[1]}")
            return original(sock, *arguments)

        return guarded

    def _guarded_lookup(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
            if host:
                self._refuse(host, f"{_text(host)}:{_text(port)}")
            return original(host, port, *arguments, **options)

        return guarded

    def _refuse(self, host: Any, shown: str) -> None:
        if self._lifted or (is_loopback(_text(host)) and not self._every):
            return
        with self._lock:
            self._attempts.append(shown)
        raise NetworkBlocked(_message(shown))


def _address(name: str, arguments: tuple[Any, ...]) -> Any:
    if name == "sendmsg":
        return arguments[3] if len(arguments) > 3 else None
    return arguments[-1] if arguments and isinstance(arguments[-1], tuple) else None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _message(shown: str) -> str:
    return (
        f"the test tried to connect to {shown}, which --block-network forbids; use a cassette "
        "(@pytest.mark.oai_cassette) or a transport that does not send, or allow it with --block-network=none"
    )
