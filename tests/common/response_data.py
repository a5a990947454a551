"""Responses of the Responses API, as a server sends them."""

from __future__ import annotations

from typing import Any


def response(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **fields,
    }
