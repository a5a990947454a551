"""The end of a call, which hooks see with the model and the tokens: of plain calls, streams, failures and retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from both import Way
from metered import CHUNKS, COMPLETION, MESSAGES

import oai
from oai import Attempt
from oai.testing import Answer, Loopback


def create(client: Any) -> Any:
    return (yield client.chat.completions.create(model="m", messages=MESSAGES))


def test_end_of_a_call_reports_model_and_tokens(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(json=COMPLETION))
    ended: list[Attempt] = []
    play(create, on_end=ended.append)
    (attempt,) = ended
    assert (attempt.operation, attempt.model, attempt.status, attempt.error) == (
        "chat.completions.create",
        "m",
        200,
        None,
    )
    assert attempt.usage is not None
    assert (attempt.usage.input_tokens, attempt.usage.output_tokens, attempt.usage.cached_tokens) == (5, 7, 2)
    assert attempt.usage.total_tokens == 12
    facts = attempt.facts
    assert (facts.model, facts.id, facts.finish_reasons) == ("m-1", "chatcmpl-1", ["stop"])
    assert attempt.read_request()["messages"] == MESSAGES
    assert attempt.read_response() == COMPLETION


def test_end_is_reported_once_for_all_attempts(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(
        Answer(500, json={"error": {"message": "x"}}, headers=[("retry-after-ms", "1")]), Answer(json=COMPLETION)
    )
    seen: list[tuple[str, Attempt]] = []
    names = ("on_request", "on_reply", "on_retry", "on_end")
    play(create, max_retries=1, **{name: lambda attempt, name=name: seen.append((name, attempt)) for name in names})
    assert [name for name, _ in seen] == ["on_request", "on_reply", "on_retry", "on_request", "on_reply", "on_end"]
    assert seen[-1][1].number == 1
    assert len({id(attempt.context) for _, attempt in seen}) == 1


@pytest.mark.parametrize("answer", [Answer(400, json={"error": {"message": "no"}}), Answer(reset="before")])
def test_end_of_a_failed_call_reports_its_error(answer: Answer, play: Callable[..., Any], server: Loopback) -> None:
    server.reply(answer)
    ended: list[Attempt] = []
    with pytest.raises(oai.APIError) as caught:
        play(create, on_end=ended.append)
    assert [attempt.error for attempt in ended] == [caught.value]
    assert ended[0].usage is None


@pytest.mark.parametrize("gzip", [False, True])
def test_end_of_a_stream_reports_tokens_and_first_chunk(gzip: bool, way: Way, server: Loopback) -> None:
    server.reply(Answer.events(CHUNKS, gzip=gzip))
    ended: list[Attempt] = []
    counts: list[int] = []
    way.options |= {"on_end": ended.append, "on_reply": lambda _: counts.append(len(ended))}
    events = way.events("chat.completions.create", model="m", messages=MESSAGES)
    assert len(events) == len(CHUNKS)
    assert counts == [0]  # the response began before its end
    (attempt,) = ended
    assert attempt.stream
    assert attempt.usage is not None
    assert attempt.usage.total_tokens == 12
    assert attempt.facts.finish_reasons == ["stop"]
    assert 0 < (attempt.facts.seconds_to_first_chunk or 0) <= attempt.elapsed
    assert attempt.read_response() is None


def test_events_are_kept_for_the_end_on_request(way: Way, server: Loopback) -> None:
    server.reply(Answer.events(CHUNKS))
    ended: list[Attempt] = []
    way.options |= {"on_end": ended.append, "on_request": lambda attempt: setattr(attempt, "keep_events", True)}
    way.events("chat.completions.create", model="m", messages=MESSAGES)
    assert ended[0].read_response() == CHUNKS


def test_stream_that_breaks_reports_its_error(way: Way, server: Loopback) -> None:
    server.reply(Answer.events(CHUNKS, truncate=60))
    ended: list[Attempt] = []
    way.options |= {"on_end": ended.append}
    with pytest.raises(oai.APIConnectionError):
        way.events("chat.completions.create", model="m", messages=MESSAGES)
    (attempt,) = ended
    assert isinstance(attempt.error, oai.TransportError)


def test_closed_stream_ends_its_call(client_to: Callable[..., oai.OpenAI], server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    ended: list[Attempt] = []
    client = client_to(on_end=ended.append)
    with client.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
        next(iter(stream))
    stream.close()
    assert len(ended) == 1
    forgotten = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    del forgotten
    assert len(ended) == 2


def test_streamed_response_reports_its_end(client_to: Callable[..., oai.OpenAI], server: Loopback) -> None:
    server.reply(Answer(json=COMPLETION))
    ended: list[Attempt] = []
    client = client_to(on_end=ended.append)
    with client.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES) as response:
        assert not ended
        assert response.parse().id == "chatcmpl-1"
    assert [attempt.usage is not None for attempt in ended] == [True]


def test_async_hook_is_awaited_at_the_end_of_a_stream(server: Loopback) -> None:
    server.default = Answer.events(CHUNKS)
    ended: list[Attempt] = []

    async def on_end(attempt: Attempt) -> None:
        await asyncio.sleep(0)
        ended.append(attempt)

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", on_end=on_end) as client:
            async for _ in await client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
                pass

    asyncio.run(main())
    assert len(ended) == 1


def test_cancelled_call_ends(server: Loopback) -> None:
    server.default = Answer(json=COMPLETION, delay=5)
    ended: list[Attempt] = []

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", on_end=ended.append) as client:
            call = client.chat.completions.create(model="m", messages=MESSAGES)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.2)

    asyncio.run(main())
    assert [type(attempt.error) for attempt in ended] == [InterruptedError]


def test_model_of_a_form_is_read(play: Callable[..., Any], server: Loopback) -> None:
    server.reply(Answer(json={"text": "x"}))
    ended: list[Attempt] = []

    def transcribe(client: Any) -> Any:
        yield client.audio.transcriptions.create(model="whisper-1", file=b"sound")

    play(transcribe, on_end=ended.append)
    assert ended[0].model == "whisper-1"
