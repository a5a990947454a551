"""Streams of responses of httpx: `Stream(cast_to=..., response=..., client=...)`, the official SDK's constructor.

Programs make such streams in their tests, often with mocks instead of a response and a client. What is no response of
httpx is an empty one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from oai._http.foreign_types import is_of_httpx
from oai._http.messages import Headers, TransportError
from oai._http.response import Response, SentRequest
from oai._request.client_core import core_of

if TYPE_CHECKING:
    from oai._table.operation import Operation

DECODED = ("content-encoding", "content-length", "transfer-encoding")
"""Header fields of the body on the wire, which httpx has decoded."""


def opened(cast_to: Any, response: Any, client: Any, *, is_async: bool) -> tuple[Operation, Response, Any, int | None]:
    """Return the operation of events of a type, response and reply of httpx as the package's own, and `max_event`.

    A response of the package's own is one that `client.post(..., stream_cls=...)` has opened.
    """
    from oai._table.undeclared import undeclared_operation

    operation = undeclared_operation("GET", "/", Any, [])
    operation.stream_type = Any if cast_to is None else cast_to
    if isinstance(response, Response):
        return operation, response, response.reply, core_of(client).config.max_event
    is_known = is_of_httpx(type(response))
    fields = response.headers.multi_items() if is_known else ()
    headers = Headers([(name, value) for name, value in fields if name.lower() not in DECODED])
    own = Response(response.status_code if is_known else 200, headers, _request_of(response))
    own.reply = (_AsyncReply if is_async else _Reply)(response if is_known else None)
    return operation, own, own.reply, None


def _request_of(response: Any) -> SentRequest:
    try:
        request = response.request
        fields = list(request.headers.multi_items())
        from oai._http.url import URL
        from oai._support.redact import redact_headers, redact_url

        return SentRequest(str(request.method), URL(redact_url(str(request.url))), Headers(redact_headers(fields)))
    except Exception:  # noqa: BLE001 - a response without a request, or a mock
        return SentRequest.unknown()


class _Reply:
    """The body of a sync response of httpx."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        if self._response is None:
            return
        try:
            yield from self._response.iter_bytes()
        except Exception as error:
            raise _as_transport_error(error) from error

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


class _AsyncReply:
    """The body of an async response of httpx."""

    def __init__(self, response: Any) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._response is None:
            return
        try:
            async for piece in self._response.aiter_bytes():
                yield piece
        except Exception as error:
            raise _as_transport_error(error) from error

    async def close(self) -> None:
        if self._response is not None:
            await self._response.aclose()


def _as_transport_error(error: Exception) -> Exception:
    """Return an error of httpx as one of the seam; any other is the program's own."""
    kinds = [cls for cls in type(error).__mro__ if cls.__module__.partition(".")[0] in ("httpx", "httpx2")]
    if not kinds or any(cls.__name__ == "StreamError" for cls in kinds):
        return error
    is_timeout = any(cls.__name__ == "TimeoutException" for cls in kinds)
    return TransportError("timeout" if is_timeout else "receive", str(error))
