"""Base classes of transports that wrap another: they serve both kinds of clients, and close the wrapped transport."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from oai._http.messages import is_async
from oai._metering.replies import awaited
from oai._metering.socket_meters import SocketMeter, socket_meter

if TYPE_CHECKING:
    from oai._http.messages import Request


class OverTransport:
    """Base class of transports over another one, `_transport`, that may count the tokens of WebSocket sessions."""

    _transport: Any

    def socket_meter(self, operation: str, model: str) -> SocketMeter | None:
        """Return the function that counts the tokens of a WebSocket session, see `_metering.socket_meters`."""
        return socket_meter(self._transport, operation, model)


class Wrapper(OverTransport):
    """Base class of transports that wrap one transport, sync or async."""

    def __init__(self, transport: Any) -> None:
        self.is_async = is_async(transport)
        self._transport = transport

    @property
    def needs_key(self) -> bool:
        """Whether a client over this transport must have a key."""
        return bool(getattr(self._transport, "needs_key", True))

    def for_async(self) -> Self:
        """Return this transport for async clients, with the same state: it never blocks their loop."""
        side = object.__new__(type(self))
        inner = getattr(self._transport, "for_async", lambda: self._transport)
        side.__dict__.update(self.__dict__, is_async=True, _transport=inner())
        return side

    def close(self) -> Any:
        """Close the transport; the result must be awaited if that is async."""
        closing = self._transport.close()
        return awaited(closing) if self.is_async else closing


def after_wait(request: Request, began: float) -> Request:
    """Return the request with the time that a wait since `began`, a monotonic time, has left of its `Timeout.total`."""
    if request.timeout.total is None:
        return request
    shortened = request.copy()
    shortened.timeout = request.timeout.within(began + request.timeout.total - monotonic())
    return shortened
