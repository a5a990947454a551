"""Objects that a `with` block closes."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class ClosedByWith:
    """Base class of objects that a `with` block closes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release what the object holds."""
        raise NotImplementedError


class ClosedByAsyncWith:
    """Base class of objects that an `async with` block closes."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Release what the object holds."""
        raise NotImplementedError
