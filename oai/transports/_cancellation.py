"""Cancellation for libraries whose own handling of it must not be interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any


async def cancel_once(action: Awaitable[Any]) -> Any:
    """Await an action of httpx in a task of its own, which is cancelled only once.

    A second cancellation would interrupt httpx while it handles the first one, and leave the connection open forever.
    """
    task = asyncio.ensure_future(action)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.shield(asyncio.ensure_future(_ended(task)))
        raise


async def _ended(task: asyncio.Future[Any]) -> None:
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None and hasattr(task.result(), "aclose"):
        await task.result().aclose()  # the response has come at this moment, and has no reader
