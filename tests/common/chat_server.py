"""A chat completion in the form that a server sends, whole and as the chunks of a stream."""

from __future__ import annotations

from typing import Any

CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}


def chat(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {**CHAT, "choices": [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}]}


def delta(text: str | None, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return {**CHAT, "object": "chat.completion.chunk", "choices": [choice]}
