"""Tools of agents that run in this process: `function_tool` makes a definition and a handler of a function or a type.

A handler takes the arguments of a call as a dict. A `FunctionTool` is a handler that first validates them against the
annotations of a function or against a type.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar, cast, overload

from oai._json.encode import encode
from oai._support.omit import Omit, omit
from oai.helpers.structured.schemas import Format, clean_name, format_of
from oai.helpers.structured.signatures import apply, description_of, name_of, signature_format
from oai.types.beta.agents_params import AgentToolConfigParamFunction

R = TypeVar("R")

ToolOutput: TypeAlias = Any
"""A handler's result: text, content (`[{"type": "input_text", "text": ...}]`), `None`, or any JSON-compatible value."""

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

        Raises:
            ValueError: the arguments do not fit.
        """
        return self.run(self.parse(arguments))

    def parse(self, arguments: dict[str, Any]) -> Any:
        """Convert the arguments to the handler's type.

        Raises:
            ValueError: the arguments do not fit.
        """
        unknown = arguments.keys() - self._definition["parameters"].get("properties", arguments).keys()
        if unknown and self._definition["parameters"].get("additionalProperties") is False:
            raise ValueError(f"{self.name} has no argument {min(unknown)!r}")
        return self._format.decode(encode(arguments).decode())

    def run(self, parsed: Any) -> R:
        """Call the handler with parsed arguments."""
        return self._handler(parsed)

    def __repr__(self) -> str:
        return f"<FunctionTool {self.name}>"


def pydantic_function_tool(
    model: Any,
    *,
    handler: Callable[[Any], R],
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> FunctionTool[R]:
    """Make a tool of an agent from a type (of pydantic, or any other that `FunctionTool` takes) and a handler.

    The name and the description come from the type's name and docstring.
    """
    name = clean_name(model.__name__) if name is None else name
    description = description_of(model) if description is None else description
    return FunctionTool(model, handler, name=name, description=description, defer_loading=defer_loading)


@overload
def function_tool(
    function: Callable[..., R],
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> FunctionTool[R]: ...
@overload
def function_tool(
    function: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | Omit = omit,
) -> Callable[[Callable[..., R]], FunctionTool[R]]: ...
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
    return FunctionTool(arguments, handler, name=name, description=description, defer_loading=defer_loading)


class _Closed(Format):
    """The arguments of a function, which accepts no others."""

    def schema(self, *, strictly: bool = False) -> dict[str, Any]:
        return {**super().schema(strictly=strictly), "additionalProperties": False}
