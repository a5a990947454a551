"""Accumulate the events of an assistant's run into messages and run steps.

`Runs` processes the events and yields the callbacks to call. Texts are kept as lists of pieces, and the arguments of a
callback are only built if a handler overrides it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from oai._json.decode import convert
from oai._json.objects import Object, plain
from oai._support.plain_data import as_dict, as_list
from oai.helpers.streaming.partial_text import GrowingText
from oai.types.beta.threads import Message, Text
from oai.types.beta.threads.runs import RunStep, ToolCall

Callback = tuple[str, Callable[[], tuple[Any, ...]]]
"""The name of a callback, and a function that builds its arguments."""

GROWING = frozenset({"value", "arguments", "input", "logs"})
"""Fields whose text is appended to; any other is replaced."""

INDEX = "\0index"
"""The key under which an item of a list keeps its index. No JSON field of the API has a NUL in its name."""

RUN_ENDS = frozenset(
    f"thread.run.{how}" for how in ("completed", "cancelled", "expired", "failed", "requires_action", "incomplete")
)

STEP_ENDS = frozenset(f"thread.run.step.{how}" for how in ("completed", "cancelled", "expired", "failed"))

MESSAGE_ENDS = frozenset({"thread.message.completed", "thread.message.incomplete"})


class Tree:
    """An object so far: plain data whose growing texts are lists of pieces."""

    def __init__(self, kind: Any, data: Any) -> None:
        self.kind = kind
        self.data: dict[str, Any] = {}
        merge(self.data, as_dict(plain(data)))
        self._typed: Any = None

    def add(self, delta: Any) -> None:
        """Add a delta."""
        merge(self.data, as_dict(plain(delta)))
        self._typed = None

    def typed(self) -> Any:
        """Return the object so far."""
        if self._typed is None:
            self._typed = convert(self.kind, built(self.data))
        return self._typed

    def part(self, kind: Any, *path: Any) -> Any:
        """Return a part of the object, such as `("content", 0, "text")`."""
        part: Any = self.data
        for step in path:
            part = _indexed(part, step) if isinstance(part, list) else as_dict(part).get(step)
            if part is None:
                return None
        return convert(kind, built(part))

    def later(self, kind: Any, path: tuple[Any, ...], *before: Any) -> Callable[[], tuple[Any, ...]]:
        """Return a function that builds the arguments of a callback: `before`, then a part of the object."""
        return lambda: (*before, self.part(kind, *path))


class Runs:
    """The runs of a stream, their steps and messages."""

    def __init__(self) -> None:
        self.run: Any = None
        self.messages: dict[str, Tree] = {}
        self.steps: dict[str, Tree] = {}
        self.message: Tree | None = None
        self.step: Tree | None = None
        self._content: int | None = None
        self._call: int | None = None

    def handle(self, event: Any) -> Iterator[Callback]:
        """Process an event; yield its callbacks in order."""
        name, data = getattr(event, "event", None), getattr(event, "data", None)
        yield "on_event", lambda: (event,)
        if not isinstance(name, str) or not isinstance(data, Object):
            return
        key = _key(data)
        if name == "thread.message.delta":
            yield from self._message_delta(key, data)
        elif name == "thread.run.step.delta":
            yield from self._step_delta(key, data)
        elif name == "thread.message.created":
            self.message = self.messages[key] = Tree(Message, data)
            self._content = None
            yield "on_message_created", lambda: (data,)
        elif name in MESSAGE_ENDS:
            self.message = self.messages[key] = Tree(Message, data)
            yield from self._content_done()
            yield "on_message_done", lambda: (data,)
        elif name == "thread.run.step.created":
            self.step = self.steps[key] = Tree(RunStep, data)
            yield "on_run_step_created", lambda: (data,)
        elif name in STEP_ENDS:
            self.step = self.steps[key] = Tree(RunStep, data)
            yield from self._call_done()
            yield "on_run_step_done", lambda: (data,)
            self.step = None
        elif name.startswith("thread.run.") and not name.startswith("thread.run.step."):
            self.run = data
            if name in RUN_ENDS:
                yield from self._call_done()

    def end(self) -> Iterator[Any]:
        """Yield nothing: a run has final events of its own."""
        yield from ()

    @staticmethod
    def text_of(event: Any) -> str | None:
        """Return the text that an event adds to a message."""
        if getattr(event, "event", None) != "thread.message.delta":
            return None
        texts = [
            getattr(getattr(part, "text", None), "value", None) for part in _parts_of(getattr(event, "data", None))
        ]
        return "".join(text for text in texts if isinstance(text, str)) or None

    def _message_delta(self, key: str, data: Any) -> Iterator[Callback]:
        message = self.message = self.messages.get(key) or Tree(Message, {"id": key})
        self.messages[key] = message
        content = as_list(message.data.get("content"))
        for part in _parts_of(data):
            index, text = _index(part), getattr(part, "text", None)
            is_new = _indexed(content, index) is None
            message.add({"content": [plain(part)]})
            content = as_list(message.data.get("content"))
            path = ("content", index, "text")
            if is_new and text is not None:
                yield "on_text_created", message.later(Text, path)
            if text is not None:
                yield "on_text_delta", message.later(Text, path, text)
            if index != self._content:
                yield from self._content_done()
                self._content = index
        yield "on_message_delta", lambda: (data.delta, message.typed())

    def _content_done(self) -> Iterator[Callback]:
        """Yield the callback for the completed part of the current message."""
        message, index = self.message, self._content
        self._content = None
        if message is None or index is None:
            return
        content = as_list(message.typed().content)
        block: Any = content[index] if 0 <= index < len(content) else None
        if getattr(block, "type", None) == "text":
            yield "on_text_done", lambda: (block.text,)
        elif getattr(block, "type", None) == "image_file":
            yield "on_image_file_done", lambda: (block.image_file,)

    def _step_delta(self, key: str, data: Any) -> Iterator[Callback]:
        step = self.step = self.steps.get(key) or Tree(RunStep, {"id": key})
        self.steps[key] = step
        step.add(data.delta)
        details = getattr(data.delta, "step_details", None)
        for call in as_list(getattr(details, "tool_calls", None)):
            index = _index(call)
            path = ("step_details", "tool_calls", index)
            if index == self._call:
                yield "on_tool_call_delta", step.later(ToolCall, path, call)
            else:
                yield from self._call_done()
                self._call = index
                yield "on_tool_call_created", step.later(ToolCall, path)
        yield "on_run_step_delta", lambda: (data.delta, step.typed())

    def _call_done(self) -> Iterator[Callback]:
        """Yield the callback for the completed tool call of the current step."""
        step, index = self.step, self._call
        self._call = None
        if step is not None and index is not None:
            yield "on_tool_call_done", step.later(ToolCall, ("step_details", "tool_calls", index))


def merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """Merge a delta into a tree: append growing texts, merge lists by `index`, replace anything else."""
    for name, value in delta.items():
        current = into.get(name)
        if name in GROWING and isinstance(value, str):
            if not isinstance(current, GrowingText):
                current = into[name] = GrowingText()
            current.append(value)
        elif isinstance(value, dict):
            if not isinstance(current, dict):
                current = into[name] = {}
            merge(current, value)
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
            if not isinstance(current, list):
                current = into[name] = []
            _merge_list(current, value)
        elif value is not None:
            into[name] = value


def _merge_list(into: list[Any], delta: list[Any]) -> None:
    for position, fields in enumerate(delta):
        index = fields.get("index")
        index = index if isinstance(index, int) else position
        item = _indexed(into, index)
        if item is None:
            item = {INDEX: index}
            into.append(item)
        merge(item, {name: value for name, value in fields.items() if name != "index"})


def _indexed(items: list[Any], index: int) -> Any:
    return next((item for item in items if isinstance(item, dict) and item.get(INDEX) == index), None)


def _index(value: Any) -> int:
    """Return the index of a part or call, 0 if it is missing or mistyped."""
    index = getattr(value, "index", None)
    return index if isinstance(index, int) else 0


def _key(data: Any) -> str:
    key = getattr(data, "id", None)
    return key if isinstance(key, str) else ""


def _parts_of(data: Any) -> list[Any]:
    """Return the parts in the delta of a message."""
    return [
        part for part in as_list(getattr(getattr(data, "delta", None), "content", None)) if isinstance(part, Object)
    ]


def built(value: Any) -> Any:
    """Return a tree as plain data: texts joined, lists sorted by index, indices removed."""
    if isinstance(value, GrowingText):
        return value.text()
    if isinstance(value, dict):
        return {name: built(field) for name, field in value.items() if name != INDEX}
    if isinstance(value, list):
        is_indexed = all(isinstance(item, dict) and INDEX in item for item in value)
        return [built(item) for item in (sorted(value, key=lambda item: item[INDEX]) if is_indexed else value)]
    return value
