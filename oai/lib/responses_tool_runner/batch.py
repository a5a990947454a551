"""The items of one response: which may be executed, in which order, and whether a stream matched its final response."""

from __future__ import annotations

import time
from typing import Any, Final

from oai.lib._item_shapes import (
    FUNCTION_CALL,
    OUTPUT_MESSAGE,
    OWN_COMPACTION,
    REASONING,
    SERVER_ITEMS,
    is_computer_call,
)
from oai.lib._shapes import Check, copy_json
from oai.lib.responses_tool_runner.errors import STEP_LIMIT, RunFailure
from oai.lib.responses_tool_runner.mcp import approvals_of
from oai.lib.responses_tool_runner.outputs import copy_supplied
from oai.lib.responses_tool_runner.registration import Early
from oai.lib.responses_tool_runner.server_tools import check_server_item
from oai.lib.responses_tool_runner.state import RunState
from oai.lib.tool_diagnostics import emit_tool_diagnostic

Item = dict[str, Any]

CALLS: Final = ("function_call", "computer_call")
MODEL_ITEMS: Final[dict[str, Check]] = {
    "message": lambda item: item.get("status") == "completed" and OUTPUT_MESSAGE(item),
    "reasoning": REASONING,
    "compaction": OWN_COMPACTION,
}
"""The shapes of items that are not calls."""


class Batch:
    """The items of a turn.

    Args:
        state: the state of the run.
        is_last: whether no further request may follow, so that no call is executed.
    """

    def __init__(self, state: RunState, *, is_last: bool) -> None:
        self._state = state
        self._is_last = is_last
        self.items: list[Item] = []
        self.outputs: list[Item] = []
        self.pending: list[Item] | None = None
        """Items that arrived and are in checkpoints before they are accepted."""
        self.arguments: dict[str, Any] = {}
        self.supplied: dict[str, Item] = {}
        self.user_text: list[str] = []
        self.browser_failed = False
        self.is_paused = False
        self.deferred = False
        self._seen, self._stream_seen = state.seen.copy(), state.seen.copy()
        self._ids = state.item_ids()
        self._stream_ids = self._ids.copy()
        self._streamed: dict[int, Item] = {}
        self._approvals = approvals_of(state.history)

    def receive(self, index: Any, item: Item, early: Early | None) -> bool:
        """Take an item of a stream, and return whether it may be executed at once.

        Only items without a gap before them are, up to the first one that `early` excludes.

        Raises:
            RunFailure: the item is invalid, or came twice.
        """
        if type(index) is not int or index < 0 or index in self._streamed:
            raise RunFailure("the index of an output item in the stream is invalid or duplicated")
        _add_id(item, self._stream_ids)
        is_call = self._check(item, self._stream_seen)
        if index != len(self._streamed) or (early is not None and is_call and not _may_run_early(item, early)):
            self.deferred = True
        self._streamed[index] = item
        return not self.deferred

    def admit(self, status: Any, items: list[Item], *, is_streamed: bool) -> bool:
        """Check a complete response before anything of it is executed; return whether it is the final one.

        Args:
            status: the status of the response.
            items: its items.
            is_streamed: whether `receive` has taken them before.

        Raises:
            RunFailure: the run cannot continue with it.
        """
        _check_status(status)
        seen, ids, has_calls = self._seen.copy(), self._ids.copy(), False
        for item in items:
            _add_id(item, ids)
            has_calls |= self._check(item, seen)
            if item["type"] == "mcp_call":
                self._use_approval(item)
        if is_streamed:
            if not is_same([self._streamed[index] for index in sorted(self._streamed)], items):
                raise RunFailure("the completed response differs from the items of the stream")
            if len(self.items) == len(items):
                return self.finish(status, items)
        if has_calls:
            return False
        for index in range(len(self.items), len(items)):
            self.accept(index, items[index])
        return self.finish(status, items)

    def accept(self, index: int, item: Item) -> bool:
        """Take the next item to be executed, and return whether it is a call.

        Raises:
            RunFailure: it is not the next one, or is invalid.
        """
        self._state.check()
        if index != len(self.items):
            raise RunFailure("the output items of the stream arrived out of order or twice")
        is_call = self._check(item, self._state.seen)
        self.items.append(item)
        if is_call:
            self._state.attempted.append(call_id_of(item))
        return is_call

    def add(self, item: Item, output: Item) -> None:
        """Add the output of a call."""
        self.outputs.append(output)
        self._state.completed.append(call_id_of(item))

    def finish(self, status: Any, items: list[Item]) -> bool:
        """Add the turn to the history, and return whether it was the final one.

        Raises:
            RunFailure: the response is incomplete, or another one than was executed.
        """
        self._state.check()
        _check_status(status)
        if not is_same(self.items, items):
            raise RunFailure("the completed response differs from the items that were executed")
        self.items = items
        if self.outputs:
            self._state.extend(items, self.outputs)
            return False
        if not any(map(_is_final, items)):
            raise RunFailure("the response has neither a call nor a final message")
        return True

    def supply(self, outputs: Any, eligible: frozenset[str], *, is_closed: bool) -> None:
        """Replace the outputs that the program supplies for this turn.

        Raises:
            ValueError: they are invalid, or the turn is over.
        """
        if not self.is_paused or (is_closed and not eligible):
            raise ValueError("this turn cannot accept outputs")
        self.supplied = copy_supplied(outputs, eligible)

    def append_user_text(self, text: Any, *, is_final: bool) -> None:
        """Add a message of the user after the outputs of this turn.

        Raises:
            ValueError: it is blank, or no further request follows.
        """
        if not self.is_paused or is_final or type(text) is not str or not text.strip():
            raise ValueError("only an active turn that is not final takes user text, which must not be blank")
        self.user_text.append(text)

    def _use_approval(self, item: Item) -> None:
        try:
            self._approvals.use(item)
        except ValueError:
            raise RunFailure("the call of a server tool does not match its approval") from None

    def _check(self, item: Item, seen: set[str]) -> bool:
        """Check an item, and return whether it is a call that the program answers."""
        try:
            copy_json(item)
        except ValueError:
            raise RunFailure("the response contains data that is not plain JSON") from None
        kind = item.get("type")
        if kind in SERVER_ITEMS:
            return self._check_server_item(item, seen)
        if kind in CALLS:
            self._check_call(item, seen)
            return True
        if kind not in MODEL_ITEMS:
            raise RunFailure("the response contains a tool that the runner cannot execute")
        if not MODEL_ITEMS[kind](item):
            raise RunFailure(f"the response has a {kind} that is incomplete")
        return False

    def _check_server_item(self, item: Item, seen: set[str]) -> bool:
        try:
            check_server_item(item, self._state.tools)
        except ValueError:
            raise RunFailure("a server tool did not complete, or does not match its declaration") from None
        if item["type"] in ("mcp_call", "mcp_approval_request"):
            self._state.check_mcp(item)
        self._state.selection.check_server(item)
        if item["type"] != "mcp_approval_request":
            return False
        self._check_limit()
        if item["id"] in seen:
            raise RunFailure("the id of an MCP approval request is duplicate")
        seen.add(item["id"])
        return True

    def _check_limit(self) -> None:
        if self._is_last:
            raise RunFailure(STEP_LIMIT)

    def _check_call(self, item: Item, seen: set[str]) -> None:
        (self._check_function if item["type"] == "function_call" else self._check_computer)(item)
        self._state.selection.check_local(item)
        if item.get("status") not in (None, "completed"):
            raise RunFailure("a tool call did not complete")
        self._check_limit()
        call_id = item.get("call_id")
        if type(call_id) is not str or call_id in seen:
            raise RunFailure("the ID of a tool call is missing or duplicate")
        seen.add(call_id)
        if item.get("name") in self._state.registry.functions and call_id not in self.arguments:
            self._parse_arguments(item)

    def _check_function(self, item: Item) -> None:
        declared = {tool["name"]: tool for tool in self._state.tools if tool["type"] == "function"}
        if not FUNCTION_CALL(item) or item["name"] not in declared:
            raise RunFailure("a function is not registered, or its call lacks members")
        if item.get("namespace") not in (None, item["name"]):  # calls of deferred tools repeat the name
            raise RunFailure("the namespace of a function does not match its registration")
        allowed = declared[item["name"]].get("allowed_callers")
        is_program = (item.get("caller") or {}).get("type") == "program"
        caller = "programmatic" if is_program else "direct"
        if allowed is not None and (not isinstance(allowed, list | tuple) or caller not in allowed):
            raise RunFailure("the caller of a function is not one of allowed_callers")

    def _check_computer(self, item: Item) -> None:
        if not self._state.registry.has_computer or not is_computer_call(item):
            raise RunFailure("a computer call is incomplete, or there is no computer")

    def _parse_arguments(self, item: Item) -> None:
        started = time.monotonic()
        try:
            self.arguments[item["call_id"]] = self._state.registry.functions[item["name"]].parse(item.get("arguments"))
        except Exception:
            emit_tool_diagnostic(
                self._state.observer,
                "responses",
                "arguments",
                "invalid_input",
                started,
                call_id=item["call_id"],
                member=item["name"],
            )
            raise


def call_id_of(item: Item) -> str:
    """Return the id of a call, which an MCP approval request has as an item."""
    call_id: str = item["id"] if item["type"] == "mcp_approval_request" else item["call_id"]
    return call_id


def is_same(before: list[Item], after: list[Item]) -> bool:
    """Return whether items of a stream are those of the completed response, ignoring nulls.

    The cipher text of reasoning may change, and a call may get its id last.
    """
    return len(before) == len(after) and all(map(_is_same_item, before, after))


def _is_same_item(before: Item, after: Item) -> bool:
    if before["type"] == "reasoning" and before.get("encrypted_content") and after.get("encrypted_content"):
        before = {**before, "encrypted_content": after["encrypted_content"]}
    elif before["type"] == "function_call" and "id" not in before:
        before = {**before, "id": after.get("id")}
    return bool(_without_nulls(before) == _without_nulls(after))


def _without_nulls(value: Any) -> Any:
    """Return data without null members, which streamed items do not keep."""
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _add_id(item: Item, ids: set[str]) -> None:
    name = item.get("id")
    if type(name) is not str:
        return
    if name in ids:
        raise RunFailure("the item IDs of a run must be unique")
    ids.add(name)


def _may_run_early(item: Item, early: Early) -> bool:
    functions, computer = early
    if item["type"] == "function_call":
        return item["name"] in functions
    return item["type"] == "computer_call" and computer


def _check_status(status: Any) -> None:
    if status != "completed":
        raise RunFailure("the response did not complete")


def _is_final(item: Item) -> bool:
    if item["type"] == "message":
        return item.get("status") == "completed" and item.get("phase") != "commentary"
    return item["type"] in SERVER_ITEMS and item["type"] != "mcp_approval_request"
