"""The errors of a run. Their messages contain no argument and no output, since errors are logged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

CANCELLED: Final = "the tool run was cancelled"
STOPPED: Final = "the tool run stopped before completion"
STEP_LIMIT: Final = "the tool run reached max_steps before completion"


class ToolRunnerError(RuntimeError):
    """A run ended early; look at the ids of its calls before deciding whether to retry.

    Attributes:
        attempted_call_ids: ids of the calls that were started, some of which may have failed halfway.
        completed_call_ids: ids of the calls whose output exists. It may be a refusal.
    """

    def __init__(self, message: str, attempted_call_ids: Iterable[str], completed_call_ids: Iterable[str]) -> None:
        super().__init__(message)
        self.attempted_call_ids = tuple(attempted_call_ids)
        self.completed_call_ids = tuple(completed_call_ids)


class ToolRunnerCancelledError(asyncio.CancelledError):
    """The task of a run was cancelled; the ids name the calls that may have had effects, see `ToolRunnerError`."""

    def __init__(self, attempted_call_ids: Iterable[str], completed_call_ids: Iterable[str]) -> None:
        super().__init__(CANCELLED)
        self.attempted_call_ids = tuple(attempted_call_ids)
        self.completed_call_ids = tuple(completed_call_ids)


class RunFailure(Exception):  # noqa: N818 - becomes a ToolRunnerError
    """A run ends for a reason that may be shown. The messages of all other exceptions of a run are not."""
