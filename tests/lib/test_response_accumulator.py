"""`ResponsesWebSocketAccumulator` on its own; `tests/official` compares it with the official SDK's over generated events."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest
from response_data import response

import oai
from oai.lib.responses_websocket import ResponsesWebSocketAccumulator, ResponsesWebSocketError
from oai.types.responses import ResponsesServerEvent

RESPONSE = response(1)

PART = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}


def event(kind: str, **fields: Any) -> Any:
    """Return an event as a connection parses it."""
    data = {"type": kind if kind == "error" else f"response.{kind}", "sequence_number": 1, **fields}
    return oai.decode(ResponsesServerEvent, msgspec.json.encode(data))


def accumulated(*events: Any) -> ResponsesWebSocketAccumulator:
    accumulator = ResponsesWebSocketAccumulator()
    for each in events:
        accumulator.add_event(each)
    return accumulator


def text(piece: str, **fields: Any) -> Any:
    return event("output_text.delta", **{**PART, "delta": piece, "logprobs": [], **fields})


def test_texts_grow_and_the_whole_text_replaces_them() -> None:
    accumulator = accumulated(event("created", response=RESPONSE), text("Hel"), text("lo"))
    before = accumulator.snapshot()
    accumulator.add_event(event("output_text.done", **PART, text="Hello!", logprobs=[]))
    assert (before.output_text, accumulator.snapshot().output_text) == ("Hello", "Hello!")
    assert before.output[0].text == ((0, "Hello"),)
    assert hash(before) == hash(pickle.loads(pickle.dumps(before)))


def test_last_event_has_the_response() -> None:
    accumulator = accumulated(text("Hel"))
    with pytest.raises(RuntimeError, match="has not come yet"):
        accumulator.get_final_response()
    accumulator.add_event(event("failed", response={**RESPONSE, "output": None, "status": "failed"}))
    response = accumulator.get_final_response()
    response.status = "completed"
    assert accumulator.get_final_response().status == "failed"
    snapshot = accumulator.snapshot()
    assert (snapshot.terminal_type, snapshot.response_id, snapshot.output_text) == ("response.failed", "resp_1", "Hel")
    with pytest.raises(RuntimeError, match="reset"):
        accumulator.add_event(text("lo"))
    accumulator.reset()
    accumulator.add_event(text("lo"))
    assert accumulator.snapshot().output_text == "lo"


def test_error_event_is_raised_and_kept() -> None:
    accumulator = accumulated(text("Hel"))
    error = event("error", code="bad", message="Bad.")
    for call in (lambda: accumulator.add_event(error), accumulator.get_final_response):
        with pytest.raises(ResponsesWebSocketError) as caught:
            call()
        assert caught.value.event is error
    assert accumulator.snapshot().output_text == "Hel"


@pytest.mark.parametrize(
    ("malformed", "message"),
    [
        (text("lo", stream_id="other"), "lane 'other'"),
        (event("created", response={**RESPONSE, "id": "resp_2"}), "'resp_2', not to 'resp_1'"),
        (text("lo", output_index=-1), "output_index of an event must be a non-negative integer, not -1"),
        (event("output_item.done", output_index=0, item={"type": 7}), "type of an event must be a string, not int"),
        (
            event("reasoning_text.delta", **{**PART, "output_index": 1, "item_id": "rs_1"}, delta=""),
            "no reasoning_text",
        ),
        (
            event("reasoning_summary_text.delta", output_index=1, item_id="rs_1", summary_index=3, delta=""),
            "the item of the event has no summary.3.text",
        ),
    ],
)
def test_event_that_does_not_fit_raises_and_changes_nothing(malformed: Any, message: str) -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    accumulator = accumulated(
        event("created", response=RESPONSE), text("Hel"), event("output_item.added", output_index=1, item=reasoning)
    )
    before = accumulator.detailed_snapshot()
    with pytest.raises(ValueError, match=message):
        accumulator.add_event(malformed)
    assert accumulator.detailed_snapshot() == before


def test_late_event_of_a_replaced_item_is_ignored() -> None:
    accumulator = accumulated(text("old"), text("new", item_id="msg_2"), text("late"))
    assert accumulator.snapshot().output_text == "new"


def test_details_are_the_callers_own() -> None:
    annotation = {"type": "file_path", "file_id": "file_1", "index": 0}
    accumulator = accumulated(
        event("created", response=RESPONSE),
        text("Hello"),
        event("output_text.annotation.added", **PART, annotation_index=2, annotation=annotation),
    )
    details = accumulator.detailed_snapshot()
    assert details["response"]["id"] == "resp_1"
    assert details["output"] == [
        {
            "output_index": 0,
            "item": {"id": "msg_1"},
            "content": [
                {
                    "content_index": 0,
                    "part": {
                        "text": "Hello",
                        "logprobs": [],
                        "annotations": [{"annotation_index": 2, "annotation": annotation}],
                    },
                }
            ],
        }
    ]
    details["output"][0]["content"][0]["part"]["annotations"].clear()
    assert accumulator.detailed_snapshot() != details


def test_events_may_be_plain_data_and_of_any_type() -> None:
    accumulator = accumulated({"type": "response.later"}, {"type": ["response"]}, {}, None)
    accumulator.add_event({"type": "response.output_text.delta", **PART, "delta": "Hello"})
    assert accumulator.snapshot().output_text == "Hello"
