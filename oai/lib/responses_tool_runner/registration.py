"""The registrations of a runner: functions, and the tools that may run before a response is complete."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from copy import copy, deepcopy
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypedDict, TypeVar

from oai.helpers.structured.functions import FunctionTool
from oai.helpers.structured.tools import tools_for
from oai.lib.browser import AsyncBrowserToolset, BrowserToolset
from oai.lib.responses_tool_runner.outputs import FunctionResult

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Function(Generic[Result]):
    """Base class of both kinds of registered functions."""

    tool: Any
    execute: Callable[[dict[str, object]], Result]
    allow_output_override: bool = False
    independent: bool = False
    _parsed_tool: FunctionTool | None = field(default=None, repr=False)

    @classmethod
    def from_tool(
        cls,
        tool: Any,
        *,
        execute: Callable[[Any], Result],
        allow_output_override: bool = False,
        independent: bool = False,
    ) -> Self:
        """Register a tool made of a type; `execute` gets a value of it.

        Raises:
            ValueError: the tool is not a result of `pydantic_responses_function_tool` or `function_tool`.
        """
        return cls(_typed(tool, execute), execute, allow_output_override, independent, deepcopy(tool))

    def parse(self, arguments: Any) -> Any:
        """Return the arguments of a call: a dict, or a value of the type that the tool was made of.

        Raises:
            ValueError: they are not a JSON object, or do not fit.
        """
        return parse_arguments(arguments) if self._parsed_tool is None else self._parsed_tool.parse(arguments)


class RegisteredFunction(_Function[FunctionResult]):
    """A function tool and the function that runs its calls.

    Attributes:
        tool: the declaration of the tool, in the shape of the Responses API.
        execute: called with the arguments of a call, and with `cancelled` if it has a parameter of that name. It
            returns text, or a list of texts, images and files.
        allow_output_override: whether `ResponsesRunnerTurn.supply_outputs` may replace its output.
        independent: whether calls may run at the same time as others in an eager run.
    """


class AsyncRegisteredFunction(_Function[Awaitable[FunctionResult]]):
    """`RegisteredFunction` for asyncio: `execute` is a coroutine function."""


def _typed(tool: Any, execute: Any) -> FunctionTool:
    if not isinstance(tool, FunctionTool) or not callable(execute):
        raise ValueError("from_tool takes a function tool made of a type, such as a Pydantic model, and an executor")  # noqa: TRY004 - the official SDK's class
    return tool


def parse_arguments(arguments: Any) -> dict[str, Any]:
    """Return the arguments of a call.

    Raises:
        ValueError: they are not the text of a JSON object.
    """
    parsed = json.loads(arguments, parse_constant=_refuse_constant) if type(arguments) is str else None
    if not isinstance(parsed, dict):
        raise ValueError("the arguments of a function must be a JSON object")  # noqa: TRY004 - the official SDK's class
    return parsed


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


Function = RegisteredFunction | AsyncRegisteredFunction


class EarlyExecution(TypedDict, total=False):
    """The tools that an eager run may execute before the response is complete, in place of all.

    The first call of another tool defers all later ones until the turn is advanced.
    """

    functions: list[str]
    computer: bool


Early = tuple[frozenset[str], bool]
"""Names of functions that may run early, and whether the computer may."""


class Registry:
    """The tools of a runner.

    Args:
        browser: a toolset of browser functions.
        computer: a toolset for the computer tool.
        functions: the functions.
        early: the tools that may run early; `None` for all.

    Raises:
        ValueError: a registration is invalid, or a name comes twice.
    """

    def __init__(
        self,
        browser: BrowserToolset | AsyncBrowserToolset | None,
        computer: Any,
        functions: Iterable[Function],
        early: EarlyExecution | None,
    ) -> None:
        self.has_computer = computer is not None
        declared: list[dict[str, Any]] = [{**tool} for tool in browser.tools] if browser is not None else []
        self.browser_names = frozenset(tool["name"] for tool in declared)
        self.functions: dict[str, Function] = {}
        for function in functions:
            _check_function(function)
            tool = deepcopy(dict(tools_for("responses", [function.tool])[0]))
            if tool["type"] != "function" or not tool["name"] or tool["name"] in {*self.functions, *self.browser_names}:
                raise ValueError("the names of functions must be unique and nonempty")
            self.functions[tool["name"]] = copy(function)
            declared.append(tool)
        self.overridable = frozenset(name for name, each in self.functions.items() if each.allow_output_override)
        self.early = _check_early(early, {tool["name"] for tool in declared}, has_computer=self.has_computer)
        self.everything: Early = frozenset(tool["name"] for tool in declared), self.has_computer
        self._declared = [*declared, *([{"type": "computer"}] if self.has_computer else [])]

    def declarations(self) -> list[dict[str, Any]]:
        """Return copies of the declarations of all tools, which a run may change."""
        return deepcopy(self._declared)


def _check_function(function: Any) -> None:
    if not isinstance(function, Function) or not callable(function.execute):
        raise ValueError("every registered function needs an executor")  # noqa: TRY004 - as above
    if type(function.allow_output_override) is not bool or type(function.independent) is not bool:
        raise ValueError("allow_output_override and independent must be boolean")


def _check_early(early: Any, names: set[str], *, has_computer: bool) -> Early | None:
    if early is None:
        return None
    if type(early) is not dict or early.keys() - {"functions", "computer"}:
        raise ValueError("early_execution takes functions and computer alone")
    functions, computer = early.get("functions", []), early.get("computer", False)
    if type(functions) is not list or not all(type(name) is str and name in names for name in functions):
        raise ValueError("early_execution takes the names of registered functions")
    if len(set(functions)) != len(functions):
        raise ValueError("the functions of early_execution must be unique")
    if type(computer) is not bool or (computer and not has_computer):
        raise ValueError("early_execution can have the computer only if one is registered")
    return frozenset(functions), computer
