"""Raw responses, and streamed responses whose body is read on demand."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "o"}
TYPE = "text/event-stream"


def both(value: Any) -> Any:
    """Convert the return value of a method of either client to a value that a scenario may yield: iterators to lists."""
    if isinstance(value, Iterator):
        return list(value)
    if isinstance(value, AsyncIterator):

        async def collect() -> list[Any]:
            return [each async for each in value]

        return collect()
    return value


def entered(manager: Any, use: Callable[[Any], Any]) -> Any:
    """Enter the context manager of either client and call `use`."""
    if hasattr(manager, "__aenter__"):

        async def main() -> Any:
            async with manager as response:
                result = both(use(response))
                return await result if hasattr(result, "__await__") else result

        return main()
    with manager as response:
        return both(use(response))


def streamed(use: Callable[[Any], Any]) -> Callable[..., Any]:
    def scenario(client: Any) -> Any:
        return (yield entered(client.files.with_streaming_response.content("f"), use))

    return scenario


def test_raw_response_has_response_and_result(play: Callable[..., Any], server: Loopback) -> None:
    def scenario(client: Any) -> Any:
        return (yield client.models.with_raw_response.retrieve("m"))

    fields = [("x-request-id", "req-1"), ("x-team", "blue")]
    server.reply(Answer(500, headers=[("retry-after-ms", "1")]), Answer(json=MODEL, headers=fields))
    raw = play(scenario, max_retries=1)
    assert (raw.status_code, raw.request_id, raw.headers["X-Team"], raw.retries_taken) == (200, "req-1", "blue", 1)
    assert (raw.method, raw.url) == ("GET", f"{server.url}/v1/models/m")
    assert raw.elapsed > timedelta()
    assert (raw.is_closed, raw.http_version, raw.http_request.method) == (True, "HTTP/1.1", "GET")
    assert raw.http_response.status_code == 200
    assert json.loads(raw.text) == raw.json() == MODEL
    model = raw.parse()
    assert isinstance(model, oai.types.Model)
    assert raw.parse() is model
    assert raw.parse(to=dict) == MODEL
    assert pickle.loads(pickle.dumps(raw)).json() == MODEL


def test_raw_list_parses_to_a_page(play: Callable[..., Any], server: Loopback) -> None:
    def scenario(client: Any) -> Any:
        raw = yield client.with_raw_response.files.list(limit=1)
        page = raw.parse()
        following = yield page.get_next_page()
        return [file.id for file in (*page.data, *following.data)]

    for name, more in (("a", True), ("b", False)):
        server.reply(Answer(json={"object": "list", "data": [{"id": name}], "has_more": more}))
    assert play(scenario) == ["a", "b"]
    assert server.requests[1].target == "/v1/files?limit=1&after=a"


def test_raw_stream_parses_to_a_stream(play: Callable[..., Any], server: Loopback) -> None:
    def scenario(client: Any) -> Any:
        raw = yield client.chat.completions.with_raw_response.create(model="m", messages=[], stream=True)
        assert raw.headers["x-request-id"] == "req-1"
        return (yield both(iter(raw.parse()) if not core_of(client).is_async else aiter(raw.parse())))

    body = b'data: {"id":"c","choices":[]}\n\ndata: [DONE]\n\n'
    server.reply(Answer(body=body, content_type=TYPE, headers=[("x-request-id", "req-1")]))
    assert [chunk.id for chunk in play(scenario)] == ["c"]


def test_errors_raise_from_both_views(play: Callable[..., Any], server: Loopback) -> None:
    server.default = Answer(404, json={"error": {"message": "gone"}})
    with pytest.raises(oai.NotFoundError):
        play(lambda client: (yield client.files.with_raw_response.retrieve("f")))
    with pytest.raises(oai.NotFoundError):
        play(streamed(lambda response: response.read()))
    assert server.until(lambda: not server.open_connections)


def test_undeclared_requests_have_raw_responses(play: Callable[..., Any], server: Loopback) -> None:
    server.default = Answer(json={"a": 1})
    raw = play(lambda client: (yield client.with_raw_response.get("/x")))
    assert raw.parse().a == 1


@given(content=st.binary(max_size=300), size=st.integers(1, 64), step=st.integers(1, 64))
def test_iter_bytes_yields_chunks_of_the_requested_size(content: bytes, size: int, step: int) -> None:
    pieces = [content[start : start + step] for start in range(0, len(content), step)]
    with oai.OpenAI(transport=InPieces(pieces)) as client:
        with client.files.with_streaming_response.content("f") as response:
            chunks = list(response.iter_bytes(size))
        assert [content[start : start + size] for start in range(0, len(content), size)] == chunks
        with client.files.with_streaming_response.content("f") as response:
            assert "".join(response.iter_text()) == content.decode(errors="replace")


@given(text=st.text(alphabet="ab\r\n é", max_size=60), step=st.integers(1, 9))
def test_lines_are_independent_of_chunk_boundaries(text: str, step: int) -> None:
    content = text.encode()
    pieces = [content[start : start + step] for start in range(0, len(content), step)]
    with (
        oai.OpenAI(transport=InPieces(pieces)) as client,
        client.files.with_streaming_response.content("f") as response,
    ):
        lines = list(response.iter_lines())
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert lines == (expected if expected[-1] else expected[:-1])


class InPieces:
    """A transport whose responses have a body in pieces."""

    needs_key = False
    headers = oai.Headers()

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def send(self, request: Any) -> Any:
        reply = Pieces(self.pieces)
        reply.headers = self.headers
        return reply

    def close(self) -> None:
        pass


class Pieces:
    status = 200
    headers = oai.Headers()

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def read(self) -> bytes:
        return b"".join(self.pieces)

    def __iter__(self) -> Iterator[bytes]:
        yield from filter(None, self.pieces)

    def close(self) -> None:
        pass


def test_body_is_read_on_demand(play: Callable[..., Any], server: Loopback) -> None:
    hold = threading.Event()
    server.reply(Answer(chunks=[b"first", b"second"], framing="chunked", hold=hold))
    received: list[bytes] = []

    def use(response: Any) -> Any:
        assert response.status_code == 200

        def note(piece: bytes) -> bytes:
            received.append(piece)
            hold.set()  # releases the second piece
            return piece

        if isinstance(response, oai.StreamedResponse):
            return iter([note(piece) for piece in response.iter_bytes()])

        async def all_of_it() -> list[bytes]:
            return [note(piece) async for piece in response.iter_bytes()]

        return all_of_it()

    play(streamed(use))
    assert received == [b"first", b"second"]


@pytest.mark.parametrize("gzip", [False, True])
def test_body_is_streamed_to_a_file(play: Callable[..., Any], server: Loopback, tmp_path: Path, *, gzip: bool) -> None:
    content = os.urandom(3_000_000)
    server.reply(Answer(body=content, gzip=gzip))
    progress: list[tuple[int, int | None]] = []
    play(
        streamed(lambda response: response.stream_to_file(tmp_path / "f", progress=lambda *step: progress.append(step)))
    )
    assert (tmp_path / "f").read_bytes() == content
    assert progress[-1] == (3_000_000, None if gzip else 3_000_000)
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("size", [1, 1000, 4_000_000])
def test_body_is_streamed_to_a_file_in_chunks(
    size: int, play: Callable[..., Any], server: Loopback, tmp_path: Path
) -> None:
    server.reply(Answer(body=b"x" * 3000))
    steps: list[int] = []
    play(
        streamed(
            lambda response: response.stream_to_file(
                tmp_path / "f", chunk_size=size, progress=lambda done, _: steps.append(done)
            )
        )
    )
    assert (tmp_path / "f").read_bytes() == b"x" * 3000
    assert len(steps) == max(3000 // size, 1)
    assert steps[-1] == 3000


def test_streamed_response_has_the_attributes_of_a_response(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(body="caf\u00e9".encode("latin-1"), content_type="text/plain; charset=latin-1"))
    seen: list[Any] = []

    def use(response: Any) -> Any:
        seen.extend([response.is_closed, response.http_version, response.http_request.method, response.encoding])
        seen.extend([response.is_success, response.reason_phrase, response.url.path])
        seen.append(response)
        return response.text()

    assert play(streamed(use)) == "caf\u00e9"
    response = seen.pop()
    assert seen == [False, "HTTP/1.1", "GET", "iso8859-1", True, "OK", "/v1/files/f/content"]
    assert response.is_closed


@pytest.mark.parametrize(
    "codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "shift_jis", "gbk", "utf-7"]
)
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_text_is_decoded_as_it_arrives(codec: str, step: int) -> None:
    content = "caf\u00e9 \u4f60".encode("gbk" if codec == "shift_jis" else codec)
    headers = oai.Headers([("Content-Type", f"text/plain; charset={codec}")])
    assert decoded_in_steps(content, headers, step) == content.decode(codec, errors="replace")


@pytest.mark.parametrize("codec", ["utf-16", "utf-32"])
@pytest.mark.parametrize("content", [b"", b"a", b"ab\0c\0", bytes(range(256))])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_text_without_its_byte_order_mark_is_decoded(content: bytes, codec: str, step: int) -> None:
    headers = oai.Headers([("Content-Type", f"text/plain; charset={codec}")])
    assert decoded_in_steps(content, headers, step) == content.decode(codec, errors="replace")


def decoded_in_steps(content: bytes, headers: oai.Headers, step: int) -> str:
    transport = InPieces([content[start : start + step] for start in range(0, len(content), step)])
    transport.headers = headers
    with oai.OpenAI(transport=transport) as client:
        with client.files.with_streaming_response.content("f") as response:
            text = "".join(response.iter_text())
        with client.files.with_streaming_response.content("f") as response:
            assert response.text() == text
    return text


def test_interrupted_download_keeps_the_old_file(play: Callable[..., Any], server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    server.reply(Answer(body=b"x" * 1000, truncate=500))
    with pytest.raises(oai.APIConnectionError, match="cut short"):
        play(streamed(lambda response: response.stream_to_file(tmp_path / "f")))
    assert (tmp_path / "f").read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


def test_leaving_the_block_early_closes_the_connection(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(chunks=[b"x" * 1000] * 5, framing="chunked", hold=threading.Event()))
    play(streamed(lambda response: response.status_code))
    assert server.until(lambda: not server.open_connections)


def test_body_is_consumed_once(play: Callable[..., Any], server: Loopback) -> None:
    def kept(response: Any) -> Any:
        if isinstance(response, oai.StreamedResponse):
            return response.read(), response.read(), response.text()

        async def main() -> Any:
            return await response.read(), await response.read(), await response.text()

        return main()

    def twice(response: Any) -> Any:
        if isinstance(response, oai.StreamedResponse):
            return [list(response.iter_bytes()), list(response.iter_bytes())]

        async def main() -> Any:
            return [[piece async for piece in response.iter_bytes()] for _ in range(2)]

        return main()

    server.default = Answer(body=b"abc")
    assert play(streamed(kept)) == (b"abc", b"abc", "abc")
    with pytest.raises(RuntimeError, match=r"has been consumed; use read\(\)"):
        play(streamed(twice))


def test_streamed_response_parses_to_the_result(play: Callable[..., Any], server: Loopback) -> None:
    def scenario(client: Any) -> Any:
        view = client.models.with_streaming_response.retrieve("m")
        return (yield entered(view, lambda response: response.parse()))

    server.reply(Answer(json=MODEL))
    assert play(scenario).id == "m"


def test_streamed_text_response_parses_to_text(play: Callable[..., Any], server: Loopback) -> None:
    server.default = Answer(body="1\nHello", content_type="text/plain")

    def scenario(client: Any) -> Any:
        more = {"file": b"x", "model": "whisper-1", "response_format": "srt"}
        view = client.audio.transcriptions.with_streaming_response.create(**more)
        text = yield entered(view, lambda response: response.parse())
        view = client.files.with_streaming_response.content("f")
        binary = yield entered(view, lambda response: response.parse())
        return text, binary.text, binary.content

    assert play(scenario) == ("1\nHello", "1\nHello", b"1\nHello")


def test_streamed_response_parses_to_another_type(play: Callable[..., Any], server: Loopback) -> None:
    server.default = Answer(json=MODEL)

    def scenario(client: Any) -> Any:
        def use(to: Any) -> Any:
            return entered(client.models.with_streaming_response.retrieve("m"), lambda response: response.parse(to=to))

        view = client.models.with_streaming_response.retrieve("m")
        status = yield entered(view, lambda response: both(response.http_response.status_code))
        return (yield use(dict)), (yield use(str)), (yield use(bytes)).content, status

    data, text, content, status = play(scenario)
    assert data == json.loads(text) == json.loads(content)
    assert (data["id"], status) == ("m", 200)


def test_read_is_limited_by_max_body(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(chunks=[b"x" * 600] * 2, framing="chunked"))
    with pytest.raises(oai.ResponseTooLargeError, match="max_body"):
        play(streamed(lambda response: response.read()), max_body=1000)
    server.reply(Answer(chunks=[b"x" * 600] * 2, framing="chunked"))
    assert sum(map(len, play(streamed(lambda response: response.iter_bytes()), max_body=1000))) == 1200


def test_operations_of_a_custom_table_have_raw_responses(tmp_path: Path, server: Loopback) -> None:
    path = tmp_path / "t.toml"
    path.write_text('[a.rerank]\nmethod = "POST"\npath = "/rerank"\nbody = "json"\nresponse = "Any"\n')
    server.default = Answer(json={"a": 1})

    async def main() -> Any:
        async with oai.AsyncOpenAI(api_key=KEY, base_url=server.url, table=path) as client:
            return await client.a.with_raw_response.rerank(q="x")

    assert asyncio.run(main()).parse() == {"a": 1}
    with oai.OpenAI(api_key=KEY, base_url=server.url, table=path) as client:
        assert client.with_raw_response.a.rerank(q="x").parse() == {"a": 1}
