"""The messages of a call in JSON, as the semantic conventions have them: for programs that choose to record content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from oai._request.hooks import Attempt

TEXTS = frozenset({"text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text"})


def content_attributes(attempt: Attempt) -> dict[str, str]:
    """Return the attributes with the messages of the request and of the response."""
    request, response = attempt.read_request(), attempt.read_response()
    attributes: dict[str, Any] = {}
    if isinstance(request, dict):
        sent = request.get("messages", request.get("input", request.get("prompt")))
        attributes["gen_ai.input.messages"] = list(_messages(sent))
        if isinstance(request.get("instructions"), str):
            attributes["gen_ai.system_instructions"] = [_text(request["instructions"])]
    if isinstance(response, list):
        response = _whole(response)
    if isinstance(response, dict):
        attributes["gen_ai.output.messages"] = list(_outputs(response))
    return {name: msgspec.json.encode(value).decode() for name, value in attributes.items() if value}


def _text(content: Any) -> dict[str, Any]:
    return {"type": "text", "content": content}


def _messages(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the messages of a request: of chat, of responses, or one text."""
    if isinstance(value, str):
        yield {"role": "user", "parts": [_text(value)]}
    for item in value if isinstance(value, list) else ():
        if isinstance(item, str):
            yield {"role": "user", "parts": [_text(item)]}
        elif isinstance(item, dict) and ("role" in item or "type" in item):
            yield _message(item)


def _message(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type")
    if item.get("role") == "tool" or kind == "function_call_output":
        response = item.get("content", item.get("output"))
        call = item.get("tool_call_id", item.get("call_id"))
        return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call, "response": response}]}
    if kind == "function_call":
        return {"role": "assistant", "parts": [_call(item.get("call_id"), item)]}
    parts = list(_parts(item.get("content")))
    calls = [call for call in item.get("tool_calls") or () if isinstance(call, dict)]
    parts += [_call(call.get("id"), call.get("function") or call.get("custom") or {}) for call in calls]
    return {"role": item.get("role", "assistant"), "parts": parts}


def _call(identifier: Any, function: dict[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments", function.get("input"))
    with suppress(msgspec.DecodeError):  # a model may write arguments that are not JSON: they stay text
        arguments = msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
    return {"type": "tool_call", "id": identifier, "name": function.get("name"), "arguments": arguments}


def _parts(content: Any) -> Iterator[dict[str, Any]]:
    """Yield the parts of a message: texts, and the names of other kinds without their data."""
    if isinstance(content, str):
        yield _text(content)
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        if part.get("type") in TEXTS:
            yield _text(part.get("text", part.get("refusal")))
        else:
            yield {"type": part.get("type", "unknown")}


def _outputs(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for choice in response.get("choices") or ():
        if isinstance(choice, dict):
            message = choice.get("message") or {"role": "assistant", "content": choice.get("text")}
            yield {**_message(message), "finish_reason": choice.get("finish_reason")}
    for item in response.get("output") or ():
        if isinstance(item, dict) and item.get("type") in ("message", "function_call"):
            yield {**_message(item), "finish_reason": item.get("status")}


def _whole(events: list[Any]) -> dict[str, Any]:
    """Assemble the events of a stream: the response of the last event that has one, or choices from their deltas."""
    choices: dict[Any, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, dict) and isinstance(event.get("response"), dict):
            whole: dict[str, Any] = event["response"]
            if whole.get("output"):
                return whole
        for choice in (event.get("choices") or ()) if isinstance(event, dict) else ():
            if isinstance(choice, dict):
                _add(choices.setdefault(choice.get("index"), {}), choice)
    return {"choices": list(choices.values())}


def _add(whole: dict[str, Any], choice: dict[str, Any]) -> None:
    delta = choice.get("delta") or {"content": choice.get("text")}
    message = whole.setdefault("message", {"role": "assistant", "content": "", "tool_calls": []})
    message["content"] += delta.get("content") or ""
    whole["finish_reason"] = choice.get("finish_reason") or whole.get("finish_reason")
    for part in delta.get("tool_calls") or ():
        calls = message["tool_calls"]
        index = part.get("index") if isinstance(part.get("index"), int) else len(calls)
        while len(calls) <= index < len(calls) + 64:
            calls.append({"id": None, "function": {"name": "", "arguments": ""}})
        if index < len(calls):
            function = part.get("function") or {}
            calls[index]["id"] = part.get("id") or calls[index]["id"]
            for name in ("name", "arguments"):
                calls[index]["function"][name] += function.get(name) or ""
