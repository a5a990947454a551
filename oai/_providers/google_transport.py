"""The transport over which google-auth fetches tokens: urllib3, within the timeouts of the request to be signed.

It is imported where google-auth is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import urllib3
from google.auth.exceptions import TransportError
from google.auth.transport.urllib3 import Request as Urllib3Request

from oai._errors import APITimeoutError
from oai._http.response import SentRequest

if TYPE_CHECKING:
    from typing import Self

    from oai._http.messages import Request


class GoogleTransport:
    """Sends the requests of google-auth; closed after each use, so that nothing stays open with a client.

    Args:
        request: the request to be signed.
    """

    def __init__(self, request: Request) -> None:
        self._pool = urllib3.PoolManager(retries=False)
        make: Any = Urllib3Request  # which has no types
        self._send = make(self._pool)
        self._request = request

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Send a request of google-auth.

        Raises:
            APITimeoutError: it took too long.
        """
        limits = self._request.timeout
        options["timeout"] = urllib3.Timeout(connect=limits.connect, read=limits.read)
        try:
            return self._send(*args, **options)
        except TransportError as error:
            if isinstance(error.__cause__, urllib3.exceptions.TimeoutError):
                message = "Request timed out while Google's credentials were fetched; it was not sent."
                raise APITimeoutError(SentRequest.of(self._request), message=message) from None
            raise
