"""Read responses with the machine and with h11; generate responses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import h11
from hypothesis import strategies as st

from oai._http1 import Request, Response
from oai._http1.response import MOST_HEAD


class Reading(NamedTuple):
    """The result of reading a response to the end of the connection; `reusable` is from before the end."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]]
    error: str | None
    switched: bool
    unread: bool
    reusable: bool


def read(data: bytes, method: str = "GET", *, cuts: Iterable[int] = ()) -> Reading:
    """Feed a response to the machine, cut at these offsets."""
    response = Response(Request(method, "/", [], host="example.test"))
    body = b"".join([response.feed(piece) for piece in pieces(data, cuts)])
    reusable, unread = response.reusable, bool(response.unread)
    body += response.feed(b"")
    return Reading(
        response.status,
        response.reason if response.status else "",
        list(response.fields) if response.status else [],
        body,
        list(response.trailers),
        type(response.error).__name__ if response.error else None,
        response.switched,
        unread,
        reusable,
    )


def pieces(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for cut in sorted({cut for cut in cuts if 0 < cut < len(data)} | {len(data)}):
        if cut > start:
            yield data[start:cut]
        start = cut


def read_by_h11(data: bytes, method: str = "GET", *, upgrade: bool = False) -> Reading:
    """Read a response with h11; any error is `h11`."""
    connection = h11.Connection(h11.CLIENT, MOST_HEAD)
    target = "example.test:443" if method == "CONNECT" else "/"
    fields = [("Host", "example.test"), *([("Upgrade", "x")] if upgrade else [])]
    connection.send(h11.Request(method=method, target=target, headers=fields))
    connection.send(h11.EndOfMessage())
    events, error = _events(connection, data)
    switched = connection.their_state is h11.SWITCHED_PROTOCOL
    ended = switched or any(isinstance(event, h11.EndOfMessage) for event in events)
    unread = ended and bool(connection.trailing_data[0])
    if unread:
        error = None  # h11's error of a connection that is to close; where it is not, h11 pauses
    reusable = connection.our_state is connection.their_state is h11.DONE and not unread
    if error is None and not switched and not unread:
        closing, error = _events(connection, b"")
        events += closing
    final = [
        event
        for event in events
        if isinstance(event, h11.Response)
        or (isinstance(event, h11.InformationalResponse) and event.status_code == 101)
    ]
    ends = [event for event in events if isinstance(event, h11.EndOfMessage)]
    return Reading(
        final[0].status_code if final else 0,
        final[0].reason.decode("latin-1") if final else "",
        _text(final[0].headers.raw_items()) if final else [],
        b"".join([event.data for event in events if isinstance(event, h11.Data)]),
        _text(ends[0].headers.raw_items()) if ends else [],
        error,
        switched,
        unread,
        reusable,
    )


def _events(connection: h11.Connection, data: bytes) -> tuple[list[h11.Event], str | None]:
    events: list[h11.Event] = []
    connection.receive_data(data)
    try:
        while True:
            event = connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return events, None
            events.append(event)
    except h11.RemoteProtocolError:
        return events, "h11"


def _text(pairs: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in pairs]


FRAMING = {"content-length", "transfer-encoding"}

METHODS = st.sampled_from(["GET", "GET", "GET", "POST", "HEAD", "CONNECT"])

STATUS_LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK"] * 20
    + [
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 200 \tfine \xe9 ",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.2 500 Oops",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 304 Not Modified",
        b"HTTP/1.1 101 Switching Protocols",
        b"HTTP/1.1 999 ?",
        b"HTTP/1.1 099 ?",
        b"HTTP/2.0 200 OK",
        b"http/1.1 200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 2000 OK",
        b"",
    ]
)

USUAL_FIELDS = st.sampled_from(
    [
        b"content-length:5",
        b"transfer-encoding:\tChunked ",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: x, CLOSE",
        b"X-A: 1",
        b"X-A: two words \t",
        b"X-A:",
        b"X-B: \xe9\x01\x7f\x85\xa0",
        b"X-C: 1\r\n \t folded\r\n too",
    ]
)

UNUSUAL_FIELDS = st.sampled_from(
    [
        b"Content-Length: 0",
        b"Content-Length: 5, 5",
        b"Content-Length: 5,",
        b"Content-Length: +5",
        b"Content-Length: 5_0",
        b"Content-Length: \xb2",
        b"Content-Length:",
        b"Content-Length: " + b"0" * 19 + b"5",
        b"Content-Length: " + b"0" * 20 + b"5",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding:",
        b"X-C: a\x0bb",
        b"X-D: a\r",
        b"X-E: a\0b",
        b"X F: 1",
        b"X-G : 1",
        b": 1",
        b"no colon",
        b" folded",
        b"\t ",
    ]
)

INTERIM = st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"])

SIZE_LINES = st.sampled_from(
    [b"%x", b"%X", b"0%x", b"%x;a=b", b"%x \t", b"%x ;a", b"0x%x", b"+%x", b" %x", b"%x_0", b""]
)


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    """A body in the chunked coding, most often a valid one."""
    body = b""
    for data in draw(st.lists(st.sampled_from([b"a", b"data: 1\n\n", b"\r\n", b"x" * 40]), max_size=4)):
        size = draw(st.one_of(st.just(b"%x"), st.just(b"%X"), st.just(b"%x"), SIZE_LINES))
        line = size % len(data) if b"%" in size else size
        body += line + b"\r\n" + data + draw(st.sampled_from([b"\r\n"] * 9 + [b"\n", b"", b"x\r\n"]))
    trailers = draw(
        st.sampled_from([b""] * 4 + [b"X-T: 1\r\n", b"X-T: 1\n folded\n", b"Content-Length: x\r\n", b"bad\r\n"])
    )
    return body + draw(st.sampled_from([b"0\r\n", b"000\r\n", b"0;x\r\n"])) + trailers + b"\r\n"


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """Heads and bodies that match or do not, with bytes changed, removed and added anywhere."""
    end = draw(st.sampled_from([b"\r\n"] * 4 + [b"\n"]))
    fields = st.one_of(USUAL_FIELDS, USUAL_FIELDS, USUAL_FIELDS, USUAL_FIELDS, USUAL_FIELDS, UNUSUAL_FIELDS)
    framing, body = draw(
        st.one_of(
            st.tuples(st.just([b"Transfer-Encoding: chunked"]), chunked()),
            st.tuples(st.just([b"Content-Length: 5"]), st.sampled_from([b"hello", b"hello", b"hell", b"hello more"])),
            st.tuples(st.just([]), st.one_of(st.just(b"hello"), chunked())),
        )
    )
    lines = [draw(STATUS_LINES), *framing, *draw(st.lists(fields, max_size=4))]
    head = b"".join(draw(st.lists(INTERIM, max_size=2))) + end.join(lines) + end + draw(st.sampled_from([b"\r\n", end]))
    data = bytearray(head + body)
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from(
                [b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\0", b",", b";", b"0", b"A", b"\xff", b"\x0c"]
            )
        )
    return bytes(data)


CUTS = st.lists(st.integers(0, 300), max_size=6)
