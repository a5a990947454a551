"""Run the computer tool of responses with a driver that the program writes: a browser, a desktop.

Nothing is executed that was not approved: safety checks need an approval, and `before_action` can refuse any action.
The screen may change between the approval and the action.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict, Unpack

from oai._flow.steps import Steps, run, run_async
from oai.lib._computer_calls import ComputerUseError, History, continue_with, prepared
from oai.lib._computer_execution import Execution
from oai.lib._run_options import lists_options
from oai.lib._tool_runs import CloseStatus, OneRun, next_idempotency_headers, returns_awaitable
from oai.types.responses import (
    ComputerAction,
    Response,
    ResponseComputerToolCall,
    ResponseComputerToolCallOutputScreenshotParam,
)
from oai.types.responses.params import ResponseInputItemParamComputerCallOutput as ComputerCallOutput

if TYPE_CHECKING:
    from oai.lib.tool_diagnostics import ToolDiagnosticObserver

__all__ = [
    "AsyncComputerDriver",
    "AsyncComputerToolset",
    "ComputerActionInput",
    "ComputerDriver",
    "ComputerToolset",
    "ComputerUseError",
    "Screenshot",
]

ComputerActionInput = ComputerAction
Screenshot = ResponseComputerToolCallOutputScreenshotParam

MEMBERS: Final = ("click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait")


class ComputerDriver(Protocol):
    """Executes actions. Its methods check bounds and permissions, limit their own time, and raise if they fail."""

    def click(self, action: Any) -> None:
        """Click at a place."""

    def double_click(self, action: Any) -> None:
        """Click twice at a place."""

    def drag(self, action: Any) -> None:
        """Drag along a path."""

    def keypress(self, action: Any) -> None:
        """Press keys."""

    def move(self, action: Any) -> None:
        """Move the pointer."""

    def scroll(self, action: Any) -> None:
        """Scroll at a place."""

    def type(self, action: Any) -> None:
        """Type a text."""

    def wait(self, action: Any) -> None:
        """Wait a moment."""

    def screenshot(self) -> Screenshot:
        """Return a picture of the screen, in its own pixels."""


class AsyncComputerDriver(Protocol):
    """`ComputerDriver` for asyncio."""

    async def click(self, action: Any) -> None:
        """Click at a place."""

    async def double_click(self, action: Any) -> None:
        """Click twice at a place."""

    async def drag(self, action: Any) -> None:
        """Drag along a path."""

    async def keypress(self, action: Any) -> None:
        """Press keys."""

    async def move(self, action: Any) -> None:
        """Move the pointer."""

    async def scroll(self, action: Any) -> None:
        """Scroll at a place."""

    async def type(self, action: Any) -> None:
        """Type a text."""

    async def wait(self, action: Any) -> None:
        """Wait a moment."""

    async def screenshot(self) -> Screenshot:
        """Return a picture of the screen, in its own pixels."""


class CommonOptions(TypedDict, total=False):
    """The options of runs and calls that are the same for both toolsets."""

    cancelled: Callable[[], bool] | None
    on_diagnostic: ToolDiagnosticObserver | None


class ActionOptions(CommonOptions, total=False):
    """The options of runs and calls of `ComputerToolset`."""

    approve_safety_checks: Callable[[ResponseComputerToolCall], bool] | None
    before_action: Callable[[Any], bool] | None


class AsyncActionOptions(CommonOptions, total=False):
    """The options of runs and calls of `AsyncComputerToolset`."""

    approve_safety_checks: Callable[[ResponseComputerToolCall], Awaitable[bool]] | None
    before_action: Callable[[Any], Awaitable[bool]] | None


class _Toolset:
    """Base class of both toolsets: `driver` has a method for each action, see `ComputerDriver`."""

    is_async = False

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._runs = OneRun("the computer toolset")
        for member in MEMBERS:
            handler = getattr(driver, member, None)
            if not callable(handler):
                raise ValueError(f"the driver needs a method {member}")  # noqa: TRY004 - the official SDK's class
            if returns_awaitable(handler) is (not self.is_async):
                right = "ComputerToolset" if self.is_async else "AsyncComputerToolset"
                raise ValueError(f"the driver's method {member} is one for {right}")
            self._handlers[member] = handler

    def close(self) -> CloseStatus:
        """Refuse further runs; the active one continues."""
        return self._runs.close()

    def _running(
        self, client: Any, params: Mapping[str, Any], max_steps: int, options: Mapping[str, Any]
    ) -> Steps[Response]:
        with self._runs.running():
            request = prepared(params, max_steps)
            history = History(request["input"])
            execution = Execution(self._handlers, is_async=self.is_async, **options)
            response: Response | None = None
            for left in reversed(range(max_steps)):
                execution.check(response)
                if response is not None:
                    request["extra_headers"] = next_idempotency_headers(client, request.get("extra_headers"))
                response = yield client.responses.create(**request)
                execution.check(response)
                calls = history.calls(response, last=not left)
                if not calls:
                    return response
                continue_with(request, response)
                for call in calls:
                    try:
                        output = yield from execution.steps(call)
                    except ComputerUseError as error:
                        error.response = response
                        raise
                    request["input"].append(output)
            raise ComputerUseError("the task was not complete after max_steps", response)

    def _executing(self, call: ResponseComputerToolCall, options: Mapping[str, Any]) -> Steps[ComputerCallOutput]:
        with self._runs.running():
            return (yield from Execution(self._handlers, is_async=self.is_async, **options).steps(deepcopy(call)))


class ComputerToolset(_Toolset):
    """Runs the computer tool with a driver, which the program opens and closes.

    Args:
        driver: has a method for each action, see `ComputerDriver`.

    Raises:
        ValueError: a method is missing, or is a coroutine function.
    """

    def __init__(self, driver: ComputerDriver) -> None:
        super().__init__(driver)

    @lists_options(ActionOptions, Execution)
    def run(
        self,
        client: Any,
        params: Mapping[str, Any],
        *,
        max_steps: int = 20,
        **options: Unpack[ActionOptions],
    ) -> Response:
        """Create responses and execute their calls until one has a final message; return that one.

        Args:
            client: the client for the responses.
            params: the parameters of `responses.create`: with the whole input, without a stream.
            max_steps: maximum number of responses.
            approve_safety_checks: called with a call that has safety checks; anything but `True` ends the run.
            before_action: called before each action; anything but `True` ends the run.
            cancelled: called between steps; a true value ends the run.
            on_diagnostic: called with a `ToolDiagnostic` after each stage.

        Raises:
            ComputerUseError: the run ended before it was complete.
            ValueError: a parameter does not go with a run.
            RuntimeError: another run is active, or the toolset is closed.
        """
        return run(self._running(client, params, max_steps, options))

    @lists_options(ActionOptions, Execution)
    def execute(self, call: ResponseComputerToolCall, **options: Unpack[ActionOptions]) -> ComputerCallOutput:
        """Execute one call, and return its result, an item of input; see `run`."""
        return run(self._executing(call, options))


class AsyncComputerToolset(_Toolset):
    """`ComputerToolset` for asyncio: methods of the driver and callbacks are coroutine functions."""

    is_async = True

    def __init__(self, driver: AsyncComputerDriver) -> None:
        super().__init__(driver)

    @lists_options(AsyncActionOptions, Execution)
    async def run(
        self,
        client: Any,
        params: Mapping[str, Any],
        *,
        max_steps: int = 20,
        **options: Unpack[AsyncActionOptions],
    ) -> Response:
        """Create responses and execute their calls, see `ComputerToolset.run`."""
        return await run_async(self._running(client, params, max_steps, options))

    @lists_options(AsyncActionOptions, Execution)
    async def execute(
        self,
        call: ResponseComputerToolCall,
        **options: Unpack[AsyncActionOptions],
    ) -> ComputerCallOutput:
        """Execute one call, see `ComputerToolset.execute`."""
        return await run_async(self._executing(call, options))
