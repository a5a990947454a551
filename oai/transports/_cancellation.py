"""Cancellation for libraries whose own handling of it must not be interrupted."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from oai._support.async_library import running_trio

if TYPE_CHECKING:
    import asyncio


async def cancel_once(action: Awaitable[Any]) -> Any:
    """Await an action of httpx in a task of its own, which is cancelled only once.

    A second cancellation would interrupt httpx while it handles the first one, and leave the connection open forever.
    Under trio httpx shields its own handling.
    """
    if running_trio() is not None:
        return await action
    import asyncio

    task = asyncio.ensure_future(action)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.shield(asyncio.ensure_future(_ended(task)))
        raise


async def _ended(task: asyncio.Future[Any]) -> None:
    import asyncio

    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None and hasattr(task.result(), "aclose"):
        await task.result().aclose()  # the response arrived at this moment, and has no reader
