"""Functions and types as tools of a model: `function_tool`, and what a model's call of one becomes.

A `FunctionTool` is the dict that the Chat Completions API takes, and knows the function or type that it was made of.
`tools_for` gives a list of tools in the shape of either API; `called` finds the tool that a model's call is for.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec

from oai.helpers.structured.schemas import Format, clean_name, format_of

Api = Literal["chat", "responses"]

SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?)\s*:\s*$", re.MULTILINE)
ENTRY = re.compile(r"^ *\*{0,2}(\w+) *(?:\([^)]*\))? *: *(.+)$")


class FunctionTool(dict[str, Any]):
    """A tool made of a function or a type: a dict in the shape of the Chat Completions API.

    Attributes:
        target: the function or type.
        name: what the model calls it.
    """

    def __init__(self, target: Any, *, name: str | None, description: str | None, strict: bool) -> None:
        self.target = target
        self._given = (name, description, strict)
        self._format = format_of(target) if isinstance(target, type) else signature_format(target)
        self.name = clean_name(name or self._format.name)
        function: dict[str, Any] = {"name": self.name}
        description = described(target) if description is None else description
        if description:
            function["description"] = description
        parameters = self._format.schema(strictly=strict)
        super().__init__(type="function", function={**function, "strict": strict, "parameters": parameters})

    def __reduce__(self) -> tuple[Any, ...]:
        return function_tool, (self.target, *self._given), None, None, iter(self.items())

    @property
    def for_responses(self) -> dict[str, Any]:
        """The tool in the shape of the Responses API."""
        return {"type": "function", **self["function"]}

    def parse(self, arguments: str) -> Any:
        """Return the arguments of a call: a dict for a function, a value of the type for a type.

        Raises:
            ValueError: they are not JSON, or do not fit.
        """
        return self._format.decode(arguments if arguments.strip() else "{}")

    @property
    def can_run(self) -> bool:
        """Whether there is something to call: a function, or a type whose values can be called."""
        return self._called is not None

    @property
    def is_async(self) -> bool:
        """Whether a call of it has to be awaited."""
        return inspect.iscoroutinefunction(self._called)

    @property
    def _called(self) -> Any:
        plain = _plain(self.target)
        if inspect.isroutine(plain):
            return plain
        kind = plain if isinstance(plain, type) else type(plain)
        return next((each.__dict__["__call__"] for each in kind.__mro__ if "__call__" in each.__dict__), None)

    def function(self, parsed: Any) -> Callable[[], Any]:
        """Return what a call with parsed arguments runs."""
        if isinstance(self.target, type):
            run: Callable[[], Any] = parsed
            return run
        return lambda: apply(self.target, parsed)


def function_tool(
    target: Any, name: str | None = None, description: str | None = None, strict: bool = True
) -> FunctionTool:
    """Make a tool of a typed function, or of a type whose fields are the arguments.

    The name, the description and the schema come from the name, the docstring and the annotations; an argument is
    described by `Annotated[str, "the city"]`, `Annotated[str, msgspec.Meta(description=...)]` or a Google docstring.
    It goes into `tools=` of chat completions as it is, into that of responses as `tool.for_responses`, and into
    `parse`, `stream` and `run_tools` of either as it is.

    Args:
        target: a function, or a msgspec struct, dataclass, TypedDict or pydantic model. What a `functools.partial`
            gives a function is not asked of the model.
        name: what the model calls it.
        description: what the model is told of it.
        strict: whether the API guarantees the schema, which then must be one that it can express.

    Raises:
        TypeError: an argument has no type, or one that has no (strict) schema.
    """
    return FunctionTool(target, name=name, description=description, strict=strict)


def pydantic_function_tool(model: Any, *, name: str | None = None, description: str | None = None) -> FunctionTool:
    """Make a tool of a pydantic model: the official SDK's name for `function_tool`."""
    return FunctionTool(model, name=name, description=description, strict=True)


def pydantic_responses_function_tool(
    model: Any, *, name: str | None = None, description: str | None = None, defer_loading: bool | None = None
) -> FunctionTool:
    """Make a tool of a pydantic model, or of what else `function_tool` takes, for `responses.parse` and `stream`.

    Args:
        model: the type of the arguments.
        name: what the model calls it.
        description: what the model is told of it.
        defer_loading: whether the tool is only found by `tool_search`.
    """
    tool = FunctionTool(model, name=name, description=description, strict=True)
    if defer_loading is not None:
        tool["function"]["defer_loading"] = defer_loading
    return tool


def tools_for(api: Api, tools: Iterable[Any]) -> list[Any]:
    """Return tools as an API takes them: functions and types made tools, the other API's shape turned round."""
    made = [each if isinstance(each, (Mapping, msgspec.Struct)) else function_tool(each) for each in tools]
    return [_chat_shape(each) for each in made] if api == "chat" else [_responses_shape(each) for each in made]


def _chat_shape(tool: Any) -> Any:
    if isinstance(tool, Mapping) and tool.get("type") == "function" and "function" not in tool:
        return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}
    return tool


def _responses_shape(tool: Any) -> Any:
    if isinstance(tool, Mapping) and tool.get("type") == "namespace":
        return {**tool, "tools": tools_for("responses", tool["tools"])}
    if isinstance(tool, Mapping) and tool.get("type") == "function" and isinstance(tool.get("function"), Mapping):
        return {"type": "function", **tool["function"]}
    return tool


class Tools:
    """The tools of a request by their names, to find those that the model calls."""

    def __init__(self, tools: Iterable[Any] = ()) -> None:
        self.given: list[Any] = []
        self._named: dict[str, Any] = {}
        for tool in tools:
            self.given.append(tool if isinstance(tool, (Mapping, msgspec.Struct)) else function_tool(tool))
        self._add(self.given)

    def _add(self, tools: Iterable[Any]) -> None:
        for tool in tools:
            kind, name, nested = _get(tool, "type"), _get(tool, "name"), _get(tool, "tools")
            if kind == "namespace" and isinstance(nested, (list, tuple)):
                self._add(nested)
            elif name := tool.name if isinstance(tool, FunctionTool) else _inner_name(tool) or name:
                self._named[name] = tool

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def get(self, name: str | None) -> FunctionTool | None:
        """Return the tool of a name where it was made of a function or a type."""
        tool = self._named.get(name or "")
        return tool if isinstance(tool, FunctionTool) else None

    @property
    def parse_any(self) -> bool:
        """Whether the arguments of any tool are parsed."""
        return any(map(self.is_parsed, self._named))

    def is_parsed(self, name: str) -> bool:
        """Whether the arguments of calls of this tool are parsed."""
        tool = self._named.get(name)
        function = _get(tool, "function") or tool
        return isinstance(tool, FunctionTool) or _get(function, "strict") is True

    def parse(self, name: str | None, arguments: str | None) -> Any:
        """Return the arguments of a call: typed for a `FunctionTool`, JSON for a strict tool, `None` for any other.

        Raises:
            ValueError: they do not fit.
        """
        tool = self.get(name)
        if tool is not None:
            return tool.parse(arguments or "")
        return msgspec.json.decode(arguments or "{}") if name is not None and self.is_parsed(name) else None


def _inner_name(tool: Any) -> Any:
    return next((name for kind in ("function", "custom") if (name := _get(_get(tool, kind), "name"))), None)


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def signature_format(function: Callable[..., Any]) -> Format:
    """Make the format of a function's arguments: a TypedDict, so that what is left out has the function's default."""
    name, plain = name_of(function), _plain(function)
    if isinstance(plain, type):
        raise TypeError(f"{name}(): a partial of a type is no tool; give the field of a type of its own a default")
    hinted = plain if inspect.isroutine(plain) else type(plain).__call__
    try:
        hints = typing.get_type_hints(hinted, include_extras=True)
    except NameError as error:
        raise TypeError(f"{name}(): {error}; the types of a tool's arguments stand at the top of a module") from error
    described = _described_arguments(inspect.getdoc(plain) or "")
    given = function.keywords if isinstance(function, functools.partial) else {}
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in given:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{name}(): a model cannot give *{parameter.name}; name each argument")
        if parameter.name not in hints:
            raise TypeError(f"{name}(): the argument {parameter.name!r} has no type; a tool's arguments need one")
        kind = _annotated(hints[parameter.name], described.get(parameter.name))
        fields[parameter.name] = kind if parameter.default is parameter.empty else typing.NotRequired[kind]
    return Format(typing.TypedDict(name, fields))  # type: ignore[operator]  # made at run time


def name_of(function: Callable[..., Any]) -> str:
    """Return what a model may call a function, by its name or that of its class."""
    plain = _plain(function)
    return clean_name(getattr(plain, "__name__", type(plain).__name__))


def _plain(function: Any) -> Any:
    """Return a function without what `partial` gives it; a partial of a partial is one of the function already."""
    return function.func if isinstance(function, functools.partial) else function


def _annotated(kind: Any, description: str | None) -> Any:
    """Return a type with its description in msgspec's form."""
    if typing.get_origin(kind) is typing.Annotated:
        texts = [each for each in kind.__metadata__ if isinstance(each, str)]
        others = tuple(each for each in kind.__metadata__ if isinstance(each, msgspec.Meta))
        description = texts[0] if texts else description
        if any(each.description for each in others):
            description = None
        kind = typing.Annotated[kind.__origin__, *others] if others else kind.__origin__
    return typing.Annotated[kind, msgspec.Meta(description=description)] if description else kind


def described(target: Any) -> str:
    """Return what a docstring says before its sections; the one that `dataclass` writes does not count."""
    if isinstance(target, type):
        text = target.__dict__.get("__doc__") or ""
        return "" if text.startswith(f"{target.__name__}(") else inspect.cleandoc(text)
    return SECTION.split(inspect.getdoc(_plain(target)) or "")[0].strip()


def _described_arguments(doc: str) -> dict[str, str]:
    """Return the descriptions that the `Args:` section of a Google docstring has."""
    pieces = SECTION.split(doc)
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    text = next((sections[name] for name in ("Args", "Arguments", "Parameters") if name in sections), "")
    lines = [line for line in text.splitlines() if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    found: dict[str, str] = {}
    last = ""
    for line in lines:
        entry = ENTRY.match(line) if len(line) - len(line.lstrip()) == indent else None
        if entry is not None:
            last = entry[1]
            found[last] = entry[2].strip()
        elif last:
            found[last] += f" {line.strip()}"
    return found


def apply(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a function, giving by position what it takes by position alone."""
    parameters = inspect.signature(function).parameters.values()
    first = [
        arguments.pop(each.name) for each in parameters if each.kind is each.POSITIONAL_ONLY and each.name in arguments
    ]
    return function(*first, **arguments)
