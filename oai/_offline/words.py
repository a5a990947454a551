"""What fields of the API hold by what they are called: the tables from which `_offline.sampler` makes answers.

Names are the API's; there is no code here.
"""

from __future__ import annotations

CREATED = 1_767_225_600
"""When everything was made: 1 January 2026, 00:00 UTC, in seconds since 1970."""

OPTIONAL_FIELDS_TO_FILL = frozenset(
    (
        "b64_json",
        "content",
        "data",
        "delta",
        "filename",
        "finish_reason",
        "has_more",
        "object",
        "status",
        "text",
        "usage",
        "value",
    )
)
"""Optional fields that an answer looks dead without; all others are left out."""

EMPTY_LISTS = frozenset(("annotations", "attachments", "errors", "logprobs", "tool_calls", "tools", "top_logprobs"))
"""Lists that are usually empty; all others have one item."""

OWN_WORDS = frozenset(("content", "data", "delta", "id", "input", "object", "output", "role", "status", "text", "type"))
"""Fields that mean one thing in a request and another in its answer, and are never said again."""

PREFERRED = (
    "message",
    "output_text",
    "text",
    "completed",
    "succeeded",
    "processed",
    "active",
    "ready",
    "assistant",
    "stop",
    "auto",
)
"""What is taken where there is a choice, the best first: what a model says, and states in which nobody has to wait."""

PREFIXES = {
    "assistant": "asst_",
    "batch": "batch_",
    "chat.completion": "chatcmpl-",
    "chat.completion.chunk": "chatcmpl-",
    "chat.completion.deleted": "chatcmpl-",
    "conversation": "conv_",
    "file": "file-",
    "fine_tuning.job": "ftjob-",
    "item": "msg_",
    "response": "resp_",
    "text_completion": "cmpl-",
    "thread.message": "msg_",
    "thread.message.delta": "msg_",
    "message": "msg_",
    "vector_store": "vs_",
}
"""How the ids of things begin that people know by it; others begin with the last word of what they are called."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one pixel, PNG in base64."""

TEXT_FIELDS = frozenset(("content", "delta", "message", "output_text", "summary", "text", "transcript", "value"))
"""Text fields that hold what the answer says."""

WORDS = {
    "arguments": "{}",
    "b64_json": PIXEL,
    "email": "offline@example.invalid",
    "filename": "offline.txt",
    "language": "english",
    "mime_type": "text/plain",
    "model": "offline-model",
    "owned_by": "nobody",
    "url": "https://example.invalid/offline",
}
"""Text fields that hold something else than `offline`."""

TRUE_FIELDS = frozenset(("deleted", "success", "valid"))
"""What is true; everything else is false."""
