"""Requests of calls: paths, JSON bodies, forms, and undeclared requests."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oai
from oai.testing import Answer, Loopback

Make = Callable[..., oai.OpenAI]

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1).filter(lambda text: text not in {".", ".."}))
def test_path_parameter_is_encoded_as_one_segment(text: str, server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json(MODEL)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text that could be sent
        with pytest.raises(UnicodeEncodeError):
            client.models.retrieve(text)
        return
    client.models.retrieve(text)
    target = server.requests[-1].target
    head, slash, segment = target.rpartition("/")
    assert (head, slash) == ("/v1/models", "/")
    assert unquote(segment) == text
    assert not set("?# /") & set(segment)


@pytest.mark.parametrize("text", ["", ".", "..", None, True, b"m"])
def test_empty_and_dot_path_parameters_are_rejected(text: Any, client: oai.OpenAI) -> None:
    with pytest.raises(ValueError, match="Expected a non-empty value for `model`"):
        client.models.retrieve(text)


def test_a_path_parameter_may_be_a_number(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json=MODEL)
    client.models.retrieve(7)
    assert server.requests[0].path == "/v1/models/7"


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: float


class Record(msgspec.Struct):
    name: str
    point: Point


class Model:
    """An object with pydantic's method for dumping."""

    def model_dump(self, *, mode: str, by_alias: bool, exclude_unset: bool) -> dict[str, Any]:
        assert (mode, by_alias, exclude_unset) == ("json", True, True)
        return {"from": "a model"}


class Array:
    """An object with numpy's method for conversion to a list."""

    def tolist(self) -> list[float]:
        return [0.5, 1.5]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        ("\u00fc\U0001f600", "\u00fc\U0001f600"),
        (Colour.RED, "red"),
        (Point(1, 2.0), {"x": 1, "y": 2.0}),
        (Record("a", Point(1, 2.5)), {"name": "a", "point": {"x": 1, "y": 2.5}}),
        (dt.date(2026, 1, 2), "2026-01-02"),
        ((1, 2), [1, 2]),
        ({"a"}, ["a"]),
        ((number for number in (1, 2)), [1, 2]),
        (Model(), {"from": "a model"}),
        (Array(), [0.5, 1.5]),
        ([{"deep": Array()}], [{"deep": [0.5, 1.5]}]),
        ({"a": oai.omit, "b": 1}, {"b": 1}),
    ],
)
def test_body_accepts_common_python_types(value: Any, sent: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={})
    client.post("/x", body={"value": value})
    assert server.requests[0].json() == {"value": sent}


def test_pydantic_models_are_sent_without_unset_fields(server: Loopback, client: oai.OpenAI) -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic comes with the official SDK, which is not installed")

    class Item(pydantic.BaseModel):
        name: str
        size: int = 3

    server.reply(json={})
    client.post("/x", body={"item": Item(name="a"), "items": [Item(name="b", size=4)]})
    assert server.requests[0].json() == {"item": {"name": "a"}, "items": [{"name": "b", "size": 4}]}


def test_value_that_json_cannot_encode_is_named_with_its_path(client: oai.OpenAI) -> None:
    with pytest.raises(
        TypeError, match=r"messages\[1\]\.content cannot be sent as JSON: object has no JSON equivalent"
    ):
        client.chat.completions.create(model="m", messages=[{"content": "x"}, {"content": object()}])


def test_invalid_keys_and_surrogates_are_rejected_with_their_path(client: oai.OpenAI) -> None:
    with pytest.raises(
        TypeError, match=r"deep\[1\] cannot be sent as JSON: a key of type tuple has no JSON equivalent"
    ):
        client.post("/x", body={"deep": [{}, {(1, 2): 3}]})
    with pytest.raises(ValueError, match=r"messages\[0\]\.content cannot be sent as JSON: .*surrogates"):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "\ud800"}])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_nan_and_infinity_are_rejected(number: float, client: oai.OpenAI) -> None:
    with pytest.raises(ValueError, match="is not a JSON number"):
        client.moderations.create(input="x", extra_body={"deep": [{"value": number}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-9, 9) | st.text('aé\n"null'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    max_leaves=12,
)

MESSAGE = {"role": "assistant", "content": "x", "reasoning_content": "a field that no struct declares"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(beside=JSON, path=st.lists(st.sampled_from(["list", "dict", "tuple", "left out"]), max_size=4))
def test_object_is_sent_completely_at_any_depth(
    beside: Any, path: list[str], server: Loopback, client: oai.OpenAI
) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": MESSAGE}
    server.reply(json={"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    body: Any = client.chat.completions.create(model="m", messages=[]).choices[0].message
    server.default, expected = Answer.of_json({}), MESSAGE
    for step in path:
        if step in ("dict", "left out"):
            body, expected = {"here": body, "beside": beside}, {"here": expected, "beside": beside}
            if step == "left out":
                body["absent"] = oai.omit
        else:
            body, expected = [beside, body], [beside, expected]
            if step == "tuple":
                body = tuple(body)
    for sent, seen in (({"body": body}, {"body": expected}), ({"body": beside}, {"body": beside})):
        client.post("/x", body=sent)
        assert server.requests[-1].json() == seen


def test_received_message_can_be_sent_back(server: Loopback, client: oai.OpenAI) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [], "reasoning_content": "hm", "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    server.reply(json={"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    server.reply(json={})
    answer = client.chat.completions.create(model="m", messages=[])
    client.post("/x", body={"messages": [answer.choices[0].message]})
    assert server.requests[1].json() == {"messages": [message]}


def test_an_operation_without_parameters_sends_no_body(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"id": "b", "object": "batch"})
    client.batches.cancel("b")
    (seen,) = server.requests
    assert (seen.method, seen.body, seen.header("content-length")) == ("POST", b"", "0")


def test_operation_with_all_parameters_omitted_sends_an_empty_object(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"id": "c", "object": "conversation", "created_at": 1, "metadata": None})
    client.conversations.create()
    assert server.requests[0].json() == {}


def test_query_parameters_of_a_post(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"object": "list", "data": []})
    client.conversations.items.create("c", items=[], include=["a", "b"])
    (seen,) = server.requests
    assert (seen.query, seen.json()) == ("include%5B%5D=a&include%5B%5D=b", {"items": []})


def test_header_parameters(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={})
    client.beta.responses.cancel("r", betas=["one", "two"], extra_headers={"X-Own": "1"})
    (seen,) = server.requests
    assert (seen.target, seen.header("openai-beta"), seen.header("x-own")) == (
        "/v1/responses/r/cancel?beta=true",
        "one,two",
        "1",
    )


def test_parts_with_content_types_and_the_raw_field(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer(body=b"v=0"), Answer(body=b"v=0"))
    client.realtime.calls.create(sdp="v=0", session={"type": "realtime"})
    client.realtime.calls.create(sdp="v=0")
    form, alone = server.requests
    assert [(part.name, part.content_type, part.content) for part in form.form()] == [
        ("sdp", "application/sdp", b"v=0"),
        ("session", "application/json", b'{"type":"realtime"}'),
    ]
    assert (alone.header("content-type"), alone.body) == ("application/sdp", b"v=0")


def test_list_of_files_is_sent_under_one_name_with_brackets(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"created": 1, "data": []})
    client.images.edit(image=[("a.png", b"a"), ("b.png", b"b")], mask=("m.png", b"m"), prompt="x")
    parts = [(part.name, part.filename) for part in server.requests[0].form()]
    assert parts == [("prompt", None), ("image[]", "a.png"), ("image[]", "b.png"), ("mask", "m.png")]


def test_form_is_sent_again_from_the_start_on_a_retry(server: Loopback, client_to: Make) -> None:
    opened = io.BytesIO(b"0123456789")
    opened.seek(4)
    server.reply(status=500, json={}, headers=[("retry-after-ms", "1")])
    server.reply(json={"id": "f", "object": "file"})
    client_to(max_retries=1).files.create(file=("x.txt", opened), purpose="evals")
    first, second = server.requests
    assert first.body == second.body
    assert [part.content for part in second.form() if part.name == "file"] == [b"0123456789"]


def test_large_upload_is_streamed_with_content_length(tmp_path: Path, client_to: Make) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(1 << 26)
    with Loopback(keep_body=False) as server:
        server.reply(json={"id": "f", "object": "file"})
        client_to(base_url=server.url).files.create(file=path, purpose="evals")
        (seen,) = server.requests
    assert int(seen.header("content-length") or 0) == seen.length > 1 << 26
    assert seen.header("transfer-encoding") is None


def test_undeclared_requests_by_method_and_path(server: Loopback, client: oai.OpenAI) -> None:
    class Ranked(msgspec.Struct):
        order: list[int]

    server.reply(json={"order": [1, 0], "deep": {"x": 1}})
    server.reply(json={"order": [1, 0]})
    server.reply(Answer(body=b"\x00\x01"))
    server.reply(Answer(body="plain", content_type="text/plain"))
    server.reply(json=[1])
    server.reply(json={})
    answer = client.post("/rerank", body={"query": "q"}, query={"n": 2})
    assert (answer.order, answer.deep, answer._request_id) == ([1, 0], {"x": 1}, None)
    assert client.request("POST", "rerank", cast_to=Ranked) == Ranked([1, 0])
    assert client.get("/raw", cast_to=bytes).content == b"\x00\x01"
    assert client.get("/text", cast_to=str) == "plain"
    assert client.put("/list?x=1", cast_to=list[int], query={"y": 2}) == [1]
    assert client.delete("/thing", cast_to=oai.Response).status_code == 200
    assert [(seen.method, seen.target) for seen in server.requests] == [
        ("POST", "/v1/rerank?n=2"),
        ("POST", "/v1/rerank"),
        ("GET", "/v1/raw"),
        ("GET", "/v1/text"),
        ("PUT", "/v1/list?x=1&y=2"),
        ("DELETE", "/v1/thing"),
    ]


def test_cast_to_a_pydantic_model(server: Loopback, client: oai.OpenAI) -> None:
    class Point(pydantic.BaseModel):
        x: int

    server.reply(Answer.of_json({"x": 1}), Answer.of_json({"x": "far"}))
    assert client.get("/point", cast_to=Point) == Point(x=1)
    with pytest.raises(
        oai.APIResponseValidationError, match=r"GET /point: the response does not match Point: 1 validation"
    ):
        client.get("/point", cast_to=Point)


def test_undeclared_requests_can_upload_and_stream(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"ok": True})
    server.reply(Answer.events([{"n": 1}, {"n": 2}], done=False))
    client.post("/upload", body={"kind": "x"}, files={"file": ("a.txt", b"a")})
    assert [(part.name, part.filename) for part in server.requests[0].form()] == [("kind", None), ("file", "a.txt")]
    with client.post("/stream", stream=True, body={"stream": True}, stream_cls=oai.Stream[dict[str, int]]) as stream:
        assert list(stream) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("payload", [{"body": b"\x00\xff"}, {"body": bytearray(b"\x00\xff")}, {"content": b"\x00\xff"}])
def test_bytes_are_sent_unchanged(payload: dict[str, Any], server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={})
    client.post("/x", **payload, extra_headers={"Content-Type": "application/x-own"})
    (seen,) = server.requests
    assert (seen.body, seen.header("content-type")) == (b"\x00\xff", "application/x-own")


def test_arguments_override_official_options(server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json({})
    options = {"headers": {"X-A": "1", "X-B": "1"}, "params": {"a": 1, "b": 1}, "extra_json": {"c": 1}, "timeout": 3}
    client.post("/x", body={"d": 1}, options=options, extra_headers={"X-B": "2"}, extra_query={"b": 2})
    (seen,) = server.requests
    assert (seen.header("x-a"), seen.header("x-b")) == ("1", "2")
    assert (seen.query, seen.json()) == ("a=1&b=2", {"c": 1, "d": 1})
    with pytest.raises(TypeError, match="unknown option 'max_retry'; options takes headers, .*max_retries"):
        client.get("/x", options={"max_retry": 0})
    with pytest.raises(TypeError, match="content excludes body"):
        client.post("/x", body={}, content=b"")


def test_absolute_url_is_rejected(client: oai.OpenAI) -> None:
    with pytest.raises(oai.OpenAIError, match="is a whole URL; pass a path below base_url"):
        client.get("https://elsewhere.example/steal")


def test_braces_in_an_undeclared_path_are_text(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={})
    client.get("/a/{b}")
    assert unquote(server.requests[0].path) == "/v1/a/{b}"


def test_json_is_compact_utf8(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={})
    client.moderations.create(input="\u00fc")
    assert server.requests[0].body == b'{"input":"\xc3\xbc"}'
    assert json.loads(server.requests[0].body) == {"input": "\u00fc"}


def test_extra_body_needs_a_mapping(client: oai.OpenAI) -> None:
    extra: Any = ["a"]
    with pytest.raises(TypeError, match="extra_body of type list has no fields"):
        client.moderations.create(input="x", extra_body=extra)
    with pytest.raises(TypeError, match="a body of type list has no fields"):
        client.post("/x", body=["a"], extra_body={"b": 1})


@pytest.mark.parametrize("method", ["GE T", "", "GET\r\nX: 1", "M\u00dcLL"])
def test_invalid_method_is_rejected_before_sending(method: str, client: oai.OpenAI, server: Loopback) -> None:
    with pytest.raises(oai.OpenAIError, match="is not a valid HTTP method"):
        client.request(method, "/x")
    assert server.requests == []


def test_nested_parameter_with_a_python_name_is_renamed(server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json({})
    compaction, wire = {"async_": True, "x": 1}, {"async": True, "x": 1}
    client.beta.agents.create(model="m", compaction=compaction)
    client.beta.agents.update("a", compaction=compaction)
    agent = {"compaction": compaction, "model": "m"}
    client.beta.agents.automations.create(name="n", target={"agent": agent, "async_": 1}, type="once")
    assert [seen.json().get("compaction") for seen in server.requests[:2]] == [wire, wire]
    target = server.requests[2].json()["target"]
    assert target == {"agent": {"compaction": wire, "model": "m"}, "async_": 1}
    assert compaction == {"async_": True, "x": 1}


@pytest.mark.parametrize("body", [{"compaction": None}, {"compaction": "x"}, {}])
def test_nested_rename_leaves_other_values(body: dict[str, Any], server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json({})
    client.beta.agents.create(model="m", **body)
    assert server.requests[0].json() == {"model": "m", **body}


def test_extra_body_of_a_get_is_not_sent(server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json({"object": "list", "data": []})
    client.models.list(extra_body={"a": 1})
    client.get("/x", extra_body={"a": 1})
    client.delete("/x", extra_body={"a": 1})
    client.get("/x", body={"a": 1})
    assert [seen.body for seen in server.requests] == [b"", b"", b'{"a":1}', b'{"a":1}']
    assert server.requests[0].header("content-type") is None


@pytest.mark.parametrize("file", [b"", io.BytesIO(), ("n.txt", ""), ("n.txt", b"")])
def test_empty_file_is_uploaded(file: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json({})
    client.containers.files.create("c", file=file)
    client.files.create(file=file, purpose="evals")
    for seen in server.requests:
        assert [part.content for part in seen.form() if part.name == "file"] == [b""]


@pytest.mark.parametrize("where", ["extra_headers", "default_headers"])
@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data", None),
        ("application/json", None),
        ('multipart/form-data; boundary="abc"', "abc"),
        ("Multipart/Form-Data; charset=utf-8; boundary=a-b_c", "a-b_c"),
    ],
)
def test_upload_and_its_content_type_agree(
    where: str, content_type: str, boundary: str | None, server: Loopback, client_to: Make
) -> None:
    server.default = Answer.of_json({})
    headers = {"content-type": content_type}
    client = client_to(default_headers=headers if where == "default_headers" else {})
    extra = headers if where == "extra_headers" else {}
    client.files.create(file=("n.txt", b"x"), purpose="evals", extra_headers=extra)
    client.post("/upload", files={"file": ("n.txt", b"x")}, body={"purpose": "evals"}, extra_headers=extra)
    for seen in server.requests:
        assert [(part.name, part.content) for part in seen.form()] == [("purpose", b"evals"), ("file", b"x")]
        assert int(seen.header("content-length") or 0) == len(seen.body)
        if where == "extra_headers" and boundary is not None:
            assert seen.header("content-type") == content_type


def test_string_is_a_path_unless_the_client_forbids_it(server: Loopback, client_to: Make, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"cat")
    server.default = Answer.of_json({"created": 1, "data": []})
    client_to().images.edit(image=str(path), prompt="p")
    client_to(upload_paths=False).images.edit(image=path, prompt="p")
    with pytest.raises(TypeError, match="`image` is a string; this client has upload_paths=False"):
        client_to(upload_paths=False).images.edit(image=str(path), prompt="p")
    with pytest.raises(TypeError, match=r"`image\[\]` is a string"):
        client_to(upload_paths=False).images.edit(image=[str(path)], prompt="p")
    assert [seen.form()[-1].content for seen in server.requests] == [b"cat", b"cat"]


def test_class_as_response_format_points_to_parse(play: Callable[..., Any], server: Loopback) -> None:
    class Point(pydantic.BaseModel):
        x: int

    def scenario(client: Any) -> Any:
        for stream in (False, True):
            with pytest.raises(TypeError, match=r"the class Point as response_format; use chat\.completions\.parse"):
                yield client.chat.completions.create(model="m", messages=[], response_format=Point, stream=stream)
        with pytest.raises(TypeError, match=r"use beta\.chat\.completions\.parse"):
            yield client.beta.chat.completions.create(model="m", messages=[], response_format=Point)

    play(scenario)
    assert server.requests == []


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (None, 3)])
def test_options_of_a_request_set_its_retries(
    retries: int | None, attempts: int, play: Callable[..., Any], server: Loopback
) -> None:
    server.default = Answer(status=500, headers=[("retry-after-ms", "1")])
    options = {"max_retries": retries, "idempotency_key": "key-1"}

    def scenario(client: Any) -> Any:
        client = client.with_options(max_retries=2)
        for ways in (client, client.with_raw_response):
            with pytest.raises(oai.InternalServerError):
                yield ways.post("/x", body={}, options=options)
        with pytest.raises(oai.OpenAIError, match="max_retries must be a non-negative integer, not -1"):
            yield client.get("/x", options={"max_retries": -1})
        assert client.max_retries == 2

    play(scenario)
    assert len(server.requests) == 2 * attempts
    assert {seen.header("idempotency-key") for seen in server.requests} == {"key-1"}
