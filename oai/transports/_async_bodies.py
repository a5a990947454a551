"""Request bodies of async transports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from oai._support.async_library import to_thread


async def pieces_of(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of a body, each produced in a thread, so that the event loop never waits for a disk."""
    pieces = iter(body)
    while True:
        piece = await to_thread(next, pieces, None)
        if piece is None:
            return
        yield piece
