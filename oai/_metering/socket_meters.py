"""The tokens of WebSocket sessions: what the messages of the server report.

A transport does not see these messages. So a client asks its transport for a meter of each session, if that has the
method `socket_meter`, and calls it with each message; transports that wrap others pass the question on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SocketMeter = Callable[[bytes], None]
"""Takes each message that the server sends."""


def socket_meter(transport: Any, operation: str, model: str) -> SocketMeter | None:
    """Return the meter of a session, `None` if no transport counts its tokens.

    Args:
        transport: the transport of the client.
        operation: the call path, such as `realtime.connect`.
        model: the model that the session was opened with, if any.

    Raises:
        BudgetExceededError: a budget does not allow another session.
    """
    find: Callable[[str, str], SocketMeter | None] | None = getattr(transport, "socket_meter", None)
    return None if find is None else find(operation, model)


def in_turn(*meters: SocketMeter | None) -> SocketMeter | None:
    """Return a meter that calls all of these that there are."""
    present = [meter for meter in meters if meter is not None]

    def call(data: bytes) -> None:
        for meter in present:
            meter(data)

    return call if present else None
