"""Chat completions with their token usage, whole and streamed, as a server sends them."""

from __future__ import annotations

from typing import Any

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 2}}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m-1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": USAGE,
}
MESSAGES = [{"role": "user", "content": "Hello"}]


def chunk(content: str | None = None, **fields: Any) -> dict[str, Any]:
    choices = [] if content is None else [{"index": 0, "finish_reason": None, "delta": {"content": content}}]
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": choices, **fields}


def end() -> dict[str, Any]:
    return chunk(choices=[{"index": 0, "finish_reason": "stop", "delta": {}}])


CHUNKS = [chunk("Hel"), chunk("lo"), end(), chunk(usage=USAGE)]
