"""Protocols of drivers. A driver has `state` and any of the members, each of which gets its arguments as one dict.

A method with a parameter `cancelled` gets the function of that name which was passed to `execute`. It raises
`BrowserError` with a text for the model; the model learns of any other error only that there was one.
"""

from abc import abstractmethod
from typing import Protocol

from oai.lib.browser.inputs import ClickInput, NavigateInput, ReadPageInput, TabInput
from oai.lib.browser.reports import BrowserReadV1, BrowserState
from oai.types.responses import ResponseInputImageContentParam


class BrowserDriver(Protocol):
    """Drives a browser, which the program opens and closes. It decides which servers the browser may reach."""

    def state(self) -> BrowserState:
        """Return the tabs."""


class AsyncBrowserDriver(Protocol):
    """`BrowserDriver` for asyncio."""

    async def state(self) -> BrowserState:
        """Return the tabs."""


class BrowserReadDriver(BrowserDriver, Protocol):
    """A driver that reads pages."""

    @abstractmethod
    def read_page(self, action: ReadPageInput) -> str | BrowserReadV1 | None:
        """Return the text of a page, or its text and elements."""


class AsyncBrowserReadDriver(AsyncBrowserDriver, Protocol):
    """`BrowserReadDriver` for asyncio."""

    @abstractmethod
    async def read_page(self, action: ReadPageInput) -> str | BrowserReadV1 | None:
        """Return the text of a page, or its text and elements."""


class BrowserNavigationDriver(BrowserDriver, Protocol):
    """A driver that opens URLs."""

    @abstractmethod
    def navigate(self, action: NavigateInput) -> None:
        """Open a URL in a tab."""


class AsyncBrowserNavigationDriver(AsyncBrowserDriver, Protocol):
    """`BrowserNavigationDriver` for asyncio."""

    @abstractmethod
    async def navigate(self, action: NavigateInput) -> None:
        """Open a URL in a tab."""


class BrowserClickDriver(BrowserDriver, Protocol):
    """A driver that clicks elements."""

    @abstractmethod
    def click(self, action: ClickInput) -> None:
        """Click an element."""


class AsyncBrowserClickDriver(AsyncBrowserDriver, Protocol):
    """`BrowserClickDriver` for asyncio."""

    @abstractmethod
    async def click(self, action: ClickInput) -> None:
        """Click an element."""


class BrowserScreenshotDriver(BrowserDriver, Protocol):
    """A driver that captures the viewport."""

    @abstractmethod
    def screenshot(self, action: TabInput) -> ResponseInputImageContentParam:
        """Return a picture of the visible part of a tab."""


class AsyncBrowserScreenshotDriver(AsyncBrowserDriver, Protocol):
    """`BrowserScreenshotDriver` for asyncio."""

    @abstractmethod
    async def screenshot(self, action: TabInput) -> ResponseInputImageContentParam:
        """Return a picture of the visible part of a tab."""
