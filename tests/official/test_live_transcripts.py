"""The grouping of Live transcripts gives what the official SDK's gives, for generated conversations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai.lib.live.projection import TranscriptProjection
from oai.lib.live.segments import TranscriptGrouperOptions

official = pytest.importorskip("openai.lib.live._transcript_state", reason="the official SDK is not installed")
official_types = pytest.importorskip("openai.lib.live._types")

WORDS = ("mhm", "Okay. ", "uh", " huh", "I think so", "yes", " and", "", "mm-", "hmm!", "no", "é", "roger ")
"""Acknowledgments, their beginnings, and what is none."""

deltas = st.tuples(
    st.sampled_from(["input", "output"]), st.sampled_from(WORDS), st.integers(-1500, 2500), st.integers(0, 1800)
)
steps = st.one_of(deltas, deltas, deltas, st.integers(0, 4000))
thresholds = st.sampled_from([0, 300, 500, 1000, 2000.5])
options = st.tuples(thresholds, thresholds, thresholds, thresholds, st.sampled_from([(), ("Roger", "no")]))


def plain(updates: list[Any] | None, prefix: str) -> list[Any] | None:
    """Return updates without the number of the grouper, which is its own on each side."""
    if updates is None:
        return None
    pairs = [(getattr(update, "segment", update), getattr(update, "reason", None)) for update in updates]
    return [
        (
            segment.id.removeprefix(prefix),
            segment.previous_id and segment.previous_id.removeprefix(prefix),
            (segment.speaker, segment.text, segment.start_ms, segment.end_ms, reason),
        )
        for segment, reason in pairs
    ]


@settings(max_examples=400)
@given(options=options, script=st.lists(steps, max_size=25), ends=st.booleans())
def test_segments_are_those_of_the_official_sdk(options: Any, script: list[Any], ends: bool) -> None:
    clock = 0.0
    ours = TranscriptProjection(TranscriptGrouperOptions(*options), lambda: clock)
    theirs = official.TranscriptState(official_types.TranscriptGrouperOptions(*options), lambda: clock)
    prefixes = [
        side._grouping.__dict__.get("_prefix") or side._grouping.__dict__["_id_prefix"] for side in (ours, theirs)
    ]
    at = 0

    def both(name: str, *arguments: Any) -> None:
        results = [getattr(side, name)(*arguments) for side in (ours, theirs)]
        if name == "delay":
            assert results[0] == results[1]
        else:
            assert plain(results[0], prefixes[0]) == plain(results[1], prefixes[1])

    for number, step in enumerate(script):
        if isinstance(step, int):
            clock += step
            both("tick")
        else:
            kind, text, gap, length = step
            start = max(0, at + gap)
            at = start + length
            event = SimpleNamespace(
                type=f"session.{kind}_transcript.delta", event_id=f"e{number}", delta=text, start_ms=start, end_ms=at
            )
            both("push", event)
        both("delay")
    if ends:
        both("push", SimpleNamespace(type="session.closed"))
    both("finish", "manual")
    both("delay")
