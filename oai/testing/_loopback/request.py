"""A request as the loopback server received it."""

from __future__ import annotations

import email
import json as json_
import re
from dataclasses import dataclass, field
from email.message import Message
from time import monotonic
from typing import Any, NamedTuple

from oai._support.named_tuples import readable


@readable
class Part(NamedTuple):
    """One part of a multipart form."""

    name: str | None
    filename: str | None
    content_type: str | None  # as sent, with its parameters
    content: bytes


@dataclass
class Seen:
    """A received request. It is added to `server.requests` after its head; the body is there once it is `complete`.

    Attributes:
        method, version, headers: as sent.
        target: unparsed: a path with its query, an absolute URL (to a proxy), or host:port (CONNECT).
        path, query: the parts of the target.
        head: the whole head, with the blank line.
        connection: the number of the connection, from 1.
        arrived: the monotonic time of its arrival, in seconds.
        body: the body without chunk framing; empty if it is not kept.
        length: the number of bytes of the body.
        sha256: the digest of the body, in hexadecimal.
        complete: false if the client disconnected, or the answer does not `drain`.
    """

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    head: bytes
    connection: int
    arrived: float = field(default_factory=monotonic)
    body: bytes = b""
    length: int = 0
    sha256: str = ""
    complete: bool = False

    def __post_init__(self) -> None:
        self.path, _, self.query = re.sub(r"^\w+://[^/?]*", "", self.target).partition("?")

    def header(self, name: str) -> str | None:
        """Return a header's value, joined by commas if the header is repeated, or `None`."""
        return ", ".join(values) if (values := [v for n, v in self.headers if n.lower() == name.lower()]) else None

    def json(self) -> Any:
        """Return the body, decoded from JSON."""
        return json_.loads(self.body)

    def form(self) -> list[Part]:
        """Parse a multipart body with the standard library's email parser, which shares no code with `oai`."""
        message = email.message_from_bytes(f"Content-Type: {self.header('content-type')}\r\n\r\n".encode() + self.body)
        assert message.is_multipart(), f"not a multipart body: {self.header('content-type')}"
        return [_part(part) for part in message.get_payload() if isinstance(part, Message)]


def _part(raw: Message) -> Part:
    fields, content = Message(), raw.get_payload(decode=True)
    for key, value in raw.raw_items():  # the parser returns raw UTF-8 as surrogates
        fields[key] = value.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    name = fields.get_param("name", header="content-disposition")
    assert isinstance(content, bytes), "a multipart body within a part"
    return Part(name if isinstance(name, str) else None, fields.get_filename(), fields["content-type"], content)
