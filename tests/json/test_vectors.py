"""Embeddings: requested as base64, decoded into lists or arrays, whatever the server sends."""

from __future__ import annotations

import base64
import json
import pickle
import struct
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oai
from oai._json.vectors import decode_unpacked
from oai.testing import Answer, Loopback
from oai.types import CreateEmbeddingResponse, Embedding

Play = Callable[..., Any]

NUMBERS = [0.25, -1.5, 3.0]


def packed(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def answer(*vectors: Any, **more: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    return {"object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}, "data": data, **more}


def create(client: Any, **options: Any) -> Any:
    return (yield client.embeddings.create(model="m", input="a", **options))


def ask(**options: Any) -> Callable[[Any], Any]:
    return lambda client: create(client, **options)


def test_vectors_are_requested_as_base64_and_decoded_into_lists(play: Play, server: Loopback) -> None:
    server.reply(json=answer(packed(NUMBERS), packed([1.0])))
    result = play(ask())
    assert server.requests[0].json() == {"model": "m", "input": "a", "encoding_format": "base64"}
    assert type(result) is CreateEmbeddingResponse
    assert type(result.data[0]) is Embedding
    assert result.data[0].embedding == NUMBERS
    assert type(result.data[0].embedding) is list
    assert result.data[1].embedding == [1.0]
    assert json.loads(json.dumps(result.data[0].embedding)) == NUMBERS
    assert (result.model, result.usage.total_tokens, result._response.status_code) == ("m", 1, 200)


def test_vectors_are_arrays_if_the_client_option_says_so(play: Play, server: Loopback) -> None:
    server.reply(json=answer(packed(NUMBERS), packed([1.0])))
    vector, other = (item.embedding for item in play(ask(), embeddings_as_arrays=True).data)
    assert isinstance(vector, array)
    assert (vector.typecode, list(vector), vector[1], len(vector)) == ("f", NUMBERS, -1.5, 3)
    assert list(other) == [1.0]
    assert memoryview(vector).nbytes == 12  # what numpy.asarray takes without copying


@pytest.mark.parametrize("as_arrays", [True, False])
def test_every_way_to_a_result_makes_the_same_vectors(as_arrays: bool, play: Play, server: Loopback) -> None:
    server.default = Answer.of_json(answer(packed(NUMBERS)))

    def calls(client: Any) -> Any:
        view = client.with_options(embeddings_as_arrays=as_arrays)
        plain = yield view.embeddings.create(model="m", input="a")
        raw = yield view.embeddings.with_raw_response.create(model="m", input="a")
        return plain, raw.parse()

    for result in play(calls, embeddings_as_arrays=not as_arrays):
        assert type(result.data[0].embedding) is (array if as_arrays else list)
        assert list(result.data[0].embedding) == NUMBERS


@pytest.mark.parametrize(
    "write",
    [
        lambda text: "\r\n".join(text[start : start + 5] for start in range(0, len(text), 5)),
        lambda text: text.rstrip("="),
        lambda text: text.translate(str.maketrans("+/", "-_")),
    ],
    ids=["line breaks of MIME", "without padding", "alphabet of URLs"],
)
@pytest.mark.parametrize("numbers", [NUMBERS, [-1e30, 3e-9, 1.0, 2.0], [0.1]])
def test_base64_is_decoded_in_every_form(write: Any, numbers: list[float], play: Play, server: Loopback) -> None:
    server.reply(json=answer(write(packed(numbers)), ""))
    result = play(ask())
    assert packed(result.data[0].embedding) == packed(numbers)
    assert result.data[1].embedding == []


def test_numbers_are_in_every_form_of_the_result(play: Play, server: Loopback) -> None:
    server.reply(json=answer(packed(NUMBERS)))
    result = play(ask())
    assert result.to_dict() == answer(NUMBERS)
    assert json.loads(result.to_json()) == answer(NUMBERS)
    assert result.model_dump()["data"][0]["embedding"] == NUMBERS
    assert list(pickle.loads(pickle.dumps(result)).data[0].embedding) == NUMBERS


@pytest.mark.parametrize("body", [{"extra_body": {"encoding_format": "base64"}}, {"encoding_format": "base64"}])
def test_requested_base64_stays_text(body: dict[str, Any], play: Play, server: Loopback) -> None:
    server.reply(json=answer(packed(NUMBERS)))
    assert play(ask(**body)).data[0].embedding == packed(NUMBERS)
    assert server.requests[0].json()["encoding_format"] == "base64"


@pytest.mark.parametrize("format_option", [{}, {"encoding_format": "float"}, {"encoding_format": oai.omit}])
def test_floats_are_accepted_whatever_the_requested_format(
    format_option: dict[str, Any], play: Play, server: Loopback
) -> None:
    server.reply(json=answer(NUMBERS))
    assert play(ask(**format_option)).data[0].embedding == NUMBERS
    expected = format_option.get("encoding_format") or "base64"
    assert server.requests[0].json()["encoding_format"] == expected


def test_response_of_another_shape_is_unpacked_too(play: Play, server: Loopback) -> None:
    body = answer(packed(NUMBERS), NUMBERS, "no base64!", packed(NUMBERS)[:-2], provider="p")
    server.reply(json=body)
    result = play(ask())
    assert list(result.data[0].embedding) == NUMBERS
    assert [each.embedding for each in result.data[1:]] == [NUMBERS, "no base64!", packed(NUMBERS)[:-2]]
    assert result.provider == "p"


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": {}}])
def test_response_without_vectors_is_no_error(body: Any, play: Play, server: Loopback) -> None:
    server.reply(json=body)
    result = play(ask())
    assert result.to_dict() in (body, {})


def test_html_raises(play: Play, server: Loopback) -> None:
    server.reply(Answer.html("<p>busy</p>"))
    with pytest.raises(oai.APIResponseValidationError, match="not JSON"):
        play(ask())


def test_own_table_can_request_floats(play: Play, server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(
        '[embeddings.create]\nmethod = "POST"\npath = "/embeddings"\nbody = "json"\nresponse = "CreateEmbeddingResponse"\n'
    )
    server.reply(json=answer(NUMBERS))
    assert play(ask(), table=path).data[0].embedding == NUMBERS
    assert "encoding_format" not in server.requests[0].json()


def test_recording_holds_the_original_base64(server: Loopback, tmp_path: Path) -> None:
    server.reply(json=answer(packed(NUMBERS)))
    path = tmp_path / "e.cassette"
    results = []
    for mode in ("record", "replay"):
        with oai.Recorder(path, mode=mode) as recorder:
            client = oai.OpenAI(api_key="k", base_url=server.url, transport=recorder)
            results.append(client.embeddings.create(model="m", input="a"))
    assert results[0] == results[1]
    assert packed(NUMBERS) in path.read_text()


@given(vectors=st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8), max_size=4))
def test_every_number_is_exact(vectors: list[list[float]]) -> None:
    content = json.dumps(answer(*map(packed, vectors))).encode()
    for arrays in (False, True):
        result = decode_unpacked(CreateEmbeddingResponse, content, "data.embedding", arrays=arrays)
        assert [list(item.embedding) for item in result.data] == vectors


def test_base64_decodes_faster_than_floats() -> None:
    numbers = [index / 1536 for index in range(1536)]
    small, large = (json.dumps(answer(*[each] * 100)).encode() for each in (packed(numbers), numbers))

    def best(content: bytes) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            decode_unpacked(CreateEmbeddingResponse, content, "data.embedding", arrays=True)
            times.append(time.perf_counter() - began)
        return min(times)

    assert best(small) < best(large) / 2  # measured: 0.6 ms and 6 ms


@pytest.mark.parametrize("options", [{}, {"encoding_format": "base64"}])
def test_strict_validation_accepts_packed_vectors_and_nothing_else(
    options: dict[str, Any], play: Play, server: Loopback
) -> None:
    def scenario(client: Any) -> Any:
        return (yield client.embeddings.create(model="m", input="a", **options))

    server.default = Answer.of_json(answer(packed(NUMBERS), NUMBERS))
    assert len(play(scenario, _strict_response_validation=True).data) == 2
    for wrong in ("no base64!", packed(NUMBERS)[:-2], {"a": 1}):
        server.default = Answer.of_json(answer(wrong))
        with pytest.raises(oai.APIResponseValidationError, match=r"at `\$\.data\[0\]\.embedding`"):
            play(scenario, _strict_response_validation=True)
