"""What the generated stubs in `_typed` share: the clients less the table's surface, and the types of their options.

Type checkers read it, Python never does. It is written by hand; `tests/test_typing.py` holds it to the clients.
"""
# The clients here narrow what theirs accept and return, which is more general than a caller wants to see.
# ruff: noqa: PYI001, PYI021 - what is said here is for people who look a call up
# mypy: disable-error-code="override"
# pyright: strict, reportIncompatibleMethodOverride=false, reportInconsistentConstructor=false

from collections.abc import AsyncIterable, Awaitable, Generator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from os import PathLike
from typing import IO, Any, Generic, Literal, Protocol, Self, TypeAlias, TypedDict, Unpack, overload

from typing_extensions import TypeVar

from oai._client import async_client as _async_client
from oai._client import sync_client as _client
from oai._http.foreign_protocols import TimeoutLimits
from oai._http.messages import AsyncTransport, Timeout, Transport
from oai._json import pages as _pages
from oai._results.answer import BinaryResponse
from oai._results.raw import RawResponse
from oai._results.stream import AsyncStream, Stream
from oai._results.streamed import AsyncStreamedResponse, StreamedResponse
from oai._support.omit import Omit
from oai._table.table import Table
from oai._typed._options import Options

T = TypeVar("T", default=Any)
E = TypeVar("E")
S = TypeVar("S", bound=Stream[Any])
A = TypeVar("A", bound=AsyncStream[Any])
PageT = TypeVar("PageT")

ExtraHeaders: TypeAlias = Mapping[str, str | Omit | None] | None
"""Header fields sent beside the client's; `None` and `omit` take a field away."""

ExtraQuery: TypeAlias = Mapping[str, Any] | None
"""Parameters sent in the query string beside the call's own."""

ExtraBody: TypeAlias = Mapping[str, Any] | None
"""Fields sent in the body beside the call's own."""

TimeoutLike: TypeAlias = float | Timeout | TimeoutLimits | tuple[float | None, ...] | Omit | None
"""Seconds, `None` for no limit, or a `Timeout`, also httpx's."""

class AsyncPages(_pages.AsyncPages[T], Generic[PageT, T]):
    """What an async client returns for a list: await it for the first page, or iterate it over all items."""

    def __await__(self) -> Generator[Any, None, PageT]: ...

# A page that an async client has fetched is of the same class when the program runs; the next one is awaited.
class AsyncPage(_pages.Page[T], Generic[T]):
    def get_next_page(self) -> Awaitable[Self]: ...

class AsyncCursorPage(_pages.CursorPage[T], Generic[T]):
    def get_next_page(self) -> Awaitable[Self]: ...

class AsyncConversationCursorPage(_pages.ConversationCursorPage[T], Generic[T]):
    def get_next_page(self) -> Awaitable[Self]: ...

class AsyncNextCursorPage(_pages.NextCursorPage[T], Generic[T]):
    def get_next_page(self) -> Awaitable[Self]: ...

class AsyncTokenPage(_pages.TokenPage[T], Generic[T]):
    def get_next_page(self) -> Awaitable[Self]: ...

class Replaced(Options, total=False):
    """What `with_options` takes beside: what takes the place of all headers, or of the whole query."""

    set_default_headers: ExtraHeaders
    set_default_query: ExtraQuery

class Content(TypedDict, total=False):
    """What `request` sends."""

    body: Any
    query: Mapping[str, Any] | None
    files: Mapping[str, Any] | None
    extra_headers: ExtraHeaders
    extra_query: ExtraQuery
    extra_body: Any
    timeout: TimeoutLike
    content: bytes | bytearray | IO[bytes] | Iterable[bytes] | AsyncIterable[bytes] | None
    options: Mapping[str, Any] | None

class Verb(Protocol):
    """`client.get(path, ...)` and the like: `client.request` with its method said."""

    @overload
    def __call__(
        self, path: str, *, cast_to: type[bytes], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> BinaryResponse: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: type[T], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> T: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: Any = ..., stream: Literal[True], stream_cls: type[S], **content: Unpack[Content]
    ) -> S: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: Any = ..., stream: Literal[True], stream_cls: type[E], **content: Unpack[Content]
    ) -> Stream[E]: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: type[T], stream: Literal[True], **content: Unpack[Content]
    ) -> Stream[T]: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: Any = ..., stream: bool = ..., stream_cls: Any = ..., **content: Unpack[Content]
    ) -> Any: ...

class AsyncVerb(Protocol):
    """`await client.get(path, ...)` and the like: `client.request` with its method said."""

    @overload
    def __call__(
        self, path: str, *, cast_to: type[bytes], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> Awaitable[BinaryResponse]: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: type[T], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> Awaitable[T]: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: Any = ..., stream: Literal[True], stream_cls: type[A], **content: Unpack[Content]
    ) -> Awaitable[A]: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: Any = ..., stream: Literal[True], stream_cls: type[E], **content: Unpack[Content]
    ) -> Awaitable[AsyncStream[E]]: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: type[T], stream: Literal[True], **content: Unpack[Content]
    ) -> Awaitable[AsyncStream[T]]: ...
    @overload
    def __call__(
        self, path: str, *, cast_to: Any = ..., stream: bool = ..., stream_cls: Any = ..., **content: Unpack[Content]
    ) -> Awaitable[Any]: ...

class RawCall(Protocol[T]):
    """A method of `with_raw_response`."""

    def __call__(self, *args: Any, **kwargs: Any) -> RawResponse[T]: ...

class AsyncRawCall(Protocol[T]):
    """A method of an async client's `with_raw_response`."""

    async def __call__(self, *args: Any, **kwargs: Any) -> RawResponse[T]: ...

class StreamingCall(Protocol):
    """A method of `with_streaming_response`."""

    def __call__(self, *args: Any, **kwargs: Any) -> AbstractContextManager[StreamedResponse]: ...

class AsyncStreamingCall(Protocol):
    """A method of an async client's `with_streaming_response`."""

    def __call__(self, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[AsyncStreamedResponse]: ...

class SyncClient(_client.OpenAI):
    """`OpenAI` without the call paths of the table."""

    def with_options(
        self, *, transport: Transport | None = ..., http_client: Any = ..., **options: Unpack[Replaced]
    ) -> Self: ...
    def copy(
        self, *, transport: Transport | None = ..., http_client: Any = ..., **options: Unpack[Replaced]
    ) -> Self: ...
    @overload
    def request(
        self, method: str, path: str, *, cast_to: type[bytes], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> BinaryResponse: ...
    @overload
    def request(
        self, method: str, path: str, *, cast_to: type[T], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> T: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = ...,
        stream: Literal[True],
        stream_cls: type[S],
        **content: Unpack[Content],
    ) -> S: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = ...,
        stream: Literal[True],
        stream_cls: type[E],
        **content: Unpack[Content],
    ) -> Stream[E]: ...
    @overload
    def request(
        self, method: str, path: str, *, cast_to: type[T], stream: Literal[True], **content: Unpack[Content]
    ) -> Stream[T]: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = ...,
        stream: bool = ...,
        stream_cls: Any = ...,
        **content: Unpack[Content],
    ) -> Any: ...
    @property
    def get(self) -> Verb: ...
    @property
    def post(self) -> Verb: ...
    @property
    def put(self) -> Verb: ...
    @property
    def patch(self) -> Verb: ...
    @property
    def delete(self) -> Verb: ...

class AsyncClient(_async_client.AsyncOpenAI):
    """`AsyncOpenAI` without the call paths of the table."""

    def __init__(
        self,
        *,
        transport: AsyncTransport | Transport | None = ...,
        http_client: Any = ...,
        table: str | PathLike[str] | Table | list[str | PathLike[str]] | None = ...,
        **options: Unpack[Options],
    ) -> None: ...
    @property
    def transport(self) -> AsyncTransport | Transport: ...
    def with_options(
        self, *, transport: AsyncTransport | Transport | None = ..., http_client: Any = ..., **options: Unpack[Replaced]
    ) -> Self: ...
    def copy(
        self, *, transport: AsyncTransport | Transport | None = ..., http_client: Any = ..., **options: Unpack[Replaced]
    ) -> Self: ...
    @overload
    async def request(
        self, method: str, path: str, *, cast_to: type[bytes], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> BinaryResponse: ...
    @overload
    async def request(
        self, method: str, path: str, *, cast_to: type[T], stream: Literal[False] = ..., **content: Unpack[Content]
    ) -> T: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = ...,
        stream: Literal[True],
        stream_cls: type[A],
        **content: Unpack[Content],
    ) -> A: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = ...,
        stream: Literal[True],
        stream_cls: type[E],
        **content: Unpack[Content],
    ) -> AsyncStream[E]: ...
    @overload
    async def request(
        self, method: str, path: str, *, cast_to: type[T], stream: Literal[True], **content: Unpack[Content]
    ) -> AsyncStream[T]: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = ...,
        stream: bool = ...,
        stream_cls: Any = ...,
        **content: Unpack[Content],
    ) -> Any: ...
    @property
    def get(self) -> AsyncVerb: ...
    @property
    def post(self) -> AsyncVerb: ...
    @property
    def put(self) -> AsyncVerb: ...
    @property
    def patch(self) -> AsyncVerb: ...
    @property
    def delete(self) -> AsyncVerb: ...
