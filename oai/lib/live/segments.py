"""The data of grouped transcripts: options, pieces of speech, segments and the events about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TranscriptSegmentCloseReason = Literal["speaker_change", "inactivity", "timestamp_reset", "session_closed", "manual"]

Speaker = Literal["user", "assistant"]


@dataclass(frozen=True)
class TranscriptSegment:
    """The words of one speaker so far, without an interruption by the other.

    Attributes:
        id: the id of the segment, which only this grouper knows.
        previous_id: the id of the segment before it, if any.
        speaker: who speaks.
        text: the whole text so far: replace what is displayed.
        start_ms: where the segment begins, in milliseconds of the session.
        end_ms: where it ends so far.
    """

    id: str
    previous_id: str | None
    speaker: Speaker
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class TranscriptSegmentClosedEvent:
    """A segment is complete, and why; it is never updated again."""

    segment: TranscriptSegment
    reason: TranscriptSegmentCloseReason


GroupingUpdate = TranscriptSegment | TranscriptSegmentClosedEvent


@dataclass(frozen=True)
class TranscriptFragment:
    """A piece of the transcript as the server sent it."""

    speaker: Speaker
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class TranscriptGrouperOptions:
    """The thresholds of the policy, in milliseconds, and phrases that count as acknowledgments."""

    min_turn_separation_ms: float = 500
    assistant_silence_ms: float = 2000
    backchannel_max_duration_ms: float = 1000
    backchannel_isolation_ms: float = 2000
    additional_acknowledgments: tuple[str, ...] = ()
