"""What the snippets and examples of the official SDK's documents talk to: servers on the loopback, and packages in disguise."""

from __future__ import annotations

import contextlib
import json
import time
import types
from base64 import b64encode
from collections.abc import Callable
from hmac import digest
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

import httpx
import trustme
from agent_service import HELLO, WAIT, call, message, turn_events
from peer import Peer, peer, say
from response_data import response

import oai
from oai.testing import Answer, Seen, serve

SECRET = "whsec_" + b64encode(b"a secret of the tests").decode()

TURNS = {
    "answers": HELLO,
    "calls": turn_events(call("lookup_item", {"item_id": "A123"}), WAIT, message("Item A123.")),
    "reports": turn_events(message('{"summary": "well", "findings": []}')),
}
"""The turns of the service of agents, by what they do."""


EXPLANATION = '{"steps": [], "final_answer": "x is about minus 3.6"}'


def background_stream(seen: Seen) -> Answer:
    """Stream a response from the beginning, or from where an earlier stream was interrupted."""
    place = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
    item, pieces = _said(EXPLANATION), [EXPLANATION[at : at + 5] for at in range(0, len(EXPLANATION), 5)]
    events = [
        {"type": "response.created", "response": response(1, status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        *({"type": "response.output_text.delta", "delta": piece, "logprobs": [], **place} for piece in pieces),
        {"type": "response.output_text.done", "text": EXPLANATION, "logprobs": [], **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response(1, status="completed", output=[item])},
    ]
    after = int(dict(parse_qsl(seen.query)).get("starting_after", -1))
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in numbered[after + 1 :]]
    return Answer(chunks=lines, content_type="text/event-stream")


STREAMS = {"answers": background_stream}
"""The services that stream responses, by what they do."""


def answering(_: Peer, socket: Any) -> None:
    """Answer every `response.create` as the Realtime API does."""
    for frame in socket:
        if json.loads(frame)["type"] == "response.create":
            say(socket, type="response.output_text.delta", event_id="event_1", delta="Hello!")
            say(socket, type="response.output_text.done", event_id="event_2", text="Hello!")
            say(socket, type="response.done", event_id="event_3", response={"id": "resp_1", "status": "completed"})


def complaining(_: Peer, socket: Any) -> None:
    """Send an error, then close."""
    error = {"type": "invalid_request_error", "code": "some_code", "event_id": "event_1", "message": "not like this"}
    say(socket, type="error", event_id="event_2", error=error)


def responding(_: Peer, socket: Any) -> None:
    """Answer every `response.create` as the Responses API does: by a call of the tool that is chosen, else by a text."""
    for number, frame in enumerate(socket):
        request = json.loads(frame)
        lane = {"stream_id": request["stream_id"]} if "stream_id" in request else {}
        choice = request.get("tool_choice")
        item = _called(choice["name"]) if isinstance(choice, dict) else _said("Hello!")
        place = {"output_index": 0, "content_index": 0, "item_id": item["id"], **lane}
        say(socket, type="response.created", response=response(number, status="in_progress"), **lane)
        say(socket, type="response.output_item.added", output_index=0, item={**item, "content": []}, **lane)
        if item["type"] == "message":
            say(socket, type="response.output_text.delta", delta="Hello!", logprobs=[], **place)
        say(socket, type="response.output_item.done", output_index=0, item=item, **lane)
        say(socket, type="response.completed", response=response(number, status="completed", output=[item]), **lane)


def _called(name: str) -> dict[str, Any]:
    return {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name, "arguments": '{"sku": "lily"}'}


def _said(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def listening(_: Peer, socket: Any) -> None:
    """Start and close a session as the Live API does, which transcribes nothing but the end."""
    session = {"id": "live_1", "object": "live.session"}
    for frame in socket:
        kind = json.loads(frame)["type"]
        if kind == "session.start":
            say(socket, type="session.started", event_id="event_1", session=session)
        elif kind == "session.close":
            times = {"start_ms": 0, "end_ms": 400}
            say(socket, type="session.output_transcript.delta", event_id="event_2", delta="Hello!", **times)
            say(socket, type="session.closed", event_id="event_3", reason="close_requested")


BEHAVIOURS = {
    "answers": answering,
    "errors": complaining,
    "live": listening,
    "responds": responding,
}
"""The servers of WebSockets, by the names that they have in `snippets.toml`."""


class Servers:
    """Servers that are started when they are needed first, for as long as the block lasts."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def url(self, name: str) -> str:
        """Return the URL of a server of `BEHAVIOURS`, or of `offline`, which invents answers over HTTP."""
        if name not in self._urls:
            server: Any = serve(oai.OfflineTransport()) if name == "offline" else peer(BEHAVIOURS[name])
            entered = self._stack.enter_context(server)
            self._urls[name] = entered if isinstance(entered, str) else entered.url
        return self._urls[name]


def client_certificate(place: Path) -> dict[str, str]:
    """Make a client certificate; return the variables that snippets look for it in."""
    authority = trustme.CA()
    leaf = authority.issue_cert("client.example.invalid")
    authority.cert_pem.write_to_path(str(place / "ca.pem"))
    leaf.private_key_pem.write_to_path(str(place / "key.pem"))
    for each in leaf.cert_chain_pems:
        each.write_to_path(str(place / "chain.pem"), append=True)
    return {
        "OPENAI_MTLS_CA_BUNDLE": str(place / "ca.pem"),
        "OPENAI_MTLS_CERTIFICATE_CHAIN": str(place / "chain.pem"),
        "OPENAI_MTLS_PRIVATE_KEY": str(place / "key.pem"),
    }


class Flask:
    """As much of Flask as a snippet uses: `run` brings each route a webhook that is signed, and one that is not."""

    def __init__(self, name: str) -> None:
        self.routes: list[Callable[[], Any]] = []

    def route(self, path: str, methods: list[str]) -> Callable[[Any], Any]:
        return lambda function: self.routes.append(function) or function

    def run(self, port: int) -> None:
        body = '{"id":"evt_1","object":"event","created_at":1,"type":"response.completed","data":{"id":"resp_1"}}'
        now = str(int(time.time()))
        signature = b64encode(digest(b"a secret of the tests", f"evt_1.{now}.{body}".encode(), "sha256")).decode()
        for said in (signature, "AAAA"):
            headers = {"webhook-id": "evt_1", "webhook-timestamp": now, "webhook-signature": f"v1,{said}"}
            FLASK.request = types.SimpleNamespace(get_data=lambda as_text: body, headers=headers)
            for function in self.routes:
                function.__globals__["request"] = FLASK.request
                print("answered:", function())


FLASK: Any = types.ModuleType("flask")
FLASK.Flask, FLASK.request = Flask, None


class Credential:
    """A credential of Azure, sync and async."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass


def token_provider(credential: Credential, scope: str) -> Callable[[], str]:
    assert scope.endswith("/.default")
    return lambda: "a-token-of-azure"


def async_token_provider(credential: Credential, scope: str) -> Callable[[], Any]:
    async def provide() -> str:
        return token_provider(credential, scope)()

    return provide


def _azure(name: str, provider: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(DefaultAzureCredential=Credential, get_bearer_token_provider=provider)
    return module


def httpx_aiohttp() -> types.ModuleType:
    """Return the package whose client is one of httpx that sends over aiohttp; this one sends as httpx does."""
    module: Any = types.ModuleType("httpx_aiohttp")
    module.HttpxAiohttpClient = httpx.AsyncClient
    return module


def packages(sound_card: types.ModuleType) -> dict[str, types.ModuleType]:
    """Return stand-ins for packages that are not installed, by the names under which they are imported."""
    return {
        "azure.identity": _azure("azure.identity", token_provider),
        "azure.identity.aio": _azure("azure.identity.aio", async_token_provider),
        "flask": FLASK,
        "httpx_aiohttp": httpx_aiohttp(),
        "sounddevice": sound_card,
    }
