"""The HTTP response, kept on decoded results and on errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from oai._http.body import Body
from oai._http.messages import Headers, Request
from oai._support.lazy import LazyModule

if TYPE_CHECKING:
    from oai._http import rate_limit as rate_limits
    from oai._http import url as urls
else:
    rate_limits = LazyModule("oai._http.rate_limit")
    urls = LazyModule("oai._http.url")


class SentRequest(msgspec.Struct, frozen=True):
    """A request after it was sent, without its body and with the secrets in URL and headers redacted."""

    method: str
    url: urls.URL
    headers: Headers
    operation: str | None = None

    @classmethod
    def of(cls, request: Request) -> SentRequest:
        """Return the parts of a request that are safe to keep."""
        from oai._http.url import URL
        from oai._support.redact import redact_headers, redact_url  # regular expressions that few calls need

        name = request.operation.name if request.operation else None
        return cls(request.method, URL(redact_url(request.url)), Headers(redact_headers(request.headers)), name)

    @classmethod
    def unknown(cls) -> SentRequest:
        """Return a placeholder for the request of an error that was made without one."""
        from oai._http.url import URL

        return cls("", URL(""), Headers())


class Response(Body):
    """Status, headers and content of a response.

    Attributes:
        status_code: the HTTP status.
        headers: the fields as received, see `Headers`.
        content: the body with its content encoding undone; empty while a stream is being read.
        retries_taken: the number of failed attempts before this one.
        elapsed_seconds: seconds from the call to the headers of this response.
        http_version: the version of HTTP of the response.
        history: the redirects that were followed to this response, oldest first, without their bodies.
        reply: the open reply of a response whose body is being streamed, else `None`.
        is_spent: whether the body was consumed piece by piece, or given up, and so not kept.
    """

    __slots__ = (
        "_credentials",
        "_request",
        "elapsed_seconds",
        "headers",
        "history",
        "http_version",
        "retries_taken",
        "status_code",
    )

    make_error: ClassVar[Callable[[Response], Exception]]
    """The function that makes the exception of an error status, which `oai._errors` sets: this layer is below it."""

    def __init__(
        self,
        status_code: int,
        headers: Headers,
        request: Request | SentRequest,
        content: bytes = b"",
        *,
        retries_taken: int = 0,
        elapsed_seconds: float = 0.0,
        http_version: str = "HTTP/1.1",
        credentials: list[str] | None = None,
        history: list[Response] | None = None,
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self._request = request
        self._credentials = credentials
        self.content = content
        self.retries_taken = retries_taken
        self.elapsed_seconds = elapsed_seconds
        self.http_version = http_version
        self.history: list[Response] = [] if history is None else history
        self.reply: Any = None
        self.is_spent = False

    @property
    def method(self) -> str:
        """The method of the request."""
        return self._request.method

    @property
    def rate_limit(self) -> rate_limits.RateLimit:
        """The server's rate limits, see `RateLimit`."""
        from oai._http.rate_limit import RateLimit  # regular expressions that few calls need

        return RateLimit.of(self.headers)

    @property
    def request(self) -> SentRequest:
        """The request as sent, without its body and its secrets."""
        if not isinstance(self._request, SentRequest):
            self._find_credentials()
            self._request = sent = SentRequest.of(self._request)
            if self.history:  # the server has chosen the URL, and may have repeated a key in it
                self._request = msgspec.structs.replace(sent, url=type(sent.url)(self.hide(sent.url)))
        return self._request

    def _find_credentials(self) -> list[str]:
        """Remember the credentials of the request, which a `SentRequest` no longer has, and of those before it."""
        if self._credentials is None:
            from oai._support.redact import credentials_of  # regular expressions that few calls need

            request = self._request
            own = [] if isinstance(request, SentRequest) else credentials_of(request.url, request.headers)
            before = map(Response._find_credentials, self.history)
            self._credentials = [*own, *(value for values in before for value in values)]
        return self._credentials

    @property
    def url(self) -> urls.URL:
        """The URL of the request, with secrets redacted."""
        return self.request.url

    @property
    def http_request(self) -> SentRequest:
        """The request; the official SDK's name for it."""
        return self.request

    @property
    def http_response(self) -> Self:
        """The response itself; the official SDK's name for it."""
        return self

    @property
    def elapsed(self) -> timedelta:
        """The time from the call to the headers of this response."""
        from datetime import timedelta

        return timedelta(seconds=self.elapsed_seconds)

    def hide(self, value: Any) -> Any:
        """Return text, bytes or plain data without the credentials of the request, which servers tend to repeat."""
        from oai._support.redact import hide  # as above

        return hide(value, self._find_credentials())

    def excerpt(self, content: bytes | str) -> str:
        """Return the start of a body of this response for a message, without the credentials of the request."""
        from oai._support.excerpt import excerpt  # as above

        return excerpt(content, self.hide)

    def fields(self) -> dict[str, Any]:
        """Return the constructor's arguments, to copy a response."""
        return {
            "status_code": self.status_code,
            "headers": self.headers,
            "request": self._request,
            "content": self.content,
            "retries_taken": self.retries_taken,
            "elapsed_seconds": self.elapsed_seconds,
            "http_version": self.http_version,
            "credentials": self._credentials,
            "history": self.history,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        headers = type(self.headers)(self.hide(self.headers.multi_items()))
        hidden = {"request": self.request, "headers": headers, "content": self.hide(self.content), "credentials": None}
        return _restore, ({**self.fields(), **hidden},)

    @property
    def reason(self) -> str:
        """The standard phrase of the status; the server's own is ignored."""
        from http import HTTPStatus  # only messages need it

        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return "unknown status"

    @property
    def reason_phrase(self) -> str:
        """The standard phrase of the status; httpx's name for it."""
        return self.reason

    @property
    def is_informational(self) -> bool:
        """Whether the status is 1xx."""
        return 100 <= self.status_code < 200

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_redirect(self) -> bool:
        """Whether the status is 3xx."""
        return 300 <= self.status_code < 400

    @property
    def is_client_error(self) -> bool:
        """Whether the status is 4xx."""
        return 400 <= self.status_code < 500

    @property
    def is_server_error(self) -> bool:
        """Whether the status is 5xx."""
        return 500 <= self.status_code < 600

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return self.status_code >= 400

    def raise_for_status(self) -> Self:
        """Return the response itself.

        Raises:
            APIStatusError: the status is 4xx or 5xx.
        """
        if self.is_error:
            raise type(self).make_error(self)
        return self

    @property
    def is_closed(self) -> bool:
        """Whether the connection is released: the body was read to its end, or given up."""
        return self.reply is None

    def close(self) -> None:
        """Give up a body that is being streamed, and release its connection. Calling it again does nothing.

        Raises:
            RuntimeError: the client is async; use `aclose`.
        """
        closing = None if self.reply is None else self.reply.close()
        if closing is not None:
            closing.close()
            raise RuntimeError("this is the response of an async client: await aclose() instead of calling close()")
        self.give_up()

    async def aclose(self) -> None:
        """Give up a body that is being streamed, and release its connection, for sync and async clients."""
        reply = self.give_up()
        closing = None if reply is None else reply.close()
        if closing is not None:
            await closing

    def give_up(self) -> Any:
        """Take note that the rest of the body will not be read, and return the reply, which is to be closed."""
        reply, self.reply = self.reply, None
        self.is_spent = self.is_spent or reply is not None
        return reply

    @property
    def cached(self) -> bool:
        """Whether a `Cache` had kept the response, and nothing was sent: its `Cache-Status` (RFC 9211) tells."""
        entries = self.headers.get("cache-status", "").split(",")
        return any([part.strip() for part in entry.split(";")][:2] == ["oai", "hit"] for entry in entries)

    @property
    def target(self) -> str | None:
        """The name of the target that a `Fallback` or `Balancer` has got the response from."""
        return self.headers.get("oai-target")

    @property
    def charset_encoding(self) -> str | None:
        """The charset that the Content-Type declares."""
        from oai._http.text import declared_charset  # few programs need it

        return declared_charset(self.headers.get("content-type", ""))

    @property
    def encoding(self) -> str:
        """The name of the codec that `text` decodes with: that of the declared charset, else UTF-8."""
        from oai._http.text import text_encoding  # as above

        return text_encoding(self.headers.get("content-type", ""))

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the response sets, by name."""
        from http.cookies import SimpleCookie  # few programs need it

        cookies: SimpleCookie = SimpleCookie()
        for field in self.headers.get_list("set-cookie"):
            cookies.load(field)
        return {name: morsel.value for name, morsel in cookies.items()}

    @property
    def request_id(self) -> str | None:
        """The server's `x-request-id`."""
        return self.headers.get("x-request-id")

    @property
    def text(self) -> str:
        """The content as text in its charset; invalid bytes are replaced."""
        return self.content.decode(self.encoding, errors="replace")

    @property
    def utf8(self) -> bytes:
        """The content in UTF-8: as it is if it is valid, else converted from the charset that it is in."""
        from oai._http.text import to_utf8  # as above

        return to_utf8(self.content, self.headers.get("content-type", ""))

    def json(self) -> Any:
        """Decode the content as JSON, to plain data.

        Raises:
            json.JSONDecodeError: the content is not JSON.
        """
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            from oai._http.text import parse_text  # as above

            return parse_text(self.utf8.decode("utf-8-sig", "replace"))

    def __repr__(self) -> str:
        return f"<Response {self.status_code} {self.reason}>"


def _restore(fields: dict[str, Any]) -> Response:
    return Response(**fields)
