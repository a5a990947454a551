"""Limits of response sizes, and the warning about keys that are sent unencrypted."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from planted import KEY

import oai
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback
from oai.transports import Headers

TYPE = "text/event-stream"


def content(client: Any) -> Any:
    return (yield client.files.content("f"))


def events(client: Any) -> Any:
    received = []
    stream = yield client.chat.completions.create(model="m", messages=[], stream=True)
    try:
        while True:
            received.append((yield stream.__anext__() if core_of(client).is_async else next(stream)))
    finally:
        yield stream.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(body=b"x" * 1001), id="length"),
        pytest.param(Answer(chunks=[b"x" * 400] * 3, framing="chunked"), id="chunked"),
        pytest.param(Answer(chunks=[b"x" * 400] * 3, framing="close"), id="until the end of the connection"),
        pytest.param(Answer(body=b"x" * 1001, gzip=True), id="gzip"),
        pytest.param(
            Answer(body=gzip.compress(bytes(2**24)), headers=[("content-encoding", "gzip")], framing="chunked"),
            id="bomb",
        ),
    ],
)
def test_body_above_the_limit_raises(play: Callable[..., Any], server: Loopback, answer: Answer) -> None:
    server.reply(answer)
    with pytest.raises(oai.ResponseTooLargeError, match=r"larger than max_body \(1000 bytes\)") as caught:
        play(content, max_body=1000)
    assert caught.value.status_code == 200
    assert server.until(lambda: not server.open_connections)


def test_body_with_a_content_length_above_the_limit_is_not_read(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(body=b"", length=2**40))
    with pytest.raises(oai.ResponseTooLargeError):
        play(content)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("squeezed", [False, True])
def test_body_at_the_limit_is_read(play: Callable[..., Any], server: Loopback, framing: Any, *, squeezed: bool) -> None:
    server.reply(Answer(body=b"x" * 1000, framing=framing, gzip=squeezed))
    assert play(content, max_body=1000).content == b"x" * 1000


class LongReply:
    """A reply of a caller's transport, with an attribute of its own."""

    status = 200
    headers = Headers()
    length = 0

    def read(self) -> bytes:
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        yield b"x" * 1001

    def close(self) -> None:
        """Do nothing."""


def test_body_of_a_callers_transport_above_the_limit_raises() -> None:
    transport = SimpleNamespace(send=lambda _: LongReply(), close=lambda: None)
    with pytest.raises(oai.ResponseTooLargeError):
        oai.OpenAI(api_key=KEY, transport=transport, max_body=1000).files.content("f")


def test_error_body_above_the_limit_raises(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(400, body=b"x" * 1001))
    with pytest.raises(oai.ResponseTooLargeError) as caught:
        play(content, max_body=1000)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([b"data: " + b"x" * 400] * 3, id="without a line end"),
        pytest.param([b"data: " + b"x" * 400 + b"\n"] * 3, id="many lines"),
        pytest.param([b'data: {"choices":[],"x":"' + b"x" * 1000 + b'"}\n\n'], id="in one piece"),
    ],
)
@pytest.mark.parametrize("squeezed", [False, True])
def test_event_above_the_limit_raises(
    play: Callable[..., Any], server: Loopback, chunks: list[bytes], *, squeezed: bool
) -> None:
    server.reply(Answer(chunks=chunks, framing="chunked", content_type=TYPE, gzip=squeezed))
    with pytest.raises(oai.ResponseTooLargeError, match=r"event of the stream is larger than 1000 bytes \(max_event\)"):
        play(events, max_event=1000)
    assert server.until(lambda: not server.open_connections)


def test_many_small_events_and_comments_do_not_exceed_the_limit(play: Callable[..., Any], server: Loopback) -> None:
    chunks = [b": ping\n"] * 500 + [b"data: {}\n\n"] * 500 + [b"data: [DONE]\n\n"]
    server.reply(Answer(chunks=[b"".join(chunks[i : i + 100]) for i in range(0, 1001, 100)], content_type=TYPE))
    with pytest.raises((StopIteration, StopAsyncIteration, RuntimeError)):
        play(events, max_event=1000)


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1"])
@pytest.mark.parametrize("name", ["max_body", "max_event"])
def test_invalid_limit_raises(name: str, value: Any) -> None:
    with pytest.raises(oai.OpenAIError, match=f"{name} must be a positive number of bytes"):
        oai.OpenAI(api_key=KEY, **{name: value})


@pytest.mark.parametrize("url", ["http://gateway.example/v1", "http://10.0.0.7:8000/v1", "http://127.0.0.1.example/v1"])
def test_unencrypted_remote_url_warns(url: str) -> None:
    with pytest.warns(oai.InsecureWarning, match="is not encrypted and not on this machine") as caught:
        oai.OpenAI(api_key=KEY, base_url=url)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "url",
    [
        "https://gateway.example/v1",
        "http://localhost:1/v1",
        "http://127.0.0.2/v1",
        "http://[::1]:80/v1",
        "http://[::ffff:127.0.0.1]/v1",
    ],
)
def test_encrypted_and_local_urls_do_not_warn(url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        oai.OpenAI(api_key=KEY, base_url=url)
        oai.OpenAI(base_url="http://gateway.example", transport=oai.OfflineTransport())
