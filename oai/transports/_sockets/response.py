"""The answer of a server as HTTP/1.1 has it on a socket, read no longer than the request may take.

http.client's response class reads the body; its head is read here. While both are read, the socket's time-out is
shortened before each read to what is left. Only public names of http.client are used.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

from oai._http.messages import TransportError

LONGEST_LINE = 65536
MOST_FIELDS = 200
"""Bytes of a line and number of its lines that the head of an answer may have."""

LONGEST_LENGTH = 18
"""Digits of a length: an exabyte less one."""

FAILURES = (OSError, ValueError, OverflowError, http.client.HTTPException)
"""What reading an answer, or sending a request before it, raises where it fails."""


class Response(http.client.HTTPResponse):
    """http.client's response, reading from a socket no longer than the request may take.

    Args:
        sock: the socket, its time-out set for a request without a deadline.
        method: the request's, since `HEAD` has no body.
        limit: seconds that a single read may take; counts where there is a deadline.
        deadline: when everything must have come, by the monotonic clock.
    """

    def __init__(
        self, sock: socket.socket, method: str | None, limit: float | None = None, deadline: float | None = None
    ) -> None:
        self.sock = sock
        self._asked = method
        self._timed = None if deadline is None else _Timed(sock, limit, deadline)
        super().__init__(self._timed or sock, method=method)  # type: ignore[arg-type]

    def hurry(self, limit: float) -> None:
        """Let each read to come take no longer than that."""
        if self._timed is None:
            self.sock.settimeout(limit)
        else:
            self._timed.reader.limit = limit

    def begin(self) -> None:
        """Read the head of the final answer, passing over interim ones, and say how its body is delimited.

        http.client reads header fields with the parser for e-mail, which takes longer than all else about an
        answer; and of the interim answers (RFC 9110, section 15.2) it passes over 100 alone.
        """
        if self.headers is not None:
            return
        status = http.client.CONTINUE.value
        while status < 200 and status != http.client.SWITCHING_PROTOCOLS:
            self.version, status, self.reason = _status_line(self.fp)
            fields = _Fields(_read_fields(self.fp))
        self.code = self.status = status
        self.headers = self.msg = fields
        self._delimit(fields)

    def _delimit(self, fields: _Fields) -> None:
        """Tell where the body ends (RFC 9112, section 6.3) and whether the connection goes on after it."""
        self.chunk_left = None
        codings, length = fields.get("transfer-encoding"), fields.get("content-length")
        self.chunked = codings is not None and codings.lower().rpartition(",")[2].strip() == "chunked"
        if self.status in (204, 304) or 100 <= self.status < 200 or self._asked == "HEAD":
            self.length, self.chunked = 0, False  # whatever it says; http.client would wait for a chunk
        else:
            self.length = None if self.chunked or length is None else _length(length)
        connection = (fields.get("connection") or "").lower()
        keeps = "keep-alive" in connection if self.version == 10 else "close" not in connection
        # An answer with both may have been understood otherwise on the way: nothing follows on its connection,
        # and what follows after a switch of protocols is no answer to a next request.
        self.will_close = (
            not keeps
            or (self.length is None and not self.chunked)
            or (self.chunked and length is not None)
            or self.status == http.client.SWITCHING_PROTOCOLS
        )


def _length(said: str) -> int:
    """Return the length that an answer says, be it more than once."""
    text, *others = {each.strip() for each in said.split(",")} if "," in said else (said,)
    if others or not text.isdecimal() or len(text) > LONGEST_LENGTH:
        raise http.client.HTTPException(f"the answer says to have a length of {said[:80]!r}, which is none")
    return int(text)


class _Fields(http.client.HTTPMessage):
    """The header fields of an answer, as http.client and urllib3 ask for them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._pairs = pairs

    def items(self) -> list[tuple[str, str]]:
        return self._pairs

    def get_all(self, name: str, failobj: Any = None) -> Any:
        found = [value for key, value in self._pairs if key.lower() == name.lower()]
        return found or failobj

    def get(self, name: str, failobj: Any = None) -> Any:
        found = self.get_all(name)
        return ", ".join(found) if found else failobj


def _status_line(stream: Any) -> tuple[int, int, str]:
    """Read a status line: the version as http.client writes it (11), the status, and the reason."""
    line = stream.readline(LONGEST_LINE + 1)
    if not line:
        raise http.client.RemoteDisconnected("the server closed the connection without an answer")
    version, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (status.isdecimal() and len(status) == 3 and status >= "100"):
        raise http.client.BadStatusLine("what the server sent is not HTTP/1")
    return 10 if version == "HTTP/1.0" else 11, int(status), reason.strip()


def _read_fields(stream: Any) -> list[tuple[str, str]]:
    """Read header fields to the blank line that ends them; a folded value becomes one line (RFC 9112, section 5.2)."""
    pairs: list[tuple[str, str]] = []
    for _ in range(MOST_FIELDS + 1):
        line = stream.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            break
        if line in (b"\r\n", b"\n"):
            return pairs
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(line)
        text = line.decode("latin-1")
        if text[0] in " \t" and pairs:
            name, value = pairs[-1]
            pairs[-1] = name, f"{value} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        if colon:
            pairs.append((name.rstrip(), value.strip()))
    raise http.client.HTTPException("the head of the answer is too large")


class _Timed:
    """A socket as http.client's response uses it: something that makes a file."""

    def __init__(self, sock: socket.socket, limit: float | None, deadline: float) -> None:
        self.reader = _TimedReader(sock, limit, deadline)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self.reader)


class _TimedReader(io.RawIOBase):
    """The bytes of a socket, waited for up to the limit each and up to the deadline in all."""

    def __init__(self, sock: socket.socket, limit: float | None, deadline: float) -> None:
        self._sock, self.limit, self._deadline = sock, limit, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(left_of(self._deadline, self.limit))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def left_of(deadline: float | None, limit: float | None) -> float | None:
    """Return the seconds to wait: up to the limit, and not past the deadline."""
    if deadline is None:
        return limit
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left if limit is None else min(left, limit)


def translated(error: Exception) -> TransportError:
    """Say what failed on a socket in the words of the seam."""
    if isinstance(error, TimeoutError):
        return TransportError("timeout", str(error) or "timed out")
    if isinstance(error, http.client.IncompleteRead):
        return TransportError("receive", "the answer was cut short")
    return TransportError("receive", str(error) or type(error).__name__)
