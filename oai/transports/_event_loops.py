"""What an async transport keeps for each event loop: servers and connections, which the loop closes at its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet, ref

from oai._http.messages import TransportError
from oai._http1 import SentHeads
from oai.transports._origins import Origin
from oai.transports._pool import Pool, Used
from oai.transports._proxies import EnvironmentProxy, login_apart
from oai.transports._tls import Resumption

if TYPE_CHECKING:
    from oai.transports._protocols import Connection


class Loops:
    """The connections of one transport, or of those that share them, by event loop, in one process."""

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Loop] = WeakKeyDictionary()
        self._process = os.getpid()
        self._latest: tuple[ref[asyncio.AbstractEventLoop], ref[Loop]] | None = None

    def of(self, loop: asyncio.AbstractEventLoop) -> Loop:
        """Return what belongs to the running loop."""
        latest = self._latest  # looking a key up in a weak dictionary is slow
        ours = latest[1]() if latest and latest[0]() is loop else self._loops.get(loop)
        if ours is not None and self._process == os.getpid():
            return ours
        if self._process != os.getpid():  # after a fork: the connections belong to the parent
            self._loops, self._process = WeakKeyDictionary(), os.getpid()
        for other in [other for other in self._loops if other.is_closed()]:
            self._loops.pop(other, None)
        self._loops[loop] = ours = Loop()
        self._latest = ref(loop), ref(ours)
        return ours

    def items(self) -> list[tuple[asyncio.AbstractEventLoop, Loop]]:
        """Return the loops, and what belongs to each."""
        return list(self._loops.items())


class Loop:
    """What belongs to one event loop: its servers and connections.

    The loop closes them when it shuts down, and when the transport is dropped: it closes its async generators then, of
    which `ending` is one. So a program that leaves its client to `asyncio.run` leaves no connection open.
    """

    def __init__(self) -> None:
        self.servers: dict[str, Server] = {}
        self.connections: WeakSet[Connection] = WeakSet()
        """Weak, since uvloop reports no loss of a connection whose opening is cancelled."""
        self.ending = _close_at_end(self.servers, self.connections)
        with contextlib.suppress(StopIteration):
            self.ending.__anext__().__await__().__next__()  # to its `yield`, without waiting

    async def end(self, user: object) -> None:
        """End the exchanges of a transport, and close the connections to servers that no other one has used."""
        for name, server in list(self.servers.items()):
            if server.has_lost(user):
                server.pool.close()
                self.servers.pop(name, None)
        for connection in list(self.connections):
            connection.fail(TransportError("closed", "the transport is closed"), user)
        await asyncio.sleep(0)  # for asyncio to close the sockets


async def _close_at_end(servers: dict[str, Server], connections: WeakSet[Connection]) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        for server in servers.values():
            server.pool.close()
        servers.clear()
        for connection in list(connections):
            connection.fail(TransportError("closed", "the transport is closed"))
        await asyncio.sleep(0)  # for asyncio to close the sockets


class Server(Used):
    """An origin, the proxy on the way to it if there is one, and the connections to it.

    One without a proxy also knows the proxy that the environment names for its origin, whose connections are another's.
    """

    __slots__ = ("environment_proxy", "login", "origin", "pool", "proxy", "resumption", "sent_heads", "tunnel_fields")

    def __init__(self, origin: Origin, pool: Pool[Connection], proxy: str | None) -> None:
        super().__init__()
        self.origin, self.pool, self.resumption = origin, pool, Resumption()
        self.proxy: Origin | None = None
        self.environment_proxy = EnvironmentProxy()
        self.sent_heads = SentHeads()
        self.login: dict[str, str] | None = None
        self.tunnel_fields: dict[str, str] = {}
        if proxy is not None:
            url, login = login_apart(proxy)
            self.proxy = Origin(url)
            if origin.server_name is None:
                self.login = login
            else:
                self.tunnel_fields = login
