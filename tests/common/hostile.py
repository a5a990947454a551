"""Hostile HTTP responses, made from valid ones by mutations.

`Mutator(seed)` makes the same responses for the same seed, so that a failure can be repeated from its number.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from scripted_server import Scripted

CRLF = b"\r\n"


@dataclass
class Valid:
    """A valid response, which mutations start from."""

    body: bytes
    content_type: str
    status: int = 200
    others: list[tuple[str, str]] = field(default_factory=list)


STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 1e308, 2**63, 2**200, "", "x", "\ud800", "\u2028\0", [], {}, [None], [[]], {"": None}),
    *({"error": {"message": "m"}}, {"a": {"b": [1, {"c": None}]}}, "2024-01-01", "9" * 5000, ["a", 1, None, {}]),
]

ERRORS: list[Any] = [
    {"error": {"message": "boom", "type": "t", "code": 429}},
    {"error": "boom"},
    {"error": None},
    {"error": [{}]},
    {"detail": "boom"},
    {"object": "error", "message": "boom"},
    {"message": "boom", "code": 500},
    {"choices": None, "error_type": "t", "error_message": "boom"},
    {"error_code": 17},
    {"type": "error", "message": "boom"},
]

CONTENT_TYPES = [
    *("application/json", "text/event-stream", "text/plain", "", "application/octet-stream", "text/html", "\xff;;=,"),
    *("application/json; charset=utf-16", "text/plain; charset=latin-1", "text/plain; charset=rot13", "audio/mpeg"),
    *(
        "text/plain; charset=idna",
        "text/plain; charset=undefined",
        "text/plain; charset=hex",
        "text/plain; charset=\x01",
    ),
    *("text/event-stream; charset=utf-7", "text/plain; charset=unicode_escape", "text/plain;charset=" + "x" * 3000),
]

STATUSES = ["200", "200", "200", "201", "204", "205", "206", "301", "302", "304", "307", "308", "400", "401", "408"]
STATUSES += [
    "409",
    "429",
    "500",
    "503",
    "599",
    "600",
    "999",
    "100",
    "101",
    "103",
    "199",
    "000",
    "99",
    "2000",
    "-1",
    "abc",
]

LOCATIONS = [
    *("/x", "?a", "", "#", "//", "http://", "http:\\\\x", "\\\\x", "http://127.0.0.1\\@x/", "http://[::1", "/a b\x7f"),
    *("file:///etc/passwd", "http://127.0.0.1:1/", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://%31/"),
    *(
        "javascript:1",
        "http://[v1.a]/",
        "http://127.0.0.1:\xb2/",
        "/\xff\xfe",
        "http://.../",
        "http://a@b@127.0.0.1:1/",
    ),
    *(
        "http://[::ffff:1%25x]/",
        "/" + "x" * 9000,
        "//127.0.0.1:1/x",
        "https://127.0.0.1:1/",
        "http://\xad/",
        "http://[]/",
    ),
]

RETRY_FIELDS = [
    *(
        ("retry-after", value)
        for value in ("0", "-1", "1e9", "inf", "nan", "x", "9" * 5000, "\xb2", "Thu, 99 Foo 2024")
    ),
    *(("retry-after-ms", value) for value in ("1", "1e400", "-5", "", "0x1")),
    *(("x-should-retry", value) for value in ("true", "false", "maybe")),
    *(("x-ratelimit-remaining-requests", value) for value in ("0", "9" * 5000, "-1")),
    *(("x-ratelimit-reset-requests", value) for value in ("1s", "9" * 400 + "d", "1e999", "\xb2s")),
    ("openai-poll-after-ms", "1e999"),
]

ODD_LINES = [
    *(b"NoColon", b": empty name", b" folded: x", b"\tfolded", b"a b: c", b"Bad\x00Name: x", b"X: \x00", b"X: a\rb"),
    *(b"X" * 20_000 + b": y", b"X: " + b"y" * 70_000, b"X:\xff\xfe", b"Set-Cookie: a=b; Path=/", b"Connection: close"),
    *(
        b"Connection: keep-alive, Upgrade",
        b"Upgrade: h2c",
        b"Keep-Alive: timeout=0",
        b"Date: x",
        b"Trailer: X",
        b"=: =",
    ),
    *(b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, chunked"),
    *(b"Transfer-Encoding: xchunked", b"Content-Length: 0", b"Content-Length: -1", b"Content-Length: 1, 1"),
    *(b"Content-Length: " + b"9" * 30, b"Content-Length: +2", b"Content-Length: 0x10", b"Content-Length: \xb2"),
    *(b"Content-Length: 9" + b"9" * 5000, b"Content-Range: bytes 0-1/2", b"x-request-id: \xff\x1b[31m", b""),
]

EVIL = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"id":"evil"}'
"""A response that nobody requested."""


class Mutator:
    """Makes hostile variants of valid responses."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._is_whole = True
        """Whether a client can tell where the response ends; one that cannot is not kept waiting often."""

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def responses(self, valid: Valid) -> list[Scripted]:
        """Return the responses of one call: mostly one, more with redirects, retries and interim responses."""
        count = self.random.choice([1, 1, 1, 1, 2, 3])
        return [self.response(valid) for _ in range(count)]

    def response(self, valid: Valid) -> Scripted:
        """Return a mutated response."""
        self._is_whole = True
        if self.chance(40):
            return Scripted([self.noise(300)], self.random.choice(["close", "close", "reset"]))
        content_type = self.random.choice(CONTENT_TYPES) if self.chance(6) else valid.content_type
        body = self.body(valid.body, content_type)
        fields = [*valid.others, ("Content-Type", content_type)]
        body, fields = self.encode(body, fields)
        status = self.random.choice(STATUSES) if self.chance(3) else str(valid.status)
        if status.startswith("3") or self.chance(40):
            fields += [("Location", self.random.choice(LOCATIONS))] * self.random.choice([0, 1, 1, 1, 2])
        if self.chance(6):
            fields += self.random.sample(RETRY_FIELDS, 2)
        data = self.head(status, fields, body)
        if self.chance(8):
            data = self.cut(data)
            self._is_whole = False
        ends = [30, 60, 10] if self._is_whole else [85, 1, 14]
        return Scripted(self.split(data), self.random.choices(["close", "keep", "reset"], ends)[0])

    def body(self, body: bytes, content_type: str) -> bytes:
        """Mutate a body: JSON, an event stream, or bytes."""
        if self.chance(5):
            return body
        if body.startswith((b"data:", b"event:")) and not self.chance(20):
            return self.events(body)
        if not body.startswith((b"{", b"[")) or self.chance(10):
            return self.random.choice([self.cut, self.damage, lambda data: self.noise(200) + data])(body)
        return self.json(body)

    def json(self, body: bytes) -> bytes:
        """Mutate JSON text: its values, or the text itself."""
        kind = self.random.randrange(12)
        if kind == 0:
            return json.dumps(self.random.choice(ERRORS)).encode()
        if kind == 1:
            return json.dumps(self.random.choice(STRANGE)).encode()
        if kind == 2:
            return self.random.choice([self.cut, self.damage])(body)
        if kind == 3:
            return body.decode().encode(self.random.choice(["utf-16", "utf-8-sig", "utf-32", "utf-16-le"]))
        if kind == 4:
            depth = self.random.choice([50, 600, 900, 2000, 60_000])
            return self.random.choice(
                [b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth]
            )
        value = json.loads(body)
        for _ in range(self.random.choice([1, 1, 2, 5, 20])):
            value = self.value(value)
        text = json.dumps(value, ensure_ascii=self.chance(2)).encode("utf-8", "surrogatepass")
        return text.replace(b"null", b"NaN", 1) if self.chance(12) else text

    def value(self, value: Any) -> Any:
        """Replace, remove or add one value somewhere in plain data."""
        path: list[Any] = []
        current = value
        while isinstance(current, (dict, list)) and current and not self.chance(4):
            path.append(self.random.choice(list(current) if isinstance(current, dict) else range(len(current))))
            current = current[path[-1]]
        if not path:
            return self.strange() if self.chance(4) else self.added(value)
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        action = self.random.randrange(4)
        if action == 0 and isinstance(holder, dict):
            del holder[path[-1]]
        elif action == 1:
            holder[path[-1]] = deepcopy(self.random.choice(ERRORS))
        elif action == 2:
            holder[path[-1]] = self.added(current)
        else:
            holder[path[-1]] = self.strange()
        return value

    def added(self, value: Any) -> Any:
        """Add to a value: a field, an item, a copy."""
        if isinstance(value, dict):
            return {
                **value,
                self.random.choice(["own", "type", "error", "to_dict", "_response", "data"]): self.strange(),
            }
        if isinstance(value, list):
            return [*value, *value[:1], self.strange()]
        return [value, value] if self.chance(2) else str(value)

    def strange(self) -> Any:
        return deepcopy(self.random.choice([*STRANGE, *ERRORS]))

    def events(self, body: bytes) -> bytes:
        """Mutate an event stream: its events, its lines, its end."""
        events = body.split(b"\n\n")
        for _ in range(self.random.choice([1, 1, 2, 4])):
            place = self.random.randrange(len(events))
            event = events[place]
            start = event.find(b"data: ")
            match self.random.randrange(9):
                case 0:
                    del events[place]
                case 1:
                    events.insert(place, b"data: " + json.dumps(self.random.choice(ERRORS + STRANGE)).encode())
                case 2:
                    name = self.random.choice(
                        [b"error", b"own", b"done", b"thread.created", b"response.completed", b"\xff"]
                    )
                    events[place] = b"event: " + name + b"\n" + event[max(start, 0) :]
                case 3:
                    junk = [b": ping", b"retry: " + b"9" * 5000, b"id: \x00", b"data", b"event: error", b"data:\ndata:"]
                    events.insert(place, self.random.choice(junk))
                case 4:
                    events[place] = self.random.choice([self.cut, self.damage])(event)
                case 5:
                    events.insert(
                        place, self.random.choice([b"data: [DONE]", b"data:  [DONE]", b"[DONE]", b'data: "x"'])
                    )
                case _ if start >= 0 and event[start + 6 : start + 7] == b"{":
                    with suppress(ValueError):
                        events[place] = event[: start + 6] + self.json(event[start + 6 :])
                case _:
                    events[place] = event.replace(b"data", self.random.choice([b"Data", b"date", b"data:"]))
            events = events or [b""]
        stream = b"\n\n".join(events)
        if self.chance(6):
            return stream.replace(b"\n", self.random.choice([b"\r", b"\r\n"]))
        return self.cut(stream) if self.chance(6) else stream

    def encode(self, body: bytes, fields: list[tuple[str, str]]) -> tuple[bytes, list[tuple[str, str]]]:
        """Declare a content encoding, rightly or not."""
        if not self.chance(7):
            return body, fields
        encodings: dict[str, Callable[[bytes], bytes]] = {
            "gzip": gzip.compress,
            "deflate": zlib.compress,
            "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
            "GZIP": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
            **dict.fromkeys(
                ("br", "zstd", "x-own", "utf-8", "gzip, br", ", ,", "\xff", ",".join(["gzip"] * 99)), bytes
            ),
        }
        name = self.random.choice(list(encodings))
        encoded = body if self.chance(3) else encodings[name](body)
        encoded = self.random.choice([self.cut, self.damage])(encoded) if self.chance(4) else encoded
        return encoded, [*fields, ("Content-Encoding", name)]

    def head(self, status: str, fields: list[tuple[str, str]], body: bytes) -> bytes:
        """Return a whole response: interim responses, status line, fields, the framed body, and what follows it."""
        version = self.random.choice(
            ["HTTP/1.0", "HTTP/1.1 ", "HTTP/2", "HTTP/0.9", "http/1.1", "ICY", ""]
        ) * self.chance(20)
        lines = [f"{version or 'HTTP/1.1'} {status} {'OK' if not self.chance(9) else self.strange()}"]
        lines += [f"{name}: {value}" for name, value in fields]
        head = [line.encode("latin-1", "replace").replace(b"\r\n", b" ") for line in lines]
        framing = self.random.choice(["length", "length", "chunked", "close", "wrong length"])
        self._is_whole = framing in ("length", "chunked")
        if framing == "chunked":
            head.append(b"Transfer-Encoding: chunked")
            body = self.chunked(body)
        elif framing != "close":
            wrong = self.random.choice([-5, -1, 1, 100]) if framing == "wrong length" else 0
            head.append(b"Content-Length: %d" % max(len(body) + wrong, 0))
        if self.chance(6):
            head.insert(self.random.randrange(1, len(head) + 1), self.random.choice(ODD_LINES))
            self._is_whole = False
        end = CRLF if not self.chance(20) else self.random.choice([b"\n", b"\r"])
        self._is_whole = self._is_whole and end == CRLF and status[0] != "1"
        interim = self.random.choice(
            [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 \r\nLink: x\r\n\r\n"]
        ) * self.chance(15)
        after = self.random.choice([EVIL, b"\r\n", b"x", b"\0" * 10]) * self.chance(8)
        return interim * self.random.choice([1, 1, 50]) + end.join(head) + end + end + body + after

    def chunked(self, body: bytes) -> bytes:
        """Frame a body in chunks, now and then broken ones."""
        pieces = self.split(body) if body else []
        lines = []
        for piece in pieces:
            extension = self.random.choice([b";x", b';x="y"', b" ", b";" + b"z" * 9000]) * self.chance(20)
            size = b"%x" % (len(piece) + self.random.choice([1, -1, 9]) * self.chance(25))
            if self.chance(40):
                size = self.random.choice([b"", b"-1", b"0x5", b"f" * 30, b"g", b"\xb2", b"+5", b"5_0"])
            self._is_whole = self._is_whole and size == b"%x" % len(piece)
            lines.append(size + extension + CRLF + piece + (CRLF if not self.chance(30) else b"\n"))
        end = self.random.choice(
            [b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX-Trailer: y\r\n\r\n", b"0\r\n", b"00\n\n", b""]
        )
        self._is_whole = self._is_whole and end.endswith(b"\r\n\r\n")
        return b"".join(lines) + end

    def cut(self, data: bytes) -> bytes:
        return data[: self.random.randrange(len(data) + 1)]

    def damage(self, data: bytes) -> bytes:
        """Overwrite a few bytes."""
        damaged = bytearray(data)
        for _ in range(self.random.choice([1, 3, 10]) if data else 0):
            damaged[self.random.randrange(len(data))] = self.random.randrange(256)
        return bytes(damaged)

    def noise(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most))

    def split(self, data: bytes) -> list[bytes]:
        """Cut data into a few pieces."""
        cuts = sorted(self.random.randrange(len(data) + 1) for _ in range(self.random.choice([0, 0, 1, 3])))
        pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        return [piece for piece in pieces if piece]
