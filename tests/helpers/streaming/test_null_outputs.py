"""Response streams of servers that send null where an output, an item or a part belongs, or an item twice."""

from __future__ import annotations

from typing import Any

import pytest
from both import Read, Way
from chunks import numbered
from structured import output_message, response

from oai.testing import Answer, Loopback


def respond(way: Way, server: Loopback, *events: dict[str, Any], look: Any = None) -> Read:
    server.reply(Answer.events(numbered(*events), done=False))
    return way.read("responses.stream", "get_final_response", look, model="m", input="x")


def started(kind: str = "created", **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "response": response(**{"status": "in_progress", **more})}


def added(item: Any, index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: Any, index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def piece(text: str, index: int = 0) -> dict[str, Any]:
    at = {"output_index": index, "content_index": 0, "item_id": "m"}
    return {"type": "response.output_text.delta", "delta": text, "logprobs": [], **at}


ENDED = {"type": "response.completed", "response": {**response(), "output": None}}


@pytest.mark.parametrize("kind", ["created", "queued", "in_progress"])
def test_null_output_of_an_unfinished_response_is_an_empty_list(kind: str, way: Way, server: Loopback) -> None:
    read = respond(way, server, started(), {**started(kind), "response": {"id": "r", "output": None}}, ENDED)
    assert (read.error, [event.response.output for event in read.events]) == (None, [[], [], []])


def test_null_item_is_not_yielded_and_removes_nothing(way: Way, server: Loopback) -> None:
    read = respond(way, server, started(), added(None), piece("a"), added(None), piece("b"), ENDED)
    assert read.types() == ["response.created", *["response.output_text.delta"] * 2, "response.completed"]
    assert (read.error, read.final.output_text) == (None, "ab")


def test_null_part_removes_nothing(way: Way, server: Loopback) -> None:
    part = {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "item_id": "m", "part": None}
    read = respond(way, server, started(), part, piece("a"), part, piece("b"), {**part, "content_index": 1}, ENDED)
    assert (read.error, read.final.output_text, len(read.final.output[0].content)) == (None, "ab", 1)


def test_null_response_keeps_the_one_before_it(way: Way, server: Loopback) -> None:
    events = [started(), {"type": "response.in_progress", "response": None}, piece("a"), ENDED]
    read = respond(way, server, *events, look=lambda stream, _: stream.current_response_snapshot.id)
    assert (read.error, read.seen) == (None, ["r"] * 4)


def test_items_of_high_indexes_are_kept_apart_and_in_order(way: Way, server: Loopback) -> None:
    second, first = output_message("b", id="second"), output_message("a", id="first")
    read = respond(way, server, started(), done(second, 1_000_001), done(first, 1_000_000), ENDED)
    assert (read.error, [item.id for item in read.final.output]) == (None, ["first", "second"])


def test_later_version_of_a_finished_item_replaces_it(way: Way, server: Loopback) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    later = started("in_progress", output=[{**call, "id": "fc"}, output_message("new")])
    read = respond(way, server, started(), done(output_message("old"), 3), done(call, 7), later, ENDED)
    assert (read.error, read.final.output_text, read.final.output[1].id) == (None, "new", "fc")


@pytest.mark.parametrize("key", [None, ["m"], 5])
def test_items_without_a_valid_id_are_no_versions_of_each_other(key: Any, way: Way, server: Loopback) -> None:
    later = started("in_progress", output=[output_message("new", id=key)])
    read = respond(way, server, started(), done(output_message("old", id=key)), later, ENDED)
    assert (read.error, read.final.output_text) == (None, "old")


def test_item_that_still_grows_keeps_its_text(way: Way, server: Loopback) -> None:
    growing = output_message("", content=[])
    later = started("in_progress", output=[growing])
    read = respond(way, server, started(), added(growing), piece("a"), later, piece("b"), ENDED)
    assert (read.error, read.final.output_text) == (None, "ab")
