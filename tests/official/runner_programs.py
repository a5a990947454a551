"""Programs for the runner of responses: what the server sends, and what the program does, for either side."""

from __future__ import annotations

import json
from typing import Any

TOOL = {
    "type": "function",
    "name": "record",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    },
}
PARAMS = {"model": "m", "input": "Open the door."}
SHOT = {"type": "screenshot"}
USAGE = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}
MCP = {"type": "mcp", "server_label": "desk", "server_url": "https://desk.invalid/mcp?team=a"}
FREE = {**MCP, "require_approval": "never"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "cipher"}


def fn(call_id: str, text: Any = "x", **fields: Any) -> dict[str, Any]:
    """Return a call of the function `record`."""
    arguments = json.dumps({"text": text})
    item = {"type": "function_call", "id": f"fc_{call_id}", "call_id": call_id, "name": "record"}
    return {**item, "arguments": arguments, "status": "completed", **fields}


def computer(call_id: str, *actions: Any, **fields: Any) -> dict[str, Any]:
    """Return a call of the computer."""
    item = {"type": "computer_call", "id": f"cu_{call_id}", "call_id": call_id, "status": "completed"}
    return {**item, "pending_safety_checks": [], "actions": list(actions) or [SHOT], **fields}


def message(text: str = "Done.", **fields: Any) -> dict[str, Any]:
    """Return a message of the model."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": f"msg_{text}", "role": "assistant", "status": "completed", "content": [part]}
    return {**item, **fields}


def search(**fields: Any) -> dict[str, Any]:
    """Return a search of the server in the web."""
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    return {**item, "action": {"type": "search", "query": "doors"}, **fields}


def mcp_call(**fields: Any) -> dict[str, Any]:
    """Return a call of a tool of an MCP server."""
    item = {"type": "mcp_call", "id": "mcp_1", "server_label": "desk", "name": "read", "arguments": "{}"}
    return {**item, "status": "completed", "output": "text", **fields}


def approval(**fields: Any) -> dict[str, Any]:
    """Return a request to approve a call of an MCP server."""
    item = {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "desk", "name": "read", "arguments": "{}"}
    return {**item, **fields}


def answer(*output: Any, name: str = "resp", **fields: Any) -> dict[str, Any]:
    """Return a response of the server."""
    base = {"id": name, "object": "response", "created_at": 1, "model": "m", "status": "completed", "usage": USAGE}
    return {**base, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "output": list(output), **fields}


MODES = (False, True, "eager")
FINAL = answer(message(), name="final")


def program(*answers: Any, **options: Any) -> dict[str, Any]:
    """Return a program.

    Args:
        answers: the responses of the server, to which a final one is added; `None` is an error.
        options: what the program does; options of `run` are passed on. `modes` is whether responses are streamed.
    """
    return {"answers": [*answers, FINAL], "params": PARAMS, "modes": MODES, **options}


def with_tools(*tools: Any, **params: Any) -> dict[str, Any]:
    """Return parameters with tools of the server."""
    return {**PARAMS, "tools": list(tools), **params}


def output(call_id: str, value: Any = "supplied") -> dict[str, Any]:
    """Return the output of a function."""
    return {"type": "function_call_output", "call_id": call_id, "output": value}


IMAGE = [{"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "original"}]
HISTORY = [{"role": "user", "content": "x"}, fn("old"), output("old", "y")]

RUNS = {
    "final at once": program(),
    "one call": program(answer(fn("a"))),
    "two calls": program(answer(fn("a"), fn("b", "y"))),
    "two turns": program(answer(fn("a"), name="r1"), answer(fn("b"), name="r2")),
    "commentary": program(answer(message("Wait.", phase="commentary"), fn("a"))),
    "commentary alone": program(answer(message("Wait.", phase="commentary"))),
    "reasoning": program(answer(REASONING, fn("a"))),
    "compaction": program(answer({"type": "compaction", "id": "c", "encrypted_content": "x"}, fn("a"))),
    "compaction without content": program(answer({"type": "compaction", "id": "c"}, fn("a"))),
    "unknown members": program(answer(fn("a", extra={"x": [1, None]}))),
    "created_by": program(answer(fn("a", created_by="someone"))),
    "images as output": program(answer(fn("a")), results=[IMAGE]),
    "invalid output": program(answer(fn("a")), results=[{"not": "text"}]),
    "function fails": program(answer(fn("a"), fn("b")), fails=True),
    "limit": program(answer(fn("a")), max_steps=1),
    "limit of two": program(answer(fn("a"), name="r1"), answer(fn("b"), name="r2"), max_steps=2),
    "incomplete response": program(answer(fn("a"), status="incomplete")),
    "incomplete call": program(answer(fn("a", status="in_progress"))),
    "unregistered function": program(answer(fn("a", name="other"))),
    "arguments are a list": program(answer(fn("a"), fn("b", arguments="[]"))),
    "arguments are cut": program(answer(fn("a", arguments='{"tex'))),
    "same call id": program(answer(fn("a"), fn("a", id="fc_2")), modes=(False,)),
    "same item id": program(answer(fn("a"), fn("b", id="fc_a"))),
    "call id of an earlier turn": program(answer(fn("a"), name="r1"), answer(fn("a", id="fc_2"), name="r2")),
    "namespace": program(answer(fn("a", namespace="record"))),
    "another namespace": program(answer(fn("a", namespace="other"))),
    "called by a program": program(answer(fn("a", caller={"type": "program", "caller_id": "p"}))),
    "caller without id": program(answer(fn("a", caller={"type": "program"}))),
    "caller not allowed": program(answer(fn("a")), tool={**TOOL, "allowed_callers": ["programmatic"]}),
    "message without text": program(answer(fn("a"), message(content=[{"type": "output_text", "annotations": []}]))),
    "no output": program(answer()),
    "unknown item": program(answer({"type": "shell_call", "id": "s", "call_id": "s"})),
    "request fails": program(None),
    "second request fails": program(answer(fn("a")), None),
    "own idempotency key": program(answer(fn("a")), headers={"Idempotency-Key": "mine"}),
    "extra headers": program(answer(fn("a")), params={**PARAMS, "extra_headers": {"idempotency-key": "mine"}}),
    "independent functions": program(answer(fn("a"), fn("b"), fn("c")), independent=True),
    "one at a time": program(answer(fn("a"), fn("b")), independent=True, max_concurrent_calls=1),
    "independent functions fail": program(answer(fn("a"), fn("b")), independent=True, fails=True),
    "early functions": program(answer(fn("a"), fn("b")), early={"functions": ["record"]}),
    "nothing early": program(answer(fn("a"), fn("b")), early={}),
    "deferred by the program": program(answer(fn("a"), fn("b")), before_early_call=["execute", "defer"]),
    "no decision": program(answer(fn("a")), before_early_call=[None]),
    "computer": program(answer(computer("a", {"type": "type", "text": "x"})), computer=True),
    "computer and function": program(answer(fn("a"), computer("b")), computer=True),
    "no computer": program(answer(computer("a"))),
    "incomplete computer": program(answer(fn("a"), computer("b", status="incomplete")), computer=True),
    "malformed action": program(answer(fn("a"), computer("b", {"type": "click", "x": 1})), computer=True),
    "safety checks refused": program(
        answer(computer("a", pending_safety_checks=[{"id": "c", "code": "d", "message": "e"}])), computer=True
    ),
    "browser name without a browser": program(answer(fn("a", name="browser_click"))),
    "web search": program(answer(search(), fn("a")), params=with_tools({"type": "web_search"})),
    "web search at the end": program(answer(search(), message()), params=with_tools({"type": "web_search"})),
    "web search undeclared": program(answer(search(), fn("a"))),
    "web search failed": program(
        answer(fn("a"), search(status="failed")), params=with_tools({"type": "web_search"}), ledger=True
    ),
    "query is a number": program(
        answer(fn("a"), search(action={"type": "search", "query": 1})), params=with_tools({"type": "web_search"})
    ),
    "mcp": program(answer(mcp_call(), fn("a")), params=with_tools(FREE)),
    "mcp error is null": program(answer(mcp_call(error=None), fn("a")), params=with_tools(FREE), modes=(False,)),
    "mcp without approval": program(answer(mcp_call(), fn("a")), params=with_tools(MCP)),
    "mcp of another server": program(answer(mcp_call(server_label="other")), params=with_tools(FREE)),
    "mcp tool not allowed": program(answer(mcp_call()), params=with_tools({**FREE, "allowed_tools": ["write"]})),
    "mcp output is a list": program(answer(fn("a"), mcp_call(output=[])), params=with_tools(FREE)),
    "mcp approved": program(
        answer(approval(), fn("a"), name="r1"),
        answer(mcp_call(approval_request_id="mcpr_1"), fn("b"), name="r2"),
        params=with_tools(MCP),
        approve_mcp=True,
        ledger=True,
    ),
    "mcp refused": program(answer(approval()), params=with_tools(MCP), approve_mcp=False),
    "mcp approval is no bool": program(answer(approval()), params=with_tools(MCP), approve_mcp="yes"),
    "nobody approves": program(answer(approval()), params=with_tools(MCP)),
    "another call than approved": program(
        answer(approval(), name="r1"),
        answer(mcp_call(approval_request_id="mcpr_1", arguments="[]"), name="r2"),
        params=with_tools(MCP),
        approve_mcp=True,
    ),
    "choice excludes functions": program(answer(fn("a")), params={**PARAMS, "tool_choice": "none"}),
    "choice of a function": program(
        answer(fn("a")),
        params={
            **PARAMS,
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "record"}],
            },
        },
    ),
    "choice excludes the search": program(
        answer(search(), message()), params=with_tools({"type": "web_search"}, tool_choice="none")
    ),
    "ledger": program(answer(REASONING, fn("a"), fn("b"), name="r1"), answer(fn("c"), name="r2"), ledger=True),
    "ledger with a computer": program(answer(computer("a"), fn("b")), ledger=True, computer=True),
    "ledger of a failure": program(answer(fn("a"), fn("b")), ledger=True, fails=True),
    "ledger of secrets": program(
        answer(fn("a")),
        params=with_tools({**FREE, "authorization": "planted", "headers": {"x": "planted"}}),
        ledger=True,
    ),
    "resumed": program(answer(fn("b")), ledger=True, resumes=program(answer(fn("a")), ledger=True)),
    "output supplied": program(answer(fn("a"), fn("b")), overridable=True, supplied=[[output("b")]]),
    "images supplied": program(answer(fn("a")), overridable=True, supplied=[[output("a", IMAGE)]]),
    "output not permitted": program(answer(fn("a")), supplied=[[output("a")]]),
    "output of another call": program(answer(fn("a")), overridable=True, supplied=[[output("z")]]),
    "output twice": program(answer(fn("a")), overridable=True, supplied=[[output("a"), output("a")]]),
    "text appended": program(answer(fn("a")), appended=["And close it."]),
    "text appended at the end": program(appended=["More."]),
    "blank text": program(answer(fn("a")), appended=[" "]),
    "thrown into": program(answer(fn("a")), throws=KeyError("mine")),
    "history": program(answer(fn("a")), params={**PARAMS, "input": HISTORY}, ledger=True),
    "call id of the history": program(answer(fn("old", id="fc_2")), params={**PARAMS, "input": HISTORY}),
    "budget": program(
        answer(fn("a", "x" * 900)),
        params={**PARAMS, "input": HISTORY},
        budget={"max_input_bytes": 1500, "max_input_images": 0},
        drops=1,
    ),
    "budget with a summary": program(
        answer(fn("a", "x" * 900)),
        params={**PARAMS, "input": HISTORY},
        budget={"max_input_bytes": 1500, "max_input_images": 0},
        drops=2,
        summary="All went well.",
    ),
    "budget without compaction": program(
        answer(fn("a", "x" * 900)), budget={"max_input_bytes": 500} | {"max_input_images": 0}
    ),
    "budget still exceeded": program(
        answer(fn("a", "x" * 900)), budget={"max_input_bytes": 500, "max_input_images": 0}, drops=0
    ),
    "wrong decision": program(
        answer(fn("a", "x" * 900)), budget={"max_input_bytes": 500, "max_input_images": 0}, drops="all"
    ),
}
"""Programs of runs, by what they show."""

REFUSED = {
    "stream as a parameter": program(params={**PARAMS, "stream": True}),
    "background": program(params={**PARAMS, "background": True}),
    "conversation": program(params={**PARAMS, "conversation": "c"}),
    "previous response": program(params={**PARAMS, "previous_response_id": "r"}),
    "extra body": program(params={**PARAMS, "extra_body": {"input": "y"}}),
    "function as a parameter": program(params=with_tools(TOOL)),
    "computer without a driver": program(params=with_tools({"type": "computer"})),
    "same label": program(params=with_tools(MCP, MCP)),
    "image generation without storage": program(params=with_tools({"type": "image_generation"}, store=False)),
    "required local tool": program(params={**PARAMS, "tool_choice": "required"}),
    "required function": program(params={**PARAMS, "tool_choice": {"type": "function", "name": "record"}}),
    "no steps": program(max_steps=0),
    "steps are a bool": program(max_steps=True),
    "no concurrent calls": program(max_concurrent_calls=0),
    "eager without a stream": program(eager=True),
    "budget without limits": program(budget={}),
    "budget is negative": program(budget={"max_input_bytes": 1, "max_input_images": -1}),
    "budget with truncation": program(
        params={**PARAMS, "truncation": "auto"}, budget={"max_input_bytes": 1, "max_input_images": 1}
    ),
    "ledger with headers": program(params={**PARAMS, "extra_headers": {"x": "y"}}, ledger=True),
    "ledger with NaN": program(params={**PARAMS, "metadata": {"x": float("nan")}}, ledger=True),
    "ledger without an id": program(ledger=True, run_id=""),
    "history without its call": program(params={**PARAMS, "input": [output("a")]}, ledger=True),
    "history without the output": program(params={**PARAMS, "input": [fn("a")]}, ledger=True),
    "resumed without an observation": program(
        params={**PARAMS, "input": []}, ledger=True, resumes=program(answer(fn("a")), ledger=True)
    ),
    "resumed with other tools": program(
        params=with_tools({"type": "web_search"}), ledger=True, resumes=program(answer(fn("a")), ledger=True)
    ),
    "resumed with another limit": program(max_steps=3, ledger=True, resumes=program(answer(fn("a")), ledger=True)),
}
"""Programs that do not start."""
