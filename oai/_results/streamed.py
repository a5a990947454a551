"""Responses whose body is read on demand: `client.files.with_streaming_response.content(...)`.

The logic is written once, as coroutines. Over a sync reply they never suspend, so `_now` runs them to completion.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from oai._errors import ResponseTooLargeError
from oai._http.either import at_once, pieces_of
from oai._http.encodings import TooLarge
from oai._http.encodings import decoder as content_decoder
from oai._http.messages import TransportError
from oai._http.response import Response
from oai._results.stream import body_error
from oai._support.async_library import to_thread

if TYPE_CHECKING:
    import os

R = TypeVar("R")

PIECE = 1 << 20
"""Bytes written to a file at a time."""

LARGEST_PIECE = 1 << 26
"""Maximum bytes that one piece may decompress to."""

Progress = Callable[[int, int | None], object]


class _BaseStreamedResponse(Response):
    """Base class of both streamed responses. The body can be consumed once, unless `read` keeps it."""

    __slots__ = ("_consumed", "_limit", "_make", "_streams")

    def __init__(
        self, response: Response, reply: Any, make: Callable[[Response, Any], Any], *, streams: bool, limit: int | None
    ) -> None:
        super().__init__(**response.fields())
        self._streams = streams
        self.reply = reply
        self._make = make
        self._limit = limit
        self._consumed = False

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a response that is being streamed cannot be pickled; read it first")

    @property
    def size(self) -> int | None:
        """The size of the body in bytes, if the server sends it and no content encoding changes it."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isdecimal() and "content-encoding" not in self.headers else None

    def _pieces(self) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def _write(self, target: Any, piece: bytes) -> None:
        raise NotImplementedError

    async def _raw(self) -> AsyncGenerator[bytes, None]:
        if self._consumed or self.reply is None:
            raise RuntimeError("the body of this response has been consumed; use read() to keep it")
        self._consumed = True
        plain = content_decoder(self.headers, LARGEST_PIECE)
        try:
            async for piece in self._pieces():
                if data := piece if plain is None else plain(piece):
                    yield data
            if plain is not None and (data := plain(b"")):
                yield data
        except TransportError as error:
            raise body_error(error, self, "body") from error
        except TooLarge:
            raise ResponseTooLargeError(
                f"the response decompresses to more than {LARGEST_PIECE} bytes at once", response=self
            ) from None
        finally:
            await self.aclose()

    async def _bytes(self, size: int | None) -> AsyncGenerator[bytes, None]:
        if size is not None and size < 1:
            raise ValueError(f"chunk_size must be a positive number of bytes, not {size!r}")
        buffer = bytearray()
        async for piece in self._raw():
            if size is None:
                yield piece
                continue
            buffer += piece
            whole = len(buffer) - len(buffer) % size
            for start in range(0, whole, size):
                yield bytes(buffer[start : start + size])
            del buffer[:whole]
        if buffer:
            yield bytes(buffer)

    async def _text(self, size: int | None) -> AsyncGenerator[str, None]:
        from oai._http.text import TextDecoder  # few programs read text as it arrives

        decode = TextDecoder(self.encoding)
        async for piece in self._bytes(size):
            if text := decode(piece):
                yield text
        if text := decode(b""):
            yield text

    async def _lines(self) -> AsyncGenerator[str, None]:
        from io import IncrementalNewlineDecoder

        newlines = IncrementalNewlineDecoder(None, translate=True)  # holds back a CR whose LF may follow
        tail: list[str] = []
        async for piece in self._text(None):
            *lines, rest = newlines.decode(piece).split("\n")
            for line in lines:
                yield "".join((*tail, line))
                tail = []
            if rest:
                tail.append(rest)
        if newlines.decode("", final=True) or tail:  # a CR at the very end, or a line without an end
            yield "".join(tail)

    async def _read(self) -> bytes:
        if not self._consumed:
            pieces: list[bytes] = []
            size = 0
            async for piece in self._raw():
                size += len(piece)
                if self._limit is not None and size > self._limit:
                    await self.aclose()
                    message = f"the response is larger than max_body ({self._limit} bytes)"
                    raise ResponseTooLargeError(message, response=self)
                pieces.append(piece)
            self.content = b"".join(pieces)
        return self.content

    async def _parsed(self, to: Any) -> Any:
        if self._streams and to is None and not self._consumed:
            self._consumed = True
            return self._make(self, self.reply)
        await self._read()
        whole = Response(**self.fields())  # whose `text` is a property, not a method
        if to is None:
            return self._make(whole, None)
        from oai._results.answer import read_as  # few programs pass a type

        return read_as(to, self.request.operation or self.request.method, whole)

    async def _to_file(self, file: str | os.PathLike[str], progress: Progress | None, chunk_size: int | None) -> None:
        from oai._support.atomic_files import atomic_write  # few programs write files

        done = 0
        with atomic_write(file) as target:
            async for piece in self._bytes(PIECE if chunk_size is None else chunk_size):
                await self._write(target, piece)
                done += len(piece)
                if progress is not None:
                    progress(done, self.size)

    async def _close(self) -> None:
        self._consumed = True
        await self.aclose()


class StreamedResponse(_BaseStreamedResponse):
    """A response whose body is read on demand. The body can be consumed once, unless `read` keeps it.

    Reading raises `APIConnectionError` if the body is cut short, and `APITimeoutError` if a read takes longer than the
    timeout.
    """

    __slots__ = ()

    def iter_raw(self) -> Iterator[bytes]:
        """Yield the body in chunks as they arrive, without its content encoding."""
        return _iterate(self._raw())

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body in chunks of `chunk_size` bytes; without it, as they arrive."""
        return _iterate(self._bytes(chunk_size))

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the body as text in its charset; invalid bytes are replaced."""
        return _iterate(self._text(chunk_size))

    def iter_lines(self) -> Iterator[str]:
        """Yield each line of the body when it is complete, without its line end."""
        return _iterate(self._lines())

    def read(self) -> bytes:
        """Read the whole body and keep it.

        Raises:
            ResponseTooLargeError: the body is larger than the client's `max_body`.
        """
        return _now(self._read())

    def text(self) -> str:  # type: ignore[override]
        """Read the body as text in its charset; invalid bytes are replaced."""
        return self.read().decode(self.encoding, errors="replace")

    def json(self) -> Any:
        """Read the body and decode it as JSON, to plain data."""
        self.read()
        return super().json()

    def parse(self, *, to: Any = None) -> Any:
        """Return the result of the call: a struct, a page, a stream; or the body decoded as the type `to`."""
        return _now(self._parsed(to))

    def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None, progress: Progress | None = None
    ) -> None:
        """Write the body to a file as it arrives. The file is replaced atomically.

        Args:
            file: its path.
            chunk_size: the bytes to write at a time; the default is 1 MiB.
            progress: called with the bytes written so far and the size, `None` if the server does not send it.
        """
        _now(self._to_file(file, progress, chunk_size))

    def close(self) -> None:
        """Discard the unread rest and release the connection. Calling it again does nothing."""
        _now(self._close())

    def _pieces(self) -> AsyncIterator[bytes]:
        return at_once(self.reply)

    async def _write(self, target: Any, piece: bytes) -> None:
        target.write(piece)


class AsyncStreamedResponse(_BaseStreamedResponse):
    """`StreamedResponse` for asyncio: iterate with `async for`, await the rest."""

    __slots__ = ()

    def iter_raw(self) -> AsyncIterator[bytes]:
        """Yield the body in chunks as they arrive, without its content encoding."""
        return self._raw()

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body in chunks of `chunk_size` bytes; without it, as they arrive."""
        return self._bytes(chunk_size)

    def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Yield the body as text in its charset; invalid bytes are replaced."""
        return self._text(chunk_size)

    def iter_lines(self) -> AsyncIterator[str]:
        """Yield each line of the body when it is complete, without its line end."""
        return self._lines()

    async def read(self) -> bytes:
        """Read the whole body and keep it.

        Raises:
            ResponseTooLargeError: the body is larger than the client's `max_body`.
        """
        return await self._read()

    async def text(self) -> str:  # type: ignore[override]
        """Read the body as text in its charset; invalid bytes are replaced."""
        return (await self._read()).decode(self.encoding, errors="replace")

    async def json(self) -> Any:
        """Read the body and decode it as JSON, to plain data."""
        await self._read()
        return super().json()

    async def parse(self, *, to: Any = None) -> Any:
        """Return the result of the call: a struct, a page, a stream; or the body decoded as the type `to`."""
        return await self._parsed(to)

    async def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None, progress: Progress | None = None
    ) -> None:
        """Write the body to a file as it arrives, in a thread. The file is replaced atomically.

        Args:
            file: its path.
            chunk_size: the bytes to write at a time; the default is 1 MiB.
            progress: called with the bytes written so far and the size, `None` if the server does not send it.
        """
        await self._to_file(file, progress, chunk_size)

    async def close(self) -> None:  # type: ignore[override]  # as with httpx, all that may wait is awaited
        """Discard the unread rest and release the connection. Calling it again does nothing."""
        await self._close()

    def _pieces(self) -> AsyncIterator[bytes]:
        return aiter(pieces_of(self.reply))

    async def _write(self, target: Any, piece: bytes) -> None:
        await to_thread(target.write, piece)


def _now(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    coroutine.close()
    raise RuntimeError("the transport of a sync client returned a reply that must be awaited")


def _iterate(pieces: AsyncGenerator[R, None]) -> Iterator[R]:
    """Iterate an asynchronous generator that never suspends."""
    try:
        while True:
            try:
                piece = _now(pieces.__anext__())
            except StopAsyncIteration:
                return
            yield piece
    finally:
        _now(pieces.aclose())
