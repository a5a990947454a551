"""Streams of assistants' runs (`beta.threads.runs.stream` and the like) and their event handlers.

A handler is the stream itself: iterate over it, or call `until_done`, and it calls its callbacks. Override those that
you need in a subclass; the others cost nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from oai._errors import APITimeoutError, OpenAIError
from oai._request.client_core import core_of
from oai.helpers.assistants.state import Runs, Tree
from oai.helpers.streaming.base import AsyncHelperStream, AsyncManager, HelperStream, Manager
from oai.types.beta.threads import ImageFile, Message, MessageDelta, Run, Text, TextDelta
from oai.types.beta.threads.runs import RunStep, RunStepDelta, ToolCall, ToolCallDelta


class _Handler:
    """Members shared by the sync and the async handler."""

    _state: Any = None
    _current: Any = None
    _base: type

    def _callback(self, name: str) -> Callable[..., Any] | None:
        """Return a callback if it is overridden."""
        overridden = getattr(type(self), name) is not getattr(self._base, name) or name in self.__dict__
        return getattr(self, name) if overridden else None

    @property
    def current_event(self) -> Any:
        """The event whose callbacks are running."""
        return self._current

    @property
    def current_run(self) -> Run | None:
        """The run, as of the last event about it."""
        run: Run | None = self._state.run
        return run

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The current step so far."""
        step: Tree | None = self._state.step
        return step.typed() if step is not None else None

    @property
    def current_message_snapshot(self) -> Message | None:
        """The latest message so far."""
        message: Tree | None = self._state.message
        return message.typed() if message is not None else None

    def _final_run(self) -> Run:
        if self._state.run is None:
            raise OpenAIError("The stream ended without an event about a run.")
        run: Run = self._state.run
        return run

    def _final_run_steps(self) -> list[RunStep]:
        return [step.typed() for step in self._state.steps.values()]

    def _final_messages(self) -> list[Message]:
        return [message.typed() for message in self._state.messages.values()]


class AssistantEventHandler(_Handler, HelperStream[Any]):
    """The stream of a run, with callbacks. Subclass it, and pass an instance as `event_handler`."""

    def __init__(self) -> None:
        """Create a handler for one stream, which starts when the request is sent."""

    def _begin(self, raw: Any) -> AssistantEventHandler:
        HelperStream.__init__(self, raw, Runs())
        return self

    def _run(self) -> Generator[Any, None, None]:
        try:
            for event in self._raw:
                self._current = event
                for name, arguments in self._state.handle(event):
                    if callback := self._callback(name):
                        callback(*arguments())
                self._current = None
                yield event
            self._complete = not self._closed  # by a callback
        except Exception as error:
            self._error = error
            if isinstance(error, APITimeoutError):
                self.on_timeout()
            self.on_exception(error)
            raise
        finally:
            self.on_end()

    def get_final_run(self) -> Run:
        """Read the stream to its end and return the run."""
        self.until_done()
        self._check_complete()
        return self._final_run()

    def get_final_run_steps(self) -> list[RunStep]:
        """Read the stream to its end and return the steps of the run."""
        self.until_done()
        self._check_complete()
        return self._final_run_steps()

    def get_final_messages(self) -> list[Message]:
        """Read the stream to its end and return its messages."""
        self.until_done()
        self._check_complete()
        return self._final_messages()

    def on_event(self, event: Any) -> None:
        """Called for every event, before its other callbacks."""

    def on_run_step_created(self, run_step: RunStep) -> None:
        """Called when a run step is created."""

    def on_run_step_delta(self, delta: RunStepDelta, snapshot: RunStep) -> None:
        """Called when a run step has changed."""

    def on_run_step_done(self, run_step: RunStep) -> None:
        """Called when a run step has ended."""

    def on_tool_call_created(self, tool_call: ToolCall) -> None:
        """Called when a tool call is created."""

    def on_tool_call_delta(self, delta: ToolCallDelta, snapshot: ToolCall) -> None:
        """Called when a tool call has changed."""

    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        """Called when a tool call is complete."""

    def on_message_created(self, message: Message) -> None:
        """Called when a message is created."""

    def on_message_delta(self, delta: MessageDelta, snapshot: Message) -> None:
        """Called when a message has changed."""

    def on_message_done(self, message: Message) -> None:
        """Called when a message is complete."""

    def on_text_created(self, text: Text) -> None:
        """Called when a text is created."""

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        """Called when a text has changed."""

    def on_text_done(self, text: Text) -> None:
        """Called when a text is complete."""

    def on_image_file_done(self, image_file: ImageFile) -> None:
        """Called when an image is complete."""

    def on_exception(self, exception: Exception) -> None:
        """Called when the stream has failed, before the exception is raised."""

    def on_timeout(self) -> None:
        """Called after a timeout, before `on_exception`."""

    def on_end(self) -> None:
        """Called when the stream has ended, also after an error."""


class AsyncAssistantEventHandler(_Handler, AsyncHelperStream[Any]):
    """`AssistantEventHandler` for asyncio: its callbacks are coroutine functions."""

    def __init__(self) -> None:
        """Create a handler for one stream, which starts when the request is sent."""

    def _begin(self, raw: Any) -> AsyncAssistantEventHandler:
        AsyncHelperStream.__init__(self, raw, Runs())
        return self

    async def _run(self) -> AsyncGenerator[Any, None]:
        try:
            async for event in self._raw:
                self._current = event
                for name, arguments in self._state.handle(event):
                    if callback := self._callback(name):
                        await callback(*arguments())
                self._current = None
                yield event
            self._complete = not self._closed  # by a callback
        except Exception as error:
            self._error = error
            if isinstance(error, APITimeoutError):
                await self.on_timeout()
            await self.on_exception(error)
            raise
        finally:
            await self.on_end()

    async def get_final_run(self) -> Run:
        """Read the stream to its end and return the run."""
        await self.until_done()
        self._check_complete()
        return self._final_run()

    async def get_final_run_steps(self) -> list[RunStep]:
        """Read the stream to its end and return the steps of the run."""
        await self.until_done()
        self._check_complete()
        return self._final_run_steps()

    async def get_final_messages(self) -> list[Message]:
        """Read the stream to its end and return its messages."""
        await self.until_done()
        self._check_complete()
        return self._final_messages()

    async def on_event(self, event: Any) -> None:
        """Called for every event, before its other callbacks."""

    async def on_run_step_created(self, run_step: RunStep) -> None:
        """Called when a run step is created."""

    async def on_run_step_delta(self, delta: RunStepDelta, snapshot: RunStep) -> None:
        """Called when a run step has changed."""

    async def on_run_step_done(self, run_step: RunStep) -> None:
        """Called when a run step has ended."""

    async def on_tool_call_created(self, tool_call: ToolCall) -> None:
        """Called when a tool call is created."""

    async def on_tool_call_delta(self, delta: ToolCallDelta, snapshot: ToolCall) -> None:
        """Called when a tool call has changed."""

    async def on_tool_call_done(self, tool_call: ToolCall) -> None:
        """Called when a tool call is complete."""

    async def on_message_created(self, message: Message) -> None:
        """Called when a message is created."""

    async def on_message_delta(self, delta: MessageDelta, snapshot: Message) -> None:
        """Called when a message has changed."""

    async def on_message_done(self, message: Message) -> None:
        """Called when a message is complete."""

    async def on_text_created(self, text: Text) -> None:
        """Called when a text is created."""

    async def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        """Called when a text has changed."""

    async def on_text_done(self, text: Text) -> None:
        """Called when a text is complete."""

    async def on_image_file_done(self, image_file: ImageFile) -> None:
        """Called when an image is complete."""

    async def on_exception(self, exception: Exception) -> None:
        """Called when the stream has failed, before the exception is raised."""

    async def on_timeout(self) -> None:
        """Called after a timeout, before `on_exception`."""

    async def on_end(self) -> None:
        """Called when the stream has ended, also after an error."""


AssistantEventHandler._base = AssistantEventHandler  # noqa: SLF001 - set here since the class does not exist in its own body
AsyncAssistantEventHandler._base = AsyncAssistantEventHandler  # noqa: SLF001 - as above


class AssistantStreamManager(Manager[Any]):
    """The context manager that `stream()` returns: it sends the request on entry and closes the stream on exit."""

    if not TYPE_CHECKING:  # the official SDK's is generic, and litellm names its argument
        __class_getitem__ = classmethod(GenericAlias)


class AsyncAssistantStreamManager(AsyncManager[Any]):
    """`AssistantStreamManager` for `async with`."""

    if not TYPE_CHECKING:  # the official SDK's is generic, and litellm names its argument
        __class_getitem__ = classmethod(GenericAlias)


def stream_run(client: Any, **params: Any) -> Any:
    """Return a context manager: `with ...stream(..., event_handler=Handler()) as stream: stream.until_done()`."""
    return _manager(client, client.beta.threads.runs.create, params)


def stream_thread(client: Any, **params: Any) -> Any:
    """Return a context manager: `with ...stream(..., event_handler=Handler()) as stream: stream.until_done()`."""
    return _manager(client, client.beta.threads.create_and_run, params)


def stream_outputs(client: Any, **params: Any) -> Any:
    """Return a context manager: `with ...stream(..., event_handler=Handler()) as stream: stream.until_done()`."""
    return _manager(client, client.beta.threads.runs.submit_tool_outputs, params)


def _manager(client: Any, operation: Callable[..., Any], params: dict[str, Any]) -> Any:
    handler = params.pop("event_handler", None)

    def start() -> Any:
        return operation(**params, stream=True)

    if core_of(client).is_async:
        return AsyncAssistantStreamManager(start, (handler or AsyncAssistantEventHandler())._begin)  # noqa: SLF001 - of this module
    return AssistantStreamManager(start, (handler or AssistantEventHandler())._begin)  # noqa: SLF001 - of this module
