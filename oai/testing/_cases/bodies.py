"""Cases: the bodies of requests and responses, and that pieces are not held back."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oai._http.messages import TransportError
from oai.testing._cases.suite import Pieces, Suite
from oai.testing.loopback import Answer

FRAMINGS = ("length", "chunked", "close")


class BodyCases(Suite):
    @pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 4096], ids=["empty", "short", "long"])
    def test_bytes_body_is_sent_with_its_length(self, body: bytes) -> None:
        self.server.reply(Answer())
        self.send(body=body).read()
        (seen,) = self.server.requests
        assert (seen.body, seen.header("transfer-encoding")) == (body, None)
        assert (seen.header("content-length") or "0") == str(len(body))

    def test_missing_body_is_empty(self) -> None:
        self.server.reply(Answer(), Answer())
        for method in ("GET", "POST"):
            self.send(method=method).read()
        assert [(seen.body, seen.header("content-length") or "0") for seen in self.server.requests] == [(b"", "0")] * 2

    def test_streamed_body_is_sent_with_its_length(self) -> None:
        self.server.reply(Answer())
        self.send(body=Pieces(b"abc", b"def")).read()
        (seen,) = self.server.requests
        assert (seen.body, seen.header("content-length"), seen.header("transfer-encoding")) == (b"abcdef", "6", None)

    def test_streamed_body_without_pieces(self) -> None:
        self.server.reply(Answer(body=b"x"))
        assert self.fetch(body=Pieces()) == b"x"
        assert (self.server.requests[0].body, self.server.requests[0].header("content-length")) == (b"", "0")

    @pytest.mark.parametrize("body", [None, b"abc", Pieces(b"a", b"bc")], ids=["none", "bytes", "streamed"])
    def test_request_can_be_sent_repeatedly(self, body: Any) -> None:
        request = self.request(headers=[("x-a", "1")], body=body)
        for _ in range(3):
            self.server.reply(Answer())
            self.driver.send(request).read()
        first, *others = self.server.requests
        assert first.body == b"".join(body or ()) if not isinstance(body, bytes) else body
        assert [(seen.head, seen.body) for seen in others] == [(first.head, first.body)] * 2

    def test_failing_body_does_not_complete_the_request(self) -> None:
        class Failing:
            length = 6

            def __iter__(self) -> Iterator[bytes]:
                yield b"abc"
                raise RuntimeError("the file has disappeared")

        self.server.reply(Answer())
        with pytest.raises((RuntimeError, TransportError)):
            self.send(body=Failing())
        assert self.is_clear()
        assert not any(seen.complete for seen in self.server.requests)
        self.serves_again()

    def test_early_response_is_returned_or_a_named_error(self) -> None:
        self.server.reply(Answer(413, body=b"too large", drain=False, keep_alive=False))
        reply, kind = None, ""
        try:
            reply = self.send(body=Pieces(bytes(1 << 16), times=1 << 12))
        except TransportError as error:  # the reset may overtake the response
            kind = error.kind
        assert kind in ("send", "receive") if reply is None else reply.status == 413
        if reply is not None:
            reply.close()
        self.serves_again()

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_body_is_complete(self, framing: Any) -> None:
        self.server.reply(Answer(chunks=[b"one", b"two", b"three"], framing=framing))
        reply = self.send()
        assert (reply.status, reply.read()) == (200, b"onetwothree")

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_empty_body_can_be_read_and_iterated(self, framing: Any) -> None:
        self.server.reply(Answer(framing=framing), Answer(framing=framing))
        assert self.send().read() == b""
        assert list(self.send()) == []

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_long_body_is_iterated_in_pieces(self, framing: Any) -> None:
        self.server.reply(Answer.big(1 << 19, framing=framing))
        pieces = list(self.send())
        assert b"".join(pieces) == bytes(range(256)) * (1 << 11)
        assert all(pieces), "a piece is empty"

    def test_body_arriving_in_single_bytes(self) -> None:
        self.server.reply(Answer(chunks=[b"one", b"two"], framing="chunked", one_byte=True))
        assert b"".join(self.send()) == b"onetwo"

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_gzip_is_not_decoded(self, framing: Any) -> None:
        self.server.reply(*[Answer(chunks=[b"one", b"two"], framing=framing, gzip=True)] * 2)
        reply = self.send(headers=[("Accept-Encoding", "gzip")])
        assert reply.headers["content-encoding"] == "gzip"
        assert gzip.decompress(reply.read()) == b"onetwo"
        assert gzip.decompress(b"".join(self.send(headers=[("Accept-Encoding", "gzip")]))) == b"onetwo"

    @pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "nonsense"])
    def test_wrong_content_encoding_is_ignored(self, coding: str) -> None:
        self.server.reply(Answer(body=b"plain", headers=[("Content-Encoding", coding)]))
        assert self.fetch() == b"plain"

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_stream_events_are_not_held_back(self, framing: Any) -> None:
        events = [b"data: %d\n\n" % number for number in range(4)]
        taken = [threading.Event() for _ in events]
        late: list[int] = []

        def paced() -> Iterator[bytes]:
            for number, event in enumerate(events):
                yield event
                if not taken[number].wait(0 if late else self.patience):
                    late.append(number)

        length = sum(map(len, events))
        self.server.reply(
            lambda _: Answer(chunks=paced(), framing=framing, length=length if framing == "length" else None)
        )
        received = b""
        for piece in self.send():
            received += piece
            taken[received.count(b"\n\n") - 1].set()
        assert received == b"".join(events)
        assert not late, f"events {late} were held back until the next was sent, or for {self.patience} s"

    def test_send_returns_at_the_headers(self) -> None:
        resume = threading.Event()
        self.server.reply(Answer(chunks=[b"later"], hold=resume, hold_after=0, framing="chunked"))
        try:
            reply = self.send(read=self.patience)
            assert reply.status == 200
        finally:
            resume.set()
        assert reply.read() == b"later"
