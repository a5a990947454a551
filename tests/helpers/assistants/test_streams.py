"""Streams of assistants' runs: callbacks with snapshots, and the state of a stream that is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from both import Way

import oai
from oai.helpers.assistants.streams import AssistantEventHandler, AsyncAssistantEventHandler
from oai.testing import Answer, Loopback

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated.*:DeprecationWarning")


def run(status: str) -> dict[str, Any]:
    return {"id": "run", "object": "thread.run", "status": status, "thread_id": "t", "assistant_id": "a"}


def message(status: str, *content: Any) -> dict[str, Any]:
    common = {"id": "msg", "object": "thread.message", "created_at": 1, "role": "assistant", "thread_id": "t"}
    return {**common, "content": list(content), "status": status, "metadata": {"index": "kept"}}


def step(status: str, *calls: Any) -> dict[str, Any]:
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return {"id": "step", "object": "thread.run.step", "status": status, "step_details": details, "run_id": "run"}


def text(value: str, index: int | None = None) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {**place, "type": "text", "text": {"value": value, **({"annotations": []} if index is None else {})}}


def code(text: str, index: int | None = None) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    more = {"id": "c", "outputs": []} if text.endswith(("1", "2")) or index is None else {}
    return {**place, "type": "code_interpreter", **more, "code_interpreter": {"input": text, "outputs": []}}


def delta(kind: str, **delta: Any) -> tuple[str, dict[str, Any]]:
    name = "msg" if kind == "message" else "step"
    return f"thread.{kind}.delta", {"id": name, "object": f"thread.{kind}.delta", "delta": delta}


def calls(*items: Any) -> dict[str, Any]:
    return {"step_details": {"type": "tool_calls", "tool_calls": list(items)}}


EVENTS = [
    ("thread.run.created", run("queued")),
    ("thread.run.step.created", step("in_progress")),
    delta("run.step", **calls({"index": 0, "id": "f", "type": "function", "function": {"name": "g", "arguments": ""}})),
    delta("run.step", **calls({"index": 0, "type": "function", "function": {"arguments": '{"a"'}})),
    delta("run.step", **calls({"index": 0, "type": "function", "function": {"arguments": ": 1}"}})),
    delta("run.step", **calls(code("print(", 1))),
    (
        "thread.run.step.completed",
        step(
            "completed", {"id": "f", "type": "function", "function": {"name": "g", "arguments": '{"a": 1}'}}, code("x")
        ),
    ),
    ("thread.message.created", message("in_progress")),
    delta("message", content=[text("Hel", 0)]),
    delta("message", content=[text("lo", 0)]),
    delta("message", content=[{"index": 1, "type": "image_file", "image_file": {"file_id": "file"}}]),
    delta("message", content=[text("Bye", 2)]),
    (
        "thread.message.completed",
        message("completed", text("Hello"), {"type": "image_file", "image_file": {"file_id": "file"}}, text("Bye")),
    ),
    ("thread.run.completed", run("completed")),
]

CALLBACKS = [name for name in vars(AssistantEventHandler) if name.startswith("on_")]


def recorder(is_async: bool) -> tuple[Any, list[tuple[str, Any]]]:
    """Return a handler that records each callback with its last argument."""
    seen: list[tuple[str, Any]] = []

    def callback(name: str) -> Any:
        def record(self: Any, *arguments: Any) -> None:
            seen.append((name, arguments[-1] if arguments else None))

        async def record_async(self: Any, *arguments: Any) -> None:
            record(self, *arguments)

        return record_async if is_async else record

    base = AsyncAssistantEventHandler if is_async else AssistantEventHandler
    callbacks = {name: callback(name) for name in CALLBACKS if name != "on_event"}
    return type("Recorder", (base,), callbacks)(), seen


def answer(events: list[Any], *, done: bool = True) -> Answer:
    lines = [f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in events]
    return Answer.events(lines, done=done)


PATHS = {
    "beta.threads.runs.stream": ({"thread_id": "t", "assistant_id": "a"}, "/v1/threads/t/runs"),
    "beta.threads.runs.create_and_stream": ({"thread_id": "t", "assistant_id": "a"}, "/v1/threads/t/runs"),
    "beta.threads.create_and_run_stream": ({"assistant_id": "a"}, "/v1/threads/runs"),
    "beta.threads.runs.submit_tool_outputs_stream": (
        {"thread_id": "t", "run_id": "r", "tool_outputs": []},
        "/v1/threads/t/runs/r/submit_tool_outputs",
    ),
}


@pytest.mark.parametrize("path", PATHS)
def test_handler_gets_callbacks(path: str, way: Way, server: Loopback) -> None:
    params, url = PATHS[path]
    handler, seen = recorder(way.is_async)
    server.reply(answer(EVENTS))
    read = way.read(path, "get_final_messages", event_handler=handler, **params)
    assert (read.error, read.stream, len(read.events)) == (None, handler, len(EVENTS))
    assert (server.requests[0].path, server.requests[0].json()["stream"]) == (url, True)
    assert [name for name, _ in seen] == [
        "on_run_step_created",
        *("on_tool_call_created", "on_run_step_delta"),
        *("on_tool_call_delta", "on_run_step_delta") * 2,
        *("on_tool_call_done", "on_tool_call_created", "on_run_step_delta"),
        *("on_tool_call_done", "on_run_step_done"),
        "on_message_created",
        *("on_text_created", "on_text_delta", "on_message_delta"),
        *("on_text_delta", "on_message_delta"),
        *("on_text_done", "on_message_delta"),
        *("on_text_created", "on_text_delta", "on_image_file_done", "on_message_delta"),
        *("on_text_done", "on_message_done"),
        "on_end",
    ]
    by_name: dict[str, list[Any]] = {}
    for name, argument in seen:
        by_name.setdefault(name, []).append(argument)
    assert [text.value for text in by_name["on_text_delta"]] == ["Hel", "Hello", "Bye"]
    assert [text.value for text in by_name["on_text_done"]] == ["Hello", "Bye"]
    assert [call.function.arguments for call in by_name["on_tool_call_delta"]] == ['{"a"', '{"a": 1}']
    assert [call.type for call in by_name["on_tool_call_done"]] == ["function", "code_interpreter"]
    assert by_name["on_message_delta"][1].content[0].text.value == "Hello"
    assert [event.to_dict() for event in read.final] == [EVENTS[-2][1]]
    assert read.stream.current_run.status == "completed"
    assert read.stream.current_message_snapshot.to_dict() == EVENTS[-2][1]
    assert read.stream.current_run_step_snapshot is None


def test_finished_run_without_its_marker_is_whole(way: Way, server: Loopback) -> None:
    handler, seen = recorder(way.is_async)
    server.reply(answer(EVENTS, done=False))
    read = way.read("beta.threads.runs.stream", "get_final_run", thread_id="t", assistant_id="a", event_handler=handler)
    assert (read.error, len(read.events), read.final.status) == (None, len(EVENTS), "completed")
    assert "on_exception" not in [name for name, _ in seen]


@pytest.mark.parametrize("kept", range(len(EVENTS)))
def test_cut_run_raises_and_keeps_the_snapshots(kept: int, way: Way, server: Loopback) -> None:
    handler, seen = recorder(way.is_async)
    server.reply(answer(EVENTS[:kept], done=False))
    read = way.read("beta.threads.runs.stream", "get_final_run", thread_id="t", assistant_id="a", event_handler=handler)
    assert isinstance(read.error, oai.APIConnectionError)
    assert (read.again is read.error, len(read.events)) == (True, kept)
    assert [name for name, _ in seen[-2:]] == ["on_exception", "on_end"]
    assert seen[-2][1] is read.error
    snapshot = handler.current_message_snapshot
    content = "".join(part.text.value for part in snapshot.content if part.type == "text") if snapshot else None
    assert content == {**dict.fromkeys(range(8)), 8: "", 9: "Hel", 10: "Hello", 11: "Hello"}.get(kept, "HelloBye")
    assert (handler.current_run_step_snapshot is None) == (kept < 2 or kept > 6)


def test_stream_without_a_handler_is_iterable(way: Way, server: Loopback) -> None:
    async def collect(stream: Any) -> Any:
        texts = [text async for text in stream.text_deltas]
        return texts, await stream.get_final_run(), await stream.get_final_run_steps()

    def collect_now(stream: Any) -> Any:
        return list(stream.text_deltas), stream.get_final_run(), stream.get_final_run_steps()

    server.reply(answer(EVENTS))
    use = collect if way.is_async else collect_now
    texts, final, steps = way.use("beta.threads.runs.stream", use, thread_id="t", assistant_id="a")
    assert (texts, final.status) == (["Hel", "lo", "Bye"], "completed")
    assert [event.to_dict() for event in steps] == [EVENTS[6][1]]


def test_exception_of_a_callback_is_raised(server: Loopback) -> None:
    class Closing(AssistantEventHandler):
        def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            raise RuntimeError("enough")

    server.reply(answer(EVENTS))
    client = oai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
    params: Any = {"thread_id": "t", "assistant_id": "a", "event_handler": Closing()}
    with client, client.beta.threads.runs.stream(**params) as stream:
        with pytest.raises(RuntimeError, match="enough"):
            stream.until_done()
        with pytest.raises(RuntimeError, match="enough"):
            stream.get_final_run()


def test_callback_may_close_the_stream(way: Way, server: Loopback) -> None:
    class Closing(AssistantEventHandler):
        def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            self.close()

    class ClosingAsync(AsyncAssistantEventHandler):
        async def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            await self.close()

    server.reply(answer(EVENTS))
    handler = ClosingAsync() if way.is_async else Closing()
    read = way.read("beta.threads.runs.stream", "get_final_run", thread_id="t", assistant_id="a", event_handler=handler)
    assert read.error is None
    assert (read.events[-1].event, len(read.events)) == ("thread.message.delta", 9)
    assert "closed before its end" in str(read.again)
