"""The policy of grouping: which pieces of speech belong to one segment. It knows neither clocks nor callbacks.

While the user speaks, words of the assistant are held back, since they may be no more than an acknowledgment ("mhm")
that would cut the user's segment in two. They are dropped if they are short, sound like one and the user continues, or
if nothing follows them for a while; else they become the next segment. The official SDK has the same policy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from oai.lib.live.segments import (
    GroupingUpdate,
    Speaker,
    TranscriptFragment,
    TranscriptGrouperOptions,
    TranscriptSegment,
    TranscriptSegmentClosedEvent,
    TranscriptSegmentCloseReason,
)

SPACE: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f"
    "\u3000\ufeff"
)
"""White space in the sense of ECMAScript, for the results of the SDK for TypeScript."""

ACKNOWLEDGMENTS: Final = frozenset(
    {
        *("aha", "alright", "gotcha", "hm", "hmm", "mhm", "mm", "mm hmm"),
        *("okay", "ok", "right", "sure", "uh huh", "yeah", "yep", "yes"),
    }
)


def normalized(text: str) -> str:
    """Return a phrase as it is compared: in lower case, without hyphens and outer punctuation."""
    words = text.lower().replace("-", " ").strip(SPACE + ".,!?;:\"'()[]{}")
    return re.sub(f"[{SPACE}]+", " ", words)


@dataclass
class _Turn:
    """A segment that can still grow."""

    id: str
    speaker: Speaker
    text: str
    start_ms: int
    end_ms: int
    previous_id: str | None = None
    shown: bool = False
    droppable: bool = True

    def append(self, fragment: TranscriptFragment, *, apart: bool = False) -> None:
        """Add a fragment, with a space before it if `apart` is set and two words would meet."""
        meet = self.text[-1:] + fragment.text[:1]
        words = len(meet) == 2 and all(unicodedata.category(char)[0] in "LN" for char in meet)
        self.text += (" " if apart and words else "") + fragment.text
        self.end_ms = max(self.end_ms, fragment.end_ms)

    def snapshot(self) -> TranscriptSegment:
        return TranscriptSegment(self.id, self.previous_id, self.speaker, self.text, self.start_ms, self.end_ms)


class TranscriptGrouping:
    """The segments of one session.

    Args:
        options: the thresholds.
        prefix: what the ids of segments begin with.
    """

    def __init__(self, options: TranscriptGrouperOptions, prefix: str) -> None:
        self._options = options
        self._prefix = prefix
        more = map(normalized, options.additional_acknowledgments)
        self._acknowledgments = ACKNOWLEDGMENTS | {phrase for phrase in more if phrase}
        self._current: _Turn | None = None
        self._held: _Turn | None = None
        """The assistant's words while `_current` is the user's turn."""
        self._count = 0
        self._last_id: str | None = None
        self._assistant_end: int | None = None

    @property
    def speaker(self) -> Speaker | None:
        """Who speaks in the current segment."""
        return self._current.speaker if self._current else None

    def process(self, fragments: Iterable[TranscriptFragment]) -> list[GroupingUpdate]:
        """Take fragments of one interval, at most one run of each speaker, and return the updates."""
        preferred = self.speaker or "user"
        ordered = sorted(fragments, key=lambda fragment: fragment.speaker != preferred)
        updates: list[GroupingUpdate] = []
        if not ordered:
            return updates
        start = ordered[0].start_ms
        while (deadline := self.deadline()) is not None and deadline < start:
            updates += self.advance(deadline)
        if self._current and all(fragment.speaker != self.speaker for fragment in ordered):
            updates += self.advance(start, user_comes=any(fragment.speaker == "user" for fragment in ordered))
        for fragment in ordered:
            updates += self._take(fragment)
        return updates

    def advance(self, time_ms: float, *, user_comes: bool = False) -> list[GroupingUpdate]:
        """End the segments that end by a time of the session, and return the updates."""
        options, current = self._options, self._current
        if current is None:
            return []
        if self._held and time_ms >= current.end_ms + options.min_turn_separation_ms:
            waits = self._may_be_dropped(self._held) and time_ms < self._held.end_ms + options.backchannel_isolation_ms
            if not waits:
                self._held = self._kept(time_ms=time_ms)
                if self._held:
                    return self._show_held()
        silent = time_ms >= current.end_ms + options.assistant_silence_ms
        return self._end_current("inactivity") if current.speaker == "assistant" and silent and not user_comes else []

    def deadline(self) -> float | None:
        """Return the time of the session at which `advance` has something to do, `None` if it has not."""
        options, current, held = self._options, self._current, self._held
        if current is None:
            return None
        if held:
            separated = current.end_ms + options.min_turn_separation_ms
            isolated = held.end_ms + options.backchannel_isolation_ms
            return max(separated, isolated) if self._may_be_dropped(held) else separated
        return current.end_ms + options.assistant_silence_ms if current.speaker == "assistant" else None

    def close(self, time_ms: float, reason: TranscriptSegmentCloseReason) -> list[GroupingUpdate]:
        """End all segments."""
        held = self._kept(time_ms=time_ms)
        updates = self._end_current(reason)
        self._held = None
        if held and held.text:
            updates += [*self._show(held), *self._end(held, reason)]
        if reason == "timestamp_reset":
            self._assistant_end = None
        return updates

    def _take(self, fragment: TranscriptFragment) -> list[GroupingUpdate]:
        current = self._current
        if current is None:
            return self._begin(self._turn(fragment))
        if fragment.speaker == current.speaker:
            current.append(fragment, apart=self._held is not None)
            return self._show(current)
        if current.speaker == "assistant":
            return [*self._end_current("speaker_change"), *self._begin(self._turn(fragment))]
        if self._held and self._user_went_on(self._held):
            self._held = None
        if fragment.start_ms - current.end_ms < self._options.min_turn_separation_ms:
            return self._hold(fragment, droppable=self._begins_acknowledgment(fragment))
        if self._is_acknowledgment(fragment):
            return self._hold(fragment, droppable=self._held is not None)
        kept = self._kept(follower=fragment)
        self._held = None
        updates = self._end_current("speaker_change")
        if kept:
            kept.append(fragment)
        return [*updates, *self._begin(kept or self._turn(fragment))]

    def _turn(self, fragment: TranscriptFragment) -> _Turn:
        self._count += 1
        place = f"{self._prefix}_{self._count - 1}"
        return _Turn(place, fragment.speaker, fragment.text, fragment.start_ms, fragment.end_ms)

    def _begin(self, turn: _Turn) -> list[GroupingUpdate]:
        self._current = turn
        return self._show(turn)

    def _hold(self, fragment: TranscriptFragment, *, droppable: bool) -> list[GroupingUpdate]:
        if self._held:
            self._held.append(fragment)
        else:
            self._held = self._turn(fragment)
        self._held.droppable = droppable
        return []

    def _show_held(self) -> list[GroupingUpdate]:
        held, self._held = self._held, None
        updates = self._end_current("speaker_change")
        return [*updates, *self._begin(held)] if held else updates

    def _show(self, turn: _Turn) -> list[GroupingUpdate]:
        if not turn.text:
            return []
        if not turn.shown:
            turn.previous_id, turn.shown, self._last_id = self._last_id, True, turn.id
        return [turn.snapshot()]

    def _end_current(self, reason: TranscriptSegmentCloseReason) -> list[GroupingUpdate]:
        current, self._current = self._current, None
        return self._end(current, reason) if current else []

    def _end(self, turn: _Turn, reason: TranscriptSegmentCloseReason) -> list[GroupingUpdate]:
        if turn.speaker == "assistant":
            self._assistant_end = turn.end_ms
        return [TranscriptSegmentClosedEvent(turn.snapshot(), reason)] if turn.shown else []

    def _is_short(self, held: _Turn) -> bool:
        return held.end_ms - held.start_ms < self._options.backchannel_max_duration_ms

    def _user_went_on(self, held: _Turn) -> bool:
        """Whether the user spoke on over an acknowledgment."""
        current = self._current
        return current is not None and self._is_short(held) and held.droppable and current.end_ms > held.end_ms

    def _answers(self, held: _Turn) -> bool:
        """Whether the words continue what the assistant said just before the user interrupted it."""
        current, end = self._current, self._assistant_end
        if current is None or end is None:
            return False
        return held.start_ms - end < self._options.backchannel_isolation_ms and held.start_ms <= current.start_ms

    def _may_be_dropped(self, held: _Turn) -> bool:
        """Whether only time tells if the words are an acknowledgment."""
        short = self._is_short(held) and held.droppable
        return short and not self._user_went_on(held) and not self._answers(held)

    def _kept(self, *, time_ms: float = 0, follower: TranscriptFragment | None = None) -> _Turn | None:
        """Return the held words, or `None` if they are an acknowledgment, at a time or before a fragment."""
        held = self._held
        if held is None or not self._is_short(held):
            return held
        if self._user_went_on(held):
            return None
        isolated = held.end_ms + self._options.backchannel_isolation_ms
        time_ms = time_ms if follower is None else follower.start_ms
        return held if self._answers(held) or time_ms < isolated or not held.droppable else None

    def _heard(self, fragment: TranscriptFragment) -> tuple[str, bool]:
        """Return the held words with a fragment, and whether they are short enough for an acknowledgment."""
        held = self._held
        start = held.start_ms if held else fragment.start_ms
        text = normalized((held.text if held else "") + fragment.text)
        return text, fragment.end_ms - start < self._options.backchannel_max_duration_ms

    def _is_acknowledgment(self, fragment: TranscriptFragment) -> bool:
        text, short = self._heard(fragment)
        return short and text in self._acknowledgments

    def _begins_acknowledgment(self, fragment: TranscriptFragment) -> bool:
        text, short = self._heard(fragment)
        return short and bool(text) and any(phrase.startswith(text) for phrase in self._acknowledgments)
