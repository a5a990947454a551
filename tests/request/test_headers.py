"""The headers of one call: invalid names and values are rejected before anything is sent, for every kind of call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from peer import Peer, peer

import oai
from oai.testing import Loopback

INVALID = [
    ({"X Y": "1"}, "'X Y' is not a valid header name"),
    ({"X:": "1"}, "'X:' is not a valid header name"),
    ({"": "1"}, "'' is not a valid header name"),
    ({"X\r\nInjected": "1"}, r"'X\\r\\nInjected' is not a valid header name"),
    ({"Caf\u00e9": "1"}, "'Caf\u00e9' is not a valid header name"),
    ({7: "1"}, "7 is not a valid header name"),
    ({"X": "secret\r\nInjected: 1"}, "the value of the header 'X' has a line break or a control character"),
    ({"X": "secret\n"}, "the value of the header 'X' has a line break or a control character"),
    ({"X": "secret\x00"}, "the value of the header 'X' has a line break or a control character"),
    ({"X": b"secret\r\nInjected: 1"}, "the value of the header 'X' has a line break or a control character"),
    ({"X": "secret \u20ac"}, "the value of the header 'X' has a character outside Latin-1"),
    ({"X": ["secret"]}, "the value of the header 'X' must be a string, bytes or a number, not list"),
]

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
FILE = ("a.txt", b"text")


def entered(manager: Any) -> Any:
    """Enter a context manager; return what the async client awaits."""
    return manager.__aenter__() if hasattr(manager, "__aenter__") else manager.__enter__()


CALLS: dict[str, Callable[..., Any]] = {
    "json": lambda client, **extra: client.chat.completions.create(**CHAT, **extra),
    "multipart": lambda client, **extra: client.files.create(file=FILE, purpose="assistants", **extra),
    "query": lambda client, **extra: client.fine_tuning.jobs.list(limit=2, **extra),
    "no parameters": lambda client, **extra: client.models.retrieve("m", **extra),
    "bytes": lambda client, **extra: client.files.content("file-1", **extra),
    "stream": lambda client, **extra: client.chat.completions.create(**CHAT, stream=True, **extra),
    "raw": lambda client, **extra: client.chat.completions.with_raw_response.create(**CHAT, **extra),
    "raw multipart": lambda client, **extra: client.files.with_raw_response.create(
        file=FILE, purpose="assistants", **extra
    ),
    "streamed body": lambda client, **extra: entered(client.files.with_streaming_response.content("file-1", **extra)),
    "parse": lambda client, **extra: client.chat.completions.parse(**CHAT, **extra),
    "chat stream": lambda client, **extra: entered(client.chat.completions.stream(**CHAT, **extra)),
    "response stream": lambda client, **extra: entered(client.responses.stream(model="m", input="Hi", **extra)),
    "agent stream": lambda client, **extra: entered(client.beta.agents.sessions.stream("s", input="Hi", **extra)),
    "flat name": lambda client, **extra: client.chat_completion(**CHAT, **extra),
    "undeclared": lambda client, **extra: client.request("POST", "/rerank", body={"a": 1}, **extra),
}


@pytest.mark.parametrize("kind", CALLS)
def test_invalid_extra_headers_are_rejected_before_anything_is_sent(
    kind: str, play: Callable[..., Any], server: Loopback
) -> None:
    def scenario(client: Any) -> Any:
        for headers, message in INVALID:
            with pytest.raises(oai.OpenAIError, match=message) as raised:
                yield CALLS[kind](client, extra_headers=headers)
            assert "secret" not in str(raised.value)

    play(scenario, max_retries=2)
    assert server.requests == []


@pytest.mark.parametrize("path", ["realtime", "realtime.translations", "responses", "live", "beta.realtime"])
def test_invalid_extra_headers_of_a_websocket_are_rejected_before_the_handshake(
    path: str, play: Callable[..., Any]
) -> None:
    def scenario(client: Any) -> Any:
        namespace = client
        for name in path.split("."):
            namespace = getattr(namespace, name)
        model = {} if path in ("responses", "live") else {"model": "m"}
        for headers, message in INVALID:
            with pytest.raises(oai.OpenAIError, match=message) as raised:
                yield namespace.connect(**model, extra_headers=headers).enter()
            assert "secret" not in str(raised.value)

    with peer(lambda _seen, _socket: None) as seen:
        play(scenario, base_url=f"{seen.url}/v1")
    assert seen.handshakes == []


@pytest.mark.parametrize("name", ["X Y", "", 7])
def test_invalid_name_of_a_header_to_remove_is_rejected(name: Any, play: Callable[..., Any], server: Loopback) -> None:
    def scenario(client: Any) -> Any:
        for removed in (None, oai.omit):
            with pytest.raises(oai.OpenAIError, match="is not a valid header name"):
                yield client.models.retrieve("m", extra_headers={name: removed})
            with pytest.raises(oai.OpenAIError, match="is not a valid header name"):
                client.with_options(default_headers={name: removed})

    play(scenario)
    assert server.requests == []


def test_valid_extra_headers_are_sent_with_the_handshake(play: Callable[..., Any]) -> None:
    def shake(seen: Peer, socket: Any) -> None:
        socket.send(json.dumps({"type": "session.created"}))

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m", extra_headers={"X-Own": b"caf\xe9"}).enter()
        yield connection.close()

    with peer(shake) as seen:
        play(scenario, base_url=f"{seen.url}/v1")
    assert dict(seen.handshakes[0][1])["X-Own"] == "caf\u00e9"
