"""The transport of a client that is made without one: an enclosing block's, or the environment's.

`default_transport` is for code under test that makes its own client deep inside, `OAI_TRANSPORT` for a whole program.
Both are read when a client is made, never later. This module maps names to transports; it sends nothing.
"""

from __future__ import annotations

import contextlib
import os
from _thread import allocate_lock  # as in `_client.base`
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from oai._errors import OpenAIError
from oai._http.messages import Transport
from oai._request.options import environment
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._http.messages import Reply, Request

VARIABLE = "OAI_TRANSPORT"

CASSETTES = ("replay", "record", "append", "live")
"""The words before a cassette's path: the modes of a `Recorder`."""

LIBRARIES = {"http": "both", "urllib3": "sync", "aiohttp": "async"}
"""The ways to reach a server, and the clients that each is for; the other clients keep their default transport."""

_lock = allocate_lock()
_blocks: list[list[Any]] = []
_named: dict[tuple[str, str], Any] = {}


@contextlib.contextmanager
def default_transport(transport: Transport | Any) -> Iterator[Any]:
    """Make this the transport of all clients that are made within the block without one.

    The block applies to the whole process: to the threads and tasks that it starts, and to all others, since code
    under test often makes its client in a thread of its own. Of nested blocks the one entered last applies. A client
    keeps its transport after the block, and does not close it: the transport belongs to the caller.

    Args:
        transport: a transport; a `Recorder` or an `OfflineTransport` serves sync and async clients.
    """
    block = [transport]
    with _lock:
        _blocks.append(block)
    try:
        yield transport
    finally:
        with _lock:  # by identity: blocks of two threads need not end in the order in which they began
            _blocks[:] = [other for other in _blocks if other is not block]


class ClosedTransport:
    """The transport of a client that was closed before it had sent anything."""

    def send(self, _: Request) -> Reply:
        """Raise `TransportError`."""
        from oai._http.messages import TransportError

        raise TransportError("closed", "the client is closed")

    def close(self) -> None:
        """Do nothing: nothing is open."""


def find_transport(transport: Any, *, is_async: bool) -> Any:
    """Return the transport for a new client, or `None` if it uses the default one.

    Args:
        transport: the argument of the client's constructor.
        is_async: whether it is an async client, for which some transports have a second interface (`for_async`).

    Raises:
        OpenAIError: the value of `OAI_TRANSPORT` is invalid.
    """
    if transport is None:
        with _lock:
            transport = _blocks[-1][0] if _blocks else None
    if transport is None and (setting := environment(VARIABLE)):
        transport = _from_environment(setting, is_async=is_async)
    side = getattr(transport, "for_async", None) if is_async else None
    return transport if side is None else side()


class Unclosed:
    """A transport that its user does not close, because others share it."""

    def __init__(self, transport: Any) -> None:
        from oai._http.messages import is_async

        self._transport = transport
        self.send = transport.send
        self.is_async = is_async(transport)
        self.needs_key = getattr(transport, "needs_key", True)

    def for_async(self) -> Any:
        """Return the transport for async clients."""
        side = getattr(self._transport, "for_async", None)
        return self if side is None else side()

    def close(self) -> Any:
        """Do nothing; the result can be awaited."""
        from oai._http.either import AWAITABLE_NONE

        return AWAITABLE_NONE


def recorded_transport() -> Unclosed | None:
    """Return the transport of the environment if it can be recorded, else `None` for the default one.

    It can if one object serves sync and async clients, and is not a cassette itself.

    Raises:
        OpenAIError: the value of `OAI_TRANSPORT` is invalid.
    """
    setting = environment(VARIABLE)
    if setting is None or setting in LIBRARIES or setting.partition(":")[0] in CASSETTES:
        return None
    return Unclosed(_from_environment(setting, is_async=False))


def _from_environment(setting: str, *, is_async: bool) -> Any:
    """Return the transport that the variable names: one for all clients, so that they share a cassette."""
    kind, colon, rest = setting.partition(":")
    if setting in LIBRARIES:
        clients = "async" if is_async else "sync"
        if LIBRARIES[setting] not in (clients, "both"):
            return None
        place = clients
    else:
        place = os.path.abspath(rest) if kind in CASSETTES else ""
    with _lock:
        if (setting, place) not in _named:
            path = place if place and rest else rest
            _named[setting, place] = (
                _library(setting, is_async=is_async)
                if setting in LIBRARIES
                else _from_name(setting, kind, path, colon=bool(colon))
            )
        return _named[setting, place]


def _library(name: str, *, is_async: bool) -> Any:
    if name == "aiohttp":
        from oai.transports.aiohttp import AiohttpTransport

        return AiohttpTransport()
    if name == "urllib3":
        from oai.transports.urllib3 import Urllib3Transport

        return Urllib3Transport()
    if is_async:
        from oai.transports.async_http import AsyncHTTPTransport

        return AsyncHTTPTransport()
    from oai.transports.http import HTTPTransport

    return HTTPTransport()


def _from_name(setting: str, kind: str, rest: str, *, colon: bool) -> Any:
    if setting == "offline":
        from oai.transports.offline import OfflineTransport

        return OfflineTransport()
    if kind in CASSETTES and rest:
        from oai.transports.recorder import Recorder

        return Recorder(rest, mode=cast("Any", kind))
    if not colon or not kind or not rest:
        suggestion = nearest(kind, ["offline", *LIBRARIES, *CASSETTES])
        hint = f". Did you mean {suggestion!r}?" if suggestion else ""
        raise OpenAIError(
            f"{VARIABLE} in the environment is {setting!r}; it must be `offline`, a library ({', '.join(LIBRARIES)}), "
            f"a mode and a cassette as in `replay:tests/chat.cassette` ({', '.join(CASSETTES)}), "
            f"or `module:attribute`{hint}"
        )
    return _import_transport(setting, kind, rest)


def _import_transport(setting: str, module: str, attribute: str) -> Any:
    """Return a transport by the name of its module and attribute, or the result of a callable of that name."""
    from importlib import import_module
    from operator import attrgetter

    try:
        value = attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError) as error:
        suggestion = nearest(module, CASSETTES)  # a misspelt mode rather than a missing module
        hint = f". Did you mean '{suggestion}:{attribute}'?" if suggestion else ""
        raise OpenAIError(f"{VARIABLE} in the environment is {setting!r}: {error}{hint}") from error
    if not _is_transport(value) and callable(value):
        value = cast("Callable[[], Any]", value)()
    if not _is_transport(value):
        raise OpenAIError(
            f"{VARIABLE} in the environment is {setting!r}, an object of type {type(value).__name__!r}; "
            "it must name a transport, with `send` and `close`"
        )
    return value


def _is_transport(value: Any) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "send", None))
