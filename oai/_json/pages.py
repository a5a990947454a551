"""Pages of a list: the items of one answer, and the way to the next.

Iterating a page goes over all items of all pages. How a kind of page finds the next one is said by two names:
the parameter that asks for it, and where its value stands. A page knows how to go on (`_more`) because the
client told it; it does no I/O itself.
"""

# No `from __future__ import annotations` here, for the reason that `_json.objects` gives.

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, ClassVar, Generic, Self, TypeVar

from oai._json.objects import Object

T = TypeVar("T")
P = TypeVar("P", bound="Page[Any]")


class Page(Object, Generic[T]):
    """A list that comes as one page.

    `for item in page` goes over the items of this page and of all that follow (`async for` where the client is
    async); `page.data` holds those of this page alone.
    """

    parameter: ClassVar[str] = ""
    """The parameter of the operation that asks for the page after this one; empty where there never is one."""

    data: list[T]
    object: str | None = None

    def _cursor(self) -> str | None:
        return None

    def _listed(self) -> list[T]:
        """Return the items, none where what the server sent is no list."""
        return self.data if isinstance(self.data, list) else []

    def next_page_params(self) -> dict[str, str] | None:
        """Return the parameters that ask for the next page, `None` after the last.

        A server that answers the page that was asked for a second time ignores the parameter; the list ends
        there, rather than never.
        """
        cursor = self._cursor() if self._listed() else None
        asked = self.__dict__.get("_asked", {}).get(self.parameter)
        return {self.parameter: cursor} if isinstance(cursor, str) and cursor and cursor != asked else None

    def has_next_page(self) -> bool:
        """Tell whether there is a page after this one, by what this one says."""
        return self.next_page_params() is not None

    def get_next_page(self) -> Self:
        """Ask for the next page; where the client is async, it has to be awaited.

        Raises:
            RuntimeError: this is the last page, or one that no client has fetched.
        """
        params = self.next_page_params()
        more = self.__dict__.get("_more")
        if params is None or more is None:
            raise RuntimeError("there is no next page; ask has_next_page() first")
        following: Self = more(params)
        return following

    def iter_pages(self) -> "_Following[Self]":
        """Return this page and all that follow, to go over with `for`, or `async for` where the client is async."""
        return _Following(self)

    async def aiter_pages(self) -> AsyncIterator[Self]:
        """Yield this page and all that follow, from an async client."""
        page = self
        while True:
            yield page
            if not page.has_next_page():
                return
            following: Any = page.get_next_page()
            page = await following

    def __iter__(self) -> Iterator[T]:
        for page in self.iter_pages():
            yield from page._listed()  # noqa: SLF001 - its own kind

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.aiter_pages():
            for item in page._listed():  # noqa: SLF001 - as above
                yield item


class _Following(Generic[P]):
    """A page and those after it."""

    def __init__(self, first: P) -> None:
        self._first = first

    def __iter__(self) -> Iterator[P]:
        page = self._first
        while True:
            yield page
            if not page.has_next_page():
                return
            page = page.get_next_page()

    def __aiter__(self) -> AsyncIterator[P]:
        return self._first.aiter_pages()


class AsyncPages(Generic[T]):
    """What an async client returns for a list: await it for the first page, or iterate it over all items."""

    def __init__(self, fetch: Callable[[], Awaitable[Page[T]]]) -> None:
        self._fetch = fetch

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._fetch().__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        async for item in await self:
            yield item


class CursorPage(Page[T], Generic[T]):
    """A page whose successor begins after the id of its last item."""

    parameter: ClassVar[str] = "after"

    has_more: bool | None = None
    first_id: str | None = None
    last_id: str | None = None

    def _cursor(self) -> str | None:
        last = self.data[-1]
        found = last.get("id") if isinstance(last, dict) else getattr(last, "id", None)
        return None if self.has_more is False else found


class ConversationCursorPage(CursorPage[T], Generic[T]):
    """A page whose successor begins after its `last_id`."""

    def _cursor(self) -> str | None:
        return None if self.has_more is False else self.last_id


class NextCursorPage(Page[T], Generic[T]):
    """A page that names where the next one begins, in `next`."""

    parameter: ClassVar[str] = "after"

    has_more: bool | None = None
    next: str | None = None

    def _cursor(self) -> str | None:
        return None if self.has_more is False else self.next


class TokenPage(NextCursorPage[T], Generic[T]):
    """A page that names the next one by a token, in `next`."""

    parameter: ClassVar[str] = "page"
