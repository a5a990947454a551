"""Function tools: `function_tool` and the official SDK's names for it, and the parsing of a model's calls.

A `FunctionTool` is the dict that the Chat Completions API takes, with the function or type it was made of.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from oai.helpers.structured.content import arguments_text
from oai.helpers.structured.schemas import clean_name, format_of
from oai.helpers.structured.signatures import apply, description_of, plain_function, signature_format


class FunctionTool(dict[str, Any]):
    """A tool made of a function or a type; a dict in the shape of the Chat Completions API.

    Attributes:
        target: the function or type.
        name: the name that the model uses.
    """

    def __init__(self, target: Any, *, name: str | None, description: str | None, strict: bool) -> None:
        self.target = target
        self._options = (name, description, strict)
        is_type = isinstance(target, type) or typing.get_origin(target) is not None
        if not is_type and not callable(target):
            raise TypeError(f"a tool must be a function or a type, not {target!r}")
        self._format = format_of(target) if is_type else signature_format(target)
        self.name = clean_name(name or self._format.name)
        function: dict[str, Any] = {"name": self.name}
        description = description_of(target) if description is None else description
        if description:
            function["description"] = description
        parameters = self._format.schema(strictly=strict)
        super().__init__(type="function", function={**function, "strict": strict, "parameters": parameters})

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self), self.target, *self._options), None, None, iter(self.items())

    @property
    def for_responses(self) -> dict[str, Any]:
        """The tool in the shape of the Responses API."""
        return {"type": "function", **self["function"]}

    def parse(self, arguments: Any) -> Any:
        """Parse the arguments of a call: a dict for a function, a value of the type for a type.

        Raises:
            ValueError: the arguments are not JSON, or do not fit.
        """
        return self._format.decode(arguments_text(arguments))

    @property
    def can_run(self) -> bool:
        """Whether a call can be run: the target is a function, or a type whose values are callable."""
        return self._called is not None

    @property
    def is_async(self) -> bool:
        """Whether running a call returns an awaitable."""
        return inspect.iscoroutinefunction(self._called)

    @property
    def _called(self) -> Any:
        plain = plain_function(self.target)
        if inspect.isroutine(plain):
            return plain
        kind = plain if isinstance(plain, type) else type(plain)
        return next((base.__dict__["__call__"] for base in kind.__mro__ if "__call__" in base.__dict__), None)

    def function(self, parsed: Any) -> Callable[[], Any]:
        """Return a function without arguments that runs a call with parsed arguments."""
        if isinstance(self.target, type):
            run: Callable[[], Any] = parsed
            return run
        return lambda: apply(self.target, parsed)


class ResponsesFunctionTool(FunctionTool):
    """A tool made of a function or a type; a dict in the shape of the Responses API."""

    def __init__(self, target: Any, *, name: str | None, description: str | None, strict: bool) -> None:
        super().__init__(target, name=name, description=description, strict=strict)
        flat = {"type": "function", **self["function"]}
        self.clear()
        self.update(flat)

    @property
    def for_responses(self) -> dict[str, Any]:
        """The tool as a plain dict."""
        return dict(self)


def _remake(
    kind: type[FunctionTool], target: Any, name: str | None, description: str | None, strict: bool
) -> FunctionTool:
    """Make a tool that was copied or pickled."""
    return kind(target, name=name, description=description, strict=strict)


def function_tool(
    target: Any, name: str | None = None, description: str | None = None, strict: bool = True
) -> FunctionTool:
    """Make a tool of a typed function, or of a type whose fields are the arguments.

    Name, description and schema come from the target's name, docstring and annotations. To describe an argument, use
    `Annotated[str, "the city"]`, `msgspec.Meta`, pydantic's `Field` or a Google docstring. Pass the tool in `tools=` of
    chat completions as it is, to `responses.create` as `tool.for_responses`, and to `parse`, `stream` and `run_tools`
    of both APIs as it is.

    Args:
        target: a function, or a msgspec struct, dataclass, TypedDict or pydantic model. Arguments bound by
            `functools.partial` are not part of the schema.
        name: the name that the model uses.
        description: the description for the model.
        strict: whether the API guarantees that arguments match the schema, which then must be in its strict form.

    Raises:
        TypeError: an argument has no type, or its type has no (strict) schema.
    """
    return FunctionTool(target, name=name, description=description, strict=strict)


def pydantic_function_tool(
    model: Any, *, name: str | None = None, description: str | None = None, strict: bool = True
) -> FunctionTool:
    """Make a tool of a pydantic model. This is the official SDK's name for `function_tool`."""
    return FunctionTool(model, name=name, description=description, strict=strict)


def pydantic_responses_function_tool(
    model: Any,
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: bool | None = None,
    strict: bool = True,
) -> FunctionTool:
    """Make a tool of a pydantic model, or of any target of `function_tool`, in the shape of the Responses API.

    Args:
        model: the type of the arguments.
        name: the name that the model uses.
        description: the description for the model.
        defer_loading: whether the model only finds the tool through `tool_search`.
        strict: as for `function_tool`.
    """
    tool = ResponsesFunctionTool(model, name=name, description=description, strict=strict)
    if defer_loading is not None:
        tool["defer_loading"] = defer_loading
    return tool
