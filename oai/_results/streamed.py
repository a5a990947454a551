"""Answers whose body is read as it is asked for: `client.files.with_streaming_response.content(...)`.

What both clients do is written once, as coroutines. The sync client's never wait for anything but the socket, so that
they are run to their end in place.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from oai._errors import ResponseTooLargeError
from oai._http.encodings import TooLarge
from oai._http.encodings import decoder as content_decoder
from oai._http.messages import TransportError
from oai._http.response import Response
from oai._results.stream import at_once, close, lost

if TYPE_CHECKING:
    import os

R = TypeVar("R")

PIECE = 1 << 20
"""Bytes that an event loop's thread writes to a file at a time."""

LARGEST_PIECE = 1 << 26
"""Bytes that one piece may become when its content encoding is undone."""

Progress = Callable[[int, int | None], object]


class _BaseStreamedResponse(Response):
    """What both streamed responses are. The body can be taken once, unless `read` keeps it."""

    __slots__ = ("_limit", "_make", "_reply", "_streams", "_taken")

    def __init__(
        self, response: Response, reply: Any, make: Callable[[Response, Any], Any], *, streams: bool, limit: int | None
    ) -> None:
        super().__init__(**response.fields())
        self._streams = streams
        self._reply = reply
        self._make = make
        self._limit = limit
        self._taken = False

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("an answer that is under way cannot be pickled; read it first")

    @property
    def url(self) -> str:
        """The URL of the request, its secrets taken out."""
        return self.request.url

    @property
    def http_response(self) -> Response:
        """The answer itself, by the name that the official SDK has for it."""
        return self

    @property
    def size(self) -> int | None:
        """The size of the body in bytes, where the server says it and no encoding changes it."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isdecimal() and "content-encoding" not in self.headers else None

    def _pieces(self) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def _write(self, target: Any, piece: bytes) -> None:
        raise NotImplementedError

    async def _raw(self) -> AsyncGenerator[bytes, None]:
        if self._taken:
            raise RuntimeError("the body of this answer has been taken; use read() to keep it")
        self._taken = True
        plain = content_decoder(self.headers, LARGEST_PIECE)
        try:
            async for piece in self._pieces():
                yield piece if plain is None else plain(piece)
            if plain is not None:
                yield plain(b"")
        except TransportError as error:
            raise lost(error, self, "body") from error
        except TooLarge:
            raise ResponseTooLargeError("the content encoding hides too much", response=self) from None
        finally:
            await close(self._reply)

    async def _bytes(self, size: int | None) -> AsyncGenerator[bytes, None]:
        if size is not None and size < 1:
            raise ValueError(f"chunk_size is {size!r}; it takes a number of bytes from 1 up")
        kept = bytearray()
        async for piece in self._raw():
            if size is None:
                if piece:
                    yield piece
                continue
            kept += piece
            whole = len(kept) - len(kept) % size
            for start in range(0, whole, size):
                yield bytes(kept[start : start + size])
            del kept[:whole]
        if kept:
            yield bytes(kept)

    async def _text(self, size: int | None) -> AsyncGenerator[str, None]:
        from codecs import getincrementaldecoder

        decoder = getincrementaldecoder("utf-8")(errors="replace")
        async for piece in self._bytes(size):
            if text := decoder.decode(piece):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    async def _lines(self) -> AsyncGenerator[str, None]:
        tail: list[str] = []
        async for text in self._text(None):
            if "\n" not in text:
                tail.append(text)
                continue
            # A carriage return at the end may have its line feed in the next piece.
            *lines, rest = "".join((*tail, text)).replace("\r\n", "\n").split("\n")
            for line in lines:
                yield line
            tail = [rest] if rest else []
        if tail:
            yield "".join(tail)

    async def _read(self) -> bytes:
        if not self._taken:
            pieces: list[bytes] = []
            size = 0
            async for piece in self._raw():
                size += len(piece)
                if self._limit is not None and size > self._limit:
                    await close(self._reply)
                    message = f"the answer is larger than {self._limit} bytes (max_body)"
                    raise ResponseTooLargeError(message, response=self)
                pieces.append(piece)
            self.content = b"".join(pieces)
        return self.content

    async def _parsed(self, to: Any) -> Any:
        if self._streams and to is None and not self._taken:
            self._taken = True
            return self._make(self, self._reply)
        await self._read()
        whole = Response(**self.fields())  # of which `text` is the text
        if to is None:
            return self._make(whole, None)
        from oai._results.answer import read_as  # as `_support.atomic_files` below

        return read_as(to, self.request.operation or self.request.method, whole)

    async def _to_file(self, file: str | os.PathLike[str], progress: Progress | None) -> None:
        from oai._support.atomic_files import atomic_write  # few programs write files

        done = 0
        with atomic_write(file) as target:
            async for piece in self._bytes(PIECE):
                await self._write(target, piece)
                done += len(piece)
                if progress is not None:
                    progress(done, self.size)

    async def _close(self) -> None:
        self._taken = True
        await close(self._reply)


class StreamedResponse(_BaseStreamedResponse):
    """An answer whose body is read as it is asked for. It can be taken once, unless `read` keeps it.

    Reading raises `APIConnectionError` where the body is cut short, and `APITimeoutError` where a wait takes longer
    than the time-out.
    """

    __slots__ = ()

    def iter_raw(self) -> Iterator[bytes]:
        """Yield the pieces of the body as they arrive, their content encoding undone."""
        return _each(self._raw())

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body in pieces of `chunk_size` bytes, as they arrive without it."""
        return _each(self._bytes(chunk_size))

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the body as UTF-8 text, what is not UTF-8 replaced."""
        return _each(self._text(chunk_size))

    def iter_lines(self) -> Iterator[str]:
        """Yield the lines of the body without their ends, each when it is complete."""
        return _each(self._lines())

    def read(self) -> bytes:
        """Read the whole body and keep it.

        Raises:
            ResponseTooLargeError: it is larger than the client's `max_body`.
        """
        return _now(self._read())

    def text(self) -> str:  # type: ignore[override]
        """Read the body as UTF-8 text, what is not UTF-8 replaced."""
        return self.read().decode(errors="replace")

    def json(self) -> Any:
        """Read the body as JSON, to plain data."""
        self.read()
        return super().json()

    def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned: a struct, a page, a stream; or the body as the type `to`."""
        return _now(self._parsed(to))

    def stream_to_file(self, file: str | os.PathLike[str], *, progress: Progress | None = None) -> None:
        """Write the body to a file as it arrives; the file is there whole or not at all.

        Args:
            file: its path.
            progress: called with the bytes written so far and, where the server says it, the size.
        """
        _now(self._to_file(file, progress))

    def close(self) -> None:
        """Give up what was not read. Calling it again does nothing."""
        _now(self._close())

    def _pieces(self) -> AsyncIterator[bytes]:
        return at_once(self._reply)

    async def _write(self, target: Any, piece: bytes) -> None:
        target.write(piece)


class AsyncStreamedResponse(_BaseStreamedResponse):
    """`StreamedResponse` for asyncio: iterate with `async for`, await the rest."""

    __slots__ = ()

    def iter_raw(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the body as they arrive, their content encoding undone."""
        return self._raw()

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body in pieces of `chunk_size` bytes, as they arrive without it."""
        return self._bytes(chunk_size)

    def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Yield the body as UTF-8 text, what is not UTF-8 replaced."""
        return self._text(chunk_size)

    def iter_lines(self) -> AsyncIterator[str]:
        """Yield the lines of the body without their ends, each when it is complete."""
        return self._lines()

    async def read(self) -> bytes:
        """Read the whole body and keep it.

        Raises:
            ResponseTooLargeError: it is larger than the client's `max_body`.
        """
        return await self._read()

    async def text(self) -> str:  # type: ignore[override]
        """Read the body as UTF-8 text, what is not UTF-8 replaced."""
        return (await self._read()).decode(errors="replace")

    async def json(self) -> Any:
        """Read the body as JSON, to plain data."""
        await self._read()
        return super().json()

    async def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned: a struct, a page, a stream; or the body as the type `to`."""
        return await self._parsed(to)

    async def stream_to_file(self, file: str | os.PathLike[str], *, progress: Progress | None = None) -> None:
        """Write the body to a file as it arrives, in a thread; the file is there whole or not at all.

        Args:
            file: its path.
            progress: called with the bytes written so far and, where the server says it, the size.
        """
        await self._to_file(file, progress)

    async def close(self) -> None:
        """Give up what was not read. Calling it again does nothing."""
        await self._close()

    def _pieces(self) -> AsyncIterator[bytes]:
        return aiter(self._reply) if hasattr(self._reply, "__aiter__") else at_once(self._reply)

    async def _write(self, target: Any, piece: bytes) -> None:
        from asyncio import to_thread

        await to_thread(target.write, piece)


def _now(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    coroutine.close()
    raise RuntimeError("the reply of a sync transport has to be awaited")


def _each(pieces: AsyncGenerator[R, None]) -> Iterator[R]:
    """Iterate an asynchronous generator that does not wait."""
    try:
        while True:
            try:
                piece = _now(pieces.__anext__())
            except StopAsyncIteration:
                return
            yield piece
    finally:
        _now(pieces.aclose())
