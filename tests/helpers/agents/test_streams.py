"""Turns of agents: their events, their accumulated result, and the tool calls run while they are read."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec
import pytest
from agent_service import HELLO, WAIT, Agents, about, call, delta, event, item, message, session, turn, turn_events
from both import Way
from pydantic import BaseModel

import oai
from oai._flow.steps import run, run_async
from oai.helpers.agents import calls as agent_calls
from oai.helpers.agents import turn_events as agent_turn_events
from oai.lib.beta.agents import (
    AgentOutputParseError,
    AgentSessionEventStream,
    AgentSessionStream,
    AgentToolError,
    AgentTurnResult,
    AgentTurnResultError,
    AsyncAgentSessionEventStream,
    AsyncAgentSessionStream,
    agent_text_format,
    function_tool,
)
from oai.testing import Answer, Loopback

STREAM = "beta.agents.sessions.stream"
CREATE = "beta.agents.sessions.create"
PATHS = [STREAM, CREATE]


class Report(msgspec.Struct):
    summary: str
    findings: list[str]


class Model(BaseModel):
    summary: str


REPORT = '{"summary": "well", "findings": ["a"]}'


def params(path: str, **more: Any) -> dict[str, Any]:
    first = {"session_id": "sess_1"} if path == STREAM else {"environment": {"type": "none"}, "stream": True}
    return {**first, "input": "Hi", **more}


def use(way: Way, path: str, scenario: Callable[[Any], Any], **arguments: Any) -> Any:
    """Open the stream at a path and run a scenario, which yields the results of the stream's methods to wait for them."""

    async def main() -> Any:
        async with oai.AsyncOpenAI(**way.options) as client:
            opened = attrgetter(path)(client)(**arguments)
            opened = await opened if inspect.isawaitable(opened) else opened
            async with opened as stream:
                return await run_async(scenario(stream))

    if way.is_async:
        return asyncio.run(main())
    with oai.OpenAI(**way.options) as client, attrgetter(path)(client)(**arguments) as stream:
        return run(scenario(stream))


def next_of(stream: Any) -> Any:
    """Return the next event, to be yielded; raise `Stop` at the end."""
    return stream.__anext__() if hasattr(stream, "__anext__") else next(stream)


def collect(stream: Any, events: list[Any], count: int = 1000) -> Any:
    """Append the events of a stream to a list, up to its end or `count`."""
    while len(events) < count:
        try:
            events.append((yield next_of(stream)))
        except (StopIteration, StopAsyncIteration):
            return


def final(stream: Any) -> Any:
    return (yield stream.get_final_result())


def types(events: list[Any]) -> list[str]:
    return [event.type for event in events]


@pytest.mark.parametrize("path", PATHS)
def test_events_are_yielded_and_accumulated(path: str, way: Way, server: Loopback) -> None:
    agents = Agents(server, HELLO)
    events: list[Any] = []

    def scenario(stream: Any) -> Any:
        assert stream.with_result_collection() is stream
        yield from collect(stream, events)
        first = yield stream.get_final_result()
        assert (yield stream.get_final_result()) is first
        assert stream.response.status_code == 200
        return type(stream), first

    kind, result = use(way, path, scenario, **params(path))
    assert path == STREAM or issubclass(kind, (oai.Stream, oai.AsyncStream))
    kinds = {STREAM: (AgentSessionStream, AsyncAgentSessionStream)}
    assert kind is kinds.get(path, (AgentSessionEventStream, AsyncAgentSessionEventStream))[way.is_async]
    begun = [] if path == STREAM else ["agent.session.created", "agent.session.in_progress"]
    assert types(events) == [*begun, *(event["type"] for event in HELLO)]
    assert isinstance(result, AgentTurnResult)
    assert (result.output_text, result.session_id, result.turn_id) == ("Hello", "sess_1", "turn_1")
    assert (result.turn.status, result.output_parsed) == ("completed", None)
    assert [message.output_text for message in result.messages] == ["Hello"]
    assert server.until(lambda: not server.open_connections)
    if path == STREAM:
        requests = [(seen.method, seen.path.removeprefix("/v1/agents/sessions/sess_1")) for seen in server.requests]
        assert requests == [("GET", ""), ("GET", "/events"), ("POST", "/events")]
        content = [{"type": "input_text", "text": "Hi"}]
        message = {"role": "user", "content": content}
        assert agents.sent == [{"type": "agent.session.input.message", "input": [message]}]
        assert len(server.requests[2].header("idempotency-key") or "") == 36
    else:
        assert agents.created == [{"environment": {"type": "none"}, "stream": True, "input": "Hi"}]
    assert all(seen.header("openai-beta") == "agents=v1" for seen in server.requests)


@pytest.mark.parametrize("path", PATHS)
def test_result_contains_the_final_messages_of_the_root_turn_in_order(path: str, way: Way, server: Loopback) -> None:
    other = [turn("created", "turn_2", subagent="sub"), message("not mine", index=0, turn_id="turn_2", id="x")]
    comments = [message("thinking", "commentary", 1), message("half", index=5, status="incomplete")]
    again = [message("draft", "final_answer", 3), message("B", "final_answer", 3)]
    events = turn_events(*other, *comments, *again, turn("completed", "turn_2", "sub"), message("A", None, 2))
    Agents(server, events, before=(about("idle"),))
    result = use(way, path, final, **params(path))
    assert result.output_text == "AB"
    assert [message.phase for message in result.messages] == [None, "final_answer"]


@pytest.mark.parametrize("cut", range(len(HELLO)))
@pytest.mark.parametrize("path", PATHS)
def test_cut_stream_raises_and_its_error_carries_the_messages(path: str, cut: int, way: Way, server: Loopback) -> None:
    agents = Agents(server, HELLO, cut=cut)
    begun = 0 if path == STREAM else 2
    events: list[Any] = []

    def scenario(stream: Any) -> Any:
        stream.with_result_collection()
        yield from collect(stream, events, begun + cut)
        agents.read.set()
        with pytest.raises(oai.APIConnectionError) as broken:
            yield next_of(stream)
        with pytest.raises(AgentTurnResultError) as caught:
            yield stream.get_final_result()
        return broken.value, caught.value

    broken, error = use(way, path, scenario, **params(path))
    assert types(events)[begun:] == [event["type"] for event in HELLO[:cut]]
    assert (error.reason, error.__cause__) == ("observation_failed", broken)
    assert error.session_id == "sess_1"
    assert error.turn_id == ("turn_1" if cut else None)
    assert (error.turn.status if error.turn else None) == (None if not cut else "completed" if cut > 5 else "queued")
    assert [message.output_text for message in error.messages] == (["Hello"] if cut > 4 else [])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.reason, copy.turn_id) == (str(error), error.reason, error.turn_id)
    assert server.until(lambda: not server.open_connections)


def test_events_ending_before_the_turn_raise(way: Way, server: Loopback) -> None:
    Agents(server, HELLO[:-1])
    with pytest.raises(agent_turn_events.AgentStreamEndedError, match="ended before its turn") as caught:
        use(way, STREAM, lambda stream: collect(stream, []), **params(STREAM))
    assert isinstance(caught.value, (RuntimeError, oai.APIConnectionError))
    Agents(server, HELLO[:-1])
    with pytest.raises(AgentTurnResultError) as error:
        use(way, CREATE, final, **params(CREATE))
    assert (error.value.reason, error.value.messages[0].output_text) == ("incomplete", "Hello")


APPROVAL = {
    "type": "mcp_approval_request",
    "request_id": "r",
    "turn_id": "turn_1",
    "request": {"type": "mcp_tool_call"},
}
REQUIRED = {"type": "function_call", "name": "other", "call_id": "c", "turn_id": "turn_1", "arguments": {}}
REASONS: dict[str, tuple[str, list[Any]]] = {
    "a turn that failed": ("failed", turn_events(message("half"), status="failed")),
    "a turn that was cancelled": ("cancelled", turn_events(message("half"), status="cancelled")),
    "a session that failed": ("failed", [turn("created"), message("half"), about("failed", error="x")]),
    "an approval": (
        "requires_action",
        [turn("created"), message("half"), about("requires_action", required_actions=[APPROVAL])],
    ),
    "a tool without a handler": (
        "requires_action",
        [turn("created"), message("half"), about("requires_action", required_actions=[REQUIRED])],
    ),
    "a budget that was spent before": ("incomplete", [about("budget_reached")]),
}


@pytest.mark.parametrize("case", REASONS)
@pytest.mark.parametrize("path", PATHS)
def test_turn_without_a_result_raises_with_the_reason(path: str, case: str, way: Way, server: Loopback) -> None:
    reason, events = REASONS[case]
    Agents(server, events)
    with pytest.raises(AgentTurnResultError, match=rf"\({reason}\)") as caught:
        use(way, path, final, **params(path))
    error = caught.value
    assert (error.reason, error.session_id) == (reason, "sess_1")
    assert [message.output_text for message in error.messages] == ([] if reason == "incomplete" else ["half"])
    assert len(error.required_actions) == (reason == "requires_action")
    assert server.until(lambda: not server.open_connections)


@pytest.mark.parametrize("path", PATHS)
def test_error_event_is_yielded_and_does_not_end_the_stream(path: str, way: Way, server: Loopback) -> None:
    failing = event("error", session_id="sess_1", error={"message": "boom", "type": "server_error"})
    Agents(server, [turn("created"), failing, turn("failed"), about("failed", error="boom")])
    events: list[Any] = []
    use(way, path, lambda stream: collect(stream, events), **params(path))
    error = next(event for event in events if event.type == "error")
    assert (type(error).__name__, error.error.message) == ("AgentSessionErrorEvent", "boom")
    assert events[-1].type == "agent.session.failed"


def test_error_without_an_event_type_raises(way: Way, server: Loopback) -> None:
    server.reply(Answer.events([{"error": {"message": "boom", "code": "c"}}], done=False))
    with pytest.raises(oai.StreamError, match="boom"):
        use(way, CREATE, lambda stream: collect(stream, []), **params(CREATE))
    server.reply(Answer.events([b'event: error\ndata: {"message": "boom"}\n\n'], done=False))
    with pytest.raises(oai.StreamError, match="boom"):
        use(way, CREATE, lambda stream: collect(stream, []), **params(CREATE))


def test_turn_ends_when_the_budget_is_reached(way: Way, server: Loopback) -> None:
    Agents(server, turn_events(message("Hello"), end="budget_reached"))
    assert use(way, STREAM, final, **params(STREAM)).output_text == "Hello"


def test_duplicate_events_are_dropped(way: Way, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_turn_events, "RECENT", 2)
    first, second, third = delta("a"), delta("b"), delta("c")
    Agents(server, turn_events(first, first, second, first, third, first, message("Hello")), before=(about("idle"),))
    events: list[Any] = []
    use(way, STREAM, lambda stream: collect(stream, events), **params(STREAM))
    assert [event.delta for event in events if hasattr(event, "delta")] == ["a", "b", "c", "a"]


def test_result_collection_must_start_before_the_first_event(way: Way, server: Loopback) -> None:
    Agents(server, HELLO)

    def scenario(stream: Any) -> Any:
        yield next_of(stream)
        with pytest.raises(RuntimeError, match="with_result_collection"):
            stream.with_result_collection()
        with pytest.raises(RuntimeError, match="with_result_collection"):
            yield stream.get_final_result()

    use(way, STREAM, scenario, **params(STREAM))


def test_session_that_is_not_idle_raises(way: Way, server: Loopback) -> None:
    Agents(server, HELLO, status="in_progress")
    with pytest.raises(ValueError, match=r"'in_progress', not idle.*events\.stream"):
        use(way, STREAM, final, **params(STREAM))
    assert [seen.method for seen in server.requests] == ["GET"]


def test_rejected_input_closes_the_event_stream(way: Way, server: Loopback) -> None:
    agents = Agents(server, HELLO, refuse=lambda _: Answer.error(400, "not now"))
    with pytest.raises(oai.BadRequestError, match="not now"):
        use(way, STREAM, final, **params(STREAM))
    agents.give_up()
    assert server.until(lambda: not server.open_connections)


@pytest.mark.parametrize("empty", ["", []])
def test_empty_input_raises_immediately(empty: Any, way: Way, server: Loopback) -> None:
    with pytest.raises(ValueError, match="`input` must be a non-empty"):
        use(way, STREAM, final, **params(STREAM, input=empty))
    assert server.requests == []


def test_idempotency_key_and_options_go_to_the_right_requests(way: Way, server: Loopback) -> None:
    agents = Agents(server, turn_events(call("look", {}), WAIT, message("Hello")))
    options = {"idempotency_key": "mine", "extra_headers": {"X-Own": "1"}, "extra_query": {"q": "1"}}
    messages = [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]
    more = {"input": iter(messages), "tool_handlers": {"look": lambda _: "x"}, "extra_body": {"extra": 1}}
    use(way, STREAM, final, **params(STREAM, **options, **more))
    look, listen, send, result = server.requests
    assert [seen.header("idempotency-key") for seen in (look, listen, send)] == [None, None, "mine"]
    assert result.header("idempotency-key") not in (None, "mine")
    assert {seen.header("x-own") for seen in server.requests} == {"1"}
    assert [seen.query for seen in server.requests] == ["q=1", "q=1", "q=1", ""]
    assert (send.json()["extra"], send.json()["events"][0]["input"]) == (1, messages)
    assert len(agents.results) == 1
    headers = {"IDEMPOTENCY-key": "theirs"}
    use(
        way,
        STREAM,
        final,
        **params(STREAM, idempotency_key="mine", extra_headers=headers, tool_handlers={"look": lambda _: "x"}),
    )
    keys = [seen.header("idempotency-key") for seen in server.requests[4:]]
    assert keys[:3] == [None, None, "theirs"]
    assert keys[3] not in ("mine", "theirs")


def test_stream_is_entered_once_and_not_read_before(way: Way, server: Loopback) -> None:
    Agents(server, HELLO)

    def scenario(stream: Any) -> Any:
        with pytest.raises(RuntimeError, match="only be entered once"):
            yield stream.__aenter__() if way.is_async else stream.__enter__()

    use(way, STREAM, scenario, **params(STREAM))

    def unopened(client: Any) -> Any:
        stream = client.beta.agents.sessions.stream("sess_1", input="x")
        assert "sess_1" in repr(stream)
        for method in ("get_final_result", "until_done"):
            with pytest.raises(oai.OpenAIError, match="not open yet"):
                yield getattr(stream, method)()
        yield stream.close()

    client: Any = (oai.AsyncOpenAI if way.is_async else oai.OpenAI)(**way.options)
    asyncio.run(run_async(unopened(client))) if way.is_async else run(unopened(client))


@pytest.mark.parametrize("path", PATHS)
def test_closing_a_stream_releases_its_connection(path: str, way: Way, server: Loopback) -> None:
    agents = Agents(server, [turn("created"), call("look", {}), WAIT, *HELLO])

    def scenario(stream: Any) -> Any:
        yield next_of(stream)
        yield stream.close()
        with pytest.raises((StopIteration, StopAsyncIteration)):
            yield next_of(stream)
        yield stream.close()

    use(way, path, scenario, **params(path))
    agents.give_up()
    assert server.until(lambda: not server.open_connections)


def answering(way: Way, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as a handler: a coroutine function if the client is async."""

    async def later(arguments: Any) -> Any:
        await asyncio.sleep(0)
        return function(arguments)

    return later if way.is_async else function


OUTPUTS: list[tuple[Any, Any]] = [
    ("text", "text"),
    (None, None),
    ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
    ([{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "u"}], ...),
    ([1, 2], "[1,2]"),
    ((), "[]"),
    (5, "5"),
    (Report("well", ["a"]), '{"summary":"well","findings":["a"]}'),
    (Model(summary="well"), '{"summary":"well"}'),
]


@pytest.mark.parametrize(("output", "sent"), OUTPUTS)
@pytest.mark.parametrize("path", PATHS)
def test_tool_calls_are_run_while_reading(path: str, output: Any, sent: Any, way: Way, server: Loopback) -> None:
    received: list[Any] = []

    def look(arguments: dict[str, Any]) -> Any:
        received.append(arguments)
        return output

    agents = Agents(server, turn_events(call("look", '{"id": 1}'), WAIT, about("in_progress"), message("Hello")))
    handlers = {"look": answering(way, look)}
    result = use(way, path, final, **params(path, tool_handlers=handlers))
    assert (result.output_text, received) == ("Hello", [{"id": 1}])
    common = {"type": "agent.session.input.tool_result", "turn_id": "turn_1", "call_id": "call_1", "success": True}
    assert agents.results == [{**common, "output": output if sent is ... else sent}]


def test_each_call_runs_once_after_its_event(way: Way, server: Loopback) -> None:
    order: list[str] = []

    def look(arguments: dict[str, Any]) -> str:
        order.append(f"ran {arguments['n']}")
        return "x"

    required = {
        "type": "function_call",
        "name": "look",
        "call_id": "call_1",
        "turn_id": "turn_1",
        "arguments": {"n": 1},
    }
    events = turn_events(
        call("look", {"n": 1}),
        WAIT,
        about("requires_action", required_actions=[required]),
        call("look", {"n": 1}),
        call("other", {}, "call_2"),
        call("look", {"n": 3}, "call_3"),
        WAIT,
        message("Hello"),
    )
    agents = Agents(server, events)

    def scenario(stream: Any) -> Any:
        stream.with_result_collection()
        for _ in range(8):
            event_ = yield next_of(stream)
            if event_.type.endswith("item.added"):
                order.append(f"event {event_.item.call_id}")
                event_.item.arguments = None  # the call has a copy
        return (yield stream.get_final_result())

    assert use(way, STREAM, scenario, **params(STREAM, tool_handlers={"look": look})).output_text == "Hello"
    calls = ["event call_1", "ran 1", "event call_1", "event call_2", "event call_3", "ran 3"]
    assert order == calls
    assert [result["call_id"] for result in agents.results] == ["call_1", "call_3"]
    keys = {seen.header("idempotency-key") for seen in server.requests if seen.method == "POST"}
    assert len(keys) == 3


def broken(_: Any) -> Any:
    raise LookupError("the password is secret")


STAGES: dict[str, tuple[Any, Any, str]] = {
    "not JSON": (lambda _: "x", "{", "arguments"),
    "no object": (lambda _: "x", "[1]", "arguments"),
    "a handler that raises": (broken, {}, "execution"),
    "what cannot be sent": (lambda _: {"a": object()}, {}, "output"),
    "a number that is none": (lambda _: {"a": float("nan")}, {}, "output"),
    "arguments that do not fit": (function_tool(lambda: None), {"x": 1}, "arguments"),
}


@pytest.mark.parametrize("case", STAGES)
@pytest.mark.parametrize("observer", ["none", "notes", "raises"])
def test_failed_call_hides_its_reason_from_the_model(case: str, observer: str, way: Way, server: Loopback) -> None:
    handler, arguments, stage = STAGES[case]
    agents = Agents(server, turn_events(call("look", arguments), WAIT, message("Hello")))
    seen: list[AgentToolError] = []

    def note(error: AgentToolError) -> None:
        seen.append(error)
        if observer == "raises":
            raise RuntimeError("the observer is broken")

    options = {} if observer == "none" else {"on_tool_error": answering(way, note)}
    result = use(way, STREAM, final, **params(STREAM, tool_handlers={"look": handler}, **options))
    assert result.output_text == "Hello"
    common = {"type": "agent.session.input.tool_result", "turn_id": "turn_1", "call_id": "call_1"}
    assert agents.results == [{**common, "success": False, "error": "Tool handler failed."}]
    if observer != "none":
        (error,) = seen
        assert (error.stage, error.tool_name, error.call_id) == (stage, "look", "call_1")
        assert (error.session_id, error.turn_id, isinstance(error.error, Exception)) == ("sess_1", "turn_1", True)


def test_async_handler_works_with_a_sync_client(server: Loopback) -> None:
    agents = Agents(server, turn_events(call("look", {}), WAIT, message("Hello")))
    seen: list[Any] = []

    async def look(_: Any) -> str:
        await asyncio.sleep(0)
        return "found"

    async def note(error: Any) -> None:
        seen.append(error)

    options = {"api_key": "k", "base_url": f"{server.url}/v1"}
    use(Way(False, options), STREAM, final, **params(STREAM, tool_handlers={"look": look}, on_tool_error=note))
    assert (agents.results[0]["output"], seen) == ("found", [])


UNKNOWN = "Unknown pending tool call: call_1"


@pytest.mark.parametrize(("times", "message_", "passes"), [(3, UNKNOWN, True), (4, UNKNOWN, False), (1, "no", False)])
def test_result_sent_too_early_is_retried(
    times: int, message_: str, passes: bool, way: Way, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_calls, "DELAYS", (0.001, 0.001, 0.001))
    refused: list[Any] = []

    def refuse(sent: Any) -> Answer | None:
        if sent["type"].endswith("message") or len(refused) == times:
            return None
        refused.append(sent)
        return Answer.error(400, message_, "invalid_request_error")

    agents = Agents(server, turn_events(call("look", {}), *([WAIT] if passes else []), message("Hello")), refuse=refuse)
    arguments = params(STREAM, tool_handlers={"look": lambda _: "x"})
    if passes:
        assert use(way, STREAM, final, **arguments).output_text == "Hello"
        assert len(agents.results) == 1
    else:
        with pytest.raises(AgentTurnResultError) as caught:
            use(way, STREAM, final, **arguments)
        assert caught.value.reason == "observation_failed"
        assert isinstance(caught.value.__cause__, oai.BadRequestError)
    keys = [seen.header("idempotency-key") for seen in server.requests[3:]]
    assert (len(keys), len(set(keys))) == (len(refused) + passes, 1)


def test_handler_may_close_the_stream(server: Loopback) -> None:
    agents = Agents(server, turn_events(call("look", {}), message("Hello")))
    with oai.OpenAI(api_key="k", base_url=f"{server.url}/v1") as client:
        opened: list[Any] = []

        def look(_: Any) -> str:
            opened[0].close()
            return "x"

        with client.beta.agents.sessions.stream("sess_1", input="x", tool_handlers={"look": look}) as stream:
            opened.append(stream)
            assert types(list(stream))[-1] == "agent.session.turn.item.added"
    assert len(agents.results) == 1


@pytest.mark.parametrize("kind", [Report, Model])
@pytest.mark.parametrize("path", PATHS)
def test_output_is_parsed_into_a_type(path: str, kind: Any, way: Way, server: Loopback) -> None:
    text = REPORT if kind is Report else '{"summary": "well"}'
    agents = Agents(server, turn_events(message(text)))
    agent = {"agent": {"model": "m", "text": {"verbosity": "low"}}} if path == CREATE else {}
    result = use(way, path, final, **params(path, output_type=kind, **agent))
    assert result.output_parsed == (Report("well", ["a"]) if kind is Report else Model(summary="well"))
    assert (result.output_text, result.turn_id) == (text, "turn_1")
    if path == CREATE:
        form = agents.created[0]["agent"]["text"]["format"]
        assert form == agent_text_format(kind)
        assert form["schema"]["additionalProperties"] is False
        assert agents.created[0]["agent"]["text"]["verbosity"] == "low"
        assert "output_type" not in agents.created[0]


@pytest.mark.parametrize("texts", [["{}"], [REPORT, "no JSON"], []])
def test_parse_error_carries_the_result(texts: list[str], way: Way, server: Loopback) -> None:
    Agents(server, turn_events(*(message(text, index=n) for n, text in enumerate(texts))))
    with pytest.raises(AgentOutputParseError) as caught:
        use(way, STREAM, final, **params(STREAM, output_type=Report))
    assert isinstance(caught.value, oai.ParseError)
    assert caught.value.result.output_text == "".join(texts)
    assert pickle.loads(pickle.dumps(caught.value)).text == (texts or [""])[-1]


def test_result_can_be_parsed_later(way: Way, server: Loopback) -> None:
    Agents(server, turn_events(message(REPORT)))
    result = use(way, STREAM, final, **params(STREAM))
    parsed = result.parse(Report)
    assert (result.output_parsed, parsed.output_parsed.findings) == (None, ["a"])


def test_invalid_arguments_of_create_raise_before_any_request(way: Way, server: Loopback) -> None:
    with pytest.raises(ValueError, match="requires stream=True"):
        way.call(CREATE, environment={"type": "none"}, tool_handlers={})
    form = {"text": {"format": {"type": "text"}}}
    with pytest.raises(ValueError, match="pass one of them"):
        way.call(CREATE, environment={"type": "none"}, agent=form, output_type=Report)
    with pytest.raises(TypeError, match="Did you mean 'output_type'"):
        way.call(CREATE, environment={"type": "none"}, output_typ=Report)
    assert server.requests == []


def test_session_without_a_stream_accepts_an_output_type(way: Way, server: Loopback) -> None:
    agents = Agents(server, HELLO)
    assert way.call(CREATE, environment={"type": "none"}, output_type=Report).id == "sess_1"
    assert agents.created[0]["agent"] == {"text": {"format": agent_text_format(Report)}}


@pytest.mark.parametrize("view", ["with_raw_response", "with_streaming_response"])
def test_raw_and_streaming_views_return_the_same_stream(view: str, way: Way, server: Loopback) -> None:
    Agents(server, turn_events(call("look", {}), WAIT, message(REPORT)))
    arguments = params(CREATE, tool_handlers={"look": lambda _: "x"}, output_type=Report)

    def scenario(client: Any) -> Any:
        opening = getattr(client.beta.agents.sessions, view).create(**arguments)
        if view == "with_raw_response":
            stream = (yield opening).parse()
        else:
            opened = yield (opening.__aenter__() if way.is_async else opening.__enter__())
            stream = opened.parse()
            stream = (yield stream) if way.is_async else stream
        result = yield stream.get_final_result()
        return result.output_parsed

    async def main() -> Any:
        async with oai.AsyncOpenAI(**way.options) as client:
            return await run_async(scenario(client))

    if way.is_async:
        parsed = asyncio.run(main())
    else:
        with oai.OpenAI(**way.options) as client:
            parsed = run(scenario(client))
    assert parsed == Report("well", ["a"])


def test_events_without_their_fields_are_ignored(way: Way, server: Loopback) -> None:
    odd = [event(whole["type"]) for whole in turn_events(call("look", {}), message("x"))]
    odd += [event("agent.session.failing"), item("done", {"type": "own"}), event("own", turn={"a": 1})]
    Agents(server, [*odd, *turn_events({**message("Hello"), "own": 1})])
    result = use(way, CREATE, final, **params(CREATE, tool_handlers={"look": lambda _: "x"}))
    assert result.output_text == "Hello"


def test_cancelled_task_closes_the_connection(server: Loopback) -> None:
    agents = Agents(server, turn_events(call("look", {}), WAIT, message("Hello")))
    begun = asyncio.Event()

    async def look(_: Any) -> str:
        begun.set()
        await asyncio.Event().wait()
        return "never"

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1") as client:

            async def read() -> None:
                handlers = {"look": look}
                async with client.beta.agents.sessions.stream("sess_1", input="x", tool_handlers=handlers) as stream:
                    await stream.until_done()

            task = asyncio.create_task(read())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    agents.give_up()
    assert server.until(lambda: not server.open_connections)


def test_fake_session_is_decoded_as_a_session(client: oai.OpenAI, server: Loopback) -> None:
    Agents(server, HELLO)
    retrieved = client.beta.agents.sessions.retrieve("sess_1")
    assert json.loads(retrieved.to_json())["status"] == session()["status"]
