"""What items of input and output must have, by their `type`, before a run sends them back.

A server refuses a whole request for one incomplete item, and what the model did not finish must not be replayed as if
it had. Undeclared members are kept.
"""

from __future__ import annotations

from typing import Any, Final

from oai.lib._shapes import (
    Check,
    Shape,
    is_anything,
    is_flag,
    is_integer,
    is_nonempty,
    is_number,
    is_scalar,
    is_text,
    list_of,
    map_of,
    nullable,
    one_of,
    tagged,
)

MAYBE_TEXT: Final = nullable(is_text)
PHASE: Final = one_of(None, "commentary", "final_answer")
STATUS: Final = one_of("completed", "incomplete", "in_progress")
COMPLETED: Final = one_of("completed")
MAYBE_STATUS: Final = nullable(STATUS)

FILE_CITATION: Final = Shape({"file_id": is_text, "filename": is_text, "index": is_integer})
URL_CITATION: Final = Shape({"title": is_text, "url": is_text, "start_index": is_integer, "end_index": is_integer})
CONTAINER_CITATION: Final = Shape(
    {"container_id": is_text, "file_id": is_text, "filename": is_text}
    | {"start_index": is_integer, "end_index": is_integer}
)
ANNOTATION: Final = tagged(
    {
        "file_citation": FILE_CITATION,
        "url_citation": URL_CITATION,
        "container_file_citation": CONTAINER_CITATION,
        "file_path": Shape({"file_id": is_text, "index": is_integer}),
    }
)
TOKEN: Final[dict[str, Check]] = {"token": is_text, "bytes": list_of(is_integer), "logprob": is_number}
LOGPROB: Final = Shape({**TOKEN, "top_logprobs": list_of(Shape(TOKEN))})
OUTPUT_PART: Final = tagged(
    {
        "output_text": Shape(
            {"text": is_text, "annotations": list_of(ANNOTATION)}, {"logprobs": nullable(list_of(LOGPROB))}
        ),
        "refusal": Shape({"refusal": is_text}),
    }
)
OUTPUT_MESSAGE: Final = Shape(
    {"id": is_text, "role": one_of("assistant"), "status": STATUS, "content": list_of(OUTPUT_PART)}, {"phase": PHASE}
)

BREAKPOINT: Final[dict[str, Check]] = {"prompt_cache_breakpoint": Shape({"mode": one_of("explicit")})}
INPUT_PART: Final = tagged(
    {
        "input_text": Shape({"text": is_text}, BREAKPOINT),
        "input_image": Shape(
            {"detail": one_of("auto", "low", "high", "original")},
            {"image_url": MAYBE_TEXT, "file_id": MAYBE_TEXT, **BREAKPOINT},
        ),
        "input_file": Shape(
            {},
            {"detail": one_of("auto", "low", "high"), "file_id": MAYBE_TEXT, **BREAKPOINT}
            | dict.fromkeys(("file_data", "file_url", "filename"), is_text),
        ),
    }
)

REASONING: Final = Shape(
    {"id": is_text, "summary": list_of(Shape({"type": one_of("summary_text"), "text": is_text}))},
    {
        "content": list_of(Shape({"type": one_of("reasoning_text"), "text": is_text})),
        "encrypted_content": MAYBE_TEXT,
        "status": STATUS,
    },
)
COMPACTION: Final = Shape({"encrypted_content": is_text}, {"id": MAYBE_TEXT})
OWN_COMPACTION: Final = Shape({"id": is_text, "encrypted_content": is_text})
"""A compaction in a response, which always has an id."""

CALLER: Final = nullable(tagged({"direct": Shape(), "program": Shape({"caller_id": is_text})}))
FUNCTION_CALL: Final = Shape(
    {"name": is_text}, {"id": is_text, "async": is_flag, "namespace": is_text, "caller": CALLER}
)
FUNCTION_OUTPUT: Final = Shape(
    {}, {"status": MAYBE_STATUS, "id": MAYBE_TEXT, "name": MAYBE_TEXT, "namespace": MAYBE_TEXT, "caller": CALLER}
)
SAFETY_CHECK: Final = Shape({"id": is_text}, {"code": MAYBE_TEXT, "message": MAYBE_TEXT})
POINT: Final[dict[str, Check]] = {"x": is_integer, "y": is_integer}
KEYS: Final[dict[str, Check]] = {"keys": nullable(list_of(is_text))}
BUTTON: Final = one_of("left", "right", "wheel", "back", "forward")
ACTION: Final = tagged(
    {
        "click": Shape({**POINT, "button": BUTTON}, KEYS),
        "double_click": Shape(POINT, KEYS),
        "drag": Shape({"path": list_of(Shape(POINT))}, KEYS),
        "keypress": Shape({"keys": list_of(is_text)}),
        "move": Shape(POINT, KEYS),
        "screenshot": Shape({}, KEYS),
        "scroll": Shape({**POINT, "scroll_x": is_integer, "scroll_y": is_integer}, KEYS),
        "type": Shape({"text": is_text}, KEYS),
        "wait": Shape({}, KEYS),
    }
)
COMPUTER_CALL: Final = Shape(
    {"id": is_text, "call_id": is_text, "status": COMPLETED},
    {"action": ACTION, "actions": list_of(ACTION), "pending_safety_checks": list_of(SAFETY_CHECK)},
)
SCREENSHOT: Final = Shape(
    {"type": one_of("computer_screenshot")},
    {"image_url": MAYBE_TEXT, "file_id": MAYBE_TEXT},
    any_of=("image_url", "file_id"),
)
COMPUTER_OUTPUT: Final = Shape(
    {"output": SCREENSHOT},
    {"id": MAYBE_TEXT, "status": MAYBE_STATUS, "acknowledged_safety_checks": nullable(list_of(SAFETY_CHECK))},
)
APPROVAL_RESPONSE: Final = Shape(
    {"approval_request_id": is_text, "approve": is_flag}, {"id": MAYBE_TEXT, "reason": MAYBE_TEXT}
)

WEB_SOURCE: Final = Shape({"type": one_of("url"), "url": is_text})
WEB_ACTION: Final = tagged(
    {
        "search": Shape({}, {"query": is_text, "queries": list_of(is_text), "sources": list_of(WEB_SOURCE)}),
        "open_page": Shape({}, {"url": MAYBE_TEXT}),
        "find_in_page": Shape({"pattern": is_text, "url": is_text}),
    }
)
FILE_RESULT: Final = Shape(
    {},
    dict.fromkeys(("file_id", "filename", "text"), is_text)
    | {"score": is_number, "attributes": nullable(map_of(is_scalar))},
)
INTERPRETER_OUTPUT: Final = tagged({"logs": Shape({"logs": is_text}), "image": Shape({"url": is_text})})
MCP_TOOL: Final = Shape({"name": is_text, "input_schema": is_anything}, {"description": MAYBE_TEXT})

SERVER_ITEMS: Final[dict[str, Check]] = {
    "web_search_call": Shape({"status": COMPLETED, "action": WEB_ACTION}),
    "file_search_call": Shape(
        {"status": COMPLETED, "queries": list_of(is_text)}, {"results": nullable(list_of(FILE_RESULT))}
    ),
    "code_interpreter_call": Shape(
        {"status": COMPLETED, "container_id": is_text, "code": MAYBE_TEXT}
        | {"outputs": nullable(list_of(INTERPRETER_OUTPUT))}
    ),
    "image_generation_call": Shape(
        {"status": COMPLETED, "result": MAYBE_TEXT},
        {
            "action": one_of(None, "generate", "edit", "auto"),
            "background": one_of(None, "transparent", "opaque", "auto"),
            "output_format": one_of(None, "png", "webp", "jpeg", "gif", "svg"),
            "quality": one_of(None, "low", "medium", "high", "xhigh", "max", "auto"),
            "revised_prompt": MAYBE_TEXT,
            "size": MAYBE_TEXT,
        },
    ),
    "mcp_list_tools": Shape({"server_label": is_nonempty, "tools": list_of(MCP_TOOL)}),
    "mcp_call": Shape({"server_label": is_nonempty, "name": is_text, "arguments": is_text}, {"output": MAYBE_TEXT}),
    "mcp_approval_request": Shape(
        {"id": is_nonempty, "server_label": is_nonempty, "name": is_text, "arguments": is_text}
    ),
}
"""Items of tools that the server runs."""

SERVER_ITEM: Final = Shape({"id": is_text}, {"status": one_of(None, "completed"), "error": one_of(None)})
"""What all items of the server have in common: they are complete."""


def is_computer_call(item: dict[str, Any]) -> bool:
    """Return whether a call of the computer is complete: it has either actions or, in its old form, one action."""
    if not COMPUTER_CALL(item) or ("action" in item) == ("actions" in item):
        return False
    return bool(item["actions"]) if "actions" in item else "pending_safety_checks" in item


def is_input_message(item: dict[str, Any]) -> bool:
    """Return whether a message of a history, of any role, can be sent again."""
    role, content = item.get("role"), item.get("content")
    if role not in ("user", "assistant", "system", "developer"):
        return False
    if (type(content) is str or role == "assistant") and not PHASE(item.get("phase")):
        return False
    if type(content) is str:
        return True
    if type(content) is not list:
        return False
    is_output = any(type(part) is dict and part.get("type") in ("output_text", "refusal") for part in content)
    return OUTPUT_MESSAGE(item) if is_output else all(map(INPUT_PART, content))
