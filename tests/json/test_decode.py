"""Decoding: exact if the data fits its type, lenient if it does not, lossless in both cases."""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import logging
import pickle
import re
import subprocess
import sys
import weakref
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
    builtin = r"(?:dict|list|tuple|str|int|Any|msgspec\.Raw|[\[\], ])+\)"
    first_look = re.compile(rf"Decoder\(|msgspec\.convert\(|decode\(.*type=(?!{builtin})")
    package = Path(oai.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any("msgspec" in line and first_look.search(line) for line in path.read_text(encoding="utf-8").splitlines())
    }
    assert found == {"_json/strict.py", "_table/table.py", "_table/compiled.py", "helpers/structured/schemas.py"}


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
    with pytest.raises(TypeError, match="Missing required argument 'function'"):
        kind(id="c", function_=function)


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
    with pytest.raises(ValueError, match="must be a mapping, not list"):
        kind.model_validate([])
    for text in ("[]", "1", "{", ""):
        with pytest.raises(ValueError):
            kind.model_validate_json(text)


def test_attributes_with_an_underscore_are_private_but_fields_of_the_server_are_not() -> None:
    answer = chat(_id="from the server")
    answer._own = object()
    assert (answer._id, answer.to_dict()["_id"], answer.model_extra["_id"]) == (*["from the server"] * 3,)
    assert "_own" not in answer.model_dump()
    assert answer == copy.copy(answer) == pickle.loads(pickle.dumps(chat(_id="from the server")))
    assert json.loads(answer.to_json())["_id"] == "from the server"


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


# What was sent comes back.

NULLS = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "service_tier": None,
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": None, "refusal": None},
        }
    ],
}


def test_required_null_is_kept_everywhere() -> None:
    for extra in ({}, {"new": None}):
        message = oai.decode(
            types.chat.ChatCompletionMessage, msgspec.json.encode({"role": "assistant", "content": None, **extra})
        )
        assert (
            message.to_dict()
            == msgspec.json.decode(message.to_json())
            == {"role": "assistant", "content": None, **extra}
        )
    made = types.chat.ChatCompletionMessage(role="assistant", content=None)
    assert made.to_dict() == {"role": "assistant", "content": None}
    tool = {"type": "function", "name": "f", "parameters": None, "strict": None}
    assert oai.decode(types.responses.FunctionTool, msgspec.json.encode(tool)).to_dict() == tool


def test_nulls_of_a_whole_response_are_kept_at_every_depth(play: Any, server: Any) -> None:
    for extra in ({}, {"new": {"a": None}}):
        server.reply(json={**NULLS, **extra})
        result = play(lambda client: (yield client.chat.completions.create(model="m", messages=[])))
        assert result.to_dict() == result.model_dump(exclude_unset=True) == {**NULLS, **extra}
        assert msgspec.json.decode(result.to_json()) == {**NULLS, **extra}
        assert "service_tier" in result.model_fields_set
        assert "usage" not in result.model_fields_set
        result.service_tier = "flex"
        result.usage = None
        assert result.to_dict() == {**NULLS, **extra, "service_tier": "flex"}


def test_leniently_decoded_part_remembers_null_and_missing_fields() -> None:
    message = chat(choices=[{"index": 0, "message": {"refusal": None, "new": 1}}]).choices[0].message
    for twin in (message, copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert twin.to_dict() == {"refusal": None, "new": 1}
        assert twin.model_fields_set == {"refusal", "new"}
        assert twin.model_dump(exclude_unset=True) == {"refusal": None, "new": 1}
    message.content = "x"
    assert message.to_dict() == {"content": "x", "refusal": None, "new": 1}


def test_no_tag_is_invented() -> None:
    items = [{"id": "x", "role": "user", "content": []}, {"type": None, "id": "y"}]
    response = oai.decode(types.responses.Response, msgspec.json.encode({"id": "r", "output": items}))
    assert response.to_dict()["output"] == items
    assert msgspec.json.decode(response.to_json())["output"] == items


SELECTED = {"role": "assistant", "content": "Hi"}


@pytest.mark.parametrize(
    ("selection", "dump"),
    [
        ({"include": {"id"}}, {"id": "1"}),
        ({"include": {"choices": {0: {"message"}}}}, {"choices": [{"message": SELECTED}]}),
        (
            {"include": {"choices": {"__all__": {"message": {"content"}}}}},
            {"choices": [{"message": {"content": "Hi"}}]},
        ),
        ({"include": {"choices": {-1: {"index"}}, "id": True}}, {"id": "1", "choices": [{"index": 0}]}),
        (
            {"include": {"choices": {"__all__": {"index"}, 0: {"finish_reason"}}}},
            {"choices": [{"index": 0, "finish_reason": "stop"}]},
        ),
        ({"include": {"id": True, "model": ...}}, {"id": "1", "model": "m"}),
        ({"exclude": {"choices", "created", "object"}}, {"id": "1", "model": "m"}),
        ({"exclude": {"choices": {0}, "created": ..., "object": True}}, {"id": "1", "model": "m", "choices": []}),
        (
            {"exclude": {"choices": {"__all__": {"message": {"parsed"}}}}},
            CHUNK,
        ),
        (
            {"exclude": {"choices": {"__all__": {"message", "index"}}}},
            {**CHUNK, "choices": [{"finish_reason": "stop"}]},
        ),
        (
            {"include": {"choices"}, "exclude": {"choices": {0: {"message": {"role"}, "index": True}}}},
            {"choices": [{"finish_reason": "stop", "message": {"content": "Hi"}}]},
        ),
        ({"include": {"own": {"a"}}}, {"own": {"a": 1}}),
        (
            {"include": {"own"}, "exclude": {"own": {"a": True, "c": {"__all__": {"d"}}}}},
            {"own": {"b": 2, "c": [{"e": 3}]}},
        ),
    ],
)
def test_selections_nest_as_with_pydantic(selection: dict[str, Any], dump: Any) -> None:
    own = {"own": {"a": 1, "b": 2, "c": [{"d": 1, "e": 3}]}} if "own" in str(selection) else {}
    answer = chat(**own)
    assert answer.model_dump(exclude_unset=True, **selection) == dump
    assert msgspec.json.decode(answer.model_dump_json(exclude_unset=True, **selection)) == dump
    pydantic = pytest.importorskip("openai.types.chat", reason="the official SDK is not installed")
    theirs = pydantic.ChatCompletion.model_validate({**CHUNK, **own})
    assert theirs.model_dump(exclude_unset=True, **selection) == dump


@pytest.mark.parametrize("selection", ["id", b"id", 5])
def test_selection_of_another_type_raises(selection: Any) -> None:
    for name in ("include", "exclude"):
        with pytest.raises(TypeError, match="include and exclude must be a set or a mapping of names"):
            chat().model_dump(**{name: selection})


def test_names_of_pydantic_1_and_iteration() -> None:
    answer = chat(own=1)
    assert answer.dict() == answer.model_dump()
    assert answer.json() == answer.model_dump_json()
    assert answer.copy(update={"id": "2"}).id == "2"
    assert {**dict(answer)} == {name: getattr(answer, name) for name in answer.model_dump()}
    assert dict(answer)["choices"] is answer.choices
    assert next(iter(types.responses.ResponseOutputText(text="x", annotations=[]))) == ("type", "output_text")


def test_fields_of_a_type_are_described() -> None:
    fields = types.chat.ChatCompletion.model_fields
    assert (fields["id"].annotation, fields["id"].is_required()) == (str, True)
    assert (fields["usage"].default, fields["usage"].is_required()) == (None, False)
    assert types.Moderation.model_fields["categories"].annotation.model_fields["self_harm"].alias == "self-harm"
    assert types.responses.ResponseOutputText.model_fields["type"].is_required()
    assert chat().model_fields.keys() == fields.keys()


def test_every_type_has_a_json_schema() -> None:
    for struct in all_structs():
        schema = struct.model_json_schema()
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is True
        msgspec.json.encode(schema)
    schema = types.chat.ChatCompletion.model_json_schema()
    assert {"id", "choices"} <= {*schema["required"]} <= {*schema["properties"]}
    assert schema["title"] == "ChatCompletion"


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"id": 5}, r"Expected `str`, got `int` - at `\$\.id`"),
        ({"choices": [{"index": 0}]}, r"missing required field `finish_reason`"),
        ({"choices": None}, r"Expected `array`, got `null` - at `\$\.choices`"),
        ({"choices": [{**CHUNK["choices"][0], "finish_reason": "eos"}]}, r"Invalid enum value 'eos'"),
        ({"usage": 3}, r"at `\$\.usage`"),
    ],
)
def test_validation_refuses_misfits(changed: dict[str, Any], place: str) -> None:
    kind = types.chat.ChatCompletion
    for make in (
        lambda: kind.model_validate({**CHUNK, **changed}),
        lambda: kind.model_validate_json(json.dumps({**CHUNK, **changed})),
    ):
        with pytest.raises(ValueError, match=place):
            make()
    assert kind.model_construct(**{**CHUNK, **changed}).to_dict() == {**CHUNK, **changed}
    assert kind.model_validate({**CHUNK, "new": {"a": 1}}).new == {"a": 1}


def test_objects_have_weak_references() -> None:
    answer = chat()
    assert weakref.ref(answer)() is answer


class Mine(types.chat.ChatCompletion):
    own: int = 7
    names: list[str] = msgspec.field(default_factory=list)
    label: str = "none"


def test_subclass_keeps_its_defaults() -> None:
    for data in (CHUNK, {**CHUNK, "new": 1}, {"id": "1"}):
        mine = oai.decode(Mine, msgspec.json.encode(data))
        assert (mine.own, mine.names, mine.label) == (7, [], "none")
    assert Mine.model_validate(CHUNK).model_dump(exclude_defaults=True) == CHUNK
    assert Mine.model_fields["own"].default == 7


@pytest.mark.parametrize(
    "part",
    [
        {"type": "output_text"},
        {"type": "output_text", "text": None},
        {"type": "output_text", "text": 5},
        {"type": "output_text", "text": ["a"]},
        {"type": "refusal", "refusal": "no"},
        {"type": "new", "text": "a"},
        {},
        None,
        5,
        "text",
        [],
    ],
)
def test_part_without_text_adds_nothing_to_output_text(part: Any) -> None:
    text = {"type": "output_text", "text": "Hi", "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    outputs = [
        [{**message, "content": [part, text, part]}],
        [part, {**message, "content": [text]}, {**message, "content": part}],
    ]
    for output in outputs:
        response = oai.decode(types.responses.Response, msgspec.json.encode({"id": "r", "output": output}))
        assert response.output_text == "Hi"
    for kind in (types.responses.Response, types.beta.BetaResponse):
        assert oai.decode(kind, msgspec.json.encode({"id": "r", "output": part})).output_text == ""


def deep(depth: int) -> bytes:
    return b'{"id": "1", "own": ' + b'{"a": [' * (depth // 2) + b"1" + b"]}" * (depth // 2) + b"}"


@pytest.mark.parametrize("method", ["to_dict", "to_json", "model_dump", "model_dump_json", "__repr__"])
def test_deep_nesting_is_dumped_or_named(method: str) -> None:
    """How deep is too deep depends on the interpreter and on the stack of the caller."""
    outcomes = set()
    for depth in (100, 300, 500, 700, 800, 850, 900, 950, 1000, 5000):
        with contextlib.suppress(msgspec.DecodeError):
            answer = oai.decode(types.chat.ChatCompletion, deep(depth))
            with contextlib.suppress(ValueError):
                getattr(answer, method)()
                outcomes.add(depth)
    assert {100, 300} <= outcomes
    with pytest.raises(msgspec.DecodeError, match="nested too deeply"):
        oai.decode(types.chat.ChatCompletion, deep(100_000))
    answer = chat()
    answer.own = []
    for _ in range(100_000):
        answer.own = [answer.own]
    with contextlib.suppress(ValueError):  # not RecursionError; Python 3.13 dumps even this
        getattr(answer, method)()
    if sys.version_info < (3, 13) and method != "__repr__":
        with pytest.raises(ValueError, match="is nested too deeply to be"):
            getattr(answer, method)()


def test_caches_do_not_grow_without_bound() -> None:
    from oai._json import lenient, strict

    for number in range(strict.MOST_TYPES + 50):
        kind = msgspec.defstruct(f"T{number}", [("a", int)])
        assert oai.decode(kind, b'{"a": 1}').a == 1
        assert oai.decode(list[kind], b'[{"a": "x"}]')[0].a == "x"
    assert len(strict._decoders) <= strict.MOST_TYPES
    assert len(strict.DECODE) <= strict.MOST_TYPES
    assert lenient.builder.cache_info().currsize <= strict.MOST_TYPES


def test_class_of_a_program_is_not_kept_alive_by_a_dump() -> None:
    class Temporary(Object):
        a: int

    Temporary(a=1).to_dict()
    reference = weakref.ref(Temporary)
    del Temporary
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("depth", [20, 150, 300, 400])
def test_deep_data_that_does_not_fit_is_typed_as_far_as_possible(depth: int) -> None:
    data: Any = {"type": "eq", "key": "k", "value": 1, "new": 1}
    for _ in range(depth):
        data = {"type": "and", "filters": [data], "new": 1}
    result: Any = oai.decode(types.CompoundFilter, msgspec.json.encode(data))
    for _ in range(depth):
        filters = result["filters"] if isinstance(result, dict) else result.filters
        result = filters[0]
    assert (result["key"] if isinstance(result, dict) else result.key) == "k"


def test_constructor_keeps_undeclared_fields() -> None:
    made = types.chat.ChatCompletionMessage(role="assistant", content="x", reasoning="r", model_dump=3)
    for twin in (made, copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert (twin.reasoning, twin.model_extra) == ("r", {"reasoning": "r", "model_dump": 3})
        assert twin.to_dict() == {"role": "assistant", "content": "x", "reasoning": "r", "model_dump": 3}
    assert made == oai.decode(types.chat.ChatCompletionMessage, made.to_json().encode())
    schema = types.responses.ResponseFormatTextJSONSchemaConfig(name="n", type="json_schema", schema={"a": 1}, new=None)
    assert (schema.schema_, schema.new) == ({"a": 1}, None)
    with pytest.raises(TypeError, match="Missing required argument 'role'"):
        types.chat.ChatCompletionMessage(content="x", reasoning="r")
