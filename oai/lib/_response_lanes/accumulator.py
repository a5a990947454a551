"""`ResponsesWebSocketAccumulator`: a response so far, from the events that a program passes on.

It is stricter than `helpers.streaming.response_state`, which fills in what a compatible server leaves out: nothing is
invented, an event that does not fit raises and changes nothing, and late events of a replaced item are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from oai._json.dump import SENT, dump
from oai._support.plain_data import as_dict, is_list
from oai.helpers.streaming.response_state import LIFE
from oai.lib._response_lanes.content import CONTENT
from oai.lib._response_lanes.fields import field_of, index_of, is_index, list_of, optional_text_of, text_of
from oai.lib._response_lanes.final_response import FINAL
from oai.lib._response_lanes.items import Item, Part
from oai.lib._response_lanes.limits import ResponsesWebSocketError
from oai.lib._response_lanes.progress import PROGRESS
from oai.types.responses import Response

ANNOTATION: Final = "response.output_text.annotation.added"

CALLS: Final = {
    "function_call": "response.function_call_arguments.",
    "custom_tool_call": "response.custom_tool_call_input.",
}
"""Types of items that may have no id; only events whose types begin so are then for them."""


@dataclass(frozen=True)
class ResponsesWebSocketOutput:
    """An output item so far.

    Attributes:
        output_index: its index in the output.
        item_id: its id, if it is known.
        type: its type, if it is known.
        name: the name of the function or tool that it calls.
        call_id: the id of its call.
        arguments: the arguments of its call.
        input: the input for a custom tool.
        text: index and output text of its parts; refusals and reasoning are not among them.
    """

    output_index: int
    item_id: str | None
    type: str | None
    name: str | None
    call_id: str | None
    arguments: str
    input: str
    text: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class ResponsesWebSocketSnapshot:
    """A response as of one moment; `terminal_type` is the type of its last event, `None` before that came."""

    stream_id: str | None
    response_id: str | None
    terminal_type: str | None
    output: tuple[ResponsesWebSocketOutput, ...]

    @property
    def output_text(self) -> str:
        """All output text."""
        return "".join(text for item in self.output for _, text in item.text)


class ResponsesWebSocketAccumulator:
    """A response so far, from the events that `lane.recv()` or `connection.recv()` returned.

    It is for one lane and one response: call `reset` before the next one. It receives and sends nothing, and is not
    thread-safe.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the response. Snapshots that were taken stay as they are."""
        self._bound = False
        self._stream_id: str | None = None
        self._response_id: str | None = None
        self._terminal_type: str | None = None
        self._items: dict[int, Item] = {}
        self._response: dict[str, Any] | None = None
        self._final: Response | None = None
        self._error: Exception | None = None

    def add_event(self, event: Any) -> None:
        """Add an event, which is not changed. Events of types that are not followed are ignored.

        Whole items and texts replace their pieces, and so does the output of a response, unless it is missing.

        Raises:
            ResponsesWebSocketError: the event is an error event.
            ValueError: the event is malformed, or belongs to another lane or response.
            RuntimeError: the response has ended, with a response or an error.
        """
        kind = field_of(event, "type")
        if not isinstance(kind, str):
            return
        if kind == ANNOTATION:
            self._annotate(event)
        elif kind in PROGRESS:
            self._check(event)
            self._add_progress(kind, event)
        elif kind in self._HANDLERS:
            stream_id = self._check(event)
            self._HANDLERS[kind](self, kind, event)
            self._bound, self._stream_id = True, stream_id

    def _check(self, event: Any) -> str | None:
        """Return the lane of an event."""
        stream_id = field_of(event, "stream_id")
        if stream_id is not None and not isinstance(stream_id, str):
            raise ValueError(f"stream_id of an event must be a string or null, not {type(stream_id).__name__}")
        if self._bound and self._stream_id != stream_id:
            raise ValueError(f"the event belongs to the lane {stream_id!r}, the response to {self._stream_id!r}")
        if self._terminal_type is not None or self._error is not None:
            raise RuntimeError("the response has ended; call reset() before events of another one")
        return stream_id

    def _fail(self, _: str, event: Any) -> None:
        self._error = ResponsesWebSocketError(event)
        raise self._error

    def _set_response(self, kind: str, event: Any) -> None:
        response = field_of(event, "response")
        response_id = field_of(response, "id") if isinstance(response, Response) else None
        if isinstance(response_id, str) and self._response_id not in (None, response_id):
            raise ValueError(f"the event belongs to the response {response_id!r}, not to {self._response_id!r}")
        try:
            items = _items_of(response)
        except ValueError as error:
            if kind in FINAL:
                self._error = error
            raise
        if items is not None:
            self._items = items
        self._response = dump(response, SENT, exclude={"output"})
        self._response_id = response_id or self._response_id
        if kind in FINAL:
            self._final, self._terminal_type = deepcopy(response), kind

    def _set_item(self, _: str, event: Any) -> None:
        index, source = index_of(event, "output_index"), field_of(event, "item")
        if source is None:
            return
        item, previous = Item.of(source), self._items.get(index)
        if previous is not None:
            if item.item_id in previous.retired:
                return
            item.succeed(previous)
        self._items[index] = item

    def _add_content(self, kind: str, event: Any) -> None:
        index, item_id = index_of(event, "output_index"), text_of(event, "item_id")
        item = self._item_for(kind, index, item_id)
        CONTENT[kind](item or Item(item_id), event)  # which checks an event that is ignored, too
        if item is not None:
            item.item_id = item_id or item.item_id
            self._items[index] = item

    def _item_for(self, kind: str, index: int, item_id: str) -> Item | None:
        """Return the item that a text is for, a new one if there is none; `None` if the text is to be ignored."""
        item = self._items.get(index)
        if item is None:
            return Item(item_id)
        is_other = bool(item.item_id) and item_id != item.item_id
        is_call = item.type in CALLS and "id" not in item.data
        if item_id in item.retired or (is_call and (is_other or not kind.startswith(CALLS[str(item.type)]))):
            return None
        if item_id and is_other:
            successor = Item(item_id)
            successor.succeed(item)
            return successor
        return item

    def _add_progress(self, kind: str, event: Any) -> None:
        item_type, add = PROGRESS[kind]
        item = self._items.get(index_of(event, "output_index"))
        item_id = None if item_type == "shell_call" else text_of(event, "item_id")  # events of commands have none
        if item is None or item.type != item_type or item_id not in (None, item.item_id):
            return
        if item_type == "shell_call_output":
            self._check_command(item, index_of(event, "command_index"))
        add(item, event)

    def _check_command(self, output: Item, index: int) -> None:
        """Raise `ValueError` if the call that an output belongs to is known, and has no such command."""
        for item in self._items.values():
            if item.type == "shell_call" and item.call_id == output.call_id is not None:
                commands = as_dict(item.data.get("action")).get("commands")
                if is_list(commands) and index >= len(commands):
                    raise ValueError(f"the shell call of the event has {len(commands)} commands, and none at {index}")

    def _annotate(self, event: Any) -> None:
        """Add an annotation to a part of a known item; one that does not fit is ignored."""
        at = [field_of(event, name) for name in ("output_index", "content_index", "annotation_index")]
        is_over = self._terminal_type is not None or self._error is not None
        if is_over or not self._bound or field_of(event, "stream_id") != self._stream_id or not all(map(is_index, at)):
            return
        item, annotation = self._items.get(at[0]), dump(event, SENT, include={"annotation"})
        if item is not None and item.item_id == field_of(event, "item_id") and annotation:
            item.parts.setdefault(at[1], Part()).annotations[at[2]] = annotation["annotation"]

    def snapshot(self) -> ResponsesWebSocketSnapshot:
        """Return the texts and calls so far, and what they belong to. All pieces are joined for it."""
        output = tuple(_output_of(index, self._items[index]) for index in sorted(self._items))
        return ResponsesWebSocketSnapshot(self._stream_id, self._response_id, self._terminal_type, output)

    def detailed_snapshot(self) -> dict[str, Any]:
        """Return a copy of everything received so far, as plain data.

        It has `stream_id`, `response_id`, `terminal_type`, `response` (the last one, without its output) and `output`.
        Since indices may have gaps, `output` is a list of `{"output_index", "item", "content"}`, `content` one of
        `{"content_index", "part"}`, and the annotations of a part one of `{"annotation_index", "annotation"}`. An item
        of the type `shell_call_output` also has `shell_output`, a list of `{"command_index", "data"}`.
        """
        return {
            "stream_id": self._stream_id,
            "response_id": self._response_id,
            "terminal_type": self._terminal_type,
            "response": deepcopy(self._response),
            "output": [self._items[index].to_row(index) for index in sorted(self._items)],
        }

    def get_final_response(self) -> Response:
        """Return a copy of the response that the last event had, also if it failed or is incomplete.

        Raises:
            ResponsesWebSocketError: the response ended with an error event.
            ValueError: the last event had no valid response.
            RuntimeError: the last event has not come yet.
        """
        if self._error is not None:
            raise self._error
        if self._final is None:
            raise RuntimeError("the last event of the response has not come yet")
        return deepcopy(self._final)

    _HANDLERS: ClassVar[dict[str, Callable[[Any, str, Any], None]]] = {
        "error": _fail,
        **dict.fromkeys(LIFE | FINAL, _set_response),
        "response.output_item.added": _set_item,
        "response.output_item.done": _set_item,
        **dict.fromkeys(CONTENT, _add_content),
    }
    """What adds an event of the accumulator's lane, by the event's type."""


def _items_of(response: Any) -> dict[int, Item] | None:
    """Return the items of the output of a response, `None` if it has no output.

    Raises:
        ValueError: it is not a response, or a field has the wrong type.
    """
    if not isinstance(response, Response):
        raise ValueError("the event has no valid response")  # noqa: TRY004 - the server's data, not an argument
    optional_text_of(response, "id")
    if field_of(response, "output") is None:
        return None
    return {index: Item.of(item) for index, item in enumerate(list_of(response, "output")) if item is not None}


def _output_of(index: int, item: Item) -> ResponsesWebSocketOutput:
    return ResponsesWebSocketOutput(
        output_index=index,
        item_id=item.item_id,
        type=item.type,
        name=item.name,
        call_id=item.call_id,
        arguments=item.arguments.text() if item.arguments else "",
        input=item.input.text() if item.input else "",
        text=tuple((at, part.text.text()) for at, part in sorted(item.parts.items()) if part.text),
    )
