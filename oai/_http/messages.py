"""The seam between the flow and the transports: what a transport is given, and what it gives back.

A transport turns a `Request` into a `Reply` and returns at the headers. It does nothing else: no retry, no
redirect, no authentication, no decoding of the content. This module holds the types on both sides of that
line and imports nothing of the package, so that a transport has one module to know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar, overload

Pairs: TypeAlias = list[tuple[str, str]]

T = TypeVar("T")


class Headers(Mapping[str, str]):
    """Header fields as they came: order, case and duplicates kept, looked up without regard to case.

    A name that came more than once reads as its values joined by `", "` (RFC 9110, section 5.2).
    """

    __slots__ = ("_index", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)
        self._index: dict[str, str] | None = None

    def _lookup(self) -> dict[str, str]:
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
        return self._lookup().get(name.lower(), default)

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
        """Return every field as `(name, value)`, in the order and the case in which it came."""
        return list(self._pairs)

    def get_list(self, name: str) -> list[str]:
        """Return the values of every field of that name, in their order."""
        return [value for key, value in self._pairs if key.lower() == name.lower()]


class Timeout:
    """How long to wait, in seconds; `None` means without end.

    `connect` bounds the making of a connection, `read` and `write` each single wait for the socket, `pool`
    the wait for a free connection, and `total` the whole answer from the call to the body's last byte.
    What is not given takes `timeout`; `total` is unbounded unless given. A call with a limit of 0 or less, but for
    `pool`, sends nothing and raises `APITimeoutError`.
    """

    __slots__ = ("connect", "pool", "read", "total", "write")

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

    def within(self, remaining: float | None) -> Timeout:
        """Return the same limits, with `total` no later than `remaining` seconds from now."""
        if remaining is None or (self.total is not None and self.total <= remaining):
            return self
        return Timeout(
            connect=self.connect, read=self.read, write=self.write, pool=self.pool, total=max(remaining, 0.0)
        )

    @property
    def is_over(self) -> bool:
        """Whether there is no time at all: libraries take a limit of zero for none, or for a mistake."""
        limits = (self.connect, self.read, self.write, self.total)
        return any(limit is not None and limit <= 0 for limit in limits)

    def _limits(self) -> tuple[float | None, ...]:
        return self.connect, self.read, self.write, self.pool, self.total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout) and self._limits() == other._limits()

    def __hash__(self) -> int:
        return hash(self._limits())

    def __repr__(self) -> str:
        names = ("connect", "read", "write", "pool", "total")
        return f"Timeout({', '.join(f'{name}={getattr(self, name)}' for name in names)})"


def time_left(seconds: Any) -> Any:
    """Return a limit that is given to a call: what is left of a time may be less than nothing, and is then nothing."""
    return max(seconds, 0.0) if isinstance(seconds, (int, float)) else seconds


class Body(Protocol):
    """A request body that is sent in pieces. Each iteration gives it from its start."""

    @property
    def length(self) -> int:
        """The size in bytes of all pieces together."""

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
    """The part of an operation that transports read: they record, match and answer by it."""

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
        """The type of an event, where the response is a stream."""


class Request:
    """One HTTP request, complete: a transport sends these bytes and adds nothing but the framing.

    `operation` is the row that the request was made from, for transports that answer or record by it, `stream` says
    that the caller will read the body as it arrives, and `foreign` that a redirect led to another origin.
    """

    __slots__ = ("body", "foreign", "headers", "method", "operation", "stream", "timeout", "url")

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
        foreign: bool = False,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout or Timeout()
        self.operation = operation
        self.stream = stream
        self.foreign = foreign

    def __repr__(self) -> str:
        from oai._support.redact import redact_url

        return f"<Request {self.method} {redact_url(self.url)}>"


class Reply(Protocol):
    """An answer whose headers are there and whose body may still be under way.

    The body can be taken once, whole by `read` or in pieces by iteration; either raises `TransportError`
    where it is cut short. `close` may be called at any time, any number of times; a body that was read
    to its end gives its connection back by itself.
    """

    status: int
    headers: Headers

    def read(self) -> bytes:
        """Return the whole body as it came over the wire."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body's pieces as they arrive, none of them empty."""

    def close(self) -> None:
        """Give up what was not read, and the connection if the body was not at its end."""


class Transport(Protocol):
    """Whatever can send a request: the only code of the package that does I/O."""

    def send(self, request: Request) -> Reply:
        """Send and return at the headers of the final answer; raise `TransportError`, nothing else."""

    def close(self) -> None:
        """Close every connection. Calling it again does nothing."""


class AsyncReply(Protocol):
    """A `Reply` whose parts are awaited."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        """Return the whole body as it came over the wire."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces as they arrive, none of them empty."""

    async def close(self) -> None:
        """Give up what was not read, and the connection if the body was not at its end."""


class AsyncTransport(Protocol):
    """A `Transport` for asyncio. An async client takes one that is not async as well, and waits while it sends."""

    async def send(self, request: Request) -> AsyncReply:
        """Send and return at the headers of the final answer; raise `TransportError`, nothing else."""

    async def close(self) -> None:
        """Close every connection. Calling it again does nothing."""


class TransportError(Exception):
    """What went wrong below HTTP: `kind` names the place, the message says the rest.

    The kinds are `connect` (no connection was made), `send` (it broke while the request went out), `receive`
    (it broke before or within the answer), `timeout` (a limit of `Request.timeout` was reached), and `closed`
    (the transport or the reply had been closed before).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return self.message


def is_async(transport: Any) -> bool:
    """Tell whether what a transport's `send` returns must be awaited.

    A transport whose `send` is no coroutine function, such as one that wraps another, declares it by an attribute of
    this name.
    """
    declared = getattr(transport, "is_async", None)
    if declared is None:
        from inspect import iscoroutinefunction  # a large module, which only transports that wrap others need

        declared = iscoroutinefunction(transport.send)
    return bool(declared)


def body_bytes(body: bytes | Body | None) -> bytes:
    """Return a request's body in one piece."""
    return body if isinstance(body, bytes) else b"".join(body or ())
