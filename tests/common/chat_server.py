"""A chat completion in the form that a server sends."""

from __future__ import annotations

from typing import Any

CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}


def chat(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {**CHAT, "choices": [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}]}
