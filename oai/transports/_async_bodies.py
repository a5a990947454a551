"""What async transports share about request bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable


async def pieces_of(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield a body's pieces, each made in a thread, so that no loop waits for a disk."""
    pieces = iter(body)
    while True:
        piece = await asyncio.to_thread(next, pieces, None)
        if piece is None:
            return
        yield piece
