"""Chunks of a chat completion put together: what has come so far, at the same cost for each chunk.

`Completion` gathers a stream's chunks. It keeps text as lists of pieces and makes a `ChatCompletion` of them when it
is asked. Compatible servers repeat a tool's name in every chunk, leave out the index, the role or the usage, give all
calls the same index, and add fields of their own: all of that goes in, and nothing that came is lost.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oai._json.decode import convert
from oai._json.encode import encode
from oai._json.objects import plain
from oai._json.unions import RESERVED
from oai.helpers.streaming.partial_text import Pieces, partial_json
from oai.types.chat import ChatCompletion

NOT_OF_ANSWER = frozenset({*RESERVED, "obfuscation"})

APART = frozenset({*NOT_OF_ANSWER, "custom"})
"""What is gathered elsewhere, or not at all."""

JUDGED = "content_filter_results"
"""The object that each chunk of Azure's has as a whole: what its filter says of the text so far."""

WHOLE = frozenset({"id", "type"})
"""Fields within an object that are no pieces of a text, however often they come."""


class ToolCall:
    """A call of a tool as far as it has come."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id: str | None = None
        self.type: str | None = None
        self.name = ""
        self.arguments = Pieces()
        """The arguments of a function, the input of a custom tool."""
        self.done = False
        self.extra: dict[str, Any] = {}
        self.called_extra: dict[str, Any] = {}

    def add(self, delta: Any) -> str:
        """Take a delta in; return the piece of the arguments that it brings."""
        function, custom = field(delta, "function"), field(delta, "custom")
        self.id = self.id or field(delta, "id")
        self.type = field(delta, "type") or self.type or ("custom" if custom and not function else None)
        gather(self.extra, delta)
        called = function or custom
        if called is None:
            return ""
        gather(self.called_extra, function)
        self.name = _joined_name(self.name, field(called, "name") or "")
        given = field(called, "arguments" if function else "input")
        piece = given if isinstance(given, str) else "" if given is None else encode(given).decode()
        if piece:
            self.arguments.append(piece)
        return piece

    def is_complete(self) -> bool:
        """Whether the arguments could be all there is."""
        text = "" if self.type == "custom" else self.arguments.text().strip()
        return not text or (text[-1] == "}" and partial_json(text) is not None and _is_json(text))

    def to_dict(self) -> dict[str, Any]:
        """Return the call as the API has it."""
        where, leaf = ("custom", "input") if self.type == "custom" else ("function", "arguments")
        called = {**finished(self.called_extra), "name": self.name, leaf: self.arguments.text()}
        return {"id": self.id or "", "type": self.type or "function", where: called, **finished(self.extra)}


class Choice:
    """A choice as far as it has come."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.role: str | None = None
        self.content: Pieces | None = None
        self.refusal: Pieces | None = None
        self.calls: list[ToolCall] = []
        self.function_call: ToolCall | None = None
        self.audio: dict[str, Any] = {}
        self.logprobs: dict[str, list[Any]] = {}
        self.finish_reason: str | None = None
        self.done: set[str] = set()
        self.extra: dict[str, Any] = {}
        self.message_extra: dict[str, Any] = {}

    def call_of(self, delta: Any) -> ToolCall:
        """Return the call that a delta belongs to, a new one where it begins one."""
        index = field(delta, "index")
        name, given = field(field(delta, "function") or field(delta, "custom"), "name"), field(delta, "id")
        found = [call for call in self.calls if (call.index == index if isinstance(index, int) else call.id == given)]
        call = found[-1] if found else None
        if call is None and not isinstance(index, int) and self.calls and not (given and name):
            call = self.calls[-1]
            if name and call.is_complete():
                call = None
        elif call is not None and name and given and call.id and given != call.id and call.is_complete():
            call = next((each for each in self.calls if each.id == given), None)
        if call is None:
            taken = {each.index for each in self.calls}
            free = next(n for n in range(len(taken) + 1) if n not in taken)
            call = ToolCall(index if isinstance(index, int) and index not in taken else free)
            self.calls.append(call)
        return call

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as the API has it."""
        message = {"role": self.role or "assistant", **finished(self.message_extra)}
        for name, value in (("content", self.content), ("refusal", self.refusal)):
            if value is not None:
                message[name] = value.text()
        if self.calls:
            message["tool_calls"] = [call.to_dict() for call in sorted(self.calls, key=lambda call: call.index)]
        if self.function_call is not None:
            message["function_call"] = self.function_call.to_dict()["function"]
        if self.audio:
            message["audio"] = finished(self.audio)
        choice = {"index": self.index, "finish_reason": self.finish_reason, "message": message}
        if self.logprobs:
            choice["logprobs"] = {name: [plain(each) for each in items] for name, items in self.logprobs.items()}
        return {**choice, **finished(self.extra)}


class Completion:
    """A chat completion as far as it has come."""

    def __init__(self) -> None:
        self.top: dict[str, Any] = {}
        self.choices: dict[int, Choice] = {}

    def add(self, chunk: Any) -> None:
        """Take in what a chunk says beside its choices."""
        top = self.top
        for name in ("id", "created", "model", "service_tier", "system_fingerprint", "usage", "moderation"):
            value = getattr(chunk, name, None)
            if value or (value is not None and name not in top):
                top[name] = value
        extra = getattr(chunk, "__dict__", None)
        if extra:
            top.update({name: value for name, value in extra.items() if name not in NOT_OF_ANSWER})

    def choice(self, delta: Any) -> Choice:
        """Return the choice that a part of a chunk belongs to."""
        index = field(delta, "index")
        index = index if isinstance(index, int) else 0
        found = self.choices.get(index)
        if found is None:
            found = self.choices[index] = Choice(index)
        return found

    def snapshot(self) -> ChatCompletion:
        """Return the completion as far as it has come."""
        data = {name: plain(value) for name, value in self.top.items()}
        choices = [self.choices[index].to_dict() for index in sorted(self.choices)]
        found: ChatCompletion = convert(ChatCompletion, {"object": "chat.completion", **data, "choices": choices})
        return found


def field(value: Any, name: str) -> Any:
    """Return a field of an object, or of plain data where the server's shape was not the API's."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def gather(into: dict[str, Any], delta: Any) -> None:
    """Keep the fields that the API does not have: texts grow, lists and objects too, anything else is replaced."""
    extra = getattr(delta, "__dict__", None)
    if extra:
        _gather(into, {name: value for name, value in extra.items() if name not in APART})


def _gather(into: dict[str, Any], extra: dict[str, Any], whole: frozenset[str] = frozenset()) -> None:
    for name, value in extra.items():
        there = into.get(name)
        if isinstance(value, str) and name not in whole and (there is None or isinstance(there, Pieces)):
            into.setdefault(name, Pieces()).append(value)
        elif isinstance(value, list) and isinstance(there, list):
            there.extend(value)
        elif isinstance(value, dict) and name != JUDGED:
            into[name] = there = there if isinstance(there, dict) else {}
            _gather(there, value, WHOLE)
        elif value is not None:
            into[name] = value.copy() if isinstance(value, list) else value


def finished(extra: dict[str, Any]) -> dict[str, Any]:
    """Return what `gather` kept as plain data."""
    return {name: _finished(value) for name, value in extra.items()}


def _finished(value: Any) -> Any:
    if isinstance(value, dict):
        return finished(value)
    return value.text() if isinstance(value, Pieces) else plain(value)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def _joined_name(name: str, piece: str) -> str:
    """Return a tool's name with a further piece, which some servers send whole in every chunk."""
    if piece == name or not piece:
        return name
    return piece if piece.startswith(name) else name + piece
