"""`oai.lib.live`: callbacks for the segments of a Live session's transcript, sync and async."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

import oai
from oai.lib.live import (
    AsyncTranscriptGrouper,
    TranscriptGrouper,
    TranscriptSegment,
    TranscriptSegmentClosedEvent,
)
from oai.types.live import InputTranscriptDeltaEvent

PATIENCE = 30


def spoken(number: int, text: str, start: int, *, by: str = "input") -> Any:
    kind = f"session.{by}_transcript.delta"
    return SimpleNamespace(type=kind, event_id=f"e{number}", delta=text, start_ms=start, end_ms=start + 400)


CONVERSATION = [
    spoken(0, "How are", 0),
    SimpleNamespace(type="session.started"),
    spoken(1, " you?", 400),
    spoken(1, " you?", 400),
    spoken(2, "Fine, thanks.", 3000, by="output"),
    SimpleNamespace(type="session.closed"),
]

SEEN = [
    ("user", "How are", None),
    ("user", "How are you?", None),
    ("user", "How are you?", "speaker_change"),
    ("assistant", "Fine, thanks.", None),
    ("assistant", "Fine, thanks.", "session_closed"),
]


def facts(update: TranscriptSegment | TranscriptSegmentClosedEvent) -> tuple[str, str, str | None]:
    if isinstance(update, TranscriptSegment):
        return update.speaker, update.text, None
    return update.segment.speaker, update.segment.text, update.reason


def test_segments_are_updated_and_closed() -> None:
    seen: list[Any] = []
    with TranscriptGrouper() as transcript:
        assert transcript.on("segment.updated", seen.append) is transcript
        transcript.on("segment.closed", seen.append)
        for event in CONVERSATION:
            transcript.push(event)
    assert [facts(update) for update in seen] == SEEN
    assert seen[3].previous_id == seen[0].id != seen[3].id


def test_coroutines_are_awaited_in_order() -> None:
    seen: list[Any] = []

    async def run() -> None:
        async with AsyncTranscriptGrouper() as transcript:

            @transcript.on("segment.updated")
            async def updated(segment: TranscriptSegment) -> None:
                await asyncio.sleep(0)
                seen.append(segment)

            transcript.on("segment.closed", seen.append)
            for event in CONVERSATION:
                await transcript.push(event)

    asyncio.run(run())
    assert [facts(update) for update in seen] == SEEN


def test_acknowledgment_within_speech_is_left_out() -> None:
    seen: list[Any] = []
    with TranscriptGrouper(additional_acknowledgments=["roger"]) as transcript:
        transcript.on("segment.closed", seen.append)
        for event in (
            spoken(0, "I went", 0),
            spoken(1, "Roger.", 300, by="output"),
            spoken(2, "home", 500),
        ):
            transcript.push(event)
    assert [facts(update) for update in seen] == [("user", "I went home", "manual")]


def test_silence_of_the_assistant_closes_its_segment() -> None:
    closed = threading.Event()
    with TranscriptGrouper(assistant_silence_ms=0) as transcript:
        transcript.on("segment.closed", lambda event: event.reason == "inactivity" and closed.set())
        transcript.push(spoken(0, "Hello.", 0, by="output"))
        assert closed.wait(PATIENCE)


def test_silence_is_noticed_in_an_event_loop() -> None:
    async def run() -> str:
        closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with AsyncTranscriptGrouper(assistant_silence_ms=0) as transcript:
            transcript.on("segment.closed", lambda event: closed.set_result(event.reason))
            await transcript.push(spoken(0, "Hello.", 0, by="output"))
            return await asyncio.wait_for(closed, PATIENCE)

    assert asyncio.run(run()) == "inactivity"


def test_handlers_can_be_called_once_and_removed() -> None:
    once: list[Any] = []
    never: list[Any] = []
    transcript = TranscriptGrouper()
    transcript.once("segment.updated", once.append)
    transcript.on("segment.updated", never.append).off("segment.updated", never.append)
    for event in CONVERSATION:
        transcript.push(event)
    assert [facts(update) for update in once] == SEEN[:1]
    assert never == []
    transcript.close()
    with pytest.raises(oai.OpenAIError, match="closed"):
        transcript.push(CONVERSATION[0])


def test_handler_may_close_the_grouper() -> None:
    shown = threading.Event()
    transcript = TranscriptGrouper()
    transcript.once("segment.updated", lambda _: shown.set())
    transcript.push(spoken(0, "Hello", 0))
    assert shown.wait(PATIENCE)  # from now on the user's words are shown at once
    seen: list[Any] = []
    transcript.on("segment.updated", lambda _: transcript.close())
    transcript.on("segment.closed", seen.append)
    transcript.push(spoken(1, " there.", 400))
    transcript.close()
    assert [facts(update) for update in seen] == [("user", "Hello there.", "manual")]


def test_error_of_a_handler_reaches_the_caller() -> None:
    def fail(_: object) -> None:
        raise KeyError("mine")

    transcript = TranscriptGrouper()
    transcript.push(spoken(0, "Hello.", 0))
    transcript.on("segment.closed", fail)
    with pytest.raises(KeyError, match="mine"):
        transcript.push(CONVERSATION[-1])


def test_error_of_a_timers_callback_goes_to_the_exception_handler() -> None:
    async def run() -> BaseException:
        loop = asyncio.get_running_loop()
        reported: asyncio.Future[BaseException] = loop.create_future()
        loop.set_exception_handler(lambda _, context: reported.set_result(context["exception"]))

        def fail(_: object) -> None:
            raise KeyError("mine")

        async with AsyncTranscriptGrouper(assistant_silence_ms=0) as transcript:
            transcript.on("segment.closed", fail)
            await transcript.push(spoken(0, "Hello.", 0, by="output"))
            return await asyncio.wait_for(reported, PATIENCE)

    assert isinstance(asyncio.run(run()), KeyError)


def test_async_grouper_belongs_to_one_event_loop() -> None:
    transcript = AsyncTranscriptGrouper()
    asyncio.run(transcript.push(SimpleNamespace(type="session.started")))
    with pytest.raises(oai.OpenAIError, match="event loop"):
        asyncio.run(transcript.close())


@pytest.mark.parametrize(
    "wrong",
    [{"event_id": ""}, {"delta": None}, {"start_ms": -1}, {"start_ms": True}, {"end_ms": 0.5}, {"start_ms": 900}],
)
def test_invalid_transcript_event_is_an_error_and_changes_nothing(wrong: dict[str, Any]) -> None:
    seen: list[Any] = []
    with TranscriptGrouper() as transcript:
        transcript.on("segment.updated", seen.append)
        with pytest.raises(oai.OpenAIError, match="invalid transcript event"):
            transcript.push(SimpleNamespace(**{**vars(spoken(0, "Hello.", 0)), **wrong}))
        transcript.push(spoken(0, "Hello.", 0))
    assert [facts(update) for update in seen] == [("user", "Hello.", None)]


def test_struct_of_the_api_is_an_event() -> None:
    seen: list[Any] = []
    with TranscriptGrouper() as transcript:
        transcript.on("segment.updated", seen.append)
        transcript.push(InputTranscriptDeltaEvent(event_id="e", delta="Hello.", start_ms=0, end_ms=9))
    assert facts(seen[0]) == ("user", "Hello.", None)


@pytest.mark.parametrize("value", [-1, 2**31, float("nan"), True])
def test_invalid_threshold_is_rejected(value: float) -> None:
    with pytest.raises(oai.OpenAIError, match="assistant_silence_ms must be"):
        TranscriptGrouper(assistant_silence_ms=value)
