"""Read what a response reports while its body passes: tokens, model, id, finish reasons, and when its first byte came.

The body is never changed, and an unreadable one is not an error: then the facts stay unknown.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._http.encodings import TooLarge, decoder
from oai._http.messages import TransportError
from oai._http.sse import EventParser
from oai._json import strict
from oai._metering.tokens import TokenUsage, read_usage

if TYPE_CHECKING:
    from oai._http.messages import Headers

LARGEST: Final = 1 << 26
"""Bytes of a JSON body that are kept to read its facts; a larger one has none."""


class _Answer(msgspec.Struct):
    """The parts of a response, or of an event, that are read."""

    id: Any = None
    model: Any = None
    usage: Any = None
    choices: Any = None
    status: Any = None
    error: Any = None
    service_tier: Any = None
    system_fingerprint: Any = None
    response: Any = None
    event: Any = None


class ResponseFacts:
    """The facts that a response reports about itself.

    Attributes:
        usage: its tokens, or `None`.
        model: the model that answered, such as `gpt-5-2025-08-07`.
        id: the id of the response.
        finish_reasons: why each choice, or the response, ended.
        service_tier: the service tier that answered.
        system_fingerprint: the configuration of the server.
        error: the type of the error in the body, if there is one.
        seconds_to_first_chunk: from the start of the attempt to the first bytes of the body of a stream.
        event_count: the number of events of a stream.
        events: the data of each event, if they are kept.
    """

    def __init__(self) -> None:
        self.usage: TokenUsage | None = None
        self.model: str | None = None
        self.id: str | None = None
        self.finish_reasons: list[str] = []
        self.service_tier: str | None = None
        self.system_fingerprint: str | None = None
        self.error: str | None = None
        self.seconds_to_first_chunk: float | None = None
        self.event_count = 0
        self.events: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Take the facts of a response, or of an event."""
        try:
            answer = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        self._take({name: getattr(answer, name) for name in _FIELDS})
        response = answer.response
        if isinstance(answer.event, dict):  # a live session passes the events of responses on
            response = answer.event.get("response")
        if isinstance(response, dict):  # an event of a response holds the response
            self._take(response)

    def _take(self, fields: dict[str, Any]) -> None:
        self.usage = read_usage(fields.get("usage")) or self.usage
        self.model = _text(fields.get("model")) or self.model
        self.id = _text(fields.get("id")) or self.id
        self.service_tier = _text(fields.get("service_tier")) or self.service_tier
        self.system_fingerprint = _text(fields.get("system_fingerprint")) or self.system_fingerprint
        error = fields.get("error")
        if error:
            code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
            self.error = _text(code) or "error"
        choices = fields.get("choices")
        if isinstance(choices, list):
            reasons = (choice.get("finish_reason") for choice in choices if isinstance(choice, dict))
            self.finish_reasons += [reason for reason in reasons if isinstance(reason, str)]
        elif (status := fields.get("status")) in ("completed", "incomplete", "failed", "cancelled"):
            self.finish_reasons = [status]


_FIELDS: Final = ("id", "model", "usage", "choices", "status", "error", "service_tier", "system_fingerprint")
_decoder = strict.decoder(_Answer)


class ResponseMeter:
    """Read the facts of a response from the pieces of its body.

    Args:
        headers: the header fields of the response.
        began: the monotonic time at which the request was sent.
        keep_events: whether to keep the data of events.
    """

    def __init__(self, headers: Headers, began: float, *, keep_events: bool = False) -> None:
        self.facts = ResponseFacts()
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._parser = EventParser() if kind == "text/event-stream" else None
        self._pieces: list[bytes] | None = [] if self._parser is not None or "json" in kind else None
        self._size = 0
        self._began: float | None = began
        self._keep_events = keep_events
        try:
            self._plain = decoder(headers, LARGEST)
        except TransportError:
            self._plain = self._pieces = None

    @property
    def is_stream(self) -> bool:
        """Whether the response is a stream of events."""
        return self._parser is not None

    def feed(self, piece: bytes) -> None:
        """Take the next piece as it was transferred."""
        if self._began is not None:
            self.facts.seconds_to_first_chunk = time.monotonic() - self._began
            self._began = None
        if self._pieces is None:
            return
        if self._plain is not None:
            try:
                piece = self._plain(piece)
            except (TransportError, TooLarge):
                self._pieces = None
                return
        if self._parser is not None:
            self._feed_events(self._parser, piece)
            return
        self._size += len(piece)
        self._pieces.append(piece)
        if self._size > LARGEST:
            self._pieces = None

    def _feed_events(self, parser: EventParser, piece: bytes) -> None:
        for event in parser.feed(piece):
            if event.data.startswith(b"{"):
                self.facts.add(event.data)
                self.facts.event_count += 1
                if self._keep_events:
                    self.facts.events.append(event.data)

    def finish(self) -> ResponseFacts:
        """Return the facts; the body has ended, or nothing more of it is read."""
        pieces, self._pieces = self._pieces, None
        if pieces:
            self.facts.add(b"".join(pieces))
        return self.facts


def facts_of(content: bytes) -> ResponseFacts:
    """Return the facts of a complete, decoded body."""
    facts = ResponseFacts()
    if content.lstrip()[:1] == b"{":
        facts.add(content)
    return facts


def message_facts(data: bytes) -> ResponseFacts | None:
    """Return the facts in a message of a WebSocket, `None` for one without tokens."""
    if b'"usage"' not in data:
        return None
    facts = ResponseFacts()
    facts.add(data)
    return None if facts.usage is None else facts


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
