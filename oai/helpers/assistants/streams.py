"""The streams of assistants' runs: `beta.threads.runs.stream` and its like, with handlers of events.

A handler is the stream itself: it is iterated, or read with `until_done`, and calls its methods on the way. Write a
subclass with the callbacks that are wanted; what nobody wrote costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

from oai._errors import APITimeoutError, OpenAIError
from oai._request.client_core import core_of
from oai.helpers.assistants.state import Runs, Tree
from oai.helpers.streaming.base import AsyncHelperStream, AsyncManager, HelperStream, Manager

if TYPE_CHECKING:
    from oai.types.beta.threads import ImageFile, Message, MessageDelta, Run, Text, TextDelta
    from oai.types.beta.threads.runs import RunStep, RunStepDelta, ToolCall, ToolCallDelta


class _Handler:
    """What both handlers know."""

    _state: Any = None
    _current: Any = None
    _base: type

    def _wanted(self, name: str) -> Callable[..., Any] | None:
        """Return a callback, if somebody wrote it."""
        written = getattr(type(self), name) is not getattr(self._base, name) or name in self.__dict__
        return getattr(self, name) if written else None

    @property
    def current_event(self) -> Any:
        """The event whose callbacks are running."""
        return self._current

    @property
    def current_run(self) -> Run | None:
        """The run as the last event about it had it."""
        found: Run | None = self._state.run
        return found

    @property
    def current_run_step_snapshot(self) -> RunStep | None:
        """The step that is under way, as far as it has come."""
        step: Tree | None = self._state.step
        return step.typed() if step is not None else None

    @property
    def current_message_snapshot(self) -> Message | None:
        """The message that came last, as far as it has come."""
        message: Tree | None = self._state.message
        return message.typed() if message is not None else None

    def _final_run(self) -> Run:
        if self._state.run is None:
            raise OpenAIError("The stream has ended, and no event of it was about a run.")
        found: Run = self._state.run
        return found

    def _final_run_steps(self) -> list[RunStep]:
        return [step.typed() for step in self._state.steps.values()]

    def _final_messages(self) -> list[Message]:
        return [message.typed() for message in self._state.messages.values()]


class AssistantEventHandler(_Handler, HelperStream[Any]):
    """The stream of a run, and its callbacks. Subclass it, and pass an instance as `event_handler`."""

    def __init__(self) -> None:
        """Make a handler for one stream, which it is given when the request is sent."""

    def _begin(self, raw: Any) -> AssistantEventHandler:
        HelperStream.__init__(self, raw, Runs())
        return self

    def _run(self) -> Generator[Any, None, None]:
        try:
            for event in self._raw:
                self._current = event
                for name, arguments in self._state.handle(event):
                    if callback := self._wanted(name):
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
        """Every event, before the callbacks that it leads to."""

    def on_run_step_created(self, run_step: RunStep) -> None:
        """A step has begun."""

    def on_run_step_delta(self, delta: RunStepDelta, snapshot: RunStep) -> None:
        """A step has grown."""

    def on_run_step_done(self, run_step: RunStep) -> None:
        """A step has ended."""

    def on_tool_call_created(self, tool_call: ToolCall) -> None:
        """A call of a tool has begun."""

    def on_tool_call_delta(self, delta: ToolCallDelta, snapshot: ToolCall) -> None:
        """A call of a tool has grown."""

    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        """A call of a tool is complete."""

    def on_message_created(self, message: Message) -> None:
        """A message has begun."""

    def on_message_delta(self, delta: MessageDelta, snapshot: Message) -> None:
        """A message has grown."""

    def on_message_done(self, message: Message) -> None:
        """A message is complete."""

    def on_text_created(self, text: Text) -> None:
        """A text has begun."""

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        """A text has grown."""

    def on_text_done(self, text: Text) -> None:
        """A text is complete."""

    def on_image_file_done(self, image_file: ImageFile) -> None:
        """An image is complete."""

    def on_exception(self, exception: Exception) -> None:
        """The stream has failed; the exception is raised after this."""

    def on_timeout(self) -> None:
        """The stream took too long; comes before `on_exception`."""

    def on_end(self) -> None:
        """The stream has ended, well or not."""


class AsyncAssistantEventHandler(_Handler, AsyncHelperStream[Any]):
    """`AssistantEventHandler` for asyncio: its callbacks are coroutine functions."""

    def __init__(self) -> None:
        """Make a handler for one stream, which it is given when the request is sent."""

    def _begin(self, raw: Any) -> AsyncAssistantEventHandler:
        AsyncHelperStream.__init__(self, raw, Runs())
        return self

    async def _run(self) -> AsyncGenerator[Any, None]:
        try:
            async for event in self._raw:
                self._current = event
                for name, arguments in self._state.handle(event):
                    if callback := self._wanted(name):
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
        """Every event, before the callbacks that it leads to."""

    async def on_run_step_created(self, run_step: RunStep) -> None:
        """A step has begun."""

    async def on_run_step_delta(self, delta: RunStepDelta, snapshot: RunStep) -> None:
        """A step has grown."""

    async def on_run_step_done(self, run_step: RunStep) -> None:
        """A step has ended."""

    async def on_tool_call_created(self, tool_call: ToolCall) -> None:
        """A call of a tool has begun."""

    async def on_tool_call_delta(self, delta: ToolCallDelta, snapshot: ToolCall) -> None:
        """A call of a tool has grown."""

    async def on_tool_call_done(self, tool_call: ToolCall) -> None:
        """A call of a tool is complete."""

    async def on_message_created(self, message: Message) -> None:
        """A message has begun."""

    async def on_message_delta(self, delta: MessageDelta, snapshot: Message) -> None:
        """A message has grown."""

    async def on_message_done(self, message: Message) -> None:
        """A message is complete."""

    async def on_text_created(self, text: Text) -> None:
        """A text has begun."""

    async def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        """A text has grown."""

    async def on_text_done(self, text: Text) -> None:
        """A text is complete."""

    async def on_image_file_done(self, image_file: ImageFile) -> None:
        """An image is complete."""

    async def on_exception(self, exception: Exception) -> None:
        """The stream has failed; the exception is raised after this."""

    async def on_timeout(self) -> None:
        """The stream took too long; comes before `on_exception`."""

    async def on_end(self) -> None:
        """The stream has ended, well or not."""


AssistantEventHandler._base = AssistantEventHandler  # noqa: SLF001 - they are their own, once they are there
AsyncAssistantEventHandler._base = AsyncAssistantEventHandler  # noqa: SLF001 - as above


class AssistantStreamManager(Manager[Any]):
    """What the stream methods return: `with` sends the request, and closes the stream at its end."""


class AsyncAssistantStreamManager(AsyncManager[Any]):
    """What the stream methods of an async client return, for `async with`."""


def stream_run(client: Any, **params: Any) -> Any:
    """Use it as a context manager: `with ...stream(..., event_handler=Mine()) as stream: stream.until_done()`."""
    return _manager(client, client.beta.threads.runs.create, params)


def stream_thread(client: Any, **params: Any) -> Any:
    """Use it as a context manager: `with ...stream(..., event_handler=Mine()) as stream: stream.until_done()`."""
    return _manager(client, client.beta.threads.create_and_run, params)


def stream_outputs(client: Any, **params: Any) -> Any:
    """Use it as a context manager: `with ...stream(..., event_handler=Mine()) as stream: stream.until_done()`."""
    return _manager(client, client.beta.threads.runs.submit_tool_outputs, params)


def _manager(client: Any, operation: Callable[..., Any], params: dict[str, Any]) -> Any:
    handler = params.pop("event_handler", None)

    def start() -> Any:
        return operation(**params, stream=True)

    if core_of(client).is_async:
        return AsyncAssistantStreamManager(start, (handler or AsyncAssistantEventHandler())._begin)  # noqa: SLF001 - of this module
    return AssistantStreamManager(start, (handler or AssistantEventHandler())._begin)  # noqa: SLF001 - of this module
