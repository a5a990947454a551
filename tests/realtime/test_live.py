"""Live sessions that pause and resume, and the MCP servers that they delegate to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from peer import Peer, peer, say

import oai
from oai.testing import Answer, Loopback
from oai.types import live as types

MCP = {
    "type": "mcp",
    "server_label": "shop",
    "server_url": "https://mcp.example.invalid",
    "server_description": "The shop's tools",
    "tunnel_id": "tunnel_1",
    "allowed_callers": ["direct"],
    "defer_loading": False,
    "allowed_tools": {"tool_names": ["find"], "read_only": True},
    "require_approval": {"always": {"tool_names": ["buy"], "read_only": False}, "never": {"tool_names": ["find"]}},
}
TOOLS = [
    MCP,
    {"type": "mcp"},
    {"type": "mcp", "allowed_tools": ["find"], "require_approval": "never"},
    {"type": "mcp", "allowed_tools": {}, "require_approval": {}},
]
SESSION = {
    "id": "live_1",
    "model": "gpt-live-1.1",
    "status": "active",
    "expires_at": 123,
    "delegation": {"type": "responses", "responses": {"model": "m", "tools": TOOLS}},
}


def test_pause_and_resume_of_a_live_session_are_typed_events(play: Callable[..., Any]) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        say(socket, type="session.paused", event_id="event_1")
        say(socket, type="session.resumed", event_id="event_2", client_event_id="mine")
        usage = {"seconds": 7.5, "active_seconds": 3, "paused_seconds": 4}
        say(socket, type="session.usage.updated", event_id="event_3", usage=usage)

    def scenario(client: Any) -> Any:
        connection = yield client.live.sideband.connect(session_id="live_1").enter()
        paused = yield connection.recv()
        resumed = yield connection.recv()
        usage = yield connection.recv()
        yield connection.close()
        return paused, resumed, usage.usage

    with peer(behave) as seen:
        paused, resumed, usage = play(scenario, base_url=f"{seen.url}/v1")
    assert seen.handshakes[0][0] == "/v1/live/sessions/live_1/attach"
    assert isinstance(paused, types.SessionPaused)
    assert isinstance(resumed, types.SessionResumed)
    assert (paused.client_event_id, resumed.client_event_id) == (None, "mine")
    assert (usage.active_seconds, usage.paused_seconds) == (3, 4)


def test_mcp_servers_of_a_live_session_keep_all_their_fields(play: Callable[..., Any]) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        seen.frames.append(socket.recv())
        say(socket, type="session.started", event_id="event_1", session=SESSION)

    def scenario(client: Any) -> Any:
        connection = yield client.live.connect().enter()
        delegation = {"type": "responses", "responses": {"model": "m", "tools": TOOLS}}
        yield connection.session.start(session={"model": "gpt-live-1.1", "delegation": delegation})
        event = yield connection.recv()
        yield connection.close()
        return event

    with peer(behave) as seen:
        event = play(scenario, base_url=f"{seen.url}/v1")
    assert json.loads(seen.frames[0])["session"]["delegation"]["responses"]["tools"] == TOOLS
    assert isinstance(event, types.SessionStartedEvent)
    full, bare, short, empty = event.session.delegation.responses.tools
    assert {type(each).__name__ for each in (full, bare, short, empty)} == {"ResponsesDelegationConfigToolMcp"}
    assert full.to_dict() == MCP
    assert (full.allowed_tools.read_only, full.require_approval.always.tool_names) == (True, ["buy"])
    assert (bare.server_label, bare.allowed_tools, bare.require_approval) == (None, None, None)
    assert (short.allowed_tools, short.require_approval) == (["find"], "never")
    assert (empty.allowed_tools.tool_names, empty.require_approval.never) == (None, None)


def test_idle_time_and_wake_policy_are_sent() -> None:
    session: Any = {
        "model": "gpt-live-1.1",
        "idle_timeout_s": 60,
        "wake_policy": {"type": "speech", "vad_threshold": 0.7},
    }
    with Loopback() as server:
        server.reply(Answer.of_json({"session": SESSION}))
        with oai.OpenAI(api_key="k", base_url=server.url) as client:
            client.live.create(session=session, transport={"type": "webrtc", "sdp": "v=0"})
    assert json.loads(server.requests[0].body)["session"] == session
