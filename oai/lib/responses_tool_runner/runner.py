"""`ResponsesToolRunner` and `AsyncResponsesToolRunner`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from oai.lib._run_options import lists_options
from oai.lib._tool_runs import CloseStatus, OneRun
from oai.lib.browser import AsyncBrowserToolset, BrowserToolset
from oai.lib.computer import AsyncComputerToolset, ComputerToolset
from oai.lib.responses_tool_runner.errors import STOPPED, RunFailure, ToolRunnerCancelledError, ToolRunnerError
from oai.lib.responses_tool_runner.execution import Callbacks
from oai.lib.responses_tool_runner.ledger import AsyncResponsesToolLedger, ResponsesToolLedger
from oai.lib.responses_tool_runner.options import AsyncRunOptions, RunOptions
from oai.lib.responses_tool_runner.registration import (
    AsyncRegisteredFunction,
    EarlyExecution,
    RegisteredFunction,
    Registry,
)
from oai.lib.responses_tool_runner.state import RunState
from oai.lib.responses_tool_runner.steps import RunSteps, Streaming
from oai.lib.responses_tool_runner.turns import ResponsesRunnerTurn
from oai.types.responses import Response

if TYPE_CHECKING:
    from oai._flow.steps import Steps
    from oai.lib.tool_diagnostics import ToolDiagnosticObserver


class _Runner:
    """Base class of both runners."""

    _is_async = False
    _ledger_kind: type[Any] = ResponsesToolLedger

    def __init__(self, browser: Any, computer: Any, functions: Iterable[Any] | None, early: Any) -> None:
        self.browser, self.computer = browser, computer
        self._registry = Registry(browser, computer, list(functions or []), early)
        self._runs = OneRun("the Responses runner")

    def close(self) -> CloseStatus:
        """Refuse further runs; the active one continues. Toolsets stay open, since the program owns them."""
        return self._runs.close()

    def _turns(
        self,
        client: Any,
        params: Any,
        *,
        max_steps: int | None = None,
        stream: bool = False,
        eager: bool = False,
        max_concurrent_calls: int = 2,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
        on_event: Callable[[Any], Any] | None = None,
        approve_safety_checks: Callable[[Any], Any] | None = None,
        before_action: Callable[[Any], Any] | None = None,
        ledger: Any = None,
        context_budget: Any = None,
        approve_mcp: Callable[[Any], Any] | None = None,
        before_early_call: Callable[[Any], Any] | None = None,
    ) -> Steps[None]:
        """Execute a run with the options of `run`; yield its turns, and what has to be awaited."""
        streaming = Streaming(stream, eager, max_concurrent_calls)
        callbacks = Callbacks(on_event, approve_safety_checks, before_action, approve_mcp, before_early_call)
        with self._runs.running():
            self._check(streaming, ledger)
            state = RunState(
                self._registry,
                params,
                max_steps=max_steps,
                cancelled=cancelled,
                ledger=ledger,
                budget=context_budget,
                observer=on_diagnostic,
            )
            toolsets = {"browser": self.browser, "computer": self.computer}
            steps = RunSteps(client, state, streaming, callbacks, **toolsets, is_async=self._is_async)
            yield from _until_done(steps, state)

    def _check(self, streaming: Streaming, ledger: Any) -> None:
        if type(streaming.most_parallel) is not int or streaming.most_parallel < 1:
            raise ValueError(f"max_concurrent_calls must be a positive integer, not {streaming.most_parallel!r}")
        if ledger is not None and not isinstance(ledger, self._ledger_kind):
            kind = "an async" if self._is_async else "a sync"
            raise ValueError(f"this runner needs {kind} ledger, a {self._ledger_kind.__name__}")
        if streaming.is_eager and not streaming.is_streamed:
            raise ValueError("eager execution requires streaming")


_lists = partial(lists_options, taker=_Runner._turns)  # noqa: SLF001 - of the class above


def _until_done(steps: RunSteps, state: RunState) -> Steps[None]:
    """Execute all steps. Errors name the calls that may have had effects, and contain no text of the task."""
    try:
        yield from steps.all()
    except Exception as error:  # noqa: BLE001 - its text may contain arguments or output
        yield from _settled(steps)
        message = str(error) if isinstance(error, RunFailure) else STOPPED
        raise ToolRunnerError(message, state.attempted, state.completed) from None
    except asyncio.CancelledError:
        yield from _settled(steps)
        raise ToolRunnerCancelledError(state.attempted, state.completed) from None
    finally:
        steps.jobs.close()


def _settled(steps: RunSteps) -> Steps[None]:
    """Wait for the functions that still run, and ignore their errors, which are not the first."""
    with suppress(Exception, asyncio.CancelledError):
        yield from steps.settle()


class ResponsesToolRunner(_Runner):
    """Runs the tools of responses until the model is done.

    Args:
        browser: a toolset of browser functions.
        computer: a toolset for the computer tool.
        functions: the functions that the model may call.
        early_execution: the tools that an eager run executes before the response is complete; all by default.

    Raises:
        ValueError: a registration is invalid, or a name comes twice.
    """

    def __init__(
        self,
        *,
        browser: BrowserToolset | None = None,
        computer: ComputerToolset | None = None,
        functions: list[RegisteredFunction] | None = None,
        early_execution: EarlyExecution | None = None,
    ) -> None:
        super().__init__(browser, computer, functions, early_execution)

    @_lists(RunOptions)
    def run(self, client: Any, params: Mapping[str, Any], **options: Unpack[RunOptions]) -> Response:
        """Create responses and execute their calls until one has no call; return that one.

        Args:
            client: the client for the responses.
            params: the parameters of `responses.create`, with the whole input. Of tools, it has those that the server
                runs; the others are registered with the runner.
            max_steps: maximum number of requests; 20 by default.
            stream: whether responses are streamed.
            eager: whether calls of a stream are executed before the response is complete.
            max_concurrent_calls: maximum number of independent functions that an eager run calls at the same time.
            on_event: called with a copy of each event of the stream.
            cancelled: called between steps; a true value ends the run. Functions and drivers may take it, too.
            approve_safety_checks: called with a computer call that has safety checks; anything but `True` ends the run.
            before_action: called before each action of the computer; anything but `True` ends the run.
            ledger: saves checkpoints, and resumes a run. Requests are then not repeated after an error.
            context_budget: limits the input of each request.
            on_diagnostic: called with a `ToolDiagnostic` after each stage.
            approve_mcp: called with a request of a remote MCP server; returns whether to approve the call.
            before_early_call: called with a call that an eager run would execute; returns `execute` or `defer`.

        Raises:
            ToolRunnerError: the run ended early. No message or traceback has content of the task.
            ValueError: an argument or a parameter does not go with a run.
            RuntimeError: another run is active, or the runner is closed.
        """
        for turn in self.iterate(client, params, **options):
            response = turn.response
        return response

    @_lists(RunOptions)
    def iterate(
        self, client: Any, params: Mapping[str, Any], **options: Unpack[RunOptions]
    ) -> Generator[ResponsesRunnerTurn, None, None]:
        """Yield each response before its calls are executed, see `run`; advance to execute them.

        The last turn has `final`. Leaving a loop does not close the generator: use `contextlib.closing` to end a run
        early.
        """
        return _drive(self._turns(client, params, **options))


class AsyncResponsesToolRunner(_Runner):
    """`ResponsesToolRunner` for asyncio: functions, callbacks and toolsets are async.

    Args:
        browser: a toolset of browser functions.
        computer: a toolset for the computer tool.
        functions: the functions that the model may call.
        early_execution: as for `ResponsesToolRunner`.
    """

    _is_async = True
    _ledger_kind = AsyncResponsesToolLedger

    def __init__(
        self,
        *,
        browser: AsyncBrowserToolset | None = None,
        computer: AsyncComputerToolset | None = None,
        functions: list[AsyncRegisteredFunction] | None = None,
        early_execution: EarlyExecution | None = None,
    ) -> None:
        super().__init__(browser, computer, functions, early_execution)

    @_lists(AsyncRunOptions)
    async def run(self, client: Any, params: Mapping[str, Any], **options: Unpack[AsyncRunOptions]) -> Response:
        """Create responses and execute their calls, see `ResponsesToolRunner.run`.

        Raises:
            ToolRunnerCancelledError: the task was cancelled.
        """
        async for turn in self.iterate(client, params, **options):
            response = turn.response
        return response

    @_lists(AsyncRunOptions)
    async def iterate(
        self, client: Any, params: Mapping[str, Any], **options: Unpack[AsyncRunOptions]
    ) -> AsyncGenerator[ResponsesRunnerTurn, None]:
        """Yield each response before its calls are executed, see `ResponsesToolRunner.iterate`."""
        steps = self._turns(client, params, **options)
        try:
            outcome = next(steps)
            while True:
                result: Any = None
                try:
                    if isinstance(outcome, ResponsesRunnerTurn):
                        yield outcome
                    else:
                        result = (await outcome) if isinstance(outcome, Awaitable) else outcome
                except BaseException as error:  # noqa: BLE001 - the steps decide, also about a cancellation
                    outcome = steps.throw(error)
                else:
                    outcome = steps.send(result)
        except StopIteration:
            return
        finally:
            steps.close()


def _drive(steps: Steps[None]) -> Generator[ResponsesRunnerTurn, None, None]:
    """Yield the turns of steps that wait for nothing."""
    try:
        outcome = next(steps)
        while True:
            if not isinstance(outcome, ResponsesRunnerTurn):
                outcome = steps.send(outcome)
                continue
            try:
                yield outcome
            except BaseException as error:  # noqa: BLE001 - the steps decide
                outcome = steps.throw(error)
            else:
                outcome = steps.send(None)
    except StopIteration:
        return
    finally:
        steps.close()
