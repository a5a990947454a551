"""Events of an assistant's run put together: messages and run steps as far as they have come.

`Runs` takes the events in and says which callbacks they mean. Texts are kept as lists of pieces; what a callback is
given is only put together for a callback that somebody wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from oai._json.decode import convert
from oai._json.objects import plain
from oai.helpers.streaming.partial_text import Pieces
from oai.types.beta.threads import Message, Text
from oai.types.beta.threads.runs import RunStep, ToolCall

Callback = tuple[str, Callable[[], tuple[Any, ...]]]
"""The name of a callback, and what makes its arguments."""

GROWING = frozenset({"value", "arguments", "input", "logs"})
"""Fields whose text comes in pieces; any other is replaced."""

INDEX = "\0index"
"""Under which name a tree keeps the place of an item in its list."""

RUN_ENDS = frozenset(
    f"thread.run.{how}" for how in ("completed", "cancelled", "expired", "failed", "requires_action", "incomplete")
)

STEP_ENDS = frozenset(f"thread.run.step.{how}" for how in ("completed", "cancelled", "expired", "failed"))

MESSAGE_ENDS = frozenset({"thread.message.completed", "thread.message.incomplete"})


class Tree:
    """An object as far as it has come: plain data whose growing texts are lists of pieces."""

    def __init__(self, kind: Any, data: Any) -> None:
        self.kind = kind
        self.data: dict[str, Any] = {}
        merge(self.data, plain(data))
        self._typed: Any = None

    def add(self, delta: Any) -> None:
        """Take in a delta."""
        merge(self.data, plain(delta))
        self._typed = None

    def typed(self) -> Any:
        """Return the object as far as it has come."""
        if self._typed is None:
            self._typed = convert(self.kind, built(self.data))
        return self._typed

    def part(self, kind: Any, *path: Any) -> Any:
        """Return a part of the object, such as `("content", 0, "text")`."""
        found: Any = self.data
        for step in path:
            found = _indexed(found, step) if isinstance(found, list) else found.get(step)
            if found is None:
                return None
        return convert(kind, built(found))

    def later(self, kind: Any, path: tuple[Any, ...], *before: Any) -> Callable[[], tuple[Any, ...]]:
        """Return what makes the arguments of a callback: those before, and a part of the object."""
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
        """Take in an event; yield the callbacks that it means, in their order."""
        name: str = getattr(event, "event", None) or ""
        data: Any = getattr(event, "data", None)
        yield "on_event", lambda: (event,)
        if data is None:
            return
        if name == "thread.message.delta":
            yield from self._message_delta(data)
        elif name == "thread.run.step.delta":
            yield from self._step_delta(data)
        elif name == "thread.message.created":
            self.message = self.messages[data.id] = Tree(Message, data)
            self._content = None
            yield "on_message_created", lambda: (data,)
        elif name in MESSAGE_ENDS:
            self.message = self.messages[data.id] = Tree(Message, data)
            yield from self._content_done()
            yield "on_message_done", lambda: (data,)
        elif name == "thread.run.step.created":
            self.step = self.steps[data.id] = Tree(RunStep, data)
            yield "on_run_step_created", lambda: (data,)
        elif name in STEP_ENDS:
            self.step = self.steps[data.id] = Tree(RunStep, data)
            yield from self._call_done()
            yield "on_run_step_done", lambda: (data,)
            self.step = None
        elif name.startswith("thread.run.") and not name.startswith("thread.run.step."):
            self.run = data
            if name in RUN_ENDS:
                yield from self._call_done()

    def end(self) -> Iterator[Any]:
        """Yield nothing: a run's own events say that it has ended."""
        yield from ()

    @staticmethod
    def text_of(event: Any) -> str | None:
        """Return the text that an event adds to a message."""
        if getattr(event, "event", None) != "thread.message.delta":
            return None
        parts = [getattr(each, "text", None) for each in event.data.delta.content or ()]
        return "".join(part.value for part in parts if part is not None and part.value) or None

    def _message_delta(self, data: Any) -> Iterator[Callback]:
        message = self.message = self.messages.get(data.id) or Tree(Message, {"id": data.id})
        self.messages[data.id] = message
        known = {item[INDEX] for item in message.data.get("content") or ()}
        for each in data.delta.content or ():
            message.add({"content": [plain(each)]})
            index, text = each.index, getattr(each, "text", None)
            place = ("content", index, "text")
            if index not in known and text is not None:
                yield "on_text_created", message.later(Text, place)
            if text is not None:
                yield "on_text_delta", message.later(Text, place, text)
            if index != self._content:
                yield from self._content_done()
                self._content = index
        yield "on_message_delta", lambda: (data.delta, message.typed())

    def _content_done(self) -> Iterator[Callback]:
        """Yield what says that the content of the message that came last is complete."""
        message, index = self.message, self._content
        self._content = None
        if message is None or index is None:
            return
        content = message.typed().content
        block: Any = content[index] if content and index < len(content) else None
        if getattr(block, "type", None) == "text":
            yield "on_text_done", lambda: (block.text,)
        elif getattr(block, "type", None) == "image_file":
            yield "on_image_file_done", lambda: (block.image_file,)

    def _step_delta(self, data: Any) -> Iterator[Callback]:
        step = self.step = self.steps.get(data.id) or Tree(RunStep, {"id": data.id})
        self.steps[data.id] = step
        delta = plain(data.delta)
        step.add(delta)
        for each in getattr(data.delta.step_details, "tool_calls", None) or ():
            place = ("step_details", "tool_calls", each.index)
            if each.index == self._call:
                yield "on_tool_call_delta", step.later(ToolCall, place, each)
            else:
                yield from self._call_done()
                self._call = each.index
                yield "on_tool_call_created", step.later(ToolCall, place)
        yield "on_run_step_delta", lambda: (data.delta, step.typed())

    def _call_done(self) -> Iterator[Callback]:
        """Yield what says that the call that came last is complete."""
        step, index = self.step, self._call
        self._call = None
        if step is not None and index is not None:
            yield "on_tool_call_done", step.later(ToolCall, ("step_details", "tool_calls", index))


def merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """Take a delta into a tree: growing texts are appended, lists merged by `index`, anything else replaced."""
    for name, value in delta.items():
        there = into.get(name)
        if name in GROWING and isinstance(value, str):
            if not isinstance(there, Pieces):
                there = into[name] = Pieces()
            there.append(value)
        elif isinstance(value, dict):
            if not isinstance(there, dict):
                there = into[name] = {}
            merge(there, value)
        elif isinstance(value, list) and all(isinstance(each, dict) for each in value):
            if not isinstance(there, list):
                there = into[name] = []
            _merge_list(there, value)
        elif value is not None:
            into[name] = value


def _merge_list(into: list[Any], delta: list[Any]) -> None:
    for place, each in enumerate(delta):
        index = each.get("index", place)
        found = _indexed(into, index)
        if found is None:
            found = {INDEX: index}
            into.append(found)
        merge(found, {name: value for name, value in each.items() if name != "index"})


def _indexed(items: list[Any], index: int) -> Any:
    return next((item for item in items if item[INDEX] == index), None)


def built(value: Any) -> Any:
    """Return a tree as plain data, its lists in order and without the indices of the deltas."""
    if isinstance(value, Pieces):
        return value.text()
    if isinstance(value, dict):
        return {name: built(each) for name, each in value.items() if name != INDEX}
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return [built(each) for each in sorted(value, key=lambda each: each[INDEX])]
    return value
