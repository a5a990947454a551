"""Tools of agents that run here: `function_tool`, which makes a definition and a handler of a function or a type.

A handler takes the arguments of a call as a dict. A `FunctionTool` is one that checks them first, by the types of
a function or by a type of the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast, overload

from oai._json.encode import encode
from oai._support.omit import Omit, omit
from oai.helpers.structured.functions import apply, described, name_of, signature_format
from oai.helpers.structured.schemas import Format, clean_name, format_of

if TYPE_CHECKING:
    from oai.types.beta.agents_params import AgentToolConfigParamFunction

R = TypeVar("R")

ToolOutput: TypeAlias = Any
"""What a handler returns: text, content (`[{"type": "input_text", "text": ...}]`), nothing, or what becomes JSON."""

ToolHandler: TypeAlias = Callable[[dict[str, Any]], ToolOutput]


class FunctionTool(Generic[R]):
    """A function of an agent: its definition, and the handler that its calls are checked for.

    Args:
        model: the type of the arguments: a msgspec struct, dataclass, TypedDict or pydantic model.
        handler: takes a value of that type.
        name: what the model calls it.
        description: what the model is told of it.
        defer_loading: whether it is only found by `tool_search`.

    Raises:
        TypeError: the type has no schema, or none of an object.
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
            raise ValueError("a tool needs a name")
        self._format = model if isinstance(model, Format) else format_of(model)
        self._handler = handler
        schema = self._format.schema(strictly=False)
        if schema.get("type") != "object":
            raise TypeError(f"{name}: the arguments of a tool are an object, which {self._format.name} is not")
        self._definition: dict[str, Any] = {"type": "function", "name": name, "description": description}
        self._definition["parameters"] = schema
        if not isinstance(defer_loading, Omit):
            self._definition["defer_loading"] = defer_loading

    @property
    def name(self) -> str:
        """What the model calls it, and the key in `tool_handlers`."""
        found: str = self._definition["name"]
        return found

    @property
    def definition(self) -> AgentToolConfigParamFunction:
        """What goes into the `tools` of an agent."""
        return cast("AgentToolConfigParamFunction", deepcopy(self._definition))

    def __call__(self, arguments: dict[str, Any]) -> R:
        """Check the arguments and call the handler.

        Raises:
            ValueError: the arguments do not fit.
        """
        return self.run(self.parse(arguments))

    def parse(self, arguments: dict[str, Any]) -> Any:
        """Return the arguments as what the handler takes.

        Raises:
            ValueError: they do not fit.
        """
        unknown = arguments.keys() - self._definition["parameters"].get("properties", arguments).keys()
        if unknown and self._definition["parameters"].get("additionalProperties") is False:
            raise ValueError(f"{self.name} has no argument {min(unknown)!r}")
        return self._format.decode(encode(arguments).decode())

    def run(self, parsed: Any) -> R:
        """Call the handler with arguments that are checked."""
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
    """Make a tool of an agent of a type, of pydantic or another that `FunctionTool` takes, and what takes its values.

    The name and the description come from the type's name and docstring.
    """
    name = clean_name(model.__name__) if name is None else name
    description = described(model) if description is None else description
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
    """Make a tool of an agent of a typed function or bound method: `@function_tool` or `@function_tool(name="find")`.

    The name, the description and the schema come from the function's name, docstring and annotations.

    Raises:
        TypeError: an argument has no type, or one that has no schema.
    """
    if function is None:
        return partial(function_tool, name=name, description=description, defer_loading=defer_loading)
    arguments = _Closed(signature_format(function).kind)
    name = name_of(function) if name is None else name
    description = described(function) if description is None else description
    handler = partial(apply, function)
    return FunctionTool(arguments, handler, name=name, description=description, defer_loading=defer_loading)


class _Closed(Format):
    """The arguments of a function, which has no others."""

    def schema(self, *, strictly: bool = False) -> dict[str, Any]:
        return {**super().schema(strictly=strictly), "additionalProperties": False}
