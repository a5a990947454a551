"""Pages of a list: the items of one response, and how to request the next page.

Iterating a page yields the items of all pages. Two things define a page class: the parameter that requests the next
page, and where the cursor stands. The client sets `_more`, the function that fetches; a page does no I/O itself.
"""

# No `from __future__ import annotations` here, for the reason that `_json.objects` gives.

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, ClassVar, Generic, Self, TypeVar

from oai._json.objects import Object
from oai._support.omit import omit

T = TypeVar("T")
P = TypeVar("P", bound="Page[Any]")


class PageInfo:
    """How to request a page: `params` are the parameters of its query, as in the official SDK."""

    def __init__(self, params: dict[str, str]) -> None:
        self.params = params
        self.url = omit
        self.json = omit

    def __repr__(self) -> str:
        return f"PageInfo(params={self.params!r})"


class Page(Object, Generic[T]):
    """A list on a single page; the base class of all pages.

    `for item in page` iterates over the items of this page and of all following pages (`async for` if the client is
    async); `page.data` holds those of this page alone.
    """

    parameter: ClassVar[str] = ""
    """The parameter of the operation that requests the next page; empty if there is never one."""

    data: list[T]
    object: str | None = None

    def _cursor(self) -> str | None:
        return None

    def _says_more(self) -> bool:
        """Return whether the server says that there are more pages."""
        return getattr(self, "has_more", None) is True

    def _listed(self) -> list[T]:
        """Return the items, none if the server did not send a list."""
        return self.data if isinstance(self.data, list) else []

    def _repr_html_(self) -> str:
        from oai._json.notebook import page_html  # only notebooks call this

        return page_html(self, self._listed())

    def next_page_params(self) -> dict[str, str] | None:
        """Return the parameters that request the next page, `None` on the last one.

        A page whose cursor is the one that requested it is the last, as the server ignores the parameter; so is an
        empty page, unless the server says that there are more. Without these rules the iteration would not end.
        """
        cursor = self._cursor() if self._listed() or self._says_more() else None
        current = self.__dict__.get("_page_query", {}).get(self.parameter)
        return {self.parameter: cursor} if isinstance(cursor, str) and cursor and cursor != current else None

    def next_page_info(self) -> PageInfo | None:
        """Return how to request the next page, `None` on the last one."""
        params = self.next_page_params()
        return None if params is None else PageInfo(params)

    def has_next_page(self) -> bool:
        """Return whether this page names a next one."""
        return self.next_page_params() is not None

    def get_next_page(self) -> Self:
        """Fetch the next page; the result must be awaited if the client is async.

        Raises:
            RuntimeError: this is the last page, or no client has fetched it.
        """
        params = self.next_page_params()
        more = self.__dict__.get("_more")
        if params is None or more is None:
            raise RuntimeError("there is no next page; call has_next_page() first")
        following: Self = more(params)
        return following

    def iter_pages(self) -> "_Following[Self]":
        """Return an iterable over this page and all following pages (`async for` if the client is async)."""
        return _Following(self)

    async def aiter_pages(self) -> AsyncIterator[Self]:
        """Yield this page and all following pages of an async client."""
        page = self
        while True:
            yield page
            if not page.has_next_page():
                return
            following: Any = page.get_next_page()
            page = await following

    def __iter__(self) -> Iterator[T]:
        for page in self.iter_pages():
            yield from page._listed()  # noqa: SLF001 - of the same class

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.aiter_pages():
            for item in page._listed():  # noqa: SLF001 - as above
                yield item


class _Following(Generic[P]):
    """Iterates over a page and all following pages."""

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
    """The result of a list operation of an async client: await it for the first page, or iterate over all items."""

    def __init__(self, fetch: Callable[[], Awaitable[Page[T]]]) -> None:
        self._fetch = fetch

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._fetch().__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        async for item in await self:
            yield item


class CursorPage(Page[T], Generic[T]):
    """A page whose cursor is the id of its last item."""

    parameter: ClassVar[str] = "after"

    has_more: bool | None = None
    first_id: str | None = None
    last_id: str | None = None

    def _cursor(self) -> str | None:
        last = self._listed()[-1:]
        if not last:
            return self.last_id
        cursor = last[0].get("id") if isinstance(last[0], dict) else getattr(last[0], "id", None)
        return None if self.has_more is False else cursor


class ConversationCursorPage(CursorPage[T], Generic[T]):
    """A page whose cursor is its `last_id`."""

    def _cursor(self) -> str | None:
        return None if self.has_more is False else self.last_id


class NextCursorPage(Page[T], Generic[T]):
    """A page whose cursor is its `next`."""

    parameter: ClassVar[str] = "after"

    has_more: bool | None = None
    next: str | None = None

    def _cursor(self) -> str | None:
        return None if self.has_more is False else self.next


class TokenPage(NextCursorPage[T], Generic[T]):
    """A page whose `next` is a token for the parameter `page`."""

    parameter: ClassVar[str] = "page"
