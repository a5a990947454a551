"""The toolsets of a browser that programs use, sync and async."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from oai._flow.steps import Steps, run, run_async
from oai.lib._tool_runs import CloseStatus, OneRun
from oai.lib.browser.drivers import AsyncBrowserDriver, BrowserDriver
from oai.lib.browser.execution import Execution
from oai.lib.browser.inputs import BrowserConfirmContext, BrowserReadConfirmContext
from oai.lib.browser.members import MEMBERS
from oai.lib.browser.selection import check_policies, select
from oai.lib.tool_diagnostics import ToolDiagnosticObserver
from oai.types.responses import FunctionToolParam, ResponseFunctionToolCall, ResponseInputItemParamFunctionCallOutput

if TYPE_CHECKING:
    from oai.lib.browser.outputs import Outcome

ReadOrChange = BrowserConfirmContext | BrowserReadConfirmContext

Driver = TypeVar("Driver")
Confirm = TypeVar("Confirm")
UrlPolicy = TypeVar("UrlPolicy")


class _Toolset(Generic[Driver, Confirm, UrlPolicy]):
    """Base class of both toolsets."""

    is_async = False

    def __init__(
        self,
        driver: Driver,
        *,
        members: Sequence[str] | None = None,
        additional_members: Sequence[str] | None = None,
        confirm_reads: Sequence[str] | None = None,
        confirm: Confirm | None = None,
        url_policy: UrlPolicy | None = None,
    ) -> None:
        self.selection = select(driver, members, additional_members, confirm_reads, is_async=self.is_async)
        check_policies(self.selection, confirm=confirm, url_policy=url_policy)
        self.driver, self.confirm, self.url_policy = driver, confirm, url_policy
        self._runs = OneRun("the browser toolset")

    @property
    def tools(self) -> list[FunctionToolParam]:
        """The function tools of the members, for `tools` of `responses.create`."""
        return [member.tool(name) for name, member in MEMBERS.items() if name in self.selection.names]

    def close(self) -> CloseStatus:
        """Refuse further calls; the active one continues. The program closes the driver once that call has ended."""
        return self._runs.close()

    def _steps(
        self,
        call: ResponseFunctionToolCall,
        skip: bool,
        cancelled: Callable[[], bool] | None,
        observer: ToolDiagnosticObserver | None,
    ) -> Steps[Outcome]:
        with self._runs.running():
            return (yield from Execution(self, call, cancelled=cancelled, observer=observer).steps(skip=skip))


class BrowserToolset(
    _Toolset[
        BrowserDriver,
        Callable[[BrowserConfirmContext], bool] | Callable[[ReadOrChange], bool],
        Callable[[BrowserConfirmContext, str], bool],
    ]
):
    """Executes the calls of function tools with a driver, which the program opens and closes.

    Args:
        driver: has `state` and a method for each of its members, see `BrowserDriver`. It limits its own time, and
            decides which servers the browser may reach: pages may go to other URLs than `url_policy` approves.
        members: the names of all members, of `BROWSER_MEMBERS`. Default: those of `DEFAULT_BROWSER_MEMBERS` that the
            driver has, and `list_tabs`.
        additional_members: names of members in addition to the default.
        confirm_reads: names of members that only read, but whose calls `confirm` must approve as well.
        confirm: called with a call that changes something; anything but `True` refuses it.
        url_policy: called with a call that opens a URL, and the URL; anything but `True` refuses it.

    Raises:
        ValueError: a selected member or policy is missing, or a method of the driver is a coroutine function.
    """

    def execute(
        self,
        call: ResponseFunctionToolCall,
        *,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
    ) -> ResponseInputItemParamFunctionCallOutput:
        """Execute one call, and return its output, an item of input with the tabs after the call.

        A refused call and one that failed have an output too, with `ok` false: the model may try another way.

        Args:
            call: the call of a response. It is executed each time that it is passed.
            cancelled: called between steps, and passed to functions with a parameter of that name; a true value ends
                the call.
            on_diagnostic: called with a `ToolDiagnostic` after each stage.

        Raises:
            BrowserError: the call is one of a member that is not selected.
            BrowserCancelledError: the call was cancelled.
            RuntimeError: the driver returned something invalid, so that what was done is unknown; or another call is
                active, or the toolset is closed.
        """
        return self._execute(call, cancelled=cancelled, on_diagnostic=on_diagnostic)[0]

    def _execute(
        self,
        call: ResponseFunctionToolCall,
        *,
        skip: bool = False,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
    ) -> Outcome:
        """Execute a call, or with `skip` only read the state; return also whether it succeeded. For tool runners."""
        return run(self._steps(call, skip, cancelled, on_diagnostic))


class AsyncBrowserToolset(
    _Toolset[
        AsyncBrowserDriver,
        Callable[[BrowserConfirmContext], Awaitable[bool]] | Callable[[ReadOrChange], Awaitable[bool]],
        Callable[[BrowserConfirmContext, str], Awaitable[bool]],
    ]
):
    """`BrowserToolset` for asyncio: methods of the driver and policies are coroutine functions."""

    is_async = True

    async def execute(
        self,
        call: ResponseFunctionToolCall,
        *,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
    ) -> ResponseInputItemParamFunctionCallOutput:
        """Execute one call, see `BrowserToolset.execute`."""
        return (await self._execute(call, cancelled=cancelled, on_diagnostic=on_diagnostic))[0]

    async def _execute(
        self,
        call: ResponseFunctionToolCall,
        *,
        skip: bool = False,
        cancelled: Callable[[], bool] | None = None,
        on_diagnostic: ToolDiagnosticObserver | None = None,
    ) -> Outcome:
        """Execute a call, see `BrowserToolset._execute`."""
        return await run_async(self._steps(call, skip, cancelled, on_diagnostic))
