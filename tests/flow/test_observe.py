"""Observing a call: hooks, the log, rate limits."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
from oai import Attempt
from oai._http.rate_limit import seconds
from oai.testing import Answer, Loopback

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "o"}


def retrieve(client: Any) -> Any:
    return (yield client.models.retrieve("m"))


class Recorder:
    """Hooks that record their calls."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Attempt]] = []

    def options(self) -> dict[str, Any]:
        return {name: self._hook(name) for name in ("on_request", "on_reply", "on_retry")}

    def _hook(self, name: str) -> Callable[[Attempt], None]:
        return lambda attempt: self.events.append((name, attempt))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


def test_hooks_see_each_attempt(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(
        Answer(429, json={"error": {"message": "slow down"}}, headers=[("retry-after-ms", "1")]),
        Answer(json=MODEL, headers=[("x-request-id", "req-1")]),
    )
    hooks = Recorder()
    play(retrieve, max_retries=2, **hooks.options())
    assert hooks.names == ["on_request", "on_reply", "on_retry", "on_request", "on_reply"]
    first, second = hooks.events[1][1], hooks.events[4][1]
    assert hooks.events[0][1] is first
    assert (first.status, first.number, first.operation, first.method) == (429, 0, "models.retrieve", "GET")
    assert first.delay == pytest.approx(0.001)
    assert (second.status, second.number, second.request_id, second.delay) == (200, 1, "req-1", None)
    assert second.url == f"{server.url}/v1/models/m"
    assert second.headers is not None
    assert 0 < second.elapsed < 10
    assert KEY not in repr(hooks.events)


def test_hooks_see_an_attempt_without_a_response(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(reset="before"))
    hooks = Recorder()
    with pytest.raises(oai.APIConnectionError):
        play(retrieve, **hooks.options())
    assert hooks.names == ["on_request", "on_reply"]
    assert hooks.events[1][1].status is None
    assert isinstance(hooks.events[1][1].error, oai.TransportError)


def test_headers_returned_by_on_request_are_sent(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(json=MODEL))
    play(retrieve, on_request=lambda attempt: {"traceparent": f"00-{attempt.number}", "User-Agent": None})
    assert server.requests[0].header("traceparent") == "00-0"
    assert server.requests[0].header("authorization") == f"Bearer {KEY}"
    assert server.requests[0].header("user-agent") != f"oai/{oai.__version__}"


def test_async_client_awaits_hooks(server: Loopback) -> None:
    import asyncio

    server.reply(Answer(json=MODEL))

    async def trace(attempt: Attempt) -> dict[str, str]:
        await asyncio.sleep(0)
        return {"traceparent": "00"}

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key=KEY, base_url=f"{server.url}/v1", on_request=trace) as client:
            await client.models.retrieve("m")

    asyncio.run(main())
    assert server.requests[0].header("traceparent") == "00"


def test_failing_hook_ends_the_call_and_closes_the_connection(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(chunks=[b"data: {}\n\n"] * 3, framing="chunked", content_type="text/event-stream"))

    def fail(attempt: Attempt) -> None:
        raise ZeroDivisionError

    def stream(client: Any) -> Any:
        yield client.chat.completions.create(model="m", messages=[], stream=True)

    with pytest.raises(ZeroDivisionError):
        play(stream, on_reply=fail)
    assert server.until(lambda: not server.open_connections)


def test_log_has_a_line_for_each_attempt(
    play: Callable[..., Any], server: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply(
        Answer(503, json={}, headers=[("retry-after-ms", "1")]), Answer(json=MODEL, headers=[("x-request-id", "req-1")])
    )
    with caplog.at_level(logging.INFO, "oai"):
        play(retrieve, max_retries=1)
    lines = [record.getMessage() for record in caplog.records if record.name == "oai"]
    assert len(lines) == 3
    assert lines[0].startswith(f"models.retrieve: GET {server.url}/v1/models/m -> 503 in 0.")
    assert lines[1] == "models.retrieve: retrying in 0.001 s"
    assert lines[2].endswith("(attempt 2, request id req-1)")


def test_log_never_contains_a_key(play: Callable[..., Any], server: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    server.reply(Answer(json=MODEL))
    with caplog.at_level(logging.DEBUG, "oai"):
        play(retrieve, default_headers={"api-key": KEY}, default_query={"api_key": KEY})
    assert "sending GET" in caplog.text
    assert KEY not in caplog.text


def test_logger_is_looked_up_once(play: Callable[..., Any], server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    logging.getLogger("oai")
    server.default = Answer(json=MODEL)
    play(retrieve)
    lookups: list[str] = []
    look_up = logging.getLogger
    monkeypatch.setattr(logging, "getLogger", lambda name=None: lookups.append(name) or look_up(name))
    play(retrieve)
    server.default = Answer(json={"id": "decoded leniently"})
    play(retrieve)
    assert "oai" not in lookups


LOCK_LEFT_HELD = """
import asyncio, logging, os, sys, threading
import oai

if sys.argv[2] == "True":
    logging.basicConfig(level=logging.CRITICAL)
options = {"api_key": "none", "base_url": sys.argv[1], "max_retries": 1}

def interrupted():
    logging._lock.acquire()  # what an interrupt within `logging.getLogger` does in Python 3.11

asyncio.run(asyncio.sleep(0))  # asyncio looks up its own logger
with oai.OpenAI(**options) as client:
    client.models.list()
    thread = threading.Thread(target=interrupted)
    thread.start()
    thread.join()
    client.models.list()
    client.with_options(max_retries=0).models.list()
    client.models.retrieve("decoded leniently")
    list(client.chat.completions.create(model="m", messages=[], stream=True))
    other = threading.Thread(target=client.models.list)
    other.start()
    other.join()
with oai.OpenAI(**options) as client:
    client.models.list()

async def main():
    async with oai.AsyncOpenAI(**options) as client:
        await client.models.list()
        async for event in await client.chat.completions.create(model="m", messages=[], stream=True):
            pass

asyncio.run(main())
print("done", flush=True)
os._exit(0)  # logging takes the lock when Python ends
"""


@pytest.mark.parametrize("logs", [False, True])
def test_calls_do_not_wait_for_a_lock_of_logging_that_was_left_held(logs: bool, server: Loopback) -> None:
    """In Python 3.11 an interrupt within `logging.getLogger` leaves the lock held, and every look-up hangs."""
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    models = Answer(json={"object": "list", "data": []})
    server.default = lambda seen: Answer.events([chunk]) if seen.body else models
    server.reply(Answer(503, headers=[("retry-after-ms", "1")]), models, Answer(503, headers=[("retry-after-ms", "1")]))
    program = [sys.executable, "-c", LOCK_LEFT_HELD, f"{server.url}/v1", str(logs)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize(("variable", "level", "lines"), [("OAI_LOG", "info", 1), ("OPENAI_LOG", "debug", 2)])
def test_environment_variable_enables_the_log(server: Loopback, variable: str, level: str, lines: int) -> None:
    server.reply(Answer(json=MODEL))
    program = "import oai; oai.OpenAI().models.retrieve('m')"
    environment = {**os.environ, variable: level, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{server.url}/v1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    shown = [line for line in done.stderr.splitlines() if " oai " in line]
    assert len(shown) == lines, done.stderr
    assert KEY not in done.stderr


def test_unknown_log_level_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAI_LOG", "verbose")
    with pytest.warns(UserWarning, match="OAI_LOG must be one of debug, info, not 'verbose'"):
        oai.OpenAI(api_key=KEY)


def test_absurd_rate_limits_are_ignored() -> None:
    limit = oai.RateLimit.of(oai.Headers([("x-ratelimit-limit-requests", "9" * 5000)]))
    assert limit.limit_requests is None


def test_results_have_rate_limits_and_retries(play: Callable[..., Any], server: Loopback) -> None:
    fields = [
        ("x-ratelimit-limit-requests", "5000"),
        ("x-ratelimit-remaining-requests", "4999"),
        ("x-ratelimit-reset-requests", "12ms"),
        ("x-ratelimit-limit-tokens", "160000"),
        ("x-ratelimit-remaining-tokens", "159,000"),
        ("x-ratelimit-reset-tokens", "6m0.5s"),
    ]
    server.reply(Answer(500, headers=[("retry-after-ms", "1")]), Answer(json=MODEL, headers=fields))
    response = play(retrieve, max_retries=1)._response
    assert response.retries_taken == 1
    assert response.rate_limit == oai.RateLimit(
        limit_requests=5000,
        remaining_requests=4999,
        reset_requests=pytest.approx(0.012),  # type: ignore[arg-type]
        limit_tokens=160000,
        remaining_tokens=None,
        reset_tokens=360.5,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("250ms", 0.25),
        ("1d", 86400),
        ("2", 2),
        ("", None),
        ("5x", None),
        ("9" * 400 + "s", None),
    ],
)
def test_durations_are_parsed_to_seconds(text: str, expected: float | None) -> None:
    assert seconds(text) == (None if expected is None else pytest.approx(expected))


@given(st.text())
def test_parsing_a_duration_never_raises(text: str) -> None:
    value = seconds(text)
    assert value is None or 0 <= value < float("inf")
