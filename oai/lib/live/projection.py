"""The segments of a session at a time: checks and orders its events, and advances the segments with a clock.

Events of both speakers may be about the same interval, so that one with a new speaker waits a moment for the other.
Times are those of the server; the clock only measures the time since the last of them. Callers serialize the access.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final, Literal

from oai._errors import OpenAIError
from oai.lib.live.grouping import TranscriptGrouping
from oai.lib.live.segments import GroupingUpdate, Speaker, TranscriptFragment, TranscriptGrouperOptions

MOST_MS: Final = 2**31 - 1
MOST_TIME: Final = 2**53 - 1
SETTLE_MS: Final = 50
"""Milliseconds for which an event waits for one of the other speaker about the same interval."""

SPEAKERS: Final[dict[str, Speaker]] = {
    "session.input_transcript.delta": "user",
    "session.output_transcript.delta": "assistant",
}

_numbers = itertools.count()


def checked(options: TranscriptGrouperOptions) -> TranscriptGrouperOptions:
    """Return options whose thresholds are valid.

    Raises:
        OpenAIError: one is not.
    """
    for field in fields(options):
        value = getattr(options, field.name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if field.name.endswith("_ms") and not (is_number and 0 <= value <= MOST_MS):
            raise OpenAIError(f"{field.name} must be a finite number between 0 and {MOST_MS}, not {value!r}")
    return options


class TranscriptProjection:
    """The segments of a session, as of now.

    Args:
        options: the thresholds.
        now: returns the time in milliseconds.
    """

    def __init__(self, options: TranscriptGrouperOptions, now: Callable[[], float]) -> None:
        self._now = now
        self._grouping = TranscriptGrouping(checked(options), f"segment_{next(_numbers)}")
        self._seen: set[str] = set()
        self._waiting: list[tuple[TranscriptFragment, float]] = []
        self._known: tuple[int, float] | None = None
        """The latest time of the session, and when it was."""
        self._last_start: int | None = None
        self.closed = False

    def push(self, event: Any) -> list[GroupingUpdate] | None:
        """Take an event; return the updates, or `None` if it is none that counts.

        Raises:
            OpenAIError: its fields are invalid, or the session is closed.
        """
        if self.closed:
            raise OpenAIError("the transcript grouper is closed and takes no further events")
        kind = getattr(event, "type", None)
        if kind == "session.closed":
            return self.finish("session_closed")
        if kind not in SPEAKERS:
            return None
        number, fragment = _fragment(event, SPEAKERS[kind])
        if number in self._seen:
            return None
        self._seen.add(number)
        return self._receive(fragment) if fragment.text else None

    def _receive(self, fragment: TranscriptFragment) -> list[GroupingUpdate]:
        received = fragment, self._now()
        if self._waiting and _interval(self._waiting[0][0]) == _interval(fragment):
            self._waiting.append(received)
            both = len({part.speaker for part, _ in self._waiting}) > 1
            return self._settle() if both else []
        updates = self._settle()
        if self._grouping.speaker == fragment.speaker:
            return updates + self._commit([received])
        self._waiting.append(received)
        return updates

    def finish(self, reason: Literal["manual", "session_closed"]) -> list[GroupingUpdate]:
        """End all segments, once."""
        if self.closed:
            return []
        self.closed = True
        updates = self._settle()
        self._seen.clear()
        return updates + self._grouping.close(self._time(), reason)

    def tick(self) -> list[GroupingUpdate]:
        """Do what is due now."""
        return [*self._settle(), *self._grouping.advance(self._time())]

    def delay(self) -> int | None:
        """Return the milliseconds until `tick` has something to do, `None` if nothing is due."""
        if self.closed:
            return None
        if self._waiting:
            left = self._waiting[0][1] + SETTLE_MS - self._now()
        elif (deadline := self._grouping.deadline()) is not None:
            left = deadline - self._time()
        else:
            return None
        return min(MOST_MS, max(0, math.ceil(left)))

    def _time(self) -> float:
        """Return the time of the session."""
        if self._known is None:
            return 0
        session, then = self._known
        return session + max(0, self._now() - then)

    def _settle(self) -> list[GroupingUpdate]:
        waiting, self._waiting = self._waiting, []
        return self._commit(waiting) if waiting else []

    def _commit(self, received: list[tuple[TranscriptFragment, float]]) -> list[GroupingUpdate]:
        updates: list[GroupingUpdate] = []
        start = received[0][0].start_ms
        if self._last_start is not None and start < self._last_start:
            updates += self._grouping.close(self._time(), "timestamp_reset")
            self._known = None
        self._last_start = start
        before = self._known[0] if self._known else 0
        latest = max(before, *(fragment.end_ms for fragment, _ in received))
        self._known = latest, max(when for _, when in received)
        return updates + self._grouping.process([fragment for fragment, _ in received])


def _interval(fragment: TranscriptFragment) -> tuple[int, int]:
    return fragment.start_ms, fragment.end_ms


def _fragment(event: Any, speaker: Speaker) -> tuple[str, TranscriptFragment]:
    """Return the id and the content of a transcript event, whose fields are unchecked."""
    number, text = getattr(event, "event_id", None), getattr(event, "delta", None)
    start, end = getattr(event, "start_ms", None), getattr(event, "end_ms", None)
    if isinstance(number, str) and number and isinstance(text, str) and _is_time(start) and _is_time(end):
        fragment = TranscriptFragment(speaker, text, int(start or 0), int(end or 0))
        if fragment.start_ms <= fragment.end_ms:
            return number, fragment
    raise OpenAIError(
        f"invalid transcript event: event_id={number!r}, start_ms={start!r}, end_ms={end!r}; it needs an id, a text,"
        " and an interval of whole milliseconds from 0 up"
    )


def _is_time(value: object) -> bool:
    """Return whether a value is a time: JSON has `1.0` for 1, too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= MOST_TIME and int(value) == value
