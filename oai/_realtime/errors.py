"""The errors of a WebSocket that is closed or was not opened, which are those of the library `websockets` too.

Programs for the official SDK, which raises the library's own errors, catch `websockets.exceptions.ConnectionClosed` and
`InvalidStatus`. Only a handshake imports this module, so that `oai` itself does without the library.
"""

from __future__ import annotations

from typing import Any, Final

from websockets import exceptions

from oai import _errors
from oai._realtime.reconnect import ABNORMAL


class _Closed(exceptions.ConnectionClosed):
    """Base class of both families of errors: the library's constructor takes frames, and its `__str__` shows them."""

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


def _rejected(base: type[_errors.APIError]) -> type[_errors.APIError]:
    """Return the class of errors of a kind that are the library's `InvalidStatus` too."""
    rejected = type(base.__name__, (base, exceptions.InvalidStatus), {"__str__": base.__str__, "__doc__": base.__doc__})
    rejected.__module__ = __name__
    globals()[base.__name__] = rejected  # for pickle
    return rejected


REJECTED: Final = {
    base: _rejected(base)
    for base in (
        *_errors.STATUS_ERRORS.values(),
        *(_errors.InternalServerError, _errors.APIStatusError, _errors.APIResponseValidationError),
    )
}
"""The classes of the errors of a handshake by those of other requests."""


def as_rejection(error: _errors.APIError) -> _errors.APIError:
    """Make an error an instance of the library's `InvalidStatus` as well."""
    error.__class__ = REJECTED.get(type(error), type(error))
    return error
