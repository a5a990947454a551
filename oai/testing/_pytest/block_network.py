"""No network for tests: what tries to connect fails, and the test with it.

`socket.socket.connect`, `connect_ex`, `sendto` and `sendmsg`, and the look-up of names, are replaced for the session:
all that urllib3, aiohttp, httpx and asyncio's own loops go through. What does not go through Python's sockets (an event
loop or a library in C that opens its own, a child process) is not seen. Sockets of this machine's file system stay
open, since test runners talk over them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from oai._support.loopback import is_loopback

CONNECTING = ("connect", "connect_ex", "sendto", "sendmsg")
"""Methods of a socket whose last argument is an address. (`sendto` and `sendmsg` have others before it.)"""


class NetworkBlocked(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """Something tried to reach the network in a session that forbids it. The message says what."""


class Blocker:
    """Keeps a session from the network.

    Args:
        every: whether addresses of this machine (127.0.0.0/8, ::1, localhost) are forbidden too.
    """

    def __init__(self, *, every: bool) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._tried: list[str] = []
        self._replaced: list[tuple[Any, str, Any]] = []

    def start(self) -> None:
        """Replace what connects; `stop` puts it back."""
        for name in CONNECTING:
            self._replace(socket.socket, name, self._guarded(name, getattr(socket.socket, name)))
        self._replace(socket, "getaddrinfo", self._guarded_lookup(socket.getaddrinfo))

    def stop(self) -> None:
        """Put back what was there before."""
        for owner, name, original in reversed(self._replaced):
            setattr(owner, name, original)
        self._replaced.clear()

    def tried(self) -> NetworkBlocked | None:
        """Return what to fail with if something has tried since this was last asked, also if its error was caught."""
        with self._lock:
            tried, self._tried = self._tried, []
        return NetworkBlocked(_message(", ".join(dict.fromkeys(tried)))) if tried else None

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
        if is_loopback(_text(host)) and not self._every:
            return
        with self._lock:
            self._tried.append(shown)
        raise NetworkBlocked(_message(shown))


def _address(name: str, arguments: tuple[Any, ...]) -> Any:
    if name == "sendmsg":
        return arguments[3] if len(arguments) > 3 else None
    return arguments[-1] if arguments and isinstance(arguments[-1], tuple) else None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _message(shown: str) -> str:
    return (
        f"the test tried to reach {shown}, and --block-network forbids it: give the test a cassette "
        "(@pytest.mark.oai_cassette) or a transport that does not send; --block-network=none lifts the ban"
    )
