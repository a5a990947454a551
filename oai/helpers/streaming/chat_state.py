"""Accumulate the chunks of a chat completion, at constant cost per chunk.

`Completion` keeps text as lists of pieces and builds a `ChatCompletion` on demand. Compatible servers repeat a tool's
name in every chunk, omit the index, the role or the usage, give all calls the same index, and add fields of their own.
All of that is accepted, and no data is lost.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oai._json.decode import convert
from oai._json.encode import encode
from oai._json.objects import plain
from oai._json.unions import RESERVED
from oai.helpers.streaming.partial_text import GrowingText, partial_json
from oai.types.chat import ChatCompletion

NOT_OF_ANSWER = frozenset({*RESERVED, "obfuscation"})

APART = frozenset({*NOT_OF_ANSWER, "custom"})
"""Undeclared fields that `gather` skips: they are accumulated elsewhere, or not at all."""

JUDGED = "content_filter_results"
"""Azure's verdict on the text so far. Each chunk has the complete object, so that the last one replaces the others."""

WHOLE = frozenset({"id", "type"})
"""String fields of nested objects that are repeated, not continued."""


class ToolCall:
    """A tool call so far."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id: str | None = None
        self.type: str | None = None
        self.name = ""
        self.arguments = GrowingText()
        """The arguments of a function, or the input of a custom tool."""
        self.done = False
        self.extra: dict[str, Any] = {}
        self.called_extra: dict[str, Any] = {}

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
        self.name = _joined_name(self.name, field(called, "name") or "")
        value = field(called, "arguments" if function else "input")
        piece = value if isinstance(value, str) else "" if value is None else encode(value).decode()
        if piece:
            self.arguments.append(piece)
        return piece

    def is_complete(self) -> bool:
        """Whether the arguments so far may be complete: an empty text, or a JSON object."""
        text = "" if self.type == "custom" else self.arguments.text().strip()
        return not text or (text[-1] == "}" and partial_json(text) is not None and _is_json(text))

    def to_dict(self) -> dict[str, Any]:
        """Return the call in the API's shape."""
        kind, leaf = ("custom", "input") if self.type == "custom" else ("function", "arguments")
        called = {**finished(self.called_extra), "name": self.name, leaf: self.arguments.text()}
        return {"id": self.id or "", "type": self.type or "function", kind: called, **finished(self.extra)}


class Choice:
    """A choice so far."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.role: str | None = None
        self.content: GrowingText | None = None
        self.refusal: GrowingText | None = None
        self.calls: list[ToolCall] = []
        self.function_call: ToolCall | None = None
        self.audio: dict[str, Any] = {}
        self.logprobs: dict[str, list[Any]] = {}
        self.finish_reason: str | None = None
        self.done: set[str] = set()
        self.extra: dict[str, Any] = {}
        self.message_extra: dict[str, Any] = {}

    def call_of(self, delta: Any) -> ToolCall:
        """Return the call that a delta belongs to; create it if the delta begins one."""
        index = field(delta, "index")
        name, call_id = field(field(delta, "function") or field(delta, "custom"), "name"), field(delta, "id")
        same = [call for call in self.calls if (call.index == index if isinstance(index, int) else call.id == call_id)]
        call = same[-1] if same else None
        if call is None and not isinstance(index, int) and self.calls and not (call_id and name):
            call = self.calls[-1]
            if name and call.is_complete():
                call = None
        elif call is not None and name and call_id and call.id and call_id != call.id and call.is_complete():
            call = next((other for other in self.calls if other.id == call_id), None)
        if call is None:
            taken = {other.index for other in self.calls}
            free = next(n for n in range(len(taken) + 1) if n not in taken)
            call = ToolCall(index if isinstance(index, int) and index not in taken else free)
            self.calls.append(call)
        return call

    def to_dict(self) -> dict[str, Any]:
        """Return the choice in the API's shape."""
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
            choice["logprobs"] = {name: [plain(token) for token in tokens] for name, tokens in self.logprobs.items()}
        return {**choice, **finished(self.extra)}


class Completion:
    """A chat completion so far."""

    def __init__(self) -> None:
        self.top: dict[str, Any] = {}
        self.choices: dict[int, Choice] = {}

    def add(self, chunk: Any) -> None:
        """Add the fields of a chunk other than its choices."""
        top = self.top
        for name in ("id", "created", "model", "service_tier", "system_fingerprint", "usage", "moderation"):
            value = getattr(chunk, name, None)
            if value or (value is not None and name not in top):
                top[name] = value
        extra = getattr(chunk, "__dict__", None)
        if extra:
            top.update({name: value for name, value in extra.items() if name not in NOT_OF_ANSWER})

    def choice(self, delta: Any) -> Choice:
        """Return the choice that an item of a chunk's `choices` belongs to."""
        index = field(delta, "index")
        index = index if isinstance(index, int) else 0
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = Choice(index)
        return choice

    def snapshot(self) -> ChatCompletion:
        """Return the completion so far."""
        data = {name: plain(value) for name, value in self.top.items()}
        choices = [self.choices[index].to_dict() for index in sorted(self.choices)]
        completion: ChatCompletion = convert(ChatCompletion, {"object": "chat.completion", **data, "choices": choices})
        return completion


def field(value: Any, name: str) -> Any:
    """Return a field of a struct, or of the plain data that takes its place if the server's shape was unexpected."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def gather(into: dict[str, Any], delta: Any) -> None:
    """Accumulate undeclared fields: append strings and lists, merge objects, replace anything else."""
    extra = getattr(delta, "__dict__", None)
    if extra:
        _gather(into, {name: value for name, value in extra.items() if name not in APART})


def _gather(into: dict[str, Any], extra: dict[str, Any], whole: frozenset[str] = frozenset()) -> None:
    for name, value in extra.items():
        current = into.get(name)
        if isinstance(value, str) and name not in whole and (current is None or isinstance(current, GrowingText)):
            into.setdefault(name, GrowingText()).append(value)
        elif isinstance(value, list) and isinstance(current, list):
            current.extend(value)
        elif isinstance(value, dict) and name != JUDGED:
            into[name] = current = current if isinstance(current, dict) else {}
            _gather(current, value, WHOLE)
        elif value is not None:
            into[name] = value.copy() if isinstance(value, list) else value


def finished(extra: dict[str, Any]) -> dict[str, Any]:
    """Return what `gather` accumulated as plain data."""
    return {name: _finished(value) for name, value in extra.items()}


def _finished(value: Any) -> Any:
    if isinstance(value, dict):
        return finished(value)
    return value.text() if isinstance(value, GrowingText) else plain(value)


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
