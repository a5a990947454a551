"""A fake of the agents API: sessions whose turns are streamed as events and wait for tool results.

A turn is a list of events; `WAIT` in it is where the service waits for the result of a call with a handler.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from oai.testing import Answer, Loopback, Seen

PATIENCE = 30
"""Seconds after which a client that does not send what is waited for fails the test."""

WAIT = object()

_numbers = itertools.count(1)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "event_id": f"evt_{next(_numbers)}", **fields}


def session(status: str = "idle", **fields: Any) -> dict[str, Any]:
    agent = {"id": "agent_1", "model": "m", "multi_agent": {"enabled": False}, "reasoning": {}, "text": {}, "tools": []}
    return {
        "id": "sess_1",
        "object": "agent.session",
        "agent": {**agent, "service_tier": "auto"},
        "created_at": 1,
        "environment": {"type": "none"},
        "last_active_at": 1,
        "metadata": {},
        "required_actions": [],
        "status": status,
        "vault_ids": [],
        **fields,
    }


def about(status: str, **fields: Any) -> dict[str, Any]:
    """Return an event about the session."""
    return event(f"agent.session.{status}", session=session(status, **fields))


def turn(status: str, turn_id: str = "turn_1", subagent: str | None = None) -> dict[str, Any]:
    """Return an event about a turn."""
    state = {"created": "queued"}.get(status, status)
    data = {"id": turn_id, "object": "agent.session.turn", "agent_id": "agent_1", "created_at": 1}
    data |= {"session_id": "sess_1", "status": state} | ({"subagent_id": subagent} if subagent else {})
    return event(f"agent.session.turn.{status}", session_id="sess_1", turn_id=turn_id, turn=data)


def item(kind: str, item: dict[str, Any], index: int = 0, turn_id: str = "turn_1") -> dict[str, Any]:
    """Return an event about an item of a turn."""
    data = {"turn_id": turn_id, "status": "completed" if kind == "done" else "in_progress", **item}
    return event(f"agent.session.turn.item.{kind}", session_id="sess_1", turn_id=turn_id, item=data, output_index=index)


def message(text: str, phase: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text, "annotations": []}]
    data = {"type": "message", "id": f"msg_{index}", "role": "assistant", "content": parts}
    return item("done", {**data, **({"phase": phase} if phase else {}), **fields}, index)


def call(name: str, arguments: Any, call_id: str = "call_1") -> dict[str, Any]:
    data = {"type": "function_call", "id": f"item_{call_id}", "call_id": call_id, "name": name}
    return item("added", {**data, "arguments": arguments})


def delta(text: str) -> dict[str, Any]:
    place = {"session_id": "sess_1", "turn_id": "turn_1", "item_id": "msg_0", "output_index": 0, "content_index": 0}
    return event("agent.session.turn.output_text.delta", **place, delta=text)


def turn_events(*middle: Any, status: str = "completed", end: str = "idle") -> list[Any]:
    """Return the events of a whole turn."""
    return [turn("created"), about("in_progress"), *middle, turn(status), about(end)]


HELLO = turn_events(delta("Hel"), delta("lo"), message("Hello"))


class Agents:
    """A fake of the agents API behind a loopback server.

    Args:
        server: the server that clients connect to.
        turns: the events of each turn; the last turn repeats.
        before: the events that a subscription gets before the input arrives.
        status: the status of the retrieved session.
        refuse: returns an error for an event that a client sends, or `None` to accept it.
        cut: the number of events of a turn before the connection is lost, which happens once `read` is set.
    """

    def __init__(
        self,
        server: Loopback,
        *turns: list[Any],
        before: tuple[Any, ...] = (),
        status: str = "idle",
        refuse: Callable[[Any], Answer | None] = lambda _: None,
        cut: int | None = None,
    ) -> None:
        self.turns, self.before, self.status, self.refuse = list(turns), before, status, refuse
        self.cut = cut
        self.read = threading.Event()
        self.sent: list[dict[str, Any]] = []  # events that came
        self.created: list[dict[str, Any]] = []  # bodies of sessions
        self._condition = threading.Condition()
        self._over = False
        server.default = self

    @property
    def results(self) -> list[dict[str, Any]]:
        return [event for event in self.sent if event["type"] == "agent.session.input.tool_result"]

    def give_up(self) -> None:
        """Stop waiting: the client is gone."""
        with self._condition:
            self._over = True
            self._condition.notify_all()

    def __call__(self, seen: Seen) -> Answer:
        if seen.path == "/v1/agents/sessions":
            self.created.append(seen.json())
            if not seen.json().get("stream"):
                return Answer(json=session())
            return self._stream([about("created"), about("in_progress")], waits=False)
        if seen.path.endswith("/events"):
            return self._stream(list(self.before), waits=True) if seen.method == "GET" else self._take(seen)
        if seen.path == "/v1/agents/sessions/sess_1":
            return Answer(json=session(self.status))
        if seen.path == "/v1/files":
            return Answer(json={"id": "file-1", "object": "file"})
        if seen.path.endswith("/artifacts"):
            common = {"object": "agent.session.artifact", "created_at": 1, "environment_id": "env", "size_bytes": 5}
            artifact = {
                "id": "art_1",
                "session_id": "sess_1",
                "turn_id": "turn_1",
                "path": "/workspace/outputs/report.md",
            }
            return Answer(json={"object": "list", "data": [{**common, **artifact}], "has_more": False})
        if seen.path.endswith("/artifacts/art_1/content"):
            return Answer(body=b"# All", content_type="application/octet-stream")
        return Answer.error(404, f"the service has no {seen.method} {seen.path}")

    def _take(self, seen: Seen) -> Answer:
        events = seen.json()["events"]
        if refused := self.refuse(events[0]):
            return refused
        with self._condition:
            self.sent += events
            self._condition.notify_all()
        return Answer(202)

    def _stream(self, first: list[Any], *, waits: bool) -> Answer:
        events = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        chunks = self._chunks(first, events[: self.cut], len(self.sent) + waits)
        truncate = None if self.cut is None else 1 << 30  # all of the chunks, and no end of them
        return Answer(chunks=chunks, content_type="text/event-stream", framing="chunked", truncate=truncate)

    def _chunks(self, first: list[Any], events: list[Any], known: int) -> Iterator[bytes]:
        yield from map(_frame, first)
        self._until(known)
        for event in events:
            if event is WAIT:
                known += 1
                self._until(known)
            else:
                yield _frame(event)
        if self.cut is not None:
            assert self.read.wait(PATIENCE), "the test did not set `read` in time"

    def _until(self, count: int) -> None:
        with self._condition:
            ready = self._condition.wait_for(lambda: len(self.sent) >= count or self._over, PATIENCE)
        assert ready, f"{count} events were waited for, {len(self.sent)} came"


def _frame(data: Any) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()
