"""Read a stream with `oai` and with the official SDK, and compare events, snapshots and final objects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pydantic

from tests.official.sides import SIDES, Reply, outcome
from tests.official.streams_drawn import Answer, Weather

FIELDS = [
    "type",
    "delta",
    "snapshot",
    "parsed",
    "content",
    "refusal",
    "name",
    "index",
    "arguments",
    "arguments_delta",
    "parsed_arguments",
    "logprobs",
    "chunk",
    "response",
    "item",
    "part",
    "text",
    "annotation",
    "item_id",
    "output_index",
    "content_index",
    "sequence_number",
    "call_id",
    "input",
    "summary_index",
]
"""The attributes of events that are compared."""


UNFINISHED = ("LengthFinishReasonError", "ContentFilterFinishReasonError")


PARSED = {"parsed", "parsed_arguments"}


def _left_out(name: str, value: dict[str, Any], *, dumped: bool) -> bool:
    if name in PARSED:
        return not dumped
    return name == "index" and "function" in value  # the SDK leaves it in finished tool calls


def plain(value: Any, *, dumped: bool = True) -> Any:
    """Return data without nulls, and objects of either client as plain data.

    Args:
        value: the data.
        dumped: use `model_dump()`, with parsed values; else `to_dict()`, without them, see ON_PURPOSE.
    """
    if isinstance(value, dict):
        return {
            name: plain(item, dumped=dumped)
            for name, item in value.items()
            if item is not None and not _left_out(name, value, dumped=dumped)
        }
    if isinstance(value, (list, tuple)):
        return [plain(item, dumped=dumped) for item in value]
    if hasattr(value, "to_dict"):
        return plain(value.model_dump() if dumped else value.to_dict(), dumped=dumped)
    return (type(value).__name__, value.model_dump()) if isinstance(value, pydantic.BaseModel) else value


def shown(event: Any) -> dict[str, Any]:
    """Return the data of an event; without partial parsed values, see ON_PURPOSE."""
    is_partial = event.type.endswith("delta") or event.type == "chunk"
    data = {name: getattr(event, name) for name in FIELDS if getattr(event, name, None) is not None}
    return {
        name: plain(value, dumped=not is_partial)
        for name, value in data.items()
        if not is_partial or name not in PARSED
    }


def read_events(stream: Any) -> tuple[list[Any], str | None]:
    """Return the events, and the class of the exception that ended them."""
    events: list[Any] = []
    try:
        events.extend(map(shown, stream))
    except Exception as error:  # noqa: BLE001 - its class is compared
        return events, type(error).__name__
    return events, None


def chat_final(final: Any) -> Any:
    messages = [choice.message for choice in final.choices]
    calls = [call.function.parsed_arguments for message in messages for call in message.tool_calls or ()]
    return plain(final), plain(final, dumped=False), plain([message.parsed for message in messages]), plain(calls)


def response_final(final: Any) -> Any:
    if final is None:
        return None
    calls = [item.parsed_arguments for item in final.output if item.type == "function_call"]
    return plain(final), plain(final.output_parsed), plain(calls), final.output_text


PLAIN = {"type": "function", "function": {"name": "Weather", "parameters": {}}}


Finish = Callable[[Any, list[Any]], Any]
"""Begins to read the final result of a stream whose events were read."""


def _read(manager: Any, finish: Finish, final: Callable[[Any], Any]) -> Any:
    """Return the events of a stream, the exception that ended them, and the final result or its exception."""
    with manager as stream:
        events, error = read_events(stream)
        try:
            return events, error, None if error else final(finish(stream, events))
        except Exception as failure:  # noqa: BLE001 - its class is compared
            return events, error, type(failure).__name__


async def _read_async(manager: Any, finish: Finish, final: Callable[[Any], Any]) -> Any:
    events: list[Any] = []

    def note(event: Any) -> None:
        events.append(shown(event))  # at once, since snapshots grow

    async with manager as stream:
        try:
            async for event in stream:
                note(event)
        except Exception as error:  # noqa: BLE001 - its class is compared
            return events, type(error).__name__, None
        try:
            result = finish(stream, events)
            return events, None, final(await result if inspect.isawaitable(result) else result)
        except Exception as failure:  # noqa: BLE001 - its class is compared
            return events, None, type(failure).__name__


def check_chat(chunks: list[Any], typed: bool, tools: str, *, is_async: bool) -> None:
    def read(client: Any, module: Any) -> Any:
        params: dict[str, Any] = {"response_format": Answer} if typed else {}
        if tools:
            params["tools"] = [module.pydantic_function_tool(Weather) if tools == "strict" else PLAIN]
        manager = client.chat.completions.stream(model="m", messages=[], **params)
        return (_read_async if is_async else _read)(
            manager, lambda stream, _: stream.get_final_completion(), chat_final
        )

    _compare(read, Reply.of_events(chunks), is_async=is_async)


def check_response(events: list[Any], typed: bool, tools: bool, *, is_async: bool) -> None:
    def read(client: Any, module: Any) -> Any:
        params: dict[str, Any] = {"text_format": Answer} if typed else {}
        params |= {"tools": [module.pydantic_function_tool(Weather)]} if tools else {}
        manager = client.responses.stream(model="m", input="i", **params)
        return (_read_async if is_async else _read)(manager, _final_response, response_final)

    _compare(read, Reply.of_events(events, named=True, done=False), is_async=is_async)


def _final_response(stream: Any, events: list[Any]) -> Any:
    is_whole = events and events[-1]["type"] == "response.completed"  # the SDK has no final response otherwise
    return stream.get_final_response() if is_whole else None


def _compare(read: Any, reply: Reply, *, is_async: bool) -> None:
    ours, theirs = (
        outcome(module, lambda client, module=module: read(client, module), reply, is_async=is_async)
        for module in SIDES
    )
    assert (ours.error, theirs.error) == (None, None)
    assert ours.requests == theirs.requests
    events, error, _ = ours.result
    if theirs.result[1] in UNFINISHED:  # see ON_PURPOSE
        assert error in UNFINISHED
        assert events[: len(theirs.result[0])] == theirs.result[0]
    elif events and events[-1]["type"] == "error":  # see ON_PURPOSE
        assert (events, error) == (theirs.result[0], "StreamError")
    else:
        assert ours.result == theirs.result
