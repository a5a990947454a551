"""Coroutines of tests that must leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
from typing import Any


def run(main: Any) -> Any:
    """Run a coroutine and see that no task is left over, nor anything that warns when it is collected."""

    async def checked() -> Any:
        result = await main
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    result = asyncio.run(checked())
    gc.collect()
    return result
