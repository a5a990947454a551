"""An answer under way over aiohttp, and what its failures are called at the seam."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http import HttpProcessingError

from oai._http.messages import Headers, TransportError

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

LINGER = 0.01
"""Seconds that closing a reply waits for a body's end that is already on its way, to keep the connection."""

FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError)
"""What aiohttp raises where a request or its answer fails."""


class AiohttpReply:
    """An answer under way over aiohttp.

    Args:
        status: of the answer.
        raw_headers: its header fields.
        content: its body, which gives its connection back at its end.
        protocol: what reads its connection.
        abandon: closes its connection, if it has not been given back.
        deadline: when the answer has to be complete, by the loop's clock.
    """

    def __init__(
        self,
        status: int,
        raw_headers: tuple[tuple[bytes, bytes], ...],
        content: aiohttp.StreamReader,
        protocol: ResponseHandler | None,
        abandon: Callable[[], None],
        deadline: float | None = None,
    ) -> None:
        self.status = status
        self.headers = Headers([(name.decode(), value.decode("latin-1")) for name, value in raw_headers])
        self._content = content
        self._abandon = abandon
        self._deadline = deadline
        self._lost: BaseException | None = None
        self._closed = False
        if protocol is not None and not content.is_eof() and not _is_delimited(raw_headers):
            # Only of a body that the connection's end delimits aiohttp does not say that a reset cut it short.
            ended = protocol.closed
            if ended is not None:
                ended.add_done_callback(self._note_end)

    async def read(self) -> bytes:
        """Return the whole body."""
        self._check_open()
        try:
            if self._deadline is None:
                content = await self._content.read()
            else:
                async with asyncio.timeout_at(self._deadline):
                    content = await self._content.read()
            self._check_end()
        except FAILURES as error:
            raise self._failed(error) from error
        except BaseException:
            self._abandon()
            raise
        return content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while True:
                self._check_open()
                if self._deadline is None:
                    piece = await self._content.readany()
                else:
                    async with asyncio.timeout_at(self._deadline):
                        piece = await self._content.readany()
                if not piece:
                    break
                yield piece
            self._check_end()
        except FAILURES as error:
            raise self._failed(error) from error

    async def close(self) -> None:
        """Give the connection back if the body is at its end, or just about to be; else close it."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self._content.is_eof():
                async with asyncio.timeout(LINGER):
                    await self._content.wait_eof()
        except FAILURES:
            pass
        finally:
            self._abandon()
            if not self._content.is_eof():  # else a task that reads would wait for ever
                self._content.set_exception(aiohttp.ClientConnectionError("the reply is closed"))

    def cut(self) -> None:
        """Close it while somebody may be reading: aiohttp, whose session ends, would let that task wait for ever."""
        if not self._closed and not self._content.is_eof():
            self._closed = True
            self._abandon()
            self._content.set_exception(aiohttp.ClientConnectionError("the transport is closed"))

    def _note_end(self, ended: asyncio.Future[None]) -> None:
        self._lost = None if ended.cancelled() else ended.exception()

    def _check_end(self) -> None:
        if self._lost is not None and not self._closed:
            raise aiohttp.ClientPayloadError

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("closed", "the reply is closed")

    def _failed(self, error: Exception) -> TransportError:
        self._abandon()
        return TransportError("closed", "the reply is closed") if self._closed else translated(error)


def _is_delimited(raw_headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in raw_headers)


def translated(error: Exception) -> TransportError:
    """Say what failed in the words of the seam."""
    if isinstance(error, TimeoutError):
        return TransportError("timeout", str(error) or "timed out")
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)):
        return TransportError("connect", str(error))
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError("receive", "the answer was cut short")
    return TransportError("receive", str(error) or type(error).__name__)
