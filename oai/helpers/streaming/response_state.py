"""Events of a response put together: what has come so far, at the same cost for each event.

`Output` gathers the items of a stream's output. It keeps texts as lists of pieces and puts them into their items when
it is asked. An event for an item or a part that was never announced begins one.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar, NamedTuple

from oai._json.decode import convert
from oai._json.objects import plain
from oai.helpers.streaming.partial_text import Pieces
from oai.types.responses import Response


class Place(NamedTuple):
    """Where the text of an event belongs: a field of the item, or of one of its parts."""

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
"""By the middle of an event's type (`response.output_text.delta`), where its text goes."""

LIFE = frozenset({"response.created", "response.queued", "response.in_progress"})

ENDS = frozenset({"response.completed", "response.failed", "response.incomplete"})


class Item:
    """An item of the output as far as it has come."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.texts: dict[tuple[Place, int], Pieces] = {}

    def text(self, place: Place, index: int) -> Pieces:
        """Return the text at a place, begun with what the item says there."""
        found = self.texts.get((place, index))
        if found is None:
            there = self.part(place, index) if place.parts else self.data
            found = self.texts[place, index] = Pieces(there.get(place.leaf) or "")
        return found

    def part(self, place: Place, index: int) -> dict[str, Any]:
        """Return a part of the item, begun if it is not there."""
        parts = self.parts(place.parts, index)
        if not isinstance(parts[index], dict):
            parts[index] = {"type": place.part, place.leaf: ""}
            if place.part == "output_text":
                parts[index]["annotations"] = []
        found: dict[str, Any] = parts[index]
        return found

    def parts(self, name: str, index: int) -> list[Any]:
        """Return the parts of the item, long enough for an index."""
        if not isinstance(self.data.get(name), list):
            self.data[name] = []
        parts: list[Any] = self.data[name]
        parts.extend([None] * (index + 1 - len(parts)))
        return parts

    def to_dict(self) -> dict[str, Any]:
        """Return the item as the API has it."""
        for (place, index), pieces in self.texts.items():
            there = self.part(place, index) if place.parts else self.data
            there[place.leaf] = pieces.text()
        return deepcopy(self.data)


class Output:
    """A response as far as it has come."""

    def __init__(self) -> None:
        self.base: Response | None = None
        self.items: dict[int, Item] = {}

    def item(self, event: Any, kind: str) -> Item:
        """Return the item that an event is about."""
        index = getattr(event, "output_index", None) or 0
        found = self.items.get(index)
        if found is None:
            found = self.items[index] = Item({"type": kind, "id": getattr(event, "item_id", None)})
            if kind == "message":
                found.data.update(role="assistant", status="in_progress", content=[])
        return found

    def add(self, event: Any) -> Pieces | None:
        """Take in an event; return the text that it adds to, if it adds to one."""
        kind: str = getattr(event, "type", None) or ""
        name, _, what = kind.removeprefix("response.").rpartition(".")
        place = PLACES.get(name)
        if place is not None:
            return self._add_text(event, place, what)
        taken = self._TAKES.get(kind)
        if taken is not None:
            taken(self, event)
        return None

    def _add_text(self, event: Any, place: Place, what: str) -> Pieces | None:
        index = getattr(event, place.at, None) or 0 if place.at else 0
        pieces = self.item(event, place.item).text(place, index)
        if what == "delta":
            pieces.append(event.delta or "")
        elif what == "done" and isinstance(whole := getattr(event, place.leaf, None), str):
            pieces.set(whole)
        return pieces

    def _take_item(self, event: Any) -> None:
        if isinstance(data := plain(event.item), dict):
            self.items[event.output_index or 0] = Item(data)

    def _take_content(self, event: Any) -> None:
        self._take_part(event, "content", event.content_index or 0)

    def _take_summary(self, event: Any) -> None:
        self._take_part(event, "summary", event.summary_index or 0)

    def _take_part(self, event: Any, name: str, index: int) -> None:
        item = self.item(event, "message" if name == "content" else "reasoning")
        item.parts(name, index)[index] = plain(event.part)
        for place, at in list(item.texts):
            if (place.parts, at) == (name, index):
                del item.texts[place, at]

    def _take_annotation(self, event: Any) -> None:
        part = self.item(event, "message").part(PLACES["output_text"], event.content_index or 0)
        part.setdefault("annotations", []).append(plain(event.annotation))

    def _take_life(self, event: Any) -> None:
        if self.base is None:
            for index, item in enumerate(getattr(event.response, "output", None) or ()):
                if isinstance(data := plain(item), dict):
                    self.items.setdefault(index, Item(data))
        self.base = event.response

    def snapshot(self) -> Response:
        """Return the response as far as it has come."""
        data = self.base.to_dict() if isinstance(self.base, Response) else {"object": "response"}
        found: Response = convert(Response, {**data, "output": self.output()})
        return found

    def output(self) -> list[dict[str, Any]]:
        """Return the items of the output as plain data."""
        return [self.items[index].to_dict() for index in sorted(self.items)]

    _TAKES: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        "response.output_item.added": _take_item,
        "response.output_item.done": _take_item,
        "response.content_part.added": _take_content,
        "response.content_part.done": _take_content,
        "response.reasoning_summary_part.added": _take_summary,
        "response.reasoning_summary_part.done": _take_summary,
        "response.output_text.annotation.added": _take_annotation,
        **dict.fromkeys(LIFE, _take_life),
    }
    """What is done with the events that are not about a text."""
