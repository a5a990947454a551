"""Fallback and Balancer over real sockets: who gets a request, what is sent again, and what is not."""

from __future__ import annotations

import asyncio
import pickle
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from chat_server import chat as chat_of
from chat_server import delta
from planted import KEY, planted

import oai
import oai._routing.health
from oai.testing import Answer, Loopback
from oai.transports import (
    AsyncHTTPTransport,
    Balancer,
    BlockingTransport,
    Cache,
    Fail,
    FailingTransport,
    Fallback,
    HTTPTransport,
    Limiter,
    OfflineTransport,
    Recorder,
    Request,
    Target,
    Timeout,
    TransportError,
)

MESSAGES: Any = [{"role": "user", "content": "Hello"}]

OTHER_KEY = planted("other", "key", "of", "the", "tests")

Make = Callable[..., Any]


def chat_answer(text: str) -> Answer:
    return Answer.of_json(chat_of(text))


def unreachable() -> str:
    """Return the URL of a port of the loopback that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.fixture
def second() -> Iterator[Loopback]:
    with Loopback(chat_answer("second")) as server:
        yield server


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, server: Loopback, second: Loopback) -> Iterator[Make]:
    """Make a client over two targets, `client.router`, whose calls block, over either kind of transport."""
    server.default = chat_answer("first")
    closing: list[Any] = []

    def client(kind: type[Fallback] = Fallback, targets: list[Target] | None = None, **options: Any) -> Any:
        is_async = request.param == "async"
        usual = partial(AsyncHTTPTransport if is_async else HTTPTransport)
        if targets is None:
            targets = [Target(name="a"), Target(name="b", base_url=f"{second.url}/v1", api_key=OTHER_KEY)]
        copies = [Target(usual() if t.transport is None else t.transport, **fields(t)) for t in targets]
        router = kind(copies, **options)
        transport: Any = BlockingTransport(router) if is_async else router
        made: Any = oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=transport, max_retries=0, timeout=10)
        made.router = router
        closing.append(transport)
        return made

    yield client
    for each in closing:
        each.close()


def fields(target: Target) -> dict[str, Any]:
    return {name: getattr(target, name) for name in target.__dataclass_fields__ if name not in ("transport", "_")}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let cool-downs go by a clock that stands still."""
    now = [1000.0]

    class Time:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr(oai._routing.health, "time", Time)
    return now


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": "m", "messages": MESSAGES, **more})


def states(client: Any) -> list[str]:
    return [info.state for info in client.router.info()]


def test_first_target_that_works_gets_the_request(server: Loopback, second: Loopback, make: Make) -> None:
    client = make()
    answer = chat(client)
    assert (answer.choices[0].message.content, answer._response.target) == ("first", "a")
    assert "oai-target-failures" not in answer._response.headers
    assert (len(server.requests), len(second.requests)) == (1, 0)


FAULTS = [
    (Answer.error(429, "slow down"), "rate limit"),
    (Answer.error(429, "pay", code="insufficient_quota"), "quota"),
    (Answer.error(401, "who are you"), "key"),
    (Answer.error(403, "not here"), "key"),
    (Answer.error(404, "no such model"), "status 404"),
    (Answer.error(408, "too slow"), "status 408"),
    (Answer.error(500, "broken"), "status 500"),
    (Answer.error(503, "busy"), "status 503"),
    (Answer(529, body=b"x" * 200_000), "status 529"),
    (Answer(reset="before"), "receive"),
    (Answer(raw=b"nonsense\r\n\r\n"), "receive"),
]


@pytest.mark.parametrize(("answer", "kind"), FAULTS)
def test_next_target_gets_repeatable_requests(
    answer: Answer, kind: str, server: Loopback, second: Loopback, make: Make
) -> None:
    server.default = answer
    client = make()
    result = chat(client)
    assert (result.choices[0].message.content, result._response.target) == ("second", "b")
    assert result._response.headers["oai-target-failures"] == f"a: {kind}"
    assert (len(server.requests), len(second.requests)) == (1, 1)
    info = client.router.info()
    assert (info[0].last_failure, info[0].in_flight, info[1].in_flight) == (kind, 0, 0)
    assert states(client) == ["closed" if kind == "status 404" else "open", "closed"]


@pytest.mark.parametrize(("answer", "kind"), FAULTS)
def test_request_that_may_have_been_handled_is_not_sent_again(
    answer: Answer, kind: str, server: Loopback, second: Loopback, make: Make
) -> None:
    server.default = answer
    second.default = Answer.of_json({"id": "batch_1", "object": "batch"})
    client = make()
    create = partial(client.batches.create, input_file_id="f", endpoint="/v1/x", completion_window="24h")
    if kind in ("rate limit", "quota", "key", "status 408", "status 503", "status 529"):  # it was rejected
        assert create()._response.target == "b"
        return
    with pytest.raises(oai.APIError) as caught:
        create()
    assert (len(server.requests), len(second.requests)) == (1, 0)
    if isinstance(caught.value, oai.APIStatusError):
        assert caught.value.response.target == "a"
    else:
        assert "a: " in str(caught.value)


def test_idempotent_requests_are_sent_again(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = Answer.error(500, "broken")
    second.default = Answer.of_json({"id": "batch_1", "object": "batch", "data": []})
    client = make(cooldown=0)
    assert client.models.list()._response.target == "b"
    more: Any = {"input_file_id": "f", "endpoint": "/v1/x", "completion_window": "24h"}
    assert client.batches.create(**more, extra_headers={"Idempotency-Key": "1"})._response.target == "b"
    chosen = make(repeatable="batches.*")
    assert chosen.batches.create(**more)._response.target == "b"


def test_unreachable_target_is_passed_over_for_any_request(second: Loopback, make: Make) -> None:
    second.default = Answer.of_json({"id": "batch_1", "object": "batch"})
    targets = [Target(name="a", base_url=unreachable(), api_key="x"), Target(name="b", base_url=f"{second.url}/v1")]
    client = make(targets=targets)
    result = client.batches.create(input_file_id="f", endpoint="/v1/x", completion_window="24h")
    assert result._response.headers["oai-target-failures"] == "a: connect"


def test_wrong_request_is_not_sent_again(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = Answer.error(400, "wrong")
    client = make()
    with pytest.raises(oai.BadRequestError, match="wrong") as caught:
        chat(client)
    assert caught.value.response.target == "a"
    assert len(second.requests) == 0
    assert states(client) == ["closed", "closed"]


def test_failure_of_all_targets_raises_the_last_error_with_their_names(
    server: Loopback, second: Loopback, make: Make
) -> None:
    server.default = Answer.error(429, "slow down")
    second.default = Answer(reset="before")
    client = make(cooldown=0)
    with pytest.raises(oai.APIConnectionError, match=r"b: .*\(before: a: rate limit\)"):
        chat(client)
    second.default = Answer.error(500, "broken at last")
    with pytest.raises(oai.InternalServerError, match="broken at last") as caught:
        chat(client)
    assert caught.value.response.headers["oai-target-failures"] == "a: rate limit"


def test_request_is_rewritten_for_the_target(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = Answer.error(503, "busy")
    targets = [
        Target(name="a"),
        Target(
            name="b",
            base_url=f"{second.url}/openai/v9/",
            api_key=OTHER_KEY,
            models={"m": "vendor/m-large", "*": "vendor/any"},
            headers={"X-Title": "mine"},
        ),
    ]
    client = make(targets=targets, cooldown=0)
    client.organization = "org"
    client = client.with_options(default_headers={"X-Api-Key": "secret of the first"}, default_query={"api-key": "s3"})
    chat(client, temperature=0.1, extra_query={"trace": "1"})
    first, other = server.requests[0], second.requests[0]
    assert other.target == "/openai/v9/chat/completions?trace=1"
    assert other.header("authorization") == f"Bearer {OTHER_KEY}"
    assert first.header("authorization") == f"Bearer {KEY}"
    assert [other.header(n) for n in ("x-api-key", "openai-organization", "x-title")] == [None, None, "mine"]
    assert other.json() == {**first.json(), "model": "vendor/m-large"}
    chat(client, model="n")
    assert second.requests[1].json()["model"] == "vendor/any"


def test_key_of_the_client_stays_at_its_server(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = Answer.error(503, "busy")
    client = make(targets=[Target(name="a"), Target(name="b", base_url=f"{second.url}/v1")])
    chat(client)
    assert second.requests[0].header("authorization") is None
    assert KEY.encode() not in second.requests[0].head


def test_key_function_is_called_for_its_target(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = Answer.error(503, "busy")
    keys = iter([OTHER_KEY, KEY, ""])
    client = make(
        targets=[Target(name="a"), Target(name="b", base_url=f"{second.url}/v1", api_key=lambda: next(keys))],
        cooldown=0,
    )
    chat(client), chat(client), chat(client)
    assert [seen.header("authorization") for seen in second.requests] == [f"Bearer {OTHER_KEY}", f"Bearer {KEY}", None]


def test_model_of_a_form_is_renamed(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = Answer.error(503, "busy")
    second.default = Answer.of_json({"text": "words"})
    client = make(targets=[Target(name="a"), Target(name="b", base_url=f"{second.url}/v1", models={"m": "large"})])
    client.audio.transcriptions.create(file=("a.mp3", b"sound" * 10_000), model="m", language="en")
    before, after = server.requests[0].form(), second.requests[0].form()
    assert [part.content for part in before if part.name == "model"] == [b"m"]
    assert [part.content for part in after if part.name == "model"] == [b"large"]
    assert [p for p in before if p.name != "model"] == [p for p in after if p.name != "model"]


def test_stream_falls_back_before_its_head_only(server: Loopback, second: Loopback, make: Make) -> None:
    server.reply(Answer.error(500, "broken"), Answer.events([delta("fi")], done=False, reset="body"))
    second.default = Answer.events([delta("second", "stop")])
    client = make(cooldown=0)
    stream = chat(client, stream=True)
    assert (stream.response.target, [each.choices[0].delta.content for each in stream]) == ("b", ["second"])
    broken = chat(client, stream=True)
    with pytest.raises(oai.APIConnectionError):
        list(broken)
    assert broken.response.target == "a"
    assert len(second.requests) == 1
    info = client.router.info()[0]
    assert (info.failures, info.last_failure, info.in_flight) == (2, "receive", 0)


def test_abandoned_stream_ends_its_request(server: Loopback, make: Make) -> None:
    server.default = Answer.events([delta("first")], hold=threading.Event())
    client = make()
    stream = chat(client, stream=True)
    next(iter(stream))
    assert client.router.info()[0].in_flight == 1
    stream.close()
    assert client.router.info()[0].in_flight == 0


def test_target_cools_down_and_is_tried_again(
    server: Loopback, second: Loopback, make: Make, clock: list[float]
) -> None:
    server.default = Answer.error(500, "broken")
    client = make(cooldown=10, longest_cooldown=100)
    used = []
    for seconds in (0, 5, 6, 12, 9, 1000, 2000):
        clock[0] += seconds
        server.default = Answer.error(500, "broken") if seconds < 1000 else chat_answer("first")
        count = len(server.requests)
        used.append((chat(client)._response.target, len(server.requests) - count, states(client)[0]))
    # 10 s (up to a quarter less), then 20 s
    assert used == [
        ("b", 1, "open"),
        ("b", 0, "open"),
        ("b", 1, "open"),
        ("b", 0, "open"),
        ("b", 1, "open"),
        ("a", 1, "closed"),
        ("a", 1, "closed"),
    ]


def test_server_sets_the_length_of_the_cool_down(server: Loopback, make: Make, clock: list[float]) -> None:
    headers = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "30s")]
    server.reply(Answer.error(429, "slow down", retry_after=20))
    client = make()
    used = [chat(client)._response.target]
    clock[0] += 19
    used.append(chat(client)._response.target)
    clock[0] += 2
    server.reply(Answer.of_json(chat_answer("first").json, headers=headers))
    used.append(chat(client)._response.target)
    used.append(chat(client)._response.target)
    clock[0] += 31
    used.append(chat(client)._response.target)
    assert used == ["b", "b", "a", "b", "a"]


def test_bad_key_cools_down_for_the_longest_time(server: Loopback, make: Make, clock: list[float]) -> None:
    server.reply(Answer.error(401, "who are you"))
    client = make(longest_cooldown=50)
    used = []
    for seconds in (0, 49, 2):
        clock[0] += seconds
        used.append(chat(client)._response.target)
    assert used == ["b", "b", "a"]


def test_one_request_tries_a_target_that_has_cooled_down(
    server: Loopback, second: Loopback, make: Make, clock: list[float]
) -> None:
    server.reply(Answer.error(500, "broken"))
    client = make()
    chat(client)
    clock[0] += 100
    go = threading.Event()
    server.default = lambda seen: (go.wait(10), chat_answer("first"))[1]
    with ThreadPoolExecutor(4) as threads:
        trial = threads.submit(chat, client)
        assert server.until(lambda: len(server.requests) == 2)
        assert [states(client)[0], chat(client)._response.target] == ["half-open", "b"]
        go.set()
        assert trial.result()._response.target == "a"
    assert chat(client)._response.target == "a"


def test_all_targets_cooling_down_do_not_stop_requests(
    server: Loopback, second: Loopback, make: Make, clock: list[float]
) -> None:
    server.default = Answer.error(503, "busy", retry_after=60)
    second.default = Answer.error(503, "busy", retry_after=30)
    client = make(longest_cooldown=100)
    with pytest.raises(oai.InternalServerError):
        chat(client)
    second.default = chat_answer("second")
    assert chat(client)._response.target == "b"  # the first that would be ready
    assert (len(server.requests), len(second.requests)) == (1, 2)


def test_one_deadline_limits_all_targets(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = second.default = Answer(delay=30)
    client = make()
    with pytest.raises(oai.APITimeoutError):
        chat(client, timeout=oai.Timeout(10, total=0.4))
    assert (len(server.requests), len(second.requests)) == (1, 0)


def test_target_that_stalls_is_left_after_its_timeout(server: Loopback, second: Loopback, make: Make) -> None:
    server.default = Answer(delay=30)
    targets = [Target(name="a", timeout=0.2), Target(name="b", base_url=f"{second.url}/v1")]
    result = chat(make(targets=targets))
    assert result._response.headers["oai-target-failures"] == "a: timeout"


def test_target_without_room_is_passed_over(server: Loopback, second: Loopback, make: Make) -> None:
    go = threading.Event()
    server.default = lambda seen: (go.wait(10), chat_answer("first"))[1]
    targets = [Target(name="a", in_flight=1), Target(name="b", base_url=f"{second.url}/v1", requests_per_minute=1)]
    client = make(targets=targets)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(chat, client)
        assert server.until(lambda: len(server.requests) == 1)
        assert chat(client)._response.target == "b"
        last = threads.submit(chat, client)  # no target has room: it waits for the first
        assert server.until(lambda: client.router.info()[0].in_flight == 2)
        assert len(server.requests) == 1
        go.set()
        assert [first.result()._response.target, last.result()._response.target] == ["a", "a"]


def test_balancer_spreads_by_weight(server: Loopback, second: Loopback, make: Make) -> None:
    targets = [Target(name="a", weight=3), Target(name="b", base_url=f"{second.url}/v1"), Target(name="c", weight=0)]
    client = make(Balancer, targets, seed=1)
    counts = Counter(chat(client)._response.target for _ in range(80))
    assert set(counts) == {"a", "b"}
    assert 45 <= counts["a"] <= 75


def test_balancer_sends_less_to_a_target_that_fails(
    server: Loopback, second: Loopback, make: Make, clock: list[float]
) -> None:
    server.default = Answer.error(500, "broken")
    client = make(Balancer, seed=1, cooldown=0)
    for _ in range(60):
        assert chat(client)._response.target == "b"
    assert len(server.requests) < 20
    first, other = client.router.info()
    assert first.health < 0.3 < other.health


def test_same_seed_makes_the_same_choices() -> None:
    def used(balancer: Any) -> list[str | None]:
        client: Any = oai.OpenAI(transport=balancer)
        return [chat(client)._response.target for _ in range(20)]

    first, other = (Balancer([OfflineTransport(), OfflineTransport()], seed=7) for _ in range(2))
    assert used(first) == used(other)
    assert set(used(first)) == {"target-1", "target-2"}


def test_usual_transport_is_that_of_the_client(server: Loopback) -> None:
    """Targets without a transport serve both kinds of client, and share figures and pool."""
    server.default = chat_answer("first")
    router = Fallback([Target(base_url=unreachable(), api_key="x", name="a"), Target(base_url=f"{server.url}/v1")])
    chat(oai.OpenAI(api_key=KEY, transport=router))

    async def main() -> str:
        client: Any = oai.AsyncOpenAI(api_key=KEY, transport=router)
        target: str = (await chat(client))._response.target
        closing = router.close()
        await closing
        return target

    assert asyncio.run(main()) == server.url.removeprefix("http://")
    assert [info.requests for info in router.info()] == [1, 2]


def test_cancelled_request_is_over(server: Loopback) -> None:
    server.default = Answer(delay=30)

    async def main() -> None:
        router = Fallback([AsyncHTTPTransport()])
        client: Any = oai.AsyncOpenAI(api_key=KEY, base_url=server.url, transport=router)
        call = asyncio.create_task(chat(client))
        assert await asyncio.to_thread(server.until, lambda: server.requests)
        assert router.info()[0].in_flight == 1
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        info = router.info()[0]
        assert (info.in_flight, info.failures) == (0, 0)
        await router.close()

    asyncio.run(main())


def test_client_needs_a_key_for_targets_without_one() -> None:
    with_key = [Target(HTTPTransport(), api_key="x"), Target(OfflineTransport())]
    assert not Fallback(with_key).needs_key
    assert Fallback([*with_key, Target()]).needs_key
    assert chat(oai.OpenAI(transport=Fallback(with_key[1:])))._response.target == "target-1"


def test_fallback_pickles_without_keys() -> None:
    targets = [Target(OfflineTransport(), name="a", api_key=OTHER_KEY), Target(OfflineTransport(), weight=2)]
    pickled = pickle.dumps(Balancer(targets, seed=3, cooldown=5))
    assert OTHER_KEY.encode() not in pickled
    copy = pickle.loads(pickled)
    assert repr(copy) == "<Balancer of a, target-2>"
    assert (copy._seed, copy._times, copy._targets[1].weight) == (3, (5, 60.0), 2)
    assert OTHER_KEY not in repr(targets)
    with pytest.raises(oai.OpenAIError, match="pass a function as api_key"):
        chat(oai.OpenAI(transport=Fallback(copy._targets[:1])))
    kept = pickle.loads(pickle.dumps(Fallback([Target(OfflineTransport(), api_key=some_key)])))
    assert chat(oai.OpenAI(transport=kept))._response.target == "target-1"


def some_key() -> str:
    return "a key"


def test_provider_of_a_target_has_its_url_key_headers_and_paths(
    second: Loopback, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "like": "groq", "base_url": f"{second.url}/openai/v1", "environment": {"api_key": "OTHER_PROVIDER_KEY"},
        "paths": {"/chat/completions": "/v2/chat"}, "headers": {"X-Service": "s"}, "query": {"version": "7"},
    }  # fmt: skip
    monkeypatch.setenv("OTHER_PROVIDER_KEY", OTHER_KEY)
    client = make(targets=[Target(name="b", provider=row, models={"m": "large"})])
    client = client.with_options(default_headers={"X-Api-Key": "secret of the client"}, organization="org")
    assert chat(client, extra_query={"trace": "1"})._response.target == "b"
    seen = second.requests[0]
    assert seen.target == "/openai/v1/v2/chat?trace=1&version=7"
    assert seen.header("authorization") == f"Bearer {OTHER_KEY}"
    assert [seen.header(name) for name in ("x-service", "x-api-key", "openai-organization")] == ["s", None, None]
    assert seen.json()["model"] == "large"
    assert KEY.encode() not in seen.head


def test_azure_as_a_target_has_the_deployment_in_its_path(
    second: Loopback, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"AZURE_OPENAI_ENDPOINT": second.url, "OPENAI_API_VERSION": "v", "AZURE_OPENAI_API_KEY": OTHER_KEY}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = make(targets=[Target(provider="azure", models={"m": "my large"})])
    assert chat(client)._response.target == "azure"
    assert second.requests[0].target == "/openai/deployments/my%20large/chat/completions?api-version=v"
    assert (second.requests[0].header("api-key"), second.requests[0].header("authorization")) == (OTHER_KEY, None)


def test_target_without_the_operation_is_passed_over(server: Loopback, second: Loopback, make: Make) -> None:
    lacking = {"base_url": f"{second.url}/v1", "has": ["models.list"], "key": "optional"}
    server.default = Answer.of_json({"object": "list", "data": []})
    client = make(targets=[Target(name="a", provider=lacking), Target(name="b")])
    assert client.files.list()._response.target == "b"
    assert "oai-target-failures" not in client.files.list()._response.headers
    second.default = server.default
    assert client.models.list()._response.target == "a"
    alone = make(targets=[Target(name="a", provider=lacking), Target(name="c", provider=lacking)])
    with pytest.raises(oai.UnsupportedOperationError, match=r"has no files\.list"):
        alone.files.list()
    assert all(info.in_flight == 0 for info in alone.router.info())
    assert (len(server.requests), len(second.requests)) == (2, 1)
    unchecked = oai.providers.Profile("mine", oai.providers.profile("ollama").row, check_operations=False)
    assert Target(provider=unchecked, base_url=f"{second.url}/v1").has(Request("GET", second.url, []))


def test_target_whose_provider_has_no_key_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(oai.OpenAIError, match="no API key for groq: pass api_key, or set GROQ_API_KEY"):
        Target(provider="groq")
    assert Target(provider="groq", api_key="k").name == "groq"
    assert Target(OfflineTransport(), provider="groq").name == "groq"
    assert not Fallback([Target(provider="ollama")]).needs_key
    with pytest.raises(oai.OpenAIError, match="did you mean 'groq'"):
        Target(provider="grok")


def test_provider_of_a_target_pickles_and_finds_its_key_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", OTHER_KEY)
    pickled = pickle.dumps(Fallback([Target(provider="groq", models={"m": "large"})]))
    assert OTHER_KEY.encode() not in pickled
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    copy = pickle.loads(pickled)
    assert (copy._targets[0].key, repr(copy)) == (KEY, "<Fallback of groq>")


def test_closed_transport_is_not_used() -> None:
    router = Fallback([HTTPTransport(), OfflineTransport()])
    router.close()
    with pytest.raises(TransportError) as caught:
        router.send(Request("GET", "http://127.0.0.1:9/", [], timeout=Timeout(1)))
    assert caught.value.kind == "closed"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Fallback([]), "at least one target"),
        (lambda: Fallback([Target()], cooldown=-1), "cooldown must not be negative"),
        (lambda: Target(weight=-1), "weight must be a non-negative number, not -1"),
        (lambda: Target(timeout=0), "timeout must be positive"),
        (lambda: Target(base_url="api.example.com/v1"), "base_url must be an http or https URL"),
    ],
)
def test_invalid_argument_is_rejected(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


ORDERS: list[Callable[[Any, Path], Any]] = [
    lambda inner, path: Recorder(path / "x.cassette", Cache(Limiter(inner, in_flight=2), path / "c"), mode="record"),
    lambda inner, path: Cache(Recorder(path / "x.cassette", Limiter(inner, in_flight=2), mode="record"), path / "c"),
    lambda inner, path: Limiter(Cache(inner, path / "c"), in_flight=2),
    lambda inner, path: FailingTransport(Cache(inner, path / "c"), Fail("truncated", first=1, after=5)),
]


@pytest.mark.parametrize("number", range(len(ORDERS)))
def test_it_can_be_stacked(number: int, server: Loopback, second: Loopback, tmp_path: Path) -> None:
    server.default = Answer.error(429, "slow down")
    second.default = Answer.events([delta("sec"), delta("ond", "stop")], pace=0.01)
    targets = [Target(name="a"), Target(name="b", base_url=f"{second.url}/v1")]

    def read(stream: Any) -> str:
        return "".join(each.choices[0].delta.content for each in stream)

    def sync_calls(stack: Any) -> list[Any]:
        client = oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=stack)
        if number == 3:
            with pytest.raises(oai.APIConnectionError):
                read(chat(client, stream=True))
        streams = [chat(client, stream=True) for _ in range(1)]
        texts = [read(stream) for stream in streams]
        streams.append(chat(client, stream=True))
        return [*texts, read(streams[1]), streams[1].response.cached]

    async def async_calls(stack: Any) -> list[Any]:
        client: Any = oai.AsyncOpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=stack)
        results: list[Any] = []
        cached = False
        for _ in range(2):
            stream = await chat(client, stream=True)
            results.append("".join([each.choices[0].delta.content async for each in stream]))
            cached = stream.response.cached
        await stack.close()
        return [*results, cached]

    stack = ORDERS[number](Fallback(targets), tmp_path)
    assert sync_calls(stack) == ["second", "second", True]
    stack.close()
    if number < 3:
        (tmp_path / "c").unlink()
        again = ORDERS[number](Fallback([Target(AsyncHTTPTransport(), **fields(each)) for each in targets]), tmp_path)
        assert asyncio.run(async_calls(again)) == ["second", "second", True]


LOADS = """
import sys, oai
from oai.transports import Limiter, OfflineTransport
client = oai.OpenAI(transport=Limiter(OfflineTransport(), in_flight=2))
client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
print(sorted(name for name in sys.modules if name.startswith(("sqlite3", "oai._caching", "oai._routing"))))
print(sorted(name for name in sys.modules if name in ("oai.transports.cache", "oai.transports.fallback")))
from oai.transports import Fallback
print("sqlite3" in sys.modules)
"""


def test_programs_load_only_the_transports_that_they_use() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\nFalse\n"
