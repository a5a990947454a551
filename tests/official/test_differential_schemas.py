"""Schemas of random pydantic models equal the official SDK's, or both clients reject the model."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest
from hypothesis import given

from tests.official.schemas_drawn import models
from tests.official.sides import SIDES, Outcome, Reply, long, outcome, quick, quiet

CHAT = Reply.of_json({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []})
RESPONSE = Reply.of_json({"id": "r", "object": "response", "created_at": 1, "model": "m", "output": []})

REFUSED = ("TypeError", "ValueError", "PydanticInvalidForJsonSchema")


def formats(module: Any, model: type[pydantic.BaseModel]) -> list[Outcome]:
    """Return the outcomes of requests with a model as output type and as parameters of a tool."""

    def chat(client: Any) -> None:
        client.chat.completions.parse(model="m", messages=[], response_format=model)

    def response(client: Any) -> None:
        client.responses.parse(model="m", input="i", text_format=model)

    def tool(client: Any) -> None:
        tools = [module.pydantic_function_tool(model, name="n", description="d"), module.pydantic_function_tool(model)]
        client.chat.completions.parse(model="m", messages=[], tools=tools)

    def responses_tool(client: Any) -> None:
        client.responses.parse(model="m", input="i", tools=[module.pydantic_responses_function_tool(model)])

    def plain_tool(client: Any) -> None:
        client.responses.create(model="m", input="i", tools=[module.pydantic_responses_function_tool(model)])

    calls = ((chat, CHAT), (response, RESPONSE), (tool, CHAT), (responses_tool, RESPONSE), (plain_tool, RESPONSE))
    return [outcome(module, call, answer) for call, answer in calls]


def used(value: Any) -> Any:
    """Return a schema without unreferenced definitions: see ON_PURPOSE."""
    if isinstance(value, list):
        return [used(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {name: used(item) for name, item in value.items()}
    if "$defs" in result:
        text = json.dumps(result)
        result["$defs"] = {name: item for name, item in result["$defs"].items() if f'"#/$defs/{name}"' in text}
    return {name: item for name, item in result.items() if name != "$defs" or item}


def bodies(sent: Outcome) -> list[Any]:
    return [used(request.body) for request in sent.requests]


def check(model: type[pydantic.BaseModel]) -> None:
    with quiet():
        ours, theirs = (formats(module, model) for module in SIDES)
    for our, their in zip(ours, theirs, strict=True):
        assert bodies(our) == bodies(their)
        if not our.requests:
            assert our.error in REFUSED
            assert their.error in REFUSED


@quick(120)
@given(models())
def test_schemas_are_equal(model: type[pydantic.BaseModel]) -> None:
    check(model)


@pytest.mark.thorough
@long(400)
@given(models())
def test_more_schemas_are_equal(model: type[pydantic.BaseModel]) -> None:
    check(model)
