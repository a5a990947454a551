"""Every exception of the package, named and shaped as the official SDK's.

All derive from `OpenAIError`. Those that a request led to carry `operation`, `request`, and where there was an
answer `response`, `request_id` and the decoded `body` with the API's `code`, `param` and `type`. They hold
no secret and pickle. This module knows how to read an error body; it does not decide what to retry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oai._http.response import Response, SentRequest

SHOWN = 300
"""How many characters of an unexpected body a message shows."""


class OpenAIError(Exception):
    """The base of all exceptions that this package raises on purpose."""


class TableError(OpenAIError, ValueError):
    """A table of endpoints says something that it cannot mean; the message names file, operation and key."""


class InsecureWarning(UserWarning):
    """Something works but is not safe, such as a key that goes unencrypted over a network."""


class APIError(OpenAIError):
    """A request did not lead to an answer.

    Attributes:
        message: what went wrong, for people.
        request: the `SentRequest`, its secrets removed.
        body: the `error` object of the answer, or the whole body where it has none (text if it is not JSON).
        code, param, type: the fields of that object, as text, where the server sent them.
        operation: the call path, such as `chat.completions.create`; for `client.request`, method and path.
    """

    def __init__(self, message: str, request: SentRequest | None = None, *, body: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.body = body
        fields = body if isinstance(body, dict) else {}
        self.code = _text(fields.get("code"))
        self.param = _text(fields.get("param"))
        self.type = _text(fields.get("type"))

    @property
    def operation(self) -> str | None:
        """The call path that led to the error."""
        return self.request.operation if self.request else None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class APIConnectionError(APIError):
    """No connection could be made, or it broke before the answer was complete."""

    def __init__(self, *, message: str = "Connection error.", request: SentRequest | None = None) -> None:
        super().__init__(message, request)


class APITimeoutError(APIConnectionError):
    """A time limit was reached: `timeout` (of one attempt) or `deadline` (of the whole call)."""

    def __init__(self, request: SentRequest | None = None, *, message: str = "Request timed out.") -> None:
        super().__init__(message=message, request=request)


class WebSocketConnectionClosedError(APIConnectionError):
    """A WebSocket was closed or lost, so that nothing more can be received or sent.

    Attributes:
        close_code, reason: what the server said when it closed; 1006 and nothing where the connection was lost.
        unsent_frames: the messages that were still waiting to be sent, text or bytes.
    """

    def __init__(
        self,
        message: str,
        *,
        request: SentRequest | None = None,
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
        """Those of the unsent messages that are text."""
        return [each for each in self.unsent_frames if isinstance(each, str)]


class WebSocketQueueFullError(OpenAIError):
    """More bytes would wait to be sent over a WebSocket than `max_queue_size` allows."""


class PollTimeoutError(APITimeoutError, TimeoutError, RuntimeError):
    """What was waited for was not done at the deadline. It goes on at the server.

    It is a `TimeoutError` and a `RuntimeError` as well, of which the official SDK raises the one here, the other there.

    Attributes:
        last: its last state, `None` where none was seen.
    """

    def __init__(self, message: str, *, last: Any = None) -> None:
        response = getattr(last, "_response", None)
        super().__init__(response.request if response is not None else None, message=message)
        self.last = last


class PollCancelledError(OpenAIError):
    """The caller cancelled a wait. What was waited for goes on at the server.

    Attributes:
        last: its last state, `None` where none was seen.
    """

    def __init__(self, message: str, *, last: Any = None) -> None:
        super().__init__(message)
        self.last = last


class InvalidWebhookSignatureError(OpenAIError, ValueError):
    """A webhook does not come from the API, was changed on the way, or is not from now."""


class UploadError(OpenAIError):
    """An upload in parts failed half-way; its cause is what happened.

    Attributes:
        state: how far it came, an `UploadState`, for `resume=`.
    """

    def __init__(self, message: str, *, state: Any = None) -> None:
        super().__init__(message)
        self.state = state


class _AnsweredError(APIError):
    response: Response

    def __init__(self, message: str, *, response: Response, body: object = None) -> None:
        super().__init__(response.hide(message), response.request, body=body)
        self.response = response
        self.status_code = response.status_code
        self.request_id = response.headers.get("x-request-id")


class APIResponseValidationError(_AnsweredError):
    """The status says success, but the body is nothing that could be decoded: HTML, or JSON cut short."""


class ResponseTooLargeError(_AnsweredError):
    """The answer, or one event of a stream, is larger than the client's `max_body` or `max_event` allows."""


class APIStatusError(_AnsweredError):
    """The server answered with a status of 4xx or 5xx."""


class BadRequestError(APIStatusError):
    """Status 400."""


class AuthenticationError(APIStatusError):
    """Status 401."""


class PermissionDeniedError(APIStatusError):
    """Status 403."""


class NotFoundError(APIStatusError):
    """Status 404."""


class ConflictError(APIStatusError):
    """Status 409."""


class UnprocessableEntityError(APIStatusError):
    """Status 422."""


class RateLimitError(APIStatusError):
    """Status 429."""


class InternalServerError(APIStatusError):
    """Status 500 and above."""


class StreamError(APIError):
    """The server sent an error event within a stream that had begun well."""

    response: Response

    def __init__(self, message: str, *, response: Response, body: object = None) -> None:
        super().__init__(response.hide(message), response.request, body=body)
        self.response = response
        self.request_id: str | None = response.headers.get("x-request-id")


class LengthFinishReasonError(OpenAIError):
    """The answer was cut at the length limit, so that there is nothing whole to parse.

    Attributes:
        completion: the `ChatCompletion` as far as it came, with its text and usage.
    """

    def __init__(self, *, completion: Any) -> None:
        used = f" - {completion.usage}" if getattr(completion, "usage", None) else ""
        super().__init__(f"Could not parse the answer: it was cut at the length limit{used}")
        self.completion = completion

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class ContentFilterFinishReasonError(OpenAIError):
    """The content filter stopped the answer, so that there is nothing whole to parse.

    Attributes:
        completion: the `ChatCompletion` as far as it came.
    """

    def __init__(self, *, completion: Any = None) -> None:
        super().__init__("Could not parse the answer: the content filter stopped it")
        self.completion = completion

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class ParseError(OpenAIError, ValueError):
    """The model's text does not fit the type that was asked for; `__cause__` says where.

    Attributes:
        completion: the whole `ChatCompletion` or `Response`, usage included.
        text: what could not be parsed, as the model wrote it.
        tool: the name of the tool whose arguments it is, `None` for the answer itself.
    """

    def __init__(self, message: str, *, completion: Any, text: str, tool: str | None = None) -> None:
        super().__init__(message)
        self.completion = completion
        self.text = text
        self.tool = tool

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class ToolError(OpenAIError):
    """A run of tools ended early: a tool failed (`__cause__` is its exception), or the model went on for too long.

    Attributes:
        tool: the name of the tool that failed, `None` where the limit of rounds was reached.
        messages: the whole conversation up to there, to go on with; the input items where it is of `responses`.
        answers: the answers of the model in their order, each with its usage.
    """

    def __init__(self, message: str, *, messages: list[Any], answers: list[Any], tool: str | None = None) -> None:
        super().__init__(message)
        self.messages = messages
        self.answers = answers
        self.tool = tool

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


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
    """Make the exception for an answer with an error status, whatever shape its body has."""
    status = response.status_code
    kind = STATUS_ERRORS.get(status, InternalServerError if status >= 500 else APIStatusError)
    message, body = read_error(response.content)
    text = f"Error code: {status} - {message or response.reason}"
    return kind(text, response=response, body=body)


def read_error(content: bytes) -> tuple[str, object]:
    """Return message and body of an error answer: the API's own shape, and those that other servers send.

    Seen are `{"error": {"message": ...}}`, `{"error": "text"}`, `{"detail": ...}` (FastAPI),
    `{"message": ...}`, a list of such objects (Google's gateways), HTML, plain text, and nothing.
    """
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = content.decode(errors="replace")
        return excerpt(text), text
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return excerpt(content), body
    error = body.get("error")
    inner = error if isinstance(error, dict) else body
    for candidate in (inner.get("message"), error, inner.get("detail"), inner.get("msg"), inner.get("code")):
        if candidate and not isinstance(candidate, dict):
            shown = candidate if isinstance(candidate, str) else msgspec.json.encode(candidate).decode()
            return excerpt(shown), inner
    return excerpt(content), inner


def excerpt(content: bytes | str) -> str:
    """Return the start of a body for a message: on one line, keys removed, cut with an ellipsis."""
    from oai._support.redact import redact_text

    if isinstance(content, bytes):
        content = content[: 8 * SHOWN].decode(errors="replace")
    line = redact_text(" ".join(content[: 8 * SHOWN].split()))
    return line if len(line) <= SHOWN else line[:SHOWN] + "..."


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def _rebuild(cls: type[OpenAIError], args: tuple[Any, ...], state: dict[str, Any]) -> OpenAIError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
