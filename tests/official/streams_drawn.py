"""Valid event streams of chat completions and of responses, as hypothesis draws them."""

from __future__ import annotations

import json
from typing import Any

import pydantic
from hypothesis import strategies as st


class Answer(pydantic.BaseModel):
    """What the model is to answer."""

    title: str
    score: float
    tags: list[str]


class Weather(pydantic.BaseModel):
    """Look up the weather."""

    city: str
    days: int


texts = st.text('ab é"\\{}\n\U0001f600', max_size=5)
LOGPROB = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
structured = st.builds(
    lambda title, score, tags: json.dumps({"title": title, "score": score, "tags": tags}),
    texts,
    st.integers(-9, 9),
    st.lists(texts, max_size=2),
)
arguments = st.builds(lambda city, days: json.dumps({"city": city, "days": days}), texts, st.integers(0, 9))


@st.composite
def pieces(draw: Any, text: str) -> list[str]:
    """Cut a text into pieces, some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def chunk(index: int, delta: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None, **fields}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


@st.composite
def text_chunks(draw: Any, index: int, kind: str, text: str) -> list[dict[str, Any]]:
    """The chunks of a text, with its log probabilities or without."""
    logs = draw(st.booleans())
    logprobs = {"content": None, "refusal": None, kind: [LOGPROB]} if logs else None
    return [chunk(index, {kind: piece}, logprobs=logprobs) for piece in draw(pieces(text))]


@st.composite
def call_chunks(draw: Any, index: int, *, strict: bool) -> list[dict[str, Any]]:
    """The chunks of tool calls, one after the other."""
    made = []
    for number in range(draw(st.integers(1, 3))):
        first = {"index": number, "id": f"call_{number}", "type": "function"}
        made.append(chunk(index, {"tool_calls": [{**first, "function": {"name": "Weather", "arguments": ""}}]}))
        text = draw(arguments if strict else arguments | st.sampled_from(["", "{}"]))
        deltas = [{"index": number, "function": {"arguments": piece}} for piece in draw(pieces(text))]
        made += [chunk(index, {"tool_calls": [delta]}) for delta in deltas]
    return made


@st.composite
def choices(draw: Any, index: int, *, typed: bool, tools: str) -> list[dict[str, Any]]:
    """The chunks of one choice."""
    made = [chunk(index, {"role": "assistant", **draw(st.sampled_from([{}, {"content": ""}, {"content": None}]))})]
    kinds = ["content", "refusal", *["nothing"] * (not typed), *["calls", "content calls"] * bool(tools and not typed)]
    kind = draw(st.sampled_from(kinds))
    if draw(st.integers(0, 3)) == 0:
        made += [chunk(index, {"reasoning_content": piece}) for piece in draw(pieces(draw(texts)))]
        made += [chunk(index, {"details": [{"index": 0, "text": piece}]}) for piece in draw(pieces(draw(texts)))]
    if "content" in kind:
        made += draw(text_chunks(index, "content", draw(structured if typed else texts)))
    if kind == "refusal":
        made += draw(text_chunks(index, "refusal", draw(texts)))
    if "calls" in kind:
        made += draw(call_chunks(index, strict=tools == "strict"))
    finish = "tool_calls" if "calls" in kind else "stop"
    finish = draw(st.sampled_from([finish, finish, finish, "length", "content_filter"]))
    return [*made, chunk(index, {}, finish)]


@st.composite
def merged(draw: Any, lists: list[list[Any]]) -> list[Any]:
    """Interleave lists, each in its order."""
    left, made = [[*each] for each in lists if each], []
    while left:
        chosen = draw(st.sampled_from(range(len(left))))
        made.append(left[chosen].pop(0))
        left = [each for each in left if each]
    return made


@st.composite
def chats(draw: Any) -> tuple[list[dict[str, Any]], bool, str]:
    """Draw the chunks of a chat completion, whether it has a type, and which tools it has."""
    typed, tools = draw(st.booleans()), draw(st.sampled_from(["", "strict", "plain"]))
    count = draw(st.integers(1, 3))
    each_choice = [draw(choices(index, typed=typed, tools=tools)) for index in range(count)]
    chunks = [made[0] for made in each_choice] + draw(merged([made[1:] for made in each_choice]))
    if draw(st.booleans()):
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        chunks.append({**chunk(0, {}), "choices": [], "usage": usage})
    if draw(st.booleans()):  # on every chunk: see ON_PURPOSE
        chunks = [{**each, "system_fingerprint": "fp", "service_tier": "default"} for each in chunks]
    if draw(st.booleans()):
        chunks.insert(0, {**chunk(0, {}), "object": "", "choices": []})
    return chunks, typed, tools


ANNOTATION = {"type": "url_citation", "start_index": 0, "end_index": 1, "title": "t", "url": "http://a.example"}


class EventLog:
    """Events of a response, numbered as they come, and the output that they build."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.output: list[dict[str, Any]] = []

    def add(self, kind: str, **fields: Any) -> None:
        self.events.append({"type": kind, "sequence_number": len(self.events), **fields})

    def response(self, status: str) -> dict[str, Any]:
        return {
            "id": "r",
            "object": "response",
            "created_at": 1,
            "model": "m",
            "status": status,
            "output": json.loads(json.dumps(self.output)) if status != "in_progress" else [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": None,
            "metadata": {},
            "temperature": 1.0,
            "top_p": 1.0,
        }

    def item(self, start: dict[str, Any]) -> dict[str, Any]:
        self.add("response.output_item.added", output_index=len(self.output), item={**start, "status": "in_progress"})
        return {"output_index": len(self.output), "item_id": start["id"]}

    def done(self, item: dict[str, Any]) -> None:
        self.add("response.output_item.done", output_index=len(self.output), item=item)
        self.output.append(item)


def _message(draw: Any, log: EventLog, number: str, *, typed: bool) -> None:
    start = {"type": "message", "id": number, "role": "assistant", "content": []}
    where, parts = log.item(start), []
    for index in range(1 if typed else draw(st.integers(1, 2))):
        here = {**where, "content_index": index}
        if draw(st.booleans()) or typed:
            text = draw(structured if typed else texts)
            log.add("response.content_part.added", **here, part={"type": "output_text", "text": "", "annotations": []})
            logs = [LOGPROB] if draw(st.booleans()) else []
            for piece in draw(pieces(text)):
                log.add("response.output_text.delta", **here, delta=piece, logprobs=logs)
            notes = [ANNOTATION] * draw(st.integers(0, 2))
            for at, note in enumerate(notes):
                log.add("response.output_text.annotation.added", **here, annotation_index=at, annotation=note)
            log.add("response.output_text.done", **here, text=text, logprobs=logs)
            part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": notes, "logprobs": logs}
        else:
            text = draw(texts)
            log.add("response.content_part.added", **here, part={"type": "refusal", "refusal": ""})
            for piece in draw(pieces(text)):
                log.add("response.refusal.delta", **here, delta=piece)
            log.add("response.refusal.done", **here, refusal=text)
            part = {"type": "refusal", "refusal": text}
        log.add("response.content_part.done", **here, part=part)
        parts.append(part)
    log.done({**start, "status": "completed", "content": parts})


def _function(draw: Any, log: EventLog, number: str) -> None:
    start = {"type": "function_call", "id": number, "call_id": "c" + number, "name": "Weather", "arguments": ""}
    where, text = log.item(start), draw(arguments)
    for piece in draw(pieces(text)):
        log.add("response.function_call_arguments.delta", **where, delta=piece)
    log.add("response.function_call_arguments.done", **where, arguments=text, name="Weather")
    log.done({**start, "status": "completed", "arguments": text})


def _custom(draw: Any, log: EventLog, number: str) -> None:
    start = {"type": "custom_tool_call", "id": number, "call_id": "c" + number, "name": "run", "input": ""}
    where, text = log.item(start), draw(texts)
    for piece in draw(pieces(text)):
        log.add("response.custom_tool_call_input.delta", **where, delta=piece)
    log.add("response.custom_tool_call_input.done", **where, input=text)
    log.done({**start, "input": text})


def _mcp(draw: Any, log: EventLog, number: str) -> None:
    start = {"type": "mcp_call", "id": number, "server_label": "s", "name": "n", "arguments": ""}
    where, text = log.item(start), draw(arguments)
    log.add("response.mcp_call.in_progress", **where)
    for piece in draw(pieces(text)):
        log.add("response.mcp_call_arguments.delta", **where, delta=piece)
    log.add("response.mcp_call_arguments.done", **where, arguments=text)
    log.add(f"response.mcp_call.{draw(st.sampled_from(['completed', 'failed']))}", **where)
    log.done({**start, "arguments": text, "output": draw(st.none() | texts), "error": None})


def _reasoning(draw: Any, log: EventLog, number: str) -> None:
    start = {"type": "reasoning", "id": number, "summary": []}
    where, parts = log.item(start), []
    for index in range(draw(st.integers(0, 2))):
        text, here = draw(texts), {**where, "summary_index": index}
        log.add("response.reasoning_summary_part.added", **here, part={"type": "summary_text", "text": ""})
        for piece in draw(pieces(text)):
            log.add("response.reasoning_summary_text.delta", **here, delta=piece)
        log.add("response.reasoning_summary_text.done", **here, text=text)
        parts.append({"type": "summary_text", "text": text})
        log.add("response.reasoning_summary_part.done", **here, part=parts[-1])
    log.done({**start, "summary": parts, "encrypted_content": draw(st.none() | texts)})


def _search(draw: Any, log: EventLog, number: str) -> None:
    start = {"type": "web_search_call", "id": number, "action": {"type": "search", "query": "q"}}
    where = log.item(start)
    for stage in ("in_progress", "searching", "completed"):
        log.add(f"response.web_search_call.{stage}", **where)
    log.done({**start, "status": "completed"})


def _code(draw: Any, log: EventLog, number: str) -> None:
    start = {"type": "code_interpreter_call", "id": number, "code": "", "container_id": "c", "outputs": None}
    where, text = log.item(start), draw(texts)
    log.add("response.code_interpreter_call.in_progress", **where)
    for piece in draw(pieces(text)):
        log.add("response.code_interpreter_call_code.delta", **where, delta=piece)
    log.add("response.code_interpreter_call_code.done", **where, code=text)
    log.add("response.code_interpreter_call.completed", **where)
    outputs = draw(st.sampled_from([None, [], [{"type": "logs", "logs": "l"}]]))
    log.done({**start, "status": "completed", "code": text, "outputs": outputs})


def _image(draw: Any, log: EventLog, number: str) -> None:
    start = {"type": "image_generation_call", "id": number, "result": None}
    where = log.item(start)
    for index in range(draw(st.integers(0, 2))):
        log.add(
            "response.image_generation_call.partial_image", **where, partial_image_index=index, partial_image_b64="AA=="
        )
    log.add("response.image_generation_call.completed", **where)
    log.done({**start, "status": "completed", "result": "AA=="})


def _thought(draw: Any, log: EventLog, number: str) -> None:
    start: dict[str, Any] = {"type": "reasoning", "id": number, "summary": []}
    where, text = log.item(start), draw(texts)
    part = {"type": "reasoning_text", "text": text}
    log.add("response.content_part.added", **where, content_index=0, part={**part, "text": ""})
    for piece in draw(pieces(text)):
        log.add("response.reasoning_text.delta", **where, content_index=0, delta=piece)
    log.add("response.reasoning_text.done", **where, content_index=0, text=text)
    log.add("response.content_part.done", **where, content_index=0, part=part)
    log.done({**start, "content": [part]})


def _listing(draw: Any, log: EventLog, number: str) -> None:
    start: dict[str, Any] = {"type": "mcp_list_tools", "id": number, "server_label": "s", "tools": []}
    where = log.item(start)
    log.add("response.mcp_list_tools.in_progress", **where)
    log.add("response.mcp_list_tools.completed", **where)
    tools = [{"name": "t", "input_schema": {"type": "object"}, "annotations": None}] * draw(st.integers(0, 2))
    log.done({**start, "tools": tools})


def _unknown(draw: Any, log: EventLog, number: str) -> None:
    where = log.item({"type": "brand_new_call", "id": number})
    log.add("response.brand_new_call.delta", **where, delta=draw(texts), data={"a": [None, 1]})
    log.done({"type": "brand_new_call", "id": number, "status": "completed", "result": draw(texts)})


ITEMS = {
    "code": _code,
    "image": _image,
    "thought": _thought,
    "listing": _listing,
    "unknown": _unknown,
    "function": _function,
    "custom": _custom,
    "mcp": _mcp,
    "reasoning": _reasoning,
    "search": _search,
}


@st.composite
def responses(draw: Any) -> tuple[list[dict[str, Any]], bool, bool]:
    """Draw the events of a response, whether it has a type, and whether it has tools."""
    typed, tools, log = draw(st.booleans()), draw(st.booleans()), EventLog()
    log.add("response.created", response=log.response("in_progress"))
    if draw(st.booleans()):
        log.add("response.in_progress", response=log.response("in_progress"))
    kinds = ["message", *(kind for kind in ITEMS if tools or kind != "function")]
    for number, kind in enumerate(draw(st.lists(st.sampled_from(kinds), max_size=4))):
        if kind == "message":
            _message(draw, log, f"i{number}", typed=typed)
        else:
            ITEMS[kind](draw, log, f"i{number}")
    status = draw(st.sampled_from(["completed", "completed", "incomplete", "failed"]))
    log.add(f"response.{status}", response=log.response(status))
    if draw(st.integers(0, 4)) == 0:
        log.events.pop()
        log.add("error", code="c", message="m", param=None)
    return log.events, typed, tools
