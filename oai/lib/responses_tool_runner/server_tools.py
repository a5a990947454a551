"""Tools that the server runs: the items that they make, and whether these are complete and were declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from oai.lib._item_shapes import SERVER_ITEM, SERVER_ITEMS

WEB_SEARCH: Final = ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")

TOOLS_OF_ITEMS: Final[dict[str, tuple[str, ...]]] = {
    "web_search_call": WEB_SEARCH,
    "file_search_call": ("file_search",),
    "code_interpreter_call": ("code_interpreter",),
    "image_generation_call": ("image_generation",),
    "mcp_list_tools": ("mcp",),
    "mcp_call": ("mcp",),
    "mcp_approval_request": ("mcp",),
}
"""The types of the tools that make an item."""

SERVER_TOOLS: Final = frozenset(kind for kinds in TOOLS_OF_ITEMS.values() for kind in kinds)


def check_server_item(item: dict[str, Any], tools: Iterable[Mapping[str, Any]]) -> None:
    """Check an item of a server tool.

    Raises:
        ValueError: it is incomplete, or its tool was not declared.
    """
    kind = item["type"]
    declared = [tool for tool in tools if tool["type"] in TOOLS_OF_ITEMS[kind]]
    if not declared:
        raise ValueError("a server tool was not declared for this run")
    if not SERVER_ITEM(item) or not SERVER_ITEMS[kind](item):
        raise ValueError("a server tool did not complete, or its item lacks members")
    if kind.startswith("mcp_") and not any(tool["server_label"] == item["server_label"] for tool in declared):
        raise ValueError("an MCP item needs the label of a declared server")
    if kind == "code_interpreter_call" and not any(_is_container(tool, item) for tool in declared):
        raise ValueError("a code interpreter ran in a container that was not declared")


def _is_container(tool: Mapping[str, Any], item: dict[str, Any]) -> bool:
    container = tool["container"]
    if isinstance(container, dict):
        return container.get("type") == "auto"
    return bool(container == item["container_id"])
