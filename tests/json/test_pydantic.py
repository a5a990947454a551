"""Objects of the API as types of pydantic: fields of models, arguments of `TypeAdapter`, JSON schema."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

import pytest

import oai
import oai.types
from oai.types.chat import ChatCompletion, ChatCompletionMessageParam
from oai.types.responses import Response

pydantic = pytest.importorskip("pydantic")

COMPLETION: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "vendor": {"region": "eu"},
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "Hi", "refusal": None, "reasoning_content": "hm"},
        }
    ],
}


class Answer(pydantic.BaseModel):
    completion: ChatCompletion
    raw: Any = None


def completion() -> ChatCompletion:
    result: ChatCompletion = oai.decode(ChatCompletion, json.dumps(COMPLETION).encode())
    return result


def test_an_object_is_kept_as_the_field_of_a_model() -> None:
    result = completion()
    assert Answer(completion=result).completion is result


def test_a_field_is_made_of_data_without_loss() -> None:
    assert Answer.model_validate({"completion": COMPLETION}).completion == completion()
    assert Answer.model_validate_json(json.dumps({"completion": COMPLETION})).completion == completion()


@pytest.mark.parametrize("raw", [None, "the same"])
def test_a_model_is_dumped_and_read_again_without_loss(raw: object) -> None:
    answer = Answer(completion=completion(), raw=raw and completion())
    again = Answer.model_validate_json(answer.model_dump_json())
    assert again.completion == completion()
    assert Answer.model_validate(answer.model_dump()).completion == completion()
    assert (again.raw is None) == (raw is None)


def test_objects_in_fields_of_any_type_are_dumped() -> None:
    assert Answer(completion=completion(), raw=[completion()]).model_dump()["raw"][0]["vendor"] == {"region": "eu"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "ChatCompletion must be a mapping, not int"),
        ({"id": "c1"}, "missing required field"),
        ({**COMPLETION, "created": "yesterday"}, r"Expected `int`, got `str` - at `\$.created`"),
        ({**COMPLETION, "choices": [{"index": 0, "own": 1}]}, "missing required field `finish_reason`"),
    ],
)
def test_data_that_does_not_fit_is_a_validation_error(data: object, message: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=message):
        Answer.model_validate({"completion": data})


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"id": "c1"}, ()),
        ({**COMPLETION, "created": "yesterday"}, ("created",)),
        ({**COMPLETION, "choices": [{"index": 0, "own": 1}]}, ("choices", 0)),
        ([COMPLETION], ()),
    ],
)
def test_model_validate_raises_the_validation_error_that_programs_catch(data: Any, place: tuple[Any, ...]) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        ChatCompletion.model_validate(data)
    assert [each["loc"] for each in caught.value.errors()] == [place]
    assert caught.value.errors()[0]["input"] == data
    with pytest.raises(pydantic.ValidationError):
        ChatCompletion.model_validate_json(json.dumps(data))


def test_without_pydantic_model_validate_raises_a_value_error() -> None:
    program = """
import sys, oai
try:
    oai.types.chat.ChatCompletion.model_validate({})
except ValueError as error:
    print(type(error).__name__, "pydantic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ValueError", "False"]


def test_the_configuration_tells_that_undeclared_fields_are_kept() -> None:
    assert ChatCompletion.model_config.get("extra") == "allow"


def test_union_variant_is_chosen_by_its_data() -> None:
    adapter = pydantic.TypeAdapter(Response | ChatCompletion)
    assert type(adapter.validate_python(COMPLETION)) is ChatCompletion


def test_options_of_model_dump_reach_the_objects() -> None:
    answer = Answer(completion=completion())
    assert answer.model_dump(include={"completion": {"id": True}}) == {"completion": {"id": "c1"}}
    assert set(answer.model_dump(exclude_none=True)["completion"]) == {*COMPLETION}
    assert answer.model_dump()["completion"]["usage"] is None


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_json_schema_describes_the_object(mode: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = pydantic.TypeAdapter(Answer).json_schema(mode=mode)
    assert schema["properties"]["completion"]["title"] == "ChatCompletion"
    jsonschema.validate({"completion": COMPLETION}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"completion": {"id": "c1"}}, schema)


def test_pages_are_types_too() -> None:
    adapter = pydantic.TypeAdapter(oai.CursorPage[oai.types.Model])
    data = {"object": "list", "data": [{"id": "m", "created": 1, "object": "model", "owned_by": "o"}]}
    page = adapter.validate_python(data)
    assert type(page.data[0]) is oai.types.Model
    assert adapter.dump_python(page, exclude_none=True) == data
    assert "Model" in json.dumps(adapter.json_schema())


def test_recursive_types_have_a_schema() -> None:
    schema = pydantic.TypeAdapter(Response).json_schema()
    assert len(schema["$defs"]) > 100


def test_parameters_are_types_too() -> None:
    adapter = pydantic.TypeAdapter(list[ChatCompletionMessageParam])
    messages = [{"role": "user", "content": "Hi"}]
    assert adapter.validate_python(messages) == messages
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python([{"role": "user"}])


@pytest.mark.parametrize("area", ["audio", "chat", "files", "shared_params"])
def test_all_parameters_but_uploads_are_types_for_pydantic(area: str) -> None:
    kinds = [
        kind
        for kind in vars(importlib.import_module(f"oai.types.{area}.params")).values()
        if isinstance(kind, type) and hasattr(kind, "__required_keys__")
    ]
    refused = []
    for kind in kinds:
        try:
            pydantic.TypeAdapter(kind)
        except pydantic.errors.PydanticSchemaGenerationError as error:
            if "typing.IO[bytes]" not in str(error):
                refused.append(kind)
    assert kinds
    assert refused == []


def test_a_client_does_not_import_pydantic() -> None:
    program = (
        "import sys, oai; client = oai.OpenAI(transport=oai.OfflineTransport())\n"
        "client.chat.completions.create(model='m', messages=[]).model_dump()\n"
        "print('pydantic' in sys.modules, 'pydantic_core' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
