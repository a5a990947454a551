"""Tools of agents that run in this process: `function_tool` makes a definition and a handler of a function or a type.

A handler takes the arguments of a call as a dict. A `FunctionTool` is a handler that first validates them against the
annotations of a function or against a type.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from copy import deepcopy
from functools import partial
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar, cast, overload

from oai._json.encode import encode
from oai._support.omit import Omit, omit
from oai.helpers.agents.outputs import ToolOutput, is_content, is_mere_content, tool_output
from oai.helpers.structured.schemas import Format, clean_name, format_of
from oai.helpers.structured.signatures import apply, description_of, name_of, signature_format
from oai.types.beta.agents_params import AgentToolConfigParamFunction

R = TypeVar("R")

ToolHandler: TypeAlias = Callable[[dict[str, Any]], ToolOutput]


class FunctionTool(Generic[R]):
    """A function of an agent: its definition, and a handler that validates arguments.

    Args:
        model: the type of the arguments: a msgspec struct, dataclass, TypedDict or pydantic model.
        handler: takes a value of that type.
        name: the name that the model uses.
        description: the description for the model.
        defer_loading: whether the model only finds the tool through `tool_search`.

    Raises:
        TypeError: the type has no schema, or its schema is not that of an object.
        ValueError: the name is empty.
    """

    _converts: ClassVar[bool] = False

    def __init__(
        self,
        model: Any,
        handler: Callable[[Any], R],
        *,
        name: str,
        description: str,
        defer_loading: bool | Omit = omit,
    ) -> None:
        if not name:
            raise ValueError("the name of a tool must not be empty")
        self._format = model if isinstance(model, Format) else format_of(model)
        self._handler = handler
        schema = self._format.schema(strictly=False)
        if schema.get("type") != "object":
            raise TypeError(f"{name}: the arguments of a tool must be an object, which {self._format.name} is not")
        self._definition: dict[str, Any] = {"type": "function", "name": name, "description": description}
        self._definition["parameters"] = schema
        if not isinstance(defer_loading, Omit):
            self._definition["defer_loading"] = defer_loading

    @property
    def name(self) -> str:
        """The name that the model uses, and the key in `tool_handlers`."""
        name: str = self._definition["name"]
        return name

    @property
    def definition(self) -> AgentToolConfigParamFunction:
        """The definition for the `tools` of an agent."""
        return cast("AgentToolConfigParamFunction", deepcopy(self._definition))

    def __call__(self, arguments: dict[str, Any]) -> R:
        """Validate the arguments and call the handler.

        The tools that `function_tool` and `pydantic_function_tool` make return the output that the model gets: text,
        content or `None`, or an awaitable of it.

        Raises:
            ValueError: the arguments do not fit; pydantic's `ValidationError` in programs that use pydantic. Or the
                output contains NaN or an infinity.
            TypeError: the output cannot be encoded as JSON.
        """
        result = self.run(self.parse(arguments))
        if not self._converts:
            return result
        output: Any = self._awaited_output(result) if inspect.isawaitable(result) else self.output(result)
        return cast("R", output)

    def parse(self, arguments: dict[str, Any]) -> Any:
        """Convert the arguments to the handler's type.

        Raises:
            ValueError: the arguments do not fit; pydantic's `ValidationError` in programs that use pydantic.
        """
        try:
            self._check_names(arguments)
            return self._format.decode_lax(encode(arguments).decode())
        except ValueError as error:
            if type(error).__module__.startswith("pydantic_core"):
                raise
            from oai._json.pydantic_schema import validation_error  # only for errors

            raise validation_error(self._format.kind, arguments, error) from None

    def _check_names(self, arguments: Any) -> None:
        if not isinstance(arguments, dict):
            message = f"the arguments of {self.name} must be a dict, not {type(arguments).__name__}"
            raise ValueError(message)  # noqa: TRY004 - as pydantic
        schema = self._definition["parameters"]
        unknown = arguments.keys() - schema.get("properties", arguments).keys()
        if unknown and schema.get("additionalProperties") is False:
            raise ValueError(f"{self.name} has no argument {min(unknown, key=str)!r}")

    def run(self, parsed: Any) -> R:
        """Call the handler with parsed arguments."""
        return self._handler(parsed)

    def output(self, result: Any) -> ToolOutput:
        """Convert a handler's result to the output that the model gets. Raises what calling the tool raises."""
        return tool_output(result, is_mere_content if self._converts else is_content)

    async def _awaited_output(self, result: Awaitable[Any]) -> ToolOutput:
        return self.output(await result)

    def __repr__(self) -> str:
        return f"<FunctionTool {self.name}>"


class _ConvertingTool(FunctionTool[R]):
    """A tool whose calls return the output that the model gets, rather than the handler's result."""

    _converts = True


@overload
def pydantic_function_tool(
    model: Any,
    *,
    handler: Callable[[Any], Awaitable[Any]],
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> FunctionTool[Awaitable[ToolOutput]]: ...
@overload
def pydantic_function_tool(
    model: Any,
    *,
    handler: Callable[[Any], Any],
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> FunctionTool[ToolOutput]: ...
def pydantic_function_tool(
    model: Any,
    *,
    handler: Callable[[Any], Any],
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> FunctionTool[Any]:
    """Make a tool of an agent from a type (of pydantic, or any other that `FunctionTool` takes) and a handler.

    The name and the description come from the type's name and docstring.
    """
    name = clean_name(model.__name__) if name is None else name
    description = description_of(model) if description is None else description
    return _ConvertingTool(model, handler, name=name, description=description, defer_loading=defer_loading)


class _Decorator(Protocol):
    @overload
    def __call__(self, function: Callable[..., Awaitable[Any]]) -> FunctionTool[Awaitable[ToolOutput]]: ...
    @overload
    def __call__(self, function: Callable[..., Any]) -> FunctionTool[ToolOutput]: ...


@overload
def function_tool(
    function: Callable[..., Awaitable[Any]],
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> FunctionTool[Awaitable[ToolOutput]]: ...
@overload
def function_tool(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> FunctionTool[ToolOutput]: ...
@overload
def function_tool(
    function: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> _Decorator: ...
def function_tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> Any:
    """Make a tool of an agent from a typed function or method: `@function_tool` or `@function_tool(name="find")`.

    Name, description and schema come from the function's name, docstring and annotations.

    Raises:
        TypeError: an argument has no type, or its type has no schema.
    """
    if function is None:
        return partial(function_tool, name=name, description=description, defer_loading=defer_loading)
    arguments = _Closed(signature_format(function).kind)
    name = name_of(function) if name is None else name
    description = description_of(function) if description is None else description
    handler = partial(apply, function)
    return _ConvertingTool(arguments, handler, name=name, description=description, defer_loading=defer_loading)


class _Closed(Format):
    """The arguments of a function, which accepts no others."""

    def schema(self, *, strictly: bool = False) -> dict[str, Any]:
        return {**super().schema(strictly=strictly), "additionalProperties": False}
