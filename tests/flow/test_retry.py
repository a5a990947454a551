"""Attempts, the delays between them, and the deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from both import Way
from hypothesis import given
from hypothesis import strategies as st

import oai
from oai._flow.retry import LONGEST_RETRY_AFTER, quota_pause, retry_after, retry_delay, server_pause
from oai.testing import Answer, Loopback

Make = Callable[..., oai.OpenAI]

SOON = ("retry-after-ms", "1")
PAGE = {"object": "list", "data": []}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_transient_status_is_retried(status: int, server: Loopback, client_to: Make) -> None:
    server.reply(Answer.error(status, "busy", headers=[SOON]), Answer.of_json(PAGE))
    page = client_to(max_retries=1).models.list()
    assert page.data == []
    assert page._response.retries_taken == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_permanent_status_is_not_retried(status: int, server: Loopback, client_to: Make) -> None:
    server.reply(Answer.error(status, "no"))
    with pytest.raises(oai.APIStatusError):
        client_to(max_retries=3).models.list()
    assert len(server.requests) == 1


def test_last_failure_is_raised(server: Loopback, client_to: Make) -> None:
    server.default = Answer.error(503, "busy", headers=[SOON])
    with pytest.raises(oai.InternalServerError) as caught:
        client_to(max_retries=2).models.list()
    assert len(server.requests) == 3
    assert caught.value.response.retries_taken == 2


def test_exhausted_quota_is_never_retried(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.error(429, "pay first", "insufficient_quota", headers=[SOON, ("x-should-retry", "true")]))
    with pytest.raises(oai.RateLimitError):
        client_to(max_retries=3).models.list()
    assert len(server.requests) == 1


def test_x_should_retry_overrides_the_status(server: Loopback, client_to: Make) -> None:
    client = client_to(max_retries=1)
    server.reply(Answer.error(400, "odd", headers=[SOON, ("x-should-retry", "true")]), Answer.of_json(PAGE))
    client.models.list()
    server.reply(Answer.error(500, "final", headers=[SOON, ("x-should-retry", "false")]))
    with pytest.raises(oai.InternalServerError):
        client.models.list()
    assert len(server.requests) == 3


@pytest.mark.parametrize("answer", [Answer(reset="before"), Answer.of_json(PAGE, truncate=4)])
@pytest.mark.usefixtures("quick_retries")
def test_broken_connection_is_retried(answer: Answer, server: Loopback, client_to: Make) -> None:
    server.reply(answer, Answer.of_json(PAGE))
    assert client_to(max_retries=1).models.list().data == []
    assert len(server.requests) == 2


def test_retry_after_sets_the_delay(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.error(429, "later", retry_after=0.2), Answer.of_json(PAGE))
    retries: list[Any] = []
    client_to(max_retries=1, on_retry=lambda attempt: retries.append(attempt.delay)).models.list()
    first, second = server.requests
    assert retries == [0.2]
    assert second.arrived - first.arrived >= 0.2


def test_retry_after_above_two_minutes_is_not_retried(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.error(429, "tomorrow", retry_after=121))
    start = time.monotonic()
    with pytest.raises(oai.RateLimitError):
        client_to(max_retries=5).models.list()
    assert time.monotonic() - start < 60
    assert len(server.requests) == 1


def in_a_minute() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "1e400", "retry-after": "3"}, 3.0),
        ({"retry-after": "-3"}, -3.0),
        ({"retry-after": "1e9"}, 1e9),
        ({"retry-after": "whenever"}, None),
    ],
)
def test_retry_after_forms(headers: dict[str, str], seconds: Any) -> None:
    assert retry_after(oai.Headers(headers.items())) == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text() | st.floats().map(str)))
def test_server_pause_is_between_zero_and_the_ceiling(headers: dict[str, str]) -> None:
    assert 0.0 <= server_pause(oai.Headers(headers.items())) <= LONGEST_RETRY_AFTER


@pytest.mark.parametrize(
    ("remaining", "reset", "pause"),
    [
        *(("0", "6s", 6.0), ("0", "1m0.5s", 60.5), ("0", "20ms", 0.02), ("1", "6s", 0.0), ("0", "soon", 0.0)),
        *(("0", "30d", LONGEST_RETRY_AFTER), ("0", "9" * 400 + "s", 0.0), ("0", "1e300", LONGEST_RETRY_AFTER)),
    ],
)
@pytest.mark.parametrize("quota", ["requests", "tokens"])
def test_exhausted_quota_pauses_until_its_reset_within_the_ceiling(
    quota: str, remaining: str, reset: str, pause: float
) -> None:
    fields = [(f"x-ratelimit-remaining-{quota}", remaining), (f"x-ratelimit-reset-{quota}", reset)]
    assert quota_pause(oai.Headers(fields)) == pytest.approx(pause)


def test_retry_after_as_a_date() -> None:
    seconds = retry_after(oai.Headers([("retry-after", in_a_minute())]))
    assert seconds == pytest.approx(60, abs=5)


def test_backoff_doubles_up_to_eight_seconds_with_jitter() -> None:
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 8, 8]):
        delays = [retry_delay(attempt, None) for _ in range(50)]
        assert all(0.75 * longest <= delay <= longest for delay in delays)
        assert len(set(delays)) > 5
    assert retry_delay(10_000, None) <= 8
    assert retry_delay(0, 7.0) == 7.0
    assert retry_delay(0, -5.0) <= 0.5


@pytest.mark.parametrize(
    "answer",
    [
        Answer.of_json(PAGE, delay=60),
        Answer.of_json(PAGE, head_pace=0.05, headers=[("x-a", "1")] * 1200, one_byte=True),
        Answer(chunks=[b" "] * 3000, pace=0.02),
    ],
    ids=["silence", "slow headers", "slow body"],
)
def test_deadline_bounds_slow_responses(answer: Answer, server: Loopback, client_to: Make) -> None:
    server.default = answer
    start = time.monotonic()
    with pytest.raises(oai.APITimeoutError, match=r"the deadline of 0\.3 s has passed"):
        client_to(deadline=0.3, max_retries=5).models.list()
    assert 0.25 < time.monotonic() - start < 20  # the response takes 60 s
    assert len(server.requests) <= 1


def test_deadline_bounds_attempts_and_delays(server: Loopback, client_to: Make) -> None:
    server.default = Answer.error(429, "later", retry_after=1)
    start = time.monotonic()
    with pytest.raises(oai.RateLimitError):
        client_to(deadline=2.9, max_retries=50).models.list()
    assert time.monotonic() - start < 2.9
    assert len(server.requests) == 3


NO_TIME: list[dict[str, Any]] = [
    {"timeout": 0},
    {"timeout": -1.5},
    {"timeout": oai.Timeout(-1)},
    {"timeout": oai.Timeout(5, connect=0)},
    {"timeout": oai.Timeout(5, read=0)},
    {"timeout": oai.Timeout(5, write=0)},
    {"timeout": oai.Timeout(5, total=-3)},
]


def count_calls(way: Way) -> list[Any]:
    """Give the client a transport that ignores timeouts, and a key function; record the calls of both."""
    calls: list[Any] = []
    transport = oai.OfflineTransport()

    class Counting:
        needs_key = True

        def send(self, request: Any) -> Any:
            calls.append(1)
            return transport.send(request)

        def close(self) -> None: ...

    way.options.update(transport=Counting(), api_key=lambda: calls.append(2) or "key")
    return calls


@pytest.mark.parametrize("limits", NO_TIME, ids=str)
@pytest.mark.parametrize("over", ["sockets", "another transport"])
def test_call_without_time_raises_timeout_before_sending(
    limits: dict[str, Any], over: str, way: Way, server: Loopback
) -> None:
    calls: list[Any] = count_calls(way) if over != "sockets" else []
    way.options.update(max_retries=2, on_retry=calls.append)
    with pytest.raises(oai.APITimeoutError, match="no time is left by .*, and nothing was sent") as caught:
        way.call("models.list", **limits)
    assert (server.requests, server.connections, calls) == ([], 0, [])
    assert caught.value.request.operation == "models.list"


@pytest.mark.parametrize("limits", [{"deadline": 0}, {"deadline": -2.0}, {"timeout": -1}], ids=str)
def test_client_past_its_deadline_sends_nothing(
    limits: dict[str, Any], play: Callable[..., Any], server: Loopback
) -> None:
    def scenario(client: Any) -> Any:
        return (yield client.with_options(**limits).models.list())

    with pytest.raises(oai.APITimeoutError, match="no time is left"):
        play(scenario, max_retries=2)
    assert server.connections == 0


def test_zero_pool_timeout_still_sends(way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json(PAGE))
    way.options["deadline"] = 5
    assert way.call("models.list", timeout=oai.Timeout(5, pool=0)).data == []


def test_deadline_bounds_a_stream(server: Loopback, client_to: Make) -> None:
    server.reply(Answer.events([{"n": n} for n in range(600)], pace=0.1))
    stream = client_to(deadline=1).post("/x", stream=True)
    start = time.monotonic()
    with pytest.raises(oai.APITimeoutError, match="within the stream"):
        list(stream)
    assert time.monotonic() - start < 20  # the stream takes 60 s


def test_deadline_bounds_redirects(way: Way, server: Loopback) -> None:
    server.default = Answer(302, headers=[("Location", "/on")], delay=0.2)
    way.options["deadline"] = 0.5
    with pytest.raises(oai.APITimeoutError, match=r"the deadline of 0\.5 s has passed"):
        way.call("models.list")
    assert len(server.requests) <= 3


def test_read_timeout_applies_after_an_interim_response(way: Way, server: Loopback) -> None:
    silent = threading.Event()

    class Held(Answer):
        def head(self, method: str = "GET") -> bytes:
            silent.wait(60)
            return super().head(method)

    server.reply(Answer.of_json(PAGE, informational=[Answer(103), Held(103)]))
    way.options["timeout"] = 0.2
    start = time.monotonic()
    with pytest.raises(oai.APITimeoutError):
        way.call("models.list")
    assert time.monotonic() - start < 20
    silent.set()
