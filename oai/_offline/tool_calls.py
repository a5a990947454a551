"""Invent tool calls: a call of a function that the request offers, with arguments that fit its schema.

A request with functions is answered by a call of the first, or of the one that `tool_choice` names, until the
conversation ends with the result of a function; then by text. This module knows requests as plain data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from oai._offline.fill import fill
from oai._offline.from_schema import from_schema
from oai._support.plain_data import as_dict, as_list

if TYPE_CHECKING:
    from oai._offline.sampler import SampleFactory

CHAT = "chat.completions.create"
RESPONSES = "responses.create"

ANSWERED = ("function", "function_call_output", "tool")
"""The `role` or `type` of the last item of a conversation when it is the result of a function."""


def wanted_schema(fields: dict[str, Any]) -> Any:
    """Return the JSON schema that a request sets for the output, or `None`."""
    text = as_dict(fields.get("text")) or as_dict(as_dict(fields.get("agent")).get("text"))
    form = as_dict(fields.get("response_format")) or as_dict(text.get("format"))
    if form.get("type") != "json_schema":
        return None
    return form.get("schema", as_dict(form.get("json_schema")).get("schema"))


def wanted_call(operation: str, fields: dict[str, Any]) -> dict[str, Any] | None:
    """Return name and arguments of the function to call in response to a request, or `None` to respond with text."""
    operation = operation.removeprefix("beta.")
    if operation not in (CHAT, RESPONSES) or fields.get("tool_choice") == "none":
        return None
    items = as_list(fields.get("messages" if operation == CHAT else "input"))
    last = as_dict(items[-1]) if items else {}
    if last.get("role") in ANSWERED or last.get("type") in ANSWERED:
        return None
    tools = [as_dict(each) for each in as_list(fields.get("tools"))]
    offered = [as_dict(each.get("function", each)) for each in tools if each.get("type") == "function"]
    choice = as_dict(fields.get("tool_choice"))
    name = as_dict(choice.get("function", choice)).get("name")
    for each in offered:
        if name is None or each.get("name") == name:
            data = from_schema(each.get("parameters") or {"type": "object"})
            return {"name": each.get("name"), "arguments": msgspec.json.encode(data).decode()}
    return None


def calling(operation: str, sampler: SampleFactory, kind: Any, call: dict[str, Any]) -> Any:
    """Return the complete response that calls a function."""
    if operation.endswith(CHAT):
        choice = {"finish_reason": "tool_calls", "message": _message(call, call["arguments"])}
        return fill(sampler.replace(text=""), kind, {"choices": [choice]})
    return fill(sampler.replace(text=""), kind, {"output": [_item(call, "completed")]})


def calling_events(
    operation: str, sampler: SampleFactory, kinds: dict[str, Any], call: dict[str, Any], *, usage: bool = False
) -> Iterator[Any]:
    """Yield the events of a stream that calls a function, its arguments in two pieces.

    Args:
        operation: the call path.
        sampler: makes everything but the call.
        kinds: the event types by tag; the type of chunks, which have none, by "".
        call: name and arguments.
        usage: whether to add a last chunk with the token usage.
    """
    sampler = sampler.replace(text="")
    text = call["arguments"]
    pieces = [text[: len(text) // 2], text[len(text) // 2 :]]
    if not operation.endswith(CHAT):
        yield from _response_events(sampler, kinds, call, pieces)
        return
    quiet = sampler.replace(filled=sampler.filled - {"usage"})
    more = [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    for delta in ({"role": "assistant", **_message(call, "", index=0)}, *more):
        yield fill(quiet, kinds[""], {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield fill(quiet, kinds[""], {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    if usage:
        yield fill(sampler, kinds[""], {"choices": []})


def _response_events(
    sampler: SampleFactory, kinds: dict[str, Any], call: dict[str, Any], pieces: list[str]
) -> Iterator[Any]:
    begun = {"status": "in_progress", "output": []}
    item = {"output_index": 0, "item_id": "fc_offline"}
    script: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": _item({**call, "arguments": ""}, "in_progress")}),
        *(("response.function_call_arguments.delta", {**item, "delta": piece}) for piece in pieces),
        ("response.function_call_arguments.done", {**item, **call}),
        ("response.output_item.done", {"output_index": 0, "item": _item(call, "completed")}),
        ("response.completed", {"response": {"status": "completed", "output": [_item(call, "completed")]}}),
    ]
    for number, (tag, fields) in enumerate(script):
        yield fill(sampler, kinds[tag], {"type": tag, **fields, "sequence_number": number})


def _message(call: dict[str, Any], arguments: str, **place: int) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": arguments}
    return {"content": None, "tool_calls": [{**place, "id": "call_offline", "type": "function", "function": function}]}


def _item(call: dict[str, Any], status: str) -> dict[str, Any]:
    return {"type": "function_call", "id": "fc_offline", "call_id": "call_offline", "status": status, **call}
