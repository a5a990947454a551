"""The official SDK and this package open the same WebSockets and send the same messages, compared at one server."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from operator import attrgetter, itemgetter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from peer import Peer, collect, drop, echo, failing_after_sending, peer, say
from planted import KEY
from websockets.exceptions import ConnectionClosedError

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


def example_arguments(socket: Any) -> dict[str, Any]:
    """Return arguments for the function that opens a WebSocket."""
    params = {param: example(kind) for param, kind in socket.params.items()}
    return params | dict.fromkeys(socket.path_params, "s")


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

    converse(package, lambda client: conversation(client, name, SOCKETS[name]), options, is_async=is_async)


def converse(package: Any, steps: Callable[[Any], Iterator[Any]], options: dict[str, Any], *, is_async: bool) -> None:
    """Run the steps of a conversation with a client of these options."""

    async def main() -> None:
        async with package.AsyncOpenAI(**options) as client:
            await run_async(steps(client))

    if is_async:
        asyncio.run(main())
    else:
        with package.OpenAI(**options) as client:
            run(steps(client))


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


QUERIES: dict[str, dict[str, Any]] = {
    "none": {},
    "plain": {"route": "call", "filter": "plain", "list": "one", "empty": ""},
    "omit": {"route": "OMIT", "filter": "OMIT", "repeat": "OMIT", "list": "OMIT"},
    "nested": {"route": None, "filter": {"new": "a b", "none": None}, "repeat": ["x", None, "y"], "list": (1, True)},
}


def query_options(seen: Peer) -> dict[str, Any]:
    """Return options in which a URL and the defaults have parameters of the same names, nested ones and lists."""
    nested = {"filter": {"old": "default", "both": "default"}, "list": ["a", "b"], "none": None}
    return {
        "api_key": KEY,
        "websocket_base_url": f"{seen.url.replace('http', 'ws')}/v1?route=url&repeat=1&repeat=2&filter[both]=url&blank=",
        "default_query": {"route": "default", "repeat": "default", "own": "kept", **nested},
    }


def sent_query(manager: Any, client: Any, seen: Peer) -> list[tuple[str, str]]:
    """Open a connection and close it; return the query that the server received, sorted by name."""
    enter(manager, client)
    ((path, _),) = seen.handshakes
    return sorted(parse_qsl(urlsplit(path).query, keep_blank_values=True), key=itemgetter(0))


def enter(manager: Any, client: Any) -> Any:
    """Open the connection of a manager, and close it and the client; return it."""

    async def main() -> Any:
        async with client, manager as connection:
            return connection

    if hasattr(manager, "__aenter__"):
        return asyncio.run(main())
    with client, manager as connection:
        return connection


def with_omit(query: dict[str, Any], package: Any) -> dict[str, Any]:
    return {name: package.omit if value == "OMIT" else value for name, value in query.items()}


@pytest.mark.parametrize("cls", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("name", SOCKETS)
def test_both_clients_merge_the_queries_of_url_client_and_connection(name: str, query: Any, cls: str) -> None:
    socket = SOCKETS[name]
    params = example_arguments(socket)
    outcomes = []
    for package in (openai, oai):
        with peer(echo) as seen:
            arguments = {**params, "extra_query": with_omit(query, package)}
            client = getattr(package, cls)(**query_options(seen))
            outcomes.append(sent_query(attrgetter(name)(client)(**arguments), client, seen))
    assert outcomes[0] == outcomes[1]
    assert ("own", "kept") in outcomes[1]


@pytest.mark.parametrize("cls", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("value", ["extra", None, ["a", "b"], {"x": 1}], ids=str)
@pytest.mark.parametrize("name", SOCKETS)
def test_both_clients_prefer_the_same_of_an_argument_and_an_extra_query(name: str, value: Any, cls: str) -> None:
    socket = SOCKETS[name]
    outcomes = []
    for package in (openai, oai):
        with peer(echo) as seen:
            client = getattr(package, cls)(**query_options(seen))
            manager = attrgetter(name)(client)(
                **example_arguments(socket), extra_query=dict.fromkeys(socket.params, value)
            )
            outcomes.append(sent_query(manager, client, seen))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("cls", ["AzureOpenAI", "AsyncAzureOpenAI"])
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_both_azure_clients_merge_the_queries_and_keep_version_and_deployment(query: Any, cls: str) -> None:
    outcomes = []
    for package in (openai, oai):
        with peer(echo) as seen:
            options = query_options(seen) | {"azure_endpoint": seen.url, "api_version": "2026-01-01"}
            options["websocket_base_url"] += "&api-version=url"
            fixed = {"api-version": package.omit, "deployment": "wrong"}
            client = getattr(package, cls)(**options)
            manager = client.realtime.connect(model="m", extra_query=with_omit(query, package) | fixed)
            outcomes.append(sent_query(manager, client, seen))
    assert outcomes[0] == outcomes[1]
    assert {("api-version", "2026-01-01"), ("deployment", "m")} < set(outcomes[1])


@pytest.mark.parametrize("cls", ["OpenAI", "AsyncOpenAI"])
def test_both_clients_send_the_query_of_base_url_with_a_websocket(cls: str) -> None:
    outcomes = []
    for package in (openai, oai):
        with peer(echo) as seen:
            client = getattr(package, cls)(
                api_key=KEY, base_url=f"{seen.url}/v1?a=url&a=again&b=url", default_query={"a": "x", "c": "x"}
            )
            outcomes.append(sent_query(client.realtime.connect(model="m"), client, seen))
    assert outcomes[0] == outcomes[1]
    assert outcomes[1] == [("a", "url"), ("a", "again"), ("b", "url"), ("c", "x"), ("model", "m")]


@pytest.mark.parametrize("cls", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("values", [{"route": "call"}, [("route", "x"), ("route", "y")]], ids=["dict", "repeated"])
def test_both_translation_sessions_add_the_query_of_the_base_url(cls: str, values: Any) -> None:
    httpx = pytest.importorskip("httpx2")
    session = "AsyncTranslationSession" if cls.startswith("Async") else "TranslationSession"
    outcomes = []
    for package in (openai, oai):
        with peer(echo) as seen:
            options = query_options(seen) | {"base_url": "http://127.0.0.1:9/v1?route=http&http=1&http=2&own=http"}
            client = getattr(package, cls)(**options)
            query = values if isinstance(values, dict) else httpx.QueryParams(values)
            module = importlib.import_module(f"{package.__name__}.lib.realtime_translation")
            manager = getattr(module, session)(client.realtime.translations, model="m", extra_query=query)
            outcomes.append(sent_query(manager, client, seen))
    assert outcomes[0] == outcomes[1]
    assert {("http", "1"), ("http", "2"), ("own", "kept"), ("repeat", "1"), ("repeat", "2")} < set(outcomes[1])


def managers(name: str, cls: str) -> Iterator[tuple[Any, Any, Any, Peer]]:
    """Yield each package, a client of it, the manager of a WebSocket with example arguments, and its peer."""
    params = example_arguments(SOCKETS[name])
    for package in (openai, oai):
        with peer(echo) as seen:
            client = getattr(package, cls)(**query_options(seen))
            yield package, client, attrgetter(name)(client)(**params), seen


@pytest.mark.parametrize("cls", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("name", SOCKETS)
def test_both_clients_open_a_websocket_with_the_attributes_assigned_after_connect(name: str, cls: str) -> None:
    outcomes = []
    for _, client, manager, seen in managers(name, cls):
        client.organization, client.project, client.api_key = "org-new", "proj-new", "another"
        enter(manager, client)
        outcomes.append(shown(seen)["headers"])
    assert outcomes[0] == outcomes[1]
    assert outcomes[1]["OpenAI-Organization"] == "org-new"


@pytest.mark.parametrize("error", [OSError("lost"), ConnectionClosedError(None, None)], ids=["system", "library"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", sorted(SOCKETS.keys() - {"beta.realtime.connect"}))  # there the SDK does not reconnect
def test_both_clients_send_a_queued_event_at_most_once(name: str, is_async: bool, error: Exception) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        frames = [socket.recv() for _ in range(2)]
        seen.frames += [f"{len(seen.handshakes)} {json.loads(frame)['type']}" for frame in frames]
        if len(seen.handshakes) == 1:
            drop(socket)
        else:
            say(socket, type="brand.new")

    def steps(client: Any) -> Iterator[Any]:
        def again(_: Any) -> None:
            manager.send({"type": "meanwhile"})

        options = {"on_reconnecting": again, "initial_delay": 0}
        manager = attrgetter(name)(client)(**example_arguments(SOCKETS[name]), **options)
        for event in ("first", "interrupted", "next"):
            manager.send({"type": event})
        connection = yield manager.enter()
        yield collect(connection)

    outcomes = []
    for package in (openai, oai):
        with failing_after_sending("interrupted", error), peer(behave) as seen:
            url = f"{seen.url}/v1".replace("http", "ws")
            converse(package, steps, {"api_key": KEY, "websocket_base_url": url}, is_async=is_async)
        outcomes.append(seen.frames)
    assert outcomes == [["1 first", "1 interrupted", "2 next", "2 meanwhile"]] * 2


def connection_class(package: Any, name: str, cls: str) -> Any:
    """Return the class of the connections of a WebSocket, by the import path of the official SDK."""
    *outer, area = name.removesuffix(".connect").split(".")
    for path in (f"{area}.{area}", area):
        try:
            module = importlib.import_module(".".join([package.__name__, "resources", *outer, path]))
        except ModuleNotFoundError:
            continue
        return getattr(module, f"{cls.removesuffix('OpenAI')}{area.title()}Connection")
    raise LookupError(name)


@pytest.mark.parametrize("cls", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("name", SOCKETS)
def test_connections_are_instances_of_their_own_class_alone(name: str, cls: str) -> None:
    outcomes = []
    for package, client, manager, _ in managers(name, cls):
        connection = enter(manager, client)
        classes = {path: connection_class(package, path, cls) for path in SOCKETS}
        outcomes.append([path for path, kind in classes.items() if isinstance(connection, kind)])
    assert outcomes == [[name], [name]]


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
