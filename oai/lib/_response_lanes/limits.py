"""The budgets of a session, and the errors of lanes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class ResponsesWebSocketLimits:
    """The limits on queued events of a session, in addition to those of the server.

    Attributes:
        max_lanes: maximum number of lanes, the default one and closed ones included.
        max_events_per_lane: maximum number of events that wait in a lane.
        max_events: maximum number of events that wait in all lanes.
        max_bytes_per_lane: maximum bytes of the messages that wait in a lane.
        max_bytes: maximum bytes of the messages that wait in all lanes.
        max_response_bytes: maximum bytes of the events that make up a response; `None`: no limit.

    Raises:
        ValueError: a limit is not a positive integer.
    """

    max_lanes: int
    max_events_per_lane: int
    max_events: int
    max_bytes_per_lane: int
    max_bytes: int
    max_response_bytes: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            unlimited = value is None and field.name == "max_response_bytes"
            if not unlimited and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"{field.name} must be a positive integer, not {value!r}")


class ResponsesWebSocketBufferError(RuntimeError):
    """A session, a lane or a response exceeded one of its limits."""


class ResponsesWebSocketError(RuntimeError):
    """The server answered a request with an error event, which is the attribute `event`."""

    def __init__(self, event: Any) -> None:
        super().__init__("the server answered a request with an error event, see the error's `event`")
        self.event = event
