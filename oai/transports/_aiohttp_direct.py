"""Small requests straight over a connection of aiohttp's: the common way of the aiohttp transport.

aiohttp's connector makes and keeps the connection (addresses, TLS, the limit for each host), and its parser, in C,
reads the answer. Its session and its request and response objects do nothing here that is not done above or below, and
take more than half of the time of a small call, so that the request is written as bytes at once. Only public names are
used.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

import aiohttp

from oai.transports._aiohttp_reply import AiohttpReply
from oai.transports._sockets.request_head import written

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from yarl import URL

    from oai._http.messages import Request

ORIGINS = 64
"""Servers that are remembered."""

UNBOUNDED = nullcontext()


class Straight:
    """The way straight to servers, over the connections of one connector."""

    def __init__(self, connector: aiohttp.TCPConnector, loop: asyncio.AbstractEventLoop) -> None:
        self._connector = connector
        self._loop = loop
        self._origins: dict[URL, aiohttp.ClientRequest] = {}

    def knows(self, url: URL) -> bool:
        """Tell whether something was sent straight to the server of a URL."""
        return url.origin() in self._origins

    async def send(self, request: Request, url: URL, limits: aiohttp.ClientTimeout) -> AiohttpReply:
        """Send a request without a body, or with one of bytes, and return at the head of the answer."""
        data = written(request, url.raw_path_qs, url.host_port_subcomponent or "") + (request.body or b"")  # type: ignore[operator]
        deadline = None if limits.total is None else self._loop.time() + limits.total
        async with UNBOUNDED if deadline is None else asyncio.timeout_at(deadline):
            connection = await self._connector.connect(self._origin(url), [], limits)
            protocol: ResponseHandler = connection.protocol  # type: ignore[assignment]  # None only once released
            try:
                protocol.set_response_params(
                    skip_payload=request.method == "HEAD",
                    read_until_eof=True,
                    auto_decompress=False,
                    read_timeout=limits.sock_read,
                )
                protocol.transport.write(data)  # type: ignore[union-attr]
                while True:
                    protocol.start_timeout()  # an interim answer ends it
                    message, content = await protocol.read()
                    if message.code >= 200 or message.code == 101:
                        break
            except BaseException:
                connection.close()
                raise
        content.on_eof(connection.release)
        return AiohttpReply(message.code, message.raw_headers, content, protocol, connection.close, deadline)

    def _origin(self, url: URL) -> aiohttp.ClientRequest:
        """Return what a connector has to know of a server, which is any request to it."""
        origin = url.origin()
        found = self._origins.get(origin)
        if found is None:
            if len(self._origins) >= ORIGINS:
                self._origins.clear()
            found = self._origins[origin] = aiohttp.ClientRequest("GET", origin, loop=self._loop)
        return found
