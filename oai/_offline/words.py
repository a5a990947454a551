"""Tables of plausible values by field name, from which `_offline.sampler` makes responses. The names are the API's."""

from __future__ import annotations

CREATED = 1_767_225_600
"""The creation time of everything: 1 January 2026, 00:00 UTC, in seconds since 1970."""

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
"""Optional fields to fill, since programs usually read them; all others are left out."""

EMPTY_LISTS = frozenset(("annotations", "attachments", "errors", "logprobs", "tool_calls", "tools", "top_logprobs"))
"""Lists that are usually empty; all others have one item."""

OWN_WORDS = frozenset(("content", "data", "delta", "id", "input", "object", "output", "role", "status", "text", "type"))
"""Fields with different meanings in a request and its response, whose values are never repeated."""

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
"""The preferred tags and literals, the best first: model output, and final states, which end polling."""

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
"""Well-known prefixes of ids; the prefix of other ids is the last word of the object's name."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""An image of one pixel, PNG in base64."""

TEXT_FIELDS = frozenset(("content", "delta", "message", "output_text", "summary", "text", "transcript", "value"))
"""Text fields that hold the model's output."""

WORDS = {
    "arguments": "{}",
    "b64_json": PIXEL,
    "email": "offline@example.invalid",
    "filename": "offline.txt",
    "language": "english",
    "mime_type": "text/plain",
    "model": "offline-model",
    "owned_by": "offline",
    "url": "https://example.invalid/offline",
}
"""Values of text fields other than `offline`."""

TRUE_FIELDS = frozenset(("deleted", "success", "valid"))
"""Boolean fields that are true; all others are false."""
