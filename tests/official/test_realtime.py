"""The official SDK and this package open the same WebSockets and send the same messages, compared at one server."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Iterator
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from peer import Peer, echo, peer
from planted import KEY

import oai
from oai._flow.steps import run, run_async
from oai._table.load import shipped_table
from oai._table.websocket_row import WebSocketRow

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")

# Python keeps one of two `Literal`s that differ in their order, the first; the SDK's own lazy imports would bring another
# one first than `tools.generate` reads, which a later test in this process compares with what is written.
for info in pkgutil.walk_packages(importlib.import_module("openai.types").__path__, "openai.types."):
    importlib.import_module(info.name)

# The SDK asks for an older `websockets`, and uses a newer one in a way that it warns about.
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")

SOCKETS = {name: each for name, each in shipped_table().helpers.items() if isinstance(each, WebSocketRow)}
OURS = ("Authorization", "OpenAI-Beta", "OpenAI-Organization", "OpenAI-Project", "Sec-WebSocket-Extensions", "X-Own")

EXAMPLES: dict[str, Any] = {
    "Iterable": [{"type": "message", "role": "user", "content": "Hello"}],
    "bool": True,
    "int": 3,
    "float": 0.5,
    "str": "some text",
    "dict": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
}


def example(expression: str) -> Any:
    """Return an argument for a parameter: a value of its type if that is plain, else an object."""
    first = expression.removesuffix("?").partition(" | ")[0].partition("[")[0]
    return EXAMPLES["str"] if first == "Literal" else EXAMPLES.get(first, EXAMPLES["dict"])


def conversation(client: Any, name: str, socket: WebSocketRow) -> Iterator[Any]:
    """Open a connection, send each event with all its parameters and with the required ones alone, and close."""
    params = {param: example(kind) for param, kind in socket.params.items()}
    params |= dict.fromkeys(socket.path_params, "sess 1/2")
    options = {"extra_query": {"intent": "a b"}, "extra_headers": {"X-Own": "2", "OpenAI-Project": "another"}}
    connection = yield attrgetter(name)(client)(**params, **options).enter()
    for event, kinds in socket.sends.items():
        required = {param: example(kind) for param, kind in kinds.items() if not kind.endswith("?")}
        for arguments in ({param: example(kind) for param, kind in kinds.items()}, required):
            yield attrgetter(event)(connection)(**arguments)
            yield connection.recv()
    yield connection.send({"type": "anything", "audio": "AAAA", "nothing": None})
    yield connection.recv()
    yield connection.close()


def play(package: Any, name: str, seen: Peer, *, is_async: bool) -> None:
    options = {
        "api_key": KEY,
        "base_url": f"{seen.url}/v1",
        "organization": "org",
        "project": "proj",
        "default_headers": {"X-Own": "1"},
        "default_query": {"api": "1"},
        "websocket_base_url": f"{seen.url}/v1".replace(
            "http", "ws"
        ),  # for one of its sockets the SDK derives no `ws` URL from `base_url`
    }

    async def main() -> None:
        async with package.AsyncOpenAI(**options) as client:
            await run_async(conversation(client, name, SOCKETS[name]))

    if is_async:
        asyncio.run(main())
    else:
        with package.OpenAI(**options) as client:
            run(conversation(client, name, SOCKETS[name]))


def shown(seen: Peer) -> Any:
    """Return the parts of a server's record that both clients must agree on."""
    ((path, headers),) = seen.handshakes
    parts = urlsplit(path)
    fields = dict(headers)
    return {
        "path": parts.path,
        "query": sorted(parse_qsl(parts.query, keep_blank_values=True)),
        "headers": {name: fields.get(name) for name in OURS},
        "frames": [(type(frame), json.loads(frame)) for frame in seen.frames],
    }


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", SOCKETS)
def test_both_clients_open_the_same_websocket_and_send_the_same_messages(name: str, is_async: bool) -> None:
    outcomes = []
    for package in (openai, oai):
        with peer(echo) as seen:
            play(package, name, seen, is_async=is_async)
        outcomes.append(shown(seen))
    theirs, ours = outcomes
    assert ours == theirs
    assert len(ours["frames"]) == 2 * len(SOCKETS[name].sends) + 1
    assert ours["headers"]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("deployment", [None, "mine"])
def test_both_clients_open_the_same_azure_websocket(deployment: str | None) -> None:
    outcomes = []
    for package in (openai, oai):
        with peer(echo) as seen:
            options = {"api_key": KEY, "api_version": "2026-01-01", "azure_deployment": deployment}
            url = seen.url.replace("http", "ws") + "/openai"
            with package.AzureOpenAI(azure_endpoint=seen.url, websocket_base_url=url, **options) as client:
                connection = client.realtime.connect(model="gpt-realtime", extra_query={"intent": "x"}).enter()
                connection.response.create()
                connection.recv()
                connection.close()
        ((_, headers),) = seen.handshakes
        outcomes.append((shown(seen), dict(headers)["api-key"]))
    assert outcomes[0] == outcomes[1]


def test_both_clients_parse_the_same_event() -> None:
    sent = {
        "type": "response.done",
        "event_id": "e",
        "response": {"id": "r", "object": "realtime.response", "status": "failed", "output": [], "new": [1]},
    }
    outcomes = []
    for package in (openai, oai):
        with (
            peer(lambda _, socket: socket.send(json.dumps(sent))) as seen,
            package.OpenAI(api_key=KEY, base_url=seen.url) as client,
        ):
            connection = client.realtime.connect(model="m").enter()
            event, *others = list(connection)
            outcomes.append((type(event).__name__, event.type, event.response.status, event.to_dict(), others))
            connection.close()
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][3] == sent
