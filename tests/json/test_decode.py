"""Decoding: exact if the data fits its type, lenient if it does not, lossless in both cases."""

from __future__ import annotations

import copy
import logging
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typed import all_structs, all_tags, draw_value, is_kept, spoil, without_none

import oai
from oai import types
from oai._json.objects import Object, plain
from oai._json.strict import decoder
from oai._json.unions import RESERVED
from oai._table.load import shipped_table
from oai._table.operation import Operation

ANSWERS = [
    kind
    for name, row in shipped_table().items()
    for kind in (
        Operation(name, row).response_type,
        Operation(name, row).stream_type if row.stream else bytes,
    )
    if kind not in (bytes, str, None)
]


RACE = """
import sys, threading
sys.setswitchinterval(1e-6)
import oai

client = oai.OpenAI(transport=oai.OfflineTransport())
start, failed = threading.Barrier(12), []

def call():
    start.wait()
    try:
        client.responses.create(model="m", input="x").output
        client.chat.completions.create(model="m", messages=[])
        with client.responses.stream(model="m", input="x") as stream:
            stream.get_final_response()
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=call) for _ in range(12)]
for each in threads: each.start()
for each in threads: each.join()
sys.exit("\\n".join(failed) or 0)
"""


def test_threads_can_use_a_type_for_the_first_time_at_once() -> None:
    """With msgspec alone the process would crash: it publishes its description of a type unfinished."""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_msgspec_first_sees_types_in_one_module() -> None:
    """`_json.strict` holds the lock for that; builtin types need none."""
    first_look = re.compile(r"Decoder\(|msgspec\.convert\(|decode\(.*type=(?!dict\[str, msgspec\.Raw\])")
    package = Path(oai.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any("msgspec" in line and first_look.search(line) for line in path.read_text(encoding="utf-8").splitlines())
    }
    assert found == {"_json/strict.py", "_table/table.py", "_table/load.py", "helpers/structured/schemas.py"}


@st.composite
def exact(draw: Any) -> tuple[Any, Any]:
    kind = draw(st.sampled_from(ANSWERS) | st.sampled_from(all_structs()))
    return kind, draw_value(draw, kind)


@st.composite
def spoiled(draw: Any) -> tuple[Any, Any]:
    kind, value = draw(exact())
    return kind, spoil(draw, value)


@given(exact())
@settings(max_examples=400)
def test_valid_data_decodes_strictly_and_round_trips(case: tuple[Any, Any]) -> None:
    kind, value = case
    result = decoder(kind).decode(msgspec.json.encode(value))
    assert is_kept(without_none(value), without_none(plain(result)), frozenset())


@given(spoiled())
@settings(max_examples=600)
def test_invalid_data_decodes_leniently_and_round_trips(case: tuple[Any, Any]) -> None:
    kind, value = case
    result = oai.decode(kind, msgspec.json.encode(value))
    assert is_kept(without_none(value), without_none(plain(result)), all_tags())
    if isinstance(result, Object):
        assert msgspec.json.decode(result.to_json()) == result.to_dict()
        repr(result)


def test_every_type_has_a_decoder() -> None:
    for struct in all_structs():
        decoder(struct)
    for kind in ANSWERS:
        decoder(kind)


CHUNK = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
}


def chat(**changes: Any) -> Any:
    return oai.decode(types.chat.ChatCompletion, msgspec.json.encode({**CHUNK, **changes}))


def test_undeclared_field_is_an_attribute() -> None:
    answer = chat(own={"deep": [1]}, choices=[{**CHUNK["choices"][0], "stop_reason": 7}])
    assert answer.own == {"deep": [1]}
    assert answer.choices[0].stop_reason == 7
    assert answer.choices[0].message.content == "Hi"
    assert type(answer.choices[0].message).__name__ == "ChatCompletionMessage"
    assert "own={'deep': [1]}" in repr(answer)


def test_missing_field_is_none() -> None:
    answer = chat(choices=[{"message": {"content": "Hi"}}])
    assert (answer.choices[0].index, answer.choices[0].message.role) == (None, None)


def test_undeclared_constant_is_kept() -> None:
    answer = chat(choices=[{**CHUNK["choices"][0], "finish_reason": "eos"}])
    assert answer.choices[0].finish_reason == "eos"


def test_field_of_the_wrong_type_stays_plain_data() -> None:
    answer = chat(created="yesterday", usage=[1, 2], choices="none")
    assert (answer.created, answer.usage, answer.choices) == ("yesterday", [1, 2], "none")


def test_unknown_tag_becomes_an_object_with_every_field() -> None:
    items = [
        {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": []},
        {"type": "telepathy", "id": "t", "thought": "hm"},
        {"id": "n"},
    ]
    response = oai.decode(types.responses.Response, msgspec.json.encode({"id": "r", "output": items}))
    message, unknown, tagless = response.output
    assert (type(message).__name__, message.type) == ("ResponseOutputMessage", "message")
    assert (type(unknown), unknown.type, unknown.thought) == (Object, "telepathy", "hm")
    assert tagless.id == "n"
    assert response.to_dict()["output"] == items


def test_tagged_struct_has_its_tag() -> None:
    call = types.responses.ResponseFunctionToolCall(arguments="{}", call_id="c", name="f")
    assert call.type == "function_call"
    assert call.to_dict() == {"type": "function_call", "arguments": "{}", "call_id": "c", "name": "f"}


def test_tag_attribute_of_every_struct_is_its_tag() -> None:
    for struct in all_structs():
        config = struct.__struct_config__
        if config.tag_field is not None:
            assert getattr(struct, config.tag_field) == config.tag


def test_structs_with_several_tags_keep_theirs() -> None:
    data = b'{"type": "ne", "key": "k", "value": 1}'
    result = oai.decode(types.shared.structs.ComparisonFilter | types.shared.structs.ComparisonFilterNe, data)
    assert isinstance(result, types.shared.ComparisonFilter)
    assert (result.type, result.to_dict()["type"]) == ("ne", "ne")


def test_structs_that_share_a_tag_are_distinguished_by_their_fields() -> None:
    own = {"type": "message", "id": "m", "role": "assistant", "content": [], "status": "completed", "own": 1}
    theirs = {"type": "message", "id": "m", "role": "user", "content": [{"type": "input_text", "text": "x", "own": 1}]}
    kinds = [oai.decode(types.responses.ResponseItem, msgspec.json.encode(each)) for each in (own, theirs)]
    assert [type(kind).__name__ for kind in kinds] == ["ResponseOutputMessage", "ResponseInputMessageItem"]


def test_output_text_concatenates_all_texts() -> None:
    part = {"type": "output_text", "text": "Hi", "annotations": []}
    items = [
        {"type": "reasoning", "id": "x", "summary": []},
        {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part, part]},
    ]
    response = oai.decode(types.responses.Response, msgspec.json.encode({"id": "r", "output": items}))
    assert response.output_text == "HiHi"
    assert oai.decode(types.responses.Response, b'{"id": "r"}').output_text == ""


def test_undeclared_field_does_not_hide_a_method() -> None:
    answer = chat(to_dict=1, _request_id="mine", model_dump=2)
    assert answer.to_dict()["to_dict"] == 1
    assert answer.to_dict()["_request_id"] == "mine"
    assert answer.model_dump()["model_dump"] == 2
    assert answer._request_id is None


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_undeclared_field_with_a_reserved_name_is_kept(name: str) -> None:
    answer = chat(**{name: ["theirs"]})
    assert answer.to_dict()[name] == ["theirs"]
    assert answer.model_extra == {name: ["theirs"]}


def test_wire_names_that_are_not_python_names() -> None:
    names = {"hate": False, "hate/threatening": True, "self-harm": False}
    result = oai.decode(types.Moderation, msgspec.json.encode({"categories": names, "flagged": True}))
    assert result.categories.hate_threatening is True
    assert result.categories.self_harm is False
    assert result.to_dict()["categories"] == names


def test_dump_methods_have_the_names_and_options_of_pydantic() -> None:
    answer = chat()
    assert answer.model_dump(exclude_none=True) == answer.to_dict() == CHUNK
    assert answer.model_dump(mode="json", exclude_none=True, exclude_unset=True, by_alias=True) == CHUNK
    assert msgspec.json.decode(answer.model_dump_json(exclude_unset=True)) == CHUNK
    assert msgspec.json.decode(answer.model_dump_json()) == answer.model_dump()
    assert answer.model_dump_json(indent=2, exclude_none=True) == answer.to_json(indent=2)
    with pytest.raises(TypeError, match="exclude_nones"):
        answer.model_dump_json(exclude_nones=True)
    options: dict[str, Any] = {"use_api_names": True, "exclude_unset": True, "exclude_none": True, "warnings": False}
    assert answer.to_dict(mode="json", exclude_defaults=False, **options) == CHUNK
    assert answer.to_json(indent=2, **options) == answer.to_json(indent=2)
    with pytest.raises(TypeError, match="exclude_nones"):
        answer.to_json(exclude_nones=True)
    assert "\n" not in answer.to_json()
    assert answer.to_json(indent=2).startswith('{\n  "id": "1"')


def test_invalid_utf8_in_text_is_replaced() -> None:
    answer = oai.decode(types.chat.ChatCompletion, b'{"id": "\xff", "model": "m"}')
    assert answer.id == "\ufffd"


def test_objects_are_equal_if_all_their_data_is() -> None:
    one, same, other, bare = (
        oai.decode(kind, data)
        for kind, data in (
            (types.chat.ChatCompletion, b'{"id": "a", "new": {"x": 1}}'),
            (types.chat.ChatCompletion, b'{"new": {"x": 1}, "id": "a"}'),
            (types.chat.ChatCompletion, b'{"id": "a", "new": {"x": 2}}'),
            (oai.Object, b'{"id": "a", "new": {"x": 1}}'),
        )
    )
    assert one == same == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert one != other
    assert one != bare
    assert oai.decode(oai.Object, b'{"id": 1}') != oai.decode(oai.Object, b'{"id": 2}')
    assert oai.decode(oai.Object, b'{"copy": 1}') != oai.decode(oai.Object, b'{"copy": 2}')
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize("data", [b'{"object": 1, "id": "\xff"}', b'{"n\xffw": 1, "id": "\xff"}'])
def test_invalid_utf8_is_replaced_in_data_of_the_wrong_shape(data: bytes) -> None:
    assert oai.decode(types.chat.ChatCompletion, data).id == "\ufffd"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'\xef\xbb\xbf{"id": "a"}', "a"),
        (rb'{"id": "\ud83d"}', "\ufffd"),
        (rb'{"id": "\ude00 \\ud83d \ud83d\ude00\uD83D"}', "\ufffd \\ud83d \U0001f600\ufffd"),
        (b'{"id": "a", "created": NaN, "score": -Infinity}', "a"),
    ],
    ids=["byte order mark", "half a character", "halves and wholes", "no numbers"],
)
def test_whatever_python_json_accepts_is_decoded(data: bytes, text: str) -> None:
    answer = oai.decode(types.chat.ChatCompletion, data)
    assert answer.id == text
    assert msgspec.json.decode(answer.to_json())["id"] == text


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b'{"id": NaN, "a":' * 100_000, b"NaN"])
def test_too_deep_nesting_and_bare_words_raise(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        oai.decode(types.chat.ChatCompletion, data)


def test_invalid_json_raises() -> None:
    with pytest.raises(msgspec.DecodeError):
        oai.decode(types.chat.ChatCompletion, b"<html>")


def test_embeddings_as_floats_and_as_text() -> None:
    def one(value: Any) -> Any:
        data = [{"object": "embedding", "index": 0, "embedding": value}]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        answer = {"object": "list", "model": "m", "data": data, "usage": usage}
        return oai.decode(types.CreateEmbeddingResponse, msgspec.json.encode(answer)).data[0].embedding

    assert one([0.5, 1]) == [0.5, 1.0]
    assert one("AAAAPw==") == "AAAAPw=="


def test_each_kind_of_mismatch_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "oai"):
        for _ in range(3):
            chat(only_in_this_test=1)
    assert [record.message for record in caplog.records] == [
        (
            "a response does not match ChatCompletion and was decoded leniently: "
            "Object contains unknown field `only_in_this_test`"
        )
    ]


def test_object_copies_and_pickles_with_undeclared_fields() -> None:
    import copy
    import pickle

    answer = chat(own=1)
    for twin in (copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        assert twin.to_dict() == answer.to_dict()


def test_nested_filters_are_typed_at_every_level() -> None:
    """The official SDK declares the inner ones as `object`."""
    sent = {
        "type": "and",
        "filters": [
            {"type": "eq", "key": "a", "value": "b"},
            {"type": "or", "filters": [{"type": "in", "key": "c", "value": ["d", 1.5]}]},
        ],
    }
    found = decoder(oai.types.CompoundFilter).decode(msgspec.json.encode(sent))
    assert isinstance(found.filters[0], oai.types.ComparisonFilter)
    assert isinstance(found.filters[1], oai.types.CompoundFilter)
    assert found.filters[1].filters[0].value == ["d", 1.5]
    assert found.to_dict() == sent


def test_model_dump_has_every_declared_field() -> None:
    message = oai.decode(types.chat.ChatCompletionMessage, b'{"role": "assistant", "new": {"a": null}}')
    dump = message.model_dump()
    assert (dump["content"], dump["tool_calls"], dump["new"]) == (None, None, {"a": None})
    assert message.model_dump(include={"role", "content"}) == {"role": "assistant", "content": None}
    assert message.model_dump(exclude={"new"}, exclude_none=True) == {"role": "assistant"}
    whole = chat().model_dump()
    assert whole["choices"][0]["message"]["tool_calls"] is None
    row = oai.decode(types.Moderation, b'{"categories": {"self-harm": true}, "flagged": true}')
    assert row.model_dump()["categories"]["self_harm"] is True
    assert row.model_dump(by_alias=True)["categories"]["self-harm"] is True


def test_constructor_accepts_the_tag_field() -> None:
    kind: Any = types.chat.ChatCompletionMessageFunctionToolCall
    function = types.chat.ChatCompletionMessageFunctionToolCallFunction(name="f", arguments="{}")
    assert kind(id="c", type="function", function=function) == kind(id="c", function=function)
    with pytest.raises(
        ValueError, match="type is 'custom'; that of ChatCompletionMessageFunctionToolCall is 'function'"
    ):
        kind(id="c", type="custom", function=function)
    with pytest.raises(TypeError, match="own"):
        kind(id="c", function=function, own=1)


def test_constructors_have_the_names_of_pydantic() -> None:
    answer = chat(new={"deep": 1})
    kind = type(answer)
    assert kind.model_validate(answer.to_dict()) == kind.model_validate_json(answer.to_json()) == answer
    assert kind.model_validate(answer) == answer
    part = types.responses.ResponseOutputText.model_construct(type="output_text", text="Hi", annotations=[], own=1)
    assert (part.type, part.text, part.own) == ("output_text", "Hi", 1)
    other = answer.model_copy(update={"id": "another", "own": 2})
    assert (other.id, other.own, other.new, answer.id) == ("another", 2, {"deep": 1}, CHUNK["id"])
    deep = answer.model_copy(deep=True)
    deep.choices.clear()
    assert answer.choices
    with pytest.raises(TypeError, match="is made of a dict, not of list"):
        kind.model_validate([])
    for text in ("[]", "1", "{", ""):
        with pytest.raises(ValueError):
            kind.model_validate_json(text)


class Circle(msgspec.Struct, tag="circle"):
    radius: int


class Square(msgspec.Struct, tag="square"):
    side: int


def test_unknown_variant_of_plain_structs_stays_plain_data() -> None:
    """Only an `Object` can hold undeclared fields."""
    assert oai.decode(list[Circle | Square], b'[{"type": "square", "side": 1}, {"type": "star"}]') == [
        Square(1),
        {"type": "star"},
    ]


def test_unknown_variant_of_objects_is_an_object() -> None:
    event: Any = oai.decode(types.responses.ResponseStreamEvent, b'{"type": "star", "points": 5}')
    assert (type(event), event.type, event.points) == (Object, "star", 5)
