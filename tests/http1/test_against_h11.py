"""Compare the machine with h11: the results are equal, or `DIFFERENCES` has the reason."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from oai._http1 import ResponseError
from oai._http1.head import read_head, read_usual_head
from tests.http1.exchanges import CUTS, FRAMING, METHODS, Reading, read, read_by_h11, responses

Differs = Callable[[Reading, Reading], bool]


def taken(ours: Reading, theirs: Reading) -> bool:
    """The machine continues where h11 raises."""
    return bool(theirs.error) and (not ours.error or (ours.status, len(ours.body)) > (theirs.status, len(theirs.body)))


def refused(ours: Reading, theirs: Reading) -> bool:
    """The machine raises where h11 continues."""
    return bool(ours.error) and (not theirs.error or (ours.status, len(ours.body)) < (theirs.status, len(theirs.body)))


def kept(ours: Reading, theirs: Reading) -> bool:
    return ours.reusable and ours == theirs._replace(reusable=True)


def closed(ours: Reading, theirs: Reading) -> bool:
    return theirs.reusable and ours == theirs._replace(reusable=False)


DIFFERENCES: list[tuple[str, Differs, str]] = [
    # (pattern of the response, kind of difference, reason)
    (rb"HTTP/[^1]\.", refused, "the major version is another protocol's (RFC 9110, section 2.5)"),
    (
        rb";[^\n]*\r[^\n]",
        refused,
        "a CR alone is invalid everywhere (RFC 9112, section 2.2); h11 takes it in extensions",
    ),
    (rb"[\x0b\x0c]", taken, "such control characters may be kept (RFC 9110, section 5.5), as h11 keeps all others"),
    (rb"[ \t];", taken, "whitespace before an extension is to be removed (RFC 9112, section 7.1.1)"),
    (rb"identity", taken, "`identity`, of RFC 2616, says that there is no coding, and some servers still send it"),
    (
        rb"^GET (?s:.*)HTTP/1\.\d 101",
        taken,
        "a switch that was not requested ends the use of the connection all the same",
    ),
    (
        rb"^(HEAD|CONNECT) |HTTP/1\.\d (1\d\d|204|304)",
        taken,
        "what has no body ends with its head, whatever it says of a body (RFC 9112, section 6.3, rules 1 and 2)",
    ),
    (
        rb"chunked",
        taken,
        "Transfer-Encoding overrides Content-Length, also an invalid one (RFC 9112, section 6.3, rule 3)",
    ),
    (rb"0\s+(\S+\s+)*(content-length|transfer-encoding)", taken, "trailers frame nothing (RFC 9110, section 6.5.1)"),
    (rb"HTTP/1\.0", kept, "HTTP/1.0 has keep-alive, too (RFC 9112, section 9.3); h11 does not support it"),
    (rb"chunked", closed, "with both framings, the connection closes after the message (RFC 9112, section 6.1)"),
]


def comparable(reading: Reading) -> Reading:
    """Remove the framing fields, which h11 rewrites, and the class of the error: h11 has only one."""
    fields = [(name, value) for name, value in reading.fields if name.lower() not in FRAMING]
    return reading._replace(fields=fields, error=reading.error and "h11")


def reason_for(data: bytes, ours: Reading, theirs: Reading) -> str | None:
    """Return the reason for a difference, if there is a good one. The data begins with the request's method."""
    for pattern, differs, reason in DIFFERENCES:
        if re.search(pattern, data, re.IGNORECASE) and differs(ours, theirs):
            return reason
    return None


@settings(max_examples=1500)
@given(responses(), METHODS, CUTS)
def test_responses_are_read_as_by_h11(data: bytes, method: str, cuts: list[int]) -> None:
    ours, theirs = comparable(read(data, method, cuts=cuts)), comparable(read_by_h11(data, method))
    assert ours == theirs or reason_for(method.encode() + b" " + data, ours, theirs)


@settings(max_examples=1500)
@given(responses(), METHODS, CUTS)
def test_reading_does_not_depend_on_where_a_response_is_cut(data: bytes, method: str, cuts: list[int]) -> None:
    """In one piece most heads take the fast path, byte by byte none does: both paths must be the same function."""
    whole = read(data, method)
    assert read(data, method, cuts=cuts) == whole
    assert read(data, method, cuts=range(len(data))) == whole


@given(responses())
def test_the_fast_path_declines_a_head_or_agrees_with_the_full_one(data: bytes) -> None:
    end = data.find(b"\r\n\r\n")
    usual = read_usual_head(data[:end])
    try:
        lines = [line.removesuffix("\r") for line in data[:end].decode("latin-1").split("\n")]
        assert usual is None or usual == read_head(lines)
    except ResponseError:
        assert usual is None


NAMES = st.sampled_from(["A", "a", "Content-Length", "X-B", "X-B ", "", "\tA"])
VALUES = st.sampled_from(["", " 1", "2", "\t3 ", " a:b", "\xe9", "\0"])


@given(st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=4), max_size=6))
def test_the_names_of_earlier_heads_do_not_change_how_a_head_is_read(heads: list[list[tuple[str, str]]]) -> None:
    for fields in heads:
        lines = ["HTTP/1.1 200 OK", *(f"{name}:{value}" for name, value in fields)]
        usual = read_usual_head("\r\n".join(lines).encode("latin-1"))
        try:
            full = read_head(lines)
        except ResponseError:
            assert usual is None
        else:
            assert usual is None or usual == full
            if usual is not None:
                _, _, index = usual
                assert {name: index.get(name) for name in full[2]} == dict(index) == full[2]
                assert (index.get("missing"), index.get("missing", ""), "missing" in index) == (None, "", False)


def test_the_usual_head_takes_the_fast_path() -> None:
    head = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nx-request-id:1\r\nX-Request-Id: \xe9"
    full = read_head(head.decode("latin-1").split("\r\n"))
    assert read_usual_head(head) == full
