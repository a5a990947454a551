"""A request as the loopback server saw it."""

from __future__ import annotations

import email
import json as json_
import re
from dataclasses import dataclass, field
from email.message import Message
from time import monotonic
from typing import Any, NamedTuple


class Part(NamedTuple):
    """One part of a multipart form."""

    name: str | None
    filename: str | None
    content_type: str | None  # as sent, with its parameters
    content: bytes


@dataclass
class Seen:
    """A request as it came. It is in `server.requests` from its head on; its body is there once it is `complete`."""

    method: str
    target: str  # raw: a path with its query, or an absolute URL (to a proxy), or host:port (CONNECT)
    version: str
    headers: list[tuple[str, str]]
    head: bytes  # all of it, to the blank line
    connection: int  # 1 for the first that the server accepted
    arrived: float = field(default_factory=monotonic)
    body: bytes = b""  # de-chunked; empty where it was not kept
    length: int = 0  # bytes of the body
    sha256: str = ""  # of the body, in hex
    complete: bool = False  # stays False if the client gave up, or the answer did not `drain`

    def __post_init__(self) -> None:
        self.path, _, self.query = re.sub(r"^\w+://[^/?]*", "", self.target).partition("?")

    def header(self, name: str) -> str | None:
        """Give a header's value, joined by commas if it came more than once, or None."""
        return ", ".join(values) if (values := [v for n, v in self.headers if n.lower() == name.lower()]) else None

    def json(self) -> Any:
        return json_.loads(self.body)

    def form(self) -> list[Part]:
        """Parse a multipart body by the standard library's email parser, which shares no code with what wrote it."""
        message = email.message_from_bytes(f"Content-Type: {self.header('content-type')}\r\n\r\n".encode() + self.body)
        assert message.is_multipart(), f"not a multipart body: {self.header('content-type')}"
        return [_part(part) for part in message.get_payload() if isinstance(part, Message)]


def _part(raw: Message) -> Part:
    fields, content = Message(), raw.get_payload(decode=True)
    for key, value in raw.raw_items():  # raw UTF-8 comes out of the parser as surrogates
        fields[key] = value.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    name = fields.get_param("name", header="content-disposition")
    assert isinstance(content, bytes), "a multipart body within a part"
    return Part(name if isinstance(name, str) else None, fields.get_filename(), fields["content-type"], content)
