"""Collect a response from the events of a lane: the last event has it, and items that it leaves out came before."""

from __future__ import annotations

from typing import Any, Final

from oai._support.plain_data import is_object
from oai.lib._response_lanes.fields import field_of
from oai.lib._response_lanes.limits import ResponsesWebSocketBufferError, ResponsesWebSocketError

CREATED: Final = "response.created"
ITEM: Final = "response.output_item.done"
FINAL: Final = frozenset({"response.completed", "response.failed", "response.incomplete"})


class FinalResponse:
    """The response that a lane receives.

    Args:
        limit: maximum bytes of its events.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._begin()

    def _begin(self) -> None:
        self._size = 0
        self._items: dict[int, Any] = {}
        self.value: Any = None
        """The whole response, once its last event came."""
        self.error: Exception | None = None

    def add(self, event: Any, size: int) -> None:
        """Take an event, whose message had a size."""
        kind = field_of(event, "type")
        if kind in (CREATED, "error"):
            self._begin()
        if kind == "error":
            self.error = ResponsesWebSocketError(event)
        elif self.error is None and (kind in (CREATED, ITEM) or kind in FINAL):
            self._take(kind, event, size)

    def _take(self, kind: str, event: Any, size: int) -> None:
        self._size += size
        if self._limit is not None and self._size > self._limit:
            self._items, self.value = {}, None
            self.error = ResponsesWebSocketBufferError(f"the response has more than max_response_bytes={self._limit}")
        elif kind == ITEM:
            self._items[field_of(event, "output_index")] = field_of(event, "item")
        elif kind in FINAL:
            response = field_of(event, "response")
            if response is None:
                self.error = ValueError(f"the event {kind} has no response")
            else:
                self.value = self._completed(response)

    def _completed(self, response: Any) -> Any:
        if field_of(response, "output") is not None or is_object(response):
            return response
        from copy import copy

        completed = copy(response)
        completed.output = [self._items[index] for index in sorted(self._items)]
        return completed
