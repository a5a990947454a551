"""Structured outputs: types to strict schemas, text to values, and errors that carry the result."""

from __future__ import annotations

import ast
import datetime as dt
import gc
import inspect
import json
import pickle
import re
import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict, get_args

import jsonschema
import msgspec
import pydantic
import pytest
from both import Way
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError
from structured import Plan, Step, check_strict, completion, output_message, response
from typing_extensions import TypeAliasType

import oai
from oai._json.encode import encode
from oai._official.schemas import parse_chat_completion
from oai.helpers.structured.schemas import MOST_FORMATS, format_of
from oai.helpers.structured.strict_mode import strict
from oai.testing import Answer, Loopback
from oai.types.chat import ChatCompletion, ParsedChatCompletion
from oai.types.responses import ParsedResponse


@dataclass
class PlanData:
    steps: list[Step]
    mood: Literal["good", "bad"]


class PlanDict(TypedDict):
    steps: list[Step]
    mood: Literal["good", "bad"]
    a_note: NotRequired[str]


class PlanModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    mood: Literal["good", "bad"]
    size: int = pydantic.Field(default=3, description="How long.", ge=1)
    next: PlanModel | None = None


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Zoo(msgspec.Struct):
    animals: list[Cat | Dog]
    colour: Colour
    plan: PlanModel
    either: Literal[1, "one"]


VALUES: dict[Any, Any] = {
    Plan: {"steps": [{"why": "so", "result": 2.5}], "mood": "good", "next": {"steps": [], "mood": "bad", "next": None}},
    PlanData: {"steps": [{"why": "so", "result": 1}], "mood": "bad"},
    PlanDict: {"steps": [], "mood": "bad", "a_note": "n"},
    PlanModel: {"mood": "good", "size": 1, "next": {"mood": "bad", "size": 2, "next": None}},
    Zoo: {
        "animals": [{"type": "cat", "lives": 9}, {"type": "dog", "name": "Rex"}],
        "colour": "red",
        "plan": {"mood": "good", "size": 1, "next": None},
        "either": "one",
    },
}


@pytest.mark.parametrize("kind", VALUES)
def test_strict_schema_of_a_type_accepts_its_values(kind: Any) -> None:
    schema = format_of(kind).schema()
    check_strict(schema)
    jsonschema.validate(VALUES[kind], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**VALUES[kind], "new": 1}, schema)
    assert format_of(kind).decode(json.dumps(VALUES[kind])) == msgspec_or_pydantic(kind)


def msgspec_or_pydantic(kind: Any) -> Any:
    if issubclass(kind, pydantic.BaseModel):
        return kind.model_validate(VALUES[kind])
    if kind is Zoo:
        return Zoo([Cat(9), Dog("Rex")], Colour.RED, PlanModel(mood="good", size=1), "one")
    return msgspec.convert(VALUES[kind], kind)


def test_schema_keeps_field_order_and_descriptions() -> None:
    assert list(format_of(PlanDict).schema()["properties"]) == ["steps", "mood", "a_note"]
    step = format_of(Plan).schema()["$defs"]["Step"]["properties"]["why"]
    assert step == {"type": "string", "description": "The reason.", "maxLength": 200}
    assert format_of(PlanModel).schema()["properties"]["size"] == {
        "description": "How long.",
        "default": 3,
        "minimum": 1,
        "title": "Size",
        "type": "integer",
    }


def test_schema_belongs_to_the_caller() -> None:
    schema = format_of(Plan).schema()
    schema["properties"].clear()
    assert format_of(Plan).schema()["properties"].keys() == {"steps", "mood", "next"}
    assert format_of(Plan).schema(strictly=False)["required"] == ["steps", "mood"]


def test_strict_does_not_modify_its_argument() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}
    before = json.dumps(schema)
    assert strict(schema)["required"] == ["a"]
    assert json.dumps(schema) == before


def test_reference_with_siblings_is_inlined() -> None:
    target = {"type": "object", "properties": {"b": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/B", "description": "d"}}, "$defs": {"B": target}}
    result = strict(schema)
    check_strict(result)
    assert result["properties"]["a"]["description"] == "d"
    assert result["properties"]["a"]["properties"] == {"b": {"type": "integer"}}
    assert "$defs" not in result


def test_nested_models_of_the_same_name_keep_their_schemas() -> None:
    def model(name: str, inner: Any) -> Any:
        item = pydantic.create_model("Item", **{name: (inner, ...)})
        return pydantic.create_model("Outer", item=(item, ...), items=(list[item], ...))  # type: ignore[valid-type]

    own = msgspec.defstruct("Item", [("mine", bool)])
    fields = [("a", model("number", int)), ("b", model("word", str)), ("c", own), ("d", own)]
    kind = msgspec.defstruct("All", [*fields, ("again", fields[0][1])])
    number, word = {"item": {"number": 1}, "items": [{"number": 2}]}, {"item": {"word": "x"}, "items": []}
    value = {"a": number, "b": word, "c": {"mine": True}, "d": {"mine": False}, "again": number}
    schema = format_of(kind).schema()
    check_strict(schema)
    jsonschema.validate(value, schema)
    for wrong in ({"a": word}, {"b": number}, {"c": {"number": 1}}, {"again": word}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**value, **wrong}, schema)
    assert format_of(kind).decode(json.dumps(value)).b.item.word == "x"


def test_recursive_reference_may_have_a_description() -> None:
    ref = {"$ref": "#/$defs/Node"}
    node = {"type": "object", "properties": {"kids": {"type": "array", "items": {**ref, "description": "a kid"}}}}
    result = strict({**ref, "$defs": {"Node": node}})
    check_strict(result)
    kid = result["properties"]["kids"]["items"]
    assert kid["description"] == "a kid"
    assert kid["properties"]["kids"]["items"] == ref


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (dict[str, int], "a dict with arbitrary keys"),
        (tuple[int, str], "a tuple"),
        (list[dict[str, int]], r"field\[\].*a dict with arbitrary keys"),
        (Any, "a value of any type"),
        (list, "a value of any type"),
        (dict, "a dict with arbitrary keys"),
        (complex, "has no JSON schema"),
    ],
)
def test_unsupported_type_error_names_the_field(kind: Any, message: str) -> None:
    inner = msgspec.defstruct("Inner", [("field", kind)])
    outer = msgspec.defstruct("Outer", [("fine", int), ("inner", inner)])
    with pytest.raises(TypeError, match=f"(Inner.field|Outer.inner).*{message}|{message}"):
        format_of(outer).schema()
    with pytest.raises(TypeError, match=f"Inner.field.*{message}|{message}") as failed:
        format_of(inner).schema()
    if kind is not complex:
        assert "strict=False" in str(failed.value)
        assert format_of(inner).schema(strictly=False)["properties"].keys() == {"field"}


def test_root_must_be_an_object() -> None:
    with pytest.raises(
        TypeError, match="list: strict mode does not support a root that is not an object; make it a field"
    ):
        format_of(list[int]).schema()


@dataclass
class Times:
    at: dt.datetime
    clock: dt.time | None
    days: list[dt.date]
    all: dict[str, dt.datetime] | None = None


class TimesStruct(msgspec.Struct, rename="camel"):
    starts_at: dt.datetime
    ends_at: Annotated[dt.datetime | None, msgspec.Meta(description="The end.")] = None


class TimesDict(TypedDict):
    at: NotRequired[list[dt.time]]


def test_times_have_their_formats() -> None:
    times = format_of(Times).schema(strictly=False)["properties"]
    assert times["at"] == {"type": "string", "format": "date-time"}
    assert times["clock"]["anyOf"][0] == {"type": "string", "format": "time"}
    assert times["days"]["items"] == {"type": "string", "format": "date"}
    struct = format_of(TimesStruct).schema()["properties"]
    assert struct["startsAt"]["format"] == "date-time"
    assert [variant.get("format") for variant in struct["endsAt"]["anyOf"]] == ["date-time", None]
    assert format_of(TimesDict).schema()["properties"]["at"]["items"]["format"] == "time"

    def remind(at: dt.datetime, until: dt.time | None = None) -> None: ...

    remind.__annotations__ = {"at": dt.datetime, "until": dt.time | None}
    parameters = oai.function_tool(remind)["function"]["parameters"]["properties"]
    assert parameters["at"]["format"] == "date-time"
    assert parameters["until"]["anyOf"][0]["format"] == "time"
    start = format_of(TimesStruct).decode('{"startsAt": "2026-01-02T03:04:05"}').starts_at
    assert (start.isoformat(), start.tzinfo) == ("2026-01-02T03:04:05", None)


class Limited(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=1, max_length=9, examples=["Ann"], json_schema_extra={"own": 1})
    tags: set[str] = pydantic.Field(default={"a"}, title="The tags", min_length=1)
    link: pydantic.AnyUrl
    step: StepModel | None = pydantic.Field(default=None, title="A step")
    either: Literal["a", 1] = 1


class StepModel(pydantic.BaseModel):
    why: str = pydantic.Field(pattern="^a")


def test_limits_defaults_titles_examples_and_custom_keys_are_sent() -> None:
    properties = format_of(Limited).schema()["properties"]
    assert properties["name"] == {
        "type": "string",
        "title": "Name",
        "minLength": 1,
        "maxLength": 9,
        "examples": ["Ann"],
        "own": 1,
    }
    assert {"uniqueItems": True, "default": ["a"], "title": "The tags", "minItems": 1}.items() <= properties[
        "tags"
    ].items()
    assert properties["link"]["format"] == "uri"
    assert "default" not in properties["step"]
    assert properties["either"] == {"default": 1, "enum": ["a", 1], "title": "Either"}
    limited = msgspec.defstruct("Limited", [("count", Annotated[int, msgspec.Meta(lt=5)], 2)])
    assert format_of(limited).schema()["properties"]["count"] == {
        "type": "integer",
        "exclusiveMaximum": 5,
        "default": 2,
    }


LOOSE: dict[Any, str] = {
    pydantic.create_model(
        "Loose", tags=(dict[str, int], ...), pair=(tuple[int, Any], ...)
    ): '{"tags":{"a":1},"pair":[1,2]}',
    pydantic.RootModel[list[int]]: "[1]",
    dict[str, int]: '{"a":1}',
}


@pytest.mark.parametrize("kind", LOOSE)
def test_strict_false_sends_what_strict_mode_rejects(kind: Any, way: Way, server: Loopback) -> None:
    for params in ({"path": "chat.completions.parse", "messages": []}, {"path": "responses.parse", "input": "x"}):
        name = "response_format" if "messages" in params else "text_format"
        with pytest.raises(TypeError, match=r"strict mode does not support .* strict=False"):
            way.call(**params, model="m", **{name: kind})
        server.reply(
            Answer.of_json(completion(LOOSE[kind]) if "messages" in params else response(output_message(LOOSE[kind])))
        )
        result = way.call(**params, model="m", strict=False, **{name: kind})
        parsed = result.choices[0].message.parsed if "messages" in params else result.output_parsed
        assert json.loads(encode(parsed)) == json.loads(LOOSE[kind])
    formats = [server.requests[0].json()["response_format"]["json_schema"], server.requests[1].json()["text"]["format"]]
    for form in formats:
        assert (form["strict"], form["schema"]) == (False, format_of(kind).schema(strictly=False))


CLASSES = (
    pydantic.create_model("Cat", kind=(Literal["cat"], ...)),
    pydantic.create_model("Dog", kind=(Literal["dog"], ...)),
)


@pytest.mark.parametrize("alias", [True, False])
@pytest.mark.parametrize("discriminator", [True, False])
def test_unions_of_models_in_dataclasses_and_functions(discriminator: bool, alias: bool) -> None:
    cat, dog = CLASSES
    pet: Any = cat | dog
    if discriminator:
        pet = Annotated[pet, pydantic.Field(discriminator="kind")]
    if alias:
        pet = TypeAliasType("Pet", pet)  # as `type Pet = ...` makes it
    owner = make_dataclass("Owner", [("pet", pet), ("pets", list[pet])])

    def feed(pet: Any, amount: int = 1) -> None: ...

    feed.__annotations__ = {"pet": Annotated[pet, "The pet."], "amount": int}
    tool = oai.function_tool(feed)
    for schema in (format_of(owner).schema(), tool["function"]["parameters"]):
        check_strict(schema)
        node = schema["properties"]["pet"]
        ref = node.get("$ref", "").removeprefix("#/$defs/")
        assert len((schema["$defs"][ref] if ref else node)["anyOf"]) == 2
    assert tool["function"]["parameters"]["properties"]["pet"]["description"] == "The pet."
    value = format_of(owner).decode('{"pet": {"kind": "dog"}, "pets": [{"kind": "cat"}]}')
    assert (value.pet, value.pets) == (dog(kind="dog"), [cat(kind="cat")])
    assert tool.parse({"pet": {"kind": "cat"}}) == {"pet": cat(kind="cat")}
    with pytest.raises(ValueError, match="kind|literal"):
        tool.parse('{"pet": {"kind": "cow"}}')


SCALARS: Any = st.sampled_from([int, float, str, bool, Colour, Literal["a", "b"], Step, int | None, Step | None])
TYPES: Any = st.recursive(SCALARS, lambda inner: inner.map(lambda kind: list[kind]), max_leaves=4)


@given(st.lists(TYPES, min_size=1, max_size=5), st.sampled_from(["struct", "dataclass", "dict"]))
def test_composed_types_have_strict_schemas(kinds: list[Any], form: str) -> None:
    fields = [(f"field_{n}", kind) for n, kind in enumerate(kinds)]
    if form == "struct":
        kind: Any = msgspec.defstruct("Made", fields)
    elif form == "dataclass":
        kind = dataclass(type("Made", (), {"__annotations__": dict(fields)}))
    else:
        kind = TypedDict("Made", dict(fields))  # noqa: UP013 - the fields are drawn
    schema = format_of(kind).schema()
    check_strict(schema)
    assert list(schema["properties"]) == [name for name, _ in fields]


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("path", ["chat.completions.parse", "beta.chat.completions.parse"])
def test_completion_is_parsed(path: str, kind: Any, way: Way, server: Loopback) -> None:
    text = json.dumps(VALUES[kind])
    sent = completion(text, new_field={"a": 1})
    server.reply(Answer.of_json(sent, headers=[("x-request-id", "r")]))
    result = way.call(path, model="m", messages=[], response_format=kind)
    body = server.requests[0].json()
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": kind.__name__, "schema": format_of(kind).schema(), "strict": True},
    }
    assert isinstance(result, ParsedChatCompletion)
    assert isinstance(result, ChatCompletion)
    message = result.choices[0].message
    assert message.parsed == msgspec_or_pydantic(kind)
    assert message.content == text
    assert message.new_field == {"a": 1}
    assert (result.usage.total_tokens, result._request_id) == (3, "r")
    assert result.to_dict() == sent
    again = pickle.loads(pickle.dumps(result))
    assert again.choices[0].message.parsed == message.parsed
    assert again.to_dict() == sent
    assert json.loads(encode({"messages": [message]}))["messages"] == [sent["choices"][0]["message"]]


@pytest.mark.parametrize("kind", VALUES)
def test_response_is_parsed(kind: Any, way: Way, server: Loopback) -> None:
    text = json.dumps(VALUES[kind])
    remark = output_message("Let me see", phase="commentary")
    sent = response({"type": "new_item", "x": 1}, remark, output_message(text, phase="final_answer"))
    server.reply(Answer.of_json(sent))
    result = way.call("responses.parse", model="m", input="x", text_format=kind, text={"verbosity": "low"})
    form = server.requests[0].json()["text"]
    schema = format_of(kind).schema()
    assert form == {
        "verbosity": "low",
        "format": {"type": "json_schema", "name": kind.__name__, "schema": schema, "strict": True},
    }
    assert isinstance(result, ParsedResponse)
    assert result.output_parsed == msgspec_or_pydantic(kind)
    assert result.output[1].content[0].parsed is None
    assert result.output_text == f"Let me see{text}"
    assert result.to_dict() == sent
    again = pickle.loads(pickle.dumps(result))
    assert (again.output_parsed, again.to_dict()) == (result.output_parsed, sent)


def test_null_in_place_of_a_list_is_an_empty_list(way: Way, server: Loopback) -> None:
    nothing = {**response(), "output": None}
    empty = response({**output_message("x"), "content": None})
    server.reply(Answer.of_json(nothing), Answer.of_json(empty))
    first = way.call("responses.parse", model="m", input="x", text_format=Plan)
    assert (first.output, first.output_text, first.output_parsed) == ([], "", None)
    second = way.call("responses.parse", model="m", input="x", text_format=Plan)
    assert (second.output[0].content, second.output_text, second.output_parsed) == ([], "", None)


def test_repr_shows_parsed_values(server: Loopback) -> None:
    server.default = Answer(json=response(output_message('{"why": "Tea", "result": 1}')))
    with oai.OpenAI(api_key="key", base_url=server.url) as client:
        result = client.responses.parse(model="m", input="x", text_format=Step)
    part = result.output[0].content[0]
    assert repr(part).endswith(f", parsed={part.parsed!r})")
    assert ("parsed", part.parsed) in part.__rich_repr__()


@pytest.mark.parametrize("text", ["not JSON", '{"steps": []', '{"steps": 1, "mood": 1}', '{"steps":[],"mood":""}'])
@pytest.mark.parametrize("kind", [Plan, PlanModel])
def test_parse_error_carries_the_result(text: str, kind: Any, way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json(completion(text)), Answer.of_json(response(output_message(text))))
    with pytest.raises(oai.ParseError, match=kind.__name__) as failed:
        way.call("chat.completions.parse", model="m", messages=[], response_format=kind)
    again = pickle.loads(pickle.dumps(failed.value))
    for error in (failed.value, again):
        assert (error.text, error.tool, error.completion.usage.total_tokens) == (text, None, 3)
        assert error.completion.choices[0].message.content == text
    assert isinstance(failed.value.__cause__, ValueError)
    with pytest.raises(oai.ParseError) as failed:
        way.call("responses.parse", model="m", input="x", text_format=kind)
    assert (failed.value.text, failed.value.completion.output_text) == (text, text)


def test_parse_errors_of_pydantic_models_are_validation_errors(way: Way, server: Loopback) -> None:
    server.reply(
        Answer.of_json(completion('{"mood": "good", "size": 0}')), Answer.of_json(response(output_message("x")))
    )
    for path, params in (
        ("chat.completions", {"messages": [], "response_format": PlanModel}),
        ("responses", {"input": "x", "text_format": PlanModel}),
    ):
        with pytest.raises(pydantic.ValidationError) as failed:
            way.call(f"{path}.parse", model="m", **params)
        error: Any = failed.value
        assert isinstance(error, oai.ParseError)
        assert str(error).startswith("The text does not fit PlanModel: 1 validation error")
        assert (error.error_count(), error.title) == (1, "PlanModel")
        again = pickle.loads(pickle.dumps(error))
        assert isinstance(again, pydantic.ValidationError)
        assert (str(again), again.errors(), again.text) == (str(error), error.errors(), error.text)
        assert again.completion.to_dict() == error.completion.to_dict()


def test_errors_of_validators_of_the_caller_are_validation_errors_too(way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(completion('{"value": 1}'))
    for error in (ValueError("odd"), PydanticCustomError("own", "odd {n}", {"n": 1}), AssertionError("odd")):

        def refuse(value: int, error: Exception = error) -> int:
            raise error

        kind = pydantic.create_model("Odd", value=(Annotated[int, pydantic.AfterValidator(refuse)], ...))
        with pytest.raises(pydantic.ValidationError, match="odd") as failed:
            way.call("chat.completions.parse", model="m", messages=[], response_format=kind)
        assert isinstance(failed.value, oai.ParseError)
        assert failed.value.errors()[0]["loc"] == ("value",)


def test_parse_errors_of_other_types_are_no_validation_errors(way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json(completion("{}")))
    with pytest.raises(oai.ParseError) as failed:
        way.call("chat.completions.parse", model="m", messages=[], response_format=Plan)
    assert not isinstance(failed.value, pydantic.ValidationError)


@pytest.mark.parametrize("stream", [False, None])
def test_parse_accepts_that_it_does_not_stream(stream: Any, way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json(completion("x")), Answer.of_json(response(output_message("x"))))
    way.call("chat.completions.parse", model="m", messages=[], stream=stream)
    way.call("responses.parse", model="m", input="x", stream=stream)
    assert server.requests[0].json()["stream"] is False
    assert not server.requests[1].json().get("stream")
    for path, params in (("chat.completions", {"messages": []}), ("responses", {"input": "x"})):
        with pytest.raises(TypeError, match=r"parse\(\) does not stream; use stream\(\)"):
            way.call(f"{path}.parse", model="m", stream=True, **params)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            [{"type": "thinking", "thinking": []}, {"type": "text", "text": '{"lives": '}, "9", {"text": "}"}],
            '{"lives": 9}',
        ),
        ({"type": "cat", "lives": 9}, None),
        ({"lives": 9}, '{"lives":9}'),
    ],
)
def test_content_that_is_no_text_is_parsed(content: Any, text: Any, way: Way, server: Loopback) -> None:
    sent = completion("x")
    sent["choices"][0]["message"]["content"] = content
    server.reply(Answer.of_json(sent))
    result = way.call("chat.completions.parse", model="m", messages=[], response_format=Lives)
    assert result.choices[0].message.parsed == (None if text is None else Lives(9))
    assert result.to_dict() == sent


class Lives(msgspec.Struct):
    lives: int


NEW_CLASSES: dict[str, Callable[[], Any]] = {
    "struct": lambda: msgspec.defstruct("Value", [("value", int)]),
    "dataclass": lambda: make_dataclass("Value", [("value", int)]),
    "model": lambda: pydantic.create_model("Value", value=(int, ...)),
}


@pytest.mark.parametrize("form", NEW_CLASSES)
def test_parsing_with_a_new_class_each_time_does_not_grow(form: str, server: Loopback) -> None:
    server.default = Answer.of_json(completion('{"value": 1}'))
    classes = []
    with oai.OpenAI(api_key="k", base_url=server.url) as client:
        for _ in range(MOST_FORMATS + 20):
            kind = NEW_CLASSES[form]()
            classes.append(weakref.ref(kind))
            tools = [oai.function_tool(kind)]
            client.chat.completions.parse(model="m", messages=[], response_format=kind, tools=tools)
    del kind, tools
    gc.collect()
    assert sum(ref() is not None for ref in classes) <= MOST_FORMATS


def test_types_without_a_hash_have_a_format() -> None:
    kind = Annotated[Lives, ["unhashable"]]
    assert format_of(kind).decode('{"lives": 9}') == Lives(9)


@pytest.mark.parametrize(
    ("reason", "error"),
    [("length", oai.LengthFinishReasonError), ("content_filter", oai.ContentFilterFinishReasonError)],
)
def test_unfinished_output_raises_with_the_completion(reason: str, error: Any, way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(completion('{"st', reason))
    with pytest.raises(error) as failed:
        way.call("chat.completions.parse", model="m", messages=[], response_format=Plan)
    for error_ in (failed.value, pickle.loads(pickle.dumps(failed.value))):
        assert error_.completion.choices[0].message.content == '{"st'
        assert error_.completion.usage.total_tokens == 3
    with pytest.raises(error) as failed:
        way.call("chat.completions.parse", model="m", messages=[])
    assert failed.value.completion.choices[0].finish_reason == reason
    cut = oai.decode(ChatCompletion, json.dumps(completion('{"st', reason)).encode())
    with pytest.raises(error):
        parse_chat_completion(response_format=oai.omit, input_tools=oai.omit, chat_completion=cut)


def test_incomplete_response_is_returned_unparsed(way: Way, server: Loopback) -> None:
    cut = response(output_message('{"st'), status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    server.reply(Answer.of_json(cut))
    result = way.call("responses.parse", model="m", input="x", text_format=Plan)
    assert (result.output_parsed, result.status, result.output_text) == (None, "incomplete", '{"st')


def test_refusal_is_not_parsed(way: Way, server: Loopback) -> None:
    refused = {**output_message(""), "content": [{"type": "refusal", "refusal": "No."}]}
    server.reply(Answer.of_json(completion(None, refusal="No.")), Answer.of_json(response(refused)))
    result = way.call("chat.completions.parse", model="m", messages=[], response_format=Plan)
    assert (result.choices[0].message.parsed, result.choices[0].message.refusal) == (None, "No.")
    assert way.call("responses.parse", model="m", input="x", text_format=Plan).output_parsed is None


def test_format_passed_as_a_dict_is_sent_unchanged(way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json(completion("{}")))
    result = way.call("chat.completions.parse", model="m", messages=[], response_format={"type": "json_object"})
    assert server.requests[0].json()["response_format"] == {"type": "json_object"}
    assert result.choices[0].message.parsed is None


def test_odd_shapes_of_other_servers_give_a_result(way: Way, server: Loopback) -> None:
    odd = completion('{"steps": [], "mood": "good"}', "eos")
    for sent in (odd, {**odd, "choices": None}, {**odd, "choices": [{"index": 0}]}, {**odd, "choices": ["x"]}):
        server.reply(Answer.of_json(sent))
        result = way.call("chat.completions.parse", model="m", messages=[], response_format=Plan)
        assert result.to_dict() == sent
    server.reply(Answer.of_json({**response(), "output": None}), Answer.of_json(response("x", {"type": "message"})))
    for _ in range(2):
        assert way.call("responses.parse", model="m", input="x", text_format=Plan).output_parsed is None


def test_text_format_and_text_cannot_be_combined(way: Way) -> None:
    with pytest.raises(TypeError, match=r"text_format and text\.format"):
        way.call("responses.parse", model="m", input="x", text_format=Plan, text={"format": {"type": "text"}})


def test_parse_as_overrides_the_parsed_type(way: Way, server: Loopback) -> None:
    server.default = Answer.of_json(response(output_message('{"lives": 9, "type": "cat"}')))
    result = way.call("responses.parse", model="m", input="x", parse_as=Cat)
    assert result.output_parsed == Cat(9)
    assert "text" not in server.requests[0].json()
    assert way.call("responses.parse", model="m", input="x", text_format=Cat, parse_as=None).output_parsed is None


SMALL = """
import sys, oai, msgspec
client = oai.OpenAI(transport=oai.OfflineTransport())
print(sorted(name for name in sys.modules if name.startswith("oai.helpers")), "pydantic" in sys.modules)
class Answer(msgspec.Struct):
    value: int
answer = client.chat.completions.parse(model="m", messages=[], response_format=Answer)
print("pydantic" in sys.modules, "asyncio" in sys.modules, answer.choices[0].message.parsed)
"""


def test_helpers_and_pydantic_are_imported_on_demand() -> None:
    done = subprocess.run([sys.executable, "-c", SMALL], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "[] False"
    assert done.stdout.splitlines()[1] == "False False Answer(value=0)"


def test_declared_items_of_a_parsed_response_are_those_of_a_response() -> None:
    path = Path(inspect.getfile(oai.types.responses.ParsedResponse))
    declared = next(
        ast.unparse(node.annotation)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "output"
    )
    names = set(re.findall(r"\w+", declared)) - {
        "list",
        "T",
        "ParsedResponseOutputMessage",
        "ParsedResponseFunctionToolCall",
    }
    items = {item.__name__ for item in get_args(oai.types.responses.ResponseOutputItem)}
    assert names == items - {"ResponseOutputMessage", "ResponseFunctionToolCall"}


class Found(pydantic.BaseModel):
    why: str


class OtherStep(pydantic.BaseModel):
    why: str


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("namespace", "kind"),
    [("catalog", Found), (None, OtherStep), ("", OtherStep), ("find", OtherStep), ("unknown", None)],
)
def test_calls_are_parsed_by_the_tool_of_their_namespace(
    namespace: str | None, kind: Any, streamed: bool, way: Way, server: Loopback
) -> None:
    call = {"type": "function_call", "id": "f", "call_id": "c", "name": "find", "arguments": '{"why": "a"}'}
    body = response({**call, "namespace": namespace})
    outer = oai.function_tool(OtherStep, name="find")
    nested = {"type": "namespace", "name": "catalog", "tools": iter([oai.function_tool(Found, name="find")])}
    params: dict[str, Any] = {"model": "m", "input": "x", "tools": [outer, nested]}
    if streamed:
        server.reply(Answer.events([{"type": "response.completed", "response": body}], done=False))
        result = way.read("responses.stream", "get_final_response", **params).final
    else:
        server.reply(Answer.of_json(body))
        result = way.call("responses.parse", **params)
    assert result.output[0].parsed_arguments == (kind and kind(why="a"))
    assert server.requests[0].json()["tools"][1]["tools"][0]["name"] == "find"
