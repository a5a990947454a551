"""What the rooms of the package may use of a client: its `ClientCore`, which `core_of` returns.

A client shows its user call paths and options, and holds its core in one attribute. Methods, helpers, views and
WebSockets work over the core, so that they know neither the classes of the clients nor where these keep their state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from oai._http.messages import Reply
    from oai._http.response import Response
    from oai._request.config import Config
    from oai._table.operation import Operation


class ClientCore(Protocol):
    """A client from within. Where the client is async, what `send`, `call` and `help` return is awaited."""

    config: Config

    @property
    def is_async(self) -> bool:
        """Whether the client is for asyncio."""

    @property
    def needs_key(self) -> bool:
        """Whether the transport reaches a server, which wants a key."""

    def send(self, *arguments: Any, unread: bool = False) -> Any:
        """Send a call; return its operation, its response, and the open reply of a stream or where `unread`."""

    def result(self, operation: Operation, response: Response, reply: Reply | None, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a call that was sent."""

    def decoded(self, operation: Operation, response: Response, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a call whose response is complete."""

    def call(self, *arguments: Any) -> Any:
        """Send a call, and return its result."""

    def help(self, helper: Callable[..., Any], options: dict[str, Any]) -> Any:
        """Run a helper, a generator function that takes the client."""

    def view(self, call: Callable[..., Any], help_with: Callable[..., Any]) -> Any:
        """Return an object with the methods of the client, whose calls are made by `call` and `help_with`."""


def core_of(client: Any) -> ClientCore:
    """Return the core of a client."""
    core: ClientCore = client._core  # noqa: SLF001 - the one place outside the clients that knows the attribute
    return core
