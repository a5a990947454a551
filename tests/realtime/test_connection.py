"""WebSocket connections of both clients, against the server of the library `websockets` on the loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import queue
import socket as sockets
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peer import Peer, Refusal, collect, drop, echo, peer, say
from planted import KEY
from websockets import exceptions
from websockets.server import ServerProtocol

import oai
from oai._json.objects import plain
from oai.types import realtime as types

DONE = {
    "type": "response.done",
    "event_id": "event_2",
    "response": {"id": "resp_1", "object": "realtime.response", "status": "completed", "output": []},
}


def converse(seen: Peer, socket: Any) -> None:
    """Respond as the API does, then close."""
    say(socket, type="session.created", event_id="event_0", session={"type": "realtime", "object": "realtime.session"})
    for frame in socket:
        seen.frames.append(frame)
        if json.loads(frame)["type"] == "response.create":
            place = {"item_id": "item_1", "output_index": 0, "content_index": 0, "response_id": "resp_1"}
            say(socket, type="response.output_text.delta", event_id="event_1", delta="Hello!", **place)
            say(socket, **DONE)
            return


def test_a_conversation(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="gpt-realtime").enter()
        created = yield connection.recv()
        yield connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        yield connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello!"}]}
        )
        yield connection.response.create()
        events = yield collect(connection)
        yield connection.close()
        return created, events

    with peer(converse) as seen:
        created, events = play(scenario, base_url=f"{seen.url}/v1")
    assert isinstance(created, types.SessionCreatedEvent)
    assert isinstance(created.session, types.RealtimeSessionCreateRequest)
    delta, done = events
    assert (type(delta), delta.delta) == (types.ResponseTextDeltaEvent, "Hello!")
    assert (type(done), done.response.status, done.to_dict()) == (types.ResponseDoneEvent, "completed", DONE)
    (path, headers), *others = seen.handshakes
    assert others == []
    assert path == "/v1/realtime?model=gpt-realtime"
    assert dict(headers)["Authorization"] == f"Bearer {KEY}"
    assert seen.events == [
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello!"}]},
        },
        {"type": "response.create"},
    ]
    assert all(isinstance(frame, str) for frame in seen.frames)


def test_the_block_of_a_manager_opens_and_closes_the_connection() -> None:
    closed: queue.Queue[Any] = queue.Queue()

    def behave(seen: Peer, socket: Any) -> None:
        echo(seen, socket)
        closed.put((socket.close_code, socket.close_reason))

    async def in_async(url: str) -> None:
        async with (
            oai.AsyncOpenAI(api_key=KEY, base_url=url) as client,
            client.realtime.connect(model="m") as connection,
        ):
            await connection.response.cancel(response_id="r")
            await connection.recv()

    with peer(behave) as seen:
        with oai.OpenAI(api_key=KEY, base_url=seen.url) as client, client.realtime.connect(model="m") as connection:
            connection.response.cancel(response_id="r")
            connection.recv()
        assert closed.get(timeout=10) == (1000, "")
        asyncio.run(in_async(seen.url))
        assert closed.get(timeout=10) == (1000, "")
    assert seen.events == [{"type": "response.cancel", "response_id": "r"}] * 2


def test_unknown_events_and_fields_are_kept(play: Callable[..., Any]) -> None:
    sent = [
        {"type": "brand.new", "deep": {"er": [1, None, "x"]}, "event_id": "e"},
        {**DONE, "colour": "blue", "response": {**DONE["response"], "mood": {"a": 1}}},
        {"no": "type"},
        {"type": "response.done", "response": "not an object"},
        [1, 2],
    ]

    def behave(seen: Peer, socket: Any) -> None:
        for event in sent:
            socket.send(json.dumps(event))

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        return (yield collect(connection))

    with peer(behave) as seen:
        events = play(scenario, base_url=seen.url)
    assert plain(events) == sent
    assert (events[0].type, events[0].deep) == ("brand.new", {"er": [1, None, "x"]})
    assert (events[1].colour, events[1].response.mood) == ("blue", {"a": 1})


def test_binary_messages_go_both_ways(play: Callable[..., Any]) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        for frame in socket:
            seen.frames.append(frame)
            socket.send(frame if isinstance(frame, bytes) else frame.encode())

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        yield connection.send_raw(b"\x00\xff")
        raw = yield connection.recv_bytes()
        yield connection.send_raw(json.dumps(DONE))
        event = yield connection.recv()  # JSON in a binary message is an event as well
        yield connection.send(DONE)
        parsed = connection.parse_event((yield connection.recv_bytes()))
        yield connection.send_raw(b"\x00\xff")
        with pytest.raises(oai.APIResponseValidationError, match="not JSON"):
            yield connection.recv()
        yield connection.close()
        return raw, event, parsed

    with peer(behave) as seen:
        raw, event, parsed = play(scenario, base_url=seen.url)
    assert raw == b"\x00\xff"
    assert event == parsed
    assert isinstance(event, types.ResponseDoneEvent)
    assert [type(frame) for frame in seen.frames] == [bytes, str, str, bytes]


@pytest.mark.parametrize("code", [1000, 1001])
def test_iterating_ends_when_the_server_closes_normally(code: int, play: Callable[..., Any]) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        say(socket, **DONE)
        socket.close(code, "until then")

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        events = yield collect(connection)
        with pytest.raises(oai.WebSocketConnectionClosedError, match=rf"closed \(code {code}, until then\)") as caught:
            yield connection.recv()
        with pytest.raises(oai.WebSocketConnectionClosedError, match="closed"):
            yield connection.response.create()
        yield connection.close()
        yield connection.close()
        return events, caught.value

    with peer(behave) as seen:
        events, error = play(scenario, base_url=seen.url)
    assert [event.type for event in events] == ["response.done"]
    assert (error.close_code, error.reason, error.operation) == (code, "until then", "realtime.connect")


@pytest.mark.parametrize(("end", "code"), [(lambda each: each.close(1011, "a fault"), 1011), (drop, 1006)])
def test_lost_connection_raises_by_close_code(end: Callable[[Any], None], code: int, play: Callable[..., Any]) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        say(socket, **DONE)
        seen.frames.append(socket.recv())
        end(socket)

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        yield connection.recv()
        yield connection.response.create()
        with pytest.raises(oai.APIConnectionError, match=f"lost .code {code}") as caught:
            yield collect(connection)
        return caught.value

    with peer(behave) as seen:
        error = play(scenario, base_url=seen.url)
    assert isinstance(error, oai.WebSocketConnectionClosedError)
    assert (error.close_code, error.unsent_messages) == (code, [])
    assert error.request.operation == "realtime.connect"


@pytest.mark.parametrize(
    ("end", "kind", "received", "sent"),
    [
        (lambda socket: socket.close(1000, "bye"), exceptions.ConnectionClosedOK, 1000, 1000),
        (lambda socket: socket.close(1001), exceptions.ConnectionClosedOK, 1001, 1001),
        (lambda socket: socket.close(1011, "a fault"), exceptions.ConnectionClosedError, 1011, 1011),
        (lambda socket: socket.close(3000), exceptions.ConnectionClosedError, 3000, 3000),
        (drop, exceptions.ConnectionClosedError, None, None),
    ],
)
@pytest.mark.parametrize("way", ["recv", "recv_bytes", "send", "send_raw", "event", "iterate", "dispatch"])
def test_closed_connection_raises_errors_of_the_library_too(
    way: str, end: Any, kind: type[Exception], received: int | None, sent: int | None, play: Callable[..., Any]
) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        socket.recv()
        end(socket)

    def use(connection: Any) -> Any:
        if way in ("recv", "recv_bytes"):
            return getattr(connection, way)()
        if way == "event":
            return connection.response.create()
        if way == "iterate":
            return collect(connection)
        return connection.dispatch_events() if way == "dispatch" else getattr(connection, way)("text")

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        yield connection.send_raw("end")
        if way not in ("iterate", "dispatch"):  # which wait for the end themselves, and take a normal one for theirs
            with pytest.raises(exceptions.ConnectionClosed):
                yield connection.recv()
        elif kind is exceptions.ConnectionClosedOK:
            yield use(connection)
            return None
        with pytest.raises(kind) as caught:
            yield use(connection)
        yield connection.close()
        return caught.value

    with peer(behave) as seen:
        error = play(scenario, base_url=seen.url)
    if error is not None:
        assert isinstance(error, oai.WebSocketConnectionClosedError)
        assert isinstance(error, oai.APIConnectionError)
        assert (error.rcvd and error.rcvd.code, error.sent and error.sent.code) == (received, sent)
        assert (error.close_code, error.code) == (received or 1006, received or 1006)
        assert str(error).startswith("The WebSocket was ")
        twin = pickle.loads(pickle.dumps(error))
        assert (type(twin), str(twin), twin.close_code, twin.rcvd) == (
            type(error),
            str(error),
            error.close_code,
            error.rcvd,
        )


def test_server_that_answers_no_ping_is_named(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        options = {"ping_interval": 0.05, "ping_timeout": 0.05, "close_timeout": 0.05}
        connection = yield client.realtime.connect(model="m", websocket_connection_options=options).enter()
        try:
            with pytest.raises(
                exceptions.ConnectionClosedError, match=r"lost \(code 1006, keepalive ping timeout\)"
            ) as caught:
                yield connection.recv()
            with pytest.raises(oai.WebSocketConnectionClosedError, match="keepalive ping timeout"):
                yield collect(connection)
        finally:
            stop.set()
        return caught.value

    stop = threading.Event()
    with sockets.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept_and_be_silent, args=(listener, stop))
        thread.start()
        error = play(scenario, base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert (error.close_code, error.sent.code, error.sent.reason) == (1006, 1011, "keepalive ping timeout")


def accept_and_be_silent(listener: sockets.socket, stop: threading.Event) -> None:
    """Accept a handshake, and then neither read nor send."""
    with listener.accept()[0] as connection:
        protocol = ServerProtocol()
        protocol.receive_data(connection.recv(65536))
        (request,) = protocol.events_received()
        protocol.send_response(protocol.accept(request))
        connection.sendall(b"".join(protocol.data_to_send()))
        stop.wait(10)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, oai.BadRequestError),
        (401, oai.AuthenticationError),
        (403, oai.PermissionDeniedError),
        (404, oai.NotFoundError),
        (429, oai.RateLimitError),
        (503, oai.InternalServerError),
        (200, oai.APIResponseValidationError),
        (204, oai.APIResponseValidationError),
    ],
)
def test_rejected_handshake_raises_the_error_of_its_status(
    status: int, kind: type[oai.OpenAIError], play: Callable[..., Any]
) -> None:
    def scenario(client: Any) -> Any:
        with pytest.raises(kind) as caught:
            yield client.realtime.connect(model="m").enter()
        return caught.value

    body = b'{"error": {"message": "not like this", "code": "some_code"}}'
    with peer(echo) as seen:
        seen.answers = [Refusal(status, body, {"x-request-id": "req_1"})]
        error = play(scenario, base_url=seen.url)
    assert (error.status_code, error.request_id) == (status, "req_1")
    assert error.operation == "realtime.connect"
    assert isinstance(error, exceptions.InvalidStatus), "programs for the official SDK catch that"
    assert error.response.status_code == status
    assert (type(pickle.loads(pickle.dumps(error))), str(error)) == (type(error), error.message)
    if status >= 300:
        assert (error.code, error.message) == ("some_code", f"Error code: {status} - not like this")
    assert len(seen.handshakes) == 1


def test_handshake_is_retried_like_any_request(play: Callable[..., Any]) -> None:
    attempts: list[tuple[str, int, int | None]] = []

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        handshake = connection.handshake
        yield connection.close()
        return handshake

    with peer(echo) as seen:
        seen.answers = [Refusal(429, b"{}", {"retry-after-ms": "1"}), Refusal(500, b"{}", {"retry-after-ms": "1"})]
        handshake = play(
            scenario,
            base_url=seen.url,
            max_retries=2,
            on_request=lambda attempt: {"X-Trace": str(attempt.number)},
            on_reply=lambda attempt: attempts.append((attempt.operation, attempt.number, attempt.status)),
        )
    assert attempts == [("realtime.connect", 0, 429), ("realtime.connect", 1, 500), ("realtime.connect", 2, 101)]
    assert [dict(headers)["X-Trace"] for _, headers in seen.handshakes] == ["0", "1", "2"]
    assert (handshake.status_code, handshake.retries_taken) == (101, 2)


def test_key_is_not_sent_to_another_origin_after_a_redirect(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        yield connection.close()

    with peer(echo) as there, peer(echo) as here:
        here.answers = [Refusal(307, b"", {"Location": f"{there.url}/elsewhere"})]
        play(scenario, base_url=here.url)
        ((path, headers),) = there.handshakes
        assert path == "/elsewhere"
        assert "authorization" not in {name.lower() for name, _ in headers}
        here.answers = [Refusal(307, b"", {"Location": "/moved"})]
        play(scenario, base_url=here.url)
        assert [path for path, _ in here.handshakes] == ["/realtime?model=m", "/realtime?model=m", "/moved"]
        assert dict(here.handshakes[-1][1])["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("options", [{"timeout": 0.2}, {"deadline": 0.2}])
def test_timeout_and_deadline_bound_the_handshake(options: dict[str, float], play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        with pytest.raises(oai.APITimeoutError) as caught:
            yield client.realtime.connect(model="m").enter()
        return caught.value

    with sockets.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        error = play(scenario, base_url=f"http://127.0.0.1:{silent.getsockname()[1]}", **options)
    assert "0.2 s" in str(error)


def test_handshake_timeout_can_be_set_per_call(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        with pytest.raises(oai.APITimeoutError):
            yield client.realtime.connect(model="m", timeout=0.1).enter()
        with pytest.raises(oai.APITimeoutError):
            yield client.realtime.connect(model="m", websocket_connection_options={"open_timeout": 0.1}).enter()

    with sockets.create_server(("127.0.0.1", 0)) as silent:
        play(scenario, base_url=f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_recv_timeout_loses_no_event(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        with pytest.raises(oai.APITimeoutError, match=r"within 0.05 s"):
            yield connection.recv(timeout=0.05)
        yield connection.send({"type": "anything"})
        event = yield connection.recv(timeout=10)
        yield connection.close()
        return event

    with peer(echo) as seen:
        assert play(scenario, base_url=seen.url).type == "brand.new"


def test_unreachable_or_foreign_server_raises_connection_error(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        with pytest.raises(oai.APIConnectionError) as caught:
            yield client.realtime.connect(model="m").enter()
        return caught.value

    with sockets.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert f"{port}" in str(play(scenario, base_url=f"http://127.0.0.1:{port}"))
    with sockets.create_server(("127.0.0.1", 0)) as odd:
        port = odd.getsockname()[1]

        def answer() -> None:
            with odd.accept()[0] as each:
                each.recv(65536)  # closing with unread data would reset the connection
                each.sendall(b"* OK IMAP4rev1 ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert "the handshake failed" in str(play(scenario, base_url=f"http://127.0.0.1:{port}"))
        thread.join()


def test_oversized_message_raises_response_too_large(play: Callable[..., Any]) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        say(socket, type="brand.new", text="x" * 2000)
        socket.recv()

    def scenario(client: Any, **options: Any) -> Any:
        connection = yield client.realtime.connect(model="m", websocket_connection_options=options).enter()
        with pytest.raises(oai.ResponseTooLargeError, match="1000 bytes") as caught:
            yield connection.recv()
        assert isinstance(caught.value, exceptions.ConnectionClosedError)
        assert caught.value.sent is not None
        assert caught.value.sent.code == 1009

    with peer(behave) as seen:
        play(scenario, base_url=seen.url, max_event=1000)
        play(lambda client: scenario(client, max_size=1000), base_url=seen.url)


def test_key_is_neither_shown_nor_logged(
    play: Callable[..., Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    def scenario(client: Any) -> Any:
        manager = client.realtime.connect(model="m", extra_query={"api_key": KEY})
        shown.append(repr(manager))
        with pytest.raises(oai.AuthenticationError) as refused:
            yield manager.enter()
        connection = yield manager.enter()
        shown.extend(map(repr, [connection, connection.session, connection.handshake, connection.handshake.request]))
        yield connection.session.update(session={"type": "realtime", "instructions": "a secret of the caller's"})
        yield connection.recv()
        yield connection.close()
        with pytest.raises(oai.WebSocketConnectionClosedError) as closed:
            yield connection.recv()
        for each in (refused.value, closed.value):
            shown.extend([repr(each), str(each), repr(vars(each)), repr(each.request)])

    with peer(echo) as seen:
        seen.answers = [Refusal(401, b'{"error": {"message": "wrong key"}}')]
        play(scenario, base_url=seen.url)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert any("realtime.connect: GET" in line and "-> 101" in line for line in ours)
    for text in (*shown, *ours, *capfd.readouterr()):
        assert KEY not in text
        assert "a secret of" not in text


def test_key_function_is_called_per_handshake(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        for _ in range(2):
            connection = yield client.realtime.connect(model="m").enter()
            yield connection.close()

    keys = iter([f"{KEY}-1", f"{KEY}-2"])
    with peer(echo) as seen:
        play(scenario, base_url=seen.url, api_key=lambda: next(keys))
    assert [dict(headers)["Authorization"] for _, headers in seen.handshakes] == [
        f"Bearer {KEY}-1",
        f"Bearer {KEY}-2",
    ]


def test_headers_and_queries_of_client_and_call_are_merged(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(
            call_id="call 1",
            extra_query={"intent": "transcription", "tag": ["a", "b"]},
            extra_headers={"Authorization": "Basic x", "X-Own": "2", "X-Away": None},
        ).enter()
        yield connection.close()

    with peer(echo) as seen:
        play(
            scenario,
            base_url=f"{seen.url}/v1?region=eu",
            organization="org",
            project="proj",
            default_headers={"X-Own": "1", "X-Away": "1"},
            default_query={"intent": "none"},
        )
    ((path, headers),) = seen.handshakes
    assert path == "/v1/realtime?region=eu&intent=transcription&call_id=call+1&tag=a&tag=b"
    fields = dict(headers)
    assert (fields["OpenAI-Organization"], fields["OpenAI-Project"]) == ("org", "proj")
    assert (fields["Authorization"], fields["X-Own"]) == ("Basic x", "2")
    assert "X-Away" not in fields


def test_websocket_base_url_replaces_base_url(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        for each in (client, client.with_options(websocket_base_url=f"{client.websocket_base_url}/more")):
            connection = yield each.realtime.connect(model="m").enter()
            yield connection.close()

    with peer(echo) as seen:
        play(scenario, base_url="http://127.0.0.1:9", websocket_base_url=seen.url.replace("http", "ws") + "/ws")
    assert [path for path, _ in seen.handshakes] == ["/ws/realtime?model=m", "/ws/more/realtime?model=m"]
    with pytest.raises(oai.OpenAIError, match="websocket_base_url must be a URL .*, not 'ftp://x'"):
        oai.OpenAI(api_key=KEY, websocket_base_url="ftp://x")
    with pytest.warns(oai.InsecureWarning, match=r"http://ws\.example"):
        oai.OpenAI(api_key=KEY, websocket_base_url="ws://ws.example")


def test_azure_connection_names_its_deployment_in_the_query() -> None:
    options = {"api_key": KEY, "api_version": "2026-01-01"}
    with peer(echo) as seen:
        for deployment, model in (({}, "gpt realtime"), ({"azure_deployment": "mine"}, "gpt-realtime")):
            client = oai.AzureOpenAI(azure_endpoint=seen.url, **options, **deployment)
            with client, client.realtime.connect(model=model):
                pass
        with oai.AzureOpenAI(azure_endpoint=seen.url, **options) as client:
            with client.responses.connect():
                pass
            with pytest.raises(oai.OpenAIError, match="deployment"):
                client.realtime.connect().enter()
    assert [path for path, _ in seen.handshakes] == [
        "/openai/realtime?api-version=2026-01-01&deployment=gpt+realtime",
        "/openai/realtime?api-version=2026-01-01&deployment=mine",
        "/openai/responses?api-version=2026-01-01",
    ]
    for _, headers in seen.handshakes:
        assert (dict(headers)["api-key"], dict(headers).get("Authorization")) == (KEY, None)


def test_transport_without_a_server_refuses_websockets() -> None:
    client = oai.OpenAI(transport=oai.OfflineTransport())
    with pytest.raises(oai.OpenAIError, match=r"realtime\.connect opens a WebSocket, which OfflineTransport cannot"):
        client.realtime.connect(model="m")


def test_missing_websockets_package_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['websockets'] = None\n"
        "import oai; client = oai.OpenAI(api_key='k', base_url='http://127.0.0.1:9')\n"
        "manager = client.realtime.connect(model='m'); oai.Connection, oai.AsyncConnection\n"
        "try: manager.enter()\n"
        "except oai.OpenAIError as error: print(error)"
    )
    root = Path(oai.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert "pip install 'oai[realtime]'" in done.stdout


def test_websockets_are_imported_only_when_a_connection_opens() -> None:
    code = (
        "import oai, sys; client = oai.OpenAI(api_key='k'); client.realtime.connect; client.chat.completions.create\n"
        "dear = ('websockets', 'oai._realtime.wire', 'oai._realtime.connection')\n"
        "print([each for each in sys.modules if each.startswith(dear)])"
    )
    root = Path(oai.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"


def test_struct_is_sent_as_an_event(play: Callable[..., Any]) -> None:
    item = types.ResponseDoneEvent(event_id="e", response=types.RealtimeResponse(id="r"))

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        yield connection.send(item)
        yield connection.send({"type": "x", "left_out": oai.omit, "item": item})
        yield connection.recv()
        yield connection.recv()
        yield connection.close()

    with peer(echo) as seen:
        play(scenario, base_url=seen.url)
    whole = {"type": "response.done", "event_id": "e", "response": {"id": "r"}}
    assert seen.events == [whole, {"type": "x", "item": whole}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_any_json_message_round_trips() -> None:
    @given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "type"), JSON, max_size=4))
    def check(fields: dict[str, Any]) -> None:
        event = {"type": "unknown.type", **fields}
        connection.send(event)
        received = plain(connection.recv())
        assert {name: value for name, value in event.items() if value is not None} == {
            name: value for name, value in received.items() if value is not None
        }

    with (
        peer(lambda seen, socket: [socket.send(frame) for frame in socket]) as seen,
        oai.OpenAI(api_key=KEY, base_url=seen.url) as client,
        client.realtime.connect(model="m") as connection,
    ):
        check()
