"""`tool_choice`: the tools that the model may use in a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from oai.lib._shapes import Shape, is_text, nullable, one_of
from oai.lib.responses_tool_runner.errors import RunFailure
from oai.lib.responses_tool_runner.server_tools import SERVER_TOOLS, TOOLS_OF_ITEMS

COMPUTERS: Final = ("computer", "computer_use", "computer_use_preview")
LOCAL: Final = ("function", *COMPUTERS)
"""Types of tools whose calls the program runs."""

MCP_CHOICE: Final = Shape({"type": one_of("mcp"), "server_label": is_text}, {"name": nullable(is_text)})
EXCLUDED: Final = "the response contains a {} that tool_choice excludes"


def check_choice(choice: Any, tools: Iterable[Mapping[str, Any]]) -> None:
    """Check that the model is free to end a run.

    Raises:
        ValueError: it would have to call a tool of the program in every response.
    """
    kinds = [tool["type"] for tool in tools] if choice == "required" else []
    if isinstance(choice, dict):
        kinds = [choice["type"]]
        if kinds == ["allowed_tools"] and choice["mode"] == "required":
            kinds = [tool.get("type") for tool in choice["tools"]]
    if kinds and all(kind in LOCAL for kind in kinds):
        raise ValueError(
            "a run cannot end if tool_choice always requires a local tool; use auto, or responses.create for one call"
        )


@dataclass(frozen=True)
class Selection:
    """The tools that may be used; `None` means all of a kind."""

    functions: frozenset[str] | None = None
    has_computer: bool = True
    servers: frozenset[tuple[str, str | None]] | None = None
    """Labels of MCP servers, each with the name of a tool or `None` for all of its tools."""
    types: frozenset[str] | None = None
    """Types of other tools that the server runs."""

    @classmethod
    def of(cls, choice: Any) -> Self:
        """Return the selection of a `tool_choice`."""
        if choice in (None, "auto", "required"):
            return cls()
        is_list = isinstance(choice, dict) and choice["type"] == "allowed_tools"
        tools = [tool for tool in (choice["tools"] if is_list else [choice]) if isinstance(tool, dict)]
        kinds = {tool["type"] for tool in tools if isinstance(tool.get("type"), str)}
        return cls(
            frozenset(tool["name"] for tool in tools if tool.get("type") == "function" and is_text(tool.get("name"))),
            not kinds.isdisjoint(COMPUTERS),
            frozenset((tool["server_label"], tool.get("name")) for tool in tools if MCP_CHOICE(tool)),
            frozenset(kinds & SERVER_TOOLS - {"mcp"}),
        )

    def check_local(self, item: Mapping[str, Any]) -> None:
        """Check a call of a function or of the computer.

        Raises:
            RunFailure: its tool is excluded.
        """
        if item["type"] == "computer_call":
            is_selected = self.has_computer
        else:
            is_selected = self.functions is None or item["name"] in self.functions
        if not is_selected:
            raise RunFailure(EXCLUDED.format("local tool"))

    def check_server(self, item: Mapping[str, Any]) -> None:
        """Check an item of a tool that the server runs.

        Raises:
            RunFailure: its tool is excluded.
        """
        kinds = TOOLS_OF_ITEMS[item["type"]]
        if item["type"] in ("mcp_call", "mcp_approval_request"):
            label = item["server_label"]
            is_selected = self.servers is None or not self.servers.isdisjoint({(label, None), (label, item["name"])})
        else:
            is_selected = self.types is None or kinds == ("mcp",) or not self.types.isdisjoint(kinds)
        if not is_selected:
            raise RunFailure(EXCLUDED.format("server tool"))
