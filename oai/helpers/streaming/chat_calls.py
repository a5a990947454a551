"""Accumulate the tool calls of a choice, and tell which call a delta belongs to.

The API numbers calls by `index` and names a call in its first delta. Compatible servers leave out the index or the id,
send an empty id, number all calls 0, send a new id with each delta, or repeat the name in each. Since nothing but the
arguments then tells calls apart, a name after complete arguments begins a new call.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import msgspec

from oai._json.encode import encode
from oai.helpers.streaming.partial_text import GrowingText, partial_json
from oai.helpers.streaming.undeclared import finished, gather


class ToolCall:
    """A tool call so far.

    Attributes:
        index: the position among the calls of its choice, unique.
        sent_index: the server's `index`, which several calls may share.
    """

    def __init__(self, index: int, sent_index: int | None = None) -> None:
        self.index = index
        self.sent_index = sent_index
        self.id: str | None = None
        self.type: str | None = None
        self.name = ""
        self.arguments = GrowingText()
        """The arguments of a function, or the input of a custom tool."""
        self.done = False
        self.parsed: Any = None
        """The parsed arguments, once the call is done."""
        self.extra: dict[str, Any] = {}
        self.called_extra: dict[str, Any] = {}

    @property
    def is_function(self) -> bool:
        """Whether a function is called, and not a custom tool."""
        return (self.type or "function") == "function"

    def add(self, delta: Any) -> str:
        """Add a delta and return its piece of the arguments."""
        function, custom = field(delta, "function"), field(delta, "custom")
        self.id = self.id or field(delta, "id")
        self.type = field(delta, "type") or self.type or ("custom" if custom and not function else None)
        gather(self.extra, delta)
        called = function or custom
        if called is None:
            return ""
        gather(self.called_extra, function)
        self.name = _joined_name(self.name, _text(field(called, "name")))
        piece = _json_text(field(called, "arguments" if function else "input"))
        if piece:
            self.arguments.append(piece)
        return piece

    def has_whole_arguments(self) -> bool:
        """Whether the arguments so far are a JSON object."""
        text = "" if self.type == "custom" else self.arguments.text().strip()
        return bool(text) and text[-1] == "}" and partial_json(text) is not None and _is_json(text)

    def may_be_complete(self) -> bool:
        """Whether nothing has to follow: there are no arguments, or they are whole."""
        return not self.arguments.pieces or self.type == "custom" or self.has_whole_arguments()

    def to_dict(self) -> dict[str, Any]:
        """Return the call in the API's shape."""
        kind, leaf = ("custom", "input") if self.type == "custom" else ("function", "arguments")
        called = {**finished(self.called_extra), "name": self.name, leaf: self.arguments.text()}
        return {"id": self.id or "", "type": self.type or "function", kind: called, **finished(self.extra)}


def call_for(calls: list[ToolCall], delta: Any, tools: Container[object] = ()) -> ToolCall:
    """Return the call that a delta belongs to; append it if the delta begins one.

    Args:
        calls: the calls of the choice.
        delta: an item of the `tool_calls` of a chunk.
        tools: the names of the tools of the request.
    """
    index = field(delta, "index")
    index = index if isinstance(index, int) else None
    if calls and index is not None and calls[-1].sent_index == index and not field(delta, "id") and not _name(delta):
        return calls[-1]  # as the API has it: the latest call continues
    call = _latest(calls, index, field(delta, "id"))
    if call is None or _begins(call, index, delta, tools):
        taken = {other.index for other in calls}
        free = next(number for number in range(len(taken) + 1) if number not in taken)
        call = ToolCall(free if index is None or index in taken else index, index)
        calls.append(call)
    return call


def _latest(calls: list[ToolCall], index: int | None, call_id: Any) -> ToolCall | None:
    """Return the call of an index and id, or the latest of the index alone, or of all if there is no index."""
    candidates = [call for call in calls if index is None or call.sent_index == index]
    named = [call for call in candidates if call_id and call.id == call_id]
    matches = named or candidates
    return matches[-1] if matches else None


def _begins(call: ToolCall, index: int | None, delta: Any, tools: Container[object]) -> bool:
    """Return whether a delta begins a call rather than continue the latest one."""
    call_id, name = field(delta, "id"), _name(delta)
    if not name:  # some servers send a new id with each piece
        return False
    is_new_name, is_same = name != call.name, bool(call_id and call_id == call.id)
    if call_id and call.id and not is_same:
        return index is None or call.may_be_complete()
    if call.type == "custom":
        return is_new_name and bool(call.arguments.pieces)
    if call.has_whole_arguments():
        return bool(_arguments(delta).strip()) or (is_new_name and not is_same)
    # before any arguments, a name may be repeated or continued
    may_continue = is_same or call.arguments.pieces or not call.name or (index is not None and call.name not in tools)
    return is_new_name and not may_continue


def _name(delta: Any) -> str:
    return _text(field(field(delta, "function") or field(delta, "custom"), "name"))


def _arguments(delta: Any) -> str:
    function = field(delta, "function")
    return _json_text(field(function or field(delta, "custom"), "arguments" if function else "input"))


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else encode(value).decode()


def field(value: Any, name: str) -> Any:
    """Return a field of a struct, or of the plain data that takes its place if the server's shape was unexpected."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def _joined_name(name: str, piece: str) -> str:
    """Append a piece to a tool's name; a piece that repeats the whole name, as some servers send, changes nothing."""
    if piece == name or not piece:
        return name
    return piece if piece.startswith(name) else name + piece
