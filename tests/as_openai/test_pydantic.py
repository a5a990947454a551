"""Under `oai.as_openai`, the API's types are models of pydantic to programs: as bases, as constructors, by `isinstance`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from paths import ROOT

pytest.importorskip("pydantic")

BEFORE = """
import oai, openai, pydantic
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.responses import Response
client = openai.OpenAI(transport=oai.OfflineTransport())
completion = client.chat.completions.create(model="m", messages=[])
"""


def output(program: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-W", "error", "-m", "oai.as_openai", "-c", BEFORE + program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_results_are_instances_of_base_model() -> None:
    program = """
print(isinstance(completion, pydantic.BaseModel), isinstance(completion, openai.BaseModel), type(completion).__name__)
print(isinstance({}, pydantic.BaseModel), isinstance(completion, Response))
class Other(pydantic.BaseModel): pass
print(isinstance(completion, Other), isinstance(Other(), pydantic.BaseModel))
"""
    assert output(program) == ["True True ChatCompletion", "False False", "False True"]


def test_a_subclass_has_a_constructor_and_validators() -> None:
    program = """
class Usage(CompletionUsage):
    cost: float = 0
    def __init__(self, total_tokens=0, **fields):
        super().__init__(prompt_tokens=1, completion_tokens=2, total_tokens=total_tokens, **fields)
    @pydantic.field_validator("cost")
    @classmethod
    def positive(cls, value):
        assert value >= 0
        return value
usage = Usage(total_tokens=3, cost=1, own="field")
print(usage.to_dict())
print(isinstance(usage, CompletionUsage), issubclass(Usage, CompletionUsage), isinstance(usage, openai.BaseModel))
try:
    Usage(cost=-1)
except pydantic.ValidationError:
    print("refused")
"""
    expected = "{'completion_tokens': 2, 'prompt_tokens': 1, 'total_tokens': 3, 'cost': 1.0, 'own': 'field'}"
    assert output(program) == [expected, "True True True", "refused"]


def test_a_subclass_reads_what_results_dump() -> None:
    program = """
class Lenient(ChatCompletion):
    model_config = {"title": "ChatCompletion"}
    service_tier: str | None = None
again = Lenient.model_validate({**completion.model_dump(), "service_tier": "own"})
print(again.service_tier, again.choices[0].message == completion.choices[0].message, isinstance(completion, Lenient))
class Answer(Response): pass
print(Answer.model_validate(client.responses.create(model="m", input="Hi").model_dump()).output_text != "")
"""
    assert output(program) == ["own True False", "True"]


def test_a_subclass_may_have_models_as_bases_too() -> None:
    program = """
class Own(pydantic.BaseModel):
    own: int = 1
class Both(CompletionUsage, Own): pass
print(Both(prompt_tokens=1, completion_tokens=2, total_tokens=3).own)
class Base(openai.BaseModel):
    usage: CompletionUsage
print(Base(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, more=2).model_extra)
"""
    assert output(program) == ["1", "{'more': 2}"]


def test_objects_that_programs_make_are_models() -> None:
    program = """
message = ChatCompletionMessage(role="assistant", content="Hi", own="field")
object.__setattr__(message, "_private", 1)
print(message.own, message._private, isinstance(message, ChatCompletionMessage), message.model_dump(exclude_none=True))
print(client.chat.completions.create(model="m", messages=[message, {"role": "user", "content": "x"}]).object)
whole = ChatCompletion(id="c", created=1, model="m", object="chat.completion", choices=[
    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}])
print(type(whole.choices[0].message).__name__, whole.choices[0].message.content)
"""
    assert output(program) == [
        "field 1 True {'role': 'assistant', 'content': 'Hi', 'own': 'field'}",
        "chat.completion",
        "ChatCompletionMessage Hi",
    ]


def test_a_model_equals_a_result_of_the_same_data() -> None:
    program = """
from openai.types.shared import Reasoning
model, result = Reasoning(effort="low"), Reasoning.model_validate({"effort": "low"})
print(type(model) is type(result), model == result, result == model, model != result)
print(Reasoning(effort="high") == result, result == Reasoning(effort="high"), CompletionUsage.model_construct() == model)
"""
    assert output(program) == ["False True True False", "False False False"]


def test_programs_set_private_attributes_of_models_and_results() -> None:
    program = """
message = ChatCompletionMessage(role="assistant", content="Hi")
for each in (message, completion):
    each._request_id = "req-1"
    object.__setattr__(each, "_own", 2)
    print(each._request_id, each._own, "_own" in each.model_dump())
result = client.get("/own", cast_to=openai.types.Model)
object.__setattr__(result, "_own", 3)
print(result._own, ChatCompletionMessage(role="assistant")._request_id)
"""
    assert output(program) == ["req-1 2 False", "req-1 2 False", "3 None"]


def test_models_of_functions_find_the_names_there() -> None:
    program = """
def make():
    class Address(pydantic.BaseModel):
        street: str
    class Person(pydantic.BaseModel):
        address: "Address"
        others: "list[Address]"
    return Person(address={"street": "x"}, others=[])
print(make().address.street)
"""
    assert output(program) == ["x"]


def test_a_field_takes_a_model_whose_class_the_sdk_derives_from_the_fields() -> None:
    program = """
from openai.types.responses import ResponseFunctionToolCallItem, ResponseOutputItemAddedEvent
item = ResponseFunctionToolCallItem(
    id="fc", arguments="{}", call_id="c", name="n", type="function_call", status="completed", namespace="own"
)
event = ResponseOutputItemAddedEvent(item=item, output_index=0, sequence_number=1, type="response.output_item.added")
print(event.item is item, event.item.namespace, event.model_dump()["item"]["call_id"])
try:
    ResponseOutputItemAddedEvent(item=completion, output_index=0, sequence_number=1)
except pydantic.ValidationError:
    print("refused")
"""
    assert output(program) == ["True own c", "refused"]


def test_models_that_a_program_made_are_parsed() -> None:
    program = """
from openai.lib._parsing._completions import parse_chat_completion
class Answer(pydantic.BaseModel):
    text: str
made = ChatCompletion(
    id="c", created=1, model="m", object="chat.completion",
    choices=[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"text": "Hi"}'}}],
)
parsed = parse_chat_completion(response_format=Answer, input_tools=[], chat_completion=made)
print(parsed.choices[0].message.parsed)
"""
    assert output(program) == ["text='Hi'"]


def test_uninstall_restores_structs() -> None:
    program = """
from oai import as_openai
as_openai.uninstall()
message = ChatCompletionMessage(role="assistant", content="Hi")
class Own(ChatCompletionMessage): pass
print(isinstance(message, oai.Object), issubclass(Own, oai.Object))
message.content = "Hello"
print(message.content, "__setattr__" in vars(oai.Object))
"""
    assert output(program) == ["True True", "Hello False"]


CONSTRUCTING = """
import pydantic
from openai.types.responses import Response, ResponseOutputMessage
message = {
    "type": "message", "id": "msg", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
class Answer(Response):
    note: str = "none"
    again: list[Response] | None = None
data = {
    "id": "r", "output": [message], "metadata": {"a": "b"}, "tools": [{"type": "new", "own": [1]}], "own": [1],
    "again": [{"id": "inner", "output": [message]}], "parallel_tool_calls": "perhaps",
}
for construct in (Answer.construct, Answer.model_construct):
    answer = construct(**data)
    assert isinstance(answer.output[0], ResponseOutputMessage), answer.output
    print(answer.output[0].content[0].text, answer.again[0].output[0].id, answer.note, answer.parallel_tool_calls)
    print(answer.tools[0].own, sorted(answer.model_fields_set))
    for name in ("output", "metadata", "tools", "again"):
        assert getattr(answer, name) is not data[name], name
    assert answer.own is data["own"]
    second = construct(**dict(answer))
    assert second.output == answer.output and second.output is not answer.output
    assert second.output[0] is answer.output[0]
    second.output.append(None)
    print(len(answer.output), len(data["output"]))
"""


def test_derived_class_constructs_objects_and_shares_no_list() -> None:
    pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
    done = subprocess.run(
        [sys.executable, "-c", CONSTRUCTING], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert output(CONSTRUCTING) == done.stdout.splitlines()
    assert done.stdout.splitlines()[0] == "Hi msg none perhaps"
