"""Accumulate the events of a response, at constant cost per event.

`Output` collects the output items. It keeps texts as lists of pieces and joins them into their items on demand. An
event for an item or a part that was never announced creates it, since compatible servers leave announcements out.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar, NamedTuple

from oai._json.decode import convert
from oai._json.objects import plain
from oai._support.named_tuples import readable
from oai._support.plain_data import as_list
from oai.helpers.streaming.partial_text import GrowingText
from oai.types.responses import Response


@readable
class Place(NamedTuple):
    """Where an event's text belongs: a field of the item or of one of its parts.

    Attributes:
        item: the type of the item.
        leaf: the field that holds the text.
        parts: the item's list of parts, if the text is in a part.
        at: the event's field with the index of the part.
        part: the type of the part.
    """

    item: str
    leaf: str
    parts: str = ""
    at: str = ""
    part: str = ""


PLACES = {
    "output_text": Place("message", "text", "content", "content_index", "output_text"),
    "refusal": Place("message", "refusal", "content", "content_index", "refusal"),
    "reasoning_text": Place("reasoning", "text", "content", "content_index", "reasoning_text"),
    "reasoning_summary_text": Place("reasoning", "text", "summary", "summary_index", "summary_text"),
    "function_call_arguments": Place("function_call", "arguments"),
    "mcp_call_arguments": Place("mcp_call", "arguments"),
    "custom_tool_call_input": Place("custom_tool_call", "input"),
    "code_interpreter_call_code": Place("code_interpreter_call", "code"),
}
"""Keyed by the middle of the event's type: `output_text` of `response.output_text.delta`."""

LIFE = frozenset({"response.created", "response.queued", "response.in_progress"})

ENDS = frozenset({"response.completed", "response.failed", "response.incomplete"})


MOST_PARTS = 1 << 16
"""The number of parts of an item that are believed, so that an absurd index costs no memory."""

CALLS = frozenset({"function_call", "custom_tool_call", "shell_call", "shell_call_output"})
"""Types of items that their `call_id` identifies: their `id` may be missing at first."""


def item_index(event: Any) -> int:
    """Return the index of an event's item, 0 if it is missing. Indexes may be sparse, and of any size."""
    index = getattr(event, "output_index", None)
    return index if isinstance(index, int) and index >= 0 else 0


def part_index(event: Any, name: str) -> int:
    """Return an index of an event's part, 0 if it is missing or absurd."""
    index = getattr(event, name, None)
    return index if isinstance(index, int) and 0 <= index < MOST_PARTS else 0


class Item:
    """An output item so far.

    Args:
        data: the item in the API's shape.
        done: whether the server has sent all of it.
    """

    def __init__(self, data: dict[str, Any], *, done: bool = False) -> None:
        self.data = data
        self.done = done
        self.texts: dict[tuple[Place, int], GrowingText] = {}

    def text(self, place: Place, index: int) -> GrowingText:
        """Return the text at a place, starting from the text that the item already has there."""
        text = self.texts.get((place, index))
        if text is None:
            holder = self.part(place, index) if place.parts else self.data
            start = holder.get(place.leaf)
            text = self.texts[place, index] = GrowingText(start if isinstance(start, str) else "")
        return text

    def part(self, place: Place, index: int) -> dict[str, Any]:
        """Return a part of the item; create it if it is missing."""
        parts = self.parts(place.parts, index)
        if not isinstance(parts[index], dict):
            parts[index] = {"type": place.part, place.leaf: ""}
            if place.part == "output_text":
                parts[index]["annotations"] = []
        part: dict[str, Any] = parts[index]
        return part

    def parts(self, name: str, index: int) -> list[Any]:
        """Return a list of parts of the item, padded up to an index."""
        if not isinstance(self.data.get(name), list):
            self.data[name] = []
        parts: list[Any] = self.data[name]
        parts.extend([None] * (index + 1 - len(parts)))
        return parts

    def to_dict(self) -> dict[str, Any]:
        """Return the item in the API's shape."""
        for (place, index), text in self.texts.items():
            holder = self.part(place, index) if place.parts else self.data
            holder[place.leaf] = text.text()
        return deepcopy(self.data)


def identity(item: dict[str, Any]) -> tuple[str, str] | None:
    """Return the type of an item and its `call_id` or `id`, which tell it from others, or `None` if it has none."""
    kind = item.get("type")
    if not isinstance(kind, str):
        return None
    key = item.get("call_id" if kind in CALLS else "id")
    return (kind, key) if isinstance(key, str) else None


class Output:
    """A response so far."""

    def __init__(self) -> None:
        self.base: Response | None = None
        self.items: dict[int, Item] = {}

    def item(self, event: Any, kind: str) -> Item:
        """Return the item that an event belongs to; create one of type `kind` if it is missing."""
        index = item_index(event)
        item = self.items.get(index)
        if item is None:
            item = self.items[index] = Item({"type": kind, "id": getattr(event, "item_id", None)})
            if kind == "message":
                item.data.update(role="assistant", status="in_progress", content=[])
        return item

    def add(self, event: Any) -> GrowingText | None:
        """Add an event; return the text that it changed, if any."""
        kind = getattr(event, "type", None)
        if not isinstance(kind, str):
            return None
        name, _, action = kind.removeprefix("response.").rpartition(".")
        place = PLACES.get(name)
        if place is not None:
            return self._add_text(event, place, action)
        handler = self._HANDLERS.get(kind)
        if handler is not None:
            handler(self, event)
        return None

    def _add_text(self, event: Any, place: Place, action: str) -> GrowingText | None:
        index = part_index(event, place.at) if place.at else 0
        text = self.item(event, place.item).text(place, index)
        if action == "delta":
            text.append(event.delta if isinstance(event.delta, str) else "")
        elif action == "done" and isinstance(whole := getattr(event, place.leaf, None), str):
            text.set(whole)
        return text

    def _set_item(self, event: Any) -> None:
        if isinstance(data := plain(event.item), dict):
            self.items[item_index(event)] = Item(data, done=event.type == "response.output_item.done")

    def _set_content(self, event: Any) -> None:
        self._set_part(event, "content", part_index(event, "content_index"))

    def _set_summary(self, event: Any) -> None:
        self._set_part(event, "summary", part_index(event, "summary_index"))

    def _set_part(self, event: Any, name: str, index: int) -> None:
        data = plain(event.part)
        if not isinstance(data, dict):
            return
        item = self.item(event, "message" if name == "content" else "reasoning")
        item.parts(name, index)[index] = data
        for place, at in list(item.texts):
            if (place.parts, at) == (name, index):
                del item.texts[place, at]

    def _add_annotation(self, event: Any) -> None:
        part = self.item(event, "message").part(PLACES["output_text"], part_index(event, "content_index"))
        part["annotations"] = [*as_list(part.get("annotations")), plain(event.annotation)]

    def _set_base(self, event: Any) -> None:
        if not isinstance(event.response, Response):
            return
        versions = [plain(item) for item in as_list(event.response.output)]
        if self.base is None:
            for index, data in enumerate(versions):
                if isinstance(data, dict):
                    self.items.setdefault(index, Item(data))
        else:
            self._replace_finished([data for data in versions if isinstance(data, dict)])
        self.base = event.response

    def _replace_finished(self, versions: list[dict[str, Any]]) -> None:
        """Replace the items that are done by later versions. Those that still grow have their own events."""
        by_identity = {identity(data): data for data in versions}
        for index, item in self.items.items():
            key = identity(item.data)
            if item.done and key is not None and key in by_identity:
                self.items[index] = Item(by_identity[key], done=True)

    def snapshot(self) -> Response:
        """Return the response so far."""
        data = self.base.to_dict() if self.base is not None else {"object": "response"}
        response: Response = convert(Response, {**data, "output": self.output()})
        return response

    def output(self) -> list[dict[str, Any]]:
        """Return the output items as plain data."""
        return [self.items[index].to_dict() for index in sorted(self.items)]

    _HANDLERS: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        "response.output_item.added": _set_item,
        "response.output_item.done": _set_item,
        "response.content_part.added": _set_content,
        "response.content_part.done": _set_content,
        "response.reasoning_summary_part.added": _set_summary,
        "response.reasoning_summary_part.done": _set_summary,
        "response.output_text.annotation.added": _add_annotation,
        **dict.fromkeys(LIFE, _set_base),
    }
    """Handlers of the events that carry no text, by the event's type."""
