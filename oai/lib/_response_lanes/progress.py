"""Add the events of reasoning, code, tools and shells to an item. They announce none: without it they are ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from oai._json.objects import plain
from oai.helpers.streaming.partial_text import GrowingText
from oai.lib._response_lanes.fields import field_of, index_of, list_of, text_of
from oai.lib._response_lanes.items import Add, Item, Part, Path, ShellOutput, holder_of, started

STATUSES: Final = {
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "web_search_call": ("in_progress", "searching", "completed"),
    "image_generation_call": ("in_progress", "generating", "completed"),
    "mcp_call": ("in_progress", "completed", "failed"),
}
"""Each type of item with the statuses that it has events for."""


def _status(value: str) -> Add:
    def set_status(item: Item, _: Any) -> None:
        item.data["status"] = value

    return set_status


def _text(field: str, path_of: Callable[[Any], Path]) -> dict[str, Add]:
    """Return what adds the events `delta` and `done` of a text; `field` is where the latter has all of it."""

    def append(item: Item, event: Any) -> None:
        path = path_of(event)
        holder, last, piece = holder_of(item.data, path), path[-1], text_of(event, "delta")
        text = item.texts.get(path)
        if text is None:
            start = holder[last] if isinstance(last, int) else holder.get(last)
            text = item.texts[path] = started("" if start is None and path == CODE else start)
        text.append(piece)

    def replace(item: Item, event: Any) -> None:
        path = path_of(event)
        holder_of(item.data, path)
        item.texts[path] = GrowingText(text_of(event, field))

    return {"delta": append, "done": replace}


CODE: Final[Path] = ("code",)
"""Where the code is, which is null at first."""


def _append_reasoning(item: Item, event: Any) -> None:
    part, piece = _reasoning_part(item, event), text_of(event, "delta")
    part.reasoning = part.reasoning or started(part.data.get("text"))
    part.reasoning.append(piece)


def _replace_reasoning(item: Item, event: Any) -> None:
    _reasoning_part(item, event).reasoning = GrowingText(text_of(event, "text"))


def _reasoning_part(item: Item, event: Any) -> Part:
    part = item.parts.get(index := index_of(event, "content_index"))
    if part is None or part.data.get("type") != "reasoning_text":
        raise ValueError(f"the item of the event has no reasoning_text at {index}")
    return part


def _summary_part(*, appends: bool) -> Add:
    def set_part(item: Item, event: Any) -> None:
        index, part = index_of(event, "summary_index"), field_of(event, "part")
        if text_of(part, "type") != "summary_text":
            raise ValueError(f"a part of a summary must be a summary_text, not {text_of(part, 'type')!r:.40}")
        text_of(part, "text")
        _put(list_of(item.data, "summary"), index, plain(part), appends=appends)
        item.texts.pop(("summary", index, "text"), None)

    return set_part


def _add_command(item: Item, event: Any) -> None:
    index, command = index_of(event, "command_index"), text_of(event, "command")
    _put(list_of(item.data.get("action"), "commands"), index, command, appends=True)
    item.texts.pop(("action", "commands", index), None)


def _put(values: list[Any], index: int, value: Any, *, appends: bool) -> None:
    if index > len(values) - (not appends):
        raise ValueError(f"the item of the event has {len(values)} parts, and none at {index}")
    values[index : index + 1] = [value]


def _append_shell_output(item: Item, event: Any) -> None:
    index, delta = index_of(event, "command_index"), field_of(event, "delta")
    pieces = {name: text_of(delta, name) for name in ("stdout", "stderr") if field_of(delta, name) is not None}
    output = item.shell_output.setdefault(index, ShellOutput())
    for name, piece in pieces.items():
        output.streams.setdefault(name, GrowingText()).append(piece)


def _replace_shell_output(item: Item, event: Any) -> None:
    contents = list_of(event, "output")
    for content in contents:
        text_of(content, "stdout")
        text_of(content, "stderr")
    item.shell_output[index_of(event, "command_index")] = ShellOutput(plain(contents))


def _named(kind: str, name: str, handlers: dict[str, Add]) -> dict[str, tuple[str, Add]]:
    return {f"response.{name}.{action}": (kind, add) for action, add in handlers.items()}


PROGRESS: Final[dict[str, tuple[str, Add]]] = {
    **{
        f"response.{kind}.{status}": (kind, _status(status))
        for kind, statuses in STATUSES.items()
        for status in statuses
    },
    **_named("reasoning", "reasoning_text", {"delta": _append_reasoning, "done": _replace_reasoning}),
    **_named(
        "reasoning",
        "reasoning_summary_text",
        _text("text", lambda event: ("summary", index_of(event, "summary_index"), "text")),
    ),
    **_named(
        "reasoning",
        "reasoning_summary_part",
        {"added": _summary_part(appends=True), "done": _summary_part(appends=False)},
    ),
    **_named("code_interpreter_call", "code_interpreter_call_code", _text("code", lambda _: CODE)),
    **_named(
        "shell_call",
        "shell_call_command",
        {
            "added": _add_command,
            **_text("command", lambda event: ("action", "commands", index_of(event, "command_index"))),
        },
    ),
    **_named(
        "shell_call_output",
        "shell_call_output_content",
        {"delta": _append_shell_output, "done": _replace_shell_output},
    ),
}
"""The type of item that an event is for, and what adds it, by the event's type."""
