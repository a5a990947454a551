"""Answers before they are decoded: `client.files.with_raw_response`, `client.files.with_streaming_response`.

Either is a view of the client: the same methods, which return the answer as HTTP had it. A raw response has its body
read; of a streamed one (`_results.streamed`) the body is read as it is asked for, within a `with` block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from oai._http.response import Response
from oai._results.answer import read_as, response_of
from oai._results.streamed import AsyncStreamedResponse, StreamedResponse

if TYPE_CHECKING:
    from types import TracebackType

    from oai._request.client_core import ClientCore

R = TypeVar("R")


class RawResponse(Response, Generic[R]):
    """An answer as HTTP had it; `parse()` gives what the call would have returned."""

    __slots__ = ("_result",)

    def __init__(self, response: Response, result: Callable[[], R]) -> None:
        super().__init__(**response.fields())
        self._result: Callable[[], R] | _Known[R] = result

    def parse(self, *, to: Any = None) -> R:
        """Return what the call would have returned, or the content as another type.

        Args:
            to: a type to decode the content into, instead of the operation's.

        Raises:
            APIResponseValidationError: the content is nothing that could be decoded.
        """
        if to is not None:
            result: R = read_as(to, self.request.operation or self.request.method, self)
            return result
        if not isinstance(self._result, _Known):
            self._result = _Known(self._result())
        return self._result.value

    @property
    def url(self) -> str:
        """The URL of the request, its secrets taken out."""
        return self.request.url

    @property
    def http_response(self) -> Response:
        """The answer itself, by the name that the official SDK has for it."""
        return self


class _Known(Generic[R]):
    def __init__(self, value: R) -> None:
        self.value = value


def raw(core: ClientCore) -> Any:
    """Return a view of a client whose methods return raw responses."""

    def call(*arguments: Any) -> RawResponse[Any]:
        operation, response, reply = core.send(*arguments)
        return RawResponse(response, lambda: core.result(operation, response, reply, arguments))

    def help_with(helper: Callable[..., Any], given: dict[str, Any]) -> RawResponse[Any]:
        return _of_result(core.help(helper, given))

    return core.view(call, help_with)


def raw_async(core: ClientCore) -> Any:
    """Return a view of an async client whose methods return coroutines of raw responses."""

    async def call(*arguments: Any) -> RawResponse[Any]:
        operation, response, reply = await core.send(*arguments)
        return RawResponse(response, lambda: core.result(operation, response, reply, arguments))

    async def help_with(helper: Callable[..., Any], given: dict[str, Any]) -> RawResponse[Any]:
        return _of_result(await core.help(helper, given))

    return core.view(call, help_with)


def streaming(core: ClientCore) -> Any:
    """Return a view of a client whose methods return context managers of streamed responses."""

    def call(*arguments: Any) -> Streaming:
        return Streaming(core, arguments)

    return core.view(call, _no_stream)


def streaming_async(core: ClientCore) -> Any:
    """Return a view of an async client whose methods return async context managers of streamed responses."""

    def call(*arguments: Any) -> AsyncStreaming:
        return AsyncStreaming(core, arguments)

    return core.view(call, _no_stream)


def _of_result(result: Any) -> RawResponse[Any]:
    response = response_of(result)
    if response is None:
        raise TypeError(f"what this helper returns, {type(result).__name__}, is of no single answer")
    return RawResponse(response, lambda: result)


def _no_stream(helper: Callable[..., Any], given: dict[str, Any]) -> Any:  # noqa: ARG001 - as `help`
    raise TypeError(f"{helper.__name__} makes calls of its own; with_streaming_response is for operations")


class Streaming:
    """The context manager of a `StreamedResponse`; nothing is sent before the block is entered."""

    def __init__(self, core: ClientCore, arguments: tuple[Any, ...]) -> None:
        self._core = core
        self._arguments = arguments

    def __enter__(self) -> StreamedResponse:
        core, arguments = self._core, self._arguments
        operation, response, reply = core.send(*arguments, unread=True)
        self._response = StreamedResponse(
            response,
            reply,
            lambda response, reply: core.result(operation, response, reply, arguments),
            streams=bool(arguments[4]),
            limit=core.config.max_body,
        )
        return self._response

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()


class AsyncStreaming:
    """The async context manager of an `AsyncStreamedResponse`; nothing is sent before the block is entered."""

    def __init__(self, core: ClientCore, arguments: tuple[Any, ...]) -> None:
        self._core = core
        self._arguments = arguments

    async def __aenter__(self) -> AsyncStreamedResponse:
        core, arguments = self._core, self._arguments
        operation, response, reply = await core.send(*arguments, unread=True)
        self._response = AsyncStreamedResponse(
            response,
            reply,
            lambda response, reply: core.result(operation, response, reply, arguments),
            streams=bool(arguments[4]),
            limit=core.config.max_body,
        )
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._response.close()
