"""Events of streams, as the API sends them for chat and responses."""

from __future__ import annotations

from typing import Any

from both import Way
from structured import output_message, response
from tools_of_tests import item

from oai.testing import Loopback

CHAT = "chat.completions.stream"


USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunk(delta: Any = None, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**base, "choices": [choice], **more}


def texts(*pieces: str) -> list[dict[str, Any]]:
    return [chunk({"role": "assistant", "content": ""}), *[chunk({"content": piece}) for piece in pieces]]


def tool(index: int | None, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    name = {"name": more.pop("name")} if "name" in more else {}
    function = {**name, **({} if arguments is None else {"arguments": arguments})}
    place = {} if index is None else {"index": index}
    return chunk({"tool_calls": [{**place, **more, "function": function}]})


def usage() -> dict[str, Any]:
    return {**chunk(usage=USAGE), "choices": []}


def pieces(way: Way, server: Loopback) -> list[str]:
    async def collect(stream: Any) -> Any:
        return [text async for text in stream.text_deltas]

    return way.use(CHAT, collect if way.is_async else lambda stream: list(stream.text_deltas), model="m", messages=[])


def numbered(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def response_events(text: str, *pieces: str, status: str = "completed", final: Any = None) -> list[dict[str, Any]]:
    """Return the events of a response with reasoning, a text in pieces, and a function call."""
    at = {"item_id": "m", "output_index": 1, "content_index": 0}
    to = {"item_id": "fc_a", "output_index": 2}
    thought = {"type": "reasoning", "id": "rs", "summary": []}
    summary = {"item_id": "rs", "output_index": 0, "summary_index": 0}
    whole = [
        {**thought, "summary": [{"type": "summary_text", "text": "Hmm"}]},
        output_message(text),
        item("weather", '{"city": "P"}', "a"),
    ]
    ended = response(*whole, status=status) if final is None else final
    return numbered(
        {"type": "response.created", "response": response(status="in_progress")},
        {"type": "response.in_progress", "response": response(status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": thought},
        {"type": "response.reasoning_summary_part.added", **summary, "part": {"type": "summary_text", "text": ""}},
        {"type": "response.reasoning_summary_text.delta", **summary, "delta": "Hm"},
        {"type": "response.reasoning_summary_text.delta", **summary, "delta": "m"},
        {"type": "response.output_item.done", "output_index": 0, "item": whole[0]},
        {"type": "response.output_item.added", "output_index": 1, "item": {**output_message(""), "content": []}},
        {"type": "response.content_part.added", **at, "part": output_message("")["content"][0]},
        *[{"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in pieces],
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": output_message(text)["content"][0]},
        {"type": "response.output_item.done", "output_index": 1, "item": whole[1]},
        {"type": "response.output_item.added", "output_index": 2, "item": item("weather", "", "a")},
        {"type": "response.function_call_arguments.delta", **to, "delta": '{"city":'},
        {"type": "response.function_call_arguments.delta", **to, "delta": ' "P"}'},
        {"type": "response.function_call_arguments.done", **to, "arguments": '{"city": "P"}'},
        {"type": "response.output_item.done", "output_index": 2, "item": whole[2]},
        {"type": f"response.{status}", "response": ended},
    )
