"""Invent the events of a stream from their type: one that sends a text word by word, as a server might.

Where the event type is a tagged union, `SCRIPTS` lists the events and their order. Where all events have the same
type, each carries a word in its text field. This module knows types, not the wire format.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import msgspec

from oai._json.objects import Object
from oai._json.unions import untagged_variants
from oai._offline.words import OPTIONAL_FIELDS_TO_FILL

if TYPE_CHECKING:
    from oai._offline.sampler import SampleFactory

SCRIPTS = (
    (
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.delta",
        "thread.message.completed",
        "thread.run.completed",
    ),
    (
        "agent.session.in_progress",
        "agent.session.turn.created",
        "agent.session.turn.in_progress",
        "agent.session.turn.output_text.delta",
        "agent.session.turn.output_text.done",
        "agent.session.turn.item.done",
        "agent.session.turn.completed",
        "agent.session.idle",
    ),
    (
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ),
    ("transcript.text.delta", "transcript.text.done"),
    ("image_generation.partial_image", "image_generation.completed"),
    ("image_edit.partial_image", "image_edit.completed"),
)
"""The events of successful streams, in order; a stream has those that occur in its type."""

BEGUN = frozenset(("added", "created", "in_progress", "queued"))
"""Last words of the tags of events that show an object before it has any content."""

ENDED = re.compile(r"error|fail|cancel|expired|incomplete")
"""What the tags of events contain that a successful stream does not have."""


def make_events(
    kind: Any,
    sampler: SampleFactory,
    ends: Collection[str] = (),
    *,
    usage: bool = False,
    texts: Sequence[str] | None = None,
) -> Iterator[Any]:
    """Yield the events of a stream as plain data.

    Args:
        kind: the type of an event.
        sampler: makes their content.
        ends: the tags of events that end the stream; one of them comes last if the type has it.
        usage: whether to add the usage chunk that `stream_options.include_usage` requests.
        texts: the pieces of the text; its words by default.
    """
    tagged = tagged_variants(kind)
    texts = words(sampler.text) if texts is None else texts
    if tagged:
        yield from _played(tagged, sampler, ends, texts)
    elif kind in (Any, Object, object, dict):
        yield from ({"object": "offline.event", "text": word} for word in texts)
    else:
        yield from _chunks(kind, sampler, texts, usage=usage)


def tagged_variants(kind: Any) -> dict[str, Any]:
    """Return the event types by tag; empty for types without tags."""
    variants = get_args(kind) if get_origin(kind) in (Union, UnionType) else untagged_variants(kind) or (kind,)
    return {tag: each for each in variants if (tag := _tag(each)) is not None}


def words(text: str) -> list[str]:
    """Split a text into words, each with the space before it."""
    return re.findall(r"\s*\S+", text)


def _played(
    tagged: dict[str, Any], sampler: SampleFactory, ends: Collection[str], texts: Sequence[str]
) -> Iterator[Any]:
    tags = [tag for script in SCRIPTS for tag in script if tag in tagged]
    tags = tags or [tag for tag in tagged if not ENDED.search(tag)][:1]
    if not set(tags) & set(ends):
        tags += [tag for tag in ends if tag in tagged][:1]
    number = 0
    for tag in tags:
        for speaker in _speakers(tag, sampler, texts):
            known = {**sampler.known, "sequence_number": number, "event_id": f"event_offline_{number}"}
            yield speaker.replace(known=known).make(tagged[tag])
            number += 1


def _speakers(tag: str, sampler: SampleFactory, texts: Sequence[str]) -> Iterator[SampleFactory]:
    """Yield a sampler for each event of a tag: one for each piece of text if it is a delta, else a single one."""
    last = tag.rpartition(".")[2]
    if last == "delta":
        yield from (sampler.replace(text=piece) for piece in texts)
    elif last in BEGUN:
        yield sampler.replace(
            text="",
            filled=sampler.filled - {"usage"},
            counts={**sampler.counts, "content": 0, "output": 0},
            preferred=("queued" if last == "queued" else "in_progress", *sampler.preferred),
        )
    else:
        yield sampler


def _chunks(kind: Any, sampler: SampleFactory, texts: Sequence[str], *, usage: bool) -> Iterator[Any]:
    """Yield chunks of one type: one with the role, one for each piece of text, one with the finish reason."""
    filled = OPTIONAL_FIELDS_TO_FILL - {"finish_reason", "usage"}
    yield sampler.replace(text="", filled=filled | {"role"}).make(kind)
    for piece in texts:
        yield sampler.replace(text=piece, filled=filled).make(kind)
    yield sampler.replace(text="", filled=filled - {"content", "text"} | {"finish_reason"}).make(kind)
    if usage:
        yield sampler.replace(counts={**sampler.counts, "choices": 0}).make(kind)


def _tag(kind: Any) -> str | None:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return None
    tag = kind.__struct_config__.tag
    return tag if isinstance(tag, str) else None
