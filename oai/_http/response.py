"""The HTTP response, kept on decoded results and on errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from oai._http.messages import Headers, Request
    from oai._http.rate_limit import RateLimit


class SentRequest(msgspec.Struct, frozen=True):
    """A request after it was sent, without its body and with the secrets in URL and headers redacted."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    operation: str | None = None

    @classmethod
    def of(cls, request: Request) -> SentRequest:
        """Return the parts of a request that are safe to keep."""
        from oai._support.redact import redact_headers, redact_url  # regular expressions that few calls need

        name = request.operation.name if request.operation else None
        return cls(request.method, redact_url(request.url), redact_headers(request.headers), name)


class Response:
    """Status, headers and content of a response.

    Attributes:
        status_code: the HTTP status.
        headers: the fields as received, see `Headers`.
        content: the body with its content encoding undone; empty while a stream is being read.
        retries_taken: the number of failed attempts before this one.
        elapsed: seconds from the call to the headers of this response.
    """

    __slots__ = ("_request", "content", "elapsed", "headers", "retries_taken", "status_code")

    def __init__(
        self,
        status_code: int,
        headers: Headers,
        request: Request | SentRequest,
        content: bytes = b"",
        *,
        retries_taken: int = 0,
        elapsed: float = 0.0,
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self._request = request
        self.content = content
        self.retries_taken = retries_taken
        self.elapsed = elapsed

    @property
    def method(self) -> str:
        """The method of the request."""
        return self._request.method

    @property
    def rate_limit(self) -> RateLimit:
        """The server's rate limits, see `RateLimit`."""
        from oai._http.rate_limit import RateLimit  # regular expressions that few calls need

        return RateLimit.of(self.headers)

    @property
    def request(self) -> SentRequest:
        """The request as sent, without its body and its secrets."""
        if not isinstance(self._request, SentRequest):
            self._request = SentRequest.of(self._request)
        return self._request

    def hide(self, text: str) -> str:
        """Return a text about this response without the credentials of the request, which servers tend to repeat."""
        if isinstance(self._request, SentRequest):
            return text
        from oai._support.redact import hide  # as above

        return hide(text, self._request.url, self._request.headers)

    def fields(self) -> dict[str, Any]:
        """Return the constructor's arguments, to copy a response."""
        return {
            "status_code": self.status_code,
            "headers": self.headers,
            "request": self._request,
            "content": self.content,
            "retries_taken": self.retries_taken,
            "elapsed": self.elapsed,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, ({**self.fields(), "request": self.request},)

    @property
    def reason(self) -> str:
        """The standard phrase of the status; the server's own is ignored."""
        from http import HTTPStatus  # only messages need it

        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return "unknown status"

    @property
    def request_id(self) -> str | None:
        """The server's `x-request-id`."""
        return self.headers.get("x-request-id")

    @property
    def text(self) -> str:
        """The content as UTF-8 text; invalid bytes are replaced."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Decode the content as JSON, to plain data."""
        return msgspec.json.decode(self.content)

    def __repr__(self) -> str:
        return f"<Response {self.status_code} {self.reason}>"


def _restore(fields: dict[str, Any]) -> Response:
    return Response(**fields)
