"""Responses whose body is read on demand: `client.files.with_streaming_response.content(...)`.

How a body is read is written in `oai._http.body`, once for sync and async.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from oai._http.body import Over, now
from oai._http.either import at_once, pieces_of
from oai._http.response import Response
from oai._support.async_library import to_thread

PIECE = 1 << 20
"""Bytes written to a file at a time."""

Progress = Callable[[int, int | None], object]


class _BaseStreamedResponse(Response):
    """Base class of both streamed responses. The body can be consumed once, unless `read` keeps it."""

    __slots__ = ("_make", "_streams", "max_body")

    if not TYPE_CHECKING:
        __class_getitem__ = classmethod(GenericAlias)  # `APIResponse[str]`, as programs for the official SDK write

    def __init__(
        self, response: Response, reply: Any, make: Callable[[Response, Any], Any], *, streams: bool, limit: int | None
    ) -> None:
        super().__init__(**response.fields())
        self._streams = streams
        self.reply = reply
        self._make = make
        self.max_body = limit

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a response that is being streamed cannot be pickled; read it first")

    @property
    def size(self) -> int | None:
        """The size of the body in bytes, if the server sends it and no content encoding changes it."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isdecimal() and "content-encoding" not in self.headers else None

    async def _write(self, target: Any, piece: bytes) -> None:
        raise NotImplementedError

    async def _parsed(self, over: Over, to: Any) -> Any:
        if self._streams and to is None and not self.is_stream_consumed:
            return self._make(self, self.reply)
        await self._read(over)
        whole = Response(**self.fields())  # whose `text` is a property, not a method
        if to is None:
            return self._make(whole, None)
        from oai._results.answer import read_as  # few programs pass a type

        return read_as(to, self.request.operation or self.request.method, whole)

    async def _to_file(
        self, over: Over, file: str | os.PathLike[str], progress: Progress | None, chunk_size: int | None
    ) -> None:
        from oai._support.atomic_files import atomic_write  # few programs write files

        done = 0
        with atomic_write(file) as target:
            async for piece in self._bytes(over, PIECE if chunk_size is None else chunk_size):
                await self._write(target, piece)
                done += len(piece)
                if progress is not None:
                    progress(done, self.size)


class StreamedResponse(_BaseStreamedResponse):
    """A response whose body is read on demand. The body can be consumed once, unless `read` keeps it.

    Reading raises `APIConnectionError` if the body is cut short, and `APITimeoutError` if a read takes longer than the
    timeout.
    """

    __slots__ = ()

    def text(self) -> str:  # type: ignore[override]
        """Read the body as text in its charset; invalid bytes are replaced."""
        return self.read().decode(self.encoding, errors="replace")

    def json(self) -> Any:
        """Read the body and decode it as JSON, to plain data."""
        self.read()
        return super().json()

    def parse(self, *, to: Any = None) -> Any:
        """Return the result of the call: a struct, a page, a stream; or the body decoded as the type `to`."""
        return now(self._parsed(at_once, to))

    def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None, progress: Progress | None = None
    ) -> None:
        """Write the body to a file as it arrives. The file is replaced atomically.

        Args:
            file: its path.
            chunk_size: the bytes to write at a time; the default is 1 MiB.
            progress: called with the bytes written so far and the size, `None` if the server does not send it.
        """
        now(self._to_file(at_once, file, progress, chunk_size))

    def close(self) -> None:
        """Discard the unread rest and release the connection. Calling it again does nothing."""
        now(self.aclose())

    async def _write(self, target: Any, piece: bytes) -> None:
        target.write(piece)


class AsyncStreamedResponse(_BaseStreamedResponse):
    """`StreamedResponse` for asyncio: iterate with `async for`, await the rest."""

    __slots__ = ()

    # In this view, as in the official SDK's, the methods of both clients have the same names.

    def iter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:  # type: ignore[override]
        """Yield the body as `iter_bytes` does: without its content encoding."""
        return self.aiter_raw(chunk_size)

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:  # type: ignore[override]
        """Yield the body in chunks of `chunk_size` bytes; without it, as they arrive."""
        return self.aiter_bytes(chunk_size)

    def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:  # type: ignore[override]
        """Yield the body as text in its charset; invalid bytes are replaced."""
        return self.aiter_text(chunk_size)

    def iter_lines(self) -> AsyncIterator[str]:  # type: ignore[override]
        """Yield each line of the body when it is complete, without its line end."""
        return self.aiter_lines()

    async def read(self) -> bytes:  # type: ignore[override]
        """Read the whole body and keep it.

        Raises:
            ResponseTooLargeError: the body is larger than the client's `max_body`.
        """
        return await self.aread()

    async def text(self) -> str:  # type: ignore[override]
        """Read the body as text in its charset; invalid bytes are replaced."""
        return (await self.aread()).decode(self.encoding, errors="replace")

    async def json(self) -> Any:
        """Read the body and decode it as JSON, to plain data."""
        await self.aread()
        return super().json()

    async def parse(self, *, to: Any = None) -> Any:
        """Return the result of the call: a struct, a page, a stream; or the body decoded as the type `to`."""
        return await self._parsed(pieces_of, to)

    async def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None, progress: Progress | None = None
    ) -> None:
        """Write the body to a file as it arrives, in a thread. The file is replaced atomically.

        Args:
            file: its path.
            chunk_size: the bytes to write at a time; the default is 1 MiB.
            progress: called with the bytes written so far and the size, `None` if the server does not send it.
        """
        await self._to_file(pieces_of, file, progress, chunk_size)

    async def close(self) -> None:  # type: ignore[override]  # as with httpx, all that may wait is awaited
        """Discard the unread rest and release the connection. Calling it again does nothing."""
        await self.aclose()

    async def _write(self, target: Any, piece: bytes) -> None:
        await to_thread(target.write, piece)
