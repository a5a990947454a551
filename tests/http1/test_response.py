"""Reading responses: valid and invalid ones, in one piece and byte by byte; limits; reuse of connections."""

from __future__ import annotations

import pytest

from oai._http1 import Request, Response, head
from oai._http1.response import MOST_HEAD, MOST_INTERIM, MOST_SIZE_LINE
from tests.http1.exchanges import FRAMING, read
from tests.http1.vectors import CHUNKED, INVALID, OK, RESPONSES, REUSE


def receiving(method: str = "GET", fields: list[tuple[str, str]] | None = None) -> Response:
    return Response(Request(method, "/", fields or [], host="example.test"))


def ways(data: bytes) -> list[range]:
    """Cuts: none, after each byte, within the head, and after the head."""
    return [range(0), range(len(data)), range(20, 21), range(data.find(b"\r\n\r\n") + 4, data.find(b"\r\n\r\n") + 5)]


@pytest.mark.parametrize(
    ("name", "method", "data", "status", "fields", "body"), RESPONSES, ids=[row[0] for row in RESPONSES]
)
def test_valid_responses_are_read(name, method, data, status, fields, body) -> None:
    for cuts in ways(data):
        got = read(data, method, cuts=cuts)
        others = [pair for pair in got.fields if pair[0].lower() not in FRAMING]
        assert (got.error, got.status, others, got.body) == (None, status, fields, body)


@pytest.mark.parametrize(("name", "data", "error", "message", "status"), INVALID, ids=[row[0] for row in INVALID])
def test_invalid_responses_set_an_error(name, data, error, message, status) -> None:
    for cuts in ways(data):
        got = read(data, cuts=cuts)
        assert (got.error, got.status, got.reusable) == (error, status, False)
    response = receiving()
    response.feed(data)
    response.feed(b"")
    assert message in str(response.error)
    assert len(str(response.error)) < 200


@pytest.mark.parametrize(("name", "method", "data", "reusable"), REUSE, ids=[row[0] for row in REUSE])
def test_reusable_is_decided_by_the_head_and_the_end(name, method, data, reusable) -> None:
    for cuts in ways(data):
        assert read(data, method, cuts=cuts).reusable is reusable


def test_body_before_a_fault_is_returned() -> None:
    response = receiving()
    assert response.feed(CHUNKED + b"2\r\nhi\r\n0x2\r\nhi\r\n") == b"hi"
    assert response.ended
    assert (response.status, str(response.error)) == (200, "invalid chunk size in the response: '0x2'")
    assert response.feed(b"more") == b""
    assert not response.reusable


def test_several_chunks_are_one_piece() -> None:
    response = receiving()
    assert response.feed(CHUNKED) == b""
    assert response.feed(b"1\r\na\r\n2\r\nbc\r\n3\r\nd") == b"abcd"
    assert response.feed(b"ef\r\n0\r\n\r\n") == b"ef"
    assert response.ended


def test_fields_are_indexed_by_lower_case_name() -> None:
    for data in (
        OK + b"X-Id: 1\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n",
        OK + b"X-Id: 1\nSet-Cookie: a\nset-cookie: b\n\n",
    ):
        response = receiving()
        response.feed(data)
        assert response.index == {"x-id": "1", "set-cookie": "a, b"}
        assert response.fields == [("X-Id", "1"), ("Set-Cookie", "a"), ("set-cookie", "b")]
        assert response.reason == "OK"


def test_trailers_are_not_header_fields() -> None:
    response = receiving()
    response.feed(CHUNKED + b"0\r\nX-Sum: 1\r\n folded\r\nContent-Length: 5\r\n\r\n")
    assert response.trailers == [("X-Sum", "1 folded"), ("Content-Length", "5")]
    assert response.fields == [("Transfer-Encoding", "chunked")]
    assert response.reusable


@pytest.mark.parametrize(("method", "head"), [("GET", b"HTTP/1.1 101 Switching\r\n\r\n"), ("CONNECT", OK + b"\r\n")])
def test_bytes_after_a_switch_belong_to_the_next_protocol(method: str, head: bytes) -> None:
    response = receiving(method)
    assert response.feed(head + b"\x16\x03\x01") == b""
    assert (response.switched, response.ended, response.unread) == (True, True, b"\x16\x03\x01")


def test_connection_close_in_the_request_prevents_reuse() -> None:
    response = receiving(fields=[("Connection", "x, Close")])
    response.feed(OK + b"Content-Length: 0\r\n\r\n")
    assert response.ended
    assert not response.reusable


def test_early_response_prevents_reuse_until_the_body_is_sent() -> None:
    request = Request("POST", "/", [], host="example.test", length=4)
    response = Response(request)
    request.frame(b"ab")
    response.feed(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    assert response.ended
    assert not response.reusable
    request.frame(b"cd")
    assert not response.reusable
    request.finish()
    assert response.reusable


def test_close_after_a_response_prevents_reuse() -> None:
    response = receiving()
    response.feed(OK + b"Content-Length: 0\r\n\r\n")
    assert response.reusable
    response.feed(b"")
    assert (response.reusable, response.error) == (False, None)


def test_bytes_after_the_end_prevent_reuse() -> None:
    response = receiving()
    response.feed(OK + b"Content-Length: 2\r\n\r\nhi")
    assert response.reusable
    response.feed(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert (response.reusable, response.unread[:12]) == (False, b"HTTP/1.1 408")


def test_another_protocol_is_an_error_without_an_empty_line() -> None:
    response = receiving()
    response.feed(b"\x15\x03\x03\x00\x02")
    assert "not HTTP/1" in str(response.error)


def head_of(size: int) -> bytes:
    start = OK + b"X: "
    return start + b"a" * (size - len(start) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("most", "more"),
    [
        (head_of(MOST_HEAD), head_of(MOST_HEAD + 1)),
        (head_of(MOST_HEAD), head_of(MOST_HEAD * 2)[:-4]),
        (OK + b"X: 1\r\n" * 256 + b"\r\n", OK + b"X: 1\r\n" * 257 + b"\r\n"),
        (OK + b"X: 1\r\n" + b" 1\r\n" * 255 + b"\r\n", OK + b"X: 1\r\n" + b" 1\r\n" * 256 + b"\r\n"),
        (b"HTTP/1.1 102 Wait\r\n\r\n" * MOST_INTERIM + OK + b"\r\n", b"HTTP/1.1 102 Wait\r\n\r\n" * (MOST_INTERIM + 1)),
        (
            CHUNKED + b"1;" + b"a" * (MOST_SIZE_LINE - 2) + b"\r\n",
            CHUNKED + b"1;" + b"a" * (MOST_SIZE_LINE - 1) + b"\r\n",
        ),
        (CHUNKED + b"1;" + b"a" * (MOST_SIZE_LINE - 2) + b"\r", CHUNKED + b"1;" + b"a" * MOST_SIZE_LINE),
        (CHUNKED + b"0\r\n" + head_of(MOST_HEAD)[17:], CHUNKED + b"0\r\n" + head_of(MOST_HEAD + 18)[17:]),
        (CHUNKED + b"0\r\n" + b"X: 1\r\n" * 256 + b"\r\n", CHUNKED + b"0\r\n" + b"X: 1\r\n" * 257 + b"\r\n"),
    ],
    ids=[
        "head",
        "endless head",
        "fields",
        "folds",
        "interim",
        "size line",
        "endless size line",
        "trailers",
        "trailer fields",
    ],
)
def test_everything_that_grows_has_a_limit(most: bytes, more: bytes) -> None:
    for data, error in ((most, None), (more, "LimitError")):
        for step in (len(data), 1000, 7):
            response = receiving()
            for start in range(0, len(data), step):
                response.feed(data[start : start + step])
            assert (response.error and type(response.error).__name__) == error


def test_caches_of_names_and_status_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "NAMES", {})
    monkeypatch.setattr(head, "STATUS_LINES", {})
    for number in range(2000):
        response = receiving()
        response.feed(b"HTTP/1.1 200 OK %d\r\nX-%d: 1\r\n" % (number, number) + b"Y" * 1000 + b": 1\r\n\r\n")
        assert response.status == 200
    assert len(head.NAMES) <= head.MOST_REMEMBERED
    assert len(head.STATUS_LINES) <= head.MOST_REMEMBERED
    assert max(map(len, [*head.NAMES, *head.STATUS_LINES])) <= head.LONGEST_REMEMBERED


def test_cache_of_the_names_of_heads_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "SHAPES", {})
    for number in range(250):
        lines = [*(f"X-{line}: 1" for line in range(number)), f"{'Y' * number}: 1"]
        response = receiving()
        response.feed("\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode())
        assert (response.status, len(response.fields)) == (200 if number else 0, len(lines) if number else 0)
    assert max(head.SHAPES) <= head.MOST_LINES_REMEMBERED
    assert max(len(prefix) for prefixes, _ in head.SHAPES.values() for prefix in prefixes) <= head.LONGEST_REMEMBERED
