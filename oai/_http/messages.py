"""The seam between the flow and the transports: the types that a transport takes and returns.

A transport turns a `Request` into a `Reply` and returns at the headers. It does nothing else: no retry, no
redirect, no authentication, no decoding of the content. This module imports nothing of the package at module level,
so that the author of a transport has one module to read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar, overload

Pairs: TypeAlias = list[tuple[str, str]]

T = TypeVar("T")


class Headers(Mapping[str, str]):
    """Header fields as received: order, case and duplicates are kept, and the lookup ignores case.

    Looking up a repeated name returns its values joined by `", "` (RFC 9110, section 5.2).
    """

    __slots__ = ("_index", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), *, index: Mapping[str, str] | None = None) -> None:
        """Keep header fields.

        `index` has their joined values by lower-case name, where a parser has collected them; then `pairs` is kept as
        it is, to be read when it is needed.
        """
        self._pairs: Iterable[tuple[str, str]] = tuple(pairs) if index is None else pairs
        self._index = index

    def _lookup(self) -> Mapping[str, str]:
        if self._index is None:
            index: dict[str, str] = {}
            for name, value in self._pairs:
                key = name.lower()
                index[key] = f"{index[key]}, {value}" if key in index else value
            self._index = index
        return self._index

    def __getitem__(self, name: str) -> str:
        return self._lookup()[name.lower()]

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...
    @overload
    def get(self, name: str, default: str | T) -> str | T: ...
    def get(self, name: str, default: Any = None) -> Any:  # `Mapping`'s raises and catches an error for each miss
        """Return the value of a field, or the default."""
        index = self._index
        return (self._lookup() if index is None else index).get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._lookup()

    def __iter__(self) -> Iterator[str]:
        return iter(self._lookup())

    def __len__(self) -> int:
        return len(self._lookup())

    def __repr__(self) -> str:
        from oai._support.redact import redact_headers

        return f"Headers({redact_headers(self._pairs)!r})"

    def multi_items(self) -> Pairs:
        """Return every field as `(name, value)`, in the order and the case in which it was received."""
        return list(self._pairs)

    def replacing(self, fields: Mapping[str, str | None]) -> Headers:
        """Return these fields, with others in place of those of the same names, which are in lower case.

        A value of `None` removes a field.
        """
        new = {name: value for name, value in fields.items() if value is not None}
        index = {name: value for name, value in self._lookup().items() if name not in fields}
        pairs = [pair for pair in self._pairs if pair[0].lower() not in fields]
        return Headers([*pairs, *new.items()], index={**index, **new})

    def get_list(self, name: str) -> list[str]:
        """Return the values of every field of that name, in order."""
        return [value for key, value in self._pairs if key.lower() == name.lower()]


class Timeout:
    """Time limits in seconds; `None` means no limit.

    `connect` limits the time to open a connection, `read` and `write` each single wait for the socket, `pool`
    the wait for a free connection, and `total` the time from the call to the last byte of the response body.
    `timeout` is the default of all but `total`, which has no limit by default. A call with a limit of 0 or less
    (`pool` excepted) sends nothing and raises `APITimeoutError`: `is_over` is true then. Limits are not changed after
    the construction.
    """

    __slots__ = ("connect", "is_over", "pool", "read", "total", "write")

    def __init__(
        self,
        timeout: float | None = 600.0,
        *,
        connect: float | None = -1.0,
        read: float | None = -1.0,
        write: float | None = -1.0,
        pool: float | None = -1.0,
        total: float | None = None,
    ) -> None:
        self.connect = timeout if connect == -1.0 else connect
        self.read = timeout if read == -1.0 else read
        self.write = timeout if write == -1.0 else write
        self.pool = timeout if pool == -1.0 else pool
        self.total = total
        # Libraries would take a limit of 0 for no limit, or raise.
        self.is_over = any(limit is not None and limit <= 0 for limit in (self.connect, self.read, self.write, total))

    def within(self, remaining: float | None) -> Timeout:
        """Return the same limits, with `total` at most `remaining` seconds."""
        if remaining is None or (self.total is not None and self.total <= remaining):
            return self
        return Timeout(
            connect=self.connect, read=self.read, write=self.write, pool=self.pool, total=max(remaining, 0.0)
        )

    def _limits(self) -> tuple[float | None, ...]:
        return self.connect, self.read, self.write, self.pool, self.total

    def __eq__(self, other: object) -> bool:
        """Compare the limits, also with a number or a timeout of httpx, from which it may have been made."""
        if isinstance(other, Timeout):
            return self._limits() == other._limits()
        if isinstance(other, (int, float)):
            return self._limits() == (other, other, other, other, None)
        try:
            limits = [getattr(other, name) for name in ("connect", "read", "write", "pool")]
        except AttributeError:
            return NotImplemented
        return self._limits() == (*limits, None)

    def __hash__(self) -> int:
        limits = self._limits()
        return hash(limits[0] if limits == (limits[0],) * 4 + (None,) else limits)  # that of the number it equals

    def __repr__(self) -> str:
        names = ("connect", "read", "write", "pool", "total")
        return f"Timeout({', '.join(f'{name}={getattr(self, name)}' for name in names)})"


def time_left(seconds: Any) -> Any:
    """Return a limit for a call; the rest of an expired time is negative, and becomes 0."""
    return max(seconds, 0.0) if isinstance(seconds, (int, float)) else seconds


class Body(Protocol):
    """A request body that is sent in pieces. Each iteration starts at its beginning."""

    @property
    def length(self) -> int:
        """The total size in bytes."""

    def __iter__(self) -> Iterator[bytes]: ...


class DeclaredRow(Protocol):
    """The part of a table's row that transports read."""

    @property
    def path(self) -> str:
        """The path template, such as `/files/{file_id}`."""

    @property
    def response(self) -> str:
        """The expression of the result's type."""

    @property
    def end(self) -> list[str]:
        """The event types that end a stream."""


class DeclaredOperation(Protocol):
    """The part of an operation that transports read, to record, match or answer requests."""

    @property
    def name(self) -> str:
        """The call path, such as `chat.completions.create`."""

    @property
    def row(self) -> DeclaredRow:
        """The row that declares the operation."""

    @property
    def response_type(self) -> Any:
        """The type of the result."""

    @property
    def stream_type(self) -> Any:
        """The type of an event, if the response is a stream."""


class Request:
    """One HTTP request, complete: a transport sends these bytes and adds nothing but the framing.

    `operation` declares the request, for transports that record or answer by it. `stream` means that the caller reads
    the body as it arrives, `events` that it expects a stream of events (the default is `stream`, but any body can be
    read as it arrives), `foreign` that a redirect led to another origin.
    """

    __slots__ = ("body", "events", "foreign", "headers", "method", "operation", "stream", "timeout", "url")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Pairs,
        body: bytes | Body | None = None,
        *,
        timeout: Timeout | None = None,
        operation: DeclaredOperation | None = None,
        stream: bool = False,
        events: bool | None = None,
        foreign: bool = False,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout or Timeout()
        self.operation = operation
        self.stream = stream
        self.events = stream if events is None else events
        self.foreign = foreign

    def copy(self) -> Request:
        """Return a copy, for a transport that changes what it passes on."""
        return Request(
            self.method,
            self.url,
            self.headers,
            self.body,
            timeout=self.timeout,
            operation=self.operation,
            stream=self.stream,
            events=self.events,
            foreign=self.foreign,
        )

    def __repr__(self) -> str:
        from oai._support.redact import redact_url

        return f"<Request {self.method} {redact_url(self.url)}>"


class Reply(Protocol):
    """A response whose headers have arrived and whose body may still be arriving.

    The body can be read once, whole by `read` or in pieces by iteration; both raise `TransportError` if it is
    truncated. `close` may be called at any time, any number of times; a body that was read to its end returns its
    connection by itself.

    A reply may also have the attributes `http_version`, by default `"HTTP/1.1"`, and `body_length`: a number of bytes,
    of which it returns no more.
    """

    status: int
    headers: Headers

    def read(self) -> bytes:
        """Return the whole body as it was transferred, content encodings included."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body's pieces as they arrive, none of them empty."""

    def close(self) -> None:
        """Discard what was not read, and the connection unless the body was at its end."""


class Transport(Protocol):
    """Sends requests. Transports are the only code of the package that does network I/O."""

    def send(self, request: Request) -> Reply:
        """Send, and return at the headers of the final response; raise `TransportError` and nothing else."""

    def close(self) -> None:
        """Close every connection. Calling it again does nothing."""


class AsyncReply(Protocol):
    """A `Reply` whose parts are awaited."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        """Return the whole body as it was transferred, content encodings included."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces as they arrive, none of them empty."""

    async def close(self) -> None:
        """Discard what was not read, and the connection unless the body was at its end."""


class AsyncTransport(Protocol):
    """A `Transport` for asyncio. An async client also takes a sync transport, which blocks its event loop."""

    async def send(self, request: Request) -> AsyncReply:
        """Send, and return at the headers of the final response; raise `TransportError` and nothing else."""

    async def close(self) -> None:
        """Close every connection. Calling it again does nothing."""


class TransportError(Exception):
    """A failure below HTTP: `kind` names the phase, the message the problem.

    The kinds are `connect` (no connection could be opened), `send` (it broke while the request was sent), `receive`
    (it broke before or within the response), `timeout` (a limit of `Request.timeout` was reached), and `closed`
    (the transport or the reply was closed already).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return self.message


def is_async(transport: Any) -> bool:
    """Tell whether the result of a transport's `send` must be awaited.

    A transport whose `send` is not a coroutine function, such as a wrapper, declares it in an attribute `is_async`.
    """
    declared = getattr(transport, "is_async", None)
    if declared is None:
        from inspect import iscoroutinefunction  # a large module, which only transports that wrap others need

        declared = iscoroutinefunction(transport.send)
    return bool(declared)


def body_bytes(body: bytes | Body | None) -> bytes:
    """Return a request body in one piece."""
    return body if isinstance(body, bytes) else b"".join(body or ())
