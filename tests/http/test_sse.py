"""The event-stream parser against the WHATWG rules, with streams split anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai import EventParser, ServerSentEvent

VECTORS = [
    pytest.param(b"data: one\n\ndata: two\n\n", [b"one", b"two"], id="two events"),
    pytest.param(b"data: one\r\n\r\ndata: two\r\n\r\n", [b"one", b"two"], id="CRLF"),
    pytest.param(b"data: one\r\rdata: two\r\r", [b"one", b"two"], id="CR"),
    pytest.param(b"data: one\r\n\ndata: two\n\r\n", [b"one", b"two"], id="mixed line ends"),
    pytest.param(b"\xef\xbb\xbfdata: one\n\n", [b"one"], id="byte order mark"),
    pytest.param(b": a comment\n\n: another\ndata: one\n\n", [b"one"], id="comments"),
    pytest.param(b"data: one\ndata: two\n\n", [b"one\ntwo"], id="several data lines"),
    pytest.param(b"data:one\n\n", [b"one"], id="no space after the colon"),
    pytest.param(b"data:  one\n\n", [b" one"], id="only one space is taken off"),
    pytest.param(b"data\n\n", [b""], id="a data line without colon is empty data"),
    pytest.param(b"event: ping\n\n", [], id="an event without data is not delivered"),
    pytest.param(b"data: one\n", [], id="an event without its blank line is not delivered"),
    pytest.param(b"unknown: field\ndata: one\n\n", [b"one"], id="unknown fields are ignored"),
    pytest.param(b"\n\n\ndata: one\n\n\n\n", [b"one"], id="blank lines"),
    pytest.param(b"Data: one\n\n", [], id="field names are in lower case"),
]


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    return [stream[start:end] for start, end in itertools.pairwise(places)]


def parse(*parts: bytes) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for part in parts for event in parser.feed(part)]


@pytest.mark.parametrize(("stream", "data"), VECTORS)
def test_events_of_a_whole_stream(stream: bytes, data: list[bytes]) -> None:
    assert [event.data for event in parse(stream)] == data


@pytest.mark.parametrize(("stream", "data"), VECTORS)
def test_events_of_a_stream_that_arrives_byte_by_byte(stream: bytes, data: list[bytes]) -> None:
    assert [event.data for event in parse(*(bytes([byte]) for byte in stream))] == data


LINE = st.one_of(
    st.binary(max_size=12).map(lambda text: text.replace(b"\r", b"").replace(b"\n", b"")),
    st.sampled_from([b"", b"", b"data: x", b"data", b"event: ping", b"id: 7", b"id: a\0b", b"retry: 10", b":"]),
    st.text(max_size=8).map(lambda text: b"data: " + "".join(text.splitlines()).encode()),
)
STREAM = st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=25).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(STREAM, st.lists(st.integers(0, 300), max_size=20))
def test_splitting_a_stream_does_not_change_its_events(stream: bytes, cuts: list[int]) -> None:
    assert parse(*pieces(stream, cuts)) == parse(stream)


def reference(stream: bytes) -> list[ServerSentEvent]:
    """Interpret a whole stream line by line, by the standard's algorithm."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events, data, name, last_id = [], [], "", ""
    for line in text.split(b"\n")[:-1]:
        if line == b"":
            if data:
                events.append(ServerSentEvent(b"\n".join(data), name, last_id))
            data, name = [], ""
        elif not line.startswith(b":"):
            field, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode(errors="replace")
            elif field == b"id" and b"\0" not in value:
                last_id = value.decode(errors="replace")
    return events


@given(STREAM)
def test_events_equal_those_of_the_reference(stream: bytes) -> None:
    assert parse(stream) == reference(stream)


def test_event_has_its_name_and_the_last_id() -> None:
    events = parse(b"event: ping\nid: 7\ndata: 1\n\ndata: 2\n\n")
    assert events == [ServerSentEvent(b"1", "ping", "7"), ServerSentEvent(b"2", "", "7")]


def test_reconnection_time_is_kept_and_invalid_ones_are_ignored() -> None:
    parser = EventParser()
    parser.feed(b"retry: 1500\nretry: soon\nretry: " + b"9" * 5000 + b"\n")
    assert parser.retry == 1500


def test_carriage_return_ends_an_event_immediately() -> None:
    parser = EventParser()
    assert [event.data for event in parser.feed(b"data: one\r\r")] == [b"one"]
    assert parser.feed(b"\n") == []


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]"])
def test_incomplete_event_is_pending(tail: bytes) -> None:
    parser = EventParser()
    parser.feed(b"data: one\n\n" + tail)
    assert parser.pending == b"[DONE]"


def test_cost_of_a_long_line_is_linear() -> None:
    parser = EventParser()
    parser.feed(b"data: ")
    for _ in range(20_000):
        assert parser.feed(b"x" * 100) == []
    (event,) = parser.feed(b"\n\n")
    assert len(event.data) == 2_000_000
