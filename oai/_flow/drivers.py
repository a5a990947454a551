"""Drivers of the flow, and the two operations that differ between sync and async clients.

A flow is a generator that does no I/O. It yields effects, each a function and its arguments, and receives the result or
the exception. `drive` calls the function; `drive_async` also awaits what it returns.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._http.encodings import TooLarge
from oai._support.async_library import sleep, to_thread

if TYPE_CHECKING:
    from oai._http.messages import Reply

Effect = tuple[Any, ...]
"""A function and its arguments."""


def drive(flow: Generator[Effect, Any, Any]) -> Any:
    """Run a flow and perform each of its effects."""
    try:
        function, *arguments = next(flow)
        while True:
            try:
                outcome = function(*arguments)
            except Exception as error:  # noqa: BLE001 - the flow decides
                function, *arguments = flow.throw(error)
            else:
                function, *arguments = flow.send(outcome)
    except StopIteration as end:
        return end.value


async def drive_async(flow: Generator[Effect, Any, Any]) -> Any:
    """Run a flow and perform each of its effects, awaiting awaitables. A cancellation closes it."""
    try:
        function, *arguments = next(flow)
        while True:
            try:
                outcome = function(*arguments)
                if outcome.__class__ is CoroutineType or isinstance(outcome, Awaitable):  # the latter is slow
                    outcome = await outcome
            except Exception as error:  # noqa: BLE001 - the flow decides
                function, *arguments = flow.throw(error)
            else:
                function, *arguments = flow.send(outcome)
    except StopIteration as end:
        return end.value
    except BaseException:
        flow.close()  # now, not when the traceback is freed: it may hold a lock
        raise


class ClientIO(msgspec.Struct, frozen=True):
    """The operations that differ between sync and async."""

    sleep: Callable[[float], Any]
    read_limited: Callable[[Any, int], Any]
    run: Callable[..., Any]
    """Runs a function that blocks, with its arguments: in a thread, where there is an event loop."""
    is_async: bool


def read_within(reply: Reply, limit: int) -> bytes:
    """Read a body, or raise `TooLarge`."""
    pieces, size = [], 0
    for piece in reply:
        size += len(piece)
        if size > limit:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


async def read_within_async(reply: Any, limit: int) -> bytes:
    """Read a body, or raise `TooLarge`. The reply may be sync or async."""
    if not hasattr(reply, "__aiter__"):
        return read_within(reply, limit)
    pieces, size = [], 0
    async for piece in reply:
        size += len(piece)
        if size > limit:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


SYNC_IO: Final = ClientIO(time.sleep, read_within, _run, is_async=False)
"""The operations of a client without an event loop."""


ASYNC_IO: Final = ClientIO(sleep, read_within_async, to_thread, is_async=True)
"""The operations of a client on an event loop."""
