"""Random valid streams of both APIs: events, snapshots and final objects equal the official SDK's."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from hypothesis import given

from tests.official.sides import SIDES, Reply, long, outcome, quick
from tests.official.streams_drawn import Answer, Weather, chats, responses

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


def _final_or_error(stream: Any) -> Any:
    try:
        return chat_final(stream.get_final_completion())
    except Exception as error:  # noqa: BLE001 - its class is compared
        return type(error).__name__


def response_final(final: Any) -> Any:
    calls = [item.parsed_arguments for item in final.output if item.type == "function_call"]
    return plain(final), plain(final.output_parsed), plain(calls), final.output_text


PLAIN = {"type": "function", "function": {"name": "Weather", "parameters": {}}}


def check_chat(chunks: list[Any], typed: bool, tools: str) -> None:
    def read(client: Any, module: Any) -> Any:
        params: dict[str, Any] = {"response_format": Answer} if typed else {}
        if tools:
            params["tools"] = [module.pydantic_function_tool(Weather) if tools == "strict" else PLAIN]
        with client.chat.completions.stream(model="m", messages=[], **params) as stream:
            events, error = read_events(stream)
            return events, error, None if error else _final_or_error(stream)

    _compare(read, Reply.of_events(chunks))


def check_response(events: list[Any], typed: bool, tools: bool) -> None:
    def read(client: Any, module: Any) -> Any:
        params: dict[str, Any] = {"text_format": Answer} if typed else {}
        params |= {"tools": [module.pydantic_function_tool(Weather)]} if tools else {}
        with client.responses.stream(model="m", input="i", **params) as stream:
            seen, error = read_events(stream)
            if seen and seen[-1]["type"] == "error" and module is SIDES[0]:
                assert error == "StreamError"  # see ON_PURPOSE
                error = None
            is_whole = seen and seen[-1]["type"] == "response.completed"  # the SDK has no final response otherwise
            return seen, error or (response_final(stream.get_final_response()) if is_whole else None)

    _compare(read, Reply.of_events(events, named=True, done=False))


def _compare(read: Any, reply: Reply) -> None:
    ours, theirs = (outcome(module, lambda client, module=module: read(client, module), reply) for module in SIDES)
    assert ours.error == theirs.error
    assert ours.requests == theirs.requests
    if theirs.result[1] in UNFINISHED:  # see ON_PURPOSE
        assert ours.result[1] in UNFINISHED
        assert ours.result[0][: len(theirs.result[0])] == theirs.result[0]
    else:
        assert ours.result == theirs.result


@quick(120)
@given(chats())
def test_chat_streams_are_equal(drawn: tuple[list[Any], bool, str]) -> None:
    check_chat(*drawn)


@quick(120)
@given(responses())
def test_response_streams_are_equal(drawn: tuple[list[Any], bool, bool]) -> None:
    check_response(*drawn)


@pytest.mark.thorough
@long(400)
@given(chats())
def test_more_chat_streams_are_equal(drawn: tuple[list[Any], bool, str]) -> None:
    check_chat(*drawn)


@pytest.mark.thorough
@long(400)
@given(responses())
def test_more_response_streams_are_equal(drawn: tuple[list[Any], bool, bool]) -> None:
    check_response(*drawn)
