"""Writing requests: read back with h11 as the server; invalid ones raise."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai._http1 import ProtocolError, Request, RequestError, Response, SentHeads
from oai._http1.head import TOKEN
from oai._http1.request import MOST_HEADS


def read(data: bytes) -> tuple[h11.Request, bytes, bool]:
    """Return a request as h11 reads it, its body, and whether it is complete."""
    connection = h11.Connection(h11.SERVER, 1 << 20)
    connection.receive_data(data)
    head, body = connection.next_event(), b""
    assert isinstance(head, h11.Request)
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    return head, body, isinstance(event, h11.EndOfMessage)


def pairs(head: h11.Request) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()]


def request(method: str = "GET", target: str = "/", fields: Any = (), **options: Any) -> Request:
    return Request(method, target, fields, **{"host": "example.test", **options})


NAMES = st.text(TOKEN, min_size=1, max_size=12).filter(
    lambda name: name.lower() not in {"host", "content-length", "transfer-encoding", "connection"}
)
VALUES = st.text([chr(code) for code in (9, *range(32, 127), *range(128, 256))], max_size=20).map(
    lambda text: text.strip(" \t")
)
PIECES = st.lists(st.binary(max_size=40), max_size=5)


@given(
    st.text(TOKEN, min_size=1, max_size=10).filter(lambda method: method != "CONNECT"),
    st.text([chr(code) for code in range(33, 127)], min_size=1, max_size=30),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
    PIECES,
    st.booleans(),
)
def test_server_reads_the_arguments_back(method, target, fields, pieces, known) -> None:
    length = sum(map(len, pieces))
    sent = request(method, target, fields, length=length if known else None)
    data = sent.head + b"".join(bytes(sent.frame(piece)) for piece in pieces) + sent.finish()
    head, body, complete = read(data)
    assert (head.method.decode(), head.target.decode(), head.http_version) == (method, target, b"1.1")
    host, *others = pairs(head)
    assert host == ("Host", "example.test")
    assert others[: len(fields)] == fields
    assert (body, complete, sent.complete) == (b"".join(pieces), True, True)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_no_argument_injects_a_field_or_a_request(method, target, name, value) -> None:
    try:
        sent = request(method, target, [(name, value)])
    except RequestError:
        return
    head, body, complete = read(sent.head)
    assert (head.method.decode(), head.target.decode(), body, complete) == (method, target, b"", True)
    assert len(pairs(head)) <= 3


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, []),
        ({"length": 0}, []),
        ({"length": 3}, ["Content-Length: 3"]),
        ({"length": None}, ["Transfer-Encoding: chunked"]),
        ({"method": "POST"}, ["Content-Length: 0"]),
        ({"method": "PUT"}, ["Content-Length: 0"]),
        ({"method": "PATCH"}, ["Content-Length: 0"]),
        ({"method": "DELETE"}, []),
        ({"method": "CONNECT", "target": "example.test:443"}, []),
    ],
)
def test_framing_depends_on_method_and_length(options: dict[str, Any], lines: list[str]) -> None:
    assert request(**options).head.decode().split("\r\n")[2:-2] == lines


def test_framing_fields_of_the_caller_are_left_out() -> None:
    fields = [("A", "1"), ("content-length", "99"), ("Transfer-Encoding", "gzip"), ("B", "2"), ("CONTENT-LENGTH", "1")]
    assert request(fields=fields, length=2).head.split(b"\r\n")[2:-2] == [b"A: 1", b"B: 2", b"Content-Length: 2"]


def test_the_callers_host_comes_first() -> None:
    sent = request(fields=[("A", "1"), ("host", "other.test"), ("B", "2")])
    assert sent.head == b"GET / HTTP/1.1\r\nHost: other.test\r\nA: 1\r\nB: 2\r\n\r\n"
    with pytest.raises(RequestError, match="more than one Host"):
        request(fields=[("Host", "a.test"), ("host", "a.test")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(({"method": text}, "invalid method") for text in ("", "G ET", "GET\r\n", "G\xc9T", "GE\tT", "GET:")),
        *(
            ({"target": text}, "invalid request target")
            for text in ("", "/a b", "/\r\nA: 1", "/\xe9", "/\x7f", "/\t", "/\0")
        ),
        *(
            ({"fields": [(text, "1")]}, "invalid header name")
            for text in ("", "A B", "A:", "A\r\nB", "\xe9", "A\t", '"A"', "\u0100")
        ),
        *(
            ({"fields": [("X-Key", f"sk-{text}")]}, "the header 'X-Key' has a character in its value")
            for text in ("a\r\nB: 1", "a\nb", "a\rb", "a\0b", "a\x1bb", "a\x7f", "\u0100", "\x01")
        ),
        *(({"host": text}, "the header 'Host'") for text in ("a\r\nB: 1", "\u0100")),
        ({"target": "/" + "a" * 1000 + " "}, "aaa'[.]{3}$"),
    ],
)
def test_invalid_requests_raise_without_quoting_header_values(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        request(**options)
    assert "sk-" not in str(caught.value)
    assert isinstance(caught.value, ProtocolError)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST", "G T"]),
            st.sampled_from(["/", "/a", "/\n"]),
            st.lists(
                st.tuples(
                    st.sampled_from(["A", "a", "Host", "Connection"]), st.sampled_from(["1", "2", "close", "\n"])
                ),
                max_size=3,
            ),
            st.sampled_from([0, 1, None]),
        ),
        max_size=8,
    )
)
def test_remembered_heads_are_those_of_the_arguments(sent: list[tuple[Any, ...]]) -> None:
    """Requests that share `SentHeads` are the same, and fail in the same way, as each by itself."""
    heads = SentHeads()
    for method, target, fields, length in sent:
        outcomes = []
        for options in ({}, {"sent": heads}):
            try:
                made = request(method, target, fields, length=length, **options)
                outcomes.append((made.head, made.closes, made.complete))
            except RequestError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


def test_fields_that_change_after_a_request_change_the_next_one() -> None:
    heads, fields = SentHeads(), [("Authorization", "Bearer one")]
    first = request(fields=fields, sent=heads).head
    fields[0] = ("Authorization", "Bearer two")
    assert request(fields=fields, sent=heads).head == first.replace(b"one", b"two")


def test_the_number_of_remembered_heads_is_bounded() -> None:
    heads = SentHeads()
    for number in range(1000):
        request(target=f"/{number}", sent=heads)
    assert len(heads._last) <= MOST_HEADS


@pytest.mark.parametrize(
    ("body", "length", "error"),
    [(b"", 0, None), (b"abc", 3, None), (b"ab", 3, "1 bytes shorter"), (b"abcd", 3, "longer")],
)
def test_whole_request_has_the_length_announced(body: bytes, length: int, error: str | None) -> None:
    sent = request("POST", length=length)
    if error is None:
        assert sent.whole(body) == sent.head + body
        assert sent.complete
    else:
        with pytest.raises(RequestError, match=error):
            sent.whole(body)
        assert not sent.complete


def test_body_must_have_the_length_announced() -> None:
    sent = request("POST", length=3)
    assert sent.frame(b"ab") == b"ab"
    with pytest.raises(RequestError, match="1 bytes shorter than its length of 3"):
        sent.finish()
    assert not sent.complete
    with pytest.raises(RequestError, match="longer than its length of 3 bytes"):
        sent.frame(b"cd")


def test_pieces_are_not_copied_and_empty_pieces_do_not_end_the_body() -> None:
    piece = memoryview(b"ab")
    assert request("POST", length=2).frame(piece) is piece
    sent = request("POST", length=None)
    assert (sent.frame(b""), sent.frame(piece), sent.complete) == (b"", b"2\r\nab\r\n", False)
    assert (sent.finish(), sent.complete) == (b"0\r\n\r\n", True)


def test_exchanges_with_an_h11_server_over_one_connection() -> None:
    server = h11.Connection(h11.SERVER)
    for length, fields in ((4, [("Content-Length", "5")]), (None, [("Transfer-Encoding", "chunked")])):
        sent = request("POST", length=length)
        response = Response(sent)
        server.receive_data(sent.head + bytes(sent.frame(b"ping")) + sent.finish())
        while type(server.next_event()) is not h11.EndOfMessage:
            pass
        data = server.send(h11.InformationalResponse(status_code=103, headers=[]))
        data += server.send(h11.Response(status_code=200, headers=fields)) + server.send(h11.Data(data=b"hello"))
        data += server.send(h11.EndOfMessage())
        assert (response.feed(data), response.reusable) == (b"hello", True)
        server.start_next_cycle()


def test_the_machine_imports_no_io_and_no_other_module_of_the_package() -> None:
    code = "import sys, oai\nbefore = set(sys.modules)\nimport oai._http1\nprint(*sorted(set(sys.modules) - before))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert out.stdout.split() == [f"oai._http1{part}" for part in ("", ".errors", ".head", ".request", ".response")]
