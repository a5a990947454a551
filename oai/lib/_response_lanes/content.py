"""Add the events of texts, refusals and calls to an item, and whole parts of its content."""

from __future__ import annotations

from typing import Any, Final, Literal

from oai._json.dump import SENT, dump
from oai._json.objects import plain
from oai._support.plain_data import is_list
from oai.helpers.streaming.partial_text import GrowingText
from oai.lib._response_lanes.fields import field_of, index_of, text_of
from oai.lib._response_lanes.items import Add, Item, Part, started


def _set_part(item: Item, event: Any) -> None:
    part = field_of(event, "part")
    text = GrowingText(text_of(part, "text")) if text_of(part, "type") == "output_text" else None
    item.parts[index_of(event, "content_index")] = Part(plain(part), text)


def _append_text(item: Item, event: Any) -> None:
    index, piece = index_of(event, "content_index"), text_of(event, "delta")
    part = item.parts.setdefault(index, Part())
    part.text = part.text or GrowingText()
    part.text.append(piece)
    received, more = part.data.get("logprobs"), _logprobs(event)
    if is_list(received) and is_list(more.get("logprobs")):
        received += more["logprobs"]
    else:
        part.data |= more


def _replace_text(item: Item, event: Any) -> None:
    index, text = index_of(event, "content_index"), text_of(event, "text")
    part = item.parts.setdefault(index, Part())
    part.text = GrowingText(text)
    part.data |= _logprobs(event)


def _logprobs(event: Any) -> dict[str, Any]:
    """Return the field `logprobs` of an event, if it has one."""
    logprobs: dict[str, Any] = dump(event, SENT, include={"logprobs"})
    return logprobs


def _append_refusal(item: Item, event: Any) -> None:
    index, piece = index_of(event, "content_index"), text_of(event, "delta")
    part = item.parts.get(index, Part())
    if part.may_refuse:
        part.refusal = part.refusal or started(part.data.get("refusal", ""))
        part.refusal.append(piece)
        item.parts[index] = part


def _replace_refusal(item: Item, event: Any) -> None:
    index, refusal = index_of(event, "content_index"), text_of(event, "refusal")
    part = item.parts.get(index, Part())
    if part.may_refuse:
        part.refusal = GrowingText(refusal)
        item.parts[index] = part


def _append_to(name: Literal["arguments", "input"]) -> Add:
    def append(item: Item, event: Any) -> None:
        piece = text_of(event, "delta")
        text = getattr(item, name) or GrowingText()
        text.append(piece)
        setattr(item, name, text)

    return append


def _replace(name: Literal["arguments", "input"]) -> Add:
    return lambda item, event: setattr(item, name, GrowingText(text_of(event, name)))


CONTENT: Final[dict[str, Add]] = {
    "response.content_part.added": _set_part,
    "response.content_part.done": _set_part,
    "response.output_text.delta": _append_text,
    "response.output_text.done": _replace_text,
    "response.refusal.delta": _append_refusal,
    "response.refusal.done": _replace_refusal,
    "response.function_call_arguments.delta": _append_to("arguments"),
    "response.function_call_arguments.done": _replace("arguments"),
    "response.mcp_call_arguments.delta": _append_to("arguments"),
    "response.mcp_call_arguments.done": _replace("arguments"),
    "response.custom_tool_call_input.delta": _append_to("input"),
    "response.custom_tool_call_input.done": _replace("input"),
}
"""What adds an event, by the event's type."""
