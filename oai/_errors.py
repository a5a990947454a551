"""All exceptions of the package, with the names and attributes of the official SDK's.

All derive from `OpenAIError`. An error of a request has `operation` and `request`, and if the server responded,
`response`, `request_id`, and the decoded `body` with the API's `code`, `param` and `type`. Errors hold no secret, and
they pickle. This module does not decide what to retry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from oai._http.response import Response, SentRequest
from oai._support.lazy import LazyModule

if TYPE_CHECKING:
    from oai._http import foreign_protocols as foreign
else:
    foreign = LazyModule("oai._http.foreign_protocols")


class OpenAIError(Exception):
    """The base class of all exceptions that this package raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class TableError(OpenAIError, ValueError):
    """A table of endpoints is invalid; the message names file, operation and key."""


class UnsupportedOperationError(OpenAIError, NotImplementedError):
    """The client's provider does not have the operation; nothing was sent."""


class InsecureWarning(UserWarning):
    """Something works but is not safe, such as a key that is sent unencrypted over a network."""


class APIError(OpenAIError):
    """A request failed.

    Attributes:
        message: the problem, for people.
        request: the `SentRequest`, its secrets redacted.
        body: the `error` object of the response, or the whole body if it has none (text if it is not JSON).
        code, param, type: the fields of that object, if the server sent them; `code` is always text.
        operation: the call path, such as `chat.completions.create`; for `client.request`, method and path.
    """

    request: SentRequest

    def __init__(
        self, message: str, request: SentRequest | foreign.RequestLike | None = None, *, body: object = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.request = SentRequest.unknown() if request is None else cast("SentRequest", request)
        self.body = body
        fields: dict[str, Any] = body if isinstance(body, dict) else {}
        code = fields.get("code")
        self.code: str | None = None if code is None else str(code)  # compatible servers send numbers
        self.param: str | None = fields.get("param")
        self.type: str | None = fields.get("type")

    @property
    def operation(self) -> str | None:
        """The call path of the failed call, `None` if it is unknown."""
        return getattr(self.request, "operation", None)


class APIConnectionError(APIError):
    """No connection could be opened, or it broke before the response was complete."""

    def __init__(
        self, *, message: str = "Connection error.", request: SentRequest | foreign.RequestLike | None = None
    ) -> None:
        super().__init__(message, request)


class APITimeoutError(APIConnectionError):
    """A time limit was reached: `timeout` (per attempt) or `deadline` (of the whole call)."""

    def __init__(
        self, request: SentRequest | foreign.RequestLike | None = None, *, message: str = "Request timed out."
    ) -> None:
        super().__init__(message=message, request=request)


class WebSocketConnectionClosedError(APIConnectionError):
    """A WebSocket was closed or lost: nothing more can be received or sent.

    Attributes:
        close_code, reason: those of the server's close frame; 1006 and an empty reason if the connection was lost.
        unsent_frames: the queued messages that were not sent, text or bytes.
    """

    def __init__(
        self,
        message: str,
        *,
        request: SentRequest | foreign.RequestLike | None = None,
        code: int | None = None,
        reason: str = "",
        unsent_messages: Sequence[str | bytes] = (),
    ) -> None:
        super().__init__(message=message, request=request)
        self.close_code = code
        self.reason = reason
        self.unsent_frames = list(unsent_messages)

    @property
    def unsent_messages(self) -> list[str]:
        """The unsent text messages."""
        return [frame for frame in self.unsent_frames if isinstance(frame, str)]


class WebSocketQueueFullError(OpenAIError):
    """The send queue of a WebSocket would exceed `max_queue_size` bytes."""


class PollTimeoutError(APITimeoutError, TimeoutError, RuntimeError):
    """A job was not finished at the deadline of a wait. It continues on the server.

    It is also a `TimeoutError` and a `RuntimeError`, because the official SDK raises either, depending on the helper.

    Attributes:
        last: the last state of the job, `None` if there was none.
    """

    def __init__(self, message: str, *, last: Any = None) -> None:
        response = getattr(last, "_response", None)
        super().__init__(response.request if response is not None else None, message=message)
        self.last = last


class PollCancelledError(OpenAIError):
    """The caller cancelled a wait. The job continues on the server.

    Attributes:
        last: the last state of the job, `None` if there was none.
    """

    def __init__(self, message: str, *, last: Any = None) -> None:
        super().__init__(message)
        self.last = last


class InvalidWebhookSignatureError(OpenAIError, ValueError):
    """A webhook is not from the API, was modified in transit, or is too old."""


class UploadError(OpenAIError):
    """An upload in parts failed before its end; `__cause__` is the reason.

    Attributes:
        state: the `UploadState` to pass as `resume=`.
    """

    def __init__(self, message: str, *, state: Any = None) -> None:
        super().__init__(message)
        self.state = state


class _AnsweredError(APIError):
    """An error that a response led to. Programs may make one from a response of httpx or from a mock."""

    response: Response

    def __init__(self, message: str, *, response: Response | foreign.ResponseLike, body: object = None) -> None:
        if isinstance(response, Response):
            message, body = response.hide(message), response.hide(body)
        super().__init__(message, _request_of(response), body=body)
        self.response = cast("Response", response)
        self.request_id: str | None = response.headers.get("x-request-id")


class _StatusError(_AnsweredError):
    def __init__(self, message: str, *, response: Response | foreign.ResponseLike, body: object = None) -> None:
        super().__init__(message, response=response, body=body)
        self.status_code = response.status_code


class APIResponseValidationError(_StatusError):
    """The status is a success, but the body cannot be decoded, such as HTML or truncated JSON."""

    def __init__(
        self, *arguments: Any, message: str | None = None, response: Response | None = None, body: object = None
    ) -> None:
        """Make the error of a message or, as in the official SDK, of a response and a body."""
        for argument in arguments:
            if message is None and isinstance(argument, str):
                message = argument
            elif response is None:
                response = argument
            else:
                body = argument
        message = message or "The response does not match the expected type."
        super().__init__(message, response=cast("Response", response), body=body)


class ResponseTooLargeError(_StatusError):
    """The response, or one event of a stream, exceeds the client's `max_body` or `max_event`."""


class APIStatusError(_StatusError):
    """The server responded with a status of 4xx or 5xx."""


class BadRequestError(APIStatusError):
    """Status 400: the request is invalid, such as an argument with a wrong value."""


class AuthenticationError(APIStatusError):
    """Status 401: the key is missing, wrong or revoked."""


class PermissionDeniedError(APIStatusError):
    """Status 403: the key is valid, but does not allow this."""


class NotFoundError(APIStatusError):
    """Status 404: there is no such object, model or path."""


class ConflictError(APIStatusError):
    """Status 409: the request conflicts with another one."""


class UnprocessableEntityError(APIStatusError):
    """Status 422: the request is well-formed, but the server cannot process its content."""


class RateLimitError(APIStatusError):
    """Status 429: too many requests or tokens, or an exhausted quota (`code` is `insufficient_quota`)."""


class InternalServerError(APIStatusError):
    """Status 500 and above: the server failed or is overloaded."""


class StreamError(_AnsweredError):
    """The server sent an error event in a stream."""


class LengthFinishReasonError(OpenAIError):
    """The output ended at the length limit and is too incomplete to parse.

    Attributes:
        completion: the incomplete `ChatCompletion`, with its text and usage.
    """

    def __init__(self, *, completion: Any) -> None:
        used = f" - {completion.usage}" if getattr(completion, "usage", None) else ""
        super().__init__(f"Could not parse the output: the length limit was reached{used}")
        self.completion = completion


class ContentFilterFinishReasonError(OpenAIError):
    """The content filter stopped the output, which is too incomplete to parse.

    Attributes:
        completion: the incomplete `ChatCompletion`.
    """

    def __init__(self, *, completion: Any = None) -> None:
        super().__init__("Could not parse the output: the content filter stopped it")
        self.completion = completion


class ParseError(OpenAIError, ValueError):
    """The model's text does not fit the requested type; `__cause__` names the place.

    The error of a pydantic type is a `pydantic.ValidationError` as well (pydantic 2.10 or later).

    Attributes:
        completion: the whole `ChatCompletion` or `Response`, usage included.
        text: the text that could not be parsed, as the model wrote it.
        tool: the name of the tool if the text is its arguments, `None` for the output itself.
    """

    def __init__(self, message: str, *, completion: Any, text: str, tool: str | None = None) -> None:
        super().__init__(message)
        self.completion = completion
        self.text = text
        self.tool = tool


class ToolError(OpenAIError):
    """`run_tools` ended early: a tool failed (`__cause__` is its exception), or the limit of rounds was reached.

    Attributes:
        tool: the name of the tool that failed, `None` if the limit of rounds was reached.
        messages: the whole conversation, to continue with; with `responses`, its input items.
        answers: the model's results in order, each with its usage.
    """

    def __init__(self, message: str, *, messages: list[Any], answers: list[Any], tool: str | None = None) -> None:
        super().__init__(message)
        self.messages = messages
        self.answers = answers
        self.tool = tool


STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error(response: Response) -> APIStatusError:
    """Make the exception for a response with an error status, whatever the shape of its body."""
    from oai._json.error_body import read_error  # errors are rare

    status = response.status_code
    kind = STATUS_ERRORS.get(status, InternalServerError if status >= 500 else APIStatusError)
    message, body = read_error(response.utf8, response.excerpt)
    text = f"Error code: {status} - {message or response.reason}"
    return kind(text, response=response, body=body)


Response.make_error = staticmethod(status_error)
Response.broken_error, Response.timeout_error = APIConnectionError, APITimeoutError
Response.size_error = ResponseTooLargeError


def _request_of(response: Any) -> Any:
    try:
        return response.request
    except (AttributeError, RuntimeError):  # httpx's raises if a response was made without one
        return None


def _rebuild(cls: type[OpenAIError], args: tuple[Any, ...], state: dict[str, Any]) -> OpenAIError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
