"""Structured outputs: a nested type, responses that hold its JSON, and a check of strict schemas."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import jsonschema
import msgspec

from oai.helpers.structured.strict_mode import REJECTED


class Step(msgspec.Struct):
    why: Annotated[str, msgspec.Meta(description="The reason.", max_length=200)]
    result: float


class Plan(msgspec.Struct):
    steps: list[Step]
    mood: Literal["good", "bad"]
    next: Plan | None = None


def completion(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    text = {} if content is None else {"content": content}
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **text, **message}}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    common = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
    return {**common, "choices": [choice]}


def response(*output: Any, **more: Any) -> dict[str, Any]:
    common = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
    return {**common, "output": list(output), "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], **more}


def output_message(text: str, **more: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part], **more}


def objects(schema: Any) -> list[dict[str, Any]]:
    """Return all object schemas in a schema."""
    own = [schema] if isinstance(schema, dict) and schema.get("type") == "object" else []
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return own + [nested for value in inner for nested in objects(value)]


def check_strict(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    for node in objects(schema):
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
        assert not node.keys() & REJECTED.keys()
    text = json.dumps(schema)
    assert not any(f'"{keyword}"' in text for keyword in ("oneOf", "discriminator"))
    assert '"default": null' not in text
