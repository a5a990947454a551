"""The tokens of WebSocket sessions, which the transports of a client count though no message passes through them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from both import Way
from peer import Peer, collect, peer, say

import oai
from oai.testing import Loopback
from oai.transports import (
    AsyncHTTPTransport,
    Budget,
    BudgetExceededError,
    Cache,
    HTTPTransport,
    Limiter,
    Recorder,
    Usage,
)

USED = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25, "input_token_details": {"cached_tokens": 8}}
DONE = {"id": "resp_1", "object": "realtime.response", "status": "completed", "output": [], "usage": USED}


def converse(_: Peer, socket: Any) -> None:
    """Send the events of two responses, the first one twice, and of a transcription; then close."""
    say(socket, type="response.created", event_id="e1", response={**DONE, "status": "in_progress", "usage": None})
    say(socket, type="response.output_text.delta", event_id="e2", delta='of "usage": {"input_tokens": 1}')
    for number in (1, 1, 2):
        say(socket, type="response.done", event_id="e3", response={**DONE, "id": f"resp_{number}"})
    usage = {"type": "tokens", "input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    name = "conversation.item.input_audio_transcription.completed"
    say(socket, type=name, event_id="e4", item_id="i", content_index=0, transcript="Hi", usage=usage)


def transport(way: Way) -> Any:
    return AsyncHTTPTransport() if way.is_async else HTTPTransport()


def events_of(way: Way, seen: Peer, path: str = "realtime.connect", **params: Any) -> list[Any]:
    """Open a session, and return all its events."""
    way.options["base_url"] = f"{seen.url}/v1"
    events: list[Any] = way.use(path, collect, **params)
    return events


ORDERS: dict[str, Callable[[Any, Path], Any]] = {
    "usage": lambda usage, _: usage,
    "cache": lambda usage, folder: Cache(usage, folder / "answers.sqlite"),
    "limiter": lambda usage, _: Limiter(usage, in_flight=2),
    "recorder": lambda usage, folder: Recorder(folder / "x.cassette", usage, mode="record"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_tokens_of_a_session_are_counted(order: str, way: Way, tmp_path: Path) -> None:
    usage = Usage(transport(way), prices={"models": {"gpt-realtime": {"input": 1.0, "output": 10.0}}}, tag="talk")
    way.options["transport"] = ORDERS[order](usage, tmp_path)
    with peer(converse) as seen:
        assert len(events_of(way, seen, model="gpt-realtime")) == 6
    (row,) = usage.rows()
    assert (row.operation, row.model, row.tag) == ("realtime.connect", "gpt-realtime", "talk")
    assert (row.requests, row.input_tokens, row.cached_tokens, row.output_tokens) == (3, 43, 16, 14)
    assert row.cost == pytest.approx((43 * 1.0 + 14 * 10.0) / 1_000_000)


@pytest.mark.parametrize("counts", [True, False], ids=["usage", "plain"])
@pytest.mark.parametrize("place", ["extra_headers", "default_headers"])
def test_tag_in_a_header_is_that_of_the_session_and_not_sent(place: str, counts: bool, way: Way) -> None:
    usage = Usage(transport(way), tag="own")
    way.options["transport"] = usage if counts else transport(way)
    header = {place: {"X-Oai-Tag": "nightly", "X-Other": "1"}}
    if place == "default_headers":
        way.options |= header
    with peer(converse) as seen, Usage.tag("block"):
        events_of(way, seen, model="m", **(header if place == "extra_headers" else {}))
    ((_, fields),) = seen.handshakes
    names = {name.lower() for name, _ in fields}
    assert "x-oai-tag" not in names
    assert "x-other" in names
    assert [row.tag for row in usage.rows()] == ["nightly"] * counts


def test_tokens_of_responses_over_a_websocket_have_the_model_that_responded(way: Way) -> None:
    response = {"id": "resp_1", "object": "response", "model": "gpt-5-x", "status": "completed", "output": []}

    def respond(_: Peer, socket: Any) -> None:
        say(socket, type="response.completed", sequence_number=1, response={**response, "usage": USED})
        say(socket, type="response.failed", sequence_number=2, response={**response, "id": "resp_2", "usage": None})

    way.options["transport"] = usage = Usage(transport(way))
    with peer(respond) as seen:
        events_of(way, seen, "responses.connect")
    assert [(row.operation, row.model, row.requests) for row in usage.rows()] == [("responses.connect", "gpt-5-x", 1)]


def test_events_that_a_live_session_passes_on_are_counted(way: Way) -> None:
    def respond(_: Peer, socket: Any) -> None:
        response = {"id": "resp_1", "object": "response", "model": "gpt-5-x", "usage": USED}
        say(socket, type="response.event", event_id="e", event={"type": "response.completed", "response": response})
        say(socket, type="session.usage.updated", event_id="f", usage={"seconds": 3.5})

    way.options["transport"] = usage = Usage(transport(way))
    with peer(respond) as seen:
        events_of(way, seen, "live.connect")
    assert usage.total.input_tokens == 20


def test_no_session_is_opened_beyond_a_budget(way: Way) -> None:
    way.options["transport"] = usage = Usage(transport(way), budgets=[Budget(tokens=40, operation="realtime.*")])
    with peer(converse) as seen:
        events_of(way, seen, model="m")
        with pytest.raises(BudgetExceededError, match="57 spent"):
            events_of(way, seen, model="m")
        assert len(seen.handshakes) == 1
    assert usage.total.requests == 3


def test_other_requests_wait_for_the_tokens_of_a_session(way: Way, server: Loopback, tmp_path: Path) -> None:
    for shared in (None, tmp_path / "limits"):
        way.options["transport"] = Limiter(transport(way), tokens_per_minute=60, shared=shared)
        way.options["timeout"] = oai.Timeout(10, pool=0.05)
        with peer(converse) as seen:
            events_of(way, seen, model="m")
        way.options["base_url"] = f"{server.url}/v1"
        with pytest.raises(oai.APITimeoutError, match="the limits do not allow"):
            way.call("responses.create", model="m", input="x", max_output_tokens=10)
        assert server.requests == []


def test_session_is_not_read_for_a_transport_that_counts_nothing(way: Way) -> None:
    way.options["transport"] = Limiter(transport(way), in_flight=1)
    assert way.options["transport"].socket_meter("realtime.connect", "m") is None
    with peer(converse) as seen:
        assert len(events_of(way, seen, model="m")) == 6
