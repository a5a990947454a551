"""Read the body of a response, as it arrives or as it was kept.

The logic is written once, as coroutines. Over a sync reply they never suspend, so `now` runs them to completion.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from oai._http.either import at_once, pieces_of
from oai._http.encodings import TooLarge
from oai._http.encodings import decoder as content_decoder
from oai._http.messages import TransportError

if TYPE_CHECKING:
    from oai._http.messages import Headers

R = TypeVar("R")

LARGEST_PIECE = 1 << 26
"""Maximum bytes that one piece may decompress to."""

Over = Callable[[Any], AsyncIterable[bytes]]
"""How to iterate over a reply: `at_once` for sync callers, `pieces_of` for async ones."""


class Body:
    """What a response can do with its body, by the names of httpx's `Response`.

    A body that is still arriving can be consumed once, unless it is kept by `read`. Reading raises `APIConnectionError`
    if the body is cut short, and `APITimeoutError` if a read takes longer than the timeout.
    """

    __slots__ = ("content", "is_spent", "reply")

    if TYPE_CHECKING:  # what `Response` adds
        headers: Headers
        content: bytes
        is_spent: bool
        reply: Any

        @property
        def encoding(self) -> str: ...
        @property
        def request(self) -> Any: ...
        async def aclose(self) -> None: ...

    max_body: int | None = None
    """Maximum bytes that `read` keeps."""

    broken_error: ClassVar[Callable[..., Exception]]
    timeout_error: ClassVar[Callable[..., Exception]]
    size_error: ClassVar[Callable[..., Exception]]
    """The exceptions of a body that cannot be read. `oai._errors` sets them, since this layer is below it."""

    def begin(self) -> bool:
        """Return whether the body is to be read from the reply, which can be done once; if not, it is in `content`.

        Raises:
            RuntimeError: the body was consumed and not kept.
        """
        if self.is_spent:
            raise RuntimeError("the body of this response has been consumed; use read() to keep it")
        self.is_spent = self.reply is not None
        return self.is_spent

    def read_error(self, error: TransportError, what: str = "body") -> Exception:
        """Return the exception for a body that broke off while it was read."""
        kind = type(self)
        if error.kind == "timeout":
            return kind.timeout_error(self.request, message=f"Request timed out within the {what}: {error}")
        return kind.broken_error(message=f"The connection broke within the {what}: {error}", request=self.request)

    @property
    def is_stream_consumed(self) -> bool:
        """Whether the body was read, is being read, or was given up."""
        return self.is_spent or self.reply is None

    def iter_raw(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body as `iter_bytes` does: without its content encoding."""
        return iterate(self._bytes(at_once, chunk_size))

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body in chunks of `chunk_size` bytes; without it, as they arrive."""
        return iterate(self._bytes(at_once, chunk_size))

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the body as text in its charset; invalid bytes are replaced."""
        return iterate(self._text(at_once, chunk_size))

    def iter_lines(self) -> Iterator[str]:
        """Yield each line of the body when it is complete, without its line end."""
        return iterate(self._lines(at_once))

    def read(self) -> bytes:
        """Read the whole body and keep it.

        Raises:
            ResponseTooLargeError: the body is larger than the client's `max_body`.
        """
        return now(self._read(at_once))

    def aiter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body as `aiter_bytes` does: without its content encoding."""
        return self._bytes(pieces_of, chunk_size)

    def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body in chunks of `chunk_size` bytes; without it, as they arrive. For sync and async clients."""
        return self._bytes(pieces_of, chunk_size)

    def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Yield the body as text in its charset; invalid bytes are replaced. For sync and async clients."""
        return self._text(pieces_of, chunk_size)

    def aiter_lines(self) -> AsyncIterator[str]:
        """Yield each line of the body when it is complete, without its line end. For sync and async clients."""
        return self._lines(pieces_of)

    async def aread(self) -> bytes:
        """Read the whole body and keep it, for sync and async clients.

        Raises:
            ResponseTooLargeError: the body is larger than the client's `max_body`.
        """
        return await self._read(pieces_of)

    async def _pieces(self, over: Over) -> AsyncGenerator[bytes, None]:
        if over is at_once and self.reply is not None and not hasattr(self.reply, "__iter__"):
            raise RuntimeError("this is the response of an async client: use aread(), aiter_bytes() and their like")
        if not self.begin():
            if self.content:
                yield self.content
            return
        plain = content_decoder(self.headers, LARGEST_PIECE)
        try:
            async for piece in over(self.reply):
                if data := piece if plain is None else plain(piece):
                    yield data
            if plain is not None and (data := plain(b"")):
                yield data
        except TransportError as error:
            raise self.read_error(error) from error
        except TooLarge:
            message = f"the response decompresses to more than {LARGEST_PIECE} bytes at once"
            raise type(self).size_error(message, response=self) from None
        finally:
            await self.aclose()

    async def _bytes(self, over: Over, size: int | None) -> AsyncGenerator[bytes, None]:
        if size is not None and size < 1:
            raise ValueError(f"chunk_size must be a positive number of bytes, not {size!r}")
        buffer = bytearray()
        async for piece in self._pieces(over):
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

    async def _text(self, over: Over, size: int | None) -> AsyncGenerator[str, None]:
        from oai._http.text import TextDecoder  # few programs read text as it arrives

        decode = TextDecoder(self.encoding)
        async for piece in self._bytes(over, size):
            if text := decode(piece):
                yield text
        if text := decode(b""):
            yield text

    async def _lines(self, over: Over) -> AsyncGenerator[str, None]:
        from io import IncrementalNewlineDecoder

        newlines = IncrementalNewlineDecoder(None, translate=True)  # holds back a CR whose LF may follow
        tail: list[str] = []
        async for piece in self._text(over, None):
            *lines, rest = newlines.decode(piece).split("\n")
            for line in lines:
                yield "".join((*tail, line))
                tail = []
            if rest:
                tail.append(rest)
        if newlines.decode("", final=True) or tail:  # a CR at the very end, or a line without an end
            yield "".join(tail)

    async def _read(self, over: Over) -> bytes:
        if self.reply is None and not self.is_spent:
            return self.content
        pieces: list[bytes] = []
        size = 0
        async for piece in self._pieces(over):
            size += len(piece)
            if self.max_body is not None and size > self.max_body:
                await self.aclose()
                message = f"the response is larger than max_body ({self.max_body} bytes)"
                raise type(self).size_error(message, response=self)
            pieces.append(piece)
        self.content, self.is_spent = b"".join(pieces), False
        return self.content


def now(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    coroutine.close()
    raise RuntimeError("the transport of a sync client returned a reply that must be awaited")


def iterate(pieces: AsyncGenerator[R, None]) -> Iterator[R]:
    """Iterate an asynchronous generator that never suspends."""
    try:
        while True:
            try:
                piece = now(pieces.__anext__())
            except StopAsyncIteration:
                return
            yield piece
    finally:
        now(pieces.aclose())
