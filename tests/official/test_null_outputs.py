"""Streams of servers that send null, nothing or a later version in place of an output are read as the SDK reads them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.official.streams_compared import check_response
from tests.official.streams_drawn import EventLog

NOTHING: dict[str, dict[str, Any]] = {"null": {"output": None}, "missing": {}}
CALL = {"type": "function_call", "call_id": "c", "name": "Weather", "arguments": "", "status": "in_progress"}
PART = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
MESSAGE = {"type": "message", "id": "m", "role": "assistant", "status": "in_progress", "content": []}
WHOLE_MESSAGE = {**MESSAGE, "status": "completed", "content": [{**PART, "text": "Hello"}]}
WHOLE_CALL = {**CALL, "arguments": '{"city": "P", "days": 1}', "status": "completed"}


def streamed(first: int, log: EventLog) -> None:
    """Add a message at an index and a call at the one after it, each announced, grown and done."""
    where = {"output_index": first, "item_id": "m", "content_index": 0}
    log.add("response.output_item.added", output_index=first, item=MESSAGE)
    log.add("response.output_item.added", output_index=first + 1, item=CALL)
    log.add("response.output_item.added", output_index=first, item=None)
    log.add("response.content_part.added", **where, part=PART)
    log.add("response.output_text.delta", **where, delta="Hello", logprobs=[])
    log.add(
        "response.function_call_arguments.delta",
        output_index=first + 1,
        item_id="f",
        delta=str(WHOLE_CALL["arguments"]),
    )
    log.add("response.output_item.done", output_index=first + 1, item=WHOLE_CALL)
    log.add("response.output_item.done", output_index=first, item=WHOLE_MESSAGE)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("status", ["completed", "failed", "incomplete"])
@pytest.mark.parametrize("nothing", ["null", "missing"])
@pytest.mark.parametrize("first", [0, 1, 1_000_000])
def test_output_that_the_server_leaves_out_is_that_of_the_sdk(
    first: int, nothing: str, status: str, is_async: bool
) -> None:
    log = EventLog()
    log.add("response.created", response={"id": "r", **NOTHING[nothing]})
    log.add("response.queued", response={"id": "r", **NOTHING[nothing]})
    log.add("response.output_item.added", output_index=0, item=None)
    streamed(first, log)
    log.add("response.in_progress", response={"id": "r", **NOTHING[nothing]})
    log.add(f"response.{status}", response={"id": "r", "status": status, **NOTHING[nothing]})
    check_response(log.events, typed=False, tools=True, is_async=is_async)


LATER_TEXT = {**WHOLE_MESSAGE, "content": [{**PART, "text": "Hello again"}]}
LATER_CALL = {**WHOLE_CALL, "id": "f", "arguments": '{"city": "Q", "days": 2}'}
LATER: dict[str, list[list[dict[str, Any]]]] = {
    "both, in another order": [[LATER_CALL, LATER_TEXT]],
    "one of them": [[LATER_TEXT]],
    "twice": [[LATER_CALL], [{**LATER_CALL, "arguments": WHOLE_CALL["arguments"]}]],
    "unknown items": [[{**LATER_TEXT, "id": "other"}, {**LATER_CALL, "call_id": "other"}]],
    "then left out": [[LATER_TEXT, LATER_CALL], []],
}


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("nothing", ["null", "missing"])
@pytest.mark.parametrize("later", LATER)
def test_later_version_of_a_finished_item_is_that_of_the_sdk(later: str, nothing: str, is_async: bool) -> None:
    log = EventLog()
    log.add("response.created", response={"id": "r", "output": []})
    streamed(3, log)
    for output in LATER[later]:
        log.add("response.in_progress", response={"id": "r", "output": output})
    log.add("response.completed", response={"id": "r", "status": "completed", **NOTHING[nothing]})
    check_response(log.events, typed=False, tools=True, is_async=is_async)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("output", [[], [MESSAGE], [WHOLE_MESSAGE]])
def test_item_that_grows_keeps_its_text_when_the_response_is_repeated(output: list[Any], is_async: bool) -> None:
    where = {"output_index": 0, "item_id": "m", "content_index": 0}
    log = EventLog()
    log.add("response.created", response={"id": "r", "output": []})
    log.add("response.output_item.added", output_index=0, item=MESSAGE)
    log.add("response.content_part.added", **where, part=PART)
    for piece in ("Hel", "lo"):
        log.add("response.output_text.delta", **where, delta=piece, logprobs=[])
        log.add("response.in_progress", response={"id": "r", "output": output})
    log.add("response.output_item.done", output_index=0, item=WHOLE_MESSAGE)
    log.add("response.completed", response={"id": "r", "status": "completed", "output": None})
    check_response(log.events, typed=False, tools=False, is_async=is_async)
