"""WebSocket handlers, the queue of unsent messages, and reconnecting."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest
from peer import Peer, Refusal, collect, drop, echo, failing_after_sending, peer, say
from websockets.exceptions import ConnectionClosedError

import oai


def test_handlers_are_called_with_events_of_their_type(play: Callable[..., Any]) -> None:
    called: list[tuple[str, str]] = []

    def behave(seen: Peer, socket: Any) -> None:
        for kind in ("one", "two", "one", "error"):
            say(socket, type=kind, error={"message": "something is wrong"})

    def scenario(client: Any, *, handle_errors: bool) -> Any:
        def note(name: str) -> Callable[[Any], Any]:
            async def note_async(event: Any) -> None:
                called.append((name, event.type))

            is_async = inspect.iscoroutinefunction(client.close)
            return note_async if is_async else lambda event: called.append((name, event.type))

        manager = client.realtime.connect(model="m")
        assert manager.on("one", note("on")).once("one", note("once")) is manager
        connection = yield manager.enter()
        connection.on("two")(removed := note("removed"))
        assert connection.off("two", removed).off("two", removed).off("none", removed) is connection
        if handle_errors:
            connection.on("error", note("error"))
            yield connection.dispatch_events()
        else:
            with pytest.raises(oai.StreamError, match="something is wrong") as caught:
                yield connection.dispatch_events()
            assert caught.value.body["type"] == "error"
            yield connection.close()

    with peer(behave) as seen:
        for handle_errors in (True, False):
            play(lambda client, handled=handle_errors: scenario(client, handle_errors=handled), base_url=seen.url)
    assert called == [
        *[("on", "one"), ("once", "one"), ("on", "one"), ("error", "error")],
        *[("on", "one"), ("once", "one"), ("on", "one")],
    ]


def test_handler_for_event_gets_all_events(play: Callable[..., Any]) -> None:
    seen_types: list[str] = []

    def behave(seen: Peer, socket: Any) -> None:
        say(socket, type="one")
        say(socket, type="error")

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(model="m").enter()
        connection.on("event", lambda event: seen_types.append(event.type))
        yield connection.dispatch_events()

    with peer(behave) as seen:
        play(scenario, base_url=seen.url)
    assert seen_types == ["one", "error"]


# -- sending before the connection is open, and reconnecting


def test_messages_queued_before_opening_are_sent_first(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        manager = client.realtime.connect(model="m", max_queue_size=40)
        manager.send({"type": "first"})
        with pytest.raises(oai.WebSocketQueueFullError, match="40 bytes"):
            manager.send({"type": "x" * 40})
        connection = yield manager.enter()
        yield connection.send({"type": "second"})
        yield connection.recv()
        yield connection.recv()
        yield connection.close()

    with peer(echo) as seen:
        play(scenario, base_url=seen.url)
    assert [event["type"] for event in seen.events] == ["first", "second"]


def break_off(times: int, how: Callable[[Any], None] = drop, *, frames: int = 1) -> Callable[[Peer, Any], None]:
    """Lose the first connections after one event; close the next normally after a number of frames."""

    def behave(seen: Peer, socket: Any) -> None:
        say(socket, type="brand.new", number=len(seen.handshakes))
        if len(seen.handshakes) <= times:
            how(socket)
            return
        for _ in range(frames):
            seen.frames.append(socket.recv())

    return behave


def test_iterating_reconnects_with_on_reconnecting(play: Callable[..., Any]) -> None:
    attempts: list[Any] = []

    def again(event: oai.ReconnectingEvent) -> dict[str, Any] | None:
        attempts.append(event)
        return {"extra_query": {"resume": str(len(attempts))}, "extra_headers": {"X-Again": "yes"}}

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(
            model="m", on_reconnecting=again, initial_delay=0.001, max_delay=0.002, max_retries=2
        ).enter()
        connection.on("event", lambda event: events.append(event.number))
        connection.on("event", lambda event: connection.send({"type": "enough"}) if event.number == 3 else None)
        yield connection.dispatch_events()
        return events

    events: list[int] = []
    with peer(break_off(2)) as seen:
        assert play(scenario, base_url=seen.url) == [1, 2, 3]
    assert [path for path, _ in seen.handshakes] == [
        *["/realtime?model=m", "/realtime?model=m&resume=1", "/realtime?model=m&resume=2"],
    ]
    assert [dict(headers).get("X-Again") for _, headers in seen.handshakes] == [None, "yes", "yes"]
    # The event between the two losses reset the count.
    assert [(each.attempt, each.max_attempts, each.close_code) for each in attempts] == [(1, 2, 1006), (1, 2, 1006)]
    assert (attempts[1].extra_query, attempts[1].extra_headers) == ({"resume": "1"}, {"X-Again": "yes"})
    assert all(0 < each.delay <= 0.002 for each in attempts)
    assert seen.events == [{"type": "enough"}]


def test_messages_sent_while_reconnecting_are_queued(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        holder: list[Any] = []
        sending: list[Any] = []

        def again(event: oai.ReconnectingEvent) -> None:
            # An async client's `send` is a coroutine; queueing the message needs no event loop.
            sent = holder[0].send({"type": f"meanwhile.{event.attempt}"})
            if inspect.iscoroutine(sent):
                with contextlib.suppress(StopIteration):
                    sent.send(None)
            sending.append(event.attempt)

        connection = yield client.realtime.connect(model="m", on_reconnecting=again, initial_delay=0.001).enter()
        holder.append(connection)
        return (yield collect(connection)), sending

    with peer(break_off(1, lambda socket: socket.close(1012), frames=2)) as seen:
        seen.answers = [None, Refusal(503, b"{}"), None]
        events, sending = play(scenario, base_url=seen.url)
    assert sending == [1, 2]
    assert [event.number for event in events] == [1, 3]
    assert seen.events == [{"type": "meanwhile.1"}, {"type": "meanwhile.2"}]


@pytest.mark.parametrize("first", [True, False], ids=["at first", "again"])
def test_close_while_flushing_the_queue_keeps_events_and_close_code(first: bool, play: Callable[..., Any]) -> None:
    """Events received before are delivered, and the close code decides whether to reconnect."""
    events: list[Any] = []
    codes: list[int] = []
    unsent: list[tuple[int | None, int]] = []
    piece = "x" * 2**16

    def behave(seen: Peer, socket: Any) -> None:
        say(socket, type="brand.new", number=len(seen.handshakes))
        if len(seen.handshakes) == 1 and not first:
            socket.recv()
            socket.close(1012)

    def fill(send: Callable[[Any], Any]) -> None:
        for number in range(200):
            sent = send({"type": "piece", "number": number, "piece": piece})
            if inspect.iscoroutine(sent):
                with contextlib.suppress(StopIteration):
                    sent.send(None)

    def scenario(client: Any) -> Any:
        holder: list[Any] = []

        def again(event: oai.ReconnectingEvent) -> None:
            codes.append(event.close_code)
            fill(holder[0].send)

        manager = client.realtime.connect(
            model="m", max_queue_size=2**25, **({} if first else {"on_reconnecting": again, "initial_delay": 0.001})
        )
        if first:
            fill(manager.send)
        connection = yield manager.enter()
        holder.append(connection)
        connection.on("event", events.append)
        if not first:
            yield connection.send({"type": "ready"})
        try:
            yield connection.dispatch_events()
        except oai.WebSocketConnectionClosedError as closed:
            unsent.append((closed.close_code, len(closed.unsent_messages)))

    with peer(behave, max_queue=None) as seen:
        play(scenario, base_url=seen.url)
    assert [event.number for event in events] == ([1] if first else [1, 2])
    assert codes == ([] if first else [1012])
    assert all(code == 1000 and 0 < number <= 200 for code, number in unsent)


def test_queued_message_is_kept_for_the_next_connection_unless_its_sending_began(
    caplog: pytest.LogCaptureFixture, play: Callable[..., Any]
) -> None:
    def behave(seen: Peer, socket: Any) -> None:
        if len(seen.handshakes) == 1:
            seen.frames.append(socket.recv())
            drop(socket)
            return
        for _ in range(2):
            seen.frames.append(socket.recv())
        say(socket, type="brand.new")

    def scenario(client: Any) -> Any:
        manager = client.realtime.connect(model="m", on_reconnecting=lambda _: None, initial_delay=0.001)
        for name in ("interrupted", "next", "last"):
            manager.send({"type": name})
        connection = yield manager.enter()
        return (yield collect(connection))

    with failing_after_sending("interrupted", ConnectionClosedError(None, None)), peer(behave) as seen:
        assert len(play(scenario, base_url=seen.url)) == 1
    assert [event["type"] for event in seen.events] == ["interrupted", "next", "last"]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("realtime.connect: the WebSocket was lost while a queued message was being sent")


def test_message_whose_sending_failed_is_not_unsent(play: Callable[..., Any]) -> None:
    def behave(_: Peer, socket: Any) -> None:
        socket.recv()
        drop(socket)

    def scenario(client: Any) -> Any:
        manager = client.realtime.connect(model="m")
        for name in ("interrupted", "next"):
            manager.send({"type": name})
        connection = yield manager.enter()
        with pytest.raises(oai.WebSocketConnectionClosedError, match="1 messages were not sent") as caught:
            yield collect(connection)
        return caught.value.unsent_messages

    lost = ConnectionClosedError(None, None)
    with failing_after_sending("interrupted", lost), peer(behave) as seen:
        assert play(scenario, base_url=seen.url) == ['{"type":"next"}']


@pytest.mark.parametrize("end", ["abort", "retries", "refused", "normal"])
def test_reconnecting_ends(end: str, play: Callable[..., Any]) -> None:
    attempts: list[int] = []

    def again(event: oai.ReconnectingEvent) -> dict[str, Any] | None:
        attempts.append(event.attempt)
        return {"abort": True} if end == "abort" else None

    def scenario(client: Any) -> Any:
        connection = yield client.realtime.connect(
            model="m", on_reconnecting=again, initial_delay=0.001, max_retries=3
        ).enter()
        return (yield collect(connection))

    how = drop if end != "normal" else (lambda socket: socket.close())
    with peer(break_off(10, how)) as seen:
        if end == "retries":
            seen.answers = [None, *[Refusal(503, b"{}")] * 3]
        elif end == "refused":
            seen.answers = [None, Refusal(401, b"{}")]
        if end == "normal":
            assert len(play(scenario, base_url=seen.url)) == 1
        else:
            expected = oai.AuthenticationError if end == "refused" else oai.WebSocketConnectionClosedError
            with pytest.raises(expected):
                play(scenario, base_url=seen.url)
    assert attempts == {"abort": [1], "retries": [1, 2, 3], "refused": [1], "normal": []}[end]


def test_unsent_messages_are_in_the_error(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        holder: list[Any] = []

        def again(event: oai.ReconnectingEvent) -> dict[str, Any]:
            for frame in ("text", b"\xff"):
                sent = holder[0].send_raw(frame)
                if inspect.iscoroutine(sent):
                    with contextlib.suppress(StopIteration):
                        sent.send(None)
            return {"abort": True}

        connection = yield client.realtime.connect(model="m", on_reconnecting=again).enter()
        holder.append(connection)
        with pytest.raises(oai.WebSocketConnectionClosedError, match="2 messages were not sent") as caught:
            yield collect(connection)
        return caught.value

    with peer(break_off(1)) as seen:
        error = play(scenario, base_url=seen.url)
    assert (error.unsent_frames, error.unsent_messages) == (["text", b"\xff"], ["text"])


def test_close_ends_the_delay_before_the_next_attempt(play: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        holder: list[Any] = []

        def again(event: oai.ReconnectingEvent) -> None:
            if inspect.iscoroutinefunction(client.close):
                closing.append(asyncio.get_running_loop().create_task(holder[0].close()))
            else:
                closing.append(threading.Thread(target=holder[0].close))
                closing[0].start()

        closing: list[Any] = []
        connection = yield client.realtime.connect(
            model="m", on_reconnecting=again, initial_delay=60, max_delay=60
        ).enter()
        holder.append(connection)
        events = yield collect(connection)
        yield closing[0] if inspect.isawaitable(closing[0]) else closing[0].join()
        return events

    with peer(break_off(1)) as seen:
        assert len(play(scenario, base_url=seen.url)) == 1
