"""Sessions with lanes over one WebSocket, side by side with the official SDK's at one server."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from peer import Peer, drop, peer, say
from planted import KEY
from response_data import response

import oai
from oai.lib.responses_websocket import (
    AsyncResponsesWebSocketSession,
    ResponsesWebSocketBufferError,
    ResponsesWebSocketError,
    ResponsesWebSocketLimits,
    ResponsesWebSocketSession,
)

# The official SDK uses `websockets` in a way that a newer one warns about.
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")

BUDGETS = {"max_lanes": 4, "max_events_per_lane": 20, "max_events": 40, "max_bytes_per_lane": 9999, "max_bytes": 20000}
PATIENCE = 30


def limits(**changes: Any) -> ResponsesWebSocketLimits:
    return ResponsesWebSocketLimits(**{**BUDGETS, **changes})


def sides() -> list[Any]:
    """Return the module of ours and, if it is installed, the official SDK's, each with its package."""
    names = [name for name in ("oai", "openai") if importlib.util.find_spec(name) is not None]
    return [
        (importlib.import_module(name), importlib.import_module(f"{name}.lib.responses_websocket")) for name in names
    ]


def answers(seen: Peer, socket: Any) -> None:
    """Answer each request in its lane; the input says how."""
    for number, frame in enumerate(socket):
        seen.frames.append(frame)
        request = json.loads(frame)
        lane = {"stream_id": request["stream_id"]} if "stream_id" in request else {}
        how = request.get("input", "")
        if how == "fail":
            say(socket, type="error", code="bad", message="Bad.", status=400, **lane)
            continue
        say(socket, type="response.created", sequence_number=0, response=response(number), **lane)
        for index in range(8 if how == "much" else 1):
            say(socket, type="response.output_text.delta", sequence_number=1, delta=f"{index}", **lane)
        item = {"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": []}
        say(socket, type="response.output_item.done", sequence_number=2, output_index=0, item=item, **lane)
        kind = "failed" if how == "break" else "completed"
        whole = {**response(number), "status": kind, **({"output": None} if how == "omit" else {})}
        say(socket, type=f"response.{kind}", sequence_number=3, response=whole, **lane)


def create(how: str = "") -> dict[str, Any]:
    return {"type": "response.create", "model": "m", "input": how}


def facts(answer: Any) -> tuple[str, str, int]:
    return answer.id, answer.status, len(answer.output)


def with_session(
    behave: Callable[[Peer, Any], None], use: Callable[[Any, Any], Any], **options: Any
) -> list[tuple[Any, list[Any]]]:
    """Run a program with a session of each side; return its results, and the events that were sent."""
    results = []
    budgets = {**BUDGETS, **options.pop("limits", {})}
    for package, module in sides():
        with peer(behave) as server, package.OpenAI(api_key=KEY, base_url=server.url) as client:
            kept = module.ResponsesWebSocketLimits(**budgets)
            with (
                client.responses.connect() as connection,
                module.ResponsesWebSocketSession(connection, limits=kept, **options) as session,
            ):
                result = use(session, module)
        results.append((result, server.events))
    assert all(result == results[0] for result in results)
    return results


def test_lanes_receive_their_own_events() -> None:
    def use(session: Any, module: Any) -> Any:
        one, two = session.lane("one"), session.lane("two")
        one.send(create())
        two.send(create("break"))
        session.default.send(create())
        kinds = [one.recv(timeout=PATIENCE).type for _ in range(4)]
        finals = [facts(lane.get_final_response(timeout=PATIENCE)) for lane in (one, two, session.default)]
        one.send({**create("omit"), "stream_id": "one"})
        return kinds, finals, facts(one.get_final_response(timeout=PATIENCE))

    (kinds, finals, again), sent = with_session(answers, use)[0]
    assert kinds == [f"response.{name}" for name in ("created", "output_text.delta", "output_item.done", "completed")]
    assert [final[:2] for final in finals] == [("resp_0", "completed"), ("resp_1", "failed"), ("resp_2", "completed")]
    assert again == ("resp_3", "completed", 1)
    assert [event.get("stream_id") for event in sent] == ["one", "two", None, "one"]


def test_coroutines_do_the_same() -> None:
    async def run(package: Any, module: Any, url: str) -> Any:
        async with package.AsyncOpenAI(api_key=KEY, base_url=url) as client, client.responses.connect() as connection:
            kept = module.ResponsesWebSocketLimits(**BUDGETS)
            async with module.AsyncResponsesWebSocketSession(connection, limits=kept) as session:
                lanes = [session.lane("one"), session.lane("two"), session.default]
                for lane in lanes:
                    await lane.send(create())
                return [facts(await lane.get_final_response()) for lane in lanes]

    results = []
    for package, module in sides():
        with peer(answers) as server:
            results.append(asyncio.run(run(package, module, server.url)))
    assert all(result == results[0] for result in results)
    assert results[0][2][:2] == ("resp_2", "completed")


def test_error_event_is_the_error_of_its_request() -> None:
    def use(session: Any, module: Any) -> Any:
        lane = session.lane("one")
        lane.send(create("fail"))
        with pytest.raises(module.ResponsesWebSocketError) as caught:
            lane.get_final_response(timeout=PATIENCE)
        lane.send(create())
        return caught.value.event.type, facts(lane.get_final_response(timeout=PATIENCE))[:2]

    assert with_session(answers, use)[0][0] == ("error", ("resp_1", "completed"))


def test_one_response_at_a_time_and_only_its_own_lane() -> None:
    def use(session: Any, module: Any) -> Any:
        lane = session.lane("one")
        with pytest.raises(ValueError, match="stream_id"):
            lane.send({**create(), "stream_id": "two"})
        lane.send(create())
        with pytest.raises(RuntimeError):
            lane.send(create())
        with pytest.raises(TimeoutError):
            session.default.recv(timeout=0)
        lane.send({"type": "response.steer", "previous_response_id": "r", "input": []})
        while session.default.recv(timeout=PATIENCE).type != "response.completed":
            pass  # without an id, the server's answer is for the default lane
        return facts(lane.get_final_response(timeout=PATIENCE))[:2]

    (final, sent) = with_session(answers, use)[0]
    assert final == ("resp_0", "completed")
    assert "stream_id" not in sent[1]


@pytest.mark.parametrize("stream_id", ["", "a b", "é", "x" * 257, 1])
def test_invalid_id_of_a_lane_is_rejected(stream_id: Any) -> None:
    def use(session: Any, module: Any) -> None:
        with pytest.raises(ValueError, match="stream_id"):
            session.lane(stream_id)

    with_session(answers, use)


def test_lanes_are_limited_and_keep_their_ids() -> None:
    def use(session: Any, module: Any) -> None:
        session.lane("one").close()
        with pytest.raises(ValueError, match="id"):
            session.lane("one")
        session.lane("two")
        with pytest.raises(module.ResponsesWebSocketBufferError):
            session.lane("three")
        with pytest.raises(ValueError, match="id"):
            session.lane()

    with_session(answers, use, limits={"max_lanes": 3})


def test_closed_lane_leaves_its_events_to_the_default_lane() -> None:
    def use(session: Any, module: Any) -> Any:
        lane = session.lane("one")
        lane.send(create())
        lane.close()
        with pytest.raises(EOFError):
            lane.recv(timeout=PATIENCE)
        return [session.default.recv(timeout=PATIENCE).type for _ in range(4)][-1]

    assert with_session(answers, use)[0][0] == "response.completed"


def test_overflow_ends_the_session() -> None:
    def use(session: Any, module: Any) -> None:
        lane = session.lane("one")
        lane.send(create("much"))
        other = session.lane("two")
        with pytest.raises(module.ResponsesWebSocketBufferError):
            other.recv(timeout=PATIENCE)

    with_session(answers, use, limits={"max_events_per_lane": 5})


def test_overflow_of_an_isolated_lane_ends_that_lane() -> None:
    def use(session: Any, module: Any) -> Any:
        lane, other = session.lane("one"), session.lane("two")
        lane.send(create("much"))
        other.send(create())
        final = facts(other.get_final_response(timeout=PATIENCE))  # so that all events of the first have arrived
        for receive in (lane.recv, lane.get_final_response):
            with pytest.raises(module.ResponsesWebSocketBufferError):
                receive(timeout=PATIENCE)
        return final[:2]

    budgets = {"max_events_per_lane": 5}
    assert with_session(answers, use, limits=budgets, isolate_lane_overflow=True)[0][0] == ("resp_1", "completed")


def test_largest_backlog_makes_room() -> None:
    def use(session: Any, module: Any) -> Any:
        lanes = [session.lane(name) for name in ("one", "two")]
        for lane in lanes:
            lane.send(create("some"))
        outcomes = []
        for lane in reversed(lanes):
            try:
                outcomes.append(facts(lane.get_final_response(timeout=PATIENCE))[:2])
            except module.ResponsesWebSocketBufferError:
                outcomes.append(("failed", ""))
        return outcomes

    wanted = [("resp_1", "completed"), ("failed", "")]
    assert with_session(answers, use, limits={"max_events": 4}, isolate_lane_overflow=True)[0][0] in (
        wanted,
        [("resp_1", "completed"), ("resp_0", "completed")],  # if the second answer comes after the first was received
    )


def test_too_large_response_fails_alone() -> None:
    def use(session: Any, module: Any) -> Any:
        lane = session.lane("one")
        lane.send(create())
        with pytest.raises(module.ResponsesWebSocketBufferError):
            lane.get_final_response(timeout=PATIENCE)
        while lane.recv(timeout=PATIENCE).type != "response.completed":
            pass

    with_session(answers, use, limits={"max_response_bytes": 300})


def test_end_of_the_connection_ends_all_lanes() -> None:
    def leave(_: Peer, socket: Any) -> None:
        socket.close()

    def use(session: Any, module: Any) -> None:
        with pytest.raises(EOFError):
            session.default.recv(timeout=PATIENCE)

    with_session(leave, use)


def test_session_owns_its_connection_and_is_entered_once() -> None:
    with peer(answers) as server, oai.OpenAI(api_key=KEY, base_url=server.url).responses.connect() as connection:
        session = ResponsesWebSocketSession(connection, limits=limits())
        with pytest.raises(RuntimeError, match="not entered"):
            session.default.recv()
        with pytest.raises(RuntimeError, match="not entered"):
            session.default.send(create())
        with session:
            with pytest.raises(RuntimeError, match="has a session"):
                ResponsesWebSocketSession(connection, limits=limits()).__enter__()
            with pytest.raises(RuntimeError, match="only once"):
                session.__enter__()
        with pytest.raises(RuntimeError, match="closed"):
            session.lane("one")


def opened_again(session: ResponsesWebSocketSession) -> Any:
    """Return a lane with a request, as soon as this side knows, too, that the connection is open again."""
    lane = None
    for _ in range(3000):
        try:
            lane = lane or session.lane("one")
            lane.send(create("second"))
        except (ValueError, RuntimeError):
            time.sleep(0.01)
        else:
            return lane
    raise AssertionError("the connection is not open")


def test_reconnecting_releases_closed_lanes_and_repeats_nothing() -> None:
    reopened = threading.Event()

    def fails_first(seen: Peer, socket: Any) -> None:
        if len(seen.handshakes) == 1:
            seen.frames.append(socket.recv())
            drop(socket)
        else:
            reopened.set()
            answers(seen, socket)

    with peer(fails_first) as server:
        client = oai.OpenAI(api_key=KEY, base_url=server.url)
        with (
            client.responses.connect(on_reconnecting=lambda _: None, initial_delay=0.0) as connection,
            ResponsesWebSocketSession(connection, limits=limits()) as session,
        ):
            lane = session.lane("one")
            lane.send(create("first"))
            lane.close()
            assert reopened.wait(PATIENCE)
            again = opened_again(session)
            assert facts(again.get_final_response(timeout=PATIENCE))[:2] == ("resp_0", "completed")
        assert [event["input"] for event in server.events] == ["first", "second"]


def test_cancelled_wait_loses_nothing() -> None:
    async def run(url: str) -> Any:
        client = oai.AsyncOpenAI(api_key=KEY, base_url=url)
        async with (
            client.responses.connect() as connection,
            AsyncResponsesWebSocketSession(connection, limits=limits()) as session,
        ):
            waiting = asyncio.create_task(session.default.recv())
            await asyncio.sleep(0)
            waiting.cancel()
            await session.default.send(create())
            return facts(await session.default.get_final_response())

    with peer(answers) as server:
        assert asyncio.run(run(server.url))[:2] == ("resp_0", "completed")


@pytest.mark.parametrize(
    "wrong", [{"max_lanes": 0}, {"max_bytes": None}, {"max_events": True}, {"max_response_bytes": 0}]
)
def test_invalid_limit_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a positive integer"):
        limits(**wrong)


def test_error_has_the_event() -> None:
    event = SimpleNamespace(type="error")
    assert ResponsesWebSocketError(event).event is event
    assert issubclass(ResponsesWebSocketBufferError, RuntimeError)
