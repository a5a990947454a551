"""Check a history before it is sent again: every item is complete, and every call has exactly one output after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from oai.lib._item_shapes import (
    APPROVAL_RESPONSE,
    COMPACTION,
    COMPUTER_OUTPUT,
    FUNCTION_CALL,
    FUNCTION_OUTPUT,
    REASONING,
    SERVER_ITEMS,
    is_computer_call,
    is_input_message,
)
from oai.lib.responses_tool_runner.mcp import Approvals
from oai.lib.responses_tool_runner.outputs import copy_output, is_blank
from oai.lib.responses_tool_runner.registration import parse_arguments
from oai.lib.responses_tool_runner.server_tools import check_server_item

Item = dict[str, Any]

COMPUTERS: Final = ("computer", "computer_use_preview")


def check_history(history: list[Item], tools: Iterable[Mapping[str, Any]], *, may_refer: bool = False) -> set[str]:
    """Check a history, and return the ids of its calls and approval requests.

    Args:
        history: the items.
        tools: the tools of the run.
        may_refer: whether items may refer to what the server stores, which no ledger could save.

    Raises:
        ValueError: it cannot be replayed. The message contains none of its data.
    """
    native_ids(history)
    check = _HistoryCheck(tools, may_refer=may_refer)
    for index, item in enumerate(history):
        check.add(item, is_last=index == len(history) - 1)
    return check.ids()


def native_ids(history: Iterable[Item]) -> set[str]:
    """Return the ids of a history's items.

    Raises:
        ValueError: two items have the same one.
    """
    defined: set[str] = set()
    referred: set[str] = set()
    for item in history:
        name = item.get("id")
        if type(name) is not str or not name:
            continue
        if is_reference(item):
            referred.add(name)
        elif name in defined:
            raise ValueError("the history has two items with the same id")
        else:
            defined.add(name)
    return defined | referred


def is_reference(item: Item) -> bool:
    """Return whether an item is a reference to one that the server stores."""
    is_bare = item.get("type") is None and "role" not in item and "content" not in item
    return item.get("type") == "item_reference" or (is_bare and "id" in item)


def has_observation(history: Iterable[Item]) -> bool:
    """Return whether a history has a message of the user with content."""
    return any(
        item.get("type", "message") == "message" and item.get("role") == "user" and not is_blank(item.get("content"))
        for item in history
    )


class _HistoryCheck:
    """The calls, outputs and approvals of a history up to some item."""

    def __init__(self, tools: Iterable[Mapping[str, Any]], *, may_refer: bool) -> None:
        self._tools = list(tools)
        self._functions = {tool["name"] for tool in self._tools if tool["type"] == "function"}
        self._has_computer = any(tool["type"] in COMPUTERS for tool in self._tools)
        self._may_refer = may_refer
        self._calls: dict[str, str] = {}
        self._returned: set[str] = set()
        self._approvals = Approvals()

    def ids(self) -> set[str]:
        """Return the ids of all calls and requests.

        Raises:
            ValueError: one has no output or response.
        """
        if self._calls.keys() != self._returned or self._approvals.requests.keys() != self._approvals.answered:
            raise ValueError("the history has calls without an output")
        return {*self._calls, *self._approvals.requests}

    def add(self, item: Item, *, is_last: bool) -> None:
        """Check the next item.

        Raises:
            ValueError: it cannot be replayed.
        """
        kind = item.get("type", "message")
        if self._may_refer and kind == "compaction_trigger":
            _require(is_last, "a compaction trigger must be the last item")
        elif self._may_refer and is_reference(item):
            _require(type(item.get("id")) is str, "an item reference needs an id")
        elif type(kind) is str and kind in SERVER_ITEMS:
            self._add_server_item(item)
        elif type(kind) is str and kind in self.CHECKS:
            self.CHECKS[kind](self, item)
        else:
            raise ValueError("the history has an item that cannot be replayed")

    def _add_server_item(self, item: Item) -> None:
        check_server_item(item, self._tools)
        if item["type"] == "mcp_approval_request":
            _require(item["id"] not in self._calls, "the ids of calls must be unique")
            self._approvals.request(item)
        elif item["type"] == "mcp_call":
            self._approvals.use(item)

    def _add_call(self, item: Item) -> None:
        name = item.get("call_id")
        is_new = type(name) is str and name not in self._calls and name not in self._approvals.requests
        _require(is_new, "the call id of an item is missing or duplicate")
        _require(item.get("status") in (None, "completed"), "the history has an incomplete call")
        self._calls[str(name)] = item["type"]

    def _add_function_call(self, item: Item) -> None:
        self._add_call(item)
        is_registered = FUNCTION_CALL(item) and item["name"] in self._functions
        _require(is_registered, "the history has a call of a function that is not registered")
        parse_arguments(item.get("arguments"))

    def _add_computer_call(self, item: Item) -> None:
        self._add_call(item)
        is_complete = self._has_computer and is_computer_call(item)
        _require(is_complete, "the history has a computer call that is incomplete, or there is no computer")

    def _add_output(self, item: Item) -> None:
        name = item.get("call_id")
        kind = self._calls.get(name) if type(name) is str else None
        is_next = kind is not None and item["type"] == f"{kind}_output" and name not in self._returned
        _require(is_next, "the history has an output without its call")
        self._returned.add(str(name))

    def _add_function_output(self, item: Item) -> None:
        self._add_output(item)
        _require(FUNCTION_OUTPUT(item), "a function output of the history has invalid members")
        copy_output(item.get("output"))

    def _add_computer_output(self, item: Item) -> None:
        self._add_output(item)
        _require(COMPUTER_OUTPUT(item), "a computer output of the history needs a screenshot, and valid members")

    def _add_approval(self, item: Item) -> None:
        _require(APPROVAL_RESPONSE(item), "an MCP approval response of the history has invalid members")
        self._approvals.respond(item)

    def _add_message(self, item: Item) -> None:
        _require(is_input_message(item), "a message of the history has invalid content")

    def _add_reasoning(self, item: Item) -> None:
        _require(REASONING(item), "a reasoning item of the history is incomplete")

    def _add_compaction(self, item: Item) -> None:
        _require(COMPACTION(item), "a compaction of the history needs its encrypted content")

    def _add_configuration(self, item: Item) -> None:
        """Accept an item that no other refers to."""

    CHECKS: Final = {
        "function_call": _add_function_call,
        "computer_call": _add_computer_call,
        "function_call_output": _add_function_output,
        "computer_call_output": _add_computer_output,
        "mcp_approval_response": _add_approval,
        "message": _add_message,
        "reasoning": _add_reasoning,
        "compaction": _add_compaction,
        "configuration_update": _add_configuration,
    }
    """The method for each type of item, except those of server tools."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
