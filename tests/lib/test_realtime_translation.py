"""Sessions of realtime translation, side by side with the official SDK's at one server."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from typing import Any

import pytest
from peer import Peer, peer, say
from planted import KEY

import oai
from oai._support.plain_data import is_object
from oai.lib.realtime_translation import AsyncTranslationSession, TranslationSession

# The official SDK uses `websockets` in a way that a newer one warns about.
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")

AUDIO = {"type": "session.input_audio_buffer.append", "audio": "AAAA"}
DELTA = {"type": "session.output_transcript.delta", "event_id": "e1", "delta": "Bonjour", "elapsed_ms": 5}
CLOSED = {"type": "session.closed", "event_id": "e2"}


def translate(seen: Peer, socket: Any) -> None:
    """Translate until the session is to be closed; its last words come only then."""
    for frame in socket:
        seen.frames.append(frame)
        if "session.close" in str(frame):
            say(socket, **DELTA)
            say(socket, **CLOSED)


def sides(*names: str) -> list[tuple[Any, ...]]:
    """Return clients and classes of ours and, if it is installed, of the official SDK."""
    found = []
    for package in ("oai", "openai"):
        if importlib.util.find_spec(package) is not None:
            module = importlib.import_module(f"{package}.lib.realtime_translation")
            found.append((importlib.import_module(package), *(getattr(module, name) for name in names)))
    return found


def kind_of(event: Any) -> str:
    return str(event["type"] if is_object(event) else event.type)


def test_everything_is_translated_before_the_session_ends() -> None:
    exchanges = []
    for package, session in sides("TranslationSession"):
        with peer(translate) as server:
            client = package.OpenAI(api_key=KEY, base_url=server.url)
            with session(client.realtime.translations, model="m", extra_query={"a": "1"}) as connection:
                connection.send(AUDIO)
                connection.send({"type": "session.close"})
                connection.send({"type": "session.close"})
                with pytest.raises(package.OpenAIError):
                    connection.send(AUDIO)
                kinds = [kind_of(connection.recv()), kind_of(connection.recv(timeout=30))]
                with pytest.raises(package.OpenAIError):
                    connection.send(AUDIO)
        exchanges.append((kinds, server.events, sorted(server.handshakes[0][0].partition("?")[2].split("&"))))
    assert exchanges[0] == (
        [DELTA["type"], CLOSED["type"]],
        [AUDIO, {"type": "session.close"}],
        ["a=1", "model=m"],
    )
    assert all(exchange == exchanges[0] for exchange in exchanges)


def test_async_session_does_the_same() -> None:
    async def run(package: Any, session: Any, url: str) -> list[str]:
        client = package.AsyncOpenAI(api_key=KEY, base_url=url)
        async with client, session(client.realtime.translations, model="m") as connection:
            await connection.send(AUDIO)
            await connection.send({"type": "session.close"})
            await connection.send({"type": "session.close"})
            with pytest.raises(package.OpenAIError):
                await connection.send(AUDIO)
            return [kind_of(await connection.recv()) for _ in range(2)]

    for package, session in sides("AsyncTranslationSession"):
        with peer(translate) as server:
            assert asyncio.run(run(package, session, server.url)) == [DELTA["type"], CLOSED["type"]]
        assert server.events == [AUDIO, {"type": "session.close"}]


def test_session_can_be_entered_once() -> None:
    with peer(translate) as server:
        session = TranslationSession(oai.OpenAI(api_key=KEY, base_url=server.url).realtime.translations, model="m")
        session.enter()
        session.__exit__(None, None, None)
        with pytest.raises(RuntimeError, match="only once"):
            session.enter()


def test_failed_write_closes_the_connection_and_is_not_repeated() -> None:
    def leave(_: Peer, socket: Any) -> None:
        socket.close()

    async def run(url: str) -> None:
        session = AsyncTranslationSession(oai.AsyncOpenAI(api_key=KEY, base_url=url).realtime.translations, model="m")
        async with session as connection:
            with pytest.raises(oai.WebSocketConnectionClosedError):
                await connection.recv()
            with pytest.raises(oai.WebSocketConnectionClosedError):
                await connection.send(AUDIO)
            with pytest.raises(oai.OpenAIError, match="takes no further events"):
                await connection.send(AUDIO)

    with peer(leave) as server:
        with TranslationSession(
            oai.OpenAI(api_key=KEY, base_url=server.url).realtime.translations, model="m"
        ) as connection:
            with pytest.raises(oai.WebSocketConnectionClosedError):
                connection.recv()
            with pytest.raises(oai.WebSocketConnectionClosedError):
                connection.send(AUDIO)
            with pytest.raises(oai.OpenAIError, match="takes no further events"):
                connection.send(AUDIO)
        asyncio.run(run(server.url))


@pytest.mark.parametrize(
    ("options", "error", "arguments"),
    [
        ({}, ValueError, {"model": ""}),
        ({}, ValueError, {"model": "m", "extra_query": {"intent": "x"}}),
        ({"default_query": {"intent": "x"}}, ValueError, {"model": "m"}),
        ({"base_url": "http://127.0.0.1:9/v1?intent=x"}, ValueError, {"model": "m"}),
        ({"websocket_base_url": "ws://127.0.0.1:9/v1?intent=x"}, ValueError, {"model": "m"}),
    ],
)
def test_invalid_session_fails_before_it_connects(
    options: dict[str, Any], error: type[Exception], arguments: dict[str, Any]
) -> None:
    for package, session in sides("TranslationSession"):
        client = package.OpenAI(api_key=KEY, **{"base_url": "http://127.0.0.1:9/v1", **options})
        with pytest.raises(error), session(client.realtime.translations, **arguments):
            pass


def test_azure_has_no_translation() -> None:
    for package, session in sides("TranslationSession"):
        client = package.AzureOpenAI(api_key=KEY, azure_endpoint="http://127.0.0.1:9", api_version="1")
        with pytest.raises(package.OpenAIError), session(client.realtime.translations, model="m"):
            pass
