"""Content encodings: one, several, of several members, mislabelled, broken and unsupported ones."""

from __future__ import annotations

import contextlib
import gzip
import json
import pickle
import zlib
from collections.abc import Callable

import pytest
from both import Way
from hypothesis import given
from hypothesis import strategies as st

import oai
from oai._http.encodings import ContentError, TooLarge, decoded, decoder
from oai.testing import Answer, Loopback

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}
TEXT = json.dumps(MODEL).encode()


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


def in_pieces(encoding: str, body: bytes, size: int) -> bytes:
    feed = decoder(oai.Headers([("Content-Encoding", encoding)]))
    if feed is None:
        return body
    return b"".join(feed(body[start : start + size]) for start in range(0, len(body), size)) + feed(b"")


DECODED = [
    ("gzip", gzip.compress(TEXT)),
    ("X-GZip", gzip.compress(TEXT)),
    ("gzip", gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]) + gzip.compress(b"")),
    ("gzip", gzip.compress(TEXT) + bytes(12)),
    ("gzip", gzip.compress(TEXT) + b"garbage"),
    ("deflate", zlib.compress(TEXT)),
    ("deflate", raw_deflate(TEXT)),
    ("gzip, gzip", gzip.compress(gzip.compress(TEXT))),
    ("deflate , gzip", gzip.compress(raw_deflate(TEXT))),
    ("gzip, gzip", gzip.compress(TEXT)),  # a field that a proxy has repeated
    *((coding, TEXT) for coding in ("gzip", "deflate", "br", "zstd", "x-own", "utf-8", "identity", "gzip, br")),
    ("br", b"\xef\xbb\xbf  " + TEXT),
]


@pytest.mark.parametrize(("encoding", "body"), DECODED, ids=map(str, range(len(DECODED))))  # gzip data holds the time
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_encodings_are_decoded_however_they_are_cut(encoding: str, body: bytes, size: int) -> None:
    assert json.loads(in_pieces(encoding, body, size).decode("utf-8-sig")) == MODEL


@given(data=st.binary(), cut=st.integers(0, 500), encode=st.sampled_from([gzip.compress, zlib.compress]))
def test_cut_content_raises(data: bytes, cut: int, encode: Callable[[bytes], bytes]) -> None:
    body = encode(data)
    part = body[: cut % len(body)]
    headers = oai.Headers([("Content-Encoding", "gzip")])
    if part:
        with pytest.raises(ContentError, match="truncated"):
            decoded(headers, part)


@given(encoding=st.sampled_from(["gzip", "deflate", "br", "gzip, deflate", "deflate, gzip"]), body=st.binary())
def test_arbitrary_content_is_decoded_or_raises(encoding: str, body: bytes) -> None:
    with contextlib.suppress(ContentError):
        assert isinstance(in_pieces(encoding, body, 5), bytes)


def test_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ContentError("broken")))
    assert (type(error), error.kind, str(error)) == (ContentError, "receive", "broken")


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_content_is_decoded_up_to_the_limit(encoding: str) -> None:
    headers = oai.Headers([("Content-Encoding", encoding)])
    bomb = gzip.compress(bytes(1000)) * 5 if encoding == "gzip" else gzip.compress(gzip.compress(bytes(5000)))
    assert decoded(headers, bomb, 5000) == bytes(5000)
    with pytest.raises(TooLarge):
        decoded(headers, bomb, 4999)


def test_too_many_codings_are_refused() -> None:
    body = TEXT
    for _ in range(6):
        body = gzip.compress(body)
    with pytest.raises(ContentError, match="unsupported content encoding"):
        decoded(oai.Headers([("Content-Encoding", ", ".join(["gzip"] * 6))]), body)


BROKEN = [
    ("br", b"\x1b\x10\x00\xf8", "unsupported content encoding 'br'"),
    ("zstd", b"\x28\xb5\x2f\xfd", "unsupported content encoding 'zstd'"),
    ("gzip", b"\x1f\x8b\x08\x00broken, broken, broken", "the gzip content is broken"),
]


@pytest.mark.parametrize(("encoding", "body", "message"), BROKEN)
def test_undecodable_response_raises_and_is_not_retried(
    encoding: str, body: bytes, message: str, way: Way, server: Loopback
) -> None:
    server.default = Answer(body=body, headers=[("Content-Encoding", encoding)])
    way.options["max_retries"] = 2
    with pytest.raises(oai.APIConnectionError, match=message):
        way.call("models.retrieve", model="m")
    assert len(server.requests) == 1


@pytest.mark.parametrize(("encoding", "body", "message"), BROKEN)
def test_undecodable_stream_raises_and_closes(
    encoding: str, body: bytes, message: str, way: Way, server: Loopback
) -> None:
    server.default = Answer(
        chunks=[body, b"data: x\n\n"],
        framing="chunked",
        content_type="text/event-stream",
        headers=[("Content-Encoding", encoding)],
    )
    way.options["max_retries"] = 2
    with pytest.raises(oai.APIConnectionError, match=message):
        way.events("chat.completions.create", model="m", messages=[])
    assert len(server.requests) == 1
    assert server.until(lambda: not server.open_connections)


@pytest.mark.parametrize(("encoding", "body", "message"), BROKEN)
def test_error_status_decides_over_undecodable_content(
    encoding: str, body: bytes, message: str, way: Way, server: Loopback
) -> None:
    server.reply(Answer(401, body=body, headers=[("Content-Encoding", encoding)]))
    with pytest.raises(oai.AuthenticationError):
        way.call("models.retrieve", model="m")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip", "x-own"])
def test_plain_response_with_the_label_of_a_coding_is_read(encoding: str, way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json(MODEL, headers=[("Content-Encoding", encoding)]))
    assert way.call("models.retrieve", model="m").id == "m"
