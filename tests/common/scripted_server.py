"""A loopback server that sends the bytes of a script, valid or not."""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, no time: closing resets the connection."""


@dataclass
class Scripted:
    """The bytes of one response, in the pieces in which they are sent, and what happens after them."""

    pieces: list[bytes]
    after: str = "close"  # or keep, reset

    def __repr__(self) -> str:
        data = b"".join(self.pieces)
        shown = data if len(data) < 1500 else data[:700] + b" ... " + data[-300:]
        return f"<{len(self.pieces)} pieces, then {self.after}: {shown!r}>"


class ScriptedServer:
    """A loopback server that answers each request with the next response of its script, whatever the request is."""

    def __init__(self) -> None:
        self.script: deque[Scripted] = deque()
        self.default = Scripted([b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"])
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as reader, suppress(OSError, ValueError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._read_request(reader):
                    scripted = self.script.popleft() if self.script else self.default
                    for piece in scripted.pieces:
                        connection.sendall(piece)
                    if scripted.after != "keep":
                        if scripted.after == "reset":
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                        return
        finally:
            self._connections.discard(connection)

    @staticmethod
    def _read_request(reader: Any) -> bool:
        length, chunked = 0, False
        if not reader.readline():
            return False
        while (line := reader.readline().strip()) != b"":
            name, _, value = line.lower().partition(b":")
            if name == b"content-length":
                length = int(value)
            chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
        if chunked:
            while size := int(reader.readline().split(b";")[0], 16):
                reader.read(size + 2)
            while reader.readline().strip():
                pass
        return len(reader.read(length)) == length
