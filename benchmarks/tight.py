"""urllib3 with every trick that its public names allow: the limit that a small call is held to.

A pool's `ConnectionCls` and a connection's `response_class` are such names: the reply's header fields are read without
the parser for e-mail. What a client needs beside speed is left out: interim answers, folded lines, limits.
"""

from __future__ import annotations

import http.client
from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool


class Fields(http.client.HTTPMessage):
    """Header fields as http.client and urllib3 ask for them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self.pairs = pairs
        self.known = {name.lower(): value for name, value in pairs}

    def items(self) -> list[tuple[str, str]]:
        return self.pairs

    def get(self, name: str, failobj: Any = None) -> Any:
        return self.known.get(name.lower(), failobj)

    def get_all(self, name: str, failobj: Any = None) -> Any:
        found = self.known.get(name.lower())
        return failobj if found is None else [found]


class Response(http.client.HTTPResponse):
    """A response that reads its head line by line and nothing more."""

    def begin(self) -> None:
        readline = self.fp.readline
        self.status = self.code = int(readline()[9:12])
        self.version, self.reason, pairs = 11, "", []
        while (line := readline()) != b"\r\n":
            name, _, value = line.decode("latin-1").partition(":")
            pairs.append((name, value.strip()))
        self.headers = self.msg = fields = Fields(pairs)
        self.chunk_left = None
        self.chunked = fields.known.get("transfer-encoding") == "chunked"
        length = fields.known.get("content-length")
        self.length = None if length is None else int(length)
        self.will_close = not self.chunked and self.length is None


class Connection(HTTPConnection):
    response_class = Response


class Pool(HTTPConnectionPool):
    ConnectionCls = Connection
