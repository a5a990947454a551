"""The errors of a closed WebSocket, which are those of the library `websockets` too.

Programs for the official SDK, which raises the library's own errors, catch `websockets.exceptions.ConnectionClosed` and
its subclasses. Only an open connection imports this module, so that `oai` itself does without the library.
"""

from __future__ import annotations

from typing import Any

from websockets import exceptions

from oai import _errors
from oai._realtime.reconnect import ABNORMAL


class _Closed(exceptions.ConnectionClosed):
    """What both families of errors need: the library's constructor takes frames, and its `__str__` shows them."""

    # The library has both as read-only properties, which it deprecates.
    code: Any = None
    reason: Any = ""

    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)

    def __str__(self) -> str:
        return str(self.args[0])

    def take(self, closed: BaseException | None) -> None:
        """Take the close frames from the library's error."""
        assert isinstance(closed, exceptions.ConnectionClosed)  # noqa: S101 - for type checkers: `wire` raises no other
        self.rcvd, self.sent, self.rcvd_then_sent = closed.rcvd, closed.sent, closed.rcvd_then_sent
        self.code = ABNORMAL if closed.rcvd is None else closed.rcvd.code


class WebSocketConnectionClosedOK(_errors.WebSocketConnectionClosedError, _Closed, exceptions.ConnectionClosedOK):
    """The connection was closed normally."""

    code: Any = None
    reason: Any = ""


class WebSocketConnectionClosedError(_errors.WebSocketConnectionClosedError, _Closed, exceptions.ConnectionClosedError):
    """The connection was lost, or closed with an error."""

    code: Any = None
    reason: Any = ""


class ResponseTooLargeError(_errors.ResponseTooLargeError, _Closed, exceptions.ConnectionClosedError):
    """This side closed the connection because of a message that was too large."""

    code: Any = None
    reason: Any = ""
