"""Tools made of functions and types: `function_tool`, and the parsing of a model's calls.

A `FunctionTool` is the dict that the Chat Completions API takes, with the function or type it was made of. `tools_for`
converts a list of tools to the shape of either API; `Tools` finds the tool that a call names.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec

from oai._support.plain_data import as_list
from oai.helpers.structured.annotations import argument_types
from oai.helpers.structured.constraints import constrain, find_description
from oai.helpers.structured.content import arguments_text
from oai.helpers.structured.schemas import Format, clean_name, format_of

Api = Literal["chat", "responses"]

SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?)\s*:\s*$", re.MULTILINE)
ENTRY = re.compile(r"^ *\*{0,2}(\w+) *(?:\([^)]*\))? *: *(.+)$")


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
        plain = _plain(self.target)
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


def tools_for(api: Api, tools: Iterable[Any]) -> list[Any]:
    """Return tools in an API's shape: make tools of functions and types, and convert those in the other API's shape."""
    convert = _chat_shape if api == "chat" else _responses_shape
    return [convert(_as_tool(tool)) for tool in tools]


def _as_tool(tool: Any) -> Any:
    if isinstance(tool, Mapping) and tool.get("type") == "namespace":
        return {**tool, "tools": [_as_tool(nested) for nested in tool.get("tools") or ()]}
    return tool if isinstance(tool, (Mapping, msgspec.Struct)) else function_tool(tool)


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
    """The tools of a request, by name; those of a namespace by its name, too."""

    def __init__(self, tools: Iterable[Any] = ()) -> None:
        self.all: list[Any] = [_as_tool(tool) for tool in tools]
        spaces = [tool for tool in self.all if _get(tool, "type") == "namespace"]
        self._namespaces = {_get(space, "name"): _by_name(_get(space, "tools")) for space in spaces}
        self._named = _by_name(self.all)
        for named in self._namespaces.values():  # a server may leave out the namespace of a call
            self._named = {**named, **self._named}

    def _find(self, name: Any, namespace: Any) -> Any:
        if not isinstance(name, str):
            return None
        if isinstance(namespace, str) and namespace in self._namespaces:
            return self._namespaces[namespace].get(name)
        is_outside = not namespace or namespace == name  # a deferred tool may have its own name as its namespace
        return self._named.get(name) if is_outside else None

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def has(self, name: str, namespace: str | None = None) -> bool:
        """Whether there is a tool of a name."""
        return self._find(name, namespace) is not None

    def get(self, name: str | None, namespace: str | None = None) -> FunctionTool | None:
        """Return the tool of a name if it was made of a function or a type."""
        tool = self._find(name, namespace)
        return tool if isinstance(tool, FunctionTool) else None

    @property
    def parse_any(self) -> bool:
        """Whether the arguments of any tool's calls are parsed."""
        return any(_is_parsed(tool) for named in (self._named, *self._namespaces.values()) for tool in named.values())

    def is_parsed(self, name: str, namespace: str | None = None) -> bool:
        """Whether the arguments of this tool's calls are parsed."""
        return _is_parsed(self._find(name, namespace))

    def parse(self, name: str | None, arguments: Any, namespace: str | None = None) -> Any:
        """Parse the arguments of a call: typed for a `FunctionTool`, JSON for a strict tool, `None` for any other.

        Raises:
            ValueError: the arguments do not fit.
        """
        tool = self.get(name, namespace)
        if tool is not None:
            return tool.parse(arguments)
        is_parsed = isinstance(name, str) and self.is_parsed(name, namespace)
        return msgspec.json.decode(arguments_text(arguments)) if is_parsed else None


def _is_parsed(tool: Any) -> bool:
    return isinstance(tool, FunctionTool) or _get(_get(tool, "function") or tool, "strict") is True


def _by_name(tools: Any) -> dict[str, Any]:
    return {name: tool for tool in as_list(tools) if (name := _name(tool))}


def _name(tool: Any) -> Any:
    if isinstance(tool, FunctionTool):
        return tool.name
    return None if _get(tool, "type") == "namespace" else _inner_name(tool) or _get(tool, "name")


def _inner_name(tool: Any) -> Any:
    return next((name for kind in ("function", "custom") if (name := _get(_get(tool, kind), "name"))), None)


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def signature_format(function: Callable[..., Any]) -> Format:
    """Return the format of a function's arguments: a TypedDict, so that missing ones get the function's defaults."""
    name, plain = name_of(function), _plain(function)
    if isinstance(plain, type):
        raise TypeError(f"{name}(): a partial of a type cannot be a tool; give the fields of a type defaults instead")
    hinted = plain if inspect.isroutine(plain) else type(plain).__call__
    try:
        hints = argument_types(hinted)
    except NameError as error:
        raise TypeError(f"{name}(): {error}; define the types of a tool's arguments at module level") from error
    descriptions = _argument_descriptions(inspect.getdoc(plain) or "")
    bound = function.keywords if isinstance(function, functools.partial) else {}
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in bound:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{name}(): a model cannot pass *{parameter.name}; declare each argument by name")
        if parameter.name not in hints:
            raise TypeError(f"{name}(): the argument {parameter.name!r} has no type annotation, which a tool needs")
        kind = _annotated(hints[parameter.name], descriptions.get(parameter.name))
        fields[parameter.name] = kind if parameter.default is parameter.empty else typing.NotRequired[kind]
    return Format(typing.TypedDict(name, fields))  # type: ignore[operator]  # made at run time


def name_of(function: Callable[..., Any]) -> str:
    """Return a function's name, or that of its class, in a form that the API accepts."""
    plain = _plain(function)
    return clean_name(getattr(plain, "__name__", type(plain).__name__))


def _plain(function: Any) -> Any:
    """Return the function of a `partial`. Python flattens nested partials, so that one step is enough."""
    return function.func if isinstance(function, functools.partial) else function


def _annotated(kind: Any, description: str | None) -> Any:
    """Return a type with its constraints and its description as `msgspec.Meta`."""
    if typing.get_origin(kind) is typing.Annotated:
        items = [item for item in kind.__metadata__ if not isinstance(item, str)]
        description = find_description(kind.__metadata__) or description
        constrained = constrain(kind.__origin__, items)
        kind = typing.Annotated[constrained, *items] if items else constrained
    return typing.Annotated[kind, msgspec.Meta(description=description)] if description else kind


def description_of(target: Any) -> str:
    """Return a docstring up to its first section; one generated by `dataclass` counts as none."""
    if isinstance(target, type):
        text = target.__dict__.get("__doc__") or ""
        return "" if text.startswith(f"{target.__name__}(") else inspect.cleandoc(text)
    return SECTION.split(inspect.getdoc(_plain(target)) or "")[0].strip()


def _argument_descriptions(doc: str) -> dict[str, str]:
    """Return the descriptions in the `Args:` section of a Google docstring."""
    pieces = SECTION.split(doc)
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    text = next((sections[name] for name in ("Args", "Arguments", "Parameters") if name in sections), "")
    lines = [line for line in text.splitlines() if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    descriptions: dict[str, str] = {}
    last = ""
    for line in lines:
        entry = ENTRY.match(line) if len(line) - len(line.lstrip()) == indent else None
        if entry is not None:
            last = entry[1]
            descriptions[last] = entry[2].strip()
        elif last:
            descriptions[last] += f" {line.strip()}"
    return descriptions


def apply(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a function; pass positional-only arguments by position."""
    parameters = inspect.signature(function).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_ONLY]
    positional = [arguments.pop(name) for name in names if name in arguments]
    return function(*positional, **arguments)
