"""Valid items of the runner of responses, which a test changes somewhere."""

from __future__ import annotations

from tests.official.runner_programs import (
    FREE,
    IMAGE,
    REASONING,
    approval,
    computer,
    fn,
    mcp_call,
    message,
    output,
    search,
)

SERVER_TOOLS = [
    {"type": "web_search"},
    {"type": "file_search", "vector_store_ids": ["vs"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "image_generation"},
    FREE,
]
ITEMS = [
    fn("f", caller={"type": "program", "caller_id": "p"}, namespace="record", **{"async": False}),
    computer("c", {"type": "click", "button": "left", "x": 1, "y": 2}, {"type": "drag", "path": [{"x": 1, "y": 2}]}),
    message("Wait.", phase="commentary"),
    message(
        id="msg_parts",
        content=[
            {"type": "refusal", "refusal": "No."},
            {
                "type": "output_text",
                "text": "x",
                "annotations": [
                    {"type": "url_citation", "title": "t", "url": "u", "start_index": 0, "end_index": 1},
                    {"type": "file_citation", "file_id": "f", "filename": "n", "index": 0},
                ],
                "logprobs": [
                    {
                        "token": "x",
                        "bytes": [120],
                        "logprob": -0.5,
                        "top_logprobs": [{"token": "x", "bytes": [120], "logprob": 0}],
                    }
                ],
            },
        ],
    ),
    {**REASONING, "content": [{"type": "reasoning_text", "text": "x"}], "status": "completed"},
    {"type": "compaction", "id": "cm", "encrypted_content": "x"},
    search(
        action={
            "type": "search",
            "query": "q",
            "queries": ["q"],
            "sources": [{"type": "url", "url": "https://a.invalid"}],
        }
    ),
    search(action={"type": "find_in_page", "pattern": "p", "url": "https://a.invalid"}),
    {
        "type": "file_search_call",
        "id": "fs",
        "status": "completed",
        "queries": ["q"],
        "results": [{"file_id": "f", "filename": "n", "text": "t", "score": 0.5, "attributes": {"a": 1, "b": "c"}}],
    },
    {
        "type": "code_interpreter_call",
        "id": "ci",
        "status": "completed",
        "container_id": "cn",
        "code": "1",
        "outputs": [{"type": "logs", "logs": "1"}, {"type": "image", "url": "https://a.invalid"}],
    },
    {"type": "image_generation_call", "id": "ig", "status": "completed", "result": "AA==", "quality": "low"},
    {
        "type": "mcp_list_tools",
        "id": "ml",
        "server_label": "desk",
        "tools": [{"name": "read", "input_schema": {"type": "object"}, "description": "Read."}],
    },
    mcp_call(),
]
"""A valid item of each kind, which a test changes somewhere."""

PARTS = [
    {"role": "user", "content": "x"},
    {"role": "user", "content": [{"type": "input_text", "text": "x"}, *IMAGE, {"type": "input_file", "file_id": "f"}]},
    {"type": "message", "role": "assistant", "content": "x", "phase": "commentary"},
    message("Before."),
    fn("h", caller={"type": "direct"}),
    output("h", [{"type": "input_text", "text": "x"}]),
    computer("k"),
    {
        "type": "computer_call_output",
        "call_id": "k",
        "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,AA=="},
        "acknowledged_safety_checks": [{"id": "s", "code": "c", "message": "m"}],
    },
    {**approval(), "id": "mcpr_h"},
    {"type": "mcp_approval_response", "approval_request_id": "mcpr_h", "approve": False, "reason": "no"},
    {**REASONING, "id": "rs_h"},
]
"""A valid history, which a test changes somewhere."""
