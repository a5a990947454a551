"""`http_client=`, as in the official SDK: send over a client of httpx or httpx2.

It becomes a transport, which is closed with the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._request.options import OptionTypeError
from oai._support.omit import omit

if TYPE_CHECKING:
    from oai._http.messages import Transport


HTTPX_DEFAULT = 5.0
"""Seconds of each limit of an httpx client that was created without a timeout."""


def own_timeout(http_client: Any) -> Any:
    """Return the timeout of an `http_client`, `omit` if it is httpx's default, which nobody has chosen.

    The official SDK compares in the same way.
    """
    timeout = getattr(http_client, "timeout", omit)
    limits = [getattr(timeout, name, None) for name in ("connect", "read", "write", "pool")]
    return omit if limits == [HTTPX_DEFAULT] * 4 else timeout


def transport_of(http_client: Any, *, is_async: bool) -> Transport:
    """Return a transport that sends over a client of httpx or httpx2 and closes it; a transport is returned as it is.

    Raises:
        OptionTypeError: it is neither, or it is sync for an async client or the reverse.
    """
    if not any(cls.__module__.partition(".")[0] in ("httpx", "httpx2") for cls in type(http_client).__mro__):
        if callable(getattr(http_client, "send", None)) and callable(getattr(http_client, "close", None)):
            transport: Transport = http_client
            return transport
        raise OptionTypeError(f"http_client must be a client of httpx or httpx2, not {type(http_client).__name__}")
    from oai.transports.httpx import AsyncHttpxTransport, HttpxTransport

    class Closing(HttpxTransport):
        adds = True
        follows_redirects = http_client.follow_redirects

        def close(self) -> None:
            super().close()
            http_client.close()

    class AsyncClosing(AsyncHttpxTransport):
        adds = True
        follows_redirects = http_client.follow_redirects

        async def close(self) -> None:
            await super().close()
            await http_client.aclose()

    try:
        wrapped: Any = AsyncClosing(http_client) if is_async else Closing(http_client)
    except TypeError as error:
        kind = "httpx.AsyncClient" if is_async else "httpx.Client"
        raise OptionTypeError(f"http_client must be an {kind} here, not {type(http_client).__name__}") from error
    return wrapped  # type: ignore[no-any-return]
