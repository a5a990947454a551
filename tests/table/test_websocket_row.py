"""Rows of WebSockets, and the methods generated from them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from peer import echo, peer
from planted import KEY

import oai
from oai._table.check_websockets import check_socket
from oai._table.load import load_table, shipped_table
from oai._table.type_expressions import resolve
from oai._table.websocket_row import SOCKET_OPTIONS, WebSocketRow

SOCKETS = {name: each for name, each in shipped_table().helpers.items() if isinstance(each, WebSocketRow)}


@pytest.mark.parametrize("name", SOCKETS)
def test_row_resolves_and_has_its_signature(name: str) -> None:
    socket = SOCKETS[name]
    for expression in (
        *(kind.removesuffix("?") for params in (socket.params, *socket.sends.values()) for kind in params.values()),
        socket.events,
    ):
        resolve(expression)
    method = attrgetter(name)(oai.OpenAI(api_key=KEY))
    assert list(inspect.signature(method).parameters) == [
        *dict.fromkeys([*socket.args, *socket.path_params, *socket.params, *SOCKET_OPTIONS]),
    ]
    assert socket.doc in method.__doc__
    assert len(socket.sends) >= 2


@pytest.mark.parametrize("name", SOCKETS)
def test_every_event_of_the_table_can_be_sent(name: str, play: Callable[..., Any]) -> None:
    socket = SOCKETS[name]
    given_params = {each: "x y" for each in (*socket.path_params, *socket.params) if each != "graceful_close"}

    def scenario(client: Any) -> Any:
        connection = yield attrgetter(name)(client)(**given_params).enter()
        for event, params in socket.sends.items():
            yield attrgetter(event)(connection)(**{param: {"of": param} for param in params})
            yield connection.recv()
            required = {param: None for param, kind in params.items() if not kind.endswith("?")}
            yield attrgetter(event)(connection)(**required)
            yield connection.recv()
            with pytest.raises(TypeError, match="accepts any event"):
                yield attrgetter(event)(connection)(**required, unheard_of=1)
            if required:
                with pytest.raises(TypeError, match="missing"):
                    yield attrgetter(event)(connection)()
        yield connection.close()

    with peer(echo) as seen:
        play(scenario, base_url=seen.url)
    wanted = []
    for event, params in socket.sends.items():
        wanted.append({"type": event, **{param: {"of": param} for param in params}})
        wanted.append({"type": event, **{param: None for param, kind in params.items() if not kind.endswith("?")}})
    assert seen.events == wanted
    path = socket.websocket.format(**dict.fromkeys(socket.path_params, "x%20y"))
    assert seen.handshakes[0][0].partition("?")[0] == path


def test_user_table_may_have_a_websocket(tmp_path: Path) -> None:
    table = tmp_path / "own.toml"
    table.write_text("""
[speech.connect]
doc       = "Listen."
websocket = "/speech/{voice}"
events    = "realtime.RealtimeServerEvent"
args      = ["voice"]
params    = { rate = "int?" }
headers   = { X-Speech = "1" }

[speech.connect.sends]
"hello"    = { name = "str?" }
"a.b.send" = {}
""")
    with (
        peer(echo) as seen,
        oai.OpenAI(api_key=KEY, base_url=seen.url, table=table) as client,
        client.speech.connect("low/deep", rate=3) as connection,
    ):
        connection.hello(name="x")
        connection.a.b.send()
        assert (connection.recv().type, connection.recv().event_id) == ("brand.new", "event_2")
    assert seen.events == [{"type": "hello", "name": "x"}, {"type": "a.b.send"}]
    ((path, headers),) = seen.handshakes
    assert path == "/speech/low%2Fdeep?rate=3"
    assert dict(headers)["X-Speech"] == "1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event": "Any"}, r"`event` is not a valid key of a WebSocket; did you mean `events`"),
        ({"events": None}, r"`events` is missing"),
        ({"events": "a b"}, r"`events` is 'a b', which is not a type expression"),
        ({"websocket": "things"}, r"`websocket` must be a path template"),
        ({"websocket": "/things?x=1"}, r"`websocket` must be a path template"),
        ({"params": {"timeout": "str"}}, r"`params.timeout` is not a valid parameter name"),
        ({"websocket": "/{a}", "params": {"a": "str"}}, r"`params.a` is not"),
        ({"params": {"model": "a b?"}}, r"`params.model` is 'a b'"),
        ({"fixed_query": ["modle"], "params": {"model": "str"}}, r"`fixed_query` names 'modle'.*did you mean `model`"),
        ({"args": ["modle"], "params": {"model": "str"}}, r"`args` names 'modle'.*did you mean `model`"),
        ({"sends": {"recv": {}}}, r"`sends.recv` would hide `recv`"),
        ({"sends": {"a.class": {}}}, r"`sends.a.class` is not a valid call path"),
        ({"sends": {"a": {}, "a.b": {}}}, r"`sends.a.b` is below 'a'"),
        ({"sends": {"a": {"type": "str"}}}, r"`sends.a.type` is not a valid parameter name"),
        ({"sends": {"a": {"b": "x y"}}}, r"`sends.a.b` is 'x y'"),
        ({"max_queue_size": "many"}, r"`max_queue_size` expected `int`"),
    ],
)
def test_invalid_row_error_names_file_and_key(changes: dict[str, Any], message: str) -> None:
    keys = {"websocket": "/things", "events": "Any", **changes}
    with pytest.raises(oai.TableError, match=r"t\.toml: \[things\.connect\]: " + message):
        check_socket("t.toml", "things.connect", {key: value for key, value in keys.items() if value is not None})


def test_websocket_may_replace_an_operation_and_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "over.toml").write_text('[models.list]\nwebsocket = "/models"\nevents = "Any"\n')
    (tmp_path / "under.toml").write_text(
        '[realtime.connect]\nmethod = "GET"\npath = "/x"\nbody = "query"\nresponse = "str"\n'
    )
    table = load_table(str(Path(oai.__file__).with_name("endpoints.toml")), tmp_path / "over.toml")
    assert isinstance(table.helpers["models.list"], WebSocketRow)
    assert "models.list" not in table
    with oai.OpenAI(api_key=KEY, table=tmp_path / "under.toml") as client:
        assert "GET /x" in client.realtime.connect.__doc__
