"""A turn of a run, as `iterate` yields it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oai.types.responses import Response


@dataclass(frozen=True)
class ResponsesRunnerTurn:
    """A response whose calls wait to be executed, until the program advances or closes the run.

    Attributes:
        response: the response. Changing it does not change what is executed.
        step: the number of the request, from 1.
        final: whether the run ends with this turn.
        tools_executed: whether calls of this turn were executed already, as in an eager run.
        attempted_call_ids: ids of all calls of the run that were started.
        completed_call_ids: ids of all calls of the run whose output exists.
    """

    response: Response
    step: int
    final: bool
    tools_executed: bool
    attempted_call_ids: tuple[str, ...]
    completed_call_ids: tuple[str, ...]
    _supply: Callable[[Any], None] = field(repr=False, compare=False)
    _append: Callable[[Any], None] = field(repr=False, compare=False)

    def supply_outputs(self, outputs: list[Any]) -> None:
        """Supply outputs of functions with `allow_output_override`, which then are not called.

        Args:
            outputs: items of the type `function_call_output`. They replace those of an earlier call.

        Raises:
            ValueError: an output is invalid or not permitted, or the turn is over. Nothing was changed.
        """
        self._supply(outputs)

    def append_user_text(self, text: str) -> None:
        """Add a message of the user after the outputs of this turn.

        Raises:
            ValueError: the text is blank, or the turn is final or over.
        """
        self._append(text)
