"""Views of a client that return HTTP responses: `with_raw_response` and `with_streaming_response`.

A view has the methods of the client. A raw response has its body read; a streamed one (`_results.streamed`) reads its
body on demand, within a `with` block.
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
    """An HTTP response; `parse()` returns the result of the call."""

    __slots__ = ("_result",)

    def __init__(self, response: Response, result: Callable[[Response], R]) -> None:
        super().__init__(**response.fields())
        self.reply = response.reply
        self._result: Callable[[Response], R] | _Parsed[R] = result

    def parse(self, *, to: Any = None) -> R:
        """Return the result of the call, or the content decoded as another type.

        Args:
            to: the type to decode the content as, instead of the operation's.

        Raises:
            APIResponseValidationError: the content cannot be decoded.
        """
        if to is not None:
            result: R = read_as(to, self.request.operation or self.request.method, self)
            return result
        if not isinstance(self._result, _Parsed):
            self._result = _Parsed(self._result(self))
        return self._result.value


class _Parsed(Generic[R]):
    """The memoised result of `parse`."""

    def __init__(self, value: R) -> None:
        self.value = value


def raw(core: ClientCore) -> Any:
    """Return a view of a client whose methods return raw responses."""

    def call(*arguments: Any) -> RawResponse[Any]:
        response, reply = core.send(*arguments)
        return RawResponse(response, lambda raw: core.result(response if reply is None else raw, reply, arguments))

    def run_helper(helper: Callable[..., Any], options: dict[str, Any]) -> RawResponse[Any]:
        return _of_result(core.help(helper, options))

    return core.view(call, run_helper, "WithRawResponse")


def raw_async(core: ClientCore) -> Any:
    """Return a view of an async client whose methods return coroutines of raw responses."""

    async def call(*arguments: Any) -> RawResponse[Any]:
        response, reply = await core.send(*arguments)
        return RawResponse(response, lambda raw: core.result(response if reply is None else raw, reply, arguments))

    async def run_helper(helper: Callable[..., Any], options: dict[str, Any]) -> RawResponse[Any]:
        return _of_result(await core.help(helper, options))

    return core.view(call, run_helper, "WithRawResponse")


def streaming(core: ClientCore) -> Any:
    """Return a view of a client whose methods return context managers of streamed responses."""

    def call(*arguments: Any) -> Streaming:
        return Streaming(core, arguments)

    return core.view(call, _no_stream, "WithStreamingResponse")


def streaming_async(core: ClientCore) -> Any:
    """Return a view of an async client whose methods return async context managers of streamed responses."""

    def call(*arguments: Any) -> AsyncStreaming:
        return AsyncStreaming(core, arguments)

    return core.view(call, _no_stream, "WithStreamingResponse")


def _of_result(result: Any) -> RawResponse[Any]:
    response = response_of(result)
    if response is None:
        raise TypeError(f"this helper returns {type(result).__name__}, which is not the result of a single response")
    return RawResponse(response, lambda _: result)


def _no_stream(helper: Callable[..., Any], options: dict[str, Any]) -> Any:  # noqa: ARG001 - the signature of `help`
    raise TypeError(f"{helper.__name__} makes several calls; with_streaming_response is for single operations")


class Streaming:
    """The context manager of a `StreamedResponse`. The request is sent on entry."""

    def __init__(self, core: ClientCore, arguments: tuple[Any, ...]) -> None:
        self._core = core
        self._arguments = arguments

    def __enter__(self) -> StreamedResponse:
        core, arguments = self._core, self._arguments
        response, reply = core.send(*arguments, unread=True)
        self._response = StreamedResponse(
            response,
            reply,
            lambda response, reply: core.result(response, reply, arguments),
            streams=bool(arguments[4]),
            limit=core.config.max_body,
        )
        return self._response

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()


class AsyncStreaming:
    """The async context manager of an `AsyncStreamedResponse`. The request is sent on entry."""

    def __init__(self, core: ClientCore, arguments: tuple[Any, ...]) -> None:
        self._core = core
        self._arguments = arguments

    async def __aenter__(self) -> AsyncStreamedResponse:
        core, arguments = self._core, self._arguments
        response, reply = await core.send(*arguments, unread=True)
        self._response = AsyncStreamedResponse(
            response,
            reply,
            lambda response, reply: core.result(response, reply, arguments),
            streams=bool(arguments[4]),
            limit=core.config.max_body,
        )
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._response.close()
