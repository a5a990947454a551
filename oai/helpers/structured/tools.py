"""Lists of tools: in the shape of either API, and by the name that a call has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from oai._support.plain_data import as_list
from oai.helpers.structured.content import arguments_text
from oai.helpers.structured.functions import FunctionTool, function_tool

Api = Literal["chat", "responses"]


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
        """Return whether there is a tool of a name."""
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
        """Return whether the arguments of this tool's calls are parsed."""
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
