"""An output item as far as its events have come: the item itself, its parts, and the texts that grow."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from oai._json.dump import SENT, dump
from oai._json.objects import plain
from oai._support.plain_data import as_list, is_list, is_object
from oai.helpers.streaming.partial_text import GrowingText
from oai.lib._response_lanes.fields import field_of, optional_text_of, text_of

Add = Callable[["Item", Any], None]
"""Adds an event to an item; raises `ValueError` and leaves the item as it was if the event does not fit."""

ARGUMENTS: Final = frozenset({"function_call", "mcp_call", "mcp_approval_request"})
"""Types of items with a field `arguments`."""

Path = tuple[str | int, ...]
"""Where a text is in an item's data, such as `("summary", 0, "text")`."""


def started(text: Any) -> GrowingText:
    """Return a text that grows from what was received of it.

    Raises:
        ValueError: that is not text.
    """
    if isinstance(text, str):
        return GrowingText(text)
    raise ValueError(f"the text that an event adds to must be a string, not {type(text).__name__}")


def holder_of(data: Any, path: Path) -> Any:
    """Return the object or list in an item's data that holds a text.

    Raises:
        ValueError: there is none, or its list has no such position.
    """
    *parents, last = path
    holder = data
    for step in parents:
        holder = _member(holder, step)
    if not (is_object(holder) if isinstance(last, str) else _member(holder, last) is not None):
        raise ValueError(f"the item of the event has no {'.'.join(map(str, path))}")
    return holder


def _member(data: Any, step: str | int) -> Any:
    """Return a member of an object or of a list, `None` if there is none."""
    if isinstance(step, int):
        return data[step] if is_list(data) and step < len(data) else None
    return data.get(step) if is_object(data) else None


@dataclass
class Part:
    """A part of an item's content; a text is `None` until it was received.

    Attributes:
        data: the part as it was received, without the texts and annotations that events add.
        text: its output text.
        refusal: its refusal.
        reasoning: its text in an item of reasoning.
        annotations: annotations that came as events, by index.
    """

    data: dict[str, Any] = field(default_factory=dict)
    text: GrowingText | None = None
    refusal: GrowingText | None = None
    reasoning: GrowingText | None = None
    annotations: dict[int, Any] = field(default_factory=dict)

    @property
    def may_refuse(self) -> bool:
        """Whether it is a refusal, or of unknown type."""
        return bool(self.data.get("type", "refusal") == "refusal")

    def to_dict(self) -> dict[str, Any]:
        """Return the part with its texts, without annotations from events."""
        texts = {"text": self.reasoning or self.text, "refusal": self.refusal}
        return {**deepcopy(self.data), **{name: text.text() for name, text in texts.items() if text is not None}}

    def to_row(self, index: int) -> dict[str, Any]:
        """Return the part with its annotations as rows."""
        part = self.to_dict()
        received = part.get("annotations")
        if is_list(received) or self.annotations:
            annotations = {**dict(enumerate(as_list(received))), **deepcopy(self.annotations)}
            part["annotations"] = [
                {"annotation_index": at, "annotation": annotations[at]} for at in sorted(annotations)
            ]
        return {"content_index": index, "part": part}


@dataclass
class ShellOutput:
    """The output of one command: what it has printed so far, or its whole `output` once that is known."""

    output: list[Any] | None = None
    streams: dict[str, GrowingText] = field(default_factory=dict)

    def to_row(self, index: int) -> dict[str, Any]:
        """Return the output of a command."""
        whole = {} if self.output is None else {"output": deepcopy(self.output)}
        return {
            "command_index": index,
            "data": {**whole, **{name: text.text() for name, text in self.streams.items()}},
        }


@dataclass
class Item:
    """An output item.

    Attributes:
        item_id: its id, if it is known.
        retired: ids of the items that were at its index before; their events are late.
        type: its type; it is unknown of an item that only its texts announced, and so are `name` and `call_id`.
        data: the item as it was received, without the content of a message.
        parts: the parts of its content, by index.
        arguments: the arguments of a call.
        input: the input of a custom tool.
        texts: other texts, by where they are in `data`.
        shell_output: the output of shell commands, by index.
    """

    item_id: str | None
    retired: frozenset[str] = frozenset()
    type: str | None = None
    name: str | None = None
    call_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    parts: dict[int, Part] = field(default_factory=dict)
    arguments: GrowingText | None = None
    input: GrowingText | None = None
    texts: dict[Path, GrowingText] = field(default_factory=dict)
    shell_output: dict[int, ShellOutput] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Any) -> Item:
        """Make an item of one that the server sent.

        Raises:
            ValueError: a field has the wrong type.
        """
        kind = text_of(source, "type")
        item = cls(
            optional_text_of(source, "id"),
            type=kind,
            name=optional_text_of(source, "name"),
            call_id=optional_text_of(source, "call_id"),
            data=dump(source, SENT, exclude={"content"} if kind == "message" else None),
        )
        if kind == "message":
            item._take_content(source)
        elif kind == "reasoning":
            content = enumerate(as_list(field_of(source, "content")))
            item.parts = {index: Part(data) for index, part in content if is_object(data := plain(part))}
        elif kind in ARGUMENTS and (arguments := optional_text_of(source, "arguments")) is not None:
            item.arguments = GrowingText(arguments)
        elif kind == "custom_tool_call" and (text := optional_text_of(source, "input")) is not None:
            item.input = GrowingText(text)
        return item

    def _take_content(self, source: Any) -> None:
        content = field_of(source, "content")
        if content is None:
            self.data |= dump(source, SENT, include={"content"})
            return
        if not is_list(content):
            raise ValueError("the content of a message must be a list or null")
        self.data["content"] = []  # shows that it was received; the parts are kept once
        for index, part in enumerate(content):
            if part is None:
                continue
            text = optional_text_of(part, "text") if text_of(part, "type") == "output_text" else None
            self.parts[index] = Part(plain(part), None if text is None else GrowingText(text))

    def succeed(self, previous: Item) -> None:
        """Take the place of another item at the same index, or of itself as it was."""
        replaced = previous.item_id if self.item_id and self.item_id != previous.item_id else None
        self.retired = previous.retired | ({replaced} if replaced else set())

    def to_row(self, index: int) -> dict[str, Any]:
        """Return all that is known of the item."""
        data = self._data()
        content = [self.parts[at].to_row(at) for at in sorted(self.parts)]
        row: dict[str, Any] = {"output_index": index, "item": data}
        if self.type != "message":
            row["content"] = content
        elif "content" in data or content:
            received = data.pop("content", None)
            row["content"] = content if content or is_list(received) else None
        if self.type == "shell_call_output":
            row["shell_output"] = [self.shell_output[at].to_row(at) for at in sorted(self.shell_output)]
        return row

    def _data(self) -> dict[str, Any]:
        data = deepcopy(self.data)
        for path, text in self.texts.items():
            holder_of(data, path)[path[-1]] = text.text()
        if self.item_id and not self.data:
            data["id"] = self.item_id
        inputs = {"arguments": self.arguments, "input": self.input}
        data |= {name: text.text() for name, text in inputs.items() if text is not None}
        if self.type == "reasoning" and self.parts:
            self._add_reasoning(data)
        return data

    def _add_reasoning(self, data: dict[str, Any]) -> None:
        """Add the parts to the content of an item of reasoning, as far as they leave no gap."""
        content = as_list(data.get("content"))
        for index in sorted(self.parts):
            if index <= len(content):
                content[index : index + 1] = [self.parts[index].to_dict()]
        if content:
            data["content"] = content
