"""The interface of a client inside the package: `ClientCore`, which `core_of` returns.

A client shows call paths and options to its user and keeps its core in one attribute. Methods, helpers, views and
WebSockets use the core, so that they depend neither on the client classes nor on where these keep their state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from oai._http.messages import Reply, Transport
    from oai._http.response import Response
    from oai._request.config import Config
    from oai._table.operation import Operation


class ClientCore(Protocol):
    """The internals of a client. For an async client `send`, `call` and `help` return awaitables."""

    config: Config

    sends_directly: bool
    """Whether calls are sent when they are made; the queue of a batch keeps them."""

    @property
    def is_async(self) -> bool:
        """Whether the client is for asyncio."""

    @property
    def needs_key(self) -> bool:
        """Whether the transport needs a key, that is, reaches a server."""

    @property
    def given_transport(self) -> Transport | None:
        """The transport that the caller passed, if any."""

    def send(self, *arguments: Any, unread: bool = False) -> Any:
        """Send a call; return its operation, its response, and the reply if it is a stream or left `unread`."""

    def result(self, response: Response, reply: Reply | None, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a response."""

    def decoded(self, operation: Operation, response: Response, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a complete response."""

    def call(self, *arguments: Any) -> Any:
        """Send a call, and return its result."""

    def help(self, helper: Callable[..., Any], options: dict[str, Any]) -> Any:
        """Run a helper: a generator function whose first argument is the client."""

    def view(self, call: Callable[..., Any], help_with: Callable[..., Any], kind: str = "") -> Any:
        """Return an object with the client's methods, which use `call` and `help_with` to make calls."""


def core_of(client: Any) -> ClientCore:
    """Return the core of a client."""
    core: ClientCore = client._core  # noqa: SLF001 - the one place outside the clients that knows the attribute
    return core
