"""The responses that may be kept: complete ones, which decode to a result and contain no secret.

The rules are those that decode for callers (`_results`) and those that redact for cassettes (`_recording`), so that a
response that a caller would get an exception for is not kept, whatever its status.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._http.encodings import decoded, decoder
from oai._http.messages import Headers
from oai._http.response import Response
from oai._recording.content import has_secret
from oai._results.answer import read_answer
from oai._results.events import EventDecoder
from oai._support.redact import Redactor, is_secret_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oai._http.messages import Request

KEPT_HEADERS: Final = frozenset(
    {
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "openai-model",
        "openai-version",
        "x-request-id",
    }
)
"""The response headers that are kept: those that describe the content. Limits, cookies and dates are not for later."""

HIT: Final = ("cache-status", "oai; hit")
"""The field of a reply that was not sent for (RFC 9211)."""

UNFINISHED: Final = frozenset({"queued", "in_progress"})
"""The `status` of results that the server is still working on."""


class Answer(msgspec.Struct, frozen=True, dict=True):
    """A kept response: its head, its body in the pieces in which it arrived, and the time at which it expires."""

    status: int
    headers: list[tuple[str, str]]
    pieces: list[bytes]
    expires: float = 0.0

    @cached_property
    def hit_headers(self) -> Headers:
        """The header fields of a reply that was not sent for."""
        return Headers([*self.headers, ("content-length", str(self.size)), HIT])

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return sum(map(len, self.pieces))


def keepable(
    request: Request, status: int, headers: Headers, pieces: list[bytes], *, ended: bool, limit: int
) -> Answer | None:
    """Return the response as it may be kept, without a time at which it expires, or `None`.

    Args:
        request: the request.
        status: the status of the response.
        headers: its header fields.
        pieces: the body, as far as it was read.
        ended: whether the body was read to its end; a stream need not be, since its readers stop at its end marker.
        limit: the maximum size of the decoded content.
    """
    redactor = Redactor()
    redactor.learn_request(request.url, request.headers)
    try:
        if request.events and (feed := decoder(headers, limit)) is not None:
            # Its readers stop at the end marker, so that the end of the encoding is missing: it is kept decoded.
            pieces = [plain for plain in map(feed, pieces) if plain]
            headers = Headers(pair for pair in headers.multi_items() if pair[0].lower() != "content-encoding")
        content = decoded(headers, b"".join(pieces), limit)
        if not _is_result(request, Response(status, headers, request, content), ended=ended):
            return None
        if has_secret(content, redactor):
            return None
    except Exception:  # noqa: BLE001 - the caller gets this exception from the flow, or has got it
        return None
    return Answer(status, _kept(headers.multi_items(), redactor), pieces)


def _is_result(request: Request, response: Response, *, ended: bool) -> bool:
    """Return whether a response decodes to a finished result; an exception tells that it does not, too."""
    operation: Any = request.operation
    if request.events and operation is not None and operation.stream_type is not None:
        events = EventDecoder(operation, response)
        items = list(events.feed(response.content))
        if ended:
            items += events.end()
        return events.complete
    if not ended:
        return False
    return operation is None or getattr(read_answer(operation, response), "status", None) not in UNFINISHED


def _kept(fields: Iterable[tuple[str, str]], redactor: Redactor) -> list[tuple[str, str]]:
    """Return the fields to keep; one with a secret is left out."""
    return [
        (name, value)
        for name, value in fields
        if name.lower() in KEPT_HEADERS and not is_secret_header(name) and redactor.text(value) == value
    ]
