"""What a client sends over that was given no transport: an enclosing block's, or the environment's.

`default_transport` is for code under test that makes its own client deep inside, and `OAI_TRANSPORT` for a whole
program. Both are asked when a client is made, never later. This module knows names and makes transports of them; it
sends nothing.
"""

from __future__ import annotations

import contextlib
import os
from _thread import allocate_lock  # as in `_client.base`
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from oai._errors import OpenAIError
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._http.messages import Reply, Request, Transport

VARIABLE = "OAI_TRANSPORT"

CASSETTES = ("replay", "record", "append", "live")
"""The words before a cassette's path: the modes of a `Recorder`."""

_lock = allocate_lock()
_blocks: list[list[Any]] = []
_named: dict[tuple[str, str], Any] = {}


@contextlib.contextmanager
def default_transport(transport: Transport | Any) -> Iterator[Any]:
    """Let clients that are made within the block, and given no transport, send over this one.

    The block holds for the whole process: for threads and tasks that it starts, and for those that run beside it,
    since code under test often makes its client in a thread of its own. Where blocks lie within each other the one
    entered last counts. A client keeps the transport that it was made with, also after the block, and closes none
    that it was not given alone: the transport stays the caller's.

    Args:
        transport: what the clients send over; a `Recorder` or an `OfflineTransport` serves sync and async ones.
    """
    block = [transport]
    with _lock:
        _blocks.append(block)
    try:
        yield transport
    finally:
        with _lock:  # by identity: blocks of two threads need not end in the order in which they began
            _blocks[:] = [each for each in _blocks if each is not block]


class ClosedTransport:
    """What a client sends over that was closed before it had sent anything."""

    def send(self, _: Request) -> Reply:
        """Refuse."""
        from oai._http.messages import TransportError

        raise TransportError("closed", "the client is closed")

    def close(self) -> None:
        """Do nothing: there is nothing open."""


def find_transport(transport: Any, *, is_async: bool) -> Any:
    """Return the transport of a client that is being made; `None` for the usual one.

    Args:
        transport: what the client was given, if anything.
        is_async: whether it is an async client, for which some transports have another side (`for_async`).

    Raises:
        OpenAIError: `OAI_TRANSPORT` says nothing that can be.
    """
    if transport is None:
        with _lock:
            transport = _blocks[-1][0] if _blocks else None
    if transport is None and (said := os.environ.get(VARIABLE)):
        transport = _from_environment(said)
    side = getattr(transport, "for_async", None) if is_async else None
    return transport if side is None else side()


def _from_environment(said: str) -> Any:
    """Return the transport that the variable names: one for all clients, so that they share a cassette."""
    kind, colon, rest = said.partition(":")
    place = os.path.abspath(rest) if kind in CASSETTES else ""
    with _lock:
        if (said, place) not in _named:
            _named[said, place] = _from_name(said, kind, place if place and rest else rest, colon=bool(colon))
        return _named[said, place]


def _from_name(said: str, kind: str, rest: str, *, colon: bool) -> Any:
    if said == "offline":
        from oai.transports.offline import OfflineTransport

        return OfflineTransport()
    if kind in CASSETTES and rest:
        from oai.transports.recorder import Recorder

        return Recorder(rest, mode=cast("Any", kind))
    if not colon or not kind or not rest:
        right = nearest(kind, ["offline", *CASSETTES])
        hint = f". Did you mean {right!r}?" if right else ""
        raise OpenAIError(
            f"the environment's {VARIABLE} is {said!r}; it is `offline`, a mode and a cassette as in "
            f"`replay:tests/chat.cassette` ({', '.join(CASSETTES)}), or `module:attribute`{hint}"
        )
    return _import_transport(said, kind, rest)


def _import_transport(said: str, module: str, attribute: str) -> Any:
    """Return what a module calls by a name: a transport, or what makes one when it is called without arguments."""
    from importlib import import_module
    from operator import attrgetter

    try:
        found = attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError) as error:
        right = nearest(module, CASSETTES)  # a mode misspelt rather than a module that is not there
        hint = f". Did you mean '{right}:{attribute}'?" if right else ""
        raise OpenAIError(f"the environment's {VARIABLE} is {said!r}: {error}{hint}") from error
    made = found if _is_transport(found) else cast("Callable[[], Any]", found)() if callable(found) else found
    if not _is_transport(made):
        raise OpenAIError(
            f"the environment's {VARIABLE} is {said!r}, which is no transport, with `send` and `close`, "
            f"but {type(made).__name__!r}"
        )
    return made


def _is_transport(value: Any) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "send", None))
